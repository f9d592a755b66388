//! Who waits for a connection, and who has been told to come back later.

use super::request::Order;
use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    time::Instant,
};

/// Somebody who comes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// When they meant to ask.
    pub(super) intended: Instant,
    /// What they ask for: the place of its kind among the requests.
    pub(super) turn: usize,
    /// The order they asked for before.
    pub(super) order: Option<Order>,
    /// They go without the answer.
    pub(super) hangs_up: bool,
}

/// First come, first served.
pub(super) struct Queue {
    waiting: VecDeque<Arrival>,
    away: BinaryHeap<Reverse<(Instant, usize, Order)>>,
    turns: usize,
    hang_up_every: u32,
    came: u64,
}

impl Queue {
    /// For requests of so many kinds, taken in turn.
    pub(super) fn new(turns: usize, hang_up_every: u32) -> Self {
        Self { waiting: VecDeque::new(), away: BinaryHeap::new(), turns: turns.max(1), hang_up_every, came: 0 }
    }

    /// Somebody new.
    pub(super) fn join(&mut self, intended: Instant) {
        self.came += 1;
        let turn = usize::try_from(self.came % self.turns as u64).unwrap_or_default();
        let hangs_up = self.hang_up_every > 0 && self.came.is_multiple_of(u64::from(self.hang_up_every));
        self.waiting.push_back(Arrival { intended, turn, order: None, hangs_up });
    }

    /// Somebody will be back at that time with that order.
    pub(super) fn go_away(&mut self, until: Instant, turn: usize, order: Order) {
        self.away.push(Reverse((until, turn, order)));
    }

    /// One of those who are to be back by now joins the line; when they meant to.
    pub(super) fn come_back(&mut self, now: Instant) -> Option<Instant> {
        let Reverse((intended, ..)) = *self.away.peek()?;
        if intended > now {
            return None;
        }
        let Reverse((intended, turn, order)) = self.away.pop()?;
        self.waiting.push_back(Arrival { intended, turn, order: Some(order), hangs_up: false });
        Some(intended)
    }

    /// The first in the line.
    pub(super) fn next(&mut self) -> Option<Arrival> {
        self.waiting.pop_front()
    }

    /// How many wait in the line.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// How many are still to come back.
    pub(super) fn away(&self) -> usize {
        self.away.len()
    }

    /// Nobody waits, and nobody is to come back.
    pub(super) fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.away.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Requests, *};
    use crate::load::BUY;
    use std::time::Duration;

    #[test]
    fn who_was_sent_away_is_back_at_that_time_and_not_before() {
        let (mut queue, now) = (Queue::new(1, 0), Instant::now());
        let mut requests = Requests::buy(BUY);
        let orders = [requests.fresh().unwrap(), requests.fresh().unwrap()];
        let later = |seconds| now + Duration::from_secs(seconds);
        queue.go_away(later(2), 0, orders[0]);
        queue.go_away(later(1), 0, orders[1]);
        assert_eq!(queue.come_back(now), None);
        assert_eq!(queue.come_back(later(1)), Some(later(1)));
        assert_eq!(queue.come_back(later(1)), None);
        assert_eq!(queue.next().unwrap().order, Some(orders[1]));
        assert_eq!((queue.waiting(), queue.away()), (0, 1));
    }

    #[test]
    fn kinds_take_turns_and_every_third_hangs_up() {
        let mut queue = Queue::new(2, 3);
        (0..6).for_each(|_| queue.join(Instant::now()));
        let seen: Vec<_> = std::iter::from_fn(|| queue.next()).map(|came| (came.turn, came.hangs_up)).collect();
        assert_eq!(seen, [(1, false), (0, false), (1, true), (0, false), (1, false), (0, true)]);
    }
}
