//! Letters of the lane, on which payments travel. A wish has no fate, as an order has: what it wanted is so or is not, and the
//! row of its order says which. Nothing hangs on such a letter: its order runs out, or is looked after, without it.

use super::{
    AT_MOST, MAY_NOT, Name, Post, Which, say,
    showing::{HIDDEN, how_it_died, line, what_became_of_it},
};
use anyhow::{Context, bail};
use serde_json::{Value, json};
use stampede_actors::{
    lane::{self, LaneOrder, Wish},
    ports::{DeadLetter, DeliveryId},
};
use stampede_domain::{Hold, HoldAnswer};
use std::{collections::HashSet, process::ExitCode};
use tokio::time::{Instant, sleep};

/// A letter with what is known about its order.
pub(super) struct Wished {
    letter: DeadLetter,
    wished: Option<LaneOrder>,
    hold: Option<Hold>,
}

/// What a replay would come to.
enum Outlook {
    /// Something, as far as can be told.
    Open,
    /// What it wanted is so.
    IsSo,
    /// The order does not allow it, as it stands.
    Refused(String),
}

impl Wished {
    fn name(&self) -> Name {
        Name::Payment(self.letter.id.0)
    }

    fn wish(&self) -> String {
        match self.wished.as_ref().map(|wished| &wished.wish) {
            None => "(cannot be read)".into(),
            Some(Wish::Pay { attempt }) => format!("pay, attempt {attempt}"),
            Some(Wish::Extend) => "extend".into(),
            Some(Wish::Cancel) => "cancel".into(),
            Some(Wish::Refund { .. }) => "refund".into(),
            Some(Wish::Look { payment, .. }) => format!("look at payment {payment}"),
        }
    }

    fn order(&self) -> String {
        let order = self.wished.as_ref().map(|wished| wished.order.to_string());
        order.unwrap_or_else(|| "(no order is named)".into())
    }

    fn status(&self) -> &'static str {
        match (&self.wished, &self.hold) {
            (None, _) => "unknown",
            (Some(_), None) => "not paid online",
            (Some(_), Some(hold)) => hold.status.as_str(),
        }
    }

    fn outlook(&self, post: &Post) -> Outlook {
        let Some(LaneOrder { wish, .. }) = &self.wished else { return Outlook::Open };
        let Some(hold) = &self.hold else { return Outlook::Refused("no order of that id is paid online".into()) };
        let now = post.ports.clock.now();
        match (wish, wish.change()) {
            (_, Some(change)) => match hold.clone().change(now, &change) {
                HoldAnswer::Changed => Outlook::Open,
                HoldAnswer::Unchanged => Outlook::IsSo,
                HoldAnswer::Refused(why) => Outlook::Refused(why.code().replace('_', " ")),
            },
            (Wish::Look { payment, .. }, None) => {
                let is_known = hold.payments.iter().any(|known| known.id == *payment);
                if is_known && hold.needs(now).is_empty() { Outlook::IsSo } else { Outlook::Open }
            }
            (_, None) => Outlook::Open,
        }
    }
}

impl Post {
    pub(super) async fn wishes_waiting(&self) -> anyhow::Result<Vec<Wished>> {
        let letters = self.ports.lane.dead_letters(AT_MOST).await.context(MAY_NOT)?;
        self.with_holds(letters).await
    }

    pub(super) async fn wish(&self, id: u64) -> anyhow::Result<Wished> {
        let Some(letter) = self.ports.lane.dead_letter(DeliveryId(id)).await.context(MAY_NOT)? else {
            bail!("there is no dead letter {}. “stampede dead-letters list” shows those that wait", Name::Payment(id));
        };
        let hold = self.with_holds(vec![letter]).await?;
        hold.into_iter().next().context("because one was asked for")
    }

    async fn with_holds(&self, letters: Vec<DeadLetter>) -> anyhow::Result<Vec<Wished>> {
        let mut all = Vec::with_capacity(letters.len());
        for letter in letters {
            let wished = lane::decode(&letter.payload).ok();
            let hold = match &wished {
                Some(wished) => self.ports.holds.hold(wished.order).await?,
                None => None,
            };
            all.push(Wished { letter, wished, hold });
        }
        Ok(all)
    }

