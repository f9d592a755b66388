//! The orders this process is busy with: each is in one pair of hands at a time.

use stampede_domain::OrderId;
use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    rc::Rc,
};
use tokio::sync::Notify;

/// Orders in work, and for which of them something came meanwhile.
#[derive(Default)]
pub(super) struct InWork {
    orders: RefCell<HashMap<OrderId, bool>>,
    idle: Notify,
}

/// The right to work on an order, until it is dropped.
pub(super) struct Mine {
    order: OrderId,
    in_work: Rc<InWork>,
    is_done: Cell<bool>,
}

impl InWork {
    /// The order, if nobody has it. Whoever has it will look at its row once more before letting it go.
    pub(super) fn begin(self: &Rc<Self>, order: OrderId) -> Option<Mine> {
        let mut orders = self.orders.borrow_mut();
        if let Some(came_meanwhile) = orders.get_mut(&order) {
            *came_meanwhile = true;
            return None;
        }
        orders.insert(order, false);
        Some(Mine { order, in_work: Rc::clone(self), is_done: Cell::new(false) })
    }

    /// Whether somebody is at work on it.
    pub(super) fn has(&self, order: OrderId) -> bool {
        self.orders.borrow().contains_key(&order)
    }

    /// Waits until nothing is in work.
    pub(super) async fn until_idle(&self) {
        loop {
            let idle = self.idle.notified();
            if self.orders.borrow().is_empty() {
                return;
            }
            idle.await;
        }
    }
}

impl Mine {
    /// Lets the order go, unless something came meanwhile: then it is still mine, and its row is to be looked at again.
    pub(super) fn is_over(&self) -> bool {
        let mut orders = self.in_work.orders.borrow_mut();
        if orders.insert(self.order, false) == Some(true) {
            return false;
        }
        orders.remove(&self.order);
        self.is_done.set(true);
        true
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        let mut orders = self.in_work.orders.borrow_mut();
        if !self.is_done.get() {
            orders.remove(&self.order);
        }
        if orders.is_empty() {
            self.in_work.idle.notify_waiters();
        }
    }
}
