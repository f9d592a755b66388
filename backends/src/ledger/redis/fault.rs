//! What an error of Redis means: did the command happen, and is the connection worth keeping?

use redis::{RedisError, ServerError};
use stampede_actors::ports::{PortFailure, PortResult};

/// A command that failed.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub(super) failure: PortFailure,
    /// The server has not, or no longer, got the script: it was not run.
    pub(super) needs_script: bool,
    /// Nothing better can be expected of this connection.
    pub(super) is_lost: bool,
}

/// Refusals before anything is done, from which only another server, or time, will save.
const NOT_SERVING: [&str; 8] =
    ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "MOVED", "ASK", "NOAUTH", "TRYAGAIN"];
/// Refusals before anything is done, by a server that serves otherwise: no memory, a failed save, a long script.
const REFUSED: [&str; 5] = ["OOM", "MISCONF", "NOREPLICAS", "BUSY", "CROSSSLOT"];

impl Fault {
    /// The whole answer is missing: the connection broke or fell silent after the command was given to it.
    pub(super) fn of_connection(error: &RedisError) -> Self {
        let failure = PortFailure::Unknown(format!("no answer from Redis: {}", kind_of(error)));
        Self { failure, needs_script: false, is_lost: true }
    }

    /// The server said no.
    pub(super) fn of_server(error: &ServerError) -> Self {
        let (code, details) = (error.code(), error.details().unwrap_or_default());
        let happened_inside = details.contains("@user_script") || details.contains("script:");
        let is_not_serving = NOT_SERVING.contains(&code);
        let needs_script = code == "NOSCRIPT";
        let nothing_happened = is_not_serving || needs_script || REFUSED.contains(&code);
        let said = format!("Redis says {code}: {details}");
        let failure = if nothing_happened && !happened_inside {
            PortFailure::Unavailable(said)
        } else {
            PortFailure::Unknown(said)
        };
        Self { failure, needs_script, is_lost: is_not_serving }
    }
}

/// The kind and cause of an error, without what the URL may have put into it.
pub(super) fn kind_of(error: &RedisError) -> String {
    if error.is_timeout() { "it is silent".into() } else { error.category().to_owned() }
}

/// A batch of several calls happened as a whole, not at all, or one cannot tell.
pub(super) fn whole<T>(answers: Vec<PortResult<T>>) -> PortResult<Vec<T>> {
    let all = answers.len();
    let (mut fine, mut failures) = (Vec::with_capacity(all), Vec::new());
    for answer in answers {
        match answer {
            Ok(answer) => fine.push(answer),
            Err(failure) => failures.push(failure),
        }
    }
    let nothing_happened = fine.is_empty() && failures.iter().all(|it| matches!(it, PortFailure::Unavailable(_)));
    match failures.into_iter().next() {
        None => Ok(fine),
        Some(PortFailure::Unavailable(why)) if !nothing_happened => Err(PortFailure::Unknown(why)),
        Some(failure) => Err(failure),
    }
}

/// For what only reads: nothing happened, whatever was lost.
pub(super) fn only_read(failure: PortFailure) -> PortFailure {
    match failure {
        PortFailure::Unknown(why) => PortFailure::Unavailable(why),
        other => other,
    }
}
