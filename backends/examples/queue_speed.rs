//! How fast the queue is: `cargo run --release -p stampede-backends --example queue_speed [messages] [batch] [publishers]`.
//! Published, pulled and acknowledged at once, as in a sale.

#![expect(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement prints, and reads the machine's clock"
)]

use bytes::Bytes;
use stampede_actors::{
    clock::SystemClock,
    ports::{Bus, Outgoing},
};
use stampede_backends::{QueueOptions, SqliteBus};
use std::{sync::Arc, time::Instant};

const INTENT: &str = r#"{"v":1,"place":{"o":"018bcfe5-6807-7000-8000-000000000000","p":5312345678901234567,"q":2,"b":-3123456789012345678,"f":-9123456789012345678,"t":1700000000000,"c":{"u":"user-123456"}}}"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let messages = arguments.next().unwrap_or(Ok(1_000_000))?;
    let batch = arguments.next().unwrap_or(Ok(128))?;
    let publishers = arguments.next().unwrap_or(Ok(1))?;

    let directory = tempfile::tempdir()?;
    let bus = Arc::new(SqliteBus::open(directory.path(), Arc::new(SystemClock), QueueOptions::default()).await?);
    let start = Instant::now();
    let rounds = messages / batch / publishers;
    let publishing: Vec<_> = (0..publishers)
        .map(|_| {
            let bus = Arc::clone(&bus);
            tokio::spawn(async move {
                for _ in 0..rounds {
                    let outgoing =
                        vec![Outgoing { payload: Bytes::from_static(INTENT.as_bytes()), label: None }; batch];
                    assert!(bus.publish(outgoing).await.iter().all(Result::is_ok), "not published");
                }
            })
        })
        .collect();
    let all = rounds * batch * publishers;
    let consuming = tokio::spawn({
        let bus = Arc::clone(&bus);
        async move {
            let mut seen = 0;
            while seen < all {
                let pulled = bus.pull(1000).await?;
                seen += pulled.len();
                bus.acknowledge(&pulled.iter().map(|delivery| delivery.id).collect::<Vec<_>>()).await?;
            }
            Ok::<_, stampede_actors::ports::PortFailure>(())
        }
    });
    for publisher in publishing {
        publisher.await?;
    }
    let published = start.elapsed();
    consuming.await??;
    let consumed = start.elapsed();
    let per_second = |elapsed: std::time::Duration| all as f64 / elapsed.as_secs_f64();
    println!(
        "{all} messages, {batch} a batch, {publishers} publishers: {:.0}/s published, {:.0}/s pulled and acknowledged",
        per_second(published),
        per_second(consumed)
    );
    bus.close().await;
    Ok(())
}
