use super::{
    database::{End, Patience},
    error::code_of,
    scratch::Scratch,
    *,
};
use crate::{
    DeadLetterShelf, PostgresCatalogue, PostgresDeadLetters, PostgresOrderStore,
    order_store::rig::{NOW, day, entry, fair, id, mailed},
};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row, postgres::PgConnectOptions};
use stampede_actors::ports::{Catalogue, MailSums, Occasion, OrderStore, Outbox, PortFailure};
use std::{str::FromStr, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, timeout},
};

const LEASE: Duration = Duration::from_secs(60);

async fn refusal(options: &PostgresOptions) -> OpenPostgresError {
    Database::connect(options).await.err().unwrap()
}

#[tokio::test]
async fn a_wrong_password_is_told_at_once_and_not_shown() {
    let scratch = Scratch::new().await;
    let mut options = scratch.options_as("IN ROLE stampede_web").await;
    options.url = options.url.replace("open%20sesame", "s3cr3t");
    options.connect_patience = Duration::from_secs(60);
    let began = Instant::now();
    let error = refusal(&options).await;
    assert!(began.elapsed() < Duration::from_secs(20), "nobody waits for a password to become right");
    let (said, shown) = (error.to_string(), format!("{error:?}"));
    assert!(matches!(error, OpenPostgresError::Refused { .. }), "{said}");
    assert!(said.contains(&format!("{}_user", scratch.name())) && said.contains("password"), "{said}");
    assert!(!said.contains("s3cr3t") && !shown.contains("s3cr3t"), "{shown}");
}

#[tokio::test]
async fn a_database_that_does_not_exist_is_told_at_once_with_the_way_out() {
    let scratch = Scratch::new().await;
    let mut options = scratch.options();
    options.url = options.url.replace(scratch.name(), "nowhere");
    let error = refusal(&options).await;
    assert!(matches!(error, OpenPostgresError::NoDatabase { .. }), "{error}");
    assert!(error.to_string().contains("nowhere") && error.to_string().contains("createdb"), "{error}");
}

#[tokio::test]
async fn a_bad_url_is_told_without_showing_it() {
    let scratch = Scratch::new().await;
    for bad in [
        "mysql://me:s3cr3t@here/shop",
        "me:s3cr3t",
        "postgres://me:s3cr3t@here:port/shop",
        "postgres://me:s3cr3t@here/x?sslmode=s3cr3t",
    ] {
        let error = refusal(&PostgresOptions { url: bad.into(), ..scratch.options() }).await;
        assert!(matches!(error, OpenPostgresError::BadUrl { .. }), "{bad}: {error}");
        let password_shown = error.to_string().replace("sslmode", "").contains("s3cr3t") && !bad.contains("sslmode");
        assert!(!password_shown, "{error}");
    }
}

