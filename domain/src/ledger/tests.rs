//! Random shops against a naive model, step by step: the book, the judge, and the laws of PROTOCOL section 6.
//!
//! The model is written from the protocol's words, with plain maps and sums made anew each time. Everything that the shop's
//! moves do is done to the book and to the model; whatever they say must be the same. Besides, the laws are judged without the
//! model, so that the deliberate faults at the end show that a law notices by itself.

use super::*;
use crate::{
    decide::{Offer, PoolRow, Verdict, Want, decide},
    intent::{Contact, Intent},
    order::{Decision, RejectReason},
    refusal::OrderRefused,
    settlement::{Decided, Settlement},
};
use proptest::{
    collection::vec,
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner},
};
use std::collections::{BTreeMap, BTreeSet};

const POOL: crate::id::PoolId = crate::id::PoolId(1);
const START: i64 = 1_700_000_000_000;
const ORDERS: u8 = 10;
/// Enough filler notes that everything written before is in a segment that was dropped.
const FORGETS: u128 = 5_000;

/// What a key may be used for: quantity, buyer, fingerprint.
const BODIES: [(u32, BuyerId, Fingerprint); 4] = [
    (1, BuyerId(1), Fingerprint(11)),
    (2, BuyerId(1), Fingerprint(12)),
    (1, BuyerId(-2), Fingerprint(21)),
    (3, BuyerId(64), Fingerprint(31)),
];

/// A move of the shop. Orders are numbers, bodies are indices; indices into lists are taken modulo their length.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A request with a key; a look-up is made where the book asks for one.
    Claim { order: u8, body: u8, dated: i64 },
    /// The same, with whatever ticket an earlier look-up brought.
    ClaimWithOldTicket { order: u8, body: u8, ticket: u8 },
    /// The bus takes an attempt's message; `known` when the answer comes back.
    Publish { attempt: u8, known: bool },
    /// The bus definitely refused an attempt's message.
    Refuse { attempt: u8 },
    /// A published attempt asks for its promise.
    Promise { attempt: u8 },
    /// The writer takes messages, one perhaps twice, and acknowledges or not.
    Write { first: u8, count: u8, twice: bool, acknowledge: bool },
    /// A settlement arrives, whenever it was made; it stays in the network for ever.
    Settle { letter: u8 },
    /// The reaper picks, and pauses.
    Pick,
    /// The reaper goes on with an old list.
    Offer { list: u8 },
    /// The sweep asks the store about old claims.
    Sweep,
    /// Time passes, or the clock is put back.
    Clock { ms: i64 },
    /// The process dies with its book; the next one opens it from the store and the bus.
    Reopen,
    /// So many decisions come that every note is forgotten.
    Forget,
    /// The organizer pauses or resumes.
    Pause { paused: bool },
    /// The organizer adds units.
    Enlarge,
}

/// A shop's circumstances.
#[derive(Clone, Copy, Debug)]
struct Circumstances {
    capacity: u32,
    limit: Option<u32>,
    /// The ledger's clock never runs back (as the in-process ledger's): only then may notes and books be lost.
    steady: bool,
}

fn circumstances() -> impl Strategy<Value = Circumstances> {
    let limit = prop_oneof![Just(None), (1..5_u32).prop_map(Some)];
    (1..7_u32, limit, any::<bool>()).prop_map(|(capacity, limit, steady)| Circumstances { capacity, limit, steady })
}

fn any_move() -> impl Strategy<Value = Move> {
    let dated = prop_oneof![3 => Just(0_i64), 1 => Just(-600_000), 1 => Just(110_000)];
    prop_oneof![
        8 => (0..ORDERS, 0..4_u8, dated).prop_map(|(order, body, dated)| Move::Claim { order, body, dated }),
        1 => (0..ORDERS, 0..4_u8, any::<u8>())
            .prop_map(|(order, body, ticket)| Move::ClaimWithOldTicket { order, body, ticket }),
        6 => (any::<u8>(), prop::bool::weighted(0.8)).prop_map(|(attempt, known)| Move::Publish { attempt, known }),
        1 => any::<u8>().prop_map(|attempt| Move::Refuse { attempt }),
        6 => any::<u8>().prop_map(|attempt| Move::Promise { attempt }),
        5 => (any::<u8>(), 1..4_u8, any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(first, count, twice, acknowledge)| Move::Write { first, count, twice, acknowledge }),
        5 => any::<u8>().prop_map(|letter| Move::Settle { letter }),
        2 => Just(Move::Pick),
        2 => any::<u8>().prop_map(|list| Move::Offer { list }),
        1 => Just(Move::Sweep),
        3 => prop_oneof![1..500_i64, 5_000..40_000_i64, Just(200_000), -40_000..0_i64].prop_map(|ms| Move::Clock { ms }),
        1 => Just(Move::Reopen),
        1 => Just(Move::Forget),
        1 => any::<bool>().prop_map(|paused| Move::Pause { paused }),
        1 => Just(Move::Enlarge),
    ]
}

// ---- the naive model -----------------------------------------------------------------------------------------------

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ModelState {
    Intent,
    Promised,
    Picked,
}

#[derive(Clone, Copy, Debug)]
struct ModelClaim {
    body: u8,
    made_at: i64,
    state: ModelState,
    /// The attempt that made it, while nobody else resumed it.
    owner: Option<u64>,
}

/// The ledger, as the protocol's sections 1 to 3 say it.
#[derive(Clone, Debug)]
struct Model {
    epoch: u64,
    opened_at: i64,
    opened_version: u64,
    virgin: bool,
    terms: Terms,
    numbers: PoolNumbers,
    claims: BTreeMap<OrderId, ModelClaim>,
    notes: BTreeMap<OrderId, (Decision, Fingerprint)>,
    /// Units settled of each buyer, and the version they were read at.
    buyers: BTreeMap<BuyerId, (u64, u32)>,
    /// The latest writing of a note that is kept, and of one that was dropped.
    written: i64,
    dropped: Option<i64>,
}

