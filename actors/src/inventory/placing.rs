//! Steps 1 to 3: claim, publish, promise. A batch forms while the one before is in flight, and stays together until its
//! promise, so that an order costs a share of three calls and not three calls.

use super::{Inventory, PlaceOrder, Placed, replaying::accepted_before};
use crate::{
    batch::Closed,
    facts::{Fact, PutOff, announce, announce_many},
    flight::{self, Step},
    mailbox::{NoAnswer, Reply},
    ports::{ClaimOf, PortFailure, PromiseOf, Withdrawal},
    publisher::Publish,
    shelf::Pressure,
    trace,
};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{
    Fingerprint, Intent, OrderId, OrderRefused, OrderStatus,
    ledger::{ClaimAnswer, ClaimRequest, LookedUp, PromiseAnswer},
};
use std::{collections::HashMap, rc::Rc, time::Duration};
use tokio::time::Instant;
use tracing::Instrument;

/// When to come back after something went wrong that is likely to be over soon.
const SOON: Duration = Duration::from_secs(1);
/// When to come back after a mailbox was full.
const SHORTLY: Duration = Duration::from_secs(2);

/// An order on its way to the promise.
pub(super) struct Waiting {
    intent: Intent,
    looked_up: Option<LookedUp>,
    reply: Reply<Placed>,
}

/// An order whose units are claimed: by this request, or by an earlier one that was not heard of.
struct ClaimedOrder {
    intent: Intent,
    attempt: Option<u64>,
    reply: Reply<Placed>,
}

/// A claimed order whose intent is with the publisher.
struct SentOrder {
    promise: PromiseOf,
    attempt: Option<u64>,
    reply: Reply<Placed>,
}

impl Inventory {
    /// Takes an order in, or says at once why not.
    pub(super) fn place(self: &Rc<Self>, order: PlaceOrder, reply: Reply<Placed>) {
        let (intent, too_many) = match self.intent(order) {
            Ok(intent) => intent,
            Err(placed) => return self.answer(reply, placed),
        };
        if let Some(no) = too_many.or_else(|| self.pressure()) {
            return self.answer_unless_known(intent, no, reply);
        }
        self.waiting.borrow_mut().push_back(Waiting { intent, looked_up: None, reply });
        if !self.claiming.replace(true) {
            self.tasks.spawn(Rc::clone(self).claim_rounds());
        }
    }

    /// Answers what is known of an order, else `no`.
    pub(super) fn repeat(self: &Rc<Self>, order: PlaceOrder, no: Placed, reply: Reply<Placed>) {
        match self.intent(order) {
            Ok((intent, _)) => self.answer_unless_known(intent, no, reply),
            Err(placed) => self.answer(reply, placed),
        }
    }

    /// The intent, and whether it is for more than one order may have. That is no refusal yet: the order may have been taken
    /// when it was allowed.
    fn intent(&self, order: PlaceOrder) -> Result<(Intent, Option<Placed>), Placed> {
        let shelf = self.shelf.borrow();
        let shelf = shelf.as_ref().ok_or_else(|| self.put_off(PutOff::Closed, SOON))?;
        let now = self.parts.clock.now();
        let event = super::find(shelf, order.event.as_ref()).ok_or(Placed::NotForSale)?;
        let (ticket_type, on_sale) = event.find(order.ticket_type.as_deref()).ok_or(Placed::NotForSale)?;
        let max = ticket_type.max_per_order;
        let too_many = (order.quantity > max).then_some(Placed::Refused(OrderRefused::TooManyAtOnce { max }));
        let PlaceOrder { order, quantity, buyer, contact, trace, .. } = order;
        let texts = [contact.user_id.as_deref(), contact.name.as_deref(), contact.email.as_deref()];
        let fingerprint = Fingerprint::of(buyer, on_sale.pool, quantity, texts);
        let intent = Intent { order, pool: on_sale.pool, quantity, buyer, fingerprint, asked_at: now, contact, trace };
        Ok((intent, too_many))
    }

