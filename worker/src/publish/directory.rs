//! A folder of reports on a local disk: `<id>/` for each and an index page over all.
//!
//! A report is written beside its place and renamed into it once everything is on disk, so that nobody ever sees half a
//! report; one that goes is renamed away first. Twice a publication waits for the disk, once for what was written and once for
//! the renames (`disk.rs`); nobody is kept away meanwhile. A lock on the shelf of the ledger keeps two workers, or two hands
//! of one, from overtaking each other while they rename.
//!
//! The line of the ledger is renamed before the report: a file system with a journal never keeps the later of two renames
//! without the earlier. The index is derived from the reports that lie there, and made anew as often as that costs little.

mod draft;
mod upkeep;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use reports::Report;

use super::disk::Disk;
use super::ledger::{self, Line, Relation, Standing};
use super::retention::Retention;
use super::{Bundle, PublishError};
use crate::fault;
use crate::files::unless_gone;
use draft::Draft;
use upkeep::Upkeep;

/// Prefix of folders that are not finished.
const UNFINISHED: &str = ".unfinished-";

/// A folder of reports.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    retention: Retention,
    upkeep: Arc<Mutex<Upkeep>>,
    disk: Disk,
}

impl Directory {
    /// Uses this folder, making it where it is missing, and clears away what killed workers left unfinished.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn open(path: &Path) -> Result<Directory, PublishError> {
        fs::create_dir_all(path).map_err(failed("make", path))?;
        let disk = Disk::under(path).map_err(failed("open", path))?;
        let directory =
            Directory { path: path.to_owned(), retention: Retention::default(), upkeep: Arc::default(), disk };
        let _lock = directory.lock()?;
        directory.clear_abandoned().map_err(failed("clear", path))?;
        Ok(directory)
    }

    /// Puts a report into its folder, then refreshes the index.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn publish(&self, bundle: &Bundle) -> Result<PathBuf, PublishError> {
        let place = self.put(bundle)?;
        self.refresh_index()?;
        Ok(place)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The same folder with limits to what is kept.
    pub fn keeping(self, retention: Retention) -> Directory {
        Directory { retention, ..self }
    }

    /// Puts the report of a change into its folder, unless one that is further stands for the change; the one it replaces
    /// goes.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn publish_change(
        &self,
        bundle: &Bundle,
        report: &Report,
        standing: &Standing,
    ) -> Result<(PathBuf, Relation), PublishError> {
        let place = self.path.join(&bundle.id);
        let line_at = self.path.join(ledger::path_of(&standing.change));
        let shelf = line_at.parent().unwrap_or(&self.path).to_owned();
        // The folder may have been removed since the start.
        fs::create_dir_all(&shelf).map_err(failed("make", &shelf))?;
        let enter = |line: &Option<Vec<u8>>| {
            let line = line.as_ref().and_then(|bytes| Line::read(bytes));
            standing.enter(report, line, |id| self.report(id).is_ok())
        };
        let finished = self.prepare(&place, bundle)?;
        let seen = bytes_of(&line_at)?;
        let (mut relation, mut line) = enter(&seen);
        let write = |line: &Line| Draft::of_file(&line_at, &line.to_bytes()).map_err(failed("write", &line_at));
        let mut entry = line.as_ref().map(write).transpose()?;
        self.settle(finished.iter().chain(&entry).flat_map(|draft| draft.holds.clone()).collect())?;
        {
            let _lock = locked(&shelf)?;
            let stands = bytes_of(&line_at)?;
            if stands != seen {
                // Somebody was faster with another message about the change.
                (relation, line) = enter(&stands);
                entry = line.as_ref().map(write).transpose()?;
                if let (Some(entry), Some(line)) = (&entry, &line) {
                    entry.rewrite(&line.to_bytes()).map_err(failed("write", &line_at))?;
                }
            }
            if let Some(entry) = entry {
                entry.put(&line_at).map_err(failed("write", &line_at))?;
            }
            if relation != Relation::Overtaken {
                self.put_in_place(finished, &place, bundle)?;
            }
        }
        let ledger = self.path.join(ledger::FOLDER);
        self.settle(vec![shelf, ledger, self.path.clone()])?;
        fault::point("replaced").map_err(failed("replace", &place))?;
        self.clear_replaced(&standing.change)?;
        self.look_after(false)?;
        Ok((place, relation))
    }

    /// The line of a change in the ledger.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn line(&self, change: &str) -> Result<Option<Line>, PublishError> {
        let bytes = bytes_of(&self.path.join(ledger::path_of(change)))?;
        Ok(bytes.and_then(|bytes| Line::read(&bytes)))
    }

    /// Removes what the report that stands has replaced.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn clear_replaced(&self, change: &str) -> Result<(), PublishError> {
        let line_at = self.path.join(ledger::path_of(change));
        // Without a shelf there is no line.
        let Some(shelf) = line_at.parent().filter(|shelf| shelf.is_dir()) else { return Ok(()) };
        // What is replaced may take its place again.
        let _lock = locked(shelf)?;
        for earlier in self.line(change)?.iter().flat_map(|line| &line.earlier) {
            self.remove(&self.path.join(&earlier.report))?;
        }
        Ok(())
    }

    /// Puts a report, or anything else with an id, into its folder.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn put(&self, bundle: &Bundle) -> Result<PathBuf, PublishError> {
        // The folder may have been removed since the start.
        fs::create_dir_all(&self.path).map_err(failed("make", &self.path))?;
        let place = self.path.join(&bundle.id);
        if let Some(finished) = self.prepare(&place, bundle)? {
            self.settle(finished.holds.clone())?;
            self.put_in_place(Some(finished), &place, bundle)?;
            self.settle(vec![self.path.clone()])?;
        }
        Ok(place)
    }

    /// The report of an id.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn report(&self, id: &str) -> Result<Report, PublishError> {
        let path = self.path.join(id).join("report.json");
        read(&path).map_err(failed("read", &path))
    }

    /// Writes what is missing beside its place; nothing where the place holds it already.
    fn prepare(&self, place: &Path, bundle: &Bundle) -> Result<Option<Draft>, PublishError> {
        if holds(place, bundle) {
            return Ok(None);
        }
        Draft::of_report(&self.path, bundle).map(Some).map_err(failed("write", place))
    }

    fn put_in_place(&self, finished: Option<Draft>, place: &Path, bundle: &Bundle) -> Result<(), PublishError> {
        if holds(place, bundle) {
            // It was there, or another worker was faster with the same.
            return Ok(());
        }
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the report was removed meanwhile");
        let finished = finished.ok_or_else(gone).map_err(failed("find", place))?;
        if place.exists() {
            // The same id with other bytes: a build under development, or a damaged folder. A folder cannot be replaced
            // in one step, so the old one goes first.
            tracing::warn!(report = bundle.id, "the report was there with other content and is replaced");
            self.remove(place)?;
        }
        match finished.put(place) {
            // Two who put the same without a change do not keep each other away.
            Err(_) if holds(place, bundle) => Ok(()),
            put => put.map_err(failed("put in place", place)),
        }
    }

    /// Lets a folder vanish at once, then removes it.
    pub(super) fn remove(&self, place: &Path) -> Result<(), PublishError> {
        let Some(name) = place.file_name().filter(|_| place.exists()) else { return Ok(()) };
        let gone = self.path.join(format!("{UNFINISHED}{}-{}-gone", name.to_string_lossy(), std::process::id()));
        let remove = || {
            let _ = fs::remove_dir_all(&gone);
            fs::rename(place, &gone)?;
            fs::remove_dir_all(&gone)
        };
        match remove() {
            // Another hand or worker was faster.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !place.exists() => Ok(()),
            removed => removed.map_err(failed("remove", place)),
        }
    }

    /// Waits until these are on the disk.
    fn settle(&self, paths: Vec<PathBuf>) -> Result<(), PublishError> {
        self.disk.settle(paths).map_err(failed("sync", &self.path))
    }

    /// Keeps everybody away from what belongs to no single change until the file is dropped.
    fn lock(&self) -> Result<File, PublishError> {
        locked(&self.path)
    }
}

/// Keeps everybody else who locks the folder away until the file is dropped. It is a file of its own: on some file systems folders
/// cannot be locked.
fn locked(folder: &Path) -> Result<File, PublishError> {
    let path = folder.join(".lock");
    let file = File::create(&path).and_then(|file| file.lock().map(|()| file));
    file.map_err(failed("lock", &path))
}

/// True where the folder holds exactly these files (`run.json` aside, which tells of another run).
fn holds(place: &Path, bundle: &Bundle) -> bool {
    place.join("run.json").is_file()
        && bundle.files.iter().all(|file| fs::read(place.join(&file.path)).is_ok_and(|bytes| bytes == file.bytes))
}

/// What a file holds, where there is one.
fn bytes_of(path: &Path) -> Result<Option<Vec<u8>>, PublishError> {
    unless_gone(fs::read(path)).map_err(failed("read", path))
}

fn read(path: &Path) -> io::Result<Report> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError + use<> {
    let path = path.to_owned();
    move |source| PublishError { doing, path, source }
}
