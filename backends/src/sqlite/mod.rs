//! What both SQLite files share: opening, the one writer, and what an error means.

mod error;
mod file;
mod shop;
mod writer;

pub(crate) use error::reading;
pub use file::OpenError;
pub(crate) use file::{Sizes, SqliteFile};
pub(crate) use shop::FILE as SHOP_FILE;
pub use shop::ShopFile;
pub(crate) use writer::Writer;
