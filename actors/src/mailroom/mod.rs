//! `Mailroom`: sends what is owed to buyers, and knows an address's orders.
//!
//! Its truth is the outbox, which is filled in the transactions that are a mail's reason; of its own it keeps only who asked for a
//! link lately. One a process; only those that write send what is owed, and two of them never take the same mail.
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`SendLink`] | command | at once, and always the same: nobody is told who has orders | one link a minute, five an hour |
//! | [`OrdersOf`] | question | the orders of an address, newest first, each as it is paid | - |
//! | [`Drain`] | command | when no letter is on its way any more | the same |
//!
//! Asks and tells no actor. By the clock (`rounds`) it takes what is due, writes it and gives it to the carrier. Limits:
//! `mailroom_mailbox_capacity` messages; `mailroom_batch_size` mails taken at a time, [`LETTERS_AT_ONCE`] of them on their way;
//! [`READS_AT_ONCE`] reads of the store. A restart drops links that wait (whoever asked asks again) and leaves what was taken due
//! when its lease is over.
//!
//! | what it does not know | what it does |
//! |---|---|
//! | whether the carrier took a letter | gives it to him again, later, under the same id: mailboxes join doubles |
//! | whether the outbox noted that | asks again; else the letter goes out once more |

mod limits;
mod links;
mod rounds;

use crate::{
    carrier::Logic,
    chance::Chance,
    clock::SharedClock,
    facts::PutOff,
    gate::Gate,
    mailbox::{Handles, Message, Reply},
    ports::{
        Catalogue, CatalogueSnapshot, Composer, HoldStore, Letter, Mailer, OrderRecord, OrderStore, Outbox,
        PortFailure, PortResult,
    },
    settings::ActorSettings,
    tasks::Tasks,
};
use limits::LinkLimits;
use stampede_domain::Hold;
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Notify, Semaphore};

/// Letters on their way at a time: few enough for any carrier, enough to hide how long each takes.
pub const LETTERS_AT_ONCE: usize = 8;
/// Reads of the store at a time: who looks for orders must not keep a sale waiting.
pub const READS_AT_ONCE: usize = 8;
/// Orders of one address that are shown at most.
pub const MOST_ORDERS: u32 = 50;
/// How long the carrier has for a letter: afterwards nobody knows what became of it.
const PATIENCE: Duration = Duration::from_secs(20);

/// An order, and how it is paid if it is paid online.
pub type OrderOf = (OrderRecord, Option<Hold>);

/// Write to this address, with a link to its orders, if it has any.
#[derive(Clone)]
pub struct SendLink {
    /// As it was typed.
    pub address: String,
    /// By its two letters.
    pub language: Option<String>,
}

impl Message for SendLink {
    type Answer = ();
    const NAME: &'static str = "send_link";
}

/// The orders of this address, newest first, at most [`MOST_ORDERS`]. Whoever asks has shown that the address is theirs.
#[derive(Clone)]
pub struct OrdersOf {
    /// As it was typed.
    pub address: String,
}

impl Message for OrdersOf {
    type Answer = Result<Vec<OrderOf>, PutOff>;
    const NAME: &'static str = "orders_of";
}

/// Take no more mails, and answer when none is on its way.
pub struct Drain;

impl Message for Drain {
    type Answer = ();
    const NAME: &'static str = "drain";
}

/// What a `Mailroom` is built from, for each of its lives.
#[derive(Clone)]
pub struct MailroomParts {
    /// Time.
    pub clock: SharedClock,
    /// What is owed.
    pub outbox: Arc<dyn Outbox>,
    /// The orders.
    pub store: Arc<dyn OrderStore>,
    /// How they are paid.
    pub holds: Arc<dyn HoldStore>,
    /// What they are for.
    pub catalogue: Arc<dyn Catalogue>,
    /// Who writes.
    pub composer: Arc<dyn Composer>,
    /// Who carries.
    pub mailer: Arc<dyn Mailer>,
    /// Whether it sends what is owed, or only links.
    pub sends_what_is_owed: bool,
    /// Limits.
    pub settings: ActorSettings,
    /// For jitter.
    pub seed: u64,
}

/// The logic.
pub struct Mailroom {
    parts: MailroomParts,
    catalogue: RefCell<Rc<CatalogueSnapshot>>,
    limits: RefCell<LinkLimits>,
    links: Semaphore,
    reads: Semaphore,
    gate: Arc<Gate>,
    in_round: Cell<bool>,
    draining: Cell<bool>,
    /// The carrier failed too often in a row: until it takes something, few letters are tried.
    carrier_is_down: Cell<bool>,
    closing: Notify,
    round_over: Notify,
    chance: Chance,
    tasks: Tasks,
}

impl Mailroom {
    /// A mailroom over its ports.
    #[must_use]
    pub fn new(parts: MailroomParts, gate: &Arc<Gate>, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self {
            catalogue: RefCell::default(),
            limits: RefCell::default(),
            links: Semaphore::new(LETTERS_AT_ONCE),
            reads: Semaphore::new(READS_AT_ONCE),
            gate: Arc::clone(gate),
            in_round: Cell::new(false),
            draining: Cell::new(false),
            carrier_is_down: Cell::new(false),
            closing: Notify::new(),
            round_over: Notify::new(),
            chance: Chance::seeded(parts.seed),
            tasks,
            parts,
        })
    }

    /// Gives a letter to the carrier.
    async fn carry(&self, letter: &Letter) -> PortResult<()> {
        let sent = tokio::time::timeout(PATIENCE, self.parts.mailer.send(letter)).await;
        sent.unwrap_or_else(|_| Err(PortFailure::Unknown("no answer in time".into())))
    }

    /// Waits, or until it is closing down.
    async fn pause(&self, pause: Duration) {
        let told = self.closing.notified();
        if !self.draining.get() {
            drop(tokio::time::timeout(pause, told).await);
        }
    }
}

impl Logic for Mailroom {
    fn begin(self: &Rc<Self>) {
        if self.parts.sends_what_is_owed {
            self.tasks.spawn(Rc::clone(self).send_regularly());
        }
    }
}

impl Handles<SendLink> for Mailroom {
    fn handle(self: &Rc<Self>, link: SendLink, mut reply: Reply<()>) {
        // It counts as long as it is on its way, although nobody waits for it.
        let place = reply.take_permit();
        reply.send(());
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            this.send_link(link).await;
            drop(place);
        });
    }
}

impl Handles<OrdersOf> for Mailroom {
    fn handle(self: &Rc<Self>, OrdersOf { address }: OrdersOf, reply: Reply<Result<Vec<OrderOf>, PutOff>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { reply.send(this.orders_of(&address).await) });
    }
}

impl Handles<Drain> for Mailroom {
    fn handle(self: &Rc<Self>, _: Drain, mut reply: Reply<()>) {
        drop(reply.take_permit());
        self.draining.set(true);
        self.closing.notify_waiters();
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            this.gate.below(1).await;
            this.until_no_round().await;
            reply.send(());
        });
    }
}
