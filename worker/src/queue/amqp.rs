//! The queue on RabbitMQ. A message is held by the connection: it is acknowledged by hand after its reports are durable,
//! and goes back to its queue when the connection is lost. Retries and dead letters are copies, published with
//! confirmation before the original is acknowledged, so that a message is at every moment in at least one queue.
//!
//! The prefetch is as many messages as the worker simulates at once, unless the address asks for more: what waits with one worker
//! cannot be taken by another. While reports are drawn or on their way to the disk their messages use the prefetch up; then the
//! next one is fetched. Replays give way: they lie in a queue of their own, which is looked into
//! only where no other message waits (quorum queues know priorities from RabbitMQ 4.0 on only). One that is tried again comes
//! back among the others.

mod desk;
pub mod headers;
mod link;
mod outbox;
mod target;
mod topology;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use futures_lite::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};
use tokio::sync::Mutex;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::embedded::now;
use super::{BrokerUrl, Claimed, Job, Queue, QueueError};
use crate::job::describe;
use crate::trace::TraceParent;
use link::Backoff;

pub use desk::AmqpDesk;
pub use outbox::{Outbox, Routed};
pub use target::Target;

/// Name of the consumer on its channel.
const CONSUMER: &str = "worker";
/// How long a claim waits for a message.
const WAIT: Duration = Duration::from_millis(300);
/// How long nothing must be found before the queue counts as empty: what is on its way between two queues is in none of
/// the counts.
const EMPTY: Duration = Duration::from_millis(600);
/// How long a claim waits for a message before it asks whether one is on its way.
const FIRST: Duration = Duration::from_millis(5);

/// The queue on RabbitMQ as the worker uses it.
#[derive(Clone)]
pub struct Amqp {
    inner: Arc<Inner>,
}

struct Inner {
    target: Target,
    until_empty: bool,
    parallel: u16,
    outbox: Outbox,
    state: Mutex<State>,
}

struct State {
    session: Option<Arc<Session>>,
    backoff: Backoff,
    /// Why there is no session.
    trouble: String,
    /// Since when nothing was found.
    empty: Option<Instant>,
}

impl State {
    fn new() -> State {
        State { session: None, backoff: Backoff::new(), trouble: "not connected yet".into(), empty: None }
    }
}

/// A connection with a consumer on it. What was delivered through it is held by it.
struct Session {
    connection: Connection,
    channel: Channel,
    consumer: Mutex<Consumer>,
    /// As many as the broker sends before it is answered.
    prefetch: u16,
    /// Messages of the consumer that were handed out and are not answered yet.
    sent: AtomicU16,
}

impl Session {
    fn is_alive(&self) -> bool {
        self.connection.status().connected() && self.channel.status().connected()
    }

    /// The next message of the consumer.
    async fn next(&self, wait: Duration) -> Result<Option<lapin::Result<Delivery>>, Elapsed> {
        timeout(wait, async { self.consumer.lock().await.next().await }).await
    }

    /// True where the broker sends nothing more before it is answered.
    fn is_full(&self) -> bool {
        self.sent.load(Ordering::Relaxed) >= self.prefetch
    }

    /// Fetches a message of this queue, where one waits.
    async fn fetch(&self, queue: &str) -> Result<Option<Delivery>, QueueError> {
        let got = self.channel.basic_get(queue.into(), BasicGetOptions::default()).await;
        Ok(got.map_err(|e| link::failed("fetch a message", &e))?.map(|message| message.delivery))
    }

    /// Takes a replay, where one waits and no other message does. A message that waits is on its way to us or to another
    /// worker: however long that takes on a busy broker, it goes first.
    async fn replay(&self, target: &Target) -> Result<Option<Delivery>, QueueError> {
        if topology::count(&self.channel, &target.changes()).await? > 0 {
            return Ok(None);
        }
        self.fetch(&target.replays()).await
    }
}

