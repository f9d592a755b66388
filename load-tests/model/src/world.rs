//! A world: who asks for what, what may go wrong, and which bug is in it.

use crate::{bug::Bug, laws::Law};
use stampede_domain::{BuyerId, Fingerprint};

/// What a key may be used for. Body and buyer are the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Body {
    /// How many units.
    pub quantity: u8,
    /// Whose, as an index.
    pub buyer: u8,
}

/// An order id and the requests that use it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderSpec {
    /// The bodies it is asked for with; more than one is a key used again.
    pub bodies: Vec<Body>,
    /// The body of each request.
    pub tries: Vec<u8>,
    /// Its own time is early: it counts as old wherever anything may have been forgotten. Otherwise it is as late as a key may
    /// be when it is first used.
    pub early: bool,
}

impl OrderSpec {
    /// An order of `quantity` units of the first buyer, asked for `tries` times.
    #[must_use]
    pub fn new(quantity: u8, tries: usize) -> Self {
        Self { bodies: vec![Body { quantity, buyer: 0 }], tries: vec![0; tries], early: false }
    }

    /// One key, two bodies of one unit, a request with each; `buyers` are theirs.
    #[must_use]
    pub fn reused(buyers: [u8; 2]) -> Self {
        let bodies = buyers.map(|buyer| Body { quantity: 1, buyer }).to_vec();
        Self { bodies, tries: vec![0, 1], early: false }
    }

    /// The same order of another buyer.
    #[must_use]
    pub fn of_buyer(mut self, buyer: u8) -> Self {
        for body in &mut self.bodies {
            body.buyer = buyer;
        }
        self
    }

    /// The same order, dated early.
    #[must_use]
    pub fn early(mut self) -> Self {
        self.early = true;
        self
    }
}

/// Whose memory the ledger is, and how it is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A ledger of its own, which may be lost, while nodes live on; a bus that cannot say what waits.
    Servers,
    /// Ledger, nodes and keeper die together; the queue can be read.
    Embedded,
}

/// Who is still there after a ledger was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calm {
    /// Nobody is paused across the loss.
    Everybody,
    /// Requests are not, but a keeper may go on with an old list.
    Nodes,
    /// Anybody may go on.
    Nobody,
}

/// Whether the writers came to rest before a rebuild.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drain {
    /// Nothing was on the bus when the rebuild began.
    Complete,
    /// The wait was given up.
    GivenUp,
}

/// The ledger's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// Everything happens at a later time.
    Runs,
    /// Everything happens in the same millisecond.
    Stands,
    /// It may step back: a deadline that had passed lies ahead again.
    StepsBack,
}

/// What is explored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct World {
    /// What it is about.
    pub name: String,
    /// Orders, those that are alike side by side.
    pub orders: Vec<OrderSpec>,
    /// Units of the pool.
    pub capacity: u8,
    /// Most units of one buyer.
    pub limit: Option<u8>,
    /// Servers or one process.
    pub mode: Mode,
    /// Losses of the ledger or deaths of the process.
    pub losses: u8,
    /// Who survives a loss.
    pub calm: Calm,
    /// What a rebuild waits for.
    pub drain: Drain,
    /// Notes that may be forgotten.
    pub forgets: u8,
    /// Times the organizer changes the capacity, by so much.
    pub changes: Option<i8>,
    /// Messages may be set aside and replayed.
    pub dead_letters: bool,
    /// A settlement may be made from a fresh snapshot at any time.
    pub reread: bool,
    /// The writer may take two messages at once.
    pub batches: bool,
    /// How time goes.
    pub clock: Clock,
    /// Orders and requests that are alike may change places.
    pub symmetric: bool,
    /// The ledger must never show more than there is. Off where a run is about something else.
    pub exact: bool,
    /// What is wrong with this shop.
    pub bug: Option<Bug>,
    /// What the protocol allows to happen here: counted, not a violation.
    pub tolerated: Vec<Law>,
}

impl World {
    /// A world on servers without any loss.
    #[must_use]
    pub fn new(name: impl Into<String>, orders: impl Into<Vec<OrderSpec>>, capacity: u8) -> Self {
        Self {
            name: name.into(),
            orders: orders.into(),
            capacity,
            limit: None,
            mode: Mode::Servers,
            losses: 0,
            calm: Calm::Everybody,
            drain: Drain::Complete,
            forgets: 0,
            changes: None,
            dead_letters: false,
            reread: false,
            batches: false,
            clock: Clock::Runs,
            symmetric: true,
            exact: true,
            bug: None,
            tolerated: Vec::new(),
        }
    }

    /// With a ledger that may be lost once.
    #[must_use]
    pub fn losing(mut self, calm: Calm, drain: Drain) -> Self {
        (self.losses, self.calm, self.drain) = (1, calm, drain);
        self
    }

    /// In one process that dies so often.
    #[must_use]
    pub fn embedded(mut self, deaths: u8) -> Self {
        (self.mode, self.losses) = (Mode::Embedded, deaths);
        self
    }

    /// With a limit per buyer.
    #[must_use]
    pub fn limit(mut self, limit: u8) -> Self {
        self.limit = Some(limit);
        self
    }

    /// With dead letters.
    #[must_use]
    pub fn dead_letters(mut self) -> Self {
        self.dead_letters = true;
        self
    }

    /// With notes that are forgotten.
    #[must_use]
    pub fn forgetting(mut self, notes: u8) -> Self {
        self.forgets = notes;
        self
    }

    /// Where this is allowed to happen.
    #[must_use]
    pub fn tolerating(mut self, laws: &[Law]) -> Self {
        self.tolerated = laws.to_vec();
        self
    }

    /// With a change of anything else.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    /// With a bug. Traces keep the orders' names, so nothing is symmetric.
    #[must_use]
    pub fn sabotaged(mut self, bug: Bug) -> Self {
        (self.bug, self.symmetric) = (Some(bug), false);
        self
    }

    pub(crate) fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// The first order that is like this one.
    pub(crate) fn kind(&self, order: usize) -> usize {
        let alike = self.orders.iter().position(|other| *other == self.orders[order]);
        if self.symmetric { alike.unwrap_or(order) } else { order }
    }

    pub(crate) fn body(&self, kind: u8, body: u8) -> Body {
        self.orders[usize::from(kind)].bodies[usize::from(body)]
    }

    pub(crate) fn buyers(&self) -> u8 {
        let bodies = self.orders.iter().flat_map(|order| &order.bodies);
        bodies.map(|body| body.buyer + 1).max().unwrap_or(0)
    }

    /// The limit as the ledger is told it.
    pub(crate) fn ledger_limit(&self) -> Option<u8> {
        if self.has(Bug::LimitStoreOnly) { None } else { self.limit }
    }
}

/// The buyer of an index.
pub(crate) fn buyer_id(buyer: u8) -> BuyerId {
    BuyerId(1 + i64::from(buyer))
}

/// The fingerprint of a body of an order of this kind.
pub(crate) fn fingerprint(kind: u8, body: u8) -> Fingerprint {
    Fingerprint(100 + 10 * i64::from(kind) + i64::from(body))
}
