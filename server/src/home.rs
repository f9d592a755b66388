//! Where a process lives: the data directory of an embedded shop, with its lock and its secret. A shop on servers has none.

use crate::config::Config;
use anyhow::{Context, bail, ensure};
use rand::{TryRngCore, rngs::OsRng};
use std::{
    fs::{self, File, TryLockError},
    io::{Read, Write},
    path::Path,
};

/// Bytes of the secret: as many as SHA-256 makes, which is the strength that HMAC can use.
const SECRET_LENGTH: usize = 32;

/// A process's home, for as long as it serves.
pub(crate) struct Home {
    /// Held by the one process that serves from a data directory; let go of when the process ends, however it ends.
    _lock: Option<File>,
    secret: Vec<u8>,
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
            return Ok(Self { _lock: None, secret: configured.unwrap_or_default().as_bytes().to_vec() });
        }
        prepare(&config.data_dir)?;
        let lock = lock(&config.data_dir)?;
        Ok(Self { _lock: Some(lock), secret: secret(&config.data_dir, configured)? })
    }

    /// Signs links and cookies.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }
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
    let mut options = File::options();
    options.create(true).write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(&secret)?;
    file.sync_all()?;
    Ok(secret)
}
