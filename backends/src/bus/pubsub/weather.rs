//! Says once that something has gone wrong, and once that it is well again, however often it is told.

use std::sync::atomic::{AtomicBool, Ordering};

pub(super) struct Weather {
    what: &'static str,
    foul: AtomicBool,
}

impl Weather {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, foul: AtomicBool::new(false) }
    }

    /// It works. Whether this is news.
    pub(super) fn fine(&self) -> bool {
        // Read first: this is asked for every message, and a write would be shared by all threads.
        let news = self.foul.load(Ordering::Relaxed) && self.foul.swap(false, Ordering::Relaxed);
        if news {
            tracing::info!("{} works again", self.what);
        }
        news
    }

    /// It does not. Whether this is news.
    pub(super) fn foul(&self, cause: &str) -> bool {
        let news = !self.foul.load(Ordering::Relaxed) && !self.foul.swap(true, Ordering::Relaxed);
        if news {
            tracing::warn!(cause, "{} does not work", self.what);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_is_news_once() {
        let weather = Weather::new("the test");
        assert!(!weather.fine());
        assert!(weather.foul("rain") && !weather.foul("more rain"));
        assert!(weather.fine() && !weather.fine());
    }
}
