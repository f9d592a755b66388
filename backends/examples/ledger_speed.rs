//! How fast a ledger is: `cargo run --release -p stampede-backends --example ledger_speed [orders] [batch] [at once] [redis URL]`.
//! Claims, promises and settles each order, in batches, several at once; the ledger in the process first, then Redis if a URL
//! is given. The client's share is the time its one thread was busy; the rest of a second is the server's or nobody's.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and reads the machine's clock"
)]

use stampede_actors::{
    clock::{Clock, SystemClock},
    ports::{ClaimOf, Ledger, PortResult, PromiseOf},
};
use stampede_backends::{InProcessLedger, RedisLedger, RedisOptions};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, Millis, OrderId, PoolId, PoolNumbers, Settlement,
    event::Terms,
    ledger::{Broken, ClaimAnswer, ClaimRequest, Opening, PromiseAnswer},
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const POOL: PoolId = PoolId(1);
const CAPACITY: u32 = 100_000_000;

#[derive(Clone, Copy)]
struct Load {
    orders: usize,
    batch: usize,
    at_once: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: usize| arguments.get(at).map_or(Ok(usual), |argument| argument.parse::<usize>());
    let load = Load { orders: number(0, 400_000)?, batch: number(1, 100)?, at_once: number(2, 8)? };
    measure("in process", Arc::new(InProcessLedger::new(Arc::new(SystemClock))), load).await?;
    if let Some(url) = arguments.get(3) {
        let began = SystemClock.now().0.unsigned_abs();
        let options = RedisOptions {
            url: url.clone(),
            prefix: format!("speed-{began}"),
            response_timeout: Duration::from_secs(5),
            connect_patience: Duration::from_secs(1),
            process: began,
        };
        measure("redis", Arc::new(RedisLedger::connect(options).await?), load).await?;
    }
    Ok(())
}

async fn measure<L: Ledger + 'static>(name: &str, ledger: Arc<L>, load: Load) -> PortResult<()> {
    ledger.open(POOL, &opening()).await?;
    let rounds = load.orders / load.batch;
    let claims = |round: usize| -> Vec<_> { (0..load.batch).map(|each| claim(round * load.batch + each)).collect() };
    let claiming = per_second("claims", name, load, rounds, |round| {
        let (ledger, claims) = (Arc::clone(&ledger), claims(round));
        async move {
            let answers = ledger.claim(&claims).await.expect("because the server is up while it is measured");
            assert!(answers.iter().all(|answer| matches!(answer, Some(ClaimAnswer::Claimed { .. }))), "not claimed");
        }
    });
    claiming.await;
    let promising = per_second("promises", name, load, rounds, |round| {
        let ledger = Arc::clone(&ledger);
        let promise =
            |of: ClaimOf| PromiseOf { pool: POOL, order: of.request.order, fingerprint: of.request.fingerprint };
        let promises: Vec<_> = claims(round).into_iter().map(promise).collect();
        async move {
            let answers = ledger.promise(&promises).await.expect("because the server is up while it is measured");
            assert!(answers.iter().all(|answer| *answer == PromiseAnswer::Promised), "not promised");
        }
    });
    promising.await;
    let settling = per_second("settled", name, load, rounds, |round| {
        let ledger = Arc::clone(&ledger);
        let decide = |of: ClaimOf| Decided {
            order: of.request.order,
            fingerprint: of.request.fingerprint,
            decision: Decision::Confirmed,
        };
        let decided = claims(round).into_iter().map(decide).collect();
        let numbers = PoolNumbers { capacity: CAPACITY, held: 0, sold: 1, version: round as u64 + 2 };
        let settlement = Settlement { pool: POOL, numbers, decided, buyers: vec![] };
        async move {
            let broken = ledger.settle(&[settlement], None).await.expect("because the server is up");
            assert_eq!(broken, Broken::default());
        }
    });
    settling.await;
    Ok(())
}

/// Runs `rounds` of a step, `at_once` of them under way at any time.
async fn per_second<F, R>(what: &str, name: &str, load: Load, rounds: usize, step: F)
where
    F: Fn(usize) -> R,
    R: Future<Output = ()> + Send + 'static,
{
    let (begun, busy) = (Instant::now(), cpu());
    let mut under_way = tokio::task::JoinSet::new();
    for round in 0..rounds {
        if under_way.len() == load.at_once {
            under_way.join_next().await.transpose().expect("because no step panics");
        }
        under_way.spawn(step(round));
    }
    while let Some(done) = under_way.join_next().await {
        done.expect("because no step panics");
    }
    let (elapsed, busy) = (begun.elapsed(), cpu().saturating_sub(busy));
    let speed = (rounds * load.batch) as f64 / elapsed.as_secs_f64();
    let share = 100.0 * busy.as_secs_f64() / elapsed.as_secs_f64();
    println!("{name:>10} {what:>8}: {speed:>9.0}/s in batches of {}, client busy {share:.0} %", load.batch);
}

/// This process's CPU time, where `/proc` tells it; in hundredths of a second.
fn cpu() -> Duration {
    let told = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = told.rsplit(')').next().unwrap_or_default();
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|ticks| ticks.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

fn opening() -> Opening {
    Opening {
        epoch: 1,
        numbers: PoolNumbers { capacity: CAPACITY, held: 0, sold: 0, version: 1 },
        terms: Terms { opens_at: Millis(0), closes_at: Millis(1 << 46), paused: false, limit_per_buyer: None },
        buyers: vec![],
        undecided: vec![],
        virgin: true,
        drained: true,
        revision: 1,
    }
}

/// A claim with an id as random as real ones.
fn claim(number: usize) -> ClaimOf {
    let mixed = (number as u64).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let time = 4_000_000_000_000_u64;
    let id = (u128::from(time) << 80) | 0x7000_8000_0000_0000_0000 | u128::from(mixed >> 2);
    let request = ClaimRequest {
        order: OrderId(uuid::Uuid::from_u128(id)),
        quantity: 1,
        buyer: BuyerId(1),
        fingerprint: Fingerprint(1),
        looked_up: None,
    };
    ClaimOf { pool: POOL, request }
}
