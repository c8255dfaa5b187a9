//! What an operator does with a queue: look at it, put dead letters back, drop them.

use rusqlite::{Connection, OptionalExtension, Row};

use super::store::{Store, now};
use crate::queue::{Entry, QueueError, State};

const COLUMNS: &str = "id, dead, leased, due, attempts, length(body), created, trouble";

impl Store {
    /// All messages, or only the dead ones, oldest first.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn list(&mut self, only_dead: bool) -> Result<Vec<Entry>, QueueError> {
        let now = now();
        self.transaction("list messages", |t| {
            let mut statement = t.prepare(&format!("SELECT {COLUMNS} FROM message WHERE dead >= ?1 ORDER BY id"))?;
            statement.query_map([only_dead], |row| entry(row, now))?.collect()
        })
    }

    /// How many messages there are, by state.
    ///
    /// # Errors
    /// The file cannot be read.
    #[cfg(feature = "listen")]
    pub fn count(&mut self) -> Result<crate::queue::Depth, QueueError> {
        let now = now();
        self.transaction("count messages", |t| {
            let sql = "SELECT count(*) FILTER (WHERE due <= ?1 AND NOT dead), \
                       count(*) FILTER (WHERE due > ?1 AND NOT leased AND NOT dead), \
                       count(*) FILTER (WHERE due > ?1 AND leased AND NOT dead), count(*) FILTER (WHERE dead), \
                       min(created) FILTER (WHERE due <= ?1 AND NOT dead) FROM message";
            t.query_row(sql, [now], |row| {
                let count = |column| Ok::<u64, rusqlite::Error>(row.get::<_, i64>(column)?.max(0) as u64);
                let oldest: Option<i64> = row.get(4)?;
                let age = |created: i64| std::time::Duration::from_millis(now.saturating_sub(created).max(0) as u64);
                Ok(crate::queue::Depth {
                    waiting: count(0)?,
                    delayed: Some(count(1)?),
                    held: Some(count(2)?),
                    dead: count(3)?,
                    oldest: oldest.map(age),
                })
            })
        })
    }

    /// One message with its body.
    ///
    /// # Errors
    /// There is no such message, or the file cannot be read.
    pub fn show(&mut self, id: i64) -> Result<(Entry, Vec<u8>), QueueError> {
        let now = now();
        let found = self.transaction("show a message", |t| {
            let sql = format!("SELECT {COLUMNS}, body FROM message WHERE id = ?1");
            t.query_row(&sql, [id], |row| Ok((entry(row, now)?, row.get(8)?))).optional()
        })?;
        found.ok_or_else(|| QueueError::NoSuchMessage(id.to_string()))
    }

    /// Makes messages due now, dead ones included, with a fresh count of attempts.
    ///
    /// # Errors
    /// One of them does not exist or is being worked on: then none is touched.
    pub fn requeue(&mut self, ids: &[i64]) -> Result<(), QueueError> {
        self.each(ids, "put a message back", |t, id, now| {
            t.execute("UPDATE message SET dead = 0, attempts = 0, due = ?2 WHERE id = ?1", [id, now])
        })
    }

    /// Removes messages for good.
    ///
    /// # Errors
    /// One of them does not exist or is being worked on: then none is touched.
    pub fn drop_messages(&mut self, ids: &[i64]) -> Result<(), QueueError> {
        self.each(ids, "drop a message", |t, id, _| t.execute("DELETE FROM message WHERE id = ?1", [id]))
    }

    fn each(
        &mut self,
        ids: &[i64],
        doing: &'static str,
        act: impl Fn(&Connection, i64, i64) -> rusqlite::Result<usize>,
    ) -> Result<(), QueueError> {
        let now = now();
        let refused = self.transaction(doing, |t| {
            if let Some(refused) = refusal(t, ids, now)? {
                return Ok(Some(refused));
            }
            for &id in ids {
                act(t, id, now)?;
            }
            Ok(None)
        })?;
        refused.map_or(Ok(()), Err)
    }
}

/// The first reason not to touch these messages.
fn refusal(t: &Connection, ids: &[i64], now: i64) -> rusqlite::Result<Option<QueueError>> {
    for &id in ids {
        let sql = format!("SELECT {COLUMNS} FROM message WHERE id = ?1");
        match t.query_row(&sql, [id], |row| entry(row, now)).optional()? {
            None => return Ok(Some(QueueError::NoSuchMessage(id.to_string()))),
            Some(e) if e.state == State::Leased => {
                return Ok(Some(QueueError::Held { id: id.to_string(), until: e.due }));
            }
            Some(_) => {}
        }
    }
    Ok(None)
}

fn entry(row: &Row<'_>, now: i64) -> rusqlite::Result<Entry> {
    let (dead, leased, due): (bool, bool, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let state = match (dead, due > now) {
        (true, _) => State::Dead,
        (false, true) if leased => State::Leased,
        (false, true) => State::Delayed,
        (false, false) => State::Waiting,
    };
    Ok(Entry {
        id: row.get(0)?,
        state,
        attempts: row.get(4)?,
        bytes: row.get(5)?,
        created: time(row.get(6)?),
        due: time(due),
        reason: row.get(7)?,
    })
}

/// Milliseconds since the epoch as RFC 3339.
pub fn time(milliseconds: i64) -> String {
    jiff::Timestamp::from_millisecond(milliseconds).map_or_else(|_| "?".into(), |t| t.to_string())
}
