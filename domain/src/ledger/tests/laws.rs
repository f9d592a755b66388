//! What must hold after every move, without the model's help; and that a shop left alone comes to rest.

use super::*;

impl Shop {
    /// What must hold after every move.
    pub(super) fn check(&self) -> Checked {
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
                    (Some(claim), _) => Known::Claimed {
                        fingerprint: BODIES[usize::from(claim.body)].2,
                        promised: claim.state == ModelState::Promised,
                    },
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
    pub(super) fn come_to_rest(&mut self) -> Checked {
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
    pub(super) fn buy_the_rest(&mut self) -> Checked {
        let terms = Terms { paused: false, ..self.book.book.terms };
        self.book.book.set_terms(self.book.book.epoch(), 1, terms);
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
