//! What operators ask and say: how it is, what became of one order, pause, resume.

use super::CacheSync;
use crate::{
    mailbox::{Handles, Message, Reply},
    ports::{OrderRecord, PortResult},
    shelf::Shelf,
};
use stampede_domain::{EventSlug, Millis, OrderId, WriterReport, ledger::Known};
use std::{rc::Rc, sync::Arc};

/// What is for sale, and how the writers of all processes are doing.
pub struct LookAround;

impl Message for LookAround {
    type Answer = Option<Surroundings>;
    const NAME: &'static str = "look_around";
}

/// As of the latest look at the ledger. `None` before the first.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// What is for sale.
    pub shelf: Arc<Shelf>,
    /// The writers, as last heard.
    pub report: WriterReport,
    /// When that was, by the ledger's clock.
    pub heard_at: Millis,
    /// The ledger's clock then.
    pub now: Millis,
}

/// What ledger and store know of an order.
pub struct XrayOrder(pub OrderId);

impl Message for XrayOrder {
    type Answer = OrderSeen;
    const NAME: &'static str = "xray_order";
}

/// An order as both see it, each on its own: one may be out of order.
#[derive(Clone, Debug)]
pub struct OrderSeen {
    /// By the ledger; `Ok(None)` while a pool that may know it is not open.
    pub ledger: PortResult<Option<Known>>,
    /// By the store.
    pub row: PortResult<Option<OrderRecord>>,
}

/// Pause the sale of an event, or resume it. Only a keeper may.
#[derive(Clone, Debug)]
pub struct SteerSale {
    /// Which.
    pub event: EventSlug,
    /// Whether it is to be paused.
    pub paused: bool,
}

impl Message for SteerSale {
    /// `false`: there is no such event.
    type Answer = PortResult<bool>;
    const NAME: &'static str = "steer_sale";
}

impl Handles<LookAround> for CacheSync {
    fn handle(self: &Rc<Self>, _: LookAround, reply: Reply<Option<Surroundings>>) {
        reply.send(self.surroundings.borrow().clone());
    }
}

impl Handles<XrayOrder> for CacheSync {
    fn handle(self: &Rc<Self>, XrayOrder(order): XrayOrder, reply: Reply<OrderSeen>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            let ledger = this.parts.ledger.find(order).await;
            let row = this.parts.store.find(order).await;
            reply.send(OrderSeen { ledger, row });
        });
    }
}

impl Handles<SteerSale> for CacheSync {
    fn handle(self: &Rc<Self>, SteerSale { event, paused }: SteerSale, reply: Reply<PortResult<bool>>) {
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            let found = this.parts.catalogue.set_paused(&event, paused).await;
            // In force at once where it was said; elsewhere with the next look at the catalogue.
            this.follow().await;
            reply.send(found);
        });
    }
}
