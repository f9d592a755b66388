//! Where a process lives: the data directory of an embedded shop, with its lock and its secrets. A shop on servers has none.

use crate::config::Config;
use anyhow::{Context, bail, ensure};
use rand::{TryRngCore, rngs::OsRng};
use stampede_http::ticket::{TicketKey, key_bytes};
use std::{
    fs::{self, File, TryLockError},
    io::{ErrorKind, Read, Write},
    path::Path,
};

/// Bytes of the secret: as many as SHA-256 makes, which is the strength that HMAC can use.
const SECRET_LENGTH: usize = 32;
/// Where an embedded shop keeps what signs its tickets.
const TICKET_KEY: &str = "ticket.key";

/// A process's home, for as long as it serves.
pub(crate) struct Home {
    /// Held by the one process that serves from a data directory; let go of when the process ends, however it ends.
    _lock: Option<File>,
    secret: Vec<u8>,
    /// A writer may have none.
    ticket_key: Option<[u8; SECRET_LENGTH]>,
}

impl Home {
    /// Locks the data directory of an embedded shop.
    ///
    /// # Errors
    /// When it cannot be used, with the way out.
    pub(crate) fn enter(config: &Config) -> anyhow::Result<Self> {
        let configured = config.secret.as_deref();
        if config.servers.are_set() {
            // A writer signs nothing and may have none.
            ensure!(
                configured.is_some() || !config.servers.role.takes_orders(),
                "STAMPEDE_SECRET is missing. Links and cookies of one node must open at every other: give all nodes the same secret of at least 16 characters"
            );
            ensure!(
                config.ticket_key.is_some() || !config.servers.role.takes_orders(),
                "STAMPEDE_TICKET_KEY is missing. A ticket must be the same whichever node shows it: give all nodes the same key (openssl rand -hex 32), and keep it"
            );
            let secret = configured.unwrap_or_default().as_bytes().to_vec();
            return Ok(Self { _lock: None, secret, ticket_key: configured_ticket_key(config) });
        }
        prepare(&config.data_dir)?;
        let lock = lock(&config.data_dir)?;
        let secret = secret(&config.data_dir, configured)?;
        let ticket_key = match configured_ticket_key(config) {
            Some(key) => key,
            None => kept_ticket_key(&config.data_dir)?.map_or_else(|| make_ticket_key(&config.data_dir), Ok)?,
        };
        Ok(Self { _lock: Some(lock), secret, ticket_key: Some(ticket_key) })
    }

    /// Signs links and cookies.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// Signs tickets, in a process that takes orders.
    pub(crate) fn ticket_key(&self) -> Option<TicketKey> {
        self.ticket_key.as_ref().map(TicketKey::new)
    }
}

/// What signs the tickets of a shop, for a command beside it, which makes none.
///
/// # Errors
/// When the shop has none here, or it cannot be read.
pub(crate) fn ticket_key(config: &Config) -> anyhow::Result<TicketKey> {
    let kept = configured_ticket_key(config).map_or_else(|| kept_ticket_key(&config.data_dir), |key| Ok(Some(key)))?;
    let key = kept.with_context(|| {
        format!(
            "there is no ticket key here: STAMPEDE_TICKET_KEY is not set, and {} has no {TICKET_KEY}. Name the data directory by \
             STAMPEDE_DATA_DIR; a gate gives the public key by --key",
            config.data_dir.display()
        )
    })?;
    Ok(TicketKey::new(&key))
}

/// Makes the directory when it is missing, and checks that it can be written to.
///
/// # Errors
/// With the directory and the way out.
pub(crate) fn prepare(directory: &Path) -> anyhow::Result<()> {
    let way_out = || {
        format!(
            "the data directory {} cannot be written to. Give its owner and rights to this user, or set STAMPEDE_DATA_DIR to another",
            directory.display()
        )
    };
    fs::create_dir_all(directory).with_context(way_out)?;
    let probe = directory.join(format!(".probe-{}", std::process::id()));
    let written = File::create(&probe).and_then(|mut file| file.write_all(b"stampede").and_then(|()| file.sync_all()));
    let removed = fs::remove_file(&probe);
    written.and(removed).with_context(way_out)
}

