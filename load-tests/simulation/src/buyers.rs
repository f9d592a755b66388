//! Buyers: impatient, forgetful, clicking twice, some of them reusing a key for something else.

use crate::{node::Counter, plan::Plan, world::World};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_actors::{
    clock::Clock,
    inventory::{FindOrder, OrderNotShown, PlaceOrder, Placed},
    mailbox::NoAnswer,
};
use stampede_checker::{Ask, Body, Outcome, Refusal};
use stampede_domain::{BuyerId, Contact, Fingerprint, OrderId, OrderRefused, PoolId};
use std::{rc::Rc, time::Duration};

/// What one key is used for, by whom and how.
#[derive(Clone, Debug)]
pub(crate) struct Errand {
    begins: Duration,
    /// How far the key's own time lies ahead of the buyer's, or behind.
    dated_ms: i64,
    chance: [u8; 10],
    quantity: u32,
    buyer: BuyerId,
    tries: u32,
    patience: Duration,
    /// The pause before the next try, unless the shop names one.
    pause: Duration,
    clicks_twice: bool,
    /// Some time later the same key is used for something else.
    is_reused: Option<Duration>,
    looks: u32,
}

impl Errand {
    /// The errands of a history.
    pub(crate) fn all(plan: &Plan) -> Vec<Self> {
        let mut rng = SmallRng::seed_from_u64(plan.seed ^ 0xB0B5_1ED5_0FFE_E5AA);
        // A few crowds that come at the same moment, so that batches form, and some stragglers.
        let window = u64::try_from(plan.rush.as_millis()).unwrap_or(1).max(1);
        let crowds: Vec<_> = (0..rng.random_range(1..=6)).map(|_| rng.random_range(0..window)).collect();
        let mut errand = |number: u32| {
            let in_a_crowd = rng.random_bool(0.7);
            let begins =
                if in_a_crowd { crowds[rng.random_range(0..crowds.len())] } else { rng.random_range(0..window) };
            let dated = [(0, 0), (-600_000, -1_000), (0, 100_000)][[0, 0, 0, 0, 1, 2][rng.random_range(0..6)]];
            let mut chance = [0; 10];
            rng.fill(&mut chance);
            let most = plan.limit.unwrap_or(3).min(3);
            Self {
                begins: Duration::from_millis(begins),
                dated_ms: rng.random_range(dated.0..=dated.1),
                chance,
                quantity: rng.random_range(1..=most),
                buyer: BuyerId(i64::from(number % plan.buyers) + 1),
                tries: rng.random_range(1..=plan.tries),
                patience: Duration::from_millis(rng.random_range(500..40_000)),
                pause: Duration::from_millis(rng.random_range(1..4_000)),
                clicks_twice: rng.random_bool(0.2),
                is_reused: rng.random_bool(0.1).then(|| Duration::from_millis(rng.random_range(0..20_000))),
                looks: rng.random_range(0..4),
            }
        };
        (0..plan.orders).map(&mut errand).collect()
    }

    /// A buyer of what is left, with a key and a name of their own.
    pub(crate) fn latecomer(number: u32, quantity: u32, rng: &mut impl Rng) -> Self {
        let mut chance = [0; 10];
        rng.fill(&mut chance);
        Self {
            begins: Duration::ZERO,
            dated_ms: 0,
            chance,
            quantity,
            buyer: BuyerId(1_000_000 + i64::from(number)),
            tries: 1,
            patience: Duration::from_secs(5),
            pause: Duration::ZERO,
            clicks_twice: false,
            is_reused: None,
            looks: 0,
        }
    }

    /// Runs the errand until it is done or the buyer has had enough.
    pub(crate) fn run(self, world: &Rc<World>) {
        let world = Rc::clone(world);
        tokio::task::spawn_local(async move {
            tokio::time::sleep(self.begins).await;
            let order = self.key(&world);
            if let Some(later) = self.is_reused {
                let (world, other) = (Rc::clone(&world), self.other());
                tokio::task::spawn_local(async move {
                    tokio::time::sleep(later).await;
                    if !world.is_closing() {
                        other.ask(&world, order).await;
                    }
                });
            }
            if self.clicks_twice {
                let (world, again) = (Rc::clone(&world), self.clone());
                tokio::task::spawn_local(async move { again.ask(&world, order).await });
            }
            self.go_on(&world, order).await;
        });
    }

