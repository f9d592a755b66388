//! Mails as files: for a shop on a laptop, and for whoever wants to look.

use super::mime::{Sender, message};
use async_trait::async_trait;
use stampede_actors::ports::{Letter, Mailer, PortFailure, PortResult};
use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A [`Mailer`] that writes `.eml` files, each named by its letter's id: twice is once. They name people, so only their owner may
/// read them.
#[derive(Debug)]
pub struct FolderMailer {
    folder: PathBuf,
    from: Sender,
    /// Tells apart two who write the same letter at once.
    drafts: AtomicU64,
}

impl FolderMailer {
    /// Mails into this folder, which is made when there is something to put in.
    #[must_use]
    pub fn new(folder: &Path, from: Sender) -> Self {
        Self { folder: folder.to_owned(), from, drafts: AtomicU64::new(0) }
    }
}

#[async_trait]
impl Mailer for FolderMailer {
    async fn send(&self, letter: &Letter) -> PortResult<()> {
        let bytes = message(&self.from, letter)?.formatted();
        let (folder, id) = (self.folder.clone(), letter.id.clone());
        let draft = format!(".{}-{}", std::process::id(), self.drafts.fetch_add(1, Ordering::Relaxed));
        let written = tokio::task::spawn_blocking(move || put(&folder, &draft, &id, &bytes));
        match written.await {
            Ok(written) => written.map_err(|error| PortFailure::Unavailable(format!("the folder of mails: {error}"))),
            Err(_) => Err(PortFailure::Unknown("the folder of mails: cut off".into())),
        }
    }
}

/// Written beside it and renamed: whoever looks finds a whole mail or none.
fn put(folder: &Path, draft: &str, id: &str, bytes: &[u8]) -> io::Result<()> {
    make(folder)?;
    let mail = folder.join(format!("{id}.eml"));
    if mail.try_exists()? {
        return Ok(());
    }
    let draft = folder.join(draft);
    let written = write(&draft, bytes).and_then(|()| fs::rename(&draft, &mail));
    if written.is_err() {
        drop(fs::remove_file(&draft));
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write(draft: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn make(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mails::contract::{self, Received, Rig, letter, sender};
    use tempfile::TempDir;

    struct Folder(TempDir, FolderMailer);

    impl Rig for Folder {
        fn mailer(&self) -> &dyn Mailer {
            &self.1
        }

        async fn received(&self) -> Vec<Received> {
            let files = fs::read_dir(self.0.path().join("mails")).unwrap().map(|file| file.unwrap().path());
            let all = files.map(|file| Received::of(&fs::read_to_string(file).unwrap()));
            all.collect()
        }
    }

    async fn folder() -> Folder {
        let directory = TempDir::new().unwrap();
        let mailer = FolderMailer::new(&directory.path().join("mails"), sender());
        Folder(directory, mailer)
    }

    contract::mailer_contract!(folder);

    #[tokio::test]
    async fn a_mail_is_named_by_its_id_and_written_once_for_its_owner_alone() {
        let folder = folder().await;
        folder.1.send(&letter("one")).await.unwrap();
        let path = folder.0.path().join("mails/one.eml");
        let before = fs::read(&path).unwrap();
        folder.1.send(&letter("one")).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), before, "not even its boundaries changed");
        assert_eq!(fs::read_dir(folder.0.path().join("mails")).unwrap().count(), 1, "no draft is left");
        #[cfg(unix)]
        for (path, mode) in [(path.clone(), 0o600), (folder.0.path().join("mails"), 0o700)] {
            let kept = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&path).unwrap().permissions());
            assert_eq!(kept & 0o777, mode, "{path:?}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_unavailable_and_no_mail_is_lost() {
        let folder = folder().await;
        let in_the_way = folder.0.path().join("mails");
        fs::write(&in_the_way, b"").unwrap();
        assert!(matches!(folder.1.send(&letter("one")).await, Err(PortFailure::Unavailable(_))));
        fs::remove_file(in_the_way).unwrap();
        folder.1.send(&letter("one")).await.unwrap();
    }
}
