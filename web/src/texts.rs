//! Every word of the pages, German beside English, so that neither can be missing. `{name}` is filled in by the
//! template. German says "du", as festivals do. A test fails when a text is on no page.

mod mails;
mod paid;
mod tickets;

use crate::Lang;
use minijinja::Value;
use std::collections::BTreeMap;

/// Key, German, English.
pub(crate) type Text = (&'static str, &'static str, &'static str);

/// All texts of one language as the templates' `t`.
pub(crate) fn catalogue(lang: Lang) -> Value {
    let texts: BTreeMap<&str, Value> = every().map(|text| (text.0, Value::from(in_language(lang, text)))).collect();
    Value::from(texts)
}

/// One text by key, for keys that are put together from data; `None` when there is none.
pub(crate) fn find(lang: Lang, key: &str) -> Option<&'static str> {
    every().find(|text| text.0 == key).map(|text| in_language(lang, text))
}

/// Every text there is.
fn every() -> impl Iterator<Item = &'static Text> {
    TEXTS.iter().chain(paid::TEXTS).chain(mails::TEXTS).chain(tickets::TEXTS)
}

fn in_language(lang: Lang, text: &Text) -> &'static str {
    match lang {
        Lang::De => text.1,
        Lang::En => text.2,
    }
}

#[rustfmt::skip]
const TEXTS: &[Text] = &[
    // every page
    ("skip", "Zum Inhalt", "Skip to content"),
    ("shop_home", "Stampede, zur Startseite", "Stampede, to the front page"),
    ("languages", "Sprache", "Language"),
    ("footer", "Jede Zahl hier kommt aus dem laufenden Verkauf. Kein Ticket wird zweimal verkauft, keine angenommene Bestellung geht verloren.", "Every number here comes from the running sale. No ticket is sold twice, no accepted order is lost."),
    ("ticket_one", "{n} Ticket", "{n} ticket"),
    ("ticket_many", "{n} Tickets", "{n} tickets"),

    // event: poster
    ("when", "Wann", "When"),
    ("where", "Wo", "Where"),
    ("to_tickets", "Zu den Tickets", "To the tickets"),
    ("wave_title", "Der Verkauf als Welle: {sold} von {capacity} Tickets verkauft.", "The sale as a wave: {sold} of {capacity} tickets sold."),
    ("wave_caption", "Jede Linie sind {line} Tickets. Verkaufte schwingen, freie sind still.", "Each line is {line} tickets. Sold ones swing, free ones are still."),

    // event: the sale
    ("tickets", "Tickets", "Tickets"),
    ("each", "pro Person", "per person"),
    ("paid_at_gate", "Bezahlt wird am Einlass.", "You pay at the gate."),
    ("available", "frei", "free"),
    ("in_flight", "werden gerade bestellt", "being ordered now"),
    ("sold", "verkauft", "sold"),
    ("numbers", "Zahlen des Verkaufs", "The sale in numbers"),
    ("numbers_summary", "Noch {n} Tickets frei.", "{n} tickets still free."),
    ("numbers_stale", "Diese Zahlen sind gerade nicht aktuell.", "These numbers are not up to date right now."),
    ("opens_at", "Verkaufsstart:", "The sale opens:"),
    ("opens_in_static", "Das war in {in_words}, als diese Seite geladen wurde ({now}).", "That was in {in_words} when this page was loaded ({now})."),
    ("opens_reload", "Ohne JavaScript zählt diese Seite nicht mit: Lade sie zum Verkaufsstart neu.", "Without JavaScript this page does not count along: reload it when the sale opens."),
    ("no_script_numbers", "Stand {now}. Lade die Seite neu für frische Zahlen.", "As of {now}. Reload the page for fresh numbers."),
    ("countdown", "Zeit bis zum Verkaufsstart", "Time until the sale opens"),
    ("days", "Tage", "days"),
    ("hours", "Std.", "hrs"),
    ("minutes", "Min.", "min"),
    ("seconds", "Sek.", "sec"),
    ("state_not_open", "Füll das Formular schon aus. Der Knopf geht zum Verkaufsstart von selbst auf; Neuladen bringt keinen Vorteil.", "Fill in the form already. The button opens by itself when the sale does; reloading gains nothing."),
    ("state_on_sale", "Der Verkauf läuft.", "On sale now."),
    ("state_nearly_gone", "Fast ausverkauft. Was du jetzt bestellst, entscheidet sich in Sekunden.", "Nearly gone. What you order now is decided within seconds."),
    ("state_all_in_flight", "Gerade ist nichts frei, aber es ist noch nicht vorbei: Manche Bestellungen werden nichts, dann sind ihre Tickets wieder da. Bleib auf dieser Seite.", "Nothing is free right now, but it is not over: some orders come to nothing, and their tickets return. Stay on this page."),
    ("state_sold_out", "Ausverkauft. Alle {capacity} Tickets haben jemanden gefunden.", "Sold out. All {capacity} tickets have found someone."),
    ("state_paused", "Der Verkauf macht eine Pause. Freie Tickets bleiben frei; hier geht es weiter, sobald er wieder läuft.", "The sale is paused. Free tickets stay free; it goes on right here when it resumes."),
    ("state_over", "Der Verkauf ist zu Ende. Wer ein Ticket hat, sieht es auf seiner Bestellseite.", "The sale has ended. If you have a ticket, your order page shows it."),
    ("state_unknown", "Der Verkauf läuft, die Zahlen fehlen gerade. Bestellen kannst du trotzdem.", "The sale is on, its numbers are missing right now. You can order all the same."),
    ("back_on_sale", "Es gibt wieder Tickets.", "There are tickets again."),
    ("reload", "Seite neu laden", "Reload the page"),

    // event: the form
    ("buy_title", "Deine Bestellung", "Your order"),
    ("choose_type", "Art des Tickets", "Type of ticket"),
    ("quantity", "Anzahl", "How many"),
    ("quantity_hint", "Höchstens {max} pro Bestellung.", "At most {max} in one order."),
    ("limit_hint", "Höchstens {limit} pro Person.", "At most {limit} per person."),
    ("name", "Name", "Name"),
    ("name_hint", "Wie er am Einlass gelten soll.", "As it should be known at the gate."),
    ("email", "E-Mail", "Email"),
    ("optional", "freiwillig", "optional"),
    ("email_hint", "Hierher schicken wir die Tickets. Wird nicht weitergegeben.", "We send the tickets here. Not passed on to anyone."),
    ("total", "Summe", "Total"),
    ("buy", "Tickets bestellen", "Order tickets"),
    ("buy_binding", "Ein Klick genügt: Ein zweiter macht keine zweite Bestellung.", "One click is enough: a second one makes no second order."),
    ("sending", "Wird gesendet …", "Sending …"),

    // refusals: title, then what to do
    ("problem", "Nicht bestellt", "Not ordered"),
    ("refused_sold_out_some", "So viele sind nicht mehr frei", "Not that many are free any more"),
    ("refused_sold_out_some_next", "Gerade frei: {n}. Bestell weniger, oder warte kurz: Tickets aus Bestellungen, die nichts werden, kommen zurück.", "Free right now: {n}. Order fewer, or wait a moment: tickets from orders that come to nothing return."),
    ("refused_sold_out_none", "Im Moment ist nichts frei", "Nothing is free at the moment"),
    ("refused_sold_out_none_next", "Was gerade bestellt wird, kann noch zurückkommen. Bleib auf dieser Seite und versuch es wieder, sobald etwas frei ist; deine Angaben bleiben stehen.", "What is being ordered now may still come back. Stay on this page and try again when something is free; your input is kept."),
    ("refused_sold_out_final", "Ausverkauft", "Sold out"),
    ("refused_sold_out_final_next", "Alle Tickets sind vergeben. Wir haben nichts von dir gespeichert.", "All tickets are taken. We have stored nothing of yours."),
    ("refused_not_open", "Der Verkauf hat noch nicht begonnen", "The sale has not begun"),
    ("refused_not_open_next", "Er beginnt am {at}. Deine Angaben bleiben stehen.", "It begins on {at}. Your input is kept."),
    ("refused_paused", "Der Verkauf macht gerade Pause", "The sale is paused right now"),
    ("refused_paused_next", "Deine Angaben bleiben stehen. Versuch es wieder, sobald er weitergeht.", "Your input is kept. Try again when it resumes."),
    ("refused_over", "Der Verkauf ist zu Ende", "The sale has ended"),
    ("refused_over_next", "Hier gibt es keine Tickets mehr. Vor Restkarten von Unbekannten warnen wir: Gültig ist, was auf einer Bestellseite hier bestätigt ist.", "There are no more tickets here. Beware of strangers selling leftovers: what counts is an order confirmed on this site."),
    ("refused_limit_reached", "Mehr als {limit} pro Person gehen nicht", "No more than {limit} per person"),
    ("refused_limit_reached_next", "Zusammen mit früheren Bestellungen wären es zu viele. Bestell weniger, oder lass deine Leute selbst bestellen.", "Together with earlier orders it would be too many. Order fewer, or let your people order for themselves."),
    ("refused_key_reused", "Aus diesem Formular wurde schon eine Bestellung", "This form has already become an order"),
    ("refused_key_reused_next", "Deine erste Bestellung gilt, geändert wurde nichts. Möchtest du noch eine? Dann schick das Formular unten neu ab.", "Your first order stands, nothing was changed. Want another one? Then send the form below again."),
    ("refused_key_reused_elsewhere_next", "Es wurde nichts geändert. Möchtest du eine neue Bestellung? Dann schick das Formular unten neu ab.", "Nothing was changed. Want a new order? Then send the form below again."),
    ("refused_key_stale", "Dieses Formular war älter als ein Tag", "This form was older than a day"),
    ("refused_key_stale_next", "Zur Sicherheit haben wir es nicht angenommen. Unten ist ein frisches mit deinen Angaben: Prüf die Preise und schick es ab.", "To be safe we did not take it. Below is a fresh one with your input: check the prices and send it."),
    ("refused_too_many", "Das waren zu viele Versuche", "Too many attempts"),
    ("refused_too_many_next", "Warte {wait}, dann schick das Formular wieder ab. Schneller klicken macht es langsamer.", "Wait {wait}, then send the form again. Clicking faster makes it slower."),
    ("refused_busy", "Gerade sind alle gleichzeitig da", "Everyone is here at once"),
    ("refused_busy_next", "Deine Bestellung ist noch nicht angenommen. Warte {wait}, dann schick das Formular wieder ab; deine Angaben bleiben stehen.", "Your order is not taken yet. Wait {wait}, then send the form again; your input is kept."),
    ("refused_unknown", "Wir wissen noch nicht, ob deine Bestellung angekommen ist", "We do not know yet whether your order arrived"),
    ("refused_unknown_next", "Bestell nicht neu. Sieh in {wait} auf der Bestellseite nach; dort steht, wie es ausging.", "Do not order anew. Look at the order page in {wait}; it will say how it went."),
    ("refused_invalid", "Bitte sieh dir das noch an", "Please look at this again"),
    ("to_order", "Zu dieser Bestellung", "To that order"),
    ("error_quantity", "Anzahl: Wähl 1 bis {max}.", "How many: choose 1 to {max}."),
    ("error_name", "Name: Den können wir so nicht annehmen. Schreib ihn ohne Steuerzeichen, höchstens 200 Zeichen.", "Name: we cannot take it like this. Write it without control characters, 200 at most."),
    ("error_name_required", "Name: Schreib, auf wen die Tickets lauten sollen.", "Name: write whom the tickets are for."),
    ("error_name_too_long", "Name: Der ist zu lang. Kürz ihn bitte.", "Name: it is too long. Please shorten it."),
    ("error_email", "E-Mail: Schreib sie wie name@beispiel.at, oder lass das Feld leer.", "Email: write it like name@example.com, or leave the field empty."),
    ("error_form", "Das Formular kam unvollständig an. Prüf die Angaben und schick es noch einmal.", "The form arrived incomplete. Check your input and send it again."),

    // order
    ("order_title", "Bestellung", "Order"),
    ("status_pending", "Angenommen. Wird entschieden.", "Taken. Being decided."),
    ("status_pending_next", "Deine Bestellung ist sicher gespeichert und an der Reihe. Diese Seite sieht jede Sekunde nach; du kannst sie auch schließen und später wiederkommen.", "Your order is safely stored and in line. This page looks every second; you may also close it and come back later."),
    ("status_reserved", "Für dich reserviert.", "Held for you."),
    ("status_reserved_next", "Die Tickets gehören dir, sobald sie bezahlt sind.", "The tickets are yours as soon as they are paid."),
    ("status_confirmed", "Du bist dabei.", "You are in."),
    ("status_confirmed_next", "Die Bestellung ist bestätigt. Das hier ist ihre Welle; keine andere sieht so aus.", "Your order is confirmed. This is its wave; no other looks like it."),
    ("status_rejected", "Das hat nicht geklappt.", "It did not work out."),
    ("reason_sold_out", "Als deine Bestellung an der Reihe war, waren nicht mehr genug Tickets da. Es wurde nichts verrechnet. Vielleicht kommen welche zurück: Sieh auf der Seite des Events nach.", "When your order's turn came, not enough tickets were left. Nothing was charged. Some may come back: look at the event's page."),
    ("reason_limit", "Zusammen mit früheren Bestellungen wären es mehr Tickets, als einer Person zustehen. Es wurde nichts verrechnet. Bestell weniger.", "Together with earlier orders it would be more tickets than one person may have. Nothing was charged. Order fewer."),
    ("reason_sale_over", "Der Verkauf war zu Ende, bevor deine Bestellung an der Reihe war. Es wurde nichts verrechnet.", "The sale had ended before your order's turn came. Nothing was charged."),
    ("reason_paused", "Der Verkauf wurde angehalten, bevor deine Bestellung an der Reihe war. Es wurde nichts verrechnet. Bestell neu, wenn er weitergeht.", "The sale was paused before your order's turn came. Nothing was charged. Order again when it resumes."),
    ("reason_other", "Deine Bestellung konnte nicht angenommen werden. Es wurde nichts verrechnet. Du kannst es neu versuchen.", "Your order could not be taken. Nothing was charged. You can try again."),
    ("status_expired", "Nicht rechtzeitig angekommen.", "Did not arrive in time."),
    ("status_expired_next", "Es wurde nichts bestellt und nichts verrechnet. Versuch es bitte neu.", "Nothing was ordered and nothing was charged. Please try again."),
    ("status_failed", "Bei uns ist etwas kaputtgegangen.", "Something broke on our side."),
    ("status_failed_next", "Es wurde nichts bestellt und nichts verrechnet. Das tut uns leid. Du kannst neu bestellen; diese Bestellung wird nicht mehr nachgeholt.", "Nothing was ordered and nothing was charged. We are sorry. You can order anew; this order will not be revived."),
    ("status_cancelled", "Storniert.", "Cancelled."),
    ("status_cancelled_next", "Diese Tickets sind zurückgegeben und gelten nicht mehr.", "These tickets were given back and are no longer valid."),
    ("status_unknown", "Stand gerade nicht bekannt.", "Status not known right now."),
    ("status_unknown_next", "Bestell nicht neu. Sobald wir es wissen, steht es hier; diese Seite sieht von selbst nach.", "Do not order anew. As soon as we know, it says so here; this page looks by itself."),
    ("order_wave", "Die Welle dieser Bestellung, aus ihrer Nummer gezeichnet.", "This order's wave, drawn from its number."),
    ("order_number", "Nummer", "Number"),
    ("event", "Event", "Event"),
    ("ordered", "Bestellt", "Ordered"),
    ("at_gate", "am Einlass zu zahlen", "to pay at the gate"),
    ("not_yours", "Wer bestellt hat und wie viel, sieht man nur im Browser der Bestellung oder mit ihrem persönlichen Link.", "Who ordered, and how many, is shown only in the browser that ordered or with the order's personal link."),
    ("keep_link", "Heb diesen Link auf", "Keep this link"),
    ("keep_my", "Ist er weg, schicken wir dir einen neuen:", "If it is gone, we send you a new one:"),
    ("keep_link_why", "Er öffnet diese Bestellung auf jedem Gerät, auch wenn dieser Browser sie vergisst. Wer ihn hat, sieht deine Angaben: Gib ihn nicht weiter.", "It opens this order on any device, even when this browser forgets it. Whoever has it sees your details: do not pass it on."),
    ("copy", "Link kopieren", "Copy link"),
    ("copied", "Kopiert.", "Copied."),
    ("back_to_event", "Zum Event", "To the event"),
    ("try_again", "Neu bestellen", "Order again"),

    // errors
    ("error_400", "Das haben wir nicht verstanden", "We did not understand that"),
    ("error_400_next", "Die Anfrage kam anders an, als sie sollte. Geh zur Startseite und versuch es von dort.", "The request arrived other than it should. Go to the front page and try from there."),
    ("error_403", "Von dort nehmen wir nichts an", "We take nothing from there"),
    ("error_403_next", "Die Anfrage kam von einer fremden Seite. Bestell auf unserer eigenen.", "The request came from another site. Order on our own."),
    ("error_network_refused", "Von dort nehmen wir nichts an", "We take nothing from there"),
    ("error_network_refused_next", "Dein Netz ist hier nicht zugelassen. Versuch es aus einem anderen, oder frag den Veranstalter.", "Your network is not let in here. Try from another one, or ask the organizer."),
    ("error_https_required", "Nur verschlüsselt", "Encrypted only"),
    ("error_https_required_next", "Diese Anfrage kam unverschlüsselt, und bestellt wurde nichts. Öffne die Seite mit https:// und versuch es noch einmal.", "This request came unencrypted, and nothing was ordered. Open the page with https:// and try again."),
    ("error_404", "Hier spielt nichts", "Nothing is playing here"),
    ("error_404_next", "Diese Seite gibt es nicht. Prüf die Adresse, oder fang vorne an.", "There is no such page. Check the address, or start at the front."),
    ("error_405", "So geht das hier nicht", "Not like this"),
    ("error_405_next", "Diese Adresse kann etwas anderes. Fang vorne an.", "This address does something else. Start at the front."),
    ("error_408", "Das ist nicht ganz angekommen", "That did not arrive completely"),
    ("error_408_next", "Die Verbindung war zu langsam. Bestellt wurde nichts: Geh zurück und schick das Formular noch einmal.", "The connection was too slow. Nothing was ordered: go back and send the form again."),
    ("error_413", "Das war zu viel auf einmal", "That was too much at once"),
    ("error_413_next", "Kürz deine Angaben und schick sie noch einmal.", "Shorten your input and send it again."),
    ("error_415", "In dieser Form nehmen wir nichts an", "We cannot take it in this form"),
    ("error_415_next", "Benutz das Formular auf der Seite des Events.", "Use the form on the event's page."),
    ("error_429", "Zu oft gefragt", "Asked too often"),
    ("error_429_next", "Mach eine kurze Pause. Schneller klicken macht es langsamer.", "Take a short break. Clicking faster makes it slower."),
    ("error_500", "Bei uns ist etwas kaputtgegangen", "Something broke on our side"),
    ("error_500_next", "Es liegt nicht an dir. Eine angenommene Bestellung geht dabei nicht verloren. Versuch es gleich noch einmal.", "It is not your fault. An accepted order is not lost by this. Try again in a moment."),
    ("error_503", "Gerade sind alle gleichzeitig da", "Everyone is here at once"),
    ("error_503_next", "Die Anlage ist voll ausgesteuert. Eine angenommene Bestellung geht nicht verloren.", "The system is at full volume. An accepted order is not lost."),
    ("retry_after", "Versuch es in {wait} wieder.", "Try again in {wait}."),
    ("front_page", "Zur Startseite", "To the front page"),
    ("request_number", "Nummer dieser Anfrage, falls du uns schreibst:", "This request's number, in case you write to us:"),
];

