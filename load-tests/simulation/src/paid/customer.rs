//! Those who pay: when each does what, and how often each tries.

use super::{plan::EXTENDED_BY_MS, shop::Shop, story::Story};
use rand::{Rng, rngs::SmallRng};
use stampede_actors::{
    lane::Wish,
    till::{FindHold, TillAnswer, Wished},
};
use stampede_domain::{BuyerId, Hold, HoldRefused, OrderId, OrderStatus};
use std::{rc::Rc, time::Duration};
use tokio::time::Instant;

/// The longest that anybody waits for an answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause before somebody tries again.
const PAUSE_MS: u64 = 400;
/// How long before and after a deadline everything happens at once.
pub(crate) const RACE_MS: u64 = 50;
/// How often somebody looks how the payment stands.
const LOOK_EVERY: Duration = Duration::from_millis(700);

/// One order, its buyer, and what its organizer will want. Moments are milliseconds since the history began.
#[derive(Clone, Debug)]
pub(crate) struct Customer {
    pub(crate) order: OrderId,
    pub(crate) quantity: u32,
    pub(crate) buyer: BuyerId,
    /// When the hold runs out, unless it is extended.
    pub(crate) deadline: u64,
    pub(crate) pays_at: Option<u64>,
    pub(crate) clicks_twice: bool,
    pub(crate) extends_at: Option<u64>,
    pub(crate) cancels_at: Option<u64>,
    /// The organizer gives the money back, so long after it was paid.
    pub(crate) repaid_after: Option<u64>,
    /// How often each wish is tried when the shop does not take it.
    pub(crate) tries: u32,
    /// Of each attempt; the last one of all later ones too.
    pub(crate) stories: Vec<Story>,
}

impl Customer {
    /// Somebody who pays at once and gets what was paid for.
    pub(crate) fn plain(order: OrderId, deadline: u64, pays_at: u64) -> Self {
        Self {
            order,
            quantity: 2,
            buyer: BuyerId(1),
            deadline,
            pays_at: Some(pays_at),
            clicks_twice: false,
            extends_at: None,
            cancels_at: None,
            repaid_after: None,
            tries: 12,
            stories: vec![Story::plain(pays_at, 5)],
        }
    }

    /// Somebody of chance, who most likely pays in the last moment.
    pub(crate) fn drawn(rng: &mut SmallRng, order: OrderId, deadline: u64, may_extend: bool) -> Self {
        let extends = may_extend && rng.random_bool(0.3);
        let ends = if extends { deadline + EXTENDED_BY_MS } else { deadline };
        let near = |rng: &mut SmallRng, moment: u64| rng.random_range(moment - RACE_MS..=moment + RACE_MS / 2);
        let (pays_at, has_word_at) = match rng.random_range(0..100) {
            // Click, word and end at once.
            0..40 => {
                let pays = near(rng, ends);
                (Some(pays), pays + rng.random_range(0..RACE_MS))
            }
            // The bank's word and the end at once.
            40..75 => (Some(ends - rng.random_range(1_500..9_000)), near(rng, ends)),
            75..95 => {
                let pays = ends - rng.random_range(2_000..10_000);
                (Some(pays), pays + rng.random_range(5..2_000))
            }
            _ => (None, ends),
        };
        let takes = rng.random_range(0..RACE_MS);
        let acts_at = has_word_at.saturating_sub(takes);
        let near_the_end = near(rng, deadline);
        Self {
            quantity: rng.random_range(1..=3),
            buyer: BuyerId(rng.random_range(1..=12)),
            pays_at,
            clicks_twice: rng.random_bool(0.2),
            extends_at: extends.then(|| [near_the_end, deadline - 2_000][rng.random_range(0..2)]),
            cancels_at: rng.random_bool(0.06).then_some(near_the_end),
            repaid_after: rng.random_bool(0.15).then(|| rng.random_range(0..3_000)),
            tries: rng.random_range(1..=6),
            stories: vec![Story::drawn(rng, acts_at, takes), Story::drawn(rng, acts_at, takes)],
            ..Self::plain(order, deadline, ends)
        }
    }

