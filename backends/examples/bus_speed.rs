//! What Pub/Sub costs this process: `ops/servers/with cargo run --release -p stampede-backends --example bus_speed [messages] [batch]`.
//! Microseconds of CPU for each message, of our bus and of Google's client in a bare loop, in turns. The server has a process of
//! its own and does not count. Messages are published first and pulled afterwards, so that the two can be told apart.

#![expect(clippy::print_stdout, clippy::disallowed_methods, reason = "a measurement prints, and reads the environment")]

use async_trait::async_trait;
use bytes::Bytes;
use google_cloud_auth::credentials::anonymous;
use google_cloud_pubsub::{
    client::{Publisher, Subscriber},
    model::Message,
};
use stampede_actors::{
    clock::SystemClock,
    ports::{Bus, DeadLetter, DeliveryId, Outgoing, PortResult},
};
use stampede_backends::{DeadLetterShelf, NewDeadLetter, PubSubBus, PubSubOptions, bootstrap};
use stampede_domain::Millis;
use std::{sync::Arc, time::Duration};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

const INTENT: &str = r#"{"v":1,"place":{"o":"018bcfe5-6807-7000-8000-000000000000","p":5312345678901234567,"q":2,"b":-3123456789012345678,"f":-9123456789012345678,"t":1700000000000,"c":{"u":"user-123456"}}}"#;
const ROUNDS: usize = 3;

/// Nothing dies here.
struct NoShelf;

#[async_trait]
impl DeadLetterShelf for NoShelf {
    async fn find(&self, _: &[DeliveryId]) -> PortResult<Vec<DeadLetter>> {
        Ok(Vec::new())
    }

    async fn replayed(&self, _: &[DeliveryId], _: Millis, _: &str) -> PortResult<()> {
        Ok(())
    }

    async fn end(&self, _: &[(DeliveryId, String)], _: Millis) -> PortResult<()> {
        Ok(())
    }

    async fn forget(&self, _: Millis) -> PortResult<u64> {
        Ok(0)
    }

    async fn put(&self, _: &[NewDeadLetter]) -> PortResult<()> {
        Ok(())
    }

    async fn list(&self, _: usize) -> PortResult<Vec<DeadLetter>> {
        Ok(Vec::new())
    }

    async fn count(&self) -> PortResult<u64> {
        Ok(0)
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<usize>());
    let messages = arguments.next().unwrap_or(Ok(100_000))?;
    let batch = arguments.next().unwrap_or(Ok(1000))?;
    let endpoint = std::env::var("STAMPEDE_TEST_PUBSUB_ENDPOINT")?;
    println!("{messages} messages, {batch} a batch; µs of CPU a message");
    println!("                publish   pull and acknowledge");
    for round in 0..ROUNDS {
        let project = format!("speed-{}-{round}", std::process::id());
        let (published, pulled) = ours(&endpoint, &format!("{project}-ours"), messages, batch).await?;
        println!("our bus         {published:7.2}   {pulled:7.2}");
        let (published, pulled) = bare(&endpoint, &format!("{project}-bare"), messages, batch).await?;
        println!("the bare client {published:7.2}   {pulled:7.2}");
    }
    Ok(())
}

fn options(endpoint: &str, project: &str, pulls: bool) -> PubSubOptions {
    PubSubOptions {
        project: project.into(),
        topic: "orders".into(),
        subscription: "writers".into(),
        dead_letter_topic: "orders-dead".into(),
        dead_letter_subscription: "orders-dead-shelf".into(),
        endpoint: Some(endpoint.into()),
        publish_deadline: Duration::from_secs(5),
        max_publishing: 100_000,
        streams: 2,
        lease: Duration::from_secs(10),
        ready: 20_000,
        pulls,
    }
}

async fn ours(endpoint: &str, project: &str, messages: usize, batch: usize) -> Outcome<(f64, f64)> {
    bootstrap(&options(endpoint, project, true)).await?;
    let bus = PubSubBus::connect(options(endpoint, project, false), Arc::new(SystemClock), Arc::new(NoShelf)).await?;
    let began = cpu()?;
    for _ in 0..messages / batch {
        let outgoing = vec![Outgoing { payload: Bytes::from_static(INTENT.as_bytes()), label: None }; batch];
        assert!(bus.publish(outgoing).await.iter().all(Result::is_ok), "not published");
    }
    let published = cpu()? - began;
    bus.close().await;

    let bus = PubSubBus::connect(options(endpoint, project, true), Arc::new(SystemClock), Arc::new(NoShelf)).await?;
    let began = cpu()?;
    let mut seen = 0;
    while seen < messages / batch * batch {
        let pulled = bus.pull(1000).await?;
        seen += pulled.len();
        bus.acknowledge(&pulled.iter().map(|delivery| delivery.id).collect::<Vec<_>>()).await?;
    }
    bus.close().await;
    Ok((each(published, messages), each(cpu()? - began, messages)))
}

async fn bare(endpoint: &str, project: &str, messages: usize, batch: usize) -> Outcome<(f64, f64)> {
    bootstrap(&options(endpoint, project, true)).await?;
    let publisher = Publisher::builder(format!("projects/{project}/topics/orders"))
        .with_endpoint(endpoint)
        .with_credentials(anonymous::Builder::new().build())
        .set_message_count_threshold(1000)
        .set_delay_threshold(Duration::from_millis(1))
        .build()
        .await?;
    let began = cpu()?;
    for _ in 0..messages / batch {
        let message = || Message::new().set_data(Bytes::from_static(INTENT.as_bytes()));
        let answers: Vec<_> = (0..batch).map(|_| publisher.publish(message())).collect();
        for answer in answers {
            answer.await?;
        }
    }
    let published = cpu()? - began;

    let began = cpu()?;
    let mut readers = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let subscriber = Subscriber::builder()
            .with_endpoint(endpoint)
            .with_credentials(anonymous::Builder::new().build())
            .build()
            .await?;
        let mut stream = subscriber
            .subscribe(format!("projects/{project}/subscriptions/writers"))
            .set_max_outstanding_messages(10_000)
            .set_max_lease_extension(Duration::from_secs(10))
            .build();
        readers.spawn(async move {
            let mut seen = 0_usize;
            // Two streams share the messages; a second of silence is the end.
            while let Ok(Some(Ok((_, handler)))) = tokio::time::timeout(Duration::from_secs(1), stream.next()).await {
                handler.ack();
                seen += 1;
            }
            stream.shutdown_token().shutdown().await;
            seen
        });
    }
    let mut seen = 0;
    while let Some(reader) = readers.join_next().await {
        seen += reader?;
    }
    assert!(seen >= messages / batch * batch, "only {seen} came");
    Ok((each(published, messages), each(cpu()? - began, messages)))
}

fn each(cpu_micros: f64, messages: usize) -> f64 {
    cpu_micros / messages as f64
}

/// CPU of this process so far, in microseconds. Linux tells it in hundredths of a second.
fn cpu() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let after_the_name = stat.rsplit_once(')').ok_or("a line of /proc that ends early")?.1;
    let fields: Vec<_> = after_the_name.split_whitespace().collect();
    let (user, system) = (fields.get(11).ok_or("no user time")?, fields.get(12).ok_or("no system time")?);
    Ok((user.parse::<f64>()? + system.parse::<f64>()?) * 10_000.0)
}
