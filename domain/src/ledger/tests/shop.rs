//! A shop around the book: requests, a bus, a network that keeps letters, a clock.

use super::*;

/// How far a request has come. Its node may stop anywhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub(super) order: OrderId,
    pub(super) body: u8,
    /// The claim it made, unless it resumed another's.
    pub(super) name: Option<u64>,
    pub(super) published: bool,
    pub(super) over: bool,
}

pub(super) struct Shop {
    pub(super) circumstances: Circumstances,
    pub(super) book: Book,
    /// Absent in runs with a fault: there only the laws judge.
    pub(super) model: Option<Model>,
    pub(super) now: i64,
    /// The latest time the clock ever showed.
    pub(super) latest: i64,
    /// The store: its rows by the naive rule and by `decide`, which must be the same.
    pub(super) rows: Rows,
    pub(super) pool: PoolRow,
    pub(super) ids: BTreeMap<u8, OrderId>,
    /// What look-ups brought that found no row; a request may hold its ticket for ever.
    pub(super) tickets: Vec<(OrderId, LookedUp)>,
    pub(super) attempts: Vec<Attempt>,
    pub(super) bus: Vec<(OrderId, u8)>,
    pub(super) letters: Vec<Settlement>,
    pub(super) lists: Vec<(u64, Vec<Picked>)>,
    /// Who was told 202, and with which body.
    pub(super) told: BTreeMap<OrderId, u8>,
}

pub(super) type Checked = Result<(), String>;

pub(super) fn must(holds: bool, what: impl FnOnce() -> String) -> Checked {
    if holds { Ok(()) } else { Err(what()) }
}

pub(super) fn same<T: PartialEq + std::fmt::Debug>(what: &str, book: &T, model: &T) -> Checked {
    must(book == model, || format!("{what}: the book says {book:?}, the model {model:?}"))
}

impl Shop {
    pub(super) fn new(circumstances: Circumstances, fault: Fault) -> Self {
        let numbers = PoolNumbers { capacity: circumstances.capacity, ..PoolNumbers::default() };
        let terms = Terms {
            opens_at: Millis(0),
            closes_at: Millis(i64::MAX),
            paused: false,
            limit_per_buyer: circumstances.limit,
        };
        let opening = Opening {
            epoch: 1,
            numbers,
            terms,
            buyers: vec![],
            undecided: vec![],
            virgin: true,
            drained: true,
            revision: 1,
        };
        let model = Model {
            epoch: 1,
            opened_at: START,
            opened_version: 0,
            virgin: true,
            backlog_until: i64::MIN,
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
            pool: PoolRow { numbers, epoch: 1, limit_per_buyer: circumstances.limit, hold: None },
            ids: BTreeMap::new(),
            tickets: vec![],
            attempts: vec![],
            bus: vec![],
            letters: vec![],
            lists: vec![],
            told: BTreeMap::new(),
        }
    }

    pub(super) fn run(circumstances: Circumstances, moves: &[Move], fault: Fault) -> Checked {
        let mut shop = Self::new(circumstances, fault);
        for (number, step) in moves.iter().enumerate() {
            let checked = shop.take(*step).and_then(|()| shop.check());
            checked.map_err(|wrong| format!("after move {number}, {step:?}: {wrong}"))?;
        }
        shop.come_to_rest().map_err(|wrong| format!("at rest: {wrong}"))
    }

    pub(super) fn take(&mut self, step: Move) -> Checked {
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
                self.book.book.set_terms(self.book.book.epoch(), 1, terms);
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
    pub(super) fn id(&mut self, order: u8, dated: i64) -> OrderId {
        let own = u128::try_from(self.now + dated).unwrap();
        let fresh = OrderId(uuid::Uuid::from_u128(own << 80 | 0x7000_8000_0000_0000_0000 | u128::from(order)));
        *self.ids.entry(order).or_insert(fresh)
    }

    pub(super) fn attempt(&self, which: u8, published: bool) -> Option<usize> {
        let ready: Vec<_> = (0..self.attempts.len())
            .filter(|&index| !self.attempts[index].over && self.attempts[index].published == published)
            .collect();
        pick_one(&ready, which).copied()
    }

    pub(super) fn claim(&mut self, order: OrderId, body: u8, ticket: Option<LookedUp>) -> Checked {
        let known_before = self.book.book.find(order);
        let answer = self.ask(order, body, ticket)?;
        if self.rows.contains_key(&order) && known_before == Known::Nothing {
            let looked = matches!(answer, ClaimAnswer::LookUpFirst(_) | ClaimAnswer::NotYet);
            must(looked, || format!("{order} is decided and forgotten, and is answered {answer:?}"))?;
        }
        if let Some(ticket) = ticket
            && ticket.epoch != self.book.book.epoch()
            && known_before == Known::Nothing
        {
            let own = order.time().0 - 120_000;
            let old = !self.book.book.virgin && own <= self.book.book.opened_at.0;
            let looked = matches!(answer, ClaimAnswer::LookUpFirst(_) | ClaimAnswer::NotYet);
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

    pub(super) fn ask(&mut self, order: OrderId, body: u8, looked_up: Option<LookedUp>) -> Result<ClaimAnswer, String> {
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
    pub(super) fn heard(&mut self, order: OrderId, body: u8, answer: ClaimAnswer) -> Checked {
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
            ClaimAnswer::Expiring | ClaimAnswer::LookUpFirst(_) | ClaimAnswer::NotYet | ClaimAnswer::Refused(_) => {
                Ok(())
            }
        }
    }

    pub(super) fn tell(&mut self, order: OrderId, body: u8) -> Checked {
        let before = *self.told.entry(order).or_insert(body);
        must(before == body, || format!("KeyIsOrder: {order} was promised for body {before} and for body {body}"))
    }

    pub(super) fn promise(&mut self, attempt: u8) -> Checked {
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
}
