//! One sentence about how a trial comes to its weightiest outage.

use simulator::outcome::{Entry, Incident};
use simulator::spec::WorkloadSpec;
use simulator::{Duration, NodeId, Scenario, Time, Trace, WorkloadId};

use super::node_name;
use crate::score;
use crate::words::{self, Names};

/// How far back a cause is looked for.
const LOOK_BACK: Duration = Duration::mins(60);

struct Outage<'a> {
    index: usize,
    at: Time,
    workload: WorkloadId,
    spec: &'a WorkloadSpec,
    up: u32,
    lasted: Duration,
}

/// The sentence, beginning with `lead`; `None` where no watched workload is out that is not out in the same trial
/// when nothing is done.
pub fn story(
    scenario: &Scenario,
    lead: &str,
    trace: &Trace,
    nothing_done: &Trace,
) -> Option<String> {
    let outage = weightiest(scenario, trace, nothing_done)?;
    let before = || {
        trace
            .log
            .iter()
            .take(outage.index)
            .rev()
            .take_while(|e| outage.at.since(e.at) <= LOOK_BACK)
    };
    let lost = before().find_map(|e| loss(scenario, trace, e, outage.workload));
    let unplaced = trace
        .log
        .iter()
        .filter(|e| outage.at.since(e.at) <= LOOK_BACK && e.at <= outage.at + outage.lasted)
        .any(|e| matches!(e.what, Incident::PodUnschedulable { workload } if workload == outage.workload));
    let load = before().find_map(|e| match e.what {
        Incident::LoadChanged { target, percent }
            if target.is_none_or(|t| t == outage.workload) =>
        {
            Some(percent)
        }
        _ => None,
    });
    let mut causes: Vec<String> = lost.into_iter().collect();
    if unplaced {
        causes.push("no node has room for a replacement".to_string());
    }
    causes.extend(
        load.filter(|percent| *percent >= 125)
            .map(|percent| format!("load stands at {percent} % of its base")),
    );
    let causes = if causes.is_empty() {
        String::new()
    } else {
        format!(": {}", joined(&causes))
    };
    let minimum = outage.spec.minimum.unwrap_or(0);
    let state = if outage.up < minimum {
        format!("has {} of {minimum} needed pods up", outage.up)
    } else {
        "loses requests".to_string()
    };
    Some(format!(
        "{lead}, {} after the start, {} {state} and is out for {}{causes}.",
        words::clock(outage.at.as_secs_f64()),
        Names {
            cluster: &scenario.cluster
        }
        .workload(outage.workload),
        words::minutes(outage.lasted.as_mins_f64()),
    ))
}

/// The outage that weighs most, counting only what is not out anyway.
fn weightiest<'a>(
    scenario: &'a Scenario,
    trace: &Trace,
    nothing_done: &Trace,
) -> Option<Outage<'a>> {
    let anyway = spans(scenario, nothing_done);
    let mut best: Option<(f64, Outage<'a>)> = None;
    for (index, entry) in trace.log.iter().enumerate() {
        let Incident::OutageBegan { workload, up } = entry.what else {
            continue;
        };
        let Some(spec) = scenario
            .cluster
            .workloads
            .get(workload)
            .filter(|w| w.minimum.is_some())
        else {
            continue;
        };
        let lasted = ended(scenario, trace, index, workload, entry.at);
        let shared: f64 = anyway
            .iter()
            .filter(|(w, ..)| *w == workload)
            .map(|(_, from, to)| overlap(entry.at, entry.at + lasted, *from, *to))
            .sum();
        // Applications count a little, so that they are told of where nothing else is out.
        let weight = score::weight(spec.role).max(1e-6) * (lasted.as_secs_f64() - shared);
        if weight > 0.0 && best.as_ref().is_none_or(|(most, _)| weight > *most) {
            best = Some((
                weight,
                Outage {
                    index,
                    at: entry.at,
                    workload,
                    spec,
                    up,
                    lasted,
                },
            ));
        }
    }
    best.map(|(_, outage)| outage)
}

/// Every outage of a trial.
fn spans(scenario: &Scenario, trace: &Trace) -> Vec<(WorkloadId, Time, Time)> {
    let began = |(i, e): (usize, &Entry)| match e.what {
        Incident::OutageBegan { workload, .. } => Some((
            workload,
            e.at,
            e.at + ended(scenario, trace, i, workload, e.at),
        )),
        _ => None,
    };
    trace.log.iter().enumerate().filter_map(began).collect()
}

/// Seconds that two spans share.
fn overlap(from: Time, to: Time, other_from: Time, other_to: Time) -> f64 {
    to.min(other_to).since(from.max(other_from)).as_secs_f64()
}

/// How long an outage lasts, cut at the horizon.
fn ended(
    scenario: &Scenario,
    trace: &Trace,
    from: usize,
    workload: WorkloadId,
    began: Time,
) -> Duration {
    let horizon = Time::ZERO + scenario.horizon;
    trace
        .log
        .iter()
        .skip(from)
        .find_map(|e| match e.what {
            Incident::OutageEnded { workload: w, .. } if w == workload => Some(e.at.since(began)),
            _ => None,
        })
        .unwrap_or(horizon.since(began))
}

/// What took a pod of the workload away.
fn loss(scenario: &Scenario, trace: &Trace, entry: &Entry, wanted: WorkloadId) -> Option<String> {
    let on = |node: NodeId| node_name(trace, node);
    match entry.what {
        Incident::PodEvicted { workload, node, .. } if workload == wanted => {
            Some(format!("the drain of {} evicts its pod", on(node)))
        }
        Incident::PodPreempted { workload, node } if workload == wanted => Some(format!(
            "its pod on {} is preempted by one of higher priority",
            on(node)
        )),
        Incident::PodLost { workload, node } if workload == wanted => {
            Some(format!("its pod is lost with {}", on(node)))
        }
        Incident::NodeDied { node } if stands_on(scenario, trace, wanted, node, entry.at) => {
            Some(format!("{} fails with its pod", on(node)))
        }
        _ => None,
    }
}

/// True where the workload has a pod on the node at a time: pods of the snapshot, those bound since, less those that left.
fn stands_on(
    scenario: &Scenario,
    trace: &Trace,
    wanted: WorkloadId,
    node: NodeId,
    at: Time,
) -> bool {
    let initial = scenario
        .cluster
        .pods
        .iter()
        .filter(|p| p.workload == wanted && p.node == Some(node))
        .count() as i64;
    let moved = trace
        .log
        .iter()
        .take_while(|e| e.at < at)
        .map(|e| match e.what {
            Incident::PodBound { workload, node: n } if workload == wanted && n == node => 1,
            Incident::PodEvicted {
                workload, node: n, ..
            }
            | Incident::PodLost { workload, node: n }
            | Incident::PodPreempted { workload, node: n }
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