impl Model {
    fn claimed(&self) -> u32 {
        self.claims.values().map(|claim| BODIES[usize::from(claim.body)].0).sum()
    }

    fn promised(&self) -> u32 {
        let promised = self.claims.values().filter(|claim| claim.state == ModelState::Promised);
        promised.map(|claim| BODIES[usize::from(claim.body)].0).sum()
    }

    fn free(&self) -> u32 {
        let taken = i64::from(self.numbers.held) + i64::from(self.numbers.sold) + i64::from(self.claimed());
        u32::try_from((i64::from(self.numbers.capacity) - taken).max(0)).unwrap()
    }

    fn taken_by(&self, buyer: BuyerId) -> u32 {
        let settled = self.buyers.get(&buyer).map_or(0, |(_, units)| *units);
        let of_buyer = self.claims.values().map(|claim| BODIES[usize::from(claim.body)]).filter(|body| body.1 == buyer);
        settled + of_buyer.map(|body| body.0).sum::<u32>()
    }

    fn is_old(&self, order: OrderId, ticket: Option<LookedUp>) -> bool {
        let own = order.time().0 - 120_000;
        let by_opening = !self.virgin && own <= self.opened_at;
        let by_drop = self.dropped.is_some_and(|dropped| own <= dropped);
        let excused = ticket.is_some_and(|ticket| {
            ticket.epoch == self.epoch && self.dropped.is_none_or(|dropped| dropped < ticket.asked_at.0)
        });
        (by_opening || by_drop) && !excused
    }

    /// `attempt` is the name the book gave; what is predicted is whether there is one.
    fn claim(&mut self, now: i64, order: OrderId, body: u8, ticket: Option<LookedUp>, attempt: u64) -> ClaimAnswer {
        let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
        if let Some(claim) = self.claims.get_mut(&order) {
            if BODIES[usize::from(claim.body)].2 != fingerprint {
                return ClaimAnswer::Refused(OrderRefused::KeyReused);
            }
            return match claim.state {
                ModelState::Promised => ClaimAnswer::AlreadyPromised,
                ModelState::Intent if now - claim.made_at <= 30_000 => {
                    claim.owner = None;
                    ClaimAnswer::Resumed
                }
                ModelState::Intent | ModelState::Picked => ClaimAnswer::Expiring,
            };
        }
        match self.notes.get(&order) {
            Some((decision, noted)) if *noted == fingerprint => return ClaimAnswer::Decided(*decision),
            Some(_) => return ClaimAnswer::Refused(OrderRefused::KeyReused),
            None => {}
        }
        if self.is_old(order, ticket) {
            return ClaimAnswer::LookUpFirst(LookedUp { epoch: self.epoch, asked_at: Millis(now) });
        }
        if self.terms.paused {
            return ClaimAnswer::Refused(OrderRefused::Paused);
        }
        if let Some(limit) = self.terms.limit_per_buyer
            && self.taken_by(buyer) + quantity > limit
        {
            return ClaimAnswer::Refused(OrderRefused::LimitReached { limit, taken: self.taken_by(buyer) });
        }
        if self.free() < quantity {
            return ClaimAnswer::Refused(OrderRefused::SoldOut { free: self.free(), in_flight: self.claimed() });
        }
        let claim = ModelClaim { body, made_at: now, state: ModelState::Intent, owner: Some(attempt) };
        self.claims.insert(order, claim);
        ClaimAnswer::Claimed { attempt }
    }

    fn withdraw(&mut self, now: i64, order: OrderId, attempt: u64) {
        if let Some(claim) = self.claims.get(&order) {
            let alone = claim.state == ModelState::Intent && claim.owner == Some(attempt);
            if alone && now - claim.made_at <= 30_000 {
                self.claims.remove(&order);
            }
        }
    }

    fn promise(&mut self, now: i64, order: OrderId, fingerprint: Fingerprint) -> PromiseAnswer {
        match self.claims.get_mut(&order) {
            None => match self.notes.get(&order) {
                Some((decision, noted)) if *noted == fingerprint => PromiseAnswer::Decided(*decision),
                _ => PromiseAnswer::Refused,
            },
            Some(claim) if BODIES[usize::from(claim.body)].2 != fingerprint => PromiseAnswer::Refused,
            Some(claim) if claim.state == ModelState::Promised => PromiseAnswer::Promised,
            Some(claim) if claim.state == ModelState::Intent && now - claim.made_at <= 30_000 => {
                claim.state = ModelState::Promised;
                PromiseAnswer::Promised
            }
            Some(_) => PromiseAnswer::Refused,
        }
    }

    fn settle(&mut self, now: i64, settlement: &Settlement) {
        let version = settlement.numbers.version;
        if version > self.numbers.version {
            self.numbers = settlement.numbers;
        }
        if self.terms.limit_per_buyer.is_some() {
            for (buyer, units) in &settlement.buyers {
                let guard = self.buyers.get(buyer).map_or(self.opened_version, |(version, _)| *version);
                if version > guard {
                    self.buyers.insert(*buyer, (version, *units));
                }
            }
        }
        for decided in &settlement.decided {
            self.claims.remove(&decided.order);
            self.notes.insert(decided.order, (decided.decision, decided.fingerprint));
            self.written = self.written.max(now);
        }
    }

    fn pick(&mut self, now: i64) -> BTreeSet<OrderId> {
        for claim in self.claims.values_mut() {
            if claim.state == ModelState::Intent && now - claim.made_at > 30_000 {
                claim.state = ModelState::Picked;
            }
        }
        self.claims.iter().filter(|(_, claim)| claim.state == ModelState::Picked).map(|(order, _)| *order).collect()
    }

