//! Step 4: write, then acknowledge; what cannot be written is named by the store, or found by halving, and set aside.

use super::{
    InWork, OrderWriter,
    filling::{Held, Unreadable},
};
use crate::{
    cache_sync::Settle,
    facts::{Fact, announce, announce_decisions, announce_rows},
    flight::{self, Step},
    mailbox::NoAnswer,
    ports::{DeliveryId, Entry, Judgement, PortFailure},
    trace,
    writer::{Write, Written},
};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{Decision, Millis, OrderId, Settlement, WriterReport, decide::Want};
use std::{collections::BTreeMap, rc::Rc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// The first pause of a batch that the store did not take; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest such pause: 5 s after the store is back everything flows again.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// Deliveries after which a message is a suspect. Suspects are written in parts a quarter as large with each delivery, so that
/// what kills its writer is soon alone, and what was only delivered often (to processes that left) is still written in parts.
const SUSPECT_AFTER: u32 = 3;
/// Deliveries after which a message that its writer still dies of is set aside: their pauses sum up to more than the longest
/// that a dying writer is replaced after.
const GIVE_UP_AFTER: u32 = 10;

impl OrderWriter {
    /// Writes a batch, whatever it takes, and frees the writer.
    pub(super) async fn write(self: Rc<Self>, writer: usize, mut batch: Vec<Held>) {
        let began = Instant::now();
        let number = self.batches.replace(self.batches.get() + 1);
        if let Some(oldest) = batch.iter().map(|held| held.published_at).min() {
            let deliveries = batch.iter().map(|held| held.delivery).collect();
            self.in_work.borrow_mut().insert(number, InWork { oldest, deliveries });
        }
        batch.sort_by_key(|held| held.intent.order);
        let mut parts = parts(batch, self.parts.settings.order_writer_batch_size);
        while let Some(part) = parts.pop() {
            if !part.is_empty() {
                parts.extend(self.write_part(writer, part).await.into_iter().flatten());
            }
        }
        self.in_work.borrow_mut().remove(&number);
        self.meter.done(began.elapsed());
        self.free_writers.borrow_mut().push(writer);
        self.dispatch();
    }

    /// Writes a part. Two halves come back when something in it cannot be written.
    async fn write_part(self: &Rc<Self>, writer: usize, mut part: Vec<Held>) -> Option<[Vec<Held>; 2]> {
        let mut pause = FIRST_PAUSE;
        loop {
            #[cfg(feature = "sabotage")]
            if is_on(Sabotage::AcknowledgesFirst) {
                self.acknowledge(&part).await;
            }
            let span = trace::batch("write", part.len(), part.iter().map(|held| held.intent.trace.as_deref()));
            let sent = span.in_scope(|| self.parts.writers[writer].ask(Write(entries(&part))));
            let outcome = sent.instrument(span).await;
            match outcome {
                Ok(Ok(Written { judgements, unstorable })) => {
                    let (part, poison) = leave_out(part, unstorable);
                    self.written(part, judgements).await;
                    self.set_aside(poison);
                    return None;
                }
                Ok(Err(PortFailure::Impossible(why))) if part.len() == 1 => {
                    self.set_aside(letters(part, &why));
                    return None;
                }
                Ok(Err(PortFailure::Impossible(_))) => {
                    let second = part.split_off(part.len() / 2);
                    return Some([part, second]);
                }
                Ok(Err(PortFailure::Unavailable(why))) => {
                    tracing::warn!(orders = part.len(), why, pause_ms = pause.as_millis(), "the store takes no orders");
                }
                Err(NoAnswer::Full) => {}
                #[cfg(feature = "sabotage")]
                Ok(Err(PortFailure::Unknown(_))) if is_on(Sabotage::TakesUnknownForDone) => {
                    self.acknowledge(&part).await;
                    return None;
                }
                Ok(Err(PortFailure::Unknown(why))) => {
                    tracing::warn!(orders = part.len(), why, "a commit ended in doubt; the orders are delivered again");
                    self.deliver_again(part).await;
                    return None;
                }
                Err(NoAnswer::Unknown) => {
                    self.writer_died(part).await;
                    return None;
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn written(&self, part: Vec<Held>, judgements: Vec<Judgement>) {
        let now = self.parts.clock.now();
        flight::note(Step::Committed, now, part.iter().map(|held| held.intent.order));
        announce_rows(asked_at(&part, &judgements).map(|asked_at| now.since(asked_at)));
        self.decided.set(self.decided.get().saturating_add(u32::try_from(part.len()).unwrap_or(u32::MAX)));
        self.acknowledge(&part).await;
        // Before the room is made that the pump fills at once: else the mailbox would never be reported as full.
        let report = self.report();
        drop(part);
        announce_decisions(&judgements);
        self.tell_cache_sync(judgements.into_iter().map(|judgement| judgement.settlement).collect(), report);
    }

    async fn acknowledge(&self, part: &[Held]) {
        let ids: Vec<_> = part.iter().map(|held| held.delivery).collect();
        if let Err(failure) = self.parts.bus.acknowledge(&ids).await {
            tracing::warn!(%failure, messages = ids.len(), "acknowledgements failed; the messages come again");
        }
    }

    /// The writer died with these, or had not been replaced yet. What it died of may be among them: one that is alone with it
    /// too often is set aside. The others only wait, and longer each time, so that their deliveries outlast its replacement.
    async fn writer_died(self: &Rc<Self>, part: Vec<Held>) {
        tracing::warn!(orders = part.len(), "a writer died; the orders are delivered again");
        match part.as_slice() {
            [alone] if alone.attempt >= GIVE_UP_AFTER => {
                let why = "delivered many times and never decided: its writer dies of it";
                self.set_aside(letters(part, why));
            }
            // It must not keep the others from the writer while it waits.
            [_] => {
                let this = Rc::clone(self);
                self.tasks.spawn(async move { this.deliver_again(part).await });
            }
            _ => self.deliver_again(part).await,
        }
    }

    /// Not acknowledged: the redelivery finds out, after a pause that doubles with each delivery.
    async fn deliver_again(&self, part: Vec<Held>) {
        let deliveries = part.iter().map(|held| held.attempt).max().unwrap_or(1);
        let pause = FIRST_PAUSE * 2_u32.saturating_pow(deliveries.saturating_sub(1).min(GIVE_UP_AFTER));
        tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
        let ids: Vec<_> = part.iter().map(|held| held.delivery).collect();
        self.release(&ids).await;
    }

    pub(super) async fn release(&self, ids: &[DeliveryId]) {
        if let Err(failure) = self.parts.bus.release(ids).await {
            tracing::warn!(%failure, messages = ids.len(), "leases could not be given back; they will run out");
        }
    }

    pub(super) fn tell_cache_sync(&self, settlements: Vec<Settlement>, report: WriterReport) {
        if self.parts.cache_sync.tell(Settle { settlements, report: Some(report) }).is_err() {
            announce(Fact::SettlementDropped);
        }
    }
}

/// Suspects by how often they came, and last, to be written first, all others.
fn parts(batch: Vec<Held>, batch_size: usize) -> Vec<Vec<Held>> {
    let mut by_attempt: BTreeMap<u32, Vec<Held>> = BTreeMap::new();
    for held in batch {
        by_attempt.entry(held.attempt.max(SUSPECT_AFTER)).or_default().push(held);
    }
    let mut parts = Vec::new();
    for (attempt, mut held) in by_attempt.into_iter().rev() {
        let quarters = 2 * (attempt - SUSPECT_AFTER);
        let size = batch_size.checked_shr(quarters).unwrap_or(0).max(1);
        while held.len() > size {
            parts.push(held.split_off(held.len() - size));
        }
        parts.push(held);
    }
    parts
}

/// What can be stored, and what cannot.
fn leave_out(part: Vec<Held>, unstorable: Vec<(usize, String)>) -> (Vec<Held>, Vec<Unreadable>) {
    if unstorable.is_empty() {
        return (part, Vec::new());
    }
    let mut unstorable = unstorable.into_iter().peekable();
    let (mut stored, mut poison) = (Vec::with_capacity(part.len()), Vec::new());
    for (place, held) in part.into_iter().enumerate() {
        match unstorable.next_if(|(of, _)| *of == place) {
            Some((_, why)) => poison.push((held.delivery, why, held.permit)),
            None => stored.push(held),
        }
    }
    (stored, poison)
}

/// When the orders were asked for that got their rows just now. Those that had one got it when they came before. `part` is sorted.
fn asked_at(part: &[Held], judgements: &[Judgement]) -> impl Iterator<Item = Millis> {
    let fresh = judgements.iter().flat_map(|judgement| &judgement.fresh);
    let place = |(order, _, _): &(OrderId, u32, Decision)| part.binary_search_by_key(order, |held| held.intent.order);
    fresh.filter_map(move |made| place(made).ok()).map(|place| part[place].intent.asked_at)
}

fn entries(part: &[Held]) -> Vec<Entry> {
    part.iter().map(|held| Entry { intent: held.intent.clone(), want: Want::Place }).collect()
}

fn letters(part: Vec<Held>, why: &str) -> Vec<Unreadable> {
    part.into_iter().map(|held| (held.delivery, why.to_owned(), held.permit)).collect()
}
