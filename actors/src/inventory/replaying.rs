//! Requests whose order is known already: they are answered like the first one, as far as the order still stands.

use super::{Inventory, Placed};
use crate::mailbox::Reply;
use stampede_domain::{Decision, Intent, OrderId, OrderRefused, OrderStatus, ledger::Known};
use std::rc::Rc;

impl Inventory {
    /// Only new orders are told no. Who repeats the key of an order that is known is not told that nothing was taken.
    pub(super) fn answer_unless_known(self: &Rc<Self>, intent: Intent, no: Placed, reply: Reply<Placed>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move { this.answer_known(&intent, no, reply).await });
    }

    async fn answer_known(self: &Rc<Self>, intent: &Intent, no: Placed, reply: Reply<Placed>) {
        let placed = match self.parts.ledger.find(intent.order).await {
            Ok(Some(Known::Claimed { fingerprint, promised })) if fingerprint == intent.fingerprint => {
                if promised {
                    accepted_before(OrderStatus::Pending)
                } else {
                    self.unknown()
                }
            }
            Ok(Some(Known::Noted(noted))) if noted.fingerprint == intent.fingerprint => {
                return self.answer_decided(reply, intent.order, noted.decision);
            }
            Ok(Some(Known::Claimed { .. } | Known::Noted(_))) => Placed::Refused(OrderRefused::KeyReused),
            Ok(Some(Known::Nothing) | None) | Err(_) => no,
        };
        self.answer(reply, placed);
    }

    /// Answers a request whose order was decided before. What became of a reservation since only its row tells.
    pub(super) fn answer_decided(self: &Rc<Self>, reply: Reply<Placed>, order: OrderId, decision: Decision) {
        if decision != Decision::Reserved {
            return self.answer(reply, stands(decision.status()));
        }
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            let status = this.status_since(order).await.unwrap_or(OrderStatus::Reserved);
            this.answer(reply, stands(status));
        });
    }

    /// Where a reserved order stands by now; `None` when nobody can tell.
    async fn status_since(&self, order: OrderId) -> Option<OrderStatus> {
        let _read = self.parts.store_reads.try_acquire().ok()?;
        match self.parts.store.find(order).await {
            Ok(record) => record.map(|record| record.status),
            Err(failure) => {
                tracing::warn!(%order, %failure, "the store could not be asked for an order");
                None
            }
        }
    }
}

pub(super) fn accepted_before(status: OrderStatus) -> Placed {
    Placed::Accepted { status, replayed: true }
}

fn stands(status: OrderStatus) -> Placed {
    if status.is_live() { accepted_before(status) } else { Placed::Refused(OrderRefused::Ended(status)) }
}
