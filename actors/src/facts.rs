//! What happened, counted in one place. The logic announces; it knows no metric.

use crate::ports::{Judgement, Limit};
use metrics::{Counter, Histogram, counter, histogram};
use stampede_domain::{Decision, OrderRefused, ledger::Broken};
use std::{
    cell::{OnceCell, RefCell},
    collections::HashMap,
    time::Duration,
};

/// Something that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Buyers were told 202 for the first time.
    OrderPromised,
    /// A repeated request was answered like the first.
    OrderReplayed,
    /// A buyer was told no.
    OrderRefused(OrderRefused),
    /// A buyer was told to come back later.
    OrderPutOff(PutOff),
    /// A buyer was told that we do not know yet.
    OrderUnknown,
    /// A buyer asked too often.
    BuyerTooOften,
    /// Somebody asked more often than a limit allows.
    TurnedAway(Limit),
    /// The counts of all processes could not be had: each judges alone.
    LimitsNotShared,
    /// The store decided about orders.
    OrdersDecided {
        /// How.
        decision: Decision,
        /// About how many units altogether.
        units: u64,
    },
    /// Orders that were told 202 got no tickets.
    PromisesBroken(Broken),
    /// A message was set aside.
    MessageSetAside,
    /// Messages came a second time or more.
    MessagesRedelivered(u32),
    /// A settlement found no room; the sweep will do its work.
    SettlementDropped,
    /// Something was wanted for an order that is paid online.
    HoldChanged {
        /// What, by the name of the change.
        change: &'static str,
        /// What came of it: `changed`, `unchanged`, `refused`, or `unknown` for an order that nobody knows.
        outcome: &'static str,
    },
    /// An order was paid online.
    OrderPaid {
        /// How many units of it.
        units: u32,
    },
    /// A mail came to an end, or was put off.
    MailHandled {
        /// Why it was written: the name of an [`Occasion`](crate::ports::Occasion), or `link`.
        occasion: &'static str,
        /// What came of it: `sent`, `put_off`, `given_up`; of a link also `failed`, `too_often`, `no_orders`, `no_address`.
        outcome: &'static str,
    },
    /// The payment provider was called, or would have been.
    PaymentCalled {
        /// What for.
        call: &'static str,
        /// What came of it: `answered`, `impossible`, `unavailable`, `unknown`, or `not_called` while it is left in peace.
        outcome: &'static str,
    },
}

/// Why a buyer was put off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PutOff {
    /// The writers are behind.
    Behind,
    /// The writers have not been heard of.
    Silent,
    /// A mailbox was full.
    Full,
    /// The ledger is not open.
    Closed,
    /// The bus or the ledger is out of order.
    Broken,
    /// The shop is closing down.
    Leaving,
}

impl PutOff {
    /// Its name in metrics and answers.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Behind => "writers_behind",
            Self::Silent => "writers_silent",
            Self::Full => "mailbox_full",
            Self::Closed => "ledger_closed",
            Self::Broken => "port_failed",
            Self::Leaving => "shutting_down",
        }
    }
}

thread_local! {
    static OUTCOMES: RefCell<HashMap<&'static str, Counter>> = RefCell::default();
    static ORDER_LAG: OnceCell<Histogram> = const { OnceCell::new() };
    static TIME_TO_PAY: OnceCell<Histogram> = const { OnceCell::new() };
}

/// Counts `count` times the same fact.
pub fn announce_many(fact: Fact, count: u64) {
    match fact {
        Fact::OrderPromised => orders("promised", count),
        Fact::OrderReplayed => orders("replayed", count),
        // Not by the decision's name, which is counted when it is made.
        Fact::OrderRefused(OrderRefused::Ended(_)) => orders("ended", count),
        Fact::OrderRefused(refused) => orders(refused.code(), count),
        Fact::OrderPutOff(why) => orders(why.code(), count),
        Fact::OrderUnknown => orders("unknown", count),
        Fact::BuyerTooOften => orders("too_often", count),
        Fact::TurnedAway(limit) => {
            counter!("stampede_turned_away_total", "limit" => limit.name()).increment(count);
        }
        Fact::LimitsNotShared => counter!("stampede_limits_not_shared_total").increment(count),
        Fact::OrdersDecided { decision, units } => {
            orders(decision.status().as_str(), count);
            if decision == Decision::Confirmed {
                counter!("stampede_tickets_sold_total").increment(units);
            }
        }
        Fact::PromisesBroken(Broken { decided_otherwise, ledger_lost }) => {
            for (cause, orders) in [("decided_otherwise", decided_otherwise), ("ledger_lost", ledger_lost)] {
                counter!("stampede_promises_broken_total", "cause" => cause).increment(u64::from(orders));
            }
        }
        Fact::MessageSetAside => counter!("stampede_messages_set_aside_total").increment(count),
        Fact::MessagesRedelivered(messages) => {
            counter!("stampede_messages_redelivered_total").increment(u64::from(messages));
        }
        Fact::SettlementDropped => counter!("stampede_settlements_dropped_total").increment(count),
        Fact::HoldChanged { change, outcome } => {
            counter!("stampede_hold_changes_total", "change" => change, "outcome" => outcome).increment(count);
        }
        Fact::OrderPaid { units } => counter!("stampede_tickets_sold_total").increment(count * u64::from(units)),
        Fact::MailHandled { occasion, outcome } => {
            counter!("stampede_mails_total", "occasion" => occasion, "outcome" => outcome).increment(count);
        }
        Fact::PaymentCalled { call, outcome } => {
            counter!("stampede_payment_calls_total", "call" => call, "outcome" => outcome).increment(count);
        }
    }
}

/// Counts the decisions that a batch made, one fact for each kind.
pub fn announce_decisions(judgements: &[Judgement]) {
    let fresh = || judgements.iter().flat_map(|judgement| &judgement.fresh);
    for decision in Decision::ALL {
        let (mut count, mut units) = (0, 0);
        for (_, quantity, _) in fresh().filter(|(_, _, made)| *made == decision) {
            count += 1;
            units += u64::from(*quantity);
        }
        if count > 0 {
            announce_many(Fact::OrdersDecided { decision, units }, count);
        }
    }
}

/// Measures how long orders took from being asked for to their rows.
pub fn announce_rows(took: impl Iterator<Item = Duration>) {
    ORDER_LAG.with(|lag| {
        let lag = lag.get_or_init(|| histogram!("stampede_order_lag_seconds"));
        took.for_each(|took| lag.record(took));
    });
}

/// Measures how long a buyer took from the order to its payment.
pub fn announce_time_to_pay(took: Duration) {
    TIME_TO_PAY.with(|time| time.get_or_init(|| histogram!("stampede_time_to_pay_seconds")).record(took));
}

/// Counts a fact.
pub fn announce(fact: Fact) {
    announce_many(fact, 1);
}

fn orders(outcome: &'static str, count: u64) {
    OUTCOMES.with_borrow_mut(|counters| {
        counters
            .entry(outcome)
            .or_insert_with(|| counter!("stampede_orders_total", "outcome" => outcome))
            .increment(count);
    });
}
