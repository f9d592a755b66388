//! What must be true when everything is over: the nodes agree on numbers that are the store's, and the checker finds every law
//! holding in what buyers were told and in what store, ledger and bus hold.

use super::{
    Cluster,
    door::Numbers,
    observer::Observer,
    record::{Record, pool},
};
use stampede_checker::{Expectations, Outcome, PoolTerms, Report, judge};
use std::{collections::HashSet, sync::Arc, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// How long an order may be undecided after the last fault (PROTOCOL: liveness).
pub(crate) const DECIDED_WITHIN: Duration = Duration::from_secs(25);
/// How long an abandoned claim may hide its units, and what a loaded machine adds.
const FREE_WITHIN: Duration = Duration::from_secs(40);
/// Between two questions for an order that nobody can tell about.
const BREATH: Duration = Duration::from_millis(100);
/// Orders asked for by name after a sale; the store's rows are read all.
const ASKED_FOR: usize = if cfg!(feature = "proof") { 20_000 } else { 1_000 };
/// As `demo/frequency-festival.toml` says.
const MAX_PER_ORDER: u32 = 6;
/// How far apart the nodes' numbers may come to rest.
const AGREED_WITHIN: Duration = Duration::from_millis(250);

/// How it ended.
#[derive(Debug)]
pub(crate) struct Verdict {
    /// From the end of the sale until nothing was in flight any more, abandoned claims included.
    pub(crate) quiet_in: Duration,
    /// Between the first node's numbers and the last one's coming to rest.
    pub(crate) nodes_apart: Duration,
    pub(crate) sold: u64,
    /// Orders told 202 that got no tickets.
    pub(crate) broken: u64,
}

impl Cluster {
    /// What a sale of this shop is judged by, as far as the shop decides that.
    pub(crate) fn expectations(&self) -> Expectations {
        Expectations::of(PoolTerms {
            pool: pool(),
            capacity: u32::try_from(self.capacity).unwrap(),
            at_first: u32::try_from(self.capacity).unwrap(),
            limit: self.limit,
            max_per_order: Some(MAX_PER_ORDER),
            sells_out: false,
            open_throughout: true,
        })
    }

    /// Waits until every 202 told so far is decided, while others go on buying. How long after the last fault, which was at
    /// `last_fault`, that was.
    pub(crate) async fn decided(&self, record: &Record, last_fault: Instant) -> Duration {
        let promised = record.promises().len();
        let mut open: Vec<_> = record.promises().into_iter().collect();
        loop {
            // Thousands of the latest may be open, and others do their work beside us.
            let decided: HashSet<_> = self.grounds.decided(&open).await.collect();
            open.retain(|order| !decided.contains(order));
            let waited = last_fault.elapsed();
            if open.is_empty() {
                record.all_decided();
                return waited;
            }
            assert!(
                waited < DECIDED_WITHIN,
                "{} of {} orders told 202 are undecided {waited:?} after the last fault, such as {}",
                open.len(),
                promised,
                open[0]
            );
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
    }

    /// Judges a sale that is over: what must not be ends the test.
    pub(crate) async fn judge(&self, record: &Arc<Record>, observer: &Observer) -> Verdict {
        let over = Instant::now();
        self.decided(record, over).await;
        self.everybody_looks(record).await;
        let (shown, nodes_apart) = self.at_rest(observer).await;
        let quiet_in = over.elapsed();
        let report = self.report(record, &self.expectations()).await;
        assert!(report.is_clean(), "{report}");
        let sold = report.counts.sold;
        let truth = Numbers { available: self.capacity - sold, in_flight: 0, sold };
        assert_eq!(shown, truth, "what the nodes show is not what is stored");
        assert!(nodes_apart <= AGREED_WITHIN, "the nodes came to rest {nodes_apart:?} after each other");
        let audit = self.audit().await;
        assert!(audit.contains(&format!("sold {sold}")), "{audit}");
        Verdict { quiet_in, nodes_apart, sold, broken: report.counts.broken_promises }
    }

    /// Who was told 202 asks for their order until they are told where it stands.
    pub(crate) async fn everybody_looks(&self, record: &Arc<Record>) {
        let mut orders: Vec<_> = record.promises().into_iter().collect();
        orders.sort_unstable();
        let every = orders.len().div_ceil(ASKED_FOR).max(1);
        let mut lanes = JoinSet::new();
        for lane in 0..16 {
            let (record, mut visitor) = (Arc::clone(record), self.door.visitor(None));
            let orders: Vec<_> = orders.iter().copied().step_by(every).skip(lane).step_by(16).collect();
            lanes.spawn(async move {
                for order in orders {
                    let began = Instant::now();
                    loop {
                        let asked = record.looks(order);
                        let answer = visitor.get(&format!("/api/orders/{order}")).await;
                        match record.heard(&asked, answer.as_ref()) {
                            Outcome::Unknown | Outcome::NotKnownYet => tokio::time::sleep(BREATH).await,
                            _ => break,
                        }
                        assert!(began.elapsed() < DECIDED_WITHIN, "nobody says what became of order {order}");
                    }
                }
            });
        }
        lanes.join_all().await;
    }

    /// What the checker says of a shop at rest. Acknowledgements are not waited for by anybody: the bus may need a moment.
    pub(crate) async fn report(&self, record: &Record, expected: &Expectations) -> Report {
        let began = Instant::now();
        loop {
            let books = self.grounds.books().await;
            let book = books.pools[0].ledger;
            let is_quiet = books.bus.waiting == 0
                && book.is_some_and(|book| book.claims == 0 && book.settled == books.pools[0].store);
            if is_quiet || began.elapsed() > FREE_WITHIN {
                return judge(&record.history(), &books, expected);
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Waits until every node shows that nothing is in flight, and then the same for as long as nodes may differ: that,
    /// and how long after the first one the last one came to it.
    pub(crate) async fn at_rest(&self, observer: &Observer) -> (Numbers, Duration) {
        let began = Instant::now();
        loop {
            let seen = observer.seen();
            if let [Some((one, one_since)), Some((other, other_since))] = seen
                && one == other
                && one.in_flight == 0
                && one_since.max(other_since).elapsed() > 2 * AGREED_WITHIN
            {
                return (one, one_since.max(other_since) - one_since.min(other_since));
            }
            assert!(began.elapsed() < FREE_WITHIN, "not at rest after {FREE_WITHIN:?}: {seen:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}
