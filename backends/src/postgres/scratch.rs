//! Databases for tests: each test has its own on the server that `STAMPEDE_TEST_POSTGRES_URL` names.

use super::{Database, PostgresOptions, proxy::Proxy, schema};
use crate::{
    PostgresCatalogue, PostgresOrderStore,
    order_store::rig::{Shop, StoreRig},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions, Connection, PgConnection,
    postgres::{PgConnectOptions, PgSslMode},
};
use std::{
    str::FromStr,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::sync::OnceCell;

/// Keeps those apart who make databases at once, on whatever process: the server copies one template at a time.
const MAKING: i64 = 0x7363_7261_7463_6801;

/// The server for tests, as its superuser.
pub(crate) fn server_url() -> String {
    #[expect(clippy::disallowed_methods, reason = "a test asks where its server is; the product asks its one config")]
    let url = std::env::var("STAMPEDE_TEST_POSTGRES_URL");
    url.expect(
        "STAMPEDE_TEST_POSTGRES_URL is not set: run it by `ops/servers/with cargo test …`, which starts the servers",
    )
}

/// A database of one test; it goes with the value.
pub(crate) struct Scratch {
    server: PgConnectOptions,
    name: String,
}

impl Scratch {
    /// With this program's schema.
    pub(crate) async fn new() -> Self {
        Self::made("stampede_test", Some(&template().await)).await
    }

    /// With nothing in it.
    pub(crate) async fn empty() -> Self {
        Self::made("stampede_test", None).await
    }

    async fn made(prefix: &str, template: Option<&str>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("{prefix}_{}_{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let scratch = Self { server: PgConnectOptions::from_str(&server_url()).unwrap(), name };
        let of = template.map_or(String::new(), |template| format!("TEMPLATE \"{template}\""));
        let drop = format!("DROP DATABASE IF EXISTS \"{}\" WITH (FORCE)", scratch.name);
        making(&scratch.server, [drop, format!("CREATE DATABASE \"{}\" {of}", scratch.name)]).await;
        scratch
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The URL of this database, as its superuser.
    pub(crate) fn url(&self) -> String {
        self.server.clone().database(&self.name).to_url_lossy().to_string()
    }

    /// Options with short timeouts and few connections.
    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions {
            url: self.url(),
            read_url: None,
            connections: 4,
            read_connections: 2,
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
            idle_timeout: Duration::from_secs(5),
            connect_patience: Duration::from_secs(5),
            application: "stampede-test".into(),
        }
    }

    pub(crate) async fn open(&self) -> Database {
        Database::connect(&self.options()).await.unwrap()
    }

    /// Options as another user, who is made, `IN ROLE` of what is given.
    pub(crate) async fn options_as(&self, more: &str) -> PostgresOptions {
        // Users belong to the server, as the database's name does.
        let user = format!("{}_user", self.name);
        self.execute(&format!(
            "DROP ROLE IF EXISTS \"{user}\"; CREATE ROLE \"{user}\" LOGIN PASSWORD 'open sesame' {more}"
        ))
        .await;
        let url = self.server.clone().database(&self.name).username(&user).password("open sesame").to_url_lossy();
        PostgresOptions { url: url.to_string(), ..self.options() }
    }

    /// Options that reach the server through a wire that can be cut.
    pub(crate) async fn behind_a_proxy(&self) -> (PostgresOptions, Proxy) {
        let address = (self.server.get_host(), self.server.get_port());
        let server = tokio::net::lookup_host(address).await.unwrap().next().unwrap();
        let proxy = Proxy::to(server).await;
        let through = self.server.clone().database(&self.name).host("127.0.0.1").port(proxy.port);
        // In the clear, so that the wire can tell what passes.
        let url = through.ssl_mode(PgSslMode::Disable).to_url_lossy().to_string();
        (PostgresOptions { url, ..self.options() }, proxy)
    }

    /// A connection past the shop.
    pub(crate) async fn by_hand(&self) -> PgConnection {
        self.server.clone().database(&self.name).connect().await.unwrap()
    }

    pub(crate) async fn execute(&self, sql: &str) {
        let mut connection = self.by_hand().await;
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's own runtime may be about to end.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let user = format!("DROP ROLE IF EXISTS \"{name}_user\"");
            runtime.block_on(making(&server, [format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"), user]));
        });
        if dropping.join().is_err() && !std::thread::panicking() {
            panic!("the test's database could not be dropped");
        }
    }
}

/// Runs statements while nobody else makes or drops a database.
async fn making<const N: usize>(server: &PgConnectOptions, statements: [String; N]) {
    let mut connection = server.clone().connect().await.unwrap();
    sqlx::query("SELECT pg_advisory_lock($1)").bind(MAKING).execute(&mut connection).await.unwrap();
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
}

/// The database that all others are copied from, made by whoever comes first; its name says which schema it has.
async fn template() -> String {
    static NAME: OnceCell<String> = OnceCell::const_new();
    NAME.get_or_init(|| async {
        let name = format!("stampede_template_{}", schema::fingerprint());
        let server = PgConnectOptions::from_str(&server_url()).unwrap();
        let mut connection = server.clone().connect().await.unwrap();
        let exists = "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)";
        let exists = sqlx::query_scalar::<_, bool>(exists).bind(&name).fetch_one(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        if !exists {
            let making = Scratch::made("stampede_making", None).await;
            Database::migrate(&making.options()).await.unwrap();
            // Under its name only when it is whole; another process may have been faster.
            let mut connection = server.connect().await.unwrap();
            let rename = format!("ALTER DATABASE \"{}\" RENAME TO \"{name}\"", making.name);
            let renamed = sqlx::raw_sql(AssertSqlSafe(rename)).execute(&mut connection).await;
            if let Err(error) = renamed {
                assert_eq!(super::error::code_of(&error).as_deref(), Some("42P04"), "{error}");
            }
            connection.close().await.unwrap();
        }
        name
    })
    .await
    .clone()
}

/// A rig for the contracts of store and catalogue: the database is made when it is first opened.
#[derive(Default)]
pub(crate) struct Rig(OnceCell<Scratch>);

impl Rig {
    pub(crate) async fn scratch(&self) -> &Scratch {
        self.0.get_or_init(Scratch::new).await
    }
}

impl StoreRig for Rig {
    async fn open(&self) -> Shop {
        let database = self.scratch().await.open().await;
        let store = Arc::new(PostgresOrderStore::new(&database));
        Shop {
            holds: Arc::<PostgresOrderStore>::clone(&store),
            outbox: Arc::<PostgresOrderStore>::clone(&store),
            store,
            catalogue: Arc::new(PostgresCatalogue::new(&database)),
        }
    }
}
