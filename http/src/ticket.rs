//! A ticket is a signed code that says what it is for: whoever has the public key can judge it, without us and without a net
//! (ADR 24). Here are all its rules: what it says, how it is written, who signs it, what is refused.
//!
//! `STP1`, which names this form, then 149 letters and digits (RFC 4648 base32, upper case, no padding) for 93 bytes:
//!
//! | bytes | say |
//! |--:|---|
//! | 3 | which key signed it: the first of the SHA-256 of the public key |
//! | 16 | the order |
//! | 8 | the pool of its units, most significant first |
//! | 1, 1 | number of this ticket and of how many, from 1 |
//! | 64 | Ed25519 (RFC 8032) over `STP1` and the bytes above |
//!
//! 149 characters have one bit more than 93 bytes, which is zero, so there is exactly one code for what is signed. All of them are
//! those of a QR code's alphanumeric mode, and one fewer than fit its version 6. A form that says anything else has another name.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use stampede_domain::{OrderId, PoolId};
use std::{fmt, str::FromStr};

/// The name of this form of code; it is signed along, so that no other form can be taken for this one.
const FORM: &str = "STP1";
/// Bytes of what a ticket says, the key's id included.
const SAID: usize = 29;
/// Bytes of a signature.
const SIGNATURE: usize = 64;
/// Bytes of a code.
const BYTES: usize = SAID + SIGNATURE;
/// The same filled up with zeros, until five bytes are eight letters.
const FILLED: usize = BYTES.next_multiple_of(5);
/// Letters of the zeros, which are not written.
const UNWRITTEN: &str = "AAA";
/// Characters of a code.
pub const LENGTH: usize = FORM.len() + FILLED / 5 * 8 - UNWRITTEN.len();
/// RFC 4648, section 6.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// What a ticket says: this unit of this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Whose it is.
    pub order: OrderId,
    /// What it lets into: the pool of an event's ticket type.
    pub pool: PoolId,
    /// Which of the order's units, from 1.
    pub number: u8,
    /// How many units the order has; no order has more than a hundred.
    pub of: u8,
}

/// Why a text is no ticket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotATicket {
    /// It has not the form of a code, or says what no ticket says.
    #[error("this is no ticket code")]
    NoCode,
    /// It names a key that was not given.
    #[error("signed by key {0}, which is not among those given")]
    OtherKey(KeyId),
    /// It names a key that did not sign it.
    #[error("not signed by key {0}: forged or changed")]
    Forged(KeyId),
}

impl Ticket {
    /// Judges a code by itself: no other byte of it, before it or behind it, is let pass.
    ///
    /// # Errors
    /// Why it is no ticket of these keys.
    pub fn verify(code: &str, keys: &[PublicKey]) -> Result<(Self, KeyId), NotATicket> {
        let bytes = code.strip_prefix(FORM).and_then(decode).ok_or(NotATicket::NoCode)?;
        let (said, signature) = bytes[..BYTES].split_at(SAID);
        let (id, ticket) = Self::read(said).ok_or(NotATicket::NoCode)?;
        let mut named = keys.iter().filter(|key| key.id() == id).peekable();
        if named.peek().is_none() {
            return Err(NotATicket::OtherKey(id));
        }
        let message = [FORM.as_bytes(), said].concat();
        let signed = named.any(|key| UnparsedPublicKey::new(&ED25519, key.0).verify(&message, signature).is_ok());
        if signed { Ok((ticket, id)) } else { Err(NotATicket::Forged(id)) }
    }

    fn read(said: &[u8]) -> Option<(KeyId, Self)> {
        let (key, rest) = said.split_first_chunk::<3>()?;
        let (order, rest) = rest.split_first_chunk::<16>()?;
        let (pool, rest) = rest.split_first_chunk::<8>()?;
        let [number, of] = *rest.first_chunk::<2>()?;
        let ticket = Self { order: OrderId::from(*order), pool: PoolId(i64::from_be_bytes(*pool)), number, of };
        let is_sound = (1..=ticket.of).contains(&ticket.number) && ticket.pool.0 >= 0;
        is_sound.then_some((KeyId(*key), ticket))
    }

    fn said(&self, key: KeyId) -> [u8; SAID] {
        let mut said = [0; SAID];
        said[..3].copy_from_slice(&key.0);
        said[3..19].copy_from_slice(&self.order.bytes());
        said[19..27].copy_from_slice(&self.pool.0.to_be_bytes());
        said[27..].copy_from_slice(&[self.number, self.of]);
        said
    }
}

