//! A folder of reports on a local disk: `<id>/` for each and an index page over all.
//!
//! A report is written beside its place and renamed into it once everything is on disk, so that nobody ever sees half a
//! report. The index is derived from the reports that lie there; a lock keeps two workers from overtaking each other.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reports::Report;

use super::{Bundle, PublishError};
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
}

impl Directory {
    /// Uses this folder, making it where it is missing, and clears away what killed workers left unfinished.
    ///
    /// # Errors
    /// It cannot be made or written.
    pub fn open(path: &Path) -> Result<Directory, PublishError> {
        let directory = Directory { path: path.to_owned() };
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

    /// Puts a report, or anything else with an id, into its folder.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn put(&self, bundle: &Bundle) -> Result<PathBuf, PublishError> {
        // The folder may have been removed since the start.
        fs::create_dir_all(&self.path).map_err(failed("make", &self.path))?;
        let place = self.path.join(&bundle.id);
        let _lock = self.lock()?;
        if !holds(&place, bundle) {
            self.write(&place, bundle)?;
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

    fn write(&self, place: &Path, bundle: &Bundle) -> Result<(), PublishError> {
        let unfinished = self.path.join(format!("{UNFINISHED}{}-{}", bundle.id, std::process::id()));
        let _ = fs::remove_dir_all(&unfinished);
        if let Err(source) = fill(&unfinished, bundle) {
            // On a full disk what was written so far would be in the way of the next attempt.
            let _ = fs::remove_dir_all(&unfinished);
            return Err(failed("write", &unfinished)(source));
        }
        if place.exists() {
            // The same id with other bytes: a build under development, or a damaged folder. A folder cannot be replaced
            // in one step, so the old one goes first.
            tracing::warn!(report = bundle.id, "the report was there with other content and is replaced");
            fs::remove_dir_all(place).map_err(failed("replace", place))?;
        }
        fs::rename(&unfinished, place).map_err(failed("put in place", place))?;
        sync_folder(&self.path).map_err(failed("sync", &self.path))
    }

    /// The newest reports, newest first; a folder that holds no readable report is passed over.
    fn reports(&self) -> io::Result<Vec<Report>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            let path = entry?.path().join("report.json");
            if let Ok(written) = fs::metadata(&path).and_then(|m| m.modified()) {
                found.push((written, path));
            }
        }
        found.sort_by(|a, b| b.cmp(a));
        found.truncate(INDEXED);
        let mut reports = Vec::new();
        for (_, path) in found {
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
        for entry in fs::read_dir(&self.path)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.metadata()?.modified()?.elapsed().unwrap_or_default() < ABANDONED {
                continue;
            }
            if name.starts_with(UNFINISHED) {
                fs::remove_dir_all(entry.path())?;
            } else if files::is_unfinished(&name) {
                fs::remove_file(entry.path())?;
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

fn fill(folder: &Path, bundle: &Bundle) -> io::Result<()> {
    fs::create_dir(folder)?;
    let mut folders = vec![folder.to_owned()];
    for file in &bundle.files {
        let path = folder.join(&file.path);
        if let Some(parent) = path.parent().filter(|p| !folders.iter().any(|f| f == p)) {
            fs::create_dir_all(parent)?;
            folders.push(parent.to_owned());
        }
        write_durably(&path, &file.bytes)?;
    }
    write_durably(&folder.join("run.json"), &bundle.run)?;
    folders.iter().rev().try_for_each(|f| sync_folder(f))
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> PublishError + use<> {
    let path = path.to_owned();
    move |source| PublishError { doing, path, source }
}
