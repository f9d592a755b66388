//! Everything there is in one history of paying: the servers, the provider, and the processes as they come and go.

use super::{
    bank::Bank,
    customer::Customer,
    plan::{HOLD, PaidPlan, TICK},
    process::{Door, Ground, Process},
    witness::Witness,
};
use crate::{
    clock::{START, SimulatedClock},
    fate::{Death, Fate},
    festival::festival_paid_online,
    plan::Mode,
};
use stampede_actors::{
    clock::SharedClock,
    ports::{Bus, Catalogue, Entry, HoldStore, OrderStore, PaymentNotice},
};
use stampede_backends::{MemoryBusOptions, MemoryBusServer, MemoryCatalogue, MemoryOrderStore, MemoryShop};
use stampede_domain::{Contact, Fingerprint, Intent, Millis, PoolId, decide::Want};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
    time::Duration,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::Instant,
};

/// The lease of the embedded lane.
const EMBEDDED_LEASE: Duration = Duration::from_secs(6);
/// The shortest lease of Pub/Sub.
const DISTRIBUTED_LEASE: Duration = Duration::from_secs(10);
/// The longest that a dead process stays away, in milliseconds: seldom long, for what is away races nobody.
const ABSENCES_MS: [u64; 4] = [200, 400, 2_000, 10_000];
/// The pause before a provider tells again what the shop did not take.
const TELLS_AGAIN_MS: u64 = 2_000;
/// Units for sale: enough for everybody.
pub(crate) const CAPACITY: u32 = 100;
/// Most units of one buyer: enough too, but they have to be counted.
const LIMIT: u32 = 60;

/// One history's world.
pub(crate) struct Shop {
    pub(crate) fate: Arc<Fate>,
    pub(crate) began: Instant,
    pub(crate) bank: Arc<Bank>,
    pub(crate) witness: Arc<Witness>,
    pub(crate) orders: Arc<dyn OrderStore>,
    pub(crate) lane: MemoryBusServer,
    pub(crate) clock: Arc<SimulatedClock>,
    catalogue: MemoryCatalogue,
    network: Arc<dyn Bus>,
    mode: Mode,
    processes: RefCell<Vec<Option<Process>>>,
    panics: Rc<Cell<u32>>,
    untold: Cell<u32>,
    is_closing: Cell<bool>,
}

/// Those who wait for what is to be done to the world.
pub(crate) struct Waiting {
    pub(crate) mortuary: UnboundedReceiver<Death>,
    pub(crate) notices: UnboundedReceiver<(u64, PaymentNotice)>,
}

impl Shop {
    /// The servers are up, and nothing else.
    pub(crate) fn new(plan: &PaidPlan, fate: Arc<Fate>, mortuary: UnboundedReceiver<Death>) -> (Rc<Self>, Waiting) {
        let began = Instant::now();
        let clock = SimulatedClock::since(began);
        let memory = MemoryShop::new();
        let store = Arc::new(MemoryOrderStore::new(&memory));
        let (sender, notices) = unbounded_channel();
        let banks_clock = Arc::clone(&clock) as SharedClock;
        let bank = Bank::new(&plan.customers, move || banks_clock.now(), &fate, sender);
        let holds = Arc::clone(&store) as Arc<dyn HoldStore>;
        let witness = Witness::new(holds, Arc::clone(&bank), Arc::clone(&clock), Arc::clone(&fate));
        let embedded = plan.mode == Mode::Embedded;
        let options = MemoryBusOptions {
            lease: if embedded { EMBEDDED_LEASE } else { DISTRIBUTED_LEASE },
            tells_what_waits: embedded,
            sole_consumer: embedded,
        };
        let lane = MemoryBusServer::new(Arc::clone(&clock) as SharedClock, options);
        let shop = Rc::new(Self {
            began,
            bank,
            witness,
            orders: store,
            network: Arc::new(lane.handle()),
            lane,
            clock,
            catalogue: MemoryCatalogue::new(&memory),
            mode: plan.mode,
            processes: RefCell::new(if embedded { vec![None] } else { vec![None, None] }),
            panics: Rc::default(),
            untold: Cell::new(0),
            is_closing: Cell::new(false),
            fate,
        });
        (shop, Waiting { mortuary, notices })
    }

    pub(crate) fn at_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A moment of the history by the clock.
    pub(crate) fn moment(&self, at_ms: u64) -> Millis {
        Millis(START + at_ms.cast_signed())
    }

    /// Actors that died of something that no fault explains.
    pub(crate) fn panics(&self) -> u32 {
        self.panics.get()
    }

    /// Notices that the shop has not taken yet.
    pub(crate) fn untold(&self) -> u32 {
        self.untold.get()
    }

    /// Buyers go home: nobody asks for anything new.
    pub(crate) fn close(&self) {
        self.is_closing.set(true);
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.get()
    }

