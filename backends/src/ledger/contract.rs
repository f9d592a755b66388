//! What every ledger must do. A technology's tests call `ledger_contract!` with a function that makes an empty one.

use stampede_actors::{
    clock::{Clock, SharedClock},
    ports::{ClaimOf, Ledger, PromiseOf, Withdrawal},
};
use stampede_domain::{
    BuyerId, Contact, Decided, Decision, Fingerprint, Intent, Millis, OrderId, OrderRefused, PoolId, PoolNumbers,
    Settlement, WriterReport,
    event::Terms,
    ledger::{BACKLOG_LIFE, BookNumbers, ClaimAnswer, ClaimRequest, INTENT_LIFE, Known, Opening, PromiseAnswer},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

/// One list of all clauses; a technology cannot leave one out.
macro_rules! ledger_contract {
    ($make:expr) => {
        crate::ledger::contract::ledger_contract!($make;
            a_pool_that_was_never_opened_answers_none,
            a_claim_sent_twice_is_one_claim,
            a_key_that_another_pool_knows_is_refused,
            claims_of_one_batch_never_exceed_what_is_free,
            a_promise_sent_twice_is_one_promise,
            a_promise_after_the_deadline_is_refused,
            what_was_picked_is_never_promised_even_if_the_clock_steps_back,
            only_the_attempt_that_made_a_claim_takes_it_back,
            a_settlement_applied_twice_late_or_out_of_order_changes_nothing_newer,
            a_settlement_drops_claims_even_when_its_numbers_are_old,
            an_order_is_found_as_claimed_then_as_noted,
            an_open_pool_is_never_replaced_and_an_older_opening_is_ignored,
            a_closed_pool_answers_none_until_it_is_opened_anew,
            an_old_id_waits_until_the_backlog_is_consumed,
            an_opening_turns_what_is_undecided_into_promises,
            claims_that_grow_old_are_listed,
            only_the_writers_word_counts_as_heard,
            new_terms_hold_for_the_next_claim,
            older_terms_and_those_of_another_opening_are_ignored,
            ten_thousand_claims_in_one_call_are_answered_in_order,
            buyers_at_once_share_what_is_there,
        );
    };
    ($make:expr; $($clause:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $clause() {
                let clock = crate::ledger::contract::HandClock::default();
                let ledger = ($make)(clock.clone()).await;
                crate::ledger::contract::$clause(&clock, std::sync::Arc::new(ledger)).await;
            }
        )*
    };
}
pub(crate) use ledger_contract;

/// A clock that tests turn by hand.
#[derive(Clone)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl Default for HandClock {
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_700_000_000_000)))
    }
}

impl Clock for HandClock {
    fn now(&self) -> Millis {
        Millis(self.0.load(Ordering::SeqCst))
    }
}

impl HandClock {
    pub(crate) fn shared(&self) -> SharedClock {
        Arc::new(self.clone())
    }

    pub(crate) fn turn(&self, by: Duration) {
        self.0.store(self.now().plus(by).0, Ordering::SeqCst);
    }

    pub(crate) fn turn_back(&self, by: Duration) {
        self.0.store(self.now().minus(by).0, Ordering::SeqCst);
    }
}

const POOL: PoolId = PoolId(7);
const MOMENT: Duration = Duration::from_millis(1);

fn id(clock: &HandClock, number: u16) -> OrderId {
    let time = u128::from(clock.now().0.unsigned_abs()) << 80;
    OrderId(uuid::Uuid::from_u128(time | 0x7000_8000_0000_0000_0000 | u128::from(number)))
}

fn fingerprint_of(order: OrderId) -> Fingerprint {
    Fingerprint(i64::from(order.bytes()[15]))
}

fn claim(order: OrderId, quantity: u32) -> ClaimOf {
    let fingerprint = fingerprint_of(order);
    ClaimOf { pool: POOL, request: ClaimRequest { order, quantity, buyer: BuyerId(1), fingerprint, looked_up: None } }
}

fn promise(order: OrderId) -> PromiseOf {
    PromiseOf { pool: POOL, order, fingerprint: fingerprint_of(order) }
}

fn settlement(version: u64, sold: u32, decided: &[OrderId]) -> Settlement {
    let decided = decided.iter().map(|order| Decided {
        order: *order,
        fingerprint: fingerprint_of(*order),
        decision: Decision::Confirmed,
    });
    let numbers = PoolNumbers { capacity: 10, held: 0, sold, version };
    Settlement { pool: POOL, numbers, decided: decided.collect(), buyers: vec![] }
}