/// A message that the broker has sent and waits for the answer to.
struct Room(Arc<Session>);

impl Room {
    fn of(session: &Arc<Session>) -> Room {
        session.sent.fetch_add(1, Ordering::Relaxed);
        Room(session.clone())
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        self.0.sent.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Names one delivery of one message, and has what a copy of it needs.
#[derive(Clone)]
pub struct Receipt {
    session: Arc<Session>,
    tag: u64,
    /// The queue it came from.
    queue: String,
    /// Where it was sent and not fetched.
    _room: Option<Arc<Room>>,
    id: String,
    attempt: u32,
    key: String,
    properties: BasicProperties,
    body: Arc<Vec<u8>>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "delivery {} of {}", self.tag, self.id)
    }
}

impl Amqp {
    /// Connects and makes what is missing on the broker. Where no broker answers, it is looked for again with every claim.
    ///
    /// # Errors
    /// The address is none, or the broker refuses.
    pub async fn open(url: &BrokerUrl, until_empty: bool, parallel: u16) -> Result<Amqp, QueueError> {
        let target = Target::parse(url)?;
        let outbox = Outbox::new(target.clone(), "worker: publishes");
        let state = Mutex::new(State::new());
        let queue = Amqp { inner: Arc::new(Inner { target, until_empty, parallel, outbox, state }) };
        match queue.session(&mut *queue.inner.state.lock().await).await {
            Err(error) if !error.passes() => return Err(error),
            _ => {}
        }
        Ok(queue)
    }

    /// Ends in order; what was handed out and not answered goes back to the queue.
    pub async fn close(&self) {
        let session = self.inner.state.lock().await.session.take();
        if let Some(session) = &session {
            let _ = timeout(link::CLOSE, self.return_unclaimed(session)).await;
        }
        self.inner.outbox.close().await;
        if let Some(session) = &session {
            link::close(&session.connection).await;
        }
    }

    /// Gives back what was delivered and never begun: otherwise it would count as an attempt. Everything is taken before the
    /// consumer is cancelled, for the client drops what it still holds then; nothing more is on its way once as many are held
    /// as the broker sends.
    async fn return_unclaimed(&self, session: &Arc<Session>) {
        let mut held = Vec::new();
        while held.len() < usize::from(self.inner.target.prefetch(self.inner.parallel))
            && let Ok(Some(Ok(delivery))) = session.next(WAIT).await
        {
            held.push(job(session, delivery, &self.inner.target.changes(), None));
        }
        let _ = session.channel.basic_cancel(CONSUMER.into(), BasicCancelOptions::default()).await;
        for job in held {
            // The end of the connection takes care of a failure.
            let _ = self.give_back(&job.receipt, Duration::ZERO, None).await;
        }
    }

    /// The session, made anew where it is lost and the pause is over.
    async fn session(&self, state: &mut State) -> Result<Option<Arc<Session>>, QueueError> {
        if let Some(session) = state.session.as_ref().filter(|session| session.is_alive()) {
            return Ok(Some(session.clone()));
        }
        state.session = None;
        if !state.backoff.left().is_zero() {
            return Ok(None);
        }
        match self.consume().await {
            Ok(session) => {
                info!(broker = %self.inner.target.url, "connected");
                *state = State { session: Some(session.clone()), ..State::new() };
                Ok(Some(session))
            }
            Err(error) => {
                let pause = state.backoff.failed();
                state.trouble = describe(&error);
                warn!(error = state.trouble, pause = pause.as_secs_f64(), broker = %self.inner.target.url, "no queue");
                Err(error)
            }
        }
    }

