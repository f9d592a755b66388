//! Where chance comes from: a generator with a seed, so that a run can be repeated.

use crate::clock::SharedClock;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use stampede_domain::OrderId;
use std::{cell::RefCell, time::Duration};

/// A seeded generator for one thread.
#[derive(Debug)]
pub struct Chance(RefCell<SmallRng>);

impl Chance {
    /// The generator of a seed.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        Self(RefCell::new(SmallRng::seed_from_u64(seed)))
    }

    /// 64 bits.
    #[must_use]
    pub fn bits(&self) -> u64 {
        self.0.borrow_mut().random()
    }

    /// Between `base` and twice `base`, evenly: so that a crowd told to come back does not come back as a wave.
    #[must_use]
    pub fn jittered(&self, base: Duration) -> Duration {
        base.mul_f64(1.0 + self.0.borrow_mut().random::<f64>())
    }
}

/// Makes order ids for those who brought none.
pub struct KeyMaker {
    clock: SharedClock,
    chance: RefCell<SmallRng>,
}

impl KeyMaker {
    /// A maker with keys nobody can guess: seeded by the operating system, since a key is also a little secret.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, chance: RefCell::new(SmallRng::from_os_rng()) }
    }

    /// A UUIDv7 (RFC 9562) of now: 48 bits of time, 74 of chance.
    #[must_use]
    pub fn fresh(&self) -> OrderId {
        let mut bytes = [0; 10];
        self.chance.borrow_mut().fill(&mut bytes);
        let now = u64::try_from(self.clock.now().0).unwrap_or(0);
        OrderId(uuid::Builder::from_unix_timestamp_millis(now, &bytes).into_uuid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;
    use std::sync::Arc;

    #[test]
    fn a_fresh_key_is_a_key() {
        let maker = KeyMaker::new(Arc::new(SystemClock));
        let id = maker.fresh();
        assert_eq!(stampede_domain::key::order_id(&id.to_string(), id.time()), Ok(id));
        assert_ne!(id, maker.fresh());
    }

    #[test]
    fn jitter_spreads_between_once_and_twice() {
        let chance = Chance::seeded(7);
        let base = Duration::from_secs(2);
        assert!((0..100).map(|_| chance.jittered(base)).all(|wait| (base..=base * 2).contains(&wait)));
    }

    #[test]
    fn the_same_seed_gives_the_same_bits_and_they_differ() {
        let bits = |seed| (0..4).scan(Chance::seeded(seed), |chance, _: i32| Some(chance.bits())).collect::<Vec<_>>();
        assert_eq!(bits(7), bits(7));
        assert_ne!(bits(7), bits(8));
        assert!(bits(7).windows(2).all(|pair| pair[0] != pair[1]));
    }
}
