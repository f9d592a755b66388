//! `stampede dead-letters list|show|replay|dismiss`
//!
//! Beside a running shop: letters lie in the queue's file or in Postgres, and orders are decided by the store's first insert,
//! whoever offers it. So no word to the running process is needed, and none to the ledger: it is settled by the next sweep.
//! Letters of orders are numbered 17, those of the payments' lane p17: two buses, each with its own (see `wishes`).

mod deciding;
mod showing;
mod wishes;

pub(crate) use deciding::{dismiss, replay};

use super::say;
use crate::{
    config::{Config, Role},
    home,
    wiring::{Books, Ports},
};
use anyhow::{Context, bail};
use stampede_actors::{
    ports::{DeadLetter, DeliveryId, Listing},
    wire,
};
use stampede_domain::{Decision, Fingerprint, Intent, OrderId, PoolId};
use std::{collections::HashMap, fmt, process::ExitCode, str::FromStr};

/// Letters looked at in one go, as many as a shop looks at.
const AT_MOST: usize = 100_000;
/// Orders asked about at once, as the port has it.
const ASKED_AT_ONCE: usize = 1_000;

/// A letter's name, as `list` shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// `17`: of the orders' bus.
    Order(u64),
    /// `p17`: of the payments' lane.
    Payment(u64),
}

impl FromStr for Name {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, name): (_, fn(u64) -> Self) =
            text.strip_prefix('p').map_or((text, Self::Order), |number| (number, Self::Payment));
        number.parse().map(name).map_err(|_| "write 17 for a letter of orders, p17 for one of payments")
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Order(id) => write!(f, "{id}"),
            Self::Payment(id) => write!(f, "p{id}"),
        }
    }
}

/// Which letters.
#[derive(clap::Args, Debug)]
pub(crate) struct Which {
    /// Their numbers, as `list` shows them.
    #[arg(required_unless_present = "all", conflicts_with = "all", value_name = "ID")]
    ids: Vec<Name>,
    /// All that have not ended.
    #[arg(long)]
    all: bool,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    /// Why. It is kept with the letter, with your name.
    #[arg(long, required_unless_present = "dry_run", value_name = "TEXT")]
    reason: Option<String>,
    /// Who does it.
    #[arg(long, env = "USER", default_value = "somebody", value_name = "NAME")]
    by: String,
}

/// A shop whose letters are looked at.
struct Post {
    ports: Ports,
    books: Books,
    /// What a listing is called, by pool.
    names: HashMap<PoolId, String>,
}

/// A letter with what is known about its order.
struct Opened {
    letter: DeadLetter,
    /// All of it from the payload, or what the label says.
    intent: Option<Intent>,
    /// Whether the payload itself can be read.
    is_readable: bool,
    fate: Option<(Fingerprint, Decision)>,
}

impl Opened {
    fn order(&self) -> Option<OrderId> {
        self.intent.as_ref().map(|intent| intent.order)
    }

    /// What the store has said of its order.
    fn status(&self) -> &'static str {
        match (&self.intent, &self.fate) {
            (None, _) => "unknown",
            (_, None) => "undecided",
            (_, Some((_, decision))) => decision.status().as_str(),
        }
    }

    /// Whether its order was decided by a message with another body.
    fn is_of_another_body(&self) -> bool {
        let asked_with = self.intent.as_ref().map(|intent| intent.fingerprint);
        self.fate.is_some_and(|(decided_with, _)| asked_with.is_some_and(|asked_with| asked_with != decided_with))
    }
}

impl Post {
    async fn open(config: &Config) -> anyhow::Result<Self> {
        if !config.servers.are_set() {
            home::has_shop(&config.data_dir)?;
            home::prepare(&config.data_dir)?;
        }
        // It takes no order from the bus that it would not write.
        let mut looking = config.clone();
        looking.servers.role = Role::Web;
        let (ports, books) = Ports::open(&looking).await?;
        let listings = ports.catalogue.snapshot().await?.listings;
        Ok(Self { ports, books, names: listings.iter().flat_map(names).collect() })
    }

    async fn close(self) {
        self.ports.close().await;
        self.books.close().await;
    }

