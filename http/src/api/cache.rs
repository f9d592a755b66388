//! Answers that are the same for everyone until a number moves, as bytes. One cache a worker, so no lock.

use actix_web::http::header::HeaderValue;
use bytes::Bytes;
use stampede_actors::shelf::EventOnSale;
use std::cell::RefCell;

/// A body and its validator.
#[derive(Clone, Debug)]
pub(crate) struct Cached {
    pub(crate) body: Bytes,
    pub(crate) etag: HeaderValue,
}

/// The featured event's short answer.
#[derive(Debug, Default)]
pub(crate) struct AvailabilityCache(RefCell<Option<(u64, Cached)>>);

impl AvailabilityCache {
    /// The answer for this state of an event; made when it is not the last one's.
    pub(crate) fn of<E>(&self, event: &EventOnSale, make: impl FnOnce() -> Result<Cached, E>) -> Result<Cached, E> {
        let mut cached = self.0.borrow_mut();
        if let Some((sequence, answer)) = &*cached
            && *sequence == event.sequence
        {
            return Ok(answer.clone());
        }
        let answer = make()?;
        *cached = Some((event.sequence, answer.clone()));
        Ok(answer)
    }
}
