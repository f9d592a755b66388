//! What limits the sale now, and what an operator could change about it. Pure: a situation in, sentences out.
//!
//! What a batch costs is measured in `load-tests/README.md`; the thresholds here are chosen so that the advice is what that table says.

use super::situation::{Situation, Stock, Writers, Writing};
use std::time::Duration;

/// Refusals a second below which one unlucky second is no condition.
const A_FEW: f64 = 0.5;
/// The share of the time that a writer is at work from which on it is the bottleneck.
const BUSY: f64 = 0.85;
/// The share of its limit that a mean batch must reach to be called full.
const FULL: f64 = 0.9;
/// Orders in a transaction above which they get no cheaper.
const LARGEST_USEFUL_BATCH: usize = 5_000;
/// Writers above which Postgres got no faster: they wait for the same rows of pools.
const MOST_USEFUL_WRITERS: usize = 4;

/// What limits the sale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    Nobody,
    Nothing,
    Stock,
    Sale,
    Ledger,
    Port,
    Writer,
    Mailbox,
}

impl Limit {
    /// Its name for programs.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Nothing => "nothing",
            Self::Stock => "stock",
            Self::Sale => "sale",
            Self::Ledger => "ledger",
            Self::Port => "port",
            Self::Writer => "writer",
            Self::Mailbox => "mailbox",
        }
    }
}

/// A setting to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Advice {
    /// The environment variable.
    pub(super) variable: &'static str,
    pub(super) from: String,
    pub(super) to: String,
    /// What was seen.
    pub(super) because: String,
    /// What to expect of it.
    pub(super) expect: String,
}

/// What limits the sale now. The first that applies: what cannot be sold needs no writer.
pub(super) fn limit(now: &Situation) -> Limit {
    match now.stock {
        Stock::Closed => return Limit::Ledger,
        Stock::SoldOut | Stock::AllInFlight => return Limit::Stock,
        Stock::Nothing | Stock::NotOpen | Stock::Paused | Stock::Over => return Limit::Sale,
        Stock::OnSale => {}
    }
    if now.writers != Writers::Calm || now.behind + now.silent > A_FEW {
        Limit::Writer
    } else if now.full > A_FEW {
        Limit::Mailbox
    } else if now.broken + now.unknown > A_FEW {
        Limit::Port
    } else if now.promised > A_FEW {
        Limit::Nothing
    } else {
        Limit::Nobody
    }
}

/// Settings whose change would help, the most helpful first.
pub(super) fn advise(now: &Situation) -> Vec<Advice> {
    let mut advice = Vec::new();
    if let Some(writing) = &now.writing {
        advice.extend(larger_batches(now, writing));
        advice.extend(more_writers(now, writing));
        advice.extend(less_linger(now, writing));
    }
    advice.extend(larger_mailbox(now));
    advice.extend(larger_claims(now));
    advice.extend(larger_publishes(now));
    advice
}

/// What no setting mends, and somebody has to do.
pub(super) fn notes(now: &Situation) -> Vec<String> {
    let Some(provider) = now.provider else { return Vec::new() };
    let mut notes = Vec::new();
    if provider.is_left_in_peace {
        notes.push(
            "The payment provider does not answer, and is asked again every five seconds. Nobody's payment fails for it: buyers read \
             “checking”, and nothing is sold twice. Look at its status page before anything here; when it lasts, pause the sale of what \
             is paid online (runbook payment-unknown)."
                .to_owned(),
        );
    }
    if provider.refuses > A_FEW {
        notes.push(
            "The payment provider answers, and refuses what it is asked for: look at the key (STAMPEDE_STRIPE_SECRET_KEY) and the \
             account there, and at the writers' log for its reason."
                .to_owned(),
        );
    }
    notes
}

