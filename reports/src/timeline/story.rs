//! One sentence about how a trial comes to its weightiest outage.

use std::collections::BTreeMap;

use simulator::outcome::{Entry, Incident};
use simulator::spec::WorkloadSpec;
use simulator::{Duration, NodeId, Scenario, Time, Trace, WorkloadId};

use super::node_name;
use crate::score;
use crate::words::{self, Names};

/// Per cent of its base from which a load is worth telling.
const HIGH_LOAD: u32 = 125;
/// How far back a cause is looked for.
const LOOK_BACK: Duration = Duration::mins(60);

/// A node's death is noticed within this time, with some room.
const UNNOTICED: Duration = Duration::mins(2);

/// The beginning of an outage in a log.
pub struct Outage<'a> {
    /// Its line.
    pub index: usize,
    /// When.
    pub at: Time,
    /// Whose.
    pub workload: WorkloadId,
    /// What that is.
    pub spec: &'a WorkloadSpec,
    /// Pods that serve.
    pub up: u32,
    /// How long it lasts.
    pub lasted: Duration,
}

/// The sentence, beginning with `lead`; `None` where no watched workload is out that is not out in the same trial
/// when nothing is done.
pub fn story(scenario: &Scenario, lead: &str, trace: &Trace, nothing_done: &Trace) -> Option<String> {
    let outage = weightiest(scenario, trace, nothing_done)?;
    let minimum = outage.spec.minimum.unwrap_or(0);
    let state = if outage.up < minimum {
        format!("has {} of {minimum} needed pods up", outage.up)
    } else {
        format!("loses requests with {} up", words::plural(f64::from(outage.up), "pod"))
    };
    Some(format!(
        "{lead}, {} after the start, {} {state} and is out for {}: {}.",
        words::clock(outage.at.as_secs_f64()),
        Names { cluster: &scenario.cluster }.workload(outage.workload),
        words::minutes(outage.lasted.as_mins_f64()),
        joined(&causes(scenario, trace, &outage)),
    ))
}

/// What led to an outage; never empty.
fn causes(scenario: &Scenario, trace: &Trace, outage: &Outage<'_>) -> Vec<String> {
    let earlier = || trace.log.iter().take(outage.index).rev();
    let recent = || earlier().take_while(|e| outage.at.since(e.at) <= LOOK_BACK);
    let scaled = earlier().find_map(|e| match e.what {
        Incident::ReplicasChanged { workload, from, to } if workload == outage.workload => Some((from, to)),
        _ => None,
    });
    let wanted = scaled.map_or(outage.spec.replicas, |(_, to)| to);
    let mut causes = Vec::new();
    // Back to where it began is no loss.
    if let Some((from, to)) = scaled.filter(|(from, to)| to < from && *to < outage.spec.replicas) {
        causes.push(format!("it was scaled from {from} to {to} pods"));
    }
    // A pod that has been replaced since explains nothing.
    if outage.up < wanted {
        causes.extend(recent().find_map(|e| loss(scenario, trace, e, outage.workload)));
    }
    if unplaced(trace, outage) {
        causes.push("no node has room for a replacement".to_string());
    }
    causes.extend(loads(scenario, trace, outage));
    if outage.up >= outage.spec.minimum.unwrap_or(0) {
        causes.push(shortage(trace, outage));
    }
    if causes.is_empty() {
        causes.push("no pod of it was up yet".to_string());
    }
    causes
}

/// Why a service with enough pods for its minimum loses requests: as many could not serve what is asked at the best of
/// times, or they could, and others on their nodes take the CPU.
pub fn shortage(trace: &Trace, outage: &Outage<'_>) -> String {
    let Some(service) = &outage.spec.service else {
        return "its pods do not serve what is asked of them".to_string();
    };
    let mut excess: BTreeMap<Option<WorkloadId>, f64> = BTreeMap::new();
    for entry in trace.log.iter().take(outage.index) {
        match entry.what {
            Incident::LoadChanged { target, percent } if target.is_none_or(|t| t == outage.workload) => {
                excess.insert(target, f64::from(percent) / 100.0 - 1.0);
            }
            _ => {}
        }
    }
    let asked = service.rate * (1.0 + excess.values().sum::<f64>()).max(0.0);
    let just_died = |e: &Entry| {
        matches!(e.what, Incident::NodeDied { .. }) && e.at <= outage.at && outage.at.since(e.at) <= UNNOTICED
    };
    if asked > service.capacity * f64::from(outage.up) {
        "more is asked than its pods can serve".to_string()
    } else if trace.log.iter().any(just_died) {
        "requests still go to pods on a node that has died, or its pods get too little CPU".to_string()
    } else {
        "busy pods on the same nodes leave its pods too little CPU".to_string()
    }
}

/// True where a pod of the workload found no node around the outage.
fn unplaced(trace: &Trace, outage: &Outage<'_>) -> bool {
    let around = |e: &&Entry| outage.at.since(e.at) <= LOOK_BACK && e.at <= outage.at + outage.lasted;
    trace
        .log
        .iter()
        .filter(around)
        .any(|e| matches!(e.what, Incident::PodUnschedulable { workload, .. } if workload == outage.workload))
}

