//! The command line: what can be said to `stampede`, and who does it.

use crate::{
    commands,
    config::{self, Config},
    serve, tls,
};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// A ticket shop that survives the moment everyone comes at once.
#[derive(Parser, Debug)]
#[command(name = "stampede", version, about)]
pub struct Cli {
    #[command(flatten)]
    config: Config,
    #[command(subcommand)]
    command: Option<What>,
}

/// What to do. Without a word: serve. All others can be used beside a running shop.
#[derive(Subcommand, Debug)]
enum What {
    /// Run the shop.
    Serve,
    /// Describe an event to the shop.
    #[command(subcommand)]
    Event(EventCommand),
    /// Stop or resume selling.
    #[command(subcommand)]
    Sale(SaleCommand),
    /// Look at orders.
    #[command(subcommand)]
    Orders(OrdersCommand),
    /// Tickets at the gate: neither a shop nor a net is needed.
    #[command(subcommand)]
    Ticket(TicketCommand),
    /// Messages that no writer could take: look at them, put them back, or give them up.
    #[command(subcommand)]
    DeadLetters(DeadLettersCommand),
    /// Payments of orders that are paid online.
    #[command(subcommand)]
    Payments(PaymentsCommand),
    /// Check the laws over every row; exit 1 when one is broken.
    Audit,
    /// Ask the shop that runs here whether it can sell; exit 1 when not.
    Healthcheck,
    /// Print the settings in effect, secrets hidden.
    Config(ConfigCommand),
    /// Bring the data directory or Postgres to this version's schema.
    Migrate,
    /// Google Pub/Sub.
    #[command(subcommand)]
    Pubsub(PubsubCommand),
    /// The demo festival.
    #[command(subcommand)]
    Demo(DemoCommand),
}

#[derive(Subcommand, Debug)]
enum EventCommand {
    /// Add the event of a TOML file, or change it to what the file says.
    Apply {
        /// The file.
        file: PathBuf,
    },
}

#[derive(Subcommand, Debug)]
enum SaleCommand {
    /// No new orders are taken; those taken are written.
    Pause(WhichEvent),
    /// Orders are taken again.
    Resume(WhichEvent),
}

#[derive(Args, Debug)]
struct WhichEvent {
    /// The event; the featured one when absent.
    event: Option<String>,
}

#[derive(Subcommand, Debug)]
enum OrdersCommand {
    /// Every order as CSV, in the order they were asked for.
    Export {
        /// To this file instead of the standard output.
        #[arg(long, short)]
        output: Option<PathBuf>,
    },
}

#[derive(Subcommand, Debug)]
enum TicketCommand {
    /// Judge codes as a gate would; exit 1 when one is not valid. Whether a ticket was cancelled or used before is not in it.
    Verify(commands::ticket::Verify),
    /// Print the public key for the gates.
    Key,
}

#[derive(Subcommand, Debug)]
enum DeadLettersCommand {
    /// Those that have not ended, oldest first.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// One of them, also when it has ended.
    Show {
        /// Its number, as `list` shows it.
        id: commands::dead_letters::Name,
        /// With names and addresses.
        #[arg(long)]
        personal: bool,
    },
    /// Put back on the bus, and see what becomes of them; exit 1 when one died again or is not decided yet.
    Replay(commands::dead_letters::Which),
    /// Give them up: an undecided order ends as failed at once; exit 1 when one could not be ended.
    Dismiss(commands::dead_letters::Which),
}

#[derive(Subcommand, Debug)]
enum PaymentsCommand {
    /// Compare the books with what the payment provider has; exit 1 when they differ, 2 when they could not be compared.
    Reconcile(commands::payments::Reconcile),
}

#[derive(Args, Debug)]
struct ConfigCommand {
    /// Print the reference in Markdown instead.
    #[arg(long, conflicts_with = "env_example")]
    reference: bool,
    /// Print .env.example instead.
    #[arg(long)]
    env_example: bool,
}

#[derive(Subcommand, Debug)]
enum PubsubCommand {
    /// Make the topics and subscriptions that are missing.
    Bootstrap,
}

#[derive(Subcommand, Debug)]
enum DemoCommand {
    /// Forget the demo's orders and open its sale anew.
    Reset,
}

/// Does what the command line says.
#[must_use]
pub fn main() -> ExitCode {
    tls::trust_one_provider();
    let mistakes = config::mistakes_in_environment(&Cli::command());
    if !mistakes.is_empty() {
        return refuse(&mistakes);
    }
    let cli = match Cli::from_arg_matches(&Cli::command().get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let contradictions = cli.config.contradictions();
    if !contradictions.is_empty() {
        return refuse(&contradictions);
    }
    match run(cli) {
        Ok(code) => code,
        Err(error) => refuse(&[format!("{error:#}")]),
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { config, command } = cli;
    let system = actix::System::new();
    match command.unwrap_or(What::Serve) {
        What::Serve => system.block_on(serve::serve(config)),
        What::Event(EventCommand::Apply { file }) => system.block_on(commands::event::apply(&config, &file)),
        What::Sale(SaleCommand::Pause(which)) => {
            system.block_on(commands::sale::set_paused(&config, which.event, true))
        }
        What::Sale(SaleCommand::Resume(which)) => {
            system.block_on(commands::sale::set_paused(&config, which.event, false))
        }
        What::Orders(OrdersCommand::Export { output }) => system.block_on(commands::orders::export(&config, output)),
        What::Ticket(TicketCommand::Verify(which)) => commands::ticket::verify(&config, &which),
        What::Ticket(TicketCommand::Key) => commands::ticket::key(&config),
        What::Healthcheck => Ok(commands::healthcheck::healthcheck(&config)),
        What::DeadLetters(DeadLettersCommand::List { json }) => {
            system.block_on(commands::dead_letters::list(&config, json))
        }
        What::DeadLetters(DeadLettersCommand::Show { id, personal }) => {
            system.block_on(commands::dead_letters::show(&config, id, personal))
        }
        What::DeadLetters(DeadLettersCommand::Replay(which)) => {
            system.block_on(commands::dead_letters::replay(&config, which))
        }
        What::DeadLetters(DeadLettersCommand::Dismiss(which)) => {
            system.block_on(commands::dead_letters::dismiss(&config, which))
        }
        What::Payments(PaymentsCommand::Reconcile(how)) => {
            system.block_on(commands::payments::reconcile(&config, &how))
        }
        What::Audit => system.block_on(commands::audit::audit(&config)),
        What::Config(what) if what.reference => commands::config::print_reference(),
        What::Config(what) if what.env_example => commands::config::print_env_example(),
        What::Config(_) => commands::config::print(&config),
        What::Migrate => system.block_on(commands::migrate::migrate(&config)),
        What::Pubsub(PubsubCommand::Bootstrap) => system.block_on(commands::pubsub::bootstrap(&config)),
        What::Demo(DemoCommand::Reset) => system.block_on(commands::demo::reset(&config)),
    }
}

#[expect(clippy::print_stderr, reason = "the last word of a command that did not begin")]
fn refuse(why: &[String]) -> ExitCode {
    for reason in why {
        eprintln!("stampede: {reason}");
    }
    ExitCode::from(2)
}
