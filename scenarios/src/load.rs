//! Resolves a change against a snapshot into a scenario: completes the snapshot, finds out what the change really does to it,
//! and puts both into the simulator's terms.

mod admission;
mod begun;
mod calendar;
mod diff;
mod horizon;
mod operations;
mod pace;
pub(crate) mod pool;
mod script;
mod steps;
mod upgrade;

use simulator::change::{Operation as Simulated, Planned};
use simulator::finding::Finding;
use simulator::parameters::Belief;
use simulator::settings::Settings;
use simulator::{Duration, Scenario, Time};

use crate::change::{Change, ChangeSettings, Operation, ParameterUse, Phase};
use crate::complaint::{Complaint, Complaints};
use crate::complete::complete;
use crate::coverage::Coverage;
use crate::defaults;
use crate::intern::intern;
use crate::rule;
use crate::snapshot::{AgentPool, Snapshot};

/// When the change starts: ten minutes of the cluster as it is come before.
pub const START: Time = Time(10 * 60 * 1_000_000);

/// A change resolved against a snapshot.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What to simulate.
    pub scenario: Scenario,
    /// The operations as resolved (a whole-pool write becomes what it changes), in order.
    pub operations: Vec<Operation>,
    /// Rules that apply.
    pub findings: Vec<Finding>,
    /// What it rests on.
    pub coverage: Coverage,
    /// The pools, for the report.
    pub pools: Vec<PoolFacts>,
    /// Nodes that an upgrade under way has done, where the snapshot tells.
    pub done: Option<u32>,
    /// The settings in force: the message's, with `overrides` on top, defaults filled in.
    pub settings: ChangeSettings,
}

/// A pool as the report shows it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct PoolFacts {
    pub name: String,
    pub mode: String,
    pub count: u32,
    pub vm_size: String,
    pub os_type: String,
    pub zones: Vec<String>,
    pub taints: Vec<String>,
    pub max_surge: String,
    pub autoscaler: Option<(u32, u32)>,
}

/// Resolves `change` against `snapshot`; `overrides` (the command line) win over the message's settings.
///
/// # Errors
/// Everything wrong with the change on this cluster at once: unknown pool or node, counts out of range, an operation
/// that this version does not simulate.
pub fn load(change: &Change, snapshot: &Snapshot, overrides: &ChangeSettings) -> Result<Loaded, Complaints> {
    load_all(&[(START, change)], snapshot, overrides)
}

