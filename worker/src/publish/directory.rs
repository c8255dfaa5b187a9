//! A folder of reports on a local disk: `<id>/` for each and an index page over all.
//!
//! A report is written beside its place and renamed into it once everything is on disk, so that nobody ever sees half a
//! report; one that goes is renamed away first. The index is derived from the reports that lie there, and made anew as
//! often as that costs no more than a tenth of the time. A lock keeps two workers from overtaking each other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use reports::Report;

use super::ledger::{self, Line, Relation, Standing};
use super::retention::{Kept, Retention};
use super::{Bundle, PublishError};
use crate::fault;
use crate::files::{self, replace, sync_folder, write_durably};

/// Prefix of folders that are not finished.
const UNFINISHED: &str = ".unfinished-";
/// Age at which an unfinished folder belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How many reports the index page shows, the newest ones.
const INDEXED: usize = 500;

/// A folder of reports.
#[derive(Clone, Debug)]
pub struct Directory {
    path: PathBuf,
    retention: Retention,
    upkeep: Arc<Mutex<Upkeep>>,
}

/// When index and retention were looked after.
#[derive(Debug, Default)]
struct Upkeep {
    last: Option<Instant>,
    took: Duration,
}

impl Directory {
    /// Uses this folder, making it where it is missing, and clears away what killed workers left unfinished.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn open(path: &Path) -> Result<Directory, PublishError> {
        let directory = Directory { path: path.to_owned(), retention: Retention::default(), upkeep: Arc::default() };
        fs::create_dir_all(path).map_err(failed("make", path))?;
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
        fs::create_dir_all(&self.path).map_err(failed("make", &self.path))?;
        let place = self.path.join(&bundle.id);
        // Most of the work is done before others are kept away.
        let finished = self.prepare(&place, bundle)?;
        let relation = {
            let _lock = self.lock()?;
            let line = self.line(&standing.change)?;
            let is_there = |id: &str| self.report(id).is_ok();
            let (relation, line) = standing.enter(report, line, is_there);
            if let Some(line) = &line {
                self.write_line(&standing.change, line)?;
            }
            match finished {
                Some(finished) if relation == Relation::Overtaken => {
                    fs::remove_dir_all(&finished).map_err(failed("remove", &finished))?;
                }
                Some(finished) => self.put_in_place(&finished, &place, bundle)?,
                None => {}
            }
            fault::point("replaced").map_err(failed("replace", &place))?;
            self.clear_replaced(&standing.change)?;
            relation
        };
        self.look_after(false)?;
        Ok((place, relation))
    }

    /// The line of a change in the ledger.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn line(&self, change: &str) -> Result<Option<Line>, PublishError> {
        let path = self.path.join(ledger::path_of(change));
        match fs::read(&path) {
            Ok(bytes) => Ok(Line::read(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("read", &path)(error)),
        }
    }

    /// Removes what a worker that was killed had replaced and not yet removed.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn clear_replaced(&self, change: &str) -> Result<(), PublishError> {
        for earlier in self.line(change)?.iter().flat_map(|line| &line.earlier) {
            self.remove(&self.path.join(&earlier.report))?;
        }
        Ok(())
    }

    /// Looks after index and retention: now, or where the last time is long enough ago.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn look_after(&self, now: bool) -> Result<(), PublishError> {
        let mut upkeep = self.upkeep.lock().unwrap_or_else(PoisonError::into_inner);
        if !now && upkeep.last.is_some_and(|last| last.elapsed() < 10 * upkeep.took) {
            return Ok(());
        }
        let started = Instant::now();
        self.clear_old_work().map_err(failed("clear", &self.path))?;
        self.retain()?;
        self.refresh_index()?;
        *upkeep = Upkeep { last: Some(Instant::now()), took: started.elapsed() };
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
            let _lock = self.lock()?;
            self.put_in_place(&finished, &place, bundle)?;
        }
        Ok(place)
    }

    /// Writes the index page over the reports that lie there.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn refresh_index(&self) -> Result<PathBuf, PublishError> {
        let _lock = self.lock()?;
        let reports = self.reports().map_err(failed("list", &self.path))?;
        self.write_index(&reports)
    }

    /// Writes the index page over these reports, in this order.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_index(&self, reports: &[Report]) -> Result<PathBuf, PublishError> {
        let index = reports::index(reports);
        let path = self.path.join(&index.path);
        replace(&path, &index.bytes).map_err(failed("write", &path))?;
        Ok(path)
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
    fn prepare(&self, place: &Path, bundle: &Bundle) -> Result<Option<PathBuf>, PublishError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        if holds(place, bundle) {
            return Ok(None);
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let unfinished = self.path.join(format!("{UNFINISHED}{}-{}-{number}", bundle.id, std::process::id()));
        let _ = fs::remove_dir_all(&unfinished);
        if let Err(source) = fill(&unfinished, bundle) {
            // On a full disk what was written so far would be in the way of the next attempt.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(failed("write", &unfinished)(source));
        }
        Ok(Some(unfinished))
    }

    fn put_in_place(&self, finished: &Path, place: &Path, bundle: &Bundle) -> Result<(), PublishError> {
        if holds(place, bundle) {
            // Another worker was faster with the same.
            return fs::remove_dir_all(finished).map_err(failed("remove", finished));
        }
        if place.exists() {
            // The same id with other bytes: a build under development, or a damaged folder. A folder cannot be replaced
            // in one step, so the old one goes first.
            tracing::warn!(report = bundle.id, "the report was there with other content and is replaced");
            self.remove(place)?;
        }
        fs::rename(finished, place).map_err(failed("put in place", place))?;
        sync_folder(&self.path).map_err(failed("sync", &self.path))
    }

    fn write_line(&self, change: &str, line: &Line) -> Result<(), PublishError> {
        let path = self.path.join(ledger::path_of(change));
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.path))?;
            replace(&path, &line.to_bytes())
        };
        write().map_err(failed("write", &path))
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
        remove().map_err(failed("remove", place))
    }

    /// Removes the reports that are beyond the limits, each with its line.
    fn retain(&self) -> Result<(), PublishError> {
        if self.retention.keeps_all() {
            return Ok(());
        }
        let _lock = self.lock()?;
        let found = self.found(&["report.json", "whatif.json"]).map_err(failed("list", &self.path))?;
        let kept = found.into_iter().map(|(written, path)| Kept { written, what: path }).collect();
        for path in self.retention.beyond(kept, SystemTime::now()) {
            let place = path.parent().unwrap_or(&self.path);
            let change = read(&path).map(|report| report.change.id).unwrap_or_default();
            let stands = self.line(&change)?.is_some_and(|line| place.ends_with(&line.report));
            self.remove(place)?;
            if stands {
                let _ = fs::remove_file(self.path.join(ledger::path_of(&change)));
            }
        }
        Ok(())
    }

    /// Every file of one of these names with the time of its writing, newest first.
    fn found(&self, names: &[&str]) -> io::Result<Vec<(SystemTime, PathBuf)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with('.') {
                continue;
            }
            for path in names.iter().map(|name| entry.path().join(name)) {
                if let Ok(written) = fs::metadata(&path).and_then(|m| m.modified()) {
                    found.push((written, path));
                }
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        Ok(found)
    }

    /// The newest reports, newest first; a folder that holds no readable report is passed over.
    fn reports(&self) -> io::Result<Vec<Report>> {
        let mut reports = Vec::new();
        for (_, path) in self.found(&["report.json"])?.into_iter().take(INDEXED) {
            match read(&path) {
                Ok(report) => reports.push(report),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "not a report, left out of the index")
                }
            }
        }
        Ok(reports)
    }

    fn clear_abandoned(&self) -> io::Result<()> {
        let ledger = self.path.join(ledger::FOLDER);
        let shelves = fs::read_dir(&ledger).into_iter().flatten().flatten().map(|entry| entry.path());
        for folder in shelves.chain([self.path.clone()]) {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_folder = name.starts_with(UNFINISHED);
                if !(is_folder || files::is_unfinished(&name))
                    || entry.metadata()?.modified()?.elapsed().unwrap_or_default() < ABANDONED
                {
                    continue;
                }
                if is_folder { fs::remove_dir_all(entry.path())? } else { fs::remove_file(entry.path())? }
            }
        }
        Ok(())
    }

    /// Keeps other processes away until the file is dropped.
    fn lock(&self) -> Result<File, PublishError> {
        let path = self.path.join(".lock");
        let lock = || {
            let file = File::create(&path)?;
            file.lock()?;
            Ok(file)
        };
        lock().map_err(failed("lock", &path))
    }
}

