use super::*;
use crate::{
    SqliteOrderStore,
    catalogue::contract,
    order_store::rig::{Shop, StoreRig, fair},
};
use stampede_actors::ports::PortFailure;
use std::sync::Arc;
use tempfile::TempDir;

struct Directory(TempDir);

impl StoreRig for Directory {
    async fn open(&self) -> Shop {
        let file = ShopFile::open(self.0.path()).await.unwrap();
        let store = Arc::new(SqliteOrderStore::new(&file));
        let holds = Arc::<SqliteOrderStore>::clone(&store);
        let outbox = Arc::<SqliteOrderStore>::clone(&store);
        Shop { store, holds, outbox, catalogue: Arc::new(SqliteCatalogue::new(&file)) }
    }
}

contract::catalogue_contract!(Directory(TempDir::new().unwrap()));

#[tokio::test]
async fn two_names_with_one_pool_id_are_refused() {
    let directory = TempDir::new().unwrap();
    let file = ShopFile::open(directory.path()).await.unwrap();
    let event = fair([1, 1], [None; 2]);
    // Nobody finds such a pair by chance; so the other name is written by hand.
    let taken = event.ticket_types[0].pool(&event.slug);
    let by_hand = file.writer.transaction(move |connection| {
        Box::pin(async move {
            let other = "INSERT INTO pools (id, event, ticket_type, capacity) VALUES (?, 'other', 'name', 1)";
            sqlx::query(other).bind(taken.0).execute(connection).await?;
            Ok(())
        })
    });
    by_hand.await.unwrap();
    let Err(PortFailure::Impossible(why)) = SqliteCatalogue::new(&file).apply(&event).await else { panic!("taken") };
    assert!(why.contains("fair/day") && why.contains("other/name"), "{why}");
}
