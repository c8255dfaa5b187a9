//! Memory of outcomes: one SQLite file that keeps, for each change, what was foretold and what came of it.
//!
//! Messages come in any order, more than once and to several workers: what is kept of a change is therefore a sum of facts that
//! does not depend on their order (earliest beginning, latest end, foretelling that was first by phase and last within it), and
//! each is one durable transaction. Which proposal an event carries out is found when the history is read
//! (`memory/history.rs`), since either may come first. No message, no caller, no error text and no snapshot is kept; the oldest
//! changes go when there are too many.

mod history;
mod store;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use reports::backtest::history::{Prediction, Row};
use scenarios::Change;
use scenarios::outcome::StatedOutcome;

use crate::sqlite::FileError;
use store::Store;

/// Changes that are kept unless somebody says otherwise: about 100 MB.
pub const KEEP: u32 = 50_000;

/// Where outcomes are remembered, as the command line names it: `sqlite:PATH`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemoryUrl(pub PathBuf);

impl FromStr for MemoryUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            Some(path) => Ok(MemoryUrl(path.into())),
            None => Err("expected sqlite:PATH, such as sqlite:memory.db".into()),
        }
    }
}

/// An open memory; clones share the connection.
#[derive(Clone)]
pub struct Memory {
    store: Arc<Mutex<Store>>,
}

impl Memory {
    /// Opens the memory in this file, making it where there is none; at most `keep` changes stay in it.
    ///
    /// # Errors
    /// The file is something else, of a newer format, not writable, on a network file system, or its folder is missing.
    pub fn open(path: &Path, keep: u32) -> Result<Memory, FileError> {
        Ok(Memory { store: Arc::new(Mutex::new(Store::open(path, true, keep)?)) })
    }

    /// Keeps what a message tells of a change: that it was proposed, has begun or has ended, and how.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn seen(&self, change: &Change) -> Result<(), FileError> {
        self.with(|store| store.seen(change))
    }

    /// Keeps what was foretold of a change.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn foretold(&self, change: &Change, prediction: &Prediction) -> Result<(), FileError> {
        self.with(|store| store.foretold(change, prediction))
    }

    /// Keeps what somebody states about an outcome; the later of two statements about a change counts.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn stated(&self, outcome: &StatedOutcome) -> Result<(), FileError> {
        self.with(|store| store.stated(outcome))
    }

    /// When the operation of a change began, where a message that has come has said so.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn started(&self, change: &Change) -> Result<Option<String>, FileError> {
        self.with(|store| store.started(&change.id))
    }

    /// Whether it can be read and written.
    ///
    /// # Errors
    /// It cannot.
    #[cfg(feature = "listen")]
    pub fn reachable(&self) -> Result<(), FileError> {
        self.with(|store| store.reachable())
    }

    // A panic under the lock cannot leave the file half written: an open transaction is rolled back when dropped.
    fn with<T>(&self, verb: impl FnOnce(&mut Store) -> Result<T, FileError>) -> Result<T, FileError> {
        verb(&mut self.store.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The history in a file that must exist: a row a change, each event with the proposal it carries out.
///
/// # Errors
/// There is no such file, or it is not a memory.
pub fn history(path: &Path) -> Result<Vec<Row>, FileError> {
    let store = Store::open(path, false, KEEP)?;
    Ok(history::rows(store.entries()?, &store.statements()?))
}
