//! The letters to buyers: rows become faces, tickets are signed and printed, links get the right to see. Who they are sent by, and
//! when, is the `Mailroom`'s matter.
//!
//! Absent on purpose: a `Desk`. Letters are written where nobody's requests are served, so everything a link needs is said once.

mod about;

use crate::{signing::Signer, ticket::TicketKey};
use stampede_actors::{
    clock::SharedClock,
    ports::{Attachment, Composer, Letter, Occasion, OrderRecord},
};
use stampede_domain::{Event, Hold, Millis, OrderId};
use stampede_web::{FaceError, Faces, Lang, Mail, OrdersLinkMail};
use std::{fmt::Write, time::Duration};

/// How long the link to an address's orders works. Long enough for a slow mail, short enough for a mailbox that somebody else reads
/// later.
pub(crate) const LINK_WORKS: Duration = Duration::from_secs(60 * 60);

/// Writes the shop's letters.
pub struct ShopComposer {
    faces: Faces,
    signer: Signer,
    ticket_key: TicketKey,
    base: String,
    clock: SharedClock,
}

impl ShopComposer {
    /// With the secret and the ticket key of the shop's pages: links and tickets in letters are the same as there. `public_url` is the
    /// address that shoppers know.
    ///
    /// # Errors
    /// A template that does not compile.
    pub fn new(secret: &[u8], ticket_key: TicketKey, public_url: &str, clock: SharedClock) -> Result<Self, FaceError> {
        let base = public_url.trim_end_matches('/').to_owned();
        Ok(Self { faces: Faces::new()?, signer: Signer::new(secret), ticket_key, base, clock })
    }

    /// An address of the shop, absolute.
    fn url(&self, lang: Lang, path: &str) -> String {
        format!("{}/{}{path}", self.base, lang.tag())
    }

    /// The query that opens an order.
    fn key(&self, order: OrderId) -> String {
        format!("?k={}", self.signer.order_key(order))
    }
}

impl Composer for ShopComposer {
    fn about_order(
        &self,
        occasion: Occasion,
        order: &OrderRecord,
        hold: Option<&Hold>,
        event: &Event,
    ) -> Result<Letter, String> {
        about::write(self, occasion, order, hold, event)
    }

    fn orders_link(&self, address: &str, language: Option<&str>) -> Result<Letter, String> {
        let lang = spoken(language);
        let until = Millis(self.clock.now().0.saturating_add(i64::try_from(LINK_WORKS.as_millis()).unwrap_or(0)));
        let token = self.signer.orders_token(address, until);
        let url = self.url(lang, &format!("/my/orders?k={token}"));
        let mail = self.faces.orders_link_mail(lang, &OrdersLinkMail { url, valid_s: LINK_WORKS.as_secs() });
        let id = format!("link.{}", hexadecimal(&self.signer.letter_name(&token)));
        Ok(letter(id, address, mail.map_err(|error| error.to_string())?, Vec::new()))
    }
}

/// A letter's language: the buyer's, if it is one of ours.
fn spoken(language: Option<&str>) -> Lang {
    Lang::negotiate(language.unwrap_or_default())
}

fn letter(id: String, to: &str, mail: Mail, attachments: Vec<Attachment>) -> Letter {
    let Mail { subject, text, html } = mail;
    Letter { id, to: to.trim().to_owned(), subject: subject.as_str().to_owned(), text, html, attachments }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
