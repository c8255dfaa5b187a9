//! Opens a queue file: makes sure it is ours, of a known format, and on a disk that can carry it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::queue::QueueError;

/// Marks the file as ours (`PRAGMA application_id`): "pool" in ASCII.
const APPLICATION_ID: i64 = 0x706f_6f6c;
/// Format of the file (`PRAGMA user_version`).
const FORMAT: i64 = 1;
/// How long a verb waits for other processes before it gives up.
const BUSY: Duration = Duration::from_secs(10);

/// `due` is milliseconds since the epoch: when the message may be handed out, or when its lease ends.
const SCHEMA: &str = "
    CREATE TABLE message (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        key      TEXT UNIQUE,
        body     BLOB NOT NULL,
        created  INTEGER NOT NULL,
        due      INTEGER NOT NULL,
        leased   INTEGER NOT NULL DEFAULT 0,
        claims   INTEGER NOT NULL DEFAULT 0,
        attempts INTEGER NOT NULL DEFAULT 0,
        dead     INTEGER NOT NULL DEFAULT 0,
        trouble  TEXT
    );
    CREATE INDEX message_due ON message (dead, due, id);
";

/// Opens the file and makes the tables where it is new.
pub fn open(path: &Path, create: bool) -> Result<Connection, QueueError> {
    check_place(path, create)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|e| failure(path, "open", e))?;
    connection.busy_timeout(BUSY).map_err(|e| failure(path, "open", e))?;
    // Looked at before anything is set: a file that is not ours is left as it is.
    let fresh = is_fresh(&connection, path)?;
    use_write_ahead_log(&connection, path)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(|e| failure(path, "open", e))?;
    if fresh {
        initialise(&mut connection, path)?;
    }
    Ok(connection)
}

/// What SQLite said, in the words of the queue.
pub fn failure(path: &Path, doing: &'static str, error: rusqlite::Error) -> QueueError {
    use rusqlite::ErrorCode as Code;
    let path = path.to_owned();
    match error.sqlite_error_code() {
        Some(Code::NotADatabase) => QueueError::NotOurs(path),
        Some(Code::ReadOnly | Code::PermissionDenied | Code::CannotOpen) => QueueError::ReadOnly(path),
        Some(Code::DiskFull) => QueueError::Full(path),
        Some(Code::DatabaseBusy | Code::DatabaseLocked) => QueueError::Busy(path),
        _ => QueueError::Failed { doing, path, source: error.into() },
    }
}

fn check_place(path: &Path, create: bool) -> Result<(), QueueError> {
    let is_file = path.is_file();
    if path.exists() && !is_file {
        return Err(QueueError::NotOurs(path.to_owned()));
    }
    let folder = folder_of(path);
    if !folder.is_dir() {
        return Err(QueueError::NoFolder(path.to_owned()));
    }
    if !is_file && !create {
        return Err(QueueError::Missing(path.to_owned()));
    }
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let real = folder.canonicalize().unwrap_or(folder);
    match network_file_system(&mounts, &real) {
        Some(kind) => Err(QueueError::NetworkFileSystem { path: path.to_owned(), kind }),
        None => Ok(()),
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

/// True where nothing was ever written to the file; an error where it is not one of ours.
fn is_fresh(connection: &Connection, path: &Path) -> Result<bool, QueueError> {
    // In one statement, so that all three are of one moment even while another process makes the tables.
    let sql =
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),
                      (SELECT count(*) FROM sqlite_schema)";
    let header = connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    match header.map_err(|e| failure(path, "read the header", e))? {
        (APPLICATION_ID, found, _) if found > FORMAT => {
            Err(QueueError::Newer { path: path.to_owned(), found, known: FORMAT })
        }
        (APPLICATION_ID, _, _) => Ok(false),
        (0i64, 0i64, 0i64) => Ok(true),
        _ => Err(QueueError::NotOurs(path.to_owned())),
    }
}

fn use_write_ahead_log(connection: &Connection, path: &Path) -> Result<(), QueueError> {
    // The switch takes an exclusive lock for which SQLite does not call the busy handler: two processes that make the
    // queue at the same moment wait here.
    let started = std::time::Instant::now();
    loop {
        match connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0)) {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                let source = format!(
                    "SQLite keeps journal mode {mode}; the file system cannot share memory (a network file system?)"
                )
                .into();
                return Err(QueueError::Failed {
                    doing: "switch to the write-ahead log",
                    path: path.to_owned(),
                    source,
                });
            }
            Err(e) => match failure(path, "switch to the write-ahead log", e) {
                QueueError::Busy(_) if started.elapsed() < BUSY => std::thread::sleep(Duration::from_millis(20)),
                other => return Err(other),
            },
        }
    }
}

fn initialise(connection: &mut Connection, path: &Path) -> Result<(), QueueError> {
    let failed = |e| failure(path, "make the tables", e);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(failed)?;
    // Somebody else may have made them since we looked.
    if is_fresh(&transaction, path)? {
        transaction.execute_batch(SCHEMA).map_err(failed)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID).map_err(failed)?;
        transaction.pragma_update(None, "user_version", FORMAT).map_err(failed)?;
    }
    transaction.commit().map_err(failed)?;
    // SQLite syncs the file, not the folder's entry for it.
    crate::files::sync_folder(&folder_of(path)).map_err(|e| QueueError::Failed {
        doing: "sync the folder",
        path: path.to_owned(),
        source: e.into(),
    })
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
