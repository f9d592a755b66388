//! A load second by second.

use super::Histogram;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// What happened in each second since the beginning.
pub(crate) struct Timeline {
    began: Instant,
    /// One after the other, the first begins with the load.
    pub(crate) seconds: Vec<Second>,
}

/// One second.
#[derive(Clone, Default)]
pub(crate) struct Second {
    /// Who came, those who came back among them.
    pub(crate) asked: u64,
    /// Who came back.
    pub(crate) back: u64,
    /// Answers given in this second, by status.
    pub(crate) answers: BTreeMap<u16, u64>,
    /// How long those waited for an order's answer who came in this second: everything but a 200.
    pub(crate) orders: Histogram,
    /// The same of those who only looked.
    pub(crate) looks: Histogram,
}

impl Timeline {
    pub(crate) fn begin() -> Self {
        Self { began: Instant::now(), seconds: Vec::new() }
    }

    /// When it began.
    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    pub(crate) fn asked(&mut self, intended: Instant, again: bool) {
        let second = self.at(intended);
        second.asked += 1;
        second.back += u64::from(again);
    }

    pub(crate) fn answered(&mut self, intended: Instant, status: u16, latency: Duration) {
        *self.at(intended + latency).answers.entry(status).or_default() += 1;
        let came = self.at(intended);
        if status == 200 { &mut came.looks } else { &mut came.orders }.record(latency);
    }

    /// The busiest second's returns over the mean, between two seconds (the second one not included); `None` without any.
    pub(crate) fn peak_of_returns(&self, first: usize, end: usize) -> Option<f64> {
        let back: Vec<_> = self.seconds.get(first..end.min(self.seconds.len()))?.iter().map(|at| at.back).collect();
        let (all, most) = (back.iter().sum::<u64>(), back.iter().copied().max()?);
        (all > 0).then(|| most as f64 * back.len() as f64 / all as f64)
    }

    /// The last second in which somebody was answered so.
    pub(crate) fn last(&self, status: u16) -> Option<usize> {
        self.seconds.iter().rposition(|second| second.answers.contains_key(&status))
    }

    fn at(&mut self, moment: Instant) -> &mut Second {
        let place = usize::try_from(moment.saturating_duration_since(self.began).as_secs()).unwrap_or_default();
        if place >= self.seconds.len() {
            self.seconds.resize_with(place + 1, Second::default);
        }
        &mut self.seconds[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_counts_when_it_is_given_and_its_wait_for_those_who_came_together() {
        let mut timeline = Timeline::begin();
        let came = timeline.began + Duration::from_millis(900);
        timeline.asked(came, false);
        timeline.answered(came, 202, Duration::from_millis(300));
        assert_eq!(timeline.seconds.len(), 2);
        assert_eq!((timeline.seconds[0].asked, timeline.seconds[0].orders.count()), (1, 1));
        assert_eq!((timeline.seconds[1].answers[&202], timeline.last(202)), (1, Some(1)));
    }

    #[test]
    fn a_wave_is_seen_and_a_stream_is_none() {
        let with = |returns: [u64; 4]| {
            let seconds = returns.map(|back| Second { back, ..Second::default() }).to_vec();
            Timeline { seconds, ..Timeline::begin() }
        };
        assert_eq!(with([5, 5, 5, 5]).peak_of_returns(0, 4), Some(1.0));
        assert_eq!(with([20, 0, 0, 0]).peak_of_returns(0, 4), Some(4.0));
        assert_eq!(with([20, 3, 3, 0]).peak_of_returns(1, 3), Some(1.0));
        assert_eq!(with([0; 4]).peak_of_returns(0, 4), None);
    }
}
