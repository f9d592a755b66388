//! The wire to the ledger.

use super::{Kind, Link, is_unheard, wired};
use crate::{crash_table::Row, harm::Harm};
use async_trait::async_trait;
use stampede_actors::ports::{ClaimOf, Ledger, LedgerSnapshot, PortResult, PromiseOf, Withdrawal};
use stampede_domain::{
    Decision, OrderId, PoolId, Settlement, WriterReport,
    event::Terms,
    ledger::{Broken, ClaimAnswer, Known, Noted, Opening, Picked, PromiseAnswer},
};
use std::time::Duration;

wired! { Ledger over Link<dyn Ledger> {
    withdraw(withdrawals: &[Withdrawal]) -> (), Moves;
    pick(pool: PoolId, limit: usize) -> (u64, Vec<Picked>), Tends;
    claims_older_than(pool: PoolId, age: Duration, limit: usize) -> Vec<OrderId>, Reads;
    find(order: OrderId) -> Option<Known>, Reads;
    snapshot() -> LedgerSnapshot, Reads;
    set_terms(pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> (), Moves;
    close(pool: PoolId, epoch: u64) -> (), Moves;
    open(pool: PoolId, opening: &Opening) -> (), Moves;
    +
    async fn claim(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let harm = self.before_or("claim", Kind::Moves, Some(Row::BeforeTheClaim)).await?;
        let answer = self.port.claim(claims).await;
        let claimed = |answer: &Option<ClaimAnswer>| matches!(answer, Some(ClaimAnswer::Claimed { .. }));
        if is_unheard(harm) && answer.as_ref().is_ok_and(|answers| answers.iter().any(claimed)) {
            self.fate.hit(Row::ClaimedAndNotHeard);
        }
        for (claim, answer) in claims.iter().zip(answer.iter().flatten()) {
            self.fate.note(&("claim", claim.request.order.0.as_u128(), words(answer.as_ref())));
        }
        self.after("claim", Kind::Moves, harm, answer).await
    }

    async fn promise(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        let harm = self.before_or("promise", Kind::Moves, Some(Row::DiedBeforeThePromise)).await?;
        let answer = self.port.promise(promises).await;
        let answers = answer.as_deref().unwrap_or_default();
        for (promise, answer) in promises.iter().zip(answers) {
            self.fate.note(&("promise", promise.order.0.as_u128(), format!("{answer:?}")));
            let frozen = matches!(harm, Harm::Freeze(..) | Harm::Late { .. });
            if frozen && *answer == PromiseAnswer::Refused && self.was_reaped(promise.order).await {
                self.fate.hit(Row::FrozenBeforeThePromise);
            }
        }
        if answers.contains(&PromiseAnswer::Promised) {
            if matches!(harm, Harm::Death(_) | Harm::ActorDeath(_)) {
                self.fate.hit(Row::DiedAfterThePromise);
            }
            if self.fate.is_cut_off("store", usize::MAX) {
                self.fate.hit(Row::StoreDown);
            }
        }
        self.after("promise", Kind::Moves, harm, answer).await
    }

    async fn settle(&self, settlements: &[Settlement], report: Option<WriterReport>) -> PortResult<Broken> {
        let decides = settlements.iter().any(|settlement| !settlement.decided.is_empty());
        let (kind, row) =
            if decides { (Kind::Moves, Some(Row::DiedBeforeTheSettlement)) } else { (Kind::Tends, None) };
        let harm = self.before_or("settle", kind, row).await?;
        let answer = self.port.settle(settlements, report).await;
        self.after("settle", kind, harm, answer).await
    }
} }

impl Link<dyn Ledger> {
    /// Whether the reaper has taken an order, or ended it.
    async fn was_reaped(&self, order: OrderId) -> bool {
        match self.port.find(order).await {
            Ok(Some(Known::Claimed { promised, .. })) => !promised,
            Ok(Some(Known::Noted(Noted { decision, .. }))) => decision == Decision::Expired,
            _ => false,
        }
    }
}

fn words(answer: Option<&ClaimAnswer>) -> String {
    answer.map_or_else(|| "closed".to_owned(), |answer| format!("{answer:?}"))
}
