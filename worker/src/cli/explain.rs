//! `explain`: one trial of a report run again and told in full.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::ValueEnum;
use reports::explain::{Explained, Plan};
use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints};
use serde_json::Value;

use super::{Failure, input, output};
use crate::files::{self, MAX_CHANGE};
use crate::pipeline::{self, ENGINE, Estimate, IDENTITY, Identity, Prepared, SNAPSHOT};

/// Arguments of `explain`.
#[derive(clap::Args)]
pub struct Args {
    /// Folder of a report
    #[arg(value_name = "REPORT_DIR")]
    report: PathBuf,
    /// Which trial [default: the worst of the report]
    #[arg(long, env = "POOLPROOF_TRIAL", value_name = "N")]
    trial: Option<u32>,
    /// Which of the two courses, on the same random future
    #[arg(long, env = "POOLPROOF_PLAN", value_enum, default_value_t = Course::Proposal)]
    plan: Course,
    /// The snapshot that the report was made of [default: the report's own, or where it was read from then]
    #[arg(long, env = "POOLPROOF_CLUSTER", value_name = "SNAPSHOT")]
    cluster: Option<PathBuf>,
    /// What to print: a line an event, the same as JSON, or a trace file
    #[arg(long, env = "POOLPROOF_FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Folder for events.txt, events.json and trace.json, instead of printing
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Course {
    /// The change is made
    Proposal,
    /// Nothing is done
    Baseline,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Text,
    /// poolproof.events/1
    Json,
    /// Chrome's trace event format, for Perfetto
    Trace,
}

/// Reads the report, runs the trial again and tells it.
pub fn run(args: &Args) -> Result<(), Failure> {
    let (prepared, worst) = prepare(args).map_err(Failure::Invalid)?;
    let trial = args.trial.or(worst).unwrap_or(0);
    let plan = match args.plan {
        Course::Proposal => Plan::Proposal,
        Course::Baseline => Plan::Baseline,
    };
    let told = prepared.explain(trial, plan);
    let Some(out) = &args.out else { return Ok(output::bytes(&printed(&told, args.format))?) };
    std::fs::create_dir_all(out).with_context(|| format!("could not make {}", out.display()))?;
    for (name, format) in [("events.txt", Format::Text), ("events.json", Format::Json), ("trace.json", Format::Trace)] {
        let path = out.join(name);
        files::replace(&path, &printed(&told, format))
            .with_context(|| format!("could not write {}", path.display()))?;
    }
    output::note(&format!("{} events of trial {trial}: {}", told.events.len(), out.display()));
    Ok(())
}

fn printed(told: &Explained, format: Format) -> Vec<u8> {
    match format {
        // Names are anybody's text, and a terminal obeys control characters.
        Format::Text => told.to_text().lines().map(|line| output::on_one_line(line) + "\n").collect::<String>().into(),
        Format::Json => told.to_json(),
        Format::Trace => told.to_trace(),
    }
}

/// The report's change on its snapshot, ready to run, and its worst trial.
fn prepare(args: &Args) -> Result<(Prepared, Option<u32>), Complaints> {
    let (identity, report) = input::both(read(&args.report, IDENTITY), read(&args.report, "report.json"))?;
    let path = args.report.join(IDENTITY);
    let in_identity = |field: &str, found: &dyn std::fmt::Display, expected: String| {
        Complaints::from(Complaint::at(field, found, expected).in_file(path.to_string_lossy()))
    };
    let identity: Identity = serde_json::from_value(identity)
        .map_err(|e| in_identity("", &e, "what decides the content of a report".into()))?;
    if identity.engine != ENGINE {
        let expected = format!("{ENGINE}: another version tells another story; score the change again");
        return Err(in_identity("engine", &identity.engine, expected));
    }
    let mut change: Change = serde_json::from_value(identity.change.clone())
        .map_err(|_| in_identity("change", &"a recorded course", "the change of a scored report".into()))?;
    change.settings = identity.settings.clone();
    let snapshot = snapshot(args, &identity)?;
    let prepared = pipeline::prepare(&change, &snapshot, &Estimate { no_band: identity.look, ..Estimate::default() })?;
    if prepared.id != identity.id() {
        return Err(in_identity("", &prepared.id, format!("the identity of report {}", identity.id())));
    }
    let worst = report.pointer("/worstTrial/trial").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok());
    Ok((prepared, worst))
}

/// The snapshot of the report: the one that is named, else its own, else where it was read from.
fn snapshot(args: &Args, identity: &Identity) -> Result<Snapshot, Complaints> {
    let own = args.report.join(SNAPSHOT);
    let path = match &args.cluster {
        Some(path) => path.clone(),
        None if own.exists() => own,
        None => read(&args.report, "run.json")
            .ok()
            .and_then(|run| run.get("snapshot").and_then(Value::as_str).map(PathBuf::from))
            .filter(|path| path.exists())
            .ok_or_else(|| {
                Complaint::at(
                    "snapshot",
                    "none",
                    "the snapshot that the report was made of, given as --cluster SNAPSHOT",
                )
                .in_file(args.report.to_string_lossy())
            })?,
    };
    let snapshot = input::snapshot(&path)?;
    if snapshot.digest != identity.snapshot {
        let expected = format!("the snapshot that the report was made of, digest {}", identity.snapshot);
        return Err(Complaint::at("digest", &snapshot.digest, expected).in_file(path.to_string_lossy()).into());
    }
    Ok(snapshot)
}

/// A file of the report as JSON.
fn read(report: &Path, name: &str) -> Result<Value, Complaints> {
    let path = report.join(name);
    let complain = |complaint: Complaint| Complaints::from(complaint.in_file(path.to_string_lossy()));
    let bytes = files::read(&path, MAX_CHANGE).map_err(|error| complain(error.complaint()))?;
    serde_json::from_slice(&bytes).map_err(|e| complain(Complaint::at("", e, "JSON")))
}
