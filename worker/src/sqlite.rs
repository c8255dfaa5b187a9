//! Files of SQLite that several processes use at once: opened so that they are ours, of a known format, and on a disk that can
//! carry them. Every transaction is durable (write-ahead log, `synchronous=FULL`), so that a process may be killed anywhere. Not
//! for network file systems: the write-ahead log needs shared memory between its users.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

/// How long a statement waits for other processes before it gives up.
const BUSY: Duration = Duration::from_secs(10);

/// A kind of file.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// What it is, for error messages: `queue file`.
    pub name: &'static str,
    /// Marks the file as ours (`PRAGMA application_id`).
    pub application_id: i64,
    /// Its format (`PRAGMA user_version`).
    pub format: i64,
    /// Statements that make its tables.
    pub schema: &'static str,
    /// Statements that make a file of format 1 one of format 2, and so on.
    pub upgrades: &'static [&'static str],
}

/// What is wrong with a file.
#[derive(Debug)]
pub struct FileError {
    /// What kind of file.
    pub what: &'static str,
    /// Which.
    pub path: PathBuf,
    /// What.
    pub fault: Fault,
}

/// What can be wrong with a file.
#[derive(Debug)]
pub enum Fault {
    /// There is none.
    Missing,
    /// Its folder is missing.
    NoFolder,
    /// It is something else.
    NotOurs,
    /// It was written by a later version.
    Newer {
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// It or its folder may not be written.
    ReadOnly,
    /// The file system, of this type, cannot share it safely.
    NetworkFileSystem(String),
    /// No space left.
    Full,
    /// Others kept it locked for too long.
    Busy,
    /// Anything else.
    Failed {
        /// What was attempted.
        doing: &'static str,
        /// What was said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl FileError {
    /// True where waiting may help; everything else is for an operator to repair.
    pub fn passes(&self) -> bool {
        matches!(self.fault, Fault::Full | Fault::Busy)
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, path) = (self.what, self.path.display());
        match &self.fault {
            Fault::Missing => write!(f, "there is no {what} {path}"),
            Fault::NoFolder => write!(f, "the folder of {what} {path} does not exist"),
            Fault::NotOurs => write!(f, "{path} is not a poolproof {what}"),
            Fault::Newer { found, known } => write!(
                f,
                "{what} {path} has format {found}, written by a newer poolproof; this one knows formats up to {known}"
            ),
            Fault::ReadOnly => write!(
                f,
                "{what} {path} cannot be written: the file or its folder is read-only (a -wal and a -shm file are kept beside it)"
            ),
            Fault::NetworkFileSystem(kind) => write!(
                f,
                "{what} {path} lies on a network file system ({kind}), where SQLite's write-ahead log is not safe; use a local disk"
            ),
            Fault::Full => write!(f, "{what} {path}: the disk is full"),
            Fault::Busy => write!(f, "{what} {path} stayed locked by other processes for too long"),
            Fault::Failed { doing, .. } => write!(f, "could not {doing} in {what} {path}"),
        }
    }
}

impl std::error::Error for FileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.fault {
            Fault::Failed { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl Kind {
    /// Opens the file and makes the tables where it is new; `create` where there need be none yet.
    ///
    /// # Errors
    /// It is something else, of a newer format, not writable, on a network file system, or its folder is missing.
    pub fn open(&self, path: &Path, create: bool) -> Result<Connection, FileError> {
        self.check_place(path, create)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|e| self.failure(path, "open", e))?;
        connection.busy_timeout(BUSY).map_err(|e| self.failure(path, "open", e))?;
        // Looked at before anything is set: a file that is not ours is left as it is.
        let found = self.format_of(&connection, path)?;
        self.use_write_ahead_log(&connection, path)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(|e| self.failure(path, "open", e))?;
        if found != Some(self.format) {
            self.bring_up(&mut connection, path)?;
        }
        Ok(connection)
    }

    /// What SQLite said, in our words.
    pub fn failure(&self, path: &Path, doing: &'static str, error: rusqlite::Error) -> FileError {
        use rusqlite::ErrorCode as Code;
        let fault = match error.sqlite_error_code() {
            Some(Code::NotADatabase) => Fault::NotOurs,
            Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => Fault::ReadOnly,
            Some(Code::DiskFull) => Fault::Full,
            Some(Code::DatabaseBusy | Code::DatabaseLocked) => Fault::Busy,
            _ => Fault::Failed { doing, source: error.into() },
        };
        self.fault(path, fault)
    }

    fn fault(&self, path: &Path, fault: Fault) -> FileError {
        FileError { what: self.name, path: path.to_owned(), fault }
    }

    fn check_place(&self, path: &Path, create: bool) -> Result<(), FileError> {
        let is_file = path.is_file();
        if path.exists() && !is_file {
            return Err(self.fault(path, Fault::NotOurs));
        }
        let folder = folder_of(path);
        if !folder.is_dir() {
            return Err(self.fault(path, Fault::NoFolder));
        }
        if !is_file && !create {
            return Err(self.fault(path, Fault::Missing));
        }
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let real = folder.canonicalize().unwrap_or(folder);
        match network_file_system(&mounts, &real) {
            Some(kind) => Err(self.fault(path, Fault::NetworkFileSystem(kind))),
            None => Ok(()),
        }
    }

    /// Format of the file, nothing where nothing was ever written to it; an error where it is not one of ours.
    fn format_of(&self, connection: &Connection, path: &Path) -> Result<Option<i64>, FileError> {
        // In one statement, so that all three are of one moment even while another process makes the tables.
        let sql =
            "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                          (SELECT count(*) FROM sqlite_schema)";
        let header = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        match header.map_err(|e| self.failure(path, "read the header", e))? {
            (id, found, _) if id == self.application_id && found > self.format => {
                Err(self.fault(path, Fault::Newer { found, known: self.format }))
            }
            (id, found @ 1.., _) if id == self.application_id => Ok(Some(found)),
            (0i64, 0i64, 0i64) => Ok(None),
            _ => Err(self.fault(path, Fault::NotOurs)),
        }
    }

    fn use_write_ahead_log(&self, connection: &Connection, path: &Path) -> Result<(), FileError> {
        const DOING: &str = "switch to the write-ahead log";
        // The switch takes an exclusive lock for which SQLite does not call the busy handler: two processes that make the
        // file at the same moment wait here.
        let started = std::time::Instant::now();
        loop {
            match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
                Ok(mode) if mode == "wal" => return Ok(()),
                Ok(mode) => {
                    let source = format!(
                        "SQLite keeps journal mode {mode}; the file system cannot share memory (a network file system?)"
                    );
                    return Err(self.fault(path, Fault::Failed { doing: DOING, source: source.into() }));
                }
                Err(e) => match self.failure(path, DOING, e) {
                    FileError { fault: Fault::Busy, .. } if started.elapsed() < BUSY => {
                        std::thread::sleep(Duration::from_millis(20));
                    }
                    other => return Err(other),
                },
            }
        }
    }

