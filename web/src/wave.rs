//! The waves, as SVG path data. Pure functions: the sale's wave from its numbers, an order's wave from its id.
//! `site.js` draws the sale's wave with the same formula when the numbers move; change both together.

use std::fmt::Write as _;

/// Lines of the sale's wave: with 1,000,000 tickets each line is 100,000 of them, a number one can say.
pub const SALE_LINES: u32 = 10;
/// Width and height of the sale's wave in its own units.
pub const SALE_SIZE: (u32, u32) = (1200, 400);
/// Width and height of an order's wave in its own units.
pub const ORDER_SIZE: (u32, u32) = (1008, 300);

/// How loud a unit in flight is, beside a sold one.
const IN_FLIGHT_LOUDNESS: f64 = 0.4;
const LINE_GAP: u32 = 40;
/// Height of a curve's control point, twice what the curve reaches: neighbours at full swing almost touch.
const SWING: f64 = 36.0;
const SAMPLES: u32 = 112;

/// The sale drawn as ten strings, read like a page: the tickets lie along them, those sold swing, those in flight
/// tremble, those free are still. Every string has a higher frequency than the one above. One antinode is one bucket
/// of tickets; its height is the share of it that is gone.
pub fn sale(sold: u64, in_flight: u64, capacity: u64) -> String {
    let share = |units: u64| if capacity == 0 { 0.0 } else { ratio(units, capacity).min(1.0) };
    let (sold_to, gone_to) = (share(sold), share(sold.saturating_add(in_flight)));
    let mut path = String::new();
    for line in 0..SALE_LINES {
        let antinodes = antinodes(line);
        let (step, half) = (SALE_SIZE.0 / antinodes, SALE_SIZE.0 / antinodes / 2);
        let _ = write!(path, "M0 {}", LINE_GAP / 2 + LINE_GAP * line);
        for antinode in 0..antinodes {
            let from = (f64::from(line) + f64::from(antinode) / f64::from(antinodes)) / f64::from(SALE_LINES);
            let part = |to: f64| ((to - from) * f64::from(SALE_LINES * antinodes)).clamp(0.0, 1.0);
            let loud = part(sold_to) + IN_FLIGHT_LOUDNESS * (part(gone_to) - part(sold_to));
            let swing = (loud * SWING).round();
            let _ = match swing {
                0.0 => write!(path, "h{step}"),
                _ => write!(path, "q{half}-{swing} {step} 0q-{half} {swing}-{step} 0m{step} 0"),
            };
        }
    }
    path
}

/// Antinodes of a line: divisors of half the width, so that every coordinate is whole.
fn antinodes(line: u32) -> u32 {
    const ANTINODES: [u32; SALE_LINES as usize] = [4, 5, 6, 8, 10, 12, 15, 20, 24, 30];
    ANTINODES.get(line as usize).copied().unwrap_or(30)
}

/// An order's own wave: a string fixed at both ends, caught at seven moments of its swing. The partials and their
/// strengths come from the id alone, so the same order always looks the same.
pub fn order(id: &str) -> String {
    let mut seed = fnv1a(id);
    let mut next = |bound: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % bound
    };
    let (low, middle, high) = (2 + next(3), 5 + next(4), 10 + next(7));
    let (middle_strength, high_strength) = (0.35 + ratio(next(50), 100), 0.15 + ratio(next(30), 100));
    let shape: Vec<f64> = (0..=SAMPLES)
        .map(|sample| {
            let turn = std::f64::consts::PI * f64::from(sample) / f64::from(SAMPLES);
            let partial = |number: u64| (turn * ratio(number, 1)).sin();
            partial(low) + middle_strength * partial(middle) + high_strength * partial(high)
        })
        .collect();
    let peak = shape.iter().fold(1e-9_f64, |peak, height| peak.max(height.abs()));
    let mut path = String::new();
    for moment in -3..=3 {
        let mut at = 0.0;
        let _ = write!(path, "M0 {}", ORDER_SIZE.1 / 2);
        for height in shape.iter().skip(1) {
            let target = (height / peak * 140.0 * f64::from(moment) / 3.0).round();
            let _ = write!(path, "l9 {}", target - at);
            at = target;
        }
    }
    path
}

fn ratio(part: u64, whole: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a drawing: 52 bits of a ticket count are more than a pixel shows")]
    let quotient = part as f64 / whole as f64;
    quotient
}

/// FNV-1a, 64 bits (draft-eastlake-fnv): small, stable over versions and platforms, unlike the standard hasher.
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_order_always_looks_the_same_and_no_two_alike() {
        let id = "0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a11";
        assert_eq!(order(id), order(id));
        assert_ne!(order(id), order("0199b0de-7c1e-7a5f-9d52-3f1f5e0c8a12"));
    }

    #[test]
    fn before_the_first_sale_every_line_is_still() {
        assert!(!sale(0, 0, 1_000_000).contains('q'));
        assert!(!sale(0, 0, 0).contains('q'), "a sale without tickets is still, not broken");
    }

    #[test]
    fn at_the_last_sale_every_line_swings() {
        assert!(!sale(1_000_000, 0, 1_000_000).contains('h'));
        assert_eq!(sale(7, 900, 7), sale(7, 0, 7), "more gone than there is draws as all gone");
    }

    #[test]
    fn what_is_in_flight_swings_less_than_what_is_sold() {
        let swings = |path: &str| path.matches("q").count();
        assert_eq!(swings(&sale(0, 500, 1_000)), swings(&sale(500, 0, 1_000)));
        assert_ne!(sale(0, 500, 1_000), sale(500, 0, 1_000));
    }

    #[test]
    fn a_wave_stays_small_enough_for_a_phone() {
        assert!((0..=100).all(|sold| sale(sold, 3, 100).len() < 5_000));
        assert!(order("").len() < 7_000);
    }

    #[test]
    fn every_line_spans_the_whole_width() {
        assert!((0..SALE_LINES).all(|line| SALE_SIZE.0.is_multiple_of(2 * antinodes(line))));
    }
}
