//! Mails by SMTP, through whatever server takes them (a provider's, or one of our own).
//!
//! | what the server says | what it means |
//! |---|---|
//! | 5xx about this address or this letter (below) | `Impossible` |
//! | any other 5xx: a wrong password, a policy, a full house | `Unavailable`: the next letter would fare no better, and an operator can mend it |
//! | 4xx, no connection, no TLS | `Unavailable` |
//! | nothing, or the connection ends | `Unknown`: it may have the letter |
//!
//! What servers say names addresses. So only their numbers are passed on.

use super::mime::{Sender, message};
use async_trait::async_trait;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor,
    transport::smtp::{Error as SmtpError, PoolConfig, extension::ClientId},
};
use stampede_actors::ports::{Letter, Mailer, PortFailure, PortResult};
use std::{error::Error as _, net::IpAddr, time::Duration};

/// How long a server may take for an answer: less than the `Mailroom` waits for a letter, so that it learns why.
const PATIENCE: Duration = Duration::from_secs(15);
/// Connections that are kept: as many as the `Mailroom` uses.
const CONNECTIONS: u32 = 8;
/// Replies (RFC 5321, 4.2.3) that are about an address or a letter when no enhanced status says what they are about.
const ABOUT_THE_LETTER: [&str; 4] = ["550", "551", "552", "553"];
/// Enhanced statuses (RFC 3463) that are: addresses, mailboxes that are gone or too small, letters too large or not readable.
const IMPOSSIBLE: [&str; 5] = ["5.1.", "5.2.1", "5.2.3", "5.3.4", "5.6."];

/// A [`Mailer`] over SMTP. Its connections are kept for the next letter.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Sender,
    patience: Duration,
}

/// The address of the server cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "write it like smtps://user:password@host or smtp://host:587 (STARTTLS; ?tls=opportunistic if the server may have none)"
)]
pub struct SmtpRefused;

impl SmtpMailer {
    /// A mailer by `smtps://` (TLS from the first byte) or `smtp://`: to another machine with STARTTLS, which
    /// `?tls=opportunistic` leaves to the server; on this machine in the clear. Nothing is connected yet.
    ///
    /// # Errors
    /// [`SmtpRefused`].
    pub fn new(url: &str, from: Sender) -> Result<Self, SmtpRefused> {
        Self::with_patience(url, from, PATIENCE)
    }

    fn with_patience(url: &str, from: Sender, patience: Duration) -> Result<Self, SmtpRefused> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&safe(url)).map_err(|_| SmtpRefused)?;
        let transport = builder
            .hello_name(ClientId::Domain(from.host().to_owned()))
            // Of a connection only; and less, so that none is told as none.
            .timeout(Some(patience / 2))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS))
            .build();
        Ok(Self { transport, from, patience })
    }

    /// Whether a URL can be used, for whoever reads settings.
    ///
    /// # Errors
    /// [`SmtpRefused`].
    pub fn check(url: &str) -> Result<(), SmtpRefused> {
        AsyncSmtpTransport::<Tokio1Executor>::from_url(&safe(url)).map(drop).map_err(|_| SmtpRefused)
    }
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, letter: &Letter) -> PortResult<()> {
        let message = message(&self.from, letter)?;
        match tokio::time::timeout(self.patience, self.transport.send(message)).await {
            Ok(sent) => sent.map(drop).map_err(|error| failure(&error)),
            Err(_) => Err(PortFailure::Unknown("smtp: nothing came in time".into())),
        }
    }
}

/// The URL, with STARTTLS where letters and passwords would else go through a net in the clear.
fn safe(url: &str) -> String {
    let Some(rest) = url.strip_prefix("smtp://") else { return url.to_owned() };
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let host = address.rsplit('@').next().unwrap_or_default().split('/').next().unwrap_or_default();
    let host = match host.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    let is_here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    if is_here || query.split('&').any(|pair| pair.starts_with("tls=")) {
        return url.to_owned();
    }
    let separator = if query.is_empty() { "" } else { "&" };
    format!("smtp://{address}?{query}{separator}tls=required")
}

fn failure(error: &SmtpError) -> PortFailure {
    let Some(reply) = error.status().map(|code| code.to_string()) else { return without_reply(error) };
    let said = error.source().map(ToString::to_string).unwrap_or_default();
    let status = enhanced(&said);
    let told = status.map_or_else(|| format!("smtp: {reply}"), |status| format!("smtp: {reply} {status}"));
    let is_about_the_letter = match status {
        Some(status) => IMPOSSIBLE.iter().any(|about| status.starts_with(about)),
        None => ABOUT_THE_LETTER.contains(&reply.as_str()),
    };
    if error.is_permanent() && is_about_the_letter {
        PortFailure::Impossible(told)
    } else {
        PortFailure::Unavailable(told)
    }
}

/// The server said nothing that has a number.
fn without_reply(error: &SmtpError) -> PortFailure {
    if error.is_client() {
        // Such an address needs what the server cannot do.
        PortFailure::Impossible("smtp: the server cannot take this letter".into())
    } else if error.is_tls() {
        PortFailure::Unavailable("smtp: no TLS with the server".into())
    } else if error.to_string().starts_with("Connection error") {
        // Its kind, for which there is no question.
        PortFailure::Unavailable("smtp: no connection".into())
    } else {
        PortFailure::Unknown("smtp: the connection ended".into())
    }
}

