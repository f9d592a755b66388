//! The file `shop.db`: events, pools and orders, shared by the order store and the catalogue.

use super::{OpenError, Sizes, SqliteFile, Writer};
use sqlx::SqlitePool;
use std::path::Path;

/// The file's name in the data directory, as it stands in messages.
pub(crate) const FILE: &str = "shop.db";
/// The writer appends orders at one end; what is random are the units of buyers under a limit, many pages a batch, which a
/// longer log (64 MiB) copies back once instead of four times.
const SIZES: Sizes = Sizes { writer_cache_kib: 14 * 1024, reader_cache_kib: 2 * 1024, readers: 4, log_pages: 16_384 };

/// `shop.db`, open. Cheap to clone: all clones share one writer and a few readers.
#[derive(Clone)]
pub struct ShopFile {
    pub(crate) writer: Writer,
    pub(crate) readers: SqlitePool,
}

impl ShopFile {
    /// Opens or creates `shop.db` in a directory and brings it to this program's schema. Other processes may have it open.
    ///
    /// # Errors
    /// [`OpenError`] with the file and the way out.
    pub async fn open(directory: &Path) -> Result<Self, OpenError> {
        let path = directory.join(FILE);
        let file = SqliteFile::open(path.clone(), &sqlx::migrate!("../migrations/sqlite/shop"), SIZES).await?;
        let readers = file.readers().await?;
        let unusable = |error: sqlx::Error| OpenError::Unusable { file: path, cause: error.to_string() };
        let writer = Writer::open(file).await.map_err(unusable)?;
        Ok(Self { writer, readers })
    }

    /// Copies the log back into the file and lets go of it. Transactions under way come to their end first.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
