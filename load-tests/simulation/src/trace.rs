//! The fingerprint of a history: everything that happens goes into one hash, in order, with its time. The same seed must give
//! the same hash, or a violation could not be repeated.

use crate::harm::{Caller, Harm};
use std::{
    fmt::Debug,
    hash::{DefaultHasher, Hash, Hasher},
};
use tokio::time::Instant;

/// Hashes what happens, and writes it down when asked to.
pub(crate) struct Trace {
    began: Instant,
    hasher: DefaultHasher,
    /// Everything in words; only when somebody wants to read it.
    words: Option<Vec<String>>,
}

impl Trace {
    pub(crate) fn begin(in_words: bool) -> Self {
        // Not a random state: its keys are fixed.
        Self { began: Instant::now(), hasher: DefaultHasher::new(), words: in_words.then(Vec::new) }
    }

    /// Something happened.
    pub(crate) fn note(&mut self, what: &(impl Hash + Debug)) {
        let at = self.began.elapsed().as_millis();
        (at, what).hash(&mut self.hasher);
        if let Some(words) = &mut self.words {
            words.push(format!("{:>7}.{:03} {what:?}", at / 1_000, at % 1_000));
        }
    }

    /// A port was called. In words only when something befell the call, for there are thousands.
    pub(crate) fn call(&mut self, caller: Caller, operation: &'static str, harm: Harm) {
        let at = self.began.elapsed().as_millis();
        (at, caller, operation).hash(&mut self.hasher);
        if let Some(words) = &mut self.words
            && harm != Harm::None
        {
            let Caller { node, life, actor } = caller;
            words.push(format!(
                "{:>7}.{:03} node {node}.{life} {actor}: {operation}: {harm:?}",
                at / 1_000,
                at % 1_000
            ));
        }
    }

    pub(crate) fn hash(&self) -> u64 {
        self.hasher.finish()
    }

    pub(crate) fn take_words(&mut self) -> Vec<String> {
        self.words.take().unwrap_or_default()
    }
}
