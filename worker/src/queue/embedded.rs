//! The embedded queue: one SQLite file, no server. Several processes may use it at once, and any of them may be killed at
//! any point: every verb is one durable transaction (write-ahead log, `synchronous=FULL`).
//!
//! A message is waiting (due now or later), leased (due again when its lease ends) or dead. Handing it out raises its
//! claim number, and whoever comes back with an older number is told that the lease is lost. Not for network file
//! systems: the write-ahead log needs shared memory between its users.

mod look_after;
mod store;
#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::{Claimed, Queue, QueueError};
use crate::sqlite::{Fault, FileError};
use crate::trace::TraceParent;

#[cfg(any(feature = "amqp", feature = "cloud"))]
pub use look_after::time;
pub use store::now;
pub use store::{Pushed, Receipt, Store};

/// The embedded queue as the worker uses it: every verb runs on a blocking thread.
#[derive(Clone)]
pub struct Embedded {
    store: Arc<Mutex<Store>>,
}

impl Embedded {
    /// Opens the queue in this file, making it where there is none.
    ///
    /// # Errors
    /// See [`Store::open`].
    pub fn open(path: &Path) -> Result<Embedded, QueueError> {
        Ok(Embedded { store: Arc::new(Mutex::new(Store::open(path)?)) })
    }

    async fn run<T: Send + 'static>(
        &self,
        verb: impl FnOnce(&mut Store) -> Result<T, QueueError> + Send + 'static,
    ) -> Result<T, QueueError> {
        let store = self.store.clone();
        // A panic under the lock cannot leave the file half written: an open transaction is rolled back when dropped.
        let task = move || verb(&mut store.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(task).await {
            Ok(result) => result,
            Err(gone) => {
                let fault = Fault::Failed { doing: "finish a request", source: gone.into() };
                Err(FileError { what: "queue file", path: Default::default(), fault }.into())
            }
        }
    }
}

impl Queue for Embedded {
    type Receipt = Receipt;

    async fn claim(&self, lease: Duration) -> Result<Claimed<Receipt>, QueueError> {
        self.run(move |store| store.claim(lease)).await
    }

    async fn extend(&self, receipt: &Receipt, lease: Duration) -> Result<(), QueueError> {
        let receipt = *receipt;
        self.run(move |store| store.extend(receipt, lease)).await
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), QueueError> {
        let receipt = *receipt;
        self.run(move |store| store.ack(receipt)).await
    }

    async fn give_back(&self, receipt: &Receipt, delay: Duration, trouble: Option<String>) -> Result<(), QueueError> {
        let receipt = *receipt;
        self.run(move |store| store.give_back(receipt, delay, trouble.as_deref())).await
    }

    async fn push(&self, body: &[u8], key: &str, trace: Option<&TraceParent>) -> Result<(), QueueError> {
        let (body, key, trace) = (body.to_vec(), key.to_owned(), trace.cloned());
        self.run(move |store| store.push_traced(&body, Some(&key), trace.as_ref()).map(drop)).await
    }

    async fn bury(&self, receipt: &Receipt, reason: String) -> Result<(), QueueError> {
        let receipt = *receipt;
        self.run(move |store| store.bury(receipt, &reason)).await
    }
}
