//! The store's side of the shop: the writer, settlements, the reaper, the sweep, a new opening.

use super::*;

impl Shop {
    pub(super) fn write(&mut self, first: u8, count: u8, twice: bool, acknowledge: bool) -> Checked {
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
    pub(super) fn judge(&mut self, offers: &[Offer]) -> Result<Settlement, String> {
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

    pub(super) fn naive_verdict(&self, offer: &Offer) -> Verdict {
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
    pub(super) fn settlement(&self, orders: &[OrderId], buyers: &[BuyerId]) -> Settlement {
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

    pub(super) fn settle(&mut self, letter: &Settlement) -> Checked {
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

    pub(super) fn visible(&self) -> (BookNumbers, Vec<Known>) {
        (self.book.book.numbers(), self.ids.values().map(|order| self.book.book.find(*order)).collect())
    }

    pub(super) fn offer(&mut self, epoch: u64, picked: &[Picked]) -> Result<Settlement, String> {
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

    pub(super) fn sweep(&mut self) -> Checked {
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
    pub(super) fn reopen(&mut self) -> Checked {
        self.attempts.clear();
        let undecided: Vec<_> = self.bus.iter().filter(|(order, _)| !self.rows.contains_key(order)).copied().collect();
        let virgin = self.rows.is_empty() && self.bus.is_empty();
        self.pool.epoch += 1;
        // Every other time nobody is sure of it.
        let drained = self.pool.epoch.is_multiple_of(2);
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
            drained,
            revision: 1,
        };
        self.book = Book::open(self.now, &opening, self.book.fault, self.book.filler);
        if let Some(model) = &mut self.model {
            let version = self.pool.numbers.version;
            *model = Model {
                epoch: self.pool.epoch,
                opened_at: self.now,
                opened_version: version,
                virgin,
                backlog_until: if drained { i64::MIN } else { self.now + 12_000 },
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
}
