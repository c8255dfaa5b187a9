//! Where the broker is and how things are named there: `amqp[s]://USER:PASSWORD@HOST:PORT/VHOST?name=NAME&prefetch=N&patience=SECONDS`.

use std::time::Duration;

use lapin::uri::AMQPUri;

use crate::queue::{BrokerUrl, QueueError};

/// Name of everything on the broker where the address says no other.
const NAME: &str = "poolproof";
/// Seconds after which a silent connection is dead, where the address says nothing else (`heartbeat=`).
const HEARTBEAT: u16 = 20;

/// How long a retry or a dead letter is offered to a broker that does not take it, before the message goes back as it was, where
/// the address says nothing else (`patience=`).
const PATIENCE: Duration = Duration::from_secs(60);
/// Most messages that an address may ask for ahead.
const MOST_AHEAD: u16 = 1000;

/// Delays of the queues in which messages wait for another attempt. A fixed ladder, so that the set of queues is known: a
/// message waits for the first that is at least as long as asked for.
pub const DELAYS: [Duration; 7] = [
    Duration::from_millis(100),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(20),
    Duration::from_secs(60),
    Duration::from_secs(150),
    Duration::from_secs(300),
];

/// A broker and the names there.
#[derive(Clone)]
pub struct Target {
    /// The address, as it may be shown.
    pub url: BrokerUrl,
    /// The same, parsed; holds the password.
    pub uri: AMQPUri,
    name: String,
    /// Messages that a worker is sent before it has answered for the first, where the address says how many.
    prefetch: u16,
    /// How long a retry or a dead letter is offered to a broker that does not take it.
    pub patience: Duration,
}

impl Target {
    /// Reads an address.
    ///
    /// # Errors
    /// It is none; the text of the error does not repeat it.
    pub fn parse(url: &BrokerUrl) -> Result<Target, QueueError> {
        let invalid = |why: &str| QueueError::Broker { doing: "read the address", why: why.into(), passes: false };
        url.check().map_err(|expected| invalid(&format!("expected {expected}")))?;
        let (Own { name, prefetch, patience }, rest) = split_own(&url.0);
        let fits = |n: &String| {
            (1..=100).contains(&n.len()) && n.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        };
        let name = name.unwrap_or_else(|| NAME.into());
        if !fits(&name) {
            return Err(invalid("name= takes up to 100 letters, digits, dots, dashes and underscores"));
        }
        let prefetch = match prefetch.map(|text| text.parse()) {
            None => 0,
            Some(Ok(count @ 1..=MOST_AHEAD)) => count,
            Some(_) => return Err(invalid("prefetch= takes 1 to 1000")),
        };
        let patience = match patience.map(|text| text.parse()) {
            None => PATIENCE,
            Some(Ok(seconds @ 1..=3600)) => Duration::from_secs(seconds),
            Some(_) => return Err(invalid("patience= takes 1 to 3600 seconds")),
        };
        // What the parser says might quote the password.
        let mut uri: AMQPUri = rest.parse().map_err(|_| {
            invalid("expected amqp[s]://USER:PASSWORD@HOST:PORT/VHOST, with @ : / ? , and % of a part written as %40 %3a %2f %3f %2c %25")
        })?;
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Ok(Target { url: url.clone(), uri, name, prefetch, patience })
    }

    /// Messages that a worker is sent at once which simulates so many.
    pub fn prefetch(&self, parallel: u16) -> u16 {
        self.prefetch.max(parallel)
    }

    /// The topic exchange for messages, and the queue bound to it.
    pub fn changes(&self) -> String {
        format!("{}.changes", self.name)
    }

    /// The topic exchange for messages that may wait for the others, and the queue bound to it.
    pub fn replays(&self) -> String {
        format!("{}.replays", self.name)
    }

    /// The exchange for dead letters, and the queue bound to it.
    pub fn dead(&self) -> String {
        format!("{}.dead", self.name)
    }

    /// The topic exchange on which reports are announced.
    pub fn reports(&self) -> String {
        format!("{}.reports", self.name)
    }

    /// The queue in which messages wait so long.
    pub fn delayed(&self, delay: Duration) -> String {
        format!("{}.changes.delay.{}ms", self.name, delay.as_millis())
    }

    /// The queue in which messages wait at least so long, or the one with the longest delay.
    pub fn delayed_at_least(&self, delay: Duration) -> String {
        let step = DELAYS.iter().find(|step| **step >= delay).or(DELAYS.last());
        self.delayed(step.copied().unwrap_or_default())
    }
}

/// Our own parameters of an address.
#[derive(Default)]
struct Own {
    name: Option<String>,
    prefetch: Option<String>,
    patience: Option<String>,
}

/// Takes our own parameters out of the address.
fn split_own(url: &str) -> (Own, String) {
    let mut own = Own::default();
    let Some((address, query)) = url.split_once('?') else { return (own, url.into()) };
    let mut rest = Vec::new();
    for parameter in query.split('&') {
        match parameter.split_once('=') {
            Some(("name", value)) => own.name = Some(value.to_owned()),
            Some(("prefetch", value)) => own.prefetch = Some(value.to_owned()),
            Some(("patience", value)) => own.patience = Some(value.to_owned()),
            _ => rest.push(parameter),
        }
    }
    let rest = rest.join("&");
    (own, if rest.is_empty() { address.into() } else { format!("{address}?{rest}") })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<Target, QueueError> {
        Target::parse(&BrokerUrl(url.into()))
    }

    #[test]
    fn names_follow_the_address() {
        let target = target("amqp://me:pw@host:1234/pool?name=team-a&heartbeat=7&prefetch=16").unwrap();
        assert_eq!((target.prefetch(1), target.prefetch(64)), (16, 64));
        assert_eq!((target.uri.authority.port, target.uri.vhost.as_str()), (1234, "pool"));
        assert_eq!((target.uri.query.heartbeat, target.patience), (Some(7), Duration::from_secs(60)));
        assert_eq!((target.changes().as_str(), target.reports().as_str()), ("team-a.changes", "team-a.reports"));
        assert_eq!(target.delayed_at_least(Duration::from_millis(1500)), "team-a.changes.delay.5000ms");
        assert_eq!(target.delayed_at_least(Duration::from_secs(9000)), "team-a.changes.delay.300000ms");
    }

    #[test]
    fn what_is_wrong_is_said_without_the_password() {
        for url in [
            "amqp://me:secret@host:port/x",
            "amqp://me:secret@host/x?name=a/b",
            "amqp://me:secret@host/x?name=",
            "amqp://me:secret@host/x?prefetch=0",
            "amqp://me:secret@host/x?patience=0",
        ] {
            let error = target(url).err().unwrap().to_string();
            assert!(!error.contains("secret") && error.starts_with("could not read the address"), "{error}");
        }
        assert_eq!(target("amqps://host").unwrap().changes(), "poolproof.changes");
    }
}
