//! The last minutes of the process, read once a second from its own metrics and kept in memory: for the control room, which has
//! to tell how it came to this at three in the morning, when nobody has a dashboard open.

mod exposition;

use exposition::{Series, samples};
use stampede_domain::Millis;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many readings are kept: five minutes of seconds. 300 series of them are 0.7 MB.
pub(super) const KEPT: usize = 300;
/// Most series that are kept; a shop of many events has a few for each pool.
const MOST_SERIES: usize = 2_000;
/// What is kept of the metrics; the rest is Prometheus' business.
const FAMILIES: [&str; 32] = [
    "stampede_actor_restarts_total",
    "stampede_batch_flush_seconds_count",
    "stampede_batch_flush_seconds_sum",
    "stampede_batch_flushes_total",
    "stampede_batch_size_count",
    "stampede_batch_size_sum",
    "stampede_bus_backlog_messages",
    "stampede_bus_oldest_message_seconds",
    "stampede_dead_letters",
    "stampede_held_money_minor_units",
    "stampede_hold_changes_total",
    "stampede_holds",
    "stampede_holds_overdue_seconds",
    "stampede_lane_backlog_messages",
    "stampede_lane_oldest_message_seconds",
    "stampede_laws_broken_total",
    "stampede_mailbox_depth",
    "stampede_mailbox_handled_total",
    "stampede_mailbox_refused_total",
    "stampede_message_wait_seconds_count",
    "stampede_message_wait_seconds_sum",
    "stampede_message_work_seconds_bucket",
    "stampede_messages_redelivered_total",
    "stampede_money_unaccounted_minor_units",
    "stampede_oldest_payment_seconds",
    "stampede_orders_total",
    "stampede_payment_calls_total",
    "stampede_payment_provider_left_in_peace",
    "stampede_port_seconds_count",
    "stampede_port_seconds_sum",
    "stampede_promises_broken_total",
    "stampede_turned_away_total",
];

/// Keeps readings.
#[derive(Default)]
pub struct Chronicle(Mutex<Kept>);

/// What is kept.
#[derive(Default)]
struct Kept {
    places: HashMap<String, usize>,
    series: Vec<Series>,
    readings: VecDeque<Reading>,
}

/// The values of every series known at a moment, by their places.
struct Reading {
    at: Millis,
    values: Vec<f64>,
}

impl Chronicle {
    /// Keeps what the metrics say at a moment.
    pub fn read(&self, at: Millis, exposition: &str) {
        self.lock().read(at, exposition);
    }

    /// Looks at what is kept; readings wait meanwhile.
    pub(super) fn look(&self) -> Look<'_> {
        Look(self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn read(&mut self, at: Millis, exposition: &str) {
        // Unknown is not zero: a series that is not there yet has no value.
        let mut values = vec![f64::NAN; self.series.len()];
        for sample in samples(exposition) {
            let name = sample.series.split('{').next().unwrap_or_default();
            if FAMILIES.binary_search(&name).is_err() {
                continue;
            }
            let place = match self.places.get(sample.series) {
                Some(place) => *place,
                None if self.series.len() < MOST_SERIES => {
                    let Some(series) = Series::read(sample.series) else { continue };
                    self.series.push(series);
                    self.places.insert(sample.series.to_owned(), self.series.len() - 1);
                    self.series.len() - 1
                }
                None => continue,
            };
            if values.len() <= place {
                values.resize(place + 1, f64::NAN);
            }
            values[place] = sample.value;
        }
        if self.readings.len() == KEPT {
            self.readings.pop_front();
        }
        self.readings.push_back(Reading { at, values });
    }
}

/// A look at the chronicle. Everything asked for is summed over the series that have the name and the labels.
pub(super) struct Look<'a>(MutexGuard<'a, Kept>);

