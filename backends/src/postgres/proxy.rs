//! A wire between the shop and its server that can be cut, for tests.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// How the wire behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Wire {
    /// Everything passes.
    Sound,
    /// Nothing passes, and nobody is told.
    BlackHole,
    /// Connections are ended, new ones at once.
    Cut,
    /// A `COMMIT` reaches the server; its answer goes no further, and the connection ends.
    CutAfterCommit,
}

/// The wire.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    wire: Arc<AtomicU8>,
}

impl Proxy {
    pub(crate) async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let wire = Arc::new(AtomicU8::new(Wire::Sound as u8));
        let seen = Arc::clone(&wire);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if is(&seen, Wire::Cut) {
                    continue;
                }
                tokio::spawn(carry(client, server, Arc::clone(&seen)));
            }
        });
        Self { port, wire }
    }

    pub(crate) fn set(&self, wire: Wire) {
        self.wire.store(wire as u8, Ordering::SeqCst);
    }
}

fn is(seen: &AtomicU8, wire: Wire) -> bool {
    seen.load(Ordering::SeqCst) == wire as u8
}

async fn carry(client: TcpStream, server: SocketAddr, seen: Arc<AtomicU8>) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
    let mut committing = false;
    loop {
        tokio::select! {
            read = from_client.read(&mut asked) => {
                let Ok(length @ 1..) = read else { return };
                if is(&seen, Wire::Cut) { return }
                if is(&seen, Wire::BlackHole) { continue }
                committing = is(&seen, Wire::CutAfterCommit) && asked[..length].windows(7).any(|word| word == b"COMMIT\0");
                if to_server.write_all(&asked[..length]).await.is_err() { return }
            }
            read = from_server.read(&mut answered) => {
                let Ok(length @ 1..) = read else { return };
                // The server has answered the commit, so it has happened.
                if committing || is(&seen, Wire::Cut) { return }
                if is(&seen, Wire::BlackHole) { continue }
                if to_client.write_all(&answered[..length]).await.is_err() { return }
            }
        }
    }
}
