//! The verbs of the embedded queue, one transaction each.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension, Params, TransactionBehavior, named_params};

use crate::queue::{Claimed, Job, MAX_MESSAGE, QueueError};
use crate::sqlite::Kind;
use crate::trace::TraceParent;

/// `due` is milliseconds since the epoch: when the message may be handed out, or when its lease ends.
const FILE: Kind = Kind {
    name: "queue file",
    // "pool" in ASCII.
    application_id: 0x706f_6f6c,
    format: 2,
    schema: "
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
        trouble  TEXT,
        trace    TEXT
    );
    CREATE INDEX message_due ON message (dead, due, id);
",
    upgrades: &["ALTER TABLE message ADD COLUMN trace TEXT"],
};

/// An open queue file.
pub struct Store {
    pub(super) connection: Connection,
    pub(super) path: PathBuf,
}

/// Names one delivery of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Id of the message.
    pub message: i64,
    /// How many times it had been handed out then.
    pub claim: i64,
}

/// What became of a pushed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// It waits under this id.
    New(i64),
    /// A message with the same key is still there.
    Already(i64),
    /// A message with the same key lay among the dead letters and waits again.
    Revived(i64),
}

impl Store {
    /// Opens the queue in this file, making it where there is none.
    ///
    /// # Errors
    /// The file is something else, of a newer format, not writable, on a network file system, or its folder is missing.
    pub fn open(path: &Path) -> Result<Store, QueueError> {
        Ok(Store { connection: FILE.open(path, true)?, path: path.to_owned() })
    }

    /// Opens a queue that must exist.
    ///
    /// # Errors
    /// As [`Store::open`], and where there is no file.
    pub fn open_existing(path: &Path) -> Result<Store, QueueError> {
        Ok(Store { connection: FILE.open(path, false)?, path: path.to_owned() })
    }

    /// Adds a message. One with the same key that is not done yet is not added again; a dead one is revived.
    ///
    /// # Errors
    /// The message is too large, or the file cannot be written.
    pub fn push(&mut self, body: &[u8], key: Option<&str>) -> Result<Pushed, QueueError> {
        self.push_traced(body, key, None)
    }

    /// The same for a message with a place in a trace.
    ///
    /// # Errors
    /// See [`Store::push`].
    pub fn push_traced(
        &mut self,
        body: &[u8],
        key: Option<&str>,
        trace: Option<&TraceParent>,
    ) -> Result<Pushed, QueueError> {
        if body.len() as u64 > MAX_MESSAGE {
            return Err(QueueError::TooLarge(body.len() as u64));
        }
        let now = now();
        self.transaction("add a message", |t| {
            let known = match key {
                Some(key) => t
                    .query_row("SELECT id, dead FROM message WHERE key = ?1", [key], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })
                    .optional()?,
                None => None,
            };
            match known {
                Some((id, true)) => {
                    t.execute("UPDATE message SET dead = 0, attempts = 0, due = ?2 WHERE id = ?1", [id, now])?;
                    Ok(Pushed::Revived(id))
                }
                Some((id, false)) => Ok(Pushed::Already(id)),
                None => {
                    let sql = "INSERT INTO message (key, body, created, due, trace) VALUES (?1, ?2, ?3, ?3, ?4)";
                    t.execute(sql, (key, body, now, trace.map(TraceParent::as_str)))?;
                    Ok(Pushed::New(t.last_insert_rowid()))
                }
            }
        })
    }

    /// Takes the message that has been due longest.
    ///
    /// # Errors
    /// The file cannot be read or written.
    pub fn claim(&mut self, lease: Duration) -> Result<Claimed<Receipt>, QueueError> {
        let now = now();
        self.transaction("claim a message", |t| {
            let sql = "UPDATE message SET leased = 1, due = :until, claims = claims + 1, attempts = attempts + 1
                       WHERE id = (SELECT id FROM message WHERE dead = 0 AND due <= :now ORDER BY due, id LIMIT 1)
                       RETURNING id, claims, body, attempts, trouble, created, trace";
            let job = t
                .query_row(sql, named_params! {":now": now, ":until": after(now, lease)}, |row| {
                    let receipt = Receipt { message: row.get(0)?, claim: row.get(1)? };
                    Ok(Job {
                        receipt,
                        id: receipt.message.to_string(),
                        body: row.get(2)?,
                        attempt: row.get(3)?,
                        trouble: row.get(4)?,
                        sent: row.get(5)?,
                        trace: row.get::<_, Option<String>>(6)?.and_then(|text| TraceParent::parse(&text)),
                    })
                })
                .optional()?;
            if let Some(job) = job {
                return Ok(Claimed::Job(job));
            }
            let next: Option<i64> = t.query_row("SELECT min(due) FROM message WHERE dead = 0", [], |row| row.get(0))?;
            Ok(next.map_or(Claimed::Empty, |due| {
                Claimed::Later(Duration::from_millis(due.saturating_sub(now).max(0) as u64))
            }))
        })
    }

    /// Prolongs a lease.
    ///
    /// # Errors
    /// The lease was lost, or the file cannot be written.
    pub fn extend(&mut self, receipt: Receipt, lease: Duration) -> Result<(), QueueError> {
        self.held(
            "extend a lease",
            receipt,
            "UPDATE message SET due = ?3",
            (receipt.message, receipt.claim, after(now(), lease)),
        )
    }

    /// Removes a message that is done.
    ///
    /// # Errors
    /// The lease was lost, or the file cannot be written.
    pub fn ack(&mut self, receipt: Receipt) -> Result<(), QueueError> {
        self.held("remove a message", receipt, "DELETE FROM message", (receipt.message, receipt.claim))
    }

    /// Puts a message back, due after `delay`; without trouble the attempt does not count.
    ///
    /// # Errors
    /// The lease was lost, or the file cannot be written.
    pub fn give_back(&mut self, receipt: Receipt, delay: Duration, trouble: Option<&str>) -> Result<(), QueueError> {
        let sql = "UPDATE message SET leased = 0, due = ?3, attempts = attempts - (?4 IS NULL), trouble = coalesce(?4, trouble)";
        self.held("give a message back", receipt, sql, (receipt.message, receipt.claim, after(now(), delay), trouble))
    }

    /// Lays a message among the dead letters.
    ///
    /// # Errors
    /// The lease was lost, or the file cannot be written.
    pub fn bury(&mut self, receipt: Receipt, reason: &str) -> Result<(), QueueError> {
        let sql = "UPDATE message SET leased = 0, dead = 1, due = ?3, trouble = ?4";
        self.held("lay a message among the dead letters", receipt, sql, (receipt.message, receipt.claim, now(), reason))
    }

    /// Runs a statement on the message only while the receipt still holds it.
    fn held(
        &mut self,
        doing: &'static str,
        receipt: Receipt,
        statement: &str,
        params: impl Params,
    ) -> Result<(), QueueError> {
        let sql = format!("{statement} WHERE id = ?1 AND claims = ?2 AND leased = 1");
        let changed = self.transaction(doing, |t| t.execute(&sql, params))?;
        if changed == 1 { Ok(()) } else { Err(QueueError::Lost(receipt.message.to_string())) }
    }

    pub(super) fn transaction<T>(
        &mut self,
        doing: &'static str,
        body: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, QueueError> {
        let run = || {
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = body(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        run().map_err(|e| FILE.failure(&self.path, doing, e).into())
    }
}

/// Milliseconds since the epoch.
pub fn now() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

fn after(now: i64, delay: Duration) -> i64 {
    now.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}
