//! One process of a shop that is paid online: its till, its writer of holds and its checkout, wired as the server wires them.

use crate::{
    fate::Fate,
    harm::Caller,
    links::{BusLink, Link},
    part::{Mortal, Part},
};
use stampede_actors::{
    cache_sync::Settle,
    carrier::Logic,
    checkout::{Checkout, CheckoutParts},
    clock::SharedClock,
    gate::Gate,
    hold_writer::{Change, HoldWriter, HoldWriterParts},
    mailbox::{Handles, Mailbox, Reply},
    ports::{Bus, HoldStore, PaymentGateway},
    settings::ActorSettings,
    till::{FindHold, Noticed, Till, TillParts, Wished},
};
use std::{cell::Cell, rc::Rc, sync::Arc};

/// What a process stands on, before its own wires.
pub(crate) struct Ground {
    pub(crate) clock: SharedClock,
    pub(crate) holds: Arc<dyn HoldStore>,
    pub(crate) lane: Arc<dyn Bus>,
    pub(crate) network: Arc<dyn Bus>,
    pub(crate) gateway: Arc<dyn PaymentGateway>,
    pub(crate) is_alone: bool,
}

/// A life of a process.
pub(crate) struct Process {
    pub(crate) door: Door,
    parts: Vec<(&'static str, Rc<dyn Mortal>)>,
}

/// Where buyers and the provider ask.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) wished: Mailbox<Wished>,
    pub(crate) find: Mailbox<FindHold>,
    pub(crate) noticed: Mailbox<Noticed>,
}

/// Whom the numbers of pools are told here: the ledger is the rest of this crate's business.
struct Nobody;

impl Logic for Nobody {}

impl Handles<Settle> for Nobody {
    fn handle(self: &Rc<Self>, _: Settle, reply: Reply<()>) {
        reply.send(());
    }
}

/// Makes the wires of one life of a process.
struct Wires<'a> {
    ground: &'a Ground,
    fate: &'a Arc<Fate>,
    node: usize,
    life: u32,
}

impl Wires<'_> {
    fn link<P: ?Sized>(&self, actor: &'static str, name: &'static str, port: &Arc<P>) -> Link<P> {
        let caller = Caller { node: self.node, life: self.life, actor };
        Link { port: Arc::clone(port), fate: Arc::clone(self.fate), caller, name }
    }

    fn holds(&self, actor: &'static str) -> Arc<dyn HoldStore> {
        Arc::new(self.link(actor, "holds", &self.ground.holds))
    }

    fn lane(&self, actor: &'static str) -> Arc<dyn Bus> {
        let link = self.link(actor, "lane", &self.ground.lane);
        Arc::new(BusLink::new(link, Arc::clone(&self.ground.network), !self.ground.is_alone))
    }

    fn clock(&self) -> SharedClock {
        Arc::clone(&self.ground.clock)
    }
}

impl Process {
    /// A process comes up.
    pub(crate) fn begin(number: usize, ground: &Ground, fate: &Arc<Fate>, panics: &Rc<Cell<u32>>) -> Self {
        let life = fate.is_born(number);
        let wires = Wires { ground, fate, node: number, life };
        let settings = ActorSettings::default();
        let nobody = Part::cast(panics, |_| Rc::new(Nobody));
        let cache_sync = nobody.mailbox(&Gate::new("cache_sync", settings.cache_sync_mailbox_capacity));
        let (hold_writer, change) = hold_writer(&wires, cache_sync, settings, panics);
        let checkout = checkout(&wires, change, settings, panics);
        let (till, door) = till(&wires, settings, panics);
        checkout.begin();
        let parts: Vec<(&'static str, Rc<dyn Mortal>)> =
            vec![("cache_sync", nobody), ("hold_writer", hold_writer), ("checkout", checkout), ("till", till)];
        Self { door, parts }
    }

    /// The process is gone, and with it everything it had in hand.
    pub(crate) fn kill(self) {
        // Those who ask before those whom they ask: nobody sees an answer that its own end has become.
        self.parts.iter().rev().for_each(|(_, part)| part.end());
    }

    /// One actor dies and is replaced.
    pub(crate) fn fell(&self, actor: &'static str) {
        let mut parts = self.parts.iter();
        if let Some((_, part)) = parts.find(|(name, _)| *name == actor) {
            part.fall();
        }
    }
}

fn hold_writer(
    wires: &Wires<'_>,
    cache_sync: Mailbox<Settle>,
    settings: ActorSettings,
    panics: &Rc<Cell<u32>>,
) -> (Rc<Part<HoldWriter>>, Mailbox<Change>) {
    let parts = HoldWriterParts { clock: wires.clock(), holds: wires.holds("hold_writer"), cache_sync, settings };
    let gate = Gate::new("hold_writer", settings.hold_writer_mailbox_capacity);
    let own = Arc::clone(&gate);
    let part = Part::cast(panics, move |tasks| HoldWriter::new(parts.clone(), &own, tasks));
    let mailbox = part.mailbox(&gate);
    (part, mailbox)
}

fn checkout(
    wires: &Wires<'_>,
    hold_writer: Mailbox<Change>,
    settings: ActorSettings,
    panics: &Rc<Cell<u32>>,
) -> Rc<Part<Checkout>> {
    let parts = CheckoutParts {
        clock: wires.clock(),
        lane: wires.lane("checkout"),
        holds: wires.holds("checkout"),
        hold_writer,
        gateway: Arc::new(wires.link("checkout", "gateway", &wires.ground.gateway)),
        what_for: "Festival".into(),
        settings,
        seed: wires.fate.between(0, u64::MAX),
    };
    let gate = Gate::new("checkout", settings.checkout_mailbox_capacity);
    Part::cast(panics, move |tasks| Checkout::new(parts.clone(), &gate, tasks))
}

fn till(wires: &Wires<'_>, settings: ActorSettings, panics: &Rc<Cell<u32>>) -> (Rc<Part<Till>>, Door) {
    let parts = TillParts { clock: wires.clock(), holds: wires.holds("till"), lane: wires.lane("till"), settings };
    let gate = Gate::new("till", settings.till_mailbox_capacity);
    let own = Arc::clone(&gate);
    let part = Part::cast(panics, move |tasks| Till::new(parts.clone(), &own, tasks));
    let door = Door { wished: part.mailbox(&gate), find: part.mailbox(&gate), noticed: part.mailbox(&gate) };
    (part, door)
}
