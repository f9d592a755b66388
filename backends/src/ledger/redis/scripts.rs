//! The scripts: one a step, each a whole transition of one pool's book.
//!
//! A script with a head line is judged by the server *before* it starts: without memory to spare, on a replica or during
//! a failed save it is refused as a whole. `allow-oom` stands where a sale under way must go on; nothing ever half-applies.

use redis::Cmd;
use std::sync::{Mutex, PoisonError};

macro_rules! script {
    ($flags:literal $(, $file:literal)+) => {
        concat!("#!lua ", $flags, "\n" $(, include_str!(concat!("lua/", $file, ".lua")))+)
    };
}

/// A step that the server does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Script {
    Claim,
    Promise,
    Withdraw,
    Settle,
    Pick,
    Older,
    Find,
    Peek,
    Terms,
    Close,
    Open,
    Report,
    Reports,
    Take,
}

/// In the order of [`Script`].
const SOURCES: [&str; 14] = [
    script!("flags=", "book", "notes", "claim"),
    script!("flags=allow-oom", "book", "notes", "promise"),
    script!("flags=allow-oom", "book", "withdraw"),
    script!("flags=allow-oom", "book", "notes", "settle"),
    script!("flags=allow-oom", "book", "pick"),
    script!("flags=allow-oom", "book", "older"),
    script!("flags=allow-oom", "book", "notes", "find"),
    script!("flags=allow-oom", "book", "peek"),
    script!("flags=allow-oom", "book", "terms"),
    script!("flags=allow-oom", "book", "discard", "close"),
    script!("flags=", "book", "discard", "open"),
    script!("flags=allow-oom", "report"),
    script!("flags=no-writes", "reports"),
    script!("flags=", "take"),
];

/// The names that the server gave the scripts: digests of their texts, so they are the same on every server.
#[derive(Debug, Default)]
pub(super) struct Digests(Mutex<Vec<String>>);

impl Digests {
    /// A call of `script` upon the keys of `key`.
    pub(super) fn call(&self, script: Script, key: &str, arguments: &[&[u8]]) -> Cmd {
        let digests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let digest = digests.get(script as usize).map_or("", String::as_str);
        let mut call = redis::cmd("EVALSHA");
        call.arg(digest).arg(1).arg(key);
        for argument in arguments {
            call.arg(*argument);
        }
        call
    }

    /// Commands that load all scripts; their answers go to [`learn`](Self::learn).
    pub(super) fn load() -> Vec<Cmd> {
        let load = |source: &&str| {
            let mut load = redis::cmd("SCRIPT");
            load.arg("LOAD").arg(*source);
            load
        };
        SOURCES.iter().map(load).collect()
    }

    pub(super) fn learn(&self, digests: Vec<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = digests;
    }
}
