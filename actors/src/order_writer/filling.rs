//! The batch being filled, and when it is ripe.

use super::OrderWriter;
use crate::{
    batch::Closed,
    gate::Permit,
    ports::{Delivery, DeliveryId},
    wire,
};
use stampede_domain::{Intent, Millis, OrderId};
use std::{collections::VecDeque, rc::Rc};

/// An order that is held: it counts in the mailbox until it is written and acknowledged.
pub(super) struct Held {
    pub(super) delivery: DeliveryId,
    pub(super) attempt: u32,
    pub(super) published_at: Millis,
    pub(super) intent: Intent,
    pub(super) permit: Permit,
}

/// A message that cannot be read, and why.
pub(super) type Unreadable = (DeliveryId, String, Permit);

pub(super) struct Filling {
    held: VecDeque<Held>,
    batch_size: usize,
    /// The first of them has waited long enough.
    ripe: bool,
    lingering: bool,
}

impl Filling {
    pub(super) fn new(batch_size: usize) -> Self {
        Self { held: VecDeque::new(), batch_size, ripe: false, lingering: false }
    }

    /// Takes a delivery in and says whose order it is, or gives it back when it cannot be read.
    pub(super) fn take(&mut self, delivery: Delivery, permit: Permit) -> Result<OrderId, Unreadable> {
        let Delivery { id, payload, attempt, published_at } = delivery;
        match wire::decode(&payload) {
            Ok(intent) => {
                let order = intent.order;
                self.held.push_back(Held { delivery: id, attempt, published_at, intent, permit });
                Ok(order)
            }
            Err(why) => Err((id, why.to_string(), permit)),
        }
    }

    pub(super) fn deliveries(&self) -> Vec<DeliveryId> {
        self.held.iter().map(|held| held.delivery).collect()
    }

    /// Forgets all that is in no batch yet, and says what it was.
    pub(super) fn let_go(&mut self) -> Vec<DeliveryId> {
        self.ripe = false;
        self.held.drain(..).map(|held| held.delivery).collect()
    }

    pub(super) fn oldest(&self) -> Option<Millis> {
        self.held.front().map(|held| held.published_at)
    }

    /// The next batch, if it is full or ripe.
    fn next(&mut self) -> Option<(Vec<Held>, Closed)> {
        let full = self.held.len() >= self.batch_size;
        if self.held.is_empty() || !(full || self.ripe) {
            return None;
        }
        let size = self.held.len().min(self.batch_size);
        let batch = self.held.drain(..size).collect();
        // What is left has waited for a writer already.
        self.ripe = !self.held.is_empty();
        Some((batch, if full { Closed::Full } else { Closed::Linger }))
    }
}

impl OrderWriter {
    /// Begins the wait of the first order of a batch.
    pub(super) fn ripen(self: &Rc<Self>) {
        let linger = self.parts.settings.order_writer_batch_linger;
        let mut filling = self.filling.borrow_mut();
        if filling.held.is_empty() || filling.ripe || filling.lingering {
            return;
        }
        if linger.is_zero() {
            filling.ripe = true;
            return;
        }
        filling.lingering = true;
        let this = Rc::clone(self);
        self.tasks.spawn(async move {
            tokio::time::sleep(linger).await;
            {
                let mut filling = this.filling.borrow_mut();
                filling.lingering = false;
                filling.ripe = !filling.held.is_empty();
            }
            this.dispatch();
        });
    }

    /// Gives ripe batches to free writers.
    pub(super) fn dispatch(self: &Rc<Self>) {
        loop {
            let Some(writer) = self.free_writers.borrow_mut().pop() else { return };
            let Some((batch, why)) = self.filling.borrow_mut().next() else {
                self.free_writers.borrow_mut().push(writer);
                return;
            };
            self.meter.closed(batch.len(), why);
            self.tasks.spawn(Rc::clone(self).write(writer, batch));
        }
    }
}
