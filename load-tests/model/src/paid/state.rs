//! A state of the order's world. Moments have an order and no length.

use crate::laws::Law;
use iso_currency::Currency;
use stampede_domain::{
    BuyerId, Fingerprint, Hold, HoldChange, Millis, Money, OrderId, OrderStatus, PaymentId, PoolId, PoolNumbers,
    decide::PoolRow,
    hold::{EXTENSION, Need},
};
use std::hash::{DefaultHasher, Hash, Hasher};
use uuid::Uuid;

/// What the order costs, minor units.
pub(super) const AMOUNT: i64 = 49_900;
/// Units of the order.
pub(super) const UNITS: u32 = 1;
/// Units of other orders in the pool, held all the time: what is given back once too often would be theirs.
pub(super) const OTHERS: u32 = 1;
/// Some time; the rule only compares.
const BEGIN: i64 = 1_800_000_000_000;

/// A moment by the shop's clock. An extension is one moment long.
pub(super) fn moment(number: u8) -> Millis {
    Millis(BEGIN).plus(EXTENSION * u32::from(number))
}

/// Everything that will decide what can happen.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct State {
    /// The present.
    pub(super) now: u8,
    /// The order's row.
    pub(super) hold: Hold,
    /// Its pool's row: units held, units sold.
    pub(super) units: (u32, u32),
    /// What the provider has, in the order it was made.
    pub(super) payments: Vec<ProviderPayment>,
    /// The nodes.
    pub(super) hands: Vec<Hand>,
    /// A law that the last step broke. Nothing happens afterwards.
    pub(super) broken: Option<Law>,
}

/// A payment, as its provider has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ProviderPayment {
    /// For which attempt.
    pub(super) attempt: u32,
    /// How it stands.
    pub(super) stage: Stage,
    /// Money given back.
    pub(super) refunded: i64,
    /// The money came although the provider had said that none would.
    pub(super) came_late: bool,
}

/// How a payment stands at its provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// The buyer has something to do.
    AwaitsBuyer,
    /// The money is set aside.
    Authorized,
    /// It is taken.
    Captured,
    /// None is, and none will be.
    Closed,
}

impl Stage {
    /// Whether money may still be taken.
    pub(super) fn is_open(self) -> bool {
        matches!(self, Self::AwaitsBuyer | Self::Authorized)
    }
}

/// What a node has in its hands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Hand {
    /// Nothing.
    Empty,
    /// The row as it read it, and what is to be done.
    Took(Box<Hold>, Need),
    /// It was sent a notice and has asked after the payment, which was so then.
    Noticed(usize, ProviderPayment),
    /// A payment with money set aside, which is to be taken or let go; and what is to be written besides.
    Judges(Box<Hold>, usize, Vec<HoldChange>),
    /// What is to be written, by whom the clock was read then.
    Writes(Vec<HoldChange>, u8),
}

/// The provider's name of a payment.
pub(super) fn name_of(payment: usize) -> PaymentId {
    PaymentId::new(format!("p{payment}")).expect("because it is a plain name")
}

/// Which payment a name is.
pub(super) fn place_of(payment: &PaymentId) -> usize {
    payment.as_str()[1..].parse().expect("because only such names are given")
}

impl State {
    /// Its units have just been reserved.
    pub(super) fn first(nodes: usize) -> Self {
        let hold = Hold {
            order: OrderId(Uuid::from_u128(1)),
            pool: PoolId(1),
            quantity: UNITS,
            buyer: BuyerId(1),
            fingerprint: Fingerprint(1),
            amount: Money { minor: AMOUNT, currency: Currency::EUR },
            status: OrderStatus::Reserved,
            hold_until: moment(1),
            extended: false,
            attempt: 0,
            paying_at: Millis(0),
            page: None,
            decline: None,
            paid_by: None,
            payments: Vec::new(),
            look_at: Millis(0),
            changed_at: Millis(0),
        };
        let hands = vec![Hand::Empty; nodes];
        Self { now: 0, hold, units: (OTHERS + UNITS, 0), payments: Vec::new(), hands, broken: None }
    }

    /// Of states that nothing can tell apart, one: the nodes are alike, and when somebody looks again has no length.
    pub(super) fn canonical(mut self) -> Self {
        (self.hold.look_at, self.hold.changed_at, self.hold.decline) = (Millis(0), Millis(0), None);
        self.hands.sort_by_key(|hand| {
            let mut hasher = DefaultHasher::new();
            hand.hash(&mut hasher);
            hasher.finish()
        });
        self
    }

    /// The pool's row, as the rule takes it.
    pub(super) fn pool(&self) -> PoolRow {
        let (held, sold) = self.units;
        let numbers = PoolNumbers { capacity: OTHERS + UNITS, held, sold, version: 1 };
        PoolRow { numbers, epoch: 1, limit_per_buyer: None, hold: None }
    }

    /// Money that the provider has of this order.
    pub(super) fn kept(&self) -> i64 {
        let kept = |payment: &ProviderPayment| {
            if payment.stage == Stage::Captured { AMOUNT - payment.refunded } else { 0 }
        };
        self.payments.iter().map(kept).sum()
    }
}
