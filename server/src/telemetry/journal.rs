//! Hands warnings and errors of the log to the control room's journal as well.

use stampede_actors::clock::{Clock, SystemClock};
use stampede_http::ops::{Journal, Loudness};
use std::{fmt::Write as _, sync::Arc};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{Layer, layer::Context};

/// A layer that keeps what is loud.
pub(super) struct Scribe(pub(super) Arc<Journal>);

impl<S: Subscriber> Layer<S> for Scribe {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let loudness = match *event.metadata().level() {
            Level::ERROR => Loudness::Error,
            Level::WARN => Loudness::Warning,
            _ => return,
        };
        let mut line = Line::default();
        event.record(&mut line);
        self.0.write(SystemClock.now(), loudness, &format!("{}{}", line.message, line.fields));
    }
}

/// The message first, then the other fields.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a string does not fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value}"),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::SubscriberExt;

    #[test]
    fn what_is_loud_is_kept_and_what_is_not_is_not() {
        let journal = Arc::new(Journal::default());
        let subscriber = tracing_subscriber::registry().with(Scribe(Arc::clone(&journal)));
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("nothing to see");
            tracing::warn!(orders = 7, why = "full", "the disk is slow");
            tracing::error!("A LAW IS BROKEN");
        });
        assert_eq!(journal.lines(), ["A LAW IS BROKEN", "the disk is slow orders=7 why=full"]);
    }
}
