//! The wire to the order store.

use super::{Kind, Link, is_unheard, wired};
use crate::crash_table::Row;
use async_trait::async_trait;
use stampede_actors::ports::{Audit, Entry, Judgement, OrderRecord, OrderStore, PoolOpening, PortResult};
use stampede_domain::{Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement};

wired! { OrderStore over Link<dyn OrderStore> {
    settlements(orders: &[OrderId]) -> Vec<Settlement>, Reads;
    changed_since(pool: PoolId, after: u64) -> (Settlement, u64), Reads;
    fates(orders: &[OrderId]) -> Vec<(OrderId, Fingerprint, Decision)>, Reads;
    find(order: OrderId) -> Option<OrderRecord>, Reads;
    open_pool(pool: PoolId, epoch: u64) -> Option<PoolOpening>, Moves;
    pool(pool: PoolId) -> (u64, PoolNumbers), Reads;
    audit() -> Vec<Audit>, Reads;
    rows_after(after: Option<OrderId>, limit: u32) -> Vec<OrderRecord>, Reads;
    +
    async fn decide(&self, now: Millis, entries: &[Entry]) -> PortResult<Vec<Judgement>> {
        if entries.is_empty() {
            return self.port.decide(now, entries).await;
        }
        let is_writer = self.caller.actor == "writer";
        let harm = self.before_or("decide", Kind::Moves, is_writer.then_some(Row::DiedBeforeTheCommit)).await?;
        let answer = self.port.decide(now, entries).await;
        for judgement in answer.iter().flatten() {
            for (order, quantity, decision) in &judgement.fresh {
                self.fate.note(&("decided", order.0.as_u128(), *quantity, format!("{decision:?}")));
            }
        }
        let decides = answer.iter().flatten().any(|judgement| !judgement.fresh.is_empty());
        if is_writer && is_unheard(harm) && decides {
            self.fate.hit(Row::CommittedAndNotHeard);
        }
        self.after("decide", Kind::Moves, harm, answer).await
    }
} }
