//! For the fuzz targets: a shop in memory whose rows are not as we wrote them.

use super::{audit, hold_rows, rows};
use crate::fuzz::{Row, database, fill};
use sqlx::SqlitePool;
use stampede_actors::ports::{BookedPayment, Listing, OrderRecord};
use stampede_domain::{BuyerId, Hold, Millis, OrderId, PoolId};

/// Rows for a `shop.db`.
pub struct ShopRows(SqlitePool);

/// What a shop says of its rows, table by table: a strange one hides the others of its table, and only them.
pub struct ShopSeen {
    /// Orders.
    pub orders: sqlx::Result<Vec<OrderRecord>>,
    /// Units of buyers.
    pub buyers: sqlx::Result<Vec<(BuyerId, u32)>>,
    /// Events.
    pub listings: sqlx::Result<Vec<Listing>>,
    /// Everything else that is read of these tables.
    pub others: sqlx::Result<()>,
}

const ORDERS: [&str; 11] = [
    "id",
    "pool",
    "quantity",
    "buyer",
    "fingerprint",
    "status",
    "decision",
    "asked_at",
    "decided_at",
    "version",
    "contact",
];
const EVENTS: [&str; 5] = ["slug", "position", "document", "waiting", "paused"];
const BUYERS: [&str; 4] = ["pool", "buyer", "units", "version"];
const POOLS: [&str; 6] = ["id", "capacity", "held", "sold", "version", "epoch"];
/// The pool that is asked about.
const POOL: PoolId = PoolId(1);

impl ShopRows {
    /// An empty shop, whose tables take anything: as damage would leave them, not as SQLite would.
    pub async fn open() -> Self {
        let steps = [
            include_str!("../../../../migrations/sqlite/shop/0001_shop.sql"),
            include_str!("../../../../migrations/sqlite/shop/0002_holds.sql"),
        ];
        let lenient = steps.map(|step| step.replace(" STRICT, WITHOUT ROWID", "").replace(" STRICT;", ";"));
        Self(database(&[&lenient[0], &lenient[1]]).await)
    }

    /// Puts cells into the rows of the tables, as many as there are, and reads all of them as the shop does.
    pub async fn read(&self, orders: &[Row], events: &[Row], buyers: &[Row], pools: &[Row]) -> ShopSeen {
        fill(&self.0, "orders", None, &ORDERS, orders).await;
        fill(&self.0, "events", None, &EVENTS, events).await;
        fill(&self.0, "buyer_units", None, &BUYERS, buyers).await;
        fill(&self.0, "pools", None, &POOLS, pools).await;
        ShopSeen {
            orders: rows::after(&self.0, None, u32::MAX).await,
            buyers: self.buyers().await,
            listings: self.listings().await,
            others: self.others().await,
        }
    }

    async fn buyers(&self) -> sqlx::Result<Vec<(BuyerId, u32)>> {
        let mut connection = self.0.acquire().await?;
        rows::all_units(&mut connection, POOL).await
    }

    async fn listings(&self) -> sqlx::Result<Vec<Listing>> {
        let mut connection = self.0.acquire().await?;
        crate::catalogue::fuzz::listings(&mut connection).await
    }

    async fn others(&self) -> sqlx::Result<()> {
        let mut connection = self.0.acquire().await?;
        let some = OrderId::from([0; 16]);
        rows::known(&mut connection, &[some]).await?;
        rows::pool(&mut connection, POOL).await?;
        rows::units(&mut connection, POOL, vec![BuyerId(0), BuyerId(1)]).await?;
        rows::buyers_since(&mut connection, POOL, 0, 2).await?;
        crate::catalogue::fuzz::pool(&mut connection, POOL).await
    }

    /// How many columns of an order, an event, a buyer and a pool can be chosen.
    #[must_use]
    pub fn columns() -> [usize; 4] {
        [ORDERS.len(), EVENTS.len(), BUYERS.len(), POOLS.len()]
    }
}

/// Rows of orders that are paid online, for a `shop.db`.
pub struct HoldRows(SqlitePool);

/// What a shop says of them.
pub struct HoldsSeen {
    /// Orders with their payments.
    pub holds: sqlx::Result<Vec<Hold>>,
    /// Payments alone.
    pub booked: sqlx::Result<Vec<BookedPayment>>,
    /// Everything else that is read of these tables.
    pub others: sqlx::Result<()>,
}

const HOLDS: [&str; 19] = [
    "id",
    "pool",
    "quantity",
    "buyer",
    "fingerprint",
    "amount",
    "currency",
    "status",
    "hold_until",
    "extended",
    "attempt",
    "paying_at",
    "page",
    "decline",
    "paid_by",
    "look_at",
    "changed_at",
    "owed",
    "due_at",
];
const PAYMENTS: [&str; 6] = ["order_id", "place", "id", "attempt", "captured", "refunded"];

impl HoldRows {
    /// An empty shop whose tables take anything.
    pub async fn open() -> Self {
        Self(ShopRows::open().await.0)
    }

    /// Puts cells into the rows of the tables, and reads all of them as the shop does.
    pub async fn read(&self, holds: &[Row], payments: &[Row]) -> HoldsSeen {
        fill(&self.0, "holds", None, &HOLDS, holds).await;
        fill(&self.0, "payments", None, &PAYMENTS, payments).await;
        HoldsSeen {
            holds: hold_rows::due(&self.0, Millis(i64::MAX), u32::MAX).await,
            booked: hold_rows::payments_after(&self.0, None, u32::MAX).await,
            others: self.others().await,
        }
    }

    async fn others(&self) -> sqlx::Result<()> {
        let mut connection = self.0.acquire().await?;
        hold_rows::of(&mut connection, &[OrderId::from([0; 16])]).await?;
        hold_rows::sums(&mut connection, Millis(1_700_000_000_000)).await?;
        audit::of_no_order(&mut connection).await?;
        audit::pool(&mut connection, POOL).await.map(drop)
    }

    /// How many columns of an order and of a payment can be chosen.
    #[must_use]
    pub fn columns() -> [usize; 2] {
        [HOLDS.len(), PAYMENTS.len()]
    }
}
