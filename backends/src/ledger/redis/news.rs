//! "Something has changed": heard on a connection of its own.

use crate::ledger::news::News;
use redis::{AsyncConnectionConfig, Client, ProtocolVersion, PushInfo, PushKind, RedisError};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

/// How long a lost connection is left alone. Everybody looks regularly anyway.
const AGAIN_AFTER: Duration = Duration::from_millis(500);
/// A connection that is silent this long is asked whether it still is one.
const SILENCE: Duration = Duration::from_secs(5);

/// Listens on `channel` for ever, on one connection after the other.
pub(super) async fn listen(client: Client, channel: String, patience: Duration, news: Arc<News>) {
    loop {
        if let Err(error) = subscribed(&client, &channel, patience, &news).await {
            tracing::debug!(why = error.category(), "the ledger's channel is lost; changes are seen by looking");
        }
        sleep(AGAIN_AFTER).await;
    }
}

async fn subscribed(client: &Client, channel: &str, patience: Duration, news: &News) -> Result<(), RedisError> {
    let (sender, mut pushes) = mpsc::unbounded_channel::<PushInfo>();
    let settings = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(patience))
        .set_response_timeout(Some(patience))
        .set_push_sender(sender);
    let told = client.get_connection_info().clone();
    let redis = told.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let client = Client::open(told.set_redis_settings(redis))?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&settings).await?;
    connection.subscribe(channel).await?;
    // What was said while nobody listened.
    news.arrive();
    loop {
        match timeout(SILENCE, pushes.recv()).await {
            Ok(Some(push)) if push.kind == PushKind::Message => news.arrive(),
            Ok(Some(push)) if push.kind != PushKind::Disconnection => {}
            Ok(_) => return Ok(()),
            Err(_) => redis::cmd("PING").exec_async(&mut connection).await?,
        }
    }
}
