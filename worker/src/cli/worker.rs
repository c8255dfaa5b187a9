//! `worker`: the service. Ends on SIGTERM or SIGINT, or with `--until-empty` when the queue is empty.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tracing::info;

use super::{Failure, estimate};
use crate::publish::PublishUrl;
use crate::queue::{Embedded, QueueUrl};
use crate::serve::{self, Options, Worker};
use crate::snapshots::SnapshotStore;

/// Arguments of `worker`.
#[derive(clap::Args)]
pub struct Args {
    /// The queue: sqlite:PATH
    #[arg(long, env = "POOLPROOF_QUEUE", hide_env_values = true, value_name = "URL")]
    queue: QueueUrl,
    /// Where snapshots are: dir:PATH, with CLUSTER.json or a folder CLUSTER/ for each cluster
    #[arg(long, env = "POOLPROOF_SNAPSHOTS", hide_env_values = true, value_name = "URL")]
    snapshots: SnapshotStore,
    /// Where reports go: dir:PATH; may be given several times, or separated by commas
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
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

/// Longest delay between two attempts.
const LONGEST_DELAY: Duration = Duration::from_secs(300);

/// Works until told to stop.
pub fn run(args: &Args) -> Result<(), Failure> {
    let publishers = args.publish.iter().map(PublishUrl::open).collect::<Result<_, _>>()?;
    let worker = Arc::new(Worker {
        snapshots: args.snapshots.clone(),
        publishers,
        estimate: args.estimate.resolve(Some(args.limit)),
        progress: Arc::new(|_| {}),
    });
    let options = Options {
        lease: args.lease,
        attempts: args.attempts,
        first_delay: args.retry_delay,
        longest_delay: LONGEST_DELAY,
        poll: args.poll,
        grace: args.grace,
        until_empty: args.until_empty,
    };
    let QueueUrl::Sqlite(path) = &args.queue;
    let queue = Embedded::open(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    let tally = runtime.block_on(async {
        let shutdown = on_signals().context("could not listen to signals")?;
        info!(queue = %path.display(), "started");
        Ok::<_, anyhow::Error>(serve::run(&queue, &worker, &options, shutdown).await?)
    })?;
    info!(
        scored = tally.scored,
        reports = tally.reports,
        nothing = tally.nothing,
        retried = tally.retried,
        dead = tally.dead,
        "ended"
    );
    Ok(())
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

/// A time in seconds, from a hundredth to a day.
fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.01..=86_400.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("expected 0.01 to 86400 seconds".into())
    }
}
