//! Requests as bytes: a template whose key and buyer are written anew for each.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where orders are taken.
pub(crate) const BUY: &str = "/api/tickets/buy";
const KEY: &str = "00000000-0000-7000-8000-000000000000";
const BUYER: &str = "buyer-0000000000000000";
const HEX: &[u8; 16] = b"0123456789abcdef";

/// What makes an order different from all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Order {
    millis: u64,
    key: u64,
    buyer: u64,
}

/// Makes requests of one kind, each different from all others where it should be.
#[derive(Clone)]
pub(crate) struct Requests {
    bytes: Vec<u8>,
    /// Where key and buyer stand; none in a GET.
    slots: Option<(usize, usize)>,
    sells: bool,
    chance: SmallRng,
}

impl Requests {
    /// GETs of a path, with further head lines (each with its line break).
    pub(crate) fn read(path: &str, lines: &str) -> Self {
        let bytes = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n").into_bytes();
        Self { bytes, slots: None, sells: false, chance: SmallRng::from_os_rng() }
    }

    /// Orders of one ticket, each with a fresh UUIDv7 as its key and a buyer nobody has seen before.
    pub(crate) fn buy(path: &str) -> Self {
        let body = format!(r#"{{"userId":"{BUYER}"}}"#);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {}\r\n",
            body.len()
        );
        let text = format!("{head}Idempotency-Key: {KEY}\r\n\r\n{body}");
        let slots = text.find(KEY).zip(text.rfind("0000000000000000"));
        Self { bytes: text.into_bytes(), slots, sells: path == BUY, chance: SmallRng::from_os_rng() }
    }

    /// Another connection's generator of the same kind.
    pub(crate) fn another(&self) -> Self {
        Self { chance: SmallRng::from_os_rng(), ..self.clone() }
    }

    /// Whether a 202 to it is a ticket sold, and not only the answer of a bare handler.
    pub(crate) fn sells(&self) -> bool {
        self.sells
    }

    /// The next request.
    pub(crate) fn next(&mut self) -> &[u8] {
        let order = self.fresh();
        self.bytes_of(order)
    }

    /// A new order; `None` of a kind that orders nothing.
    pub(super) fn fresh(&mut self) -> Option<Order> {
        self.slots?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or_default();
        Some(Order { millis, key: self.chance.random(), buyer: self.chance.random() })
    }

    /// The request for that order: the same bytes each time.
    pub(super) fn bytes_of(&mut self, order: Option<Order>) -> &[u8] {
        if let Some(((key, buyer), order)) = self.slots.zip(order) {
            // 48 bits of time, then chance around the digits of version and variant, which stay the template's.
            self.write(key, 8, order.millis >> 16);
            self.write(key + 9, 4, order.millis & 0xffff);
            self.write(key + 15, 3, order.key);
            self.write(key + 20, 3, order.key >> 12);
            self.write(key + 24, 12, order.key >> 16);
            self.write(buyer, 16, order.buyer);
        }
        &self.bytes
    }

    /// The key of the request made last, if its kind has one.
    pub(crate) fn key(&self) -> Option<String> {
        let (key, _) = self.slots?;
        Some(String::from_utf8_lossy(&self.bytes[key..key + KEY.len()]).into_owned())
    }

    fn write(&mut self, at: usize, digits: usize, number: u64) {
        for (place, byte) in self.bytes[at..at + digits].iter_mut().rev().enumerate() {
            *byte = HEX[((number >> (4 * place)) & 0xf) as usize];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use stampede_domain::{Millis, key};

    #[test]
    fn every_order_has_a_key_that_the_shop_takes_and_a_body_of_the_length_it_says() {
        let mut requests = Requests::buy(BUY);
        let mut keys = std::collections::HashSet::new();
        for _ in 0..1_000 {
            let text = String::from_utf8(requests.next().to_vec()).unwrap();
            let key = requests.key().unwrap();
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
            assert!(key::order_id(&key, Millis(i64::try_from(now).unwrap())).is_ok(), "{key}");
            assert!(text.contains(&key));
            let (_, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(text.contains(&format!("Content-Length: {}\r\n", body.len())), "{text}");
            assert!(keys.insert(key));
        }
    }

    #[test]
    fn who_comes_back_asks_for_the_same_order_in_the_same_words() {
        let mut requests = Requests::buy(BUY);
        let order = requests.fresh();
        let first = requests.bytes_of(order).to_vec();
        assert_ne!(requests.next(), first);
        assert_eq!(requests.bytes_of(order), first);
    }
}