    /// Step 9: why no new claims are made now, if that is so.
    fn pressure(&self) -> Option<Placed> {
        if !self.is_admitting() {
            return Some(self.put_off(PutOff::Leaving, SHORTLY));
        }
        let shelf = self.shelf.borrow();
        let shelf = shelf.as_ref()?;
        match shelf.pressure {
            Pressure::Behind(wait) => Some(self.put_off(PutOff::Behind, wait)),
            Pressure::Silent => Some(self.put_off(PutOff::Silent, self.parts.settings.max_backlog)),
            Pressure::Calm if shelf.is_older_than(self.parts.settings.max_backlog) => {
                Some(self.put_off(PutOff::Silent, SOON))
            }
            Pressure::Calm => None,
        }
    }

    async fn claim_rounds(self: Rc<Self>) {
        loop {
            let (batch, why) = self.next_batch();
            if batch.is_empty() {
                self.claiming.set(false);
                return;
            }
            let began = Instant::now();
            self.claims.closed(batch.len(), why);
            let span = trace::batch("claim", batch.len(), batch.iter().map(|waiting| waiting.intent.trace.as_deref()));
            let claimed = self.claim(batch).instrument(span).await;
            if !claimed.is_empty() {
                flight::note(Step::Claimed, self.parts.clock.now(), claimed.iter().map(|order| order.intent.order));
                self.tasks.spawn(Rc::clone(&self).publish_and_promise(claimed));
            }
            self.claims.done(began.elapsed());
        }
    }

    fn next_batch(&self) -> (Vec<Waiting>, Closed) {
        let mut waiting = self.waiting.borrow_mut();
        let size = waiting.len().min(self.parts.settings.inventory_batch_size);
        let why = if size < waiting.len() { Closed::Full } else { Closed::Ready };
        (waiting.drain(..size).collect(), why)
    }

    /// Step 1. Answers those who get no claim; old ids are looked up once and claimed again.
    async fn claim(self: &Rc<Self>, batch: Vec<Waiting>) -> Vec<ClaimedOrder> {
        let mut claimed = Vec::with_capacity(batch.len());
        let old = self.claim_once(batch, &mut claimed).await;
        if !old.is_empty() {
            let unknown_to_the_store = self.look_up(old).await;
            for waiting in self.claim_once(unknown_to_the_store, &mut claimed).await {
                // Something was forgotten between the look-up and the claim: rare, and over in a moment.
                self.answer(waiting.reply, self.put_off(PutOff::Closed, SOON));
            }
        }
        claimed
    }

    /// Claims a batch; returns those that the ledger may have forgotten.
    async fn claim_once(self: &Rc<Self>, batch: Vec<Waiting>, claimed: &mut Vec<ClaimedOrder>) -> Vec<Waiting> {
        let claims: Vec<_> = batch.iter().map(Waiting::claim).collect();
        let answers = match self.parts.ledger.claim(&claims).await {
            Ok(answers) => answers,
            Err(failure) => {
                tracing::warn!(%failure, claims = claims.len(), "the ledger did not take claims");
                for waiting in batch {
                    self.answer(waiting.reply, self.after_failed_claim(&failure));
                }
                return Vec::new();
            }
        };
        let mut old = Vec::new();
        for (waiting, answer) in batch.into_iter().zip(answers) {
            let Waiting { intent, reply, .. } = waiting;
            match answer {
                Some(ClaimAnswer::Claimed { attempt }) => {
                    claimed.push(ClaimedOrder { intent, attempt: Some(attempt), reply });
                }
                Some(ClaimAnswer::Resumed) => claimed.push(ClaimedOrder { intent, attempt: None, reply }),
                Some(ClaimAnswer::LookUpFirst(ticket)) => {
                    old.push(Waiting { intent, looked_up: Some(ticket), reply });
                }
                Some(ClaimAnswer::AlreadyPromised) => self.answer(reply, accepted_before(OrderStatus::Pending)),
                Some(ClaimAnswer::Decided(decision)) => self.answer_decided(reply, intent.order, decision),
                Some(ClaimAnswer::Expiring) => self.answer(reply, self.unknown()),
                Some(ClaimAnswer::Refused(refused)) => self.answer(reply, Placed::Refused(refused)),
                #[cfg(feature = "sabotage")]
                None if is_on(Sabotage::TakesClosedForFull) => {
                    self.answer(reply, Placed::Refused(OrderRefused::SoldOut { free: 0, in_flight: 0 }));
                }
                Some(ClaimAnswer::NotYet) | None => self.answer(reply, self.put_off(PutOff::Closed, SOON)),
            }
        }
        old
    }

