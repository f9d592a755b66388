//! Open loop: buyers arrive at a rate, whatever the server does, and their latency counts from when they meant to send. So a
//! server that stalls pays for everybody who came meanwhile (no coordinated omission).
//!
//! The rate may change from phase to phase. Some hang up once they have asked; whoever is told to come back later may do so.

use super::{
    Connection, Outcome, Requests,
    outcome::Watch,
    queue::{Arrival, Queue},
    request::Order,
    timeline::Timeline,
};
use std::{
    cell::{Cell, RefCell},
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

/// So many a second for so long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Phase {
    /// Arrivals a second.
    pub(crate) rate: f64,
    /// How long they come.
    pub(crate) time: Duration,
}

/// An open loop.
pub(crate) struct OpenLoop {
    /// Where to.
    pub(crate) to: SocketAddr,
    /// Connections that carry the arrivals.
    pub(crate) connections: usize,
    /// How many come, one phase after the other.
    pub(crate) phases: Vec<Phase>,
    /// Every so many arrivals one hangs up without reading; 0: nobody does.
    pub(crate) hang_up_every: u32,
    /// Who was refused with a `Retry-After` comes back then with the same order, until so long after the last phase; zero: nobody
    /// does. Those who are back count among the arrivals of the rate: new ones only fill it up.
    pub(crate) come_back_for: Duration,
}

struct Line {
    queue: RefCell<Queue>,
    arrived: Semaphore,
    /// Sent, and not answered yet.
    asking: Cell<usize>,
    outcome: RefCell<Outcome>,
    timeline: RefCell<Timeline>,
}

impl OpenLoop {
    /// One rate, and nobody hangs up or comes back.
    pub(crate) fn steady(to: SocketAddr, connections: usize, rate: f64, time: Duration) -> Self {
        Self { to, connections, phases: vec![Phase { rate, time }], hang_up_every: 0, come_back_for: Duration::ZERO }
    }

    /// Everybody comes, for this one kind of request.
    pub(crate) async fn run(&self, requests: &Requests) -> std::io::Result<Outcome> {
        Ok(self.run_mixed(std::slice::from_ref(requests)).await?.0)
    }

    /// Arrivals take the kinds of requests in turn; what came of it, in all and second by second.
    pub(crate) async fn run_mixed(&self, turns: &[Requests]) -> std::io::Result<(Outcome, Timeline)> {
        let mut servants = JoinSet::new();
        let mut connections = Vec::with_capacity(self.connections);
        for _ in 0..self.connections {
            connections.push(Connection::open(self.to).await?);
        }
        let watch = Watch::start();
        let line = Rc::new(Line {
            queue: RefCell::new(Queue::new(turns.len(), self.hang_up_every)),
            arrived: Semaphore::new(0),
            asking: Cell::new(0),
            outcome: RefCell::default(),
            timeline: RefCell::new(Timeline::begin()),
        });
        for connection in connections {
            let turns = turns.iter().map(Requests::another).collect();
            let servant = Servant {
                to: self.to,
                connection,
                turns,
                returns: !self.come_back_for.is_zero(),
                line: Rc::clone(&line),
            };
            servants.spawn_local(servant.serve());
        }
        self.arrive(&line).await;
        // What was sent or waits is still answered; then the line closes.
        while line.queue.borrow().waiting() > 0 {
            tokio::time::sleep(GRID).await;
        }
        line.arrived.close();
        while servants.join_next().await.is_some() {}
        let mut outcome = line.outcome.take();
        outcome.never_back = line.queue.borrow().away() as u64;
        watch.stop(&mut outcome);
        Ok((outcome, line.timeline.replace(Timeline::begin())))
    }

    fn time(&self) -> Duration {
        self.phases.iter().map(|phase| phase.time).sum()
    }

