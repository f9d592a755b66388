//! The life of a serving process: lock, open, play, drain, close.

use crate::{
    config::{Config, Role},
    crowd, demo, greeting,
    home::Home,
    telemetry::{self, Telemetry},
    tls,
    wiring::{Ports, Post, Stage},
};
use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn, web::Data, web::ServiceConfig};
use anyhow::Context;
use stampede_actors::flight;
use stampede_http::{
    Shop, ShopOptions,
    ops::{Chronicle, ControlRoom, Node},
    paying::Paying,
};
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinHandle};

/// How long an idle connection is kept: longer than a reader pauses, shorter than a crowd's worth of sockets.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// How long the head of a request may take.
const HEAD_PATIENCE: Duration = Duration::from_secs(5);
/// Open files below which a crowd of some ten thousand does not get in.
const ENOUGH_FILES: u64 = 16_384;
/// How long giving messages back may take after a drain that was cut short.
const GIVE_BACK: Duration = Duration::from_secs(2);
/// Connections of one worker; above it the kernel queues.
const CONNECTIONS: usize = 25_000;

/// What a measurement changes about a shop, to compare it with itself (`load-tests/bench`).
#[derive(Clone, Copy)]
pub struct Variant {
    /// Puts other ports in the place of the real ones.
    pub ports: fn(Ports) -> Ports,
    /// Adds addresses to the public ones, in the same App and behind the same middleware.
    pub routes: fn(&mut ServiceConfig),
}

/// Runs the shop until it is told to stop.
///
/// # Errors
/// What keeps it from beginning, with the way out.
pub async fn serve(config: Config) -> anyhow::Result<ExitCode> {
    serve_variant(config, Variant { ports: |ports| ports, routes: |_| {} }).await
}

/// Runs a shop that differs from the product in what `variant` says, and in nothing else.
///
/// # Errors
/// As [`serve`].
pub async fn serve_variant(config: Config, variant: Variant) -> anyhow::Result<ExitCode> {
    tls::trust_one_provider();
    let home = Home::enter(&config)?;
    let telemetry = Telemetry::begin(&config)?;
    flight::install();
    allow_a_crowd();
    let (ports, books) = Ports::open(&config).await?;
    if config.servers.role.writes() {
        demo::seed(&config, ports.catalogue.as_ref(), ports.clock.now()).await?;
    }
    let ports = (variant.ports)(ports);

    let post = Post::open(&config, &home, &ports.clock)?;
    let stage = Arc::new(Stage::set(&config, ports.clone(), post));
    let (private, private_server, ops) = private(&config, &stage, &ports, &telemetry)?;
    let paying = ports.payments.paying(&config, &ports.clock);
    let front = config.servers.role.takes_orders().then(|| Front::open(&config, &stage, &home, paying, variant.routes));
    let front = front.transpose()?;
    let private_server = actix::spawn(private_server);
    let (database, writes) = (books.database().cloned(), config.servers.role.writes());
    let sampler = actix::spawn(telemetry::look(Arc::clone(&stage), ports.clone(), database, writes));
    greeting::greet(&config, &ports, front.as_ref().map(|front| front.address), ops).await?;

    tokio::select! {
        told = stop_signal() => told?,
        sentence = books.trouble() => {
            tracing::error!("{sentence}");
            return Ok(ExitCode::from(4));
        }
    }
    tracing::info!("closing down: no new orders, writing what is held");
    stage.stop_admitting();
    let drained = tokio::time::timeout(config.shutdown_limit, async {
        if let Some(front) = front {
            front.close(config.shutdown_limit / 2).await;
        }
        stage.drain().await;
        ports.close().await;
        books.close().await;
    });
    let in_time = drained.await.is_ok();
    if !in_time && tokio::time::timeout(GIVE_BACK, ports.close()).await.is_err() {
        tracing::warn!("what is held could not be given back; it comes again when its leases are over");
    }
    sampler.abort();
    private.stop(false).await;
    drop(private_server);
    telemetry.end();
    if in_time {
        tracing::info!("closed; what was held is written or back in the queue");
        Ok(ExitCode::SUCCESS)
    } else {
        tracing::error!(limit = ?config.shutdown_limit, "closing down was cut short; what was left in the queue is written later");
        Ok(ExitCode::from(3))
    }
}

/// The shop's door in a process that takes orders, and the crowd that comes through it.
struct Front {
    server: ServerHandle,
    address: SocketAddr,
    close: watch::Sender<bool>,
    crowd: Option<JoinHandle<()>>,
}

