//! Reports in an object store: the same names as in a folder, `<id>/report.json` and so on, and an index page.
//!
//! An object store replaces no folder at once, so the order of writing takes its place: `run.json` comes last and goes
//! first. A report is there if its `run.json` is; a reader that looks for that never sees half a report. The line of the
//! ledger is swapped by version, so that of two workers one finds itself overtaken and takes back what it has written.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use object_store::ObjectMeta;
use reports::{IndexRow, Report};

use super::ledger::{self, Line, Relation, Standing};
use super::retention::{Kept, Retention};
use super::{Bundle, PublishError, work};
use crate::bucket::{Bucket, BucketUrl, Found};
use crate::fault;

/// The file that makes a report one.
const LAST: &str = "run.json";
/// How many reports the index page shows, the newest ones.
const INDEXED: usize = 200;
/// Largest object read.
const LARGEST: u64 = 64 << 20;
/// How often a swap is tried against faster workers.
const SWAPS: u32 = 20;
/// Shortest time between two looks at index and retention: each lists the store.
const UPKEEP: Duration = Duration::from_secs(30);

/// An object store for reports.
#[derive(Clone, Debug)]
pub struct Objects {
    bucket: Bucket,
    retention: Retention,
    upkeep: Arc<Mutex<Upkeep>>,
}

/// When index and retention were looked after, and what of the reports that were read for it is shown there.
#[derive(Debug, Default)]
struct Upkeep {
    last: Option<Instant>,
    took: Duration,
    read: BTreeMap<String, IndexRow>,
}

impl Objects {
    /// Opens the store and makes sure that it answers. To be called within a runtime.
    ///
    /// # Errors
    /// Credentials are missing or refused, or there is no such container.
    pub fn open(url: &BucketUrl, retention: Retention) -> Result<Objects, PublishError> {
        let opened = Bucket::open(url).and_then(|bucket| bucket.names().map(|_| bucket));
        let bucket = opened.map_err(|source| PublishError::at("open", &url.to_string(), source))?;
        Ok(Objects { bucket, retention, upkeep: Arc::default() })
    }

    /// Puts the report of a change into the store, unless one that is further stands for the change; the one it replaces
    /// goes.
    ///
    /// # Errors
    /// The store says so.
    pub fn publish_change(
        &self,
        bundle: &Bundle,
        report: &Report,
        standing: &Standing,
    ) -> Result<(String, Relation), PublishError> {
        let place = self.bucket.show(&bundle.id);
        let attempt = |source| PublishError::at("publish", &place, source);
        let relation = self.enter(report, standing).map_err(attempt)?;
        if relation != Relation::Overtaken {
            self.write(bundle).map_err(attempt)?;
            fault::point("replaced").map_err(attempt)?;
        }
        let relation = self.settle(bundle, standing, relation).map_err(attempt)?;
        self.look_after(false)?;
        Ok((place, relation))
    }

    /// Puts a report into the store, whatever else stands for its change.
    ///
    /// # Errors
    /// The store says so.
    pub fn publish(&self, bundle: &Bundle) -> Result<String, PublishError> {
        let place = self.bucket.show(&bundle.id);
        self.write(bundle).map_err(|source| PublishError::at("publish", &place, source))?;
        self.look_after(false)?;
        Ok(place)
    }

    /// Enters the report into the ledger.
    fn enter(&self, report: &Report, standing: &Standing) -> io::Result<Relation> {
        for _ in 0..SWAPS {
            let found = self.found(&standing.change)?;
            let line = found.as_ref().and_then(|found| Line::read(&found.bytes));
            let (relation, line) = standing.enter(report, line, |id| self.report(id).is_some());
            let Some(line) = line else { return Ok(relation) };
            if self.bucket.swap(&ledger::path_of(&standing.change), &line.to_bytes(), found.as_ref())? {
                return Ok(relation);
            }
        }
        Err(io::Error::other("other workers were faster too often"))
    }

    /// Takes the report back where a faster worker has replaced it meanwhile, and clears what is replaced.
    fn settle(&self, bundle: &Bundle, standing: &Standing, relation: Relation) -> io::Result<Relation> {
        let line = self.found(&standing.change)?.and_then(|found| Line::read(&found.bytes));
        let Some(line) = line else { return Ok(relation) };
        for earlier in &line.earlier {
            self.remove(&earlier.report)?;
        }
        Ok(if line.report == bundle.id { relation } else { Relation::Overtaken })
    }

    /// The store itself.
    pub(super) fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// True where something lies complete under this id.
    ///
    /// # Errors
    /// The store says so.
    pub fn has(&self, id: &str) -> Result<bool, PublishError> {
        let found = self.bucket.get(&format!("{id}/{LAST}"), LARGEST);
        found.map(|found| found.is_some()).map_err(|e| PublishError::at("read", id, e))
    }

    fn found(&self, change: &str) -> io::Result<Option<Found>> {
        self.bucket.get(&ledger::path_of(change), LARGEST)
    }

    /// The line of a change in the ledger.
    ///
    /// # Errors
    /// The store says so.
    pub fn line(&self, change: &str) -> Result<Option<Line>, PublishError> {
        let found = self.found(change).map_err(|e| PublishError::at("read", &ledger::path_of(change), e))?;
        Ok(found.and_then(|found| Line::read(&found.bytes)))
    }

