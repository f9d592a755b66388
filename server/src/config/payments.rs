//! How orders that are paid online are paid.

use clap::Args;

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
        found
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
