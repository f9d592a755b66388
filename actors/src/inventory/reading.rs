//! Step 8: where an order stands. The ledger is asked first, the store behind a bulkhead.

use super::{FindOrder, Inventory, OrderFound, OrderNotShown};
use crate::ports::OrderRecord;
use stampede_domain::{
    Decision, OrderStatus, RejectReason,
    ledger::{Known, Noted},
};
use std::time::Duration;

/// When to ask again about an order that nobody can tell about.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Inventory {
    pub(super) async fn find_order(&self, question: &FindOrder) -> Result<OrderFound, OrderNotShown> {
        let not_known_yet = || OrderNotShown::NotKnownYet { retry_after: self.chance.jittered(ASK_AGAIN) };
        // Looked at before the ledger is asked: a pool that opens meanwhile has not been asked.
        let everything_open = self.is_everything_open();
        let known = self.parts.ledger.find(question.order).await;
        match known {
            Ok(Some(Known::Claimed { .. })) => {
                Ok(OrderFound { status: OrderStatus::Pending, reason: None, record: None })
            }
            // What became of a reservation since stands in its row.
            Ok(Some(Known::Noted(noted))) if !question.details && noted.decision != Decision::Reserved => {
                Ok(from_note(noted))
            }
            // What the ledger has forgotten the store knows; and what nobody is sure of is not reported as missing.
            ledger => match self.row(question).await {
                Some(Some(record)) => Ok(from_row(question.details, record)),
                Some(None) if matches!(ledger, Ok(Some(_))) && everything_open => {
                    self.not_found(question).await.unwrap_or_else(|| Err(not_known_yet()))
                }
                Some(None) | None => match ledger {
                    Ok(Some(Known::Noted(noted))) => Ok(from_note(noted)),
                    _ => Err(not_known_yet()),
                },
            },
        }
    }

    /// The row may come from a replica that lags, which is good enough for showing an order and not for denying one. `None` when
    /// nobody can tell.
    async fn not_found(&self, question: &FindOrder) -> Option<Result<OrderFound, OrderNotShown>> {
        let _read = self.parts.store_reads.try_acquire().ok()?;
        match self.parts.store.fates(&[question.order]).await {
            Ok(fates) => Some(match fates.first() {
                Some((_, fingerprint, decision)) => {
                    Ok(from_note(Noted { decision: *decision, fingerprint: *fingerprint }))
                }
                None => Err(OrderNotShown::NotFound),
            }),
            Err(failure) => {
                tracing::warn!(order = %question.order, %failure, "the store could not be asked for an order");
                None
            }
        }
    }

    /// Whether every pool for sale can tell of its orders: what only one of them may know is not missing while it is closed.
    fn is_everything_open(&self) -> bool {
        let shelf = self.shelf.borrow();
        let mut types = shelf.iter().flat_map(|shelf| &shelf.events).flat_map(|event| &event.types);
        shelf.is_some() && types.all(|on_sale| on_sale.numbers.is_some())
    }

    /// The row, if there is one; `None` when the store could not be asked.
    async fn row(&self, question: &FindOrder) -> Option<Option<OrderRecord>> {
        let _read = self.parts.store_reads.try_acquire().ok()?;
        match self.parts.store.find(question.order).await {
            Ok(record) => Some(record),
            Err(failure) => {
                tracing::warn!(order = %question.order, %failure, "the store could not be asked for an order");
                None
            }
        }
    }
}

fn from_note(noted: Noted) -> OrderFound {
    let reason = match noted.decision {
        Decision::Rejected(reason) => Some(reason),
        Decision::Confirmed | Decision::Reserved | Decision::Expired | Decision::Failed => None,
    };
    OrderFound { status: noted.decision.status(), reason, record: None }
}

fn from_row(details: bool, record: OrderRecord) -> OrderFound {
    let (status, reason): (OrderStatus, Option<RejectReason>) = (record.status, record.reason);
    OrderFound { status, reason, record: details.then_some(record) }
}
