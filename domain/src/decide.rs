//! The judge's rule: the first insert decides, a second one changes nothing.
//!
//! Every `OrderStore` runs this function inside one transaction, between reading the pool row and writing the rows back.

use crate::{
    buyer::BuyerId,
    fingerprint::Fingerprint,
    hold::HoldTerms,
    id::OrderId,
    order::{Decision, RejectReason},
    pool::PoolNumbers,
};
use std::collections::HashMap;

/// What is wanted for an order id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// Units, if they fit.
    Place,
    /// The end of an intent that nobody promised in time, as seen by a ledger opened with this epoch.
    Expire {
        /// The opening that picked it.
        epoch: u64,
    },
    /// The end of a dead letter that nobody replayed.
    Fail {
        /// The opening that saw it.
        epoch: u64,
    },
}

/// One order id offered to the judge.
#[derive(Clone, Copy, Debug)]
pub struct Offer {
    /// Which.
    pub order: OrderId,
    /// How many units.
    pub quantity: u32,
    /// Whose.
    pub buyer: BuyerId,
    /// Asked with what.
    pub fingerprint: Fingerprint,
    /// For what.
    pub want: Want,
}

/// What the judge said of one offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Decided now: a row is to be inserted.
    New(Decision),
    /// Decided before: nothing changes.
    Known(Decision, Fingerprint),
    /// Offered by a ledger that has been replaced since: nothing changes, and nothing is known.
    Fenced,
}

/// A pool row inside its transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolRow {
    /// Its numbers.
    pub numbers: PoolNumbers,
    /// The ledger's current opening.
    pub epoch: u64,
    /// Most units of one buyer.
    pub limit_per_buyer: Option<u32>,
    /// What its units are held for, when they are paid online.
    pub hold: Option<HoldTerms>,
}

/// Judges a batch of one pool in the order given. `known` are the rows that exist for the offered ids, `units` the live units
/// of the offering buyers (needed only under a limit); `row` and `units` are left as they stand afterwards.
///
/// The version rises once for a batch that decides anything: its changes become visible together.
pub fn decide(
    row: &mut PoolRow,
    units: &mut HashMap<BuyerId, u32>,
    known: &HashMap<OrderId, (Decision, Fingerprint)>,
    offers: &[Offer],
) -> Vec<Verdict> {
    let mut fresh: HashMap<OrderId, (Decision, Fingerprint)> = HashMap::new();
    let mut verdicts = Vec::with_capacity(offers.len());
    for offer in offers {
        let earlier = known.get(&offer.order).or_else(|| fresh.get(&offer.order));
        verdicts.push(match earlier {
            Some(&(decision, fingerprint)) => Verdict::Known(decision, fingerprint),
            None => match judge(row, units, offer) {
                None => Verdict::Fenced,
                Some(decision) => {
                    fresh.insert(offer.order, (decision, offer.fingerprint));
                    Verdict::New(decision)
                }
            },
        });
    }
    if !fresh.is_empty() {
        row.numbers.version += 1;
    }
    verdicts
}

fn judge(row: &mut PoolRow, units: &mut HashMap<BuyerId, u32>, offer: &Offer) -> Option<Decision> {
    match offer.want {
        Want::Expire { epoch } => (epoch == row.epoch).then_some(Decision::Expired),
        Want::Fail { epoch } => (epoch == row.epoch).then_some(Decision::Failed),
        Want::Place => Some(place(row, units, offer)),
    }
}

