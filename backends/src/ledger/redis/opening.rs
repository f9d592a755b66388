//! Step 7: closing, opening, and the rules of the sale.
//!
//! An opening can be large: a million buyers, a hundred thousand undecided orders. It is loaded by plain commands, a bit each,
//! into keys of a name that nobody else uses and that expire; one script then makes the whole visible at once, if it is whole.

use super::{
    RedisLedger,
    fault::whole,
    scripts::Script,
    wire::{Packed, exact},
};
use redis::Cmd;
use stampede_actors::ports::{PortFailure, PortResult};
use stampede_domain::{
    BuyerId, Intent, OrderId, PoolId,
    event::Terms,
    ledger::{BACKLOG_LIFE, Opening},
};
use std::{collections::HashMap, sync::atomic::Ordering};

/// Claims or buyers of one command: a fraction of a millisecond.
const AT_ONCE: usize = 500;
/// Commands on their way at once while loading: the sale of other pools goes on between them.
const TOGETHER: usize = 8;
/// How long a load may pause before it is thrown away.
const ABANDONED_AFTER_SECONDS: usize = 60;

const PROMISED: u8 = 2;

#[derive(Default)]
struct Units {
    settled: u32,
    claimed: u32,
}

impl RedisLedger {
    pub(super) async fn put_terms(&self, pool: PoolId, epoch: u64, revision: u64, terms: Terms) -> PortResult<()> {
        let mut packed = self.packed();
        packed.number(exact(epoch)?).number(exact(revision)?);
        pack_terms(&terms, &mut packed);
        self.one(self.call(Script::Terms, pool, &packed)).await.map(drop)
    }

    pub(super) async fn close_book(&self, pool: PoolId, epoch: u64) -> PortResult<()> {
        let mut packed = self.packed();
        packed.number(exact(epoch)?);
        self.one(self.call(Script::Close, pool, &packed)).await.map(drop)
    }

    pub(super) async fn open_book(&self, pool: PoolId, opening: &Opening) -> PortResult<()> {
        let Opening { epoch, numbers, terms, virgin, drained, revision, .. } = opening;
        let undecided = distinct(&opening.undecided);
        let claimed = undecided.iter().fold(0_u32, |sum, intent| sum.saturating_add(intent.quantity));
        let buyers = buyers(opening, &undecided);
        let mut packed = self.packed();
        packed.number(exact(*epoch)?).number(exact(numbers.version)?);
        for units in [numbers.capacity, numbers.held, numbers.sold] {
            packed.number(units.into());
        }
        pack_terms(terms, &mut packed);
        let backlog = if *drained { -1 } else { i64::try_from(BACKLOG_LIFE.as_millis()).unwrap_or(i64::MAX) };
        packed.number(exact(*revision)?).number((*virgin).into()).number(backlog);
        packed.number(claimed.into()).count(undecided.len()).count(buyers.len());
        packed.count(self.notes.all).count(self.notes.segment).count(self.notes.buckets);

        let name = format!("{}-{}", self.process, self.loads.fetch_add(1, Ordering::Relaxed));
        let loading = format!("{}:load:{name}", self.tag(pool));
        // Until the last call nothing that counts has happened, whatever was lost on the way.
        self.load_claims(&loading, &undecided).await.map_err(nothing_happened)?;
        self.load_buyers(&loading, exact(numbers.version)?, &buyers).await.map_err(nothing_happened)?;
        self.register(pool).await.map_err(nothing_happened)?;
        match self.one(self.call_with(Script::Open, pool, &packed, name.as_bytes())).await?[..] {
            [1] => whole(self.link.ask(&[self.report_call(None)]).await).map(drop),
            [2] => {
                Err(PortFailure::Unavailable("Redis lost a part of what was loaded; the pool is opened again".into()))
            }
            _ => Ok(()),
        }
    }

    async fn load_claims(&self, loading: &str, undecided: &[&Intent]) -> PortResult<()> {
        let commands = undecided.chunks(AT_ONCE).flat_map(|some| {
            let mut claims = redis::cmd("HSET");
            claims.arg(format!("{loading}:claims"));
            let mut ages = redis::cmd("ZADD");
            ages.arg(format!("{loading}:promised"));
            for intent in some {
                let (mut order, mut claim) = (Packed::default(), Packed::default());
                order.order(intent.order);
                claim.units(intent.quantity).number(intent.buyer.0).number(intent.fingerprint.0);
                claim.bytes(&[0; 6]).bytes(&[PROMISED]).bytes(&[0; 6]);
                ages.arg(0).arg(&order.0[..]);
                claims.arg(order.0).arg(claim.0);
            }
            [claims, ages, keep(loading, "claims"), keep(loading, "promised")]
        });
        self.load(commands.collect()).await
    }

    async fn load_buyers(&self, loading: &str, version: i64, buyers: &[(BuyerId, Units)]) -> PortResult<()> {
        let commands = buyers.chunks(AT_ONCE).flat_map(|some| {
            let mut command = redis::cmd("HSET");
            command.arg(format!("{loading}:buyers"));
            for (buyer, units) in some {
                let mut packed = Packed::default();
                packed.bytes(&version.to_le_bytes()[..6]).units(units.settled).units(units.claimed);
                command.arg(&buyer.0.to_le_bytes()[..]).arg(packed.0);
            }
            [command, keep(loading, "buyers")]
        });
        self.load(commands.collect()).await
    }

    async fn load(&self, commands: Vec<Cmd>) -> PortResult<()> {
        for together in commands.chunks(TOGETHER) {
            whole(self.link.ask(together).await)?;
        }
        Ok(())
    }

    /// Tells everybody that there is such a pool.
    async fn register(&self, pool: PoolId) -> PortResult<()> {
        let mut register = redis::cmd("SADD");
        register.arg(self.registry_key()).arg(format!("{:016x}", pool.0));
        whole(self.link.ask(&[register]).await)?;
        self.known_pools().insert(pool.0);
        Ok(())
    }
}

fn keep(loading: &str, what: &str) -> Cmd {
    let mut keep = redis::cmd("EXPIRE");
    keep.arg(format!("{loading}:{what}")).arg(ABANDONED_AFTER_SECONDS);
    keep
}

fn nothing_happened(failure: PortFailure) -> PortFailure {
    super::fault::only_read(failure)
}

fn pack_terms(terms: &Terms, packed: &mut Packed) {
    packed.time(terms.opens_at).time(terms.closes_at).number(terms.paused.into());
    packed.number(terms.limit_per_buyer.map_or(-1, i64::from));
}

/// A record may wait twice: redelivered, or both unconsumed and dead-lettered. It is one claim.
fn distinct(undecided: &[Intent]) -> Vec<&Intent> {
    let mut seen: HashMap<OrderId, ()> = HashMap::with_capacity(undecided.len());
    undecided.iter().filter(|intent| seen.insert(intent.order, ()).is_none()).collect()
}

/// What each buyer has: settled by the store, and claimed by what is undecided.
fn buyers(opening: &Opening, undecided: &[&Intent]) -> Vec<(BuyerId, Units)> {
    let settled = opening.buyers.iter().map(|&(buyer, settled)| (buyer, Units { settled, claimed: 0 }));
    let mut all: HashMap<BuyerId, Units> = settled.collect();
    if opening.terms.limit_per_buyer.is_some() {
        for intent in undecided {
            let units = all.entry(intent.buyer).or_default();
            units.claimed = units.claimed.saturating_add(intent.quantity);
        }
    }
    all.into_iter().collect()
}
