//! The demo's crowd: buyers that the process sends through its own HTTP port, so that a lone visitor sees a living sale. They
//! come in by the door like everybody else.

use rand::{Rng, SeedableRng, rngs::SmallRng};
use reqwest::{Client, StatusCode};
use std::{net::SocketAddr, time::Duration};
use tokio::time::{Instant, MissedTickBehavior};

/// How often some of them come: smooth enough for the eye.
const EVERY: Duration = Duration::from_millis(100);
/// How long all of them wait after a 503, or before the sale opens.
const BACK_OFF: Duration = Duration::from_secs(1);
/// How long one waits for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sends `per_second` buyers until the task is aborted.
pub(crate) async fn come(shop: SocketAddr, per_second: u32) {
    let Ok(client) = Client::builder().timeout(PATIENCE).build() else { return };
    let url = format!("http://{shop}/api/tickets/buy");
    let mut chance = SmallRng::from_os_rng();
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (told, mut heard) = tokio::sync::mpsc::unbounded_channel::<StatusCode>();
    let (mut pause_until, mut owed) = (Instant::now(), 0.0);
    loop {
        every.tick().await;
        while let Ok(status) = heard.try_recv() {
            if matches!(status.as_u16(), 425 | 503) {
                pause_until = Instant::now() + BACK_OFF;
            }
        }
        if Instant::now() < pause_until {
            continue;
        }
        owed += f64::from(per_second) * EVERY.as_secs_f64();
        while owed >= 1.0 {
            owed -= 1.0;
            let body = format!(
                r#"{{"userId":"crowd-{:016x}","quantity":{}}}"#,
                chance.random::<u64>(),
                chance.random_range(1..=4)
            );
            let request = client.post(&url).header("content-type", "application/json").body(body);
            let told = told.clone();
            actix::spawn(async move {
                if let Ok(answer) = request.send().await {
                    told.send(answer.status()).unwrap_or_default();
                }
            });
        }
    }
}
