//! A stream of live numbers (server-sent events): every change, at most four times a second, until the shop closes.

use crate::{api::availability, desk::Desk};
use actix_web::web;
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use stampede_actors::shelf::{EventOnSale, Shelf};
use stampede_domain::EventSlug;
use std::{
    convert::Infallible,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};

/// The shortest time between two messages: faster than anybody reads, slow enough for thousands of watchers.
const AT_MOST_EVERY: Duration = Duration::from_millis(250);
/// The longest time between two messages: the script falls back to polling when it hears nothing for three of these.
const AT_LEAST_EVERY: Duration = Duration::from_secs(15);

/// How far apart watchers are told who all waited for the same change: a message takes a worker some ten microseconds, and a
/// buyer whose request comes meanwhile stands behind all that are ready.
const APART: Duration = Duration::from_micros(50);

struct Watch {
    desk: web::Data<Desk>,
    shelf: watch::Receiver<Option<Arc<Shelf>>>,
    closing: watch::Receiver<bool>,
    slug: EventSlug,
    /// Who watches, counted from the start.
    number: u32,
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
    let number = desk.shop.watchers_come.fetch_add(1, Ordering::Relaxed);
    let watch = Watch { desk, shelf, closing, slug, number, sequence: None, last: None, _place: place };
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
                changed = self.shelf.changed() => {
                    changed.ok()?;
                    tokio::time::sleep(turn(self.number, self.desk.shop.watching())).await;
                }
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

/// When a watcher is told of a change that all of so many waited for: evenly spread, and the sooner the fewer they are. From then
/// on each keeps its own time.
fn turn(number: u32, watching: usize) -> Duration {
    let all = APART.saturating_mul(u32::try_from(watching).unwrap_or(u32::MAX)).min(AT_MOST_EVERY);
    // Multiples of the golden ratio: however many come and go, those who are there are spread.
    all.mul_f64(f64::from(number.wrapping_mul(0x9E37_79B9)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_who_waited_for_a_change_are_told_one_after_the_other() {
        const PARTS: u32 = 50;
        let watching = 5_000;
        let mut told = [0; PARTS as usize + 1];
        for number in 1_000_000..1_000_000 + watching {
            let turn = turn(number, watching as usize);
            let part = (0..=PARTS).rfind(|part| turn >= AT_MOST_EVERY / PARTS * *part);
            told[part.unwrap() as usize] += 1;
            assert!(turn <= AT_MOST_EVERY);
        }
        assert!(told.iter().all(|one| *one <= 2 * watching / PARTS), "{told:?}");
    }

    #[test]
    fn who_watches_alone_waits_for_nobody() {
        assert!((0..100).all(|number| turn(number, 1) <= APART));
    }
}
