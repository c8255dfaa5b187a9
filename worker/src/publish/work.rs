//! What several workers find on the way to one result, beside the reports: `.work/<job>/<name>`. Each piece is written at once
//! and says the same whoever wrote it, so writing it twice does no harm. Whoever puts the result together clears the folder;
//! what a worker that died has left there goes after a day.

use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

use super::{Directory, PublishError, Publisher};
use crate::files::{self, replace, unless_gone};

/// The folder of all jobs.
pub const FOLDER: &str = ".work";
/// Age of a job's newest piece from which on it belongs to nobody.
pub const ABANDONED: Duration = Duration::from_secs(24 * 3600);
/// Largest piece.
const LARGEST: u64 = 256 << 20;

impl Publisher {
    /// True where pieces can be kept.
    pub fn keeps(&self) -> bool {
        match self {
            Publisher::Directory(_) => true,
            #[cfg(feature = "cloud")]
            Publisher::Objects(_) => true,
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => false,
        }
    }

    /// A piece of a job; `None` where there is none (yet).
    ///
    /// # Errors
    /// The place cannot be read at the moment.
    pub fn piece(&self, job: &str, name: &str) -> Result<Option<Vec<u8>>, PublishError> {
        let path = path_of(job, name);
        let found = match self {
            Publisher::Directory(directory) => match files::read(&directory.path().join(&path), LARGEST) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(files::ReadError::Missing) => Ok(None),
                Err(error) => Err(io::Error::other(error)),
            },
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.bucket().get(&path, LARGEST).map(|found| found.map(|f| f.bytes)),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(None),
        };
        found.map_err(|source| PublishError::at("read", &path, source))
    }

    /// Keeps a piece of a job; it is durable on return.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn keep(&self, job: &str, name: &str, bytes: &[u8]) -> Result<(), PublishError> {
        let path = path_of(job, name);
        let kept = match self {
            Publisher::Directory(directory) => {
                let path = directory.path().join(&path);
                fs::create_dir_all(path.parent().unwrap_or(&path)).and_then(|()| replace(&path, bytes))
            }
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => objects.bucket().put(&path, bytes),
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(()),
        };
        kept.map_err(|source| PublishError::at("write", &path, source))
    }

    /// Removes the pieces of a job.
    ///
    /// # Errors
    /// The place cannot be written at the moment.
    pub fn clear(&self, job: &str) -> Result<(), PublishError> {
        let path = format!("{FOLDER}/{job}");
        match self {
            Publisher::Directory(directory) => directory.remove(&directory.path().join(&path)),
            #[cfg(feature = "cloud")]
            Publisher::Objects(objects) => {
                let clear = || objects.bucket().list(&path)?.iter().try_for_each(|(p, _)| objects.bucket().delete(p));
                clear().map_err(|source| PublishError::at("clear", &path, source))
            }
            #[cfg(feature = "amqp")]
            Publisher::Announcer(_) => Ok(()),
        }
    }
}

impl Directory {
    /// Removes the pieces that belong to nobody any more.
    pub(super) fn clear_old_work(&self) -> io::Result<()> {
        for job in fs::read_dir(self.path().join(FOLDER)).into_iter().flatten().flatten() {
            // Another worker may do the same at the same time.
            let Some(metadata) = unless_gone(job.metadata())? else { continue };
            if is_old(metadata.modified()?) {
                unless_gone(fs::remove_dir_all(job.path()))?;
            }
        }
        Ok(())
    }
}

/// True for a time of writing after which nobody has come back.
pub fn is_old(written: SystemTime) -> bool {
    written.elapsed().is_ok_and(|age| age > ABANDONED)
}

/// The job that a path in a store belongs to.
#[cfg(feature = "cloud")]
pub fn job_of(path: &str) -> Option<&str> {
    path.strip_prefix(FOLDER)?.strip_prefix('/')?.split_once('/').map(|(job, _)| job)
}

fn path_of(job: &str, name: &str) -> String {
    format!("{FOLDER}/{job}/{name}")
}
