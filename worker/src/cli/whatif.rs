//! `whatif`: one change under many conditions, side by side.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use reports::what_if::{Axis, Cell, Outcome, SCHEMA};
use reports::{WhatIf, what_if_page, what_if_table};
use scenarios::snapshot::Snapshot;
use scenarios::what_if::{self, Setting};
use scenarios::{Change, Complaint, Complaints};
use serde_json::{Value, json};

use super::{Failure, estimate, input, output, progress};
use crate::pipeline::{self, ENGINE, Estimate, Identity, Prepared, RunRecord, Watch, no_glance, no_report};
use crate::publish::{Bundle, Directory};
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

/// Paired trials of a combination where nobody says otherwise: a grid has many.
const CELL_TRIALS: u32 = 2000;

/// A spec whose combinations are ready, as far as they are possible.
struct Grid {
    spec: what_if::WhatIf,
    change: Change,
    cluster: String,
    cells: Vec<CellOf>,
}

/// The values of a combination, and what is to be run for it or why it is not possible.
type CellOf = (Vec<Setting>, Result<Prepared, String>);

/// Reads and checks everything, then scores one combination after the other.
pub fn run(args: &Args) -> Result<(), Failure> {
    let estimate = Estimate { no_band: true, ..args.estimate.resolve(None) };
    let grid = prepare(args, &estimate)?;
    let directory = args.out.as_ref().map(|path| Directory::open(path)).transpose()?;
    let (cells, records) = score(&grid, &estimate, directory.as_ref())?;
    let result = result(&grid, cells);
    output::data(&what_if_table(&result))?;
    if let Some(directory) = directory {
        let id = id(&grid);
        let run = RunRecord::of_all(&id, &records).map(|r| r.to_bytes()).unwrap_or_default();
        let place = directory.put(&Bundle { id, files: what_if_page(&result), run })?;
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
    let mut estimate = estimate.clone();
    estimate.overrides.trials = estimate.overrides.trials.or(change.settings.trials).or(Some(CELL_TRIALS));
    let cells = cells(&spec, &snapshot, &change, &estimate).map_err(|found| Failure::Invalid(in_spec(found)))?;
    let cluster = if snapshot.name.is_empty() { change.cluster.name.clone() } else { snapshot.name.clone() };
    Ok(Grid { spec, change, cluster, cells })
}

/// Every combination, ready or with the reason why it is not possible.
///
/// # Errors
/// None of them is possible: what is wrong with them.
fn cells(
    spec: &what_if::WhatIf,
    snapshot: &Snapshot,
    change: &Change,
    estimate: &Estimate,
) -> Result<Vec<CellOf>, Complaints> {
    let mut wrong: Vec<Complaint> = Vec::new();
    let mut cells = Vec::new();
    for cell in spec.cells() {
        let applied = cell.apply(snapshot, change);
        let ready = applied.and_then(|(snapshot, change)| pipeline::prepare(&change, &snapshot, estimate));
        let ready = ready.map_err(|found| {
            let text = found.to_string();
            wrong.extend(found.0);
            text
        });
        cells.push((cell.values, ready));
    }
    if cells.iter().any(|(_, ready)| ready.is_ok()) {
        return Ok(cells);
    }
    let mut seen = BTreeSet::new();
    wrong.retain(|complaint| seen.insert(complaint.to_string()));
    Err(Complaints(wrong))
}

/// Scores the cells in order; with a folder, each gets its own report there.
fn score(
    grid: &Grid,
    estimate: &Estimate,
    directory: Option<&Directory>,
) -> Result<(Vec<Cell>, Vec<RunRecord>), Failure> {
    let trials: u64 = grid.cells.iter().filter_map(|(_, ready)| ready.as_ref().ok()).map(|p| u64::from(p.trials)).sum();
    let bar = progress::bar(&grid.spec.name, trials);
    let (mut cells, mut records, mut done) = (Vec::new(), Vec::new(), 0);
    for (values, ready) in &grid.cells {
        let outcome = match ready {
            Err(why) => Err(why.clone()),
            Ok(prepared) => {
                let watch = Watch {
                    stop: &AtomicBool::new(false),
                    progress: &|n| bar.set_position(done + u64::from(n)),
                    glance: &no_glance,
                    judged: &no_report,
                };
                let scored = pipeline::run(prepared, estimate, watch)?;
                done += u64::from(prepared.trials);
                records.push(scored.record);
                let href = directory
                    .map(|d| d.put(&scored.bundle))
                    .transpose()?
                    .map(|_| format!("../{}/report.html", prepared.id));
                Ok(Outcome::of(&scored.report, href))
            }
        };
        cells.push(Cell { values: values.iter().map(ToString::to_string).collect(), outcome });
    }
    bar.finish_and_clear();
    Ok((cells, records))
}

fn result(grid: &Grid, cells: Vec<Cell>) -> WhatIf {
    let axis = |axis: &what_if::AxisValues| Axis {
        name: axis.axis.to_string(),
        values: axis.values.iter().map(ToString::to_string).collect(),
    };
    WhatIf {
        schema: SCHEMA,
        name: grid.spec.name.clone(),
        description: grid.spec.description.clone(),
        cluster: grid.cluster.clone(),
        change: grid.change.summary.clone(),
        axes: grid.spec.axes.iter().map(axis).collect(),
        cells,
        seed: grid.cells.iter().find_map(|(_, ready)| ready.as_ref().ok()).map_or(0, |p| p.seed),
        engine: ENGINE.into(),
    }
}

/// Digest of the question: its words and every combination, which has settings and snapshot in its own id.
fn id(grid: &Grid) -> String {
    let cell = |(values, ready): &CellOf| {
        let values: Vec<String> = values.iter().map(ToString::to_string).collect();
        json!({"values": values, "id": ready.as_ref().map_or_else(String::clone, |p| p.id.clone())})
    };
    let cells: Vec<Value> = grid.cells.iter().map(cell).collect();
    let question = json!({"name": grid.spec.name, "description": grid.spec.description, "cells": cells});
    Identity::new(&question, &grid.cluster, &grid.spec.settings).id()
}