    async fn go_on(&self, world: &Rc<World>, order: OrderId) {
        for _ in 0..self.tries {
            if world.is_closing() {
                return;
            }
            let outcome = self.ask(world, order).await;
            let is_over = match outcome {
                Outcome::Accepted { .. } => true,
                Outcome::Refused(refusal) => !matches!(refusal, Refusal::SoldOut { .. } | Refusal::Limit),
                _ => false,
            };
            if is_over {
                break;
            }
            tokio::time::sleep(self.pause).await;
        }
        for _ in 0..self.looks {
            if world.is_closing() {
                return;
            }
            tokio::time::sleep(self.pause).await;
            look(world, order).await;
        }
    }

    /// The key of the errand, as the buyer's own clock dates it.
    pub(crate) fn key(&self, world: &World) -> OrderId {
        let now = world.server_clock.now().0 + self.dated_ms;
        let now = u64::try_from(now).unwrap_or_default();
        OrderId(uuid::Builder::from_unix_timestamp_millis(now, &self.chance).into_uuid())
    }

    /// The same key for another buyer's order.
    fn other(&self) -> Self {
        Self { quantity: self.quantity % 3 + 1, buyer: BuyerId(self.buyer.0 + 1), ..self.clone() }
    }

    /// Asks once, and keeps what was asked and answered.
    pub(crate) async fn ask(&self, world: &World, order: OrderId) -> Outcome {
        let Some(Counter { place_order, .. }) = world.counter() else {
            // Nobody is there: the connection is refused, and nothing was asked.
            return Outcome::PutOff;
        };
        let contact = Contact { user_id: Some(format!("buyer {}", self.buyer.0)), ..Contact::default() };
        let texts = [contact.user_id.as_deref(), None, None];
        let fingerprint = Fingerprint::of(self.buyer, pool(), self.quantity, texts);
        let body = Body { pool: pool(), buyer: self.buyer, quantity: self.quantity, fingerprint };
        let call = world.recorder.asked(world.at_ms(), Ask::Buy { order, body });
        let (quantity, buyer) = (self.quantity, self.buyer);
        let question = PlaceOrder { order, event: None, ticket_type: None, quantity, buyer, contact, trace: None };
        let outcome = match place_order.ask_within(self.patience, question).await {
            Ok(placed) => outcome(placed, self.quantity),
            Err(NoAnswer::Full) => Outcome::PutOff,
            Err(NoAnswer::Unknown) => Outcome::Unknown,
        };
        world.fate.note(&("answered", order.0.as_u128(), format!("{outcome:?}")));
        world.recorder.answered(world.at_ms(), call, outcome.clone());
        outcome
    }
}

/// Asks where an order stands.
pub(crate) async fn look(world: &World, order: OrderId) -> Outcome {
    let Some(Counter { find_order, .. }) = world.counter() else { return Outcome::NotKnownYet };
    let call = world.recorder.asked(world.at_ms(), Ask::Look { order });
    let question = FindOrder { order, details: false };
    let outcome = match find_order.ask_within(Duration::from_secs(10), question).await {
        Ok(Ok(found)) => Outcome::Told { status: found.status },
        Ok(Err(OrderNotShown::NotFound)) => Outcome::NotFound,
        Ok(Err(OrderNotShown::NotKnownYet { .. })) | Err(_) => Outcome::NotKnownYet,
    };
    world.fate.note(&("looked", order.0.as_u128(), format!("{outcome:?}")));
    world.recorder.answered(world.at_ms(), call, outcome.clone());
    outcome
}

/// The one pool of the festival.
pub(crate) fn pool() -> PoolId {
    let name = |text: &str| text.parse().expect("because it is a slug");
    PoolId::of(&"festival".parse().expect("because it is a slug"), &name("general"))
}

fn outcome(placed: Placed, quantity: u32) -> Outcome {
    match placed {
        Placed::Accepted { status, replayed } => Outcome::Accepted { status, replayed, quantity },
        Placed::Refused(refused) => Outcome::Refused(refusal(refused)),
        Placed::PutOff { .. } | Placed::TooOften { .. } => Outcome::PutOff,
        Placed::Unknown { .. } => Outcome::Unknown,
        Placed::NotForSale => Outcome::Strange { what: "not for sale".into() },
    }
}

fn refusal(refused: OrderRefused) -> Refusal {
    match refused {
        OrderRefused::NotOpen { .. } => Refusal::NotOpen,
        OrderRefused::Paused => Refusal::Paused,
        OrderRefused::SaleOver => Refusal::SaleOver,
        OrderRefused::SoldOut { free, in_flight } => Refusal::SoldOut { finally: free == 0 && in_flight == 0 },
        OrderRefused::TooManyAtOnce { .. } => Refusal::TooManyAtOnce,
        OrderRefused::LimitReached { .. } => Refusal::Limit,
        OrderRefused::KeyReused => Refusal::KeyReused,
        OrderRefused::Ended(status) => Refusal::Ended(status),
    }
}
