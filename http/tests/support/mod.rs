//! The door in front of actors that answer what a test says.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

pub(crate) mod seen;

use actix_web::{
    App,
    body::to_bytes,
    http::{StatusCode, header::HeaderMap},
    middleware::from_fn,
    test::{TestRequest, init_service},
    web::Data,
};
use serde_json::Value;
use stampede_actors::{
    clock::Clock,
    doorkeeper::{Admit, Verdict},
    facts::PutOff,
    gate::Gate,
    inventory::{
        EventShown, FindEvent, FindOrder, ListEvents, OrderFound, OrderNotShown, PlaceOrder, Placed, RepeatOrder,
        WatchShelf,
    },
    lane::Wish,
    mailbox::{Door, Handles, Letter, Mailbox, Message, Reply},
    mailroom::{OrderOf, OrdersOf, SendLink},
    ports::{Listing, OrderRecord, PaymentNotice, PortResult},
    shelf::{EventOnSale, Pressure, Shelf, TypeOnSale},
    till::{FindHold, Noticed, TillAnswer, Wished},
};
use stampede_domain::{
    BuyerId, Contact, Event, Fingerprint, Hold, Millis, Money, OnlinePayment, OrderId, OrderStatus, Payment,
    PoolNumbers, SaleWindow, TicketType,
    event::{Text, Texts},
    ledger::BookNumbers,
    sale::SaleState,
};
use stampede_http::{Desk, Shop, ShopOptions, desk::Mailboxes, mails::ShopComposer, ticket::TicketKey};
use std::{
    cell::RefCell,
    collections::VecDeque,
    rc::Rc,
    sync::{Arc, Mutex},
};
use tokio::{sync::watch, time::Instant};

/// 2027-06-01T10:00:00Z.
pub(crate) const NOW: Millis = Millis(1_811_844_000_000);

/// What the tests' shops sign with.
pub(crate) const SECRET: &[u8] = b"a secret of thirty-two bytes ....";

struct StoppedClock(Millis);

impl Clock for StoppedClock {
    fn now(&self) -> Millis {
        self.0
    }
}

pub(crate) fn clock() -> Arc<dyn Clock> {
    clock_at(NOW)
}

pub(crate) fn clock_at(now: Millis) -> Arc<dyn Clock> {
    Arc::new(StoppedClock(now))
}

/// Who writes the letters of such a shop.
pub(crate) fn composer(clock: Arc<dyn Clock>) -> ShopComposer {
    ShopComposer::new(SECRET, TicketKey::new(&[7; 32]), "https://tickets.example.org/", clock).unwrap()
}

/// What becomes of a message.
#[derive(Clone)]
pub(crate) enum Says<A> {
    /// This.
    Answer(A),
    /// The mailbox is full.
    Full,
    /// The actor dies.
    Dies,
    /// The actor never answers.
    Hangs,
}

/// An actor that answers from a closure.
struct Stub<M: Message> {
    says: Arc<dyn Fn(M) -> Says<M::Answer> + Send + Sync>,
}

thread_local! {
    static HANGING: RefCell<Vec<Box<dyn std::any::Any>>> = RefCell::default();
}

impl<M: Message> Handles<M> for Stub<M> {
    fn handle(self: &Rc<Self>, message: M, reply: Reply<M::Answer>) {
        match (self.says)(message) {
            Says::Answer(answer) => reply.send(answer),
            Says::Hangs => HANGING.with_borrow_mut(|hanging| hanging.push(Box::new(reply))),
            Says::Full | Says::Dies => drop(reply),
        }
    }
}

struct StubDoor<M: Message>(Arc<dyn Fn(M) -> Says<M::Answer> + Send + Sync>);

impl<M: Message> Door<M> for StubDoor<M> {
    fn deliver(&self, letter: Letter<M>) {
        letter.open(&Rc::new(Stub { says: Arc::clone(&self.0) }));
    }
}

/// A mailbox that answers from a closure; with no capacity it is full.
pub(crate) fn stub<M: Message>(
    capacity: u32,
    says: impl Fn(M) -> Says<M::Answer> + Send + Sync + 'static,
) -> Mailbox<M> {
    Mailbox::new(Gate::new("stub", capacity), Arc::new(StubDoor(Arc::new(says))))
}

