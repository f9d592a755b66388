//! The payment provider as `Checkout` calls it: few calls at once, not too many in a second, and none for a while after it has
//! failed too often.
//!
//! It only holds back: what a call that was not made means is for the caller, and it is never "failed".

use crate::{
    facts::{Fact, announce},
    ports::{PaymentGateway, PortFailure, PortResult},
};
use std::{
    cell::{Cell, RefCell},
    future::Future,
    sync::Arc,
    time::Duration,
};
use tokio::{sync::Semaphore, time::Instant};

/// Calls at once for those who wait at a screen.
const AT_ONCE_FOR_BUYERS: usize = 48;
/// Calls at once for those whom the reconciler looks after: a sale's worth of open payments must not keep a buyer from his.
const AT_ONCE_FOR_THE_CLOCK: usize = 16;
/// How long an answer is waited for: afterwards nobody knows what became of the call.
const PATIENCE: Duration = Duration::from_secs(20);
/// Failures in a row after which the provider is left in peace.
const FAILURES_TO_OPEN: u32 = 5;
/// For how long; then one call is made to see.
const LEFT_IN_PEACE: Duration = Duration::from_secs(5);

/// On whose behalf a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Behalf {
    /// Somebody wished it a moment ago.
    Buyer,
    /// It was time to look.
    Clock,
}

/// The provider, behind its limits.
pub(super) struct Provider {
    gateway: Arc<dyn PaymentGateway>,
    for_buyers: Semaphore,
    for_the_clock: Semaphore,
    /// The least time between two calls.
    between: Duration,
    /// When the next call may be made.
    next: Cell<Instant>,
    breaker: RefCell<Breaker>,
}

impl Provider {
    pub(super) fn new(gateway: Arc<dyn PaymentGateway>, calls_per_second: u32) -> Self {
        announce(Fact::ProviderCalled);
        Self {
            gateway,
            for_buyers: Semaphore::new(AT_ONCE_FOR_BUYERS),
            for_the_clock: Semaphore::new(AT_ONCE_FOR_THE_CLOCK),
            between: Duration::from_secs(1) / calls_per_second.max(1),
            next: Cell::new(Instant::now()),
            breaker: RefCell::default(),
        }
    }

    /// Makes a call when its turn comes. `Unavailable` also when it was not made.
    pub(super) async fn call<'a, T, F>(
        &'a self,
        behalf: Behalf,
        name: &'static str,
        call: impl FnOnce(&'a dyn PaymentGateway) -> F,
    ) -> PortResult<T>
    where
        F: Future<Output = PortResult<T>> + 'a,
    {
        // Asked before the queue, too: nobody waits for his turn to be told that there is none.
        let left_in_peace = || {
            announce(Fact::PaymentCalled { call: name, outcome: "not_called" });
            Err(PortFailure::Unavailable("the payment provider is left in peace for a moment".into()))
        };
        if !self.breaker.borrow().may_call(Instant::now()) {
            return left_in_peace();
        }
        let places = match behalf {
            Behalf::Buyer => &self.for_buyers,
            Behalf::Clock => &self.for_the_clock,
        };
        let _place = places.acquire().await;
        self.wait_for_the_pace().await;
        let begun = self.breaker.borrow_mut().begin(Instant::now());
        let Some(begun) = begun else { return left_in_peace() };
        let answer = tokio::time::timeout(PATIENCE, call(self.gateway.as_ref())).await;
        let answer = answer.unwrap_or_else(|_| Err(PortFailure::Unknown("no answer in time".into())));
        let is_well = !matches!(answer, Err(PortFailure::Unavailable(_) | PortFailure::Unknown(_)));
        self.breaker.borrow_mut().end(Instant::now(), begun, is_well);
        announce(Fact::PaymentCalled { call: name, outcome: outcome(&answer) });
        answer
    }

    async fn wait_for_the_pace(&self) {
        let mine = self.next.get().max(Instant::now());
        self.next.set(mine + self.between);
        tokio::time::sleep_until(mine).await;
    }
}

