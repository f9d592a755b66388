//! For the fuzz targets: the providers' readers of notices, with a secret that only they know.

use super::{BankTimes, SimulatedBank, StripeGateway, StripeOptions, signature::NoticeSecrets};
use bytes::Bytes;
use stampede_actors::{
    clock::SystemClock,
    ports::{BadNotice, PaymentGateway, PaymentNotice},
};
use stampede_domain::Millis;
use std::sync::Arc;
use tokio::sync::mpsc;

const SECRET: &str = "a secret that no input has";

/// Who reads notices.
pub struct Notices([Provider; 2]);

/// One of them.
pub struct Provider(Box<dyn PaymentGateway>);

impl Notices {
    /// The simulated bank and Stripe, of which nothing is asked.
    ///
    /// # Panics
    /// When this process cannot speak TLS.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "it is made once and may fail")]
    pub fn new() -> Self {
        // Somebody else may have been first.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let (tell, _) = mpsc::channel(1);
        let bank = SimulatedBank::in_memory(Arc::new(SystemClock), BankTimes::default(), SECRET, tell);
        let options = StripeOptions::new("sk_test_1".into(), vec![SECRET.into()], "https://x/{order}".into());
        let stripe = StripeGateway::new(options).expect("because the key can stand in a header");
        Self([Provider(Box::new(bank)), Provider(Box::new(stripe))])
    }

    /// Both.
    pub fn providers(&self) -> impl Iterator<Item = &Provider> {
        self.0.iter()
    }
}

impl Provider {
    /// The header that goes with a body.
    ///
    /// # Panics
    /// Never: there is a secret.
    #[must_use]
    pub fn signed(&self, now: Millis, body: &[u8]) -> String {
        NoticeSecrets::new(&[SECRET.to_owned()]).sign(now, body).expect("because there is a secret")
    }

    /// Reads a notice.
    ///
    /// # Errors
    /// As the port says.
    pub fn read(&self, now: Millis, header: &str, body: &[u8]) -> Result<Option<PaymentNotice>, BadNotice> {
        self.0.read_notice(now, header, &Bytes::copy_from_slice(body))
    }
}
