//! What must never be seen.

use crate::{
    state::{Order, State},
    world::{Calm, Drain, World},
};
use stampede_domain::Decision;
use std::fmt;

/// A way to break one of the eight laws. The name before the colon is the law's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Law {
    /// More sold than there is.
    Oversold,
    /// The pool's row is not the sum of the orders' rows.
    MiscountedStore,
    /// A sum in the ledger is not that of its claims.
    MiscountedBook,
    /// The ledger offers what is not there.
    FreeTooHigh,
    /// The ledger has given away more than there is, and no double counting explains it.
    FreeNegative,
    /// A decision changed.
    DecisionChanged,
    /// A promise was broken, and no ledger had been lost.
    PromiseBroken,
    /// A promise ended rejected after a loss.
    PromiseRejectedAfterLoss,
    /// A promise ended expired after a loss.
    PromiseExpiredAfterLoss,
    /// More promises broken than units in flight at the loss.
    TooManyBroken,
    /// After quiet a promise has no decision.
    NeverDecided,
    /// One key was promised for two bodies, or for another than its row's.
    OtherBody,
    /// A key whose order lives was refused.
    LivingKeyRefused,
    /// A request was told a decision that is not its own.
    ToldWrong,
    /// A request was refused as reused, and nobody else used its key.
    FalselyReused,
    /// Two claims of one order bear the same name.
    NamesRepeat,
    /// After quiet a claim stays.
    ClaimStays,
    /// After quiet the ledger's numbers are not the store's.
    FreeIsWrong,
    /// After quiet a buyer's units in the ledger are not the store's.
    BuyerIsWrong,
    /// A buyer has more than the limit.
    OverLimit,
    /// The ledger believes that a buyer has more than the limit.
    BelievedOverLimit,
    /// The ledger lets a buyer have what is beyond the limit.
    LimitTooHigh,
    /// Sold out, said a ledger that is not open.
    FalseSoldOut,
    /// A request was told "unknown" about a decision that the ledger knows.
    Misleading,
    /// What a reader was shown as decided is shown as something else.
    ReadersGoBack,
    /// What the store showed as decided, while no book was open or the book knew nothing, is shown as pending.
    PendingAgain,
    /// The ledger gave an answer that no clause allows.
    Impossible,
}

impl fmt::Display for Law {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Oversold => "NeverOversold: the store is above its capacity",
            Self::MiscountedStore => "NeverOversold: the pool's row is not the sum of the live orders",
            Self::MiscountedBook => "NothingLeaks: a sum in the ledger is not that of its claims",
            Self::FreeTooHigh => "NeverOversold: the ledger offers units that the store or a claim already has",
            Self::FreeNegative => "NothingLeaks: free is negative, and no double counting explains it",
            Self::DecisionChanged => "OneFate: a decision changed",
            Self::PromiseBroken => "EveryPromiseDecided: a promise was broken without a lost ledger",
            Self::PromiseRejectedAfterLoss => "EveryPromiseDecided: after a loss a 202 ended rejected",
            Self::PromiseExpiredAfterLoss => "EveryPromiseDecided: after a loss a 202 ended expired",
            Self::TooManyBroken => "EveryPromiseDecided: more promises broken than units in flight at the loss",
            Self::NeverDecided => "EveryPromiseDecided: a 202 never gets a decision",
            Self::OtherBody => "KeyIsOrder: a 202 for another body",
            Self::LivingKeyRefused => "KeyIsOrder: 409 for a key whose order is live",
            Self::ToldWrong => "KeyIsOrder: told a decision that is not the one of its fingerprint",
            Self::FalselyReused => "KeyIsOrder: 422 for a key that nobody used otherwise",
            Self::NamesRepeat => "KeyIsOrder: a claim bears another one's name",
            Self::ClaimStays => "NothingLeaks: a claim stays for ever",
            Self::FreeIsWrong => "NothingLeaks: after quiet free is not what the store has left",
            Self::BuyerIsWrong => "NothingLeaks: after quiet a buyer's units are not the store's",
            Self::OverLimit => "LimitsHold: a buyer has more live units than the limit",
            Self::BelievedOverLimit => "LimitsHold: the ledger believes a buyer to be above the limit",
            Self::LimitTooHigh => "LimitsHold: the ledger offers a buyer units that the store or a claim already has",
            Self::FalseSoldOut => "Never a lie: sold out, said a ledger that is not open",
            Self::Misleading => "Never a lie: 503 for an order that the ledger knows to be confirmed",
            Self::ReadersGoBack => "OneFate: what was shown as decided is shown as something else",
            Self::PendingAgain => "OneFate: what the store had decided is shown as pending for a while",
            Self::Impossible => "an answer that no clause allows",
        })
    }
}

impl World {
    /// The first law that a state breaks, and those it breaks as the protocol allows here.
    pub(crate) fn broken(&self, state: &State) -> (Option<Law>, Vec<Law>) {
        let mut tolerated = Vec::new();
        let checks: [&dyn Fn() -> Option<Law>; 6] = [
            &|| state.broken,
            &|| self.store_is_sound(state),
            &|| state.orders.iter().find_map(|order| self.order_is_sound(state, order)),
            &|| self.promises_kept(state),
            &|| self.book_is_sound(state),
            &|| (!self.finds_what_is_there(state)).then_some(Law::Impossible),
        ];
        for check in checks {
            match check() {
                Some(law) if self.tolerated.contains(&law) => tolerated.push(law),
                Some(law) => return (Some(law), tolerated),
                None => {}
            }
        }
        (None, tolerated)
    }

