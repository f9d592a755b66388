//! A VIP pass of the demo, which is paid online: for tests in which somebody pays.

use super::{Shop, json, key};
use serde_json::{Value, json as body};

/// The card that is always good.
pub(crate) const PAYS: &str = "4242424242424242";

/// An order of one pass.
pub(crate) struct Pass<'a> {
    shop: &'a Shop,
    pub(crate) order: String,
    secret: String,
}

impl<'a> Pass<'a> {
    /// Is held for somebody.
    pub(crate) async fn reserved(shop: &'a Shop) -> Self {
        let wanted = body!({ "userId": key(), "quantity": 1, "ticketTypeId": "vip-pass" });
        let buy = shop.client.post(shop.url("/api/tickets/buy")).header("idempotency-key", key()).json(&wanted);
        let bought = json(buy.send().await.unwrap()).await;
        let secret = bought["ticketsUrl"].as_str().unwrap_or_else(|| panic!("{bought}")).split_once('?').unwrap().1;
        let (order, secret) = (bought["orderId"].as_str().unwrap().to_owned(), secret.to_owned());
        let this = Self { shop, order, secret };
        this.until("it is reserved", |order| order["status"] == "reserved").await;
        this
    }

    /// Has been paid with a card that is good.
    pub(crate) async fn paid(shop: &'a Shop) -> Self {
        let this = Self::reserved(shop).await;
        this.pay(1, PAYS).await;
        this.until("it is paid", |order| order["status"] == "confirmed").await;
        this
    }

    /// Begins to pay, and gives a card at the simulated bank.
    pub(crate) async fn pay(&self, attempt: u32, number: &str) {
        self.begin(attempt).await;
        let is_open = |order: &Value| order["attempt"] == attempt && order["payUrl"].is_string();
        let order = self.until("the bank has opened the payment", is_open).await;
        let page = order["payUrl"].as_str().unwrap();
        let card = [("number", number), ("expiry", "12/40"), ("cvc", "123")];
        let typed = self.shop.client.post(self.shop.url(&format!("/en{page}")));
        typed.header("origin", self.shop.url("")).form(&card).send().await.unwrap();
    }

    /// Says that the buyer wants to pay.
    pub(crate) async fn begin(&self, attempt: u32) {
        let pay =
            self.shop.client.post(self.shop.url(&format!("/api/v1/orders/{}/payment?{}", self.order, self.secret)));
        pay.json(&body!({ "attempt": attempt })).send().await.unwrap();
    }

    /// The order, as it stands.
    pub(crate) async fn look(&self) -> Value {
        json(self.shop.get(&format!("/api/v1/orders/{}?{}", self.order, self.secret)).await).await
    }

    /// Its page, as its buyer sees it.
    pub(crate) async fn page(&self) -> String {
        self.shop.get(&format!("/en/orders/{}?{}", self.order, self.secret)).await.text().await.unwrap()
    }

    /// Waits until the order stands so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Value) -> bool) -> Value {
        let mut order = Value::Null;
        super::until(what, &mut async || {
            order = self.look().await;
            so(&order)
        })
        .await;
        order
    }
}
