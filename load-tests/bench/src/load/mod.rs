//! The load generator: HTTP/1.1 over raw sockets, on one thread, with next to nothing between a request and the kernel.

mod closed;
mod connection;
mod histogram;
mod open;
mod outcome;
mod queue;
mod request;
mod timeline;

pub(crate) use closed::{ClosedLoop, Until};
pub(crate) use connection::{Connection, get};
pub(crate) use histogram::Histogram;
pub(crate) use open::{OpenLoop, Phase};
pub(crate) use outcome::Outcome;
pub(crate) use request::{BUY, Requests};
pub(crate) use timeline::{Second, Timeline};