    /// The chosen ones; those that have ended are told, and left out.
    async fn wishes_still_open(&self, which: &Which) -> anyhow::Result<Vec<Wished>> {
        let mut chosen = Vec::new();
        if which.all {
            chosen = self.wishes_waiting().await?;
        }
        for name in &which.ids {
            if let Name::Payment(id) = name {
                chosen.push(self.wish(*id).await?);
            }
        }
        for one in chosen.extract_if(.., |one| one.letter.ended_at.is_some()) {
            say(format_args!("{}: has ended already: {}", one.name(), one.letter.last_word));
        }
        Ok(chosen)
    }

    pub(super) async fn replay_wishes(&self, which: &Which) -> anyhow::Result<ExitCode> {
        let word = which.word("replayed");
        let mut going = Vec::new();
        for one in self.wishes_still_open(which).await? {
            let (name, order, wish) = (one.name(), one.order(), one.wish());
            match one.outlook(self) {
                Outlook::IsSo => {
                    say(format_args!("{name}: order {order}: “{wish}” is so already. A replay would change nothing."));
                    if !which.dry_run {
                        self.end_wish(&one, format!("{word}; it was so already, nothing was put back")).await?;
                    }
                }
                Outlook::Refused(why) => {
                    say(format_args!(
                        "{name}: order {order}: “{wish}” would be refused: {why}. Nothing is put back; dismiss the letter."
                    ));
                }
                Outlook::Open if which.dry_run => say(format_args!("{name}: would be put back on the lane")),
                Outlook::Open => going.push(one),
            }
        }
        if going.is_empty() {
            return Ok(ExitCode::SUCCESS);
        }
        let known = self.wishes_waiting().await?.iter().map(|one| one.letter.id).collect();
        let ids: Vec<_> = going.iter().map(|one| one.letter.id).collect();
        self.ports.lane.replay(&ids, &word).await.map_err(super::deciding::explained)?;
        going.iter().for_each(|one| which.log_wish(one, "a dead letter is put back on the lane"));
        self.watch_wishes(going, &known, &word).await
    }

    /// Looks until what was wished is so, is refused, or has died again, or it has taken too long.
    async fn watch_wishes(
        &self,
        mut going: Vec<Wished>,
        known: &HashSet<DeliveryId>,
        word: &str,
    ) -> anyhow::Result<ExitCode> {
        let since = Instant::now();
        let mut unfinished = false;
        while !going.is_empty() && since.elapsed() < super::deciding::WATCHED_FOR {
            let younger = self.wishes_waiting().await?;
            let mut still = Vec::new();
            for mut one in going {
                let again = younger
                    .iter()
                    .find(|other| !known.contains(&other.letter.id) && other.letter.payload == one.letter.payload);
                if let Some(LaneOrder { order, .. }) = &one.wished {
                    one.hold = self.ports.holds.hold(*order).await?;
                }
                let (name, order) = (one.name(), one.order());
                let end = match (again, one.outlook(self)) {
                    (Some(other), _) => {
                        unfinished = true;
                        say(format_args!("{name}: died again, as letter {}: {}", other.name(), other.letter.reason));
                        format!("{word}; it died again, as letter {}", other.name())
                    }
                    (None, Outlook::IsSo) => {
                        say(format_args!("{name}: order {order} is {} now", one.status()));
                        format!("{word}; its order is {}", one.status())
                    }
                    (None, Outlook::Open | Outlook::Refused(_)) => {
                        still.push(one);
                        continue;
                    }
                };
                self.end_wish(&one, end).await?;
            }
            going = still;
            if !going.is_empty() {
                sleep(super::deciding::LOOK_EVERY).await;
            }
        }
        for one in &going {
            say(format_args!(
                "{}: is on its way, and nothing is seen of it yet. A running shop takes it, otherwise the next start. Look at order \
                 {}, and dismiss the letter when all is well.",
                one.name(),
                one.order()
            ));
        }
        Ok(if unfinished || !going.is_empty() { super::deciding::unfinished() } else { ExitCode::SUCCESS })
    }

