//! Messages that no writer can take, and what a person does about them beside a running shop.

#![expect(clippy::unwrap_used, reason = "a test stops where it cannot go on")]

mod support;

use bytes::Bytes;
use serde_json::Value;
use stampede_actors::{
    label::Label,
    lane::{self, LaneOrder, Wish},
    ports::Outgoing,
    wire,
};
use stampede_domain::{BuyerId, Contact, Event, Fingerprint, Intent, Millis, OrderId, PoolId, decide::Want};
use stampede_server::{config::Role, wiring::Ports};
use std::{fs, process::Output};
use support::{Shop, key, passes::Pass};

const FESTIVAL: &str = include_str!("../demo/frequency-festival.toml");

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// An event whose pool nobody knows until it is applied.
fn second_festival() -> String {
    let open = FESTIVAL.replace("2027-01-15T09:00:00Z", "2026-01-15T09:00:00Z");
    open.replace("frequency-festival", "second-festival").replace("capacity = 1000000", "capacity = 10")
}

fn pool_of(toml: &str) -> PoolId {
    let event: Event = toml::from_str(toml).unwrap();
    event.ticket_types[0].pool(&event.slug)
}

fn intent(pool: PoolId, quantity: u32) -> Intent {
    let order: OrderId = key().parse().unwrap();
    let contact = Contact { name: Some("Eva Musterfrau".into()), ..Contact::default() };
    let (buyer, fingerprint, asked_at) = (BuyerId(9), Fingerprint(4), order.time());
    Intent { order, pool, quantity, buyer, fingerprint, asked_at, contact, trace: None }
}

