//! Links to the orders of an address, and these orders.

use super::{MOST_ORDERS, Mailroom, OrderOf, SendLink};
use crate::{
    facts::{Fact, PutOff, announce},
    ports::{Letter, PortFailure, PortResult},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use stampede_domain::{OrderId, address};
use std::time::Duration;
use tokio::time::Instant;

/// How long whoever looks for orders waits: shorter than a browser's patience.
const READ_PATIENCE: Duration = Duration::from_secs(3);
/// Rows read at a time for one who looks.
const ROWS_AT_ONCE: usize = 4;
/// Pauses before a link is tried again. There are few: whoever waited longer has asked again.
const PAUSES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(15)];

impl Mailroom {
    /// Writes to an address that has orders and was not written to lately.
    pub(super) async fn send_link(&self, SendLink { address: typed, language }: SendLink) {
        let Some(address) = address(&typed) else { return tell("no_address") };
        // Counted before anything is read: an address that has no orders is no way to keep the store busy.
        if !self.limits.borrow_mut().may(&address, Instant::now()) {
            return tell("too_often");
        }
        let _one_of_few = self.links.acquire().await;
        match self.newest_of(&address, 1).await {
            Ok(orders) if orders.is_empty() => return tell("no_orders"),
            Ok(_) => {}
            Err(failure) => {
                tracing::warn!(%failure, "the store could not be asked for the orders of an address, so no link was sent");
                return tell("failed");
            }
        }
        match self.parts.composer.orders_link(&address, language.as_deref()) {
            Ok(letter) => tell(self.try_to_carry(&letter).await),
            Err(why) => {
                tracing::error!(why, "a mail with a link cannot be written");
                tell("failed");
            }
        }
    }

    async fn try_to_carry(&self, letter: &Letter) -> &'static str {
        let mut pauses = PAUSES.into_iter();
        loop {
            match self.carry(letter).await {
                Ok(()) => return "sent",
                Err(failure @ PortFailure::Impossible(_)) => {
                    tracing::warn!(%failure, "a mail with a link cannot be delivered");
                    return "failed";
                }
                Err(failure) => match pauses.next().filter(|_| !self.draining.get()) {
                    Some(pause) => self.pause(pause).await,
                    None => {
                        tracing::warn!(%failure, "a mail with a link was not sent, as far as is known");
                        return "failed";
                    }
                },
            }
        }
    }

    pub(super) async fn orders_of(&self, typed: &str) -> Result<Vec<OrderOf>, PutOff> {
        let Some(address) = address(typed) else { return Ok(Vec::new()) };
        let read = async {
            let orders = self.newest_of(&address, MOST_ORDERS).await?;
            let rows = stream::iter(orders).map(|order| self.row_of(order)).buffered(ROWS_AT_ONCE);
            rows.try_filter_map(|row| std::future::ready(Ok(row))).try_collect().await
        };
        match tokio::time::timeout(READ_PATIENCE, read).await {
            Ok(Ok(orders)) => Ok(orders),
            Ok(Err(failure)) => {
                let failure: PortFailure = failure;
                tracing::warn!(%failure, "the store could not be asked for the orders of an address");
                Err(PutOff::Broken)
            }
            Err(_) => Err(PutOff::Behind),
        }
    }

    async fn newest_of(&self, address: &str, limit: u32) -> PortResult<Vec<OrderId>> {
        let _one_of_few = self.reads.acquire().await;
        self.parts.outbox.orders_of(address, limit).await
    }

    /// An order and how it is paid. The row of the payment is read after the order's: it is the truth about it.
    async fn row_of(&self, order: OrderId) -> PortResult<Option<OrderOf>> {
        let _one_of_few = self.reads.acquire().await;
        let Some(row) = self.parts.store.find(order).await? else { return Ok(None) };
        Ok(Some((row, self.parts.holds.hold(order).await?)))
    }
}

fn tell(outcome: &'static str) {
    announce(Fact::MailHandled { occasion: "link", outcome });
}
