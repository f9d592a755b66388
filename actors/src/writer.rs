//! `Writer`: one transaction at a time. `OrderWriter` supervises one or more of them.
//!
//! Its truth is the store; it keeps nothing.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Write`] | command | the judgements, or the store's failure | the same decisions: the first insert decides |
//!
//! Asks and tells no actor. Limit: 2 batches (one in work, one whose answer is being read). A restart leaves the outcome of
//! its batch unknown; the redelivery finds out.

use crate::{
    carrier::Logic,
    clock::SharedClock,
    mailbox::{Handles, Message, Reply},
    ports::{Entry, Judgement, OrderStore, PortResult},
    tasks::Tasks,
};
use std::{rc::Rc, sync::Arc};

/// Batches a writer may have.
pub const WRITER_CAPACITY: u32 = 2;

/// Decide these, durably.
pub struct Write(pub Vec<Entry>);

impl Message for Write {
    type Answer = PortResult<Vec<Judgement>>;
    const NAME: &'static str = "write";
}

/// The logic.
pub struct Writer {
    clock: SharedClock,
    store: Arc<dyn OrderStore>,
    tasks: Tasks,
}

impl Writer {
    /// A writer in front of a store.
    #[must_use]
    pub fn new(clock: SharedClock, store: Arc<dyn OrderStore>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self { clock, store, tasks })
    }
}

impl Logic for Writer {}

impl Handles<Write> for Writer {
    fn handle(self: &Rc<Self>, Write(entries): Write, reply: Reply<PortResult<Vec<Judgement>>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.store.decide(this.clock.now(), &entries).await) });
    }
}
