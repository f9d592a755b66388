//! The steps of an order, for whole batches: one call a pool and 500 ids, all in one go, answers in order.

use super::{
    RedisLedger,
    fault::whole,
    scripts::Script,
    wire::{Packed, Reader, exact, garbled, text},
};
use redis::Cmd;
use stampede_actors::ports::{ClaimOf, PortFailure, PortResult, PromiseOf, Withdrawal};
use stampede_domain::{
    BuyerId, Decided, Decision, Fingerprint, OrderId, OrderRefused, PoolId, Settlement, WriterReport,
    ledger::{Broken, ClaimAnswer, ClaimRequest, LookedUp, Picked, PromiseAnswer},
};
use std::{collections::BTreeMap, time::Duration};

/// Ids of one call: a script runs alone, so its length is everybody's wait.
const AT_ONCE: usize = 500;
/// Ids of one page of a listing.
const PAGE: usize = 2_000;

/// A call's share of a batch: its pool, and the places of its items.
type Share = (PoolId, Vec<usize>);

impl RedisLedger {
    /// Keys that other pools know are refused first. Two requests of one key for two pools at the same moment can both be
    /// claimed; the store decides about the first, and the other's promise is counted as broken.
    pub(super) async fn claim_all(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let elsewhere = self.known_elsewhere(claims).await?;
        let mine: Vec<_> =
            claims.iter().filter(|of| !elsewhere.contains(&(of.pool, of.request.order))).copied().collect();
        let mut answers = self.claim_here(&mine).await?.into_iter();
        let answer = |of: &ClaimOf| {
            if elsewhere.contains(&(of.pool, of.request.order)) {
                Some(Some(ClaimAnswer::Refused(OrderRefused::KeyReused)))
            } else {
                answers.next()
            }
        };
        claims.iter().map(answer).collect::<Option<_>>().ok_or_else(garbled)
    }

    async fn claim_here(&self, claims: &[ClaimOf]) -> PortResult<Vec<Option<ClaimAnswer>>> {
        self.batch(Script::Claim, claims, |of| of.pool, pack_claim, read_claims).await
    }

    pub(super) async fn promise_all(&self, promises: &[PromiseOf]) -> PortResult<Vec<PromiseAnswer>> {
        let pack = |of: &PromiseOf, packed: &mut Packed| {
            packed.order(of.order).number(of.fingerprint.0);
        };
        self.batch(Script::Promise, promises, |of| of.pool, pack, |_, answer| read_promises(answer)).await
    }

    pub(super) async fn withdraw_all(&self, withdrawals: &[Withdrawal]) -> PortResult<()> {
        let pack = |of: &Withdrawal, packed: &mut Packed| {
            packed.order(of.order).bytes(&high(of.attempt).to_le_bytes()).bytes(&low(of.attempt).to_le_bytes());
        };
        self.batch(Script::Withdraw, withdrawals, |of| of.pool, pack, |share, _| Ok(vec![(); share])).await.map(drop)
    }

    pub(super) async fn settle_all(
        &self,
        settlements: &[Settlement],
        report: Option<WriterReport>,
    ) -> PortResult<Broken> {
        let mut calls = Vec::new();
        for settlement in settlements {
            self.settle_calls(settlement, &mut calls)?;
        }
        let reports = usize::from(report.is_some());
        calls.extend(report.map(|report| self.report_call(Some(report))));
        if calls.is_empty() {
            return Ok(Broken::default());
        }
        let answers = whole(self.link.ask(&calls).await)?;
        let mut broken = Broken::default();
        for answer in answers.into_iter().take(calls.len() - reports) {
            broken += read_broken(&text(answer)?)?;
        }
        Ok(broken)
    }

    pub(super) async fn pick_some(&self, pool: PoolId, limit: usize) -> PortResult<(u64, Vec<Picked>)> {
        let mut packed = self.packed();
        packed.count(limit.min(PAGE));
        read_picked(&self.one(self.call(Script::Pick, pool, &packed)).await?)
    }

