//! Logs that end too early: what was whole by then is there, and nothing else.

use crate::{
    Tally,
    image::{Content, Files, Image, open},
};
use rand::{Rng, rngs::SmallRng};
use std::{collections::BTreeMap, sync::Arc};

/// Cuts an image, opens it, and compares it with what was known.
pub(super) async fn cut(images: Arc<Vec<Image>>, place: usize, mut chance: SmallRng) -> Tally {
    let image = &images[place];
    match chance.random_range(0..3) {
        0 => cut_one(&images, image, "shop.db-wal", &mut chance).await,
        1 => cut_one(&images, image, "queue.db-wal", &mut chance).await,
        _ => turn_back(&images, image, &mut chance).await,
    }
}

/// One log ends at an arbitrary byte.
async fn cut_one(images: &[Image], image: &Image, name: &str, chance: &mut SmallRng) -> Tally {
    let of = |image: &Image| if name == "shop.db-wal" { image.shop_log.clone() } else { image.queue_log.clone() };
    let log = of(image);
    let length = chance.random_range(0..=log.end().max(1) + 4_200);
    let files = image.with(name, |bytes| bytes.truncate(length));
    let kept = log.kept(length);
    let mut tally = Tally { images: 1, ..Tally::default() };
    let found = match open(&files).await {
        Ok(found) => found,
        Err(refusal) => {
            tally.refuse(&refusal, name);
            return tally;
        }
    };
    tally.opened += 1;
    let at = format!("{name} cut to {length} bytes, {kept} of {} transactions", log.ends.len());
    if !found.breaches.is_empty() {
        tally.sold_from_damage.push(format!("{at}: {:?}", found.breaches));
    }
    // Moments of the same log of which all is kept: what was there then, and has not been taken away since, is there.
    let whole = images.iter().filter(|earlier| earlier.sale == image.sale && log.continues(&of(earlier)));
    for earlier in whole.filter(|earlier| of(earlier).ends.len() <= kept) {
        let gone = earlier.content.orders.keys().filter(|order| !found.orders.contains_key(*order)).count();
        let stays = |payload: &&Vec<u8>| image.content.waiting.contains(payload);
        let drained = earlier.content.waiting.iter().filter(stays).filter(|payload| !found.waiting.contains(payload));
        let drained = drained.count();
        if gone + drained > 0 || found.version() < earlier.content.version() {
            tally.lost.push(format!("{at}: {gone} orders and {drained} messages of an earlier moment"));
        }
    }
    if found.orders != up_to(image, found.version()) {
        tally.sold_from_damage.push(format!("{at}: the orders are not those up to the pool's version"));
    }
    tally
}

/// The orders decided up to a version of the pool.
fn up_to(image: &Image, version: u64) -> BTreeMap<stampede_domain::OrderId, stampede_actors::ports::OrderRecord> {
    let rows = image.content.orders.iter().filter(|(_, row)| row.version <= version);
    rows.map(|(order, row)| (*order, row.clone())).collect()
}

/// Both logs end where they had ended at an earlier moment, or somewhere in the transaction after it: a power cut then.
async fn turn_back(images: &[Image], image: &Image, chance: &mut SmallRng) -> Tally {
    let earlier: Vec<_> = images
        .iter()
        .filter(|earlier| earlier.sale == image.sale && earlier.acknowledged.len() <= image.acknowledged.len())
        .filter(|earlier| image.shop_log.continues(&earlier.shop_log) && image.queue_log.continues(&earlier.queue_log))
        .collect();
    let then = if earlier.is_empty() { image } else { earlier[chance.random_range(0..earlier.len())] };
    let (shop, queue) = (
        until_next(&image.shop_log.ends, then.shop_log.end(), chance),
        until_next(&image.queue_log.ends, then.queue_log.end(), chance),
    );
    let mut files: Files = image.with("shop.db-wal", |bytes| bytes.truncate(shop));
    if let Some((_, bytes)) = files.iter_mut().find(|(name, _)| name == "queue.db-wal") {
        bytes.truncate(queue);
    }
    let mut tally = Tally { images: 1, ..Tally::default() };
    match open(&files).await {
        Err(refusal) => {
            let file = if refusal.contains("shop.db-wal") { "shop.db-wal" } else { "queue.db-wal" };
            tally.refuse(&refusal, file);
        }
        Ok(found) => {
            tally.opened += 1;
            judge(&found, then, &mut tally);
        }
    }
    tally
}

/// Somewhere behind an end and before the next one.
fn until_next(ends: &[usize], end: usize, chance: &mut SmallRng) -> usize {
    let next = ends.iter().find(|next| **next > end).copied().unwrap_or(end + 1);
    chance.random_range(end..next.max(end + 1))
}

fn judge(found: &Content, then: &Image, tally: &mut Tally) {
    let missing = found.missing(&then.acknowledged);
    if !missing.is_empty() {
        tally.lost.push(format!("{} orders that were told 202: {missing:?}", missing.len()));
    }
    if *found != then.content {
        tally.sold_from_damage.push("it is not what was there at that moment".into());
    }
}