fn opening(clock: &HandClock, epoch: u64, capacity: u32) -> Opening {
    let (opens_at, closes_at) = (clock.now().minus(MOMENT), clock.now().plus(Duration::from_hours(24)));
    Opening {
        epoch,
        numbers: PoolNumbers { capacity, held: 0, sold: 0, version: 1 },
        terms: Terms { opens_at, closes_at, paused: false, limit_per_buyer: None },
        buyers: vec![],
        undecided: vec![],
        virgin: true,
        drained: true,
        revision: 1,
    }
}

async fn opened<L: Ledger>(clock: &HandClock, ledger: &L) {
    ledger.open(POOL, &opening(clock, 1, 10)).await.unwrap();
}

async fn numbers<L: Ledger>(ledger: &L) -> BookNumbers {
    ledger.snapshot().await.unwrap().pools.iter().find(|pool| pool.pool == POOL).unwrap().numbers
}

async fn claimed<L: Ledger>(ledger: &L, order: OrderId, quantity: u32) -> ClaimAnswer {
    ledger.claim(&[claim(order, quantity)]).await.unwrap()[0].unwrap()
}

pub(crate) async fn a_pool_that_was_never_opened_answers_none<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    let order = id(clock, 1);
    assert_eq!(ledger.claim(&[claim(order, 1)]).await.unwrap(), [None]);
    assert_eq!(ledger.promise(&[promise(order)]).await.unwrap(), [PromiseAnswer::Refused]);
    assert_eq!(ledger.find(order).await.unwrap(), None);
    ledger.settle(&[settlement(5, 1, &[order])], None).await.unwrap();
    assert!(ledger.snapshot().await.unwrap().pools.is_empty());
    assert!(ledger.pick(POOL, 10).await.unwrap().1.is_empty());
}

pub(crate) async fn a_claim_sent_twice_is_one_claim<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let order = id(clock, 1);
    assert!(matches!(claimed(&*ledger, order, 4).await, ClaimAnswer::Claimed { .. }));
    assert_eq!(claimed(&*ledger, order, 4).await, ClaimAnswer::Resumed);
    assert_eq!((numbers(&*ledger).await.claimed, numbers(&*ledger).await.claims), (4, 1));
    let mut other_body = claim(order, 4);
    other_body.request.fingerprint = Fingerprint(-1);
    let refused = Some(ClaimAnswer::Refused(OrderRefused::KeyReused));
    assert_eq!(ledger.claim(&[other_body]).await.unwrap(), [refused]);
}

pub(crate) async fn a_key_that_another_pool_knows_is_refused<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let other = PoolId(8);
    ledger.open(other, &opening(clock, 1, 10)).await.unwrap();
    let (order, fresh) = (id(clock, 1), id(clock, 2));
    claimed(&*ledger, order, 1).await;
    let elsewhere = |order| ClaimOf { pool: other, ..claim(order, 1) };
    let refused = Some(ClaimAnswer::Refused(OrderRefused::KeyReused));
    let answers = ledger.claim(&[elsewhere(order), elsewhere(fresh)]).await.unwrap();
    assert_eq!(answers[0], refused);
    assert!(matches!(answers[1], Some(ClaimAnswer::Claimed { .. })));
    ledger.settle(&[settlement(2, 1, &[order])], None).await.unwrap();
    assert_eq!(ledger.claim(&[elsewhere(order)]).await.unwrap(), [refused], "a decision is remembered for its key");
    assert_eq!(ledger.claim(&[claim(fresh, 1)]).await.unwrap(), [refused]);
}

pub(crate) async fn claims_of_one_batch_never_exceed_what_is_free<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let batch: Vec<_> = (0..4).map(|number| claim(id(clock, number), 3)).collect();
    let answers = ledger.claim(&batch).await.unwrap();
    let sold_out = ClaimAnswer::Refused(OrderRefused::SoldOut { free: 1, in_flight: 9 });
    assert_eq!(answers[3], Some(sold_out));
    assert_eq!(numbers(&*ledger).await.claimed, 9);
}

pub(crate) async fn a_promise_sent_twice_is_one_promise<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let order = id(clock, 1);
    claimed(&*ledger, order, 2).await;
    for _ in 0..2 {
        assert_eq!(ledger.promise(&[promise(order)]).await.unwrap(), [PromiseAnswer::Promised]);
    }
    assert_eq!(numbers(&*ledger).await.promised, 2);
    assert_eq!(claimed(&*ledger, order, 2).await, ClaimAnswer::AlreadyPromised);
}

