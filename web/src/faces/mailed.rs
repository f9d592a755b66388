//! The mails, each in two parts of the same content.

use super::{FaceError, Faces};
use crate::{
    ConfirmationMail, ExpiryMail, HeaderText, Lang, Mail, MailedOrder, OrdersLinkMail, RefundMail, mails, texts,
};
use minijinja::{Value, context, value::Serde};
use serde::Serialize;

impl Faces {
    /// An order is confirmed: the tickets.
    pub fn confirmation_mail(&self, lang: Lang, mail: &ConfirmationMail) -> Result<Mail, FaceError> {
        self.about(lang, "confirmed", ["mails/confirmed.txt", "mails/confirmed.html"], mail, &mail.order)
    }

    /// A hold ran out unpaid.
    pub fn expiry_mail(&self, lang: Lang, mail: &ExpiryMail) -> Result<Mail, FaceError> {
        self.about(lang, "expired", ["mails/expired.txt", "mails/expired.html"], mail, &mail.order)
    }

    /// Money goes back.
    pub fn refund_mail(&self, lang: Lang, mail: &RefundMail) -> Result<Mail, FaceError> {
        self.about(lang, "refund", ["mails/refund.txt", "mails/refund.html"], mail, &mail.order)
    }

    /// The link to the orders of an address.
    pub fn orders_link_mail(&self, lang: Lang, mail: &OrdersLinkMail) -> Result<Mail, FaceError> {
        let subject = texts::find(lang, "mail_link_subject").unwrap_or_default();
        self.mail(lang, ["mails/link.txt", "mails/link.html"], subject, context! { mail => Serde(mail) })
    }

    fn about<M: Serialize>(
        &self,
        lang: Lang,
        kind: &str,
        parts: [&'static str; 2],
        mail: &M,
        order: &MailedOrder,
    ) -> Result<Mail, FaceError> {
        let text = |key: &str| texts::find(lang, key).unwrap_or_default();
        let subject = text(&format!("mail_{kind}_subject")).replace("{event}", &order.event_name);
        let hello = match mails::greeting(&order.name) {
            Some(name) => text("mail_hello_name").replace("{name}", &name),
            None => text("mail_hello").to_owned(),
        };
        self.mail(lang, parts, &subject, context! { hello, mail => Serde(mail) })
    }

    fn mail(&self, lang: Lang, parts: [&'static str; 2], subject: &str, mail: Value) -> Result<Mail, FaceError> {
        let subject = HeaderText::new(subject);
        let [text, html] = parts;
        let shown = || context! { subject => subject.as_str(), ..mail.clone() };
        let mut text = self.render(text, lang, shown())?;
        // Where a part is left out, the empty lines around it become one.
        while text.contains("\n\n\n") {
            text = text.replace("\n\n\n", "\n\n");
        }
        text.push('\n');
        Ok(Mail { html: self.render(html, lang, shown())?, text, subject })
    }
}
