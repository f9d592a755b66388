//! What carries an actor's logic here instead of actix: letters on this thread, one life after the other.

use stampede_actors::{
    carrier::Logic,
    gate::Gate,
    mailbox::{Handles, Letter, Mailbox, Message},
    tasks::Tasks,
};
use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::Arc,
};
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::AbortHandle,
};

/// An actor of a process, through its deaths.
pub(crate) struct Part<L: Logic> {
    logic: RefCell<Rc<L>>,
    tasks: RefCell<Tasks>,
    carriers: RefCell<Vec<AbortHandle>>,
    build: Box<dyn Fn(Tasks) -> Rc<L>>,
    panics: Rc<Cell<u32>>,
}

/// An actor that can die.
pub(crate) trait Mortal {
    /// Dies and is replaced: what it had begun ends where it stands.
    fn fall(&self);
    /// Dies for good, with its process.
    fn end(&self);
}

impl<L: Logic> Part<L> {
    /// An actor in its first life, which has not begun yet. `panics` counts what no fault explains.
    pub(crate) fn cast(panics: &Rc<Cell<u32>>, build: impl Fn(Tasks) -> Rc<L> + 'static) -> Rc<Self> {
        let tasks = tasks(panics);
        let logic = build(tasks.clone());
        Rc::new(Self {
            logic: RefCell::new(logic),
            tasks: RefCell::new(tasks),
            carriers: RefCell::default(),
            build: Box::new(build),
            panics: Rc::clone(panics),
        })
    }

    /// The same for an actor that writes to itself.
    pub(crate) fn cast_with_own_mailbox<M: Message>(
        panics: &Rc<Cell<u32>>,
        gate: &Arc<Gate>,
        build: impl Fn(Mailbox<M>, Tasks) -> Rc<L> + 'static,
    ) -> Rc<Self>
    where
        L: Handles<M>,
    {
        let (door, letters): (UnboundedSender<Letter<M>>, _) = unbounded_channel();
        let own = Mailbox::new(Arc::clone(gate), Arc::new(door));
        let part = Self::cast(panics, move |tasks| build(own.clone(), tasks));
        part.carry(letters);
        part
    }

    pub(crate) fn begin(&self) {
        let logic = Rc::clone(&self.logic.borrow());
        logic.begin();
    }

    /// A mailbox for one kind of message.
    pub(crate) fn mailbox<M: Message>(self: &Rc<Self>, gate: &Arc<Gate>) -> Mailbox<M>
    where
        L: Handles<M>,
    {
        let (door, letters): (UnboundedSender<Letter<M>>, _) = unbounded_channel();
        self.carry(letters);
        Mailbox::new(Arc::clone(gate), Arc::new(door))
    }

    fn carry<M: Message>(self: &Rc<Self>, mut letters: UnboundedReceiver<Letter<M>>)
    where
        L: Handles<M>,
    {
        let part = Rc::downgrade(self);
        let carrier = tokio::task::spawn_local(async move {
            while let Some(letter) = letters.recv().await {
                let Some(part) = part.upgrade() else { return };
                let logic = Rc::clone(&part.logic.borrow());
                letter.open(&logic);
            }
        });
        self.carriers.borrow_mut().push(carrier.abort_handle());
    }
}

impl<L: Logic> Mortal for Part<L> {
    fn fall(&self) {
        self.tasks.borrow().abort_all();
        let tasks = tasks(&self.panics);
        let logic = (self.build)(tasks.clone());
        *self.tasks.borrow_mut() = tasks;
        *self.logic.borrow_mut() = Rc::clone(&logic);
        logic.begin();
    }

    fn end(&self) {
        self.carriers.borrow_mut().drain(..).for_each(|carrier| carrier.abort());
        self.tasks.borrow().abort_all();
    }
}

fn tasks(panics: &Rc<Cell<u32>>) -> Tasks {
    let panics = Rc::clone(panics);
    Tasks::new(move || panics.set(panics.get() + 1))
}
