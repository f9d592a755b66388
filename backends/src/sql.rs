//! What both databases share: why a transaction stopped, and numbers as SQL keeps them, which has no unsigned ones.

use stampede_actors::ports::PortFailure;

/// Why a transaction stopped before its commit. Whatever it is, nothing happened.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The work itself said no.
    Said(PortFailure),
    /// A statement failed.
    Failed(sqlx::Error),
}

impl From<sqlx::Error> for Stop {
    fn from(error: sqlx::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<PortFailure> for Stop {
    fn from(failure: PortFailure) -> Self {
        Self::Said(failure)
    }
}

/// What is in a column, but was not written by any version of the shop.
pub(crate) fn strange(what: String) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what}, which no version of the shop writes").into())
}

/// A count or version as SQL keeps it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQL kept for us; what cannot have been ours reads as the nearest that can.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Units, which are 32 bits everywhere else.
pub(crate) fn units(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}
