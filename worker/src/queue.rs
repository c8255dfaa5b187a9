//! What the worker asks of a queue: five verbs for the message in hand, and one to add another. A claimed message is leased;
//! whoever does not come back in time loses it to the next worker, so nothing is lost and a message may be delivered more than
//! once. A broker sees by itself that a worker is gone: there the lease is the connection, whatever length is asked for.
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
use std::time::Duration;

use crate::sqlite::FileError;
use crate::trace::TraceParent;

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

    /// Adds a message with its place in a trace; it is durable on return. Where the queue can tell, one whose key is still there
    /// is not added again.
    fn push(
        &self,
        body: &[u8],
        key: &str,
        trace: Option<&TraceParent>,
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
    /// When it was sent, in milliseconds since the epoch, where the queue tells.
    pub sent: Option<i64>,
    /// Its place in a trace, where it came with the message.
    pub trace: Option<TraceParent>,
}

impl<R> Job<R> {
    /// How long the message has waited since it was sent, retries included.
    pub fn waited(&self) -> Option<Duration> {
        let waited = embedded::now().saturating_sub(self.sent?);
        // Clocks of two machines may differ.
        Some(Duration::from_millis(u64::try_from(waited).unwrap_or(0)))
    }
}

/// How much lies in a queue; what a kind of queue does not tell is absent.
#[cfg(feature = "listen")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Depth {
    /// Messages that wait for a worker; on Azure Storage all that are not dead.
    pub waiting: u64,
    /// Messages that are due later.
    pub delayed: Option<u64>,
    /// Messages that a worker has in hand.
    pub held: Option<u64>,
    /// Dead letters.
    pub dead: u64,
    /// Age of the oldest message that waits.
    pub oldest: Option<Duration>,
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
    /// The file of the embedded queue cannot be used.
    #[error(transparent)]
    File(#[from] FileError),
    /// Messages cannot be brought to it at the moment.
    #[cfg(feature = "listen")]
    #[error("the queue's door: {0}")]
    Door(&'static str),
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
}

impl QueueError {
    /// True where waiting may help; everything else is for an operator to repair.
    pub fn passes(&self) -> bool {
        match self {
            QueueError::File(error) => error.passes(),
            #[cfg(any(feature = "amqp", feature = "cloud"))]
            QueueError::Broker { passes, .. } => *passes,
            _ => false,
        }
    }
}