    async fn arrive(&self, line: &Line) {
        let began = Instant::now();
        let (mut ticks, ends) = (grid(self.time() + self.come_back_for), began + self.time());
        let mut owed = 0.0;
        while let Some(intended) = ticks.recv().await {
            let rate = self.rate_at(intended.saturating_duration_since(began));
            let is_over = intended >= ends;
            if is_over && line.queue.borrow().is_over() && line.asking.get() == 0 {
                return;
            }
            owed += if is_over { 0.0 } else { rate * GRID.as_secs_f64() };
            owed -= f64::from(line.let_back_in(intended));
            while owed >= 1.0 {
                owed -= 1.0;
                line.let_in(intended, rate * PATIENCE_S);
            }
        }
    }

    /// In the last phase's end its rate goes on: the grid's last ticks are that phase's.
    fn rate_at(&self, since: Duration) -> f64 {
        let mut ends = Duration::ZERO;
        for phase in &self.phases {
            ends += phase.time;
            if since < ends {
                return phase.rate;
            }
        }
        self.phases.last().map_or(0.0, |phase| phase.rate)
    }
}

impl Line {
    /// One more, unless too many wait.
    fn let_in(&self, intended: Instant, most: f64) {
        self.timeline.borrow_mut().asked(intended, false);
        if self.queue.borrow().waiting() as f64 >= most {
            self.outcome.borrow_mut().dropped += 1;
        } else {
            self.queue.borrow_mut().join(intended);
            self.arrived.add_permits(1);
        }
    }

    /// Those whose time to come back it is; how many.
    fn let_back_in(&self, now: Instant) -> u32 {
        let mut count = 0;
        while let Some(intended) = self.queue.borrow_mut().come_back(now) {
            self.timeline.borrow_mut().asked(intended, true);
            self.outcome.borrow_mut().came_back += 1;
            self.arrived.add_permits(1);
            count += 1;
        }
        count
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

/// One connection, which carries arrivals one after the other until the line closes.
struct Servant {
    to: SocketAddr,
    connection: Connection,
    turns: Vec<Requests>,
    returns: bool,
    line: Rc<Line>,
}

impl Servant {
    async fn serve(mut self) {
        let line = Rc::clone(&self.line);
        while let Ok(arrival) = line.arrived.acquire().await {
            arrival.forget();
            let Some(arrival) = line.queue.borrow_mut().next() else { continue };
            line.asking.set(line.asking.get() + 1);
            if self.connection.is_stale() {
                self.reconnect().await;
            }
            if arrival.hangs_up {
                self.hang_up(&arrival).await;
            } else {
                self.ask(&arrival).await;
            }
            line.asking.set(line.asking.get() - 1);
        }
    }

    async fn ask(&mut self, arrival: &Arrival) {
        let requests = &mut self.turns[arrival.turn];
        let order = arrival.order.or_else(|| requests.fresh());
        match self.connection.exchange(requests.bytes_of(order)).await {
            Ok(status) => {
                let latency = arrival.intended.elapsed();
                self.line.outcome.borrow_mut().answered(status, latency);
                self.line.timeline.borrow_mut().answered(arrival.intended, status, latency);
                self.perhaps_again(arrival.turn, status, order);
            }
            Err(_) => {
                self.line.outcome.borrow_mut().broken += 1;
                self.reconnect().await;
            }
        }
    }

    /// Exactly when it was told to: what keeps a crowd apart must be the server's own jitter.
    fn perhaps_again(&self, turn: usize, status: u16, order: Option<Order>) {
        let (true, 503 | 429, Some(order)) = (self.returns, status, order) else { return };
        if let Some(wait) = self.connection.retry_after() {
            self.line.queue.borrow_mut().go_away(Instant::now() + wait, turn, order);
        }
    }

    async fn hang_up(&mut self, arrival: &Arrival) {
        let requests = &mut self.turns[arrival.turn];
        let order = arrival.order.or_else(|| requests.fresh());
        if self.connection.send(requests.bytes_of(order)).await.is_ok() {
            self.line.outcome.borrow_mut().hung_up += 1;
        }
        self.reconnect().await;
    }

    async fn reconnect(&mut self) {
        if let Ok(another) = Connection::open(self.to).await {
            self.connection = another;
        }
    }
}
