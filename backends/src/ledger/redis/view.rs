//! What everybody reads: an order, the numbers of every pool, the writers' word. One round trip, whatever the number of pools.

use super::{
    RedisLedger,
    book::decision,
    fault::whole,
    scripts::Script,
    wire::{Reader, garbled, text},
};
use redis::{Cmd, Value};
use stampede_actors::ports::{ClaimOf, LedgerSnapshot, PoolSnapshot, PortResult};
use stampede_domain::{
    Fingerprint, Millis, OrderId, PoolId, PoolNumbers, WriterReport,
    ledger::{BookNumbers, Known, Noted},
};
use std::{
    collections::{BTreeSet, HashSet},
    sync::{MutexGuard, PoisonError},
};
use tokio::time::Instant;

/// A pool's standing, as the scripts say it.
const OPEN: u8 = 1;
/// It was open, and its server is not what it was: it may know what nobody can ask it.
const LOST: u8 = 2;
/// Open, but messages from before its opening may be under way.
const AWAITING: u8 = 3;

impl RedisLedger {
    pub(super) async fn find_order(&self, order: OrderId) -> PortResult<Option<Known>> {
        let mut packed = self.packed();
        packed.order(order);
        let (_, answers) = self.ask_all_pools(|pool| self.call(Script::Find, pool, &packed), &[]).await?;
        let (mut any_open, mut nobody_can_tell) = (false, false);
        for (_, answer) in answers {
            let (standing, known) = read_found(&answer)?;
            any_open |= standing == OPEN || standing == AWAITING;
            nobody_can_tell |= standing == LOST || standing == AWAITING;
            if known.is_some() {
                return Ok(known);
            }
        }
        Ok((any_open && !nobody_can_tell).then_some(Known::Nothing))
    }

    /// Which of the claims are for keys that another pool has claimed or noted. A shop with one pool asks nobody.
    pub(super) async fn known_elsewhere(&self, claims: &[ClaimOf]) -> PortResult<HashSet<(PoolId, OrderId)>> {
        let pools: Vec<_> = self.known_pools().iter().copied().map(PoolId).collect();
        let others = |of: &ClaimOf| {
            let (asked, request) = (of.pool, of.request);
            pools.iter().copied().filter(move |pool| *pool != asked).map(move |pool| (pool, asked, request.order))
        };
        let questions: Vec<_> = claims.iter().flat_map(others).collect();
        if questions.is_empty() {
            return Ok(HashSet::new());
        }
        let call = |(pool, _, order): &(PoolId, PoolId, OrderId)| {
            let mut packed = self.packed();
            packed.order(*order);
            self.call(Script::Find, *pool, &packed)
        };
        let answers = whole(self.link.ask(&questions.iter().map(call).collect::<Vec<_>>()).await)?;
        let mut known = HashSet::new();
        for ((_, asked, order), answer) in questions.iter().zip(answers) {
            let answer = text(answer)?;
            let mut reader = Reader(&answer);
            reader.byte()?;
            if reader.byte()? != 0 {
                known.insert((*asked, *order));
            }
        }
        Ok(known)
    }

    pub(super) async fn look(&self) -> PortResult<LedgerSnapshot> {
        let asked = Instant::now();
        let packed = self.packed();
        let reports = self.link.digests.call(Script::Reports, &self.reports_key(), &[&packed.0]);
        let peek = |pool| self.call(Script::Peek, pool, &packed);
        let (mut told, peeks) = self.ask_all_pools(peek, &[reports]).await?;
        let told = text(told.pop().ok_or_else(garbled)?)?;
        let mut snapshot = read_reports(&told)?;
        self.clock.set(snapshot.now, asked);
        for (pool, answer) in peeks {
            let (now, open) = read_peek(pool, &answer)?;
            snapshot.now = snapshot.now.max(now);
            if let Some((open, opened_at)) = open {
                snapshot.heard_at = snapshot.heard_at.max(opened_at);
                snapshot.pools.push(open);
            }
        }
        Ok(snapshot)
    }

    /// That a writer said something, or that a pool was opened.
    pub(super) fn report_call(&self, report: Option<WriterReport>) -> Cmd {
        let mut packed = self.packed();
        let WriterReport { depth, high_water, oldest, per_second } = report.unwrap_or_default();
        packed.number(report.is_some().into()).number(depth.into()).number(high_water.into());
        packed.number(oldest.map_or(-1, |oldest| oldest.0.max(0))).number(per_second.into());
        self.link.digests.call(Script::Report, &self.reports_key(), &[&packed.0, b"", self.process.as_bytes()])
    }

