//! What must be true when everything is over: every 202 has exactly one fate, what was sold adds up, the nodes agree, the
//! laws hold.

use super::{
    Cluster,
    door::{Numbers, Outcome},
    observer::Observer,
    record::{Promise, Record},
};
use std::{collections::HashMap, time::Duration};
use tokio::{task::JoinSet, time::Instant};

/// How long an order may be undecided after the last fault (PROTOCOL: liveness).
const DECIDED_WITHIN: Duration = Duration::from_secs(25);
/// How long an abandoned claim may hide its units, and what a loaded machine adds.
const FREE_WITHIN: Duration = Duration::from_secs(40);
/// How far apart the nodes' numbers may come to rest.
const AGREED_WITHIN: Duration = Duration::from_millis(250);
/// Orders asked for by name after a sale, besides those of the export: all of them in the full size.
const ASKED_FOR: usize = if cfg!(feature = "proof") { usize::MAX } else { 1_000 };

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
    /// Waits until every 202 told so far is decided, while others go on buying. How long after the last fault, which was at
    /// `last_fault`, that was.
    pub(crate) async fn decided(&self, record: &Record, last_fault: Instant) -> Duration {
        let promised = record.promises();
        loop {
            let fates = self.fates().await;
            let open = fates.undecided(&promised);
            let waited = last_fault.elapsed();
            if open.is_empty() {
                return waited;
            }
            assert!(
                waited < DECIDED_WITHIN,
                "{} of {} orders told 202 are undecided {waited:?} after the last fault, such as {}",
                open.len(),
                promised.len(),
                open[0]
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Judges a sale that is over. Broken promises are counted; everything else that must not be ends the test.
    pub(crate) async fn judge(&self, record: &Record, observer: &Observer) -> Verdict {
        let over = Instant::now();
        record.is_in_order();
        self.decided(record, over).await;
        let (promises, fates) = (record.promises(), self.fates().await);
        let broken = fates.broken(&promises);
        self.answers_agree(&promises.into_keys().collect::<Vec<_>>(), &fates).await;

        let (shown, nodes_apart) = self.at_rest(observer).await;
        let quiet_in = over.elapsed();
        let sold = self.fates().await.sold();
        assert!(sold <= self.capacity, "{sold} sold of {}", self.capacity);
        let truth = Numbers { available: self.capacity - sold, in_flight: 0, sold };
        assert_eq!(shown, truth, "what the nodes show is not what is stored");
        assert!(nodes_apart <= AGREED_WITHIN, "the nodes came to rest {nodes_apart:?} after each other");
        let audit = self.audit().await;
        assert!(audit.contains(&format!("sold {sold}")), "{audit}");
        Verdict { quiet_in, nodes_apart, sold, broken }
    }

    /// Every order's fate, from the store.
    async fn fates(&self) -> Fates {
        Fates::of(&self.run_well(&["orders", "export"]).await)
    }

    /// Who asks for their order is told what is stored.
    async fn answers_agree(&self, keys: &[String], fates: &Fates) {
        let every = keys.len().div_ceil(ASKED_FOR).max(1);
        let mut lanes = JoinSet::new();
        for lane in 0..16 {
            let door = std::sync::Arc::clone(&self.door);
            let orders = keys.iter().step_by(every).skip(lane).step_by(16);
            let orders: Vec<_> = orders.map(|key| (key.clone(), fates.0[key].status.clone())).collect();
            lanes.spawn(async move {
                for (order, status) in orders {
                    let began = Instant::now();
                    loop {
                        match door.get(&format!("/api/orders/{order}")).await {
                            Outcome::Answered(answer) if answer.status == 200 => {
                                assert_eq!(answer.body["status"], status, "order {order}");
                                break;
                            }
                            Outcome::Answered(answer) if answer.status != 503 => panic!("order {order}: {answer:?}"),
                            _ => tokio::time::sleep(Duration::from_millis(100)).await,
                        }
                        assert!(began.elapsed() < DECIDED_WITHIN, "nobody says what became of order {order}");
                    }
                }
            });
        }
        lanes.join_all().await;
    }

    /// Waits until every node shows that nothing is in flight, and then the same for as long as nodes may differ: that,
    /// and how long after the first one the last one came to it.
    async fn at_rest(&self, observer: &Observer) -> (Numbers, Duration) {
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

/// What became of every order.
struct Fates(HashMap<String, Fate>);

/// What became of an order.
struct Fate {
    units: u32,
    status: String,
}

impl Fates {
    /// Reads what `stampede orders export` writes. An id twice is two fates.
    fn of(csv: &str) -> Self {
        let mut fates = HashMap::new();
        for line in csv.lines().skip(1) {
            let fields: Vec<_> = line.splitn(6, ',').collect();
            let fate = Fate { units: fields[3].parse().unwrap(), status: fields[4].to_owned() };
            let twice = fates.insert(fields[0].to_owned(), fate);
            assert!(twice.is_none(), "order {} has two rows", fields[0]);
        }
        Self(fates)
    }

    fn undecided<'a>(&self, promises: &'a HashMap<String, Promise>) -> Vec<&'a String> {
        let is_final = |fate: &Fate| matches!(fate.status.as_str(), "confirmed" | "rejected" | "expired" | "failed");
        promises.keys().filter(|key| !self.0.get(*key).is_some_and(is_final)).collect()
    }

    /// How many decided promises were not kept. One that was kept with other units was never made.
    fn broken(&self, promises: &HashMap<String, Promise>) -> u64 {
        for (key, promise) in promises {
            assert_eq!(self.0[key].units, promise.units, "order {key} has other units than it was promised");
        }
        promises.keys().filter(|key| self.0[*key].status != "confirmed").count() as u64
    }

    fn sold(&self) -> u64 {
        self.0.values().filter(|fate| fate.status == "confirmed").map(|fate| u64::from(fate.units)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{Fates, HashMap, Promise};

    const CSV: &str = "order_id,event,ticket_type,quantity,status,reason,user_id\n\
        one,festival,general,2,confirmed,,\"a, b\"\ntwo,festival,general,1,rejected,sold_out,b\n";

    fn promised(orders: &[(&str, u32)]) -> HashMap<String, Promise> {
        orders.iter().map(|(key, units)| ((*key).to_owned(), Promise { units: *units })).collect()
    }

    #[test]
    fn a_promise_that_was_broken_or_forgotten_is_found() {
        let fates = Fates::of(CSV);
        assert_eq!((fates.sold(), fates.broken(&promised(&[("one", 2), ("two", 1)]))), (2, 1));
        assert_eq!(fates.undecided(&promised(&[("one", 2), ("three", 1)])), ["three"]);
    }

    #[test]
    #[should_panic(expected = "other units")]
    fn a_promise_of_other_units_is_found() {
        Fates::of(CSV).broken(&promised(&[("one", 1)]));
    }

    #[test]
    #[should_panic(expected = "two rows")]
    fn an_order_with_two_fates_is_found() {
        Fates::of(&format!("{CSV}one,festival,general,2,confirmed,,a\n"));
    }
}
