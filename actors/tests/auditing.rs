//! What an audit says of a shop, law by law, and what it does not say.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use stampede_actors::{
    audit::{AuditReport, LawFound, audit},
    clock::{Clock, SharedClock},
    ports::{Bus, ClaimOf, Entry, Ledger, OrderStore, Outgoing, PromiseOf},
};
use stampede_domain::{
    BuyerId, Contact, Fingerprint, Intent, Millis, OrderId, PoolId, WriterReport,
    decide::Want,
    event::Terms,
    laws::Law,
    ledger::{ClaimRequest, Opening},
};
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};
use support::{Ground, Wishes, ledger::FakeLedger, on_stage, pass, pool};
use uuid::Uuid;

/// A store, a bus and a ledger, and nobody who works with them.
struct Scene {
    ground: Ground,
    ledger: FakeLedger,
}

impl Scene {
    async fn begin() -> Self {
        let ground = Ground::new(Wishes::default());
        let ledger = FakeLedger::new(Arc::clone(&ground.ledger_clock) as SharedClock);
        let scene = Self { ground, ledger };
        scene.open(pool()).await;
        scene
    }

    async fn open(&self, pool: PoolId) {
        let (_, numbers) = self.ground.store.pool(pool).await.unwrap();
        let terms: Terms = self.ground.catalogue.listing().event.ticket_types[0].terms(false);
        let opening = Opening {
            epoch: 1,
            numbers,
            terms,
            buyers: Vec::new(),
            undecided: Vec::new(),
            virgin: true,
            drained: true,
            revision: 1,
        };
        self.ledger.open(pool, &opening).await.unwrap();
    }

    async fn claim(&self, number: u8) {
        let Intent { order, pool, quantity, buyer, fingerprint, .. } = intent(number);
        let request = ClaimRequest { order, quantity, buyer, fingerprint, looked_up: None };
        self.ledger.claim(&[ClaimOf { pool, request }]).await.unwrap();
    }

    async fn promise(&self, number: u8) {
        self.claim(number).await;
        let Intent { order, pool, fingerprint, .. } = intent(number);
        self.ledger.promise(&[PromiseOf { pool, order, fingerprint }]).await.unwrap();
    }

    async fn decide(&self, number: u8) {
        let entry = Entry { intent: intent(number), want: Want::Place };
        self.ground.store.decide(self.ground.clock.now(), &[entry]).await.unwrap();
    }

    /// The writers say how much they hold.
    async fn writers_hold(&self, depth: u32) {
        let report = WriterReport { depth, ..WriterReport::default() };
        self.ledger.settle(&[], Some(report)).await.unwrap();
    }

    fn bus_tells_nothing(&self) {
        self.ground.bus.tells_nothing.store(true, Ordering::Relaxed);
    }

    async fn set_aside_a_letter(&self) {
        self.ground.bus.put_labelled(Outgoing { payload: "damaged".into(), label: None });
        let taken = self.ground.bus.pull(1).await.unwrap();
        self.ground.bus.set_aside(&[(taken[0].id, "on purpose".into())]).await.unwrap();
    }

    async fn audit(&self) -> AuditReport {
        self.audit_with(Some(&self.ledger)).await
    }

    async fn audit_with(&self, ledger: Option<&dyn Ledger>) -> AuditReport {
        audit(self.ground.clock.now(), &*self.ground.store, &*self.ground.bus, ledger).await.unwrap()
    }
}

fn intent(number: u8) -> Intent {
    Intent {
        order: OrderId(Uuid::from_u128(u128::from(number))),
        pool: pool(),
        quantity: 1,
        buyer: BuyerId(i64::from(number)),
        fingerprint: Fingerprint(i64::from(number)),
        asked_at: Millis(0),
        contact: Contact::default(),
        trace: None,
    }
}

fn of(report: &AuditReport, law: Law) -> &LawFound {
    report.laws.iter().find(|found| found.law == law).unwrap()
}

fn leaks(report: &AuditReport) -> Vec<String> {
    of(report, Law::NothingLeaks).breaches.clone()
}

