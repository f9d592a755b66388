//! What must never be seen.

use crate::{
    state::{Order, State},
    world::{Calm, Drain, World},
};
use stampede_domain::Decision;
use std::fmt;

/// Declares the ways to break a law, with their words.
macro_rules! laws {
    ($($variant:ident $words:literal;)*) => {
        /// A way to break one of the eight laws. Before the colon stands the law.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Law {
            $(#[doc = $words] $variant,)*
        }

        impl Law {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];
        }

        impl fmt::Display for Law {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => $words),* })
            }
        }
    };
}

laws! {
    Oversold "NeverOversold: the store is above its capacity";
    MiscountedStore "NeverOversold: the pool's row is not the sum of the live orders";
    MiscountedBook "NothingLeaks: a sum in the ledger is not that of its claims";
    FreeTooHigh "NeverOversold: the ledger offers units that the store or a claim already has";
    FreeNegative "NothingLeaks: free is negative, and no double counting explains it";
    DecisionChanged "OneFate: a decision changed";
    PromiseBroken "EveryPromiseDecided: a promise was broken without a lost ledger";
    PromiseRejectedAfterLoss "EveryPromiseDecided: after a loss a 202 ended rejected";
    PromiseExpiredAfterLoss "EveryPromiseDecided: after a loss a 202 ended expired";
    Uncounted "EveryPromiseDecided: a broken promise is not counted";
    TooManyBroken "EveryPromiseDecided: more promises broken than units in flight at the loss";
    NeverDecided "EveryPromiseDecided: a 202 never gets a decision";
    OtherBody "KeyIsOrder: a 202 for another body";
    LivingKeyRefused "KeyIsOrder: 409 for a key whose order is live";
    ToldWrong "KeyIsOrder: told a decision that is not the one of its fingerprint";
    FalselyReused "KeyIsOrder: 422 for a key that nobody used otherwise";
    NamesRepeat "KeyIsOrder: a claim bears another one's name";
    ClaimStays "NothingLeaks: a claim stays for ever";
    FreeIsWrong "NothingLeaks: after quiet free is not what the store has left";
    BuyerIsWrong "NothingLeaks: after quiet a buyer's units are not the store's";
    OverLimit "LimitsHold: a buyer has more live units than the limit";
    BelievedOverLimit "LimitsHold: the ledger believes a buyer to be above the limit";
    LimitTooHigh "LimitsHold: the ledger offers a buyer units that the store or a claim already has";
    FalseSoldOut "Never a lie: sold out, said a ledger that is not open";
    Misleading "Never a lie: 503 for an order that the ledger knows to be confirmed";
    ReadersGoBack "OneFate: what was shown as decided is shown as something else";
    PendingAgain "OneFate: what the store had decided is shown as pending for a while";
    NotOneLife "OneFate: an order went from one state to another as no arrow allows";
    UnitsMiscounted "NeverOversold: units held and sold are not those of the order's state";
    RanOutEarly "HoldsAreFair: a hold ended before its time";
    PaidTooLate "HoldsAreFair: a payment began after the hold had ended";
    OpenForNobody "HoldsAreFair: money may still be taken for an order that waits for none";
    Forgotten "HoldsAreFair: an order that needs somebody is not among those that are looked after";
    NeverAtRest "HoldsAreFair: an order that is left alone never comes to its end";
    GivenBackTwice "MoneyAdds: more was given back than was taken";
    WrongMoney "MoneyAdds: at rest the provider has other money than the order earns";
    BooksDiffer "MoneyAdds: at rest the books are not the provider's";
    Impossible "an answer that no clause allows";
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