    fn forget(&mut self, now: i64) {
        self.dropped = self.dropped.max(Some(self.written.max(now)));
        self.written = now;
        self.notes.clear();
    }
}

/// A row: decision, body.
type Rows = BTreeMap<OrderId, (Decision, u8)>;

fn units_of(rows: &Rows, whose: impl Fn(BuyerId) -> bool) -> u32 {
    let live = rows.values().filter(|(decision, _)| *decision == Decision::Confirmed);
    live.map(|(_, body)| BODIES[usize::from(*body)]).filter(|body| whose(body.1)).map(|body| body.0).sum()
}

// ---- the book, and the book with a fault ------------------------------------------------------------------------------

/// Deliberate faults, one a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    /// A claim goes without its numbers coming.
    DropsWithoutNumbers,
    /// A settlement's units are added to what is there.
    AddsInsteadOfSetting,
    /// A settlement that is not newer does nothing at all.
    IgnoresWhatIsNotNewer,
    /// The claim of a publish with unknown outcome is given back.
    ReleasesOnUnknown,
    /// Promised claims run out as intents do.
    ReapsThePromised,
    /// The store is not asked about old ids.
    SkipsTheLookUp,
    /// A look-up counts for ever.
    KeepsTickets,
    /// Numbers only come; the claims of the decided stay.
    KeepsClaims,
    /// A buyer's units are not set.
    ForgetsBuyers,
    /// A start does not look at the bus.
    ForgetsTheQueue,
    /// Decisions are told to whoever names the order.
    TellsAnybody,
}

struct Book {
    book: PoolBook,
    fault: Fault,
    filler: u128,
}

impl Book {
    fn open(now: i64, opening: &Opening, fault: Fault, filler: u128) -> Self {
        let mut book = PoolBook::open(Millis(now), opening);
        book.notes = Notes::keeping(1);
        Self { book, fault, filler }
    }

    fn claim(&mut self, now: i64, mut request: ClaimRequest) -> ClaimAnswer {
        if self.fault == Fault::TellsAnybody
            && let Some(noted) = self.book.notes.find(request.order)
        {
            request.fingerprint = noted.fingerprint;
        }
        let answer = self.book.claim(Millis(now), &request);
        match answer {
            ClaimAnswer::LookUpFirst(ticket)
                if self.fault == Fault::SkipsTheLookUp
                    || self.fault == Fault::KeepsTickets && request.looked_up.is_some() =>
            {
                request.looked_up = Some(ticket);
                let later = Millis(now.max(self.book.notes.dropped_until().map_or(now, |dropped| dropped.0 + 1)));
                request.looked_up = Some(LookedUp { asked_at: later, ..ticket });
                self.book.claim(Millis(now), &request)
            }
            answer => answer,
        }
    }

    fn settle(&mut self, now: i64, settlement: &Settlement) -> u32 {
        let mut settlement = settlement.clone();
        let current = self.book.numbers;
        match self.fault {
            Fault::DropsWithoutNumbers => settlement.numbers.version = 0,
            Fault::AddsInsteadOfSetting => {
                let confirmed = settlement.decided.iter().filter(|decided| decided.decision == Decision::Confirmed);
                let sold = current.sold + u32::try_from(confirmed.count()).unwrap();
                settlement.numbers = PoolNumbers { sold, version: current.version + 1, ..settlement.numbers };
            }
            Fault::IgnoresWhatIsNotNewer if settlement.numbers.version <= current.version => return 0,
            Fault::KeepsClaims => settlement.decided.clear(),
            Fault::ForgetsBuyers => settlement.buyers.clear(),
            _ => {}
        }
        self.book.settle(Millis(now), &settlement)
    }

    fn pick(&mut self, now: i64) -> Vec<Picked> {
        let mut picked = self.book.pick(Millis(now), usize::MAX);
        if self.fault == Fault::ReapsThePromised {
            let old = self.book.claims.iter().filter(|(_, claim)| claim.deadline() < Millis(now));
            picked.extend(old.map(|(&order, &Claim { quantity, buyer, fingerprint, .. })| Picked {
                order,
                quantity,
                buyer,
                fingerprint,
            }));
        }
        picked
    }

    fn forget(&mut self, now: i64) {
        let decided = (0..FORGETS).map(|number| Decided {
            order: OrderId(uuid::Uuid::from_u128(self.filler + number)),
            fingerprint: Fingerprint(0),
            decision: Decision::Confirmed,
        });
        let settlement =
            Settlement { pool: POOL, numbers: self.book.numbers, decided: decided.collect(), buyers: vec![] };
        self.filler += FORGETS;
        self.book.settle(Millis(now), &settlement);
    }
}

// ---- the shop ---------------------------------------------------------------------------------------------------------

/// How far a request has come. Its node may stop anywhere.
#[derive(Clone, Copy, Debug)]
struct Attempt {
    order: OrderId,
    body: u8,
    /// The claim it made, unless it resumed another's.
    name: Option<u64>,
    published: bool,
    over: bool,
}

struct Shop {
    circumstances: Circumstances,
    book: Book,
    /// Absent in runs with a fault: there only the laws judge.
    model: Option<Model>,
    now: i64,
    /// The latest time the clock ever showed.
    latest: i64,
    /// The store: its rows by the naive rule and by `decide`, which must be the same.
    rows: Rows,
    pool: PoolRow,
    ids: BTreeMap<u8, OrderId>,
    /// What look-ups brought that found no row; a request may hold its ticket for ever.
    tickets: Vec<(OrderId, LookedUp)>,
    attempts: Vec<Attempt>,
    bus: Vec<(OrderId, u8)>,
    letters: Vec<Settlement>,
    lists: Vec<(u64, Vec<Picked>)>,
    /// Who was told 202, and with which body.
    told: BTreeMap<OrderId, u8>,
}

