//! Random shops against a naive model, step by step: the book, the judge, and the laws (ARCHITECTURE.md).
//!
//! The model is written from the protocol's words, with plain maps and sums made anew each time. Everything that the shop's
//! moves do is done to the book and to the model; whatever they say must be the same. Besides, the laws are judged without the
//! model, so that the deliberate faults at the end show that a law notices by itself.

mod book;
mod laws;
mod model;
mod shop;
mod store;

use super::*;
use crate::{
    decide::{Offer, PoolRow, Verdict, Want, decide},
    intent::{Contact, Intent},
    order::{Decision, RejectReason},
    refusal::OrderRefused,
    settlement::{Decided, Settlement},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

use book::{Book, Fault};
use model::{Model, ModelClaim, ModelState, Rows, units_of};
use shop::{Checked, Shop, must, same};

const POOL: crate::id::PoolId = crate::id::PoolId(1);
const START: i64 = 1_700_000_000_000;
const ORDERS: u8 = 10;
/// Enough filler notes that everything written before is in a segment that was dropped.
const FORGETS: u128 = 5_000;

/// What a key may be used for: quantity, buyer, fingerprint.
const BODIES: [(u32, BuyerId, Fingerprint); 4] = [
    (1, BuyerId(1), Fingerprint(11)),
    (2, BuyerId(1), Fingerprint(12)),
    (1, BuyerId(-2), Fingerprint(21)),
    (3, BuyerId(64), Fingerprint(31)),
];

/// A move of the shop. Orders are numbers, bodies are indices; indices into lists are taken modulo their length.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A request with a key; a look-up is made where the book asks for one.
    Claim { order: u8, body: u8, dated: i64 },
    /// The same, with whatever ticket an earlier look-up brought.
    ClaimWithOldTicket { order: u8, body: u8, ticket: u8 },
    /// The bus takes an attempt's message; `known` when the answer comes back.
    Publish { attempt: u8, known: bool },
    /// The bus definitely refused an attempt's message.
    Refuse { attempt: u8 },
    /// A published attempt asks for its promise.
    Promise { attempt: u8 },
    /// The writer takes messages, one perhaps twice, and acknowledges or not.
    Write { first: u8, count: u8, twice: bool, acknowledge: bool },
    /// A settlement arrives, whenever it was made; it stays in the network for ever.
    Settle { letter: u8 },
    /// The reaper picks, and pauses.
    Pick,
    /// The reaper goes on with an old list.
    Offer { list: u8 },
    /// The sweep asks the store about old claims.
    Sweep,
    /// Time passes, or the clock is put back.
    Clock { ms: i64 },
    /// The process dies with its book; the next one opens it from the store and the bus.
    Reopen,
    /// So many decisions come that every note is forgotten.
    Forget,
    /// The organizer pauses or resumes.
    Pause { paused: bool },
    /// The organizer adds units.
    Enlarge,
}

/// A shop's circumstances.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    capacity: u32,
    limit: Option<u32>,
    /// The ledger's clock never runs back (as the in-process ledger's): only then may notes and books be lost.
    steady: bool,
}

fn circumstances() -> impl Strategy<Value = Circumstances> {
    let limit = prop_oneof![Just(None), (1..5_u32).prop_map(Some)];
    (1..7_u32, limit, any::<bool>()).prop_map(|(capacity, limit, steady)| Circumstances { capacity, limit, steady })
}

fn any_move() -> impl Strategy<Value = Move> {
    let dated = prop_oneof![3 => Just(0_i64), 1 => Just(-600_000), 1 => Just(110_000)];
    prop_oneof![
        8 => (0..ORDERS, 0..4_u8, dated).prop_map(|(order, body, dated)| Move::Claim { order, body, dated }),
        1 => (0..ORDERS, 0..4_u8, any::<u8>())
            .prop_map(|(order, body, ticket)| Move::ClaimWithOldTicket { order, body, ticket }),
        6 => (any::<u8>(), prop::bool::weighted(0.8)).prop_map(|(attempt, known)| Move::Publish { attempt, known }),
        1 => any::<u8>().prop_map(|attempt| Move::Refuse { attempt }),
        6 => any::<u8>().prop_map(|attempt| Move::Promise { attempt }),
        5 => (any::<u8>(), 1..4_u8, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(first, count, twice, acknowledge)| Move::Write { first, count, twice, acknowledge }),
        5 => any::<u8>().prop_map(|letter| Move::Settle { letter }),
        2 => Just(Move::Pick),
        2 => any::<u8>().prop_map(|list| Move::Offer { list }),
        1 => Just(Move::Sweep),
        3 => prop_oneof![1..500_i64, 5_000..40_000_i64, Just(200_000), -40_000..0_i64].prop_map(|ms| Move::Clock { ms }),
        1 => Just(Move::Reopen),
        1 => Just(Move::Forget),
        1 => any::<bool>().prop_map(|paused| Move::Pause { paused }),
        1 => Just(Move::Enlarge),
    ]
}