/// Signs tickets. The same key signs the same ticket with the same code, at each time and on each node.
pub struct TicketKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl TicketKey {
    /// The key of these 32 secret bytes.
    ///
    /// # Panics
    /// Never: every 32 bytes are a key.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(secret).expect("because every 32 bytes are an Ed25519 key");
        let mut public = [0; 32];
        public.copy_from_slice(pair.public_key().as_ref());
        Self { pair, public: PublicKey(public) }
    }

    /// What gates need.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The code of a ticket.
    #[must_use]
    pub fn code(&self, ticket: &Ticket) -> String {
        let said = ticket.said(self.public.id());
        let signature = self.pair.sign(&[FORM.as_bytes(), &said].concat());
        let mut bytes = [0; FILLED];
        bytes[..SAID].copy_from_slice(&said);
        bytes[SAID..BYTES].copy_from_slice(signature.as_ref());
        encode(&bytes)
    }
}

impl fmt::Debug for TicketKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TicketKey({})", self.public.id())
    }
}

/// Judges tickets; written as 64 hexadecimal digits, it may be known to everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Its short name, which stands in every code.
    #[must_use]
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0);
        KeyId([digest[0], digest[1], digest[2]])
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PublicKey {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        key_bytes(text).map(Self)
    }
}

/// The short name of a public key: six hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyId([u8; 3]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no key; it may be a secret one, so it is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it must have 64 hexadecimal digits")]
pub struct NotAKey;

/// The 32 bytes of a key, secret or public, from 64 hexadecimal digits.
///
/// # Errors
/// When it is anything else.
pub fn key_bytes(text: &str) -> Result<[u8; 32], NotAKey> {
    let (digits, rest) = text.as_bytes().as_chunks::<2>();
    let mut bytes = [0; 32];
    if digits.len() != bytes.len() || !rest.is_empty() {
        return Err(NotAKey);
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(digits) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high).zip(digit(*low)).map(|(high, low)| high << 4 | low).ok_or(NotAKey)?;
    }
    Ok(bytes)
}

/// Five bytes are eight characters.
fn encode(bytes: &[u8; FILLED]) -> String {
    let mut code = String::with_capacity(LENGTH + UNWRITTEN.len());
    code.push_str(FORM);
    for five in bytes.as_chunks::<5>().0 {
        let bits = five.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        code.extend((0..8).rev().map(|place| {
            let [.., value] = (bits >> (5 * place)).to_be_bytes();
            char::from(ALPHABET[usize::from(value & 31)])
        }));
    }
    code.truncate(LENGTH);
    code
}

