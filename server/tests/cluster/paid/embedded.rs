//! The sale in one process, which is killed again and again: shop, queues and bank are files.

use super::{Desk, Happened, LOOKS, RESTS_WITHIN, Sale, Size, buyer::ORGANIZER, figures::Figures, rows};
use crate::harness::{
    BINARY,
    door::address,
    free_address,
    node::{Node, Settings},
    servers::{Home, run as run_program},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{path::PathBuf, process::Command, time::Duration};
use tokio::time::Instant;

const KILLED: &str = "the process is killed";
const STANDS_STILL: &str = "the process stands still";
/// One stands still for so long, which is longer than it takes to pay.
const STILL: Duration = Duration::from_secs(2);

/// The shop.
struct Shop {
    node: Node,
    settings: Settings,
    address: String,
    data: PathBuf,
    /// Last: it goes when everything else is gone.
    home: Home,
}

pub(super) async fn run(size: &Size, seed: u64) -> Figures {
    let mut shop = Shop::open(size).await;
    let desk = Desk::Bank { patient: !size.is_short };
    let mut cards = desk.cards();
    let mut sale = Sale::begin(size, address(&shop.address), desk, seed);
    let accidents = shop.suffers(&sale, seed).await;
    sale.ends().await;
    let shown = sale.crowd.shown_at_last().await;
    let read = shop.at_rest().await;
    let books = read.books(size, rows::bank(&shop.data).await);
    let audit = shop.audit().await;
    let happened = sale.crowd.happened();
    cards.iter_mut().for_each(|(card, times)| *times = happened.get(card).copied().unwrap_or(0));
    sale.judge(&books, &accidents, &cards, &audit, shown)
}

impl Shop {
    /// One that sells, with holds that are over soon.
    async fn open(size: &Size) -> Self {
        let (home, address) = (Home::new(), free_address());
        let data = home.directory.join("data");
        let settings: Settings = [
            ("STAMPEDE_HTTP_ADDR", address.clone()),
            ("STAMPEDE_OPS_ADDR", "127.0.0.1:0".into()),
            ("STAMPEDE_DATA_DIR", data.display().to_string()),
            ("STAMPEDE_DEMO_OPENS_IN", "0s".into()),
            ("STAMPEDE_DEMO_CAPACITY", "1".into()),
            ("STAMPEDE_DEMO_VIP_CAPACITY", size.capacity.to_string()),
            ("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "0".into()),
            ("STAMPEDE_ORGANIZER_TOKEN", ORGANIZER.into()),
            ("STAMPEDE_PAYMENT_RATE", "400".into()),
            ("STAMPEDE_LOG", "info,actix_server=warn,actix_http=off".into()),
        ]
        .into();
        let node = Node::new("embedded".into(), settings.clone(), &home.directory);
        let mut shop = Self { node, settings, address, data, home };
        shop.node.start().await;
        shop.node.until_ready().await;
        assert!(shop.node.stop().await.success());
        rows::sqlite(&shop.data.join("shop.db"), &rows::holds_for(size));
        // The file was changed by somebody else, who was meant to.
        std::fs::remove_file(shop.data.join("shop.db-sums")).unwrap();
        shop.node.start().await;
        shop.node.until_ready().await;
        shop
    }

    /// Until everything is sold.
    async fn suffers(&mut self, sale: &Sale, seed: u64) -> Happened {
        let (mut chance, mut turn) = (SmallRng::seed_from_u64(seed), 0_u32);
        let mut happened = Happened::from([(KILLED, 0), (STANDS_STILL, 0)]);
        let mut next = Instant::now();
        while !sale.is_sold_out() {
            if Instant::now() < next {
                tokio::time::sleep(LOOKS / 5).await;
                continue;
            }
            next += sale.size.every.mul_f64(chance.random_range(0.7..1.3));
            turn += 1;
            if turn == 1 || happened.values().sum::<u64>() >= sale.size.most_accidents {
                // The sale has to begin first.
                continue;
            }
            if turn % 3 == 0 {
                self.node.signal("STOP");
                tokio::time::sleep(STILL).await;
                self.node.signal("CONT");
                *happened.entry(STANDS_STILL).or_default() += 1;
            } else {
                let before = self.node.id();
                self.node.kill();
                self.node.start().await;
                self.node.until_ready().await;
                assert_ne!(before, self.node.id());
                *happened.entry(KILLED).or_default() += 1;
            }
        }
        happened
    }

    /// Everything that is written, once nobody has anything to do any more; the shop does not run then.
    async fn at_rest(&mut self) -> rows::Read {
        let began = Instant::now();
        loop {
            assert!(self.node.stop().await.success());
            let of = |file: &str, statement: &str| rows::sqlite(&self.data.join(file), statement);
            let count = |file: &str, statement: &str| of(file, statement).parse::<u64>().unwrap();
            let buses = ["queue.db", "payments.db"];
            let on_buses = |statement: &str| buses.iter().map(|bus| count(bus, statement)).sum();
            let waiting = on_buses("SELECT count(*) FROM messages");
            if (waiting == 0 && of("shop.db", rows::DUE) == "0") || began.elapsed() > RESTS_WITHIN {
                let id = "lower(hex(id))";
                return rows::Read {
                    holds: of("shop.db", &rows::holds(id)),
                    payments: of("shop.db", &rows::payments("lower(hex(order_id))")),
                    pool: of("shop.db", rows::POOL),
                    waiting,
                    dead_letters: on_buses("SELECT count(*) FROM dead_letters WHERE ended_at IS NULL"),
                };
            }
            self.node.start().await;
            tokio::time::sleep(LOOKS * 4).await;
        }
    }

    async fn audit(&self) -> String {
        let mut command = Command::new(BINARY);
        command.arg("audit").env_clear().envs(&self.settings).current_dir(&self.home.directory);
        let output = run_program(command).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}