/// A message of a version from the future, whose label names the order of an intent.
fn unreadable(of: &Intent) -> Outgoing {
    Outgoing { payload: Bytes::from_static(br#"{"v":9,"place":{"who":"Eva"}}"#), label: Some(Label::of(of)) }
}

fn garbage() -> Outgoing {
    Outgoing { payload: Bytes::from_static(b"\xff\x00 Eva"), label: None }
}

/// A shop on whose bus these messages are, put there while it was closed. It runs, and has set `dead` of them aside.
async fn shop_with(messages: Vec<Outgoing>, dead: usize) -> Shop {
    let mut shop = Shop::selling(100).await;
    assert!(shop.stop().success());
    in_process(&shop, async |ports| {
        assert!(ports.bus.publish(messages.clone()).await.iter().all(Result::is_ok));
    })
    .await;
    shop.start().await;
    shop.until("they are set aside", async || letters(&shop).len() == dead).await;
    shop
}

/// Does something to the ports of a shop that is closed.
async fn in_process(shop: &Shop, work: impl AsyncFnOnce(&Ports)) {
    let mut config = shop.config();
    config.servers.role = Role::Web;
    let (ports, books) = Ports::open(&config).await.unwrap();
    work(&ports).await;
    ports.close().await;
    books.close().await;
}

fn letters(shop: &Shop) -> Vec<Value> {
    let output = shop.run(&["dead-letters", "list", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    serde_json::from_slice::<Value>(&output.stdout).unwrap().as_array().unwrap().clone()
}

fn id(letter: &Value) -> String {
    letter["id"].as_str().unwrap().to_owned()
}

fn id_of(shop: &Shop, order: OrderId) -> String {
    let letters = letters(shop);
    let letter = letters.iter().find(|letter| letter["orderId"] == order.to_string());
    id(letter.unwrap_or_else(|| panic!("no letter of {order} in {letters:?}")))
}

/// Waits until every process counts so many, as it does once a second.
async fn until_counted(shop: &Shop, letters: u32) {
    let processes = if support::servers::are_wanted() { 2 } else { 1 };
    let expected = f64::from(letters * processes);
    let counted = async || (shop.metric("stampede_dead_letters", "").await - expected).abs() < 0.5;
    shop.until(&format!("{letters} letters are counted"), counted).await;
}

/// Runs `dead-letters` with these words, which must end with this code.
fn dead_letters(shop: &Shop, words: &[&str], code: i32) -> String {
    let output = shop.run(&[&["dead-letters"], words].concat());
    assert_eq!(output.status.code(), Some(code), "{words:?}: {}", said(&output));
    said(&output)
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_set_aside_and_shown_without_names_while_the_shop_sells() {
    let unknown_pool = intent(PoolId(77), 1);
    let nothing = intent(pool_of(FESTIVAL), 0);
    let versioned = intent(pool_of(FESTIVAL), 2);
    let good = intent(pool_of(FESTIVAL), 3);
    let sent = [&unknown_pool, &nothing, &good].map(wire::outgoing);
    let shop = shop_with([&sent[..], &[unreadable(&versioned), garbage()]].concat(), 4).await;
    assert!(shop.buy(&key(), "ben", 1).await.unwrap().status().is_success());
    shop.until("neighbours and newcomers are sold", async || shop.numbers().await.2 == 4).await;
    until_counted(&shop, 4).await;

    let text = dead_letters(&shop, &["list"], 0);
    for reason in ["asks for nothing", "is not in", "message version 9 is not known here", "undecodable message"] {
        assert_eq!(text.matches(reason).count(), 1, "{reason}: {text}");
    }
    let letter = letters(&shop).into_iter().find(|letter| letter["orderId"] == versioned.order.to_string()).unwrap();
    assert_eq!(
        (&letter["readable"], &letter["quantity"], &letter["status"]),
        (&false.into(), &2.into(), &"undecided".into())
    );
    assert_eq!(letter["ticketType"], "frequency-festival / general-admission");
    assert!(letter["attempts"].as_u64().unwrap() >= 1 && letter["setAsideBy"].as_str().unwrap().contains('/'));
    for letter in letters(&shop) {
        let id = id(&letter);
        let shown = dead_letters(&shop, &["show", &id], 0);
        assert!(!shown.contains("Eva"), "{shown}");
        assert!(shown.contains(letter["reason"].as_str().unwrap()), "{shown}");
        assert!(dead_letters(&shop, &["show", &id, "--personal"], 0).contains("Eva"));
    }
    assert!(dead_letters(&shop, &["show", "12345"], 2).contains("there is no dead letter 12345"));
    assert!(dead_letters(&shop, &["replay", "--all"], 2).contains("--reason"));
    shop.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_says_why_it_died_again_and_confirms_when_the_cause_is_gone() {
    let order = intent(pool_of(&second_festival()), 2);
    let shop = shop_with(vec![wire::outgoing(&order)], 1).await;
    let first = id_of(&shop, order.order);
    assert!(dead_letters(&shop, &["replay", &first, "--dry-run"], 0).contains("would be put back"));
    assert_eq!(letters(&shop)[0]["replayedAt"], Value::Null);

    let replay = ["replay", &first, "--by", "anna", "--reason", "to see"];
    let text = dead_letters(&shop, &replay, 1);
    assert!(text.contains("died again, as letter") && text.contains("is not in"), "{text}");
    let second = id_of(&shop, order.order);
    assert_ne!(first, second);

    let file = shop.directory().join("event.toml");
    fs::write(&file, second_festival()).unwrap();
    assert!(shop.run(&["event", "apply", file.to_str().unwrap()]).status.success());
    let text = dead_letters(&shop, &["replay", "--all", "--by", "anna", "--reason", "its pool is there"], 0);
    assert!(text.contains(&format!("order {} is confirmed now", order.order)), "{text}");
    shop.until("its page says so", async || {
        shop.status(&order.order.to_string()).await.as_deref() == Some("confirmed")
    })
    .await;
    assert_eq!(letters(&shop).len(), 0);
    assert!(dead_letters(&shop, &["list"], 0).contains("no dead letters wait"));

    let text = dead_letters(&shop, &["replay", &second, "--reason", "once more"], 0);
    assert!(text.contains("has ended already") && text.contains("by anna: its pool is there"), "{text}");
    assert!(dead_letters(&shop, &["show", &second], 0).contains("confirmed"));
    shop.audit();
}

/// Without a shop nobody puts an end to the letter first, so that this is about the command alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_of_a_decided_order_changes_nothing_and_says_so() {
    let order = intent(pool_of(FESTIVAL), 2);
    let mut shop = shop_with(vec![unreadable(&order)], 1).await;
    assert!(shop.stop().success());
    let id = id_of(&shop, order.order);
    in_process(&shop, async |ports| {
        let entry = stampede_actors::ports::Entry { intent: order.clone(), want: Want::Place };
        ports.store.decide(Millis(1_800_000_000_000), &[entry]).await.unwrap();
    })
    .await;
    let already = format!("order {} is confirmed already. A replay would change nothing", order.order);
    assert!(dead_letters(&shop, &["replay", &id, "--dry-run"], 0).contains(&already));
    assert_eq!(letters(&shop).len(), 1, "a dry run ends nothing");
    assert!(dead_letters(&shop, &["replay", &id, "--reason", "to be sure"], 0).contains(&already));
    assert_eq!(letters(&shop).len(), 0);
    assert!(dead_letters(&shop, &["show", &id], 0).contains("nothing was put back"));
    shop.start().await;
    shop.until_numbers((98, 0, 2)).await;
    shop.audit();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dismissal_ends_the_order_now_and_its_units_are_free_again() {
    let (given_up, strange) = (intent(pool_of(FESTIVAL), 2), intent(PoolId(77), 1));
    let shop = shop_with(vec![unreadable(&given_up), wire::outgoing(&strange), garbage()], 3).await;
    let id = id_of(&shop, given_up.order);
    let text = dead_letters(&shop, &["dismiss", &id, "--dry-run"], 0);
    assert!(text.contains("would end as failed") && letters(&shop).len() == 3, "{text}");
    let text = dead_letters(&shop, &["dismiss", &id, "--by", "anna", "--reason", "a test order"], 0);
    assert!(text.contains(&format!("order {} is failed now", given_up.order)), "{text}");
    shop.until("its page says so", async || {
        shop.status(&given_up.order.to_string()).await.as_deref() == Some("failed")
    })
    .await;
    shop.until_numbers((100, 0, 0)).await;

    let text = dead_letters(&shop, &["dismiss", "--all", "--by", "anna", "--reason", "junk"], 0);
    assert!(text.contains("no order is named; the letter is put away") && text.contains("cannot be ended"), "{text}");
    assert_eq!(letters(&shop).len(), 0);
    let shown = dead_letters(&shop, &["show", &id], 0);
    assert!(shown.contains("dismissed by anna: a test order; order") && shown.contains("has ended at"), "{shown}");
    until_counted(&shop, 0).await;
    shop.audit();
}

/// Nobody takes messages when the command is run: the next start does.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_without_a_shop_waits_for_the_next_start() {
    let order = intent(pool_of(&second_festival()), 2);
    let mut shop = shop_with(vec![wire::outgoing(&order)], 1).await;
    let file = shop.directory().join("event.toml");
    fs::write(&file, second_festival()).unwrap();
    assert!(shop.run(&["event", "apply", file.to_str().unwrap()]).status.success());
    assert!(shop.stop().success());
    let text = dead_letters(&shop, &["replay", "--all", "--reason", "its pool is there"], 1);
    assert!(text.contains("is on its way, and not decided yet"), "{text}");
    shop.start().await;
    shop.until("it is confirmed", async || shop.status(&order.order.to_string()).await.as_deref() == Some("confirmed"))
        .await;
    shop.until("its letter has ended", async || letters(&shop).is_empty()).await;
    shop.audit();
}

/// What travels on the payments' lane dies there, and is not mixed up with orders.
#[tokio::test(flavor = "multi_thread")]
async fn a_letter_of_payments_is_named_shown_counted_and_dismissed() {
    let mut shop = Shop::selling(100).await;
    assert!(shop.stop().success());
    in_process(&shop, async |ports| {
        assert!(ports.lane.publish(vec![garbage()]).await.iter().all(Result::is_ok));
        assert!(ports.bus.publish(vec![garbage()]).await.iter().all(Result::is_ok));
    })
    .await;
    shop.start().await;
    shop.until("both are set aside", async || letters(&shop).len() == 2).await;
    until_counted(&shop, 2).await;
    let letters = letters(&shop);
    assert_eq!((&letters[0]["bus"], &letters[1]["bus"]), (&"orders".into(), &"payments".into()));
    let (of_orders, of_payments) = (id(&letters[0]), id(&letters[1]));
    assert!(of_payments.starts_with('p') && letters[1]["wish"] == "(cannot be read)", "{letters:?}");
    let text = dead_letters(&shop, &["list"], 0);
    assert!(text.contains("1 dead letter waits") && text.contains("1 dead letter of payments waits"), "{text}");
    let shown = dead_letters(&shop, &["show", &of_payments], 0);
    assert!(shown.contains("of payments") && shown.contains("undecodable") && !shown.contains("Eva"), "{shown}");
    assert!(dead_letters(&shop, &["show", &of_payments, "--personal"], 0).contains("Eva"));
    assert!(dead_letters(&shop, &["show", "p12345"], 2).contains("there is no dead letter p12345"));
    assert!(dead_letters(&shop, &["show", "pp"], 2).contains("p17 for one of payments"));

    let text = dead_letters(&shop, &["replay", &of_payments, "--reason", "to see"], 1);
    assert!(text.contains("died again, as letter p"), "{text}");
    let text = dead_letters(&shop, &["dismiss", "--all", "--by", "anna", "--reason", "junk"], 0);
    assert_eq!(text.matches("no order is named; the letter is put away").count(), 2, "{of_orders}: {text}");
    assert!(dead_letters(&shop, &["show", &of_payments], 0).contains("it died again"), "its end is kept");
    assert!(dead_letters(&shop, &["list"], 0).contains("no dead letters wait"));
    until_counted(&shop, 0).await;
    shop.audit();
}

/// Puts wishes on the lane and sets them aside at once, as a provider's or a database's whim would.
async fn set_aside_wishes(shop: &Shop, wishes: &[LaneOrder]) {
    in_process(shop, async |ports| {
        let outgoing: Vec<_> = wishes.iter().map(lane::outgoing).collect();
        assert!(ports.lane.publish(outgoing).await.iter().all(Result::is_ok));
        let pulled = ports.lane.pull(wishes.len()).await.unwrap();
        let letters: Vec<_> = pulled.into_iter().map(|one| (one.id, "the store would not".to_owned())).collect();
        assert_eq!(letters.len(), wishes.len());
        ports.lane.set_aside(&letters).await.unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wish_is_replayed_as_long_as_it_means_something() {
    if support::servers::are_wanted() {
        // Nobody pays online there without Stripe.
        return;
    }
    let mut shop = Shop::selling(100).await;
    let order: OrderId = Pass::reserved(&shop).await.order.parse().unwrap();
    assert!(shop.stop().success());
    let wish = |wish| LaneOrder { order, wish, trace: None };
    set_aside_wishes(&shop, &[wish(Wish::Cancel), wish(Wish::Pay { attempt: 3 })]).await;
    shop.start().await;
    let both = letters(&shop);
    let (cancel, pay) = (id(&both[0]), id(&both[1]));
    assert_eq!((&both[0]["wish"], &both[0]["status"]), (&"cancel".into(), &"reserved".into()));
    assert_eq!(both[1]["wish"], "pay, attempt 3");
    assert!(dead_letters(&shop, &["show", &pay], 0).contains("would be refused: not the next attempt"));
    assert!(dead_letters(&shop, &["replay", &cancel, "--dry-run"], 0).contains("would be put back on the lane"));
    let text = dead_letters(&shop, &["replay", "--all", "--by", "anna", "--reason", "the store takes it now"], 0);
    assert!(text.contains("would be refused") && text.contains(&format!("order {order} is cancelled now")), "{text}");
    assert_eq!(shop.status(&order.to_string()).await.as_deref(), Some("cancelled"));
    let text = dead_letters(&shop, &["replay", &cancel, "--reason", "once more"], 0);
    assert!(text.contains("has ended already") && text.contains("by anna: the store takes it now"), "{text}");
    let left = letters(&shop);
    assert_eq!((left.len(), id(&left[0])), (1, pay.clone()));
    let text = dead_letters(&shop, &["dismiss", &pay, "--reason", "too late"], 0);
    assert!(text.contains(&format!("order {order} is cancelled; the letter is put away")), "{text}");
    shop.audit();
}