    /// Those that have not ended, oldest first.
    async fn waiting(&self) -> anyhow::Result<Vec<Opened>> {
        let letters = self.ports.bus.dead_letters(AT_MOST).await.context(MAY_NOT)?;
        self.opened(letters).await
    }

    /// The chosen ones. A number that nobody knows is a mistake, and then nothing is done.
    async fn chosen(&self, which: &Which) -> anyhow::Result<Vec<Opened>> {
        if which.all {
            return self.waiting().await;
        }
        let mut letters = Vec::new();
        for name in &which.ids {
            if let Name::Order(id) = name {
                letters.push(self.letter(*id).await?);
            }
        }
        self.opened(letters).await
    }

    async fn letter(&self, id: u64) -> anyhow::Result<DeadLetter> {
        match self.ports.bus.dead_letter(DeliveryId(id)).await.context(MAY_NOT)? {
            Some(letter) => Ok(letter),
            None => bail!("there is no dead letter {id}. “stampede dead-letters list” shows those that wait"),
        }
    }

    async fn opened(&self, letters: Vec<DeadLetter>) -> anyhow::Result<Vec<Opened>> {
        let open = |letter: DeadLetter| {
            let is_readable = wire::decode(&letter.payload).is_ok();
            Opened { intent: wire::known(&letter.payload, letter.label), is_readable, letter, fate: None }
        };
        let mut opened: Vec<_> = letters.into_iter().map(open).collect();
        let fates = self.fates(&opened).await?;
        for one in &mut opened {
            one.fate = one.order().and_then(|order| fates.get(&order).copied());
        }
        Ok(opened)
    }

    async fn fates(&self, opened: &[Opened]) -> anyhow::Result<HashMap<OrderId, (Fingerprint, Decision)>> {
        let orders: Vec<_> = opened.iter().filter_map(Opened::order).collect();
        let mut fates = HashMap::new();
        for some in orders.chunks(ASKED_AT_ONCE) {
            let known = self.ports.store.fates(some).await?;
            fates.extend(known.into_iter().map(|(order, fingerprint, decision)| (order, (fingerprint, decision))));
        }
        Ok(fates)
    }

    fn name(&self, pool: PoolId) -> String {
        self.names.get(&pool).cloned().unwrap_or_else(|| format!("{pool}, which is not for sale"))
    }
}

/// What is said when letters cannot be read: on servers, mostly for want of rights.
const MAY_NOT: &str = "the dead letters cannot be read or changed. On servers that takes a login of the role stampede_writer, \
                       or the owner's, in DATABASE_URL";

fn names(listing: &Listing) -> Vec<(PoolId, String)> {
    let event = &listing.event;
    let types = event.ticket_types.iter();
    types.map(|one| (one.pool(&event.slug), format!("{} / {}", event.slug, one.id))).collect()
}

/// Shows the letters that have not ended.
pub(crate) async fn list(config: &Config, json: bool) -> anyhow::Result<ExitCode> {
    let post = Post::open(config).await?;
    let waiting = async { anyhow::Ok((post.waiting().await?, post.wishes_waiting().await?)) };
    let waiting = waiting.await;
    if let Ok((orders, wishes)) = &waiting {
        if json { showing::list_as_json(&post, orders, wishes) } else { showing::list(orders, wishes) }
    }
    post.close().await;
    waiting.map(|_| ExitCode::SUCCESS)
}

/// Shows one letter; who it names only when asked to.
pub(crate) async fn show(config: &Config, name: Name, personal: bool) -> anyhow::Result<ExitCode> {
    let post = Post::open(config).await?;
    let shown = async {
        let id = match name {
            Name::Payment(id) => {
                wishes::show(&post, &post.wish(id).await?, personal);
                return Ok(());
            }
            Name::Order(id) => id,
        };
        let letter = post.letter(id).await?;
        let opened = post.opened(vec![letter]).await?;
        opened.iter().for_each(|one| showing::show(&post, one, personal));
        anyhow::Ok(())
    };
    let shown = shown.await;
    post.close().await;
    shown.map(|()| ExitCode::SUCCESS)
}
