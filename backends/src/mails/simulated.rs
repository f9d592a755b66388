//! A mail server of our own for tests: as much of SMTP (RFC 5321) as a client needs, over real sockets, with faults on order.

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What becomes of the next step of that name: `HELLO` (the greeting), a command's first word, or `END` of a letter.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fault {
    /// It answers so, and does nothing.
    Says(&'static str, &'static str),
    /// It does it and hangs up.
    HangsUp(&'static str),
    /// It does it and says nothing for a long time.
    FallsSilent(&'static str),
}

impl Fault {
    fn at(self) -> &'static str {
        match self {
            Self::Says(at, _) | Self::HangsUp(at) | Self::FallsSilent(at) => at,
        }
    }
}

/// The server. It ends with its runtime.
#[derive(Clone)]
pub(crate) struct SimulatedServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    heard: Vec<String>,
    received: Vec<String>,
}

impl SimulatedServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((connection, _)) = listener.accept().await {
                let serving = serving.clone();
                // Whoever hangs up in the middle ends it.
                tokio::spawn(async move { drop(serving.serve(connection).await) });
            }
        });
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    pub(crate) fn next(&self, fault: Fault) {
        self.state.lock().unwrap().faults.push_back(fault);
    }

    /// The letters it took, as they came.
    pub(crate) fn received(&self) -> Vec<String> {
        self.state.lock().unwrap().received.clone()
    }

    /// The commands it heard.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.state.lock().unwrap().heard.clone()
    }

    async fn serve(self, connection: TcpStream) -> std::io::Result<()> {
        let (reading, mut writing) = connection.into_split();
        let mut lines = BufReader::new(reading).lines();
        let mut answer = self.answer("HELLO", "220 here", || {}).await;
        loop {
            let Some(said) = answer else { return Ok(()) };
            writing.write_all(format!("{said}\r\n").as_bytes()).await?;
            if said.starts_with("354") {
                let mut letter = String::new();
                while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                    letter += line.strip_prefix('.').unwrap_or(&line);
                    letter += "\r\n";
                }
                answer = self.answer("END", "250 taken", || self.state.lock().unwrap().received.push(letter)).await;
                continue;
            }
            let Some(line) = lines.next_line().await? else { return Ok(()) };
            self.state.lock().unwrap().heard.push(line.clone());
            let command = line.split([' ', ':']).next().unwrap_or_default().to_owned();
            let usual = match command.as_str() {
                "EHLO" => "250-here\r\n250 8BITMIME",
                "DATA" => "354 go on",
                "QUIT" => "221 bye",
                _ => "250 ok",
            };
            answer = self.answer(&command, usual, || {}).await;
        }
    }

    /// What is said to a step; `None`: it hangs up.
    async fn answer(&self, at: &str, usual: &str, done: impl FnOnce()) -> Option<String> {
        let fault = {
            let mut state = self.state.lock().unwrap();
            let is_next = state.faults.front().is_some_and(|fault| fault.at() == at);
            if is_next { state.faults.pop_front() } else { None }
        };
        if let Some(Fault::Says(_, reply)) = fault {
            return Some(reply.to_owned());
        }
        done();
        match fault {
            Some(Fault::HangsUp(_)) => None,
            Some(Fault::FallsSilent(_)) => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                None
            }
            _ => Some(usual.to_owned()),
        }
    }
}
