//! `replay`: a recorded course against the model, and what another course would have come to; of an incident also what a simulation
//! must show of it.

mod incident;

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use reports::input::ChangeInfo;
use reports::replay::{Claim, Note, RecordedCourse};
use reports::{Judged, Replay, replay_page};
use scenarios::recording::{Recording, TimedChange};
use scenarios::snapshot::Snapshot;
use scenarios::{Complaints, Loaded};
use serde_json::{Value, json};

use super::{Failure, estimate, input, output, progress};
use crate::pipeline::{self, Estimate, Prepared, RunRecord, Watch, digest, no_glance, no_report};
use crate::publish::{Bundle, Directory};
use crate::snapshots::in_file;

/// Arguments of `replay`.
#[derive(clap::Args)]
pub struct Args {
    /// Recording or incident, JSON or YAML: a cluster and what happened to it; - for standard input
    #[arg(value_name = "RECORDING")]
    recording: PathBuf,
    /// Folder for the page
    #[arg(long, env = "POOLPROOF_OUT", value_name = "DIR")]
    out: Option<PathBuf>,
    #[command(flatten)]
    estimate: estimate::EstimateArgs,
}

/// A recording with both courses ready to run.
struct Courses {
    recording: Recording,
    cluster: String,
    recorded: Prepared,
    other: Option<Prepared>,
    claims: Vec<Claim>,
}

/// Reads and checks everything, then runs the recorded course and the other one.
pub fn run(args: &Args) -> Result<(), Failure> {
    let estimate = Estimate { no_band: true, ..args.estimate.resolve(None) };
    let courses = prepare(args, &estimate)?;
    let directory = args.out.as_ref().map(|path| Directory::open(path)).transpose()?;
    let (replayed, first) = judge("what happened", &courses.recorded, &estimate)?;
    let other = courses.other.as_ref().map(|p| judge("what might have been done", p, &estimate)).transpose()?;
    let (counterfactual, second) = other.unzip();
    let files = replay_page(&replay(&courses, &replayed, counterfactual.as_ref()));
    for file in files.iter().filter(|file| file.path == "replay.md") {
        output::bytes(&file.bytes)?;
    }
    if let Some(directory) = directory {
        let id = courses.recorded.id.clone();
        let records: Vec<RunRecord> = std::iter::once(first).chain(second).collect();
        let run = RunRecord::of_all(&id, &records).map(|r| r.to_bytes()).unwrap_or_default();
        let place = directory.put(&Bundle { id, files, run })?;
        output::note(&format!("page: {}", place.join("replay.html").display()));
    }
    match courses.claims.iter().filter(|claim| claim.state == incident::FAILS).count() {
        0 => Ok(()),
        failed => Err(Failure::Failed(anyhow::anyhow!("{failed} of {} claims do not hold", courses.claims.len()))),
    }
}

fn prepare(args: &Args, estimate: &Estimate) -> Result<Courses, Failure> {
    let document = input::document(&args.recording).map_err(Failure::Invalid)?;
    let in_recording = |found: Complaints| Failure::Invalid(in_file(found, &document.name));
    if let Some(courses) = incident::courses(&document.bytes, estimate).map_err(in_recording)? {
        return Ok(courses);
    }
    let recording = Recording::parse(&document.bytes).map_err(in_recording)?;
    let cluster_of = |source| input::cluster_of(&args.recording, None, Some(source));
    let snapshot = cluster_of(&recording.cluster);
    let other = recording.counterfactual.as_ref().and_then(|c| c.cluster.as_ref()).map(cluster_of).transpose();
    let (snapshot, other) = input::both(snapshot, other).map_err(Failure::Invalid)?;
    let other = other.as_ref().unwrap_or(&snapshot);

    let loaded = recording.load(&snapshot, &estimate.overrides);
    let instead = recording.load_counterfactual(other, &estimate.overrides);
    let (loaded, instead) = input::both(loaded, instead).map_err(in_recording)?;
    let ready = |course: &str, snapshot: &Snapshot, mut loaded: Loaded| {
        // Both courses have the same number of trials, so that their ranges can be compared.
        loaded.settings.trials.get_or_insert(pipeline::budget(loaded.scenario.cluster.pods.len()));
        let identity = json!({"recording": digest(&document.bytes), "course": course});
        Prepared::new(change_info(&recording, course, &snapshot.name), &identity, snapshot, loaded)
    };
    let instead = instead.map(|loaded| ready("counterfactual", other, loaded)).transpose();
    let (recorded, other) = input::both(ready("recorded", &snapshot, loaded), instead).map_err(in_recording)?;
    Ok(Courses { cluster: snapshot.name.clone(), recording, recorded, other, claims: Vec::new() })
}

/// The course as a change, for what judges it.
fn change_info(recording: &Recording, course: &str, cluster: &str) -> ChangeInfo {
    let instead = recording.counterfactual.as_ref().filter(|_| course != "recorded");
    let changes = instead.and_then(|c| c.changes.as_ref()).unwrap_or(&recording.changes);
    let summary = instead.map_or(&recording.name, |c| &c.description);
    let observed = &recording.observed;
    let source = json!({"format": "recording", "eventId": null, "correlationId": null, "caller": null, "time": recording.started_at});
    ChangeInfo {
        id: digest(json!([recording.name, course]).to_string().as_bytes()),
        phase: if instead.is_some() { "proposed".into() } else { "completed".into() },
        source,
        cluster: cluster.to_owned(),
        pool: None,
        operation: json!({"kind": "course", "changes": changes.iter().map(step).collect::<Vec<_>>()}),
        summary: summary.clone(),
        recorded: observed
            .succeeded
            .filter(|_| instead.is_none())
            .map(|ok| (ok, observed.summary.clone().unwrap_or_default())),
    }
}

fn step(timed: &TimedChange) -> Value {
    json!({"atMinutes": timed.at.as_mins_f64(), "pool": timed.change.pool, "operation": timed.change.operation})
}

fn judge(what: &str, prepared: &Prepared, estimate: &Estimate) -> Result<(Judged, RunRecord), Failure> {
    let bar = progress::bar(what, u64::from(prepared.trials));
    let watch = Watch {
        stop: &AtomicBool::new(false),
        progress: &|n| bar.set_position(u64::from(n)),
        glance: &no_glance,
        judged: &no_report,
        aid: None,
    };
    let judgement = pipeline::judge(prepared, estimate, watch);
    bar.finish_and_clear();
    let judgement = judgement?;
    let record = judgement.record(prepared);
    Ok((judgement.judged, record))
}

fn replay<'a>(courses: &Courses, replayed: &'a Judged, counterfactual: Option<&'a Judged>) -> Replay<'a> {
    let recording = &courses.recording;
    let observed = &recording.observed;
    let note = |note: &scenarios::recording::Note| Note {
        at_seconds: note.at.as_secs_f64(),
        workload: note.workload.clone(),
        text: note.text.clone(),
    };
    Replay {
        name: recording.name.clone(),
        description: recording.description.clone(),
        cluster: courses.cluster.clone(),
        started_at: recording.started_at.clone(),
        replayed,
        counterfactual: recording.counterfactual.as_ref().map(|c| c.description.clone()).zip(counterfactual),
        recorded: RecordedCourse {
            outage_minutes: observed.outage_minutes.clone(),
            duration_minutes: observed.duration_minutes,
            succeeded: observed.succeeded,
            summary: observed.summary.clone(),
        },
        notes: recording.notes.iter().map(note).collect(),
        claims: courses.claims.clone(),
    }
}
