//! What is written beside its place: nobody takes it for the thing itself, and it goes where it does not get there.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::UNFINISHED;
use crate::fault;
use crate::publish::Bundle;

/// A file or folder that is to be renamed into its place; removed where it never is.
pub struct Draft {
    at: PathBuf,
    /// Everything in it that has to be on the disk before.
    pub holds: Vec<PathBuf>,
}

impl Draft {
    /// Writes the files of a report.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn of_report(store: &Path, bundle: &Bundle) -> io::Result<Draft> {
        let at = store.join(format!("{UNFINISHED}{}-{}", bundle.id, number()));
        let _ = fs::remove_dir_all(&at);
        fs::create_dir(&at)?;
        let mut draft = Draft { holds: vec![at.clone()], at };
        let run = ("run.json", &bundle.run);
        for (path, bytes) in bundle.files.iter().map(|file| (file.path.as_str(), &file.bytes)).chain([run]) {
            let path = draft.at.join(path);
            if let Some(folder) = path.parent().filter(|folder| !draft.holds.iter().any(|f| f == folder)) {
                fs::create_dir_all(folder)?;
                draft.holds.push(folder.to_owned());
            }
            File::create(&path)?.write_all(bytes)?;
            draft.holds.push(path);
            fault::point("half-published")?;
        }
        Ok(draft)
    }

    /// Writes what is to take the place of a file.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn of_file(place: &Path, bytes: &[u8]) -> io::Result<Draft> {
        let name = place.file_name().unwrap_or_default().to_string_lossy();
        let at = place.with_file_name(format!(".{name}.{}.tmp", number()));
        let draft = Draft { holds: vec![at.clone()], at };
        File::create(&draft.at)?.write_all(bytes)?;
        Ok(draft)
    }

    /// Writes something else instead, and waits until it is on the disk.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn rewrite(&self, bytes: &[u8]) -> io::Result<()> {
        crate::files::write_durably(&self.at, bytes)
    }

    /// Renames it into its place.
    ///
    /// # Errors
    /// Whatever the file system says; then it is removed.
    pub fn put(mut self, place: &Path) -> io::Result<()> {
        fs::rename(&self.at, place)?;
        self.at = PathBuf::new();
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.at.as_os_str().is_empty() {
            return;
        }
        // On a full disk it would be in the way of the next attempt; what cannot be removed is abandoned.
        let _ = if self.at.is_dir() { fs::remove_dir_all(&self.at) } else { fs::remove_file(&self.at) };
    }
}

/// Tells the drafts of all workers on this machine apart, and those of one worker.
fn number() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