pub(crate) async fn a_promise_after_the_deadline_is_refused<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let (early, late) = (id(clock, 1), id(clock, 2));
    ledger.claim(&[claim(early, 1), claim(late, 1)]).await.unwrap();
    clock.turn(INTENT_LIFE);
    assert_eq!(ledger.promise(&[promise(early)]).await.unwrap(), [PromiseAnswer::Promised]);
    clock.turn(MOMENT);
    assert_eq!(ledger.promise(&[promise(late)]).await.unwrap(), [PromiseAnswer::Refused]);
}

pub(crate) async fn what_was_picked_is_never_promised_even_if_the_clock_steps_back<L: Ledger>(
    clock: &HandClock,
    ledger: Arc<L>,
) {
    opened(clock, &*ledger).await;
    let (due, promised) = (id(clock, 1), id(clock, 2));
    ledger.claim(&[claim(due, 1), claim(promised, 1)]).await.unwrap();
    ledger.promise(&[promise(promised)]).await.unwrap();
    clock.turn(INTENT_LIFE + MOMENT);
    for _ in 0..2 {
        let (epoch, picked) = ledger.pick(POOL, 10).await.unwrap();
        assert_eq!((epoch, picked.len(), picked[0].order), (1, 1, due));
    }
    clock.turn_back(INTENT_LIFE);
    assert_eq!(ledger.promise(&[promise(due)]).await.unwrap(), [PromiseAnswer::Refused]);
    assert_eq!(claimed(&*ledger, due, 1).await, ClaimAnswer::Expiring);
}

pub(crate) async fn only_the_attempt_that_made_a_claim_takes_it_back<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let (mine, shared) = (id(clock, 1), id(clock, 2));
    for order in [mine, shared] {
        let ClaimAnswer::Claimed { attempt } = claimed(&*ledger, order, 1).await else { panic!("not claimed") };
        if order == shared {
            assert_eq!(claimed(&*ledger, order, 1).await, ClaimAnswer::Resumed);
        }
        ledger.withdraw(&[Withdrawal { pool: POOL, order, attempt }]).await.unwrap();
    }
    assert_eq!(ledger.find(mine).await.unwrap(), Some(Known::Nothing));
    assert_eq!(numbers(&*ledger).await.claimed, 1, "another request counts on the second claim");
}

pub(crate) async fn a_settlement_applied_twice_late_or_out_of_order_changes_nothing_newer<L: Ledger>(
    clock: &HandClock,
    ledger: Arc<L>,
) {
    opened(clock, &*ledger).await;
    let (new, old) = (settlement(9, 8, &[]), settlement(8, 3, &[]));
    for each in [&new, &new, &old, &new, &old] {
        ledger.settle(std::slice::from_ref(each), None).await.unwrap();
        assert_eq!(numbers(&*ledger).await.settled, new.numbers);
    }
}

pub(crate) async fn a_settlement_drops_claims_even_when_its_numbers_are_old<L: Ledger>(
    clock: &HandClock,
    ledger: Arc<L>,
) {
    opened(clock, &*ledger).await;
    let order = id(clock, 1);
    claimed(&*ledger, order, 3).await;
    ledger.settle(&[settlement(9, 5, &[])], None).await.unwrap();
    ledger.settle(&[settlement(8, 3, &[order])], None).await.unwrap();
    let numbers = numbers(&*ledger).await;
    assert_eq!((numbers.claimed, numbers.settled.sold, numbers.free()), (0, 5, 5));
}

pub(crate) async fn an_order_is_found_as_claimed_then_as_noted<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let order = id(clock, 1);
    assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Nothing));
    claimed(&*ledger, order, 1).await;
    let fingerprint = fingerprint_of(order);
    assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Claimed { fingerprint, promised: false }));
    ledger.promise(&[promise(order)]).await.unwrap();
    assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Claimed { fingerprint, promised: true }));
    ledger.settle(&[settlement(2, 1, &[order])], None).await.unwrap();
    let Some(Known::Noted(noted)) = ledger.find(order).await.unwrap() else { panic!("no note") };
    assert_eq!((noted.decision, noted.fingerprint), (Decision::Confirmed, fingerprint_of(order)));
    assert_eq!(claimed(&*ledger, order, 1).await, ClaimAnswer::Decided(Decision::Confirmed));
    let promised = ledger.promise(&[promise(order)]).await.unwrap();
    assert_eq!(promised, [PromiseAnswer::Decided(Decision::Confirmed)]);
}

