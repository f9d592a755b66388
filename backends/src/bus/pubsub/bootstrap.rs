//! Topics and subscriptions: looked at by a start, made by `stampede pubsub bootstrap`.

use super::{
    doors::{Doors, LOOK, Meaning, meaning},
    options::{OpenPubSubError, PubSubOptions},
};
use google_cloud_gax::{client_builder, error::Error};
use google_cloud_pubsub::{
    client::{SubscriptionAdmin, TopicAdmin},
    model::{DeadLetterPolicy, ExpirationPolicy, Subscription, Topic},
};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// How long a start waits for a Pub/Sub that does not answer: long enough for a server that starts beside us.
const PATIENCE: Duration = Duration::from_secs(10);
const LOOK_AGAIN: Duration = Duration::from_millis(250);
/// Deliveries after which Pub/Sub gives a message up; 100 is the most it allows. Our own judgement comes long before.
const MAX_DELIVERY_ATTEMPTS: i32 = 100;
/// A week, the default, said aloud: this is how long the shop may stand still without losing an order.
const RETENTION: Duration = Duration::from_secs(7 * 24 * 3600);

struct Admin {
    topics: TopicAdmin,
    subscriptions: SubscriptionAdmin,
    place: String,
}

impl Admin {
    async fn open(doors: &Doors, options: &PubSubOptions) -> Result<Self, OpenPubSubError> {
        let unusable = |error: client_builder::Error| unreachable(options, error);
        let topics = doors.topics().await.map_err(unusable)?;
        let subscriptions = doors.subscriptions().await.map_err(unusable)?;
        Ok(Self { topics, subscriptions, place: options.place() })
    }

    async fn topic(&self, name: &str) -> Result<Option<Topic>, OpenPubSubError> {
        self.patiently(name, || self.topics.get_topic().set_topic(name).send()).await
    }

    async fn subscription(&self, name: &str) -> Result<Option<Subscription>, OpenPubSubError> {
        self.patiently(name, || self.subscriptions.get_subscription().set_subscription(name).send()).await
    }