    /// Lets all of it happen.
    pub(crate) fn begin(self: &Rc<Self>, shop: &Rc<Shop>) {
        if let Some(at) = self.pays_at {
            self.at(shop, at, async |this, shop| this.pay(&shop).await);
            if self.clicks_twice {
                self.at(shop, at, async |this, shop| drop(this.ask(&shop, Wish::Pay { attempt: 1 }).await));
            }
        }
        if let Some(at) = self.extends_at {
            self.at(shop, at, async |this, shop| drop(this.ask(&shop, Wish::Extend).await));
        }
        if let Some(at) = self.cancels_at {
            self.at(shop, at, async |this, shop| drop(this.ask(&shop, Wish::Cancel).await));
        }
        if let Some(after) = self.repaid_after {
            self.at(shop, 0, async move |this, shop| this.be_repaid(&shop, after).await);
        }
    }

    fn at<F: Future<Output = ()> + 'static>(
        self: &Rc<Self>,
        shop: &Rc<Shop>,
        moment: u64,
        act: impl FnOnce(Rc<Self>, Rc<Shop>) -> F + 'static,
    ) {
        let (this, shop) = (Rc::clone(self), Rc::clone(shop));
        tokio::task::spawn_local(async move {
            tokio::time::sleep_until(shop.began + Duration::from_millis(moment)).await;
            act(this, shop).await;
        });
    }

    /// Pays, and once more after a no.
    async fn pay(&self, shop: &Shop) {
        for attempt in 1..=2 {
            let answer = self.ask(shop, Wish::Pay { attempt }).await;
            if !matches!(answer, Some(TillAnswer::Taken { .. })) {
                return;
            }
            let patience = Duration::from_millis(self.deadline + EXTENDED_BY_MS);
            let declined = |hold: &Hold| hold.attempt == attempt && hold.decline.is_some();
            match self
                .wait(shop, shop.began + patience, |hold| declined(hold) || hold.status == OrderStatus::Confirmed)
                .await
            {
                Some(hold) if hold.status == OrderStatus::Reserved => {}
                _ => return,
            }
        }
    }

    async fn be_repaid(&self, shop: &Shop, after: u64) {
        let patience = Duration::from_millis(self.deadline + EXTENDED_BY_MS);
        if self.wait(shop, shop.began + patience, |hold| hold.status == OrderStatus::Confirmed).await.is_some() {
            tokio::time::sleep(Duration::from_millis(after)).await;
            self.ask(shop, Wish::Refund { reason: "moved".into() }).await;
        }
    }

    /// Looks until it is so, or the order has ended, or the buyer has had enough.
    async fn wait(&self, shop: &Shop, until: Instant, is_so: impl Fn(&Hold) -> bool) -> Option<Hold> {
        while Instant::now() < until && !shop.is_closing() {
            tokio::time::sleep(LOOK_EVERY).await;
            let Some(door) = shop.door() else { continue };
            if let Ok(Ok(Some(hold))) = door.find.ask_within(PATIENCE, FindHold(self.order)).await {
                if is_so(&hold) {
                    return Some(hold);
                }
                if !hold.status.is_live() {
                    return None;
                }
            }
        }
        None
    }

    /// Asks until the shop has taken it or refused it, or the buyer has had enough.
    async fn ask(&self, shop: &Shop, wish: Wish) -> Option<TillAnswer> {
        if matches!(wish, Wish::Pay { .. }) {
            shop.witness.clicks(self.order);
        }
        for _ in 0..self.tries {
            let wished = Wished { order: self.order, wish: wish.clone(), trace: None };
            let answer = match shop.door() {
                Some(door) => door.wished.ask_within(PATIENCE, wished).await.ok(),
                None => None,
            };
            shop.fate.note(&("told", self.order.0.as_u128(), format!("{wish:?}"), words(answer.as_ref())));
            match answer {
                Some(TillAnswer::Refused(refused)) => {
                    shop.witness.told(&wish, refused);
                    return answer;
                }
                Some(TillAnswer::Taken { .. }) => return answer,
                Some(TillAnswer::Unknown) => {
                    shop.witness.object(format!("{}: no such paid order, said the till", self.order));
                    return answer;
                }
                Some(TillAnswer::NotNow { .. } | TillAnswer::Unsure) | None => {}
            }
            tokio::time::sleep(Duration::from_millis(shop.fate.between(1, PAUSE_MS))).await;
        }
        None
    }
}

fn words(answer: Option<&TillAnswer>) -> String {
    match answer {
        Some(TillAnswer::Taken { hold }) => format!("taken, when it was {}", hold.status.as_str()),
        Some(TillAnswer::Refused(why)) => format!("refused: {}", HoldRefused::code(*why)),
        Some(other) => format!("{other:?}"),
        None => "nothing".into(),
    }
}
