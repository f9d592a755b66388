//! Counting who asks how often: by the generic cell rate algorithm (GCRA), which needs one number a key.

use super::PortResult;
use async_trait::async_trait;
use stampede_domain::BuyerId;
use std::{net::IpAddr, time::Duration};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Limit {
    /// Requests of an address that read.
    Reads,
    /// Requests of an address that may take an order.
    Orders,
    /// Orders that a buyer asks for.
    Buyer,
    /// Look-ups of keys for a buyer who asks too often.
    Repeats,
    /// All requests of all addresses that are counted.
    Everyone,
}

impl Limit {
    /// Its name in headers, metrics and keys.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Reads => "reads",
            Self::Orders => "orders",
            Self::Buyer => "buyer",
            Self::Repeats => "repeats",
            Self::Everyone => "everyone",
        }
    }
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LimitKey {
    /// What is counted.
    pub limit: Limit,
    /// Of whom, in a space of its own for each limit.
    pub of: u128,
}

impl LimitKey {
    /// An address: all of a v4 one, the first 64 bits of a v6 one, for a household has that many of those.
    #[must_use]
    pub fn address(limit: Limit, address: IpAddr) -> Self {
        let of = match address.to_canonical() {
            // As v6 writes it, so that no network of v6 is the same.
            IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
            IpAddr::V6(address) => address.to_bits() >> 64 << 64,
        };
        Self { limit, of }
    }

    /// A buyer.
    #[must_use]
    pub fn buyer(limit: Limit, buyer: BuyerId) -> Self {
        Self { limit, of: u128::from(buyer.0.cast_unsigned()) }
    }

    /// Everyone.
    #[must_use]
    pub fn everyone() -> Self {
        Self { limit: Limit::Everyone, of: 0 }
    }
}

/// How much is allowed: `burst` at once, of which `per_second` come back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Quota {
    /// Units at once; 0 as 1.
    pub burst: u32,
    /// Units that come back in a second; 0: there is no limit.
    pub per_second: u32,
}

impl Quota {
    /// Whether anything is limited.
    #[must_use]
    pub fn limits(self) -> bool {
        self.per_second > 0
    }

    /// How long `units` take to come back.
    #[must_use]
    pub fn time_of(self, units: u32) -> Duration {
        Duration::from_secs_f64(f64::from(units) / f64::from(self.per_second.max(1)))
    }
}

/// Units asked for.
#[derive(Clone, Copy, Debug)]
pub struct Take {
    /// Whose.
    pub key: LimitKey,
    /// Of which quota. A key belongs to one quota.
    pub quota: Quota,
    /// How many.
    pub units: u32,
}

/// Units that were given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// How many of those asked for: as many as there were.
    pub granted: u32,
    /// How many are left.
    pub remaining: u32,
    /// When those not granted will have come back, a burst of them at most; zero when all were granted.
    pub retry_after: Duration,
}

/// Keeps the counts. Disposable: who loses them lets everybody begin anew.
#[async_trait]
pub trait RateLimits: Send + Sync {
    /// Takes units, in order, from each key as many as it has.
    ///
    /// # Errors
    /// `Unknown`, `Unavailable`: whoever asks has to judge alone.
    async fn take(&self, asked: &[Take]) -> PortResult<Vec<Taken>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(address: &str) -> LimitKey {
        LimitKey::address(Limit::Reads, address.parse().unwrap())
    }

    #[test]
    fn a_v4_address_is_counted_alone_and_a_v6_one_with_its_64() {
        assert_ne!(key("192.0.2.1"), key("192.0.2.2"));
        assert_eq!(key("192.0.2.1"), key("::ffff:192.0.2.1"));
        assert_eq!(key("2001:db8:1:2::1"), key("2001:db8:1:2:ffff::2"));
        assert_ne!(key("2001:db8:1:2::1"), key("2001:db8:1:3::1"));
        assert_ne!(key("::"), key("0.0.0.0"), "what is mapped is not cut");
    }
}