/// Checks that there is a shop in the directory: a command that looks at one must not make an empty one and call it sound.
///
/// # Errors
/// When there is none.
pub(crate) fn has_shop(directory: &Path) -> anyhow::Result<()> {
    ensure!(
        directory.join("shop.db").is_file(),
        "there is no shop in {}. Name its directory by STAMPEDE_DATA_DIR",
        directory.display()
    );
    Ok(())
}

/// Takes the lock.
///
/// # Errors
/// When another process serves from the directory.
fn lock(directory: &Path) -> anyhow::Result<File> {
    let path = directory.join("serve.lock");
    let mut file = File::options()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .with_context(|| format!("{} cannot be opened", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            file.read_to_string(&mut owner).unwrap_or_default();
            bail!(
                "another stampede (process {}) serves from {}. Stop it first, or set STAMPEDE_DATA_DIR to another directory",
                owner.trim(),
                directory.display()
            );
        }
        Err(TryLockError::Error(error)) => return Err(error).context("the data directory cannot be locked"),
    }
    file.set_len(0)?;
    write!(file, "{}", std::process::id())?;
    Ok(file)
}

/// The secret that signs links and cookies: the configured one, else the one kept in the directory, else a new one.
///
/// # Errors
/// When it can be neither read nor made.
fn secret(directory: &Path, configured: Option<&str>) -> anyhow::Result<Vec<u8>> {
    if let Some(secret) = configured {
        return Ok(secret.as_bytes().to_vec());
    }
    let path = directory.join("secret.key");
    if let Ok(secret) = fs::read(&path)
        && secret.len() == SECRET_LENGTH
    {
        return Ok(secret);
    }
    let mut secret = vec![0; SECRET_LENGTH];
    OsRng.try_fill_bytes(&mut secret).context("no randomness to be had")?;
    write_secret(&path, &secret)?;
    Ok(secret)
}

fn configured_ticket_key(config: &Config) -> Option<[u8; SECRET_LENGTH]> {
    config.ticket_key.as_deref().and_then(|key| key_bytes(key).ok())
}

/// The ticket key of a directory, if it has one.
///
/// # Errors
/// When it is there and cannot be used: another one in its place would make worthless every ticket that was handed out.
fn kept_ticket_key(directory: &Path) -> anyhow::Result<Option<[u8; SECRET_LENGTH]>> {
    let path = directory.join(TICKET_KEY);
    let bytes = match fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("the ticket key {} cannot be read", path.display())),
    };
    let key = bytes.as_slice().try_into().ok().with_context(|| {
        format!(
            "{} is damaged: it has {} bytes and not {SECRET_LENGTH}. It signs the tickets: restore it from a backup. Without it, \
             tickets that were handed out are no longer valid",
            path.display(),
            bytes.len()
        )
    })?;
    Ok(Some(key))
}

/// Makes a ticket key, whole and on the disk before it signs anything.
///
/// # Errors
/// When it can be neither made nor kept.
fn make_ticket_key(directory: &Path) -> anyhow::Result<[u8; SECRET_LENGTH]> {
    let mut key = [0; SECRET_LENGTH];
    OsRng.try_fill_bytes(&mut key).context("no randomness to be had")?;
    let (made, path) = (directory.join(".ticket.key"), directory.join(TICKET_KEY));
    write_secret(&made, &key)?;
    let renamed = fs::rename(&made, &path).and_then(|()| File::open(directory)?.sync_all());
    renamed.with_context(|| format!("{} cannot be written", path.display()))?;
    Ok(key)
}

/// Writes a file that nobody else may read.
///
/// # Errors
/// When it cannot be written.
fn write_secret(path: &Path, secret: &[u8]) -> anyhow::Result<()> {
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path).with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(secret)?;
    file.sync_all()?;
    Ok(())
}