impl Front {
    fn open(
        config: &Config,
        stage: &Arc<Stage>,
        home: &Home,
        paying: Paying,
        further: fn(&mut ServiceConfig),
    ) -> anyhow::Result<Self> {
        let (close, closing) = watch::channel(false);
        let options = ShopOptions {
            public_url: config.public_url.clone(),
            max_watchers: config.max_watchers,
            door: config.door.rules(),
            paying,
        };
        let ticket_key = home.ticket_key().context("a process that takes orders has no ticket key")?;
        let shop = Arc::new(Shop::new(home.secret(), ticket_key, options, closing)?);
        let (server, running, address) = public(config, stage, &shop, further)?;
        actix::spawn(running);
        let crowd = (config.demo_crowd > 0).then(|| actix::spawn(crowd::come(address, config.demo_crowd)));
        Ok(Self { server, address, close, crowd })
    }

    /// Answers those who are inside, for at most `limit`: one who stalls must not cost the drain its share of the time.
    async fn close(self, limit: Duration) {
        self.close.send_replace(true);
        if let Some(crowd) = self.crowd {
            crowd.abort();
        }
        if tokio::time::timeout(limit, self.server.stop(true)).await.is_err() {
            tracing::warn!("some requests were not finished in time; their connections are cut");
        }
    }
}

/// A server, how to stop it, and where it really listens (a configured port may be 0).
pub type Running = (ServerHandle, actix_web::dev::Server, SocketAddr);

/// The shop's door with `further` routes, listening and not yet served: spawn the server.
///
/// # Errors
/// When the address cannot be listened on.
pub fn public(
    config: &Config,
    stage: &Arc<Stage>,
    shop: &Arc<Shop>,
    further: fn(&mut ServiceConfig),
) -> anyhow::Result<Running> {
    let (stage, shop) = (Arc::clone(stage), Arc::clone(shop));
    let mut server = HttpServer::new(move || {
        let desk = stage.desk(&shop);
        App::new()
            .wrap(from_fn(stampede_http::middleware::serve))
            .configure(further)
            .configure(|routes| stampede_http::routes(routes, desk))
    })
    .keep_alive(KEEP_ALIVE)
    .client_request_timeout(HEAD_PATIENCE)
    .max_connections(CONNECTIONS)
    .shutdown_timeout(config.shutdown_limit.as_secs().max(1))
    .disable_signals();
    if config.http_workers > 0 {
        server = server.workers(config.http_workers);
    }
    let server = server.bind(config.http_addr).with_context(|| {
        format!(
            "{} cannot be listened on. Is another shop running? Set STAMPEDE_HTTP_ADDR to a free address",
            config.http_addr
        )
    })?;
    let address = server.addrs()[0];
    let server = server.run();
    Ok((server.handle(), server, address))
}

/// Which process this is, for its operators.
fn node(config: &Config) -> Node {
    let on = if config.servers.are_set() { "on servers" } else { "on one machine" };
    let does = match config.servers.role {
        Role::All => "web and writer",
        Role::Web => "web node",
        Role::Writer => "writer",
    };
    Node {
        name: stampede_backends::bus::process().to_owned(),
        role: format!("{does}, {on}"),
        embedded: !config.servers.are_set(),
        settings: config.actors(),
        token: config.ops_token.clone(),
    }
}

fn private(config: &Config, stage: &Arc<Stage>, ports: &Ports, telemetry: &Telemetry) -> anyhow::Result<Running> {
    let chronicle = Arc::new(Chronicle::default());
    let room = Data::new(ControlRoom {
        faces: ControlRoom::faces()?,
        clock: Arc::clone(&ports.clock),
        metrics: telemetry.render(Arc::clone(&chronicle)),
        cast: Arc::clone(&stage.cast),
        ready: stage.ready(),
        audit: stage.audit(),
        around: stage.around(),
        xray: stage.xray(),
        steer: stage.steer(),
        admitting: Arc::clone(&stage.admitting),
        chronicle,
        journal: telemetry.journal(),
        node: node(config),
        guesses: tokio::sync::Mutex::default(),
    });
    let server = HttpServer::new(move || {
        App::new()
            .wrap(from_fn(stampede_http::ops::serve))
            .configure(|routes| stampede_http::ops::routes(routes, room.clone()))
    })
    .workers(1)
    .disable_signals()
    .bind(config.ops_addr)
    .with_context(|| format!("{} cannot be listened on. Set STAMPEDE_OPS_ADDR to a free address", config.ops_addr))?;
    let address = server.addrs()[0];
    let server = server.run();
    Ok((server.handle(), server, address))
}

/// Takes as many open files as the system gives: a connection is one, and the usual thousand is no crowd.
fn allow_a_crowd() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < ENOUGH_FILES => tracing::warn!(
            files,
            "the system allows few open files, so few connections; raise the hard limit (ulimit -Hn, LimitNOFILE)"
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(%error, "the limit of open files could not be raised"),
    }
}

async fn stop_signal() -> anyhow::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
