//! Who takes the buyers' money: Stripe, a bank of our own that only pretends, or nobody.

use super::bank::Counter;
use crate::config::Config;
use anyhow::{Context, ensure};
use rand::{TryRngCore, rngs::OsRng};
use stampede_actors::{
    clock::SharedClock,
    ports::{PaymentGateway, PaymentNotice},
};
use stampede_backends::{
    Trouble,
    payments::{BankTimes, NoProvider, SimulatedBank, StripeGateway, StripeOptions},
};
use stampede_http::paying::{OrganizerToken, Paying, ReadNotice};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::mpsc;

/// Where Stripe's own pages are.
const HOSTED_PAGES: &str = "https://checkout.stripe.com";
/// The header that Stripe signs its notices in.
const SIGNED_IN: &str = "Stripe-Signature";
/// Notices of the simulated bank that may wait to be put on the lane; what finds no room is lost, as notices are.
const NOTICES: usize = 10_000;

/// Who takes the money.
pub struct Payments {
    /// The provider.
    pub gateway: Arc<dyn PaymentGateway>,
    /// The bank that only pretends, whose pages we show.
    pub bank: Option<SimulatedBank>,
    /// What it has to say.
    notices: Mutex<Option<mpsc::Receiver<PaymentNotice>>>,
}

impl Payments {
    /// A bank that only pretends, in a directory.
    ///
    /// # Errors
    /// With the file that cannot be used and the way out.
    pub(super) async fn simulated(directory: &Path, clock: SharedClock) -> anyhow::Result<Self> {
        let (tell, notices) = mpsc::channel(NOTICES);
        // Its notices never leave the process, so nobody else need know what it would sign them with.
        let secret = format!("{:016x}", OsRng.try_next_u64().context("no randomness to be had")?);
        let bank = SimulatedBank::open(directory, clock, BankTimes::default(), &secret, tell).await;
        let bank = bank.context("the simulated bank's file cannot be used")?;
        let gateway = Arc::new(bank.clone());
        Ok(Self { gateway, bank: Some(bank), notices: Mutex::new(Some(notices)) })
    }

    /// Stripe, if it is configured; else nobody: holds run out.
    pub(super) fn configured(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(key) = config.payments.stripe_secret_key.clone() else { return Ok(None) };
        let shop = config.public_url.as_deref().context("STAMPEDE_PUBLIC_URL is missing")?;
        let secrets = config.payments.stripe_webhook_secret.clone().into_iter().collect();
        let mut options = StripeOptions::new(key, secrets, format!("{shop}/orders/{{order}}"));
        if let Some(url) = config.payments.stripe_url.clone() {
            options.endpoint = url;
        }
        let gateway =
            StripeGateway::new(options).map_err(|why| anyhow::anyhow!("STAMPEDE_STRIPE_SECRET_KEY: {why}"))?;
        Ok(Some(Self { gateway: Arc::new(gateway), bank: None, notices: Mutex::default() }))
    }

    /// The provider alone, for a command beside a running shop.
    ///
    /// # Errors
    /// When there is none, or its file cannot be used, with the way out.
    pub async fn beside(config: &Config, clock: SharedClock) -> anyhow::Result<Self> {
        if let Some(configured) = Self::configured(config)? {
            return Ok(configured);
        }
        ensure!(
            !config.servers.are_set(),
            "no payment provider is configured here. Set STAMPEDE_STRIPE_SECRET_KEY (and STAMPEDE_PUBLIC_URL) as the shop has them"
        );
        Self::simulated(&config.data_dir, clock).await
    }

    /// Nobody.
    #[must_use]
    pub fn none() -> Self {
        Self { gateway: Arc::new(NoProvider), bank: None, notices: Mutex::default() }
    }

    /// What the shop's pages need of it.
    #[must_use]
    pub fn paying(&self, config: &Config, clock: &SharedClock) -> Paying {
        let bank = self.bank.clone().map(|bank| Arc::new(Counter::of(bank, Arc::clone(clock))) as _);
        let is_told = config.payments.stripe_webhook_secret.is_some() || self.bank.is_some();
        let gateway = Arc::clone(&self.gateway);
        let read: ReadNotice = Arc::new(move |now, signature, body| gateway.read_notice(now, signature, body));
        Paying {
            organizer: config.payments.organizer_token.as_deref().map(OrganizerToken::new),
            read_notice: is_told.then_some(read),
            signature_header: SIGNED_IN,
            pay_origin: config.payments.stripe_secret_key.as_ref().map(|_| HOSTED_PAGES.to_owned()),
            bank,
        }
    }

    /// What the simulated bank says, for the first who asks.
    pub(super) fn notices(&self) -> Option<mpsc::Receiver<PaymentNotice>> {
        self.notices.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Whether the bank's file can still be written.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.bank.as_ref().and_then(SimulatedBank::trouble)
    }

    /// Lets go of the bank's file.
    pub async fn close(&self) {
        if let Some(bank) = &self.bank {
            bank.close().await;
        }
    }
}
