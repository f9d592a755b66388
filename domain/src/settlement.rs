//! What the store decided, on its way to the ledger.

use crate::{
    buyer::BuyerId,
    fingerprint::Fingerprint,
    id::{OrderId, PoolId},
    order::Decision,
    pool::PoolNumbers,
    time::Millis,
};

/// The decision about one order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    /// Whose.
    pub order: OrderId,
    /// What the row's order was asked with.
    pub fingerprint: Fingerprint,
    /// What the store said.
    pub decision: Decision,
}

/// Decisions of one pool with its numbers and its buyers' units, all read in one snapshot of the store.
///
/// It sets, it never adds: applying it twice, late or out of order changes nothing that is newer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Which pool.
    pub pool: PoolId,
    /// Its numbers at the snapshot.
    pub numbers: PoolNumbers,
    /// Orders that are decided.
    pub decided: Vec<Decided>,
    /// Live units of the buyers concerned, at `numbers.version`.
    pub buyers: Vec<(BuyerId, u32)>,
}

/// How the writers are doing, told with every settlement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WriterReport {
    /// Orders the writers hold.
    pub depth: u32,
    /// The depth at which they stop pulling.
    pub high_water: u32,
    /// When the bus had the oldest order they hold.
    pub oldest: Option<Millis>,
    /// Orders decided per second, lately.
    pub per_second: u32,
}
