//! What an operator may tune, with the reasons for what we chose.

use std::time::Duration;

/// Limits and batch sizes of the actors.
#[derive(Clone, Copy, Debug)]
pub struct ActorSettings {
    /// Most claims in one call to the ledger: it bounds how long the ledger's lock is held (500 claims: about 0.1 ms).
    pub inventory_batch_size: usize,
    /// Messages one `Inventory` may have: one for each connection of a worker and some for those who hung up.
    pub inventory_mailbox_capacity: u32,
    /// Most intents in one publish.
    pub publisher_batch_size: usize,
    /// Groups of intents the `Publisher` may have.
    pub publisher_mailbox_capacity: u32,
    /// Most orders in one transaction: larger ones are hardly cheaper an order, and the lag of each grows.
    pub order_writer_batch_size: usize,
    /// How long a batch waits to be filled when a writer is free. Nobody waits for it: the buyer was told before.
    pub order_writer_batch_linger: Duration,
    /// Writers. SQLite takes one at a time, so more of them only help elsewhere.
    pub order_writers: usize,
    /// Orders the `OrderWriter` may hold.
    pub order_writer_mailbox_capacity: u32,
    /// Orders at which it stops pulling from the bus.
    pub order_writer_high_water: u32,
    /// How often `CacheSync` looks at the ledger for everybody.
    pub cache_sync_interval: Duration,
    /// Messages `CacheSync` may have.
    pub cache_sync_mailbox_capacity: u32,
    /// Messages the `Till` may have: who pays waits for a read and a publish, and orders that are paid are few beside those that
    /// are asked for.
    pub till_mailbox_capacity: u32,
    /// Most wishes in one publish on the lane.
    pub till_batch_size: usize,
    /// Most changes of paid orders in one transaction: as many as a `HoldStore` takes, so that a sale's holds that run out
    /// together go back together.
    pub hold_writer_batch_size: usize,
    /// Groups of changes the `HoldWriter` may have: one for each order that `Checkout` has in work, and some.
    pub hold_writer_mailbox_capacity: u32,
    /// Wishes `Checkout` may hold before it stops pulling them from the lane.
    pub checkout_mailbox_capacity: u32,
    /// Most wishes in one pull from the lane, which become one transaction: what takes a few milliseconds. At most
    /// `hold_writer_batch_size`.
    pub checkout_batch_size: usize,
    /// How often `Checkout` looks after orders that need somebody. At most a second: a hold that ran out is back on sale then.
    pub reconciler_interval: Duration,
    /// Most calls to the payment provider in a second: Stripe answers a hundred, and turns away what is above.
    pub payments_per_second: u32,
    /// How often the `Mailroom` looks for mails that are owed.
    pub mailroom_interval: Duration,
    /// Mails it takes at a time: it sends them within a minute or leaves them to others.
    pub mailroom_batch_size: u32,
    /// Messages the `Mailroom` may have: links that are on their way, and those who look for their orders.
    pub mailroom_mailbox_capacity: u32,
    /// The age of the oldest unwritten order above which new ones are refused.
    pub max_backlog: Duration,
}

impl Default for ActorSettings {
    fn default() -> Self {
        Self {
            inventory_batch_size: 500,
            inventory_mailbox_capacity: 20_000,
            publisher_batch_size: 1_000,
            publisher_mailbox_capacity: 1_000,
            order_writer_batch_size: 1_000,
            order_writer_batch_linger: Duration::from_millis(5),
            order_writers: 1,
            order_writer_mailbox_capacity: 20_000,
            order_writer_high_water: 10_000,
            cache_sync_interval: Duration::from_millis(100),
            cache_sync_mailbox_capacity: 1_000,
            till_mailbox_capacity: 2_000,
            till_batch_size: 1_000,
            hold_writer_batch_size: 5_000,
            hold_writer_mailbox_capacity: 20_000,
            checkout_mailbox_capacity: 2_000,
            checkout_batch_size: 500,
            reconciler_interval: Duration::from_millis(500),
            payments_per_second: 90,
            mailroom_interval: Duration::from_secs(1),
            mailroom_batch_size: 100,
            mailroom_mailbox_capacity: 2_000,
            max_backlog: Duration::from_secs(5),
        }
    }
}
