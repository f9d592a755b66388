//! Figures, their goals and verdicts: as a table, as Markdown, as JSON.

use serde::Serialize;
use std::fmt::Write as _;

/// First figures are expected to be this close to their goal.
const NEARLY: f64 = 1.5;

/// A figure of the budget, seen in several rounds.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// As in the budget, e.g. `P1`.
    pub(crate) id: &'static str,
    /// What it is.
    pub(crate) name: String,
    /// What stands behind the number.
    pub(crate) unit: &'static str,
    /// What is wanted.
    pub(crate) goal: Goal,
    /// What each round saw.
    pub(crate) seen: Vec<f64>,
    /// What it was made of.
    pub(crate) made_of: Vec<String>,
}

/// What is wanted of a figure.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
    /// Nothing yet: a first figure.
    Open,
}

/// How a figure stands to its goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    /// Reached.
    Ok,
    /// Within 1.5 times.
    Nearly,
    /// Further away.
    Missed,
    /// Nothing is wanted of it yet.
    First,
    /// There is no number.
    NotTaken,
}

impl Verdict {
    fn says(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Nearly => "within 1.5x",
            Self::Missed => "MISSED",
            Self::First => "first figure",
            Self::NotTaken => "not taken",
        }
    }
}

impl Figure {
    pub(crate) fn new(id: &'static str, name: impl Into<String>, unit: &'static str, goal: Goal) -> Self {
        Self { id, name: name.into(), unit, goal, seen: Vec::new(), made_of: Vec::new() }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        if self.seen.is_empty() {
            return Verdict::NotTaken;
        }
        let seen = median(&self.seen);
        let (reached, nearly) = match self.goal {
            Goal::AtMost(limit) => (seen <= limit, seen <= limit * NEARLY),
            Goal::AtLeast(limit) => (seen >= limit, seen >= limit / NEARLY),
            Goal::Open => return Verdict::First,
        };
        match (reached, nearly) {
            (true, _) => Verdict::Ok,
            (_, true) => Verdict::Nearly,
            _ => Verdict::Missed,
        }
    }

    fn wanted(&self) -> String {
        match self.goal {
            Goal::AtMost(limit) => format!("<= {}{}", number(limit), self.unit),
            Goal::AtLeast(limit) => format!(">= {}{}", number(limit), self.unit),
            Goal::Open => "-".to_owned(),
        }
    }

    fn found(&self) -> String {
        if self.seen.is_empty() { "-".to_owned() } else { spread(&self.seen) + self.unit }
    }
}

/// The middle one; of an even number the mean of the two in the middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => sorted[count / 2],
        count => f64::midpoint(sorted[count / 2 - 1], sorted[count / 2]),
    }
}

/// Median and range, e.g. `1.08 [1.05..1.11]`.
pub(crate) fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values.len() {
        1 => number(median(values)),
        _ => format!("{} [{}..{}]", number(median(values)), number(least), number(most)),
    }
}

/// With about three digits that count.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// For people.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut text = String::new();
    for figure in figures {
        let (wanted, found, says) = (figure.wanted(), figure.found(), figure.verdict().says());
        let _ = writeln!(text, "{:<4} {:<58} {wanted:>12}  {found:<28} {says}", figure.id, figure.name);
        for line in &figure.made_of {
            let _ = writeln!(text, "       {line}");
        }
    }
    text
}

/// For the README.
pub(crate) fn markdown(figures: &[Figure]) -> String {
    let mut text = String::from("| # | figure | goal | seen: median [range] | |\n|---|---|---|---|---|\n");
    for figure in figures {
        let (wanted, found, says) = (figure.wanted(), figure.found(), figure.verdict().says());
        let _ = writeln!(text, "| {} | {} | {wanted} | {found} | {says} |", figure.id, figure.name);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_about_the_median() {
        let figure = |goal, seen: &[f64]| Figure { seen: seen.to_vec(), ..Figure::new("P0", "test", "", goal) };
        assert_eq!(figure(Goal::AtMost(1.1), &[1.0, 1.05, 9.0]).verdict(), Verdict::Ok);
        assert_eq!(figure(Goal::AtMost(1.1), &[1.0, 1.6, 9.0]).verdict(), Verdict::Nearly);
        assert_eq!(figure(Goal::AtMost(1.1), &[1.0, 1.7, 9.0]).verdict(), Verdict::Missed);
        assert_eq!(figure(Goal::AtLeast(30.0), &[19.0, 21.0]).verdict(), Verdict::Nearly);
        assert_eq!(figure(Goal::AtLeast(30.0), &[]).verdict(), Verdict::NotTaken);
    }
}
