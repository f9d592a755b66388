//! For the fuzz targets: the readers of this folder's tables.

use super::rows;
use crate::catalogue::shelf::Shelf;
use sqlx::SqliteConnection;
use stampede_actors::ports::Listing;
use stampede_domain::PoolId;

pub(crate) async fn listings(connection: &mut SqliteConnection) -> sqlx::Result<Vec<Listing>> {
    rows::listings(connection).await
}

pub(crate) async fn pool(connection: &mut SqliteConnection, pool: PoolId) -> sqlx::Result<()> {
    connection.pool(pool).await.map(drop)
}
