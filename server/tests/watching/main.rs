//! Watching: a real Prometheus with the rules as they are shipped looks at real shops, one of two web nodes and two writers on
//! servers of their own and one embedded, while a crowd buys and one thing after the other breaks. Every panel has data, every
//! metric that anybody asks for exists, and each panel moves, each alert wakes, when that happens which it is for.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod crowds;
mod dashboards;
mod embedded;
#[path = "../cluster/harness/mod.rs"]
mod harness;
mod k6;
mod moves;
mod papers;
mod paying;
mod prometheus;
mod shops;
#[path = "../support/mod.rs"]
mod support;
mod watch;

use moves::When;
use paying::{Payers, VipPass};
use shops::Shops;
use stampede_backends::flaky::Fault;
use std::{collections::BTreeSet, time::Duration};
use watch::Watch;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_panel_has_data_and_moves_under_the_fault_or_load_it_is_for() {
    let mut shops = Shops::open().await;
    let mut watch = Watch::begin(&shops).await;

    watch.during(When::CrowdComes, async || shops.let_the_crowd_in()).await;
    paying(&mut watch, &shops).await;
    // Before a pause, which is 503, too.
    pubsub(&mut watch, &shops).await;
    watch.during(When::BuyersAreRefused, async || shops.refuse_some()).await;
    watch.during(When::SaleIsPaused, async || drop(shops.cluster.run_well(&["sale", "pause"]).await)).await;
    shops.cluster.run_well(&["sale", "resume"]).await;

    postgres(&mut watch, &mut shops).await;
    redis(&mut watch, &shops).await;
    writers(&mut watch, &shops).await;
    actors(&mut watch, &shops).await;
    books_of_payments(&mut watch, &shops).await;

    let (mut generator, prometheus) = (None, watch.prometheus.clone());
    watch.during(When::K6Runs, async || generator = Some(k6::start(&shops, &prometheus))).await;
    drop(generator);

    // What is not healed comes last.
    watch.during(When::LettersArePoison, async || shops.poison().await).await;
    numbers(&mut watch, &shops).await;
    watch.during(When::NodesDie, async || shops.kill_some()).await;
    watch.every_query_had_data_and_every_metric_exists().await;
    watch.during(When::EverybodyIsGone, async || shops.kill_all(&prometheus)).await;
    watch.nothing_was_forgotten();
    shops.close(&prometheus).await;
}

async fn paying(watch: &mut Watch, shops: &Shops) {
    let (shop, client, script) = (shops.embedded.url.as_str(), harness::door::client(), shops.embedded.script());
    let (mut payers, mut paid) = (None, None);
    // One before, so that what is counted has been counted: a rate needs two looks.
    paying::one_pays(shop, &client).await;
    watch
        .during(When::PeoplePay, async || {
            payers = Some(Payers::come(shop, 2));
            // Somebody else begins, and goes for his wallet.
            VipPass::reserved(shop, &client).await.at_the_bank(1).await;
            paid = Some(paying::one_pays(shop, &client).await);
        })
        .await;
    payers.unwrap().go_home().await;
    let paid = paid.unwrap();
    watch
        .during(When::MoneyIsGivenBack, async || {
            // The money is owed from one change to the next.
            script.always("change", Fault::Delay(Duration::from_secs(8)));
            paid.give_the_money_back().await;
        })
        .await;
    script.heal();
    paid.until("the money is given back", |order| order["status"] == "refunded").await;
}

/// What a hand in the database brings about: a test has no time to wait for a provider that is silent for five minutes.
async fn books_of_payments(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    // Its time was up ten minutes ago, its payment is not known, and nobody is to look after it before an hour is over.
    let forgotten = "INSERT INTO holds (id, pool, quantity, buyer, fingerprint, amount, currency, status, hold_until, \
                         extended, attempt, paying_at, look_at, changed_at, owed, due_at) \
                     SELECT gen_random_uuid(), 0, 1, 0, 0, 50100, 'EUR', 3, ms - 600000, \
                         false, 1, ms - 900000, ms + 3600000, ms - 600000, 0, ms + 3600000 \
                     FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS ms) AS now";
    watch.during(When::HoldsAreForgotten, async || drop(grounds.sql(&[forgotten]).await)).await;
    grounds.sql(&["DELETE FROM holds"]).await;
    watch.until_asleep("HoldsOverdue").await;
    watch.until_asleep("PaymentUnknown").await;
    let of_nobody = "INSERT INTO payments (order_id, place, id, attempt, captured, refunded) \
                     VALUES (gen_random_uuid(), 0, 'pay_of_nobody', 1, 100, 0)";
    watch.during(When::MoneyIsFalse, async || drop(grounds.sql(&[of_nobody]).await)).await;
    // As its runbook finds it.
    let without_order = "SELECT p.* FROM payments p LEFT JOIN holds h ON h.id = p.order_id WHERE h.id IS NULL";
    assert!(grounds.sql(&[without_order]).await.contains("pay_of_nobody"));
    grounds.sql(&["DELETE FROM payments"]).await;
    watch.until_asleep("MoneyDoesNotAddUp").await;
    mails(watch, shops).await;
}

