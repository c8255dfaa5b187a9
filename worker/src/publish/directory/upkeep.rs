//! What is derived from the reports of a folder and what is kept of them: the index page, retention, and what killed workers
//! left behind.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use reports::{IndexRow, Report};

use super::{Directory, UNFINISHED, failed, locked, read};
use crate::files::{self, replace, unless_gone};
use crate::publish::ledger::{self, Line};
use crate::publish::retention::Kept;
use crate::publish::{PublishError, turn};

/// Age at which an unfinished folder belongs to nobody any more.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How many reports the index page shows, the newest ones.
const INDEXED: usize = 500;
/// Looking after the folder takes at most one part in so many of the time.
const SHARE: u32 = 50;

/// When index and retention were looked after, and what the index shows of the reports that were read for it.
#[derive(Debug, Default)]
pub struct Upkeep {
    last: Option<Instant>,
    took: Duration,
    rows: BTreeMap<PathBuf, (SystemTime, IndexRow)>,
}

impl Directory {
    /// Looks after index and retention: now, or where the last time is long enough ago.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn look_after(&self, now: bool) -> Result<(), PublishError> {
        let Some(mut upkeep) = turn(&self.upkeep, now) else { return Ok(()) };
        if !now && upkeep.last.is_some_and(|last| last.elapsed() < SHARE * upkeep.took) {
            return Ok(());
        }
        let started = Instant::now();
        self.clear_old_work().map_err(failed("clear", &self.path))?;
        self.retain()?;
        self.index(&mut upkeep.rows)?;
        (upkeep.last, upkeep.took) = (Some(Instant::now()), started.elapsed());
        Ok(())
    }

    /// Writes the index page over the reports that lie there.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn refresh_index(&self) -> Result<PathBuf, PublishError> {
        self.index(&mut BTreeMap::new())
    }

    /// Writes the index page over these reports, in this order.
    ///
    /// # Errors
    /// Whatever the file system says.
    pub fn write_index(&self, reports: &[Report]) -> Result<PathBuf, PublishError> {
        self.write(&reports::index(reports))
    }

    fn write(&self, index: &reports::File) -> Result<PathBuf, PublishError> {
        let path = self.path.join(&index.path);
        replace(&path, &index.bytes).map_err(failed("write", &path))?;
        Ok(path)
    }

    /// The newest reports, newest first; a folder that holds no readable report is passed over. Each is read once.
    fn index(&self, rows: &mut BTreeMap<PathBuf, (SystemTime, IndexRow)>) -> Result<PathBuf, PublishError> {
        let _lock = self.lock()?;
        let mut newest = self.found(&["report.json"]).map_err(failed("list", &self.path))?;
        newest.truncate(INDEXED);
        let mut shown = BTreeMap::new();
        for (written, path) in &newest {
            let known = rows.remove(path).filter(|(at, _)| at == written);
            match known.map_or_else(|| read(path).map(|report| (*written, IndexRow::of(&report))), Ok) {
                Ok(row) => drop(shown.insert(path.clone(), row)),
                Err(error) => {
                    tracing::warn!(path = %path.display(), %error, "not a report, left out of the index");
                }
            }
        }
        let in_order = newest.iter().filter_map(|(_, path)| shown.get(path).map(|(_, row)| row.clone()));
        let index = reports::index_of(in_order.collect());
        *rows = shown;
        self.write(&index)
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
            let line = self.path.join(ledger::path_of(&change));
            // Without a shelf there is nobody who could replace it meanwhile.
            let _shelf = line.parent().filter(|shelf| shelf.is_dir()).map(locked).transpose()?;
            let stands = fs::read(&line).ok().and_then(|bytes| Line::read(&bytes));
            self.remove(place)?;
            if stands.is_some_and(|stands| place.ends_with(&stands.report)) {
                let _ = fs::remove_file(line);
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

    /// Removes what killed workers left unfinished long ago.
    pub(super) fn clear_abandoned(&self) -> io::Result<()> {
        let ledger = self.path.join(ledger::FOLDER);
        let shelves = fs::read_dir(&ledger).into_iter().flatten().flatten().map(|entry| entry.path());
        for folder in shelves.chain([self.path.clone()]) {
            for entry in fs::read_dir(folder)? {
                let entry = entry?;
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_folder = name.starts_with(UNFINISHED);
                if !is_folder && !files::is_unfinished(&name) {
                    continue;
                }
                // Others finish what they began, and clear away as well.
                let Some(metadata) = unless_gone(entry.metadata())? else { continue };
                if metadata.modified()?.elapsed().unwrap_or_default() >= ABANDONED {
                    let path = entry.path();
                    unless_gone(if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) })?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_others_finish_meanwhile_is_nothing_to_stumble_over() {
        let folder = std::env::temp_dir().join(format!("poolproof-upkeep-{}", std::process::id()));
        let directory = Directory::open(&folder).unwrap();
        let over = AtomicBool::new(false);
        let (begun, done) = (folder.join(format!("{UNFINISHED}a")), folder.join("a"));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    fs::create_dir(&begun).unwrap();
                    fs::rename(&begun, &done).unwrap();
                    fs::remove_dir(&done).unwrap();
                }
            });
            let cleared = (0..5000).try_for_each(|_| directory.clear_abandoned());
            over.store(true, Ordering::Relaxed);
            cleared.unwrap();
        });
        fs::remove_dir_all(folder).unwrap();
    }
}