/// Each transaction has a part that costs the same for one order as for thousands.
fn larger_batches(now: &Situation, writing: &Writing) -> Option<Advice> {
    let size = now.settings.order_writer_batch_size;
    let is_full = writing.batch >= FULL * float(size);
    (writing.busy >= BUSY && is_full && size < LARGEST_USEFUL_BATCH).then(|| Advice {
        variable: "STAMPEDE_ORDER_WRITER_BATCH_SIZE",
        from: size.to_string(),
        to: (size * 2).min(LARGEST_USEFUL_BATCH).to_string(),
        because: format!(
            "the writers are at work {:.0} % of the time and their batches are full ({:.0} of {size})",
            writing.busy * 100.0,
            writing.batch
        ),
        expect: if size < 500 {
            "many more orders a second: a commit costs much more than the rows of a small batch".into()
        } else {
            "some more orders a second; the slowest order waits for one longer batch".into()
        },
    })
}

/// SQLite takes one writer at a time.
fn more_writers(now: &Situation, writing: &Writing) -> Option<Advice> {
    let writers = now.settings.order_writers;
    let would_help = !now.embedded && writing.busy >= BUSY && writers < MOST_USEFUL_WRITERS;
    would_help.then(|| Advice {
        variable: "STAMPEDE_ORDER_WRITER_WRITERS",
        from: writers.to_string(),
        to: (writers * 2).min(MOST_USEFUL_WRITERS).to_string(),
        because: format!("the writers are at work {:.0} % of the time", writing.busy * 100.0),
        expect: "more orders a second while the database has a core to spare, and two connections busy instead of one"
            .into(),
    })
}

/// Lingering makes batches larger, which is for nothing when the writers are idle.
fn less_linger(now: &Situation, writing: &Writing) -> Option<Advice> {
    let linger = now.settings.order_writer_batch_linger;
    let dominates = linger > Duration::from_millis(1) && linger.as_secs_f64() > writing.flush;
    (writing.busy < 0.3 && writing.lingered > 0.8 && dominates).then(|| Advice {
        variable: "STAMPEDE_ORDER_WRITER_BATCH_LINGER_MS",
        from: linger.as_millis().to_string(),
        to: (linger.as_millis() / 4).to_string(),
        because: format!(
            "the writers are idle {:.0} % of the time, and {:.0} % of the batches waited to be filled",
            (1.0 - writing.busy) * 100.0,
            writing.lingered * 100.0
        ),
        expect: format!(
            "buyers see “confirmed” up to {} ms earlier; more, smaller commits",
            linger.as_millis() * 3 / 4
        ),
    })
}

/// Only where those inside do not wait for the writers: a longer queue is no cure for a slow store.
fn larger_mailbox(now: &Situation) -> Option<Advice> {
    let (actor, settings) = (now.fullest.as_deref()?, &now.settings);
    let (variable, capacity) = match actor {
        "inventory" => ("STAMPEDE_INVENTORY_MAILBOX_CAPACITY", settings.inventory_mailbox_capacity),
        "publisher" => ("STAMPEDE_PUBLISHER_MAILBOX_CAPACITY", settings.publisher_mailbox_capacity),
        "cache_sync" => ("STAMPEDE_CACHE_SYNC_MAILBOX_CAPACITY", settings.cache_sync_mailbox_capacity),
        "till" => ("STAMPEDE_TILL_MAILBOX_CAPACITY", settings.till_mailbox_capacity),
        "hold_writer" => ("STAMPEDE_HOLD_WRITER_MAILBOX_CAPACITY", settings.hold_writer_mailbox_capacity),
        _ => return None,
    };
    // Who buys does not meet these: that they are full is not seen in what is put off.
    let is_behind_the_scenes = matches!(actor, "cache_sync" | "till" | "hold_writer");
    (now.full > A_FEW || is_behind_the_scenes).then(|| Advice {
        variable,
        from: capacity.to_string(),
        to: capacity.saturating_mul(2).to_string(),
        because: format!("messages found the mailbox of {actor} full"),
        expect: "fewer “come back soon”; those who get in wait longer. When the mailbox stays full, add a node".into(),
    })
}

fn larger_claims(now: &Situation) -> Option<Advice> {
    const MOST: usize = 500;
    let size = now.settings.inventory_batch_size;
    (now.claims? >= FULL * float(size) && size < MOST).then(|| Advice {
        variable: "STAMPEDE_INVENTORY_BATCH_SIZE",
        from: size.to_string(),
        to: (size * 2).min(MOST).to_string(),
        because: format!("batches of claims are full ({size})"),
        expect: "fewer calls to the ledger for the same orders, and less CPU for each".into(),
    })
}