pub(crate) async fn an_open_pool_is_never_replaced_and_an_older_opening_is_ignored<L: Ledger>(
    clock: &HandClock,
    ledger: Arc<L>,
) {
    ledger.open(POOL, &opening(clock, 2, 10)).await.unwrap();
    claimed(&*ledger, id(clock, 1), 3).await;
    for epoch in [1, 2, 3] {
        ledger.open(POOL, &opening(clock, epoch, 99)).await.unwrap();
        assert_eq!((numbers(&*ledger).await.epoch, numbers(&*ledger).await.free()), (2, 7));
    }
    ledger.close(POOL, 3).await.unwrap();
    for epoch in [1, 2] {
        ledger.open(POOL, &opening(clock, epoch, 99)).await.unwrap();
        assert!(ledger.snapshot().await.unwrap().pools.is_empty(), "an opening that was overtaken comes too late");
    }
    ledger.open(POOL, &opening(clock, 3, 20)).await.unwrap();
    assert_eq!((numbers(&*ledger).await.epoch, numbers(&*ledger).await.free()), (3, 20));
}

pub(crate) async fn a_closed_pool_answers_none_until_it_is_opened_anew<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let order = id(clock, 1);
    claimed(&*ledger, order, 3).await;
    ledger.close(POOL, 1).await.unwrap();
    assert_eq!(numbers(&*ledger).await.claimed, 3, "a book of the asked epoch itself stays open");
    for _ in 0..2 {
        ledger.close(POOL, 2).await.unwrap();
        assert_eq!(ledger.claim(&[claim(order, 3)]).await.unwrap(), [None]);
        assert_eq!(ledger.promise(&[promise(order)]).await.unwrap(), [PromiseAnswer::Refused]);
        ledger.settle(&[settlement(5, 3, &[order])], None).await.unwrap();
        ledger.set_terms(POOL, 1, 9, opening(clock, 1, 10).terms).await.unwrap();
        ledger.withdraw(&[Withdrawal { pool: POOL, order, attempt: 1 }]).await.unwrap();
        assert_eq!(ledger.find(order).await.unwrap(), None);
        assert!(ledger.snapshot().await.unwrap().pools.is_empty());
    }
    ledger.open(POOL, &opening(clock, 2, 10)).await.unwrap();
    assert_eq!(numbers(&*ledger).await.free(), 10);
    assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Nothing));
    ledger.close(PoolId(99), 5).await.unwrap();
}

pub(crate) async fn an_old_id_waits_until_the_backlog_is_consumed<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    let order = id(clock, 1);
    clock.turn(Duration::from_secs(1));
    let opening = Opening { virgin: false, drained: false, ..opening(clock, 4, 10) };
    ledger.open(POOL, &opening).await.unwrap();
    let Some(ClaimAnswer::LookUpFirst(ticket)) = ledger.claim(&[claim(order, 1)]).await.unwrap()[0] else {
        panic!("an old id is looked up first")
    };
    let mut looked_up = claim(order, 1);
    looked_up.request.looked_up = Some(ticket);
    assert_eq!(ledger.claim(&[looked_up]).await.unwrap(), [Some(ClaimAnswer::NotYet)]);
    assert_eq!(ledger.find(order).await.unwrap(), None, "its message may be under way");
    clock.turn(BACKLOG_LIFE - MOMENT);
    assert_eq!(ledger.claim(&[looked_up]).await.unwrap(), [Some(ClaimAnswer::NotYet)]);
    clock.turn(MOMENT);
    assert_eq!(ledger.find(order).await.unwrap(), Some(Known::Nothing));
    assert!(matches!(ledger.claim(&[looked_up]).await.unwrap()[..], [Some(ClaimAnswer::Claimed { .. })]));
}

pub(crate) async fn an_opening_turns_what_is_undecided_into_promises<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    let order = id(clock, 1);
    let intent = Intent {
        order,
        pool: POOL,
        quantity: 3,
        buyer: BuyerId(1),
        fingerprint: fingerprint_of(order),
        asked_at: clock.now(),
        contact: Contact::default(),
        trace: None,
    };
    let opening = Opening { undecided: vec![intent.clone(), intent], virgin: false, ..opening(clock, 1, 10) };
    ledger.open(POOL, &opening).await.unwrap();
    assert_eq!((numbers(&*ledger).await.promised, numbers(&*ledger).await.free()), (3, 7));
    assert_eq!(claimed(&*ledger, order, 3).await, ClaimAnswer::AlreadyPromised);
    assert!(matches!(claimed(&*ledger, id(clock, 2), 1).await, ClaimAnswer::LookUpFirst(_)));
}

