//! What comes first: the nearest thing that led to the first outage of a bad future, from its log.

use std::collections::BTreeMap;

use simulator::outcome::{Entry, Incident};
use simulator::{Duration, Scenario, Time, Trace, WorkloadId};

use crate::explain::because;
use crate::score;
use crate::timeline::PodNames;

/// Nodes that die within this time die together.
const TOGETHER: Duration = Duration::mins(2);

/// Shares of futures by what came first, in order of the names; each future comes with what it counts.
pub fn first_causes(scenario: &Scenario, traces: impl Iterator<Item = (Trace, f64)>) -> BTreeMap<&'static str, f64> {
    let mut counts: BTreeMap<&'static str, f64> = BTreeMap::new();
    let mut all = 0.0;
    for (trace, weight) in traces {
        all += weight;
        *counts.entry(first_cause(scenario, &trace)).or_default() += weight;
    }
    counts.values_mut().for_each(|count| *count /= all);
    counts
}

/// What came first in one future.
fn first_cause(scenario: &Scenario, trace: &Trace) -> &'static str {
    let causes = because::causes(scenario, trace, &PodNames::of(scenario, trace));
    let outage = trace.log.iter().enumerate().find(|(i, e)| is_outage(scenario, trace, *i, e)).map(|(i, _)| i);
    let chain = std::iter::successors(outage, |i| causes[*i]);
    let named = chain.filter_map(|i| name(trace, &trace.log[i], causes[i].map(|cause| trace.log[cause].what)));
    named.into_iter().next().unwrap_or("start")
}

/// The beginning of an outage of a system workload that is longer than the threshold.
fn is_outage(scenario: &Scenario, trace: &Trace, line: usize, entry: &Entry) -> bool {
    let Incident::OutageBegan { workload, .. } = entry.what else { return false };
    let counts = scenario.cluster.workloads.get(workload).is_some_and(|w| score::weight(w.role) > 0.0);
    let end = trace.log[line..].iter().find(|e| ends(e, workload)).map_or(Time::ZERO + scenario.horizon, |e| e.at);
    counts && end.since(entry.at) > scenario.settings.outage_threshold
}

fn ends(entry: &Entry, workload: WorkloadId) -> bool {
    matches!(entry.what, Incident::OutageEnded { workload: w, .. } if w == workload)
}

/// The name of what a line tells, where that is a cause of its own.
fn name(trace: &Trace, entry: &Entry, because: Option<Incident>) -> Option<&'static str> {
    Some(match entry.what {
        Incident::NodeDied { .. } if company(trace, entry.at) => "shared-failure",
        Incident::NodeDied { .. } | Incident::NodeTurnedGrey { .. } => "node-failure",
        Incident::NodeReclaimed { .. } => "spot-eviction",
        Incident::PodPreempted { .. } | Incident::PodUnschedulable { .. } => "capacity",
        Incident::PodEvicted { .. } => match because {
            Some(Incident::NodeNotReady { .. }) => "node-failure",
            _ => "eviction",
        },
        Incident::LoadChanged { .. } => "burst",
        Incident::ReplicasChanged { .. } => "controllers",
        Incident::AutoscalerRemoves { .. } => "autoscaler",
        Incident::OperationStarted { .. } => "operation",
        _ => return None,
    })
}

/// True where several nodes die about then.
fn company(trace: &Trace, at: Time) -> bool {
    let near = |e: &&Entry| matches!(e.what, Incident::NodeDied { .. }) && e.at.max(at).since(e.at.min(at)) <= TOGETHER;
    trace.log.iter().filter(near).count() > 1
}
