//! Writes every sample of every page in both languages to a folder, with an index, so that one can look at them:
//! `cargo run -p stampede-web --example gallery -- FOLDER`. Links to static files are made relative.

use stampede_web::{
    ActorsPage, AuditPage, ErrorPage, EventPage, FaceError, Faces, Lang, OrderPage, RefusedPage, RoomPage, XrayPage,
    asset, asset_url,
};
use std::{fs, path::PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".into()));
    fs::create_dir_all(folder.join("static"))?;
    for name in ["site.css", "site.js", "ops.css", "ops.js", "icon.svg"] {
        let url = asset_url(name).ok_or("a static file is missing")?;
        let file = asset(url.trim_start_matches("/static/")).ok_or("a static file is missing")?;
        fs::write(folder.join(url.trim_start_matches('/')), &file.bytes)?;
    }
    let mut index = String::from("<!doctype html><meta charset=utf-8><title>Gallery</title><ul>");
    for (name, html) in pages(&Faces::new()?)? {
        fs::write(folder.join(&name), html.replace("\"/static/", "\"static/"))?;
        index.push_str(&format!("<li><a href=\"{name}\">{name}</a>"));
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
        for (name, page) in ErrorPage::samples(lang) {
            pages.push((format!("{tag}-error-{name}.html"), faces.error(lang, &page)?));
        }
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
