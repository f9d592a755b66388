//! Bytes to and from the scripts: little-endian integers, ids turned so that their random half comes first.

use redis::Value;
use stampede_actors::ports::{PortFailure, PortResult};
use stampede_domain::{Millis, OrderId};

/// Versions, epochs and times lie below this: numbers of the scripts are doubles, and versions are kept in 6 bytes.
const EXACT: u64 = 1 << 48;

/// An argument being packed.
#[derive(Debug, Default)]
pub(super) struct Packed(pub(super) Vec<u8>);

impl Packed {
    pub(super) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// 8 bytes.
    pub(super) fn number(&mut self, number: i64) -> &mut Self {
        self.bytes(&number.to_le_bytes())
    }

    /// 8 bytes.
    pub(super) fn count(&mut self, number: usize) -> &mut Self {
        self.number(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// 4 bytes.
    pub(super) fn units(&mut self, units: u32) -> &mut Self {
        self.bytes(&units.to_le_bytes())
    }

    /// A moment. One outside of what the scripts count exactly is before or after every other one anyway.
    pub(super) fn time(&mut self, time: Millis) -> &mut Self {
        self.number(time.0.clamp(0, i64::try_from(EXACT).unwrap_or(i64::MAX)))
    }

    /// 16 bytes: the random half first. Texts are searched for ids, and those of one minute begin alike.
    pub(super) fn order(&mut self, order: OrderId) -> &mut Self {
        let bytes = order.bytes();
        self.bytes(&bytes[8..]).bytes(&bytes[..8])
    }
}

/// A version, epoch or revision.
///
/// # Errors
/// `Impossible` for one that the scripts cannot count.
pub(super) fn exact(number: u64) -> PortResult<i64> {
    match i64::try_from(number) {
        Ok(fine) if number < EXACT => Ok(fine),
        _ => Err(PortFailure::Impossible(format!("{number} is beyond what the ledger's scripts count exactly"))),
    }
}

/// An answer being read. A text that is too short is a fault of the scripts, after the step was done.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn array<const N: usize>(&mut self) -> PortResult<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk::<N>().ok_or_else(garbled)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn byte(&mut self) -> PortResult<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(super) fn number(&mut self) -> PortResult<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(super) fn count(&mut self) -> PortResult<u64> {
        u64::try_from(self.number()?).map_err(|_| garbled())
    }

    pub(super) fn units(&mut self) -> PortResult<u32> {
        Ok(u32::try_from(self.number()?.max(0)).unwrap_or(u32::MAX))
    }

    pub(super) fn time(&mut self) -> PortResult<Millis> {
        self.number().map(Millis)
    }

    pub(super) fn order(&mut self) -> PortResult<OrderId> {
        let (tail, head) = (self.array::<8>()?, self.array::<8>()?);
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&head);
        bytes[8..].copy_from_slice(&tail);
        Ok(bytes.into())
    }
}

/// The bytes of a script's answer.
pub(super) fn text(value: Value) -> PortResult<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        _ => Err(garbled()),
    }
}

pub(super) fn garbled() -> PortFailure {
    PortFailure::Unknown("Redis gave an answer that no script of this version gives".into())
}
