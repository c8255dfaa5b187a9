//! The file of the memory and its verbs, one transaction each.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use reports::backtest::history::Prediction;
use rusqlite::{Connection, OptionalExtension, Params, Row, Transaction, TransactionBehavior, named_params};
use scenarios::Change;
use scenarios::change::Phase;
use scenarios::outcome::StatedOutcome;

#[cfg(feature = "listen")]
use crate::sqlite::Fault;
use crate::sqlite::{FileError, Kind};

/// Times are milliseconds since the epoch, as messages say them; `touched` counts writes. `phase` is that of the foretelling, 0 to
/// 2. A statement belongs to the change, or to the correlation id, of its key.
const FILE: Kind = Kind {
    name: "memory file",
    // "poom" in ASCII.
    application_id: 0x706f_6f6d,
    format: 1,
    schema: "
    CREATE TABLE change (
        id          TEXT PRIMARY KEY,
        cluster     TEXT NOT NULL,
        cluster_id  TEXT,
        pool        TEXT,
        kind        TEXT NOT NULL,
        correlation TEXT,
        proposed    INTEGER,
        started     INTEGER,
        ended       INTEGER,
        succeeded   INTEGER,
        code        TEXT,
        phase       INTEGER,
        foretold    INTEGER,
        prediction  TEXT,
        touched     INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX change_touched ON change (touched);
    CREATE TABLE statement (
        key     TEXT PRIMARY KEY,
        time    INTEGER,
        body    TEXT NOT NULL,
        touched INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX statement_touched ON statement (touched);
",
    upgrades: &[],
};

/// Longest name or code that is kept, in characters.
const LONGEST: usize = 256;

/// What is kept of one change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entry {
    pub id: String,
    pub cluster: String,
    pub cluster_id: Option<String>,
    pub pool: Option<String>,
    pub kind: String,
    pub correlation: Option<String>,
    pub proposed: Option<i64>,
    pub started: Option<i64>,
    pub ended: Option<i64>,
    pub succeeded: Option<bool>,
    pub code: Option<String>,
    /// When it was foretold, by the message that asked.
    pub foretold: Option<i64>,
    pub prediction: Option<Prediction>,
}

/// An open memory file.
pub struct Store {
    connection: Connection,
    path: PathBuf,
    keep: u32,
}

impl Store {
    /// Opens the file; `create` where there need be none yet.
    pub fn open(path: &Path, create: bool, keep: u32) -> Result<Store, FileError> {
        Ok(Store { connection: FILE.open(path, create)?, path: path.to_owned(), keep })
    }

    /// Takes and lets go the right to write.
    #[cfg(feature = "listen")]
    pub fn reachable(&mut self) -> Result<(), FileError> {
        if !self.path.is_file() {
            // An open file that was removed takes what is written, and nobody finds it again.
            return Err(FileError { what: FILE.name, path: self.path.clone(), fault: Fault::Missing });
        }
        self.transaction("look", |_| Ok(()))
    }

    /// Adds what a message tells of a change.
    pub fn seen(&mut self, change: &Change) -> Result<(), FileError> {
        let keep = self.keep;
        self.transaction("keep a change", |t| add(t, change).and_then(|()| forget(t, keep)))
    }

    /// Adds what was foretold. A foretelling before the beginning counts more than one after it, of two in the same phase the
    /// one of the later message, so that the order of arrival does not matter.
    pub fn foretold(&mut self, change: &Change, prediction: &Prediction) -> Result<(), FileError> {
        let body = serde_json::to_string(prediction).unwrap_or_default();
        let (phase, time) = (change.phase as i64, time_of(change).unwrap_or_else(now));
        let keep = self.keep;
        self.transaction("keep a prediction", |t| {
            add(t, change)?;
            let sql = "UPDATE change SET phase = :phase, foretold = :time, prediction = :body
                       WHERE id = :id AND (phase IS NULL OR phase > :phase OR (phase = :phase AND
                             (foretold < :time OR (foretold = :time AND prediction < :body))))";
            t.execute(sql, named_params! {":id": change.id, ":phase": phase, ":time": time, ":body": body})?;
            forget(t, keep)
        })
    }

    /// Adds a statement about an outcome.
    pub fn stated(&mut self, outcome: &StatedOutcome) -> Result<(), FileError> {
        let Some(key) = outcome.change.as_ref().or(outcome.correlation_id.as_ref()) else { return Ok(()) };
        let key = key.to_lowercase();
        let time = outcome.time.as_deref().and_then(millis);
        let body = serde_json::to_string(outcome).unwrap_or_default();
        let keep = self.keep;
        self.transaction("keep an outcome", |t| {
            let sql = "INSERT INTO statement (key, time, body, touched) VALUES (:key, :time, :body, :now)
                       ON CONFLICT (key) DO UPDATE SET time = excluded.time, body = excluded.body, touched = excluded.touched
                       WHERE excluded.time IS NULL OR time IS NULL OR excluded.time > time
                             OR (excluded.time = time AND excluded.body > body)";
            t.execute(sql, named_params! {":key": key, ":time": time, ":body": body, ":now": now()})?;
            let sql = "DELETE FROM statement WHERE key IN
                       (SELECT key FROM statement ORDER BY touched DESC, key LIMIT -1 OFFSET ?1)";
            t.execute(sql, [keep]).map(drop)
        })
    }

    /// When the operation of a change began.
    pub fn started(&mut self, id: &str) -> Result<Option<String>, FileError> {
        let sql = "SELECT started FROM change WHERE id = ?1";
        let found = self.connection.query_row(sql, [id], |row| row.get::<_, Option<i64>>(0)).optional();
        let found = found.map_err(|e| FILE.failure(&self.path, "read a change", e))?;
        Ok(found.flatten().and_then(instant))
    }

    /// Everything that is kept of changes, in the order of their ids.
    pub fn entries(&self) -> Result<Vec<Entry>, FileError> {
        let sql = "SELECT id, cluster, cluster_id, pool, kind, correlation, proposed, started, ended, succeeded, code,
                          foretold, prediction FROM change ORDER BY id";
        self.read(sql, |row| {
            let prediction: Option<String> = row.get(12)?;
            Ok(Entry {
                id: row.get(0)?,
                cluster: row.get(1)?,
                cluster_id: row.get(2)?,
                pool: row.get(3)?,
                kind: row.get(4)?,
                correlation: row.get(5)?,
                proposed: row.get(6)?,
                started: row.get(7)?,
                ended: row.get(8)?,
                succeeded: row.get(9)?,
                code: row.get(10)?,
                foretold: row.get(11)?,
                prediction: prediction.and_then(|text| serde_json::from_str(&text).ok()),
            })
        })
    }

    /// Every statement with its key.
    pub fn statements(&self) -> Result<Vec<(String, StatedOutcome)>, FileError> {
        let read = |row: &Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?));
        let found = self.read("SELECT key, body FROM statement ORDER BY key", read)?;
        Ok(found.into_iter().filter_map(|(key, body)| Some((key, serde_json::from_str(&body).ok()?))).collect())
    }

    fn read<T>(&self, sql: &str, one: impl FnMut(&Row<'_>) -> rusqlite::Result<T>) -> Result<Vec<T>, FileError> {
        let read = || self.connection.prepare(sql)?.query_map([], one)?.collect::<rusqlite::Result<Vec<T>>>();
        read().map_err(|e| FILE.failure(&self.path, "read the history", e))
    }

    fn transaction(
        &mut self,
        doing: &'static str,
        verb: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), FileError> {
        let run = || {
            // Immediate: two workers that both read and then write would else refuse each other.
            let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            verb(&transaction)?;
            transaction.commit()
        };
        run().map_err(|e| FILE.failure(&self.path, doing, e))
    }
}

