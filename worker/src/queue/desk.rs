//! What an operator does with a queue on a server: add messages, look at dead letters, put them back, drop them.

use scenarios::change::Phase;
use tokio::runtime::Runtime;

use super::{Entry, QueueError};
use crate::trace::TraceParent;

/// An open queue, for one caller at a time.
pub trait Desk {
    /// Adds a message, a replay where others may overtake it, with its place in a trace; it is durable on return. Gives the name
    /// it has there.
    ///
    /// # Errors
    /// The message is too large, or the server does not take it.
    fn push(&self, body: &[u8], replay: bool, trace: Option<&TraceParent>) -> Result<String, QueueError>;

    /// What lies in the queue.
    ///
    /// # Errors
    /// The server is gone.
    fn list(&self) -> Result<Lying, QueueError>;

    /// How much lies there.
    ///
    /// # Errors
    /// The server is gone.
    #[cfg(feature = "listen")]
    fn depth(&self) -> Result<super::Depth, QueueError>;

    /// Dead letters with their bodies: those named, or all.
    ///
    /// # Errors
    /// One of them is not there, or the server is gone.
    fn show(&self, ids: &[String]) -> Result<Vec<Letter>, QueueError>;

    /// Puts dead letters back with a fresh count of attempts: those named, or all. Returns how many.
    ///
    /// # Errors
    /// One of them is not there (then none is touched), or the server is gone.
    fn requeue(&self, ids: &[String]) -> Result<usize, QueueError>;

    /// Removes dead letters for good: those named, or all. Returns how many.
    ///
    /// # Errors
    /// One of them is not there (then none is touched), or the server is gone.
    fn drop_messages(&self, ids: &[String]) -> Result<usize, QueueError>;
}

/// A runtime for a desk, whose verbs block.
///
/// # Errors
/// The system gives no more threads.
pub fn runtime() -> Result<Runtime, QueueError> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    runtime.map_err(|e| QueueError::Broker { doing: "start the runtime", why: e.to_string(), passes: false })
}

/// True for a message that tells of nothing but what is over: it may wait for those that ask what to do.
pub fn is_replay(message: &[u8]) -> bool {
    crate::pipeline::decode(message).is_ok_and(|decoded| {
        !decoded.changes.is_empty() && decoded.changes.iter().all(|change| change.phase == Phase::Completed)
    })
}

/// A dead letter and its body.
pub type Letter = (Entry<String>, Vec<u8>);

/// What lies in the queue.
pub struct Lying {
    /// How many messages wait, in words.
    pub waiting: String,
    /// The dead letters, oldest first.
    pub dead: Vec<Entry<String>>,
}