#[cfg(test)]
mod tests {
    use super::every;
    use crate::{
        BankCardPage, BankStepPage, CheckoutPage, ConfirmationMail, ErrorPage, EventPage, ExpiryMail, Faces,
        FindOrdersPage, Lang, LinkSentPage, MyOrdersPage, OrderPage, OrdersLinkMail, RefundMail, RefusedPage,
        TicketsPage,
    };
    use std::collections::BTreeSet;

    #[test]
    fn every_text_says_something_in_both_languages() {
        assert!(every().all(|(_, german, english)| !german.is_empty() && !english.is_empty()));
    }

    #[test]
    fn no_key_is_given_twice() {
        assert_eq!(every().map(|text| text.0).collect::<BTreeSet<_>>().len(), every().count());
    }

    #[test]
    fn every_text_is_on_a_page_in_both_languages() {
        for lang in Lang::ALL {
            let pages = everything(lang);
            for text in every() {
                // Between the values that are filled in, the longest part is the text's own.
                let parts = super::in_language(lang, text).split(['{', '}']).step_by(2);
                let own = parts.max_by_key(|part| part.len()).unwrap_or_default();
                let is_there = pages.contains(own) || pages.contains(&own.replace('\'', "&#39;"));
                assert!(is_there, "{} is on no page in {}", text.0, lang.tag());
            }
        }
    }

