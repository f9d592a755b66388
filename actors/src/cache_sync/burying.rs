//! The end of dead letters.
//!
//! A letter is open until its order has a fate, however that came: by a replay, by the same key sent again, by a dismissal, or
//! here, a quarter of an hour after it died. A letter that was put back on the bus is not ended here by age: its message decides,
//! or dies once more and is another letter with a quarter of an hour of its own. What names no order waits for somebody to look.

use super::{CacheSync, opening::Fates};
use crate::{
    ports::{DeadLetter, DeliveryId, Entry, PortResult},
    wire,
};
use stampede_domain::{Intent, Millis, OrderId, decide::Want};
use std::{collections::HashMap, rc::Rc, time::Duration};

/// How long a dead letter keeps its claim, for somebody to replay it.
pub const DEAD_LETTER_LIFE: Duration = Duration::from_mins(15);
/// Open dead letters looked at, and turned back into claims by an opening: more than this would be a different kind of problem.
pub(super) const DEAD_LETTERS: usize = 100_000;
/// How long a dead letter that has ended is kept: as long as a buyer may ask what became of an order, and no longer, because it
/// names people.
const ENDED_LETTERS_KEPT: Duration = Duration::from_hours(30 * 24);

/// An open letter, and as much of its order as is known.
struct Open {
    letter: DeliveryId,
    last_word: String,
    died_at: Millis,
    replayed_at: Option<Millis>,
    intent: Option<Intent>,
}

/// When an order's youngest letter died, and which that is. They are listed oldest first.
type Youngest = HashMap<OrderId, (Millis, DeliveryId)>;

impl CacheSync {
    /// Ends letters whose orders have a fate, and orders whose letters nobody replayed.
    pub(super) async fn bury(self: &Rc<Self>) -> PortResult<()> {
        let letters = self.parts.bus.dead_letters(DEAD_LETTERS).await?;
        if letters.is_empty() {
            return Ok(());
        }
        let letters: Vec<_> = letters.into_iter().map(Open::of).collect();
        let before = self.parts.clock.now().minus(DEAD_LETTER_LIFE);
        let fates = self.fates_of(&letters).await?;
        self.close(&letters, &fates, "its order is").await?;
        let youngest: Youngest =
            letters.iter().filter_map(|open| Some((open.order()?, (open.died_at, open.letter)))).collect();
        let superseded = letters.iter().filter_map(|open| Some((open.letter, open.superseded(&youngest, before)?)));
        self.end(superseded.collect()).await?;

        let undecided = |open: &Open| open.intent.as_ref().is_some_and(|intent| !fates.contains_key(&intent.order));
        let over: Vec<_> = letters.into_iter().filter(|open| undecided(open) && open.is_over(before)).collect();
        if over.is_empty() {
            return Ok(());
        }
        self.fail(&over).await?;
        let fates = self.fates_of(&over).await?;
        self.close(&over, &fates, "nobody replayed it in time; its order is").await
    }

    /// Forgets what ended long ago.
    pub(super) async fn forget(&self) -> PortResult<()> {
        let before = self.parts.clock.now().minus(ENDED_LETTERS_KEPT);
        let forgotten = self.parts.bus.forget_dead_letters(before).await?;
        if forgotten > 0 {
            tracing::info!(forgotten, "dead letters that ended long ago are forgotten");
        }
        Ok(())
    }

    /// Offers orders to the judge as failed.
    async fn fail(self: &Rc<Self>, over: &[Open]) -> PortResult<()> {
        let for_sale = self.pools();
        let mut entries = Vec::new();
        for intent in over.iter().filter_map(|open| open.intent.as_ref()) {
            if for_sale.contains(&intent.pool) {
                let (epoch, _) = self.parts.store.pool(intent.pool).await?;
                entries.push(Entry { intent: intent.clone(), want: Want::Fail { epoch } });
            }
        }
        self.offer(entries).await
    }

    async fn fates_of(&self, letters: &[Open]) -> PortResult<Fates> {
        self.fates(letters.iter().filter_map(Open::order).collect()).await
    }

    /// Ends those letters whose orders have a fate.
    async fn close(&self, letters: &[Open], fates: &Fates, how: &str) -> PortResult<()> {
        let mut ends = Vec::new();
        for Open { letter, last_word, intent, .. } in letters {
            let fate = intent.as_ref().and_then(|intent| fates.get(&intent.order).map(|fate| (intent, fate)));
            if let Some((intent, (fingerprint, decision))) = fate {
                let status = decision.status().as_str();
                let other = if *fingerprint == intent.fingerprint { "" } else { ", of another body" };
                tracing::info!(letter = letter.0, order = %intent.order, status, last_word, "a dead letter has ended");
                let before = if last_word.is_empty() { String::new() } else { format!("{last_word}; ") };
                ends.push((*letter, format!("{before}{how} {status}{other}")));
            }
        }
        self.end(ends).await
    }

    async fn end(&self, ends: Vec<(DeliveryId, String)>) -> PortResult<()> {
        if ends.is_empty() { Ok(()) } else { self.parts.bus.end_dead_letters(&ends).await }
    }
}

impl Open {
    fn of(letter: DeadLetter) -> Self {
        let intent = wire::known(&letter.payload, letter.label);
        let DeadLetter { id, dead_since, replayed_at, last_word, .. } = letter;
        Self { letter: id, last_word, died_at: dead_since, replayed_at, intent }
    }

    /// Why a letter that was put back is of no more use, though no order has a fate: another one has its place, or it names none
    /// and was put back long ago.
    fn superseded(&self, youngest: &Youngest, before: Millis) -> Option<String> {
        let replayed_at = self.replayed_at?;
        let Some(order) = self.order() else {
            return (replayed_at < before).then(|| "it was put back, and names no order".into());
        };
        let (died_at, younger) = youngest.get(&order)?;
        (*younger != self.letter && *died_at >= replayed_at).then(|| format!("it died again, as letter {}", younger.0))
    }

    fn order(&self) -> Option<OrderId> {
        self.intent.as_ref().map(|intent| intent.order)
    }

    /// Nobody will decide its order any more.
    fn is_over(&self, before: Millis) -> bool {
        self.replayed_at.is_none() && self.died_at < before
    }
}
