//! The two languages of the pages and how a browser's wish picks one. No texts here.

use serde::Serialize;

/// A language the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Lang {
    /// German as written in Austria.
    De,
    /// English.
    En,
}

impl Lang {
    /// Both, in the order of the language switch.
    pub const ALL: [Lang; 2] = [Lang::De, Lang::En];

    /// The tag used in URLs and `lang` attributes: `de` or `en`.
    pub fn tag(self) -> &'static str {
        match self {
            Lang::De => "de",
            Lang::En => "en",
        }
    }

    /// The language of an exact URL tag; `None` for every other text.
    pub fn from_tag(tag: &str) -> Option<Lang> {
        Lang::ALL.into_iter().find(|lang| lang.tag() == tag)
    }

    /// Picks by an `Accept-Language` header (RFC 9110, 12.5.4): highest weight wins, the first of equals.
    /// English when nothing fits: a visitor who asks for neither reads English more likely than German.
    pub fn negotiate(accept_language: &str) -> Lang {
        let mut best: Option<(f32, Lang)> = None;
        for range in accept_language.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let Some(lang) = Lang::from_tag(&primary) else { continue };
            let weight = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0));
            if weight > 0.0 && best.is_none_or(|(highest, _)| weight > highest) {
                best = Some((weight, lang));
            }
        }
        best.map_or(Lang::En, |(_, lang)| lang)
    }
}

#[cfg(test)]
mod tests {
    use super::Lang;

    #[test]
    fn the_browsers_first_wish_among_ours_wins() {
        assert_eq!(Lang::negotiate("de-AT,de;q=0.9,en;q=0.8"), Lang::De);
        assert_eq!(Lang::negotiate("fr,en;q=0.5,de;q=0.4"), Lang::En);
        assert_eq!(Lang::negotiate("en;q=0.2, DE;q=0.7"), Lang::De);
        assert_eq!(Lang::negotiate("de;q=0, en;q=0.1"), Lang::En);
    }

    #[test]
    fn nonsense_reads_english() {
        assert_eq!(Lang::negotiate(""), Lang::En);
        assert_eq!(Lang::negotiate(";;q=,*,\u{0}"), Lang::En);
    }
}
