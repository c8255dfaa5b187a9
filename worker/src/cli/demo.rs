//! `demo`: the shipped case studies through the embedded queue and the real worker, in one process and one folder:
//! `snapshots/` is the store, `queue.db` the queue, `reports/` what the worker publishes, `index.html` the page over all
//! cases. A second run finds its own reports and leaves them as they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use reports::Report;
use reports::comparison::{self, Comparison};
use scenarios::cases::{Case, Design, Message, cases};
use scenarios::snapshot::Snapshot;
use tokio::sync::watch;

use super::{Failure, estimate, output, progress};
use crate::files;
use crate::meter::Meter;
use crate::pipeline::{self, Estimate, Prepared, digest};
use crate::publish::{Directory, Publisher};
use crate::queue::Embedded;
use crate::queue::embedded::Store;
use crate::serve::{self, Options, Worker};
use crate::snapshots::SnapshotStore;

/// Arguments of `demo`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder for queue, snapshots and reports
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR", default_value = "poolproof-demo")]
    out: PathBuf,
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

/// Folder of the reports within the demonstration's.
const REPORTS: &str = "reports";

/// A change of a case study.
struct Entry {
    case: &'static Case,
    /// `before` or `after`.
    side: &'static str,
    message: &'static Message,
    prepared: Prepared,
}

/// Submits every change of every case, works until the queue is empty, and shows what came out.
pub fn run(args: &Args) -> Result<(), Failure> {
    let estimate = args.estimate.resolve(None);
    let entries = entries(&estimate)?;
    let (snapshots, reports) = (args.out.join("snapshots"), args.out.join(REPORTS));
    std::fs::create_dir_all(&snapshots).with_context(|| format!("could not make {}", snapshots.display()))?;
    let queue = args.out.join("queue.db");
    write_snapshots(&snapshots)?;
    submit(&queue, &entries)?;
    let directory = Directory::open(&reports)?;
    work(&queue, snapshots, directory.clone(), estimate, &entries)?;
    buried(&queue)?;
    show(&args.out, &directory, &entries)
}

/// Every change in the order of the cases, resolved: their reports' ids are known before they are made.
fn entries(estimate: &Estimate) -> anyhow::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for case in cases() {
        for (side, design) in case.designs() {
            let snapshot = Snapshot::from_json(design.snapshot.as_bytes())
                .with_context(|| format!("snapshot of {} {side}", case.name))?;
            for message in design.changes {
                let ready = ready(message, &snapshot, estimate)
                    .with_context(|| format!("{} {side}: {}", case.name, message.file))?;
                entries.extend(ready.into_iter().map(|prepared| Entry { case, side, message, prepared }));
            }
        }
    }
    Ok(entries)
}

fn ready(message: &Message, snapshot: &Snapshot, estimate: &Estimate) -> anyhow::Result<Vec<Prepared>> {
    let decoded = pipeline::decode(message.text.as_bytes())?;
    decoded.changes.iter().map(|change| Ok(pipeline::prepare(change, snapshot, estimate)?)).collect()
}

fn write_snapshots(folder: &Path) -> anyhow::Result<()> {
    let designs = cases().iter().flat_map(|case| case.designs().map(|(_, design)| design));
    for Design { snapshot_ref, snapshot, .. } in designs {
        let path = folder.join(format!("{snapshot_ref}.json"));
        files::replace(&path, snapshot.as_bytes()).with_context(|| format!("could not write {}", path.display()))?;
    }
    Ok(())
}

fn submit(queue: &Path, entries: &[Entry]) -> anyhow::Result<()> {
    let mut store = Store::open(queue)?;
    for entry in entries {
        let body = entry.message.text.as_bytes();
        store.push(body, Some(&digest(body)))?;
    }
    Ok(())
}

/// The worker as `poolproof worker --until-empty` runs it.
fn work(
    queue: &Path,
    snapshots: PathBuf,
    directory: Directory,
    estimate: Estimate,
    entries: &[Entry],
) -> anyhow::Result<()> {
    let bar = progress::bar("scoring the case studies", entries.iter().map(|e| u64::from(e.prepared.trials)).sum());
    let shown = bar.clone();
    let worker = Arc::new(Worker {
        memory: None,
        snapshots: SnapshotStore::Folder(snapshots),
        publishers: vec![Publisher::Directory(directory)],
        estimate,
        progress: Arc::new(move |trials| shown.inc(trials)),
        meter: Arc::new(Meter::default()),
        split_above: 0,
    });
    let options = Options {
        // Short, so that a demo that was interrupted can be started again at once.
        lease: Duration::from_secs(10),
        attempts: 3,
        first_delay: Duration::from_secs(1),
        longest_delay: Duration::from_secs(10),
        poll: Duration::from_millis(200),
        grace: Duration::from_secs(1),
        until_empty: true,
        parallel: 1,
    };
    let queue = Embedded::open(queue)?;
    // Nothing asks this worker to stop: an interrupt ends the process, and what was in hand is taken up the next time.
    let (_never, shutdown) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("could not start the runtime")?;
    runtime.block_on(serve::run(&queue, &worker, &options, shutdown))?;
    bar.finish_and_clear();
    Ok(())
}

/// Fails where a message ended among the dead letters.
fn buried(queue: &Path) -> anyhow::Result<()> {
    let dead = Store::open_existing(queue)?.list(true)?;
    if dead.is_empty() {
        return Ok(());
    }
    let reasons: Vec<String> = dead.into_iter().filter_map(|entry| entry.reason).collect();
    bail!("not every change could be scored: {}", reasons.join("; "))
}

/// A table of every change, one of the designs compared, and the path of a page that groups both by case.
fn show(place: &Path, directory: &Directory, entries: &[Entry]) -> Result<(), Failure> {
    let reports =
        entries.iter().map(|entry| directory.report(&entry.prepared.id)).collect::<Result<Vec<Report>, _>>()?;
    directory.write_index(&reports)?;
    let comparisons: Vec<Comparison<'_>> = cases().iter().map(|case| compared(case, entries, &reports)).collect();
    let page = comparison::comparison_page(&comparisons, REPORTS);
    let index = place.join(&page.path);
    files::replace(&index, &page.bytes).with_context(|| format!("could not write {}", index.display()))?;
    let (changes, designs) = (comparison::changes_table(&comparisons), comparison::comparison_table(&comparisons));
    Ok(output::data(&format!("{changes}\n{designs}\n{}\n", index.display()))?)
}

/// The reports of a case, before and after.
fn compared<'a>(case: &'static Case, entries: &[Entry], reports: &'a [Report]) -> Comparison<'a> {
    let of = |side: &str| -> Vec<&'a Report> {
        let all = entries.iter().zip(reports);
        all.filter(|(e, _)| e.case.name == case.name && e.side == side).map(|(_, report)| report).collect()
    };
    Comparison {
        name: case.name,
        title: case.title,
        story: case.story,
        fix: case.fix,
        reported: case.reported,
        before: of("before"),
        after: of("after"),
    }
}
