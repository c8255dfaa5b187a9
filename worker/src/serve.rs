//! The worker: takes a message, runs it, publishes its reports, and only then acknowledges it. One message at a time is simulated
//! unless told otherwise; the simulation uses the cores. While a report is drawn and on its way to the disk the next messages are
//! taken (`turns.rs`). More workers on one queue share the messages.

mod handle;
mod turns;

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::field::Empty;
use tracing::{Instrument, debug_span, error, info, info_span, warn};

use crate::fault;
use crate::job::{Disposition, JobError, describe};
use crate::meter::{Fate, Meter};
use crate::publish::Publisher;
use crate::queue::{Claimed, Job, Queue, QueueError};
use crate::trace::{self, TraceParent};

use turns::{Taking, Turns};

pub use handle::{Handled, Stage, Worker};

/// The kind of a dead letter whose workers died over it.
const OUTLIVED: &str = "attempts";

/// How the worker treats its queue.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long a message is kept without a sign of life; renewed at a third of it.
    pub lease: Duration,
    /// How often a message is tried before it goes to the dead letters.
    pub attempts: u32,
    /// Delay before the second attempt; doubled for each further one.
    pub first_delay: Duration,
    /// Longest delay between attempts.
    pub longest_delay: Duration,
    /// Time between two looks into a queue that had nothing.
    pub poll: Duration,
    /// How long the job in hand may go on after the signal to stop.
    pub grace: Duration,
    /// End when nothing is waiting, delayed or leased.
    pub until_empty: bool,
    /// Messages simulated at the same time.
    pub parallel: u16,
}

/// Works on the queue until `shutdown` becomes true (or its sender is gone), or the queue is empty and that is the end.
///
/// # Errors
/// The queue fails in a way that waiting does not cure.
pub async fn run<Q: Queue>(
    queue: &Q,
    worker: &Arc<Worker>,
    options: &Options,
    shutdown: watch::Receiver<bool>,
) -> Result<(), QueueError> {
    let turns = Arc::new(Turns::new(options.parallel));
    let mut hands = JoinSet::new();
    for _ in 0..turns.hands() {
        let (queue, worker, options, shutdown) = (queue.clone(), worker.clone(), options.clone(), shutdown.clone());
        let turns = turns.clone();
        hands.spawn(async move { work_through(&queue, &worker, &options, &turns, shutdown).await });
    }
    let mut ended = Ok(());
    while let Some(done) = hands.join_next().await {
        // A hand that panics has told of it; what it held comes again.
        ended = ended.and(done.unwrap_or(Ok(())));
    }
    look_after(worker).await;
    ended
}

/// Brings what is derived from the reports up to date.
async fn look_after(worker: &Arc<Worker>) {
    let worker = worker.clone();
    let done = tokio::task::spawn_blocking(move || worker.publishers.iter().try_for_each(Publisher::look_after)).await;
    if let Ok(Err(error)) = done {
        warn!(error = describe(&error), "the index could not be brought up to date");
    }
}

/// One message after the other.
async fn work_through<Q: Queue>(
    queue: &Q,
    worker: &Arc<Worker>,
    options: &Options,
    turns: &Turns,
    mut shutdown: watch::Receiver<bool>,
) -> Result<(), QueueError> {
    while !*shutdown.borrow() {
        let Some(taking) = turns.next(&mut shutdown).await else { break };
        // Never dropped half-way: a message claimed and forgotten would wait for its lease to end.
        let asked = SystemTime::now();
        let claimed = queue.claim(options.lease).await;
        let trouble = claimed.as_ref().err().map(describe);
        // Once, not with every look.
        if worker.meter.asked_queue(trouble.clone())
            && let Some(error) = &trouble
        {
            warn!(error, "the queue cannot be used at the moment");
        }
        let pause = match claimed {
            Ok(Claimed::Job(job)) => {
                let span = info_span!("job", job = job.id, attempt = job.attempt, trace = Empty);
                let trace = job.trace.clone().or_else(|| TraceParent::of_message(&job.body));
                trace::follow(&span, trace.as_ref(), asked);
                let job = Job { trace, ..job };
                work(queue, worker, options, job, (turns, taking), &mut shutdown).instrument(span).await;
                turns.more();
                continue;
            }
            Ok(Claimed::Empty) if options.until_empty => {
                turns.no_more();
                break;
            }
            Ok(Claimed::Empty) => options.poll,
            Ok(Claimed::Later(wait)) => wait.clamp(Duration::from_millis(1), options.poll),
            Err(error) if error.passes() => options.poll,
            Err(error) => return Err(error),
        };
        let _ = tokio::time::timeout(pause, stopped(&mut shutdown)).await;
    }
    Ok(())
}

