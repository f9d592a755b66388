//! One stream of messages, built again whenever it ends.
//!
//! The client reconnects by itself after most faults, with pauses that grow to a minute and that nobody can see. So a
//! [`watch`](super::watch) looks whether Pub/Sub is back, and then has every stream built anew at once. A stream that has
//! ended for good (its subscription is gone, say) is built again with growing pauses, or when the watch says so.

use super::{doors::Doors, tray::Arrived, weather::Weather};
use google_cloud_pubsub::{
    Error,
    subscriber::{MessageStream, ShutdownBehavior},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::sleep,
};

const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_AT_MOST: Duration = Duration::from_secs(10);
/// The client stops extending the lease of a message that was here for so long; it is delivered again, and both are right.
const LONGEST_LEASE: Duration = Duration::from_secs(3600);
/// Messages taken from a stream before they are passed on together.
const ARMFUL: usize = 1000;
/// Bytes outstanding, as the client has it by default.
const OUTSTANDING_BYTES: i64 = 100 << 20;

/// After so much silence a stream is opened anew: its connection may have died without our end knowing, and would stay so for a
/// quarter of an hour. Rare, because a message that is on the way at that moment comes only after a lease.
const SILENCE: Duration = Duration::from_secs(60);

/// What all streams are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Order {
    /// Raised when every stream should be built anew.
    pub(super) generation: u64,
    pub(super) closing: bool,
}

/// Where messages go.
pub(super) trait Destination: Send + Sync + 'static {
    /// Waits until more may come, and says how many.
    fn room(&self) -> impl Future<Output = usize> + Send;
    /// Takes them; dropping one gives it back.
    fn take(&self, messages: Vec<Arrived>) -> impl Future<Output = ()> + Send;
}

pub(super) struct Intake<D> {
    pub(super) doors: Doors,
    pub(super) subscription: String,
    pub(super) lease: Duration,
    /// Most messages that Pub/Sub may have outstanding on this stream.
    pub(super) outstanding: usize,
    pub(super) destination: Arc<D>,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) weather: Arc<Weather>,
    /// Dropped when this reads no more.
    pub(super) reading: mpsc::Sender<()>,
}

enum Ended {
    ByOrder,
    ByFault(String),
}

impl<D: Destination> Intake<D> {
    /// Until the bus closes. By then all that was acknowledged or given back has been told to Pub/Sub, as far as it listens.
    pub(super) async fn run(mut self) {
        let mut pause = PAUSE;
        let mut leaving: Vec<JoinHandle<()>> = Vec::new();
        while !self.orders.borrow_and_update().closing {
            let ended = match self.open().await {
                Ok(mut stream) => {
                    let farewell = stream.shutdown_token();
                    let ended = self.read(&mut stream, &mut pause).await;
                    // Its messages that are still held are looked after until the last is acknowledged or given back.
                    leaving.retain(|gone| !gone.is_finished());
                    leaving.push(tokio::spawn(async move { farewell.shutdown().await }));
                    ended
                }
                Err(error) => Ended::ByFault(error),
            };
            if let Ended::ByFault(cause) = ended {
                self.weather.foul(&cause);
                tokio::select! {
                    () = sleep(pause) => {}
                    _ = self.orders.changed() => {}
                }
                pause = (pause * 2).min(PAUSE_AT_MOST);
            }
        }
        drop(self.reading);
        for gone in leaving {
            // A panic of the client's task would be its last word.
            let _ = gone.await;
        }
    }

    /// Over a connection of its own, so that a dead one is not used again.
    async fn open(&self) -> Result<MessageStream, String> {
        let subscriber = self.doors.subscriber().await.map_err(|error| error.to_string())?;
        let outstanding = i64::try_from(self.outstanding.max(1)).unwrap_or(i64::MAX);
        Ok(subscriber
            .subscribe(&self.subscription)
            .set_max_lease(LONGEST_LEASE)
            .set_max_lease_extension(self.lease)
            .set_max_outstanding_messages(outstanding)
            .set_max_outstanding_bytes(OUTSTANDING_BYTES)
            .set_shutdown_behavior(ShutdownBehavior::WaitForProcessing)
            .build())
    }

    async fn read(&mut self, stream: &mut MessageStream, pause: &mut Duration) -> Ended {
        loop {
            let mut orders = self.orders.clone();
            let room = tokio::select! {
                _ = orders.changed() => return Ended::ByOrder,
                room = self.destination.room() => room,
            };
            // Never dropped half-way but by order: before its first message this future *is* the stream.
            let first = tokio::select! {
                _ = orders.changed() => return Ended::ByOrder,
                next = stream.next() => match arrived(next) {
                    Ok(first) => first,
                    Err(ended) => return ended,
                },
                () = sleep(SILENCE) => return Ended::ByOrder,
            };
            let mut messages = vec![first];
            let ended = gather(stream, &mut messages, room.min(ARMFUL)).await;
            self.weather.fine();
            *pause = PAUSE;
            self.destination.take(messages).await;
            if let Some(ended) = ended {
                return ended;
            }
        }
    }
}

/// What is there already, up to `limit`.
async fn gather(stream: &mut MessageStream, messages: &mut Vec<Arrived>, limit: usize) -> Option<Ended> {
    while messages.len() < limit {
        let next = tokio::select! {
            biased;
            next = stream.next() => arrived(next),
            () = std::future::ready(()) => return None,
        };
        match next {
            Ok(message) => messages.push(message),
            Err(ended) => return Some(ended),
        }
    }
    None
}

fn arrived(
    next: Option<
        Result<(google_cloud_pubsub::model::Message, google_cloud_pubsub::subscriber::handler::Handler), Error>,
    >,
) -> Result<Arrived, Ended> {
    match next {
        Some(Ok((message, handler))) => Ok(Arrived { message, handler }),
        Some(Err(error)) => Err(Ended::ByFault(error.to_string())),
        None => Err(Ended::ByFault("the stream ended".into())),
    }
}
