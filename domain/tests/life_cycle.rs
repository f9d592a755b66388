//! The life of an order as a state machine: random walks over its arrows.

use proptest::{collection::vec, prelude::*};
use stampede_domain::{Decision, OrderStatus, RejectReason};

/// The life of an order as ARCHITECTURE.md has it, written down by hand: from where to where.
const ARROWS: [(OrderStatus, &[OrderStatus]); 10] = {
    use OrderStatus::{Cancelled, Confirmed, Expired, Expiring, Failed, Paying, Pending, Refunded, Rejected, Reserved};
    [
        (Pending, &[Reserved, Confirmed, Rejected, Expired, Failed]),
        (Reserved, &[Paying, Expired, Cancelled]),
        (Paying, &[Confirmed, Reserved, Expiring]),
        (Expiring, &[Expired, Confirmed]),
        (Confirmed, &[Cancelled, Refunded]),
        (Cancelled, &[]),
        (Refunded, &[]),
        (Rejected, &[]),
        (Expired, &[]),
        (Failed, &[]),
    ]
};

fn any_status() -> impl Strategy<Value = OrderStatus> {
    prop::sample::select(OrderStatus::ALL.to_vec())
}

#[test]
fn the_arrows_are_those_of_the_protocol_and_no_others() {
    for (from, arrows) in ARROWS {
        for to in OrderStatus::ALL {
            assert_eq!(from.may_become(to), arrows.contains(&to), "{from:?} -> {to:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is attempted, an order that has ended stays ended, gives its units back once at most, and never takes them
    /// again.
    #[test]
    fn an_order_ends_once(attempts in vec(any_status(), 0..60)) {
        let mut status = OrderStatus::Pending;
        let (mut taken, mut given_back) = (0, 0);
        for next in attempts {
            if !status.may_become(next) {
                continue;
            }
            taken += u32::from(!status.is_live() && next.is_live());
            given_back += u32::from(status.is_live() && !next.is_live());
            let ended = [OrderStatus::Rejected, OrderStatus::Expired, OrderStatus::Failed];
            prop_assert!(!ended.contains(&status), "{status:?} became {next:?}");
            prop_assert!(status != OrderStatus::Confirmed || !next.is_live(), "{status:?} became {next:?}");
            status = next;
        }
        prop_assert!(taken <= 1 && given_back <= taken, "taken {taken} times, given back {given_back} times");
        prop_assert_eq!(status.is_live(), taken > given_back);
    }
}

#[test]
fn every_status_can_be_reached_and_every_order_can_end() {
    let step = |reached: &[OrderStatus]| -> Vec<OrderStatus> {
        let arrows = OrderStatus::ALL
            .into_iter()
            .filter(|next| reached.contains(next) || reached.iter().any(|status| status.may_become(*next)));
        arrows.collect()
    };
    let everywhere = (0..10).fold(vec![OrderStatus::Pending], |reached, _| step(&reached));
    assert_eq!(everywhere, OrderStatus::ALL);
    for status in OrderStatus::ALL {
        let reached = (0..10).fold(vec![status], |reached, _| step(&reached));
        assert!(reached.iter().any(|end| OrderStatus::ALL.iter().all(|next| !end.may_become(*next))), "{status:?}");
    }
}

#[test]
fn names_and_codes_are_different_and_stay_what_they_are() {
    let names = OrderStatus::ALL.map(OrderStatus::as_str);
    let expected = "pending reserved paying expiring confirmed cancelled refunded rejected expired failed";
    assert_eq!(names.join(" "), expected);
    for status in OrderStatus::ALL {
        assert!(!status.is_held() || status.is_live(), "{status:?}: what is held is live");
    }
    let held = OrderStatus::ALL.into_iter().filter(|status| status.is_held());
    assert!(held.eq([OrderStatus::Reserved, OrderStatus::Paying, OrderStatus::Expiring]));
    assert_eq!([RejectReason::SoldOut, RejectReason::LimitReached].map(RejectReason::as_str), ["sold_out", "limit"]);
    let codes = Decision::ALL.map(Decision::code);
    assert_eq!(codes, [1, 6, 2, 5, 3, 4], "rows of old sales carry these");
    assert!((0..=u8::MAX).filter(|code| Decision::from_code(*code).is_some()).count() == codes.len());
}
