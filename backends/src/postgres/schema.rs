//! Migrations: applied by `stampede migrate`, checked at every start.

use super::{
    OpenPostgresError, PostgresOptions,
    error::{is_of, state},
    open::{connect, name_of, unusable},
};
use sqlx::{
    Connection, PgConnection, Row,
    migrate::{Migrate, MigrateError, Migration, Migrator},
};
use std::collections::HashMap;

static MIGRATOR: Migrator = sqlx::migrate!("../migrations/postgres");

/// What a migration did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrateReport {
    /// The steps that were applied now, in their order; none when there was nothing to do.
    pub applied: Vec<String>,
    /// The schema's number now.
    pub schema: i64,
}

/// The steps this program knows.
fn steps() -> impl Iterator<Item = &'static Migration> {
    MIGRATOR.iter()
}

fn name(step: &Migration) -> String {
    format!("{:04} {}", step.version, step.description)
}

/// Brings the database to this program's schema. Two at once are fine: an advisory lock (beyond what Spanner knows) lets the
/// second wait and find everything done.
pub(super) async fn migrate(options: &PostgresOptions) -> Result<MigrateReport, OpenPostgresError> {
    let primary = options.primary()?;
    let server = name_of(&primary);
    // A step may take as long as it needs; who waits for a lock for a minute has met somebody who does not let go.
    let patient = primary.options([("statement_timeout", "0"), ("lock_timeout", "60000")]);
    let mut connection = connect(&patient, options.connect_patience).await?;
    let migrated = run(&mut connection).await;
    // Whatever happened: the lock goes with the connection.
    let closed = connection.close().await;
    let report = migrated.map_err(|error| explain(&server, error))?;
    closed.map_err(|error| unusable(&server, &error))?;
    Ok(report)
}

async fn run(connection: &mut PgConnection) -> Result<MigrateReport, MigrateError> {
    // Taken here already (the driver takes it once more), so that what is applied meanwhile by another is not reported as ours.
    connection.lock().await?;
    let before = match applied(connection).await {
        Ok(applied) => applied,
        Err(error) if is_of(&error, &[state::NO_TABLE]) => HashMap::new(),
        Err(error) => return Err(error.into()),
    };
    MIGRATOR.run_direct(None, connection, false).await?;
    connection.unlock().await?;
    Ok(MigrateReport {
        applied: steps().filter(|step| !before.contains_key(&step.version)).map(name).collect(),
        schema: steps().map(|step| step.version).max().unwrap_or_default(),
    })
}

fn explain(server: &str, error: MigrateError) -> OpenPostgresError {
    let server = server.to_owned();
    match error {
        MigrateError::VersionMissing(schema) | MigrateError::VersionMismatch(schema) => {
            OpenPostgresError::OtherSchema { server, schema }
        }
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => unusable(&server, &error),
        error => OpenPostgresError::Unusable { server, cause: error.to_string() },
    }
}

/// Refuses a schema that is not exactly this program's.
pub(super) async fn check(connection: &mut PgConnection, server: &str) -> Result<(), OpenPostgresError> {
    let server = server.to_owned();
    let mut applied = match applied(connection).await {
        Ok(applied) => applied,
        Err(error) if is_of(&error, &[state::NO_TABLE]) => HashMap::new(),
        Err(error) => return Err(unusable(&server, &error)),
    };
    let mut missing = Vec::new();
    for step in steps() {
        match applied.remove(&step.version) {
            None => missing.push(name(step)),
            Some(checksum) if checksum != step.checksum.as_ref() => {
                return Err(OpenPostgresError::OtherSchema { server, schema: step.version });
            }
            Some(_) => {}
        }
    }
    if let Some(schema) = applied.into_keys().min() {
        return Err(OpenPostgresError::OtherSchema { server, schema });
    }
    if !missing.is_empty() {
        return Err(OpenPostgresError::SchemaBehind { server, missing: missing.join(", ") });
    }
    Ok(())
}

/// The steps that the database knows, with their checksums.
async fn applied(connection: &mut PgConnection) -> sqlx::Result<HashMap<i64, Vec<u8>>> {
    let rows = sqlx::query("SELECT version, checksum FROM _sqlx_migrations").fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Tells this program's schema from every other.
#[cfg(test)]
pub(super) fn fingerprint() -> String {
    let sums = steps().flat_map(|step| step.checksum.iter());
    format!("{:016x}", sums.fold(0_u64, |all, byte| all.wrapping_mul(31).wrapping_add(u64::from(*byte))))
}
