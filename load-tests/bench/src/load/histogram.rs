//! Latencies in buckets of constant relative width, as HdrHistogram keeps them: 64 to a power of two, so any figure is at
//! most 1.6 % off.

use std::time::Duration;

/// Buckets of one power of two, as bits.
const BITS: u32 = 6;

/// A histogram of durations, in nanoseconds.
#[derive(Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Histogram {
    pub(crate) fn record(&mut self, value: Duration) {
        let bucket = bucket(u64::try_from(value.as_nanos()).unwrap_or(u64::MAX));
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// The upper edge of the bucket in which the `share` smallest values end; zero when there is none.
    pub(crate) fn quantile(&self, share: f64) -> Duration {
        let wanted = share * self.total as f64;
        let mut seen = 0;
        for (bucket, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen as f64 >= wanted && seen > 0 {
                return Duration::from_nanos(upper_edge(bucket));
            }
        }
        Duration::ZERO
    }

    pub(crate) fn add(&mut self, other: &Self) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
    }
}

/// Below 64 every value has a bucket; above, the six bits after the highest one name it.
fn bucket(value: u64) -> usize {
    let shift = (u64::BITS - value.leading_zeros()).saturating_sub(BITS + 1);
    let place = (u64::from(shift) << BITS) + (value >> shift);
    usize::try_from(place).unwrap_or(usize::MAX)
}

fn upper_edge(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let shift = (bucket >> BITS).saturating_sub(1);
    let first = bucket - (shift << BITS);
    ((first + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edge_is_never_below_its_value_and_hardly_above() {
        for value in (0..5_000_u64).chain((5..60).map(|power| (1 << power) + 12_345)) {
            let edge = upper_edge(bucket(value));
            assert!(edge >= value && edge - value <= value / 64, "{value} ends in {edge}");
        }
    }

    #[test]
    fn quantiles_are_where_they_belong() {
        let mut histogram = Histogram::default();
        (1..=1_000).for_each(|millis| histogram.record(Duration::from_millis(millis)));
        let close = |share, millis: u64| {
            let seen = histogram.quantile(share).as_secs_f64() * 1_000.0;
            assert!((seen - millis as f64).abs() <= millis as f64 / 50.0, "{share}: {seen} ms");
        };
        close(0.5, 500);
        close(0.99, 990);
        close(1.0, 1_000);
    }
}
