//! Wishes from the lane: read, applied to their orders' rows in one go, acknowledged; then the orders are seen to.

use super::{Checkout, provider::Behalf};
use crate::{
    facts::{Fact, announce_many},
    gate::Permit,
    hold_writer::Became,
    lane::{self, LaneOrder, Wish},
    ports::{Delivery, DeliveryId, PaymentState, PortFailure},
    trace,
};
use stampede_domain::{HoldAnswer, HoldChange, OrderId, PaymentId};
use std::{rc::Rc, time::Duration};
use tracing::Instrument;

/// The pause after the lane failed to give messages.
const PULL_AGAIN: Duration = Duration::from_millis(500);
/// How often leases are extended: three times in the shortest of them.
const EXTEND_EVERY: Duration = Duration::from_secs(2);

/// A wish that counts in the mailbox until it is done with.
struct Held {
    delivery: DeliveryId,
    wished: LaneOrder,
    _permit: Permit,
}

impl Checkout {
    /// Fills the mailbox, and not beyond.
    pub(super) async fn pump(self: Rc<Self>) {
        let most = self.parts.settings.checkout_mailbox_capacity;
        let at_once = self.parts.settings.checkout_batch_size;
        while !self.draining.get() {
            self.gate.below(most).await;
            if self.draining.get() {
                break;
            }
            let room = most.saturating_sub(self.gate.depth()) as usize;
            let pulled = tokio::select! {
                // First, or what arrives with the drain would be taken after the drain was answered.
                biased;
                () = self.drained.notified() => break,
                pulled = self.parts.lane.pull(room.min(at_once)) => pulled,
            };
            match pulled {
                Ok(deliveries) => self.take_in(deliveries),
                Err(failure) => {
                    tracing::warn!(%failure, "the lane gives no messages");
                    tokio::time::sleep(PULL_AGAIN).await;
                }
            }
        }
    }

    /// Keeps the lane from delivering again what is still held.
    pub(super) async fn hold_on(self: Rc<Self>) {
        let mut every = tokio::time::interval(EXTEND_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            let held: Vec<_> = self.held.borrow().iter().copied().collect();
            if !held.is_empty()
                && let Err(failure) = self.parts.lane.extend(&held).await
            {
                tracing::warn!(%failure, messages = held.len(), "leases could not be extended; the messages come again");
            }
        }
    }

    fn take_in(self: &Rc<Self>, deliveries: Vec<Delivery>) {
        let Ok(permits) = self.gate.enter(u32::try_from(deliveries.len()).unwrap_or(u32::MAX)) else {
            // Others share this gate only for a moment; what finds no room comes again when its lease runs out.
            tracing::warn!(messages = deliveries.len(), "no room for wishes; they come again");
            return;
        };
        let (mut wishes, mut looks, mut unreadable) = (Vec::new(), Vec::new(), Vec::new());
        for (Delivery { id: delivery, payload, .. }, permit) in deliveries.into_iter().zip(permits.one_by_one()) {
            self.held.borrow_mut().insert(delivery);
            match lane::decode(&payload) {
                Ok(wished) => {
                    let kind = if matches!(wished.wish, Wish::Look { .. }) { &mut looks } else { &mut wishes };
                    kind.push(Held { delivery, wished, _permit: permit });
                }
                Err(why) => unreadable.push((delivery, why.to_string())),
            }
        }
        if !unreadable.is_empty() {
            let this = Rc::clone(self);
            self.tasks.spawn(async move { this.set_aside(unreadable).await });
        }
        if !wishes.is_empty() {
            self.tasks.spawn(Rc::clone(self).fulfil(wishes));
        }
        for held in looks {
            self.tasks.spawn(Rc::clone(self).look(held));
        }
    }

    /// Applies wishes, acknowledges them, and goes on with their orders.
    async fn fulfil(self: Rc<Self>, wishes: Vec<Held>) {
        let span = trace::batch("fulfil", wishes.len(), wishes.iter().map(|held| held.wished.trace.as_deref()));
        let changes: Vec<_> = wishes.iter().filter_map(|held| change_of(&held.wished)).collect();
        match self.write(changes).instrument(span).await {
            Ok(became) => {
                self.acknowledge(wishes.iter().map(|held| held.delivery).collect()).await;
                wishes.iter().zip(became).for_each(|(held, became)| self.go_on(&held.wished, became));
            }
            Err(why) if wishes.len() == 1 => {
                self.set_aside(wishes.iter().map(|held| (held.delivery, why.clone())).collect()).await;
            }
            // One of them cannot be written; alone the others can.
            Err(_) => wishes.into_iter().for_each(|alone| self.tasks.spawn(Rc::clone(&self).fulfil(vec![alone]))),
        }
    }

