//! The file `shop.db`: events, pools and orders, shared by the order store and the catalogue.

use super::{Caches, OpenError, SqliteFile, Writer};
use sqlx::SqlitePool;
use std::path::Path;

/// The file's name in the data directory, as it stands in messages.
pub(crate) const FILE: &str = "shop.db";
/// Together with the queue's caches under 32 MiB. The writer appends orders at one end; what is random is the buyers' units.
const CACHES: Caches = Caches { writer_kib: 14 * 1024, reader_kib: 2 * 1024, readers: 4 };

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
        let file = SqliteFile::open(path.clone(), &sqlx::migrate!("../migrations/sqlite/shop"), CACHES).await?;
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
