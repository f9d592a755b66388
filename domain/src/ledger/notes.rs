//! The ledger's compact memory of decisions: 25 bytes a note, bounded, the oldest dropped first.
//!
//! Notes are written into segments; a small index finds them. What is dropped is remembered by one time only, that of the
//! writing of the newest note dropped: an id that may be that old is looked up in the store.

use super::{image::NoteImage, shards::Shards};
use crate::{fingerprint::Fingerprint, id::OrderId, order::Decision, time::Millis};
use hashbrown::{DefaultHashBuilder, HashTable};
use std::{collections::VecDeque, hash::BuildHasher};

/// Most notes of a pool, about 35 bytes each with their index: a whole large sale stays answerable without the store.
pub const NOTES_KEPT: usize = 1 << 20;
/// Notes of a segment, which is dropped at once: small enough not to be felt, large enough to be rare.
const SEGMENT: usize = SEGMENT_POSITIONS as usize;
const SEGMENT_POSITIONS: u32 = 4096;

/// A decision and what the order was asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// What the store said.
    pub decision: Decision,
    /// Asked with what.
    pub fingerprint: Fingerprint,
}

#[derive(Clone, Debug)]
struct Segment {
    notes: Vec<[u8; 25]>,
    /// The latest writing in here, replacements included.
    written: Millis,
}

#[derive(Clone, Debug)]
pub(super) struct Notes {
    kept: usize,
    hasher: DefaultHashBuilder,
    /// Positions since the first note ever; wrapping is harmless, for far fewer are kept than fit.
    index: Shards<HashTable<u32>>,
    segments: VecDeque<Segment>,
    /// Position of the first note of the first segment.
    first: u32,
    dropped_until: Option<Millis>,
}

impl Default for Notes {
    fn default() -> Self {
        Self::keeping(NOTES_KEPT)
    }
}

impl Notes {
    pub(super) fn keeping(kept: usize) -> Self {
        Self {
            kept,
            hasher: DefaultHashBuilder::default(),
            index: Shards::default(),
            segments: VecDeque::new(),
            first: 0,
            dropped_until: None,
        }
    }

    /// When the newest note that was dropped had been written.
    pub(super) fn dropped_until(&self) -> Option<Millis> {
        self.dropped_until
    }

    pub(super) fn find(&self, order: OrderId) -> Option<Noted> {
        let position = self.position(order)?;
        let (segment, offset) = self.place(position);
        decode(&self.segments[segment].notes[offset]).map(|(_, noted)| noted)
    }

    /// Writes or replaces the note of an order. A decision is made once, so a replacement says the same again.
    pub(super) fn write(&mut self, now: Millis, order: OrderId, noted: Noted) {
        let note = encode(order, noted);
        if let Some(position) = self.position(order) {
            let (segment, offset) = self.place(position);
            let segment = &mut self.segments[segment];
            segment.notes[offset] = note;
            segment.written = segment.written.max(now);
            return;
        }
        if self.segments.back().is_none_or(|segment| segment.notes.len() == SEGMENT) {
            self.make_room();
            self.segments.push_back(Segment { notes: Vec::with_capacity(SEGMENT), written: now });
        }
        if let Some(last) = self.segments.back_mut() {
            last.written = last.written.max(now);
        }
        self.append(order, noted);
    }

    /// Puts a note that is none yet behind the last one of the last segment.
    fn append(&mut self, order: OrderId, noted: Noted) {
        let full = self.segments.len().saturating_sub(1) * SEGMENT;
        let Some(last) = self.segments.back_mut() else { return };
        let position = self.first.wrapping_add(u32::try_from(full + last.notes.len()).unwrap_or(u32::MAX));
        last.notes.push(encode(order, noted));
        let hash = self.hasher.hash_one(order);
        let (segments, hasher, first) = (&self.segments, &self.hasher, self.first);
        self.index
            .of_mut(shard(order))
            .insert_unique(hash, position, |&position| hasher.hash_one(order_at(segments, first, position)));
    }

    fn make_room(&mut self) {
        if self.segments.len() * SEGMENT >= self.kept {
            self.drop_oldest();
        }
    }

    pub(super) fn drop_oldest(&mut self) {
        let Some(oldest) = self.segments.front().filter(|oldest| !oldest.notes.is_empty()) else { return };
        for offset in 0..oldest.notes.len() {
            let position = self.first.wrapping_add(u32::try_from(offset).unwrap_or(u32::MAX));
            let order = order_at(&self.segments, self.first, position);
            let hash = self.hasher.hash_one(order);
            if let Ok(entry) = self.index.of_mut(shard(order)).find_entry(hash, |&other| other == position) {
                entry.remove();
            }
        }
        self.dropped_until = self.dropped_until.max(Some(oldest.written));
        // Whole segments, also where one made from an image is not full: those behind it keep their positions.
        self.first = self.first.wrapping_add(SEGMENT_POSITIONS);
        self.segments.pop_front();
    }

    /// The notes, the oldest first.
    pub(super) fn image(&self) -> Vec<NoteImage> {
        let written = |segment: &Segment| {
            let written = segment.written;
            let notes = segment.notes.iter().filter_map(decode);
            notes.map(move |(order, noted)| NoteImage { order, noted, written }).collect::<Vec<_>>()
        };
        self.segments.iter().flat_map(written).collect()
    }

