//! Images of a shop that sells: the process is frozen, its files are copied, it goes on.

use crate::{
    image::Image,
    support::{Shop, crowd::Crowd, until},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    fs,
    process::{Command, Stdio},
    time::Duration,
};

/// Moments of a sale at which its files are copied; twice, with a death in between.
const MOMENTS: usize = 8;
/// Times that the files are opened and the opening dies.
const OPENINGS: usize = 6;
/// About as long as it takes to open and close them on a slow machine.
const LONGEST_OPENING_MICROS: u64 = 120_000;
/// Orders that the next start copies from the log into the file.
const BEFORE_THE_DEATH: usize = 1_200;
/// Buyers at once.
const BUYERS: u64 = 12;

/// Images of several sales, the moments of each in their order.
pub(super) async fn images(sales: usize, seed: u64) -> Vec<Image> {
    let mut images = Vec::new();
    for sale in 0..sales {
        let mut chance = SmallRng::seed_from_u64(seed + sale as u64);
        let mut shop = Shop::selling(1_000_000).await;
        let (crowd, mut everyone) = Crowd::come(&shop, BUYERS, seed + sale as u64);
        moments(&shop, &crowd, &mut chance, &mut images, sale).await;
        let many = async || crowd.promised.lock().unwrap().len() >= BEFORE_THE_DEATH;
        until("many orders will lie in the file rather than in its log", &mut { many }).await;
        shop.kill();
        images.push(taken(&shop, &crowd, sale).await);
        openings(&shop, &crowd, &mut chance, &mut images, sale).await;
        shop.start().await;
        crowd.follow(&shop);
        // Somebody else has the files too, opens and closes them.
        let beside = std::thread::scope(|scope| scope.spawn(|| shop.run(&["audit"])).join()).unwrap();
        assert!(beside.status.success(), "{beside:?}");
        moments(&shop, &crowd, &mut chance, &mut images, sale).await;
        crowd.go_home();
        everyone.abort_all();
        while everyone.join_next().await.is_some() {}
        assert!(shop.stop().success());
        images.push(taken(&shop, &crowd, sale).await);
    }
    images
}

/// A process that opens the files and closes them again, which copies a log and writes sums, dies anywhere in it.
async fn openings(shop: &Shop, crowd: &Crowd, chance: &mut SmallRng, images: &mut Vec<Image>, sale: usize) {
    for _ in 0..OPENINGS {
        let mut opening = Command::new(env!("CARGO_BIN_EXE_stampede"));
        opening.arg("migrate").env_clear().env("STAMPEDE_DATA_DIR", shop.data()).stdout(Stdio::null());
        let mut opening = opening.spawn().unwrap();
        tokio::time::sleep(Duration::from_micros(chance.random_range(0..LONGEST_OPENING_MICROS))).await;
        opening.kill().unwrap();
        opening.wait().unwrap();
        images.push(taken(shop, crowd, sale).await);
    }
}

async fn moments(shop: &Shop, crowd: &Crowd, chance: &mut SmallRng, images: &mut Vec<Image>, sale: usize) {
    for _ in 0..MOMENTS {
        let before = crowd.promised.lock().unwrap().len();
        let orders = chance.random_range(1..60);
        until("orders flow", &mut async || crowd.promised.lock().unwrap().len() >= before + orders).await;
        tokio::time::sleep(Duration::from_micros(chance.random_range(0..30_000))).await;
        let frozen = Frozen::at_once(shop.process()).await;
        images.push(taken(shop, crowd, sale).await);
        drop(frozen);
    }
}

/// Nobody writes meanwhile.
async fn taken(shop: &Shop, crowd: &Crowd, sale: usize) -> Image {
    // Buyers who were told before the files are read.
    let acknowledged = crowd.promised.lock().unwrap().keys().cloned().collect();
    let mut files = Vec::new();
    for entry in fs::read_dir(shop.data()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        // The memory that SQLite shares between processes dies with them.
        if name.contains(".db") && !name.ends_with("-shm") {
            files.push((name, fs::read(entry.path()).unwrap()));
        }
    }
    files.sort();
    Image::looked_into(files, acknowledged, sale).await
}

/// A process that stands still until this is dropped.
struct Frozen(String);

impl Frozen {
    async fn at_once(process: u32) -> Self {
        let frozen = Self(process.to_string());
        frozen.signal("-STOP");
        // What a thread had begun in the kernel comes to its end first.
        until("every thread stands still", &mut async || {
            fs::read_dir(format!("/proc/{process}/task")).unwrap().all(|thread| {
                let state = fs::read_to_string(thread.unwrap().path().join("stat")).unwrap_or_default();
                state.rsplit(") ").next().is_some_and(|state| state.starts_with('T'))
            })
        })
        .await;
        frozen
    }

    fn signal(&self, signal: &str) {
        assert!(Command::new("kill").args([signal, &self.0]).status().unwrap().success());
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}
