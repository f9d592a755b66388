//! What an actor has begun and not finished: tasks on the actor's own thread that end with it.

use crate::trace;
use futures_util::FutureExt;
use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    future::Future,
    panic::AssertUnwindSafe,
    rc::Rc,
};
use tokio::task::AbortHandle;
use tracing::Instrument;

/// The tasks of one life of an actor. When one of them panics the actor is to be replaced; when the actor goes, they go.
#[derive(Clone)]
pub struct Tasks(Rc<Inner>);

struct Inner {
    /// In the order they began, in which they also end: a simulation does the same each time.
    running: RefCell<BTreeMap<u64, AbortHandle>>,
    next: Cell<u64>,
    fall: Box<dyn Fn()>,
}

impl Tasks {
    /// Tasks whose panics call `fall`.
    #[must_use]
    pub fn new(fall: impl Fn() + 'static) -> Self {
        Self(Rc::new(Inner { running: RefCell::default(), next: Cell::new(0), fall: Box::new(fall) }))
    }

    /// Begins a task.
    pub fn spawn(&self, work: impl Future<Output = ()> + 'static) {
        let number = self.0.next.get();
        self.0.next.set(number + 1);
        let (inner, span) = (Rc::downgrade(&self.0), trace::here());
        let task = tokio::task::spawn_local(async move {
            let outcome = AssertUnwindSafe(work).catch_unwind().instrument(span).await;
            let Some(inner) = inner.upgrade() else { return };
            inner.running.borrow_mut().remove(&number);
            if outcome.is_err() {
                (inner.fall)();
            }
        });
        self.0.running.borrow_mut().insert(number, task.abort_handle());
    }

    /// Ends all of them where they stand.
    pub fn abort_all(&self) {
        let running = std::mem::take(&mut *self.0.running.borrow_mut());
        running.into_values().for_each(|task| task.abort());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::task::LocalSet;

    #[tokio::test]
    async fn a_task_that_panics_brings_the_actor_down_and_the_others_end() {
        LocalSet::new()
            .run_until(async {
                let (fallen, fell) = tokio::sync::oneshot::channel();
                let fallen = Cell::new(Some(fallen));
                let tasks = Tasks::new(move || {
                    if let Some(sender) = fallen.take() {
                        sender.send(()).unwrap();
                    }
                });
                let held = Rc::new(());
                let other = Rc::clone(&held);
                tasks.spawn(async move {
                    std::future::pending::<()>().await;
                    drop(other);
                });
                tasks.spawn(async { panic!("on purpose") });
                fell.await.unwrap();
                tasks.abort_all();
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                assert_eq!(Rc::strong_count(&held), 1);
            })
            .await;
    }
}