    /// Notes that stand in a segment each, and an empty one for the next.
    pub(super) fn of_image(image: &[NoteImage], dropped_until: Option<Millis>) -> Self {
        let mut notes = Self { dropped_until, ..Self::default() };
        for &NoteImage { order, noted, written } in image {
            notes.segments.push_back(Segment { notes: Vec::new(), written });
            notes.append(order, noted);
        }
        notes.segments.push_back(Segment { notes: Vec::new(), written: Millis(i64::MIN) });
        notes
    }

    fn position(&self, order: OrderId) -> Option<u32> {
        let hash = self.hasher.hash_one(order);
        let same = |&position: &u32| order_at(&self.segments, self.first, position) == order;
        self.index.of(shard(order)).find(hash, same).copied()
    }

    fn place(&self, position: u32) -> (usize, usize) {
        place(self.first, position)
    }
}

fn place(first: u32, position: u32) -> (usize, usize) {
    let offset = position.wrapping_sub(first) as usize;
    (offset / SEGMENT, offset % SEGMENT)
}

fn order_at(segments: &VecDeque<Segment>, first: u32, position: u32) -> OrderId {
    let (segment, offset) = place(first, position);
    let mut id = [0; 16];
    id.copy_from_slice(&segments[segment].notes[offset][..16]);
    id.into()
}

/// The id's last byte: the only part of a UUIDv7 that is even over a sale's minutes.
fn shard(order: OrderId) -> i64 {
    i64::from(order.bytes()[15])
}

fn encode(order: OrderId, noted: Noted) -> [u8; 25] {
    let mut note = [0; 25];
    note[..16].copy_from_slice(&order.bytes());
    note[16..24].copy_from_slice(&noted.fingerprint.0.to_be_bytes());
    note[24] = noted.decision.code();
    note
}

fn decode(note: &[u8; 25]) -> Option<(OrderId, Noted)> {
    let (mut id, mut fingerprint) = ([0; 16], [0; 8]);
    id.copy_from_slice(&note[..16]);
    fingerprint.copy_from_slice(&note[16..24]);
    let decision = Decision::from_code(note[24])?;
    Some((id.into(), Noted { decision, fingerprint: Fingerprint(i64::from_be_bytes(fingerprint)) }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> OrderId {
        OrderId(uuid::Uuid::from_u128(number as u128 * 7919))
    }

    const NOTE: Noted = Noted { decision: Decision::Confirmed, fingerprint: Fingerprint(9) };

    #[test]
    fn the_oldest_notes_go_first_and_their_time_stays() {
        let mut notes = Notes::keeping(2 * SEGMENT);
        for number in 0..3 * SEGMENT {
            notes.write(Millis(number as i64), id(number), NOTE);
        }
        assert_eq!(notes.find(id(SEGMENT - 1)), None);
        assert_eq!(notes.find(id(SEGMENT)), Some(NOTE));
        assert_eq!(notes.find(id(3 * SEGMENT - 1)), Some(NOTE));
        assert_eq!(notes.dropped_until(), Some(Millis(SEGMENT as i64 - 1)));
    }

    #[test]
    fn positions_wrap_and_no_note_is_lost_or_mistaken() {
        let first = u32::MAX - u32::try_from(2 * SEGMENT).unwrap();
        let mut notes = Notes { first, ..Notes::keeping(2 * SEGMENT) };
        for number in 0..6 * SEGMENT {
            let noted = Noted { fingerprint: Fingerprint(number as i64), ..NOTE };
            notes.write(Millis(number as i64), id(number), noted);
            assert_eq!(notes.find(id(number)), Some(noted));
        }
        assert!(notes.first < first, "it has wrapped");
        for number in 0..6 * SEGMENT {
            let found = notes.find(id(number)).map(|noted| noted.fingerprint);
            assert_eq!(found, (number >= 4 * SEGMENT).then_some(Fingerprint(number as i64)), "{number}");
        }
    }

    #[test]
    fn notes_made_from_an_image_are_dropped_one_by_one() {
        let image: Vec<_> =
            (0..3).map(|number| NoteImage { order: id(number), noted: NOTE, written: Millis(number as i64) }).collect();
        let mut notes = Notes::of_image(&image, None);
        assert_eq!(notes.image(), image);
        notes.drop_oldest();
        assert_eq!((notes.image(), notes.dropped_until()), (image[1..].to_vec(), Some(Millis(0))));
        notes.write(Millis(9), id(7), NOTE);
        for kept in [1, 2, 7] {
            assert_eq!(notes.find(id(kept)), Some(NOTE), "{kept}");
        }
        notes.drop_oldest();
        assert_eq!((notes.find(id(1)), notes.find(id(2)), notes.find(id(7))), (None, Some(NOTE), Some(NOTE)));
    }

    #[test]
    fn a_note_written_again_is_one_note() {
        let mut notes = Notes::keeping(SEGMENT);
        for _ in 0..3 * SEGMENT {
            notes.write(Millis(1), id(1), NOTE);
        }
        assert_eq!(notes.find(id(1)), Some(NOTE));
        assert_eq!(notes.dropped_until(), None);
    }
}