impl Look<'_> {
    /// A gauge or counter now; `None` when there is no such series.
    pub(super) fn now(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        sum(self.0.readings.back()?, &self.places(name, labels))
    }

    /// How much a counter rose in the last `seconds`.
    pub(super) fn rise(&self, name: &str, labels: &[(&str, &str)], seconds: usize) -> f64 {
        let places = self.places(name, labels);
        self.window(seconds).map_or(0.0, |(first, last)| risen(first, last, &places))
    }

    /// How much a counter rises a second, over the last `seconds`.
    pub(super) fn rate(&self, name: &str, labels: &[(&str, &str)], seconds: usize) -> f64 {
        let Some((first, last)) = self.window(seconds) else { return 0.0 };
        risen(first, last, &self.places(name, labels)) / apart(first, last)
    }

    /// The mean of a histogram's samples in the last `seconds`; `None` when there were none.
    pub(super) fn mean(&self, histogram: &str, labels: &[(&str, &str)], seconds: usize) -> Option<f64> {
        let samples = self.rise(&format!("{histogram}_count"), labels, seconds);
        (samples > 0.0).then(|| self.rise(&format!("{histogram}_sum"), labels, seconds) / samples)
    }

    /// A gauge at each reading, oldest first. `NaN` where it was not there.
    pub(super) fn gauge_curve(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let places = self.places(name, labels);
        self.0.readings.iter().map(|reading| sum(reading, &places).unwrap_or(f64::NAN)).collect()
    }

    /// What a counter rose a second between each reading and the one before, oldest first.
    pub(super) fn rate_curve(&self, name: &str, labels: &[(&str, &str)]) -> Vec<f64> {
        let places = self.places(name, labels);
        self.pairs(|before, after| risen(before, after, &places) / apart(before, after))
    }

    /// A quantile of a histogram's samples between each reading and the one before, oldest first: straight between the bounds of its
    /// bucket as in PromQL, the highest bound when it lies above. `NaN` where there were no samples.
    pub(super) fn quantile_curve(&self, name: &str, labels: &[(&str, &str)], q: f64) -> Vec<f64> {
        self.pairs(|before, after| quantile(&self.buckets(name, labels, before, after), q).unwrap_or(f64::NAN))
    }

    /// The values that a label has, in order, each once.
    pub(super) fn values_of(&self, name: &str, label: &str) -> Vec<String> {
        let with_name = self.0.series.iter().filter(|series| series.name == name);
        let mut values: Vec<_> = with_name.filter_map(|series| series.label(label).map(str::to_owned)).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    fn pairs(&self, of: impl Fn(&Reading, &Reading) -> f64) -> Vec<f64> {
        self.0.readings.iter().zip(self.0.readings.iter().skip(1)).map(|(before, after)| of(before, after)).collect()
    }

    fn places(&self, name: &str, labels: &[(&str, &str)]) -> Vec<usize> {
        let all = self.0.series.iter().enumerate();
        all.filter(|(_, series)| series.name == name && series.has(labels)).map(|(place, _)| place).collect()
    }

    /// The latest reading and the one `seconds` before it, or as far as there are any.
    fn window(&self, seconds: usize) -> Option<(&Reading, &Reading)> {
        let last = self.0.readings.len().checked_sub(1)?;
        let first = last.saturating_sub(seconds);
        (first < last).then(|| (&self.0.readings[first], &self.0.readings[last]))
    }

    /// Upper bounds, ascending, and how many samples came to at most each.
    fn buckets(&self, name: &str, labels: &[(&str, &str)], first: &Reading, last: &Reading) -> Vec<(f64, f64)> {
        let name = format!("{name}_bucket");
        let mut buckets: Vec<(f64, f64)> = Vec::new();
        for place in self.places(&name, labels) {
            let Some(bound) = self.0.series[place].label("le").and_then(|bound| bound.parse().ok()) else { continue };
            let samples = risen(first, last, &[place]);
            match buckets.iter_mut().find(|(known, _): &&mut (f64, f64)| known.total_cmp(&bound).is_eq()) {
                Some((_, sum)) => *sum += samples,
                None => buckets.push((bound, samples)),
            }
        }
        buckets.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        buckets
    }
}

fn sum(reading: &Reading, places: &[usize]) -> Option<f64> {
    let known = places.iter().filter_map(|place| reading.values.get(*place)).filter(|value| !value.is_nan());
    known.copied().reduce(|sum, value| sum + value)
}

/// A counter that was not there before began at 0; one that fell began anew.
fn risen(first: &Reading, last: &Reading, places: &[usize]) -> f64 {
    let value = |reading: &Reading, place: usize| reading.values.get(place).copied().filter(|value| !value.is_nan());
    let rise = |place: &usize| {
        let (before, after) = (value(first, *place).unwrap_or(0.0), value(last, *place).unwrap_or(0.0));
        if after < before { after } else { after - before }
    };
    // Not `sum`, which makes minus nothing of nothing.
    places.iter().map(rise).fold(0.0, |sum, rise| sum + rise)
}

fn apart(first: &Reading, last: &Reading) -> f64 {
    last.at.since(first.at).as_secs_f64().max(0.001)
}

