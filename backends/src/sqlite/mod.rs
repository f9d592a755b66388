//! What both SQLite files share: opening, the one writer, and what an error means.

mod error;
mod file;
mod shop;
mod writer;

pub(crate) use error::{Stop, reading};
pub use file::OpenError;
pub(crate) use file::{Sizes, SqliteFile};
pub(crate) use shop::FILE as SHOP_FILE;
pub use shop::ShopFile;
pub(crate) use writer::Writer;

/// A count or version as SQLite keeps it.
pub(crate) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A number that SQLite kept for us; what cannot have been ours reads as the nearest that can.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// Units, which are 32 bits everywhere else.
pub(crate) fn units(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}
