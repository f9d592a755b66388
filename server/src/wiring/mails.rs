//! Who writes the mails, and who carries them.

use crate::{config::Config, home::Home};
use anyhow::Context;
use stampede_actors::{
    clock::SharedClock,
    ports::{Composer, Mailer},
};
use stampede_backends::{FolderMailer, Sender, SmtpMailer, Timed};
use stampede_http::{mails::ShopComposer, ticket::TicketKey};
use std::sync::Arc;

/// The folder of mails in the data directory.
const FOLDER: &str = "mails";

/// Who writes, and who carries. A writer may have neither: then mails wait for one that has.
#[derive(Clone)]
pub struct Post {
    /// Writes.
    pub composer: Arc<dyn Composer>,
    /// Carries.
    pub mailer: Arc<dyn Mailer>,
}

impl Post {
    /// What the configuration chooses: SMTP, or a folder. `None` in a writer that was not given what signs links and tickets.
    ///
    /// # Errors
    /// With what cannot be used, and the way out.
    pub(crate) fn open(config: &Config, home: &Home, clock: &SharedClock) -> anyhow::Result<Option<Self>> {
        let Some(ticket_key) = home.ticket_key().filter(|_| !home.secret().is_empty()) else {
            tracing::warn!(
                "this writer has no STAMPEDE_SECRET or no STAMPEDE_TICKET_KEY, so it can sign no ticket and sends no mail; \
                 give it those of the nodes that take orders"
            );
            return Ok(None);
        };
        Self::signing(config, home.secret(), ticket_key, clock).map(Some)
    }

    /// Those who write with this secret and this key of tickets.
    ///
    /// # Errors
    /// With what cannot be used, and the way out.
    pub fn signing(config: &Config, secret: &[u8], ticket_key: TicketKey, clock: &SharedClock) -> anyhow::Result<Self> {
        let from: Sender = config.mails.mail_from.parse().context("STAMPEDE_MAIL_FROM")?;
        let mailer: Arc<dyn Mailer> = match &config.mails.smtp_url {
            Some(url) => Arc::new(SmtpMailer::new(url, from).context("STAMPEDE_SMTP_URL")?),
            None => {
                let folder = config.data_dir.join(FOLDER);
                tracing::info!(folder = %folder.display(), "mails are written into a folder: STAMPEDE_SMTP_URL is not set");
                Arc::new(FolderMailer::new(&folder, from))
            }
        };
        // Without an address that shoppers know, ours: whoever tries the shop sits at the same machine.
        let base = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.http_addr));
        let composer = ShopComposer::new(secret, ticket_key, &base, Arc::clone(clock))?;
        Ok(Self { composer: Arc::new(composer), mailer: Arc::new(Timed::new("mailer", mailer)) })
    }
}