type Checked = Result<(), String>;

fn must(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, book: &T, model: &T) -> Checked {
    must(book == model, || format!("{what}: the book says {book:?}, the model {model:?}"))
}

impl Shop {
    fn new(circumstances: Circumstances, fault: Fault) -> Self {
        let numbers = PoolNumbers { capacity: circumstances.capacity, ..PoolNumbers::default() };
        let terms = Terms {
            opens_at: Millis(0),
            closes_at: Millis(i64::MAX),
            paused: false,
            limit_per_buyer: circumstances.limit,
        };
        let opening = Opening { epoch: 1, numbers, terms, buyers: vec![], undecided: vec![], virgin: true };
        let model = Model {
            epoch: 1,
            opened_at: START,
            opened_version: 0,
            virgin: true,
            terms,
            numbers,
            claims: BTreeMap::new(),
            notes: BTreeMap::new(),
            buyers: BTreeMap::new(),
            written: i64::MIN,
            dropped: None,
        };
        Self {
            circumstances,
            book: Book::open(START, &opening, fault, 0),
            model: (fault == Fault::None).then_some(model),
            now: START,
            latest: START,
            rows: Rows::new(),
            pool: PoolRow { numbers, epoch: 1, limit_per_buyer: circumstances.limit },
            ids: BTreeMap::new(),
            tickets: vec![],
            attempts: vec![],
            bus: vec![],
            letters: vec![],
            lists: vec![],
            told: BTreeMap::new(),
        }
    }

    fn run(circumstances: Circumstances, moves: &[Move], fault: Fault) -> Checked {
        let mut shop = Self::new(circumstances, fault);
        for (number, step) in moves.iter().enumerate() {
            let checked = shop.take(*step).and_then(|()| shop.check());
            checked.map_err(|wrong| format!("after move {number}, {step:?}: {wrong}"))?;
        }
        shop.come_to_rest().map_err(|wrong| format!("at rest: {wrong}"))
    }

    fn take(&mut self, step: Move) -> Checked {
        match step {
            Move::Claim { order, body, dated } => {
                let order = self.id(order, dated);
                self.claim(order, body, None)
            }
            Move::ClaimWithOldTicket { order, body, ticket } => {
                let order = self.id(order, 0);
                let mine: Vec<_> = self.tickets.iter().filter(|(of, _)| *of == order).collect();
                let ticket = pick_one(&mine, ticket).map(|(_, ticket)| *ticket);
                self.claim(order, body, ticket)
            }
            Move::Publish { attempt, known } => {
                let Some(index) = self.attempt(attempt, false) else { return Ok(()) };
                let Attempt { order, body, name, .. } = self.attempts[index];
                self.bus.push((order, body));
                self.attempts[index].published = true;
                self.attempts[index].over = !known;
                if !known && self.book.fault == Fault::ReleasesOnUnknown {
                    self.book.book.withdraw(Millis(self.now), order, name.unwrap_or_default());
                }
                Ok(())
            }
            Move::Refuse { attempt } => {
                let Some(index) = self.attempt(attempt, false) else { return Ok(()) };
                self.attempts[index].over = true;
                let Attempt { order, name, .. } = self.attempts[index];
                if let Some(name) = name {
                    self.book.book.withdraw(Millis(self.now), order, name);
                    if let Some(model) = &mut self.model {
                        model.withdraw(self.now, order, name);
                    }
                }
                Ok(())
            }
            Move::Promise { attempt } => self.promise(attempt),
            Move::Write { first, count, twice, acknowledge } => self.write(first, count, twice, acknowledge),
            Move::Settle { letter } => match pick_one(&self.letters, letter).cloned() {
                Some(letter) => self.settle(&letter),
                None => Ok(()),
            },
            Move::Pick => {
                let picked = self.book.pick(self.now);
                if let Some(model) = &mut self.model {
                    let orders: BTreeSet<_> = picked.iter().map(|picked| picked.order).collect();
                    same("picked", &orders, &model.pick(self.now))?;
                    same("picked once", &picked.len(), &orders.len())?;
                }
                self.lists.push((self.book.book.epoch(), picked));
                Ok(())
            }
            Move::Offer { list } => match pick_one(&self.lists, list).cloned() {
                Some((epoch, picked)) => self.offer(epoch, &picked).map(|_| ()),
                None => Ok(()),
            },
            Move::Sweep => self.sweep(),
            Move::Clock { ms } => {
                if ms > 0 || !self.circumstances.steady {
                    self.now += ms;
                    self.latest = self.latest.max(self.now);
                }
                Ok(())
            }
            Move::Reopen if self.circumstances.steady => self.reopen(),
            Move::Forget if self.circumstances.steady => {
                self.book.forget(self.now);
                if let Some(model) = &mut self.model {
                    model.forget(self.now);
                }
                Ok(())
            }
            Move::Reopen | Move::Forget => Ok(()),
            Move::Pause { paused } => {
                let terms = Terms { paused, ..self.book.book.terms };
                self.book.book.set_terms(terms);
                if let Some(model) = &mut self.model {
                    model.terms = terms;
                }
                Ok(())
            }
            Move::Enlarge => {
                self.pool.numbers.capacity += 1;
                self.pool.numbers.version += 1;
                self.letters.push(self.settlement(&[], &[]));
                Ok(())
            }
        }
    }