async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error means that the sender is gone: nobody is left who could want anything.
    let _ = shutdown.wait_for(|stop| *stop).await;
}

async fn work<Q: Queue>(
    queue: &Q,
    worker: &Arc<Worker>,
    options: &Options,
    job: Job<Q::Receipt>,
    turn: (&Turns, Taking),
    shutdown: &mut watch::Receiver<bool>,
) {
    let _ = fault::point("claimed");
    let meter = &worker.meter;
    let begun = Instant::now();
    meter.takes(job.waited());
    let stop = Arc::new(AtomicBool::new(false));
    let renewal =
        tokio::spawn(renew(queue.clone(), job.receipt.clone(), options.lease, stop.clone()).in_current_span());
    let result = if job.attempt > options.attempts {
        // Only a worker that died with the message in hand leaves it without trouble to tell of.
        let last = job.trouble.as_deref().unwrap_or("the worker died while it worked on the message");
        Err(format!("given up after {} attempts: {last}", options.attempts))
    } else {
        Ok(attempt(queue, worker, &job, options.grace, shutdown, stop, turn).await)
    };
    renewal.abort();
    let settled = match result {
        Err(reason) => bury(queue, &job, (OUTLIVED, reason), worker).await,
        Ok(Ok(handled)) => acknowledge(queue, &job, &handled, meter).await,
        Ok(Err(error)) => fail(queue, &job, &error, options, worker).await,
    };
    meter.settles(begun.elapsed());
    if let Err(error) = settled {
        // The message comes again when its lease ends; its reports then find their own bytes.
        error!(error = describe(&error), "the outcome could not be told to the queue");
    }
}

/// Runs the message on a blocking thread as soon as it is its turn, which goes on to another as the message comes along. After the
/// signal to stop it may go on for the grace time.
async fn attempt<Q: Queue>(
    queue: &Q,
    worker: &Arc<Worker>,
    job: &Job<Q::Receipt>,
    grace: Duration,
    shutdown: &mut watch::Receiver<bool>,
    stop: Arc<AtomicBool>,
    (turns, taking): (&Turns, Taking),
) -> Result<Handled, JobError> {
    let turn = turns.begin(taking).await;
    let (worker, body, trace, flag) = (worker.clone(), job.body.clone(), job.trace.clone(), stop.clone());
    let (span, queue, runtime) = (tracing::Span::current(), queue.clone(), tokio::runtime::Handle::current());
    let handle = move || {
        let push = |body: &[u8], key: &str| runtime.block_on(queue.push(body, key, trace::outgoing().as_ref()));
        let turn = RefCell::new(turn);
        let told = |stage| turn.borrow_mut().comes_to(stage);
        trace::within(trace, || span.in_scope(|| worker.handle(&body, &flag, &push, &told)))
    };
    let mut task = tokio::task::spawn_blocking(handle);
    tokio::select! {
        done = &mut task => return finished(done),
        () = stopped(shutdown) => info!(grace = grace.as_secs(), "stopping: the job in hand may finish"),
    }
    if let Ok(done) = tokio::time::timeout(grace, &mut task).await {
        return finished(done);
    }
    stop.store(true, Ordering::Relaxed);
    finished(task.await)
}

fn finished(done: Result<Result<Handled, JobError>, tokio::task::JoinError>) -> Result<Handled, JobError> {
    done.unwrap_or_else(|gone| {
        // Not a panic means that the runtime is shutting down.
        let panic = gone.try_into_panic().map_err(|_| JobError::Stopped)?;
        let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
        Err(JobError::Panicked(text.unwrap_or("without a word").to_owned()))
    })
}

