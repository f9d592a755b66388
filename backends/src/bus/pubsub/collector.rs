//! Carries what Pub/Sub itself gave up from the dead-letter subscription to the shelf, where people can see it.

use super::{
    intake::Destination,
    tray::{Arrived, read_label},
    weather::Weather,
};
use crate::bus::dead_letters::{DeadLetterShelf, NewDeadLetter};
use stampede_actors::clock::SharedClock;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

/// Set by Pub/Sub on what it forwards.
const DELIVERIES: &str = "CloudPubSubDeadLetterSourceDeliveryCount";
/// Letters at once.
const ROOM: usize = 100;
/// Before letters that no shelf took are given back.
const PAUSE: Duration = Duration::from_secs(1);

pub(super) struct Collector {
    pub(super) shelf: Arc<dyn DeadLetterShelf>,
    pub(super) clock: SharedClock,
    pub(super) weather: Weather,
}

impl Destination for Collector {
    async fn room(&self) -> usize {
        ROOM
    }

    async fn take(&self, messages: Vec<Arrived>) {
        let letters: Vec<_> = messages.iter().map(|arrived| self.letter(arrived)).collect();
        match self.shelf.put(&letters).await {
            Ok(()) => {
                self.weather.fine();
                tracing::warn!(letters = letters.len(), "Pub/Sub gave messages up; they are dead letters now");
                for arrived in messages {
                    arrived.handler.ack();
                }
            }
            Err(failure) => {
                self.weather.foul(&failure.to_string());
                sleep(PAUSE).await;
            }
        }
    }
}

impl Collector {
    fn letter(&self, arrived: &Arrived) -> NewDeadLetter {
        let deliveries = arrived.message.attributes.get(DELIVERIES).and_then(|count| count.parse().ok());
        let reason = match deliveries {
            Some(count) => format!("given up by Pub/Sub after {count} deliveries"),
            None => "given up by Pub/Sub after too many deliveries".to_owned(),
        };
        NewDeadLetter {
            message_key: arrived.message.message_id.clone(),
            payload: arrived.message.data.clone(),
            label: read_label(&arrived.message),
            reason,
            attempts: deliveries.unwrap_or(0),
            dead_since: self.clock.now(),
        }
    }
}
