//! Connections to the broker: made with a time limit, remade after growing, jittered pauses.
//!
//! The client library's own recovery is not used: a connection, channel or consumer that is lost is given up as a whole,
//! and what was held through it is known to be lost, for the broker hands it out again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

use lapin::{Channel, Connection, ConnectionProperties};
use tokio::time::{Instant, timeout};

use super::target::Target;
use crate::queue::QueueError;

/// Longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// Longest wait for an orderly end.
pub const CLOSE: Duration = Duration::from_secs(5);
/// Pause after the first failure; doubled with each.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// Connects; `role` is the connection's name on the broker's side.
///
/// # Errors
/// No broker there, or it refuses.
pub async fn connect(target: &Target, role: &str) -> Result<Connection, QueueError> {
    let properties = ConnectionProperties::default().with_connection_name(format!("poolproof {role}").into());
    match timeout(CONNECT, Connection::connect_uri(target.uri.clone(), properties)).await {
        Ok(connected) => connected.map_err(|e| failed("connect to the broker", &e)),
        Err(_) => Err(silent("connect to the broker", CONNECT)),
    }
}

/// Opens a channel.
///
/// # Errors
/// The connection is gone.
pub async fn channel(connection: &Connection) -> Result<Channel, QueueError> {
    match timeout(CONNECT, connection.create_channel()).await {
        Ok(channel) => channel.map_err(|e| failed("open a channel", &e)),
        Err(_) => Err(silent("open a channel", CONNECT)),
    }
}

/// Ends a connection in order: what was sent before arrives, what was not answered goes back to its queue.
pub async fn close(connection: &Connection) {
    if connection.status().connected() {
        // Gone already is as good.
        let _ = timeout(CLOSE, connection.close(200, "bye".into())).await;
    }
}

/// What the client said, in the words of the queue. What the broker refuses does not pass by waiting, unless it is only
/// shutting down, coming up or in trouble itself (AMQP 0-9-1: 320 connection-forced, 506 resource-error, 541 internal-error; 404
/// not-found is what a quorum queue says that does not answer in time after a restart, rabbitmq-server issue 9366, and
/// whatever else is missing is made when the broker is connected to again).
pub fn failed(doing: &'static str, error: &lapin::Error) -> QueueError {
    let passes = match error.kind() {
        lapin::ErrorKind::ProtocolError(refusal) => matches!(refusal.get_id(), 320 | 404 | 506 | 541),
        _ => true,
    };
    QueueError::Broker { doing, why: error.to_string(), passes }
}

/// Nothing was heard for so long.
pub fn silent(doing: &'static str, limit: Duration) -> QueueError {
    QueueError::Broker { doing, why: format!("no answer for {} s", limit.as_secs()), passes: true }
}

/// Pauses between attempts.
#[derive(Debug)]
pub struct Backoff {
    failures: u32,
    until: Instant,
}

impl Backoff {
    /// No pause yet.
    pub fn new() -> Backoff {
        Backoff { failures: 0, until: Instant::now() }
    }

    /// How long the pause still lasts.
    pub fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now())
    }

    /// Starts the pause after another failure.
    pub fn failed(&mut self) -> Duration {
        let pause = pause(self.failures, RandomState::new().build_hasher().finish());
        self.failures = self.failures.saturating_add(1);
        self.until = Instant::now() + pause;
        pause
    }
}

/// Doubled with every failure up to the longest, of which a random half: so that workers do not come back all at once.
fn pause(failures: u32, random: u64) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(2u32.saturating_pow(failures)).min(LONGEST_PAUSE);
    whole / 2 + (whole / 2).mul_f64(random as f64 / u64::MAX as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broker_that_comes_up_is_waited_for_and_one_that_refuses_is_not() {
        use lapin::protocol::{AMQPError, AMQPErrorKind, AMQPHardError, AMQPSoftError};
        let passes = |kind: AMQPErrorKind| {
            let error = lapin::Error::from(lapin::ErrorKind::ProtocolError(AMQPError::new(kind, "".into())));
            failed("look", &error).passes()
        };
        assert!(passes(AMQPSoftError::NOTFOUND.into()) && passes(AMQPHardError::CONNECTIONFORCED.into()));
        assert!(!passes(AMQPSoftError::ACCESSREFUSED.into()) && !passes(AMQPSoftError::PRECONDITIONFAILED.into()));
    }

    #[test]
    fn pauses_grow_to_a_limit_and_differ() {
        assert_eq!(pause(0, 0), FIRST_PAUSE / 2);
        assert_eq!(pause(2, u64::MAX), FIRST_PAUSE * 4);
        assert_eq!((pause(40, 0), pause(40, u64::MAX)), (LONGEST_PAUSE / 2, LONGEST_PAUSE));
        let mut backoff = Backoff::new();
        assert_eq!(backoff.left(), Duration::ZERO);
        assert!(backoff.failed() <= FIRST_PAUSE && backoff.failed() > FIRST_PAUSE / 2);
    }
}
