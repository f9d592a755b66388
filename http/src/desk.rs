//! What a worker's thread has at hand: mailboxes to the `Inventory` on the same thread, and what was rendered already.

use crate::{
    api::cache::AvailabilityCache, door::DoorRules, pages::cache::PageCache, paying::Paying, signing::Signer,
    ticket::TicketKey,
};
use stampede_actors::{
    chance::{Chance, KeyMaker},
    clock::SharedClock,
    doorkeeper::Admit,
    inventory::{FindEvent, FindOrder, ListEvents, PlaceOrder, RepeatOrder, WatchShelf},
    mailbox::Mailbox,
    mailroom::{OrdersOf, SendLink},
    till::{FindHold, Noticed, Wished},
};
use stampede_domain::Millis;
use stampede_web::{FaceError, Faces};
use std::{
    cell::RefCell,
    sync::{Arc, atomic::AtomicU32},
    time::Duration,
};
use tokio::sync::{Semaphore, watch};

/// How long an answer of an actor is waited for before the outcome is called unknown. Longer than any healthy disk needs,
/// shorter than a buyer's patience and a load balancer's.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What all workers share.
pub struct Shop {
    /// The pages.
    pub faces: Faces,
    /// Signs links and cookies.
    pub(crate) signer: Signer,
    /// Signs tickets.
    pub(crate) ticket_key: TicketKey,
    /// How the shop is reached.
    pub options: ShopOptions,
    /// Turns true when the shop closes: streams end, so that the workers can stop.
    pub closing: watch::Receiver<bool>,
    /// Streams of numbers that are open in this process.
    pub(crate) watchers: Arc<Semaphore>,
    /// Watchers that ever came.
    pub(crate) watchers_come: AtomicU32,
}

/// How the shop is reached.
#[derive(Clone, Debug, Default)]
pub struct ShopOptions {
    /// The address shoppers know, e.g. `https://tickets.example.org`; from the request when absent.
    pub public_url: Option<String>,
    /// Most streams of live numbers at a time; the others poll.
    pub max_watchers: usize,
    /// Who may come in.
    pub door: DoorRules,
    /// Whom the routes of paid orders reach besides actors.
    pub paying: Paying,
}

impl Shop {
    /// A shop with compiled pages.
    ///
    /// # Errors
    /// A template that does not compile.
    pub fn new(
        secret: &[u8],
        ticket_key: TicketKey,
        options: ShopOptions,
        closing: watch::Receiver<bool>,
    ) -> Result<Self, FaceError> {
        let watchers = Arc::new(Semaphore::new(options.max_watchers));
        let (faces, signer, watchers_come) = (Faces::new()?, Signer::new(secret), AtomicU32::new(0));
        Ok(Self { faces, signer, ticket_key, options, closing, watchers, watchers_come })
    }

    /// Streams of numbers that are open now.
    pub(crate) fn watching(&self) -> usize {
        self.options.max_watchers.saturating_sub(self.watchers.available_permits())
    }

    /// Whether shoppers come by TLS, as far as we were told.
    pub(crate) fn is_behind_tls(&self) -> bool {
        let is_told = self.options.public_url.as_deref().is_some_and(|url| url.starts_with("https://"));
        is_told || self.options.door.requires_https
    }
}

/// Mailboxes to the actors on this thread.
pub struct Mailboxes {
    /// Who asks too often.
    pub admit: Mailbox<Admit>,
    /// One event.
    pub find_event: Mailbox<FindEvent>,
    /// All events.
    pub list_events: Mailbox<ListEvents>,
    /// Live numbers.
    pub watch_shelf: Mailbox<WatchShelf>,
    /// Orders.
    pub place_order: Mailbox<PlaceOrder>,
    /// Orders that are known, for those who ask too often.
    pub repeat_order: Mailbox<RepeatOrder>,
    /// Where orders stand.
    pub find_order: Mailbox<FindOrder>,
    /// What buyers and organizers want of orders that are paid online.
    pub wished: Mailbox<Wished>,
    /// How orders that are paid online stand.
    pub find_hold: Mailbox<FindHold>,
    /// What the provider of payments tells.
    pub noticed: Mailbox<Noticed>,
    /// Who wants a link to their orders.
    pub send_link: Mailbox<SendLink>,
    /// The orders of an address.
    pub orders_of: Mailbox<OrdersOf>,
}

/// The desk of one worker.
pub struct Desk {
    /// Shared with the other workers.
    pub shop: Arc<Shop>,
    /// The actor on this thread.
    pub mailboxes: Mailboxes,
    /// Fresh keys.
    pub keys: KeyMaker,
    pub(crate) clock: SharedClock,
    chance: Chance,
    pub(crate) pages: PageCache,
    pub(crate) availability: AvailabilityCache,
    last_moment: RefCell<(Millis, String)>,
}

impl Desk {
    /// A desk on this thread.
    #[must_use]
    pub fn new(shop: Arc<Shop>, mailboxes: Mailboxes, clock: SharedClock) -> Self {
        let keys = KeyMaker::new(Arc::clone(&clock));
        let chance = Chance::seeded(keys.fresh().0.as_u64_pair().1);
        Self {
            shop,
            mailboxes,
            keys,
            clock,
            chance,
            pages: PageCache::default(),
            availability: AvailabilityCache::default(),
            last_moment: RefCell::new((Millis(i64::MIN), String::new())),
        }
    }

    /// 64 bits that name a request; not secret, only different.
    pub(crate) fn request_id(&self) -> u64 {
        self.chance.bits()
    }

    /// Between nothing and all of a wait: different for everyone.
    pub(crate) fn some_of(&self, wait: Duration) -> Duration {
        self.chance.jittered(wait).saturating_sub(wait)
    }

    /// Server time.
    pub(crate) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Server time as RFC 3339. Thirty answers fall into one millisecond of a busy sale; it is written once for them.
    pub(crate) fn now_in_words(&self) -> String {
        let (now, mut last) = (self.now(), self.last_moment.borrow_mut());
        if last.0 != now {
            *last = (now, now.rfc3339());
        }
        last.1.clone()
    }
}
