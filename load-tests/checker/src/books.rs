//! What store, ledger and bus hold when everything is over and at rest.

use serde::{Deserialize, Serialize};
use stampede_domain::{BuyerId, Fingerprint, Millis, OrderId, OrderStatus, PoolId, PoolNumbers, ledger::BookNumbers};

/// Everything there is to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Books {
    /// Every row of the order store, as often as it is there.
    pub rows: Vec<Row>,
    /// Every pool.
    pub pools: Vec<Pool>,
    /// The bus.
    pub bus: Bus,
}

/// A row of the order store.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The buyer's key.
    pub order: OrderId,
    /// Of which pool.
    pub pool: PoolId,
    /// How many units.
    pub quantity: u32,
    /// Whose.
    pub buyer: BuyerId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
    /// Where it stands.
    pub status: OrderStatus,
    /// When the store decided, by its clock.
    pub decided_at: Millis,
    /// The pool's version at the decision.
    pub version: u64,
}

/// A pool, in the store and in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// Which.
    pub pool: PoolId,
    /// Its row in the store.
    pub store: PoolNumbers,
    /// Units of buyers as the store keeps them beside the rows; empty without a limit.
    pub buyers: Vec<(BuyerId, u32)>,
    /// Its book in the ledger; `None` when it is not open, or when there is no ledger to look at.
    pub ledger: Option<LedgerBook>,
}

/// A pool's book in the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerBook {
    /// The pool's numbers as last settled.
    pub settled: PoolNumbers,
    /// Units of claims.
    pub claimed: u32,
    /// Claims.
    pub claims: u64,
    /// Units that can be bought, as shoppers see them.
    pub free: u32,
}

/// The bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bus {
    /// Messages that nobody has acknowledged.
    pub waiting: u64,
    /// Messages set aside.
    pub dead_letters: u64,
}

impl From<&BookNumbers> for LedgerBook {
    fn from(book: &BookNumbers) -> Self {
        Self { settled: book.settled, claimed: book.claimed, claims: book.claims.into(), free: book.free() }
    }
}