    /// The id of an order: made when it is first asked for, and about then.
    fn id(&mut self, order: u8, dated: i64) -> OrderId {
        let own = u128::try_from(self.now + dated).unwrap();
        let fresh = OrderId(uuid::Uuid::from_u128(own << 80 | 0x7000_8000_0000_0000_0000 | u128::from(order)));
        *self.ids.entry(order).or_insert(fresh)
    }

    fn attempt(&self, which: u8, published: bool) -> Option<usize> {
        let ready: Vec<_> = (0..self.attempts.len())
            .filter(|&index| !self.attempts[index].over && self.attempts[index].published == published)
            .collect();
        pick_one(&ready, which).copied()
    }

    fn claim(&mut self, order: OrderId, body: u8, ticket: Option<LookedUp>) -> Checked {
        let known_before = self.book.book.find(order);
        let answer = self.ask(order, body, ticket)?;
        if self.rows.contains_key(&order) && known_before == Known::Nothing {
            let looked = matches!(answer, ClaimAnswer::LookUpFirst(_));
            must(looked, || format!("{order} is decided and forgotten, and is answered {answer:?}"))?;
        }
        if let Some(ticket) = ticket
            && ticket.epoch != self.book.book.epoch()
            && known_before == Known::Nothing
        {
            let own = order.time().0 - 120_000;
            let old = !self.book.book.virgin && own <= self.book.book.opened_at.0;
            let looked = matches!(answer, ClaimAnswer::LookUpFirst(_));
            must(looked || !old, || format!("{order} is taken with the ticket of another opening: {answer:?}"))?;
        }
        let ClaimAnswer::LookUpFirst(ticket) = answer else { return self.heard(order, body, answer) };
        match self.rows.get(&order) {
            Some(_) => Ok(()),
            None => {
                self.tickets.push((order, ticket));
                let again = self.ask(order, body, Some(ticket))?;
                self.heard(order, body, again)
            }
        }
    }

    fn ask(&mut self, order: OrderId, body: u8, looked_up: Option<LookedUp>) -> Result<ClaimAnswer, String> {
        let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
        let request = ClaimRequest { order, quantity, buyer, fingerprint, looked_up };
        let answer = self.book.claim(self.now, request);
        if let Some(model) = &mut self.model {
            let attempt = if let ClaimAnswer::Claimed { attempt } = answer { attempt } else { 0 };
            let expected = model.claim(self.now, order, body, looked_up, attempt);
            same("claim", &answer, &expected)?;
        }
        Ok(answer)
    }

    /// Judges an answer by the laws, without the model.
    fn heard(&mut self, order: OrderId, body: u8, answer: ClaimAnswer) -> Checked {
        let mine = BODIES[usize::from(body)].2;
        let row = self.rows.get(&order).map(|&(decision, body)| (decision, BODIES[usize::from(body)].2));
        match answer {
            ClaimAnswer::Claimed { .. } | ClaimAnswer::Resumed => {
                if matches!(answer, ClaimAnswer::Claimed { .. }) {
                    must(row.is_none(), || format!("KeyIsOrder: {order} is claimed though it is decided: {row:?}"))?;
                }
                let name = if let ClaimAnswer::Claimed { attempt } = answer { Some(attempt) } else { None };
                self.attempts.push(Attempt { order, body, name, published: false, over: false });
                Ok(())
            }
            ClaimAnswer::AlreadyPromised => self.tell(order, body),
            ClaimAnswer::Decided(decision) => must(row == Some((decision, mine)), || {
                format!("KeyIsOrder: {order} is told {decision:?} with {mine:?}, its row says {row:?}")
            }),
            ClaimAnswer::Refused(OrderRefused::SoldOut { .. } | OrderRefused::LimitReached { .. }) => {
                let live = row.is_some_and(|(decision, _)| decision == Decision::Confirmed);
                must(!live && !self.told.contains_key(&order), || {
                    format!("KeyIsOrder: {answer:?} for a key whose order lives")
                })
            }
            ClaimAnswer::Expiring | ClaimAnswer::LookUpFirst(_) | ClaimAnswer::Refused(_) => Ok(()),
        }
    }

    fn tell(&mut self, order: OrderId, body: u8) -> Checked {
        let before = *self.told.entry(order).or_insert(body);
        must(before == body, || format!("KeyIsOrder: {order} was promised for body {before} and for body {body}"))
    }

    fn promise(&mut self, attempt: u8) -> Checked {
        let Some(index) = self.attempt(attempt, true) else { return Ok(()) };
        self.attempts[index].over = true;
        let Attempt { order, body, .. } = self.attempts[index];
        let fingerprint = BODIES[usize::from(body)].2;
        let was_picked = self.book.book.claims.get(&order).is_some_and(|claim| claim.state == ClaimState::Picked);
        let answer = self.book.book.promise(Millis(self.now), order, fingerprint);
        if let Some(model) = &mut self.model {
            same("promise", &answer, &model.promise(self.now, order, fingerprint))?;
        }
        must(!was_picked || answer == PromiseAnswer::Refused, || format!("{order} is promised after it was picked"))?;
        match answer {
            PromiseAnswer::Promised => self.tell(order, body),
            PromiseAnswer::Decided(decision) => {
                let row = self.rows.get(&order);
                must(row == Some(&(decision, body)), || format!("{order} is told {decision:?}, its row is {row:?}"))
            }
            PromiseAnswer::Refused => Ok(()),
        }
    }

    fn write(&mut self, first: u8, count: u8, twice: bool, acknowledge: bool) -> Checked {
        if self.bus.is_empty() {
            return Ok(());
        }
        let first = usize::from(first) % self.bus.len();
        let until = (first + usize::from(count)).min(self.bus.len());
        let mut messages: Vec<_> = self.bus[first..until].to_vec();
        if twice {
            messages.push(messages[0]);
        }
        messages.sort();
        let offers: Vec<_> = messages.iter().map(|&(order, body)| offer(order, body, Want::Place)).collect();
        let letter = self.judge(&offers)?;
        if acknowledge {
            self.bus.drain(first..until);
        }
        self.letters.push(letter);
        Ok(())
    }

