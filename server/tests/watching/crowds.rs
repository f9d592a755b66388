//! People who go on asking until they are sent home, whatever they are told: here it is watched, not judged.

use crate::{harness::visitor::Visitor, support::key};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

/// Some of them.
pub(crate) struct Crowd {
    leave: Arc<AtomicBool>,
    pub(crate) promised: Arc<AtomicU64>,
    everyone: JoinSet<()>,
}

impl Crowd {
    /// `people` who buy one ticket after the other at these doors, and look at their order and at what is left.
    pub(crate) fn come(doors: &[SocketAddr], people: usize, pause: Duration) -> Self {
        let (leave, promised) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut everyone = JoinSet::new();
        for number in 0..people {
            let (leave, promised, mut visitor) =
                (Arc::clone(&leave), Arc::clone(&promised), Visitor::new(doors, number));
            everyone.spawn(async move {
                let mut turn = 0_u64;
                while !leave.load(Ordering::Relaxed) {
                    turn += 1;
                    let order = key();
                    let answer = visitor.buy(&order, &format!("{number}-{turn}"), 1).await;
                    promised.fetch_add(u64::from(answer.is_some_and(|answer| answer.status == 202)), Ordering::Relaxed);
                    visitor.get(&format!("/api/orders/{order}")).await;
                    visitor.get("/api/tickets/availability").await;
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self { leave, promised, everyone }
    }

    /// Sends them home and waits until all are gone.
    pub(crate) async fn go_home(self) {
        self.leave.store(true, Ordering::Relaxed);
        self.everyone.join_all().await;
    }

    /// Everyone leaves when they can.
    pub(crate) fn may_leave(&self) {
        self.leave.store(true, Ordering::Relaxed);
    }
}