    async fn consume(&self) -> Result<Arc<Session>, QueueError> {
        let target = &self.inner.target;
        let connection = link::connect(target, "worker").await?;
        let channel = link::channel(&connection).await?;
        topology::declare(&channel, target).await?;
        let failed = |e: lapin::Error| link::failed("take messages", &e);
        let prefetch = target.prefetch(self.inner.parallel);
        channel.basic_qos(prefetch, BasicQosOptions::default()).await.map_err(failed)?;
        let (queue, tag) = (target.changes().as_str().into(), CONSUMER.into());
        let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default());
        let consumer = Mutex::new(consumer.await.map_err(failed)?);
        Ok(Arc::new(Session { connection, channel, consumer, prefetch, sent: AtomicU16::new(0) }))
    }

    /// Gives a session up: the broker hands out again what was held through it.
    async fn give_up(&self, session: &Arc<Session>, why: &str) {
        let mut state = self.inner.state.lock().await;
        if state.session.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
            state.session = None;
            let pause = state.backoff.failed();
            state.trouble = why.to_owned();
            warn!(why, pause = pause.as_secs_f64(), "the connection to the queue is given up");
        }
        drop(state);
        link::close(&session.connection).await;
    }

    async fn hand_out(
        &self,
        session: &Arc<Session>,
        delivery: Delivery,
        queue: &str,
        room: Option<Room>,
    ) -> Claimed<Receipt> {
        self.inner.state.lock().await.empty = None;
        Claimed::Job(job(session, delivery, queue, room))
    }

    /// What a queue without a message to hand out says.
    async fn idle(&self, session: &Arc<Session>) -> Claimed<Receipt> {
        if !self.inner.until_empty {
            return Claimed::Later(Duration::ZERO);
        }
        match topology::counts(&session.channel, &self.inner.target).await {
            Err(error) => {
                self.give_up(session, &describe(&error)).await;
                Claimed::Later(Duration::ZERO)
            }
            Ok(counts) => {
                let mut state = self.inner.state.lock().await;
                if counts != (0, 0) {
                    state.empty = None;
                    return Claimed::Later(Duration::ZERO);
                }
                let since = state.empty.get_or_insert_with(Instant::now);
                if since.elapsed() >= EMPTY { Claimed::Empty } else { Claimed::Later(Duration::ZERO) }
            }
        }
    }

    /// Publishes a copy, then acknowledges the original. A broker that does not take the copy is asked again for a while;
    /// then the original goes back as it was.
    async fn replace(
        &self,
        receipt: &Receipt,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
    ) -> Result<(), QueueError> {
        let started = Instant::now();
        let mut backoff = Backoff::new();
        loop {
            held(receipt)?;
            let error = match self.inner.outbox.publish(exchange, key, &receipt.body, properties.clone()).await {
                Ok(Routed::Stored) => return self.ack(receipt).await,
                Ok(Routed::Nowhere) => QueueError::Broker {
                    doing: "publish",
                    why: format!("no queue takes messages from {exchange:?} with key {key:?}"),
                    passes: true,
                },
                Err(error) => error,
            };
            if started.elapsed() > self.inner.target.patience {
                self.give_up(&receipt.session, "what became of a message could not be published").await;
                return Err(error);
            }
            warn!(error = describe(&error), "will be published again");
            tokio::time::sleep(backoff.failed()).await;
        }
    }
}

impl Queue for Amqp {
    type Receipt = Receipt;