/// Loads that stand well above their base when the outage begins, the highest two.
fn loads(scenario: &Scenario, trace: &Trace, outage: &Outage<'_>) -> Vec<String> {
    let mut now: BTreeMap<Option<WorkloadId>, u32> = BTreeMap::new();
    for entry in trace.log.iter().take(outage.index) {
        if let Incident::LoadChanged { target, percent } = entry.what {
            now.insert(target, percent);
        }
    }
    let mut high: Vec<(u32, Option<WorkloadId>)> =
        now.into_iter().map(|(t, p)| (p, t)).filter(|(p, _)| *p >= HIGH_LOAD).collect();
    high.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let names = Names { cluster: &scenario.cluster };
    let told = |(percent, target): &(u32, Option<WorkloadId>)| {
        let of = target.map_or(String::new(), |w| format!(" of {}", names.workload(w)));
        format!("load{of} stands at {percent} % of its base")
    };
    high.iter().take(2).map(told).collect()
}

/// The outage that weighs most, counting only what is not out anyway.
fn weightiest<'a>(scenario: &'a Scenario, trace: &Trace, nothing_done: &Trace) -> Option<Outage<'a>> {
    let anyway = spans(nothing_done);
    let mut best: Option<(f64, Outage<'a>)> = None;
    for (index, entry) in trace.log.iter().enumerate() {
        let Incident::OutageBegan { workload, up } = entry.what else {
            continue;
        };
        let Some(spec) = scenario.cluster.workloads.get(workload).filter(|w| w.minimum.is_some()) else {
            continue;
        };
        let lasted = ended(trace, index, workload, entry.at);
        let shared: f64 = anyway
            .iter()
            .filter(|(w, ..)| *w == workload)
            .map(|(_, from, to)| overlap(entry.at, entry.at + lasted, *from, *to))
            .sum();
        // Applications count a little, so that they are told of where nothing else is out.
        let weight = score::weight(spec.role).max(1e-6) * (lasted.as_secs_f64() - shared);
        if weight > 0.0 && best.as_ref().is_none_or(|(most, _)| weight > *most) {
            best = Some((weight, Outage { index, at: entry.at, workload, spec, up, lasted }));
        }
    }
    best.map(|(_, outage)| outage)
}

/// Every outage of a trial.
fn spans(trace: &Trace) -> Vec<(WorkloadId, Time, Time)> {
    let began = |(i, e): (usize, &Entry)| match e.what {
        Incident::OutageBegan { workload, .. } => Some((workload, e.at, e.at + ended(trace, i, workload, e.at))),
        _ => None,
    };
    trace.log.iter().enumerate().filter_map(began).collect()
}

/// Seconds that two spans share.
fn overlap(from: Time, to: Time, other_from: Time, other_to: Time) -> f64 {
    to.min(other_to).since(from.max(other_from)).as_secs_f64()
}

/// How long an outage lasts, cut at the end of the trial.
fn ended(trace: &Trace, from: usize, workload: WorkloadId, began: Time) -> Duration {
    trace
        .log
        .iter()
        .skip(from)
        .find_map(|e| match e.what {
            Incident::OutageEnded { workload: w, .. } if w == workload => Some(e.at.since(began)),
            _ => None,
        })
        .unwrap_or(trace.outcome.end.since(began))
}

/// What took a pod of the workload away.
fn loss(scenario: &Scenario, trace: &Trace, entry: &Entry, wanted: WorkloadId) -> Option<String> {
    let on = |node: NodeId| node_name(trace, node);
    match entry.what {
        Incident::PodEvicted { workload, node, .. } if workload == wanted => {
            Some(format!("the drain of {} evicts its pod", on(node)))
        }
        Incident::PodPreempted { workload, node, .. } if workload == wanted => {
            Some(format!("its pod on {} is preempted by one of higher priority", on(node)))
        }
        Incident::PodLost { workload, node, .. } if workload == wanted => {
            Some(format!("its pod is lost with {}", on(node)))
        }
        Incident::NodeDied { node } if stands_on(scenario, trace, wanted, node, entry.at) => {
            Some(format!("{} fails with its pod", on(node)))
        }
        _ => None,
    }
}

/// True where the workload has a pod on the node at a time: pods of the snapshot, those bound since, less those that left.
fn stands_on(scenario: &Scenario, trace: &Trace, wanted: WorkloadId, node: NodeId, at: Time) -> bool {
    let initial = scenario.cluster.pods.iter().filter(|p| p.workload == wanted && p.node == Some(node)).count() as i64;
    let moved = trace.log.iter().take_while(|e| e.at < at).map(|e| match e.what {
        Incident::PodBound { workload, node: n, .. } if workload == wanted && n == node => 1,
        Incident::PodEvicted { workload, node: n, .. }
        | Incident::PodLost { workload, node: n, .. }
        | Incident::PodPreempted { workload, node: n, .. }
            if workload == wanted && n == node =>
        {
            -1
        }
        _ => 0,
    });
    initial + moved.sum::<i64>() > 0
}

fn joined(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
