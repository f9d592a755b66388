//! Looks whether Pub/Sub is there while no messages come, and has the streams built anew when it is back.

use super::{
    doors::{Doors, LOOK, Meaning, meaning},
    intake::Order,
    weather::Weather,
};
use google_cloud_pubsub::client::SubscriptionAdmin;
use std::time::Duration;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

/// Rare enough that a hundred idle writers stay far below Google's limit of 6,000 such questions a minute, often enough that a
/// Pub/Sub that comes back is noticed within seconds.
const EVERY: Duration = Duration::from_secs(2);
/// While it is away.
const EVERY_WHEN_AWAY: Duration = Duration::from_millis(250);

#[derive(PartialEq)]
enum Seen {
    There,
    Away(String),
}

/// Until the bus closes. `arrivals` counts messages: while they come, nobody has to ask.
pub(super) async fn keep_watch(
    doors: Doors,
    subscription: String,
    arrivals: impl Fn() -> u64,
    orders: watch::Sender<Order>,
) {
    let weather = Weather::new("taking messages from Pub/Sub");
    let mut closing = orders.subscribe();
    // A start has built the same client before; without it the client's own reconnecting would have to do.
    let Ok(admin) = doors.subscriptions().await else { return };
    let (mut away, mut seen) = (false, arrivals());
    loop {
        tokio::select! {
            () = sleep(if away { EVERY_WHEN_AWAY } else { EVERY }) => {}
            _ = closing.wait_for(|order| order.closing) => return,
        }
        let busy = std::mem::replace(&mut seen, arrivals()) != seen;
        if busy && !away {
            continue;
        }
        match look(&admin, &subscription).await {
            Seen::Away(cause) => {
                away = true;
                weather.foul(&cause);
            }
            Seen::There if away => {
                away = false;
                weather.fine();
                orders.send_modify(|order| order.generation += 1);
            }
            Seen::There => {}
        }
    }
}

async fn look(admin: &SubscriptionAdmin, subscription: &str) -> Seen {
    match timeout(LOOK, admin.get_subscription().set_subscription(subscription).send()).await {
        Ok(Ok(_)) => Seen::There,
        Ok(Err(error)) => match meaning(&error) {
            Meaning::Missing => Seen::Away(format!("{subscription} does not exist: run `stampede pubsub bootstrap`")),
            Meaning::Unreachable | Meaning::Nobody => Seen::Away(error.to_string()),
            // Somebody answered, if only to say that we may not ask.
            Meaning::Denied | Meaning::Refused | Meaning::Exists => Seen::There,
        },
        Err(_) => Seen::Away(format!("no answer within {LOOK:?}")),
    }
}
