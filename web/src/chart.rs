//! Small charts of the control room, as SVG path data. Pure functions.

use std::fmt::Write as _;

/// Width and height of a chart in its own units.
pub const SIZE: (u32, u32) = (300, 60);
/// Points of a curve: more cannot be told apart, and the page is asked for every second.
const POINTS: usize = 100;

/// The smallest of 1, 2, 5, 10, 20 … that is at least `value`: an axis that jumps seldom can be compared with a moment ago.
pub fn axis(value: f64) -> f64 {
    if !value.is_finite() || value <= 0.0 {
        return 1.0;
    }
    let ten = 10_f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * ten);
    steps.into_iter().find(|step| *step >= value * 0.999_999).unwrap_or(10.0 * ten)
}

/// The curve of `values`, oldest first, from 0 at the bottom to `top`; `room` values fill the width, so that what began a minute
/// ago begins at its place. Gaps where a value is not a number.
pub fn curve(values: &[f64], room: usize, top: f64) -> String {
    let (width, height) = (f64::from(SIZE.0), f64::from(SIZE.1));
    let values = &values[values.len().saturating_sub(room)..];
    let per_point = room.div_ceil(POINTS).max(1);
    let first = room.saturating_sub(values.len());
    let mut path = String::new();
    let mut drawing = false;
    for (number, chunk) in values.rchunks(per_point).rev().enumerate() {
        let Some(mean) = mean(chunk) else {
            drawing = false;
            continue;
        };
        let at = number * per_point + per_point.min(values.len());
        let x = width * ratio(first + at.min(values.len()), room);
        let y = height - height * (mean / top).clamp(0.0, 1.0);
        let _ = write!(path, "{}{x:.0} {y:.1}", if drawing { 'L' } else { 'M' });
        drawing = true;
    }
    path
}

fn mean(values: &[f64]) -> Option<f64> {
    let known = values.iter().copied().filter(|value| value.is_finite());
    let (sum, count) = known.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

#[expect(clippy::cast_precision_loss, reason = "counts of points")]
fn ratio(part: usize, whole: usize) -> f64 {
    part as f64 / whole.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number() {
        let cases =
            [(0.0, 1.0), (0.03, 0.05), (1.0, 1.0), (1.1, 2.0), (47.0, 50.0), (51.0, 100.0), (9_001.0, 10_000.0)];
        for (value, top) in cases {
            assert!((axis(value) - top).abs() < 1e-9, "{value}: {}", axis(value));
        }
        assert!((axis(f64::NAN) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn a_curve_goes_from_left_to_right_and_up_with_its_values() {
        assert_eq!(curve(&[0.0, 5.0, 10.0], 3, 10.0), "M100 60.0L200 30.0L300 0.0");
        assert_eq!(curve(&[99.0], 1, 10.0), "M300 0.0", "what is above the top is at the top");
    }

    #[test]
    fn what_began_a_moment_ago_is_at_the_right() {
        assert_eq!(curve(&[5.0, 5.0], 4, 10.0), "M225 30.0L300 30.0");
    }

    #[test]
    fn a_gap_is_a_gap() {
        assert_eq!(curve(&[1.0, f64::NAN, 1.0], 3, 1.0), "M100 0.0M300 0.0");
        assert_eq!(curve(&[], 3, 1.0), "");
    }

    #[test]
    fn many_values_become_a_hundred_points() {
        let path = curve(&[1.0; 300], 300, 2.0);
        assert_eq!(path.matches(['M', 'L']).count(), 100);
        assert!(path.starts_with("M3 30.0") && path.ends_with("L300 30.0"), "{path}");
    }
}
