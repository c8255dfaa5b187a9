//! Publishing with confirmation, on a connection of its own: a broker short of memory or disk stops reading from
//! connections that publish (`connection.blocked`), and acknowledgements must not stand behind that. Several may wait for their
//! confirmations at once.

use std::sync::Arc;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::ShortString;
use lapin::{BasicProperties, Channel, Connection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::target::Target;
use super::{link, topology};
use crate::queue::QueueError;

/// Longest wait for a confirmation.
const CONFIRM: Duration = Duration::from_secs(15);

/// Publishes; connects with the first message and again when the connection was lost.
pub struct Outbox {
    target: Target,
    role: &'static str,
    /// An exchange to make first, where the topology is not made by somebody else.
    makes: Option<String>,
    open: Mutex<Option<Arc<Line>>>,
}

/// A connection with a channel that confirms.
struct Line {
    connection: Connection,
    channel: Channel,
}

impl Line {
    fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }
}

/// What became of a message that the broker has confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routed {
    /// It lies durably in every queue that wants it, at least one where that was asked for.
    Stored,
    /// No queue wants it.
    Nowhere,
}

impl Routed {
    /// An error where no queue wants the message.
    ///
    /// # Errors
    /// That.
    pub fn stored(self) -> Result<(), QueueError> {
        match self {
            Routed::Stored => Ok(()),
            Routed::Nowhere => Err(QueueError::Broker {
                doing: "publish",
                why: "the queue is missing or not bound to its exchange".into(),
                passes: false,
            }),
        }
    }
}

impl Outbox {
    /// Not connected yet.
    pub fn new(target: Target, role: &'static str) -> Outbox {
        Outbox { target, role, makes: None, open: Mutex::new(None) }
    }

    /// Not connected yet; makes the exchange for reports when it is.
    pub fn for_reports(target: Target, role: &'static str) -> Outbox {
        Outbox { makes: Some(target.reports()), ..Outbox::new(target, role) }
    }

    /// Publishes one message and waits for the broker's word.
    ///
    /// # Errors
    /// The broker is gone, is blocked, or refuses.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<Routed, QueueError> {
        let line = self.line().await?;
        // Announcements need nobody to listen; the broker would send each of them back.
        let mandatory = self.makes.is_none();
        let wait = CONFIRM.min(self.target.patience);
        let result = match timeout(wait, send(&line.channel, exchange, key, mandatory, body, properties)).await {
            Ok(result) => result,
            Err(_) if line.connection.status().blocked() => Err(QueueError::Broker {
                doing: "publish",
                why: "the broker takes no messages at the moment (connection blocked)".into(),
                passes: true,
            }),
            Err(_) => Err(link::silent("publish", wait)),
        };
        if result.is_err() {
            // Whatever is still under way on it is confirmed to who waits for it, or to nobody.
            self.open.lock().await.take_if(|open| Arc::ptr_eq(open, &line));
        }
        result
    }

    /// The connection, made anew where it is lost.
    async fn line(&self) -> Result<Arc<Line>, QueueError> {
        let mut open = self.open.lock().await;
        if let Some(line) = open.as_ref().filter(|line| line.is_alive()) {
            return Ok(line.clone());
        }
        let connection = link::connect(&self.target, self.role).await?;
        let channel = link::channel(&connection).await?;
        let confirm = channel.confirm_select(ConfirmSelectOptions::default());
        confirm.await.map_err(|e| link::failed("ask for confirmations", &e))?;
        if let Some(exchange) = &self.makes {
            let made = topology::declare_exchange(&channel, exchange, false).await;
            made.map_err(|e| link::failed("declare the exchange", &e))?;
        }
        Ok(open.insert(Arc::new(Line { connection, channel })).clone())
    }

    /// Ends the connection in order.
    pub async fn close(&self) {
        if let Some(line) = self.open.lock().await.take() {
            link::close(&line.connection).await;
        }
    }
}

async fn send(
    channel: &Channel,
    exchange: &str,
    key: &str,
    mandatory: bool,
    body: &[u8],
    properties: BasicProperties,
) -> Result<Routed, QueueError> {
    let name = |text: &str| {
        ShortString::try_new(text).map_err(|e| QueueError::Broker {
            doing: "publish",
            why: e.to_string(),
            passes: false,
        })
    };
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let lost = |e: lapin::Error| link::failed("publish", &e);
    let promise = channel.basic_publish(name(exchange)?, name(key)?, options, body, properties).await.map_err(lost)?;
    let confirmation = promise.await.map_err(lost)?;
    if confirmation.is_nack() {
        return Err(QueueError::Broker {
            doing: "publish",
            why: "the broker refused the message".into(),
            passes: true,
        });
    }
    // What cannot be routed is acknowledged too, and comes back beside.
    Ok(if confirmation.take_message().is_some() { Routed::Nowhere } else { Routed::Stored })
}
