//! A body that is sent in chunks, and its connection.
//!
//! actix-http reads on after an answer was given before the body's end, to use the connection again; for bodies in chunks it
//! does so for as long as it takes, with no time limit, and whoever sends one chunk and then nothing keeps a connection for
//! ever. It closes the connection instead (and reads on for a second, so that the answer is not lost in a reset) where the
//! body is still in somebody's hands. So it stays in ours until the answer is sent.

use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::header,
};
use bytes::Bytes;
use futures_util::stream::Stream;
use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A body in chunks; a handler reads it through a clone.
#[derive(Clone)]
pub(crate) struct Held(Rc<RefCell<Payload>>);

impl Held {
    /// Holds the body of a request, if it comes in chunks.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(header::TRANSFER_ENCODING) {
            return None;
        }
        let held = Self(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(held.clone()) });
        Some(held)
    }

    /// The answer's body, with this one beside it until it is sent.
    pub(crate) fn until_sent(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Beside { answer, _held: self })
    }
}

impl Stream for Held {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

struct Beside {
    answer: BoxBody,
    _held: Held,
}

impl MessageBody for Beside {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}
