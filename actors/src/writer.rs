//! `Writer`: one transaction at a time. `OrderWriter` supervises one or more of them.
//!
//! Its truth is the store; it keeps only whether it has met orders lately that cannot be stored.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Write`] | command | [`Written`], or the store's failure | the same decisions: the first insert decides |
//!
//! Asks and tells no actor. Limit: 2 batches (one in work, one whose answer is being read). A restart leaves the outcome of
//! its batch unknown; the redelivery finds out.
//!
//! One order that cannot be stored takes its whole batch with it. So the store is asked which ones those are, and the others are
//! written without them; for some time every batch is then looked through first, because poison seldom comes alone. `Impossible`
//! is left for what the store cannot name: `OrderWriter` finds it by halving.

use crate::{
    carrier::Logic,
    clock::SharedClock,
    mailbox::{Handles, Message, Reply},
    ports::{Entry, Judgement, OrderStore, PortFailure, PortResult},
    tasks::Tasks,
};
use std::{cell::Cell, rc::Rc, sync::Arc, time::Duration};
use tokio::time::Instant;

/// Batches a writer may have.
pub const WRITER_CAPACITY: u32 = 2;
/// How long batches are looked through first after one had an order that cannot be stored: the look costs a small read, and
/// finding out by failing costs a transaction.
const WARY_FOR: Duration = Duration::from_secs(10);

/// Decide these, durably.
pub struct Write(pub Vec<Entry>);

impl Message for Write {
    type Answer = PortResult<Written>;
    const NAME: &'static str = "write";
}

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Written {
    /// The decisions, durable.
    pub judgements: Vec<Judgement>,
    /// The places of entries that cannot be stored, ascending, and why. They were left out.
    pub unstorable: Vec<(usize, String)>,
}

/// The logic.
pub struct Writer {
    clock: SharedClock,
    store: Arc<dyn OrderStore>,
    tasks: Tasks,
    /// When an order was last met that cannot be stored.
    met_at: Cell<Option<Instant>>,
}

impl Writer {
    /// A writer in front of a store.
    #[must_use]
    pub fn new(clock: SharedClock, store: Arc<dyn OrderStore>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self { clock, store, tasks, met_at: Cell::new(None) })
    }

    async fn write(&self, entries: Vec<Entry>) -> PortResult<Written> {
        let is_wary = self.met_at.get().is_some_and(|met| met.elapsed() < WARY_FOR);
        if is_wary {
            return self.write_without(self.unstorable(&entries).await, entries).await;
        }
        match self.store.decide(self.clock.now(), &entries).await {
            Err(PortFailure::Impossible(why)) if entries.len() > 1 => match self.unstorable(&entries).await {
                unstorable if unstorable.is_empty() => Err(PortFailure::Impossible(why)),
                unstorable => self.write_without(unstorable, entries).await,
            },
            answer => answer.map(|judgements| Written { judgements, unstorable: Vec::new() }),
        }
    }

    /// Writes the others.
    async fn write_without(&self, unstorable: Vec<(usize, String)>, entries: Vec<Entry>) -> PortResult<Written> {
        let mut left_out = unstorable.iter().map(|(place, _)| *place).peekable();
        let others = entries.into_iter().enumerate().filter(|(place, _)| left_out.next_if_eq(place).is_none());
        let others: Vec<_> = others.map(|(_, entry)| entry).collect();
        let judgements =
            if others.is_empty() { Vec::new() } else { self.store.decide(self.clock.now(), &others).await? };
        Ok(Written { judgements, unstorable })
    }

    /// What the store can name; nothing when it cannot be asked, and then the batch is tried as it is.
    async fn unstorable(&self, entries: &[Entry]) -> Vec<(usize, String)> {
        let named = self.store.unstorable(entries).await.unwrap_or_default();
        if !named.is_empty() {
            self.met_at.set(Some(Instant::now()));
        }
        named
    }
}

impl Logic for Writer {}

impl Handles<Write> for Writer {
    fn handle(self: &Rc<Self>, Write(entries): Write, reply: Reply<PortResult<Written>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.write(entries).await) });
    }
}
