//! A stream of live numbers (server-sent events): every change, at most four times a second, until the shop closes.

use crate::{api::availability, desk::Desk};
use actix_web::web;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use stampede_actors::shelf::{EventOnSale, Shelf};
use stampede_domain::EventSlug;
use std::{convert::Infallible, sync::Arc, time::Duration};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

/// The shortest time between two messages: faster than anybody reads, slow enough for thousands of watchers.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// The longest time between two messages: the script falls back to polling when it hears nothing for three of these.
const AT_LEAST_EVERY: Duration = Duration::from_secs(15);

struct Watch {
    desk: web::Data<Desk>,
    shelf: watch::Receiver<Option<Arc<Shelf>>>,
    closing: watch::Receiver<bool>,
    slug: EventSlug,
    sequence: Option<u64>,
    last: Option<Instant>,
    _place: OwnedSemaphorePermit,
}

/// The messages for one watcher of one event.
pub(crate) fn messages(
    desk: web::Data<Desk>,
    shelf: watch::Receiver<Option<Arc<Shelf>>>,
    slug: EventSlug,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let closing = desk.shop.closing.clone();
    let watch = Watch { desk, shelf, closing, slug, sequence: None, last: None, _place: place };
    stream::unfold(watch, |mut watch| async move {
        let message = watch.next().await?;
        Some((Ok(message), watch))
    })
}

impl Watch {
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(last) = self.last {
            tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                () = tokio::time::sleep_until(last + AT_MOST_EVERY) => {}
            }
        }
        let quiet_until = Instant::now() + AT_LEAST_EVERY;
        loop {
            let event = self.event();
            if let Some(event) =
                event.filter(|event| Some(event.sequence) != self.sequence || Instant::now() >= quiet_until)
            {
                self.sequence = Some(event.sequence);
                self.last = Some(Instant::now());
                return Some(availability::message(&event, self.desk.now()));
            }
            tokio::select! {
                _ = self.closing.wait_for(|closing| *closing) => return None,
                changed = self.shelf.changed() => changed.ok()?,
                () = tokio::time::sleep_until(quiet_until) => {}
            }
        }
    }

    fn event(&mut self) -> Option<Arc<EventOnSale>> {
        let shelf = self.shelf.borrow_and_update();
        let events = &shelf.as_ref()?.events;
        events.iter().find(|event| event.listing.event.slug == self.slug).cloned()
    }
}