/// The first thing in a reply that looks like `5.1.1`.
fn enhanced(said: &str) -> Option<&str> {
    let is_one = |word: &&str| {
        let parts: Vec<_> = word.split('.').collect();
        let are_numbers =
            parts.iter().all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()));
        parts.len() == 3 && matches!(parts[0], "4" | "5") && are_numbers
    };
    said.split_whitespace().take(2).find(is_one)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::{
        contract::{self, Received, Rig, letter, sender},
        simulated::{Fault, SimulatedServer},
    };

    struct Smtp(SimulatedServer, SmtpMailer);

    impl Rig for Smtp {
        fn mailer(&self) -> &dyn Mailer {
            &self.1
        }

        async fn received(&self) -> Vec<Received> {
            self.0.received().iter().map(|mail| Received::of(mail)).collect()
        }
    }

    async fn smtp() -> Smtp {
        let server = SimulatedServer::start().await;
        let patience = Duration::from_millis(400);
        let mailer = SmtpMailer::with_patience(&server.url(), sender(), patience).unwrap();
        Smtp(server, mailer)
    }

    contract::mailer_contract!(smtp);

    #[tokio::test]
    async fn what_the_server_refuses_is_told_by_its_numbers_and_names_nobody() {
        let smtp = smtp().await;
        let impossible = |told: &str| PortFailure::Impossible(told.into());
        let unavailable = |told: &str| PortFailure::Unavailable(told.into());
        let refusals = [
            ("RCPT", "550 5.1.1 <eva@example.org>: no such user", impossible("smtp: 550 5.1.1")),
            ("RCPT", "550 eva@example.org is unknown here", impossible("smtp: 550")),
            ("RCPT", "452 4.2.2 eva's mailbox is full", unavailable("smtp: 452 4.2.2")),
            ("RCPT", "554 5.7.1 <eva@example.org>: relay access denied", unavailable("smtp: 554 5.7.1")),
            ("RCPT", "550 5.7.1 blocked for 10.1.2.3", unavailable("smtp: 550 5.7.1")),
            ("MAIL", "530 authentication required", unavailable("smtp: 530")),
            ("DATA", "451 try again", unavailable("smtp: 451")),
            ("END", "552 5.3.4 too big", impossible("smtp: 552 5.3.4")),
            ("END", "554 looks like spam", unavailable("smtp: 554")),
        ];
        for (at, reply, expected) in refusals {
            smtp.0.next(Fault::Says(at, reply));
            assert_eq!(smtp.1.send(&letter("x")).await, Err(expected), "{reply}");
        }
        assert_eq!(smtp.0.received().len(), 0);
        smtp.1.send(&letter("x")).await.unwrap();
    }

    #[tokio::test]
    async fn whoever_hangs_up_after_the_letter_may_have_it() {
        let smtp = smtp().await;
        for fault in [Fault::HangsUp("END"), Fault::FallsSilent("END")] {
            smtp.0.next(fault);
            let failure = smtp.1.send(&letter("x")).await;
            assert!(matches!(failure, Err(PortFailure::Unknown(_))), "{fault:?}: {failure:?}");
        }
        assert_eq!(smtp.0.received().len(), 2, "and so it was");
        smtp.1.send(&letter("x")).await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_is_away_or_busy_is_unavailable() {
        let smtp = smtp().await;
        smtp.0.next(Fault::Says("HELLO", "421 too many connections"));
        assert_eq!(smtp.1.send(&letter("x")).await, Err(PortFailure::Unavailable("smtp: 421".into())));
        let nobody = SmtpMailer::new("smtp://127.0.0.1:1", sender()).unwrap();
        assert!(matches!(nobody.send(&letter("x")).await, Err(PortFailure::Unavailable(_))));
        let tls = smtp.0.url().replace("smtp:", "smtps:");
        let tls = SmtpMailer::with_patience(&tls, sender(), Duration::from_millis(400)).unwrap();
        let failure = tls.send(&letter("x")).await;
        assert!(matches!(failure, Err(PortFailure::Unavailable(_) | PortFailure::Unknown(_))), "{failure:?}");
    }

    #[tokio::test]
    async fn a_server_that_must_have_tls_and_has_none_gets_no_letter_and_no_password() {
        let smtp = smtp().await;
        let url = format!("{}?tls=required", smtp.0.url().replace("://", "://me:secret@"));
        let mailer = SmtpMailer::with_patience(&url, sender(), Duration::from_millis(400)).unwrap();
        assert!(mailer.send(&letter("x")).await.is_err());
        assert_eq!(smtp.0.received().len(), 0);
        assert!(!smtp.0.heard().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
    }

    #[test]
    fn nothing_goes_in_the_clear_to_another_machine_unless_somebody_says_so() {
        for (url, used) in [
            ("smtp://mail.example.org", "smtp://mail.example.org?tls=required"),
            ("smtp://me:p%40ss@mail:587/shop?x=y", "smtp://me:p%40ss@mail:587/shop?x=y&tls=required"),
            ("smtp://127.0.0.1.example.org", "smtp://127.0.0.1.example.org?tls=required"),
        ] {
            assert_eq!(safe(url), used);
        }
        for same in [
            "smtp://localhost:1025",
            "smtp://a:b@127.0.0.1",
            "smtp://[::1]:25",
            "smtps://mail",
            "smtp://m?tls=opportunistic",
        ] {
            assert_eq!(safe(same), same);
            assert_eq!(SmtpMailer::check(same), Ok(()), "{same}");
        }
        for bad in ["mail.example.org", "http://mail", "smtp://", "smtp://mail?tls=no"] {
            assert_eq!(SmtpMailer::check(bad), Err(SmtpRefused), "{bad}");
        }
    }
}
