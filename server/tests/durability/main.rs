//! Durability of embedded mode: images of the data directory, taken at arbitrary moments of a sale, cut and damaged, and opened
//! again by the code that opens a shop.
//!
//! | part | job |
//! |---|---|
//! | [`taking`] | freezes a selling shop and copies its files, with what buyers had been told until then |
//! | [`image`] | an image: its files, where transactions end in its logs, and what a shop finds in it |
//! | [`cutting`] | logs that end too early |
//! | [`turning`] | bits that turn |
//! | [`ending`] | a disk that fails while the shop sells |

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod cutting;
mod ending;
mod image;
#[path = "../support/mod.rs"]
mod support;
mod taking;
mod turning;

use image::Image;
use rand::{SeedableRng, rngs::SmallRng};
use std::{future::Future, sync::Arc};
use tokio::task::JoinSet;

/// Full size with the feature `proof`, a tenth of it in `make test`.
const IMAGES: usize = if cfg!(feature = "proof") { 2_000 } else { 200 };
/// Images damaged in the same way and opened without what notices it.
const CONTROLS: usize = IMAGES / 5;
/// Sales of which images are taken.
const SALES: usize = if cfg!(feature = "proof") { 8 } else { 1 };
/// Images opened at once.
const AT_ONCE: usize = 4;
/// Of the sales, cuts and bits.
const SEED: u64 = 20_270_819;

/// What became of many images.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    opened: usize,
    refused: usize,
    /// What is missing that had been acknowledged, by image.
    lost: Vec<String>,
    /// What was found in an image that opened and had not been written so.
    sold_from_damage: Vec<String>,
    /// Refusals that do not name the file and the way out.
    unhelpful: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.images += other.images;
        self.opened += other.opened;
        self.refused += other.refused;
        self.lost.extend(other.lost);
        self.sold_from_damage.extend(other.sold_from_damage);
        self.unhelpful.extend(other.unhelpful);
    }

    fn refuse(&mut self, refusal: &str, file: &str) {
        self.refused += 1;
        if !refusal.contains(file) || !refusal.contains("Restore a backup") {
            self.unhelpful.push(format!("{file}: {refusal}"));
        }
    }

    fn assert_clean(&self) {
        assert!(self.lost.is_empty(), "{} images: {:#?}", self.lost.len(), &self.lost[..1]);
        assert!(self.sold_from_damage.is_empty(), "{:#?}", &self.sold_from_damage[..1]);
        assert!(self.unhelpful.is_empty(), "{:#?}", &self.unhelpful[..1]);
        assert_eq!((self.images, self.opened + self.refused), (IMAGES, IMAGES));
    }
}

/// Does something to images in turn, several at once, each with chance of its own, until there are enough.
async fn many<F: Future<Output = Tally> + Send + 'static>(
    images: &Arc<Vec<Image>>,
    count: usize,
    seed: u64,
    one: fn(Arc<Vec<Image>>, usize, SmallRng) -> F,
) -> Tally {
    let mut workers = JoinSet::new();
    for worker in 0..AT_ONCE {
        let images = Arc::clone(images);
        workers.spawn(async move {
            let mut tally = Tally::default();
            for number in (worker..count).step_by(AT_ONCE) {
                let chance = SmallRng::seed_from_u64(seed ^ ((number as u64) << 20));
                tally.add(one(Arc::clone(&images), number % images.len(), chance).await);
            }
            tally
        });
    }
    let mut all = Tally::default();
    while let Some(tally) = workers.join_next().await {
        all.add(tally.unwrap());
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_the_files_nothing_acknowledged_is_lost_and_damage_is_never_sold_from() {
    println!("seed {SEED}");
    let images = Arc::new(taking::images(SALES, SEED).await);
    let acknowledged: usize = images.iter().map(|image| image.acknowledged.len()).max().unwrap();
    assert!(acknowledged > 100, "{acknowledged} orders are no sale");
    let cut = many(&images, IMAGES, SEED, cutting::cut).await;
    let turned = many(&images, IMAGES, SEED + 1, turning::turn).await;
    let unseen = many(&images, CONTROLS, SEED + 2, turning::turn_unseen).await;
    println!(
        "PROOF {}",
        serde_json::json!({
            "part": "durability", "seed": SEED, "moments": images.len(), "orders_in_an_image": acknowledged,
            "cut_images": cut.images, "flipped_images": turned.images,
            "opened": cut.opened + turned.opened, "refused": cut.refused + turned.refused,
            "cut_opened": cut.opened, "flipped_refused": turned.refused,
            "lost": cut.lost.len() + turned.lost.len(),
            "sold_from_damage": cut.sold_from_damage.len() + turned.sold_from_damage.len(),
            "control_images": unseen.images, "control_sold_from_damage": unseen.sold_from_damage.len(),
        })
    );
    cut.assert_clean();
    turned.assert_clean();
    // Both ends must have been seen, or there was nothing to notice.
    assert!(cut.opened > IMAGES / 2, "{cut:?}");
    assert!(turned.refused > IMAGES / 4, "{turned:?}");
    assert!(turned.opened > 0, "{turned:?}");
    // Such bits are there to be noticed: without the sums they are sold from.
    assert!(!unseen.sold_from_damage.is_empty(), "{unseen:?}");
}
