//! The words of the mails. `{…}` of subjects is filled in before it is made a header.

use super::Text;

#[rustfmt::skip]
pub(super) const TEXTS: &[Text] = &[
    ("mail_hello", "Hallo!", "Hello!"),
    ("mail_hello_name", "Hallo {name}!", "Hello {name}!"),
    ("mail_why_order", "Diese Mail bekommst du, weil mit deiner Adresse bestellt wurde. Warst das nicht du, ist nichts zu tun: Ohne den Link oben sieht niemand die Bestellung.", "You get this mail because an order was made with your address. If that was not you, there is nothing to do: without the link above nobody sees the order."),
    ("mail_link_is_key", "Wer diesen Link hat, sieht die Bestellung und ihre Tickets. Gib ihn nicht weiter.", "Whoever has this link sees the order and its tickets. Do not pass it on."),
    ("mail_to_order", "Zur Bestellung", "To the order"),
    ("mail_to_tickets", "Zu den Tickets", "To the tickets"),
    ("mail_to_event", "Zum Event", "To the event"),

    ("mail_confirmed_subject", "Deine Tickets: {event}", "Your tickets: {event}"),
    ("mail_confirmed", "Du bist dabei.", "You are in."),
    ("mail_confirmed_next", "Deine Bestellung ist bestätigt. Die Tickets hängen an dieser Mail, und du öffnest sie mit diesem Link; am Einlass reicht der Code am Handy oder auf Papier.", "Your order is confirmed. The tickets are attached to this mail, and this link opens them; at the gate the code on a phone or on paper will do."),

    ("mail_expired_subject", "Nicht bezahlt, nichts verrechnet: {event}", "Not paid, nothing charged: {event}"),
    ("mail_expired", "Die Zeit zum Bezahlen ist um.", "The time to pay is over."),
    ("mail_expired_next", "Diese Tickets waren für dich reserviert und sind wieder für alle da. Verrechnet wurde nichts. Möchtest du sie noch, sieh nach, ob welche frei sind.", "These tickets were held for you and are there for everyone again. Nothing was charged. If you still want them, see whether some are free."),

    ("mail_refund_subject", "Dein Geld kommt zurück: {event}", "Your money is coming back: {event}"),
    ("mail_refund", "Du bekommst dein Geld zurück.", "You get your money back."),
    ("mail_refund_late", "Deine Zahlung kam, als die Tickets schon wieder für alle da waren. Du bekommst alles zurück und musst nichts dafür tun.", "Your payment came when the tickets were there for everyone again. You get all of it back and need not do anything."),
    ("mail_refund_cancelled", "Die Tickets dieser Bestellung gelten nicht mehr. Du bekommst zurück, was du dafür bezahlt hast, und musst nichts dafür tun.", "The tickets of this order are no longer valid. You get back what you paid for them and need not do anything."),

    ("mail_link_subject", "Der Link zu deinen Bestellungen", "The link to your orders"),
    ("mail_link", "Deine Bestellungen.", "Your orders."),
    ("mail_link_next", "Mit diesem Link siehst du alles, was mit dieser Adresse bestellt wurde. Er gilt {time}.", "With this link you see everything that was ordered with this address. It is valid for {time}."),
    ("mail_link_open", "Bestellungen ansehen", "See the orders"),
    ("mail_link_why", "Diese Mail bekommst du, weil jemand auf unserer Seite deine Adresse eingegeben hat. Warst das nicht du, ist nichts zu tun.", "You get this mail because someone entered your address on our site. If that was not you, there is nothing to do."),
];
