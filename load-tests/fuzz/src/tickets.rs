//! What a gate reads.

use crate::bytes::Bytes;
use stampede_domain::PoolId;
use stampede_http::ticket::{LENGTH, Ticket, TicketKey};

/// A ticket's code: nobody makes one without the key, and there is one for each ticket, to the last bit.
pub fn ticket(data: &[u8]) {
    thread_local! {
        static KEY: TicketKey = TicketKey::new(b"a key of exactly 32 bytes ......");
    }
    KEY.with(|key| {
        let (text, keys) = (String::from_utf8_lossy(data), [key.public()]);
        if let Ok((said, _)) = Ticket::verify(&text, &keys) {
            assert_eq!(key.code(&said), text, "another code for the same ticket");
        }
        let mut bytes = Bytes(data);
        let (order, pool) = (bytes.array::<16>().into(), PoolId(i64::from_be_bytes(bytes.array()) & i64::MAX));
        let of = bytes.byte().max(1);
        let number = bytes.byte() % of + 1;
        let ticket = Ticket { order, pool, number, of };
        let code = key.code(&ticket);
        assert_eq!(code.len(), LENGTH);
        assert_eq!(Ticket::verify(&code, &keys), Ok((ticket, key.public().id())));
        assert!(Ticket::verify(&code, &[TicketKey::new(&bytes.array()).public()]).is_err(), "another key judged it");
        // One letter that is another one.
        let (at, to) = (bytes.below(LENGTH), bytes.byte() & 0x7f);
        let mut forged = code.clone().into_bytes();
        forged[at] = to;
        let forged = String::from_utf8_lossy(&forged);
        assert!(forged == code || Ticket::verify(&forged, &keys).is_err(), "{forged}");
    });
}