#[tokio::test]
async fn a_server_out_of_reach_is_waited_for_as_long_as_was_said() {
    let scratch = Scratch::new().await;
    let (mut options, proxy) = scratch.behind_a_proxy().await;
    options.connect_patience = Duration::from_millis(700);
    for wire in [proxy::Wire::Cut, proxy::Wire::BlackHole] {
        proxy.set(wire);
        let began = Instant::now();
        let error = refusal(&options).await;
        assert!(matches!(error, OpenPostgresError::Unreachable { .. }), "{wire:?}: {error}");
        let waited = began.elapsed();
        assert!(waited > Duration::from_millis(400) && waited < Duration::from_secs(10), "{wire:?}: {waited:?}");
    }
    proxy.set(proxy::Wire::Cut);
    options.connect_patience = Duration::from_secs(30);
    let waiting = tokio::spawn(async move { Database::connect(&options).await.map(drop) });
    proxy.set(proxy::Wire::Sound);
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_schema_that_is_behind_is_refused_with_the_sentence_that_helps() {
    let scratch = Scratch::empty().await;
    let error = refusal(&scratch.options()).await;
    assert!(matches!(error, OpenPostgresError::SchemaBehind { .. }), "{error}");
    assert!(error.to_string().contains("run `stampede migrate`"), "{error}");
    let report = Database::migrate(&scratch.options()).await.unwrap();
    assert_eq!((report.applied.len() as i64, report.applied[0].as_str()), (report.schema, "0001 shop"));
    assert_eq!(Database::migrate(&scratch.options()).await.unwrap().applied, [""; 0]);
    scratch.execute("DELETE FROM _sqlx_migrations WHERE version = 2").await;
    let error = refusal(&scratch.options()).await;
    assert!(error.to_string().contains("0002 who may what"), "{error}");
}

#[tokio::test]
async fn a_schema_of_another_version_is_refused() {
    let scratch = Scratch::new().await;
    scratch.execute("INSERT INTO _sqlx_migrations SELECT 9000, 'x', now(), true, '', 0").await;
    let error = refusal(&scratch.options()).await;
    assert!(matches!(error, OpenPostgresError::OtherSchema { schema: 9000, .. }), "{error}");
    assert!(matches!(Database::migrate(&scratch.options()).await, Err(OpenPostgresError::OtherSchema { .. })));
    scratch.execute("DELETE FROM _sqlx_migrations WHERE version = 9000; UPDATE _sqlx_migrations SET checksum = 'x' WHERE version = 1").await;
    assert!(matches!(refusal(&scratch.options()).await, OpenPostgresError::OtherSchema { schema: 1, .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_may_migrate_at_once_on_one_database_and_on_two() {
    let (one, other) = (Scratch::empty().await, Scratch::empty().await);
    let migrating: Vec<_> = [&one, &other, &one, &other, &one]
        .map(|scratch| scratch.options())
        .map(|options| tokio::spawn(async move { Database::migrate(&options).await.unwrap().applied.len() }))
        .into();
    let mut applied = 0;
    for migration in migrating {
        applied += migration.await.unwrap();
    }
    assert_eq!(applied, 12, "each of six steps once on each database");
    assert_eq!(one.open().await.may_write().await, Ok(true));
}

#[tokio::test]
async fn who_may_not_make_roles_is_told_who_may() {
    let scratch = Scratch::empty().await;
    let options = scratch.options_as("").await;
    scratch.execute(&format!("GRANT CREATE ON SCHEMA public TO \"{}_user\"", scratch.name())).await;
    let migration = include_str!("../../../migrations/postgres/0002_who_may_what.sql");
    let (roles, _) = migration.split_once("$$;").unwrap();
    let roles = format!("{}$$;", roles.replace("stampede_web", "stampede_nobody"));
    let mut connection = PgConnectOptions::from_str(&options.url).unwrap().connect().await.unwrap();
    let error = sqlx::raw_sql(AssertSqlSafe(roles)).execute(&mut connection).await.unwrap_err();
    assert_eq!(code_of(&error).as_deref(), Some("42501"));
    let said = open::unusable("the server", &error).to_string();
    assert!(said.contains("stampede_nobody does not exist") && said.contains("CREATE ROLE stampede_nobody"), "{said}");
}

/// A database with a fair, and a shop of a user in a role.
async fn as_member(role: &str) -> (Scratch, Database, PostgresOptions) {
    let scratch = Scratch::new().await;
    PostgresCatalogue::new(&scratch.open().await).apply(&fair([10, 10], [Some(5), None])).await.unwrap();
    let options = scratch.options_as(&format!("IN ROLE {role}")).await;
    let database = Database::connect(&options).await.unwrap();
    (scratch, database, options)
}

async fn refused(options: &PostgresOptions, statement: String) -> Option<String> {
    let mut connection = PgConnectOptions::from_str(&options.url).unwrap().connect().await.unwrap();
    let failed = sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.err();
    connection.close().await.unwrap();
    failed.as_ref().and_then(code_of)
}

#[tokio::test]
async fn postgres_itself_refuses_whatever_a_web_process_would_write() {
    let (scratch, database, options) = as_member("stampede_web").await;
    let mut by_hand = scratch.by_hand().await;
    let tables = sqlx::query("SELECT tablename::text, (SELECT attname::text FROM pg_attribute WHERE attrelid = tablename::regclass AND attnum = 1)
                              FROM pg_tables WHERE schemaname = 'public'");
    let tables = tables.fetch_all(&mut by_hand).await.unwrap();
    assert_eq!(tables.len(), 11);
    for row in tables {
        let (table, column): (String, String) = (row.get(0), row.get(1));
        for statement in [
            format!("INSERT INTO {table} DEFAULT VALUES"),
            format!("UPDATE {table} SET {column} = {column}"),
            format!("DELETE FROM {table}"),
            format!("TRUNCATE {table}"),
            format!("SELECT * FROM {table} FOR UPDATE"),
        ] {
            assert_eq!(refused(&options, statement.clone()).await.as_deref(), Some("42501"), "{statement}");
        }
    }
    assert_eq!(refused(&options, "SELECT payload FROM dead_letters".into()).await.as_deref(), Some("42501"));
    assert_eq!(database.may_write().await, Ok(false));
    let (store, catalogue) = (PostgresOrderStore::new(&database), PostgresCatalogue::new(&database));
    assert!(
        matches!(store.decide(NOW, &[entry(1, 1)]).await, Err(PortFailure::Unavailable(why)) if why.contains("42501"))
    );
    assert!(matches!(catalogue.set_paused(&"fair".parse().unwrap(), true).await, Err(PortFailure::Unavailable(_))));
    // And everything it has to read, it may.
    assert_eq!(catalogue.snapshot().await.unwrap().listings.len(), 1);
    assert_eq!((store.find(id(1)).await, store.fates(&[id(1)]).await), (Ok(None), Ok(Vec::new())));
    assert_eq!(store.settlements(&[id(1)]).await, Ok(Vec::new()));
    assert!(store.pool(day()).await.is_ok() && store.changed_since(day(), 0).await.is_ok());
    assert_eq!(store.audit().await.unwrap().len(), 2);
    assert_eq!(PostgresDeadLetters::new(&database).count().await, Ok(0));
    assert_eq!(store.orders_of("eva@example.org", 1).await, Ok(Vec::new()));
    assert_eq!(store.mail_sums().await, Ok(MailSums::default()));
    assert!(matches!(store.take(NOW, LEASE, 1).await, Err(PortFailure::Unavailable(_))));
}

#[tokio::test]
async fn a_writer_may_do_its_work_and_never_change_an_order() {
    let (_scratch, database, options) = as_member("stampede_writer").await;
    assert_eq!(database.may_write().await, Ok(true));
    let (store, catalogue) = (PostgresOrderStore::new(&database), PostgresCatalogue::new(&database));
    store.open_pool(day(), 0).await.unwrap().unwrap();
    assert_eq!(store.decide(NOW, &[mailed(1)]).await.unwrap()[0].fresh.len(), 1);
    let mail = (id(1), Occasion::Confirmed);
    assert_eq!(store.take(NOW, LEASE, 9).await.unwrap().len(), 1);
    assert_eq!((store.put_off(mail, NOW).await, store.give_up(mail, NOW, "because").await), (Ok(()), Ok(())));
    assert_eq!(store.sent(&[mail], NOW).await, Ok(()));
    let mut without_night = fair([5, 5], [None; 2]);
    without_night.ticket_types.pop();
    assert_eq!(catalogue.apply(&without_night).await, Ok(true));
    assert_eq!(catalogue.apply_waiting(&without_night.slug, catalogue.revision().await.unwrap()).await, Ok(()));
    assert_eq!(catalogue.set_paused(&without_night.slug, true).await, Ok(true));
    assert_eq!(PostgresDeadLetters::new(&database).list(1).await.unwrap().len(), 0);
    let orders = ["UPDATE orders SET status = 7", "DELETE FROM orders", "TRUNCATE orders", "DROP TABLE orders"];
    for statement in orders.into_iter().chain([
        "DELETE FROM holds",
        "DELETE FROM payments",
        "DELETE FROM mails",
        "DELETE FROM addresses",
    ]) {
        assert_eq!(refused(&options, statement.into()).await.as_deref(), Some("42501"), "{statement}");
    }
    assert!(matches!(catalogue.forget_orders(&without_night.slug).await, Err(PortFailure::Unavailable(_))));
}

#[tokio::test]
async fn the_owner_may_forget_the_orders_of_an_event_which_puts_its_books_behind() {
    let scratch = Scratch::new().await;
    let database = scratch.open().await;
    let (store, catalogue) = (PostgresOrderStore::new(&database), PostgresCatalogue::new(&database));
    catalogue.apply(&fair([10, 10], [Some(5), None])).await.unwrap();
    store.decide(NOW, &[entry(1, 2)]).await.unwrap();
    let before = store.pool(day()).await.unwrap();
    catalogue.forget_orders(&"fair".parse().unwrap()).await.unwrap();
    let after = store.pool(day()).await.unwrap();
    assert_eq!((after.0, after.1.sold, store.find(id(1)).await), (before.0 + 1, 0, Ok(None)));
    assert!(after.1.version > before.1.version);
    assert_eq!(store.decide(NOW, &[entry(1, 2)]).await.unwrap()[0].fresh.len(), 1);
}

#[tokio::test]
async fn a_server_without_connections_left_is_unavailable_until_it_has_some() {
    let scratch = Scratch::new().await;
    PostgresCatalogue::new(&scratch.open().await).apply(&fair([10, 10], [None; 2])).await.unwrap();
    let mut options = scratch.options_as("IN ROLE stampede_writer CONNECTION LIMIT 1").await;
    let database = Database::connect(&options).await.unwrap();
    let only = loop {
        // The connection that looked at the schema may still be ending.
        match PgConnectOptions::from_str(&options.url).unwrap().connect().await {
            Ok(connection) => break connection,
            Err(error) => assert_eq!(code_of(&error).as_deref(), Some("53300"), "{error}"),
        }
    };
    options.connect_patience = Duration::from_millis(500);
    let error = refusal(&options).await;
    assert!(
        matches!(error, OpenPostgresError::Unreachable { .. }) && error.to_string().contains("too many"),
        "{error}"
    );
    let store = PostgresOrderStore::new(&database);
    let failure = timeout(Duration::from_secs(20), store.decide(NOW, &[entry(1, 1)])).await.unwrap();
    assert!(matches!(failure, Err(PortFailure::Unavailable(_))), "{failure:?}");
    only.close().await.unwrap();
    assert_eq!(store.decide(NOW, &[entry(1, 1)]).await.unwrap()[0].fresh.len(), 1);
}

#[tokio::test]
async fn what_the_pools_do_is_seen_without_asking_the_server() {
    let scratch = Scratch::new().await;
    let database = scratch.open().await;
    let primary = || {
        let Connections { busy, idle, most, .. } = database.connections()[0];
        (busy, idle, most)
    };
    assert_eq!(primary(), (0, 0, 4), "none is made before it is needed");
    let (end, ended) = oneshot::channel::<()>();
    let holding = database.clone();
    let held = tokio::spawn(async move {
        let work = holding.transaction(Patience::Ordinary, "", |_, _| {
            Box::pin(async move {
                ended.await.unwrap();
                Ok(End::RollBack(()))
            })
        });
        work.await
    });
    let sees = async |what| {
        while primary() != what {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), sees((1, 0, 4))).await.expect("it is busy");
    end.send(()).unwrap();
    held.await.unwrap().unwrap();
    timeout(Duration::from_secs(5), sees((0, 1, 4))).await.expect("it is idle");
}