    fn everything(lang: Lang) -> String {
        let faces = Faces::new().expect("because the templates compile");
        let rendered = "because a sample renders";
        let mut pages = String::new();
        macro_rules! pages_of {
            ($($page:ty => $face:ident),*) => {
                $(for (_, page) in <$page>::samples(lang) { pages += &faces.$face(lang, &page).expect(rendered); })*
            };
        }
        pages_of!(EventPage => event, RefusedPage => refused, OrderPage => order, ErrorPage => error,
            CheckoutPage => checkout, BankCardPage => bank_card, BankStepPage => bank_step,
            FindOrdersPage => find_orders, LinkSentPage => link_sent, MyOrdersPage => my_orders, TicketsPage => tickets);
        macro_rules! mails_of {
            ($($mail:ty => $face:ident),*) => {
                $(for (_, mail) in <$mail>::samples(lang) {
                    let mail = faces.$face(lang, &mail).expect(rendered);
                    pages += &(mail.subject.as_str().to_owned() + &mail.text + &mail.html);
                })*
            };
        }
        mails_of!(ConfirmationMail => confirmation_mail, ExpiryMail => expiry_mail, RefundMail => refund_mail,
            OrdersLinkMail => orders_link_mail);
        pages
    }

    #[test]
    fn both_languages_fill_in_the_same_values() {
        let holes = |text: &str| -> BTreeSet<String> {
            text.split('{').skip(1).filter_map(|rest| rest.split('}').next()).map(String::from).collect()
        };
        for (key, german, english) in every() {
            assert_eq!(holes(german), holes(english), "{key}");
        }
    }
}
