//! Closed loop: as many buyers as there are connections, each asking again as soon as it is answered. Shows what a server can
//! do and what a request costs; its latencies flatter a server that stalls, which is why goals about latency use the open loop.

use super::{Connection, Outcome, Requests, outcome::Watch};
use std::{
    cell::RefCell,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// How long a buyer waits before trying again after a refusal that asks for it, or a broken connection.
const PAUSE: Duration = Duration::from_millis(20);

/// When a buyer stops.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Until {
    /// After this long.
    Elapsed(Duration),
    /// At the first 409: everything is sold or claimed. Gives up after this long.
    SoldOut(Duration),
}

/// A closed loop.
pub(crate) struct ClosedLoop {
    /// Where to.
    pub(crate) to: SocketAddr,
    /// Buyers at a time.
    pub(crate) connections: usize,
    /// When to end.
    pub(crate) until: Until,
    /// Every so many requests of a connection its buyer hangs up without reading; 0: nobody does.
    pub(crate) hang_up_every: u32,
}

impl ClosedLoop {
    /// Everybody comes.
    pub(crate) async fn run(&self, requests: &Requests) -> std::io::Result<Outcome> {
        let outcome = Rc::new(RefCell::new(Outcome::default()));
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(self.to).await?);
        }
        let watch = Watch::start();
        let mut buyers = JoinSet::new();
        for connection in connections {
            let buyer = Buyer {
                to: self.to,
                connection,
                requests: requests.another(),
                until: self.until,
                hang_up_every: self.hang_up_every,
                outcome: Rc::clone(&outcome),
            };
            buyers.spawn_local(buyer.buy());
        }
        while buyers.join_next().await.is_some() {}
        let mut outcome = outcome.take();
        watch.stop(&mut outcome);
        Ok(outcome)
    }
}

struct Buyer {
    to: SocketAddr,
    connection: Connection,
    requests: Requests,
    until: Until,
    hang_up_every: u32,
    outcome: Rc<RefCell<Outcome>>,
}

impl Buyer {
    async fn buy(mut self) {
        let (Until::Elapsed(time) | Until::SoldOut(time)) = self.until;
        let ends = Instant::now() + time;
        let mut count = 0_u32;
        loop {
            let began = Instant::now();
            if began >= ends {
                return;
            }
            count = count.wrapping_add(1);
            if self.hang_up_every > 0 && count.is_multiple_of(self.hang_up_every) {
                self.hang_up().await;
                continue;
            }
            match self.connection.exchange(self.requests.next()).await {
                Ok(status) => {
                    self.outcome.borrow_mut().answered(status, began.elapsed());
                    match (status, self.until) {
                        (409, Until::SoldOut(_)) => return,
                        (200..300, _) | (409, _) => {}
                        _ => tokio::time::sleep(PAUSE).await,
                    }
                }
                Err(_) => {
                    self.outcome.borrow_mut().broken += 1;
                    self.reconnect().await;
                }
            }
        }
    }

    async fn hang_up(&mut self) {
        let sent = self.connection.send(self.requests.next()).await;
        if sent.is_ok() {
            self.outcome.borrow_mut().hung_up += 1;
        }
        self.reconnect().await;
    }

    async fn reconnect(&mut self) {
        match Connection::open(self.to).await {
            Ok(connection) => self.connection = connection,
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