fn place(row: &mut PoolRow, units: &mut HashMap<BuyerId, u32>, offer: &Offer) -> Decision {
    #[cfg(feature = "sabotage")]
    if crate::sabotage::is_on(crate::sabotage::Sabotage::SkipsTheGuard) {
        row.numbers.sold += offer.quantity;
        return Decision::Confirmed;
    }
    if !row.numbers.fits(offer.quantity) {
        return Decision::Rejected(RejectReason::SoldOut);
    }
    if let Some(limit) = row.limit_per_buyer {
        let taken = units.entry(offer.buyer).or_default();
        match taken.checked_add(offer.quantity) {
            Some(sum) if sum <= limit => *taken = sum,
            #[cfg(feature = "sabotage")]
            Some(sum) if crate::sabotage::is_on(crate::sabotage::Sabotage::SkipsTheLimit) => *taken = sum,
            _ => return Decision::Rejected(RejectReason::LimitReached),
        }
    }
    if row.hold.is_some() {
        row.numbers.held += offer.quantity;
        return Decision::Reserved;
    }
    row.numbers.sold += offer.quantity;
    Decision::Confirmed
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Money;

    fn offer(order: u128, quantity: u32, want: Want) -> Offer {
        Offer {
            order: OrderId(uuid::Uuid::from_u128(order)),
            quantity,
            buyer: BuyerId(7),
            fingerprint: Fingerprint(i64::try_from(order).unwrap()),
            want,
        }
    }

    fn row(capacity: u32, limit: Option<u32>) -> PoolRow {
        PoolRow {
            numbers: PoolNumbers { capacity, ..PoolNumbers::default() },
            epoch: 3,
            limit_per_buyer: limit,
            hold: None,
        }
    }

    #[test]
    fn two_buyers_never_get_the_last_ticket() {
        let mut pool = row(1, None);
        let verdicts = decide(
            &mut pool,
            &mut HashMap::new(),
            &HashMap::new(),
            &[offer(1, 1, Want::Place), offer(2, 1, Want::Place)],
        );
        assert_eq!(
            verdicts,
            [Verdict::New(Decision::Confirmed), Verdict::New(Decision::Rejected(RejectReason::SoldOut))]
        );
        assert_eq!((pool.numbers.sold, pool.numbers.version), (1, 1));
    }

    #[test]
    fn a_message_delivered_twice_in_one_batch_is_one_order() {
        let mut pool = row(5, None);
        let verdicts = decide(
            &mut pool,
            &mut HashMap::new(),
            &HashMap::new(),
            &[offer(1, 2, Want::Place), offer(1, 2, Want::Place)],
        );
        assert_eq!(verdicts, [Verdict::New(Decision::Confirmed), Verdict::Known(Decision::Confirmed, Fingerprint(1))]);
        assert_eq!(pool.numbers.sold, 2);
    }

    #[test]
    fn an_expiry_from_an_older_opening_changes_nothing() {
        let mut pool = row(5, None);
        let verdicts =
            decide(&mut pool, &mut HashMap::new(), &HashMap::new(), &[offer(1, 2, Want::Expire { epoch: 2 })]);
        assert_eq!(verdicts, [Verdict::Fenced]);
        assert_eq!(pool, row(5, None));
    }

    #[test]
    fn what_is_paid_online_is_held() {
        let mut pool = row(3, None);
        let unit = Money { minor: 49_900, currency: iso_currency::Currency::EUR };
        pool.hold = Some(HoldTerms { hold_for: std::time::Duration::from_secs(600), unit });
        let offers = [offer(1, 2, Want::Place), offer(2, 2, Want::Place), offer(3, 1, Want::Expire { epoch: 3 })];
        let verdicts = decide(&mut pool, &mut HashMap::new(), &HashMap::new(), &offers);
        let sold_out = Decision::Rejected(RejectReason::SoldOut);
        assert_eq!(verdicts, [Decision::Reserved, sold_out, Decision::Expired].map(Verdict::New));
        assert_eq!((pool.numbers.held, pool.numbers.sold), (2, 0));
    }

    #[test]
    fn the_limit_counts_what_the_same_batch_took() {
        let mut pool = row(50, Some(3));
        let mut units = HashMap::from([(BuyerId(7), 1)]);
        let offers = [offer(1, 2, Want::Place), offer(2, 1, Want::Place)];
        let verdicts = decide(&mut pool, &mut units, &HashMap::new(), &offers);
        assert_eq!(verdicts[1], Verdict::New(Decision::Rejected(RejectReason::LimitReached)));
        assert_eq!(units[&BuyerId(7)], 3);
    }
}