/// What the actors say, and what they were asked.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) placed: Says<Placed>,
    pub(crate) found: Says<Result<OrderFound, OrderNotShown>>,
    pub(crate) shown: Arc<Mutex<Says<Result<EventShown, stampede_actors::inventory::EventNotShown>>>>,
    pub(crate) asked: Arc<Mutex<Vec<PlaceOrder>>>,
    pub(crate) options: ShopOptions,
    /// What the till says to a wish.
    pub(crate) till: Says<TillAnswer>,
    /// What it was asked for.
    pub(crate) wishes: Arc<Mutex<Vec<Wished>>>,
    /// How the order stands each time somebody looks; the last for ever.
    pub(crate) holds: Arc<Mutex<VecDeque<Option<Hold>>>>,
    pub(crate) keeps: Says<PortResult<()>>,
    pub(crate) notices: Arc<Mutex<Vec<PaymentNotice>>>,
    /// What the mailroom says to who wants a link.
    pub(crate) mailroom: Says<()>,
    /// Who wanted one.
    pub(crate) links: Arc<Mutex<Vec<SendLink>>>,
    /// What it says of an address's orders.
    pub(crate) owned: Says<Result<Vec<OrderOf>, PutOff>>,
    /// Of which addresses.
    pub(crate) sought: Arc<Mutex<Vec<String>>>,
    pub(crate) admits: Arc<dyn Fn(Admit) -> Says<Verdict> + Send + Sync>,
}

impl Script {
    pub(crate) fn new() -> Self {
        let pending = Placed::Accepted { status: stampede_domain::OrderStatus::Pending, replayed: false };
        Self {
            placed: Says::Answer(pending),
            found: Says::Answer(Err(OrderNotShown::NotFound)),
            shown: Arc::new(Mutex::new(Says::Answer(Ok(shown(1, 0))))),
            asked: Arc::default(),
            options: ShopOptions { max_watchers: 1, ..ShopOptions::default() },
            till: Says::Answer(TillAnswer::Unknown),
            wishes: Arc::default(),
            holds: Arc::default(),
            keeps: Says::Answer(Ok(())),
            notices: Arc::default(),
            mailroom: Says::Answer(()),
            links: Arc::default(),
            owned: Says::Answer(Ok(Vec::new())),
            sought: Arc::default(),
            admits: Arc::new(|_| Says::Answer(Verdict::default())),
        }
    }

    /// A shop with an order that is paid online and stands so, the last for ever. The till takes every wish.
    pub(crate) fn holding<const N: usize>(holds: [Hold; N]) -> Self {
        let status = holds[0].status;
        let found = OrderFound { status, reason: None, record: Some(row(status)) };
        let script = Self { found: Says::Answer(Ok(found)), ..Self::new() };
        script.show(Says::Answer(Ok(shown_with_vip())));
        let till = Says::Answer(TillAnswer::Taken { hold: holds[0].clone() });
        script.holds.lock().unwrap().extend(holds.map(Some));
        Self { till, ..script }
    }

    /// The same, and the till says this.
    pub(crate) fn told(self, answer: TillAnswer) -> Self {
        Self { till: Says::Answer(answer), ..self }
    }

    pub(crate) fn wished(&self) -> Vec<Wish> {
        self.wishes.lock().unwrap().iter().map(|wished| wished.wish.clone()).collect()
    }

    pub(crate) fn placing(placed: Says<Placed>) -> Self {
        Self { placed, ..Self::new() }
    }

    pub(crate) fn finding(found: Says<Result<OrderFound, OrderNotShown>>) -> Self {
        Self { found, ..Self::new() }
    }

    pub(crate) fn asked(&self) -> Vec<PlaceOrder> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn show(&self, says: Says<Result<EventShown, stampede_actors::inventory::EventNotShown>>) {
        *self.shown.lock().unwrap() = says;
    }

