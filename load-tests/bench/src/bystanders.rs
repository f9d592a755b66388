//! Those who are there and buy nothing: connections that have asked once, and streams of live numbers that are read. A process of
//! their own, or the generator's latencies would be their doing.

use crate::load::Connection;
use anyhow::{Context, ensure};
use std::{
    cell::Cell,
    io::{BufRead, BufReader, Read},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, ExitCode, Stdio},
    rc::Rc,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::JoinSet,
};

const LOOK: &[u8] = b"GET /api/tickets/availability HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
const STREAM: &[u8] =
    b"GET /api/v1/events/frequency-festival/availability/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: text/event-stream\r\n\r\n";
/// The server closes a connection that has been idle for 15 s.
const LOOK_AGAIN: Duration = Duration::from_secs(10);
/// Every message of a stream begins so.
const MESSAGE: &[u8] = b"event: availability";

/// How many there are.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Bystanders {
    /// Where.
    #[arg(long)]
    to: SocketAddr,
    /// Idle connections.
    #[arg(long)]
    idle: usize,
    /// Readers of live numbers.
    #[arg(long)]
    watchers: usize,
}

impl Bystanders {
    pub(crate) fn at(to: SocketAddr, idle: usize, watchers: usize) -> Self {
        Self { to, idle, watchers }
    }

    /// Comes, says so on a line, stays until the input is closed, and says how many messages were read.
    pub(crate) async fn stay(self) -> anyhow::Result<ExitCode> {
        let (mut all, messages) = (JoinSet::new(), Rc::new(Cell::new(0_u64)));
        for _ in 0..self.idle {
            let mut connection = Connection::open(self.to).await?;
            ensure!(connection.exchange(LOOK).await? == 200, "an idle connection was not answered");
            all.spawn_local(idle(connection));
        }
        for _ in 0..self.watchers {
            let mut stream = TcpStream::connect(self.to).await?;
            stream.write_all(STREAM).await?;
            all.spawn_local(watch(stream, Rc::clone(&messages)));
        }
        crate::print("here\n");
        let told = tokio::task::spawn_blocking(|| std::io::stdin().read(&mut [0])).await?;
        told.context("the input cannot be read")?;
        // Who has gone before was sent away, and there were fewer of them than it says.
        let gone = std::iter::from_fn(|| all.try_join_next()).count();
        crate::print(&format!("{gone} {}\n", messages.get()));
        Ok(ExitCode::SUCCESS)
    }

    /// Lets them come; returns when they are all there.
    pub(crate) fn come(self) -> anyhow::Result<Present> {
        let Self { to, idle, watchers } = self;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bystand", "--to", &to.to_string(), "--idle", &idle.to_string()]);
        command.args(["--watchers", &watchers.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("bystanders cannot be started")?;
        let mut says = BufReader::new(process.stdout.take().context("a process without its output")?);
        ensure!(line(&mut says)? == "here", "the bystanders could not all come");
        Ok(Present { process, says })
    }
}

/// Bystanders who are there.
pub(crate) struct Present {
    process: Child,
    says: BufReader<ChildStdout>,
}

impl Present {
    /// Sends them away; how many messages they have read meanwhile. Fails when not all of them were there until now.
    pub(crate) fn leave(mut self) -> anyhow::Result<u64> {
        drop(self.process.stdin.take());
        let said = line(&mut self.says)?;
        let (gone, messages) = said.split_once(' ').with_context(|| format!("not understood: {said}"))?;
        ensure!(gone == "0", "{gone} bystanders did not stay");
        Ok(messages.parse()?)
    }
}

impl Drop for Present {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn line(says: &mut impl BufRead) -> anyhow::Result<String> {
    let mut line = String::new();
    says.read_line(&mut line)?;
    Ok(line.trim().to_owned())
}

/// Ends when the connection does.
async fn idle(mut connection: Connection) {
    loop {
        tokio::time::sleep(LOOK_AGAIN).await;
        if connection.exchange(LOOK).await.is_err() {
            return;
        }
    }
}

async fn watch(mut stream: TcpStream, messages: Rc<Cell<u64>>) {
    let mut read = [0; 2048];
    while let Ok(count @ 1..) = stream.read(&mut read).await {
        messages.set(messages.get() + begun(&read[..count]));
    }
}

/// How many messages begin in these bytes; a name that is cut in two is not seen, and too few are counted.
fn begun(bytes: &[u8]) -> u64 {
    bytes.windows(MESSAGE.len()).filter(|window| *window == MESSAGE).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_a_stream_are_counted_by_their_beginnings() {
        assert_eq!(begun(b"event: availability\ndata: {}\n\nevent: availability\ndata: {}\n\n"), 2);
        assert_eq!(begun(b": still here\n\n"), 0);
    }
}
