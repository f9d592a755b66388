//! The connection, and the circuit breaker around it.
//!
//! Commands travel on one connection, many at once. When it breaks, or is silent for a whole response timeout, it is given up:
//! from then on commands fail at once, unsent, and one probe in the background tries every 100 ms to come back. The driver's
//! own reconnecting manager lets commands wait for the new connection instead, and cannot say whether one was sent.

use super::{
    connect::{self, Attempt},
    fault::Fault,
    scripts::Digests,
};
use redis::{Client, Cmd, Pipeline, Value, aio::MultiplexedConnection};
use stampede_actors::ports::{PortFailure, PortResult};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::{runtime::Handle, time::sleep};

/// How often a lost server is tried again.
pub(super) const PROBE_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Link {
    client: Client,
    timeout: Duration,
    /// Of the runtime that carries the connection; callers may live on others, which end sooner.
    runtime: Handle,
    line: Mutex<Line>,
    pub(super) digests: Digests,
}

struct Line {
    /// `None` while the server is lost.
    connection: Option<MultiplexedConnection>,
    /// Which connection it is: a late failure of an earlier one says nothing of this.
    number: u64,
}

impl Link {
    pub(super) async fn over(
        client: Client,
        connection: MultiplexedConnection,
        timeout: Duration,
    ) -> PortResult<Arc<Self>> {
        let line = Mutex::new(Line { connection: Some(connection), number: 0 });
        let link = Self { client, timeout, runtime: Handle::current(), line, digests: Digests::default() };
        let link = Arc::new(link);
        link.load_scripts().await?;
        Ok(link)
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// Sends commands in one go, and answers each. Scripts that the server does not know are loaded, and called again.
    pub(super) async fn ask(self: &Arc<Self>, commands: &[Cmd]) -> Vec<PortResult<Value>> {
        let mut answers = self.send(commands).await;
        let strange = |answer: &Result<_, Fault>| matches!(answer, Err(fault) if fault.needs_script);
        let again: Vec<_> = (0..answers.len()).filter(|&at| strange(&answers[at])).collect();
        if !again.is_empty() && self.load_scripts().await.is_ok() {
            let commands: Vec<_> = again.iter().map(|&at| commands[at].clone()).collect();
            for (at, answer) in again.into_iter().zip(self.send(&commands).await) {
                answers[at] = answer;
            }
        }
        answers.into_iter().map(|answer| answer.map_err(|fault| fault.failure)).collect()
    }

    async fn load_scripts(self: &Arc<Self>) -> PortResult<()> {
        let answers = self.send(&Digests::load()).await;
        let digests = answers.into_iter().map(|answer| match answer.map_err(|fault| fault.failure)? {
            Value::BulkString(digest) => Ok(String::from_utf8_lossy(&digest).into_owned()),
            _ => Err(super::wire::garbled()),
        });
        self.digests.learn(digests.collect::<PortResult<_>>()?);
        Ok(())
    }

    async fn send(self: &Arc<Self>, commands: &[Cmd]) -> Vec<Result<Value, Fault>> {
        let (connection, number) = {
            let line = self.line();
            (line.connection.clone(), line.number)
        };
        let Some(mut connection) = connection else {
            let failure = PortFailure::Unavailable("Redis is lost; nothing was sent".into());
            let fault = Fault { failure, needs_script: false, is_lost: false };
            return vec![Err(fault); commands.len()];
        };
        let mut all = Pipeline::with_capacity(commands.len());
        for command in commands {
            all.add_command(command.clone());
        }
        let answers = match connection.send_packed_commands(&all, 0, commands.len()).await {
            Ok(values) if values.len() == commands.len() => values.into_iter().map(judge).collect(),
            Ok(_) => vec![Err(unanswered()); commands.len()],
            Err(error) => vec![Err(Fault::of_connection(&error)); commands.len()],
        };
        if let Some(fault) = answers.iter().filter_map(|answer| answer.as_ref().err()).find(|fault| fault.is_lost) {
            self.lose(number, &fault.failure);
        }
        answers
    }

    /// Gives a connection up, and begins to look for another.
    fn lose(self: &Arc<Self>, number: u64, why: &PortFailure) {
        let mut line = self.line();
        if line.number != number || line.connection.take().is_none() {
            return;
        }
        tracing::warn!(%why, "Redis is lost: no orders are taken until it is back");
        self.runtime.spawn(find_back(Arc::downgrade(self)));
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn judge(value: Value) -> Result<Value, Fault> {
    match value {
        Value::ServerError(error) => Err(Fault::of_server(&error)),
        value => Ok(value),
    }
}

fn unanswered() -> Fault {
    Fault { failure: super::wire::garbled(), needs_script: false, is_lost: true }
}

async fn find_back(link: Weak<Link>) {
    loop {
        let Some(link) = link.upgrade() else { return };
        match connect::attempt(&link.client, link.timeout).await {
            Ok(connection) => {
                let mut line = link.line();
                line.connection = Some(connection);
                line.number += 1;
                tracing::info!("Redis is back");
                return;
            }
            Err(Attempt::NotNow(why)) => tracing::debug!(why, "Redis is still lost"),
            Err(Attempt::Never(error)) => tracing::debug!(%error, "Redis is still lost"),
        }
        drop(link);
        sleep(PROBE_EVERY).await;
    }
}
