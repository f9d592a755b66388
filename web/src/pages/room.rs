//! The control room of the private operations port: what comes in, what limits it, what to change. English only.

mod samples;

use serde::Serialize;

/// Everything of the control room at one moment.
#[derive(Clone, Debug, Serialize)]
pub struct RoomPage {
    /// Server time at rendering, unix milliseconds.
    pub now_ms: i64,
    /// Which process: its host's name and process id.
    pub node: String,
    /// Its role and what it stands on.
    pub role: String,
    /// In one line: how it is, and why.
    pub headline: Headline,
    /// What is for sale.
    pub pools: Vec<PoolRow>,
    /// The last minutes.
    pub charts: Vec<Chart>,
    /// Mailboxes, in the order an order meets them.
    pub mailboxes: Vec<MailboxRow>,
    /// How late things are.
    pub lags: Vec<LagRow>,
    /// What to change.
    pub advice: Vec<AdviceRow>,
    /// What somebody has to do that no setting does.
    pub notes: Vec<String>,
    /// How orders that are paid online stand; nothing where nobody looks after them.
    pub payments: Vec<LagRow>,
    /// What must be 0.
    pub laws: Vec<CountRow>,
    /// The last warnings and errors, and what was steered, the latest first.
    pub troubles: Vec<TroubleRow>,
    /// Pausing and resuming.
    pub steering: Steering,
}

/// How loud something is to be said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// As it should be.
    #[default]
    Calm,
    /// To be looked at.
    Watch,
    /// To be acted upon.
    Alarm,
}

/// The state of the sale in words.
#[derive(Clone, Debug, Serialize)]
pub struct Headline {
    /// How loud.
    pub tone: Tone,
    /// A sentence.
    pub says: String,
    /// What limits it now, a sentence.
    pub limit: String,
}

/// A pool and its units.
#[derive(Clone, Debug, Serialize)]
pub struct PoolRow {
    /// The event's name.
    pub event: String,
    /// The ticket type's name.
    pub ticket_type: String,
    /// The state of its sale.
    pub state: String,
    /// Units; `None` while the ledger is not open.
    pub units: Option<Units>,
}

/// Units of a pool.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Units {
    /// All of them.
    pub capacity: u32,
    /// To be had.
    pub free: u32,
    /// Claimed, not decided.
    pub in_flight: u32,
    /// Held for somebody who has yet to pay.
    pub held: u32,
    /// Sold.
    pub sold: u32,
}

/// Curves of the last minutes on one axis.
#[derive(Clone, Debug, Serialize)]
pub struct Chart {
    /// What is drawn.
    pub title: String,
    /// Its unit.
    pub unit: String,
    /// Values that fill the width.
    #[serde(skip)]
    pub room: usize,
    /// A limit, drawn as a line.
    #[serde(skip)]
    pub limit: Option<f64>,
    /// The curves, the most important first.
    pub lines: Vec<Line>,
}

/// A curve.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// What it is.
    pub name: String,
    /// How loud it is drawn.
    pub tone: Tone,
    /// Oldest first; not a number where nothing is known.
    #[serde(skip)]
    pub values: Vec<f64>,
}

/// An actor's mailbox, summed over its instances.
#[derive(Clone, Debug, Serialize)]
pub struct MailboxRow {
    /// The actor.
    pub name: String,
    /// Messages in it.
    pub depth: u64,
    /// Most that it takes.
    pub capacity: u64,
    /// The depth from which on new orders are put off.
    pub mark: Option<u64>,
    /// Messages done a second.
    pub per_second: f64,
    /// Milliseconds that a message waits, on average.
    pub wait_ms: Option<f64>,
    /// Messages in a batch, on average.
    pub batch: Option<f64>,
    /// Most in a batch.
    pub batch_limit: Option<u64>,
    /// Why batches are closed, mostly.
    pub closed_by: Option<String>,
    /// Messages refused in the last half minute.
    pub refused: u64,
    /// Times it was replaced since the start.
    pub restarts: u64,
}

/// How late something is.
#[derive(Clone, Debug, Serialize)]
pub struct LagRow {
    /// What.
    pub name: String,
    /// How late, with its unit; nothing when nobody knows.
    pub value: Option<String>,
    /// What is too late, in words.
    pub limit: String,
    /// How loud.
    pub tone: Tone,
}

/// A setting to change.
#[derive(Clone, Debug, Serialize)]
pub struct AdviceRow {
    /// The environment variable.
    pub variable: String,
    /// Its value now.
    pub from: String,
    /// The value to try.
    pub to: String,
    /// What was seen.
    pub because: String,
    /// What to expect.
    pub expect: String,
}

/// Something that must be 0.
#[derive(Clone, Debug, Serialize)]
pub struct CountRow {
    /// Its name.
    pub name: String,
    /// What it says.
    pub says: String,
    /// How often it was broken since the start of the process.
    pub broken: u64,
}

/// A line of the log.
#[derive(Clone, Debug, Serialize)]
pub struct TroubleRow {
    /// When, unix milliseconds.
    pub at_ms: i64,
    /// How loud.
    pub tone: Tone,
    /// What.
    pub says: String,
}

/// Whether and what can be steered from here.
#[derive(Clone, Debug, Serialize)]
pub struct Steering {
    /// Why not; nothing when it can.
    pub closed_because: Option<String>,
    /// The events.
    pub events: Vec<SteeredEvent>,
    /// What is wrong with what was sent; nothing when nothing was.
    pub wrong: Option<String>,
    /// Who and why, kept from what was sent.
    pub who: String,
    /// As above.
    pub why: String,
}

/// An event whose sale can be paused or resumed.
#[derive(Clone, Debug, Serialize)]
pub struct SteeredEvent {
    /// Its name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// Whether it is paused now.
    pub paused: bool,
}
