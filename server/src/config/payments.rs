//! How orders that are paid online are paid.

use clap::{Args, builder::RangedU64ValueParser};
use stampede_actors::settings::ActorSettings;
use std::time::Duration;

/// Who takes the money, and who may give it back.
#[derive(Args, Clone, Debug)]
pub struct Payments {
    /// Stripe's secret key (sk_…): tickets are paid there. Without it an embedded shop has a simulated bank, and a shop on servers takes no payments.
    #[arg(long, env = "STAMPEDE_STRIPE_SECRET_KEY", hide_env_values = true, value_name = "SECRET", value_parser = super::secret)]
    pub stripe_secret_key: Option<String>,
    /// What Stripe signs its webhooks with (whsec_…), sent to /webhooks/payments; without it payments are asked after instead, a little later.
    #[arg(long, env = "STAMPEDE_STRIPE_WEBHOOK_SECRET", hide_env_values = true, value_name = "SECRET", value_parser = super::secret)]
    pub stripe_webhook_secret: Option<String>,
    /// Another Stripe than Stripe's, e.g. stripe-mock at <http://127.0.0.1:12111>.
    #[arg(long, env = "STAMPEDE_STRIPE_URL", value_name = "URL", value_parser = super::url)]
    pub stripe_url: Option<String>,
    /// Calls a second that a process makes to the payment provider at most; Stripe takes 100 of an account.
    #[arg(long, env = "STAMPEDE_PAYMENT_RATE", default_value = "80", value_name = "1..100000", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub payment_rate: u32,
    /// Whoever knows it may give an order's money back through the API, at least 16 characters; nobody may when absent.
    #[arg(long, env = "STAMPEDE_ORGANIZER_TOKEN", hide_env_values = true, value_name = "SECRET", value_parser = super::secret)]
    pub organizer_token: Option<String>,
    /// Messages the Till may have.
    #[arg(long, env = "STAMPEDE_TILL_MAILBOX_CAPACITY", default_value = "2000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub till_mailbox_capacity: u32,
    /// Wishes about payments in one publish.
    #[arg(long, env = "STAMPEDE_TILL_BATCH_SIZE", default_value = "1000", value_name = "1..10000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=10_000))]
    pub till_batch_size: usize,
    /// Wishes that Checkout may hold before it stops pulling them.
    #[arg(long, env = "STAMPEDE_CHECKOUT_MAILBOX_CAPACITY", default_value = "2000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub checkout_mailbox_capacity: u32,
    /// Wishes that it pulls at once and applies in one transaction; at most HoldWriter's batch.
    #[arg(long, env = "STAMPEDE_CHECKOUT_BATCH_SIZE", default_value = "500", value_name = "1..5000", value_parser = RangedU64ValueParser::<usize>::new().range(1..=5_000))]
    pub checkout_batch_size: usize,
    /// Groups of changes the HoldWriter may have.
    #[arg(long, env = "STAMPEDE_HOLD_WRITER_MAILBOX_CAPACITY", default_value = "20000", value_name = "1..1000000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub hold_writer_mailbox_capacity: u32,
    /// Changes of paid orders in one transaction; holds that run out together go back so many at a time.
    #[arg(long, env = "STAMPEDE_HOLD_WRITER_BATCH_SIZE", default_value = "5000", value_name = "10..5000", value_parser = RangedU64ValueParser::<usize>::new().range(10..=5_000))]
    pub hold_writer_batch_size: usize,
    /// How often orders are looked after whose time is up, or whose payment nobody has heard of.
    #[arg(long, env = "STAMPEDE_RECONCILER_INTERVAL_MS", default_value = "500", value_name = "50..1000", value_parser = clap::value_parser!(u64).range(50..=1_000))]
    pub reconciler_interval_ms: u64,
}

impl Payments {
    /// What one setting alone cannot show to be wrong.
    pub(super) fn contradictions(&self) -> Vec<String> {
        let mut found = Vec::new();
        let alone = [
            ("STAMPEDE_STRIPE_WEBHOOK_SECRET", self.stripe_webhook_secret.is_some()),
            ("STAMPEDE_STRIPE_URL", self.stripe_url.is_some()),
        ];
        for (name, _) in alone.into_iter().filter(|(_, set)| *set && self.stripe_secret_key.is_none()) {
            found.push(format!("{name} is set, but STAMPEDE_STRIPE_SECRET_KEY is missing."));
        }
        if self.checkout_batch_size > self.hold_writer_batch_size {
            found.push(format!(
                "STAMPEDE_CHECKOUT_BATCH_SIZE ({}) is above STAMPEDE_HOLD_WRITER_BATCH_SIZE ({}): nobody could write it in one go.",
                self.checkout_batch_size, self.hold_writer_batch_size
            ));
        }
        found
    }

    /// The actors' part, with the others as they are.
    pub(super) fn actors(&self, others: ActorSettings) -> ActorSettings {
        ActorSettings {
            till_mailbox_capacity: self.till_mailbox_capacity,
            till_batch_size: self.till_batch_size,
            checkout_mailbox_capacity: self.checkout_mailbox_capacity,
            checkout_batch_size: self.checkout_batch_size,
            hold_writer_mailbox_capacity: self.hold_writer_mailbox_capacity,
            hold_writer_batch_size: self.hold_writer_batch_size,
            reconciler_interval: Duration::from_millis(self.reconciler_interval_ms),
            payments_per_second: self.payment_rate,
            ..others
        }
    }

    /// The same, with nothing in it that must not be shown.
    pub(super) fn hidden(&self) -> Self {
        let hide = |secret: &Option<String>| secret.as_ref().map(|_| "(hidden)".to_owned());
        Self {
            stripe_secret_key: hide(&self.stripe_secret_key),
            stripe_webhook_secret: hide(&self.stripe_webhook_secret),
            organizer_token: hide(&self.organizer_token),
            ..self.clone()
        }
    }
}
