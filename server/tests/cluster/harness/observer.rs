//! Somebody who looks at both web nodes at the same moment, again and again.

use super::door::{Door, Numbers, numbers};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{task::AbortHandle, time::Instant};

/// A tenth of the time within which nodes must agree.
const EVERY: Duration = Duration::from_millis(25);

/// What a node shows, and since when.
pub(crate) type Seen = Option<(Numbers, Instant)>;

/// The observer. It goes home when it is dropped.
pub(crate) struct Observer {
    seen: Arc<Mutex<[Seen; 2]>>,
    looking: AbortHandle,
}

impl Observer {
    pub(crate) fn of(door: &Door) -> Self {
        let seen = Arc::new(Mutex::new([None; 2]));
        let (mut visitors, noted) = ([0, 1].map(|web| door.visitor(Some(web))), Arc::clone(&seen));
        let looking = tokio::spawn(async move {
            let mut every = tokio::time::interval(EVERY);
            loop {
                every.tick().await;
                let asked = Instant::now();
                let [one, other] = &mut visitors;
                let shown = tokio::join!(numbers(one), numbers(other));
                let mut noted = noted.lock().unwrap();
                for (before, now) in noted.iter_mut().zip([shown.0, shown.1]) {
                    if let Some(now) = now
                        && before.is_none_or(|(numbers, _)| numbers != now)
                    {
                        // It was so before we knew: at the latest when it was asked.
                        *before = Some((now, asked));
                    }
                }
            }
        });
        Self { seen, looking: looking.abort_handle() }
    }

    /// What each web node shows last, and since when.
    pub(crate) fn seen(&self) -> [Seen; 2] {
        *self.seen.lock().unwrap()
    }
}

impl Drop for Observer {
    fn drop(&mut self) {
        self.looking.abort();
    }
}
