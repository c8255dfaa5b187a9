//! Snapshots in an object store.

use std::io;
use std::sync::{Arc, OnceLock};

use scenarios::snapshot::Snapshot;

use super::{SnapshotError, in_file};
use crate::bucket::{Bucket, BucketUrl};
use crate::files::{MAX_SNAPSHOT, MAX_SNAPSHOT_FOLDER, NamedFile, ReadError};

/// An object store with an object or a folder per cluster, opened when it is first asked.
#[derive(Clone, Debug)]
pub struct Shelf {
    url: BucketUrl,
    bucket: Arc<OnceLock<Bucket>>,
}

impl Shelf {
    /// Not opened yet.
    pub fn new(url: BucketUrl) -> Shelf {
        Shelf { url, bucket: Arc::default() }
    }

    /// The snapshot of a name, which is one: exact letters first, then any letter case in order of the names.
    ///
    /// # Errors
    /// There is none, it cannot be read, or it is not a snapshot.
    pub fn get(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        let bucket = self.bucket().map_err(|e| self.unreadable("", e))?;
        if let Some(found) = self.read(bucket, name)? {
            return Ok(found);
        }
        let (folders, objects) = bucket.names().map_err(|e| self.unreadable("", e))?;
        let names = folders.iter().map(String::as_str).chain(objects.iter().filter_map(|o| o.strip_suffix(".json")));
        let alike = names.filter(|other| other.eq_ignore_ascii_case(name)).min();
        let found = alike.map(|other| self.read(bucket, other)).transpose()?.flatten();
        found.ok_or_else(|| SnapshotError::Missing { name: name.to_owned() })
    }

    fn bucket(&self) -> io::Result<&Bucket> {
        if let Some(bucket) = self.bucket.get() {
            return Ok(bucket);
        }
        let opened = Bucket::open(&self.url)?;
        Ok(self.bucket.get_or_init(|| opened))
    }

    fn read(&self, bucket: &Bucket, name: &str) -> Result<Option<Snapshot>, SnapshotError> {
        let path = format!("{name}.json");
        if let Some(found) = bucket.get(&path, MAX_SNAPSHOT).map_err(|e| self.unreadable(&path, e))? {
            let read = Snapshot::from_json(&found.bytes);
            return read.map(Some).map_err(|found| SnapshotError::Invalid(in_file(found, &path)));
        }
        let files = self.folder(bucket, name)?;
        if files.is_empty() { Ok(None) } else { Snapshot::from_files(files).map(Some).map_err(SnapshotError::Invalid) }
    }

    fn folder(&self, bucket: &Bucket, name: &str) -> Result<Vec<NamedFile>, SnapshotError> {
        let mut objects = bucket.list(name).map_err(|e| self.unreadable(name, e))?;
        objects.sort_by(|a, b| a.0.cmp(&b.0));
        let (mut files, mut left) = (Vec::new(), MAX_SNAPSHOT_FOLDER);
        for (path, _) in objects {
            let file = path.strip_prefix(name).unwrap_or(&path).trim_start_matches('/').to_owned();
            if file.contains('/') || !(file.ends_with(".json") || file.ends_with(".txt")) {
                continue;
            }
            let found = bucket.get(&path, MAX_SNAPSHOT.min(left)).map_err(|e| self.unreadable(&path, e))?;
            let bytes = found.map(|found| found.bytes).unwrap_or_default();
            left -= bytes.len() as u64;
            files.push((file, bytes));
        }
        Ok(files)
    }

    fn unreadable(&self, path: &str, error: io::Error) -> SnapshotError {
        let source = match error.kind() {
            io::ErrorKind::FileTooLarge => {
                ReadError::TooLarge { found: MAX_SNAPSHOT, at_least: true, limit: MAX_SNAPSHOT }
            }
            _ => ReadError::Io(error),
        };
        SnapshotError::Read { path: format!("{}/{path}", self.url).into(), source }
    }
}
