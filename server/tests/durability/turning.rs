//! Bits that turn: noticed, or where they do not matter.

use crate::{
    Tally,
    image::{Content, Files, Image, open},
};
use rand::{Rng, rngs::SmallRng};
use std::sync::Arc;

/// Turns one bit of one file, opens the image, and compares it with what it was.
pub(super) async fn turn(images: Arc<Vec<Image>>, place: usize, mut chance: SmallRng) -> Tally {
    let image = &images[place];
    let (name, damaged) = turned(image, &mut chance, |_| true);
    let mut tally = Tally { images: 1, ..Tally::default() };
    match open(&damaged).await {
        Err(refusal) => tally.refuse(&refusal, name),
        Ok(found) => tally.judge(&found, image, name),
    }
    tally
}

/// The control: the same with the two files that a sale is in, by a shop that has no sums and so relies on SQLite and the laws.
pub(super) async fn turn_unseen(images: Arc<Vec<Image>>, place: usize, mut chance: SmallRng) -> Tally {
    // At rest everything is in the files, and nothing in their logs.
    let at_rest: Vec<_> = images.iter().filter(|image| image.shop_log.ends.is_empty()).collect();
    let image = at_rest[place % at_rest.len()];
    let (name, mut damaged) = turned(image, &mut chance, |name| name == "shop.db");
    damaged.retain(|(name, _)| !name.ends_with("-sums"));
    let mut tally = Tally { images: 1, ..Tally::default() };
    match open(&damaged).await {
        Err(_) => tally.refused += 1,
        Ok(found) => tally.judge(&found, image, name),
    }
    tally
}

/// The name of a file, and all of them with one bit of that one turned.
fn turned<'i>(image: &'i Image, chance: &mut SmallRng, may_be: impl Fn(&str) -> bool) -> (&'i str, Files) {
    let files: Vec<_> = image.files.iter().filter(|(name, bytes)| !bytes.is_empty() && may_be(name)).collect();
    let (name, bytes) = files[chance.random_range(0..files.len())];
    // Behind the end of a log lies what an earlier one left there.
    let end = match name.as_str() {
        "shop.db-wal" => image.shop_log.end().max(1),
        "queue.db-wal" => image.queue_log.end().max(1),
        _ => bytes.len(),
    };
    let (at, bit) = (chance.random_range(0..end), chance.random_range(0..8));
    (name, image.with(name, |bytes| bytes[at] ^= 1 << bit))
}

impl Tally {
    fn judge(&mut self, found: &Content, image: &Image, name: &str) {
        self.opened += 1;
        let missing = found.missing(&image.acknowledged);
        if !missing.is_empty() {
            self.lost.push(format!("{} orders after a bit of {name}", missing.len()));
        }
        if *found != image.content {
            self.sold_from_damage.push(format!("a bit of {name}"));
        }
    }
}
