//! Which ports run on what, and who talks to whom. Decided here, once.

mod bank;
mod distributed;
mod embedded;
mod mails;
mod payments;
mod stage;

pub use distributed::{bootstrap, migrate};
pub use mails::Post;
pub use payments::Payments;
pub use stage::Stage;

use crate::config::Config;
use futures_util::future::select_all;
use stampede_actors::{
    clock::SharedClock,
    ports::{Bus, Catalogue, HoldStore, Ledger, OrderStore, Outbox, PortResult, RateLimits},
};
use stampede_backends::{
    Database, PostgresCatalogue, PostgresOrderStore, ShopFile, SqliteCatalogue, SqliteOrderStore, Timed, Trouble,
};
use stampede_domain::EventSlug;
use std::sync::Arc;

/// The ports of a process.
#[derive(Clone)]
pub struct Ports {
    /// Time.
    pub clock: SharedClock,
    /// The truth.
    pub store: Arc<dyn OrderStore>,
    /// What is for sale.
    pub catalogue: Arc<dyn Catalogue>,
    /// The promise book.
    pub ledger: Arc<dyn Ledger>,
    /// The hand-over.
    pub bus: Arc<dyn Bus>,
    /// Orders that are paid online.
    pub holds: Arc<dyn HoldStore>,
    /// The hand-over of what is wanted for them.
    pub lane: Arc<dyn Bus>,
    /// The mails that are owed to buyers.
    pub outbox: Arc<dyn Outbox>,
    /// Who takes the money.
    pub payments: Arc<Payments>,
    /// The counts of all processes; `None`: there is one process.
    pub limits: Option<Arc<dyn RateLimits>>,
}

impl Ports {
    /// What the configuration chooses: files in a directory, or Postgres, Redis and Pub/Sub.
    ///
    /// # Errors
    /// With what cannot be used, and the way out.
    pub async fn open(config: &Config) -> anyhow::Result<(Self, Books)> {
        let (mut ports, books) = if config.servers.are_set() {
            distributed::open(config).await?
        } else {
            Self::embedded(&config.data_dir).await?
        };
        if let Some(payments) = Payments::configured(config)? {
            ports.payments.close().await;
            ports.payments = Arc::new(payments);
        }
        Ok((ports, books))
    }

    /// Gives back what is held of both buses, and lets go of their files and connections and the bank's.
    pub async fn close(&self) {
        tokio::join!(self.bus.close(), self.lane.close(), self.payments.close());
    }

    /// The same ports, each call timed. Metrics must have begun.
    fn timed(self) -> Self {
        Self {
            clock: self.clock,
            store: Arc::new(Timed::new("order_store", self.store)),
            catalogue: Arc::new(Timed::new("catalogue", self.catalogue)),
            ledger: Arc::new(Timed::new("ledger", self.ledger)),
            bus: Arc::new(Timed::new("bus", self.bus)),
            holds: Arc::new(Timed::new("hold_store", self.holds)),
            lane: Arc::new(Timed::new("lane", self.lane)),
            outbox: Arc::new(Timed::new("outbox", self.outbox)),
            payments: self.payments,
            limits: self.limits.map(|limits| Arc::new(Timed::new("rate_limits", limits)) as _),
        }
    }
}

/// The books of the shop: where orders and the catalogue are kept, for those who need nothing else, and to be closed when
/// everything else is done.
pub enum Books {
    /// In a directory, perhaps beside other files, each of which may get into trouble.
    Files(ShopFile, Vec<Trouble>),
    /// In Postgres.
    Postgres(Database),
}

impl Books {
    /// Opens them alone: for commands that look at orders or change what is for sale.
    ///
    /// # Errors
    /// With what cannot be used, and the way out.
    pub async fn open(config: &Config) -> anyhow::Result<Self> {
        if config.servers.are_set() {
            distributed::books(config).await
        } else {
            embedded::books(&config.data_dir).await
        }
    }

    /// The orders.
    #[must_use]
    pub fn orders(&self) -> Arc<dyn OrderStore> {
        match self {
            Self::Files(shop, _) => Arc::new(SqliteOrderStore::new(shop)),
            Self::Postgres(database) => Arc::new(PostgresOrderStore::new(database)),
        }
    }

    /// Orders that are paid online.
    #[must_use]
    pub fn holds(&self) -> Arc<dyn HoldStore> {
        match self {
            Self::Files(shop, _) => Arc::new(SqliteOrderStore::new(shop)),
            Self::Postgres(database) => Arc::new(PostgresOrderStore::new(database)),
        }
    }

    /// What is for sale.
    #[must_use]
    pub fn catalogue(&self) -> Arc<dyn Catalogue> {
        match self {
            Self::Files(shop, _) => Arc::new(SqliteCatalogue::new(shop)),
            Self::Postgres(database) => Arc::new(PostgresCatalogue::new(database)),
        }
    }

    /// Forgets the orders of an event: for demos.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`.
    pub async fn forget_orders(&self, event: &EventSlug) -> PortResult<()> {
        match self {
            Self::Files(shop, _) => SqliteCatalogue::new(shop).forget_orders(event).await,
            Self::Postgres(database) => PostgresCatalogue::new(database).forget_orders(event).await,
        }
    }

    /// Returns when the process can no longer write its files and is to end, with a sentence for the operator. Servers say no
    /// such thing: who cannot reach them tries again.
    pub async fn trouble(&self) -> String {
        match self {
            Self::Postgres(_) => std::future::pending().await,
            Self::Files(_, others) if others.is_empty() => std::future::pending().await,
            Self::Files(shop, others) => {
                let shop = shop.trouble();
                let all = others.iter().chain([&shop]).map(|file| Box::pin(file.told()));
                select_all(all).await.0
            }
        }
    }

    /// The database, if the books are in one.
    #[must_use]
    pub fn database(&self) -> Option<&Database> {
        match self {
            Self::Files(..) => None,
            Self::Postgres(database) => Some(database),
        }
    }

    /// Closes what the ports leave open.
    pub async fn close(&self) {
        match self {
            Self::Files(shop, _) => shop.close().await,
            Self::Postgres(database) => database.close().await,
        }
    }
}
