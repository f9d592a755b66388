//! `HoldWriter`: writes what becomes of orders that are paid online, as many as wait in one transaction.
//!
//! Its truth is the hold's row, changed by one rule; it keeps the groups that wait for the transaction in flight. One a process
//! that writes.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Change`] | command | for each change what came of it and the order afterwards, or the store's failure | finds it so, or is refused |
//!
//! Asks no actor; tells `CacheSync` ([`Settle`]). Limits: `hold_writer_mailbox_capacity` groups; `hold_writer_batch_size` changes in
//! one transaction, of which there is one at a time, so groups keep their order. A restart leaves the outcome of what it had
//! unknown: whoever asked asks again.

use crate::{
    batch::{BatchMeter, Closed},
    cache_sync::Settle,
    carrier::Logic,
    clock::SharedClock,
    facts::{Fact, announce, announce_many, announce_time_to_pay},
    gate::Gate,
    mailbox::{Handles, Mailbox, Message, Reply},
    ports::{HoldStore, HoldsChanged, PortFailure, PortResult},
    settings::ActorSettings,
    tasks::Tasks,
};
use stampede_domain::{Hold, HoldAnswer, HoldChange, Millis, OrderId, OrderStatus, Settlement};
use std::{
    cell::{Cell, RefCell},
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    sync::Arc,
};
use tokio::time::Instant;

/// What came of a change, and the order afterwards; `None`: no such order is paid online.
pub type Became = Option<(HoldAnswer, Hold)>;

/// Change these orders, durably, in this order. At most `hold_writer_batch_size` changes.
pub struct Change(pub Vec<(OrderId, HoldChange)>);

impl Message for Change {
    type Answer = PortResult<Vec<Became>>;
    const NAME: &'static str = "change";
}

type Group = (Vec<(OrderId, HoldChange)>, Reply<PortResult<Vec<Became>>>);

/// What a `HoldWriter` is built from, for each of its lives.
#[derive(Clone)]
pub struct HoldWriterParts {
    /// Time.
    pub clock: SharedClock,
    /// The truth.
    pub holds: Arc<dyn HoldStore>,
    /// Who tells the ledger.
    pub cache_sync: Mailbox<Settle>,
    /// Limits.
    pub settings: ActorSettings,
}

/// The logic.
pub struct HoldWriter {
    parts: HoldWriterParts,
    waiting: RefCell<VecDeque<Group>>,
    writing: Cell<bool>,
    meter: BatchMeter,
    tasks: Tasks,
}

impl HoldWriter {
    /// A writer in front of a store.
    #[must_use]
    pub fn new(parts: HoldWriterParts, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            parts,
            waiting: RefCell::default(),
            writing: Cell::new(false),
            meter: BatchMeter::new(gate),
            tasks,
        })
    }
}

impl Logic for HoldWriter {}

impl Handles<Change> for HoldWriter {
    fn handle(self: &Rc<Self>, Change(wanted): Change, reply: Reply<PortResult<Vec<Became>>>) {
        let most = self.parts.settings.hold_writer_batch_size;
        if wanted.len() > most {
            let why = format!("{} changes at once, of {most}", wanted.len());
            return reply.send(Err(PortFailure::Impossible(why)));
        }
        self.waiting.borrow_mut().push_back((wanted, reply));
        if !self.writing.replace(true) {
            self.tasks.spawn(Rc::clone(self).write_rounds());
        }
    }
}

impl HoldWriter {
    async fn write_rounds(self: Rc<Self>) {
        while let Some((groups, why)) = self.next_batch() {
            self.write(groups, why).await;
        }
        self.writing.set(false);
    }

    /// As many whole groups as fit.
    fn next_batch(&self) -> Option<(Vec<Group>, Closed)> {
        let mut waiting = self.waiting.borrow_mut();
        let mut groups = vec![waiting.pop_front()?];
        let mut size = groups[0].0.len();
        while let Some((wanted, _)) = waiting.front() {
            if size + wanted.len() > self.parts.settings.hold_writer_batch_size {
                return Some((groups, Closed::Full));
            }
            size += wanted.len();
            groups.extend(waiting.pop_front());
        }
        Some((groups, Closed::Ready))
    }

    async fn write(&self, groups: Vec<Group>, why: Closed) {
        let began = Instant::now();
        self.meter.closed(groups.iter().map(|(wanted, _)| wanted.len()).sum(), why);
        match self.change(&groups).await {
            // One that cannot be stored takes the others with it, and only then each is written alone.
            Err(PortFailure::Impossible(_)) if groups.len() > 1 => {
                for group in groups {
                    let alone = [group];
                    let outcome = self.change(&alone).await;
                    answer(alone, outcome);
                }
            }
            outcome => answer(groups, outcome),
        }
        self.meter.done(began.elapsed());
    }

    async fn change(&self, groups: &[Group]) -> PortResult<Vec<Became>> {
        let wanted: Vec<_> = groups.iter().flat_map(|(wanted, _)| wanted).cloned().collect();
        let now = self.parts.clock.now();
        let changed = self.parts.holds.change(now, &wanted).await.inspect_err(|failure| {
            tracing::warn!(%failure, changes = wanted.len(), "changes of paid orders were not written, as far as is known");
        });
        let HoldsChanged { answers, settlements } = changed?;
        announce_changes(now, &wanted, &answers);
        self.tell_cache_sync(settlements);
        Ok(answers)
    }

    /// What finds no room the sweep makes up for.
    fn tell_cache_sync(&self, settlements: Vec<Settlement>) {
        if !settlements.is_empty() && self.parts.cache_sync.tell(Settle { settlements, report: None }).is_err() {
            announce(Fact::SettlementDropped);
        }
    }
}

/// Tells each group what came of it.
fn answer(groups: impl IntoIterator<Item = Group>, outcome: PortResult<Vec<Became>>) {
    let mut outcome = outcome.map(Vec::into_iter);
    for (wanted, reply) in groups {
        reply.send(match &mut outcome {
            Ok(answers) => Ok(answers.by_ref().take(wanted.len()).collect()),
            Err(failure) => Err(failure.clone()),
        });
    }
}

fn announce_changes(now: Millis, wanted: &[(OrderId, HoldChange)], answers: &[Became]) {
    let mut counts: BTreeMap<_, u64> = BTreeMap::new();
    for ((order, change), became) in wanted.iter().zip(answers) {
        let outcome = match became {
            Some((HoldAnswer::Changed, _)) => "changed",
            Some((HoldAnswer::Unchanged, _)) => "unchanged",
            Some((HoldAnswer::Refused(_), _)) => "refused",
            None => "unknown",
        };
        *counts.entry((change.name(), outcome)).or_default() += 1;
        if let Some((HoldAnswer::Changed, hold)) = became
            && paid(change, hold)
        {
            announce(Fact::OrderPaid { units: hold.quantity });
            announce_time_to_pay(now.since(order.time()));
        }
    }
    for ((change, outcome), count) in counts {
        announce_many(Fact::HoldChanged { change, outcome }, count);
    }
}

/// Whether this change paid the order.
fn paid(change: &HoldChange, hold: &Hold) -> bool {
    let HoldChange::Captured { payment, .. } = change else { return false };
    hold.status == OrderStatus::Confirmed && hold.paid_by.as_ref() == Some(payment)
}