    pub(super) async fn list_older(&self, pool: PoolId, age: Duration, limit: usize) -> PortResult<Vec<OrderId>> {
        let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX).min(1 << 47);
        let mut orders = Vec::new();
        while orders.len() < limit {
            let page = PAGE.min(limit - orders.len());
            let mut packed = self.packed();
            packed.number(age).count(orders.len()).count(page);
            let some = read_orders(&self.one(self.call(Script::Older, pool, &packed)).await?)?;
            let is_last = some.len() < page;
            orders.extend(some);
            if is_last {
                break;
            }
        }
        Ok(orders)
    }

    /// One command's answer.
    pub(super) async fn one(&self, command: Cmd) -> PortResult<Vec<u8>> {
        match self.link.ask(&[command]).await.pop() {
            Some(answer) => text(answer?),
            None => Err(garbled()),
        }
    }

    /// Calls `script` for every share of the batch and puts the answers where their items stand.
    async fn batch<T, A>(
        &self,
        script: Script,
        all: &[T],
        pool_of: impl Fn(&T) -> PoolId,
        pack: impl Fn(&T, &mut Packed),
        read: impl Fn(usize, &[u8]) -> PortResult<Vec<A>>,
    ) -> PortResult<Vec<A>> {
        let shares = shares(all, pool_of);
        let calls = shares.iter().map(|(pool, places)| {
            let mut packed = self.packed();
            places.iter().for_each(|&place| pack(&all[place], &mut packed));
            self.call(script, *pool, &packed)
        });
        let calls: Vec<_> = calls.collect();
        if calls.is_empty() {
            return Ok(Vec::new());
        }
        let mut placed: Vec<Option<A>> = all.iter().map(|_| None).collect();
        for ((_, places), answer) in shares.iter().zip(whole(self.link.ask(&calls).await)?) {
            let answers = read(places.len(), &text(answer)?)?;
            for (&place, answer) in places.iter().zip(answers) {
                placed[place] = Some(answer);
            }
        }
        placed.into_iter().collect::<Option<_>>().ok_or_else(garbled)
    }

    /// A large settlement in several calls. Numbers and buyers go first: until the last claim is dropped, units count twice
    /// rather than not at all.
    fn settle_calls(&self, settlement: &Settlement, calls: &mut Vec<Cmd>) -> PortResult<()> {
        let Settlement { pool, numbers, decided, buyers } = settlement;
        let version = exact(numbers.version)?;
        let call = |buyers: &[(BuyerId, u32)], decided: &[Decided]| {
            let mut packed = self.packed();
            packed.number(version);
            for units in [numbers.capacity, numbers.held, numbers.sold] {
                packed.number(units.into());
            }
            packed.count(buyers.len());
            for (buyer, units) in buyers {
                packed.number(buyer.0).units(*units);
            }
            for Decided { order, fingerprint, decision } in decided {
                packed.order(*order).number(fingerprint.0).bytes(&[decision.code()]);
            }
            self.call(Script::Settle, *pool, &packed)
        };
        if buyers.len() <= AT_ONCE && decided.len() <= AT_ONCE {
            calls.push(call(buyers, decided));
        } else {
            calls.extend(buyers.chunks(AT_ONCE).map(|buyers| call(buyers, &[])));
            calls.extend(decided.chunks(AT_ONCE).map(|decided| call(&[], decided)));
        }
        Ok(())
    }
}

fn shares<T>(all: &[T], pool_of: impl Fn(&T) -> PoolId) -> Vec<Share> {
    let mut by_pool: BTreeMap<PoolId, Vec<usize>> = BTreeMap::new();
    for (place, one) in all.iter().enumerate() {
        by_pool.entry(pool_of(one)).or_default().push(place);
    }
    let share = |(pool, places): (PoolId, Vec<usize>)| {
        places.chunks(AT_ONCE).map(|places| (pool, places.to_vec())).collect::<Vec<_>>()
    };
    by_pool.into_iter().flat_map(share).collect()
}

fn pack_claim(of: &ClaimOf, packed: &mut Packed) {
    let ClaimRequest { order, quantity, buyer, fingerprint, looked_up } = &of.request;
    packed.order(*order).units(*quantity).number(buyer.0).number(fingerprint.0);
    // An epoch that no script can count is none of this ledger's.
    let ticket = looked_up.and_then(|LookedUp { epoch, asked_at }| Some((exact(epoch).ok()?, asked_at)));
    let (epoch, asked_at) = ticket.unwrap_or_default();
    packed.bytes(&[u8::from(ticket.is_some())]).number(epoch).time(asked_at);
}

pub(super) fn read_claims(share: usize, answer: &[u8]) -> PortResult<Vec<Option<ClaimAnswer>>> {
    let mut reader = Reader(answer);
    if reader.byte()? == 0 {
        return Ok(vec![None; share]);
    }
    let epoch = reader.count()?;
    (0..share).map(|_| read_claim(&mut reader, epoch).map(Some)).collect()
}

pub(super) fn read_promises(answer: &[u8]) -> PortResult<Vec<PromiseAnswer>> {
    let read = |code: &u8| match code {
        0 => Ok(PromiseAnswer::Refused),
        255 => Ok(PromiseAnswer::Promised),
        code => Decision::from_code(*code).map(PromiseAnswer::Decided).ok_or_else(garbled),
    };
    answer.iter().map(read).collect()
}