    pub(super) async fn dismiss_wishes(&self, which: &Which) -> anyhow::Result<ExitCode> {
        let word = which.word("dismissed");
        for one in self.wishes_still_open(which).await? {
            let said = match (&one.wished, &one.hold) {
                (None, _) => "no order is named; the letter is put away".to_owned(),
                (Some(wished), None) => format!("order {} is not paid online; the letter is put away", wished.order),
                (Some(wished), Some(hold)) => {
                    format!("order {} is {}; the letter is put away", wished.order, hold.status.as_str())
                }
            };
            say(format_args!("{}: {said}{}", one.name(), if which.dry_run { " (nothing is done)" } else { "" }));
            if !which.dry_run {
                which.log_wish(&one, "a dead letter of a payment is dismissed");
                self.end_wish(&one, format!("{word}; {said}")).await?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn end_wish(&self, one: &Wished, how: String) -> anyhow::Result<()> {
        self.ports.lane.end_dead_letters(&[(one.letter.id, how)]).await.context(MAY_NOT)
    }
}

impl Which {
    fn log_wish(&self, one: &Wished, what: &'static str) {
        let order = one.wished.as_ref().map(|wished| tracing::field::display(wished.order));
        tracing::info!(letter = %one.name(), order, by = self.by, why = self.reason, "{what}");
    }
}

pub(super) fn list(waiting: &[Wished]) {
    match waiting.len() {
        0 => return,
        1 => say("1 dead letter of payments waits"),
        several => say(format_args!("{several} dead letters of payments wait, oldest first")),
    }
    for one in waiting {
        let letter = &one.letter;
        let replayed = if letter.replayed_at.is_some() { ", replayed" } else { "" };
        say(format_args!(
            "  {:<6} {}  {}  {}: {}{replayed}  {}",
            one.name().to_string(),
            letter.dead_since.rfc3339(),
            one.order(),
            one.wish(),
            one.status(),
            letter.reason
        ));
    }
}

/// Without the payload, in which an organizer may have named people.
pub(super) fn as_json(one: &Wished) -> Value {
    let letter = &one.letter;
    json!({
        "id": one.name().to_string(),
        "bus": "payments",
        "deadSince": letter.dead_since.rfc3339(),
        "attempts": letter.attempts,
        "reason": letter.reason,
        "setAsideBy": letter.set_aside_by,
        "readable": one.wished.is_some(),
        "orderId": one.wished.as_ref().map(|wished| wished.order.to_string()),
        "wish": one.wish(),
        "status": one.status(),
        "replayedAt": letter.replayed_at.map(|at| at.rfc3339()),
        "lastWord": letter.last_word,
    })
}

pub(super) fn show(post: &Post, one: &Wished, personal: bool) {
    say(format_args!("dead letter {}, of payments", one.name()));
    how_it_died(&one.letter);
    line("order", &one.order());
    line("wish", &one.wish());
    line("status", &status(post, one));
    what_became_of_it(&one.letter);
    let bytes = &one.letter.payload;
    if personal {
        line("payload", &format_args!("{} bytes: {}", bytes.len(), bytes.escape_ascii()));
    } else {
        line("payload", &format_args!("{} bytes {HIDDEN}", bytes.len()));
    }
}

fn status(post: &Post, one: &Wished) -> String {
    let status = one.status();
    if let Some(at) = one.letter.ended_at {
        return format!("{status}; the letter has ended at {}", at.rfc3339());
    }
    match one.outlook(post) {
        Outlook::Open => format!("{status}; waits for somebody to replay or dismiss it"),
        Outlook::IsSo => format!("{status}; what it wanted is so already"),
        Outlook::Refused(why) => format!("{status}; a replay would be refused: {why}"),
    }
}
