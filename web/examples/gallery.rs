//! Writes every sample of every page in both languages to a folder, with an index, so that one can look at them:
//! `cargo run -p stampede-web --example gallery -- FOLDER`. Links to static files are made relative.

use stampede_web::{
    ActorsPage, AuditPage, BankCardPage, BankStepPage, CheckoutPage, ConfirmationMail, ErrorPage, EventPage,
    ExpiryMail, FaceError, Faces, FindOrdersPage, Lang, LinkSentPage, Mail, MyOrdersPage, OrderPage, OrdersLinkMail,
    RefundMail, RefusedPage, RoomPage, TicketsPage, XrayPage, asset, asset_url, tickets_pdf,
};
use std::{fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".into()));
    fs::create_dir_all(folder.join("static"))?;
    for name in ["site.css", "site.js", "bank.css", "ops.css", "ops.js", "icon.svg"] {
        let url = asset_url(name).ok_or("a static file is missing")?;
        let file = asset(url.trim_start_matches("/static/")).ok_or("a static file is missing")?;
        fs::write(folder.join(url.trim_start_matches('/')), &file.bytes)?;
    }
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Gallery</title><ul>");
    for (name, html) in pages(&Faces::new()?)? {
        fs::write(folder.join(&name), html.replace("\"/static/", "\"static/"))?;
        index.push_str(&format!("<li><a href=\"{name}\">{name}</a>"));
    }
    for lang in Lang::ALL {
        for (name, page) in TicketsPage::samples(lang) {
            let name = format!("{}-tickets-{name}.pdf", lang.tag());
            fs::write(folder.join(&name), tickets_pdf(lang, &page)?)?;
            index.push_str(&format!("<li><a href=\"{name}\">{name}</a>"));
        }
    }
    fs::write(folder.join("index.html"), index)?;
    Ok(())
}

fn pages(faces: &Faces) -> Result<Vec<(String, String)>, FaceError> {
    let mut pages = Vec::new();
    for lang in Lang::ALL {
        let tag = lang.tag();
        for (name, page) in EventPage::samples(lang) {
            pages.push((format!("{tag}-event-{name}.html"), faces.event(lang, &page)?));
        }
        for (name, page) in RefusedPage::samples(lang) {
            pages.push((format!("{tag}-refused-{name}.html"), faces.refused(lang, &page)?));
        }
        for (name, page) in OrderPage::samples(lang) {
            pages.push((format!("{tag}-order-{name}.html"), faces.order(lang, &page)?));
        }
        for (name, page) in TicketsPage::samples(lang) {
            pages.push((format!("{tag}-tickets-{name}.html"), faces.tickets(lang, &page)?));
        }
        for (name, page) in ErrorPage::samples(lang) {
            pages.push((format!("{tag}-error-{name}.html"), faces.error(lang, &page)?));
        }
        for (name, page) in CheckoutPage::samples(lang) {
            pages.push((format!("{tag}-checkout-{name}.html"), faces.checkout(lang, &page)?));
        }
        for (name, page) in BankCardPage::samples(lang) {
            pages.push((format!("{tag}-bank-{name}.html"), faces.bank_card(lang, &page)?));
        }
        for (name, page) in BankStepPage::samples(lang) {
            pages.push((format!("{tag}-bank-{name}.html"), faces.bank_step(lang, &page)?));
        }
        for (name, page) in FindOrdersPage::samples(lang) {
            pages.push((format!("{tag}-my-{name}.html"), faces.find_orders(lang, &page)?));
        }
        for (name, page) in LinkSentPage::samples(lang) {
            pages.push((format!("{tag}-my-{name}.html"), faces.link_sent(lang, &page)?));
        }
        for (name, page) in MyOrdersPage::samples(lang) {
            pages.push((format!("{tag}-my-{name}.html"), faces.my_orders(lang, &page)?));
        }
        pages.extend(mails(faces, lang)?);
    }
    for (name, page) in ActorsPage::samples() {
        pages.push((format!("ops-actors-{name}.html"), faces.ops_actors(&page)?));
    }
    for (name, page) in AuditPage::samples() {
        pages.push((format!("ops-audit-{name}.html"), faces.ops_audit(&page)?));
    }
    for (name, page) in RoomPage::samples() {
        pages.push((format!("ops-room-{name}.html"), faces.ops_room(&page)?));
    }
    for (name, page) in XrayPage::samples() {
        pages.push((format!("ops-xray-{name}.html"), faces.ops_xray(&page)?));
    }
    Ok(pages)
}

/// The HTML part of each mail as a page, its subject and text beside it.
fn mails(faces: &Faces, lang: Lang) -> Result<Vec<(String, String)>, FaceError> {
    let mut mails = Vec::new();
    for (name, mail) in ConfirmationMail::samples(lang) {
        mails.push((name, faces.confirmation_mail(lang, &mail)?));
    }
    for (name, mail) in ExpiryMail::samples(lang) {
        mails.push((name, faces.expiry_mail(lang, &mail)?));
    }
    for (name, mail) in RefundMail::samples(lang) {
        mails.push((name, faces.refund_mail(lang, &mail)?));
    }
    for (name, mail) in OrdersLinkMail::samples(lang) {
        mails.push((name, faces.orders_link_mail(lang, &mail)?));
    }
    let parts = |(name, Mail { subject, text, html }): (&str, Mail)| {
        let name = format!("{}-mail-{name}", lang.tag());
        [(format!("{name}.html"), html), (format!("{name}.txt"), format!("Subject: {subject}\n\n{text}"))]
    };
    Ok(mails.into_iter().flat_map(parts).collect())
}
