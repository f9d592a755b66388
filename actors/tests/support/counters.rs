//! What the facts are counted and measured into, readable by a test.

use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use std::{
    collections::BTreeMap,
    future::Future,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

/// Counters by name and labels: `stampede_orders_total outcome=promised`. Of a histogram how often it was told something, and the
/// sum in thousandths: `stampede_order_lag_seconds sum`.
pub(crate) type Counted = BTreeMap<String, u64>;

#[derive(Default)]
struct Counters(Mutex<BTreeMap<String, Arc<Count>>>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

struct Measured {
    count: Arc<Count>,
    sum: Arc<Count>,
}

impl HistogramFn for Measured {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "milliseconds of a test")]
    fn record(&self, value: f64) {
        self.count.increment(1);
        self.sum.increment((value * 1_000.0).round() as u64);
    }
}

impl Counters {
    fn count(&self, key: &Key, of: &str) -> Arc<Count> {
        let labels = key.labels().map(|label| format!(" {}={}", label.key(), label.value()));
        let name = std::iter::once(key.name().to_owned()).chain(labels).chain([of.to_owned()]).collect();
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.count(key, ""))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Arc::new(Measured { count: self.count(key, " count"), sum: self.count(key, " sum") }))
    }
}

/// What is counted while a test runs, in paused time, on a thread of its own: a thread remembers its counters.
pub(crate) fn counted<F: Future<Output = ()>>(test: impl FnOnce() -> F + Send + 'static) -> Counted {
    let run = move || {
        let counters = Counters::default();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        metrics::with_local_recorder(&counters, || runtime.block_on(tokio::task::LocalSet::new().run_until(test())));
        let counted = counters.0.into_inner().unwrap().into_iter();
        counted.map(|(name, count)| (name, count.0.load(Ordering::Relaxed))).collect()
    };
    std::thread::spawn(run).join().unwrap()
}