    pub(crate) fn desk(&self) -> Data<Desk> {
        let capacity = |full: bool| if full { 0 } else { 8 };
        let (placed, asked, found) = (self.placed.clone(), Arc::clone(&self.asked), self.found.clone());
        let (to_show, admits) = (Arc::clone(&self.shown), Arc::clone(&self.admits));
        let (till, wishes, holds) = (self.till.clone(), Arc::clone(&self.wishes), Arc::clone(&self.holds));
        let (keeps, notices) = (self.keeps.clone(), Arc::clone(&self.notices));
        let (mailroom, links) = (self.mailroom.clone(), Arc::clone(&self.links));
        let (owned, sought) = (self.owned.clone(), Arc::clone(&self.sought));
        let now_shown = move || to_show.lock().unwrap().clone();
        let (of_one, of_all) = (now_shown.clone(), now_shown.clone());
        let shows_nothing = matches!(now_shown(), Says::Full);
        let mailboxes = Mailboxes {
            find_event: stub(capacity(shows_nothing), move |FindEvent(slug)| match of_one() {
                Says::Answer(Ok(shown))
                    if slug.as_ref().is_some_and(|slug| *slug != shown.event.listing.event.slug) =>
                {
                    Says::Answer(Err(stampede_actors::inventory::EventNotShown::NotFound))
                }
                says => says,
            }),
            list_events: stub(capacity(shows_nothing), move |ListEvents| match of_all() {
                Says::Answer(answer) => Says::Answer(answer.map(|shown| vec![shown])),
                Says::Full => Says::Full,
                Says::Dies => Says::Dies,
                Says::Hangs => Says::Hangs,
            }),
            watch_shelf: stub(8, |WatchShelf| {
                let event = shown(1, 0).event;
                let shelf = Shelf { filled_at: Instant::now(), events: vec![event], pressure: Pressure::Calm };
                Says::Answer(watch::Sender::new(Some(Arc::new(shelf))).subscribe())
            }),
            admit: stub(8, move |who| admits(who)),
            repeat_order: stub(8, move |repeat: RepeatOrder| {
                Says::Answer(Placed::TooOften { retry_after: repeat.retry_after })
            }),
            place_order: stub(capacity(matches!(placed, Says::Full)), move |order: PlaceOrder| {
                asked.lock().unwrap().push(order);
                placed.clone()
            }),
            find_order: stub(capacity(matches!(found, Says::Full)), move |_: FindOrder| found.clone()),
            wished: stub(capacity(matches!(till, Says::Full)), move |wished: Wished| {
                wishes.lock().unwrap().push(wished);
                till.clone()
            }),
            find_hold: stub(8, move |FindHold(_)| {
                let mut holds = holds.lock().unwrap();
                let now = if holds.len() > 1 { holds.pop_front() } else { holds.front().cloned() };
                Says::Answer(Ok(now.flatten()))
            }),
            noticed: stub(capacity(matches!(keeps, Says::Full)), move |Noticed(notice)| {
                notices.lock().unwrap().push(notice);
                keeps.clone()
            }),
            send_link: stub(capacity(matches!(mailroom, Says::Full)), move |wanted: SendLink| {
                links.lock().unwrap().push(wanted);
                mailroom.clone()
            }),
            orders_of: stub(capacity(matches!(owned, Says::Full)), move |OrdersOf { address }| {
                sought.lock().unwrap().push(address);
                owned.clone()
            }),
        };
        let (_, closing) = watch::channel(false);
        let shop = Shop::new(SECRET, TicketKey::new(&[7; 32]), self.options.clone(), closing).unwrap();
        Data::new(Desk::new(Arc::new(shop), mailboxes, clock()))
    }

    /// Asks once, at a desk of its own.
    pub(crate) async fn ask(&self, request: TestRequest) -> Answer {
        ask(&self.desk(), request).await
    }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn new(status: StatusCode, headers: HeaderMap, body: Vec<u8>) -> Self {
        Self { status, headers, body }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// What every problem has; gives its code.
    pub(crate) fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{}", self.text());
        assert_eq!(self.header("cache-control"), Some("no-store"));
        let body = self.json();
        assert_eq!(body["status"], status);
        assert_eq!(body["requestId"].as_str(), self.header("x-request-id"));
        assert_eq!(body["serverTime"], "2027-06-01T10:00:00.000Z");
        assert!(
            ["title", "detail"].iter().all(|text| body[text].as_str().is_some_and(|text| text.len() > 3)),
            "{body}"
        );
        let code = body["code"].as_str().unwrap();
        assert_eq!(body["type"], format!("urn:stampede:problem:{code}"));
        assert_eq!(body["retryAfter"].as_u64().map(|wait| wait.to_string()).as_deref(), self.header("retry-after"));
        code.to_owned()
    }
}