/// Resolves several changes against one snapshot, each with the time it starts; earlier ones come first. Settings of
/// earlier changes win over those of later ones. Rules judge each change by the snapshot and the pools added before it.
///
/// # Errors
/// Everything wrong with any of the changes on this cluster at once.
pub fn load_all(
    changes: &[(Time, &Change)],
    snapshot: &Snapshot,
    overrides: &ChangeSettings,
) -> Result<Loaded, Complaints> {
    let carried = changes.iter().map(|(_, change)| &change.settings);
    let mut settings = carried.fold(overrides.clone(), |above, below| above.over(below));
    let mut coverage = snapshot.coverage.clone();
    let mut full = complete(snapshot, &mut coverage);
    let mut complaints = Vec::new();
    let mut keep = |found: Vec<Complaint>| complaints.extend(found);

    let pools = full.pools.iter().map(|p| facts(p, &full)).collect();
    let done = changes.iter().find_map(|(_, change)| done(change, &full));
    let minor = defaults::pools::control_plane_minor(&full.pools, &full.cluster, &mut coverage);
    let (mut findings, mut operations) = (Vec::new(), Vec::new());
    let mut parts = steps::parts(changes);
    steps::prepare(&parts, &mut full, &mut coverage).map_err(&mut keep).ok();
    let mut stands: Option<Vec<AgentPool>> = None;
    for part in &mut parts {
        // Each step finds the pools as those before it leave them; the run itself begins with those of the snapshot.
        if let Some(pools) = &mut stands {
            std::mem::swap(&mut full.pools, pools);
        }
        let change = &*part.change;
        let resolved = diff::resolve(change, &full, &mut coverage).map_err(&mut keep).unwrap_or_default();
        findings.push(rule::check(&full, change, &resolved));
        if part.turn.is_some() {
            part.finds = full.pools.clone();
            let after = rule::pools_after(&full, change, &resolved);
            if let Some(pools) = &mut stands {
                std::mem::swap(&mut full.pools, pools);
            }
            stands = Some(after);
        }
        let known = full.pools.len();
        operations::add_pools(change, &resolved, &mut full, &mut keep);
        part.finds.extend(full.pools[known..].iter().filter(|_| part.turn.is_some()).cloned());
        operations.push(resolved);
    }
    let mut simulated = defaults::rates::settings(minor, &settings, &mut coverage).map_err(&mut keep).ok();
    let mut interned = intern(&full, &settings, &mut coverage);
    let given = defaults::given::numbers(&full.cluster, &settings.assume).map_err(&mut keep).unwrap_or_default();
    defaults::learned::check(&settings.learned).map_err(&mut keep).unwrap_or_default();
    if let Some(simulated) = &mut simulated {
        let sampled = settings.parameters != Some(ParameterUse::Mean);
        let (spec, learned) = (&mut interned.spec, &settings.learned);
        defaults::learned::apply(learned, &given, sampled, simulated, spec, &mut coverage);
        defaults::given::apply(&given, simulated, &mut interned.spec, &mut coverage);
    }
    settings.assume = given;
    let mut planned = Vec::new();
    let mut windows = admission::windows(&settings).map_err(&mut keep).unwrap_or_default();
    windows.extend(admission::calendar(&settings, &full, &mut coverage).map_err(&mut keep).unwrap_or_default());
    windows.sort_unstable();
    for ((part, resolved), findings) in parts.iter_mut().zip(&operations).zip(&findings) {
        let (at, change, turn) = (part.at, &*part.change, part.turn);
        if turn.is_some() {
            std::mem::swap(&mut full.pools, &mut part.finds);
        }
        let found = {
            let around = operations::Around { before: &planned, windows: &windows, full: &full, settings: &settings };
            operations::plan(change, resolved, &around, &mut interned, &mut coverage)
        };
        if turn.is_some() {
            std::mem::swap(&mut full.pools, &mut part.finds);
        }
        let shift = |p: Planned| Planned { at: at + p.at.since(START), ..p };
        let mut found = found.map_err(&mut keep).unwrap_or_default();
        if let Some(wait) = turn {
            steps::in_turn(&mut found, wait);
        }
        admission::refuse(&mut found, change, findings, &interned, &settings.off);
        // What follows from the control plane's new version comes with it.
        let follows = |p: &&mut Planned| matches!(p.operation, Simulated::Rollout { .. } | Simulated::Drift);
        found.iter_mut().filter(|p| !follows(p)).for_each(|p| p.admission.windows.clone_from(&windows));
        planned.extend(found.into_iter().map(shift));
    }
    planned.sort_by_key(|p| p.at);
    let findings = steps::each_once(findings);
    let script = script::bursts(&settings, &interned).map_err(&mut keep).unwrap_or_default();
    let horizon = horizon::choose(&planned, &interned.spec, &settings).map_err(|c| keep(vec![c])).unwrap_or_default();
    let set = |p: &Planned| matches!(p.operation, simulator::change::Operation::SetAutoscaler { range: Some(_), .. });
    let scaled = interned.spec.pools.iter().any(|(_, p)| p.autoscaler.is_some()) || planned.iter().any(set);
    let profile = defaults::autoscaler::profile(&full, scaled, &mut coverage);
    let simulated = simulated.map(|s| Settings { autoscaler: profile, follow: horizon::follow(horizon), ..s });
    note_not_simulated(&full, &mut coverage);

    let Some(simulated) = simulated.filter(|_| complaints.is_empty()) else {
        return Err(Complaints::first_of(complaints));
    };
    let beliefs = match settings.parameters {
        Some(ParameterUse::Mean) => Vec::new(),
        _ => {
            let surge_unsaid = coverage.assumptions.iter().any(|a| a.name == "maxSurge");
            let mut beliefs = defaults::beliefs::beliefs(&settings, &simulated, &interned.spec, &planned, surge_unsaid);
            defaults::learned::narrow(&mut beliefs, &settings.learned, &simulated);
            note_doubts(&beliefs, &settings, &mut coverage);
            defaults::evidence::heed(&mut beliefs, &settings, &simulated, &interned.spec, &mut coverage);
            beliefs
        }
    };
    settings.outage_threshold_seconds.get_or_insert(defaults::rates::OUTAGE_THRESHOLD);
    Ok(Loaded {
        scenario: Scenario { cluster: interned.spec, script, changes: planned, settings: simulated, beliefs, horizon },
        findings,
        operations: operations.into_iter().flatten().collect(),
        coverage,
        pools,
        done,
        settings,
    })
}