    /// Makes the tables, or those of an older format into those of this one.
    fn bring_up(&self, connection: &mut Connection, path: &Path) -> Result<(), FileError> {
        let failed = |e| self.failure(path, "make the tables", e);
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
        // Somebody else may have done it since we looked.
        let (statements, fresh): (Vec<&str>, bool) = match self.format_of(&transaction, path)? {
            None => (vec![self.schema], true),
            Some(found) => (self.upgrades.iter().skip(found as usize - 1).copied().collect(), false),
        };
        for statement in statements {
            transaction.execute_batch(statement).map_err(failed)?;
        }
        if fresh {
            transaction.pragma_update(None, "application_id", self.application_id).map_err(failed)?;
        }
        transaction.pragma_update(None, "user_version", self.format).map_err(failed)?;
        transaction.commit().map_err(failed)?;
        // SQLite syncs the file, not the folder's entry for it.
        crate::files::sync_folder(&folder_of(path))
            .map_err(|e| self.fault(path, Fault::Failed { doing: "sync the folder", source: e.into() }))
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The type of the network file system that holds `folder`, if it is one (SQLite: "WAL does not work over a network
/// filesystem", sqlite.org/wal.html).
fn network_file_system(mounts: &str, folder: &Path) -> Option<String> {
    const KINDS: [&str; 9] =
        ["nfs", "nfs4", "cifs", "smb3", "smbfs", "ceph", "fuse.blobfuse2", "fuse.sshfs", "fuse.glusterfs"];
    let mount = |line: &str| {
        let mut fields = line.split(' ').skip(1);
        // Spaces in mount points are written in octal.
        let point = PathBuf::from(fields.next()?.replace("\\040", " "));
        let kind = fields.next()?.to_owned();
        folder.starts_with(&point).then(|| (point.components().count(), kind))
    };
    // Of equal mount points the later one lies on top; `max_by_key` returns the last.
    let (_, kind) = mounts.lines().filter_map(mount).max_by_key(|(depth, _)| *depth)?;
    KINDS.contains(&kind.as_str()).then_some(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deepest_mount_decides() {
        let mounts = "disk / ext4 rw 0 0\nhost:/x /mnt/share nfs4 rw 0 0\ndisk /mnt/share/local\\040disk ext4 rw 0 0\n";
        let kind = |folder: &str| network_file_system(mounts, Path::new(folder));
        assert_eq!(kind("/var/lib"), None);
        assert_eq!(kind("/mnt/share/queue").as_deref(), Some("nfs4"));
        assert_eq!(kind("/mnt/shared"), None);
        assert_eq!(kind("/mnt/share/local disk/q"), None);
    }
}
