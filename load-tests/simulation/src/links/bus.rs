//! The wire to the bus: besides what befalls calls, messages vanish, double, come late and change places.

use super::{Kind, Link, is_unheard, wired};
use crate::{crash_table::Row, harm::Harm};
use async_trait::async_trait;
use bytes::Bytes;
use rand::seq::SliceRandom;
use stampede_actors::ports::{Backlog, Bus, DeadLetter, Delivery, DeliveryId, Outgoing, PortFailure, PortResult};
use stampede_domain::Millis;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// The longest that a message stays in the network.
const LATEST_MS: u64 = 15_000;

/// The wire to the bus, and what was seen on it.
pub(crate) struct BusLink {
    link: Link<dyn Bus>,
    /// What the plain calls go to.
    port: Arc<dyn Bus>,
    /// The bus itself, for messages that outlive their sender.
    network: Arc<dyn Bus>,
    /// Whether messages are under way outside the process. A queue of the process's own takes a message or never.
    outlives_sender: bool,
    payloads: Mutex<BTreeMap<DeliveryId, Bytes>>,
}

/// What befalls one message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passage {
    Lands,
    Doubles,
    Vanishes,
    ComesLate(Duration),
}

impl BusLink {
    pub(crate) fn new(link: Link<dyn Bus>, network: Arc<dyn Bus>, outlives_sender: bool) -> Self {
        Self { port: Arc::clone(&link.port), link, network, outlives_sender, payloads: Mutex::default() }
    }

    async fn before(&self, operation: &'static str, kind: Kind) -> PortResult<Harm> {
        self.link.before(operation, kind).await
    }

    async fn after<T>(&self, operation: &'static str, kind: Kind, harm: Harm, answer: PortResult<T>) -> PortResult<T> {
        self.link.after(operation, kind, harm, answer).await
    }

    fn passages(&self, messages: usize) -> Vec<Passage> {
        let mixture = self.link.fate.inner().mixture.clone();
        let passage = |_| {
            let fate = &self.link.fate;
            let (passage, name) = if fate.chance(mixture.message_lost) {
                (Passage::Vanishes, "message lost")
            } else if fate.chance(mixture.message_late) {
                (Passage::ComesLate(Duration::from_millis(fate.between(10, LATEST_MS))), "message late")
            } else if fate.chance(mixture.message_doubled) {
                (Passage::Doubles, "message doubled")
            } else {
                return Passage::Lands;
            };
            fate.took_effect(name);
            passage
        };
        (0..messages).map(passage).collect()
    }

    /// A message that comes to the bus some time later, whatever became of its sender.
    fn send_later(&self, message: Outgoing, after: Duration) {
        let (network, fate) = (Arc::clone(&self.network), Arc::clone(&self.link.fate));
        let (caller, outlives_sender) = (self.link.caller, self.outlives_sender);
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            if !outlives_sender && !fate.lives(caller) {
                return;
            }
            fate.note(&"a late message comes");
            network.publish(vec![message]).await;
        });
    }

    fn payloads(&self) -> std::sync::MutexGuard<'_, BTreeMap<DeliveryId, Bytes>> {
        self.payloads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

wired! { Bus over BusLink {
    release(ids: &[DeliveryId]) -> (), Tends;
    extend(ids: &[DeliveryId]) -> (), Tends;
    set_aside(letters: &[(DeliveryId, String)]) -> (), Moves;
    dead_letters(limit: usize) -> Vec<DeadLetter>, Reads;
    dead_letter(id: DeliveryId) -> Option<DeadLetter>, Reads;
    replay(ids: &[DeliveryId], why: &str) -> (), Moves;
    end_dead_letters(ends: &[(DeliveryId, String)]) -> (), Tends;
    forget_dead_letters(ended_before: Millis) -> u64, Tends;
    unconsumed() -> Option<Vec<Outgoing>>, Reads;
    backlog() -> Backlog, Reads;
    +
    async fn publish(&self, batch: Vec<Outgoing>) -> Vec<PortResult<()>> {
        let (link, size) = (&self.link, batch.len());
        let harm = match link.before("publish", Kind::Moves).await {
            Ok(harm) => harm,
            Err(failure) => {
                if matches!(failure, PortFailure::Unavailable(_)) {
                    link.fate.hit(Row::BusDown);
                }
                return vec![Err(failure); size];
            }
        };
        let passages = self.passages(size);
        let mut landing = Vec::new();
        for (message, passage) in batch.into_iter().zip(&passages) {
            match passage {
                Passage::Lands => landing.push(message),
                Passage::Doubles => landing.extend([message.clone(), message]),
                Passage::Vanishes => {}
                Passage::ComesLate(after) => self.send_later(message, *after),
            }
        }
        if harm == Harm::Twice {
            landing.extend(landing.clone());
        }
        let reordered = link.fate.inner().mixture.reordered;
        if link.fate.chance(reordered) {
            landing.shuffle(&mut link.fate.inner().rng);
            link.fate.took_effect("messages reordered");
        }
        let has_landed = !landing.is_empty();
        let landed = self.port.publish(landing).await.into_iter().all(|outcome| outcome.is_ok());
        if has_landed && is_unheard(harm) {
            link.fate.hit(Row::PublishedAndNotHeard);
        }
        let outcome = |passage: &Passage| match passage {
            Passage::Lands | Passage::Doubles if landed => Ok(()),
            _ => Err(PortFailure::Unknown("publish: lost on purpose".into())),
        };
        let outcomes: Vec<_> = passages.iter().map(outcome).collect();
        match link.after("publish", Kind::Moves, harm, Ok(outcomes)).await {
            Ok(outcomes) => outcomes,
            Err(failure) => vec![Err(failure); size],
        }
    }

    async fn pull(&self, limit: usize) -> PortResult<Vec<Delivery>> {
        let harm = self.link.before("pull", Kind::Moves).await?;
        let mut deliveries = self.port.pull(limit).await?;
        for delivery in &deliveries {
            self.payloads().insert(delivery.id, delivery.payload.clone());
        }
        let reordered = self.link.fate.inner().mixture.reordered;
        if self.link.fate.chance(reordered) {
            deliveries.shuffle(&mut self.link.fate.inner().rng);
        }
        // A lost answer: they are leased to nobody, and come again.
        self.link.after("pull", Kind::Moves, harm, Ok(deliveries)).await
    }

    async fn acknowledge(&self, ids: &[DeliveryId]) -> PortResult<()> {
        let harm = self.link.before_or("acknowledge", Kind::Moves, Some(Row::CommittedAndNotHeard)).await?;
        let answer = self.port.acknowledge(ids).await;
        let repeated = self.link.fate.inner().mixture.repeated;
        for id in ids {
            let payload = self.payloads().remove(id);
            let comes_again = |_: &Bytes| harm == Harm::Twice || self.link.fate.chance(repeated);
            if let Some(payload) = payload.filter(comes_again) {
                self.link.fate.took_effect("message repeated");
                let after = Duration::from_millis(self.link.fate.between(10, LATEST_MS));
                self.send_later(Outgoing { payload, label: None }, after);
            }
        }
        if matches!(harm, Harm::Death(_) | Harm::ActorDeath(_)) {
            self.link.fate.hit(Row::DiedBeforeTheSettlement);
        }
        self.link.after("acknowledge", Kind::Moves, harm, answer).await
    }

    async fn close(&self) {
        self.port.close().await;
    }
} }
