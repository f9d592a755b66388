//! The rows of the protocol's crash table, counted: a row that was never hit was never tested.

use std::collections::BTreeMap;

/// A crash or loss at a moment that the protocol names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Row {
    /// A node died with requests that had claimed nothing yet.
    BeforeTheClaim,
    /// A claim was made, and its answer was lost or its node died.
    ClaimedAndNotHeard,
    /// A message is on the bus, and its publisher does not know.
    PublishedAndNotHeard,
    /// The bus has the message, and the node died before the promise.
    DiedBeforeThePromise,
    /// The promise was made, and the node died before or after the 202.
    DiedAfterThePromise,
    /// A writer died before the commit.
    DiedBeforeTheCommit,
    /// A commit, and then death before the acknowledgement, or a lost answer.
    CommittedAndNotHeard,
    /// A commit, and then death before the settlement.
    DiedBeforeTheSettlement,
    /// The ledger was lost while it held claims.
    LedgerLost,
    /// A node was frozen between publish and promise until the reaper had picked its claims.
    FrozenBeforeThePromise,
    /// The store was down while orders were promised.
    StoreDown,
    /// The bus was down while orders were claimed.
    BusDown,
}

impl Row {
    /// All rows, in the table's order.
    pub const ALL: [Self; 12] = [
        Self::BeforeTheClaim,
        Self::ClaimedAndNotHeard,
        Self::PublishedAndNotHeard,
        Self::DiedBeforeThePromise,
        Self::DiedAfterThePromise,
        Self::DiedBeforeTheCommit,
        Self::CommittedAndNotHeard,
        Self::DiedBeforeTheSettlement,
        Self::LedgerLost,
        Self::FrozenBeforeThePromise,
        Self::StoreDown,
        Self::BusDown,
    ];
}

/// How often each row, and each kind of fault, was hit.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Rows of the crash table.
    pub rows: BTreeMap<Row, u64>,
    /// Faults that took effect, by name.
    pub faults: BTreeMap<&'static str, u64>,
}

impl Coverage {
    pub(crate) fn hit(&mut self, row: Row) {
        *self.rows.entry(row).or_default() += 1;
    }

    pub(crate) fn took_effect(&mut self, fault: &'static str) {
        *self.faults.entry(fault).or_default() += 1;
    }

    /// Adds what another history hit.
    pub fn add(&mut self, other: &Self) {
        for (row, times) in &other.rows {
            *self.rows.entry(*row).or_default() += times;
        }
        for (fault, times) in &other.faults {
            *self.faults.entry(fault).or_default() += times;
        }
    }
}
