//! A state of the world, as small plain data: two states are the same when nothing can tell them apart.

use crate::{laws::Law, world::World};
use stampede_domain::Decision;

/// A moment of the ledger's clock. Only the order of moments is kept ([`crate::canonical`]).
pub(crate) type Stamp = u8;

/// The present: later than every moment in a state.
pub(crate) const NOW: Stamp = 100;

/// Everything that will decide what can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct State {
    /// The orders.
    pub(crate) orders: Vec<Order>,
    /// The truth.
    pub(crate) store: Store,
    /// The promise book, while it is open.
    pub(crate) book: Option<Book>,
    /// A rebuild under way.
    pub(crate) rebuild: Rebuild,
    /// What may still happen.
    pub(crate) budget: Budget,
    /// Units that were claimed when a ledger on servers was lost.
    pub(crate) lost: Option<u8>,
    /// An older copy of the book; only where a restart goes unnoticed.
    pub(crate) copy: Option<Box<(Book, Vec<Pages>)>>,
    /// The law that the last step broke. Nothing happens afterwards.
    pub(crate) broken: Option<Law>,
}

/// How often the world may still be unkind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Budget {
    /// Losses of the ledger, or deaths of the process.
    pub(crate) losses: u8,
    /// Notes forgotten.
    pub(crate) forgets: u8,
    /// Changes of the capacity.
    pub(crate) changes: u8,
}

/// The pool's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Store {
    /// The ledger's current opening.
    pub(crate) epoch: u8,
    /// The row's numbers.
    pub(crate) numbers: Numbers,
}

/// Numbers of the pool at a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Numbers {
    /// Version.
    pub(crate) version: u8,
    /// Units sold.
    pub(crate) sold: u8,
    /// Units that exist.
    pub(crate) capacity: u8,
}

/// The ledger's book, without what it knows of each order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Book {
    /// The opening's number.
    pub(crate) epoch: u8,
    /// When it was opened.
    pub(crate) opened_at: Stamp,
    /// Version of the opening's snapshot.
    pub(crate) opened_version: u8,
    /// Opened over an empty store and bus.
    pub(crate) virgin: bool,
    /// Messages from before the opening may be under way.
    pub(crate) backlog: bool,
    /// The numbers as of the last settlement.
    pub(crate) numbers: Numbers,
    /// When the newest note that was dropped had been written.
    pub(crate) dropped_until: Option<Stamp>,
    /// Each buyer's version and settled units.
    pub(crate) buyers: Vec<(u8, u8)>,
}

/// How far a rebuild has come. What was read of the bus stands with each order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rebuild {
    /// Nobody rebuilds.
    No,
    /// Nothing was on the bus.
    Drained,
    /// Bus and dead letters have been read.
    Read {
        /// Nothing was there.
        nothing: bool,
    },
    /// The epoch has been raised and the store read.
    Snapshot(Snapshot),
}

/// What the store said when its epoch was raised.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Snapshot {
    /// The new epoch.
    pub(crate) epoch: u8,
    /// The pool.
    pub(crate) numbers: Numbers,
    /// Each buyer's live units.
    pub(crate) buyers: Vec<u8>,
    /// Nothing was there, neither rows nor messages.
    pub(crate) virgin: bool,
}

/// One order id.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Order {
    /// Which of the world's orders it is, or is like.
    pub(crate) kind: u8,
    /// The requests.
    pub(crate) tries: Vec<Try>,
    /// Its own time less what a key may lie ahead, once it has been used.
    pub(crate) own: Option<Stamp>,
    /// A row in the store.
    pub(crate) row: Option<Row>,
    /// Messages that are not acknowledged, a bit a body.
    pub(crate) bus: u8,
    /// Those of them that were there before the ledger was lost.
    pub(crate) backlog: u8,
    /// Dead letters that have not ended, a bit a body.
    pub(crate) dead: u8,
    /// Those of them that were put back on the bus, and have not died again.
    pub(crate) replayed: u8,
    /// What the ledger knows.
    pub(crate) pages: Pages,
    /// On the reaper's list, as a body of an epoch.
    pub(crate) reaped: Option<Held>,
    /// About to be ended as a dead letter.
    pub(crate) buried: Option<Held>,
    /// Bodies for which a 202 was given.
    pub(crate) told: u8,
    /// Settlements in the network.
    pub(crate) letters: Vec<Letter>,
    /// The rebuild's reading: a promise of this body.
    pub(crate) reclaimed: Option<u8>,
}

/// What the ledger knows of an order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pages {
    /// Its claim.
    pub(crate) claim: Option<Claim>,
    /// Its note.
    pub(crate) note: Option<Note>,
}