pub(super) fn read_broken(answer: &[u8]) -> PortResult<Broken> {
    let mut reader = Reader(answer);
    Ok(Broken { decided_otherwise: reader.units()?, ledger_lost: reader.units()? })
}

pub(super) fn read_picked(answer: &[u8]) -> PortResult<(u64, Vec<Picked>)> {
    let mut reader = Reader(answer);
    let epoch = reader.count()?;
    let mut picked = Vec::new();
    while !reader.is_empty() {
        let order = reader.order()?;
        let quantity = u32::from_le_bytes(reader.array()?);
        let (buyer, fingerprint) = (reader.number()?, reader.number()?);
        picked.push(Picked { order, quantity, buyer: BuyerId(buyer), fingerprint: Fingerprint(fingerprint) });
    }
    Ok((epoch, picked))
}

pub(super) fn read_orders(answer: &[u8]) -> PortResult<Vec<OrderId>> {
    let (mut reader, mut orders) = (Reader(answer), Vec::new());
    while !reader.is_empty() {
        orders.push(reader.order()?);
    }
    Ok(orders)
}

fn read_claim(reader: &mut Reader<'_>, epoch: u64) -> PortResult<ClaimAnswer> {
    use OrderRefused as No;
    let which = reader.byte()?;
    let (a, b) = (reader.array::<8>()?, reader.array::<8>()?);
    let (mut a, mut b) = (Reader(&a), Reader(&b));
    Ok(match which {
        1 => ClaimAnswer::Claimed { attempt: attempt(epoch, a.count()?)? },
        2 => ClaimAnswer::Resumed,
        3 => ClaimAnswer::AlreadyPromised,
        4 => ClaimAnswer::Decided(decision(a.count()?)?),
        5 => ClaimAnswer::Expiring,
        6 => ClaimAnswer::LookUpFirst(LookedUp { epoch: a.count()?, asked_at: b.time()? }),
        7 => ClaimAnswer::NotYet,
        10 => ClaimAnswer::Refused(No::KeyReused),
        11 => ClaimAnswer::Refused(No::NotOpen { opens_at: a.time()? }),
        12 => ClaimAnswer::Refused(No::SaleOver),
        13 => ClaimAnswer::Refused(No::Paused),
        14 => ClaimAnswer::Refused(No::LimitReached { limit: a.units()?, taken: b.units()? }),
        15 => ClaimAnswer::Refused(No::SoldOut { free: a.units()?, in_flight: b.units()? }),
        _ => return Err(garbled()),
    })
}

pub(super) fn decision(code: u64) -> Result<Decision, PortFailure> {
    u8::try_from(code).ok().and_then(Decision::from_code).ok_or_else(garbled)
}

/// The number of an attempt: the epoch's and its own in it.
fn attempt(epoch: u64, number: u64) -> PortResult<u64> {
    let (high, low) = (u32::try_from(epoch).map_err(|_| garbled())?, u32::try_from(number).map_err(|_| garbled())?);
    Ok(u64::from(high) << 32 | u64::from(low))
}

fn high(attempt: u64) -> u32 {
    u32::try_from(attempt >> 32).unwrap_or(u32::MAX)
}

fn low(attempt: u64) -> u32 {
    u32::try_from(attempt & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claimed(epoch: i64, number: i64) -> PortResult<Vec<Option<ClaimAnswer>>> {
        let mut answer = Packed::default();
        answer.bytes(&[1]).number(epoch).bytes(&[1]).number(number).number(0);
        read_claims(1, &answer.0)
    }

    #[test]
    fn an_attempt_that_no_script_counts_is_an_answer_of_none() {
        assert_eq!(claimed(5, 7), Ok(vec![Some(ClaimAnswer::Claimed { attempt: 5 << 32 | 7 })]));
        for (epoch, number) in [(i64::MAX, i64::MAX), (1 << 32, 1), (1, 1 << 32), (-1, 1)] {
            assert_eq!(claimed(epoch, number), Err(garbled()), "{epoch} {number}");
        }
    }

    #[test]
    fn counts_of_broken_promises_end_rather_than_begin_anew() {
        let answer: Vec<u8> = [i64::MAX, i64::MAX].iter().flat_map(|number| number.to_le_bytes()).collect();
        let mut sum = Broken::default();
        for _ in 0..2 {
            sum += read_broken(&answer).unwrap();
        }
        assert_eq!(sum, Broken { decided_otherwise: u32::MAX, ledger_lost: u32::MAX });
    }
}