fn outcome<T>(answer: &PortResult<T>) -> &'static str {
    match answer {
        Ok(_) => "answered",
        Err(PortFailure::Impossible(_)) => "impossible",
        Err(PortFailure::Unavailable(_)) => "unavailable",
        Err(PortFailure::Unknown(_)) => "unknown",
    }
}

/// A call that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Begun {
    /// One of many.
    Usual,
    /// The one that finds out.
    Trial,
}

/// Closed while calls go well; open after too many failures in a row; then one call finds out.
#[derive(Debug, Default)]
struct Breaker {
    failures: u32,
    open_until: Option<Instant>,
    is_trying: bool,
}

impl Breaker {
    fn may_call(&self, now: Instant) -> bool {
        self.open_until.is_none_or(|until| now >= until && !self.is_trying)
    }

    /// `None`: the call may not be made; the first one after the pause is the trial.
    fn begin(&mut self, now: Instant) -> Option<Begun> {
        let begun = if self.open_until.is_some() { Begun::Trial } else { Begun::Usual };
        let may = self.may_call(now);
        self.is_trying |= may && begun == Begun::Trial;
        may.then_some(begun)
    }

    fn end(&mut self, now: Instant, begun: Begun, is_well: bool) {
        // What was asked before it opened says nothing of now: dozens are under way when it opens, and each would open it again.
        if self.open_until.is_some() && begun == Begun::Usual {
            return;
        }
        if is_well {
            if self.open_until.is_some() {
                // As loud as the beginning: whoever reads of the one looks for the other.
                tracing::warn!("the payment provider answers again");
                announce(Fact::ProviderCalled);
            }
            *self = Self::default();
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_TO_OPEN {
            if self.open_until.is_none() {
                tracing::warn!(failures = self.failures, "the payment provider is left in peace for a moment");
                announce(Fact::ProviderLeftInPeace);
            }
            (self.open_until, self.is_trying) = (Some(now + LEFT_IN_PEACE), false);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_breaker_opens_after_five_failures_in_a_row_and_lets_one_call_find_out() {
        let mut breaker = Breaker::default();
        opens(&mut breaker);
        assert_eq!(breaker.begin(Instant::now()), None);
        tokio::time::advance(LEFT_IN_PEACE).await;
        assert_eq!(breaker.begin(Instant::now()), Some(Begun::Trial));
        assert_eq!(breaker.begin(Instant::now()), None, "only one");
        breaker.end(Instant::now(), Begun::Trial, false);
        assert_eq!(breaker.begin(Instant::now()), None, "open again at once");
        tokio::time::advance(LEFT_IN_PEACE).await;
        assert_eq!(breaker.begin(Instant::now()), Some(Begun::Trial));
        breaker.end(Instant::now(), Begun::Trial, true);
        assert_eq!([breaker.begin(Instant::now()), breaker.begin(Instant::now())], [Some(Begun::Usual); 2], "closed");
    }

    fn opens(breaker: &mut Breaker) {
        for failure in 0..FAILURES_TO_OPEN {
            assert_eq!(breaker.begin(Instant::now()), Some(Begun::Usual), "{failure}");
            breaker.end(Instant::now(), Begun::Usual, false);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_to_what_was_asked_before_it_opened_neither_closes_it_nor_opens_it_for_longer() {
        let mut breaker = Breaker::default();
        opens(&mut breaker);
        breaker.end(Instant::now(), Begun::Usual, true);
        assert_eq!(breaker.begin(Instant::now()), None, "still open");
        tokio::time::advance(LEFT_IN_PEACE - Duration::from_millis(1)).await;
        breaker.end(Instant::now(), Begun::Usual, false);
        tokio::time::advance(Duration::from_millis(1)).await;
        assert_eq!(breaker.begin(Instant::now()), Some(Begun::Trial));
        breaker.end(Instant::now(), Begun::Usual, true);
        assert_eq!(breaker.begin(Instant::now()), None, "the trial is not over");
    }
}
