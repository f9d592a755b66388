//! The flight recorder: which steps the latest orders have taken in this process, for an operator who asks about one of them.
//!
//! The server installs it; in tests and simulations everything here costs one load. It is a memory of fixed size and no proof: what
//! became of an order the store says. All steps of the latest orders are kept, and those of one order in 64 for longer.

use stampede_domain::{Millis, OrderId};
use std::{
    collections::VecDeque,
    sync::{Mutex, OnceLock, PoisonError},
};

/// Notes that are kept of all orders: some ten thousand orders, in 2 MB.
const LATEST: usize = 65_536;
/// Notes that are kept of one order in [`ONE_IN`]: some three hundred thousand orders, in 1 MB.
const SAMPLED: usize = 32_768;
/// One order in so many is kept for longer.
const ONE_IN: u8 = 64;

static RECORDER: OnceLock<Recorder> = OnceLock::new();

/// A step of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The ledger has its units.
    Claimed,
    /// The bus has its message.
    Published,
    /// The ledger has its promise, or knew of its tickets already: the buyer is told 202.
    Promised,
    /// The order writer has its message.
    Taken,
    /// The store has decided, durably.
    Committed,
    /// The ledger was told of the decision, and took it: one that is not open says yes, too, and forgets it.
    Settled,
}

impl Step {
    /// All of them, in order.
    pub const ALL: [Self; 6] =
        [Self::Claimed, Self::Published, Self::Promised, Self::Taken, Self::Committed, Self::Settled];

    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Claimed => "claimed",
            Self::Published => "published",
            Self::Promised => "promised",
            Self::Taken => "taken",
            Self::Committed => "committed",
            Self::Settled => "settled",
        }
    }
}

/// A step that an order took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which.
    pub step: Step,
    /// When, by the shop's clock.
    pub at: Millis,
    /// With how many orders that took it together, itself included.
    pub batch: u32,
}

/// Notes kept in turn: the oldest make room.
#[derive(Default)]
struct Recorder {
    latest: Mutex<VecDeque<(OrderId, Noted)>>,
    sampled: Mutex<VecDeque<(OrderId, Noted)>>,
}

/// Begins to record in this process.
pub fn install() {
    RECORDER.get_or_init(Recorder::default);
}

/// Notes a step that orders took together.
pub fn note(step: Step, at: Millis, orders: impl ExactSizeIterator<Item = OrderId>) {
    if let Some(recorder) = RECORDER.get() {
        recorder.note(step, at, orders);
    }
}

/// The steps that an order took in this process, as far as they are kept, in the order they were taken.
#[must_use]
pub fn find(order: OrderId) -> Vec<Noted> {
    RECORDER.get().map(|recorder| recorder.find(order)).unwrap_or_default()
}

/// Whether an order's steps are kept for longer. By the last byte, which is random in a UUIDv7.
#[must_use]
pub fn is_sampled(order: OrderId) -> bool {
    order.bytes()[15].is_multiple_of(ONE_IN)
}

impl Recorder {
    fn note(&self, step: Step, at: Millis, orders: impl ExactSizeIterator<Item = OrderId>) {
        let noted = Noted { step, at, batch: u32::try_from(orders.len()).unwrap_or(u32::MAX) };
        let mut sampled = Vec::new();
        {
            let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
            for order in orders {
                push(&mut latest, LATEST, (order, noted));
                if is_sampled(order) {
                    sampled.push((order, noted));
                }
            }
        }
        if !sampled.is_empty() {
            let mut kept = self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
            sampled.into_iter().for_each(|note| push(&mut kept, SAMPLED, note));
        }
    }

    fn find(&self, order: OrderId) -> Vec<Noted> {
        let kept = if is_sampled(order) { &self.sampled } else { &self.latest };
        let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|(of, _)| *of == order).map(|(_, noted)| *noted).collect()
    }
}

fn push(kept: &mut VecDeque<(OrderId, Noted)>, most: usize, note: (OrderId, Noted)) {
    if kept.len() == most {
        kept.pop_front();
    }
    kept.push_back(note);
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn order(number: u128) -> OrderId {
        OrderId(Uuid::from_u128(number))
    }

    #[test]
    fn an_orders_steps_are_found_in_the_order_it_took_them() {
        let recorder = Recorder::default();
        let two = [order(1), order(2)];
        recorder.note(Step::Claimed, Millis(10), two.into_iter());
        recorder.note(Step::Published, Millis(12), two.into_iter());
        recorder.note(Step::Committed, Millis(30), [order(2)].into_iter());
        let steps: Vec<_> = recorder.find(order(2)).iter().map(|noted| (noted.step, noted.at.0, noted.batch)).collect();
        assert_eq!(steps, [(Step::Claimed, 10, 2), (Step::Published, 12, 2), (Step::Committed, 30, 1)]);
        assert_eq!(recorder.find(order(1)).len(), 2);
        assert_eq!(recorder.find(order(3)), []);
    }

    #[test]
    fn the_oldest_make_room_and_one_in_64_stays_longer() {
        let recorder = Recorder::default();
        let orders = (1..=u128::try_from(LATEST).unwrap() + 1).map(order).collect::<Vec<_>>();
        recorder.note(Step::Claimed, Millis(1), orders.iter().copied());
        assert_eq!(recorder.find(order(1)), [], "the first had to go");
        assert_eq!(recorder.find(order(2)).len(), 1);
        recorder.note(Step::Claimed, Millis(2), orders.into_iter());
        assert_eq!(recorder.find(order(3)).len(), 1, "of the first round nothing is left");
        assert_eq!(recorder.find(order(64)).len(), 2, "but of those that are kept for longer");
    }

    #[test]
    fn every_step_has_a_name_of_its_own_and_its_place() {
        assert!(Step::ALL.is_sorted());
        let mut names = Step::ALL.map(Step::name);
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_process_that_records_nothing_knows_nothing() {
        note(Step::Claimed, Millis(1), [order(1)].into_iter());
        assert_eq!(find(order(1)), []);
        install();
        note(Step::Claimed, Millis(1), [order(1)].into_iter());
        assert_eq!(find(order(1)).len(), 1);
    }
}
