//! The clients of Google's library, set up our way: one set of credentials, own deadlines.

use super::options::{OpenPubSubError, PubSubOptions};
use google_cloud_auth::credentials::{self, Credentials, anonymous};
use google_cloud_gax::{
    client_builder,
    error::{Error, rpc::Code},
    exponential_backoff::ExponentialBackoffBuilder,
    retry_policy::{NeverRetry, RetryPolicyExt},
};
use google_cloud_pubsub::{
    client::{Publisher, Subscriber, SubscriptionAdmin, TopicAdmin},
    retry_policy::RetryableErrors,
};
use std::time::Duration;

/// Most messages of one request, Google's limit. One full batch of ours is one request.
const REQUEST_MESSAGES: u32 = 1000;
/// How long the client waits for a request to fill. A batch of ours comes at once, so this is only the cost of a small one.
const REQUEST_DELAY: Duration = Duration::from_millis(1);
/// The first pause before the client tries a publish again. It must fit into our deadline several times.
const AGAIN_AFTER: Duration = Duration::from_millis(50);
const AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(1);
/// One question about a topic or a subscription.
pub(super) const LOOK: Duration = Duration::from_secs(2);

/// Opens clients.
#[derive(Clone)]
pub(super) struct Doors {
    endpoint: Option<String>,
    credentials: Credentials,
}

impl Doors {
    pub(super) fn new(options: &PubSubOptions) -> Result<Self, OpenPubSubError> {
        provide_cryptography();
        let credentials = match options.endpoint {
            Some(_) => anonymous::Builder::new().build(),
            None => credentials::Builder::default()
                .build()
                .map_err(|error| OpenPubSubError::Credentials { cause: error.to_string() })?,
        };
        Ok(Self { endpoint: options.endpoint.clone(), credentials })
    }

    pub(super) async fn publisher(&self, options: &PubSubOptions) -> client_builder::Result<Publisher> {
        let backoff =
            ExponentialBackoffBuilder::new().with_initial_delay(AGAIN_AFTER).with_maximum_delay(AGAIN_AFTER_AT_MOST);
        let mut builder = Publisher::builder(options.topic_name())
            .with_credentials(self.credentials.clone())
            .with_retry_policy(RetryableErrors.with_time_limit(options.publish_deadline))
            .with_backoff_policy(backoff.clamp())
            .set_message_count_threshold(REQUEST_MESSAGES)
            .set_delay_threshold(REQUEST_DELAY);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().await
    }

    /// With a connection of its own.
    pub(super) async fn subscriber(&self) -> client_builder::Result<Subscriber> {
        let mut builder = Subscriber::builder().with_credentials(self.credentials.clone());
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().await
    }

    pub(super) async fn topics(&self) -> client_builder::Result<TopicAdmin> {
        let mut builder = TopicAdmin::builder()
            .with_credentials(self.credentials.clone())
            .with_retry_policy(NeverRetry)
            .with_attempt_timeout(LOOK);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().await
    }

    pub(super) async fn subscriptions(&self) -> client_builder::Result<SubscriptionAdmin> {
        let mut builder = SubscriptionAdmin::builder()
            .with_credentials(self.credentials.clone())
            .with_retry_policy(NeverRetry)
            .with_attempt_timeout(LOOK);
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        builder.build().await
    }
}

/// `main` does this first thing. A test or an example has no such `main`, and the clients cannot be built without.
fn provide_cryptography() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // An error means that somebody else was faster.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    }
}

/// What an error of the client means for what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// There is no such thing.
    Missing,
    /// It is there already.
    Exists,
    /// We may not ask.
    Denied,
    /// Nobody vouches for us.
    Nobody,
    /// Nobody answers, or not now.
    Unreachable,
    /// It will not.
    Refused,
}

pub(super) fn meaning(error: &Error) -> Meaning {
    if let Some(status) = error.status() {
        return match status.code {
            Code::NotFound => Meaning::Missing,
            Code::AlreadyExists => Meaning::Exists,
            Code::PermissionDenied => Meaning::Denied,
            Code::Unauthenticated => Meaning::Nobody,
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Internal
            | Code::ResourceExhausted
            | Code::Aborted
            | Code::Cancelled
            | Code::Unknown => Meaning::Unreachable,
            _ => Meaning::Refused,
        };
    }
    match error.http_status_code() {
        Some(404) => Meaning::Missing,
        Some(409) => Meaning::Exists,
        Some(403) => Meaning::Denied,
        Some(401) => Meaning::Nobody,
        Some(429 | 500..=599) | None if !error.is_authentication() => Meaning::Unreachable,
        None => Meaning::Nobody,
        Some(_) => Meaning::Refused,
    }
}
