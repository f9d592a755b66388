//! The shops that are watched, and what is done to them.

use crate::{
    crowds::Crowd,
    embedded::Embedded,
    harness::{Cluster, Grounds, door::address, servers::Server},
    prometheus::Prometheus,
    support::{key, until},
};
use bytes::Bytes;
use stampede_actors::ports::Outgoing;
use stampede_server::{config::Config, wiring::Ports};
use std::{
    process::{Command, Stdio},
    sync::{Mutex, atomic::Ordering},
    time::Duration,
};

/// Tickets: more than are sold meanwhile.
const CAPACITY: u32 = 200_000;

/// Both of them, with the exporters of their servers.
pub(crate) struct Shops {
    pub(crate) cluster: Cluster,
    pub(crate) embedded: Embedded,
    exporters: [(&'static str, Server); 2],
    crowd: Mutex<Option<Crowd>>,
    pressing: Mutex<Option<Crowd>>,
    elsewhere: Mutex<Option<Crowd>>,
}

impl Shops {
    pub(crate) async fn open() -> Self {
        let grounds = Grounds::open().await;
        let exporters = [
            ("redis", "redis-exporter", grounds.redis.url()),
            ("postgres", "postgres-exporter", grounds.settings["DATABASE_URL"].clone()),
        ];
        let exporters = exporters.map(|(job, name, watches)| {
            let server = Server::new(name, &grounds.home.directory);
            std::fs::create_dir(server.directory()).unwrap();
            std::fs::write(server.directory().join("watches"), watches).unwrap();
            (job, server)
        });
        tokio::join!(exporters[0].1.tell("start", &[]), exporters[1].1.tell("start", &[]));
        grounds.redis(&["config", "set", "maxmemory", "200mb"]).await;
        let cluster = Cluster::on(grounds, CAPACITY, None, |_, settings| {
            // So small that a crowd which is kept waiting fills it.
            settings.insert("STAMPEDE_INVENTORY_MAILBOX_CAPACITY", "30".to_owned());
            // Everybody comes from this machine, and is to be counted.
            settings.insert("STAMPEDE_LIMIT_EXEMPT", "192.0.2.0/24".to_owned());
            settings.insert("STAMPEDE_LIMIT_ORDERS_PER_SECOND", "2000".to_owned());
            // So that what is not taken is known soon.
            settings.insert("STAMPEDE_PUBSUB_PUBLISH_DEADLINE", "1s".to_owned());
            settings.insert("STAMPEDE_BUYER_ATTEMPTS_PER_SECOND", "5".to_owned());
        })
        .await;
        let embedded = Embedded::open();
        let shops = Self {
            cluster,
            embedded,
            exporters,
            crowd: Mutex::default(),
            pressing: Mutex::default(),
            elsewhere: Mutex::default(),
        };
        until("the embedded shop is ready", &mut async || {
            let ready = crate::harness::door::client().get(format!("{}/readyz", shops.embedded.ops)).send().await;
            ready.is_ok_and(|answer| answer.status().is_success())
        })
        .await;
        shops
    }

    /// Tells Prometheus where everything is.
    pub(crate) fn show_to(&self, prometheus: &Prometheus) {
        let nodes = |role: &str| {
            let of_role = self.cluster.nodes().filter(|node| node.name.starts_with(role));
            of_role.map(|node| (node.name.clone(), node.ops().to_owned())).collect::<Vec<_>>()
        };
        prometheus.look_at("stampede-web", &nodes("web"));
        prometheus.look_at("stampede-writer", &nodes("writer"));
        prometheus.look_at("stampede", &[("embedded".to_owned(), self.embedded.ops.clone())]);
        for (job, exporter) in &self.exporters {
            prometheus.look_at(job, &[((*job).to_owned(), exporter.url())]);
        }
    }

    pub(crate) fn let_the_crowd_in(&self) {
        let pause = Duration::from_millis(60);
        *self.crowd.lock().unwrap() = Some(Crowd::come(&[self.cluster.door.proxy()], 12, pause));
        *self.elsewhere.lock().unwrap() = Some(Crowd::come(&[address(&self.embedded.url)], 2, pause));
    }

    pub(crate) async fn send_the_crowd_home(&self) {
        let crowd = self.crowd.lock().unwrap().take();
        if let Some(crowd) = crowd {
            crowd.go_home().await;
        }
        until("nothing is in flight", &mut async || {
            let mut visitor = self.cluster.door.visitor(None);
            crate::harness::door::numbers(&mut visitor).await.is_some_and(|numbers| numbers.in_flight == 0)
        })
        .await;
    }

    /// Waits until orders are taken again.
    pub(crate) async fn until_calm(&self) {
        let promised = || self.crowd.lock().unwrap().as_ref().map_or(0, |crowd| crowd.promised.load(Ordering::Relaxed));
        let before = promised();
        until("the crowd buys again", &mut async || promised() > before + 50).await;
    }

    /// People who want too many at once, and ask too often.
    pub(crate) fn refuse_some(&self) {
        for _ in 0..4 {
            let mut visitor = self.cluster.door.visitor(None);
            tokio::spawn(async move {
                for _ in 0..300 {
                    visitor.buy(&key(), "somebody", 50).await;
                    visitor.buy(&key(), "somebody", 1).await;
                }
            });
        }
    }

    /// More people at one node than its mailbox has room for.
    pub(crate) async fn press(&self) {
        let doors = [self.cluster.door.webs[1]];
        *self.pressing.lock().unwrap() = Some(Crowd::come(&doors, 120, Duration::from_millis(200)));
    }

    pub(crate) fn stop_pressing(&self) {
        if let Some(crowd) = self.pressing.lock().unwrap().take() {
            crowd.may_leave();
        }
    }

    /// Holds the table of orders as a person in psql would who forgot to commit.
    pub(crate) fn lock_the_orders(&self) {
        let mut psql = Command::new("psql");
        psql.args([&self.cluster.grounds.settings["DATABASE_URL"], "-Xq"]);
        psql.args(["-c", "BEGIN; LOCK TABLE orders IN EXCLUSIVE MODE; SELECT pg_sleep(60)"]);
        let mut holding = psql.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::spawn(move || holding.wait());
    }

    /// Ends that session, as its runbook says.
    pub(crate) async fn unlock_the_orders(&self) {
        let holders = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                       WHERE query LIKE '%LOCK TABLE orders%' AND pid <> pg_backend_pid()";
        self.cluster.grounds.sql(&[holders]).await;
    }

    /// A script that takes its time, as often as it takes to be seen.
    pub(crate) async fn keep_redis_busy(&self) {
        let slow = "local n = 0 for i = 1, 20000000 do n = n + i end return n";
        let sha = self.cluster.grounds.redis(&["script", "load", slow]).await;
        for _ in 0..6 {
            self.cluster.grounds.redis(&["evalsha", &sha, "0"]).await;
        }
    }

    /// Puts what is no order on the bus, as a program would that took the wrong topic.
    pub(crate) async fn poison(&self) {
        let settings = self.cluster.grounds.settings.iter().map(|(name, value)| {
            format!("--{}={value}", name.trim_start_matches("STAMPEDE_").to_lowercase().replace('_', "-"))
        });
        let mut config = Config::of(settings.collect::<Vec<_>>().iter().map(String::as_str)).unwrap();
        config.servers.role = stampede_server::config::Role::Web;
        let (ports, books) = Ports::open(&config).await.unwrap();
        let garbage = Outgoing { payload: Bytes::from_static(b"{}"), label: None };
        assert!(ports.bus.publish(vec![garbage.clone(), garbage]).await.iter().all(Result::is_ok));
        ports.close().await;
        books.close().await;
    }

    /// Several look at once whether the laws hold.
    pub(crate) fn audit_the_embedded(&self) {
        for _ in 0..4 {
            let (client, url) = (crate::harness::door::client(), format!("{}/audit", self.embedded.ops));
            tokio::spawn(async move { drop(client.get(&url).send().await) });
        }
    }

    /// Kills a writer, and has its leases run out at once.
    pub(crate) async fn kill_a_writer(&mut self) {
        self.cluster.writers[1].kill();
        self.cluster.grounds.pubsub_does("expire-leases").await;
    }

    /// One of each role.
    pub(crate) fn kill_some(&mut self) {
        self.cluster.webs[1].kill();
        self.cluster.writers[1].kill();
    }

    /// The others, too; the embedded shop is taken out of sight.
    pub(crate) fn kill_all(&mut self, prometheus: &Prometheus) {
        prometheus.look_at("stampede", &[]);
        self.cluster.webs[0].kill();
        self.cluster.writers[0].kill();
    }

    pub(crate) async fn close(self, prometheus: &Prometheus) {
        let crowds = [self.crowd, self.pressing, self.elsewhere].map(|crowd| crowd.into_inner().unwrap());
        crowds.into_iter().flatten().for_each(drop);
        prometheus.stop().await;
        for (_, exporter) in &self.exporters {
            exporter.tell("stop", &[]).await;
        }
    }
}
