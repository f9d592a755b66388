//! Breaks a port on purpose: for the tests of those who use it, and for simulation. Never wired into a shop.

use crate::around::{Around, Surrounded};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// A port that does what a [`Script`] says.
pub type Flaky<P> = Surrounded<P, Script>;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The port is not asked, and this is the answer.
    Fail(PortFailure),
    /// The port does it, and the answer is lost: `Unknown` for the caller.
    LoseAnswer,
    /// The port does it, after this long.
    Delay(Duration),
    /// The call panics before the port is asked.
    Panic,
    /// The port does it, and the call panics then.
    PanicAfter,
}

/// Which faults come when; shared by all clones.
#[derive(Clone, Default)]
pub struct Script(Arc<Mutex<Pages>>);

#[derive(Default)]
struct Pages {
    calls: HashMap<&'static str, u64>,
    once: Vec<(String, u64, Fault)>,
    always: HashMap<String, Fault>,
}

impl<P: ?Sized> Flaky<P> {
    /// Breaks `port` as `script` says.
    pub fn new(port: Arc<P>, script: Script) -> Self {
        Self { port, around: script }
    }
}

impl Script {
    /// The `nth` call of an operation from now on (1 is the next one) goes wrong, once.
    pub fn on(&self, operation: &str, nth: u64, fault: Fault) {
        let mut pages = self.pages();
        let at = pages.calls.get(operation).copied().unwrap_or(0) + nth;
        pages.once.push((operation.to_owned(), at, fault));
    }

    /// Every call of an operation goes wrong until [`Script::heal`].
    pub fn always(&self, operation: &str, fault: Fault) {
        self.pages().always.insert(operation.to_owned(), fault);
    }

    /// Nothing goes wrong any more.
    pub fn heal(&self) {
        let mut pages = self.pages();
        pages.once.clear();
        pages.always.clear();
    }

    /// How often an operation has been called.
    #[must_use]
    pub fn calls(&self, operation: &str) -> u64 {
        self.pages().calls.get(operation).copied().unwrap_or(0)
    }

    fn next(&self, operation: &'static str) -> Option<Fault> {
        let mut pages = self.pages();
        let call = pages.calls.entry(operation).or_default();
        *call += 1;
        let call = *call;
        let due = pages.once.iter().position(|(of, at, _)| of == operation && *at == call);
        due.map(|place| pages.once.swap_remove(place).2).or_else(|| pages.always.get(operation).cloned())
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Around for Script {
    #[expect(clippy::panic, reason = "a panic is one of the faults it makes")]
    async fn around<T: Send>(
        &self,
        operation: &'static str,
        call: impl Future<Output = PortResult<T>> + Send,
    ) -> PortResult<T> {
        match self.next(operation) {
            None => call.await,
            Some(Fault::Fail(failure)) => Err(failure),
            Some(Fault::LoseAnswer) => {
                let _ = call.await;
                Err(PortFailure::Unknown(format!("{operation}: the answer was lost on purpose")))
            }
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                call.await
            }
            Some(Fault::Panic) => panic!("{operation}: a panic on purpose"),
            Some(Fault::PanicAfter) => {
                let _ = call.await;
                panic!("{operation}: a panic on purpose, after it was done")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{InProcessLedger, ledger::HandClock};
    use stampede_actors::ports::Ledger;
    use stampede_domain::WriterReport;
    use stampede_domain::ledger::Broken;

    fn flaky() -> (Arc<InProcessLedger>, Script, Flaky<InProcessLedger>) {
        let (ledger, script) = (Arc::new(InProcessLedger::new(HandClock::default().shared())), Script::default());
        (Arc::clone(&ledger), script.clone(), Flaky::new(ledger, script))
    }

    const REPORT: WriterReport = WriterReport { depth: 1, high_water: 2, oldest: None, per_second: 3 };

    #[tokio::test]
    async fn the_nth_call_fails_without_being_made_and_the_others_pass() {
        let (ledger, script, flaky) = flaky();
        let down = PortFailure::Unavailable("down".into());
        script.on("settle", 2, Fault::Fail(down.clone()));
        assert_eq!(flaky.settle(&[], None).await, Ok(Broken::default()));
        assert_eq!(flaky.settle(&[], Some(REPORT)).await, Err(down));
        assert_ne!(ledger.snapshot().await.unwrap().report, REPORT);
        assert_eq!(flaky.settle(&[], Some(REPORT)).await, Ok(Broken::default()));
        assert_eq!(script.calls("settle"), 3);
    }

    #[tokio::test]
    async fn a_lost_answer_is_unknown_and_done() {
        let (ledger, script, flaky) = flaky();
        script.on("settle", 1, Fault::LoseAnswer);
        assert!(matches!(flaky.settle(&[], Some(REPORT)).await, Err(PortFailure::Unknown(_))));
        assert_eq!(ledger.snapshot().await.unwrap().report, REPORT);
    }

    #[tokio::test(start_paused = true)]
    async fn a_delay_takes_its_time_until_it_is_healed() {
        let (_, script, flaky) = flaky();
        script.always("snapshot", Fault::Delay(Duration::from_secs(3)));
        let began = tokio::time::Instant::now();
        flaky.snapshot().await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(3));
        script.heal();
        flaky.snapshot().await.unwrap();
        assert_eq!(began.elapsed(), Duration::from_secs(3));
    }

    #[tokio::test]
    async fn a_panic_takes_down_the_call_and_not_the_port() {
        let (_, script, flaky) = flaky();
        let flaky = Arc::new(flaky);
        script.on("snapshot", 1, Fault::Panic);
        let calling = tokio::spawn({
            let flaky = Arc::clone(&flaky);
            async move { flaky.snapshot().await }
        });
        assert!(calling.await.unwrap_err().is_panic());
        assert!(flaky.snapshot().await.is_ok());
    }
}