    /// Has offers decided, by `decide` and by the naive rule, and makes the settlement.
    fn judge(&mut self, offers: &[Offer]) -> Result<Settlement, String> {
        let known =
            self.rows.iter().map(|(order, (decision, body))| (*order, (*decision, BODIES[usize::from(*body)].2)));
        let known = known.collect();
        let buyers: BTreeSet<_> = offers.iter().map(|offer| offer.buyer).collect();
        let mut units = buyers.iter().map(|buyer| (*buyer, units_of(&self.rows, |other| other == *buyer))).collect();
        let before = self.pool.numbers;
        let verdicts = decide(&mut self.pool, &mut units, &known, offers);
        let mut fresh = 0;
        for (offer, verdict) in offers.iter().zip(verdicts) {
            same("verdict", &verdict, &self.naive_verdict(offer))?;
            if let Verdict::New(decision) = verdict {
                let body = BODIES.iter().position(|body| body.2 == offer.fingerprint).unwrap();
                self.rows.insert(offer.order, (decision, u8::try_from(body).unwrap()));
                fresh += 1;
            }
        }
        let sold = units_of(&self.rows, |_| true);
        let expected = PoolNumbers { sold, version: before.version + u64::from(fresh > 0), ..before };
        same("pool row", &self.pool.numbers, &expected)?;
        for buyer in &buyers {
            if self.pool.limit_per_buyer.is_some() {
                let counted = units.get(buyer).copied().unwrap_or_default();
                same("buyer's units", &counted, &units_of(&self.rows, |other| other == *buyer))?;
            }
        }
        let decided: Vec<_> = offers.iter().map(|offer| offer.order).collect();
        Ok(self.settlement(&decided, &buyers.into_iter().collect::<Vec<_>>()))
    }

    fn naive_verdict(&self, offer: &Offer) -> Verdict {
        if let Some((decision, body)) = self.rows.get(&offer.order) {
            return Verdict::Known(*decision, BODIES[usize::from(*body)].2);
        }
        let limit = self.pool.limit_per_buyer.unwrap_or(u32::MAX);
        match offer.want {
            Want::Expire { epoch } | Want::Fail { epoch } if epoch != self.pool.epoch => Verdict::Fenced,
            Want::Expire { .. } => Verdict::New(Decision::Expired),
            Want::Fail { .. } => Verdict::New(Decision::Failed),
            Want::Place if units_of(&self.rows, |_| true) + offer.quantity > self.pool.numbers.capacity => {
                Verdict::New(Decision::Rejected(RejectReason::SoldOut))
            }
            Want::Place if units_of(&self.rows, |other| other == offer.buyer) + offer.quantity > limit => {
                Verdict::New(Decision::Rejected(RejectReason::LimitReached))
            }
            Want::Place => Verdict::New(Decision::Confirmed),
        }
    }

    /// What the store would tell of some orders now, in one snapshot.
    fn settlement(&self, orders: &[OrderId], buyers: &[BuyerId]) -> Settlement {
        let orders: BTreeSet<_> = orders.iter().copied().collect();
        let decided = orders.iter().filter_map(|order| {
            let &(decision, body) = self.rows.get(order)?;
            Some(Decided { order: *order, fingerprint: BODIES[usize::from(body)].2, decision })
        });
        let owners =
            orders.iter().filter_map(|order| self.rows.get(order)).map(|(_, body)| BODIES[usize::from(*body)].1);
        let buyers: BTreeSet<_> = owners.chain(buyers.iter().copied()).collect();
        let units = buyers.into_iter().map(|buyer| (buyer, units_of(&self.rows, |other| other == buyer)));
        Settlement { pool: POOL, numbers: self.pool.numbers, decided: decided.collect(), buyers: units.collect() }
    }

    fn settle(&mut self, letter: &Settlement) -> Checked {
        let now = self.now;
        let notes_before: Vec<_> = self.ids.values().map(|order| (*order, self.book.book.notes.find(*order))).collect();
        let broken = self.book.settle(now, letter);
        must(broken == 0, || format!("EveryPromiseDecided: {broken} promises were broken"))?;
        let once = self.visible();
        self.book.settle(now, letter);
        same("a settlement applied twice", &self.visible(), &once)?;
        for (order, before) in notes_before {
            let after = self.book.book.notes.find(order);
            must(before.is_none() || after == before, || {
                format!("OneFate: the note of {order} was {before:?}, is {after:?}")
            })?;
        }
        if let Some(model) = &mut self.model {
            model.settle(now, letter);
        }
        Ok(())
    }

    fn visible(&self) -> (BookNumbers, Vec<Known>) {
        (self.book.book.numbers(), self.ids.values().map(|order| self.book.book.find(*order)).collect())
    }

    fn offer(&mut self, epoch: u64, picked: &[Picked]) -> Result<Settlement, String> {
        let mut offers: Vec<_> = picked
            .iter()
            .map(|&Picked { order, quantity, buyer, fingerprint }| Offer {
                order,
                quantity,
                buyer,
                fingerprint,
                want: Want::Expire { epoch },
            })
            .collect();
        offers.sort_by_key(|offer| offer.order);
        let letter = self.judge(&offers)?;
        self.letters.push(letter.clone());
        Ok(letter)
    }

