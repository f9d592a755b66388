//! What has arrived and what is held, in memory. No IO.
//!
//! The client's handler of a message keeps its lease at Pub/Sub alive for as long as it exists. That is right for messages
//! that wait here, and wrong for those whose holder died: so what was pulled has a lease of ours as well, and when that runs
//! out the handler is dropped, which gives the message back.

use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD};
use google_cloud_pubsub::{model::Message, subscriber::handler::Handler};
use stampede_actors::{
    label::Label,
    ports::{Delivery, DeliveryId, Outgoing},
};
use stampede_domain::Millis;
use std::{
    collections::{HashMap, VecDeque},
    time::Duration,
};
use tokio::time::Instant;

use bytes::Bytes;

/// A message on its way to whoever pulls.
pub(super) struct Arrived {
    pub(super) message: Message,
    pub(super) handler: Handler,
}

/// The attribute that carries a message's label, in base64.
const LABEL: &str = "label";

/// A message as Pub/Sub takes it.
pub(super) fn message(outgoing: Outgoing) -> Message {
    let message = Message::new().set_data(outgoing.payload);
    match outgoing.label {
        Some(label) => message.set_attributes([(LABEL, STANDARD_NO_PAD.encode(label.encode()))]),
        None => message,
    }
}

/// Whose order it is, if it says so.
pub(super) fn read_label(message: &Message) -> Option<Label> {
    Label::decode(&STANDARD_NO_PAD.decode(message.attributes.get(LABEL)?).ok()?)
}

/// A message that somebody works on.
pub(super) struct Held {
    pub(super) handler: Handler,
    pub(super) payload: Bytes,
    pub(super) message_id: String,
    pub(super) label: Option<Label>,
    pub(super) attempt: u32,
    until: Instant,
}

pub(super) struct Tray {
    lease: Duration,
    /// Most messages in here.
    room: usize,
    arrived: VecDeque<Arrived>,
    held: HashMap<u64, Held>,
    next: u64,
    /// Arrivals since the start, to see whether anything comes.
    arrivals: u64,
    /// When it was last looked for what ran out.
    looked_at: Instant,
    closed: bool,
}

impl Tray {
    pub(super) fn new(lease: Duration, room: usize) -> Self {
        Self {
            lease,
            room: room.max(1),
            arrived: VecDeque::new(),
            held: HashMap::new(),
            next: 1,
            arrivals: 0,
            looked_at: Instant::now(),
            closed: false,
        }
    }

    /// How many more may come.
    pub(super) fn room(&self) -> usize {
        self.room.saturating_sub(self.arrived.len() + self.held.len())
    }

    pub(super) fn arrive(&mut self, messages: Vec<Arrived>) {
        self.arrivals += messages.len() as u64;
        self.arrived.extend(messages);
    }

    pub(super) fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// Leases up to `limit` messages. `now` stands for a publishing time that is missing.
    pub(super) fn take(&mut self, instant: Instant, now: Millis, limit: usize) -> Vec<Delivery> {
        let until = instant + self.lease;
        let count = limit.min(self.arrived.len());
        let mut deliveries = Vec::with_capacity(count);
        self.held.reserve(count);
        for Arrived { message, handler } in self.arrived.drain(..count) {
            let attempt =
                handler.delivery_attempt().and_then(|attempt| u32::try_from(attempt).ok()).unwrap_or(1).max(1);
            let published_at = message.publish_time.map_or(now, |time| {
                Millis(time.seconds().saturating_mul(1000).saturating_add(i64::from(time.nanos() / 1_000_000)))
            });
            let id = DeliveryId(self.next);
            self.next += 1;
            deliveries.push(Delivery { id, payload: message.data.clone(), attempt, published_at });
            let label = read_label(&message);
            let (payload, message_id) = (message.data, message.message_id);
            self.held.insert(id.0, Held { handler, payload, message_id, label, attempt, until });
        }
        deliveries
    }

    /// Takes messages out of the hands of whoever has them. Unknown ones and those that have run out are passed over.
    pub(super) fn remove(&mut self, ids: &[DeliveryId]) -> Vec<Held> {
        ids.iter().filter_map(|id| self.held.remove(&id.0)).collect()
    }

    pub(super) fn held(&self, id: DeliveryId) -> Option<&Held> {
        self.held.get(&id.0)
    }

    pub(super) fn extend(&mut self, instant: Instant, ids: &[DeliveryId]) {
        for id in ids {
            if let Some(held) = self.held.get_mut(&id.0) {
                held.until = instant + self.lease;
            }
        }
    }

    /// What nobody has extended in time. And what waits here, if nobody has looked for a whole lease: then this process stood
    /// still, Pub/Sub has given all of it to others, and it would only be in the way of what is new.
    pub(super) fn run_out(&mut self, instant: Instant) -> (VecDeque<Arrived>, Vec<Held>) {
        let stood_still = instant.duration_since(std::mem::replace(&mut self.looked_at, instant)) >= self.lease;
        let arrived = if stood_still { std::mem::take(&mut self.arrived) } else { VecDeque::new() };
        (arrived, self.held.extract_if(|_, held| held.until <= instant).map(|(_, held)| held).collect())
    }

    /// Nobody takes anything from here any more.
    pub(super) fn close(&mut self) {
        self.closed = true;
    }

    /// Everything that is here; dropping it gives it back.
    pub(super) fn empty(&mut self) -> (VecDeque<Arrived>, HashMap<u64, Held>) {
        (std::mem::take(&mut self.arrived), std::mem::take(&mut self.held))
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
}
