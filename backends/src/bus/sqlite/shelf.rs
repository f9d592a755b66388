//! What is ready and what is leased, in memory. Pure: no IO, no clock.
//!
//! Every message below `cursor` has been here; those from `cursor` to `committed` are in the table only (the *gap*), because
//! the window was full when they came. Messages join the window directly only while there is no gap, so order is kept and
//! memory stays bounded however long the backlog grows.

use bytes::Bytes;
use stampede_actors::ports::{Backlog, Delivery, DeliveryId};
use stampede_domain::Millis;
use std::{
    collections::{BTreeMap, VecDeque},
    mem,
    ops::Range,
    time::Duration,
};
use tokio::time::Instant;

/// Rows read from the table at once: enough to make the query cheap, few enough to be read in milliseconds.
const PAGE: usize = 4096;
/// Most messages leased at once: a consumer that never acknowledges is stopped here, with some 100 MB in its hands.
const LEASED_AT_MOST: usize = 1 << 18;

/// A message that has a number.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) seq: u64,
    pub(super) payload: Bytes,
    pub(super) published_at: Millis,
    /// Deliveries so far.
    pub(super) attempts: u32,
}

struct Leased {
    message: Message,
    until: Instant,
}

/// What the file held at the start.
pub(super) struct Found {
    pub(super) messages: u64,
    /// The first number that was never given.
    pub(super) next: u64,
}

/// Rows to be read from the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gap {
    pub(super) from: u64,
    pub(super) room: usize,
    /// Where the commits ended when this was measured. A row from there on may be on its way here by itself.
    pub(super) below: u64,
}

/// What the scribe should write besides new messages.
#[derive(Default)]
pub(super) struct Owed {
    /// To be deleted.
    pub(super) acknowledged: Vec<u64>,
    /// Number and attempts of messages whose delivery failed.
    pub(super) failed: Vec<(u64, u32)>,
}

impl Owed {
    pub(super) fn is_empty(&self) -> bool {
        self.acknowledged.is_empty() && self.failed.is_empty()
    }
}

pub(super) struct Shelf {
    capacity: usize,
    lease: Duration,
    window: VecDeque<Message>,
    /// Given back or run out: these go first.
    again: BTreeMap<u64, Message>,
    leased: BTreeMap<u64, Leased>,
    /// Ends of leases, oldest first; an entry may be stale.
    ends: VecDeque<(Instant, u64)>,
    cursor: u64,
    committed: u64,
    /// Numbers whose commit was never answered. They are not counted until they are seen.
    doubtful: Vec<Range<u64>>,
    owed: Owed,
    messages: u64,
}

impl Shelf {
    pub(super) fn new(capacity: usize, lease: Duration, found: Found) -> Self {
        Self {
            capacity,
            lease,
            window: VecDeque::new(),
            again: BTreeMap::new(),
            leased: BTreeMap::new(),
            ends: VecDeque::new(),
            cursor: if found.messages == 0 { found.next } else { 0 },
            committed: found.next,
            doubtful: Vec::new(),
            owed: Owed::default(),
            messages: found.messages,
        }
    }

    /// The first number that was never given.
    pub(super) fn next(&self) -> u64 {
        self.committed
    }

    /// Takes in what was committed.
    pub(super) fn arrived(&mut self, messages: Vec<Message>) {
        let Some(last) = messages.last().map(|message| message.seq) else { return };
        let caught_up = self.cursor == self.committed;
        self.messages += messages.len() as u64;
        self.committed = last + 1;
        if caught_up && self.window.len() + messages.len() <= self.capacity {
            self.window.extend(messages);
            self.cursor = self.committed;
        }
    }

    /// Numbers whose commit was never answered: whether they exist, the table will tell.
    pub(super) fn doubt(&mut self, numbers: Range<u64>) {
        self.committed = self.committed.max(numbers.end);
        self.doubtful.push(numbers);
    }

    /// What must be read from the table before anything new can be delivered in order, if the window is empty.
    pub(super) fn gap(&self) -> Option<Gap> {
        let room = self.capacity.min(PAGE);
        let from = self.gap_from().filter(|_| self.window.is_empty() && self.leased.len() < LEASED_AT_MOST)?;
        Some(Gap { from, room, below: self.committed })
    }

    pub(super) fn gap_from(&self) -> Option<u64> {
        (self.cursor < self.committed).then_some(self.cursor)
    }

