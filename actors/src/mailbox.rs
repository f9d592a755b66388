//! The only way to reach an actor.
//!
//! A caller holds a `Mailbox<M>` for exactly the messages it may send. A message enters by a permit of the actor's
//! [`Gate`], travels in a [`Letter`] and comes back as an answer; what happens to it does not depend on whether somebody
//! still waits for the answer: a browser that hangs up cancels nothing.

use crate::{
    gate::{Full, Gate, Permit},
    trace,
};
use metrics::{Histogram, histogram};
use std::{future::Future, rc::Rc, sync::Arc, time::Duration};
use tokio::{sync::oneshot, time::Instant};
use tracing::Span;

/// Plain owned data that an actor understands.
pub trait Message: Send + 'static {
    /// What comes back.
    type Answer: Send + 'static;
    /// Its name in metrics.
    const NAME: &'static str;

    /// How many messages it counts for.
    fn weight(&self) -> u32 {
        1
    }
}

/// The logic of an actor, for one message.
///
/// Called in the order of arrival, never twice at once. What takes longer than a few microseconds is begun here and goes on
/// in a task that carries the `reply`.
pub trait Handles<M: Message>: 'static {
    /// Takes the message.
    fn handle(self: &Rc<Self>, message: M, reply: Reply<M::Answer>);
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoAnswer {
    /// The mailbox was full: the message was never sent.
    #[error("the mailbox is full")]
    Full,
    /// The actor died or took too long: what became of the message is unknown.
    #[error("the actor did not answer")]
    Unknown,
}

impl From<Full> for NoAnswer {
    fn from(_: Full) -> Self {
        Self::Full
    }
}

/// Sends messages of one kind to one actor. Cheap to clone; survives the actor being replaced.
pub struct Mailbox<M: Message> {
    gate: Arc<Gate>,
    door: Arc<dyn Door<M>>,
    meter: Arc<Meter>,
}

impl<M: Message> Clone for Mailbox<M> {
    fn clone(&self) -> Self {
        Self { gate: Arc::clone(&self.gate), door: Arc::clone(&self.door), meter: Arc::clone(&self.meter) }
    }
}

impl<M: Message> Mailbox<M> {
    /// A mailbox in front of a door.
    #[must_use]
    pub fn new(gate: Arc<Gate>, door: Arc<dyn Door<M>>) -> Self {
        let meter = Arc::new(Meter::new(gate.actor(), M::NAME));
        Self { gate, door, meter }
    }

    /// Sends a message now and waits for its answer later. Dropping the future does not take the message back.
    pub fn ask(&self, message: M) -> impl Future<Output = Result<M::Answer, NoAnswer>> + Send + use<M> {
        let sent = self.send(message);
        async move { sent?.await.map_err(|_| NoAnswer::Unknown) }
    }

    /// Like [`ask`](Self::ask), but waits no longer than `patience`: afterwards the outcome is unknown.
    pub fn ask_within(
        &self,
        patience: Duration,
        message: M,
    ) -> impl Future<Output = Result<M::Answer, NoAnswer>> + Send + use<M> {
        let answer = self.ask(message);
        async move { tokio::time::timeout(patience, answer).await.unwrap_or(Err(NoAnswer::Unknown)) }
    }

    /// Sends a message whose answer nobody needs.
    ///
    /// # Errors
    /// [`Full`]: it was not sent.
    pub fn tell(&self, message: M) -> Result<(), Full> {
        self.send(message).map(drop)
    }

    /// The bound of this mailbox, shared with the actor's other messages.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    fn send(&self, message: M) -> Result<oneshot::Receiver<M::Answer>, Full> {
        let permit = self.gate.enter(message.weight())?;
        let (sender, receiver) = oneshot::channel();
        let reply =
            Reply { sender: Some(sender), permit: Some(permit), meter: Arc::clone(&self.meter), since: Instant::now() };
        self.door.deliver(Letter { message, reply, span: trace::here() });
        Ok(receiver)
    }
}

/// Where letters go in. A letter that cannot be delivered is dropped, and its sender learns that there is no answer.
pub trait Door<M: Message>: Send + Sync {
    /// Delivers.
    fn deliver(&self, letter: Letter<M>);
}

/// Logic without actix, for tests and simulation: a task on this thread hands it the letters.
impl<M: Message> Door<M> for tokio::sync::mpsc::UnboundedSender<Letter<M>> {
    fn deliver(&self, letter: Letter<M>) {
        // A closed channel gives the letter back; dropping it is what an undeliverable letter is to do.
        drop(self.send(letter));
    }
}

/// A message on its way.
pub struct Letter<M: Message> {
    message: M,
    reply: Reply<M::Answer>,
    span: Span,
}

impl<M: Message> Letter<M> {
    /// Hands the message to the logic.
    pub fn open<L: Handles<M>>(self, logic: &Rc<L>) {
        let Self { message, mut reply, span } = self;
        let _in_the_senders_span = span.enter();
        reply.begin();
        logic.handle(message, reply);
    }
}

/// What a message's answer goes into. Dropping it unanswered means "unknown" to whoever asked.
pub struct Reply<A> {
    sender: Option<oneshot::Sender<A>>,
    permit: Option<Permit>,
    meter: Arc<Meter>,
    since: Instant,
}

impl<A> Reply<A> {
    /// Answers. Nobody listening is fine.
    pub fn send(mut self, answer: A) {
        // First: whoever has the answer may ask again at once, and must find the room that the message had.
        drop(self.permit.take());
        if let Some(sender) = self.sender.take() {
            drop(sender.send(answer));
        }
    }

    /// Takes the permit out: the message counts as being in the mailbox for as long as the permit lives.
    pub fn take_permit(&mut self) -> Option<Permit> {
        self.permit.take()
    }

    fn begin(&mut self) {
        let now = Instant::now();
        self.meter.wait.record(now.duration_since(self.since));
        self.since = now;
    }
}

impl<A> Drop for Reply<A> {
    fn drop(&mut self) {
        self.meter.work.record(self.since.elapsed());
    }
}

/// How long messages of one kind wait and are worked on.
struct Meter {
    wait: Histogram,
    work: Histogram,
}

impl Meter {
    fn new(actor: &'static str, message: &'static str) -> Self {
        Self {
            wait: histogram!("stampede_message_wait_seconds", "actor" => actor, "message" => message),
            work: histogram!("stampede_message_work_seconds", "actor" => actor, "message" => message),
        }
    }
}
