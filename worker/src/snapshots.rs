//! Where snapshots come from: a file or folder named on the command line, or a store that holds one per cluster.
//!
//! A store is `dir:PATH`, `az://CONTAINER/PREFIX` or `s3://BUCKET/PREFIX`, with `<name>.json` or a folder `<name>/` for each
//! cluster. Names come from messages, so they
//! are checked before they become part of a path.

#[cfg(feature = "cloud")]
mod shelf;

use std::path::{Path, PathBuf};
use std::str::FromStr;

use scenarios::snapshot::Snapshot;
use scenarios::{Complaint, Complaints};

use crate::bucket::BucketUrl;
use crate::files::{self, MAX_SNAPSHOT, ReadError};

/// Longest name of a snapshot in bytes: AKS cluster names have at most 63 characters, resource groups 90.
const LONGEST_NAME: usize = 200;

/// Why there is no snapshot.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The name cannot be one of the store's.
    #[error(
        "{0:?} cannot name a snapshot: letters, digits, '-', '_' and '.' are allowed, and the first is a letter or digit"
    )]
    BadName(String),
    /// The store has none of that name.
    #[error("the snapshot store has no {name}.json and no folder {name}/")]
    Missing {
        /// The name.
        name: String,
    },
    /// The store's snapshot of that name is of another cluster.
    #[error("the snapshot named {name} is of cluster {found}, not of {wanted}")]
    OtherCluster {
        /// The name.
        name: String,
        /// Resource id of the cluster that is changed.
        wanted: String,
        /// Resource id of the cluster in the snapshot.
        found: String,
    },
    /// The file cannot be read at the moment.
    #[error("could not read snapshot {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        #[source]
        source: ReadError,
    },
    /// The content is not a snapshot.
    #[error("{0}")]
    Invalid(Complaints),
}

impl SnapshotError {
    /// The same as complaints about inputs, where it is about an input.
    pub fn into_complaints(self, file: &str) -> Complaints {
        match self {
            SnapshotError::Invalid(complaints) => complaints,
            SnapshotError::Read { path, source } => source.complaint().in_file(path.to_string_lossy()).into(),
            other => Complaint::at("", other, "a snapshot file or folder").in_file(file).into(),
        }
    }
}

/// Reads a snapshot that is a file, or a folder of files as `az` and `kubectl` print them.
///
/// # Errors
/// It cannot be read, or is not a snapshot; complaints name the file.
pub fn read(path: &Path) -> Result<Snapshot, SnapshotError> {
    let mut snapshot = parse(path)?;
    let origin = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    snapshot.origin = Some(origin.to_string_lossy().into_owned());
    Ok(snapshot)
}

fn parse(path: &Path) -> Result<Snapshot, SnapshotError> {
    if path.is_dir() {
        let files = files::read_folder(path).map_err(|(path, source)| SnapshotError::Read { path, source })?;
        return Snapshot::from_files(files).map_err(SnapshotError::Invalid);
    }
    let bytes =
        files::read(path, MAX_SNAPSHOT).map_err(|source| SnapshotError::Read { path: path.to_owned(), source })?;
    Snapshot::from_json(&bytes)
        .map_err(|complaints| SnapshotError::Invalid(in_file(complaints, &path.to_string_lossy())))
}

/// The same complaints, about a named file where they name none.
pub fn in_file(complaints: Complaints, file: &str) -> Complaints {
    let named = |c: Complaint| if c.file.is_some() { c } else { c.in_file(file) };
    Complaints(complaints.0.into_iter().map(named).collect())
}

/// The same complaints, about a part of a document.
pub fn under(part: &str, complaints: Complaints) -> Complaints {
    let moved = |c: Complaint| {
        let path = if c.path.is_empty() { part.to_owned() } else { format!("{part}.{}", c.path) };
        Complaint { path, ..c }
    };
    Complaints(complaints.0.into_iter().map(moved).collect())
}

/// A store of snapshots.
#[derive(Clone, Debug)]
pub enum SnapshotStore {
    /// A folder with a file or folder per cluster.
    Folder(PathBuf),
    /// The same in an object store.
    #[cfg(feature = "cloud")]
    Bucket(shelf::Shelf),
}

impl FromStr for SnapshotStore {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("dir:") {
            Some(path) if !path.is_empty() => Ok(SnapshotStore::Folder(path.into())),
            _ if BucketUrl::may_be(text) => bucket(text.parse()?),
            _ => Err("expected dir:PATH, az://CONTAINER/PREFIX or s3://BUCKET/PREFIX".into()),
        }
    }
}

impl SnapshotStore {
    /// The snapshot of a name. Letter case is not significant (Azure writes names in any case).
    ///
    /// # Errors
    /// The name is not a name, there is none, it cannot be read, or it is not a snapshot.
    pub fn get(&self, name: &str) -> Result<Snapshot, SnapshotError> {
        if !is_name(name) {
            return Err(SnapshotError::BadName(name.chars().take(LONGEST_NAME).collect()));
        }
        match self {
            SnapshotStore::Folder(folder) => read(&find(folder, name)?),
            #[cfg(feature = "cloud")]
            SnapshotStore::Bucket(shelf) => shelf.get(name),
        }
    }
}

#[cfg(feature = "listen")]
impl SnapshotStore {
    /// Whether the store can be reached.
    ///
    /// # Errors
    /// It cannot, and why.
    pub fn reachable(&self) -> Result<(), SnapshotError> {
        // No cluster is called so: Azure's names begin with a letter or digit and are longer.
        match self.get("0") {
            Ok(_) | Err(SnapshotError::Missing { .. } | SnapshotError::Invalid(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

#[cfg(feature = "cloud")]
fn bucket(url: BucketUrl) -> Result<SnapshotStore, String> {
    Ok(SnapshotStore::Bucket(shelf::Shelf::new(url)))
}

#[cfg(not(feature = "cloud"))]
fn bucket(url: BucketUrl) -> Result<SnapshotStore, String> {
    Err(format!("{url}: this build has no object stores"))
}

fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
}

/// The path of a snapshot: exact letters first, then any letter case in order of the names.
fn find(folder: &Path, name: &str) -> Result<PathBuf, SnapshotError> {
    let file = format!("{name}.json");
    for path in [folder.join(&file), folder.join(name)] {
        if path.exists() {
            return Ok(path);
        }
    }
    let unreadable = |e| SnapshotError::Read { path: folder.to_owned(), source: ReadError::Io(e) };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?.file_name();
        let text = entry.to_string_lossy();
        if text.eq_ignore_ascii_case(&file) || text.eq_ignore_ascii_case(name) {
            found.push(folder.join(&entry));
        }
    }
    found.into_iter().min().ok_or_else(|| SnapshotError::Missing { name: name.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_names_and_nothing_else() {
        for good in ["prod", "aks-westeurope_01", "a.b", "7"] {
            assert!(is_name(good), "{good}");
        }
        for bad in
            ["", ".", "..", "../prod", "a/b", "/etc/passwd", ".hidden", "a b", "a\0b", "a\\b", "ä", &"a".repeat(201)]
        {
            assert!(!is_name(bad), "{bad:?}");
        }
    }
}