pub(crate) async fn ask(desk: &Data<Desk>, request: TestRequest) -> Answer {
    let desk = desk.clone();
    let app = App::new()
        .wrap(from_fn(stampede_http::middleware::serve))
        .configure(|routes| stampede_http::routes(routes, desk));
    let app = init_service(app).await;
    let response = actix_web::test::call_service(&app, request.to_request()).await;
    let (status, headers) = (response.status(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.map(|body| body.to_vec()).unwrap_or_default();
    Answer::new(status, headers, body)
}

pub(crate) fn key() -> OrderId {
    let made = u128::try_from(NOW.0).unwrap() << 80;
    OrderId(uuid::Uuid::from_u128(made | 7 << 76 | 2 << 62 | 4711))
}

/// The `k` that opens it, in shops with the tests' secret.
pub(crate) async fn k() -> String {
    let buy = TestRequest::post().uri("/api/tickets/buy").insert_header(("Content-Type", "application/json"));
    let buy = buy.insert_header(("Idempotency-Key", key().to_string())).set_payload(r#"{"userId":"eva"}"#);
    let taken = Script::new().ask(buy).await.json();
    taken["ticketsUrl"].as_str().unwrap().split_once("?k=").unwrap().1.to_owned()
}

/// Two VIP passes, held for ten minutes from now.
pub(crate) fn hold(status: OrderStatus) -> Hold {
    Hold {
        order: key(),
        pool: vip().pool(&festival().slug),
        quantity: 2,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(1),
        amount: Money { minor: 100_200, currency: "EUR".parse().unwrap() },
        status,
        hold_until: Millis(NOW.0 + 600_000),
        extended: false,
        attempt: 0,
        paying_at: Millis(0),
        page: None,
        decline: None,
        paid_by: None,
        payments: Vec::new(),
        look_at: NOW,
        changed_at: NOW,
    }
}

/// The same with its payment under way.
pub(crate) fn paying(page: Option<&str>) -> Hold {
    Hold { attempt: 1, paying_at: NOW, page: page.map(str::to_owned), ..hold(OrderStatus::Paying) }
}

/// Its row.
pub(crate) fn row(status: OrderStatus) -> OrderRecord {
    OrderRecord {
        order: key(),
        pool: vip().pool(&festival().slug),
        quantity: 2,
        buyer: BuyerId(9),
        fingerprint: Fingerprint(1),
        contact: Contact {
            user_id: None,
            name: Some("Eva Müller".into()),
            email: Some("eva@example.org".into()),
            language: None,
        },
        status,
        reason: None,
        asked_at: Millis(NOW.0 - 500),
        decided_at: Millis(NOW.0 - 480),
        version: 1,
    }
}

/// The festival with this many sold, at this number of its state.
pub(crate) fn shown(sequence: u64, sold: u32) -> EventShown {
    on_sale(festival(), sequence, sold)
}

/// The same with a second type, which is paid online.
pub(crate) fn shown_with_vip() -> EventShown {
    let mut event = festival();
    event.ticket_types.push(vip());
    on_sale(event, 1, 0)
}

fn vip() -> TicketType {
    let online = OnlinePayment { hold_minutes: 10, fee_minor: 200, vat_basis_points: 1_300 };
    TicketType {
        id: "vip".parse().unwrap(),
        name: "VIP Pass".into(),
        price: Money { minor: 49_900, currency: "EUR".parse().unwrap() },
        payment: Payment::Online(online),
        ..festival().ticket_types.remove(0)
    }
}

fn on_sale(event: Event, sequence: u64, sold: u32) -> EventShown {
    let types = event.ticket_types.iter().map(|ticket_type| TypeOnSale {
        pool: ticket_type.pool(&event.slug),
        terms: ticket_type.terms(false),
        numbers: Some(BookNumbers {
            settled: PoolNumbers { capacity: ticket_type.capacity, held: 0, sold, version: sequence },
            claimed: 3,
            promised: 3,
            claims: 2,
            epoch: 1,
        }),
        state: SaleState::OnSale,
    });
    let types = types.collect();
    let listing = Arc::new(Listing { event, paused: false, waiting: None });
    EventShown { event: Arc::new(EventOnSale { sequence, listing, types }), stale: false, now: NOW }
}

fn festival() -> Event {
    let text = Text { title: "Festival".into(), lead: "Loud.".into(), body: vec!["Very.".into()] };
    Event {
        slug: "festival".parse().unwrap(),
        name: "Festival".into(),
        place: "Green Park".into(),
        starts_at: "2027-08-19T14:00:00Z".parse().unwrap(),
        ends_at: "2027-08-22T01:00:00Z".parse().unwrap(),
        time_zone: "Europe/Vienna".into(),
        texts: Texts { de: text.clone(), en: text },
        ticket_types: vec![TicketType {
            id: "general".parse().unwrap(),
            name: "General Admission".into(),
            price: Money { minor: 19_900, currency: "EUR".parse().unwrap() },
            payment: Payment::AtTheGate,
            capacity: 100,
            max_per_order: 6,
            limit_per_buyer: Some(6),
            sale: SaleWindow {
                opens_at: "2027-01-01T00:00:00Z".parse().unwrap(),
                closes_at: "2027-08-19T14:00:00Z".parse().unwrap(),
            },
        }],
    }
}
