//! The list of faults.

use super::{
    links::{Side, To},
    servers::Accident,
    wires::Trouble,
};
use stampede_proxy::Moment;

/// A kind of fault.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    pub(super) fault: Fault,
    /// Part of the short storm: over soon, and sure to hit something.
    pub(super) is_short: bool,
}

/// What it does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    Wire(Side, To, Trouble),
    Server(Accident),
}

const fn wire(name: &'static str, side: Side, to: To, trouble: Trouble) -> Kind {
    Kind { name, fault: Fault::Wire(side, to, trouble), is_short: false }
}

const fn server(name: &'static str, accident: Accident) -> Kind {
    Kind { name, fault: Fault::Server(accident), is_short: false }
}

impl Kind {
    const fn in_short(self) -> Self {
        Self { is_short: true, ..self }
    }
}

/// All of them.
pub(super) const KINDS: &[Kind] = &[
    wire("crowd to web: reset", Side::Crowd, To::Web, Trouble::Reset).in_short(),
    wire("crowd to web: black hole", Side::Crowd, To::Web, Trouble::BlackHole(1_000)),
    wire("crowd to web: answers lost", Side::Crowd, To::Web, Trouble::Deaf(700)),
    wire("crowd to web: slow", Side::Crowd, To::Web, Trouble::Slow(200)),
    wire("crowd to web: refused", Side::Crowd, To::Web, Trouble::Slammed(500)),
    wire(
        "crowd to web: cut after the order's answer",
        Side::Crowd,
        To::Web,
        Trouble::Cut("POST /api", Moment::AfterAnswer),
    ),
    wire("web to Redis: reset", Side::Webs, To::Redis, Trouble::Reset).in_short(),
    wire("web to Redis: black hole", Side::Webs, To::Redis, Trouble::BlackHole(1_200)),
    wire("web to Redis: half open", Side::Webs, To::Redis, Trouble::HalfOpen),
    wire("web to Redis: slow", Side::Webs, To::Redis, Trouble::Slow(60)),
    wire("web to Redis: held", Side::Webs, To::Redis, Trouble::Held(600)),
    wire("web to Redis: nobody listens", Side::Webs, To::Redis, Trouble::Gone(700)),
    wire("web to Redis: cut before a script", Side::Webs, To::Redis, Trouble::Cut("EVALSHA", Moment::Before)),
    wire(
        "web to Redis: cut after a script's answer",
        Side::Webs,
        To::Redis,
        Trouble::Cut("EVALSHA", Moment::AfterAnswer),
    )
    .in_short(),
    wire("web to Pub/Sub: reset", Side::Webs, To::PubSub, Trouble::Reset),
    wire("web to Pub/Sub: black hole", Side::Webs, To::PubSub, Trouble::BlackHole(1_200)),
    wire("web to Pub/Sub: answers lost", Side::Webs, To::PubSub, Trouble::Deaf(800)),
    wire("web to Pub/Sub: thin", Side::Webs, To::PubSub, Trouble::Thin(100_000)),
    wire("web to Pub/Sub: held", Side::Webs, To::PubSub, Trouble::Held(800)),
    wire("web to Pub/Sub: cut before a publish", Side::Webs, To::PubSub, Trouble::Cut("\"o\":\"", Moment::Before)),
    wire(
        "web to Pub/Sub: cut after a publish is stored",
        Side::Webs,
        To::PubSub,
        Trouble::Cut("\"o\":\"", Moment::AfterAnswer),
    )
    .in_short(),
    wire("web to Postgres: reset", Side::Webs, To::Postgres, Trouble::Reset),
    wire("web to Postgres: black hole", Side::Webs, To::Postgres, Trouble::BlackHole(1_000)),
    wire("writer to Redis: reset", Side::Writers, To::Redis, Trouble::Reset),
    wire("writer to Redis: black hole", Side::Writers, To::Redis, Trouble::BlackHole(1_200)),
    wire("writer to Redis: slow", Side::Writers, To::Redis, Trouble::Slow(100)),
    wire(
        "writer to Redis: cut after a settlement's answer",
        Side::Writers,
        To::Redis,
        Trouble::Cut("EVALSHA", Moment::AfterAnswer),
    ),
    wire("writer to Pub/Sub: reset", Side::Writers, To::PubSub, Trouble::Reset),
    wire("writer to Pub/Sub: black hole", Side::Writers, To::PubSub, Trouble::BlackHole(1_200)),
    wire("writer to Pub/Sub: half open", Side::Writers, To::PubSub, Trouble::HalfOpen),
    wire("writer to Pub/Sub: slow", Side::Writers, To::PubSub, Trouble::Slow(150)),
    wire("writer to Postgres: reset", Side::Writers, To::Postgres, Trouble::Reset).in_short(),
    wire("writer to Postgres: black hole", Side::Writers, To::Postgres, Trouble::BlackHole(1_000)),
    wire("writer to Postgres: half open", Side::Writers, To::Postgres, Trouble::HalfOpen),
    wire("writer to Postgres: slow", Side::Writers, To::Postgres, Trouble::Slow(80)),
    wire(
        "writer to Postgres: cut before a commit",
        Side::Writers,
        To::Postgres,
        Trouble::Cut("COMMIT", Moment::Before),
    ),
    wire(
        "writer to Postgres: cut after a commit",
        Side::Writers,
        To::Postgres,
        Trouble::Cut("COMMIT", Moment::AfterAnswer),
    )
    .in_short(),
    server("a web node is killed", Accident::WebKilled),
    server("a writer is killed", Accident::WriterKilled).in_short(),
    server("a web node stands still", Accident::WebFrozen(1_500)),
    server("a writer stands still", Accident::WriterFrozen(1_500)),
    server("Redis is emptied", Accident::RedisEmptied).in_short(),
    server("Redis is killed and starts empty", Accident::RedisKilled),
    server("Redis is killed and restored from an older copy", Accident::RedisRestored),
    server("Redis stands still", Accident::RedisFrozen(1_500)),
    server("Postgres is restarted", Accident::PostgresRestarted),
    server("Postgres is killed and recovers", Accident::PostgresKilled),
    server("Postgres stands still", Accident::PostgresFrozen(1_000)),
    server("Postgres ends the shop's sessions", Accident::SessionsEnded),
    server("Pub/Sub is killed and restarted", Accident::PubSubKilled),
    server("Pub/Sub stands still", Accident::PubSubFrozen(1_000)),
    server("Pub/Sub drops the streams", Accident::StreamsDropped).in_short(),
    server("Pub/Sub ends every lease", Accident::LeasesEnded),
    server("Pub/Sub delivers thrice, in any order", Accident::Duplicates).in_short(),
    server("Pub/Sub stores and does not answer", Accident::NoAnswer),
    server("Pub/Sub refuses, or stores and denies", Accident::Denied),
    server("Pub/Sub takes long", Accident::SlowPublishes),
    server("everyone comes back at once", Accident::RetryStorm).in_short(),
];
