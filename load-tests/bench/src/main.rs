//! The benchmarks of the performance goals: servers under test as processes of their own, a load generator that spares the
//! machine, and a table of figures with their goals. `load-tests/README.md` says how to read it.

mod bystanders;
mod goals;
mod load;
mod picture;
mod process;
mod report;
mod servers;

use clap::{Args, Parser, Subcommand};
use goals::{Curve, Plan};
use load::{BUY, ClosedLoop, OpenLoop, Requests, Until};
use std::{net::SocketAddr, process::ExitCode, time::Duration};
use tokio::task::LocalSet;

/// As in the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Measures the performance goals.
#[derive(Parser)]
#[command(name = "stampede-bench")]
struct Cli {
    #[command(flatten)]
    measure: Measure,
    #[command(subcommand)]
    command: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// Run a server under test (the bench does this itself).
    Serve {
        /// Which.
        kind: servers::Kind,
        #[command(flatten)]
        config: Box<stampede_server::config::Config>,
    },
    /// Fill an empty directory with the orders of a past sale (the bench does this itself).
    Fill {
        /// How many.
        #[arg(long)]
        orders: u32,
        #[command(flatten)]
        config: Box<stampede_server::config::Config>,
    },
    /// Be there and buy nothing (the bench does this itself).
    Bystand(bystanders::Bystanders),
    /// Measure what batch size, linger and writers do, with the flags before this word (--distributed: on servers).
    Tuning,
    /// Only generate load, for profiling and experiments.
    Load(Load),
}

#[derive(Args)]
struct Measure {
    /// Goals to measure, e.g. P1,P2 or idle or curve; all when absent.
    #[arg(long, value_delimiter = ',')]
    only: Vec<String>,
    /// About two minutes instead of fifteen: fewer and shorter rounds, a smaller sale.
    #[arg(long)]
    quick: bool,
    /// Rounds.
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of one load.
    #[arg(long)]
    seconds: Option<f64>,
    /// Tickets of a whole sale.
    #[arg(long)]
    tickets: Option<u32>,
    /// Rounds of whole sales.
    #[arg(long)]
    sales: Option<usize>,
    /// Arrivals a second where the loop is open.
    #[arg(long, default_value_t = 6_000.0)]
    rate: f64,
    /// Idle connections.
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Rows of a store that has sold much (P12).
    #[arg(long)]
    rows: Option<u32>,
    /// Seconds of an overload (P13).
    #[arg(long)]
    overload: Option<u64>,
    /// Orders a second that the store is slowed to (P13): a third of what the generator can come with.
    #[arg(long)]
    slowed_to: Option<u32>,
    /// The spike curve: requests a second as a share of the sale's, which are 50,000 at its height.
    #[arg(long)]
    rate_scale: Option<f64>,
    /// The spike curve: time as a share of the sale's, which takes a quarter of an hour.
    #[arg(long)]
    time_scale: Option<f64>,
    /// The spike curve: one request in so many is a buy.
    #[arg(long, default_value_t = 5)]
    buyer_in: usize,
    /// The spike curve: where else than in target/bench to draw it.
    #[arg(long)]
    picture: Option<std::path::PathBuf>,
    /// The figures of a shop on servers instead, run by `ops/servers/with`: P1, P3, P4, P7, P8, P9, P13, P15.
    #[arg(long)]
    distributed: bool,
    /// Print a Markdown table instead.
    #[arg(long)]
    markdown: bool,
}

#[derive(Args)]
struct Load {
    /// Where to.
    #[arg(long, default_value = "127.0.0.1:8080")]
    to: SocketAddr,
    /// GET this path; without it, buy.
    #[arg(long)]
    path: Option<String>,
    /// Connections.
    #[arg(long, default_value_t = 256)]
    connections: usize,
    /// Arrivals a second; without it, the loop is closed.
    #[arg(long)]
    rate: Option<f64>,
    /// How long.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
    /// Every so many requests of a connection its buyer hangs up; 0: nobody does.
    #[arg(long, default_value_t = 0)]
    hang_up_every: u32,
}

