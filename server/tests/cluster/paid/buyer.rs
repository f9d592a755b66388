//! One buyer: asks until it is known what became of an order, looks where it stands, pays, has a declined card, leaves without a
//! word, comes back.

use super::{
    crowd::{Crowd, about},
    desk::{Paid, Play, TYPES},
};
use crate::harness::visitor::Answer;
use rand::{Rng, rngs::SmallRng};
use serde_json::Value;
use stampede_checker::paid::Told;
use stampede_domain::{Millis, OrderId, OrderStatus};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// How long a buyer tries to have one order, or one ticket. Longer is a shop that never says what became of it.
const PATIENCE: Duration = Duration::from_mins(3);
/// After an answer that never came, or one that says "not now".
const BREATH: Duration = Duration::from_millis(700);
/// Between two looks at an order that is to be paid; twice as long after each up to the longest.
const SOON: Duration = Duration::from_millis(400);
const LONGEST: Duration = Duration::from_secs(4);
/// Of those who have their tickets, so many have their money back some moments later.
const CALLED_OFF: f64 = 0.05;
/// Who knows it may give money back.
pub(super) const ORGANIZER: &str = "the organizer of the paid sale";
const JSON: &str = "application/json";

/// What somebody is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Character {
    /// Reserves and is not seen again; or looks on until the time is over.
    NeverPays {
        watches: bool,
    },
    /// Goes to the bank and turns round there.
    TurnsRound,
    /// Is declined and goes home.
    DeclinedAndGone,
    /// Is declined and takes another card.
    DeclinedFirst,
    Pays,
}

impl Character {
    /// A third never pays, a tenth is declined.
    fn drawn(chance: &mut SmallRng) -> Self {
        match chance.random_range(0..60) {
            0..7 => Self::NeverPays { watches: false },
            7..14 => Self::NeverPays { watches: true },
            14..20 => Self::TurnsRound,
            20..22 => Self::DeclinedAndGone,
            22..26 => Self::DeclinedFirst,
            _ => Self::Pays,
        }
    }

    fn goes_to_the_bank(self) -> bool {
        !matches!(self, Self::NeverPays { .. })
    }
}

/// What became of asking for tickets.
enum Reserved {
    Yes(Order),
    /// Nothing left, or not for so many; or this order ended before it was held.
    No,
}

/// How an order ended for its buyer.
enum End {
    /// He goes home, with tickets or without.
    Home,
    /// His time is over; he may come again.
    OutOfTime,
}

/// An order, and what opens it.
struct Order {
    id: OrderId,
    /// `k=…`
    key: String,
    told: Option<OrderStatus>,
}

/// Where an order stands.
struct Standing {
    status: OrderStatus,
    attempt: u64,
    page: Option<String>,
}

/// Somebody who wants a VIP pass, or some.
pub(super) struct Buyer {
    crowd: Arc<Crowd>,
    user: String,
    chance: SmallRng,
    character: Character,
}

impl Buyer {
    pub(super) fn new(crowd: Arc<Crowd>, number: u64, mut chance: SmallRng) -> Self {
        let character = Character::drawn(&mut chance);
        Self { crowd, user: format!("vip {number}"), chance, character }
    }

    /// Until they have what they want, or want no more, or there is no more.
    pub(super) async fn lives(mut self) {
        let wants = if self.chance.random_bool(0.7) { 1 } else { self.chance.random_range(2..=super::LIMIT) };
        let mut wants = wants;
        while !self.crowd.is_over() {
            let crowd = Arc::clone(&self.crowd);
            let mut turn = Some(crowd.turn().await);
            if let Reserved::Yes(order) = self.reserves(wants).await {
                // Who only looks on keeps nobody waiting.
                turn = turn.filter(|_| self.character.goes_to_the_bank());
                if matches!(self.sees_through(order).await, End::Home) {
                    return;
                }
            }
            drop(turn);
            // Somewhat more modest.
            wants = 1;
            let back = self.chance.random_range(self.crowd.size.back_after_ms.clone());
            tokio::time::sleep(Duration::from_millis(back)).await;
            self.crowd.count("came back");
        }
        self.crowd.count("found everything sold");
    }

