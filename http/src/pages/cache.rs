//! Event pages, rendered once for everyone and spliced with a fresh key for each.

use super::gzip;
use bytes::{Bytes, BytesMut};
use stampede_domain::{Millis, OrderId};
use stampede_web::{KEY_SLOT, Lang};
use std::{cell::RefCell, collections::HashMap, time::Duration};

/// How long a page serves: it carries the server's time, which the countdown starts from.
const SERVES: Duration = Duration::from_secs(1);
/// Letters of a key.
const KEY: usize = 36;
/// Most pages kept: events times languages; a shop with more renders the rest each time.
const MOST_PAGES: usize = 256;

/// The pages of one worker, by event and language.
#[derive(Default)]
pub(crate) struct PageCache(RefCell<HashMap<(String, &'static str), Rendered>>);

struct Rendered {
    sequence: u64,
    at: Millis,
    page: Spliceable,
}

/// A page with a slot for a key.
#[derive(Clone)]
pub(crate) struct Spliceable {
    head: Bytes,
    /// `None`: the page has no form.
    tail: Option<Bytes>,
    /// For browsers that take it; `None` for a page that is rendered for one.
    gzip: Option<gzip::Around>,
}

impl Spliceable {
    /// A page for one visitor.
    pub(crate) fn new(page: &str) -> Self {
        let (head, tail) = page.split_once(KEY_SLOT).map_or((page, None), |(head, tail)| (head, Some(tail)));
        let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        Self { head: bytes(head), tail: tail.map(bytes), gzip: None }
    }

    /// A page for everyone: compressed, too.
    fn for_everyone(page: &str) -> Self {
        let plain = Self::new(page);
        let gzip = gzip::Around::new(&plain.head, plain.tail.as_deref().unwrap_or_default());
        Self { gzip: Some(gzip), ..plain }
    }

    /// The page with this key in its form.
    pub(crate) fn with(&self, key: OrderId) -> Bytes {
        let Some(tail) = &self.tail else { return self.head.clone() };
        let mut text = [0; KEY];
        let key = key.0.hyphenated().encode_lower(&mut text);
        let mut page = BytesMut::with_capacity(self.head.len() + key.len() + tail.len());
        page.extend_from_slice(&self.head);
        page.extend_from_slice(key.as_bytes());
        page.extend_from_slice(tail);
        page.freeze()
    }

    /// The same as gzip, where the page has it.
    pub(crate) fn gzip_with(&self, key: OrderId) -> Option<Bytes> {
        let gzip = self.gzip.as_ref()?;
        let mut text = [0; KEY];
        let key = key.0.hyphenated().encode_lower(&mut text);
        Some(match &self.tail {
            Some(tail) => gzip.with(key.as_bytes(), tail),
            None => gzip.with(&[], &[]),
        })
    }
}

impl PageCache {
    /// The page of an event in this state; rendered when it is not the last one's, or too old.
    pub(crate) fn of<E>(
        &self,
        slug: &str,
        lang: Lang,
        sequence: u64,
        now: Millis,
        render: impl FnOnce() -> Result<String, E>,
    ) -> Result<Spliceable, E> {
        let mut pages = self.0.borrow_mut();
        let key = (slug.to_owned(), lang.tag());
        if let Some(rendered) = pages.get(&key)
            && rendered.sequence == sequence
            && now.since(rendered.at) < SERVES
        {
            return Ok(rendered.page.clone());
        }
        let page = Spliceable::for_everyone(&render()?);
        if pages.len() >= MOST_PAGES {
            pages.clear();
        }
        pages.insert(key, Rendered { sequence, at: now, page: page.clone() });
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_rendered_once_and_spliced_for_each() {
        let cache = PageCache::default();
        let page = format!("<input value=\"{KEY_SLOT}\">");
        let render = || cache.of("festival", Lang::De, 7, Millis(0), || Ok::<_, ()>(page.clone())).unwrap();
        let key: OrderId = "018bcfe5-6807-7000-8000-000000000000".parse().unwrap();
        assert_eq!(render().with(key), "<input value=\"018bcfe5-6807-7000-8000-000000000000\">");
        let again = cache.of("festival", Lang::De, 7, Millis(999), || Err("rendered twice")).unwrap();
        assert_eq!(again.with(key), render().with(key));
        assert!(cache.of("festival", Lang::De, 8, Millis(999), || Err(())).is_err(), "numbers moved");
        assert!(cache.of("festival", Lang::De, 7, Millis(1000), || Err(())).is_err(), "time moved");
    }
}
