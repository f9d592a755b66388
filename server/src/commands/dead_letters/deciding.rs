//! What a person decides about letters: once more, or never.

use super::{MAY_NOT, Name, Opened, Post, Which, say};
use crate::config::Config;
use anyhow::Context;
use stampede_actors::ports::{DeliveryId, Entry, PortFailure};
use stampede_domain::{OrderId, decide::Want};
use std::{
    collections::{HashMap, HashSet},
    process::ExitCode,
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How long it is watched what becomes of letters that were put back: a running shop needs a fraction of it.
pub(super) const WATCHED_FOR: Duration = Duration::from_secs(10);
/// How often it is looked meanwhile.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(200);

/// What died once more, and why.
type Again = HashMap<DeliveryId, (DeliveryId, String)>;

/// Some came to no end: looked at by scripts.
const UNFINISHED: u8 = 1;

/// How a command ends of which something came to no end.
pub(super) fn unfinished() -> ExitCode {
    ExitCode::from(UNFINISHED)
}

/// Puts letters back on the bus, and says what became of them. What is decided already stays as it is.
pub(crate) async fn replay(config: &Config, which: Which) -> anyhow::Result<ExitCode> {
    let post = Post::open(config).await?;
    crate::telemetry::log(config)?;
    let done = async {
        let orders = if which.has_orders() { post.replay(&which).await? } else { ExitCode::SUCCESS };
        let wishes = post.replay_wishes(&which).await?;
        anyhow::Ok(worse(orders, wishes))
    };
    let done = done.await;
    post.close().await;
    done
}

/// Gives letters up: what can still be ended ends as failed, and is not offered for replay any more.
pub(crate) async fn dismiss(config: &Config, which: Which) -> anyhow::Result<ExitCode> {
    let post = Post::open(config).await?;
    crate::telemetry::log(config)?;
    let done = async {
        let orders = if which.has_orders() { post.dismiss(&which).await? } else { ExitCode::SUCCESS };
        let wishes = post.dismiss_wishes(&which).await?;
        anyhow::Ok(worse(orders, wishes))
    };
    let done = done.await;
    post.close().await;
    done
}

fn worse(one: ExitCode, other: ExitCode) -> ExitCode {
    if one == ExitCode::SUCCESS { other } else { one }
}

impl Which {
    fn has_orders(&self) -> bool {
        self.all || self.ids.iter().any(|name| matches!(name, Name::Order(_)))
    }

    fn log(&self, one: &Opened, what: &'static str) {
        let order = one.order().map(tracing::field::display);
        tracing::info!(letter = one.letter.id.0, order, by = self.by, why = self.reason, "{what}");
    }

    /// `replayed by anna: the pool was missing`
    pub(super) fn word(&self, done: &str) -> String {
        format!("{done} by {}: {}", self.by, self.reason.as_deref().unwrap_or_default())
    }
}

impl Post {
    async fn replay(&self, which: &Which) -> anyhow::Result<ExitCode> {
        let word = which.word("replayed");
        let mut going = Vec::new();
        let mut ends = Vec::new();
        for one in self.still_open(which).await? {
            let id = one.letter.id;
            match (one.order(), &one.fate) {
                (Some(order), Some((_, decision))) => {
                    let status = decision.status().as_str();
                    let other = if one.is_of_another_body() { " with another body" } else { "" };
                    say(format_args!(
                        "{}: order {order} is {status} already{other}. A replay would change nothing.",
                        id.0
                    ));
                    ends.push((id, format!("{word}; its order was {status} already{other}, nothing was put back")));
                }
                _ if which.dry_run => say(format_args!("{}: would be put back on the bus", id.0)),
                _ => going.push(one),
            }
        }
        if which.dry_run {
            return Ok(ExitCode::SUCCESS);
        }
        self.end(ends).await?;
        let ids: Vec<_> = going.iter().map(|one| one.letter.id).collect();
        if ids.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let known = self.waiting().await?.iter().map(|one| one.letter.id).collect();
        self.ports.bus.replay(&ids, &word).await.map_err(explained)?;
        for one in &going {
            which.log(one, "a dead letter is put back on the bus");
        }
        self.watch(going, &known, &word).await
    }

    /// Looks until every order has a fate, has died again, or it has taken too long.
    async fn watch(&self, mut going: Vec<Opened>, known: &HashSet<DeliveryId>, word: &str) -> anyhow::Result<ExitCode> {
        for one in going.extract_if(.., |one| one.order().is_none()) {
            say(format_args!(
                "{}: is back on the bus. It names no order, so nobody can tell what becomes of it.",
                one.letter.id.0
            ));
        }
        let since = Instant::now();
        let mut unfinished = false;
        while !going.is_empty() && since.elapsed() < WATCHED_FOR {
            let (fates, again) = (self.fates(&going).await?, self.died_again(&going, known).await?);
            let mut ends = Vec::new();
            going.retain(|one| {
                let (id, order) = (one.letter.id, one.order());
                let fate = order.and_then(|order| fates.get(&order));
                if let (Some(order), Some((_, decision))) = (order, fate) {
                    let status = decision.status().as_str();
                    say(format_args!("{}: order {order} is {status} now", id.0));
                    ends.push((id, format!("{word}; its order is {status}")));
                } else if let Some((letter, reason)) = again.get(&id) {
                    unfinished = true;
                    say(format_args!("{}: died again, as letter {}: {reason}", id.0, letter.0));
                    ends.push((id, format!("{word}; it died again, as letter {}", letter.0)));
                } else {
                    return true;
                }
                false
            });
            self.end(ends).await?;
            if !going.is_empty() {
                sleep(LOOK_EVERY).await;
            }
        }
        for one in &going {
            say(format_args!(
                "{}: is on its way, and not decided yet. A running shop takes it, otherwise the next start. Look again with \
                 “stampede dead-letters show {}”.",
                one.letter.id.0, one.letter.id.0
            ));
        }
        Ok(if unfinished || !going.is_empty() { ExitCode::from(UNFINISHED) } else { ExitCode::SUCCESS })
    }

    /// Letters of the same orders that were not there before these were put back, by the letter that was.
    async fn died_again(&self, going: &[Opened], known: &HashSet<DeliveryId>) -> anyhow::Result<Again> {
        let mut younger = self.waiting().await?;
        younger.retain(|other| !known.contains(&other.letter.id));
        let younger: HashMap<_, _> = younger.into_iter().map(|other| (other.order(), other.letter)).collect();
        let again = going.iter().filter_map(|one| {
            let letter = younger.get(&one.order())?;
            Some((one.letter.id, (letter.id, letter.reason.clone())))
        });
        Ok(again.collect())
    }

    async fn dismiss(&self, which: &Which) -> anyhow::Result<ExitCode> {
        let word = which.word("dismissed");
        let mut unfinished = false;
        for one in self.still_open(which).await? {
            let id = one.letter.id;
            let end = match (one.order(), &one.fate) {
                (Some(order), Some((_, decision))) => {
                    let status = decision.status().as_str();
                    Ok(format!("order {order} is {status} already; the letter is put away"))
                }
                (None, _) => Ok("no order is named; the letter is put away".to_owned()),
                (Some(order), None) if which.dry_run => Ok(format!("order {order} would end as failed")),
                (Some(order), None) => self.fail(&one, order).await?,
            };
            match end {
                Ok(said) => {
                    say(format_args!("{}: {said}{}", id.0, if which.dry_run { " (nothing is done)" } else { "" }));
                    if !which.dry_run {
                        which.log(&one, "a dead letter is dismissed");
                        self.end(vec![(id, format!("{word}; {said}"))]).await?;
                    }
                }
                Err(why) => {
                    unfinished = true;
                    say(format_args!("{}: {why}", id.0));
                }
            }
        }
        Ok(if unfinished { ExitCode::from(UNFINISHED) } else { ExitCode::SUCCESS })
    }

    /// Offers an order to the judge as failed, now rather than when its time is over. What became of it, or why nothing did.
    async fn fail(&self, one: &Opened, order: OrderId) -> anyhow::Result<Result<String, String>> {
        let Some(intent) = one.intent.clone() else { return Ok(Err("no order is named".into())) };
        let store = &self.ports.store;
        let offered = async {
            let (epoch, _) = store.pool(intent.pool).await?;
            let entry = Entry { intent, want: Want::Fail { epoch } };
            store.decide(self.ports.clock.now(), &[entry]).await
        };
        match offered.await {
            Ok(_) => {}
            // Nothing can be stored of it, so nothing is promised by it either: no claim survives without a pool.
            Err(PortFailure::Impossible(why)) => {
                return Ok(Ok(format!("order {order} cannot be ended ({why}); the letter is put away")));
            }
            Err(failure) => return Err(failure).context("the order may have ended or not. Dismiss the letter again"),
        }
        let fate = store.fates(&[order]).await?;
        Ok(match fate.first() {
            Some((_, _, decision)) => Ok(format!("order {order} is {} now", decision.status().as_str())),
            None => {
                Err("its pool was opened anew at this moment, so nothing was done. Dismiss the letter again".into())
            }
        })
    }

    /// The chosen letters; those that have ended are told, and left out.
    async fn still_open(&self, which: &Which) -> anyhow::Result<Vec<Opened>> {
        let mut chosen = self.chosen(which).await?;
        if chosen.is_empty() {
            say("no dead letters wait");
        }
        for one in chosen.extract_if(.., |one| one.letter.ended_at.is_some()) {
            say(format_args!("{}: has ended already: {}", one.letter.id.0, one.letter.last_word));
        }
        Ok(chosen)
    }

    async fn end(&self, ends: Vec<(DeliveryId, String)>) -> anyhow::Result<()> {
        if ends.is_empty() {
            return Ok(());
        }
        self.ports.bus.end_dead_letters(&ends).await.context(MAY_NOT)
    }
}

/// What a failed replay means for whoever typed it.
pub(super) fn explained(failure: PortFailure) -> anyhow::Error {
    let way_out = match &failure {
        PortFailure::Unavailable(_) => "nothing was put back. Try again",
        PortFailure::Unknown(_) => {
            "some may have been put back. Do it again: an order that comes twice is still one order"
        }
        PortFailure::Impossible(_) => "this bus cannot carry it. Dismiss it",
    };
    anyhow::Error::new(failure).context(way_out)
}