    pub(super) fn registry_key(&self) -> String {
        format!("{}:pools", self.prefix)
    }

    pub(super) fn known_pools(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reports_key(&self) -> String {
        format!("{{{}:reports}}", self.prefix)
    }

    /// Asks every pool that was ever opened, and `more`. Pools that others have opened since are found on the way and asked too.
    async fn ask_all_pools(
        &self,
        call: impl Fn(PoolId) -> Cmd,
        more: &[Cmd],
    ) -> PortResult<(Vec<Value>, Vec<(PoolId, Vec<u8>)>)> {
        let pools: Vec<_> = self.known_pools().iter().copied().map(PoolId).collect();
        let mut registry = redis::cmd("SMEMBERS");
        registry.arg(self.registry_key());
        let mut calls: Vec<_> = pools.iter().map(|pool| call(*pool)).collect();
        calls.extend_from_slice(more);
        calls.push(registry);
        let mut answers = whole(self.link.ask(&calls).await)?;
        let registered = answers.pop().ok_or_else(garbled)?;
        let told = answers.split_off(pools.len());
        let strangers = self.strangers(registered)?;
        if !strangers.is_empty() {
            let calls: Vec<_> = strangers.iter().map(|pool| call(*pool)).collect();
            answers.extend(whole(self.link.ask(&calls).await)?);
        }
        let answers = answers.into_iter().map(text).collect::<PortResult<Vec<_>>>()?;
        let mut all: Vec<_> = pools.into_iter().chain(strangers).zip(answers).collect();
        all.sort_unstable_by_key(|(pool, _)| *pool);
        Ok((told, all))
    }

    /// Registered pools that this process did not know; now it does.
    fn strangers(&self, registered: Value) -> PortResult<Vec<PoolId>> {
        let names: Vec<String> = redis::from_redis_value(registered).map_err(|_| garbled())?;
        let mut known = self.known_pools();
        let pools = names.iter().filter_map(|name| i64::from_str_radix(name, 16).ok());
        Ok(pools.filter(|pool| known.insert(*pool)).map(PoolId).collect())
    }
}

/// The pool's standing, and what it knows of the order, if anything.
pub(super) fn read_found(answer: &[u8]) -> PortResult<(u8, Option<Known>)> {
    let mut reader = Reader(answer);
    let (standing, what) = (reader.byte()?, reader.byte()?);
    if what == 0 {
        return Ok((standing, None));
    }
    let (fingerprint, code) = (Fingerprint(reader.number()?), reader.byte()?);
    let known = match what {
        3 => Known::Noted(Noted { decision: decision(code.into())?, fingerprint }),
        what => Known::Claimed { fingerprint, promised: what == 2 },
    };
    Ok((standing, Some(known)))
}

pub(super) fn read_reports(told: &[u8]) -> PortResult<LedgerSnapshot> {
    let mut reader = Reader(told);
    let (now, heard_at) = (reader.time()?, reader.time()?);
    let (depth, high_water) = (reader.units()?, reader.units()?);
    let oldest = Some(reader.time()?).filter(|oldest| *oldest >= Millis(0));
    let report = WriterReport { depth, high_water, oldest, per_second: reader.units()? };
    let word_at = reader.time()?;
    let mut writers = Vec::new();
    while !reader.is_empty() {
        let name: [u8; 16] = reader.array()?;
        let name = std::str::from_utf8(&name).map_err(|_| garbled())?;
        writers.push(u64::from_str_radix(name, 16).map_err(|_| garbled())?);
    }
    Ok(LedgerSnapshot { now, pools: Vec::new(), report, heard_at, writers, word_at })
}

/// The server's time; of an open pool also its numbers, and when it was opened.
pub(super) fn read_peek(pool: PoolId, answer: &[u8]) -> PortResult<(Millis, Option<(PoolSnapshot, Millis)>)> {
    let mut reader = Reader(answer);
    let (standing, now) = (reader.byte()?, reader.time()?);
    if standing != OPEN {
        return Ok((now, None));
    }
    let version = reader.count()?;
    let settled = PoolNumbers { version, capacity: reader.units()?, held: reader.units()?, sold: reader.units()? };
    let (claimed, promised, claims) = (reader.units()?, reader.units()?, reader.units()?);
    let numbers = BookNumbers { settled, claimed, promised, claims, epoch: reader.count()? };
    let open = PoolSnapshot { pool, numbers, revision: reader.count()? };
    Ok((now, Some((open, reader.time()?))))
}
