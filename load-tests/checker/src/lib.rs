//! Reads what buyers asked and were told, and what store, ledger and bus hold in the end, and judges every law.
//!
//! It knows nothing of how the shop works: no actor, no port, no driver, no clock. Whoever runs a shop, real processes behind
//! proxies or a simulation with paused time, writes a [`History`] while it runs and [`Books`] when it has come to rest, says
//! in [`Expectations`] what was sold to whom, and calls [`judge`].
//!
//! | what it reads | from |
//! |---|---|
//! | every request with its outcome, in the order in which they began and ended | the buyers, through a [`Recorder`] |
//! | every fault: when, for how long, what shows that it took effect, what the ledger lost | whoever made it |
//! | rows, pool numbers, claims, waiting messages, dead letters | the shop at rest |
//!
//! **Real time is the order of the log.** A recorder appends `Asked` before a request is sent and `Answered` after its answer
//! was read, so that a request that stands behind another one's answer began after it. Two requests that overlap may have
//! happened in either order, and no check says otherwise. `at_ms` measures durations only.
//!
//! **Unknown is never failed.** A timeout, a broken connection and a 503 that says "unknown" may have taken the order, then
//! or at any later moment. A check holds for both.
//!
//! **A promise may be broken in one case:** the ledger was lost, and then at most as many as units were claimed at that
//! moment ([`Fault::lost_units`]); and by a dead letter that nobody replayed. Beyond that bound each broken promise is a
//! breach.
//!
//! Money and holds (laws 7 and 8) have a judge of their own, [`paid`], which reads the provider's books as well; here the check is that
//! none appear.

mod books;
mod expectations;
mod history;
mod judge;
pub mod paid;
mod report;

pub use books::{Books, Bus, LedgerBook, Pool, Row};
pub use expectations::{Enough, Expectations, PoolTerms};
pub use history::{Ask, Body, Event, Fault, History, NotAHistory, Outcome, Recorder, Refusal, What};
pub use judge::judge;
pub use report::{Breach, Counts, Report, Rule};