/// A request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Try {
    /// How far it has come.
    pub(crate) at: At,
    /// With which body.
    pub(crate) body: u8,
}

/// How far a request has come. Its node may stop anywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum At {
    /// It has not come yet.
    Fresh,
    /// Sent to the store with this ticket.
    Looking(Ticket),
    /// The store had no row.
    LookedUp(Ticket),
    /// Its units are claimed; the name is the claim's, unless it resumed one.
    Claimed(Option<u64>),
    /// The bus never got its message.
    Refused(Option<u64>),
    /// Its message is on the bus.
    Published,
    /// It was answered, or died.
    Over,
}

/// The ledger's ticket for a look-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Ticket {
    /// Of which opening.
    pub(crate) epoch: u8,
    /// When the ledger gave it.
    pub(crate) asked_at: Stamp,
}

/// A claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Claim {
    /// For which body.
    pub(crate) body: u8,
    /// How far it has come.
    pub(crate) stage: Stage,
    /// Its deadline has passed, as far as it has one.
    pub(crate) late: bool,
}

/// How far a claim has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Made by a request of this name.
    Intent(u64),
    /// On the bus.
    Promised,
    /// The reaper has it.
    Picked,
}

/// A note.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Note {
    /// What the store said.
    pub(crate) fate: Fate,
    /// About which body.
    pub(crate) body: u8,
    /// When it was written.
    pub(crate) written: Stamp,
}

/// A row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    /// What was decided.
    pub(crate) fate: Fate,
    /// About which body.
    pub(crate) body: u8,
    /// At which version of the pool.
    pub(crate) version: u8,
}

/// What a keeper has in its hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Held {
    /// Of which opening.
    pub(crate) epoch: u8,
    /// Of which body.
    pub(crate) body: u8,
}

/// A settlement of one order on its way to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Letter {
    /// The pool.
    pub(crate) numbers: Numbers,
    /// What was decided.
    pub(crate) fate: Fate,
    /// About which body.
    pub(crate) body: u8,
    /// Live units of that body's buyer.
    pub(crate) units: u8,
}

/// A decision by its code, which has an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fate(u8);

impl Fate {
    /// The fate that is this decision.
    #[must_use]
    pub(crate) fn of(decision: Decision) -> Self {
        Self(decision.code())
    }

    /// The decision.
    #[must_use]
    pub(crate) fn decision(self) -> Decision {
        Decision::from_code(self.0).expect("because it was made from a decision")
    }

    pub(crate) fn is_live(self) -> bool {
        self.decision().status().is_live()
    }
}

impl State {
    /// The world before anybody came. The pool is open, over nothing.
    #[must_use]
    pub(crate) fn first(world: &World) -> Self {
        let order = |index: usize| {
            let spec = &world.orders[index];
            Order {
                kind: u8::try_from(world.kind(index)).expect("because a world has few orders"),
                tries: spec.tries.iter().map(|body| Try { at: At::Fresh, body: *body }).collect(),
                own: spec.early.then_some(0),
                row: None,
                bus: 0,
                backlog: 0,
                dead: 0,
                replayed: 0,
                pages: Pages::default(),
                reaped: None,
                buried: None,
                told: 0,
                letters: Vec::new(),
                reclaimed: None,
            }
        };
        let numbers = Numbers { version: 0, sold: 0, capacity: world.capacity };
        let buyers = if world.ledger_limit().is_some() { world.buyers() } else { 0 };
        let (epoch, opened_at, opened_version) = (1, 0, 0);
        let book = Book {
            epoch,
            opened_at,
            opened_version,
            virgin: true,
            backlog: false,
            numbers,
            dropped_until: None,
            buyers: vec![(0, 0); usize::from(buyers)],
        };
        Self {
            orders: (0..world.orders.len()).map(order).collect(),
            store: Store { epoch, numbers },
            book: Some(book),
            rebuild: Rebuild::No,
            budget: Budget { losses: world.losses, forgets: world.forgets, changes: u8::from(world.changes.is_some()) },
            lost: None,
            copy: None,
            broken: None,
        }
    }

    pub(crate) fn breaks(&mut self, law: Law) {
        self.broken.get_or_insert(law);
    }
}

impl Order {
    pub(crate) fn confirmed(&self) -> Option<Row> {
        self.row.filter(|row| row.fate.is_live())
    }

    /// The body of the first of some messages.
    pub(crate) fn first_body(bits: u8) -> Option<u8> {
        (bits != 0).then(|| u8::try_from(bits.trailing_zeros()).unwrap_or(0))
    }
}
