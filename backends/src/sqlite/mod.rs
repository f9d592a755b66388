//! What both SQLite files share: opening, the one writer, and what an error means.

mod error;
mod file;
#[cfg(feature = "fuzz")]
pub(crate) mod fuzz;
mod gauge;
mod hold;
mod shop;
mod sums;
mod trouble;
mod wal;
mod writer;

pub(crate) use error::reading;
pub use file::OpenError;
pub(crate) use file::{Sizes, SqliteFile};
pub(crate) use shop::FILE as SHOP_FILE;
pub use shop::ShopFile;
pub use trouble::Trouble;
pub(crate) use writer::Writer;

#[cfg(test)]
mod tests;