    fn go_on(self: &Rc<Self>, LaneOrder { order, wish, .. }: &LaneOrder, became: Became) {
        match became {
            None => tracing::warn!(%order, "a wish for an order that nobody pays online"),
            Some((HoldAnswer::Refused(refused), _)) => {
                tracing::info!(%order, why = refused.code(), "a wish came too late");
            }
            Some((answer, hold)) => {
                if let (Wish::Refund { reason }, HoldAnswer::Changed) = (wish, answer) {
                    tracing::info!(%order, reason, "the money of an order is given back");
                }
                self.tasks.spawn(Rc::clone(self).tend(hold, Behalf::Buyer));
            }
        }
    }

    /// Asks the provider about a payment it has sent a notice of.
    async fn look(self: Rc<Self>, held: Held) {
        let Wish::Look { payment, .. } = &held.wished.wish else { return };
        match self.look_at(held.wished.order, payment).await {
            Ok(()) => self.acknowledge(vec![held.delivery]).await,
            Err(failure) => {
                // Not held any longer and not given back: it comes again when its lease runs out, which is soon enough.
                tracing::warn!(order = %held.wished.order, %failure, "a payment could not be looked at; its notice comes again");
                self.held.borrow_mut().remove(&held.delivery);
            }
        }
    }

    async fn look_at(self: &Rc<Self>, order: OrderId, payment: &PaymentId) -> Result<(), PortFailure> {
        let Some(found) = self.provider.call(Behalf::Buyer, "find", |gateway| gateway.find(payment)).await? else {
            tracing::warn!(%order, %payment, "a notice of a payment that its provider does not know");
            return Ok(());
        };
        if found.order != order {
            tracing::error!(%order, %payment, of = %found.order, "a notice of a payment that belongs to another order");
            return Ok(());
        }
        let opened = HoldChange::Opened { attempt: found.attempt, payment: found.id.clone(), page: found.page.clone() };
        let Some(hold) = self.write_to(order, vec![opened]).await? else {
            tracing::error!(%order, %payment, "a payment for an order that nobody pays online");
            return Ok(());
        };
        let is_set_aside = found.state == PaymentState::Authorized;
        let step = self.judge(&hold, found, Behalf::Buyer).await;
        if is_set_aside && step.news.is_empty() && hold.due_at().is_none() {
            // The money may be on its way for an order that has ended, which nobody looks after: only this notice knows of it.
            return Err(PortFailure::Unknown("whether the payment was let go".into()));
        }
        if let Some(hold) = self.write_to(order, step.news).await? {
            self.tasks.spawn(Rc::clone(self).tend(hold, Behalf::Buyer));
        }
        Ok(())
    }

    async fn acknowledge(&self, ids: Vec<DeliveryId>) {
        if let Err(failure) = self.parts.lane.acknowledge(&ids).await {
            tracing::warn!(%failure, messages = ids.len(), "acknowledgements failed; the wishes come again");
        }
        self.forget(&ids);
    }

    async fn set_aside(&self, letters: Vec<(DeliveryId, String)>) {
        for (message, why) in &letters {
            tracing::error!(message = message.0, why, "a wish is set aside as a dead letter");
        }
        match self.parts.lane.set_aside(&letters).await {
            Ok(()) => announce_many(Fact::MessageSetAside, letters.len() as u64),
            Err(failure) => tracing::warn!(%failure, "dead letters could not be set aside; they come again"),
        }
        self.forget(&letters.iter().map(|(id, _)| *id).collect::<Vec<_>>());
    }

    fn forget(&self, ids: &[DeliveryId]) {
        let mut held = self.held.borrow_mut();
        ids.iter().for_each(|id| {
            held.remove(id);
        });
    }
}

fn change_of(wished: &LaneOrder) -> Option<(OrderId, HoldChange)> {
    wished.wish.change().map(|change| (wished.order, change))
}
