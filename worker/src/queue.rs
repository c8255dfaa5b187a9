//! What the worker asks of a queue: five verbs. A claimed message is leased; whoever does not come back in time loses it
//! to the next worker, so nothing is lost and a message may be delivered more than once. A broker sees by itself that a
//! worker is gone: there the lease is the connection, whatever length is asked for.
//!
//! What each kind of queue offers beside (listing, submitting) belongs to its own file.

#[cfg(feature = "amqp")]
pub mod amqp;
#[cfg(feature = "cloud")]
pub mod azure;
#[cfg(any(feature = "amqp", feature = "cloud"))]
pub mod desk;
pub mod embedded;
mod entry;
mod url;

use std::fmt::Debug;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

#[cfg(feature = "amqp")]
pub use amqp::Amqp;
#[cfg(feature = "cloud")]
pub use azure::Azure;
#[cfg(any(feature = "amqp", feature = "cloud"))]
pub use desk::Desk;
pub use embedded::Embedded;
pub use entry::{Entry, State};
#[cfg(feature = "cloud")]
pub use url::AzureUrl;
pub use url::{BrokerUrl, QueueUrl};

/// Largest message that is taken, in bytes (16 MiB: the largest Terraform plans seen are a few MiB).
pub const MAX_MESSAGE: u64 = 16 << 20;

/// A queue that hands out messages under a lease.
pub trait Queue: Clone + Send + Sync + 'static {
    /// Names one delivery of one message; stale once the message was handed out again.
    type Receipt: Clone + Debug + Send + Sync;

    /// Takes the message that has been due longest, for the length of `lease`.
    fn claim(&self, lease: Duration) -> impl Future<Output = Result<Claimed<Self::Receipt>, QueueError>> + Send;

    /// Keeps a claimed message for another `lease` from now.
    fn extend(&self, receipt: &Self::Receipt, lease: Duration) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Removes a message that is done.
    fn ack(&self, receipt: &Self::Receipt) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Puts a message back, due again after `delay`. Without trouble to report the attempt does not count.
    fn give_back(
        &self,
        receipt: &Self::Receipt,
        delay: Duration,
        trouble: Option<String>,
    ) -> impl Future<Output = Result<(), QueueError>> + Send;

    /// Lays a message among the dead letters with the reason.
    fn bury(&self, receipt: &Self::Receipt, reason: String) -> impl Future<Output = Result<(), QueueError>> + Send;
}

/// Answer to a claim.
#[derive(Clone, Debug)]
pub enum Claimed<R> {
    /// A message, leased.
    Job(Job<R>),
    /// Nothing is due; the next message (delayed, or leased by somebody else) may be after this long.
    Later(Duration),
    /// Nothing is waiting, delayed or leased.
    Empty,
}

/// A claimed message.
#[derive(Clone, Debug)]
pub struct Job<R> {
    /// Names this delivery.
    pub receipt: R,
    /// Id of the message, for logs and for looking after the queue.
    pub id: String,
    /// The message.
    pub body: Vec<u8>,
    /// How many times it has been handed out, this time included.
    pub attempt: u32,
    /// What went wrong the last time, where that was reported.
    pub trouble: Option<String>,
}

/// Why a queue did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The lease ran out and the message was handed out again or removed.
    #[error("the lease ran out: message {0} is no longer ours")]
    Lost(String),
    /// There is no such message.
    #[error("there is no message {0}")]
    NoSuchMessage(String),
    /// Somebody holds the message.
    #[error("message {id} is being worked on; its lease runs out at {until}")]
    Held {
        /// The message.
        id: String,
        /// End of the lease.
        until: String,
    },
    /// The message is larger than [`MAX_MESSAGE`].
    #[error("the message has {0} bytes; at most {MAX_MESSAGE} are taken")]
    TooLarge(u64),
    /// No queue where one was expected.
    #[error("there is no queue file {0}")]
    Missing(PathBuf),
    /// The folder of the queue file is missing.
    #[error("the folder of queue file {0} does not exist")]
    NoFolder(PathBuf),
    /// The file is something else.
    #[error("{0} is not a poolproof queue file")]
    NotOurs(PathBuf),
    /// The file was written by a later version.
    #[error("queue file {path} has format {found}, written by a newer poolproof; this one knows formats up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The file or its folder may not be written.
    #[error(
        "queue file {0} cannot be written: the file or its folder is read-only (the queue also keeps a -wal and a -shm file beside it)"
    )]
    ReadOnly(PathBuf),
    /// The file system cannot share the queue safely.
    #[error(
        "queue file {path} lies on a network file system ({kind}), where SQLite's write-ahead log is not safe; use a local disk"
    )]
    NetworkFileSystem {
        /// The file.
        path: PathBuf,
        /// Type of the file system.
        kind: String,
    },
    /// No space left.
    #[error("queue file {0}: the disk is full")]
    Full(PathBuf),
    /// Others kept the file locked for too long.
    #[error("queue file {0} stayed locked by other processes for too long")]
    Busy(PathBuf),
    /// The server or the way to it fails.
    #[cfg(any(feature = "amqp", feature = "cloud"))]
    #[error("could not {doing}: {why}")]
    Broker {
        /// What was attempted.
        doing: &'static str,
        /// What was said.
        why: String,
        /// True where waiting may help.
        passes: bool,
    },
    /// Anything else the file or SQLite said.
    #[error("could not {doing} in queue file {path}")]
    Failed {
        /// What was attempted.
        doing: &'static str,
        /// The file.
        path: PathBuf,
        /// What was said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl QueueError {
    /// True where waiting may help; everything else is for an operator to repair.
    pub fn passes(&self) -> bool {
        match self {
            QueueError::Full(_) | QueueError::Busy(_) => true,
            #[cfg(any(feature = "amqp", feature = "cloud"))]
            QueueError::Broker { passes, .. } => *passes,
            _ => false,
        }
    }
}
