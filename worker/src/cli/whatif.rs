//! `whatif`: one change under many conditions, side by side.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use reports::what_if::Outcome;
use reports::what_if_table;
use scenarios::what_if;

use super::{Failure, estimate, input, output, progress};
use crate::pipeline::grid::{Grid, href};
use crate::pipeline::{self, Estimate, RunRecord, Watch, no_glance, no_report};
use crate::publish::Directory;
use crate::snapshots::in_file;

/// Arguments of `whatif`.
#[derive(clap::Args)]
pub struct Args {
    /// What-if spec, YAML or JSON: a snapshot, a change, and axes with the values to try; - for standard input
    #[arg(value_name = "SPEC")]
    spec: PathBuf,
    /// Cluster snapshot, a file or folder, instead of the spec's
    #[arg(long, env = "POOLPROOF_CLUSTER", value_name = "SNAPSHOT")]
    cluster: Option<PathBuf>,
    /// Folder for the page, and the report of each combination
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

/// Reads and checks everything, then scores one combination after the other.
pub fn run(args: &Args) -> Result<(), Failure> {
    let grid = prepare(args, &args.estimate.resolve(None))?;
    let directory = args.out.as_ref().map(|path| Directory::open(path)).transpose()?;
    let (outcomes, records) = score(&grid, directory.as_ref())?;
    let result = grid.result(outcomes);
    output::data(&what_if_table(&result))?;
    if let Some(directory) = directory {
        let place = directory.put(&grid.bundle(&result, &records))?;
        directory.refresh_index()?;
        output::note(&format!("page: {}", place.join("whatif.html").display()));
    }
    Ok(())
}

fn prepare(args: &Args, estimate: &Estimate) -> Result<Grid, Failure> {
    let document = input::document(&args.spec).map_err(Failure::Invalid)?;
    let in_spec = |found| in_file(found, &document.name);
    let spec = what_if::parse(&document.bytes).map_err(|found| Failure::Invalid(in_spec(found)))?;
    let snapshot = input::cluster_of(&args.spec, args.cluster.as_deref(), spec.cluster.as_ref());
    let name = snapshot.as_ref().ok().map(|s| s.name.as_str()).filter(|name| !name.is_empty());
    let change = spec.change(name).map_err(in_spec);
    let (snapshot, change) = input::both(snapshot, change).map_err(Failure::Invalid)?;
    Grid::new(spec, change, &snapshot, estimate).map_err(|found| Failure::Invalid(in_spec(found)))
}

/// What each combination came to, or why it is not possible.
type Outcomes = Vec<Result<Outcome, String>>;

/// Scores the combinations in order; with a folder, each gets its own report there.
fn score(grid: &Grid, directory: Option<&Directory>) -> Result<(Outcomes, Vec<RunRecord>), Failure> {
    let bar = progress::bar(&grid.spec.name, grid.trials());
    let (mut outcomes, mut records, mut done) = (Vec::new(), Vec::new(), 0);
    for (_, ready) in &grid.cells {
        let outcome = match ready {
            Err(why) => Err(why.clone()),
            Ok(prepared) => {
                let watch = Watch {
                    stop: &AtomicBool::new(false),
                    progress: &|n| bar.set_position(done + u64::from(n)),
                    glance: &no_glance,
                    judged: &no_report,
                    aid: None,
                };
                let scored = pipeline::run(prepared, &grid.estimate, watch)?;
                done += u64::from(prepared.trials);
                records.push(scored.record);
                let place = directory.map(|d| d.put(&scored.bundle)).transpose()?;
                Ok(Outcome::of(&scored.report, place.map(|_| href(prepared))))
            }
        };
        outcomes.push(outcome);
    }
    bar.finish_and_clear();
    Ok((outcomes, records))
}
