//! Orders that are paid online, in memory: the domain's rule, the pool's numbers, and faults on demand.

use super::store::CommitFault;
use async_trait::async_trait;
use stampede_actors::ports::{BookedPayment, HoldStore, HoldSums, HoldsChanged, PortFailure, PortResult};
use stampede_domain::{
    Hold, HoldAnswer, HoldChange, Millis, OrderId, OrderStatus, PaymentId, PoolNumbers, Settlement, decide::PoolRow,
    hold::move_units,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

pub(crate) struct FakeHolds {
    rows: Mutex<(BTreeMap<OrderId, Hold>, PoolRow)>,
    /// Nothing can be read or written.
    pub(crate) down: AtomicBool,
    /// What the next transactions end with; `None`: well.
    pub(crate) faults: Mutex<VecDeque<Option<CommitFault>>>,
    /// The next so many transactions are committed, and their answers never come.
    pub(crate) answers_hang: AtomicU64,
    /// How long a transaction takes.
    pub(crate) takes_ms: AtomicU64,
    /// The changes of each transaction, by name.
    pub(crate) changed: Mutex<Vec<Vec<&'static str>>>,
}

impl FakeHolds {
    pub(crate) fn new() -> Self {
        let numbers = PoolNumbers { capacity: 10_000, held: 0, sold: 0, version: 1 };
        let pool = PoolRow { numbers, epoch: 1, limit_per_buyer: None, hold: None };
        Self {
            rows: Mutex::new((BTreeMap::new(), pool)),
            down: AtomicBool::new(false),
            faults: Mutex::default(),
            answers_hang: AtomicU64::new(0),
            takes_ms: AtomicU64::new(0),
            changed: Mutex::default(),
        }
    }

    /// As the order store does when it reserves.
    pub(crate) fn reserve(&self, hold: Hold) {
        let mut rows = self.rows.lock().unwrap();
        rows.1.numbers.held += hold.quantity;
        rows.1.numbers.version += 1;
        rows.0.insert(hold.order, hold);
    }

    pub(crate) fn row(&self, order: OrderId) -> Hold {
        self.rows.lock().unwrap().0[&order].clone()
    }

    pub(crate) fn status(&self, order: OrderId) -> OrderStatus {
        self.row(order).status
    }

    pub(crate) fn all(&self) -> Vec<Hold> {
        self.rows.lock().unwrap().0.values().cloned().collect()
    }

    pub(crate) fn numbers(&self) -> PoolNumbers {
        self.rows.lock().unwrap().1.numbers
    }

    fn is_up(&self) -> PortResult<()> {
        if self.down.load(Ordering::Relaxed) {
            return Err(PortFailure::Unavailable("down on purpose".into()));
        }
        Ok(())
    }

    fn apply(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> HoldsChanged {
        let mut rows = self.rows.lock().unwrap();
        let (holds, pool) = &mut *rows;
        let (mut answers, mut moved) = (Vec::new(), None);
        for (order, change) in wanted {
            let Some(hold) = holds.get_mut(order) else {
                answers.push(None);
                continue;
            };
            let before = hold.status;
            let answer = hold.change(now, change);
            if move_units(pool, &mut HashMap::new(), (hold.buyer, hold.quantity), (before, hold.status)) {
                moved = Some(hold.pool);
            }
            answers.push(Some((answer, hold.clone())));
        }
        let settlements = moved.map(|id| {
            pool.numbers.version += 1;
            Settlement { pool: id, numbers: pool.numbers, decided: Vec::new(), buyers: Vec::new() }
        });
        HoldsChanged { answers, settlements: settlements.into_iter().collect() }
    }
}

#[async_trait]
impl HoldStore for FakeHolds {
    async fn change(&self, now: Millis, wanted: &[(OrderId, HoldChange)]) -> PortResult<HoldsChanged> {
        assert!(!wanted.is_empty() && wanted.len() <= 5_000, "{}", wanted.len());
        tokio::time::sleep(std::time::Duration::from_millis(self.takes_ms.load(Ordering::Relaxed))).await;
        self.is_up()?;
        self.changed.lock().unwrap().push(wanted.iter().map(|(_, change)| change.name()).collect());
        let fault = self.faults.lock().unwrap().pop_front().flatten();
        if fault == Some(CommitFault::UnknownLost) {
            return Err(PortFailure::Unknown("the commit was lost on purpose".into()));
        }
        let changed = self.apply(now, wanted);
        if self.answers_hang.load(Ordering::Relaxed) > 0 {
            self.answers_hang.fetch_sub(1, Ordering::Relaxed);
            std::future::pending::<()>().await;
        }
        if fault == Some(CommitFault::UnknownCommitted) {
            return Err(PortFailure::Unknown("the answer was lost on purpose".into()));
        }
        Ok(changed)
    }

    async fn hold(&self, order: OrderId) -> PortResult<Option<Hold>> {
        self.is_up()?;
        Ok(self.rows.lock().unwrap().0.get(&order).cloned())
    }

    async fn due(&self, now: Millis, limit: u32) -> PortResult<Vec<Hold>> {
        self.is_up()?;
        let mut due: Vec<_> = self.all().into_iter().filter(|hold| hold.due_at().is_some_and(|at| at <= now)).collect();
        due.sort_by_key(Hold::due_at);
        due.truncate(limit as usize);
        Ok(due)
    }

    async fn hold_sums(&self, _now: Millis) -> PortResult<HoldSums> {
        self.is_up()?;
        let holds = self.all();
        let payments = || holds.iter().flat_map(|hold| &hold.payments);
        let confirmed = holds.iter().filter(|hold| hold.status == OrderStatus::Confirmed);
        Ok(HoldSums {
            captured: payments().map(|payment| payment.captured).sum(),
            refunded: payments().map(|payment| payment.refunded).sum(),
            earned: confirmed.map(|hold| hold.amount.minor).sum(),
            owed: holds.iter().map(Hold::owed_minor).sum(),
            ..HoldSums::default()
        })
    }

    async fn payments_after(&self, after: Option<&PaymentId>, limit: u32) -> PortResult<Vec<BookedPayment>> {
        self.is_up()?;
        let holds = self.all();
        let booked = holds.iter().flat_map(|hold| {
            hold.payments.iter().map(|payment| BookedPayment {
                payment: payment.id.clone(),
                order: hold.order,
                captured: payment.captured,
                refunded: payment.refunded,
            })
        });
        let mut booked: Vec<_> = booked.filter(|booked| after.is_none_or(|after| booked.payment > *after)).collect();
        booked.sort_by(|one, other| one.payment.cmp(&other.payment));
        booked.truncate(limit as usize);
        Ok(booked)
    }
}

/// Whether something came of it.
pub(crate) fn is_changed(answer: &Option<(HoldAnswer, Hold)>) -> bool {
    matches!(answer, Some((HoldAnswer::Changed, _)))
}