    /// Removes what a worker that was killed had replaced and not yet removed.
    ///
    /// # Errors
    /// The store says so.
    pub fn clear_replaced(&self, change: &str) -> Result<(), PublishError> {
        for earlier in self.line(change)?.iter().flat_map(|line| &line.earlier) {
            self.remove(&earlier.report).map_err(|e| PublishError::at("remove", &earlier.report, e))?;
        }
        Ok(())
    }

    /// The report of an id, where it is whole and can be read.
    pub fn report(&self, id: &str) -> Option<Report> {
        self.bucket.get(&format!("{id}/{LAST}"), LARGEST).ok()??;
        let found = self.bucket.get(&format!("{id}/report.json"), LARGEST).ok()??;
        serde_json::from_slice(&found.bytes).ok()
    }

    /// Writes what is not there: everything else first, then the file that makes it a report.
    fn write(&self, bundle: &Bundle) -> io::Result<()> {
        let there: BTreeMap<String, u64> =
            self.bucket.list(&bundle.id)?.into_iter().map(|(path, object)| (path, object.size)).collect();
        let last = format!("{}/{LAST}", bundle.id);
        let named = bundle.files.iter().map(|file| (format!("{}/{}", bundle.id, file.path), file));
        let missing: Vec<_> =
            named.filter(|(path, file)| there.get(path) != Some(&(file.bytes.len() as u64))).collect();
        if !missing.is_empty() && there.contains_key(&last) {
            tracing::warn!(report = bundle.id, "the report was there with other content and is replaced");
            self.bucket.delete(&last)?;
        }
        for (path, file) in missing {
            self.bucket.put(&path, &file.bytes)?;
            fault::point("half-published")?;
        }
        // Another worker may have written the same: its times are as good.
        self.bucket.create(&last, &bundle.run).map(drop)
    }

    fn remove(&self, id: &str) -> io::Result<()> {
        self.bucket.delete(&format!("{id}/{LAST}"))?;
        self.bucket.list(id)?.iter().try_for_each(|(path, _)| self.bucket.delete(path))
    }

    /// Looks after index and retention: now, or where the last time is long enough ago.
    ///
    /// # Errors
    /// The store says so.
    pub fn look_after(&self, now: bool) -> Result<(), PublishError> {
        let Some(mut upkeep) = super::turn(&self.upkeep, now) else { return Ok(()) };
        if !now && upkeep.last.is_some_and(|last| last.elapsed() < UPKEEP.max(10 * upkeep.took)) {
            return Ok(());
        }
        let started = Instant::now();
        let done = self.retain().and_then(|kept| self.refresh_index(kept, &mut upkeep.read));
        done.map_err(|source| PublishError::at("look after", &self.bucket.show(""), source))?;
        (upkeep.last, upkeep.took) = (Some(Instant::now()), started.elapsed());
        Ok(())
    }

    /// Removes the reports that are beyond the limits, each with its line; gives the ids of the others, newest first.
    fn retain(&self) -> io::Result<Vec<String>> {
        let objects = self.bucket.list("")?;
        self.clear_old_work(&objects)?;
        let id_of = |(path, object): &(String, ObjectMeta)| {
            let id = path.strip_suffix(LAST)?.strip_suffix('/').filter(|id| !id.contains('/'))?;
            Some((SystemTime::from(object.last_modified), id.to_owned()))
        };
        let mut ids: Vec<(SystemTime, String)> = objects.iter().filter_map(id_of).collect();
        ids.sort_by(|a, b| b.cmp(a));
        let kept = ids.iter().map(|(written, id)| Kept { written: *written, what: id.clone() }).collect();
        let beyond = self.retention.beyond(kept, SystemTime::now());
        for id in &beyond {
            let change = self.report(id).map(|report| report.change.id).unwrap_or_default();
            let line = self.found(&change)?.and_then(|found| Line::read(&found.bytes));
            self.remove(id)?;
            if line.is_some_and(|line| line.report == *id) {
                self.bucket.delete(&ledger::path_of(&change))?;
            }
        }
        Ok(ids.into_iter().map(|(_, id)| id).filter(|id| !beyond.contains(id)).collect())
    }

    /// Removes the pieces of jobs that belong to nobody any more.
    fn clear_old_work(&self, objects: &[(String, ObjectMeta)]) -> io::Result<()> {
        let mut newest: BTreeMap<&str, SystemTime> = BTreeMap::new();
        let pieces = || objects.iter().filter_map(|(path, object)| Some((work::job_of(path)?, path, object)));
        for (job, _, object) in pieces() {
            let written = SystemTime::from(object.last_modified);
            newest.entry(job).and_modify(|time| *time = written.max(*time)).or_insert(written);
        }
        let old = pieces().filter(|(job, ..)| newest.get(job).is_some_and(|written| work::is_old(*written)));
        old.map(|(_, path, _)| path).try_for_each(|path| self.bucket.delete(path))
    }

    fn refresh_index(&self, ids: Vec<String>, read: &mut BTreeMap<String, IndexRow>) -> io::Result<()> {
        let newest: Vec<String> = ids.into_iter().take(INDEXED).collect();
        read.retain(|id, _| newest.contains(id));
        for id in &newest {
            if !read.contains_key(id)
                && let Some(report) = self.report(id)
            {
                read.insert(id.clone(), IndexRow::of(&report));
            }
        }
        let index = reports::index_of(newest.iter().filter_map(|id| read.get(id).cloned()).collect());
        self.bucket.put(&index.path, &index.bytes)
    }
}