    /// Asks until there is an answer. `None` when we may not look, which says nothing about what is there.
    async fn patiently<T, F: Future<Output = Result<T, Error>>>(
        &self,
        name: &str,
        ask: impl Fn() -> F,
    ) -> Result<Option<T>, OpenPubSubError> {
        let until = Instant::now() + PATIENCE;
        loop {
            let cause = match timeout(LOOK, ask()).await {
                Ok(Ok(found)) => return Ok(Some(found)),
                Ok(Err(error)) => match meaning(&error) {
                    Meaning::Missing => return Err(OpenPubSubError::Missing { name: name.into() }),
                    Meaning::Denied => {
                        tracing::info!(name, "not allowed to look whether it exists; going on");
                        return Ok(None);
                    }
                    Meaning::Nobody => return Err(OpenPubSubError::Credentials { cause: error.to_string() }),
                    Meaning::Refused | Meaning::Exists => return Err(refused(name, &error)),
                    Meaning::Unreachable => error.to_string(),
                },
                Err(_) => format!("no answer within {LOOK:?}"),
            };
            if Instant::now() >= until {
                return Err(OpenPubSubError::Unreachable { place: self.place.clone(), cause });
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    async fn make_topic(&self, name: &str, told: &mut Vec<String>) -> Result<(), OpenPubSubError> {
        match self.topic(name).await {
            Ok(Some(_)) => told.push(format!("found {name}")),
            Ok(None) => told.push(format!("{name}: not allowed to look, nothing done")),
            Err(OpenPubSubError::Missing { .. }) => {
                match self.topics.create_topic().set_name(name).send().await {
                    Ok(_) => told.push(format!("made {name}")),
                    // Somebody else bootstraps beside us.
                    Err(error) if meaning(&error) == Meaning::Exists => told.push(format!("found {name}")),
                    Err(error) => return Err(refused(name, &error)),
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    async fn make_subscription(&self, wanted: Subscription, told: &mut Vec<String>) -> Result<(), OpenPubSubError> {
        let name = wanted.name.clone();
        match self.subscription(&name).await {
            Ok(Some(found)) => told.push(compared(&wanted, &found)),
            Ok(None) => told.push(format!("{name}: not allowed to look, nothing done")),
            Err(OpenPubSubError::Missing { .. }) => {
                match self.subscriptions.create_subscription().with_request(wanted).send().await {
                    Ok(_) => told.push(format!("made {name}")),
                    Err(error) if meaning(&error) == Meaning::Exists => told.push(format!("found {name}")),
                    Err(error) => return Err(refused(&name, &error)),
                }
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// Looks whether what this process uses is there.
pub(super) async fn look(doors: &Doors, options: &PubSubOptions) -> Result<(), OpenPubSubError> {
    let admin = Admin::open(doors, options).await?;
    admin.topic(&options.topic_name()).await?;
    if options.pulls {
        admin.subscription(&options.subscription_name()).await?;
        admin.subscription(&options.dead_letter_subscription_name()).await?;
    }
    Ok(())
}

/// Makes the topics and subscriptions that are not there: a line for each of what was made or found, and how what was found
/// differs in what matters. It changes nothing that exists, so it can be repeated.
///
/// # Errors
/// [`OpenPubSubError`] with the way out.
pub async fn bootstrap(options: &PubSubOptions) -> Result<Vec<String>, OpenPubSubError> {
    let doors = Doors::new(options)?;
    let admin = Admin::open(&doors, options).await?;
    let mut told = Vec::new();
    admin.make_topic(&options.topic_name(), &mut told).await?;
    admin.make_topic(&options.dead_letter_topic_name(), &mut told).await?;
    // First the place for dead letters, so that none is forwarded to where nobody listens.
    let mut dead = kept(options, options.dead_letter_subscription_name(), options.dead_letter_topic_name());
    admin.make_subscription(dead.clone(), &mut told).await?;
    dead.name = options.subscription_name();
    dead.topic = options.topic_name();
    let policy = DeadLetterPolicy::new()
        .set_dead_letter_topic(options.dead_letter_topic_name())
        .set_max_delivery_attempts(MAX_DELIVERY_ATTEMPTS);
    admin.make_subscription(dead.set_dead_letter_policy(policy), &mut told).await?;
    Ok(told)
}

/// A subscription that is never deleted for want of use, and keeps its messages for a week.
fn kept(options: &PubSubOptions, name: String, topic: String) -> Subscription {
    let mut subscription = Subscription::new()
        .set_name(name)
        .set_topic(topic)
        .set_ack_deadline_seconds(ack_deadline_seconds(options.lease))
        .set_expiration_policy(ExpirationPolicy::new());
    subscription.message_retention_duration =
        Some(RETENTION.try_into().expect("because a week is far below ten thousand years"));
    subscription
}

/// Pub/Sub takes 10 s to 10 min.
fn ack_deadline_seconds(lease: Duration) -> i32 {
    i32::try_from(lease.as_secs().clamp(10, 600)).expect("because 600 fits")
}

/// A line about a subscription that was there before.
fn compared(wanted: &Subscription, found: &Subscription) -> String {
    let topic = |subscription: &Subscription| format!("topic {}", subscription.topic);
    let deadline = |subscription: &Subscription| format!("ack deadline {} s", subscription.ack_deadline_seconds);
    let policy = |subscription: &Subscription| match &subscription.dead_letter_policy {
        Some(policy) => {
            format!("dead letters to {} after {} deliveries", policy.dead_letter_topic, policy.max_delivery_attempts)
        }
        None => "no dead-letter policy".to_owned(),
    };
    let differences: Vec<_> =
        [(topic(wanted), topic(found)), (policy(wanted), policy(found)), (deadline(wanted), deadline(found))]
            .into_iter()
            .filter(|(wanted, found)| wanted != found)
            .map(|(wanted, found)| format!("{found} instead of {wanted}"))
            .collect();
    match differences.as_slice() {
        [] => format!("found {}", found.name),
        _ => format!("found {}, which differs and was not changed: {}", found.name, differences.join("; ")),
    }
}

pub(super) fn unreachable(options: &PubSubOptions, error: impl std::fmt::Display) -> OpenPubSubError {
    OpenPubSubError::Unreachable { place: options.place(), cause: error.to_string() }
}

fn refused(name: &str, error: &Error) -> OpenPubSubError {
    OpenPubSubError::Refused { what: name.into(), cause: error.to_string() }
}
