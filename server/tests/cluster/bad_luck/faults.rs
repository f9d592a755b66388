//! The list of faults.

use super::{Struck, nodes, postgres, pubsub, redis};
use crate::harness::{Cluster, record::Record};
use std::pin::Pin;

/// What a strike does until it is over.
pub(super) type Strike<'a> = Pin<Box<dyn Future<Output = Struck> + 'a>>;

/// A fault.
pub(super) struct Misfortune {
    pub(super) name: &'static str,
    pub(super) strike: for<'a> fn(&'a mut Cluster, &'a Record) -> Strike<'a>,
}

macro_rules! faults {
    ($($name:literal => $strike:expr,)+) => {
        /// All of them.
        pub(super) const FAULTS: &[Misfortune] =
            &[$(Misfortune { name: $name, strike: |shop, record| Box::pin(($strike)(shop, record)) }),+];
    };
}

faults! {
    "Postgres is restarted" => postgres::restarted,
    "Postgres is stopped for 10 s" => postgres::stopped,
    "Postgres is killed and recovers" => postgres::killed,
    "Postgres stands still for 10 s" => postgres::frozen,
    "Postgres is out of connections for 10 s" => postgres::out_of_connections,
    "Postgres is read-only for 10 s" => postgres::read_only,
    "Redis is killed and starts empty" => redis::killed,
    "Redis is killed and restored from an older copy" => redis::restored,
    "Redis is paused for 10 s" => redis::paused,
    "Redis is out of memory for 10 s" => redis::out_of_memory,
    "Redis is emptied (FLUSHALL)" => redis::emptied,
    "Pub/Sub is killed and restarted" => pubsub::killed,
    "Pub/Sub stands still for 10 s" => pubsub::frozen,
    "Pub/Sub is slow for 10 s" => pubsub::slow,
    "Pub/Sub stores and never answers for 10 s" => pubsub::silent,
    "Pub/Sub fails before or after it stored for 10 s" => pubsub::failing,
    "Pub/Sub delivers twice and out of order for 10 s" => pubsub::twice,
    "a web node is killed" => nodes::web_killed,
    "a writer is killed" => nodes::writer_killed,
    "a web node stands still for 35 s" => nodes::web_frozen,
    "a writer stands still for 15 s" => nodes::writer_frozen,
    "every process is restarted, one after the other" => nodes::rolling,
    "everything is killed at once, servers and all" => nodes::power_cut,
}
