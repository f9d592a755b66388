//! The one task that writes the queue: group commit.
//!
//! Whatever waits when a commit ends goes into the next one together: publishes of many callers, acknowledgements, letters to
//! set aside. So batches form by themselves, as large as the disk is slow, and nobody waits for a timer. Acknowledgements need
//! no fsync of their own; they ride on the next commit, or are written by themselves when nothing else came for a while.

use super::{
    Shared, letters,
    shelf::{Message, Owed},
    table,
};
use crate::sqlite::Writer;
use stampede_actors::{
    clock::SharedClock,
    label::LABEL_LENGTH,
    ports::{DeliveryId, Outgoing, PortFailure, PortResult},
};
use stampede_domain::Millis;
use std::{
    fmt::Write as _,
    mem,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::sync::{mpsc, oneshot};

/// Most messages of one transaction: more would make its first caller wait for no gain.
const GROUP: usize = 8192;
/// Most bytes of one transaction.
const GROUP_BYTES: usize = 8 << 20;
/// Longest message: many times what an order needs. It keeps a group's blob far below SQLite's limit.
const LONGEST: usize = 1 << 20;
/// How long acknowledgements wait for a publish to ride on. A crash within this time delivers them once more.
const RIDE: Duration = Duration::from_millis(50);

/// A message that is set aside: its number, why, and its attempts.
type Dying = (u64, String, u32);

/// Where to cut nothing.
const NO_CUTS: &str = "[]";

/// What the scribe is asked for.
pub(super) enum Task {
    Publish {
        batch: Vec<Outgoing>,
        reply: oneshot::Sender<Vec<PortResult<()>>>,
    },
    /// Dead letters that somebody wants back, with their numbers as dead letters.
    PutBack {
        letters: Vec<(u64, Outgoing)>,
        reply: oneshot::Sender<Vec<PortResult<()>>>,
    },
    SetAside {
        letters: Vec<(DeliveryId, String)>,
        reply: oneshot::Sender<PortResult<()>>,
    },
    Flush {
        reply: oneshot::Sender<PortResult<()>>,
    },
    Close {
        reply: oneshot::Sender<()>,
    },
}

pub(super) struct Scribe {
    writer: Writer,
    shared: Arc<Shared>,
    clock: SharedClock,
    tasks: mpsc::Receiver<Task>,
}

/// Everything of one transaction.
#[derive(Default)]
struct Group {
    outgoing: Vec<Outgoing>,
    bytes: usize,
    publishers: Vec<(usize, oneshot::Sender<Vec<PortResult<()>>>)>,
    letters: Vec<(DeliveryId, String)>,
    put_back: Vec<u64>,
    waiting: Vec<oneshot::Sender<PortResult<()>>>,
    closing: Vec<oneshot::Sender<()>>,
}

impl Scribe {
    pub(super) fn new(writer: Writer, shared: Arc<Shared>, clock: SharedClock, tasks: mpsc::Receiver<Task>) -> Self {
        Self { writer, shared, clock, tasks }
    }

    /// Writes until it is told to close, or until the bus is dropped (which is like a crash, and as safe).
    pub(super) async fn run(mut self) {
        while let Some(mut group) = self.next_group().await {
            let closing = mem::take(&mut group.closing);
            self.write(group).await;
            if !closing.is_empty() {
                self.shared.closed.store(true, Ordering::Release);
                self.shared.ready.notify_waiters();
                self.writer.close().await;
                for reply in closing {
                    let _ = reply.send(());
                }
                return;
            }
        }
    }

    /// Waits for something to write; `None` when nobody can ask any more.
    async fn next_group(&mut self) -> Option<Group> {
        let mut group = Group::default();
        tokio::select! {
            biased;
            task = self.tasks.recv() => group.add(task?),
            () = self.shared.acknowledged.notified() => {
                // An acknowledgement wakes the scribe only when it is idle: give a publish the chance to carry it.
                match tokio::time::timeout(RIDE, self.tasks.recv()).await {
                    Ok(task) => group.add(task?),
                    Err(_) => return Some(group),
                }
            }
        }
        while !group.is_full() {
            let Ok(task) = self.tasks.try_recv() else { break };
            group.add(task);
        }
        Some(group)
    }

    async fn write(&self, group: Group) {
        let Group { mut outgoing, publishers, letters, put_back, waiting, .. } = group;
        let too_long: Vec<bool> = outgoing.iter().map(|message| message.payload.len() > LONGEST).collect();
        outgoing.retain(|message| message.payload.len() <= LONGEST);

        let now = self.clock.now();
        let (first, owed, letters) = {
            let mut shelf = self.shared.shelf();
            let letters: Vec<_> = letters.into_iter().map(|(id, reason)| (id.0, reason, shelf.attempts(id))).collect();
            (shelf.next(), shelf.owed(), letters)
        };
        let outcome = if outgoing.is_empty() && owed.is_empty() && letters.is_empty() && put_back.is_empty() {
            Ok(())
        } else {
            self.commit(now, first, &outgoing, owed, (Arc::new(letters), put_back)).await
        };
        // The shelf first, then the answers: who was answered may pull at once.
        let mut too_long = too_long.into_iter();
        for (count, reply) in publishers {
            let mine = too_long.by_ref().take(count);
            let outcomes = mine.map(|too_long| if too_long { Err(impossible()) } else { outcome.clone() });
            let _ = reply.send(outcomes.collect());
        }
        for reply in waiting {
            let _ = reply.send(outcome.clone());
        }
    }

    async fn commit(
        &self,
        now: Millis,
        first: u64,
        outgoing: &[Outgoing],
        owed: Owed,
        (letters, put_back): (Arc<Vec<Dying>>, Vec<u64>),
    ) -> PortResult<()> {
        let (payloads, cuts) = pack(outgoing);
        let owed = Arc::new(owed);
        let (to_write, dying) = (Arc::clone(&owed), Arc::clone(&letters));
        let written = self.writer.transaction(move |connection| {
            Box::pin(async move {
                if cuts != NO_CUTS {
                    table::insert(connection, first, now, payloads, cuts).await?;
                }
                if !to_write.acknowledged.is_empty() {
                    table::delete(connection, to_write.acknowledged.clone()).await?;
                }
                if !to_write.failed.is_empty() {
                    table::count_attempts(connection, &to_write.failed).await?;
                }
                if !dying.is_empty() {
                    table::set_aside(connection, now, &dying).await?;
                }
                if !put_back.is_empty() {
                    letters::put_back(connection, &put_back).await?;
                }
                Ok(())
            })
        });
        let outcome = written.await;
        let mut shelf = self.shared.shelf();
        match &outcome {
            Ok(()) => {
                shelf.arrived(numbered(first, now, outgoing));
                shelf.died(letters.iter().map(|(seq, _, _)| DeliveryId(*seq)));
            }
            Err(failure) => {
                tracing::error!(%failure, messages = outgoing.len(), "the queue could not be written");
                if matches!(failure, PortFailure::Unknown(_)) && !outgoing.is_empty() {
                    // These numbers are never given again, and the table is asked for them.
                    shelf.doubt(first..first + outgoing.len() as u64);
                }
                // Deleting twice what may have been deleted changes nothing.
                shelf.owe_again(Arc::into_inner(owed).unwrap_or_default());
            }
        }
        drop(shelf);
        self.shared.ready.notify_waiters();
        outcome
    }
}

impl Group {
    fn add(&mut self, task: Task) {
        match task {
            Task::Publish { batch, reply } => {
                self.bytes += batch.iter().map(|message| message.payload.len()).sum::<usize>();
                self.publishers.push((batch.len(), reply));
                self.outgoing.extend(batch);
            }
            Task::PutBack { letters, reply } => {
                self.publishers.push((letters.len(), reply));
                let (numbers, messages): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
                self.put_back.extend(numbers);
                self.outgoing.extend(messages);
            }
            Task::SetAside { letters, reply } => {
                self.letters.extend(letters);
                self.waiting.push(reply);
            }
            Task::Flush { reply } => self.waiting.push(reply),
            Task::Close { reply } => self.closing.push(reply),
        }
    }

    fn is_full(&self) -> bool {
        self.outgoing.len() >= GROUP || self.bytes >= GROUP_BYTES || !self.closing.is_empty()
    }
}

/// One blob of all payloads, and where to cut it; see [`table::insert`].
fn pack(outgoing: &[Outgoing]) -> (Vec<u8>, String) {
    let length = |message: &Outgoing| message.payload.len() + LABEL_LENGTH;
    let mut payloads = Vec::with_capacity(outgoing.iter().map(length).sum());
    let mut cuts = String::with_capacity(2 + outgoing.len() * 20);
    cuts.push('[');
    for message in outgoing {
        let separator = if cuts.len() > 1 { "," } else { "" };
        let labelled = if message.label.is_some() { table::LABELLED } else { 0 };
        let _ = write!(cuts, "{separator}{}", (payloads.len() as u64) << 32 | labelled | message.payload.len() as u64);
        payloads.extend_from_slice(&message.payload);
        if let Some(label) = message.label {
            payloads.extend_from_slice(&label.encode());
        }
    }
    cuts.push(']');
    (payloads, cuts)
}

fn numbered(first: u64, published_at: Millis, outgoing: &[Outgoing]) -> Vec<Message> {
    let message = |(seq, outgoing): (u64, &Outgoing)| Message {
        seq,
        payload: outgoing.payload.clone(),
        published_at,
        attempts: 0,
    };
    (first..).zip(outgoing).map(message).collect()
}

fn impossible() -> PortFailure {
    PortFailure::Impossible(format!("a message of more than {LONGEST} bytes"))
}