    /// Takes in the rows read for a gap. Fewer than there was room for means that there are no more below its end.
    pub(super) fn refill(&mut self, gap: Gap, rows: Vec<Message>) {
        let after_last = rows.last().map_or(gap.from, |row| row.seq + 1);
        self.cursor = if rows.len() < gap.room { gap.below } else { after_last };
        if !self.doubtful.is_empty() {
            let was_doubtful = |row: &&Message| self.doubtful.iter().any(|numbers| numbers.contains(&row.seq));
            self.messages += rows.iter().filter(was_doubtful).count() as u64;
            self.doubtful.retain(|numbers| numbers.end > self.cursor);
        }
        self.window.extend(rows);
    }

    /// Leases up to `limit` messages.
    pub(super) fn take(&mut self, now: Instant, limit: usize) -> Vec<Delivery> {
        self.run_out(now);
        let limit = limit.min(LEASED_AT_MOST.saturating_sub(self.leased.len()));
        let until = now + self.lease;
        let mut deliveries = Vec::with_capacity(limit.min(self.again.len() + self.window.len()));
        while deliveries.len() < limit {
            let next = self.again.pop_first().map(|(_, message)| message).or_else(|| self.window.pop_front());
            let Some(mut message) = next else { break };
            message.attempts += 1;
            deliveries.push(Delivery {
                id: DeliveryId(message.seq),
                payload: message.payload.clone(),
                attempt: message.attempts,
                published_at: message.published_at,
            });
            self.ends.push_back((until, message.seq));
            self.leased.insert(message.seq, Leased { message, until });
        }
        deliveries
    }

    /// When the next lease runs out.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.ends.front().map(|(end, _)| *end)
    }

    fn run_out(&mut self, now: Instant) {
        while let Some(&(end, seq)) = self.ends.front() {
            let stale = self.leased.get(&seq).is_none_or(|leased| leased.until != end);
            if !stale && end > now {
                break;
            }
            self.ends.pop_front();
            if !stale {
                self.give_back(seq);
            }
        }
    }

    fn give_back(&mut self, seq: u64) {
        if let Some(Leased { message, .. }) = self.leased.remove(&seq) {
            self.owed.failed.push((seq, message.attempts));
            self.again.insert(seq, message);
        }
    }

    /// Forgets messages, also those whose lease has run out meanwhile. Whether deliveries had stopped for want of this.
    pub(super) fn acknowledge(&mut self, ids: &[DeliveryId]) -> bool {
        let had_stopped = self.leased.len() >= LEASED_AT_MOST;
        for DeliveryId(seq) in ids {
            if self.forget(*seq) {
                self.owed.acknowledged.push(*seq);
            }
        }
        had_stopped
    }

    pub(super) fn release(&mut self, ids: &[DeliveryId]) {
        for DeliveryId(seq) in ids {
            self.give_back(*seq);
        }
    }

    /// Begins leases anew. Their old ends become stale.
    pub(super) fn extend(&mut self, now: Instant, ids: &[DeliveryId]) {
        let until = now + self.lease;
        for DeliveryId(seq) in ids {
            if let Some(leased) = self.leased.get_mut(seq) {
                leased.until = until;
                self.ends.push_back((until, *seq));
            }
        }
    }

    /// How often a message that is leased, or was, has been delivered.
    pub(super) fn attempts(&self, id: DeliveryId) -> u32 {
        let leased = self.leased.get(&id.0).map(|leased| &leased.message);
        leased.or_else(|| self.again.get(&id.0)).map_or(0, |message| message.attempts)
    }

    /// Messages that are now among the dead letters.
    pub(super) fn died(&mut self, ids: impl IntoIterator<Item = DeliveryId>) {
        for DeliveryId(seq) in ids {
            self.forget(seq);
        }
    }

    fn forget(&mut self, seq: u64) -> bool {
        let known = self.leased.remove(&seq).is_some() || self.again.remove(&seq).is_some();
        self.messages = self.messages.saturating_sub(u64::from(known));
        known
    }

    pub(super) fn owed(&mut self) -> Owed {
        mem::take(&mut self.owed)
    }

    /// What could not be written is owed again.
    pub(super) fn owe_again(&mut self, owed: Owed) {
        self.owed.acknowledged.extend(owed.acknowledged);
        // What has failed since is newer.
        let newer = mem::replace(&mut self.owed.failed, owed.failed);
        self.owed.failed.extend(newer);
    }

    /// Counted, not read; `oldest` is `None` when only the table knows, which also counts the dead letters.
    pub(super) fn backlog(&self) -> Backlog {
        let leased = self.leased.values().next().map(|leased| &leased.message);
        let candidates = [leased, self.again.values().next(), self.window.front()];
        let oldest = candidates.into_iter().flatten().min_by_key(|message| message.seq);
        Backlog { messages: Some(self.messages), oldest: oldest.map(|message| message.published_at), dead_letters: 0 }
    }
}
