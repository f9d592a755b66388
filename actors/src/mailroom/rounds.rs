//! Sends what is owed, round by round: take, write, carry, note what came of it.

use super::{LETTERS_AT_ONCE, Mailroom};
use crate::{
    facts::{Fact, announce},
    ports::{CatalogueSnapshot, Letter, MailKey, Owed, PortFailure, PortResult},
};
use futures_util::{StreamExt, stream};
use stampede_domain::{Event, OrderId, PoolId};
use std::{cell::Cell, rc::Rc, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};

/// How long what was taken is ours. Others take it over afterwards, so a round begins no letter in the second half of it.
const LEASE: Duration = Duration::from_secs(120);
/// Failures in a row after which the carrier is left in peace until the next round.
const FAILURES_TO_STOP: u32 = 5;
/// Mails taken at a time then: all of them are tried, for taking counts as trying.
const WHEN_DOWN: u32 = FAILURES_TO_STOP;
/// Times a mail is tried. With the pauses below that is most of a day.
const MOST_ATTEMPTS: u32 = 30;
/// Pauses double from the one to the other.
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// Times the outbox is asked to note what was sent before the letters are left to go out once more.
const NOTE_ATTEMPTS: u32 = 3;

/// What came of a mail.
enum Came {
    /// The carrier has it.
    Sent,
    /// Again, after a pause, because of this.
    Later(String),
    /// Not now, and nobody tried.
    NotTried,
    /// Never.
    Never(String),
}

/// What a round knows of the carrier.
struct Round {
    /// After this no letter is begun.
    until: Instant,
    failures: Cell<u32>,
}

