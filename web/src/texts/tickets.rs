//! The words of tickets, on the page and on paper.

use super::Text;

#[rustfmt::skip]
pub(super) const TEXTS: &[Text] = &[
    ("tickets_mailed", "Wir schicken die Tickets auch an {email}.", "We are sending the tickets to {email}, too."),
    ("to_your_tickets", "Zu deinen Tickets", "To your tickets"),
    ("tickets_title", "Deine Tickets.", "Your tickets."),
    ("tickets_lead", "Zeig am Einlass den QR-Code, auf dem Handy oder auf Papier.", "Show the QR code at the gate, on your phone or on paper."),
    ("tickets_private", "Jeder Code lässt eine Person ein, einmal. Wer ihn hat, kommt damit hinein: Zeig ihn sonst niemandem, und stell kein Foto davon ins Netz.", "Each code lets one person in, once. Whoever has it gets in with it: show it to nobody else, and post no photo of it."),
    ("save_pdf", "PDF speichern", "Save as PDF"),
    ("save_calendar", "In den Kalender", "Add to calendar"),
    ("print_tickets", "Du kannst auch diese Seite drucken: Jedes Ticket kommt auf ein eigenes Blatt.", "You can also print this page: each ticket gets a sheet of its own."),
    ("ticket_n", "Ticket {number} von {of}", "Ticket {number} of {of}"),
    ("ticket_qr", "QR-Code von Ticket {number}", "QR code of ticket {number}"),
    ("ticket_type", "Art", "Type"),
    ("ticket_code", "Code", "Code"),
    ("until", "Bis", "Until"),
    ("price", "Preis", "Price"),
    ("back_to_order", "Zur Bestellung", "To the order"),
];
