//! What is known of an order without reading its message: it travels beside the payload, in a form that never changes.
//!
//! A payload can be damaged, or be of a version that this program does not know. Its order has a claim all the same, which must
//! come to an end (PROTOCOL, step 6), and for that one needs to know whose it is.

use stampede_domain::{BuyerId, Contact, Fingerprint, Intent, OrderId, PoolId};

/// Bytes of a label: version, order, pool, quantity, buyer, fingerprint, and the CRC-32 of it all.
pub const LABEL_LENGTH: usize = 1 + 16 + 8 + 4 + 8 + 8 + 4;
/// The only form there is. Another one would have to be readable by programs from before it.
const VERSION: u8 = 1;

/// Whose order a message carries, as its claim knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Which order.
    pub order: OrderId,
    /// Which units.
    pub pool: PoolId,
    /// How many.
    pub quantity: u32,
    /// Whose limit it counts for.
    pub buyer: BuyerId,
    /// What the key was used for.
    pub fingerprint: Fingerprint,
}

impl Label {
    /// The label of an intent.
    #[must_use]
    pub fn of(intent: &Intent) -> Self {
        let Intent { order, pool, quantity, buyer, fingerprint, .. } = *intent;
        Self { order, pool, quantity, buyer, fingerprint }
    }

    /// As much of the intent as a label knows: enough to end it. Its time is that of its id, and it names nobody.
    #[must_use]
    pub fn intent(&self) -> Intent {
        let Self { order, pool, quantity, buyer, fingerprint } = *self;
        let contact = Contact::default();
        Intent { order, pool, quantity, buyer, fingerprint, asked_at: order.time(), contact, trace: None }
    }

    /// [`LABEL_LENGTH`] bytes, numbers big-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; LABEL_LENGTH] {
        let mut bytes = [0; LABEL_LENGTH];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            bytes[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        };
        put(&[VERSION]);
        put(&self.order.bytes());
        put(&self.pool.0.to_be_bytes());
        put(&self.quantity.to_be_bytes());
        put(&self.buyer.0.to_be_bytes());
        put(&self.fingerprint.0.to_be_bytes());
        let checksum = crc32fast::hash(&bytes[..LABEL_LENGTH - 4]);
        bytes[LABEL_LENGTH - 4..].copy_from_slice(&checksum.to_be_bytes());
        bytes
    }

    /// Reads a label; `None` for anything else, a damaged one among it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (body, sum) = bytes.split_last_chunk::<4>()?;
        if bytes.len() != LABEL_LENGTH || body[0] != VERSION || crc32fast::hash(body).to_be_bytes() != *sum {
            return None;
        }
        let (order, rest) = body[1..].split_first_chunk::<16>()?;
        let (pool, rest) = rest.split_first_chunk()?;
        let (quantity, rest) = rest.split_first_chunk()?;
        let (buyer, rest) = rest.split_first_chunk()?;
        let fingerprint = rest.first_chunk()?;
        Some(Self {
            order: (*order).into(),
            pool: PoolId(i64::from_be_bytes(*pool)),
            quantity: u32::from_be_bytes(*quantity),
            buyer: BuyerId(i64::from_be_bytes(*buyer)),
            fingerprint: Fingerprint(i64::from_be_bytes(*fingerprint)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn label() -> Label {
        Label {
            order: "018bcfe5-6807-7000-8000-0000000000ff".parse().unwrap(),
            pool: PoolId(-5),
            quantity: 6,
            buyer: BuyerId(i64::MAX),
            fingerprint: Fingerprint(i64::MIN),
        }
    }

    #[test]
    fn what_is_written_can_be_read() {
        assert_eq!(Label::decode(&label().encode()), Some(label()));
        assert_eq!(Label::of(&label().intent()), label());
    }

    #[test]
    fn a_label_looks_tomorrow_as_it_does_today() {
        let text: String = label().encode().iter().map(|byte| format!("{byte:02x}")).collect();
        let expected = "01018bcfe56807700080000000000000fffffffffffffffffb000000067fffffffffffffff8000000000000000";
        assert_eq!(text, format!("{expected}901bb42c"));
    }

    #[test]
    fn no_flipped_bit_and_no_other_length_goes_unnoticed() {
        let bytes = label().encode();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes;
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Label::decode(&damaged), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            assert_eq!(Label::decode(&bytes[..length]), None);
        }
        assert_eq!(Label::decode(&[bytes.as_slice(), &[0]].concat()), None);
    }
}
