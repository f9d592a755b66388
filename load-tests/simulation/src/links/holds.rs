//! The wire to the holds: each kind of change is an operation of its own.

use super::{Kind, Link, wired};
use crate::harm::Harm;
use async_trait::async_trait;
use stampede_actors::ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortResult};
use stampede_domain::{Hold, HoldChange, Millis, OrderId, PaymentId};

wired! { HoldStore over Link<dyn HoldStore> {
    hold(order: OrderId) -> Option<Hold>, Reads;
    due(now: Millis, limit: u32) -> Vec<Hold>, Reads;
    hold_sums(now: Millis) -> HoldSums, Reads;
    payments_after(after: Option<&PaymentId>, limit: u32) -> Vec<BookedPayment>, Reads;
    +
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        let operation = self.fate.awaited(wanted.iter().map(|(_, change)| change.name())).unwrap_or("change");
        let harm = self.before(operation, Kind::Moves).await?;
        if harm == Harm::Twice {
            // The first answer got lost between the store and its driver, which asked again.
            self.port.change(now, wanted).await?;
        }
        let answer = self.port.change(now, wanted).await;
        self.after(operation, Kind::Moves, harm, answer).await
    }
} }
