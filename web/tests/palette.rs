//! The contrast of every pair of colours that carries text or an edge, computed from the style sheet as it is
//! (WCAG 2.2, 1.4.3 and 1.4.11), in both editions.

use stampede_web::{asset, asset_url};
use std::collections::BTreeMap;

type Palette = BTreeMap<String, [u8; 3]>;

fn editions() -> [(&'static str, Palette); 2] {
    let (mut day, mut night) = (Palette::new(), Palette::new());
    for name in ["site.css", "ops.css", "bank.css"] {
        let css = style_sheet(name);
        let mut blocks = css.split(":root {").skip(1).filter_map(|rest| rest.split('}').next());
        let by_day = tokens(blocks.next().expect("because the day is first"));
        night.extend(by_day.clone());
        day.extend(by_day);
        night.extend(tokens(blocks.next().expect("because the night is second")));
    }
    [("day", day), ("night", night)]
}

fn style_sheet(name: &str) -> String {
    let url = asset_url(name).expect("because the style sheet is in the folder");
    let file = asset(url.trim_start_matches("/static/")).expect("because it was just named");
    String::from_utf8(file.bytes.to_vec()).expect("because it is text")
}

fn tokens(block: &str) -> Palette {
    block
        .split(';')
        .filter_map(|declaration| declaration.trim().strip_prefix("--")?.split_once(':'))
        .filter_map(|(name, value)| {
            let digits = value.trim().strip_prefix('#').filter(|digits| digits.len() == 6)?;
            let channel = |at: usize| u8::from_str_radix(&digits[at..at + 2], 16).ok();
            Some((name.to_owned(), [channel(0)?, channel(2)?, channel(4)?]))
        })
        .collect()
}

fn luminance(colour: [u8; 3]) -> f64 {
    let linear = colour.map(|channel| {
        let share = f64::from(channel) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
}

fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn black_on_white_is_21_to_1() {
    assert!((contrast([0; 3], [255; 3]) - 21.0).abs() < 0.01);
}

#[test]
fn all_text_can_be_read_by_day_and_by_night() {
    for (edition, palette) in editions() {
        for (text, ground) in [
            ("ink", "paper"),
            ("ink", "field"),
            ("soft", "paper"),
            ("soft", "field"),
            ("wrong", "paper"),
            ("poster-ink", "poster"),
            ("press-ink", "press"),
            ("notice-ink", "notice"),
            ("calm", "field"),
            ("watch", "field"),
            ("alarm", "field"),
            ("calm", "paper"),
            ("watch", "paper"),
            ("alarm", "paper"),
            ("bank-ink", "bank-paper"),
            ("bank-ink", "bank-ground"),
            ("bank-soft", "bank-paper"),
            ("bank-wrong", "bank-paper"),
            ("bank-press-ink", "bank-press"),
            ("bank-tape-ink", "bank-tape"),
        ] {
            let ratio = contrast(palette[text], palette[ground]);
            assert!(ratio >= 4.5, "{edition}: {text} on {ground} is {ratio:.2}");
        }
    }
}

#[test]
fn the_ink_holds_on_every_colour_of_the_roll_and_the_roll_on_the_night() {
    let [(_, day), (_, night)] = editions();
    for stop in ["roll-a", "roll-b", "roll-c", "roll-d"] {
        assert!(contrast(day["ink"], day[stop]) >= 4.5, "{stop} by day");
        assert!(contrast(night["paper"], night[stop]) >= 4.5, "{stop} by night");
    }
}

#[test]
fn edges_can_be_seen() {
    for (edition, palette) in editions() {
        for (edge, ground) in [
            ("edge", "paper"),
            ("ink", "field"),
            ("press", "field"),
            ("wrong", "field"),
            ("bank-edge", "bank-paper"),
            ("bank-wrong", "bank-paper"),
            ("bank-press", "bank-paper"),
        ] {
            let ratio = contrast(palette[edge], palette[ground]);
            assert!(ratio >= 3.0, "{edition}: {edge} on {ground} is {ratio:.2}");
        }
    }
}
