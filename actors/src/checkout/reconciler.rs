//! Looks after orders that need somebody, whoever has died: holds that ran out, and payments that nobody has heard of.

use super::{Checkout, provider::Behalf};
#[cfg(feature = "sabotage")]
use stampede_domain::sabotage::{Sabotage, is_on};
use stampede_domain::{
    Hold, HoldChange, Millis, OrderId,
    hold::{FIRST_LOOK, Need},
};
use std::rc::Rc;

impl Checkout {
    pub(super) async fn reconcile_regularly(self: Rc<Self>) {
        let mut every = tokio::time::interval(self.parts.settings.reconciler_interval);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            every.tick().await;
            if self.draining.get() {
                return;
            }
            self.reconcile().await;
        }
    }

    /// Lets the holds go whose time is up, all in one transaction, and sees to the others.
    async fn reconcile(self: &Rc<Self>) {
        let now = self.parts.clock.now();
        let most = u32::try_from(self.parts.settings.hold_writer_batch_size).unwrap_or(u32::MAX);
        let due = match self.parts.holds.due(now, most).await {
            Ok(due) if due.is_empty() => return,
            Ok(due) => due,
            Err(failure) => return tracing::warn!(%failure, "the store cannot tell which orders need somebody"),
        };
        let became = match self.write(due.iter().map(|hold| taken_on(now, hold)).collect()).await {
            Ok(became) => became,
            Err(why) => return tracing::error!(why, orders = due.len(), "orders that need somebody cannot be written"),
        };
        #[cfg(feature = "sabotage")]
        if is_on(Sabotage::LooksAfterNobody) {
            return;
        }
        for (_, hold) in became.into_iter().flatten() {
            if !hold.needs(now).is_empty() && !self.in_work.has(hold.order) {
                self.tasks.spawn(Rc::clone(self).tend(hold, Behalf::Clock));
            }
        }
    }
}

/// Its time is up, or somebody sees to it now: others need not, and it makes room for those that are due after it.
fn taken_on(now: Millis, hold: &Hold) -> (OrderId, HoldChange) {
    let is_out_of_time = hold.needs(now).contains(&Need::RunOut);
    let change = if is_out_of_time { HoldChange::RunOut } else { HoldChange::LookAgain { at: now.plus(FIRST_LOOK) } };
    (hold.order, change)
}
