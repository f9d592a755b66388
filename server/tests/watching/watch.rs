//! Looks at the panels before something happens and after it, until they have moved.

use crate::{
    dashboards::{Panel, names, panels, rules},
    moves::{ALERTS, Moves, PANELS, When},
    prometheus::Prometheus,
    shops::Shops,
};
use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// How long a panel may take to move: a scrape and a window of some seconds, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(45);

/// What takes longer is told, so that a test that grows slow says of what.
const SLOW: Duration = Duration::from_secs(5);

/// The values of a panel's series, by query and labels.
type Values = HashMap<String, f64>;

/// Who watches.
pub(crate) struct Watch {
    pub(crate) prometheus: Prometheus,
    panels: Vec<Panel>,
    /// What has happened.
    seen: Vec<When>,
}

impl Watch {
    /// Waits until Prometheus has looked everywhere for long enough that a rate of nothing is 0.
    pub(crate) async fn begin(shops: &Shops) -> Self {
        let prometheus = Prometheus::start(&shops.cluster.grounds.home.directory).await;
        shops.show_to(&prometheus);
        let this = Self { prometheus, panels: panels(), seen: Vec::new() };
        let ready = "count(count_over_time(up[1m]) > 4 and up == 1) == 7";
        this.until("Prometheus sees seven targets", async || !this.prometheus.ask(ready).await.is_empty()).await;
        this
    }

    /// Lets something happen, and waits until every panel that is for it has moved and every alert has woken.
    #[expect(clippy::print_stdout, reason = "who runs it alone sees what takes how long")]
    pub(crate) async fn during(&mut self, when: When, happens: impl AsyncFnOnce()) {
        let began = Instant::now();
        let mut waiting = Vec::new();
        for (dashboard, title, _, moves) in PANELS.iter().filter(|(.., of, _)| *of == when) {
            let panel =
                self.panels.iter().find(|panel| (panel.dashboard.as_str(), panel.title.as_str()) == (dashboard, title));
            let panel = panel.unwrap_or_else(|| panic!("{dashboard} has no panel {title}")).clone();
            let before = self.values(&panel).await;
            waiting.push((panel, *moves, before));
        }
        let mut alerts: Vec<_> = ALERTS.iter().filter(|(_, of)| *of == when).map(|(name, _)| *name).collect();
        for alert in &alerts {
            assert!(!self.is_awake(alert).await, "{alert} is awake before {when:?}");
        }
        happens().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut still = Vec::new();
            for (panel, moves, before) in waiting {
                let now = self.values(&panel).await;
                if !moved(moves, &before, &now) {
                    still.push((panel, moves, before));
                } else if began.elapsed() > SLOW {
                    println!("  {:.1?}: {}: {}", began.elapsed(), panel.dashboard, panel.title);
                }
            }
            waiting = still;
            let mut asleep = Vec::new();
            for alert in alerts {
                if !self.is_awake(alert).await {
                    asleep.push(alert);
                }
            }
            alerts = asleep;
            if waiting.is_empty() && alerts.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "{when:?}: {} did not move; {alerts:?} sleep", described(&waiting));
            tokio::time::sleep(Duration::from_millis(300)).await;
        }
        println!("{when:?}: {:.1?}", began.elapsed());
        self.seen.push(when);
    }

    /// Waits until the last look at every node saw its pools open: orders are taken as soon as one node has opened.
    pub(crate) async fn until_open(&self) {
        let open = "max(stampede_pools_closed) == 0";
        self.until("every pool is seen open", async || !self.prometheus.ask(open).await.is_empty()).await;
    }

    /// Waits until an alert has ended, as its runbook promises once that is followed.
    pub(crate) async fn until_asleep(&self, alert: &str) {
        self.until(&format!("{alert} has ended"), async || !self.is_awake(alert).await).await;
    }

    /// Pending or firing.
    async fn is_awake(&self, alert: &str) -> bool {
        !self.prometheus.ask(&format!(r#"ALERTS{{alertname="{alert}"}}"#)).await.is_empty()
    }

    async fn values(&self, panel: &Panel) -> Values {
        let mut values = Values::new();
        for (number, query) in panel.queries.iter().enumerate() {
            for sample in self.prometheus.ask(query).await {
                if !sample.value.is_nan() {
                    values.insert(format!("{number} {}", sample.labels), sample.value);
                }
            }
        }
        values
    }

    /// Over all that happened: what a query never gave an answer to, nobody will see an answer to.
    pub(crate) async fn every_query_had_data_and_every_metric_exists(&self) {
        let mut empty = Vec::new();
        for panel in &self.panels {
            for query in &panel.queries {
                // A quantile of nothing is no number: the last one that is counts.
                let last = format!("last_over_time((({query}) > -Inf)[10m:1s])");
                if self.prometheus.values(&last).await.is_empty() {
                    empty.push(format!("{}: {}: {query}", panel.dashboard, panel.title));
                }
            }
        }
        assert!(empty.is_empty(), "without data: {empty:#?}");

        let known: BTreeSet<_> = self.prometheus.names().await.into_iter().collect();
        let queries = self.panels.iter().flat_map(|panel| panel.queries.clone());
        let rules = ["recording.yml", "alerts.yml"].into_iter().flat_map(rules).map(|(_, query)| query);
        let asked: BTreeSet<_> = queries.chain(rules).flat_map(|query| names(&query)).collect();
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "asked for, and measured by nobody: {unknown:?}");
        let silent = |name: &&str| !known.contains(*name) && !known.contains(&format!("{name}_count"));
        let unseen: Vec<_> = stampede_server::telemetry::names().filter(silent).collect();
        assert!(unseen.is_empty(), "described, and never seen: {unseen:?}");
    }

    /// Everything in the tables has happened.
    pub(crate) fn nothing_was_forgotten(&self) {
        let forgotten = PANELS.iter().map(|(.., when, _)| when).chain(ALERTS.iter().map(|(_, when)| when));
        let forgotten: Vec<_> = forgotten.filter(|when| !self.seen.contains(when)).collect();
        assert!(forgotten.is_empty(), "{forgotten:?} never happened");
    }

    async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        crate::support::until(what, &mut so).await;
    }
}

