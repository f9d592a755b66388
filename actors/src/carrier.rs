//! What actix carries: a thread, a queue, and the life of one actor's logic.
//!
//! An actor that panics, in a handler or in a task of its own, is replaced by a new one whose state is rebuilt from its
//! ports. The messages it had are dropped, which their senders see as "unknown". actix's own supervisor cannot do this: it
//! does not survive panics.

use crate::{
    gate::Gate,
    mailbox::{Door, Handles, Letter, Mailbox, Message},
    tasks::Tasks,
};
use actix::{Actor, ActorContext, AsyncContext, Context, Handler};
use arc_swap::ArcSwapOption;
use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;

/// The pause before an actor that died young is replaced; it doubles with each such death.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
/// The longest such pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// An actor that lived this long died of something new.
const LONG_LIFE: Duration = Duration::from_secs(10);

/// Logic that can be carried.
pub trait Logic: 'static {
    /// Called once when its life begins, on its thread.
    fn begin(self: &Rc<Self>) {}
}

/// Builds the logic of a new life. Called again after each death.
type Build<L> = Arc<dyn Fn(Life<L>) -> Rc<L> + Send + Sync>;

/// What a new life begins with.
pub struct Life<L: Logic> {
    /// Tasks that end with this life.
    pub tasks: Tasks,
    /// The role it plays, for mailboxes of its own.
    pub role: Role<L>,
}

/// An actor on the stage: the part of it that survives its deaths.
pub struct Role<L: Logic> {
    shared: Arc<Shared<L>>,
}

impl<L: Logic> Clone for Role<L> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

struct Shared<L: Logic> {
    gate: Arc<Gate>,
    build: Build<L>,
    #[expect(clippy::disallowed_types, reason = "this is what a mailbox hides")]
    address: ArcSwapOption<actix::Addr<Carrier<L>>>,
    leaving: AtomicBool,
}

impl<L: Logic> Role<L> {
    /// An actor on this thread: messages from this thread reach it without waking another.
    pub fn here(gate: Arc<Gate>, build: impl Fn(Life<L>) -> Rc<L> + Send + Sync + 'static) -> Self {
        let role = Self::unborn(gate, build);
        live(&role.shared, FIRST_PAUSE);
        role
    }

    /// An actor on a thread of its own.
    pub fn on_own_thread(gate: Arc<Gate>, build: impl Fn(Life<L>) -> Rc<L> + Send + Sync + 'static) -> Self {
        let role = Self::unborn(gate, build);
        let shared = Arc::clone(&role.shared);
        // The first letters may arrive before the thread has begun; they would be dropped, so its birth is waited for.
        let (born, birth) = std::sync::mpsc::channel();
        actix::Arbiter::new().spawn_fn(move || {
            live(&shared, FIRST_PAUSE);
            born.send(()).unwrap_or_default();
        });
        birth.recv().unwrap_or_default();
        role
    }

    /// The bound of the actor's mailboxes.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.shared.gate
    }

    /// A mailbox for one kind of message that the actor understands.
    #[must_use]
    pub fn mailbox<M: Message>(&self) -> Mailbox<M>
    where
        L: Handles<M>,
    {
        Mailbox::new(Arc::clone(&self.shared.gate), Arc::clone(&self.shared) as Arc<dyn Door<M>>)
    }

    /// This life is the last: when it ends, with its thread, nobody takes its place.
    pub fn retire(&self) {
        self.shared.leaving.store(true, Ordering::Release);
    }

    /// Ends the actor for good. What it has begun ends where it stands: drain it first.
    pub fn leave(&self) {
        self.retire();
        if let Some(address) = self.shared.address.swap(None) {
            deliver(&address, Leave);
        }
    }

    fn unborn(gate: Arc<Gate>, build: impl Fn(Life<L>) -> Rc<L> + Send + Sync + 'static) -> Self {
        Self {
            shared: Arc::new(Shared {
                gate,
                build: Arc::new(build),
                address: ArcSwapOption::empty(),
                leaving: AtomicBool::new(false),
            }),
        }
    }
}

