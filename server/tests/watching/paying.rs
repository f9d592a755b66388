//! Somebody buys what is paid online, and somebody else pretends to be the bank.

use crate::{
    harness::door::client,
    support::{key, until},
};
use serde_json::{Value, json};

/// A VIP pass, from the order to its payment, as a program buys it and a browser pays; and a notice that nobody signed.
pub(crate) async fn one_pays(shop: &str) {
    let client = client();
    let wanted = json!({ "userId": "pays", "quantity": 1, "ticketTypeId": "vip-pass" });
    let buy = client.post(format!("{shop}/api/tickets/buy")).header("idempotency-key", key());
    let bought: Value = buy.json(&wanted).send().await.unwrap().json().await.unwrap();
    let order = bought["orderId"].as_str().unwrap_or_else(|| panic!("{bought}"));
    let secret = bought["ticketsUrl"].as_str().unwrap().split_once('?').unwrap().1;
    let address = format!("{shop}/api/v1/orders/{order}");
    let status =
        async || -> Value { client.get(format!("{address}?{secret}")).send().await.unwrap().json().await.unwrap() };
    until("it is reserved", &mut async || status().await["status"] == "reserved").await;
    client.post(format!("{address}/payment?{secret}")).json(&json!({})).send().await.unwrap();
    until("the bank has opened the payment", &mut async || status().await["payUrl"].is_string()).await;
    let page = status().await["payUrl"].as_str().unwrap().to_owned();
    let card = [("number", "4242424242424242"), ("expiry", "12/40"), ("cvc", "123")];
    client.post(format!("{shop}/en{page}")).header("origin", shop).form(&card).send().await.unwrap();
    until("it is paid", &mut async || status().await["status"] == "confirmed").await;
    let forged = client.post(format!("{shop}/webhooks/payments")).body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 400);
}
