//! How buyers are written to.

use clap::Args;
use stampede_backends::{Sender, SmtpMailer};

/// Who carries the mails, and who they are from.
#[derive(Args, Clone, Debug)]
pub struct Mails {
    /// The mail server, e.g. <smtps://user:password@mail.example.org>, or smtp://… with STARTTLS; without it mails are written into the folder mails of the data directory.
    #[arg(long, env = "STAMPEDE_SMTP_URL", hide_env_values = true, value_name = "URL", value_parser = smtp)]
    pub smtp_url: Option<String>,
    /// Who the mails are from; what stands after the @ is in their ids as well.
    #[arg(long, env = "STAMPEDE_MAIL_FROM", default_value = "Stampede <tickets@localhost>", value_name = "ADDRESS", value_parser = sender)]
    pub mail_from: String,
    /// How often the Mailroom looks for mails that are owed.
    #[arg(long, env = "STAMPEDE_MAILROOM_INTERVAL_MS", default_value = "1000", value_name = "10..60000", value_parser = clap::value_parser!(u64).range(10..=60_000))]
    pub mailroom_interval_ms: u64,
    /// Mails it takes at a time; what it cannot send within a minute it leaves to others.
    #[arg(long, env = "STAMPEDE_MAILROOM_BATCH_SIZE", default_value = "100", value_name = "1..1000", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub mailroom_batch_size: u32,
}

impl Mails {
    /// What one setting alone cannot show to be wrong.
    pub(super) fn contradictions(&self, public_url: Option<&str>) -> Vec<String> {
        let mut found = Vec::new();
        if self.smtp_url.is_some() && public_url.is_none() {
            found.push(
                "STAMPEDE_SMTP_URL is set, but STAMPEDE_PUBLIC_URL is missing: links in mails would lead nowhere."
                    .into(),
            );
        }
        if self.smtp_url.is_some() && self.mail_from.contains("@localhost") {
            found.push(
                "STAMPEDE_SMTP_URL is set, but STAMPEDE_MAIL_FROM is missing: nobody takes mails from localhost."
                    .into(),
            );
        }
        found
    }

    /// The same, with nothing in it that must not be shown.
    pub(super) fn hidden(&self) -> Self {
        Self { smtp_url: self.smtp_url.as_deref().map(super::without_login), ..self.clone() }
    }
}

fn smtp(text: &str) -> Result<String, String> {
    SmtpMailer::check(text).map(|()| text.to_owned()).map_err(|wrong| wrong.to_string())
}

fn sender(text: &str) -> Result<String, String> {
    text.parse::<Sender>().map(|_| text.to_owned()).map_err(|wrong| wrong.to_string())
}
