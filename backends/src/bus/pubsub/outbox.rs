//! Publishing: own flow control and an own deadline around a client that has neither.
//!
//! | outcome | when |
//! |---|---|
//! | `Ok` | Pub/Sub gave the message an id, so it is durable |
//! | `Impossible` | it would spoil the request it travels in: empty, or too large |
//! | `Unavailable` | never handed to the client: too many under way, or the bus is closed |
//! | `Unknown` | everything else |
//!
//! A batch is handed over whole in one poll, and a task of its own waits for the answers. So a caller who hangs up takes
//! nothing back, and the room of a message is free again only when the client has let go of it.

use super::{
    doors::{Doors, meaning},
    options::PubSubOptions,
    tray::message,
    weather::Weather,
};
use google_cloud_gax::client_builder;
use google_cloud_pubsub::{client::Publisher, error::PublishError, publisher::PublishFuture};
use stampede_actors::ports::{Outgoing, PortFailure, PortResult};
use std::{
    pin::pin,
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, oneshot},
    task::unconstrained,
    time::sleep,
};

/// Google takes 10 MB (not MiB) a request and a message; what is around the message has to fit in as well.
const LARGEST: usize = 9_990_000;

pub(super) struct Outbox {
    client: Arc<Client>,
    room: Arc<Semaphore>,
    deadline: Duration,
    closed: AtomicBool,
    weather: Arc<Weather>,
}

/// The client, and how to get another one.
struct Client {
    current: RwLock<Current>,
    doors: Doors,
    options: PubSubOptions,
}

#[derive(Clone)]
struct Current {
    publisher: Publisher,
    /// Which one this is.
    number: u64,
}

impl Client {
    fn current(&self) -> Current {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes a new client, with a new connection, unless somebody did so already.
    async fn replace(&self, number: u64) {
        let Ok(publisher) = self.doors.publisher(&self.options).await else { return };
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.number == number {
            // The old one ends when it has sent or given up what it holds.
            *current = Current { publisher, number: number + 1 };
        }
    }
}

/// What became of a message in the first moment.
enum Handed {
    Not(PortFailure),
    Over(PublishFuture),
}

impl Outbox {
    pub(super) async fn open(doors: Doors, options: PubSubOptions) -> client_builder::Result<Self> {
        let publisher = doors.publisher(&options).await?;
        let room = Arc::new(Semaphore::new(options.max_publishing.min(Semaphore::MAX_PERMITS)));
        let weather = Arc::new(Weather::new("publishing to Pub/Sub"));
        let deadline = options.publish_deadline;
        let current = RwLock::new(Current { publisher, number: 0 });
        let client = Arc::new(Client { current, doors, options });
        Ok(Self { client, room, deadline, closed: AtomicBool::new(false), weather })
    }

    pub(super) async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        if batch.is_empty() {
            return Vec::new();
        }
        let count = batch.len();
        let Current { publisher, number } = self.client.current();
        let (handed, room) = self.hand_over(&publisher, batch);
        let (tell, told) = oneshot::channel();
        let (client, weather) = (Arc::clone(&self.client), Arc::clone(&self.weather));
        let waiting = Answers { deadline: self.deadline, weather, room, client, number };
        tokio::spawn(waiting.gather(handed, tell));
        told.await.unwrap_or_else(|_| vec![Err(unknown("the task that waited for Pub/Sub ended")); count])
    }

    /// All of a batch in one go, as far as there is room.
    fn hand_over(&self, publisher: &Publisher, batch: Vec<Outgoing>) -> (Vec<Handed>, Option<OwnedSemaphorePermit>) {
        if self.closed.load(Ordering::Acquire) {
            return (batch.iter().map(|_| Handed::Not(closed())).collect(), None);
        }
        let room = self.reserve(batch.len());
        let mut left = room.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let handed = batch
            .into_iter()
            .map(|outgoing| {
                let payload = &outgoing.payload;
                if payload.is_empty() || payload.len() > LARGEST {
                    return Handed::Not(PortFailure::Impossible(format!(
                        "Pub/Sub takes messages of 1 to {LARGEST} bytes, not {}",
                        payload.len()
                    )));
                }
                let Some(after) = left.checked_sub(1) else {
                    return Handed::Not(PortFailure::Unavailable("too many messages wait for Pub/Sub already".into()));
                };
                left = after;
                // Without an ordering key: the client would keep a task for each, for ever.
                Handed::Over(publisher.publish(message(outgoing)))
            })
            .collect();
        (handed, room)
    }