/// The bytes of a text of the very length; what fills them up must be zero, or a ticket had two codes.
fn decode(text: &str) -> Option<[u8; FILLED]> {
    let text = [text, UNWRITTEN].concat();
    let (eights, rest) = text.as_bytes().as_chunks::<8>();
    let mut bytes = [0; FILLED];
    if eights.len() != FILLED / 5 || !rest.is_empty() {
        return None;
    }
    for (five, eight) in bytes.as_chunks_mut::<5>().0.iter_mut().zip(eights) {
        let mut bits = 0_u64;
        for letter in eight {
            let value = match letter {
                b'A'..=b'Z' => letter - b'A',
                b'2'..=b'7' => letter - b'2' + 26,
                _ => return None,
            };
            bits = bits << 5 | u64::from(value);
        }
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    bytes[BYTES..].iter().all(|byte| *byte == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> TicketKey {
        TicketKey::new(&[7; 32])
    }

    fn ticket() -> Ticket {
        Ticket { order: OrderId::from([0x5a; 16]), pool: PoolId(4_187_425_574_719_097_706), number: 1, of: 2 }
    }

    fn any_ticket() -> impl Strategy<Value = Ticket> {
        (any::<[u8; 16]>(), 0..=i64::MAX, 1..=u8::MAX, any::<u8>()).prop_map(|(order, pool, of, number)| Ticket {
            order: order.into(),
            pool: PoolId(pool),
            number: number % of + 1,
            of,
        })
    }

    proptest! {
        #[test]
        fn what_is_signed_is_read_again(ticket in any_ticket(), secret: [u8; 32]) {
            let key = TicketKey::new(&secret);
            let code = key.code(&ticket);
            prop_assert_eq!(code.len(), LENGTH);
            prop_assert!(code.bytes().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit()));
            prop_assert_eq!(Ticket::verify(&code, &[key.public()]), Ok((ticket, key.public().id())));
            prop_assert_eq!(TicketKey::new(&secret).code(&ticket), code, "the same at each time and place");
        }

        #[test]
        fn what_we_did_not_sign_is_no_ticket(text in "(STP1)?[A-Z2-7]{0,160}", bytes: [u8; 32]) {
            prop_assert!(Ticket::verify(&text, &[key().public(), PublicKey(bytes)]).is_err());
        }

        #[test]
        fn numbers_that_no_order_has_are_refused_though_signed(mut ticket in any_ticket(), beyond in 1..=u8::MAX) {
            ticket.number = ticket.of.checked_add(beyond).unwrap_or(0);
            prop_assert_eq!(Ticket::verify(&key().code(&ticket), &[key().public()]), Err(NotATicket::NoCode));
        }
    }

    #[test]
    fn each_flipped_bit_is_refused() {
        let code = key().code(&ticket());
        let bytes = decode(&code[FORM.len()..]).unwrap();
        for bit in 0..FILLED * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Of the zeros that fill them up only one is written.
            let forged = encode(&flipped);
            let is_unwritten = bit >= BYTES * 8 && forged == code;
            assert!(is_unwritten || Ticket::verify(&forged, &[key().public()]).is_err(), "bit {bit}");
        }
        let letters = code.as_bytes();
        for bit in 0..LENGTH * 8 {
            let mut flipped = letters.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let Ok(flipped) = String::from_utf8(flipped) else { continue };
            assert!(Ticket::verify(&flipped, &[key().public()]).is_err(), "bit {bit} of the text");
        }
    }

    #[test]
    fn nothing_may_stand_around_a_code_nor_be_missing() {
        let (code, keys) = (key().code(&ticket()), [key().public()]);
        assert!(Ticket::verify(&code, &keys).is_ok());
        let lower = code.to_lowercase();
        for other in [
            format!("{code} "),
            format!(" {code}"),
            format!("{code}\n"),
            format!("{code}="),
            format!("{code}A"),
            format!("{code}AAAAAAAA"),
            code[..LENGTH - 1].to_owned(),
            code[1..].to_owned(),
            code.replacen("STP1", "STP2", 1),
            code.replacen("STP1", "STP", 1),
            code.replacen("STP1", "stp1", 1),
            lower,
            String::new(),
            "STP1".to_owned(),
        ] {
            assert_eq!(Ticket::verify(&other, &keys), Err(NotATicket::NoCode), "{other}");
        }
    }

    /// The order of the curve, added to a signature's second half, is what other libraries let pass (RFC 8032, 8.4).
    #[test]
    fn a_signature_has_one_form() {
        const ORDER: [u8; 32] = [
            0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0,
            0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
        ];
        let code = key().code(&ticket());
        let mut bytes = decode(&code[FORM.len()..]).unwrap();
        let mut carry = 0_u16;
        for (byte, add) in bytes[SAID + 32..BYTES].iter_mut().zip(ORDER) {
            carry += u16::from(*byte) + u16::from(add);
            *byte = carry.to_le_bytes()[0];
            carry >>= 8;
        }
        let same = NotATicket::Forged(key().public().id());
        assert_eq!(Ticket::verify(&encode(&bytes), &[key().public()]), Err(same));
    }

    #[test]
    fn an_old_key_judges_old_tickets_beside_a_new_one() {
        let (old, new) = (key(), TicketKey::new(&[8; 32]));
        let code = old.code(&ticket());
        assert_eq!(Ticket::verify(&code, &[new.public()]), Err(NotATicket::OtherKey(old.public().id())));
        assert_eq!(Ticket::verify(&code, &[]), Err(NotATicket::OtherKey(old.public().id())));
        assert_eq!(
            Ticket::verify(&code, &[new.public(), old.public()]),
            Ok((ticket(), old.public().id())),
            "whichever comes first"
        );
    }

    /// Tickets hang on refrigerators: what is signed today must be read by what is built tomorrow.
    #[test]
    fn a_code_is_tomorrow_what_it_is_today() {
        assert_eq!(key().public().to_string(), "ea4a6c63e29c520abef5507b132ec5f9954776aebebe7b92421eea691446d22c");
        assert_eq!(
            key().code(&ticket()),
            "STP172ASYWS2LJNFUWS2LJNFUWS2LJNFUWR2DS4V7UEERNVACAT6WZK4MIAAWQAM2NU3MUXOC6NJ6NY64YCMKLHF4TXAM4NC256SL2MRYCJT2F5EQRGWLUL6YF7DPZIEXKSI672ILBDINEKCK2BU5Y3AK"
        );
    }

    #[test]
    fn a_key_is_64_hexadecimal_digits() {
        let public = key().public();
        assert_eq!(public.to_string().parse(), Ok(public));
        assert_eq!(public.to_string().to_uppercase().parse(), Ok(public));
        for wrong in
            ["", "ea4a", &"é".repeat(32), &"+1".repeat(32), &format!("{public}00"), &format!(" {public}")[..64]]
        {
            assert_eq!(wrong.parse::<PublicKey>(), Err(NotAKey), "{wrong}");
        }
    }
}
