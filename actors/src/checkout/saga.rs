//! The order of business: the row says what is needed; the step is taken; what came of it is written; the row is looked at again.

use super::{Checkout, provider::Behalf};
use crate::{
    hold_writer::{Became, Change},
    ports::PortFailure,
};
use stampede_domain::{Hold, HoldChange, OrderId};
use std::{rc::Rc, time::Duration};

/// Rounds of one tending: more than any order ever needs, so that a provider that changes its mind cannot keep us for ever.
const MOST_ROUNDS: usize = 12;
/// The longest pause between two looks at an order that waits: a buyer who comes back from the bank's page is not kept longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// The pause when nothing came of what was written: somebody else was faster, or nobody knows.
const NOTHING_CAME: Duration = Duration::from_secs(1);
/// The first pause when the store did not take a change; it doubles.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The longest such pause: 5 s after the store is back everything flows again.
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// What one round came to.
enum Round {
    /// The order needs something else now.
    Next(Hold),
    /// It is at rest, or was told to wait.
    Over,
}

impl Checkout {
    /// Sees to an order until it is at rest or has to wait. Who comes while it is in work leaves word: its row is looked at again.
    pub(super) async fn tend(self: Rc<Self>, mut hold: Hold, behalf: Behalf) {
        let order = hold.order;
        let Some(mine) = self.in_work.begin(order) else { return };
        loop {
            for _ in 0..MOST_ROUNDS {
                match self.round(&hold, behalf).await {
                    Ok(Round::Next(as_it_is_now)) => hold = as_it_is_now,
                    Ok(Round::Over) => break,
                    Err(failure) => {
                        tracing::error!(%order, %failure, "what came of a step cannot be written; it is taken again");
                        break;
                    }
                }
            }
            if mine.is_over() {
                return;
            }
            match self.parts.holds.hold(order).await {
                Ok(Some(as_it_is_now)) => hold = as_it_is_now,
                // Its row is due all the same: the reconciler comes by.
                Ok(None) | Err(_) => return,
            }
        }
    }

    async fn round(&self, hold: &Hold, behalf: Behalf) -> Result<Round, PortFailure> {
        let needs = hold.needs(self.parts.clock.now());
        if needs.is_empty() {
            return Ok(Round::Over);
        }
        let (mut news, mut waits) = (Vec::new(), Vec::new());
        let mut goes_on = false;
        for need in needs.clone() {
            let step = self.take(hold, need, behalf).await;
            news.extend(step.news);
            goes_on |= step.wait.is_none();
            waits.extend(step.wait);
        }
        if !goes_on {
            news.push(self.look_again(hold, waits.into_iter().min().unwrap_or(NOTHING_CAME)));
            self.write_to(hold.order, news).await?;
            return Ok(Round::Over);
        }
        let Some(now) = self.write_to(hold.order, news).await? else { return Ok(Round::Over) };
        // Compared with the row, not with the answers: a change whose first answer was lost is "unchanged" the second time.
        if now.attempt == hold.attempt && now.needs(self.parts.clock.now()) == needs {
            self.write_to(hold.order, vec![self.look_again(&now, NOTHING_CAME)]).await?;
            return Ok(Round::Over);
        }
        Ok(Round::Next(now))
    }

    /// Not before a pause that is as long as nothing has happened to the order: so it doubles with each look, whoever takes it, and
    /// nobody needs to count. Up to half of it is chance, so that a crowd that began together does not come as a wave.
    fn look_again(&self, hold: &Hold, first: Duration) -> HoldChange {
        let now = self.parts.clock.now();
        let pause = first.max(now.since(hold.changed_at).min(LONGEST_PAUSE));
        HoldChange::LookAgain { at: now.plus(self.chance.jittered(pause / 2)) }
    }

    /// Writes what came of an order, and reads the row back; `None`: there is no such order.
    pub(super) async fn write_to(&self, order: OrderId, news: Vec<HoldChange>) -> Result<Option<Hold>, PortFailure> {
        if news.is_empty() {
            return self.parts.holds.hold(order).await;
        }
        let changes = news.into_iter().map(|change| (order, change)).collect();
        let mut became = self.write(changes).await.map_err(PortFailure::Impossible)?;
        Ok(became.pop().flatten().map(|(_, hold)| hold))
    }

    /// Has changes written, whatever it takes: each may be asked for again. Fails only when the store will never take them.
    pub(super) async fn write(&self, changes: Vec<(OrderId, HoldChange)>) -> Result<Vec<Became>, String> {
        let mut pause = FIRST_RETRY;
        loop {
            match self.parts.hold_writer.ask(Change(changes.clone())).await {
                Ok(Ok(became)) => return Ok(became),
                Ok(Err(PortFailure::Impossible(why))) => return Err(why),
                Ok(Err(PortFailure::Unavailable(_) | PortFailure::Unknown(_))) | Err(_) => {}
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_RETRY);
        }
    }
}