#[tokio::test(start_paused = true)]
async fn a_law_that_nothing_can_be_seen_of_is_not_judged() {
    on_stage(async {
        let scene = Scene::begin().await;
        let report = scene.audit().await;
        assert!(report.holds() && report.laws.iter().all(|found| found.holds() == Some(true)), "{report:?}");
        assert_eq!(of(&report, Law::NothingLeaks).looked_at, "pools at rest against the ledger: 1");
        assert_eq!(of(&report, Law::EveryPromiseDecided).looked_at, "0 messages wait");
        assert_eq!(of(&report, Law::NeverOversold).looked_at, "0 orders");

        let at_rest = scene.audit_with(None).await;
        assert_eq!(of(&at_rest, Law::NothingLeaks).holds(), None);
        let why = "no pool of a running shop is at rest to be compared with the ledger";
        assert_eq!(of(&at_rest, Law::NothingLeaks).looked_at, why);
        assert_eq!(of(&at_rest, Law::EveryPromiseDecided).holds(), Some(true), "the bus tells");

        scene.bus_tells_nothing();
        assert_eq!(of(&scene.audit_with(None).await, Law::EveryPromiseDecided).holds(), None);
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::EveryPromiseDecided).holds(), Some(true), "the ledger knows of no promise");
        assert_eq!(
            of(&report, Law::EveryPromiseDecided).looked_at,
            "no order is promised and undecided, by the ledger"
        );
        scene.promise(1).await;
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::EveryPromiseDecided).holds(), None);
        let why = "orders are promised and undecided; the bus does not tell what waits";
        assert_eq!(of(&report, Law::EveryPromiseDecided).looked_at, why);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_law_found_broken_is_judged_whatever_else_can_be_seen_and_no_other_is() {
    on_stage(async {
        let scene = Scene::begin().await;
        scene.promise(1).await;
        scene.ground.bus.put("waits".into());
        pass(Duration::from_secs(11)).await;
        let report = scene.audit().await;
        assert!(!report.holds());
        assert_eq!(of(&report, Law::EveryPromiseDecided).holds(), Some(false));
        assert_eq!(of(&report, Law::NothingLeaks).holds(), None, "a pool with claims is not at rest");

        let scene = Scene::begin().await;
        scene.promise(1).await;
        pass(Duration::from_secs(61)).await;
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::NothingLeaks).holds(), Some(false), "though no pool is at rest");
    })
    .await;
}

/// The ledger lags for a moment after each settlement; what is not of the same version says nothing.
#[tokio::test(start_paused = true)]
async fn a_pool_is_compared_with_itself_at_the_same_version_and_with_no_other() {
    on_stage(async {
        let scene = Scene::begin().await;
        let other = PoolId(pool().0 - 1);
        scene.ground.store.put_pool(other, 7, None);
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::NothingLeaks).looked_at, "pools at rest against the ledger: 1");
        assert_eq!(leaks(&report), [""; 0]);
        scene.open(other).await;
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::NothingLeaks).looked_at, "pools at rest against the ledger: 2");
        assert_eq!(leaks(&report), [""; 0]);

        scene.decide(1).await;
        let report = scene.audit().await;
        assert_eq!(of(&report, Law::NothingLeaks).looked_at, "pools at rest against the ledger: 1");
        assert_eq!(leaks(&report), [""; 0]);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn only_old_claims_without_a_row_count_as_left_and_each_counts() {
    on_stage(async {
        let scene = Scene::begin().await;
        for number in 1..=3 {
            scene.promise(number).await;
        }
        pass(Duration::from_secs(59)).await;
        assert_eq!(leaks(&scene.audit().await), [""; 0], "not old enough");
        pass(Duration::from_secs(2)).await;
        scene.decide(1).await;
        assert_eq!(leaks(&scene.audit().await), [format!("{}: 2 claims are left that nothing will decide", pool())]);
        scene.decide(2).await;
        scene.decide(3).await;
        assert_eq!(leaks(&scene.audit().await), [""; 0], "all that is missing is their settlement");
    })
    .await;
}

/// A dead letter keeps its claim for a quarter of an hour.
#[tokio::test(start_paused = true)]
async fn while_there_are_dead_letters_a_claim_is_left_only_after_their_time() {
    on_stage(async {
        let scene = Scene::begin().await;
        scene.promise(1).await;
        scene.set_aside_a_letter().await;
        pass(Duration::from_mins(15)).await;
        assert_eq!(leaks(&scene.audit().await), [""; 0]);
        pass(Duration::from_secs(61)).await;
        assert_eq!(leaks(&scene.audit().await).len(), 1);
    })
    .await;
}

/// Where the bus cannot tell, writers that are there and idle say that nothing waits, twice in two seconds.
#[tokio::test(start_paused = true)]
async fn a_silent_bus_is_vouched_for_by_writers_that_are_there_and_idle() {
    on_stage(async {
        let scene = Scene::begin().await;
        scene.bus_tells_nothing();
        scene.promise(1).await;
        pass(Duration::from_secs(61)).await;
        assert_eq!(leaks(&scene.audit().await), [""; 0], "nobody has been heard of");
        scene.writers_hold(1).await;
        assert_eq!(leaks(&scene.audit().await), [""; 0], "it may be what they hold");

        for (second_word, expected) in [(Some(0), 1), (Some(1), 0), (None, 0)] {
            scene.writers_hold(0).await;
            let began = tokio::time::Instant::now();
            let (report, ()) = tokio::join!(scene.audit(), async {
                pass(Duration::from_secs(1)).await;
                if let Some(depth) = second_word {
                    scene.writers_hold(depth).await;
                }
            });
            assert_eq!(leaks(&report).len(), expected, "{second_word:?}");
            assert_eq!(began.elapsed(), Duration::from_secs(2), "{second_word:?}");
        }
    })
    .await;
}
