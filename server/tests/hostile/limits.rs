//! How often somebody may ask: by address, by buyer, all together; at one process and at several.

use super::support::{Shop, json, key};
use reqwest::Response;
use stampede_actors::ports::Quota;
use stampede_server::config::Config;

/// Visitors are told apart by what a proxy says of them, so that one machine can be many.
const BEHIND_A_PROXY: [(&str, &str); 2] = [("STAMPEDE_TRUSTED_PROXY_HOPS", "1"), ("STAMPEDE_LOG", "error")];

async fn shop(settings: &[(&'static str, &str)]) -> Shop {
    let settings: Vec<_> = BEHIND_A_PROXY.into_iter().chain(settings.iter().copied()).collect();
    let mut shop = Shop::closed(&settings);
    shop.start().await;
    shop
}

async fn read(shop: &Shop, from: &str) -> Response {
    let request = shop.client.get(shop.url("/api/tickets/availability"));
    request.header("x-forwarded-for", from).send().await.unwrap()
}

async fn buy(shop: &Shop, from: &str, user: &str, key: &str) -> Response {
    let request = shop.client.post(shop.url("/api/tickets/buy")).header("x-forwarded-for", from);
    let request = request.header("content-type", "application/json").header("idempotency-key", key);
    request.body(format!(r#"{{"userId":"{user}"}}"#)).send().await.unwrap()
}

fn left(answer: &Response) -> u32 {
    let told = answer.headers()["ratelimit"].to_str().unwrap();
    told.split(";r=").nth(1).unwrap().split(';').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_reads_too_often_is_turned_away_and_its_neighbours_are_not() {
    let shop = shop(&[("STAMPEDE_LIMIT_READS_PER_SECOND", "1"), ("STAMPEDE_LIMIT_READS_BURST", "20")]).await;
    let mut turned_away = 0;
    for _ in 0..40 {
        let answer = read(&shop, "2001:db8:1:2::7").await;
        match answer.status().as_u16() {
            200 => drop(left(&answer)),
            429 => {
                turned_away += 1;
                let headers = answer.headers();
                assert_eq!(headers["ratelimit-policy"], "\"reads\";q=20;w=20");
                let wait: u64 = headers["retry-after"].to_str().unwrap().parse().unwrap();
                assert!((1..=4).contains(&wait), "{wait}");
                let problem = json(answer).await;
                assert_eq!(
                    (problem["code"].as_str(), problem["retryAfter"].as_u64()),
                    (Some("too_many_requests"), Some(wait))
                );
            }
            other => panic!("{other}"),
        }
    }
    assert!(turned_away >= 15, "only {turned_away} of 40 were too many");
    // Another address of the same /64 is the same household; the next /64 is not, and neither is any v4 address.
    assert_eq!(read(&shop, "2001:db8:1:2:ffff::1").await.status().as_u16(), 429);
    for neighbour in ["2001:db8:1:3::7", "192.0.2.1", "192.0.2.2"] {
        assert_eq!(read(&shop, neighbour).await.status().as_u16(), 200, "{neighbour}");
    }
    assert_eq!(buy(&shop, "2001:db8:1:2::7", "eva", &key()).await.status().as_u16(), 202, "orders are counted apart");
    assert!(shop.metric("stampede_turned_away_total", "limit=\"reads\"").await >= 15.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_talks_their_way_out_of_a_limit() {
    let shop = shop(&[("STAMPEDE_LIMIT_READS_PER_SECOND", "1"), ("STAMPEDE_LIMIT_READS_BURST", "5")]).await;
    let mut told = Vec::new();
    for number in 0..30 {
        // What stands left of the proxy's own word is the client's: loopback is exempt, others are fresh.
        let claims = ["127.0.0.1".to_owned(), "::1".to_owned(), format!("203.0.113.{number}")];
        let line = format!("{}, 198.51.100.9", claims[number % 3]);
        let request = shop.client.get(shop.url("/api/tickets/availability")).header("x-forwarded-for", &line);
        let request = request.header("forwarded", "for=127.0.0.1").header("x-real-ip", "127.0.0.1");
        told.push(request.send().await.unwrap().status().as_u16());
    }
    assert!(told.iter().filter(|status| **status == 429).count() >= 20, "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_trusted_proxy_nobody_is_somebody_else() {
    let limits = [("STAMPEDE_LIMIT_READS_PER_SECOND", "1"), ("STAMPEDE_LIMIT_READS_BURST", "5")];
    let mut shop = Shop::closed(&[limits[0], limits[1], ("STAMPEDE_LIMIT_EXEMPT", "192.0.2.0/24")]);
    shop.start().await;
    let mut told = Vec::new();
    for number in 0..20 {
        told.push(read(&shop, &format!("192.0.2.{number}")).await.status().as_u16());
    }
    assert!(told.iter().filter(|status| **status == 429).count() >= 12, "{told:?}");
}

/// 5,000 people on one campus, behind one address: each loads the page with its files, looks at numbers, orders, and follows
/// the order. Nobody is turned away with the limits as they are.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_campus_behind_one_address_buys_with_the_limits_as_they_are() {
    let shop = shop(&[]).await;
    let people = 200;
    let mut everyone = tokio::task::JoinSet::new();
    for person in 0..people {
        let (client, url) = (shop.client.clone(), shop.url(""));
        everyone.spawn(async move {
            let mut told = Vec::new();
            for path in ["/en", "/static/a", "/static/b", "/static/c", "/favicon.ico", "/api/tickets/availability"] {
                let answer = client.get(format!("{url}{path}")).header("x-forwarded-for", "192.0.2.77").send().await;
                told.push(answer.unwrap().status().as_u16());
            }
            let order = client.post(format!("{url}/api/tickets/buy")).header("x-forwarded-for", "192.0.2.77");
            let order = order.header("content-type", "application/json").body(format!(r#"{{"userId":"p{person}"}}"#));
            told.push(order.send().await.unwrap().status().as_u16());
            told
        });
    }
    let told: Vec<u16> = everyone.join_all().await.into_iter().flatten().collect();
    assert!(told.iter().all(|status| *status != 429), "somebody was turned away");
    assert_eq!(told.iter().filter(|status| **status == 202).count(), people);
    let orders = buy(&shop, "192.0.2.77", "last", &key()).await;
    assert!(left(&orders) >= 10_000 - 201);
    // And 5,000, each with sixteen reads and two orders in the ten seconds of an opening.
    let door = Config::of([]).unwrap().door.settings();
    let in_ten_seconds = |quota: Quota| quota.burst + 10 * quota.per_second;
    assert!(5_000 * 16 <= in_ten_seconds(door.reads) && 5_000 * 2 <= in_ten_seconds(door.orders));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_together_have_a_limit_where_an_operator_sets_one() {
    let shop = shop(&[("STAMPEDE_LIMIT_EVERYONE_PER_SECOND", "20")]).await;
    let mut turned_away = 0;
    for number in 0..100 {
        let answer = read(&shop, &format!("192.0.2.{number}")).await;
        if answer.status().as_u16() == 429 {
            assert_eq!(answer.headers()["ratelimit-policy"], "\"everyone\";q=20;w=1");
            turned_away += 1;
        }
    }
    assert!(turned_away > 20, "only {turned_away} of 100 were too many");
    assert_eq!(
        shop.client.get(shop.url("/en")).header("x-forwarded-for", "127.0.0.1").send().await.unwrap().status(),
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bot_hears_of_the_order_it_has_and_gets_no_further_one() {
    let shop = shop(&[("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "3")]).await;
    let mine = key();
    assert_eq!(buy(&shop, "192.0.2.1", "bot", &mine).await.status().as_u16(), 202);
    let mut again = 0;
    let mut refused = 0;
    for number in 0..12 {
        // From an address of its own each time: it is the buyer who is counted.
        let fresh = buy(&shop, &format!("192.0.2.{number}"), "bot", &key()).await;
        if fresh.status().as_u16() == 429 {
            refused += 1;
            assert_eq!(fresh.headers()["ratelimit-policy"], "\"buyer\";q=3;w=1");
            assert!(fresh.headers().contains_key("retry-after"));
        }
        let known = buy(&shop, "192.0.2.1", "bot", &mine).await;
        let replayed = known.headers().get("idempotent-replayed").is_some();
        again += u32::from(known.status().as_u16() == 202 && replayed);
    }
    assert!(refused >= 6, "{refused}");
    assert!(again >= 2, "the answer of the order it has was given only {again} times");
    assert_eq!(buy(&shop, "192.0.2.1", "eva", &key()).await.status().as_u16(), 202);
}