impl Mailroom {
    pub(super) async fn send_regularly(self: Rc<Self>) {
        let mut every = tokio::time::interval(self.parts.settings.mailroom_interval);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            self.in_round.set(true);
            // At once again while there is much and it gets less.
            while !self.draining.get() && self.round().await {}
            self.in_round.set(false);
            self.round_over.notify_waiters();
            if self.draining.get() {
                return;
            }
        }
    }

    pub(super) async fn until_no_round(&self) {
        loop {
            let told = self.round_over.notified();
            if !self.in_round.get() {
                return;
            }
            told.await;
        }
    }

    /// One round; whether there is more to do at once.
    async fn round(&self) -> bool {
        let most = self.parts.settings.mailroom_batch_size;
        let most = if self.carrier_is_down.get() { most.min(WHEN_DOWN) } else { most };
        let owed = match self.parts.outbox.take(self.parts.clock.now(), LEASE, most).await {
            Ok(owed) if owed.is_empty() => return false,
            Ok(owed) => owed,
            Err(failure) => {
                tracing::warn!(%failure, "the outbox could not be asked for mails");
                return false;
            }
        };
        let is_full = owed.len() == most as usize;
        let round = Round { until: Instant::now() + LEASE / 2, failures: Cell::new(0) };
        let outcomes: Vec<_> =
            stream::iter(owed).map(|owed| self.see_to(&round, owed)).buffer_unordered(LETTERS_AT_ONCE).collect().await;
        self.note(outcomes).await && is_full
    }

    async fn see_to(&self, round: &Round, owed: Owed) -> (Owed, Came) {
        (owed, self.try_to_send(round, owed).await)
    }

    async fn try_to_send(&self, round: &Round, owed: Owed) -> Came {
        let is_over = self.draining.get() || Instant::now() >= round.until;
        if is_over || round.failures.get() >= FAILURES_TO_STOP {
            return Came::NotTried;
        }
        let letter = match self.write(owed).await {
            Ok(letter) => letter,
            Err(why) => return Came::Later(why),
        };
        match self.carry(&letter).await {
            Ok(()) => {
                round.failures.set(0);
                self.carrier_is_down.set(false);
                Came::Sent
            }
            Err(PortFailure::Impossible(why)) => Came::Never(why),
            Err(failure) => {
                round.failures.set(round.failures.get() + 1);
                self.carrier_is_down.set(self.carrier_is_down.get() || round.failures.get() >= FAILURES_TO_STOP);
                Came::Later(failure.to_string())
            }
        }
    }

    /// The letter, or why there is none. Whatever it is, another version of this program, or a replica that has caught up, may
    /// be able to write it.
    async fn write(&self, Owed { order, occasion, .. }: Owed) -> Result<Letter, String> {
        let read = async {
            let row = self.parts.store.find(order).await?;
            PortResult::Ok((row, self.parts.holds.hold(order).await?, self.catalogue().await?))
        };
        let (row, hold, catalogue) = read.await.map_err(|failure| failure.to_string())?;
        let row = row.ok_or("there is no such order here yet")?;
        let event = event_of(&catalogue, row.pool).ok_or("its event is not in the catalogue")?;
        self.parts.composer.about_order(occasion, &row, hold.as_ref(), event)
    }

    /// The catalogue as it is now; read anew only when it has changed.
    async fn catalogue(&self) -> PortResult<Rc<CatalogueSnapshot>> {
        let revision = self.parts.catalogue.revision().await?;
        if self.catalogue.borrow().revision != revision {
            let snapshot = Rc::new(self.parts.catalogue.snapshot().await?);
            *self.catalogue.borrow_mut() = snapshot;
        }
        Ok(Rc::clone(&self.catalogue.borrow()))
    }

    /// Notes what came of a round; whether anything came to an end.
    async fn note(&self, outcomes: Vec<(Owed, Came)>) -> bool {
        let (mut sent, mut is_any_over) = (Vec::new(), false);
        for (owed, came) in outcomes {
            let (mail, now) = ((owed.order, owed.occasion), self.parts.clock.now());
            let outcome = match came {
                Came::Sent => {
                    sent.push(mail);
                    "sent"
                }
                Came::NotTried => {
                    told(owed.order, self.parts.outbox.put_off(mail, now).await);
                    continue;
                }
                Came::Later(why) if owed.attempts <= MOST_ATTEMPTS => {
                    let pause = self.chance.jittered(pause_after(owed.attempts)).min(LONGEST_PAUSE);
                    tracing::warn!(order = %owed.order, occasion = owed.occasion.as_str(), attempts = owed.attempts, why,
                                   "a mail was put off");
                    told(owed.order, self.parts.outbox.put_off(mail, now.plus(pause)).await);
                    "put_off"
                }
                Came::Later(why) | Came::Never(why) => {
                    tracing::error!(order = %owed.order, occasion = owed.occasion.as_str(), attempts = owed.attempts, why,
                                    "a mail was given up: its buyer gets none");
                    told(owed.order, self.parts.outbox.give_up(mail, now, &why).await);
                    is_any_over = true;
                    "given_up"
                }
            };
            announce(Fact::MailHandled { occasion: owed.occasion.as_str(), outcome });
        }
        self.note_sent(&sent).await || is_any_over
    }

    /// Whether anything was sent and noted.
    async fn note_sent(&self, mails: &[MailKey]) -> bool {
        if mails.is_empty() {
            return false;
        }
        for attempt in 1..=NOTE_ATTEMPTS {
            match self.parts.outbox.sent(mails, self.parts.clock.now()).await {
                Ok(()) => return true,
                Err(failure) => tracing::warn!(%failure, attempt, mails = mails.len(), "mails were sent and not noted"),
            }
            self.pause(SHORTEST_PAUSE).await;
        }
        false
    }
}

/// Whoever cannot note it finds the mail due again after its lease.
fn told(order: OrderId, noted: PortResult<()>) {
    if let Err(failure) = noted {
        tracing::warn!(%order, %failure, "what came of a mail could not be noted; it comes again");
    }
}

fn pause_after(attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    SHORTEST_PAUSE.saturating_mul(doubled).min(LONGEST_PAUSE)
}

fn event_of(catalogue: &CatalogueSnapshot, pool: PoolId) -> Option<&Event> {
    let has_it = |event: &&Event| event.ticket_types.iter().any(|ticket_type| ticket_type.pool(&event.slug) == pool);
    catalogue.listings.iter().map(|listing| &listing.event).find(has_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_an_hour_and_all_of_them_are_most_of_a_day() {
        assert_eq!(
            [1, 2, 3, 12, 13, u32::MAX].map(|attempts| pause_after(attempts).as_secs()),
            [1, 2, 4, 2048, 3600, 3600]
        );
        let all: Duration = (1..=MOST_ATTEMPTS).map(pause_after).sum();
        assert!(all > Duration::from_hours(19), "{all:?}");
    }
}