    /// Asks the store about old ids; answers those it has decided, returns the others.
    async fn look_up(self: &Rc<Self>, old: Vec<Waiting>) -> Vec<Waiting> {
        let ids: Vec<_> = old.iter().map(|waiting| waiting.intent.order).collect();
        let fates = match self.parts.store_reads.try_acquire() {
            Ok(_read) => self.parts.store.fates(&ids).await,
            Err(_) => Err(PortFailure::Unavailable("too many reads of the store at once".into())),
        };
        let fates: HashMap<_, _> = match fates {
            Ok(fates) => {
                fates.into_iter().map(|(order, fingerprint, decision)| (order, (fingerprint, decision))).collect()
            }
            Err(failure) => {
                tracing::warn!(%failure, ids = ids.len(), "the store could not be asked about old ids");
                for waiting in old {
                    self.answer(waiting.reply, self.put_off(PutOff::Broken, SOON));
                }
                return Vec::new();
            }
        };
        let mut unknown = Vec::new();
        for waiting in old {
            match fates.get(&waiting.intent.order) {
                None => unknown.push(waiting),
                Some((fingerprint, decision)) if *fingerprint == waiting.intent.fingerprint => {
                    self.answer_decided(waiting.reply, waiting.intent.order, *decision);
                }
                Some(_) => self.answer(waiting.reply, Placed::Refused(OrderRefused::KeyReused)),
            }
        }
        unknown
    }