impl<L: Logic + Handles<M>, M: Message> Door<M> for Shared<L> {
    fn deliver(&self, letter: Letter<M>) {
        if let Some(address) = &*self.address.load() {
            deliver(address, letter);
        }
    }
}

#[expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "the one place that sends: permits bound it")]
fn deliver<A, M>(address: &actix::Addr<A>, message: M)
where
    A: Actor<Context = Context<A>> + Handler<M>,
    M: actix::Message + Send + 'static,
    M::Result: Send,
{
    address.do_send(message);
}

fn live<L: Logic>(shared: &Arc<Shared<L>>, pause: Duration) {
    let address = Carrier::create(|context| {
        let me = context.address();
        let tasks = Tasks::new(move || deliver(&me, Leave));
        let life = Life { tasks: tasks.clone(), role: Role { shared: Arc::clone(shared) } };
        let logic = (shared.build)(life);
        Carrier { logic, tasks, shared: Arc::clone(shared), born: Instant::now(), pause }
    });
    shared.address.store(Some(Arc::new(address)));
}

/// One life of an actor.
struct Carrier<L: Logic> {
    logic: Rc<L>,
    tasks: Tasks,
    shared: Arc<Shared<L>>,
    born: Instant,
    pause: Duration,
}

impl<L: Logic> Unpin for Carrier<L> {}

impl<L: Logic> Actor for Carrier<L> {
    type Context = Context<Self>;

    fn started(&mut self, _context: &mut Self::Context) {
        self.logic.begin();
    }
}

impl<M: Message> actix::Message for Letter<M> {
    type Result = ();
}

impl<L: Logic + Handles<M>, M: Message> Handler<Letter<M>> for Carrier<L> {
    type Result = ();

    fn handle(&mut self, letter: Letter<M>, _context: &mut Self::Context) {
        letter.open(&self.logic);
    }
}

/// The end of a life, from inside (a task panicked) or for good.
struct Leave;

impl actix::Message for Leave {
    type Result = ();
}

impl<L: Logic> Handler<Leave> for Carrier<L> {
    type Result = ();

    fn handle(&mut self, _: Leave, context: &mut Self::Context) {
        context.stop();
    }
}

