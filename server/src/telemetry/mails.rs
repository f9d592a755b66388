//! Looks at the mails that are owed: how many wait, for how long, how many nobody tries any more. As seldom as the orders that are
//! paid online are looked at, and by the same processes.

use super::{holds::pause_after, looking::count};
use metrics::gauge;
use stampede_actors::{
    clock::SharedClock,
    ports::{MailSums, Outbox},
};
use stampede_domain::Millis;
use tokio::time::Instant;

/// Looks until it is dropped.
pub(super) async fn look_at_mails(outbox: &dyn Outbox, clock: SharedClock) {
    loop {
        let began = Instant::now();
        match outbox.mail_sums().await {
            Ok(sums) => show_mails(sums, clock.now()),
            Err(failure) => tracing::debug!(%failure, "the mails that are owed could not be added up"),
        }
        tokio::time::sleep(pause_after(began.elapsed())).await;
    }
}

fn show_mails(MailSums { waiting, oldest, given_up }: MailSums, now: Millis) {
    gauge!("stampede_mails_waiting").set(count(waiting));
    gauge!("stampede_mails_oldest_seconds").set(oldest.map(|since| now.since(since)).unwrap_or_default());
    gauge!("stampede_mails_given_up").set(count(given_up));
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn what_waits_is_shown_and_nothing_is_0() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let show = |sums| metrics::with_local_recorder(&recorder, || show_mails(sums, Millis(600_000)));
        show(MailSums { waiting: 3, oldest: Some(Millis(300_000)), given_up: 1 });
        let text = recorder.handle().render();
        for line in ["mails_waiting 3", "mails_oldest_seconds 300", "mails_given_up 1"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
        show(MailSums::default());
        let text = recorder.handle().render();
        for line in ["mails_waiting 0", "mails_oldest_seconds 0", "mails_given_up 0"] {
            assert!(text.contains(line), "no {line} in {text}");
        }
    }
}
