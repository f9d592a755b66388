//! The file `shop.db`: events, pools and orders, shared by the order store and the catalogue.

use super::{OpenError, Sizes, SqliteFile, Trouble, Writer};
use crate::SqliteOrderStore;
use sqlx::SqlitePool;
use stampede_actors::ports::{OrderStore as _, PortFailure};
use stampede_domain::laws::check_store;
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
        let (readers, is_on_trust) = (file.readers().await?, file.is_on_trust());
        let unusable = |error: sqlx::Error| OpenError::Unusable { file: path.clone(), cause: error.to_string() };
        let writer = Writer::open(file).await.map_err(unusable)?;
        let shop = Self { writer, readers };
        if is_on_trust && let Some(how) = shop.breaks_a_law().await {
            shop.close().await;
            return Err(OpenError::Damaged { file: path, how });
        }
        Ok(shop)
    }

    /// What of the rows cannot be, if anything: a file without sums is looked at as far as one can.
    async fn breaks_a_law(&self) -> Option<String> {
        let audits = match SqliteOrderStore::new(self).audit().await {
            Ok(audits) => audits,
            Err(failure) => return Some(failure.to_string()),
        };
        let breach = audits.iter().flat_map(|audit| check_store(audit.pool, &audit.sums)).next()?;
        Some(format!("{}: {}", breach.law, breach.how))
    }

    /// What a read that failed means.
    pub(crate) fn reading(&self) -> impl Fn(sqlx::Error) -> PortFailure {
        self.writer.trouble().reading()
    }

    /// Whether the file can still be written; if not, the process is to end.
    #[must_use]
    pub fn trouble(&self) -> Trouble {
        self.writer.trouble().clone()
    }

    /// Copies the log back into the file and lets go of it. Transactions under way come to their end first.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