    /// Steps 2 and 3.
    async fn publish_and_promise(self: Rc<Self>, claimed: Vec<ClaimedOrder>) {
        let (intents, claimed): (Vec<_>, Vec<_>) = claimed.into_iter().map(ClaimedOrder::split).unzip();
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::TellsBeforeThePublish) {
            claimed.into_iter().for_each(told);
            self.parts.publisher.ask(Publish(intents)).await.unwrap_or_default();
            return;
        }
        let outcomes = match self.parts.publisher.ask(Publish(intents)).await {
            Ok(outcomes) => outcomes,
            Err(NoAnswer::Full) => {
                return self.withdraw(claimed, PutOff::Full).await;
            }
            Err(NoAnswer::Unknown) => Vec::new(),
        };
        let (mut published, mut refused) = (Vec::with_capacity(claimed.len()), Vec::new());
        let mut outcomes = outcomes.into_iter();
        for order in claimed {
            match outcomes.next() {
                Some(Ok(())) => published.push(order),
                Some(Err(PortFailure::Unavailable(_) | PortFailure::Impossible(_))) => refused.push(order),
                #[cfg(feature = "sabotage")]
                Some(Err(PortFailure::Unknown(_))) if is_on(Sabotage::WithdrawsWhatMayHaveLanded) => {
                    refused.push(order);
                }
                Some(Err(PortFailure::Unknown(_))) | None => self.answer(order.reply, self.unknown()),
            }
        }
        if !refused.is_empty() {
            self.withdraw(refused, PutOff::Broken).await;
        }
        if !published.is_empty() {
            flight::note(Step::Published, self.parts.clock.now(), published.iter().map(SentOrder::order));
            self.promise(published).await;
        }
    }

    async fn promise(&self, published: Vec<SentOrder>) {
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::TellsBeforeThePromise) {
            published.into_iter().for_each(told);
            return;
        }
        let promises: Vec<_> = published.iter().map(|order| order.promise).collect();
        let answers = self.parts.ledger.promise(&promises).await.unwrap_or_else(|failure| {
            tracing::warn!(%failure, promises = promises.len(), "the ledger did not take promises");
            Vec::new()
        });
        let mut answers = answers.into_iter();
        let mut promised = Vec::with_capacity(answers.len());
        for SentOrder { promise, reply, .. } in published {
            match answers.next() {
                Some(PromiseAnswer::Promised) => {
                    promised.push(promise.order);
                    reply.send(Placed::Accepted { status: OrderStatus::Pending, replayed: false });
                }
                Some(PromiseAnswer::Decided(decision)) if decision.status().is_live() => {
                    promised.push(promise.order);
                    reply.send(Placed::Accepted { status: decision.status(), replayed: false });
                }
                Some(PromiseAnswer::Decided(decision)) => {
                    self.answer(reply, Placed::Refused(OrderRefused::Ended(decision.status())));
                }
                Some(PromiseAnswer::Refused) | None => self.answer(reply, self.unknown()),
            }
        }
        announce_many(Fact::OrderPromised, promised.len() as u64);
        flight::note(Step::Promised, self.parts.clock.now(), promised.into_iter());
    }

    /// Gives claims back whose messages were never handed to the bus.
    async fn withdraw(&self, orders: Vec<SentOrder>, why: PutOff) {
        let withdrawals: Vec<_> = orders.iter().filter_map(SentOrder::withdrawal).collect();
        if let Err(failure) = self.parts.ledger.withdraw(&withdrawals).await {
            tracing::warn!(%failure, claims = withdrawals.len(), "claims are left to the reaper");
        }
        for order in orders {
            // Who resumed somebody else's claim cannot tell what became of that request's message.
            let placed = if order.attempt.is_some() { self.put_off(why, SHORTLY) } else { self.unknown() };
            self.answer(order.reply, placed);
        }
    }

    fn after_failed_claim(&self, failure: &PortFailure) -> Placed {
        match failure {
            PortFailure::Unknown(_) => self.unknown(),
            PortFailure::Unavailable(_) | PortFailure::Impossible(_) => self.put_off(PutOff::Broken, SOON),
        }
    }

    fn put_off(&self, why: PutOff, base: Duration) -> Placed {
        Placed::PutOff { why, retry_after: self.chance.jittered(base) }
    }

    pub(super) fn unknown(&self) -> Placed {
        Placed::Unknown { retry_after: self.chance.jittered(SOON) }
    }

    pub(super) fn answer(&self, reply: Reply<Placed>, placed: Placed) {
        match placed {
            Placed::Accepted { replayed, .. } => {
                announce(if replayed { Fact::OrderReplayed } else { Fact::OrderPromised });
            }
            Placed::Refused(refused) => announce(Fact::OrderRefused(refused)),
            Placed::PutOff { why, .. } => announce(Fact::OrderPutOff(why)),
            Placed::Unknown { .. } => announce(Fact::OrderUnknown),
            Placed::TooOften { .. } => announce(Fact::BuyerTooOften),
            Placed::NotForSale => {}
        }
        reply.send(placed);
    }
}

impl Waiting {
    fn claim(&self) -> ClaimOf {
        let Intent { order, pool, quantity, buyer, fingerprint, .. } = self.intent;
        ClaimOf { pool, request: ClaimRequest { order, quantity, buyer, fingerprint, looked_up: self.looked_up } }
    }
}

impl ClaimedOrder {
    /// The intent for the bus, and what is kept of the order meanwhile.
    fn split(self) -> (Intent, SentOrder) {
        let Self { intent, attempt, reply } = self;
        let promise = PromiseOf { pool: intent.pool, order: intent.order, fingerprint: intent.fingerprint };
        (intent, SentOrder { promise, attempt, reply })
    }
}

impl SentOrder {
    fn order(&self) -> OrderId {
        self.promise.order
    }

    fn withdrawal(&self) -> Option<Withdrawal> {
        let PromiseOf { pool, order, .. } = self.promise;
        self.attempt.map(|attempt| Withdrawal { pool, order, attempt })
    }
}

#[cfg(feature = "sabotage")]
fn told(order: SentOrder) {
    order.reply.send(Placed::Accepted { status: OrderStatus::Pending, replayed: false });
}
