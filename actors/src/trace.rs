//! Traces across what a span cannot cross by itself: mailboxes, batches and the bus.
//!
//! The server installs how (OpenTelemetry) when traces are on; otherwise everything here costs one load. A batch belongs to
//! nobody's trace, so its span *links* to the traces of all whose orders are in it; an order carries its trace on the bus.

use std::sync::OnceLock;
use tracing::Span;

/// How contexts are written and read: W3C `traceparent` texts.
#[derive(Clone, Copy, Debug)]
pub struct Propagation {
    /// The context of the current span.
    pub current: fn() -> Option<String>,
    /// Makes a context the parent of a span.
    pub adopt: fn(&Span, &str),
    /// Links a span to a context.
    pub link: fn(&Span, &str),
}

static PROPAGATION: OnceLock<Propagation> = OnceLock::new();

/// Traces are on, and this is how.
pub fn install(propagation: Propagation) {
    PROPAGATION.set(propagation).unwrap_or_else(|_| tracing::warn!("traces were installed before"));
}

/// The context of the current span, to be carried along.
#[must_use]
pub fn current() -> Option<String> {
    PROPAGATION.get().and_then(|propagation| (propagation.current)())
}

/// Continues a trace that came from outside.
pub fn adopt(span: &Span, context: &str) {
    if let Some(propagation) = PROPAGATION.get() {
        (propagation.adopt)(span, context);
    }
}

/// A span for a batch, linked to the traces of those in it.
#[must_use]
pub fn batch<'a>(name: &'static str, size: usize, members: impl Iterator<Item = Option<&'a str>>) -> Span {
    let Some(propagation) = PROPAGATION.get() else { return Span::none() };
    let span = tracing::debug_span!(target: "stampede::batch", parent: None, "batch", otel.name = name, size);
    for context in members.flatten() {
        (propagation.link)(&span, context);
    }
    span
}

/// The span a message or a task goes on in.
#[must_use]
pub(crate) fn here() -> Span {
    if PROPAGATION.get().is_some() { Span::current() } else { Span::none() }
}