pub(crate) async fn claims_that_grow_old_are_listed<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let (old, young) = (id(clock, 1), id(clock, 2));
    claimed(&*ledger, old, 1).await;
    clock.turn(Duration::from_secs(5));
    claimed(&*ledger, young, 1).await;
    let older = ledger.claims_older_than(POOL, Duration::from_secs(4), 10).await.unwrap();
    assert_eq!(older, [old]);
    assert_eq!(ledger.claims_older_than(PoolId(99), Duration::ZERO, 10).await.unwrap(), []);
}

pub(crate) async fn only_the_writers_word_counts_as_heard<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let opened_at = clock.now();
    clock.turn(Duration::from_secs(3));
    ledger.settle(&[settlement(2, 1, &[])], None).await.unwrap();
    assert_eq!(ledger.snapshot().await.unwrap().heard_at, opened_at, "a sweep says nothing of the writers");
    let report = WriterReport { depth: 9, high_water: 10, oldest: Some(Millis(5)), per_second: 3 };
    ledger.settle(&[], Some(report)).await.unwrap();
    let snapshot = ledger.snapshot().await.unwrap();
    assert_eq!((snapshot.heard_at, snapshot.report), (clock.now(), report));
}

pub(crate) async fn new_terms_hold_for_the_next_claim<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let paused = Terms { paused: true, ..opening(clock, 1, 10).terms };
    ledger.set_terms(POOL, 1, 2, paused).await.unwrap();
    ledger.set_terms(PoolId(99), 1, 2, paused).await.unwrap();
    assert_eq!(claimed(&*ledger, id(clock, 1), 1).await, ClaimAnswer::Refused(OrderRefused::Paused));
    assert_eq!(ledger.snapshot().await.unwrap().pools[0].revision, 2);
}

pub(crate) async fn older_terms_and_those_of_another_opening_are_ignored<L: Ledger>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let (on_sale, paused) = (opening(clock, 1, 10).terms, Terms { paused: true, ..opening(clock, 1, 10).terms });
    ledger.set_terms(POOL, 1, 5, paused).await.unwrap();
    ledger.set_terms(POOL, 1, 4, on_sale).await.unwrap();
    ledger.set_terms(POOL, 2, 6, on_sale).await.unwrap();
    assert_eq!(claimed(&*ledger, id(clock, 1), 1).await, ClaimAnswer::Refused(OrderRefused::Paused));
    ledger.set_terms(POOL, 1, 6, on_sale).await.unwrap();
    assert!(matches!(claimed(&*ledger, id(clock, 1), 1).await, ClaimAnswer::Claimed { .. }));
}

pub(crate) async fn ten_thousand_claims_in_one_call_are_answered_in_order<L: Ledger>(
    clock: &HandClock,
    ledger: Arc<L>,
) {
    opened(clock, &*ledger).await;
    let mut batch: Vec<_> = (0..10_000).map(|number| claim(id(clock, number), 1)).collect();
    batch[5_000].pool = PoolId(99);
    let answers = ledger.claim(&batch).await.unwrap();
    assert_eq!(answers.len(), 10_000);
    assert!(answers[..10].iter().all(|answer| matches!(answer, Some(ClaimAnswer::Claimed { .. }))));
    assert!(matches!(answers[10], Some(ClaimAnswer::Refused(OrderRefused::SoldOut { free: 0, in_flight: 10 }))));
    assert_eq!(answers[5_000], None);
}

pub(crate) async fn buyers_at_once_share_what_is_there<L: Ledger + 'static>(clock: &HandClock, ledger: Arc<L>) {
    opened(clock, &*ledger).await;
    let crowd = (0..40).map(|number| {
        let (ledger, order) = (ledger.clone(), id(clock, number));
        tokio::spawn(async move { matches!(claimed(&*ledger, order, 1).await, ClaimAnswer::Claimed { .. }) })
    });
    let mut served = 0;
    for buyer in crowd.collect::<Vec<_>>() {
        served += u32::from(buyer.await.unwrap());
    }
    assert_eq!((served, numbers(&*ledger).await.free()), (10, 0));
}