fn larger_publishes(now: &Situation) -> Option<Advice> {
    const MOST: usize = 10_000;
    let size = now.settings.publisher_batch_size;
    (now.publishes? >= FULL * float(size) && size < MOST).then(|| Advice {
        variable: "STAMPEDE_PUBLISHER_BATCH_SIZE",
        from: size.to_string(),
        to: (size * 2).min(MOST).to_string(),
        because: format!("batches of publishes are full ({size})"),
        expect: "fewer commits of the queue for the same orders".into(),
    })
}

#[expect(clippy::cast_precision_loss, reason = "settings are far below 2^52")]
fn float(size: usize) -> f64 {
    size as f64
}

/// Every variable that may be advised: the server's tests look whether they exist.
#[must_use]
pub fn advised_variables() -> [&'static str; 10] {
    [
        "STAMPEDE_CACHE_SYNC_MAILBOX_CAPACITY",
        "STAMPEDE_HOLD_WRITER_MAILBOX_CAPACITY",
        "STAMPEDE_INVENTORY_BATCH_SIZE",
        "STAMPEDE_INVENTORY_MAILBOX_CAPACITY",
        "STAMPEDE_ORDER_WRITER_BATCH_LINGER_MS",
        "STAMPEDE_ORDER_WRITER_BATCH_SIZE",
        "STAMPEDE_ORDER_WRITER_WRITERS",
        "STAMPEDE_PUBLISHER_BATCH_SIZE",
        "STAMPEDE_PUBLISHER_MAILBOX_CAPACITY",
        "STAMPEDE_TILL_MAILBOX_CAPACITY",
    ]
}

#[cfg(test)]
mod tests {
    use super::{super::paid::Provider, *};
    use stampede_actors::settings::ActorSettings;

    fn calm() -> Situation {
        Situation {
            stock: Stock::OnSale,
            writers: Writers::Calm,
            promised: 1_000.0,
            behind: 0.0,
            silent: 0.0,
            full: 0.0,
            broken: 0.0,
            unknown: 0.0,
            failing: None,
            writing: Some(Writing { busy: 0.5, batch: 100.0, lingered: 0.1, flush: 0.01 }),
            claims: Some(20.0),
            publishes: Some(20.0),
            fullest: None,
            provider: Some(Provider::default()),
            settings: ActorSettings::default(),
            embedded: true,
        }
    }