/// Owed for ten minutes, and not to be tried before an hour is over.
async fn mails(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    let forgotten = "INSERT INTO mails (order_id, occasion, owed_at, due_at, given_up_at) \
                     SELECT gen_random_uuid(), 1, ms - 600000, \
                         CASE WHEN number > 3 THEN ms + 3600000 END, CASE WHEN number <= 3 THEN ms END \
                     FROM (SELECT (extract(epoch FROM now()) * 1000)::bigint AS ms) AS now, generate_series(1, 20) AS number";
    watch.during(When::MailsAreForgotten, async || drop(grounds.sql(&[forgotten]).await)).await;
    // As its runbook finds them.
    let given_up = "SELECT order_id, occasion, why FROM mails WHERE given_up_at IS NOT NULL";
    assert_eq!(grounds.sql(&[given_up]).await.lines().filter(|line| line.contains('-')).count(), 3);
    grounds.sql(&["DELETE FROM mails"]).await;
    watch.until_asleep("MailsWaiting").await;
}

async fn pubsub(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    // Slow first, so that the panel on its time moves too; then it says no.
    let fault = r#"{"publish_delay_ms": 300, "publish_refuse": 0.7}"#;
    watch.during(When::PubSubRefuses, async || grounds.pubsub_faults(fault).await).await;
    grounds.pubsub_faults("{}").await;
}

async fn postgres(watch: &mut Watch, shops: &mut Shops) {
    watch.during(When::SomebodyLocks, async || shops.lock_the_orders()).await;
    // It dies with what it could not write, and the other one gets that, too.
    watch.during(When::WriterDies, async || shops.kill_a_writer().await).await;
    shops.unlock_the_orders().await;
    shops.cluster.writers[1].start().await;
    shops.show_to(&watch.prometheus);
    shops.until_calm().await;
    let grounds = &shops.cluster.grounds;
    watch.during(When::PostgresDies, async || drop(grounds.postgres.tell("kill", &[]).await)).await;
    grounds.postgres.tell("start", &[]).await;
    shops.until_calm().await;
}

async fn redis(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    watch.during(When::RedisIsBusy, async || shops.keep_redis_busy().await).await;
    watch
        .during(When::RedisFreezes, async || {
            grounds.redis.tell("pause", &[]).await;
            shops.press().await;
        })
        .await;
    grounds.redis.tell("continue", &[]).await;
    shops.stop_pressing();
    shops.until_calm().await;
    watch
        .during(When::RedisIsFull, async || {
            grounds.redis(&["config", "set", "maxmemory", "1mb"]).await;
        })
        .await;
    grounds.redis(&["config", "set", "maxmemory", "200mb"]).await;
    watch.during(When::RedisDies, async || drop(grounds.redis.tell("kill", &[]).await)).await;
    // Empty, and made again from the store.
    watch.during(When::RedisComesBack, async || drop(grounds.redis.tell("start", &[]).await)).await;
    grounds.redis(&["config", "set", "maxmemory", "200mb"]).await;
    shops.until_calm().await;
}

async fn writers(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    let all = |signal: &str| shops.cluster.writers.iter().for_each(|writer| writer.signal(signal));
    watch.during(When::WritersFreeze, async || all("STOP")).await;
    all("CONT");
    shops.until_calm().await;
    watch.until_open().await;
    watch
        .during(When::RedisIsEmptied, async || {
            // Nobody is there who could open it again.
            all("STOP");
            grounds.redis(&["flushall"]).await;
        })
        .await;
    all("CONT");
    shops.until_calm().await;
}

async fn actors(watch: &mut Watch, shops: &Shops) {
    let script = shops.embedded.script();
    watch
        .during(When::ActorsPanic, async || {
            script.on("publish", 1, Fault::Panic);
            script.on("decide", 1, Fault::Panic);
            // An audit takes the only room that CacheSync has here.
            script.always("audit", Fault::Delay(Duration::from_secs(3)));
            shops.audit_the_embedded();
        })
        .await;
    script.heal();
}

async fn numbers(watch: &mut Watch, shops: &Shops) {
    let grounds = &shops.cluster.grounds;
    watch
        .during(When::NumbersAreFalse, async || {
            shops.send_the_crowd_home().await;
            grounds.sql(&["UPDATE pools SET sold = sold - 1"]).await;
        })
        .await;
    grounds.sql(&["UPDATE pools SET sold = sold + 1"]).await;
    shops.let_the_crowd_in();
    shops.until_calm().await;
    // As a hand in the database would do it. Of the orders on their way some find the pool full.
    let cut = "UPDATE pools SET capacity = held + sold, version = version + 1";
    watch.during(When::CapacityIsCut, async || drop(grounds.sql(&[cut]).await)).await;
}

#[test]
fn every_panel_and_every_alert_is_in_the_table_of_what_moves_it() {
    let there: BTreeSet<_> = dashboards::panels().into_iter().map(|panel| (panel.dashboard, panel.title)).collect();
    let listed = moves::PANELS.iter().map(|(of, title, ..)| ((*of).to_owned(), (*title).to_owned()));
    assert_eq!(listed.collect::<BTreeSet<_>>(), there);
    let rules: BTreeSet<_> = dashboards::rules("alerts.yml").into_iter().map(|(name, _)| name).collect();
    let woken = moves::ALERTS.iter().map(|(name, _)| *name).chain(moves::NOT_PROVOKED.iter().copied());
    assert_eq!(woken.map(str::to_owned).collect::<BTreeSet<_>>(), rules);
}