fn pick_one<T>(list: &[T], which: u8) -> Option<&T> {
    if list.is_empty() { None } else { list.get(usize::from(which) % list.len()) }
}

fn offer(order: OrderId, body: u8, want: Want) -> Offer {
    let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
    Offer { order, quantity, buyer, fingerprint, want }
}

fn intent(order: OrderId, body: u8) -> Intent {
    let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
    let contact = Contact::default();
    Intent { order, pool: POOL, quantity, buyer, fingerprint, asked_at: order.time(), contact, trace: None }
}

fn shops() -> impl Strategy<Value = (Circumstances, Vec<Move>)> {
    (circumstances(), vec(any_move(), 1..90))
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_book_and_the_judge_do_what_the_protocol_says((circumstances, moves) in shops()) {
        Shop::run(circumstances, &moves, Fault::None).map_err(TestCaseError::fail)?;
    }
}

proptest! {
    #![proptest_config(Config { cases: 300, failure_persistence: None, ..Config::default() })]

    /// What explores images explores books. (Where notes are forgotten the image has room for more of them.)
    #[test]
    fn a_book_made_from_its_image_goes_on_like_the_book((circumstances, moves) in shops()) {
        let mut shop = Shop::new(Circumstances { steady: false, ..circumstances }, Fault::None);
        for step in moves {
            shop.take(step).and_then(|()| shop.check()).map_err(TestCaseError::fail)?;
            let image = shop.book.book.image();
            shop.book.book = PoolBook::of_image(&image);
            prop_assert_eq!(shop.book.book.image(), image);
        }
        shop.come_to_rest().map_err(TestCaseError::fail)?;
    }
}

/// A law that cannot be broken is no law: each fault must be noticed without the model's help.
#[test]
fn every_deliberate_fault_breaks_a_law() {
    let faults = [
        Fault::DropsWithoutNumbers,
        Fault::AddsInsteadOfSetting,
        Fault::IgnoresWhatIsNotNewer,
        Fault::ReleasesOnUnknown,
        Fault::ReapsThePromised,
        Fault::SkipsTheLookUp,
        Fault::KeepsTickets,
        Fault::KeepsClaims,
        Fault::ForgetsBuyers,
        Fault::ForgetsTheQueue,
        Fault::TellsAnybody,
    ];
    for fault in faults {
        let config = Config { cases: 20_000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        // A fixed seed: whether a fault is found must not depend on the day.
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let found = TestRunner::new_with_rng(config, random).run(&shops(), |(circumstances, moves)| {
            Shop::run(circumstances, &moves, fault).map_err(TestCaseError::fail)
        });
        let Err(TestError::Fail(why, _)) = found else { panic!("{fault:?} went unnoticed") };
        println!("{fault:?}: {why}");
    }
}

/// The settlements of one history, in any order and however often, leave the same book.
#[test]
fn settlements_commute() {
    let runner = &mut TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let order_of_arrival = vec(any::<prop::sample::Index>(), 0..40);
    runner
        .run(&(vec((0..ORDERS, 0..4_u8), 1..12), order_of_arrival, 1..9_u32), |(orders, arrivals, capacity)| {
            let circumstances = Circumstances { capacity, limit: Some(4), steady: true };
            let mut shop = Shop::new(circumstances, Fault::None);
            for &(order, body) in &orders {
                let order = shop.id(order, 0);
                let letter = shop.judge(&[offer(order, body, Want::Place)]).map_err(TestCaseError::fail)?;
                shop.letters.push(letter);
            }
            let letters = shop.letters.clone();
            let in_order = letters.iter().collect::<Vec<_>>();
            let mut jumbled: Vec<_> = arrivals.iter().map(|index| index.get(&letters)).collect();
            jumbled.extend(letters.iter().rev());
            let mut ends = [in_order, jumbled].map(|arrivals| {
                let mut book = Shop::new(circumstances, Fault::None);
                book.ids = shop.ids.clone();
                for letter in arrivals {
                    book.book.settle(START, letter);
                }
                let units =
                    BODIES.map(|body| book.book.book.buyers.of(body.1.0).get(&body.1).map(|units| units.settled));
                (book.visible(), units)
            });
            prop_assert_eq!(&ends[0].0.0.settled, &shop.pool.numbers);
            let (first, second) = ends.split_at_mut(1);
            prop_assert_eq!(&first[0], &second[0]);
            Ok(())
        })
        .unwrap();
}