    fn variables(situation: &Situation) -> Vec<&'static str> {
        let advice = advise(situation);
        assert!(advice.iter().all(|advice| advice.from != advice.to && advised_variables().contains(&advice.variable)));
        advice.iter().map(|advice| advice.variable).collect()
    }

    #[test]
    fn what_limits_is_the_first_thing_that_an_order_meets() {
        let calm = calm();
        assert_eq!(limit(&calm), Limit::Nothing);
        assert_eq!(limit(&Situation { promised: 0.0, ..calm.clone() }), Limit::Nobody);
        let cases = [
            (Situation { writers: Writers::Behind, ..calm.clone() }, Limit::Writer),
            (Situation { writers: Writers::Silent, ..calm.clone() }, Limit::Writer),
            (Situation { behind: 9.0, ..calm.clone() }, Limit::Writer),
            (Situation { silent: 9.0, ..calm.clone() }, Limit::Writer),
            (Situation { full: 9.0, ..calm.clone() }, Limit::Mailbox),
            (Situation { broken: 9.0, ..calm.clone() }, Limit::Port),
            (Situation { unknown: 9.0, ..calm.clone() }, Limit::Port),
            (Situation { stock: Stock::Closed, behind: 9.0, ..calm.clone() }, Limit::Ledger),
            (Situation { stock: Stock::SoldOut, ..calm.clone() }, Limit::Stock),
            (Situation { stock: Stock::AllInFlight, ..calm.clone() }, Limit::Stock),
            (Situation { stock: Stock::Paused, ..calm.clone() }, Limit::Sale),
            (Situation { stock: Stock::NotOpen, ..calm }, Limit::Sale),
        ];
        for (situation, wanted) in cases {
            assert_eq!(limit(&situation), wanted, "{situation:?}");
        }
    }

    #[test]
    fn a_sale_that_goes_well_needs_no_advice() {
        assert_eq!(variables(&calm()), [""; 0]);
    }

    #[test]
    fn a_provider_that_is_down_is_nothing_that_a_setting_mends() {
        assert_eq!(notes(&calm()), [""; 0]);
        let down = Situation { provider: Some(Provider { is_left_in_peace: true, refuses: 0.0 }), ..calm() };
        assert!(notes(&down)[0].contains("status page") && advise(&down).is_empty());
        let refused = Situation { provider: Some(Provider { is_left_in_peace: false, refuses: 3.0 }), ..calm() };
        assert!(notes(&refused)[0].contains("STAMPEDE_STRIPE_SECRET_KEY"));
        assert_eq!(notes(&Situation { provider: None, ..down }), [""; 0], "a web node calls none");
    }

    #[test]
    fn busy_writers_with_full_batches_get_larger_ones_and_on_servers_help() {
        let writing = Writing { busy: 0.95, batch: 990.0, lingered: 0.0, flush: 0.02 };
        let busy = Situation { writing: Some(writing), ..calm() };
        assert_eq!(variables(&busy), ["STAMPEDE_ORDER_WRITER_BATCH_SIZE"]);
        assert_eq!(advise(&busy)[0].to, "2000");
        let on_servers = Situation { embedded: false, ..busy.clone() };
        assert_eq!(variables(&on_servers), ["STAMPEDE_ORDER_WRITER_BATCH_SIZE", "STAMPEDE_ORDER_WRITER_WRITERS"]);
        let settings = ActorSettings { order_writer_batch_size: 5_000, order_writers: 4, ..ActorSettings::default() };
        let at_the_end = Writing { batch: 5_000.0, ..writing };
        assert_eq!(variables(&Situation { settings, writing: Some(at_the_end), ..on_servers }), [""; 0]);
        let not_full = Writing { batch: 300.0, ..writing };
        assert_eq!(variables(&Situation { writing: Some(not_full), ..busy }), [""; 0]);
    }

    #[test]
    fn idle_writers_need_not_linger() {
        let writing = Writing { busy: 0.02, batch: 3.0, lingered: 0.99, flush: 0.001 };
        let idle = Situation { writing: Some(writing), ..calm() };
        assert_eq!(variables(&idle), ["STAMPEDE_ORDER_WRITER_BATCH_LINGER_MS"]);
        assert_eq!((advise(&idle)[0].from.as_str(), advise(&idle)[0].to.as_str()), ("5", "1"));
        let slow_disk = Writing { flush: 0.05, ..writing };
        assert_eq!(
            variables(&Situation { writing: Some(slow_disk), ..idle }),
            [""; 0],
            "the linger is the smaller part"
        );
    }

    #[test]
    fn a_full_mailbox_is_widened_unless_it_is_the_writers_fault() {
        let full = Situation { full: 50.0, fullest: Some("inventory".into()), ..calm() };
        assert_eq!(variables(&full), ["STAMPEDE_INVENTORY_MAILBOX_CAPACITY"]);
        let writer = Situation { fullest: Some("writer".into()), ..full.clone() };
        assert_eq!(variables(&writer), [""; 0], "nobody can set that one");
        let till = Situation { full: 0.0, fullest: Some("till".into()), ..full.clone() };
        assert_eq!(variables(&till), ["STAMPEDE_TILL_MAILBOX_CAPACITY"]);
        let of_the_past = Situation { full: 0.0, ..full };
        assert_eq!(variables(&of_the_past), [""; 0]);
    }

    #[test]
    fn full_batches_on_the_way_in_are_made_larger() {
        let settings =
            ActorSettings { inventory_batch_size: 100, publisher_batch_size: 100, ..ActorSettings::default() };
        let full = Situation { settings, claims: Some(99.0), publishes: Some(98.0), ..calm() };
        assert_eq!(variables(&full), ["STAMPEDE_INVENTORY_BATCH_SIZE", "STAMPEDE_PUBLISHER_BATCH_SIZE"]);
        assert_eq!(variables(&Situation { settings: ActorSettings::default(), ..full }), [""; 0]);
    }
}