    fn store_is_sound(&self, state: &State) -> Option<Law> {
        let numbers = state.store.numbers;
        if numbers.sold > numbers.capacity {
            return Some(Law::Oversold);
        }
        let live = (0..self.buyers()).map(|buyer| self.live_units(state, buyer)).sum::<u8>();
        if numbers.sold != live {
            return Some(Law::MiscountedStore);
        }
        let limit = self.limit?;
        let over = (0..self.buyers()).any(|buyer| self.live_units(state, buyer) > limit);
        over.then_some(Law::OverLimit)
    }

    fn order_is_sound(&self, state: &State, order: &Order) -> Option<Law> {
        let told_for_another = order.confirmed().is_some_and(|row| order.told != 0 && order.told & 1 << row.body == 0);
        if order.told.count_ones() > 1 || told_for_another {
            return Some(Law::OtherBody);
        }
        (is_broken(order).is_some() && state.lost.is_none()).then_some(Law::PromiseBroken)
    }

    fn promises_kept(&self, state: &State) -> Option<Law> {
        let in_flight = state.lost?;
        let broken: Vec<_> = state.orders.iter().filter_map(is_broken).collect();
        if broken.contains(&Decision::Expired) {
            return Some(Law::PromiseExpiredAfterLoss);
        }
        if broken.len() > usize::from(in_flight) {
            return Some(Law::TooManyBroken);
        }
        (!broken.is_empty()).then_some(Law::PromiseRejectedAfterLoss)
    }

    fn book_is_sound(&self, state: &State) -> Option<Law> {
        let book = state.book.as_ref()?;
        if let Some(limit) = self.limit
            && book.buyers.iter().any(|(_, settled)| *settled > limit)
        {
            return Some(Law::BelievedOverLimit);
        }
        let after_a_loss = state.lost.is_some() && !(self.calm == Calm::Everybody && self.drain == Drain::Complete);
        if !self.exact || after_a_loss {
            return None;
        }
        let claimed: i16 = state.orders.iter().map(|order| self.claimed(order)).sum();
        let free = i16::from(book.numbers.capacity) - i16::from(book.numbers.sold) - claimed;
        let flying: Vec<_> = state.orders.iter().filter_map(|order| self.flying(order)).collect();
        let in_flight: i16 = flying.iter().map(|(_, units)| i16::from(*units)).sum();
        let numbers = state.store.numbers;
        if free > i16::from(numbers.capacity) - i16::from(numbers.sold) - in_flight {
            return Some(Law::FreeTooHigh);
        }
        for (&(_, settled), buyer) in book.buyers.iter().zip(0..) {
            let mine = |order: &&Order| {
                order.pages.claim.is_some_and(|claim| self.body(order.kind, claim.body).buyer == buyer)
            };
            let here: i16 = state.orders.iter().filter(mine).map(|order| self.claimed(order)).sum();
            let flying: i16 = flying.iter().filter(|(of, _)| *of == buyer).map(|(_, units)| i16::from(*units)).sum();
            if i16::from(settled) + here < i16::from(self.live_units(state, buyer)) + flying {
                return Some(Law::LimitTooHigh);
            }
        }
        // Decided orders whose settlement has not dropped their claims are counted twice, and only those may be.
        let twice = |order: &&Order| order.row.is_some_and(|row| row.version <= book.numbers.version);
        let doubled: i16 = state.orders.iter().filter(twice).map(|order| self.claimed(order)).sum();
        (free + doubled < 0).then_some(Law::FreeNegative)
    }

    fn claimed(&self, order: &Order) -> i16 {
        order.pages.claim.map_or(0, |claim| self.body(order.kind, claim.body).quantity.into())
    }

    /// The units, and whose, of an order that is not decided and that somebody may be counting on.
    fn flying(&self, order: &Order) -> Option<(u8, u8)> {
        if order.row.is_some() {
            return None;
        }
        let one_body = self.orders[usize::from(order.kind)].bodies.len() == 1;
        let on_its_way = one_body && (order.bus | order.dead | order.told) != 0;
        let body = order.pages.claim.map(|claim| claim.body).or_else(|| on_its_way.then_some(0))?;
        let body = self.body(order.kind, body);
        Some((body.buyer, body.quantity))
    }

    /// Live units of a buyer in the store.
    pub(crate) fn live_units(&self, state: &State, buyer: u8) -> u8 {
        let bodies = state.orders.iter().filter_map(|order| Some(self.body(order.kind, order.confirmed()?.body)));
        bodies.filter(|body| body.buyer == buyer).map(|body| body.quantity).sum()
    }
}

/// How a promise was broken. A dead letter that nobody replayed may end `failed`.
fn is_broken(order: &Order) -> Option<Decision> {
    let decision = order.row?.fate.decision();
    let broken = matches!(decision, Decision::Rejected(_) | Decision::Expired);
    (order.told != 0 && broken).then_some(decision)
}
