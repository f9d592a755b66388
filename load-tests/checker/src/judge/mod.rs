//! The verdict: each file judges one kind of thing, none of them changes anything.

mod calls;
mod ends;
mod enough;
mod flow;
mod holds;
mod promises;
mod refusals;
mod rows;
mod told;

use crate::{Books, Expectations, History, Report, Row};
use calls::{Call, Calls};
use promises::Promises;
use stampede_domain::OrderId;
use std::collections::{BTreeMap, BTreeSet};

/// What is known of one key.
struct Story<'a> {
    order: OrderId,
    /// Its requests, in the order in which they began.
    calls: Vec<&'a Call<'a>>,
    /// Its row; the first, should there be several.
    row: Option<&'a Row>,
}

/// Judges a run that is over: what was told, and what is there, by what was to be sold.
///
/// The same arguments give the same report, breaches in the same order.
#[must_use]
pub fn judge(history: &History, books: &Books, expected: &Expectations) -> Report {
    let mut report = Report::default();
    let calls = Calls::of(history, &mut report);
    let rows = rows::judge(books, expected, &mut report);
    let stories = stories(&calls, &rows);
    let faults: Vec<_> = history.faults().collect();

    let mut promises = Promises::new(&faults, expected);
    for story in stories.values() {
        promises::judge(story, expected, &mut promises, &mut report);
        told::judge(story, expected, &mut promises, &mut report);
    }
    promises.judge(&mut report);
    refusals::judge(&stories, books, expected, &faults, &mut report);
    ends::judge(books, expected, &mut report);
    flow::judge(history, &calls, &faults, expected, &mut report);
    enough::judge(&stories, &calls, &faults, expected, &mut report);
    report
}

fn stories<'a>(calls: &'a Calls<'a>, rows: &BTreeMap<OrderId, &'a Row>) -> BTreeMap<OrderId, Story<'a>> {
    let mut stories: BTreeMap<OrderId, Story<'a>> = BTreeMap::new();
    for call in &calls.all {
        let order = call.order();
        let story = stories.entry(order).or_insert_with(|| Story { order, calls: Vec::new(), row: None });
        story.calls.push(call);
    }
    for (&order, row) in rows {
        stories.entry(order).or_insert_with(|| Story { order, calls: Vec::new(), row: None }).row = Some(row);
    }
    stories
}

impl<'a> Story<'a> {
    fn buys(&self) -> impl DoubleEndedIterator<Item = &'a Call<'a>> + '_ {
        self.calls.iter().copied().filter(|call| call.body().is_some())
    }

    fn is_live(&self) -> bool {
        self.row.is_some_and(|row| row.status.is_live())
    }
}

/// The first few of many, so that a report can be read.
fn some<T: Copy + Ord>(all: impl IntoIterator<Item = T>) -> Vec<T> {
    all.into_iter().collect::<BTreeSet<_>>().into_iter().take(5).collect()
}
