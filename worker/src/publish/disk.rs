//! Waiting for the disk, once for all who wait.
//!
//! A report is a dozen files, and each wait for one of them costs the disk a flush (1 to 4 ms). Who wants its files durable
//! joins the next round: while one round is under way everybody who comes later is gathered, and then served by the next. A
//! round of one waits for its own files; a round of several asks the file system to bring everything to the disk, which is
//! one flush for all of them. Where the file system is not known to do that (FUSE, network shares) every round waits file by
//! file.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// File systems whose `syncfs` waits for data, metadata and the disk's own cache, by the magic numbers of statfs(2): ext2 to
/// ext4, XFS, Btrfs, F2FS, ZFS, tmpfs (which is never durable), and overlayfs, which passes it on.
const WHOLE: [u32; 7] = [0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0x2FC1_2FC1, 0x0102_1994, 0x794C_7630];
/// Files that are waited for at once by themselves.
const AT_ONCE: usize = 12;

/// The disk under a folder.
#[derive(Clone, Debug)]
pub struct Disk {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// The folder and its device, where everything there can be waited for together; kept open so that no error of writing is
    /// missed.
    whole: Option<(PathBuf, u64, File)>,
    rounds: Mutex<Rounds>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct Rounds {
    /// Number of the round that gathers.
    gathers: u64,
    /// What it is to wait for, a list for each who asked.
    asked: Vec<Vec<PathBuf>>,
    under_way: bool,
    /// The rounds that ended last: number, who still has to hear of it, and what the disk said.
    results: Vec<(u64, usize, Option<Said>)>,
}

/// What the disk said, for several to hear.
#[derive(Clone, Debug)]
struct Said(io::ErrorKind, String);

impl Disk {
    /// The disk under this folder.
    ///
    /// # Errors
    /// The folder cannot be opened.
    pub fn under(folder: &Path) -> io::Result<Disk> {
        let file = File::open(folder)?;
        let kind = rustix::fs::fstatfs(&file)?.f_type;
        // Of either sign and width, by architecture.
        let is_whole = WHOLE.contains(&(kind as u32));
        let device = file.metadata()?.dev();
        Ok(Disk::new(is_whole.then(|| (folder.to_owned(), device, file))))
    }

    fn new(whole: Option<(PathBuf, u64, File)>) -> Disk {
        Disk { inner: Arc::new(Inner { whole, rounds: Mutex::default(), ended: Condvar::new() }) }
    }

    /// Waits until these files and folders are on the disk as they are now.
    ///
    /// # Errors
    /// One of them, or of those who waited beside, could not be written.
    pub fn settle(&self, paths: Vec<PathBuf>) -> io::Result<()> {
        let lock = || self.inner.rounds.lock().unwrap_or_else(PoisonError::into_inner);
        let mut rounds = lock();
        let mine = rounds.gathers;
        rounds.asked.push(paths);
        loop {
            if let Some(said) = rounds.result(mine) {
                return said.map_or(Ok(()), |Said(kind, text)| Err(io::Error::new(kind, text)));
            }
            if rounds.under_way {
                rounds = self.inner.ended.wait(rounds).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            // The first who finds nothing under way does it for all.
            rounds.under_way = true;
            rounds.gathers += 1;
            let asked = std::mem::take(&mut rounds.asked);
            drop(rounds);
            let said = self.bring(&asked).err().map(|error| Said(error.kind(), error.to_string()));
            rounds = lock();
            rounds.under_way = false;
            rounds.results.push((mine, asked.len(), said));
            self.inner.ended.notify_all();
        }
    }

    fn bring(&self, asked: &[Vec<PathBuf>]) -> io::Result<()> {
        // Another file system may have been mounted there since.
        let is_there = |folder: &Path, device| fs::metadata(folder).is_ok_and(|now| now.dev() == device);
        match &self.inner.whole {
            Some((folder, device, file)) if asked.len() > 1 && is_there(folder, *device) => {
                Ok(rustix::fs::syncfs(file)?)
            }
            _ => each(&asked.concat()),
        }
    }
}

impl Rounds {
    /// What the disk said in this round, once it has ended; forgotten when the last has heard it.
    fn result(&mut self, round: u64) -> Option<Option<Said>> {
        let place = self.results.iter().position(|(number, ..)| *number == round)?;
        let (_, left, said) = &mut self.results[place];
        *left -= 1;
        let said = said.clone();
        if *left == 0 {
            self.results.swap_remove(place);
        }
        Some(said)
    }
}

/// Waits for every one of them, several at a time: one wait serves many as fast as one.
fn each(paths: &[PathBuf]) -> io::Result<()> {
    let sync = |path: &PathBuf| File::open(path)?.sync_all();
    if let [path] = paths {
        return sync(path);
    }
    std::thread::scope(|scope| {
        let part = paths.len().div_ceil(AT_ONCE).max(1);
        let parts = paths.chunks(part).map(|part| scope.spawn(move || part.iter().try_for_each(sync)));
        let parts: Vec<_> = parts.collect();
        parts.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn everybody_is_told_of_its_own_round() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
        let there = folder.join("Cargo.toml");
        for disk in [Disk::under(folder).unwrap(), Disk::new(None)] {
            std::thread::scope(|scope| {
                for _ in 0..32 {
                    scope.spawn(|| (0..5).for_each(|_| disk.settle(vec![there.clone(), folder.into()]).unwrap()));
                }
            });
            let rounds = disk.inner.rounds.lock().unwrap();
            assert!(rounds.results.is_empty() && rounds.asked.is_empty() && !rounds.under_way, "{rounds:?}");
        }
    }

    #[test]
    fn what_cannot_be_waited_for_is_an_error_and_the_next_round_goes_on() {
        let disk = Disk::new(None);
        let there = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let gone = there.with_extension("gone");
        assert_eq!(disk.settle(vec![there.clone(), gone]).unwrap_err().kind(), io::ErrorKind::NotFound);
        disk.settle(vec![there]).unwrap();
        disk.settle(Vec::new()).unwrap();
    }
}