    /// The units are held, each order's since so long ago that its time is up at its deadline.
    pub(crate) async fn reserve(&self, customers: &[Rc<Customer>]) {
        self.catalogue.apply(&festival_paid_online(CAPACITY, LIMIT)).await.expect("because nothing is sold yet");
        for customer in customers {
            let decided_at = Millis(self.moment(customer.deadline).0 - i64::try_from(HOLD.as_millis()).unwrap_or(0));
            let intent = Intent {
                order: customer.order,
                pool: pool(),
                quantity: customer.quantity,
                buyer: customer.buyer,
                fingerprint: Fingerprint::of(customer.buyer, pool(), customer.quantity, [None; 3]),
                asked_at: decided_at,
                contact: Contact::default(),
                trace: None,
            };
            self.orders
                .decide(decided_at, &[Entry { intent, want: Want::Place }])
                .await
                .expect("because there are enough");
            let hold = self.witness.hold(customer.order).await.expect("because nothing fails yet");
            self.witness.knows(hold.expect("because it was reserved"));
        }
    }

    /// All processes come up, one some time after the other.
    pub(crate) async fn begin(self: &Rc<Self>) {
        for number in 0..self.places() {
            self.start(number);
            tokio::time::sleep(Duration::from_millis(TICK)).await;
        }
    }

    /// Those that are not there come up.
    pub(crate) fn everybody_is_back(self: &Rc<Self>) {
        (0..self.places()).for_each(|number| self.start(number));
    }

    fn places(&self) -> usize {
        self.processes.borrow().len()
    }

    /// A process comes up, if it is not there.
    fn start(self: &Rc<Self>, number: usize) {
        if self.processes.borrow()[number].is_some() {
            return;
        }
        let ground = Ground {
            clock: Arc::clone(&self.clock) as SharedClock,
            holds: Arc::clone(&self.witness) as Arc<dyn HoldStore>,
            lane: Arc::new(self.lane.handle()),
            network: Arc::clone(&self.network),
            gateway: Arc::clone(&self.bank) as _,
            is_alone: self.mode == Mode::Embedded,
        };
        let process = Process::begin(number, &ground, &self.fate, &self.panics);
        self.processes.borrow_mut()[number] = Some(process);
    }

    /// Those who carry the deaths out that the faults ask for; the dead come back after a while.
    pub(crate) async fn bury(self: Rc<Self>, mut mortuary: UnboundedReceiver<Death>) {
        while let Some(death) = mortuary.recv().await {
            match death {
                Death::Actor(caller) => {
                    if let Some(process) = &self.processes.borrow()[caller.node] {
                        process.fell(caller.actor);
                    }
                }
                Death::Node(number) => {
                    let process = self.processes.borrow_mut()[number].take();
                    let Some(process) = process else { continue };
                    self.fate.has_died(number);
                    process.kill();
                    // It looks around when the others do, or half of a round later.
                    let longest = ABSENCES_MS[usize::try_from(self.fate.between(0, 3)).unwrap_or_default()];
                    let back_at = (self.at_ms() + self.fate.between(1, longest)).next_multiple_of(TICK);
                    let this = Rc::clone(&self);
                    tokio::task::spawn_local(async move {
                        tokio::time::sleep_until(this.began + Duration::from_millis(back_at)).await;
                        this.start(number);
                    });
                }
            }
        }
    }

    /// Carries notices to the shop, each until it has been taken.
    pub(crate) async fn carry(self: Rc<Self>, mut notices: UnboundedReceiver<(u64, PaymentNotice)>) {
        while let Some((at, notice)) = notices.recv().await {
            self.untold.set(self.untold.get() + 1);
            let this = Rc::clone(&self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep_until(this.began + Duration::from_millis(at)).await;
                while !this.takes(notice.clone()).await {
                    tokio::time::sleep(Duration::from_millis(this.fate.between(1, TELLS_AGAIN_MS))).await;
                }
                this.untold.set(this.untold.get() - 1);
            });
        }
    }

    async fn takes(&self, notice: PaymentNotice) -> bool {
        self.fate.note(&("notice", notice.payment.as_str(), notice.attempt));
        let Some(door) = self.door() else { return false };
        let patience = Duration::from_millis(TELLS_AGAIN_MS);
        let answer = door.noticed.ask_within(patience, stampede_actors::till::Noticed(notice)).await;
        matches!(answer, Ok(Ok(())))
    }

    /// Where buyers and provider ask: at some process, if it is there.
    pub(crate) fn door(&self) -> Option<Door> {
        let processes = self.processes.borrow();
        let some = usize::try_from(self.fate.between(0, processes.len() as u64 - 1)).unwrap_or_default();
        processes.get(some)?.as_ref().map(|process| process.door.clone())
    }
}

/// The one pool.
pub(crate) fn pool() -> PoolId {
    crate::buyers::pool()
}
