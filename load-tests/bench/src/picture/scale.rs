//! From values to places on the paper, and which values to write beside an axis.

/// An axis.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    /// The ends of the values, as their logarithms where steps are tenfold.
    ends: (f64, f64),
    /// Where the ends are on the paper.
    places: (f64, f64),
    tenfold: bool,
}

impl Scale {
    /// The same distance for the same difference.
    pub(super) fn even(least: f64, most: f64, from: f64, to: f64) -> Self {
        Self { ends: (least, most.max(least + f64::EPSILON)), places: (from, to), tenfold: false }
    }

    /// The same distance for the same ratio, between powers of ten that hold all values.
    pub(super) fn tenfold(least: f64, most: f64, from: f64, to: f64) -> Self {
        let least = if least.is_finite() && least > 0.0 { least.log10().floor() } else { 0.0 };
        let most = if most > 0.0 { most.log10().ceil() } else { 0.0 };
        Self { ends: (least, most.max(least + 1.0)), places: (from, to), tenfold: true }
    }

    /// Where a value is; beyond the ends it is at the end.
    pub(super) fn at(&self, value: f64) -> f64 {
        let (least, most) = self.ends;
        let value = if self.tenfold { value.max(f64::MIN_POSITIVE).log10() } else { value };
        let share = (value.clamp(least, most) - least) / (most - least);
        self.places.0 + share * (self.places.1 - self.places.0)
    }

    /// Round values to write beside it: about so many, or the powers of ten.
    pub(super) fn ticks(&self, about: u32) -> Vec<f64> {
        let (least, most) = self.ends;
        let step = if self.tenfold { 1.0 } else { round_step((most - least) / f64::from(about)) };
        let first = (least / step).ceil();
        let values = (0..=100).map(|place| (first + f64::from(place)) * step).take_while(|value| *value <= most);
        values.map(|value| if self.tenfold { 10.0_f64.powf(value) } else { value }).collect()
    }
}

/// 1, 2 or 5 times a power of ten, not below.
fn round_step(least: f64) -> f64 {
    let power = 10.0_f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|times| times * power);
    steps.into_iter().find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// A number in little space: `50k`, `1.5M`, `0.1`.
pub(super) fn short(value: f64) -> String {
    let (value, unit) = match value.abs() {
        size if size >= 1e6 => (value / 1e6, "M"),
        size if size >= 1e3 => (value / 1e3, "k"),
        _ => (value, ""),
    };
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{text}{unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        assert_eq!(Scale::even(0.0, 52_500.0, 0.0, 1.0).ticks(3), [0.0, 20_000.0, 40_000.0]);
        assert_eq!(Scale::even(0.0, 75.0, 0.0, 1.0).ticks(10), [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]);
        assert_eq!(Scale::even(0.0, 0.0, 0.0, 1.0).ticks(3).first(), Some(&0.0));
    }

    #[test]
    fn tenfold_steps_hold_all_values() {
        let scale = Scale::tenfold(0.3, 42.0, 100.0, 0.0);
        let ticks = scale.ticks(3);
        let expected = [0.1, 1.0, 10.0, 100.0];
        assert!(ticks.iter().zip(expected).all(|(a, b)| (a / b - 1.0).abs() < 1e-9), "{ticks:?}");
        assert!((scale.at(0.1) - 100.0).abs() < 1e-6 && scale.at(100.0).abs() < 1e-6);
        assert!((scale.at(1.0) - scale.at(10.0) - 100.0 / 3.0).abs() < 1e-6);
        assert_eq!(Scale::tenfold(f64::INFINITY, 0.0, 0.0, 1.0).ticks(3).len(), 2, "no value is no panic");
    }

    #[test]
    fn labels_are_short() {
        assert_eq!(
            [0.0, 0.1, 25.0, 1_000.0, 50_000.0, 1_500_000.0].map(short),
            ["0", "0.1", "25", "1k", "50k", "1.5M"]
        );
    }
}