    /// Asks with one key until it is known what became of it.
    async fn reserves(&mut self, wants: u32) -> Reserved {
        let (id, began) = (self.crowd.key(), Instant::now());
        let body = format!(r#"{{"userId":"{}","quantity":{wants},"ticketTypeId":"vip-pass"}}"#, self.user);
        let header = format!("Idempotency-Key: {id}\r\n");
        while began.elapsed() < PATIENCE && !self.crowd.is_over() {
            let answer = self.crowd.post("/api/tickets/buy", JSON, &header, &body).await;
            match answer.as_ref().map(|answer| (answer.status, answer.body["code"].as_str())) {
                Some((202, _)) => {
                    let tickets = answer.as_ref().and_then(|answer| answer.body["ticketsUrl"].as_str());
                    let key = tickets.and_then(|url| url.split_once('?')).map(|(_, key)| key.to_owned());
                    return Reserved::Yes(Order { id, key: key.unwrap_or_default(), told: None });
                }
                Some((409, Some("sold_out" | "limit" | "rejected" | "expired" | "failed"))) => return Reserved::No,
                None | Some((408 | 429 | 503, _)) => self.crowd.count("kept waiting"),
                Some(_) => {
                    self.crowd.wonder("an order", &answer.expect("it is there"));
                    return Reserved::No;
                }
            }
            about(BREATH, &mut self.chance).await;
        }
        Reserved::No
    }

    /// From the promise to the end of the order.
    async fn sees_through(&mut self, mut order: Order) -> End {
        let (began, mut pause, mut paid, mut declined) = (Instant::now(), SOON, 0, false);
        let mut counted = false;
        while began.elapsed() < PATIENCE {
            let Some(now) = self.looks(&mut order).await else {
                about(BREATH, &mut self.chance).await;
                continue;
            };
            match now.status {
                OrderStatus::Confirmed => return self.fetches(&order).await,
                OrderStatus::Expired | OrderStatus::Cancelled | OrderStatus::Rejected | OrderStatus::Failed => {
                    return self.ran_out();
                }
                OrderStatus::Reserved => {
                    if !std::mem::replace(&mut counted, true) {
                        self.crowd.count("reserved");
                    }
                    if self.leaves(declined) {
                        return End::Home;
                    }
                    if self.character.goes_to_the_bank() {
                        self.begins_to_pay(&order, now.attempt + 1).await;
                        pause = SOON;
                    }
                }
                OrderStatus::Paying => {
                    if let Some(page) = now.page.filter(|_| paid < now.attempt) {
                        if self.character == Character::TurnsRound {
                            self.crowd.count("never pays");
                            return End::Home;
                        }
                        paid = self.pays(&page, now.attempt, paid, &mut declined).await;
                        pause = SOON;
                        if declined && self.character == Character::DeclinedAndGone {
                            return End::Home;
                        }
                    }
                }
                _ => {}
            }
            about(pause, &mut self.chance).await;
            pause = (pause * 2).min(LONGEST);
        }
        self.crowd.count("lost patience");
        End::Home
    }

    fn ran_out(&self) -> End {
        if self.character.goes_to_the_bank() {
            self.crowd.count("ran out of time");
            return End::OutOfTime;
        }
        self.crowd.count("never pays");
        End::Home
    }

    /// Whether they are not seen again. Whoever looks on wants to know when it is over.
    fn leaves(&self, declined: bool) -> bool {
        match self.character {
            Character::NeverPays { watches } => {
                if !watches {
                    self.crowd.count("never pays");
                }
                !watches
            }
            Character::DeclinedAndGone => declined,
            _ => false,
        }
    }

    async fn begins_to_pay(&mut self, order: &Order, attempt: u64) {
        let (path, body) = (order.path("/payment"), format!(r#"{{"attempt":{attempt}}}"#));
        let Some(answer) = self.crowd.post(&path, JSON, "", &body).await else { return };
        match (answer.status, answer.body["code"].as_str()) {
            (202 | 408 | 429 | 503, _) => {}
            // Where it stands is seen at the next look.
            (409, Some(_)) => self.crowd.count("could not pay just then"),
            (410, _) => {
                let (order, at) = (order.id, self.crowd.now());
                self.crowd.told(Told { order, at, status: OrderStatus::Expired, hold_until: None });
            }
            _ => self.crowd.wonder("a payment", &answer),
        }
    }

    /// Stands before the bank's page. Which attempt is paid then, as far as the buyer is concerned.
    async fn pays(&mut self, page: &str, attempt: u64, paid: u64, declined: &mut bool) -> u64 {
        about(TYPES, &mut self.chance).await;
        let is_declined = !*declined && matches!(self.character, Character::DeclinedFirst | Character::DeclinedAndGone);
        let play = if is_declined { Play::IsDeclined } else { Play::Pays };
        let (crowd, desk) = (Arc::clone(&self.crowd), self.crowd.desk.clone());
        let went = desk.pays(&crowd, page, play, &mut self.chance).await;
        if is_declined && matches!(went, Paid::Given | Paid::AnotherCard) {
            *declined = true;
            crowd.count("declined");
        }
        match went {
            Paid::Given => attempt,
            Paid::Gone => {
                crowd.count("too late at the bank");
                attempt
            }
            Paid::AnotherCard | Paid::Unknown => paid,
        }
    }

    /// Where an order stands; `None`: nobody says.
    async fn looks(&mut self, order: &mut Order) -> Option<Standing> {
        let answer = self.crowd.get(&order.path("")).await?;
        let body = &answer.body;
        let status = body["status"].as_str().filter(|_| answer.status == 200);
        let Some(status) = status.and_then(|said| OrderStatus::ALL.into_iter().find(|one| one.as_str() == said)) else {
            if !matches!(answer.status, 404 | 408 | 429 | 503) {
                self.crowd.wonder("a look", &answer);
            }
            return None;
        };
        let hold_until = body["holdUntil"].as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
        let hold_until = hold_until.map(|at| Millis(at.as_millisecond()));
        if order.told != Some(status) {
            order.told = Some(status);
            self.crowd.told(Told { order: order.id, at: self.crowd.now(), status, hold_until });
        }
        let page = body["payUrl"].as_str().map(str::to_owned);
        Some(Standing { status, attempt: body["attempt"].as_u64().unwrap_or(0), page })
    }

    /// Has the tickets.
    async fn fetches(&mut self, order: &Order) -> End {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            let answer = self.crowd.get(&order.path("/tickets")).await;
            if let Some(codes) = answer.as_ref().and_then(codes) {
                self.crowd.got(order.id, codes);
                if self.chance.random_bool(CALLED_OFF) && self.crowd.is_far_from_over() {
                    self.is_called_off(order).await;
                }
                break;
            }
            about(BREATH, &mut self.chance).await;
        }
        End::Home
    }
}

impl Buyer {
    /// The organizer gives the money back, and the tickets are there for others.
    async fn is_called_off(&mut self, order: &Order) {
        let (path, began) = (format!("/api/v1/orders/{}/refund", order.id), Instant::now());
        let token = format!("Authorization: Bearer {ORGANIZER}\r\n");
        while began.elapsed() < PATIENCE {
            let answer = self.crowd.post(&path, JSON, &token, r#"{"reason":"A change of mind"}"#).await;
            match answer {
                Some(answer) if answer.status == 202 => {
                    let (order, at) = (order.id, self.crowd.now());
                    self.crowd.told(Told { order, at, status: OrderStatus::Refunded, hold_until: None });
                    return self.crowd.count("given back by the organizer");
                }
                Some(answer) if !matches!(answer.status, 408 | 429 | 503) => {
                    return self.crowd.wonder("a refund", &answer);
                }
                _ => about(BREATH, &mut self.chance).await,
            }
        }
        self.crowd.count("lost patience");
    }
}

impl Order {
    fn path(&self, what: &str) -> String {
        format!("/api/v1/orders/{}{what}?{}", self.id, self.key)
    }
}

fn codes(answer: &Answer) -> Option<Vec<String>> {
    let tickets = answer.body["tickets"].as_array().filter(|_| answer.status == 200)?;
    let code = |ticket: &Value| Some(ticket["code"].as_str()?.to_owned());
    tickets.iter().map(code).collect()
}
