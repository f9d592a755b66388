//! The sale on servers: two web nodes and two writers that are killed and frozen, a Postgres, a Redis and a Pub/Sub server that lose
//! something, and a Stripe of our own whose weather never stays as it is.

use super::{Desk, Happened, LOOKS, RESTS_WITHIN, Sale, Size, buyer::ORGANIZER, figures::Figures, rows};
use crate::harness::{Cluster, Grounds};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use stampede_actors::clock::{Clock, SystemClock};
use stampede_bank::{Address, Entry, Fault, Notices, SimulatedStripe, Weather};
use stampede_checker::paid::Account;
use std::time::Duration;
use tokio::{task::AbortHandle, time::Instant};

const SECRET: &str = "whsec_of_the_sale";
/// A node stands still for so long: longer than a call, shorter than a lease.
const STILL: Duration = Duration::from_secs(3);
/// Later than the shop waits for an answer.
const TOO_LATE: Duration = Duration::from_secs(11);

/// What happens to processes and servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Accident {
    WebKilled,
    WriterKilled,
    WebStandsStill,
    WriterStandsStill,
    SessionsEnded,
    PubSubKilled,
    RedisEmptied,
}

const ACCIDENTS: [(Accident, &str); 7] = [
    (Accident::WebKilled, "a web node is killed"),
    (Accident::WriterKilled, "a writer is killed"),
    (Accident::WebStandsStill, "a web node stands still"),
    (Accident::WriterStandsStill, "a writer stands still"),
    (Accident::SessionsEnded, "Postgres ends the shop's sessions"),
    (Accident::PubSubKilled, "Pub/Sub is killed and restarted"),
    (Accident::RedisEmptied, "Redis is emptied"),
];
/// Those of a short sale, which each are over soon.
const SHORT: usize = 2;

pub(super) async fn run(size: &Size, seed: u64) -> Figures {
    let stripe = SimulatedStripe::start(|| SystemClock.now().0 / 1000).await;
    let mut shop = open(size, &stripe).await;
    let notices = shop.door.webs.iter().map(|place| Address { place: *place, path: "/webhooks/payments".into() });
    stripe.notify(notices.collect(), SECRET);
    shop.grounds.sql(&[&rows::holds_for(size)]).await;
    let weather = changes(&stripe, size);
    let mut sale = Sale::begin(size, shop.door.proxy(), Desk::Stripe(stripe.clone()), seed);
    let accidents = suffers(&mut shop, &sale, seed).await;
    sale.ends().await;
    weather.abort();
    stripe.turn(Weather { is_long: true, ..Weather::default() });
    let (mut read, shown) = (at_rest(&shop).await, sale.crowd.shown_at_last().await);
    let (waiting, left) = shop.grounds.waiting().await;
    (read.waiting, read.dead_letters) = (waiting, read.dead_letters + left);
    let books = read.books(size, stripe.books().into_iter().map(account).collect());
    sale.judge(&books, &accidents, &wrongs(&stripe), &shop.audit().await, shown)
}

async fn open(size: &Size, stripe: &SimulatedStripe) -> Cluster {
    let mut grounds = Grounds::open().await;
    let payments = [
        ("STAMPEDE_DEMO_VIP_CAPACITY", size.capacity.to_string()),
        ("STAMPEDE_PUBLIC_URL", "http://127.0.0.1".into()),
        ("STAMPEDE_STRIPE_SECRET_KEY", "sk_test_of_the_sale".into()),
        ("STAMPEDE_STRIPE_WEBHOOK_SECRET", SECRET.into()),
        ("STAMPEDE_STRIPE_URL", stripe.endpoint.clone()),
        ("STAMPEDE_ORGANIZER_TOKEN", ORGANIZER.into()),
        ("STAMPEDE_PAYMENT_RATE", "400".into()),
    ];
    grounds.settings.extend(payments);
    Cluster::on(grounds, 1, None, |_, _| {}).await
}

/// What goes wrong at the provider, one after the other: fair in between, so that somebody can pay.
fn weathers(size: &Size) -> Vec<Weather> {
    use Fault::{Answers, DoneAndGarbled, DoneAndLate, DoneAndLost, ProxyAnswers};
    let slow = DoneAndLate(Duration::from_millis(900));
    // The shop makes up to three requests for a step, so a share of them is three times as many steps.
    let mut skies: Vec<Vec<(u32, Fault)>> = vec![
        vec![],
        vec![(40, slow)],
        vec![(10, DoneAndLost)],
        vec![],
        vec![(6, Answers(500, "")), (4, Answers(503, ""))],
        vec![(12, Answers(429, "rate_limit"))],
        vec![],
        vec![(6, DoneAndGarbled), (4, ProxyAnswers(502))],
        vec![(2, DoneAndLate(TOO_LATE)), (10, slow)],
        vec![(4, Answers(409, "idempotency_key_in_use")), (3, DoneAndLost), (3, Answers(500, "")), (8, slow)],
    ];
    if !size.is_short {
        // Now and then nobody is there at all, and it is left in peace.
        skies.extend_from_within(..);
        skies.extend([vec![], vec![(100, Answers(503, ""))]]);
    }
    let late = Notices::Late(size.hold + Duration::from_secs(3));
    let notices = [
        Notices::Twice,
        Notices::Never,
        Notices::BeforeTheAnswer,
        Notices::OutOfOrder,
        late,
        Notices::Once,
        Notices::Never,
    ];
    // Both lists come round at different times, so that everything meets everything.
    let turns = 0..skies.len() * notices.len();
    let weather = |turn: usize| Weather {
        faults: skies[turn % skies.len()].clone(),
        notices: notices[turn % notices.len()],
        is_long: true,
    };
    turns.map(weather).collect()
}