    async fn claim(&self, _lease: Duration) -> Result<Claimed<Receipt>, QueueError> {
        let session = {
            let mut state = self.inner.state.lock().await;
            match self.session(&mut state).await {
                Ok(Some(session)) => session,
                // After the start nothing is final.
                Ok(None) | Err(_) => {
                    let why = state.trouble.clone();
                    return Err(QueueError::Broker { doing: "reach the queue", why, passes: true });
                }
            }
        };
        let (changes, replays) = (self.inner.target.changes(), self.inner.target.replays());
        let is_full = session.is_full();
        let mut next = session.next(if is_full { Duration::ZERO } else { FIRST }).await;
        if next.is_err() && session.is_alive() {
            let fetched = match is_full {
                true => session.fetch(&changes).await.map(|found| found.map(|delivery| (delivery, &changes))),
                false => Ok(None),
            };
            let found = match fetched {
                Ok(None) => {
                    let replay = session.replay(&self.inner.target).await;
                    replay.map(|found| found.map(|delivery| (delivery, &replays)))
                }
                fetched => fetched,
            };
            match found {
                Ok(Some((delivery, queue))) => return Ok(self.hand_out(&session, delivery, queue, None).await),
                Ok(None) => next = session.next(WAIT).await,
                Err(error) => {
                    self.give_up(&session, &describe(&error)).await;
                    return Ok(Claimed::Later(Duration::ZERO));
                }
            }
        }
        match next {
            Ok(Some(Ok(delivery))) => {
                let room = Room::of(&session);
                Ok(self.hand_out(&session, delivery, &changes, Some(room)).await)
            }
            Err(_) if session.is_alive() => Ok(self.idle(&session).await),
            lost => {
                let why = match lost {
                    Ok(Some(Err(error))) => error.to_string(),
                    Ok(_) => "the consumer was cancelled".into(),
                    Err(_) => "the connection is closed".into(),
                };
                self.give_up(&session, &why).await;
                Ok(Claimed::Later(Duration::ZERO))
            }
        }
    }

    async fn extend(&self, receipt: &Receipt, _lease: Duration) -> Result<(), QueueError> {
        held(receipt)
    }

    async fn ack(&self, receipt: &Receipt) -> Result<(), QueueError> {
        held(receipt)?;
        let sent = receipt.session.channel.basic_ack(receipt.tag, BasicAckOptions::default()).await;
        sent.map_err(|e| link::failed("acknowledge", &e))
    }

    async fn give_back(&self, receipt: &Receipt, delay: Duration, trouble: Option<String>) -> Result<(), QueueError> {
        let target = &self.inner.target;
        let queue = if delay.is_zero() { receipt.queue.clone() } else { target.delayed_at_least(delay) };
        let attempts = if trouble.is_some() { receipt.attempt } else { receipt.attempt.saturating_sub(1) };
        let properties = headers::again(&receipt.properties, attempts, trouble.as_deref());
        self.replace(receipt, "", &queue, properties).await
    }

    async fn push(&self, body: &[u8], key: &str, trace: Option<&TraceParent>) -> Result<(), QueueError> {
        let properties = headers::traced(headers::fresh(key, now()), trace);
        let routed = self.inner.outbox.publish(&self.inner.target.changes(), "change", body, properties).await?;
        routed.stored()
    }

    async fn bury(&self, receipt: &Receipt, reason: String) -> Result<(), QueueError> {
        let properties = headers::buried(&receipt.properties, receipt.attempt, &reason, now());
        self.replace(receipt, &self.inner.target.dead(), &receipt.key, properties).await
    }
}

fn held(receipt: &Receipt) -> Result<(), QueueError> {
    if receipt.session.is_alive() { Ok(()) } else { Err(QueueError::Lost(receipt.id.clone())) }
}

fn job(session: &Arc<Session>, delivery: Delivery, queue: &str, room: Option<Room>) -> Job<Receipt> {
    let id = headers::id_of(&delivery.properties, &delivery.data);
    let attempt = headers::attempt(&delivery.properties);
    let trouble = headers::trouble(&delivery.properties);
    let sent = headers::sent(&delivery.properties);
    let trace = headers::trace(&delivery.properties);
    let body = Arc::new(delivery.data);
    let receipt = Receipt {
        session: session.clone(),
        tag: delivery.delivery_tag,
        queue: queue.to_owned(),
        _room: room.map(Arc::new),
        id: id.clone(),
        attempt,
        key: delivery.routing_key.to_string(),
        properties: delivery.properties,
        body: body.clone(),
    };
    Job { receipt, id, body: body.to_vec(), attempt, trouble, sent, trace }
}