impl Measure {
    fn plan(&self) -> Plan {
        let (rounds, sales, seconds, tickets) = if self.quick { (3, 1, 1.0, 200_000) } else { (5, 5, 4.0, 1_000_000) };
        // All servers share the machine: a tenth of the tickets shows the same.
        let tickets = if self.distributed { tickets.min(100_000) } else { tickets };
        Plan {
            only: self.only.clone(),
            rounds: self.rounds.unwrap_or(rounds).max(1),
            sales: self.sales.unwrap_or(sales).max(1),
            time: Duration::from_secs_f64(self.seconds.unwrap_or(seconds)),
            tickets: self.tickets.unwrap_or(tickets),
            // On servers the same arrivals would be most of what there is.
            rate: if self.distributed { self.rate / 2.0 } else { self.rate },
            idle: self.idle,
            rows: self.rows.unwrap_or(if self.quick { 1_000_000 } else { 10_000_000 }),
            slowed_to: self.slowed_to,
            curve: Curve {
                rate_scale: self.rate_scale.unwrap_or(if self.quick { 0.2 } else { 1.0 }),
                time_scale: self.time_scale.unwrap_or(1.0 / if self.quick { 60.0 } else { 12.0 }),
                buyer_in: self.buyer_in.max(1),
                picture: self.picture.clone(),
            },
            overload: Duration::from_secs(self.overload.unwrap_or(if self.quick { 15 } else { 60 })),
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let Cli { measure: how, command } = Cli::parse();
    match command {
        Some(What::Serve { kind, config }) => servers::run(kind, *config),
        Some(What::Fill { orders, config }) => servers::fill(orders, &config),
        Some(What::Bystand(bystanders)) => alone(bystanders.stay()),
        Some(What::Load(load)) => alone(generate(load)),
        Some(What::Tuning) => alone(tune(how)),
        None => alone(measure(how)),
    }
}

/// Runs on this thread only: the generator shall not take more than one core.
fn alone(work: impl Future<Output = anyhow::Result<ExitCode>>) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, work)
}

async fn measure(how: Measure) -> anyhow::Result<ExitCode> {
    let plan = how.plan();
    let taken = if how.distributed { plan.measure_distributed().await } else { plan.measure().await };
    keep(if how.distributed { "distributed-" } else { "" }, &taken.figures, &taken.faults)?;
    print(&if how.markdown { report::markdown(&taken.figures) } else { report::table(&taken.figures) });
    for fault in &taken.faults {
        print(&format!("FAULT: {fault}\n"));
    }
    Ok(if taken.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Batch size, linger and writers against what comes of them.
async fn tune(how: Measure) -> anyhow::Result<ExitCode> {
    let table = goals::tuning::table(&how.plan(), how.distributed).await?;
    let place = servers::workplace()?;
    let store = if how.distributed { "postgres" } else { "sqlite" };
    std::fs::write(place.join(format!("tuning-{store}.json")), serde_json::to_string_pretty(&table)?)?;
    print(&goals::tuning::markdown(&table));
    Ok(ExitCode::SUCCESS)
}

/// Keeps the figures as JSON, under the time and as the latest.
fn keep(kind: &str, figures: &[report::Figure], faults: &[String]) -> anyhow::Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let cores = std::thread::available_parallelism()?;
    let judged = figures.iter().map(|figure| {
        let median = (!figure.seen.is_empty()).then(|| report::median(&figure.seen));
        serde_json::json!({ "figure": figure, "median": median, "verdict": figure.verdict() })
    });
    let judged: Vec<_> = judged.collect();
    let kept = serde_json::json!({ "at": now, "cores": cores, "figures": judged, "faults": faults });
    let text = serde_json::to_string_pretty(&kept)?;
    let place = servers::workplace()?;
    std::fs::write(place.join(format!("{kind}{now}.json")), &text)?;
    std::fs::write(place.join(format!("{kind}latest.json")), &text)?;
    Ok(())
}

async fn generate(load: Load) -> anyhow::Result<ExitCode> {
    let Load { to, path, connections, rate, seconds, hang_up_every } = load;
    let requests = path.map_or_else(|| Requests::buy(BUY), |path| Requests::read(&path, ""));
    let time = Duration::from_secs_f64(seconds);
    let outcome = match rate {
        Some(rate) => {
            OpenLoop { hang_up_every, ..OpenLoop::steady(to, connections, rate, time) }.run(&requests).await?
        }
        None => ClosedLoop { to, connections, until: Until::Elapsed(time), hang_up_every }.run(&requests).await?,
    };
    print(&format!("{outcome}\n"));
    Ok(ExitCode::SUCCESS)
}

#[expect(clippy::print_stdout, reason = "the answer of the command")]
fn print(text: &str) {
    print!("{text}");
}