/// Turns the weather for as long as it is not aborted.
fn changes(stripe: &SimulatedStripe, size: &Size) -> AbortHandle {
    let (stripe, lasts, weathers) = (stripe.clone(), size.weather, weathers(size));
    let turning = tokio::spawn(async move {
        for weather in weathers.into_iter().cycle() {
            stripe.turn(weather);
            tokio::time::sleep(lasts).await;
        }
    });
    turning.abort_handle()
}

/// Every way in which the provider goes wrong, and how often it did.
fn wrongs(stripe: &SimulatedStripe) -> Happened {
    let all = [
        "answers 409",
        "answers 429",
        "answers 5xx",
        "a proxy answers",
        "does it and hangs up",
        "does it and answers nonsense",
        "does it and answers too late",
        "is slow",
        "success comes late",
        "notices before the answer",
        "notices late",
        "notices never",
        "notices out of order",
        "notices twice",
    ];
    let happened = stripe.happened();
    all.iter().map(|what| (*what, happened.get(what).copied().unwrap_or(0))).collect()
}

/// Until everything is sold.
async fn suffers(shop: &mut Cluster, sale: &Sale, seed: u64) -> Happened {
    let kinds = if sale.size.is_short { &ACCIDENTS[..SHORT] } else { &ACCIDENTS[..] };
    let (mut chance, mut deck) = (SmallRng::seed_from_u64(seed), Vec::new());
    let mut happened: Happened = kinds.iter().map(|(_, name)| (*name, 0)).collect();
    let mut next = Instant::now() + sale.size.every;
    while !sale.is_sold_out() {
        if Instant::now() < next {
            tokio::time::sleep(LOOKS / 5).await;
            continue;
        }
        next = Instant::now() + sale.size.every.mul_f64(chance.random_range(0.7..1.3));
        if deck.is_empty() {
            deck.extend_from_slice(kinds);
            deck.shuffle(&mut chance);
        }
        let (accident, name) = deck.pop().expect("it was filled");
        let at = chance.random_range(0..2);
        if happened.values().sum::<u64>() >= sale.size.most_accidents {
            continue;
        }
        if strikes(shop, accident, at).await {
            *happened.entry(name).or_default() += 1;
        }
    }
    happened
}

/// One accident; whether it hit anything.
async fn strikes(shop: &mut Cluster, accident: Accident, at: usize) -> bool {
    match accident {
        Accident::WebKilled => {
            let before = shop.webs[at].id();
            shop.webs[at].kill();
            shop.webs[at].start_at_last().await;
            shop.webs[at].until_ready().await;
            before != shop.webs[at].id()
        }
        Accident::WriterKilled => {
            let before = shop.writers[at].id();
            shop.writers[at].kill();
            shop.writers[at].start_at_last().await;
            before != shop.writers[at].id()
        }
        Accident::WebStandsStill | Accident::WriterStandsStill => {
            let node = if accident == Accident::WebStandsStill { &shop.webs[at] } else { &shop.writers[at] };
            node.signal("STOP");
            tokio::time::sleep(STILL).await;
            node.signal("CONT");
            true
        }
        Accident::SessionsEnded => {
            let end =
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'stampede%'";
            shop.grounds.sql(&[end]).await.parse::<u64>().is_ok_and(|ended| ended > 0)
        }
        Accident::PubSubKilled => {
            let before = shop.grounds.pubsub.id();
            shop.grounds.pubsub.tell("kill", &[]).await;
            shop.grounds.pubsub.tell("start", &[]).await;
            before.is_some() && before != shop.grounds.pubsub.id()
        }
        Accident::RedisEmptied => {
            let epoch = shop.grounds.epoch().await;
            shop.grounds.redis(&["flushall"]).await;
            let began = Instant::now();
            while shop.grounds.epoch().await == epoch && began.elapsed() < STILL * 10 {
                tokio::time::sleep(LOOKS / 5).await;
            }
            shop.grounds.epoch().await > epoch
        }
    }
}

/// Everything that is written, once nobody has anything to do any more.
async fn at_rest(shop: &Cluster) -> rows::Read {
    let (began, grounds) = (Instant::now(), &shop.grounds);
    while began.elapsed() < RESTS_WITHIN {
        let due = grounds.sql(&[rows::DUE]).await;
        if due == "0" && grounds.waiting().await.0 == 0 {
            break;
        }
        tokio::time::sleep(LOOKS).await;
    }
    rows::Read {
        holds: grounds.sql(&[&rows::holds("id")]).await,
        payments: grounds.sql(&[&rows::payments("order_id")]).await,
        pool: grounds.sql(&[rows::POOL]).await,
        waiting: 0,
        dead_letters: grounds.sql(&["SELECT count(*) FROM dead_letters"]).await.parse().unwrap(),
    }
}

fn account(entry: Entry) -> Account {
    let Entry { id, order, attempt, amount, captured, refunded, is_open } = entry;
    Account { id, order: order.parse().unwrap(), attempt, amount, captured, refunded, is_open }
}
