//! `Checkout`: sees orders that are paid online through, from the reservation to the ticket or to the last cent given back.
//!
//! The order of business, always: *the row says what is needed; we take the step; we write what came of it; we look at the row
//! again.* Its truth is therefore the hold's row, judged by the domain's rule, and the payment provider's word; of its own it
//! keeps only which orders it has in work. It may die between any two lines, and run twice at once: whoever comes next, here or
//! in another process, finds in the row what is still to be done. One a process that writes.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Drain`] | command | when nothing is in work any more | the same |
//!
//! Wishes come by its own pump from the lane (`intake`): applied, then acknowledged, so a wish that comes twice finds
//! itself fulfilled or is refused. And by the clock (`reconciler`, every `reconciler_interval`) it looks after orders that need somebody.
//!
//! Asks `HoldWriter` (who writes every change) and the payment provider (behind `provider`). Limits: `checkout_mailbox_capacity`
//! wishes held, `checkout_batch_size` of them pulled at once; 64 calls to the provider at once, `payments_per_second` of them in a second, none while it is out of order.
//! A restart drops what is in work: the lane delivers its wishes again, and the rows are due again.
//!
//! | what it does not know | what it does |
//! |---|---|
//! | whether the provider did it | asks again under the same key, later; it is never "failed" |
//! | whether the store wrote it | asks again; the rule finds it so |
//! | whether money came too late | notes it in whatever state the order is; what is not owed to us is given back |

mod in_work;
mod intake;
mod provider;
mod reconciler;
mod saga;
mod steps;

use crate::{
    carrier::Logic,
    chance::Chance,
    clock::SharedClock,
    gate::Gate,
    hold_writer::Change,
    mailbox::{Handles, Mailbox, Message, Reply},
    ports::{Bus, DeliveryId, HoldStore, PaymentGateway},
    settings::ActorSettings,
    tasks::Tasks,
};
use in_work::InWork;
use provider::Provider;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    rc::Rc,
    sync::Arc,
};
use tokio::sync::Notify;

/// Take no more wishes, look after nobody any more, and answer when nothing is in work.
pub struct Drain;

impl Message for Drain {
    type Answer = ();
    const NAME: &'static str = "drain";
}

/// What a `Checkout` is built from, for each of its lives.
#[derive(Clone)]
pub struct CheckoutParts {
    /// Time.
    pub clock: SharedClock,
    /// Where wishes come from.
    pub lane: Arc<dyn Bus>,
    /// How orders stand. It only reads here.
    pub holds: Arc<dyn HoldStore>,
    /// Who changes them.
    pub hold_writer: Mailbox<Change>,
    /// Who takes the money.
    pub gateway: Arc<dyn PaymentGateway>,
    /// What stands on the buyer's statement: the shop's name.
    pub what_for: String,
    /// Limits.
    pub settings: ActorSettings,
    /// For jitter.
    pub seed: u64,
}

/// The logic.
pub struct Checkout {
    parts: CheckoutParts,
    gate: Arc<Gate>,
    provider: Provider,
    in_work: Rc<InWork>,
    /// Messages of the lane that are not acknowledged yet.
    held: RefCell<BTreeSet<DeliveryId>>,
    draining: Cell<bool>,
    drained: Notify,
    chance: Chance,
    tasks: Tasks,
}

impl Checkout {
    /// A checkout over its ports.
    #[must_use]
    pub fn new(parts: CheckoutParts, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            gate: Arc::clone(gate),
            provider: Provider::new(Arc::clone(&parts.gateway), parts.settings.payments_per_second),
            in_work: Rc::default(),
            held: RefCell::default(),
            draining: Cell::new(false),
            drained: Notify::new(),
            chance: Chance::seeded(parts.seed),
            tasks,
            parts,
        })
    }
}

impl Logic for Checkout {
    fn begin(self: &Rc<Self>) {
        self.tasks.spawn(Rc::clone(self).pump());
        self.tasks.spawn(Rc::clone(self).hold_on());
        self.tasks.spawn(Rc::clone(self).reconcile_regularly());
    }
}

impl Handles<Drain> for Checkout {
    fn handle(self: &Rc<Self>, _: Drain, mut reply: Reply<()>) {
        drop(reply.take_permit());
        self.draining.set(true);
        self.drained.notify_waiters();
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            this.gate.below(1).await;
            this.in_work.until_idle().await;
            reply.send(());
        });
    }
}
