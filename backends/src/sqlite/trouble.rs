//! That a file can no longer be used: the end of the process that has it.

use super::error::{code, primary_code};
use stampede_actors::ports::PortFailure;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// Whether a file is in trouble. A failed write or sync is never tried again: the kernel may have dropped what it could not
/// write, and the next sync would say "done" of something else. So nothing is written any more, and whoever runs the process
/// ends it. A start finds what the disk has.
#[derive(Clone, Debug)]
pub struct Trouble(Arc<State>);

#[derive(Debug)]
struct State {
    file: String,
    is_in_trouble: watch::Sender<bool>,
    why: Mutex<String>,
}

impl Trouble {
    pub(super) fn of(file: String) -> Self {
        Self(Arc::new(State { file, is_in_trouble: watch::Sender::new(false), why: Mutex::default() }))
    }

    /// Returns when the file is in trouble, with a sentence for the operator; at once if it is already.
    pub async fn told(&self) -> String {
        let mut is_in_trouble = self.0.is_in_trouble.subscribe();
        // Never an error: the sender lives as long as `self`.
        let _ = is_in_trouble.wait_for(|is| *is).await;
        self.sentence()
    }

    fn sentence(&self) -> String {
        let why = self.0.why.lock().unwrap_or_else(PoisonError::into_inner);
        format!(
            "{} can no longer be used ({why}), so the process ends here rather than try again. What was acknowledged had been synced before. Look at the disk (dmesg, df, limits), then start again",
            self.0.file
        )
    }

    /// The failure of a read, and an end if it says that the file is not what was written.
    pub(crate) fn reading(&self) -> impl Fn(sqlx::Error) -> PortFailure {
        move |error| {
            self.notice(&error);
            PortFailure::Unavailable(format!("{}: {error}", self.0.file))
        }
    }

    /// The sentence, if the file is in trouble.
    pub(super) fn now(&self) -> Option<String> {
        self.0.is_in_trouble.borrow().then(|| self.sentence())
    }

    /// Ends the file when an error says that what was written is not what was meant to be, or that what was read is not what
    /// was written. A full disk says neither: SQLite takes back what it began, and goes on when there is room.
    pub(super) fn notice(&self, error: &sqlx::Error) {
        let is_trouble = match error {
            sqlx::Error::Io(_) => true,
            error => matches!(primary_code(error), Some(code::IO | code::CORRUPT | code::NOT_A_DATABASE)),
        };
        if is_trouble {
            *self.0.why.lock().unwrap_or_else(PoisonError::into_inner) = error.to_string();
            self.0.is_in_trouble.send_replace(true);
        }
    }
}
