//! How the operation itself fares: success, duration, ways to fail, extra nodes and their price.

use std::collections::{BTreeMap, BTreeSet};

use simulator::change::Operation as Planned;
use simulator::outcome::{Failure, OperationOutcome};
use simulator::{Outcome, Time};

use crate::estimate::{Est, Strata};
use crate::input::Inputs;
use crate::report::{DurationMinutes, Failure as ReportedFailure, Operation};
use crate::words;

/// How the operations of the change fare, taken together.
pub fn operation(inputs: &Inputs<'_>, strata: &Strata) -> Operation {
    if inputs.scenario.changes.is_empty() {
        return Operation {
            success: Est::exact(1.0),
            duration_minutes: DurationMinutes::default(),
            failures: Vec::new(),
            surge_node_hours: 0.0,
            cost_usd: Some(0.0),
        };
    }
    let outcome = |i: usize| &inputs.pairs[i].proposal;
    Operation {
        success: strata.probability(inputs.sampling, |i| succeeded(inputs, outcome(i))),
        duration_minutes: duration(inputs, strata),
        failures: failures(inputs, strata),
        surge_node_hours: strata.average(|i| outcome(i).operations.iter().map(hours).sum()),
        cost_usd: cost(inputs, strata),
    }
}

/// Whether every operation of a future ended well within the horizon.
pub(crate) fn succeeded(inputs: &Inputs<'_>, outcome: &Outcome) -> bool {
    outcome.operations.len() >= inputs.scenario.changes.len()
        && outcome.operations.iter().all(|o| o.ended.is_some() && o.failure.is_none())
}

fn hours(operation: &OperationOutcome) -> f64 {
    operation.extra_node_time.as_secs_f64() / 3600.0
}

/// Quantiles from the first start to the last end. A trial still at work at the horizon is longer than any other; a
/// quantile that falls among those is not known.
fn duration(inputs: &Inputs<'_>, strata: &Strata) -> DurationMinutes {
    let planned = inputs.scenario.changes.len();
    let minutes = strata.ranked(|i| length(&inputs.pairs[i].proposal, planned).unwrap_or(f64::INFINITY));
    let at = |p| Some(minutes.quantile(p)).filter(|m| m.is_finite());
    DurationMinutes { p50: at(0.5), p95: at(0.95) }
}

/// Minutes from the first start to the last end; `None` where something is still at work.
pub(crate) fn length(outcome: &Outcome, planned: usize) -> Option<f64> {
    if outcome.operations.len() < planned {
        return None;
    }
    let start = outcome.operations.iter().map(|o| o.started).min()?;
    let ends: Option<Vec<Time>> = outcome.operations.iter().map(|o| o.ended).collect();
    let end = ends?.into_iter().max()?;
    Some(end.since(start).as_mins_f64())
}

