//! Open loop: buyers arrive at a rate, whatever the server does, and their latency counts from when they meant to send. So a
//! server that stalls pays for everybody who came meanwhile (no coordinated omission).

use super::{Connection, Outcome, Requests, outcome::Watch};
use std::{
    cell::RefCell,
    collections::VecDeque,
    net::SocketAddr,
    rc::Rc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc},
    task::JoinSet,
};

/// Arrivals come every so often, as many as the rate asks for. A thread of its own keeps this grid: a timer of the runtime
/// would be up to a millisecond late.
const GRID: Duration = Duration::from_millis(1);
/// Arrivals that may wait for a connection, in seconds of the rate; those beyond are dropped, and counted.
const PATIENCE_S: f64 = 1.0;

/// An open loop.
pub(crate) struct OpenLoop {
    /// Where to.
    pub(crate) to: SocketAddr,
    /// Connections that carry the arrivals.
    pub(crate) connections: usize,
    /// Arrivals a second.
    pub(crate) rate: f64,
    /// How long they come.
    pub(crate) time: Duration,
}

struct Line {
    waiting: RefCell<VecDeque<Instant>>,
    arrived: Semaphore,
    outcome: RefCell<Outcome>,
}

impl OpenLoop {
    /// Everybody comes.
    pub(crate) async fn run(&self, requests: &Requests) -> std::io::Result<Outcome> {
        let line =
            Rc::new(Line { waiting: RefCell::default(), arrived: Semaphore::new(0), outcome: RefCell::default() });
        let mut servants = JoinSet::new();
        for _ in 0..self.connections {
            let connection = Connection::open(self.to).await?;
            servants.spawn_local(serve(self.to, connection, requests.another(), Rc::clone(&line)));
        }
        let watch = Watch::start();
        self.arrive(&line).await;
        // What was sent or waits is still answered; then the line closes.
        while !line.waiting.borrow().is_empty() {
            tokio::time::sleep(GRID).await;
        }
        line.arrived.close();
        while servants.join_next().await.is_some() {}
        let mut outcome = line.outcome.take();
        watch.stop(&mut outcome);
        Ok(outcome)
    }

    async fn arrive(&self, line: &Line) {
        let mut ticks = grid(self.time);
        let most = self.rate * PATIENCE_S;
        let mut owed = 0.0;
        while let Some(intended) = ticks.recv().await {
            owed += self.rate * GRID.as_secs_f64();
            while owed >= 1.0 {
                owed -= 1.0;
                if line.waiting.borrow().len() as f64 >= most {
                    line.outcome.borrow_mut().dropped += 1;
                } else {
                    line.waiting.borrow_mut().push_back(intended);
                    line.arrived.add_permits(1);
                }
            }
        }
    }
}

/// Intended times, each told when it has come.
fn grid(time: Duration) -> mpsc::UnboundedReceiver<Instant> {
    let (tell, ticks) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        let began = Instant::now();
        let mut next = began + GRID;
        while next < began + time {
            std::thread::sleep(next.saturating_duration_since(Instant::now()));
            if tell.send(next).is_err() {
                return;
            }
            next += GRID;
        }
    });
    ticks
}

/// Carries arrivals one after the other, until the line closes.
async fn serve(to: SocketAddr, mut connection: Connection, mut requests: Requests, line: Rc<Line>) {
    while let Ok(arrival) = line.arrived.acquire().await {
        arrival.forget();
        let Some(intended) = line.waiting.borrow_mut().pop_front() else { continue };
        match connection.exchange(requests.next()).await {
            Ok(status) => line.outcome.borrow_mut().answered(status, intended.elapsed()),
            Err(_) => {
                line.outcome.borrow_mut().broken += 1;
                if let Ok(another) = Connection::open(to).await {
                    connection = another;
                }
            }
        }
    }
}
