//! What must be on the broker: exchanges, queues and their bindings. Declaring is idempotent; something of the same name
//! with other properties is refused by the broker, never changed.
//!
//! Quorum queues only: they survive the loss of a broker, count deliveries, and pass dead letters on with confirmation
//! (`x-dead-letter-strategy`, RabbitMQ 3.10, which wants `x-overflow: reject-publish`).

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ExchangeKind};

use super::link::failed;
use super::target::{DELAYS, Target};
use crate::queue::QueueError;

/// Deliveries without an answer before the broker itself lays a message among the dead letters. Far above the attempts of
/// a worker, which tells why: it is only for messages that no worker survives long enough to count.
const DELIVERY_LIMIT: i64 = 100;
/// The same for dead letters, which are looked at and put back (RabbitMQ 4 drops after 20 unless told otherwise).
const LOOKS_LIMIT: i64 = 1_000_000_000;

/// A queue to be.
struct Planned {
    name: String,
    arguments: FieldTable,
    /// The exchange it is bound to with every key.
    bound_to: Option<String>,
}

/// Makes what is missing.
///
/// # Errors
/// The broker refuses, or is gone.
pub async fn declare(channel: &Channel, target: &Target) -> Result<(), QueueError> {
    for exchange in exchanges(target) {
        declare_exchange(channel, &exchange, false).await.map_err(|e| failed("declare the exchanges", &e))?;
    }
    for queue in queues(target) {
        declare_queue(channel, &queue, false).await.map_err(|e| failed("declare the queues", &e))?;
        if let Some(exchange) = queue.bound_to {
            let (queue, exchange) = (queue.name.as_str().into(), exchange.as_str().into());
            channel
                .queue_bind(queue, exchange, "#".into(), QueueBindOptions::default(), FieldTable::default())
                .await
                .map_err(|e| failed("bind the queues", &e))?;
        }
    }
    Ok(())
}

/// What is missing or different, in words; changes nothing. Bindings cannot be seen over AMQP and are left out.
///
/// # Errors
/// The broker is gone.
pub async fn check(connection: &Connection, target: &Target) -> Result<Vec<String>, QueueError> {
    let mut wrong = Vec::new();
    for exchange in exchanges(target) {
        for passive in [true, false] {
            // A refusal closes the channel.
            let channel = connection.create_channel().await.map_err(|e| failed("open a channel", &e))?;
            if let Err(error) = declare_exchange(&channel, &exchange, passive).await {
                wrong.push(complaint("exchange", &exchange, passive, &error)?);
                break;
            }
        }
    }
    for queue in queues(target) {
        for passive in [true, false] {
            let channel = connection.create_channel().await.map_err(|e| failed("open a channel", &e))?;
            if let Err(error) = declare_queue(&channel, &queue, passive).await {
                wrong.push(complaint("queue", &queue.name, passive, &error)?);
                break;
            }
        }
    }
    Ok(wrong)
}

/// Messages that wait, and messages that wait for another attempt; not those that somebody works on.
///
/// # Errors
/// The broker is gone, or a queue is missing.
pub async fn counts(channel: &Channel, target: &Target) -> Result<(u32, u32), QueueError> {
    let waiting = count(channel, &target.changes()).await? + count(channel, &target.replays()).await?;
    let mut delayed = 0;
    for delay in DELAYS {
        delayed += count(channel, &target.delayed(delay)).await?;
    }
    Ok((waiting, delayed))
}

/// Messages in one queue that nobody works on.
///
/// # Errors
/// The broker is gone, or the queue is missing.
pub async fn count(channel: &Channel, queue: &str) -> Result<u32, QueueError> {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = channel.queue_declare(queue.into(), options, FieldTable::default()).await;
    Ok(found.map_err(|e| failed("look at the queue", &e))?.message_count())
}

fn exchanges(target: &Target) -> [String; 4] {
    [target.changes(), target.replays(), target.dead(), target.reports()]
}

fn queues(target: &Target) -> Vec<Planned> {
    let work = |name: String| Planned {
        arguments: arguments(&[
            ("x-delivery-limit", number(DELIVERY_LIMIT)),
            ("x-dead-letter-exchange", text(&target.dead())),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]),
        bound_to: Some(name.clone()),
        name,
    };
    let mut queues = vec![
        work(target.changes()),
        work(target.replays()),
        Planned {
            name: target.dead(),
            arguments: arguments(&[("x-delivery-limit", number(LOOKS_LIMIT))]),
            bound_to: Some(target.dead()),
        },
    ];
    queues.extend(DELAYS.map(|delay| Planned {
        name: target.delayed(delay),
        arguments: arguments(&[
            ("x-message-ttl", number(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))),
            // By the default exchange straight into our queue: others bound to the exchange for messages see each once.
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text(&target.changes())),
            ("x-dead-letter-strategy", text("at-least-once")),
            ("x-overflow", text("reject-publish")),
        ]),
        bound_to: None,
    }));
    queues
}

fn arguments(own: &[(&str, AMQPValue)]) -> FieldTable {
    let mut table = FieldTable::default();
    table.insert("x-queue-type".into(), text("quorum"));
    for (name, value) in own {
        table.insert((*name).into(), value.clone());
    }
    table
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

fn number(value: i64) -> AMQPValue {
    AMQPValue::LongLongInt(value)
}

/// Makes a durable topic exchange, or only looks whether it is there.
///
/// # Errors
/// It is missing or differs, or the broker is gone.
pub async fn declare_exchange(channel: &Channel, name: &str, passive: bool) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions { passive, durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare(name.into(), ExchangeKind::Topic, options, FieldTable::default()).await
}

async fn declare_queue(channel: &Channel, queue: &Planned, passive: bool) -> lapin::Result<()> {
    let options = QueueDeclareOptions { passive, durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(queue.name.as_str().into(), options, queue.arguments.clone()).await.map(drop)
}

fn complaint(kind: &str, name: &str, missing: bool, error: &lapin::Error) -> Result<String, QueueError> {
    if !error.is_amqp_soft_error() {
        return Err(failed("look at the topology", error));
    }
    Ok(if missing { format!("{kind} {name} is missing: {error}") } else { format!("{kind} {name} differs: {error}") })
}
