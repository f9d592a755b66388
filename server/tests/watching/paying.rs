//! People who buy what is paid online, an organizer who gives money back, and somebody who pretends to be the bank.

use crate::{harness::door::client, support::key};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::JoinSet, time::Instant};

/// Who knows this may give money back.
pub(crate) const ORGANIZER: &str = "the organizer of what is watched";
/// How long an order may take to stand as it is waited for, and how often it is looked at.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOKS: Duration = Duration::from_millis(50);
const PAYS: &str = "4242424242424242";
const IS_DECLINED: &str = "4000000000000002";

/// An order of a VIP pass.
pub(crate) struct VipPass {
    shop: String,
    client: Client,
    /// Of the order, and what opens it.
    address: String,
    secret: String,
}

impl VipPass {
    /// Is held for somebody.
    pub(crate) async fn reserved(shop: &str, client: &Client) -> Self {
        let wanted = json!({
            "userId": format!("pays {}", key()), "quantity": 1, "ticketTypeId": "vip-pass", "email": "eva@example.org",
        });
        let buy = client.post(format!("{shop}/api/tickets/buy")).header("idempotency-key", key());
        let bought: Value = buy.json(&wanted).send().await.unwrap().json().await.unwrap();
        let order = bought["orderId"].as_str().unwrap_or_else(|| panic!("{bought}"));
        let secret = bought["ticketsUrl"].as_str().unwrap().split_once('?').unwrap().1.to_owned();
        let address = format!("{shop}/api/v1/orders/{order}");
        let this = Self { shop: shop.to_owned(), client: client.clone(), address, secret };
        this.until("it is reserved", |order| order["status"] == "reserved").await;
        this
    }

    /// Begins to pay, and stands before the bank's page: as a program wishes it, and a browser is sent.
    pub(crate) async fn at_the_bank(&self, attempt: u32) -> String {
        let pay = self.client.post(format!("{}/payment?{}", self.address, self.secret));
        pay.json(&json!({ "attempt": attempt })).send().await.unwrap();
        let is_open = |order: &Value| order["attempt"] == attempt && order["payUrl"].is_string();
        let order = self.until("the bank has opened the payment", is_open).await;
        order["payUrl"].as_str().unwrap().to_owned()
    }

    async fn card(&self, page: &str, number: &str) {
        let card = [("number", number), ("expiry", "12/40"), ("cvc", "123")];
        let typed = self.client.post(format!("{}/en{page}", self.shop)).header("origin", &self.shop).form(&card);
        typed.send().await.unwrap();
    }

    /// The organizer wants the buyer to have his money again. Who is kept waiting for the answer looks at the order.
    pub(crate) async fn give_the_money_back(&self) {
        let refund = self.client.post(format!("{}/refund", self.address)).bearer_auth(ORGANIZER);
        drop(refund.json(&json!({ "reason": "It is watched" })).send().await);
    }

    /// Waits until the order stands so.
    pub(crate) async fn until(&self, what: &str, so: impl Fn(&Value) -> bool + Send) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let asked = self.client.get(format!("{}?{}", self.address, self.secret)).send().await;
            let order: Value = asked.unwrap().json().await.unwrap();
            if so(&order) {
                return order;
            }
            assert!(Instant::now() < deadline, "waited in vain until {what}: {order}");
            tokio::time::sleep(LOOKS).await;
        }
    }
}

/// Somebody pays with the second card, because the first is declined. Meanwhile comes a notice that nobody signed.
pub(crate) async fn one_pays(shop: &str, client: &Client) -> VipPass {
    let pass = VipPass::reserved(shop, client).await;
    let page = pass.at_the_bank(1).await;
    pass.card(&page, IS_DECLINED).await;
    pass.until("the card is declined", |order| order["status"] == "reserved" && order["declined"] == "declined").await;
    let forged = client.post(format!("{shop}/webhooks/payments")).body("{}").send().await.unwrap();
    assert_eq!(forged.status(), 400);
    let page = pass.at_the_bank(2).await;
    pass.card(&page, PAYS).await;
    pass.until("it is paid", |order| order["status"] == "confirmed").await;
    pass
}

/// People who pay for one pass after the other.
pub(crate) struct Payers {
    leave: Arc<AtomicBool>,
    everyone: JoinSet<()>,
}

impl Payers {
    /// `people` of them.
    pub(crate) fn come(shop: &str, people: usize) -> Self {
        let (leave, mut everyone) = (Arc::new(AtomicBool::new(false)), JoinSet::new());
        for _ in 0..people {
            let (shop, leave) = (shop.to_owned(), Arc::clone(&leave));
            everyone.spawn(async move {
                let client = client();
                while !leave.load(Ordering::Relaxed) {
                    one_pays(&shop, &client).await;
                }
            });
        }
        Self { leave, everyone }
    }

    /// Sends them home and waits until all have paid.
    pub(crate) async fn go_home(self) {
        self.leave.store(true, Ordering::Relaxed);
        self.everyone.join_all().await;
    }
}
