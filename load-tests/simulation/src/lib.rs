//! A whole shop on one thread, in paused time, from one seed: the logic of the actors over backends in memory, while everything
//! that can go wrong does.
//!
//! One [`Plan`] is one history. From its seed follow who runs (one process, or two web nodes and two writers), what goes wrong
//! and how often (a [`Mixture`] of its own, so that rare combinations come too), when buyers come and what they do. Calls to
//! ports are refused, lost, answered late or never; messages vanish, double, come late and change places; processes and single
//! actors die or stand still at calls and between them; the ledger is lost, or comes back as it was; clocks are put forward
//! and back. Then everything works again, and the shop must come to rest in bounded time: every 202 decided, nothing leaked,
//! every free unit for sale. The judge is the checker that judges real processes too.
//!
//! Nothing here looks at the machine's clock or at chance, so the same seed gives the same [`Verdict::trace`], and a history
//! that went wrong goes wrong again: `stampede-simulation --seed N --words` tells it step by step.
//!
//! Absent: actix (a task hands out the letters instead), sockets, files, more than one thread, and what a server does wrong
//! by itself.

mod buyers;
mod clock;
mod crash_table;
mod fate;
mod festival;
mod harm;
mod history;
mod judge;
mod links;
mod mixture;
mod node;
mod paid;
mod part;
mod plan;
mod points;
#[cfg(feature = "sabotage")]
mod sabotaged;
mod storm;
mod trace;
mod world;

pub use crash_table::{Coverage, Row};
pub use harm::{Caller, Harm, Planned, Point, Side};
pub use history::{Verdict, happen};
pub use mixture::Mixture;
pub use paid::{Outcomes, PaidPlan, PaidVerdict, RACES, planned_steps, race};
pub use plan::{LedgerFate, Mode, Plan};
pub use points::{judge as judge_point, plans as planned_deaths, points};
#[cfg(feature = "sabotage")]
pub use sabotaged::{Caught, catch};
