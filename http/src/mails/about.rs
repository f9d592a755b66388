//! The letters about an order: its tickets, its end, its money.

use super::{ShopComposer, letter, spoken};
use crate::{money, tickets};
use stampede_actors::ports::{Attachment, Letter, Occasion, OrderRecord};
use stampede_domain::{Event, Hold, Millis, OrderStatus, Payment, TicketType};
use stampede_web::{
    ConfirmationMail, ExpiryMail, Lang, Mail, MailedOrder, RefundMail, RefundWhy, TicketsPage, calendar, tickets_pdf,
};

/// An order and everything that a letter needs to know of it.
struct Told<'a> {
    composer: &'a ShopComposer,
    lang: Lang,
    record: &'a OrderRecord,
    hold: Option<&'a Hold>,
    event: &'a Event,
    ticket_type: &'a TicketType,
}

type Written = Result<(Mail, Vec<Attachment>), String>;

/// Writes the letter.
pub(super) fn write(
    composer: &ShopComposer,
    occasion: Occasion,
    record: &OrderRecord,
    hold: Option<&Hold>,
    event: &Event,
) -> Result<Letter, String> {
    let to = record.contact.email.as_deref().map(str::trim).filter(|email| !email.is_empty());
    let to = to.ok_or("the order has no e-mail")?;
    let ticket_type = tickets::type_of(event, record.pool).ok_or("the event has no such ticket type")?;
    let lang = spoken(record.contact.language.as_deref());
    let told = Told { composer, lang, record, hold, event, ticket_type };
    let occasion = told.occasion_by_now(occasion)?;
    let (mail, attachments) = match occasion {
        Occasion::Confirmed => told.confirmation(),
        Occasion::Expired => told.expiry(),
        Occasion::Refunded => told.refund(),
    }?;
    Ok(letter(format!("{}.{}", record.order, occasion.as_str()), to, mail, attachments))
}

impl Told<'_> {
    fn status(&self) -> OrderStatus {
        self.hold.map_or(self.record.status, |hold| hold.status)
    }

    /// A letter may wait for hours, and must be true when it is written. Whose money goes back by then gets the letter that says so,
    /// under that letter's own name: it is owed too, and mailboxes join the two.
    fn occasion_by_now(&self, owed: Occasion) -> Result<Occasion, String> {
        let money_came = self.hold.is_some_and(|hold| hold.payments.iter().any(|payment| payment.captured > 0));
        match (owed, self.status()) {
            (Occasion::Confirmed, OrderStatus::Confirmed) => Ok(Occasion::Confirmed),
            (Occasion::Confirmed, OrderStatus::Refunded) => Ok(Occasion::Refunded),
            (Occasion::Expired, OrderStatus::Expired) if money_came => Ok(Occasion::Refunded),
            (Occasion::Expired, OrderStatus::Expired) => Ok(Occasion::Expired),
            (Occasion::Refunded, _) if money_came => Ok(Occasion::Refunded),
            (_, status) => Err(format!("it is no longer true: the order is {}", status.as_str())),
        }
    }

    fn confirmation(&self) -> Written {
        let Self { composer, lang, record, .. } = *self;
        let (price, receipt) = match (self.ticket_type.payment, self.hold) {
            (Payment::Online(online), Some(hold)) => {
                (money::price_paid(self.ticket_type, online, hold), money::receipt(hold, Some(online)))
            }
            (Payment::Online(_), None) => return Err("the order is paid online, and its hold is missing".into()),
            (Payment::AtTheGate, _) => (money::price_at_gate(self.ticket_type, record.quantity), None),
        };
        let key = composer.key(record.order);
        let mail = ConfirmationMail {
            order: self.order(),
            tickets_url: composer.url(lang, &format!("/orders/{}/tickets{key}", record.order)),
            price: price.ok_or("its price has no sum")?,
            receipt,
        };
        let page = tickets::page(lang, &composer.ticket_key, record, self.event, (&composer.base, &key));
        let attached = attachments(lang, &page.ok_or("the event has no such ticket type")?)?;
        Ok((composer.faces.confirmation_mail(lang, &mail).map_err(|error| error.to_string())?, attached))
    }

    fn expiry(&self) -> Written {
        let mail = self.composer.faces.expiry_mail(self.lang, &ExpiryMail { order: self.order() });
        Ok((mail.map_err(|error| error.to_string())?, Vec::new()))
    }

    fn refund(&self) -> Written {
        let refund = self.hold.and_then(money::refund).ok_or("no money goes back")?;
        let why = match self.status() {
            OrderStatus::Expired | OrderStatus::Cancelled => RefundWhy::CameLate,
            OrderStatus::Refunded => RefundWhy::TakenBack,
            _ => RefundWhy::TooMuch,
        };
        let mail = RefundMail { order: self.order(), refund, why };
        let mail = self.composer.faces.refund_mail(self.lang, &mail);
        Ok((mail.map_err(|error| error.to_string())?, Vec::new()))
    }

    fn order(&self) -> MailedOrder {
        let Self { composer, lang, record, event, .. } = *self;
        MailedOrder {
            id: record.order.to_string(),
            url: composer.url(lang, &format!("/orders/{}{}", record.order, composer.key(record.order))),
            name: record.contact.name.clone().unwrap_or_default(),
            event_name: event.name.clone(),
            event_url: composer.url(lang, &format!("/events/{}", event.slug)),
            place: event.place.clone(),
            starts_at_ms: Millis::from(event.starts_at).0,
            time_zone: event.time_zone.clone(),
            ticket_type: self.ticket_type.name.clone(),
            quantity: record.quantity,
        }
    }
}

/// The tickets on paper, and the event for a calendar: both open without the shop.
fn attachments(lang: Lang, page: &TicketsPage) -> Result<Vec<Attachment>, String> {
    // The end of the order's id: with all of it the header would be too long for a line, and old mail programs do not put the pieces
    // of a name together (RFC 2231).
    let short = page.order_id.rsplit('-').next().unwrap_or_default();
    let name = |ending: &str| format!("tickets-{short}.{ending}");
    let paper = tickets_pdf(lang, page).map_err(|error| error.to_string())?;
    let entry = calendar(lang, page).into_bytes();
    Ok(vec![
        Attachment { name: name("pdf"), media_type: "application/pdf", bytes: paper },
        Attachment { name: name("ics"), media_type: "text/calendar; charset=utf-8", bytes: entry },
    ])
}
