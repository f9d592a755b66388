//! The view models, one file a page: plain values in, no formatting, no rules. Each has `samples()`, which the tests
//! and the gallery render.

pub(crate) mod bank;
pub(crate) mod checkout;
pub(crate) mod error;
pub(crate) mod event;
pub(crate) mod money;
pub(crate) mod my;
pub(crate) mod ops;
pub(crate) mod order;
pub(crate) mod refused;
pub(crate) mod room;
pub(crate) mod tickets;
pub(crate) mod xray;

use serde::Serialize;

/// Where a page leads besides its own content.
#[derive(Clone, Debug, Serialize)]
pub struct Links {
    /// This page in German.
    pub de: String,
    /// This page in English.
    pub en: String,
    /// The front page in the page's language.
    pub home: String,
    /// Where one finds one's orders, in the page's language.
    pub my: String,
}

impl Links {
    /// The links of a page that lives under both language prefixes: `path` is what follows `/de` or `/en`, with its
    /// leading slash, or empty for the front page.
    pub fn to(lang: crate::Lang, path: &str) -> Links {
        let tag = lang.tag();
        Links { de: format!("/de{path}"), en: format!("/en{path}"), home: format!("/{tag}"), my: format!("/{tag}/my") }
    }
}