    /// Room for as many as there is room for.
    fn reserve(&self, count: usize) -> Option<OwnedSemaphorePermit> {
        loop {
            let some = self.room.available_permits().min(count);
            if some == 0 {
                return None;
            }
            // Another batch may have been faster; then there is less.
            let some = u32::try_from(some).unwrap_or(u32::MAX);
            if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(some) {
                return Some(room);
            }
        }
    }

    /// Nothing more is taken; what was taken is sent, or given up after the deadline.
    pub(super) async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        // What does not go out in time has been answered as unknown.
        let _ = tokio::time::timeout(self.deadline, self.client.current().publisher.flush()).await;
    }

    pub(super) fn abandon(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

struct Answers {
    deadline: Duration,
    weather: Arc<Weather>,
    /// Held until the client has answered for the last message.
    room: Option<OwnedSemaphorePermit>,
    client: Arc<Client>,
    number: u64,
}

impl Answers {
    async fn gather(mut self, handed: Vec<Handed>, tell: oneshot::Sender<Vec<PortResult<()>>>) {
        let mut late = pin!(sleep(self.deadline));
        let (mut overdue, mut answered_any) = (Vec::new(), false);
        let mut outcomes = Vec::with_capacity(handed.len());
        for handed in handed {
            let mut answer = match handed {
                Handed::Over(answer) => answer,
                Handed::Not(failure) => {
                    outcomes.push(Err(failure));
                    continue;
                }
            };
            let answered = if late.is_elapsed() {
                // What is there already counts; nothing is waited for any more.
                unconstrained(at_once(&mut answer)).await
            } else {
                tokio::select! {
                    biased;
                    answered = &mut answer => Some(answered),
                    () = &mut late => None,
                }
            };
            outcomes.push(match answered {
                Some(answered) => {
                    answered_any = true;
                    self.outcome(answered)
                }
                None => {
                    overdue.push(answer);
                    Err(self.too_late())
                }
            });
        }
        // What is answered makes room before the caller hears of it, or the next batch would be refused for want of it.
        let mut room = self.room.take();
        if let Some(room) = &mut room {
            drop(room.split(room.num_permits() - overdue.len()));
        }
        // Nobody listens if the caller hung up.
        let _ = tell.send(outcomes);
        if !overdue.is_empty() && !answered_any {
            // Not a word: the connection may be dead without knowing, and would stay so for a quarter of an hour.
            self.client.replace(self.number).await;
        }
        for answer in overdue {
            if answer.await.is_ok() {
                self.weather.fine();
            }
        }
        drop(room);
    }

    fn outcome(&self, answered: Result<String, PublishError>) -> PortResult<()> {
        match answered {
            Ok(_) => {
                self.weather.fine();
                Ok(())
            }
            Err(error) => {
                let told = match &error {
                    PublishError::Rpc(cause) => format!("{:?}: {cause}", meaning(cause)),
                    other => other.to_string(),
                };
                self.weather.foul(&told);
                Err(unknown(&told))
            }
        }
    }

    fn too_late(&self) -> PortFailure {
        self.weather.foul("no answer within the deadline");
        unknown("no answer within the deadline")
    }
}

async fn at_once<F: Future + Unpin>(future: F) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = future => Some(output),
        () = std::future::ready(()) => None,
    }
}

fn unknown(cause: &str) -> PortFailure {
    PortFailure::Unknown(format!("Pub/Sub did not say that it has the message: {cause}"))
}

pub(super) fn closed() -> PortFailure {
    PortFailure::Unavailable("the bus is closed".into())
}