fn quantile(buckets: &[(f64, f64)], q: f64) -> Option<f64> {
    let (_, samples) = *buckets.last()?;
    if samples <= 0.0 {
        return None;
    }
    let rank = q * samples;
    let at = buckets.iter().position(|(_, up_to)| *up_to >= rank)?;
    let (lower, before) = if at == 0 { (0.0, 0.0) } else { buckets[at - 1] };
    let (upper, up_to) = buckets[at];
    if upper.is_infinite() {
        return Some(lower);
    }
    let within = if up_to > before { (rank - before) / (up_to - before) } else { 1.0 };
    Some(lower + (upper - lower) * within)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(texts: &[&str]) -> Chronicle {
        let chronicle = Chronicle::default();
        for (second, text) in (0..).zip(texts) {
            chronicle.read(Millis(second * 1_000), text);
        }
        chronicle
    }

    #[test]
    fn the_families_are_in_order_for_they_are_searched_so() {
        assert!(FAMILIES.is_sorted());
    }

    #[test]
    fn a_rate_is_the_rise_over_the_time_between_the_readings() {
        let chronicle = told(&[
            "stampede_orders_total{outcome=\"promised\"} 10",
            "stampede_orders_total{outcome=\"promised\"} 30\nstampede_orders_total{outcome=\"unknown\"} 4",
            "stampede_orders_total{outcome=\"promised\"} 90\nstampede_orders_total{outcome=\"unknown\"} 4",
        ]);
        let look = chronicle.look();
        let promised = [("outcome", "promised")];
        assert_eq!(look.rate("stampede_orders_total", &promised, 2), 40.0);
        assert_eq!(look.rate("stampede_orders_total", &promised, 1), 60.0);
        assert_eq!(look.rate("stampede_orders_total", &[], 300), 42.0);
        assert_eq!(look.rate_curve("stampede_orders_total", &promised), [20.0, 60.0]);
        assert_eq!(look.now("stampede_orders_total", &[]), Some(94.0));
        assert_eq!(look.values_of("stampede_orders_total", "outcome"), ["promised", "unknown"]);
    }

    #[test]
    fn what_began_anew_rose_from_nothing_and_what_is_not_there_has_no_value() {
        let chronicle = told(&["stampede_orders_total 50", "stampede_orders_total 5", "stampede_dead_letters 1"]);
        let look = chronicle.look();
        assert_eq!(look.rate_curve("stampede_orders_total", &[]), [5.0, 0.0]);
        assert_eq!(look.now("stampede_bus_backlog_messages", &[]), None);
        assert!(look.rate("stampede_bus_backlog_messages", &[], 1).is_sign_positive());
        assert!(look.gauge_curve("stampede_dead_letters", &[])[0].is_nan());
        assert_eq!(look.now("stampede_dead_letters", &[]), Some(1.0));
    }

    #[test]
    fn a_quantile_lies_straight_between_the_bounds_of_its_bucket() {
        let bucket = |le: &str, samples: u32| {
            format!("stampede_message_work_seconds_bucket{{message=\"place_order\",le=\"{le}\"}} {samples}\n")
        };
        let before = bucket("0.001", 0) + &bucket("0.002", 0) + &bucket("+Inf", 0);
        let after = bucket("0.001", 50) + &bucket("0.002", 90) + &bucket("+Inf", 100);
        let chronicle = told(&[&before, &after, &after]);
        let look = chronicle.look();
        let curve = |q| look.quantile_curve("stampede_message_work_seconds", &[("message", "place_order")], q);
        assert!((curve(0.25)[0] - 0.000_5).abs() < 1e-9);
        assert!((curve(0.7)[0] - 0.001_5).abs() < 1e-9);
        assert!((curve(0.99)[0] - 0.002).abs() < 1e-9, "above the highest bound: that bound");
        assert!(curve(0.5)[1].is_nan(), "nothing came in that second");
    }

    #[test]
    fn only_the_last_minutes_are_kept() {
        let chronicle = Chronicle::default();
        for second in 0..i64::try_from(KEPT).unwrap() + 10 {
            chronicle.read(Millis(second * 1_000), &format!("stampede_dead_letters {second}"));
        }
        let curve = chronicle.look().gauge_curve("stampede_dead_letters", &[]);
        assert_eq!((curve.len(), curve[0]), (KEPT, 10.0));
    }

    #[test]
    fn a_mean_is_of_the_samples_that_came_meanwhile() {
        let chronicle = told(&[
            "stampede_batch_size_sum 1000\nstampede_batch_size_count 10",
            "stampede_batch_size_sum 1600\nstampede_batch_size_count 12",
        ]);
        let look = chronicle.look();
        assert_eq!(look.mean("stampede_batch_size", &[], 60), Some(300.0));
        assert_eq!(look.mean("stampede_port_seconds", &[], 60), None);
    }
}