/// The row of a change with what a message adds to it.
fn add(t: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    let time = time_of(change);
    let at = |phase: Phase| time.filter(|_| change.phase == phase);
    // A proposal may say no time: that of its arrival counts, the first where it comes again.
    let proposed = (change.phase == Phase::Proposed).then(|| time.unwrap_or_else(now));
    let began = change.source.started_at.as_deref().and_then(millis);
    let result = change.result.as_ref();
    let code = result.and_then(|r| r.code.as_deref()).map(short);
    let kind = serde_json::to_value(&change.operation).ok().and_then(|v| v["kind"].as_str().map(str::to_owned));
    execute(
        t,
        "INSERT INTO change (id, cluster, cluster_id, pool, kind, correlation, proposed, started, ended, succeeded, code, touched)
         VALUES (:id, :cluster, :cluster_id, :pool, :kind, :correlation, :proposed, :started, :ended, :succeeded, :code, :now)
         ON CONFLICT (id) DO UPDATE SET
             kind = CASE WHEN kind IN ('unknown', 'rolling') THEN excluded.kind ELSE kind END,
             proposed = coalesce(min(proposed, excluded.proposed), proposed, excluded.proposed),
             started = coalesce(min(started, excluded.started), started, excluded.started),
             -- Of two ends the later one counts, of two at one time the failure.
             succeeded = CASE WHEN excluded.succeeded IS NULL OR ended > excluded.ended THEN succeeded
                              WHEN ended = excluded.ended THEN min(coalesce(succeeded, 1), excluded.succeeded)
                              ELSE excluded.succeeded END,
             code = CASE WHEN excluded.succeeded IS NULL OR ended > excluded.ended OR (ended = excluded.ended AND excluded.succeeded)
                         THEN code ELSE excluded.code END,
             ended = coalesce(max(ended, excluded.ended), ended, excluded.ended),
             touched = excluded.touched",
        named_params! {
            ":id": change.id,
            ":cluster": short(&change.cluster.name),
            ":cluster_id": change.cluster.id.as_deref().map(|id| short(&id.to_lowercase())),
            ":pool": change.pool.as_deref().map(short),
            ":kind": kind.unwrap_or_default(),
            ":correlation": change.source.correlation_id.as_deref().map(|id| short(&id.to_lowercase())),
            ":proposed": proposed,
            ":started": at(Phase::InFlight).into_iter().chain(began).min(),
            ":ended": at(Phase::Completed),
            ":succeeded": result.map(|r| r.succeeded),
            ":code": code,
            ":now": now(),
        },
    )
}

/// Lets the changes go that nothing was heard of for longest.
fn forget(t: &Transaction<'_>, keep: u32) -> rusqlite::Result<()> {
    let sql = "DELETE FROM change WHERE id IN (SELECT id FROM change ORDER BY touched DESC, id LIMIT -1 OFFSET ?1)";
    execute(t, sql, [keep])
}

fn execute(t: &Transaction<'_>, sql: &str, params: impl Params) -> rusqlite::Result<()> {
    t.execute(sql, params).map(drop)
}

fn time_of(change: &Change) -> Option<i64> {
    change.source.time.as_deref().and_then(millis)
}

fn millis(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(Timestamp::as_millisecond)
}

/// A time as text.
pub fn instant(millis: i64) -> Option<String> {
    Timestamp::from_millisecond(millis).ok().map(|at| at.to_string())
}

fn now() -> i64 {
    Timestamp::now().as_millisecond()
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}