fn moved(moves: Moves, before: &Values, now: &Values) -> bool {
    // A series that is not there is 0, so that one that falls silent falls.
    let labels: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    labels.into_iter().any(|series| {
        let of = |values: &Values| values.get(series).copied().unwrap_or(0.0);
        match moves {
            Moves::Rises => of(now) > of(before),
            Moves::Doubles => of(now) > 2.0 * of(before) && of(now) > 0.0,
            Moves::Falls => of(now) < of(before),
        }
    })
}

fn described(panels: &[(Panel, Moves, Values)]) -> String {
    let one = |(panel, moves, before): &(Panel, Moves, Values)| {
        format!("\n  {}: {} ({moves:?} from {before:?})", panel.dashboard, panel.title)
    };
    panels.iter().map(one).collect()
}

#[test]
fn what_moves_is_told_from_what_does_not() {
    let values = |values: &[(&str, f64)]| values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let (one, two): (Values, Values) = (values(&[("a", 1.0)]), values(&[("a", 1.5), ("b", 1.0)]));
    assert!(moved(Moves::Rises, &one, &two) && moved(Moves::Doubles, &one, &two) && moved(Moves::Falls, &two, &one));
    for moves in [Moves::Rises, Moves::Doubles, Moves::Falls] {
        assert!(!moved(moves, &one, &one));
    }
    assert!(!moved(Moves::Doubles, &one, &values(&[("a", 1.9)])));
    assert!(!moved(Moves::Falls, &one, &two) && !moved(Moves::Rises, &two, &one));
}
