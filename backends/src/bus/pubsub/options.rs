//! What an operator chooses, and what can go wrong at the start.

use std::time::Duration;

/// Where the bus is and how much of it is used at once.
#[derive(Clone, Debug)]
pub struct PubSubOptions {
    /// The Google Cloud project.
    pub project: String,
    /// The topic orders are published to, without its path.
    pub topic: String,
    /// The subscription orders are taken from, shared by all writers.
    pub subscription: String,
    /// Where Pub/Sub puts what was delivered too often.
    pub dead_letter_topic: String,
    /// From where that is collected.
    pub dead_letter_subscription: String,
    /// An emulator, `http://host:port`, reached without credentials. `None`: Google, with default credentials.
    pub endpoint: Option<String>,
    /// After this long a publish is `Unknown`.
    pub publish_deadline: Duration,
    /// Most messages handed to the client and not answered. More are refused: the client itself knows no limit.
    pub max_publishing: usize,
    /// Streams to pull through; the client keeps the books of each in a task of its own.
    pub streams: usize,
    /// How long a delivered message is left alone before it comes again. Pub/Sub itself knows nothing shorter than 10 s.
    pub lease: Duration,
    /// Most messages here and unacknowledged, those that are being worked on included.
    pub ready: usize,
    /// Whether this process takes messages at all. The web role does not.
    pub pulls: bool,
}

impl PubSubOptions {
    pub(super) fn topic_name(&self) -> String {
        format!("projects/{}/topics/{}", self.project, self.topic)
    }

    pub(super) fn subscription_name(&self) -> String {
        format!("projects/{}/subscriptions/{}", self.project, self.subscription)
    }

    pub(super) fn dead_letter_topic_name(&self) -> String {
        format!("projects/{}/topics/{}", self.project, self.dead_letter_topic)
    }

    pub(super) fn dead_letter_subscription_name(&self) -> String {
        format!("projects/{}/subscriptions/{}", self.project, self.dead_letter_subscription)
    }

    /// Where this goes, as it may stand in a message: without a name and a password, should there be any.
    pub(super) fn place(&self) -> String {
        let Some(endpoint) = &self.endpoint else { return "https://pubsub.googleapis.com".into() };
        match (endpoint.split_once("://"), endpoint.rsplit_once('@')) {
            (Some((scheme, _)), Some((_, host))) => format!("{scheme}://{host}"),
            _ => endpoint.clone(),
        }
    }
}

/// Why the bus cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenPubSubError {
    /// A topic or a subscription has not been made.
    #[error("{name} does not exist: run `stampede pubsub bootstrap`")]
    Missing {
        /// Its full name.
        name: String,
    },
    /// Nobody answered.
    #[error("Pub/Sub at {place} does not answer: {cause}")]
    Unreachable {
        /// The endpoint.
        place: String,
        /// What the last attempt met.
        cause: String,
    },
    /// Nobody vouches for this process.
    #[error(
        "there are no usable Google credentials ({cause}): set GOOGLE_APPLICATION_CREDENTIALS, or STAMPEDE_PUBSUB_ENDPOINT for an emulator"
    )]
    Credentials {
        /// What the search met.
        cause: String,
    },
    /// It answered, and not as we wish.
    #[error("Pub/Sub refuses {what}: {cause}")]
    Refused {
        /// What was asked.
        what: String,
        /// Its answer.
        cause: String,
    },
}

#[cfg(test)]
mod tests {
    use super::super::tests::rig;

    #[test]
    fn a_password_in_the_endpoint_is_never_said() {
        let mut options = rig::options("http://ada:secret@127.0.0.1:1/".into());
        assert_eq!(options.place(), "http://127.0.0.1:1/");
        options.endpoint = None;
        assert_eq!(options.place(), "https://pubsub.googleapis.com");
    }
}