    fn sweep(&mut self) -> Checked {
        let old = self.book.book.claims_older_than(Millis(self.now), Duration::from_secs(5), usize::MAX);
        if let Some(model) = &self.model {
            let mut expected: Vec<_> = model
                .claims
                .iter()
                .filter(|(_, claim)| self.now - claim.made_at > 5_000)
                .map(|(order, _)| *order)
                .collect();
            let mut old = old.clone();
            old.sort();
            expected.sort();
            same("old claims", &old, &expected)?;
        }
        let letter = self.settlement(&old, &BODIES.map(|body| body.1));
        self.settle(&letter)
    }

    /// The process died, and with it every request; the bus has what was published and not acknowledged.
    fn reopen(&mut self) -> Checked {
        self.attempts.clear();
        let undecided: Vec<_> = self.bus.iter().filter(|(order, _)| !self.rows.contains_key(order)).copied().collect();
        let virgin = self.rows.is_empty() && self.bus.is_empty();
        self.pool.epoch += 1;
        let buyers: BTreeSet<_> = self.rows.values().map(|(_, body)| BODIES[usize::from(*body)].1).collect();
        let buyers = buyers.into_iter().map(|buyer| (buyer, units_of(&self.rows, |other| other == buyer)));
        let buyers: Vec<_> = buyers.filter(|(_, units)| *units > 0).collect();
        let opening = Opening {
            epoch: self.pool.epoch,
            numbers: self.pool.numbers,
            terms: self.book.book.terms,
            buyers: buyers.clone(),
            undecided: if self.book.fault == Fault::ForgetsTheQueue {
                vec![]
            } else {
                undecided.iter().map(|&(order, body)| intent(order, body)).collect()
            },
            virgin,
        };
        self.book = Book::open(self.now, &opening, self.book.fault, self.book.filler);
        if let Some(model) = &mut self.model {
            let version = self.pool.numbers.version;
            *model = Model {
                epoch: self.pool.epoch,
                opened_at: self.now,
                opened_version: version,
                virgin,
                terms: opening.terms,
                numbers: self.pool.numbers,
                claims: BTreeMap::new(),
                notes: BTreeMap::new(),
                buyers: buyers.into_iter().map(|(buyer, units)| (buyer, (version, units))).collect(),
                written: i64::MIN,
                dropped: None,
            };
            for (order, body) in undecided {
                let claim = ModelClaim { body, made_at: self.now, state: ModelState::Promised, owner: None };
                model.claims.entry(order).or_insert(claim);
            }
        }
        Ok(())
    }

    /// What must hold after every move.
    fn check(&self) -> Checked {
        let numbers = self.book.book.numbers();
        if let Some(model) = &self.model {
            let expected = BookNumbers {
                settled: model.numbers,
                claimed: model.claimed(),
                promised: model.promised(),
                claims: u32::try_from(model.claims.len()).unwrap(),
                epoch: model.epoch,
            };
            same("numbers", &numbers, &expected)?;
            same("free", &numbers.free(), &model.free())?;
            for order in self.ids.values() {
                let expected = match (model.claims.get(order), model.notes.get(order)) {
                    (Some(claim), _) => Known::Claimed(BODIES[usize::from(claim.body)].2),
                    (None, Some(&(decision, fingerprint))) => Known::Noted(Noted { decision, fingerprint }),
                    (None, None) => Known::Nothing,
                };
                same("found", &self.book.book.find(*order), &expected)?;
            }
        }
        let claims = self.book.book.claims.values();
        let sum = |claims: &mut dyn Iterator<Item = &Claim>| claims.map(|claim| claim.quantity).sum::<u32>();
        same("claimed is the sum of claims", &numbers.claimed, &sum(&mut claims.clone()))?;
        let mut promised = claims.filter(|claim| claim.state == ClaimState::Promised);
        same("promised is the sum of promised claims", &numbers.promised, &sum(&mut promised))?;
        let sold = units_of(&self.rows, |_| true);
        must(sold <= self.pool.numbers.capacity, || {
            format!("NeverOversold: {sold} of {}", self.pool.numbers.capacity)
        })?;
        if let Some(limit) = self.circumstances.limit {
            for body in BODIES {
                let units = units_of(&self.rows, |other| other == body.1);
                must(units <= limit, || format!("LimitsHold: {:?} has {units} of {limit}", body.1))?;
            }
        }
        for (order, body) in &self.told {
            match self.rows.get(order) {
                None => {
                    let known =
                        self.book.book.claims.get(order).is_some_and(|claim| claim.state == ClaimState::Promised);
                    must(known, || format!("EveryPromiseDecided: {order} was told 202 and its units are not kept"))?;
                }
                Some(row) => must(*row == (Decision::Confirmed, *body), || {
                    format!("EveryPromiseDecided: {order} was told 202 for body {body} and is {row:?}")
                })?,
            }
        }
        // What is shown as free is never more than what is neither sold nor promised to anybody.
        let promised = self.told.iter().filter(|(order, _)| !self.rows.contains_key(order));
        let out = sold + promised.map(|(_, body)| BODIES[usize::from(*body)].0).sum::<u32>();
        let really_free = self.pool.numbers.capacity.saturating_sub(out);
        must(numbers.free() <= really_free, || format!("{} are shown as free, {really_free} are", numbers.free()))
    }

    /// Every request dies; messages, reaper and sweep do their work. Then nothing may be left.
    fn come_to_rest(&mut self) -> Checked {
        self.attempts.clear();
        self.now = self.latest + 100_000;
        self.check()?;
        while !self.bus.is_empty() {
            self.write(0, 3, true, true)?;
            // This settlement is lost; the sweep makes up for it.
            self.letters.pop();
        }
        let picked = self.book.pick(self.now);
        let lost = self.offer(self.book.book.epoch(), &picked)?;
        self.letters.retain(|letter| *letter != lost);
        if let Some(model) = &mut self.model {
            model.pick(self.now);
        }
        self.sweep()?;
        self.check()?;
        let numbers = self.book.book.numbers();
        let found = crate::laws::check_quiet(POOL, &numbers, &self.pool.numbers);
        must(found.is_empty(), || format!("{found:?}"))?;
        for order in self.told.keys() {
            must(self.rows.contains_key(order), || format!("EveryPromiseDecided: {order} has no decision"))?;
        }
        self.buy_the_rest()
    }