/// Keeps the lease alive; stops the run when it is lost, for somebody else has the message then.
async fn renew<Q: Queue>(queue: Q, receipt: Q::Receipt, lease: Duration, stop: Arc<AtomicBool>) {
    loop {
        tokio::time::sleep(lease / 3).await;
        match queue.extend(&receipt, lease).await {
            Ok(()) => {}
            Err(QueueError::Lost(_)) => return stop.store(true, Ordering::Relaxed),
            Err(error) => warn!(error = describe(&error), "the lease could not be renewed"),
        }
    }
}

async fn acknowledge<Q: Queue>(
    queue: &Q,
    job: &Job<Q::Receipt>,
    handled: &Handled,
    meter: &Meter,
) -> Result<(), QueueError> {
    queue.ack(&job.receipt).instrument(debug_span!("ack")).await?;
    meter.published(handled.reports.len() as u64);
    let _ = fault::point("acknowledged");
    match (handled.reports.len(), handled.repeated) {
        (0, 0) if handled.outcomes > 0 => {
            meter.came_to(Fate::Remembered);
            info!(format = handled.format, outcomes = handled.outcomes, "remembered");
        }
        (0, 0) if handled.parts.is_some() => {
            meter.came_to(Fate::Shard);
            info!(format = handled.format, parts = handled.parts, "done");
        }
        (0, 0) => {
            meter.came_to(Fate::Nothing);
            info!(format = handled.format, notes = ?handled.notes, "no pool operation");
        }
        (0, repeated) => {
            meter.came_to(Fate::Repeated);
            info!(format = handled.format, repeated, "known already");
        }
        (reports, repeated) => {
            meter.came_to(Fate::Scored);
            info!(format = handled.format, reports, repeated, "done");
        }
    }
    Ok(())
}

async fn fail<Q: Queue>(
    queue: &Q,
    job: &Job<Q::Receipt>,
    error: &JobError,
    options: &Options,
    worker: &Arc<Worker>,
) -> Result<(), QueueError> {
    let (reason, meter) = (describe(error), &worker.meter);
    trace::failed(&reason);
    match error.disposition() {
        Disposition::DeadLetter => bury(queue, job, (error.kind(), reason), worker).await,
        Disposition::Retry if job.attempt >= options.attempts => {
            let reason = format!("given up after {} attempts: {reason}", job.attempt);
            bury(queue, job, (error.kind(), reason), worker).await
        }
        Disposition::Retry => {
            let delay = delay(job.attempt, options);
            warn!(reason, delay = delay.as_secs_f64(), "will be tried again");
            meter.came_to(Fate::Retried);
            queue.give_back(&job.receipt, delay, Some(reason)).instrument(debug_span!("give_back")).await
        }
        Disposition::GiveBack => {
            info!("given back");
            meter.came_to(Fate::GivenBack);
            queue.give_back(&job.receipt, Duration::ZERO, None).await
        }
    }
}

async fn bury<Q: Queue>(
    queue: &Q,
    job: &Job<Q::Receipt>,
    (kind, reason): (&'static str, String),
    worker: &Arc<Worker>,
) -> Result<(), QueueError> {
    warn!(kind, reason, "to the dead letters");
    worker.meter.buried(kind);
    // Whoever coordinates what this message is a part of hears of it first: a crash in between only tells it twice.
    let (told, body, why) = (worker.clone(), job.body.clone(), reason.clone());
    let _ = tokio::task::spawn_blocking(move || told.buries(&body, &why)).await;
    queue.bury(&job.receipt, reason).instrument(debug_span!("bury")).await
}

/// Doubled with every attempt, up to the longest.
fn delay(attempt: u32, options: &Options) -> Duration {
    let factor = 1u32.checked_shl(attempt.saturating_sub(1)).filter(|f| *f != 0).unwrap_or(u32::MAX);
    options.first_delay.saturating_mul(factor).min(options.longest_delay)
}
