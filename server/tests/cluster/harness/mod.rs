//! A whole shop of its own: Postgres, Redis, the Pub/Sub server, web nodes and writers. Everything can be killed, frozen and
//! started again; whatever happens to the test, nothing is left running.

#![expect(
    dead_code,
    clippy::unwrap_used,
    reason = "two test programs use their parts, and a test stops where it cannot go on"
)]

pub(crate) mod books;
pub(crate) mod buyers;
pub(crate) mod door;
pub(crate) mod node;
pub(crate) mod observer;
pub(crate) mod record;
pub(crate) mod servers;
pub(crate) mod verdict;
pub(crate) mod visitor;

use crate::support::until;
use door::Door;
use node::{Node, Settings};
use servers::{Home, Server, run, said};
use std::{
    collections::HashMap,
    process::{Command, Output},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_stampede");
/// How long anything may take that is waited for: far longer than it takes on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Counts the units that are claimed, of every pool: the 17th number of a book's head (`lua/book.lua`).
pub(crate) const CLAIMED: &str = "local claimed = 0
    for _, key in ipairs(redis.call('KEYS', '*:head')) do
        claimed = claimed + struct.unpack('<i8', redis.call('GET', key), 129)
    end";

/// The three servers, with an empty shop on them.
pub(crate) struct Grounds {
    pub(crate) postgres: Server,
    pub(crate) redis: Server,
    pub(crate) pubsub: Server,
    /// Those of the small commands, as the owner of the database.
    pub(crate) settings: Settings,
    /// `DATABASE_URL` of writers, and of web nodes.
    pub(crate) writer_database: String,
    pub(crate) web_database: String,
    /// Last: it goes when everything else is gone.
    pub(crate) home: Home,
}

impl Grounds {
    pub(crate) async fn open() -> Self {
        let home = Home::new();
        let [postgres, redis, pubsub] = ["postgres", "redis", "pubsub"].map(|name| Server::new(name, &home.directory));
        tokio::join!(postgres.tell("start", &[]), redis.tell("start", &[]), pubsub.tell("start", &[]));
        let mut scratch = Command::new(format!("{}/scratch", servers::SCRIPTS));
        scratch.arg(BINARY).env("STAMPEDE_TEST_POSTGRES_URL", postgres.url());
        scratch.env("STAMPEDE_TEST_REDIS_URL", redis.url()).env("STAMPEDE_TEST_PUBSUB_ENDPOINT", pubsub.url());
        let made = said(run(scratch).await, "an empty shop is made");
        let mut settings = Settings::new();
        for (name, value) in made.lines().filter_map(|line| line.split_once('=')) {
            // A handful a cluster.
            settings.insert(name.to_owned().leak(), value.to_owned());
        }
        let mut login = |name| settings.remove(name).unwrap();
        let (writer_database, web_database) =
            (login("STAMPEDE_WRITER_DATABASE_URL"), login("STAMPEDE_WEB_DATABASE_URL"));
        let usual = [
            ("STAMPEDE_HTTP_ADDR", "127.0.0.1:0"),
            ("STAMPEDE_OPS_ADDR", "127.0.0.1:0"),
            ("STAMPEDE_DEMO_OPENS_IN", "0s"),
            ("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "0"),
            ("STAMPEDE_LOG", "info,actix_server=warn,actix_http=off"),
        ];
        settings.extend(usual.map(|(name, value)| (name, value.to_owned())));
        Self { postgres, redis, pubsub, settings, writer_database, web_database, home }
    }

    /// Some statements as Postgres' superuser, one after the other in one session, in the shop's database.
    pub(crate) async fn sql(&self, statements: &[&str]) -> String {
        let mut psql = Command::new("psql");
        psql.args([&self.settings["DATABASE_URL"], "-XqAt"]);
        for statement in statements {
            psql.args(["-c", statement]);
        }
        said(run(psql).await, statements[0])
    }

    /// Something to Redis.
    pub(crate) async fn redis(&self, words: &[&str]) -> String {
        let mut client = Command::new("redis-cli");
        client.args(["-u", &self.redis.url()]).args(words);
        said(run(client).await, &words.join(" "))
    }

    /// Some commands to Redis, one a line, on one connection.
    pub(crate) async fn redis_steps(&self, steps: &str) -> String {
        let mut shell = Command::new("bash");
        shell.args(["-c", "redis-cli -u \"$0\" <<<\"$1\"", &self.redis.url(), steps]);
        said(run(shell).await, "some commands to Redis")
    }

    /// Empties Redis at a moment when so many units at least are claimed, and says how many: as many orders may lose their
    /// promise. All in one script, so that nobody claims in between.
    pub(crate) async fn empty_redis(&self, at_least: u64) -> u64 {
        let empty = format!("if claimed >= {at_least} then redis.call('FLUSHALL') return claimed else return 0 end");
        let mut claimed = 0;
        until("units are claimed", &mut async || {
            claimed = self.redis(&["eval", &format!("{CLAIMED} {empty}"), "0"]).await.parse().unwrap();
            claimed > 0
        })
        .await;
        claimed
    }

    /// Kills Redis, and says how many units were claimed in it: counted and held still in one step, so that nobody claims in
    /// between.
    pub(crate) async fn kill_redis(&self) -> u64 {
        let count = format!("{} return claimed", CLAIMED.replace('\n', " "));
        until("units are claimed", &mut async || self.redis(&["eval", &count, "0"]).await.parse::<u64>().unwrap() > 0)
            .await;
        let answer = self.redis_steps(&format!("MULTI\nEVAL \"{count}\" 0\nCLIENT PAUSE 60000 ALL\nEXEC\n")).await;
        self.redis.tell("kill", &[]).await;
        // Of the last two lines, which are what EXEC answers.
        let counted = answer.lines().rev().nth(1).and_then(|line| line.trim().parse().ok());
        counted.unwrap_or_else(|| panic!("no count: {answer}"))
    }

    /// What the Pub/Sub server does wrong from now on; `{}`: nothing.
    pub(crate) async fn pubsub_faults(&self, faults: &str) {
        let request = door::client().put(format!("{}/faults", self.pubsub.url())).body(faults.to_owned());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{faults}: {answer:?}");
    }

    /// Has the Pub/Sub server do something at once: `expire-leases`, `drop-streams`.
    pub(crate) async fn pubsub_does(&self, what: &str) -> serde_json::Value {
        let answer = door::client().post(format!("{}/{what}", self.pubsub.url())).send().await.unwrap();
        crate::support::json(answer).await
    }

    /// A counter of the Pub/Sub server, summed over all subscriptions.
    pub(crate) async fn pubsub_total(&self, counter: &str) -> u64 {
        let stats = self.pubsub_stats().await;
        stats["subscriptions"].as_object().unwrap().values().map(|one| one[counter].as_u64().unwrap()).sum()
    }

    /// What the Pub/Sub server has counted.
    pub(crate) async fn pubsub_stats(&self) -> serde_json::Value {
        let answer = door::client().get(format!("{}/stats", self.pubsub.url())).send().await.unwrap();
        crate::support::json(answer).await
    }
}

/// The shop.
pub(crate) struct Cluster {
    pub(crate) webs: Vec<Node>,
    pub(crate) writers: Vec<Node>,
    pub(crate) door: Door,
    pub(crate) capacity: u64,
    /// Most units of one buyer.
    pub(crate) limit: Option<u32>,
    nginx: Server,
    pub(crate) grounds: Grounds,
}

impl Cluster {
    /// A shop of two web nodes and two writers behind a proxy that sells `capacity` tickets from now on.
    pub(crate) async fn selling(capacity: u32) -> Self {
        Self::on(Grounds::open().await, capacity, None, |_, _| {}).await
    }

    /// The same on these servers, at most `limit` tickets a buyer; `wire` may change where a node finds its servers.
    pub(crate) async fn on(
        mut grounds: Grounds,
        capacity: u32,
        limit: Option<u32>,
        wire: impl Fn(&str, &mut Settings),
    ) -> Self {
        grounds.settings.insert("STAMPEDE_DEMO_CAPACITY", capacity.to_string());
        grounds.settings.insert("STAMPEDE_DEMO_LIMIT_PER_BUYER", limit.unwrap_or(0).to_string());
        let home = &grounds.home.directory;
        let node = |role: &str, number: usize, database: &str| {
            let mut settings: HashMap<_, _> = grounds.settings.clone();
            settings.insert("STAMPEDE_ROLE", role.to_owned());
            settings.insert("DATABASE_URL", database.to_owned());
            let name = format!("{role}-{number}");
            wire(&name, &mut settings);
            (name, settings)
        };
        let writers = [1, 2].map(|number| {
            let (name, settings) = node("writer", number, &grounds.writer_database);
            Node::new(name, settings, home)
        });
        // Where the proxy knows them, in all their lives.
        let doors = [(); 2].map(|()| free_address());
        let webs = [1, 2].map(|number| {
            let (name, mut settings) = node("web", number, &grounds.web_database);
            settings.insert("STAMPEDE_HTTP_ADDR", doors[number - 1].clone());
            Node::new(name, settings, home)
        });
        let nginx = Server::new("nginx", home);
        std::fs::create_dir(nginx.directory()).unwrap();
        std::fs::write(nginx.directory().join("nodes"), doors.join("\n") + "\n").unwrap();
        nginx.tell("start", &[]).await;
        let door = Door::new(&nginx.url(), doors.iter().map(|address| address.parse().unwrap()).collect());
        let (webs, writers, capacity) = (webs.into(), writers.into(), capacity.into());
        let mut cluster = Self { webs, writers, door, capacity, limit, nginx, grounds };
        for writer in 0..2 {
            cluster.writers[writer].start().await;
        }
        for web in 0..2 {
            cluster.start_web(web).await;
        }
        cluster
    }

    /// Starts a web node and waits until it can sell.
    pub(crate) async fn start_web(&mut self, web: usize) {
        self.webs[web].start().await;
        self.webs[web].until_ready().await;
    }

    /// How often the proxy has met a node that was not there, or did not answer.
    pub(crate) fn proxy_complaints(&self) -> u64 {
        let log = std::fs::read_to_string(self.nginx.directory().join("log")).unwrap_or_default();
        log.lines().filter(|line| line.contains("upstream")).count() as u64
    }

    /// Every process, those who write first.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.writers.iter().chain(&self.webs)
    }

    /// A small command on the shop.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(BINARY);
        command.args(arguments).env_clear().envs(&self.grounds.settings).current_dir(&self.grounds.home.directory);
        run(command).await
    }

    /// What a small command prints that must succeed.
    pub(crate) async fn run_well(&self, arguments: &[&str]) -> String {
        said(self.run(arguments).await, &arguments.join(" "))
    }

    /// What `stampede audit` prints, which must find every law holding.
    pub(crate) async fn audit(&self) -> String {
        let output = self.run(&["audit"]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    }
}

/// An address where nobody listens, below the ports that the system gives to outgoing connections: who is down keeps it.
pub(crate) fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let first = std::process::id().wrapping_mul(97);
    loop {
        let port = 15_000 + first.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % 17_000;
        let address = format!("127.0.0.1:{port}");
        if std::net::TcpListener::bind(&address).is_ok() {
            return address;
        }
    }
}