/// Every end passes here, panics included: actix drops the carrier with its context.
impl<L: Logic> Drop for Carrier<L> {
    fn drop(&mut self) {
        self.tasks.abort_all();
        if self.shared.leaving.load(Ordering::Acquire) || actix::Arbiter::try_current().is_none() {
            return;
        }
        let died_young = self.born.elapsed() < LONG_LIFE;
        let pause = if died_young { self.pause } else { FIRST_PAUSE };
        let shared = Arc::clone(&self.shared);
        shared.gate.count_restart();
        tracing::error!(actor = shared.gate.actor(), pause_ms = pause.as_millis(), "an actor died and is replaced");
        actix::spawn(async move {
            tokio::time::sleep(pause).await;
            if !shared.leaving.load(Ordering::Acquire) {
                live(&shared, (pause * 2).min(LONGEST_PAUSE));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mailbox::{NoAnswer, Reply};
    use std::cell::Cell;

    struct Counter {
        count: Cell<u32>,
        tasks: Tasks,
        has_begun: Cell<bool>,
    }

    impl Logic for Counter {
        fn begin(self: &Rc<Self>) {
            self.has_begun.set(true);
        }
    }

    struct Count {
        panic: bool,
        in_a_task: bool,
    }

    impl Message for Count {
        type Answer = u32;
        const NAME: &'static str = "count";
    }

    impl Handles<Count> for Counter {
        fn handle(self: &Rc<Self>, message: Count, reply: Reply<u32>) {
            assert!(self.has_begun.get(), "a life begins before its first message");
            self.count.set(self.count.get() + 1);
            if message.in_a_task {
                self.tasks.spawn(async move {
                    let _unanswered = reply;
                    panic!("on purpose, in a task");
                });
            } else {
                assert!(!message.panic, "on purpose");
                reply.send(self.count.get());
            }
        }
    }

    const COUNT: Count = Count { panic: false, in_a_task: false };

    async fn survives(role: Role<Counter>, deadly: Count) {
        let mailbox = role.mailbox::<Count>();
        assert_eq!(mailbox.ask(COUNT).await, Ok(1));
        assert_eq!(mailbox.ask(COUNT).await, Ok(2));
        assert_eq!(mailbox.ask(deadly).await, Err(NoAnswer::Unknown));
        let reborn = async {
            loop {
                if let Ok(count) = mailbox.ask(COUNT).await {
                    break count;
                }
                tokio::task::yield_now().await;
            }
        };
        let count = tokio::time::timeout(Duration::from_secs(5), reborn).await.expect("a new life within 5 s");
        assert_eq!(count, 1, "state is rebuilt, not kept");
        assert_eq!((mailbox.gate().restarts(), mailbox.gate().depth()), (1, 0));
        role.leave();
    }

    fn build(life: Life<Counter>) -> Rc<Counter> {
        Rc::new(Counter { count: Cell::new(0), tasks: life.tasks, has_begun: Cell::new(false) })
    }

    #[actix::test]
    async fn an_actor_that_panics_in_a_handler_is_replaced() {
        survives(Role::here(Gate::new("test", 8), build), Count { panic: true, in_a_task: false }).await;
    }

    #[actix::test]
    async fn an_actor_that_panics_in_a_task_is_replaced() {
        survives(Role::here(Gate::new("test", 8), build), Count { panic: false, in_a_task: true }).await;
    }

    #[actix::test]
    async fn an_actor_on_its_own_thread_is_replaced_too() {
        survives(Role::on_own_thread(Gate::new("test", 8), build), Count { panic: true, in_a_task: false }).await;
    }

    #[actix::test]
    async fn nobody_gets_into_a_full_mailbox_and_nothing_is_lost_by_hanging_up() {
        let role = Role::here(Gate::new("test", 1), build);
        let mailbox = role.mailbox::<Count>();
        drop(mailbox.ask(COUNT));
        assert_eq!(mailbox.ask(COUNT).await, Err(NoAnswer::Full));
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        assert_eq!(mailbox.ask(COUNT).await, Ok(2), "the message whose sender hung up was handled");
    }

    /// Asks until somebody answers, for as long as an actor may be dead.
    async fn answer_of(mailbox: &Mailbox<Count>) -> Option<u32> {
        for _ in 0..50 {
            if let Ok(count) = mailbox.ask(COUNT).await {
                return Some(count);
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        None
    }

    const DEADLY: Count = Count { panic: true, in_a_task: false };

    #[actix::test]
    async fn who_has_left_answers_no_more_and_is_not_replaced() {
        let role = Role::here(Gate::new("test", 8), build);
        let mailbox = role.mailbox::<Count>();
        assert_eq!(mailbox.ask(COUNT).await, Ok(1));
        role.leave();
        assert_eq!(answer_of(&mailbox).await, None);
        assert_eq!((mailbox.gate().restarts(), mailbox.gate().depth()), (0, 0));
    }

    #[actix::test]
    async fn who_has_retired_works_on_until_death_and_is_not_replaced() {
        let role = Role::here(Gate::new("test", 8), build);
        let mailbox = role.mailbox::<Count>();
        role.retire();
        assert_eq!(mailbox.ask(COUNT).await, Ok(1));
        assert_eq!(mailbox.ask(DEADLY).await, Err(NoAnswer::Unknown));
        assert_eq!(answer_of(&mailbox).await, None);
        assert_eq!(mailbox.gate().restarts(), 0);
    }

    #[actix::test]
    async fn who_keeps_dying_is_replaced_after_pauses_that_double() {
        let role = Role::here(Gate::new("test", 8), build);
        let mailbox = role.mailbox::<Count>();
        let began = Instant::now();
        for _ in 0..4 {
            assert_eq!(mailbox.ask(DEADLY).await, Err(NoAnswer::Unknown));
            assert_eq!(answer_of(&mailbox).await, Some(1));
        }
        assert!(began.elapsed() >= FIRST_PAUSE * (1 + 2 + 4 + 8), "{:?}", began.elapsed());
        assert_eq!(mailbox.gate().restarts(), 4);
        role.leave();
    }
}