/// True where the folder holds exactly these files (`run.json` aside, which tells of another run).
fn holds(place: &Path, bundle: &Bundle) -> bool {
    place.join("run.json").is_file()
        && bundle.files.iter().all(|file| fs::read(place.join(&file.path)).is_ok_and(|bytes| bytes == file.bytes))
}

fn read(path: &Path) -> io::Result<Report> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Writes all files at once: waiting for the disk is most of it, and it serves many who wait as fast as one.
fn fill(folder: &Path, bundle: &Bundle) -> io::Result<()> {
    fs::create_dir(folder)?;
    let run = ("run.json", &bundle.run);
    let files: Vec<(PathBuf, &Vec<u8>)> = bundle
        .files
        .iter()
        .map(|file| (file.path.as_str(), &file.bytes))
        .chain([run])
        .map(|(path, bytes)| (folder.join(path), bytes))
        .collect();
    let mut folders = vec![folder.to_owned()];
    for parent in files.iter().filter_map(|(path, _)| path.parent()) {
        if !folders.iter().any(|f| f == parent) {
            fs::create_dir_all(parent)?;
            folders.push(parent.to_owned());
        }
    }
    let write = |(path, bytes): &(PathBuf, &Vec<u8>)| {
        write_durably(path, bytes)?;
        fault::point("half-published")
    };
    std::thread::scope(|scope| {
        let written: Vec<_> = files.iter().map(|file| scope.spawn(move || write(file))).collect();
        written.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(io::Error::other("a panic"))))
    })?;
    folders.iter().rev().try_for_each(|f| sync_folder(f))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError + use<> {
    let path = path.to_owned();
    move |source| PublishError { doing, path, source }
}
