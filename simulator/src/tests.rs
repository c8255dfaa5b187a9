//! Whole-run tests of the simulator on small clusters, told in a line per incident.

#![allow(clippy::unwrap_used)]

mod autoscaler;
mod contingency;
mod controllers;
mod endpoints;
mod follow;
mod functions;
mod lost;
mod nodes;
mod off;
mod operations;
mod parameters;
mod pressure;
mod properties;
mod provisioner;
mod random_runs;
mod rollouts;
mod scheduling;
mod services;
mod sizing;
mod spread;
mod strata;
mod volumes;
mod windows;
mod workloads;

use crate::outcome::{Incident, Trace};
use crate::scenario::Scenario;
use crate::trace;

/// The log of trial 0 in short words, one line per incident; ids become names.
fn story(scenario: &Scenario) -> String {
    let Trace { log, nodes, .. } = trace(scenario, 1, 0);
    let w = |id: crate::WorkloadId| scenario.cluster.workloads[id].name.as_str();
    let n = |id: crate::NodeId| nodes[id.0 as usize].name.as_str();
    let lines = log.iter().filter_map(|entry| {
        let what = match entry.what {
            Incident::OperationStarted { .. } => "start".to_owned(),
            Incident::OperationEnded { failure, .. } => failure.map_or("end".to_owned(), |f| format!("end {f:?}")),
            Incident::NodeRequested { node, .. } => format!("{} requested", n(node)),
            Incident::AutoscalerAdds { pool, nodes } => {
                format!("autoscaler adds {nodes} to {}", scenario.cluster.pools[pool].name)
            }
            Incident::AutoscalerFailed { pool } => {
                format!("autoscaler gives up {}", scenario.cluster.pools[pool].name)
            }
            Incident::AutoscalerRemoves { node } => format!("autoscaler removes {}", n(node)),
            Incident::NodeDisrupted { node, reason } => format!("{} disrupted: {reason:?}", n(node)),
            Incident::NodeReady { node } => format!("{} ready", n(node)),
            Incident::NodeCordoned { node } => format!("{} cordoned", n(node)),
            Incident::NodeUncordoned { node } => format!("{} uncordoned", n(node)),
            Incident::NodeDrainStarted { node } => format!("{} drains", n(node)),
            Incident::NodeDrained { node } => format!("{} drained", n(node)),
            Incident::NodeDrainTimedOut { node, .. } => format!("{} stuck", n(node)),
            Incident::NodeReimaging { node } => format!("{} reimaged", n(node)),
            Incident::NodeDied { node } => format!("{} dies", n(node)),
            Incident::NodeNotReady { node } => format!("{} NotReady", n(node)),
            Incident::NodeRepairStarted { node, kind } => format!("{} {kind:?} begins", n(node)),
            Incident::NodeTurnedGrey { node } => format!("{} grey", n(node)),
            Incident::NodeUsefulAgain { node } => format!("{} of use again", n(node)),
            Incident::NodeReclaimed { node } => format!("{} reclaimed", n(node)),
            Incident::NodePressed { node } => format!("{} short of memory", n(node)),
            Incident::NodeRelieved { node } => format!("{} relieved", n(node)),
            Incident::PodPressedOut { workload, node, .. } => format!("{} pressed out of {}", w(workload), n(node)),
            Incident::NodeDeleted { node } => format!("{} deleted", n(node)),
            Incident::NodeDeallocated { node } => format!("{} deallocated", n(node)),
            Incident::NodeLabelsChanged { node } => format!("{} relabelled", n(node)),
            Incident::PodEvicted { workload, node, .. } => {
                format!("{} evicted from {}", w(workload), n(node))
            }
            Incident::EvictionRefused { workload, .. } => format!("{} refused", w(workload)),
            Incident::EvictionDenied { workload, webhook, .. } => {
                format!("{} denied by {}", w(workload), scenario.cluster.webhooks[webhook].name)
            }
            Incident::CreationRefused { workload, webhook } => {
                format!("{} not made, for {}", w(workload), scenario.cluster.webhooks[webhook].name)
            }
            Incident::CreationResumed { workload, pods } => format!("{pods} of {} made", w(workload)),
            Incident::TunnelLost => "tunnel lost".to_owned(),
            Incident::TunnelBack => "tunnel back".to_owned(),
            Incident::MetricsLost => "metrics lost".to_owned(),
            Incident::MetricsBack => "metrics back".to_owned(),
            Incident::NodeInitialised { node } => format!("{} initialised", n(node)),
            Incident::PodAwaitsDriver { workload, .. } => format!("{} awaits driver", w(workload)),
            Incident::PodPreempted { workload, .. } => format!("{} preempted", w(workload)),
            Incident::PodLost { workload, .. } => format!("{} lost", w(workload)),
            Incident::PodBound { workload, node, .. } => format!("{} to {}", w(workload), n(node)),
            Incident::PodUnschedulable { workload, .. } => format!("{} unschedulable", w(workload)),
            Incident::PodReady { workload, .. } => format!("{} ready", w(workload)),
            // They go with what is told of anyway.
            Incident::PodCreated { .. } | Incident::PodStopping { .. } | Incident::PodGone { .. } => return None,
            Incident::ReplicasChanged { workload, from, to } => {
                format!("{} {from}->{to}", w(workload))
            }
            Incident::ContainerKilled { workload, .. } => format!("{} OOMKilled", w(workload)),
            Incident::ContainerBacksOff { workload, wait, .. } => {
                format!("{} backs off {}s", w(workload), wait.0 / 1_000_000)
            }
            Incident::MemoryLimitSet { workload, mebibytes } => {
                format!("{} limit {}", w(workload), mebibytes.map_or("none".to_owned(), |m| format!("{m}Mi")))
            }
            Incident::CapacitySet { workload, percent } => format!("{} serves {percent}%", w(workload)),
            Incident::RetriesBegan { workload } => format!("{} asked again", w(workload)),
            Incident::RetriesEnded { workload } => format!("{} asked once", w(workload)),
            Incident::StampedeBegan { workload, percent } => format!("{} stampede {percent}%", w(workload)),
            Incident::StampedeEnded { workload } => format!("{} stampede over", w(workload)),
            Incident::RequestsLost { workload, node, .. } => {
                format!("{} stale on {}", w(workload), node.map_or("all", n))
            }
            Incident::UpstreamFailed { node, .. } => format!("{} without upstream", n(node)),
            Incident::LoadChanged { percent, .. } => format!("load {percent}%"),
            Incident::OutageBegan { workload, .. } => format!("{} out", w(workload)),
            Incident::OutageEnded { workload, .. } => format!("{} back", w(workload)),
        };
        Some(format!("{}s {what}", entry.at.0 / 1_000_000))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Compares a story with what is expected, ignoring indentation.
fn check(scenario: &Scenario, expected: &str) {
    let expected: Vec<&str> = expected.lines().map(str::trim).filter(|l| !l.is_empty()).collect();
    let story = story(scenario);
    assert_eq!(story.lines().collect::<Vec<_>>(), expected, "\n{story}");
}
