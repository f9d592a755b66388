//! Everything on one machine, in one directory.

use super::{Books, Ports};
use anyhow::Context;
use stampede_actors::clock::{SharedClock, SystemClock};
use stampede_backends::{InProcessLedger, QueueOptions, ShopFile, SqliteBus, SqliteCatalogue, SqliteOrderStore};
use std::{path::Path, sync::Arc};

impl Ports {
    /// Files in a directory, and a ledger in memory.
    ///
    /// # Errors
    /// With the file that cannot be used and the way out.
    pub async fn embedded(directory: &Path) -> anyhow::Result<(Self, Books)> {
        let clock: SharedClock = Arc::new(SystemClock);
        let shop = ShopFile::open(directory).await.context("the shop's file cannot be used")?;
        let bus = match SqliteBus::open(directory, Arc::clone(&clock), QueueOptions::default()).await {
            Ok(bus) => bus,
            Err(error) => {
                shop.close().await;
                return Err(error).context("the queue's file cannot be used");
            }
        };
        let trouble = bus.trouble();
        let ports = Self {
            store: Arc::new(SqliteOrderStore::new(&shop)),
            catalogue: Arc::new(SqliteCatalogue::new(&shop)),
            ledger: Arc::new(InProcessLedger::new(Arc::clone(&clock))),
            bus: Arc::new(bus),
            limits: None,
            clock,
        };
        Ok((ports.timed(), Books::Files(shop, Some(trouble))))
    }
}

pub(super) async fn books(directory: &Path) -> anyhow::Result<Books> {
    crate::home::prepare(directory)?;
    let shop = ShopFile::open(directory).await.context("the shop's file cannot be used")?;
    Ok(Books::Files(shop, None))
}
