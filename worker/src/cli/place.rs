//! `place`: scheduling decisions for the pending pods of a snapshot or of a recorded case.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::ValueEnum;
use scenarios::place::{Case, Way, is_record};
use scenarios::snapshot::Snapshot;
use scenarios::{Complaint, Complaints};
use serde_json::Value;

use super::{Failure, input, output};
use crate::files::{self, MAX_SNAPSHOT};
use crate::snapshots::in_file;

/// Arguments of `place`.
#[derive(clap::Args)]
pub struct Args {
    /// A snapshot (file or folder) with pending pods, or a recorded case
    #[arg(value_name = "CASE")]
    case: PathBuf,
    /// What to print
    #[arg(long, value_enum, default_value_t = Format::Text, env = "POOLPROOF_FORMAT")]
    format: Format,
    /// Show what each plugin says of this node as well
    #[arg(long, value_name = "NODE", env = "POOLPROOF_WHY", conflicts_with = "bench")]
    why: Option<String>,
    /// Show only this pending pod; the others are placed all the same
    #[arg(long, value_name = "NAMESPACE/NAME", env = "POOLPROOF_POD", conflicts_with = "bench")]
    pod: Option<String>,
    /// Place everything as fast as it goes and print decisions, seconds and decisions per second
    #[arg(long, env = "POOLPROOF_BENCH")]
    bench: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A line per pod, in the words of `kubectl describe pod`
    Text,
    /// Every verdict and score, in the format of the recorded decisions
    Json,
}

/// Decides for every pending pod and prints what came out.
pub fn run(args: &Args) -> Result<(), Failure> {
    let mut case = read(&args.case).map_err(Failure::Invalid)?;
    if let Some(why) = args.why.as_deref().filter(|why| !case.nodes().any(|node| node == *why)) {
        return Err(Failure::Invalid(Complaint::at("--why", why, "the name of a node").into()));
    }
    if let Some(pod) = args.pod.as_deref().filter(|pod| !case.show_only(pod)) {
        return Err(Failure::Invalid(
            Complaint::at("--pod", pod, "namespace and name of a pending pod, as shop/web-0").into(),
        ));
    }
    if args.bench {
        return bench(&case);
    }
    match args.format {
        Format::Text => output::data(&output::inert(&case.to_text(args.why.as_deref())))?,
        Format::Json => output::json(&format!("{:#}\n", case.to_json(Way::Scan)))?,
    }
    Ok(())
}

fn bench(case: &Case) -> Result<(), Failure> {
    let ready = case.ready();
    let begin = Instant::now();
    let placed = ready.serve();
    let seconds = begin.elapsed().as_secs_f64();
    let decisions = case.pending();
    let rate = decisions as f64 / seconds.max(1e-9);
    output::data(&format!("{decisions} decisions, {placed} placed, {seconds:.6} s, {rate:.0} decisions/s\n"))?;
    Ok(())
}

/// A folder is a snapshot; a file is a recorded case where it holds one, else a snapshot.
fn read(path: &Path) -> Result<Case, Complaints> {
    if path.is_dir() {
        return input::snapshot(path).map(|snapshot| Case::from_snapshot(&snapshot));
    }
    let name = path.to_string_lossy();
    let bytes = files::read(path, MAX_SNAPSHOT).map_err(|e| Complaints::from(e.complaint().in_file(name.clone())))?;
    // The reader of snapshots says what is wrong with a file that is no JSON.
    let case = match serde_json::from_slice::<Value>(&bytes) {
        Ok(document) if is_record(&document) => Case::from_record(&document),
        _ => Snapshot::from_json(&bytes).map(|snapshot| Case::from_snapshot(&snapshot)),
    };
    case.map_err(|found| in_file(found, &name))
}
