//! The desk of a queue on a broker.
//!
//! AMQP shows the number of waiting messages, not the messages: taking one to look at it would take it from the workers.
//! Dead letters are taken and given back, so two who look at once each see a part.

use std::collections::BTreeSet;

use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicGetOptions};
use lapin::{Channel, Connection};
use tokio::runtime::Runtime;

use super::link::{self, failed};
use super::outbox::Outbox;
use super::target::Target;
use super::{headers, topology};
use crate::pipeline::digest;
use crate::queue::desk::{self, Desk, Letter, Lying};
use crate::queue::embedded::{now, time};
use crate::queue::{BrokerUrl, Entry, MAX_MESSAGE, QueueError, State};
use crate::trace::TraceParent;

/// An open queue.
pub struct AmqpDesk {
    runtime: Runtime,
    target: Target,
    connection: Connection,
    outbox: Outbox,
}

impl AmqpDesk {
    /// Connects; `make` also makes what is missing on the broker.
    ///
    /// # Errors
    /// The address is none, nobody answers, or the broker refuses.
    pub fn open(url: &BrokerUrl, make: bool) -> Result<AmqpDesk, QueueError> {
        let target = Target::parse(url)?;
        let runtime = desk::runtime()?;
        let connection = runtime.block_on(async {
            let connection = link::connect(&target, "operator").await?;
            if make {
                topology::declare(&link::channel(&connection).await?, &target).await?;
            }
            Ok::<_, QueueError>(connection)
        })?;
        let outbox = Outbox::new(target.clone(), "operator: publishes");
        Ok(AmqpDesk { runtime, target, connection, outbox })
    }

    /// What is missing on the broker or differs, in words.
    ///
    /// # Errors
    /// The broker is gone.
    pub fn check_topology(&self) -> Result<Vec<String>, QueueError> {
        self.runtime.block_on(topology::check(&self.connection, &self.target))
    }

    fn each(
        &self,
        ids: &[String],
        act: impl AsyncFn(&Delivery) -> Result<(), QueueError>,
    ) -> Result<usize, QueueError> {
        self.runtime.block_on(async {
            let channel = link::channel(&self.connection).await?;
            let chosen = self.chosen(&channel, ids).await?;
            for delivery in &chosen {
                act(delivery).await?;
                let done = channel.basic_ack(delivery.delivery_tag, BasicAckOptions::default()).await;
                done.map_err(|e| failed("remove a dead letter", &e))?;
            }
            channel.close(200, "done".into()).await.map_err(|e| failed("remove dead letters", &e))?;
            Ok(chosen.len())
        })
    }

    /// The dead letters that are meant. A name may stand for several copies of one message.
    async fn chosen(&self, channel: &Channel, ids: &[String]) -> Result<Vec<Delivery>, QueueError> {
        let is_meant = |id: &String| ids.is_empty() || ids.contains(id);
        let meant = |delivery: Delivery| {
            let id = headers::id_of(&delivery.properties, &delivery.data);
            is_meant(&id).then_some((id, delivery))
        };
        let found: Vec<_> = self.take(channel, meant).await?.into_iter().flatten().collect();
        let names: BTreeSet<&String> = found.iter().map(|(id, _)| id).collect();
        match ids.iter().find(|id| !names.contains(id)) {
            Some(missing) => Err(QueueError::NoSuchMessage(format!("{missing} among the dead letters"))),
            None => Ok(found.into_iter().map(|(_, delivery)| delivery).collect()),
        }
    }

    /// Takes every dead letter that lies there now; what is not acknowledged goes back when the channel ends.
    async fn take<T>(&self, channel: &Channel, each: impl Fn(Delivery) -> T) -> Result<Vec<T>, QueueError> {
        let queue = self.target.dead();
        let count = topology::count(channel, &queue).await?;
        let mut taken = Vec::new();
        for _ in 0..count {
            let got = channel.basic_get(queue.as_str().into(), BasicGetOptions::default()).await;
            match got.map_err(|e| failed("take a dead letter", &e))? {
                Some(message) => taken.push(each(message.delivery)),
                None => break,
            }
        }
        Ok(taken)
    }
}

impl Desk for AmqpDesk {
    fn push(&self, body: &[u8], replay: bool, trace: Option<&TraceParent>) -> Result<String, QueueError> {
        let id = digest(body);
        if body.len() as u64 > MAX_MESSAGE {
            return Err(QueueError::TooLarge(body.len() as u64));
        }
        let (exchange, key) =
            if replay { (self.target.replays(), "replay") } else { (self.target.changes(), "change") };
        let properties = headers::traced(headers::fresh(&id, now()), trace);
        self.runtime.block_on(self.outbox.publish(&exchange, key, body, properties))?.stored()?;
        Ok(id)
    }

    fn list(&self) -> Result<Lying, QueueError> {
        self.runtime.block_on(async {
            let channel = link::channel(&self.connection).await?;
            let (waiting, delayed) = topology::counts(&channel, &self.target).await?;
            let dead = self.take(&channel, |delivery| entry(&delivery)).await?;
            let _ = channel.close(200, "seen".into()).await;
            Ok(Lying { waiting: format!("{waiting} waiting, {delayed} delayed; those in work are not counted"), dead })
        })
    }

    #[cfg(feature = "listen")]
    fn depth(&self) -> Result<crate::queue::Depth, QueueError> {
        self.runtime.block_on(async {
            let channel = link::channel(&self.connection).await?;
            let (waiting, delayed) = topology::counts(&channel, &self.target).await?;
            let dead = topology::count(&channel, &self.target.dead()).await?;
            let _ = channel.close(200, "counted".into()).await;
            let (delayed, dead) = (Some(u64::from(delayed)), u64::from(dead));
            Ok(crate::queue::Depth { waiting: u64::from(waiting), delayed, dead, held: None, oldest: None })
        })
    }

    fn show(&self, ids: &[String]) -> Result<Vec<Letter>, QueueError> {
        self.runtime.block_on(async {
            let channel = link::channel(&self.connection).await?;
            let found = self.chosen(&channel, ids).await?;
            let _ = channel.close(200, "seen".into()).await;
            Ok(found.into_iter().map(|delivery| (entry(&delivery), delivery.data)).collect())
        })
    }

    fn requeue(&self, ids: &[String]) -> Result<usize, QueueError> {
        self.each(ids, async |delivery| {
            let properties = headers::revived(&delivery.properties);
            self.outbox.publish("", &self.target.changes(), &delivery.data, properties).await?.stored()
        })
    }

    fn drop_messages(&self, ids: &[String]) -> Result<usize, QueueError> {
        self.each(ids, async |_| Ok(()))
    }
}

impl Drop for AmqpDesk {
    fn drop(&mut self) {
        self.runtime.block_on(async {
            self.outbox.close().await;
            link::close(&self.connection).await;
        });
    }
}

fn entry(delivery: &Delivery) -> Entry<String> {
    let properties = &delivery.properties;
    let (reason, died) = headers::death(properties);
    let sent = headers::sent(properties);
    Entry {
        id: headers::id_of(properties, &delivery.data),
        state: State::Dead,
        attempts: headers::attempts(properties),
        bytes: i64::try_from(delivery.data.len()).unwrap_or(i64::MAX),
        created: sent.map_or_else(|| "?".into(), time),
        due: died.map_or_else(|| "?".into(), time),
        reason,
    }
}
