//! The path of one message: bytes to changes, each change with its snapshot to a scenario, simulated, judged, drawn.
//!
//! Synchronous and without side effects but reading snapshots: the worker runs it on a blocking thread, `score` as it is.

mod identity;
mod record;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use reports::input::{AssumptionInfo, ChangeInfo, ClusterInfo, Inputs, PoolInfo};
use scenarios::change::ChangeSettings;
use scenarios::load::PoolFacts;
use scenarios::snapshot::Snapshot;
use scenarios::{Change, Complaint, Complaints, Decoded, Loaded};
use simulator::{Pair, Runs};

use crate::job::JobError;
use crate::publish::Bundle;
use crate::queue::MAX_MESSAGE;
use crate::snapshots::{SnapshotError, SnapshotStore};

pub use identity::digest;
pub use record::RunRecord;

/// Version of the engine, part of every report's id.
pub const ENGINE: &str = concat!("poolproof ", env!("CARGO_PKG_VERSION"));
/// Paired trials where nobody says otherwise.
pub const TRIALS: u32 = 1000;
/// Paired trials of a quick look: a probability of 0.5 is known to about 7 points either way.
pub const QUICK_TRIALS: u32 = 200;
/// Most paired trials of one change.
pub const MAX_TRIALS: u32 = 100_000;
/// Root seed where nobody says otherwise.
const SEED: u64 = 1;
/// Service level objective where nobody says otherwise: 99.9 %, about 43 minutes in 30 days.
const SLO: f64 = 0.999;

/// How to estimate.
#[derive(Clone, Debug, Default)]
pub struct Estimate {
    /// Settings that win over the message's.
    pub overrides: ChangeSettings,
    /// Threads of the simulation; 0 for one per core.
    pub threads: usize,
    /// How long one change may be simulated.
    pub limit: Option<Duration>,
}

/// What watches a run from outside.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// Becomes true where the run should end early.
    pub stop: &'a AtomicBool,
    /// Called with the number of finished trials, from any thread.
    pub progress: &'a (dyn Fn(u32) + Sync),
}

/// A change that is ready to be simulated.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Id of the report to come.
    pub id: String,
    /// The change.
    pub change: Change,
    /// Trials to run.
    pub trials: u32,
    /// Root seed.
    pub seed: u64,
    cluster: ClusterInfo,
    loaded: Loaded,
    took: Duration,
}

/// Reads a message into changes.
///
/// # Errors
/// It is too large, or not a message of any known kind.
pub fn decode(bytes: &[u8]) -> Result<Decoded, Complaints> {
    if bytes.len() as u64 > MAX_MESSAGE {
        return Err(Complaint::at(
            "",
            format!("{} bytes", bytes.len()),
            format!("at most {MAX_MESSAGE} bytes"),
        )
        .into());
    }
    scenarios::decode(bytes)
}

/// The snapshot of a change: the one it carries, the one it names, or the store's for its cluster.
///
/// # Errors
/// There is none, or it is not usable.
pub fn snapshot_of(change: &Change, store: &SnapshotStore) -> Result<Snapshot, SnapshotError> {
    if let Some(inline) = inline_snapshot(change) {
        return inline.map_err(SnapshotError::Invalid);
    }
    if let Some(name) = &change.snapshot_ref {
        return store.get(name);
    }
    let snapshot = store.get(&change.cluster.name)?;
    match (&change.cluster.id, &snapshot.cluster.id) {
        // Clusters of one name may exist in several resource groups.
        (Some(wanted), Some(found)) if !wanted.eq_ignore_ascii_case(found) => {
            Err(SnapshotError::OtherCluster {
                name: change.cluster.name.clone(),
                wanted: wanted.clone(),
                found: found.clone(),
            })
        }
        _ => Ok(snapshot),
    }
}

/// The snapshot that travels with a change, if one does.
pub fn inline_snapshot(change: &Change) -> Option<Result<Snapshot, Complaints>> {
    let inline = change.snapshot.as_ref()?;
    let under = |c: Complaint| Complaint {
        path: if c.path.is_empty() {
            "snapshot".into()
        } else {
            format!("snapshot.{}", c.path)
        },
        ..c
    };
    let read = Snapshot::from_json(inline.to_string().as_bytes());
    Some(read.map_err(|complaints| Complaints(complaints.0.into_iter().map(under).collect())))
}

/// Resolves a change against its snapshot.
///
/// # Errors
/// The change makes no sense on this cluster, or is not simulated.
pub fn prepare(
    change: Change,
    snapshot: &Snapshot,
    estimate: &Estimate,
) -> Result<Prepared, Complaints> {
    let started = Instant::now();
    let loaded = scenarios::load(&change, snapshot, &estimate.overrides)?;
    let mut settings = loaded.settings.clone();
    let trials = *settings.trials.get_or_insert(TRIALS);
    let seed = *settings.seed.get_or_insert(SEED);
    if !(1..=MAX_TRIALS).contains(&trials) {
        return Err(Complaint::at("settings.trials", trials, format!("1 to {MAX_TRIALS}")).into());
    }
    let id = identity::report_id(&change, &snapshot.digest, &settings);
    let cluster = ClusterInfo {
        name: if snapshot.name.is_empty() {
            change.cluster.name.clone()
        } else {
            snapshot.name.clone()
        },
        digest: snapshot.digest.clone(),
        taken_at: snapshot.taken_at.clone(),
        pools: loaded.pools.iter().map(pool_info).collect(),
    };
    Ok(Prepared {
        id,
        change,
        trials,
        seed,
        cluster,
        loaded,
        took: started.elapsed(),
    })
}