    /// "Every free unit can be bought", one by one, and no more; under a limit by ever new buyers.
    fn buy_the_rest(&mut self) -> Checked {
        let terms = Terms { paused: false, ..self.book.book.terms };
        self.book.book.set_terms(terms);
        let free = self.pool.numbers.unsold();
        for number in 0..=free {
            let own = u128::try_from(self.now + 10_000_000).unwrap();
            let order = OrderId(uuid::Uuid::from_u128(own << 80 | u128::from(number)));
            let buyer = BuyerId(1_000 + i64::from(number));
            let request = ClaimRequest { order, quantity: 1, buyer, fingerprint: Fingerprint(0), looked_up: None };
            let answer = self.book.book.claim(Millis(self.now), &request);
            let claimed = matches!(answer, ClaimAnswer::Claimed { .. });
            must(claimed == (number < free), || {
                format!("NothingLeaks: unit {number} of {free} free ones: {answer:?}")
            })?;
        }
        // And known buyers have what the store says they have, neither more nor less.
        if let Some(limit) = self.circumstances.limit {
            for (_, buyer, _) in BODIES {
                let left = limit.saturating_sub(units_of(&self.rows, |other| other == buyer));
                let units = self.book.book.buyers.of(buyer.0).get(&buyer).copied().unwrap_or_default();
                let left_here = limit.saturating_sub(units.settled + units.claimed);
                same("units a buyer may still have", &left_here, &left)?;
            }
        }
        Ok(())
    }
}

fn pick_one<T>(list: &[T], which: u8) -> Option<&T> {
    if list.is_empty() { None } else { list.get(usize::from(which) % list.len()) }
}

fn offer(order: OrderId, body: u8, want: Want) -> Offer {
    let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
    Offer { order, quantity, buyer, fingerprint, want }
}

fn intent(order: OrderId, body: u8) -> Intent {
    let (quantity, buyer, fingerprint) = BODIES[usize::from(body)];
    let contact = Contact::default();
    Intent { order, pool: POOL, quantity, buyer, fingerprint, asked_at: order.time(), contact, trace: None }
}

fn shops() -> impl Strategy<Value = (Circumstances, Vec<Move>)> {
    (circumstances(), vec(any_move(), 1..90))
}

proptest! {
    #![proptest_config(Config { cases: 1_000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_book_and_the_judge_do_what_the_protocol_says((circumstances, moves) in shops()) {
        Shop::run(circumstances, &moves, Fault::None).map_err(TestCaseError::fail)?;
    }
}

/// A law that cannot be broken is no law: each fault must be noticed without the model's help.
#[test]
fn every_deliberate_fault_breaks_a_law() {
    let faults = [
        Fault::DropsWithoutNumbers,
        Fault::AddsInsteadOfSetting,
        Fault::IgnoresWhatIsNotNewer,
        Fault::ReleasesOnUnknown,
        Fault::ReapsThePromised,
        Fault::SkipsTheLookUp,
        Fault::KeepsTickets,
        Fault::KeepsClaims,
        Fault::ForgetsBuyers,
        Fault::ForgetsTheQueue,
        Fault::TellsAnybody,
    ];
    for fault in faults {
        let config = Config { cases: 20_000, failure_persistence: None, max_shrink_iters: 0, ..Config::default() };
        // A fixed seed: whether a fault is found must not depend on the day.
        let random = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
        let found = TestRunner::new_with_rng(config, random).run(&shops(), |(circumstances, moves)| {
            Shop::run(circumstances, &moves, fault).map_err(TestCaseError::fail)
        });
        let Err(TestError::Fail(why, _)) = found else { panic!("{fault:?} went unnoticed") };
        println!("{fault:?}: {why}");
    }
}

/// The settlements of one history, in any order and however often, leave the same book.
#[test]
fn settlements_commute() {
    let runner = &mut TestRunner::new(Config { cases: 200, failure_persistence: None, ..Config::default() });
    let order_of_arrival = vec(any::<prop::sample::Index>(), 0..40);
    runner
        .run(&(vec((0..ORDERS, 0..4_u8), 1..12), order_of_arrival, 1..9_u32), |(orders, arrivals, capacity)| {
            let circumstances = Circumstances { capacity, limit: Some(4), steady: true };
            let mut shop = Shop::new(circumstances, Fault::None);
            for &(order, body) in &orders {
                let order = shop.id(order, 0);
                let letter = shop.judge(&[offer(order, body, Want::Place)]).map_err(TestCaseError::fail)?;
                shop.letters.push(letter);
            }
            let letters = shop.letters.clone();
            let in_order = letters.iter().collect::<Vec<_>>();
            let mut jumbled: Vec<_> = arrivals.iter().map(|index| index.get(&letters)).collect();
            jumbled.extend(letters.iter().rev());
            let mut ends = [in_order, jumbled].map(|arrivals| {
                let mut book = Shop::new(circumstances, Fault::None);
                book.ids = shop.ids.clone();
                for letter in arrivals {
                    book.book.settle(START, letter);
                }
                let units =
                    BODIES.map(|body| book.book.book.buyers.of(body.1.0).get(&body.1).map(|units| units.settled));
                (book.visible(), units)
            });
            prop_assert_eq!(&ends[0].0.0.settled, &shop.pool.numbers);
            let (first, second) = ends.split_at_mut(1);
            prop_assert_eq!(&first[0], &second[0]);
            Ok(())
        })
        .unwrap();
}
