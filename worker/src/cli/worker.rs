//! `worker`: the service. Ends on SIGTERM or SIGINT, or with `--until-empty` when the queue is empty.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use scenarios::Complaint;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

#[cfg(feature = "amqp")]
use super::output;
use super::{Failure, estimate, input, listen, memory};
use crate::meter::{Fate, Meter};
use crate::pipeline::Estimate;
use crate::publish::{PublishUrl, Publisher, Retention};
#[cfg(feature = "amqp")]
use crate::queue::Amqp;
#[cfg(feature = "cloud")]
use crate::queue::Azure;
use crate::queue::{BrokerUrl, Embedded, Queue, QueueUrl};
use crate::serve::{self, Options, Worker};
use crate::snapshots::SnapshotStore;

/// Arguments of `worker`.
#[derive(clap::Args)]
pub struct Args {
    /// The queue: sqlite:PATH, amqp://HOST/VHOST, azqueue://ACCOUNT/QUEUE; addresses with a password belong into the environment
    #[arg(long, env = "POOLPROOF_QUEUE", hide_env_values = true, value_name = "URL")]
    queue: QueueUrl,
    /// Where snapshots are: dir:PATH, az://CONTAINER/PREFIX or s3://BUCKET/PREFIX, with CLUSTER.json or a folder CLUSTER/ for each cluster
    #[arg(long, env = "POOLPROOF_SNAPSHOTS", hide_env_values = true, value_name = "URL")]
    snapshots: SnapshotStore,
    /// Where reports go: dir:PATH, az://CONTAINER/PREFIX, s3://BUCKET/PREFIX, and amqp://HOST/VHOST to announce them beside; may be given several times, or
    /// separated by commas
    #[arg(
        long,
        env = "POOLPROOF_PUBLISH",
        hide_env_values = true,
        value_name = "URL",
        value_delimiter = ',',
        required = true
    )]
    publish: Vec<PublishUrl>,
    /// End when nothing is waiting, delayed or leased
    #[arg(long, env = "POOLPROOF_UNTIL_EMPTY", value_parser = clap::builder::BoolishValueParser::new())]
    until_empty: bool,
    /// Say what is missing on the broker or differs, change nothing, and end
    #[arg(long, env = "POOLPROOF_CHECK_TOPOLOGY", value_parser = clap::builder::BoolishValueParser::new())]
    check_topology: bool,
    /// Seconds a message is kept without a sign of life from its worker
    #[arg(long, env = "POOLPROOF_LEASE", value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    lease: Duration,
    /// Attempts before a message goes to the dead letters
    #[arg(long, env = "POOLPROOF_ATTEMPTS", value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    attempts: u32,
    /// Seconds before the second attempt; doubled for each further one, at most 300
    #[arg(long, env = "POOLPROOF_RETRY_DELAY", value_name = "SECONDS", default_value = "1", value_parser = seconds)]
    retry_delay: Duration,
    /// Seconds between two looks into an empty queue
    #[arg(long, env = "POOLPROOF_POLL", value_name = "SECONDS", default_value = "0.5", value_parser = seconds)]
    poll: Duration,
    /// Seconds the job in hand may go on after SIGTERM before it is given back
    #[arg(long, env = "POOLPROOF_GRACE", value_name = "SECONDS", default_value = "20", value_parser = seconds)]
    grace: Duration,
    /// Seconds one change may be simulated
    #[arg(long, env = "POOLPROOF_LIMIT", value_name = "SECONDS", default_value = "900", value_parser = seconds)]
    limit: Duration,
    /// Messages worked on at the same time; each simulation uses --threads of its own
    #[arg(long, env = "POOLPROOF_PARALLEL", value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,
    /// Work that one message does by itself, in millions of pods times paired trials (a usual report is 1, a combination of a
    /// what-if of 500 pods too); more is shared with other workers through the queue; 0 shares nothing
    #[arg(long, env = "POOLPROOF_SPLIT_ABOVE", value_name = "MILLIONS", default_value = "4", value_parser = millions)]
    split_above: u64,
    /// Most reports that are kept, the newest; all unless given
    #[arg(long, env = "POOLPROOF_KEEP", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    keep: Option<u32>,
    /// Days a report is kept; for ever unless given
    #[arg(long, env = "POOLPROOF_KEEP_DAYS", value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
    keep_days: Option<u32>,
    #[command(flatten)]
    memory: memory::MemoryArgs,
    #[command(flatten)]
    ear: listen::EarArgs,
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

impl Args {
    fn retention(&self) -> Retention {
        Retention {
            reports: self.keep.and_then(|most| most.try_into().ok()),
            age: self.keep_days.map(|days| Duration::from_secs(86_400 * u64::from(days))),
        }
    }
}

/// Longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// Works until told to stop.
pub fn run(args: &Args) -> Result<(), Failure> {
    if args.check_topology {
        return check_topology(&args.queue);
    }
    let runtime = runtime()?;
    // Stores connect as they are opened.
    let entered = runtime.enter();
    let memory = args.memory.open()?;
    if memory.is_none() {
        info!("outcomes are not remembered: no --memory");
    }
    let worker = Arc::new(Worker {
        snapshots: args.snapshots.clone(),
        publishers: publishers(&args.publish, args.retention())?,
        estimate: Estimate { foretell: memory.is_some(), ..args.estimate.resolve(Some(args.limit)) },
        memory,
        progress: Arc::new(|_| {}),
        meter: Arc::new(Meter::default()),
        split_above: args.split_above,
    });
    drop(entered);
    match &args.queue {
        QueueUrl::Sqlite(path) => {
            let queue = Embedded::open(path)?;
            runtime.block_on(serve(&queue, &worker, args, &path.display()))?;
        }
        QueueUrl::Broker(url) => on_broker(&runtime, url, &worker, args)?,
        #[cfg(feature = "cloud")]
        QueueUrl::Azure(url) => runtime.block_on(async {
            let queue = Azure::open(url).await?;
            serve(&queue, &worker, args, url).await
        })?,
    }
    let meter = &worker.meter;
    info!(
        scored = meter.messages(Fate::Scored),
        reports = meter.reports(),
        repeated = meter.messages(Fate::Repeated),
        outcomes = meter.messages(Fate::Remembered),
        shards = meter.messages(Fate::Shard),
        nothing = meter.messages(Fate::Nothing),
        retried = meter.messages(Fate::Retried),
        given_back = meter.messages(Fate::GivenBack),
        dead = meter.messages(Fate::Dead),
        trials = meter.trials(),
        seconds = meter.worked().as_secs_f64(),
        "ended"
    );
    Ok(())
}

#[cfg(feature = "amqp")]
fn on_broker(runtime: &Runtime, url: &BrokerUrl, worker: &Arc<Worker>, args: &Args) -> Result<(), Failure> {
    input::check_broker("--queue", url)?;
    runtime.block_on(async {
        let queue = Amqp::open(url, args.until_empty, args.parallel).await?;
        let ended = serve(&queue, worker, args, url).await;
        queue.close().await;
        ended
    })?;
    Ok(())
}

#[cfg(not(feature = "amqp"))]
fn on_broker(_: &Runtime, url: &BrokerUrl, _: &Arc<Worker>, _: &Args) -> Result<(), Failure> {
    Err(input::no_broker(url))
}

#[cfg(feature = "amqp")]
fn check_topology(queue: &QueueUrl) -> Result<(), Failure> {
    let QueueUrl::Broker(url) = queue else { return Err(no_topology()) };
    let wrong = input::desk(url, false)?.check_topology()?;
    if wrong.is_empty() {
        return Ok(output::data("everything is there\n")?);
    }
    for line in &wrong {
        output::data(&format!("{}\n", output::on_one_line(line)))?;
    }
    Err(Failure::Failed(anyhow::anyhow!("{} of the exchanges and queues are missing or differ", wrong.len())))
}

#[cfg(not(feature = "amqp"))]
fn check_topology(queue: &QueueUrl) -> Result<(), Failure> {
    match queue {
        QueueUrl::Broker(url) => Err(input::no_broker(url)),
        _ => Err(no_topology()),
    }
}

fn no_topology() -> Failure {
    Failure::Invalid(
        Complaint::at("--check-topology", "no broker", "a broker: only there are exchanges and queues").into(),
    )
}

/// The places for reports; those that keep them first, so that nothing is announced that is not there yet.
fn publishers(urls: &[PublishUrl], retention: Retention) -> Result<Vec<Publisher>, Failure> {
    for url in urls {
        if let PublishUrl::Broker(url) = url {
            input::check_broker("--publish", url)?;
        }
    }
    if !urls.iter().any(PublishUrl::keeps) {
        let expected = "dir:PATH, az:// or s3:// beside: announcements are not kept where nobody listens";
        return Err(Failure::Invalid(Complaint::at("--publish", "announcements only", expected).into()));
    }
    let (keep, tell): (Vec<_>, Vec<_>) = urls.iter().partition(|url| url.keeps());
    Ok(keep.into_iter().chain(tell).map(|url| url.open(retention)).collect::<Result<_, _>>()?)
}

fn runtime() -> anyhow::Result<Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().context("could not start the runtime")
}

async fn serve<Q: Queue>(queue: &Q, worker: &Arc<Worker>, args: &Args, name: &dyn Display) -> anyhow::Result<()> {
    let options = Options {
        lease: args.lease,
        attempts: args.attempts,
        first_delay: args.retry_delay,
        longest_delay: LONGEST_DELAY,
        poll: args.poll,
        grace: args.grace,
        until_empty: args.until_empty,
        parallel: args.parallel,
    };
    let shutdown = on_signals().context("could not listen to signals")?;
    let ear = args.ear.start(&args.queue, worker, shutdown.clone()).await?;
    info!(queue = %name, "started");
    let ended = serve::run(queue, worker, &options, shutdown).await;
    ear.close().await;
    Ok(ended?)
}

/// Becomes true with the first SIGTERM or SIGINT.
fn on_signals() -> std::io::Result<watch::Receiver<bool>> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let (sender, receiver) = watch::channel(false);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        info!("asked to stop");
        let _ = sender.send(true);
    });
    Ok(receiver)
}

/// Millions, not all of them whole.
fn millions(text: &str) -> Result<u64, String> {
    let millions = text.parse().ok().filter(|n| (0.0..=1e9).contains(n));
    millions.map(|n: f64| (n * 1e6).ceil() as u64).ok_or_else(|| "expected a number of millions, at least 0".into())
}

/// A time in seconds, from a hundredth to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.01..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("expected 0.01 to 86400 seconds".into())
    }
}
