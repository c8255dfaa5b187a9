//! Reading files without trusting their size, and writing them so that a crash leaves the old or the new, never a part.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use scenarios::Complaint;

use crate::queue::MAX_MESSAGE;

/// Largest file of a snapshot that is read, in bytes (128 MiB: about 15,000 pods as `kubectl get -o json` prints them).
pub const MAX_SNAPSHOT: u64 = 128 << 20;
/// Largest sum over the files of a snapshot folder, in bytes.
pub const MAX_SNAPSHOT_FOLDER: u64 = 2 * MAX_SNAPSHOT;
/// Largest change file, in bytes: what fits into a queue.
pub const MAX_CHANGE: u64 = MAX_MESSAGE;

/// A file of a folder: its name and its content.
pub type NamedFile = (String, Vec<u8>);

/// Why a file was not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such file.
    #[error("there is no such file")]
    Missing,
    /// It is a folder.
    #[error("it is a folder, and a file is expected")]
    IsFolder,
    /// It is larger than the limit.
    #[error("it has {}{} bytes; at most {limit} are read", if *.at_least { "at least " } else { "" }, .found)]
    TooLarge {
        /// Its size.
        found: u64,
        /// True where reading stopped before its end.
        at_least: bool,
        /// The limit.
        limit: u64,
    },
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[source] io::Error),
}

impl ReadError {
    /// The same as a complaint about an input.
    pub fn complaint(&self) -> Complaint {
        match self {
            ReadError::Missing => Complaint::at("", "no such file", "a readable file"),
            ReadError::IsFolder => Complaint::at("", "a folder", "a file"),
            ReadError::TooLarge { found, at_least: false, limit } => {
                Complaint::at("", format!("{found} bytes"), format!("at most {limit} bytes"))
            }
            ReadError::TooLarge { limit, .. } => {
                Complaint::at("", format!("more than {limit} bytes"), format!("at most {limit} bytes"))
            }
            ReadError::Io(error) => {
                Complaint::at("", format!("a file that cannot be read ({error})"), "a readable file")
            }
        }
    }

    /// True where the same file may be readable later.
    pub fn passes(&self) -> bool {
        matches!(self, ReadError::Io(_))
    }
}

/// Reads a file of at most `limit` bytes. The size is looked at before anything is read, and held to while reading.
///
/// # Errors
/// The file is missing, a folder, too large or not readable.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, ReadError> {
    let metadata = fs::metadata(path)
        .map_err(|e| if e.kind() == io::ErrorKind::NotFound { ReadError::Missing } else { ReadError::Io(e) })?;
    if metadata.is_dir() {
        return Err(ReadError::IsFolder);
    }
    if metadata.len() > limit {
        return Err(ReadError::TooLarge { found: metadata.len(), at_least: false, limit });
    }
    read_from(File::open(path).map_err(ReadError::Io)?, limit)
}

/// What others may remove at any time: `None` where they have.
///
/// # Errors
/// Everything else that went wrong.
pub fn unless_gone<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        other => other.map(Some),
    }
}

/// Reads a stream of at most `limit` bytes.
///
/// # Errors
/// The stream is longer, or reading fails.
pub fn read_from(stream: impl Read, limit: u64) -> Result<Vec<u8>, ReadError> {
    let mut bytes = Vec::new();
    stream.take(limit + 1).read_to_end(&mut bytes).map_err(ReadError::Io)?;
    if bytes.len() as u64 > limit {
        return Err(ReadError::TooLarge { found: bytes.len() as u64, at_least: true, limit });
    }
    Ok(bytes)
}

/// Reads every file of a folder that may belong to a snapshot (`*.json`; `*.txt` for tables), by name, in order of the names.
///
/// # Errors
/// The file at fault and what is wrong with it.
pub fn read_folder(folder: &Path) -> Result<Vec<NamedFile>, (PathBuf, ReadError)> {
    let at_folder = |e| (folder.to_owned(), ReadError::Io(e));
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(at_folder)? {
        let path = entry.map_err(at_folder)?.path();
        if path.is_file() && path.extension().is_some_and(|e| e == "json" || e == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut files = Vec::new();
    let mut left = MAX_SNAPSHOT_FOLDER;
    for path in paths {
        let bytes = read(&path, MAX_SNAPSHOT.min(left)).map_err(|e| (path.clone(), e))?;
        left -= bytes.len() as u64;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        files.push((name, bytes));
    }
    Ok(files)
}

/// Writes a file and waits until it is on disk.
///
/// # Errors
/// Whatever the file system says.
pub fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Puts a file in the place of an older one: readers see the one or the other, also after a crash.
///
/// # Errors
/// Whatever the file system says.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let temporary = folder.join(format!(".{name}.{}-{number}.tmp", std::process::id()));
    write_durably(&temporary, bytes)?;
    fs::rename(&temporary, path)?;
    sync_folder(folder)
}

/// True for the name of a file that [`replace`] had not finished.
pub fn is_unfinished(name: &str) -> bool {
    name.starts_with('.') && name.ends_with(".tmp")
}

/// Waits until the entries of a folder are on disk.
///
/// # Errors
/// Whatever the file system says.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_cut_at_the_limit() {
        assert_eq!(read_from(&b"abc"[..], 3).unwrap(), b"abc");
        assert!(matches!(
            read_from(io::repeat(b'x'), 1000),
            Err(ReadError::TooLarge { found: 1001, at_least: true, limit: 1000 })
        ));
    }
}
