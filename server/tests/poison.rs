//! One poison message in a hundred costs no more than a tenth of the speed: `make proof`.
//!
//! Both runs write as many messages from the same kind of queue into the same kind of store, in turns, so that what else this
//! machine does falls on both. Nobody buys meanwhile: it is the writers that are measured, with all their work to do at once.
//! (`actors/tests/writing_orders.rs` counts the transactions of the same mixture, which no load on the machine changes.)

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

use bytes::Bytes;
use stampede_actors::{
    chance::KeyMaker,
    clock::{Clock, SystemClock},
    ports::{Outgoing, PortFailure},
    wire,
};
use stampede_backends::{
    Flaky,
    flaky::{Fault, Script},
};
use stampede_domain::{BuyerId, Contact, Fingerprint, Intent, PoolId};
use stampede_server::{
    config::Config,
    demo,
    wiring::{Ports, Stage},
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

const MESSAGES: usize = 50_000;
/// One in so many is poison.
const POISON_EVERY: usize = 100;
/// A run takes less than a second, and the machine is noisier than what is measured: the median of many.
const ROUNDS: usize = 15;
/// The control is slow and far from the limit.
const CONTROL_EVERY: usize = 5;
/// What has to be left of the speed.
const LEAST: f64 = 0.9;
/// A run takes seconds; a writer that stands still is noticed.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a run of 50,000 messages took.
struct Run {
    took: Duration,
    sold: u32,
    set_aside: usize,
}

#[test]
fn one_percent_of_poison_leaves_nine_tenths_of_the_speed() {
    const POISON: usize = MESSAGES / POISON_EVERY;
    let (mut clean, mut poisoned) = (Vec::new(), Vec::new());
    let (mut named, mut halved) = (Vec::new(), Vec::new());
    // The first run of all pays for what is only paid once.
    run(Kind::Clean);
    // Against neighbours in time, so that a machine that grows slower meanwhile does not count.
    for round in 0..ROUNDS {
        let beside = per_second(&run(Kind::Clean), 0);
        clean.push(beside);
        poisoned.push(per_second(&run(Kind::Poison), POISON));
        named.push(poisoned[round] / beside);
        if round % CONTROL_EVERY == 0 {
            halved.push(per_second(&run(Kind::PoisonThatNobodyNames), POISON) / beside);
        }
    }
    let (ratio, halved_ratio) = (median(named), median(halved));
    println!(
        "PROOF {{\"part\":\"poison\",\"messages\":{MESSAGES},\"poison\":{POISON},\"rounds\":{ROUNDS},\
         \"clean_per_second\":{:.0},\"poisoned_per_second\":{:.0},\"ratio\":{ratio:.3},\
         \"ratio_if_only_halved\":{halved_ratio:.3}}}",
        median(clean),
        median(poisoned)
    );
    assert!(ratio >= LEAST, "with poison only {ratio:.3} of the speed is left");
    assert!(
        halved_ratio < LEAST,
        "the check would not notice if every culprit had to be found by halving: {halved_ratio:.3}"
    );
}

/// What is on the queue, and what the store can tell about it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clean,
    Poison,
    /// The store names none of what it cannot store, so that it is found by halving.
    PoisonThatNobodyNames,
}

/// Messages a second; everything that is no poison must have been sold, and all that is set aside.
fn per_second(run: &Run, poison: usize) -> f64 {
    assert_eq!((run.sold as usize, run.set_aside), (MESSAGES - poison, poison));
    f64::from(u32::try_from(MESSAGES).unwrap()) / run.took.as_secs_f64()
}

fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Fills a queue, and lets the writers have it.
fn run(kind: Kind) -> Run {
    let directory = tempfile::tempdir().unwrap();
    let home = format!("--data-dir={}", directory.path().display());
    let settings = ["--demo-capacity=1000000", "--demo-opens-in=0s", "--demo-limit-per-buyer=0"];
    let config = Config::of([home.as_str()].into_iter().chain(settings)).unwrap();
    actix::System::new().block_on(async move {
        let (ports, books) = Ports::embedded(&config.data_dir).await.unwrap();
        demo::seed(&config, ports.catalogue.as_ref(), ports.clock.now()).await.unwrap();
        let event = ports.catalogue.snapshot().await.unwrap().listings.remove(0).event;
        let pool = event.ticket_types[0].pool(&event.slug);
        let keys = KeyMaker::new(Arc::new(SystemClock));
        let messages: Vec<_> = (0..MESSAGES).map(|number| message(number, pool, &keys, kind != Kind::Clean)).collect();
        for batch in messages.chunks(1_000) {
            assert!(ports.bus.publish(batch.to_vec()).await.iter().all(Result::is_ok));
        }
        let script = Script::default();
        if kind == Kind::PoisonThatNobodyNames {
            script.always("unstorable", Fault::Fail(PortFailure::Unavailable("it does not tell".into())));
        }
        let ports = Ports { store: Arc::new(Flaky::new(ports.store, script)), ..ports };
        let began = Instant::now();
        let stage = Stage::set(&config, ports.clone(), None);
        while ports.bus.backlog().await.unwrap().messages != Some(0) {
            assert!(began.elapsed() < PATIENCE, "the writers do not come to an end");
            sleep(Duration::from_millis(2)).await;
        }
        let took = began.elapsed();
        stage.stop_admitting();
        stage.drain().await;
        let sold = ports.store.pool(pool).await.unwrap().1.sold;
        let set_aside = ports.bus.dead_letters(MESSAGES).await.unwrap().len();
        ports.close().await;
        books.close().await;
        Run { took, sold, set_aside }
    })
}

/// An order; of a hundred, one is poison: not to be read, of another version, for no pool, or for nothing.
fn message(number: usize, pool: PoolId, keys: &KeyMaker, with_poison: bool) -> Outgoing {
    let order = keys.fresh();
    let contact = Contact { user_id: Some(format!("user-{number}")), ..Contact::default() };
    let (buyer, fingerprint) = (BuyerId(i64::try_from(number).unwrap()), Fingerprint(7));
    let mut intent =
        Intent { order, pool, quantity: 1, buyer, fingerprint, asked_at: SystemClock.now(), contact, trace: None };
    if !with_poison || number % POISON_EVERY != POISON_EVERY / 2 {
        return wire::outgoing(&intent);
    }
    let sound = wire::outgoing(&intent);
    match number / POISON_EVERY % 4 {
        0 => Outgoing { payload: sound.payload.slice(..40), ..sound },
        1 => Outgoing { payload: Bytes::from_static(br#"{"v":2,"place":{"order":"new"}}"#), ..sound },
        2 => {
            intent.pool = PoolId(77);
            wire::outgoing(&intent)
        }
        _ => {
            intent.quantity = 0;
            wire::outgoing(&intent)
        }
    }
}