/// The next window of each maintenance configuration of a snapshot, as seconds after the start of a change; none where one is
/// open already, or the snapshot has no time.
pub(crate) fn next_windows(full: &Snapshot) -> Vec<(String, u32)> {
    admission::next_windows(full)
}

/// Where the plan's usual pace does not end within the window it begins in: in words.
pub(crate) fn overruns(loaded: &Loaded) -> Option<String> {
    pace::overruns(&loaded.scenario.changes, &loaded.scenario.cluster)
}

/// Nodes that an upgrade under way has done.
fn done(change: &Change, full: &Snapshot) -> Option<u32> {
    let version = match &change.operation {
        Operation::Upgrade { version, .. } => version.as_deref(),
        Operation::PutPool { desired } => desired.orchestrator_version.as_deref(),
        Operation::Rolling => None,
        _ => return None,
    };
    let pool = full.pools.iter().find(|p| Some(&p.name) == change.pool.as_ref())?;
    (change.phase == Phase::InFlight).then(|| begun::done(pool, version, full)).flatten()
}

/// Says of what is assumed how well it is known.
fn note_doubts(beliefs: &[Belief], settings: &ChangeSettings, coverage: &mut Coverage) {
    for doubt in beliefs.iter().filter_map(|b| defaults::beliefs::doubt(b.knob)) {
        for assumption in coverage.assumptions.iter_mut().filter(|a| a.name.starts_with(doubt.about)) {
            let learned = defaults::learned::range(doubt.knob, &settings.learned);
            let range = format!("{}: {}", doubt.what, learned.unwrap_or_else(|| doubt.range()));
            assumption.range = Some(match assumption.range.take() {
                Some(before) => format!("{before}; {range}"),
                None => range,
            });
        }
    }
}

fn facts(pool: &AgentPool, full: &Snapshot) -> PoolFacts {
    PoolFacts {
        name: pool.name.clone(),
        mode: pool.mode.clone(),
        count: pool.count,
        vm_size: pool.vm_size.clone().unwrap_or_default(),
        os_type: pool.os_type.clone(),
        zones: pool.availability_zones.clone(),
        taints: pool.node_taints.clone(),
        max_surge: upgrade::max_surge_text(pool, full),
        autoscaler: pool
            .enable_auto_scaling
            .then(|| (pool.min_count.unwrap_or(0), pool.max_count.unwrap_or(pool.count))),
    }
}

/// Mechanisms of a real cluster that a run leaves out.
fn note_not_simulated(full: &Snapshot, coverage: &mut Coverage) {
    if !full.storage.claims.is_empty() {
        coverage.missing("the time disks take to be detached and attached is not simulated");
    }
}

/// The start of a change, later by `after`.
fn later(after: Duration) -> Time {
    START + after
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