/// Ways to fail with their share of futures. A trial counts once for each way it meets.
fn failures(inputs: &Inputs<'_>, strata: &Strata) -> Vec<ReportedFailure> {
    let mut met_by: BTreeMap<(&'static str, String), BTreeSet<usize>> = BTreeMap::new();
    for (i, pair) in inputs.pairs.iter().enumerate() {
        for way in ways(inputs, &pair.proposal) {
            met_by.entry(way).or_default().insert(i);
        }
    }
    let mut failures: Vec<ReportedFailure> = met_by
        .into_iter()
        .map(|((code, cause), trials)| {
            let Est { estimate, low, high, .. } = strata.probability(inputs.sampling, |i| trials.contains(&i));
            ReportedFailure { code: code.to_string(), probability: estimate, low, high, cause }
        })
        .collect();
    failures.sort_by(|a, b| b.probability.total_cmp(&a.probability));
    failures
}

fn ways(inputs: &Inputs<'_>, outcome: &Outcome) -> Vec<(&'static str, String)> {
    let mut ways: Vec<(&'static str, String)> = inputs
        .scenario
        .changes
        .iter()
        .zip(&outcome.operations)
        .filter_map(|(planned, operation)| {
            // The step before it that failed is told of.
            let failure = operation.failure.filter(|f| *f != Failure::Skipped)?;
            Some(named(inputs, &planned.operation, failure))
        })
        .collect();
    let unfinished = outcome.operations.len() < inputs.scenario.changes.len()
        || outcome.operations.iter().any(|o| o.ended.is_none());
    if unfinished {
        let cause = format!(
            "The operation is still at work when the simulated {} end.",
            words::hours(inputs.scenario.longest().as_secs_f64())
        );
        ways.push(("NotFinished", cause));
    }
    ways
}

/// The error code AKS would give, and why. Codes: AKS troubleshooting pages on PodDrainFailure, QuotaExceeded,
/// SubnetIsFull, AllocationFailed and VMExtensionProvisioningTimeout.
fn named(inputs: &Inputs<'_>, planned: &Planned, failure: Failure) -> (&'static str, String) {
    let names = words::Names { cluster: &inputs.scenario.cluster };
    let pool = planned.pool().map(|p| format!(" of pool {}", names.pool(p))).unwrap_or_default();
    match failure {
        Failure::Refused { code } => (code, format!("AKS refuses the operation{pool} before anything happens.")),
        Failure::UnsatisfiableBudget { budget } => (
            "UnsatisfiablePDB",
            format!("pdb {} has maxUnavailable 0, and AKS does not begin an upgrade then.", names.budget(budget)),
        ),
        Failure::Busy => ("OperationNotAllowed", format!("Another operation is at work{pool}.")),
        Failure::Displaced => ("AKSOperationPreempted", format!("A newer operation{pool} takes its place.")),
        Failure::Canceled => ("Canceled", format!("The operation{pool} is ended where it stands.")),
        Failure::NothingThere => {
            ("OperationNotAllowed", format!("There is nothing{pool} that could be ended or turned back."))
        }
        Failure::DrainTimedOut { workload, budget } => {
            let upgrade = matches!(planned, Planned::Upgrade { .. } | Planned::BlueGreen { .. });
            let code = if upgrade { "UpgradeFailed" } else { "PodDrainFailure" };
            let pod = workload.map_or("a pod".to_string(), |w| format!("a pod of {}", names.workload(w)));
            let reason = match budget {
                Some(budget) => {
                    format!("pdb {} allows no disruption of {pod}", names.budget(budget))
                }
                None => format!("{pod} does not go"),
            };
            (code, format!("A node{pool} cannot be drained in time: {reason}."))
        }
        Failure::NoRoom { supply } => {
            let (code, what) = match supply.and_then(|id| inputs.scenario.cluster.supplies.get(id)) {
                Some(supply) => (supply.code, supply.name.as_str()),
                None => ("QuotaExceeded", "more nodes"),
            };
            (code, format!("No room for the nodes{pool} it needs: not enough {what} left."))
        }
        Failure::AllocationFailed => {
            ("AllocationFailed", format!("Azure has no machine of this size to give for a node{pool}."))
        }
        Failure::Skipped => ("Skipped", format!("A step before the operation{pool} failed, so it never began.")),
        Failure::BootstrapFailed => {
            ("VMExtensionProvisioningTimeout", format!("A new node{pool} never joins the cluster."))
        }
    }
}

/// Mean price of the extra node time; `None` where nodes of an operation are used whose price is not known.
fn cost(inputs: &Inputs<'_>, strata: &Strata) -> Option<f64> {
    let mut total = 0.0;
    for (i, planned) in inputs.scenario.changes.iter().enumerate() {
        let used = strata.average(|trial| inputs.pairs[trial].proposal.operations.get(i).map_or(0.0, hours));
        if used > 0.0 {
            total += used * inputs.scenario.cluster.pools.get(planned.operation.pool()?)?.usd_per_hour?;
        }
    }
    Some(total)
}
