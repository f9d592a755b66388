//! A TCP proxy for tests, between a shop and what it stands on: it delays, starves, cuts and swallows on command.
//!
//! A [`Proxy`] stands before one server, on a port that stays its own. How it treats bytes and those who connect is a
//! [`Wire`], set at any moment and in force at once, for connections there are as well as for new ones; [`Wire::default`] is
//! sound. What happens to connections at one moment is an [`End`]; what is to happen to one of them at a certain byte or
//! message is a [`Cut`]. Everything is counted ([`Counts`]): a fault that hit nothing can be told from one that did.
//!
//! | fault | how |
//! |---|---|
//! | latency, jitter | [`Way::delay`], [`Way::jitter`]; bytes keep their order |
//! | bandwidth | [`Way::bytes_per_second`] |
//! | black hole | [`Flow::Swallowed`]: everything is read, nothing passes on, nobody is told |
//! | pause | [`Flow::Held`]: nothing is read, so that who sends has to stop at last; later all of it passes |
//! | refused | [`Door::Gone`]: nobody listens; [`Door::Slammed`]: taken, and reset at once (and counted) |
//! | reset, close | [`Proxy::end_all`] with [`End::Reset`] or [`End::Closed`] |
//! | half open | [`End::Unheard`]: it has ended for the server, and who connected hears nothing of it |
//! | cut after a given message, or so many bytes | [`Proxy::cut`] |
//!
//! It knows no protocol: a message is the bytes it begins with. What TLS hides cannot be found.

mod carry;
mod counts;
mod cut;
mod wire;

pub use counts::Counts;
pub use cut::{Cut, Moment, When};
pub use wire::{Door, Flow, Way, Wire};

use carry::Line;
use counts::Counters;
use cut::Blade;
use std::{
    collections::HashMap,
    io,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::watch,
    task::AbortHandle,
};

/// Connections that may wait to be accepted: a crowd comes at once.
const BACKLOG: u32 = 4_096;
/// Between two tries to listen again where it listened before.
const AGAIN: Duration = Duration::from_millis(20);

/// How all connections end at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// RST to both sides: what was under way is lost.
    Reset,
    /// FIN to both sides.
    Closed,
    /// The server's side is reset; the other side hears nothing, and what it sends goes nowhere.
    Unheard,
}

/// The proxy. It ends with its last handle's drop, and all its connections with it.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    listening: AbortHandle,
}

/// What the connections of a proxy share.
pub(crate) struct Shared {
    server: SocketAddr,
    wire: watch::Sender<Wire>,
    lines: Mutex<HashMap<u64, Arc<Line>>>,
    pub(crate) blade: Blade,
    pub(crate) counters: Counters,
    names: AtomicU64,
}

impl Proxy {
    /// A sound wire to `server`, on a free port of this machine. `seed` decides the jitter.
    ///
    /// # Errors
    /// No port could be had.
    pub async fn before(server: SocketAddr, seed: u64) -> io::Result<Self> {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), server, seed).await
    }

    /// The same on a certain address: one below those that the system gives to outgoing connections can also be
    /// [`Door::Gone`] for a while without anybody else taking it.
    ///
    /// # Errors
    /// The address is taken.
    pub async fn at(address: SocketAddr, server: SocketAddr, seed: u64) -> io::Result<Self> {
        let listener = listen(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            server,
            wire: watch::Sender::new(Wire::default()),
            lines: Mutex::default(),
            blade: Blade::default(),
            counters: Counters::default(),
            names: AtomicU64::new(seed),
        });
        let listening = tokio::spawn(Arc::clone(&shared).accept(address, listener)).abort_handle();
        Ok(Self { address, shared, listening })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on everything is treated so.
    pub fn set(&self, wire: Wire) {
        self.shared.wire.send_replace(wire);
    }

    /// How everything is treated now.
    #[must_use]
    pub fn wire(&self) -> Wire {
        *self.shared.wire.borrow()
    }

    /// Ends every connection there is; how many there were. New ones are taken as the wire says.
    pub fn end_all(&self, how: End) -> u64 {
        let lines: Vec<_> = self.shared.lines().drain().map(|(_, line)| line).collect();
        lines.iter().for_each(|line| line.end(how));
        self.shared.counters.ended.fetch_add(lines.len() as u64, Ordering::Relaxed);
        lines.len() as u64
    }

    /// Cuts one connection when that comes by; replaces what was to be cut before. Whether it has happened shows
    /// [`Counts::cut`].
    pub fn cut(&self, cut: Cut) {
        self.shared.blade.arm(Some(cut));
    }

    /// Nothing is to be cut any more.
    pub fn cut_nothing(&self) {
        self.shared.blade.arm(None);
    }

    /// What has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let open = self.shared.lines().len() as u64;
        self.shared.counters.read(open)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
        self.end_all(End::Reset);
    }
}

impl Shared {
    fn lines(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Line>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes whoever comes, for as long as there is a door.
    async fn accept(self: Arc<Self>, address: SocketAddr, listener: TcpListener) {
        let mut wire = self.wire.subscribe();
        let mut listener = Some(listener);
        loop {
            let door = wire.borrow_and_update().door;
            match (door, &listener) {
                (Door::Gone, _) => {
                    drop(listener.take());
                    if wire.changed().await.is_err() {
                        return;
                    }
                }
                (_, None) => {
                    listener = listen(address).ok();
                    if listener.is_none() {
                        tokio::time::sleep(AGAIN).await;
                    }
                }
                (door, Some(there)) => tokio::select! {
                    accepted = there.accept() => match accepted {
                        Ok((client, _)) => self.take(client, door),
                        // Out of descriptors, or gone before it was taken.
                        Err(_) => tokio::time::sleep(AGAIN).await,
                    },
                    _ = wire.changed() => {}
                },
            }
        }
    }

    fn take(self: &Arc<Self>, client: TcpStream, door: Door) {
        self.counters.accepted.fetch_add(1, Ordering::Relaxed);
        if door == Door::Slammed {
            self.counters.slammed.fetch_add(1, Ordering::Relaxed);
            client.set_zero_linger().unwrap_or_default();
            return;
        }
        let name = self.names.fetch_add(1, Ordering::Relaxed);
        let line = Arc::new(Line::new(name));
        self.lines().insert(name, Arc::clone(&line));
        let shared = Arc::clone(self);
        tokio::spawn(async move {
            carry::connect(client, shared.server, &line, &shared).await;
            shared.lines().remove(&name);
        });
    }

    pub(crate) fn wire(&self) -> watch::Receiver<Wire> {
        self.wire.subscribe()
    }
}

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections that ended a moment ago keep nobody from listening again.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
