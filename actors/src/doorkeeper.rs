//! `Doorkeeper`: judges whether somebody asks too often, before anybody else has work with them.
//!
//! One on each HTTP worker's thread. Its truth is the process's own counts, which it asks at once; on servers the counts of
//! all processes too, which it tells later, so that nobody waits for them (ADR 19).
//!
//! | message | kind | answer | sent twice |
//! |---|---|---|---|
//! | [`Admit`] | command | a [`Verdict`] | counts twice |
//!
//! Asks and tells no actor. Limit: `DOORKEEPER_CAPACITY` messages; who finds it full is let in, the mailboxes behind it have
//! bounds of their own. A restart forgets what it has not told.

mod sharing;

use crate::{
    carrier::Logic,
    facts::{Fact, announce},
    mailbox::{Handles, Message, Reply},
    ports::{Limit, LimitKey, Quota, RateLimits, Take, Taken},
    tasks::Tasks,
};
use futures_util::FutureExt;
use sharing::Accounts;
use stampede_domain::BuyerId;
use std::{cell::RefCell, net::IpAddr, rc::Rc, sync::Arc, time::Duration};

/// Messages a `Doorkeeper` may have: the connections of a worker. Each is answered in a microsecond.
pub const DOORKEEPER_CAPACITY: u32 = 25_000;

/// Somebody asks.
#[derive(Clone, Copy, Debug)]
pub enum Admit {
    /// To read, from this address.
    Reader(IpAddr),
    /// For something that may take an order, from this address.
    Orderer(IpAddr),
    /// For an order, as this buyer.
    Buyer(BuyerId),
    /// For what became of an order, as this buyer, who asks too often.
    Repeater(BuyerId),
}

/// Whether they may, and how they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// With the limit that matters most: the one that refuses, else the first one. `None`: nothing is limited.
    pub standing: Option<Standing>,
    /// When to come back; `None`: they are let in.
    pub retry_after: Option<Duration>,
}

/// How somebody stands with a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub limit: Limit,
    /// What it allows.
    pub quota: Quota,
    /// Units left.
    pub remaining: u32,
}

impl Message for Admit {
    type Answer = Verdict;
    const NAME: &'static str = "admit";
}

/// What is allowed, by an operator.
#[derive(Clone, Copy, Debug, Default)]
pub struct DoorSettings {
    /// Reads of an address.
    pub reads: Quota,
    /// Orders from an address.
    pub orders: Quota,
    /// Orders of a buyer.
    pub buyer: Quota,
    /// Everything from everywhere.
    pub everyone: Quota,
}

impl DoorSettings {
    fn of(&self, limit: Limit) -> Quota {
        match limit {
            Limit::Reads => self.reads,
            Limit::Orders => self.orders,
            Limit::Buyer | Limit::Repeats => self.buyer,
            Limit::Everyone => self.everyone,
        }
    }
}

/// What a `Doorkeeper` is built from, for each of its lives.
#[derive(Clone)]
pub struct DoorkeeperParts {
    /// The counts of this process.
    pub near: Arc<dyn RateLimits>,
    /// Those of all processes; `None`: there is one process.
    pub far: Option<Arc<dyn RateLimits>>,
    /// Limits.
    pub settings: DoorSettings,
}

/// The logic.
pub struct Doorkeeper {
    parts: DoorkeeperParts,
    accounts: RefCell<Accounts>,
    tasks: Tasks,
}

impl Doorkeeper {
    /// A doorkeeper who has not told anybody anything yet.
    #[must_use]
    pub fn new(parts: DoorkeeperParts, tasks: Tasks) -> Rc<Self> {
        Rc::new(Self { parts, accounts: RefCell::default(), tasks })
    }
}

impl Logic for Doorkeeper {}

impl Handles<Admit> for Doorkeeper {
    fn handle(self: &Rc<Self>, who: Admit, reply: Reply<Verdict>) {
        let mut judging = Box::pin(Rc::clone(self).judge(who));
        // The process's own counts answer at once, and a task costs more than they do.
        match judging.as_mut().now_or_never() {
            Some(verdict) => reply.send(verdict),
            None => self.tasks.spawn(async move { reply.send(judging.await) }),
        }
    }
}

impl Doorkeeper {
    async fn judge(self: Rc<Self>, who: Admit) -> Verdict {
        let keys = match who {
            Admit::Reader(address) => [Some(LimitKey::address(Limit::Reads, address)), Some(LimitKey::everyone())],
            Admit::Orderer(address) => [Some(LimitKey::address(Limit::Orders, address)), Some(LimitKey::everyone())],
            Admit::Buyer(buyer) => [Some(LimitKey::buyer(Limit::Buyer, buyer)), None],
            Admit::Repeater(buyer) => [Some(LimitKey::buyer(Limit::Repeats, buyer)), None],
        };
        let mut first = Verdict::default();
        for key in keys.into_iter().flatten() {
            let verdict = self.count(key).await;
            if verdict.retry_after.is_some() {
                let fact = if key.limit == Limit::Repeats { Fact::BuyerTooOften } else { Fact::TurnedAway(key.limit) };
                announce(fact);
                return verdict;
            }
            first.standing = first.standing.or(verdict.standing);
        }
        first
    }

    /// One more of `key`.
    async fn count(self: &Rc<Self>, key: LimitKey) -> Verdict {
        let quota = self.parts.settings.of(key.limit);
        if !quota.limits() {
            return Verdict::default();
        }
        let standing = |remaining| Some(Standing { limit: key.limit, quota, remaining });
        if let Some(wait) = self.closed_for(key) {
            return Verdict { standing: standing(0), retry_after: Some(wait) };
        }
        match self.parts.near.take(&[Take { key, quota, units: 1 }]).await.as_deref() {
            Ok([Taken { granted: 0, retry_after, .. }]) => {
                Verdict { standing: standing(0), retry_after: Some(*retry_after) }
            }
            Ok([taken]) => {
                self.note(key, quota);
                Verdict { standing: standing(taken.remaining), retry_after: None }
            }
            // Who cannot count lets in: the mailboxes behind have bounds.
            _ => Verdict::default(),
        }
    }
}
