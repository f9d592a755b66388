//! Everything on one machine, in one directory.

use super::{Books, Payments, Ports};
use anyhow::Context;
use stampede_actors::{
    clock::{SharedClock, SystemClock},
    ports::Bus,
};
use stampede_backends::{InProcessLedger, QueueOptions, ShopFile, SqliteBus, SqliteCatalogue, SqliteOrderStore};
use std::{path::Path, sync::Arc};

/// The file of wishes about payments that wait.
const LANE: &str = "payments.db";

impl Ports {
    /// Files in a directory, and a ledger in memory.
    ///
    /// # Errors
    /// With the file that cannot be used and the way out.
    pub async fn embedded(directory: &Path) -> anyhow::Result<(Self, Books)> {
        let clock: SharedClock = Arc::new(SystemClock);
        let shop = ShopFile::open(directory).await.context("the shop's file cannot be used")?;
        match beside(directory, &clock).await {
            Ok((bus, lane, payments)) => {
                let troubles = [bus.trouble(), lane.trouble()].into_iter().chain(payments.trouble()).collect();
                let store = Arc::new(SqliteOrderStore::new(&shop));
                let ports = Self {
                    holds: Arc::clone(&store) as _,
                    outbox: Arc::clone(&store) as _,
                    store,
                    catalogue: Arc::new(SqliteCatalogue::new(&shop)),
                    ledger: Arc::new(InProcessLedger::new(Arc::clone(&clock))),
                    bus: Arc::new(bus),
                    lane: Arc::new(lane),
                    payments: Arc::new(payments),
                    limits: None,
                    clock,
                };
                Ok((ports.timed(), Books::Files(shop, troubles)))
            }
            Err(error) => {
                shop.close().await;
                Err(error)
            }
        }
    }
}

/// What stands beside the shop's file: the queue, the lane, the bank. What was opened before one that cannot be is closed again.
async fn beside(directory: &Path, clock: &SharedClock) -> anyhow::Result<(SqliteBus, SqliteBus, Payments)> {
    let queue = QueueOptions::default();
    let bus = SqliteBus::open(directory, Arc::clone(clock), queue).await.context("the queue's file cannot be used")?;
    let lane = SqliteBus::open_named(directory, LANE, Arc::clone(clock), queue).await;
    let lane = match lane.context("the file of payments that wait cannot be used") {
        Ok(lane) => lane,
        Err(error) => {
            bus.close().await;
            return Err(error);
        }
    };
    match Payments::simulated(directory, Arc::clone(clock)).await {
        Ok(payments) => Ok((bus, lane, payments)),
        Err(error) => {
            tokio::join!(bus.close(), lane.close());
            Err(error)
        }
    }
}

pub(super) async fn books(directory: &Path) -> anyhow::Result<Books> {
    crate::home::prepare(directory)?;
    let shop = ShopFile::open(directory).await.context("the shop's file cannot be used")?;
    Ok(Books::Files(shop, Vec::new()))
}