/// Simulates, judges and draws.
///
/// # Errors
/// It was stopped, or took too long.
pub fn run(prepared: &Prepared, estimate: &Estimate, watch: Watch<'_>) -> Result<Bundle, JobError> {
    let clock = record::Clock::start(prepared.took);
    let pairs = simulate(prepared, estimate, watch)?;
    let clock = clock.simulated();
    let judged = reports::judge(&inputs(prepared, &pairs));
    let files = reports::bundle(&judged);
    let events = pairs
        .iter()
        .map(|p| p.proposal.counts.events + p.baseline.counts.events)
        .sum();
    let run = clock
        .finished(prepared, threads(estimate), events)
        .to_bytes();
    Ok(Bundle {
        id: prepared.id.clone(),
        report: judged.report,
        files,
        run,
    })
}

/// Runs the trials in portions, so that it can be stopped between them. What a trial comes to depends on its index alone.
fn simulate(
    prepared: &Prepared,
    estimate: &Estimate,
    watch: Watch<'_>,
) -> Result<Vec<Pair>, JobError> {
    let portion = 64.max(16 * threads(estimate) as u32);
    let started = Instant::now();
    let mut pairs = Vec::with_capacity(prepared.trials as usize);
    while (pairs.len() as u32) < prepared.trials {
        let done = pairs.len() as u32;
        if watch.stop.load(Ordering::Relaxed) {
            return Err(JobError::Stopped);
        }
        if let Some(limit) = estimate.limit.filter(|limit| started.elapsed() > *limit) {
            return Err(JobError::TooLong {
                change: prepared.change.summary.clone(),
                done,
                trials: prepared.trials,
                limit,
            });
        }
        let runs = Runs {
            seed: prepared.seed,
            first: done,
            trials: portion.min(prepared.trials - done),
            threads: estimate.threads,
        };
        pairs.extend(simulator::paired(&prepared.loaded.scenario, runs, &|n| {
            (watch.progress)(done + n)
        }));
    }
    Ok(pairs)
}

fn threads(estimate: &Estimate) -> usize {
    match estimate.threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    }
}

fn inputs<'a>(prepared: &'a Prepared, pairs: &'a [Pair]) -> Inputs<'a> {
    let loaded = &prepared.loaded;
    Inputs {
        id: prepared.id.clone(),
        engine: ENGINE.into(),
        change: change_info(&prepared.change, &loaded.operations),
        cluster: prepared.cluster.clone(),
        scenario: &loaded.scenario,
        pairs,
        seed: prepared.seed,
        stopped: "budget",
        findings: loaded.findings.clone(),
        not_seen: loaded.coverage.not_seen.clone(),
        assumptions: loaded
            .coverage
            .assumptions
            .iter()
            .map(assumption_info)
            .collect(),
        slo: loaded.settings.slo.unwrap_or(SLO),
    }
}

fn change_info(change: &Change, resolved: &[scenarios::change::Operation]) -> ChangeInfo {
    let mut operation = json(&change.operation);
    if resolved != [change.operation.clone()]
        && let Some(fields) = operation.as_object_mut()
    {
        fields.insert("resolvedTo".into(), json(&resolved));
    }
    ChangeInfo {
        id: change.id.clone(),
        phase: json(&change.phase).as_str().unwrap_or_default().to_owned(),
        source: json(&change.source),
        cluster: change
            .cluster
            .id
            .clone()
            .unwrap_or_else(|| change.cluster.name.clone()),
        pool: change.pool.clone(),
        operation,
        summary: change.summary.clone(),
        recorded: change.result.as_ref().map(|r| {
            let words: Vec<&str> = [r.code.as_deref(), r.message.as_deref()]
                .into_iter()
                .flatten()
                .collect();
            (
                r.succeeded,
                if words.is_empty() {
                    "Succeeded".into()
                } else {
                    words.join(": ")
                },
            )
        }),
    }
}

/// A value as JSON; our types have string keys only, so that this cannot fail.
fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

fn pool_info(pool: &PoolFacts) -> PoolInfo {
    PoolInfo {
        name: pool.name.clone(),
        mode: pool.mode.clone(),
        count: pool.count,
        vm_size: pool.vm_size.clone(),
        os_type: pool.os_type.clone(),
        zones: pool.zones.clone(),
        taints: pool.taints.clone(),
        max_surge: pool.max_surge.clone(),
        autoscaler: pool.autoscaler,
    }
}

fn assumption_info(a: &scenarios::coverage::Assumption) -> AssumptionInfo {
    AssumptionInfo {
        name: a.name.clone(),
        value: a.value.clone(),
        source: a.source.clone(),
        grade: a.grade,
    }
}
