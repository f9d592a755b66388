//! A `redis-server` of a test's own: killed, stopped, started again.

use std::{
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::time::{Instant, sleep};

pub(super) struct Server {
    directory: tempfile::TempDir,
    port: u16,
    settings: Vec<String>,
    process: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Server {
    pub(super) async fn start(settings: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let directory = tempfile::tempdir().unwrap();
        let settings: Vec<_> = settings.iter().map(|&setting| setting.to_owned()).collect();
        let process = spawn(&directory, port, &settings);
        let server = Self { directory, port, settings, process };
        server.answers().await;
        server
    }

    pub(super) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub(super) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    pub(super) async fn start_again(&mut self) {
        self.process = spawn(&self.directory, self.port, &self.settings);
        self.answers().await;
    }

    pub(super) fn dump(&self) -> PathBuf {
        self.directory.path().join("dump.rdb")
    }

    /// `STOP` or `CONT`.
    pub(super) fn signal(&self, name: &str) {
        let pid = self.process.id().to_string();
        let status = Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap();
        assert!(status.success());
    }

    pub(super) async fn run<T: redis::FromRedisValue>(&self, words: &[&str]) -> redis::RedisResult<T> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_multiplexed_async_connection().await?;
        connection.set_response_timeout(Duration::from_secs(30));
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]);
        command.query_async(&mut connection).await
    }

    pub(super) async fn keys(&self) -> u64 {
        self.run(&["DBSIZE"]).await.unwrap()
    }

    pub(super) async fn used_memory(&self) -> u64 {
        let told: String = self.run(&["INFO", "memory"]).await.unwrap();
        told.lines().find_map(|line| line.strip_prefix("used_memory:")).unwrap().trim().parse().unwrap()
    }

    /// `MEMORY USAGE` of all keys with `part` in their names.
    pub(super) async fn memory_of_keys(&self, part: &str) -> u64 {
        let script = "local all = 0 for _, key in ipairs(redis.call('KEYS', '*' .. ARGV[1] .. '*')) do
            all = all + redis.call('MEMORY', 'USAGE', key) end return all";
        self.run(&["EVAL", script, "0", part]).await.unwrap()
    }

    async fn answers(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            match self.run::<String>(&["PING"]).await {
                Ok(_) => return,
                // It answers, though not to those without a password.
                Err(error) if error.code() == Some("NOAUTH") => return,
                Err(_) => {}
            }
            assert!(Instant::now() < until, "redis-server does not answer");
            sleep(Duration::from_millis(20)).await;
        }
    }
}

fn spawn(directory: &tempfile::TempDir, port: u16, settings: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port", &port.to_string(), "--dir"]);
    command.arg(directory.path()).args(settings).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("because redis-server is installed where these tests run (apt-get install redis-server)")
}
