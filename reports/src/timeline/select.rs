//! Which lines of a log are worth telling.

use std::collections::BTreeSet;

use simulator::outcome::Incident;
use simulator::{Scenario, Trace, WorkloadId};

/// Most lines a timeline tells.
pub const MOST: usize = 200;
/// A change of load is told when it is at least this factor up or down since the last one told.
const LOAD_STEP: f64 = 1.5;

/// Indices of the log lines to tell, in order.
pub fn select(scenario: &Scenario, trace: &Trace) -> Vec<usize> {
    let watched: BTreeSet<WorkloadId> = scenario.watched().into_iter().collect();
    let mut refused = BTreeSet::new();
    let mut load = Load::default();
    let mut lines: Vec<(u8, usize)> = Vec::new();
    for (i, entry) in trace.log.iter().enumerate() {
        let rank = match entry.what {
            Incident::EvictionRefused { workload, node, .. } if !refused.insert((workload, node)) => {
                continue;
            }
            Incident::LoadChanged { target, percent } if !load.tell(target, percent) => continue,
            what => rank(what, &watched),
        };
        if let Some(rank) = rank {
            lines.push((rank, i));
        }
    }
    if lines.len() > MOST {
        thin(trace, &mut lines);
    }
    lines.into_iter().map(|(_, i)| i).collect()
}

/// How much a line matters: 0 always, then rising; `None` not at all.
fn rank(what: Incident, watched: &BTreeSet<WorkloadId>) -> Option<u8> {
    let pod = |workload: WorkloadId, rank: u8| watched.contains(&workload).then_some(rank);
    match what {
        Incident::OperationStarted { .. } | Incident::OperationEnded { .. } => Some(0),
        Incident::OutageBegan { workload, .. } | Incident::OutageEnded { workload, .. } => pod(workload, 0),
        Incident::NodeDrainTimedOut { .. }
        | Incident::NodeDied { .. }
        | Incident::NodeNotReady { .. }
        | Incident::NodeReclaimed { .. }
        | Incident::NodeTurnedGrey { .. }
        | Incident::NodeUsefulAgain { .. }
        | Incident::NodePressed { .. }
        | Incident::NodeRelieved { .. } => Some(1),
        Incident::NodeRepairStarted { .. } => Some(2),
        Incident::PodUnschedulable { workload, .. }
        | Incident::PodPreempted { workload, .. }
        | Incident::PodPressedOut { workload, .. }
        | Incident::ContainerKilled { workload, .. }
        | Incident::PodLost { workload, .. } => pod(workload, 1),
        Incident::TunnelLost | Incident::TunnelBack | Incident::MetricsLost | Incident::MetricsBack => Some(2),
        Incident::CreationRefused { workload, .. } | Incident::CreationResumed { workload, .. } => pod(workload, 1),
        Incident::NodeInitialised { .. } => Some(5),
        Incident::EvictionRefused { workload, .. }
        | Incident::EvictionDenied { workload, .. }
        | Incident::PodAwaitsDriver { workload, .. }
        | Incident::PodEvicted { workload, .. }
        | Incident::PodReady { workload, .. } => pod(workload, 2),
        Incident::LoadChanged { .. }
        | Incident::NodeDrainStarted { .. }
        | Incident::MemoryLimitSet { .. }
        | Incident::CapacitySet { .. }
        | Incident::UpstreamFailed { .. } => Some(2),
        Incident::RetriesBegan { workload }
        | Incident::RetriesEnded { workload }
        | Incident::StampedeBegan { workload, .. }
        | Incident::StampedeEnded { workload } => pod(workload, 2),
        Incident::ContainerBacksOff { workload, .. } | Incident::RequestsLost { workload, .. } => pod(workload, 3),
        Incident::ReplicasChanged { workload, .. } => pod(workload, 3),
        Incident::AutoscalerFailed { .. } => Some(1),
        Incident::AutoscalerAdds { .. } | Incident::AutoscalerRemoves { .. } | Incident::NodeDisrupted { .. } => {
            Some(2)
        }
        Incident::NodeRequested { .. }
        | Incident::NodeReady { .. }
        | Incident::NodeDeleted { .. }
        | Incident::NodeDeallocated { .. }
        | Incident::NodeReimaging { .. } => Some(3),
        Incident::NodeCordoned { .. }
        | Incident::NodeUncordoned { .. }
        | Incident::NodeDrained { .. }
        | Incident::NodeLabelsChanged { .. } => Some(4),
        Incident::PodBound { workload, .. } => pod(workload, 5),
        // What made a pod stop is told, and that it is bound again.
        Incident::PodCreated { .. } | Incident::PodStopping { .. } | Incident::PodGone { .. } => None,
    }
}

/// Keeps the [`MOST`] weightiest lines; among equals those nearest to the beginning or end of an outage.
fn thin(trace: &Trace, lines: &mut Vec<(u8, usize)>) {
    let turning: Vec<u64> = trace
        .log
        .iter()
        .filter(|e| matches!(e.what, Incident::OutageBegan { .. } | Incident::OutageEnded { .. }))
        .map(|e| e.at.0)
        .collect();
    let distance = |i: usize| {
        let at = trace.log.get(i).map_or(0, |e| e.at.0);
        turning.iter().map(|t| t.abs_diff(at)).min().unwrap_or(0)
    };
    lines.sort_by_key(|(rank, i)| (*rank, distance(*i), *i));
    lines.truncate(MOST);
    lines.sort_by_key(|(_, i)| *i);
}

/// The last load told of each target.
#[derive(Default)]
struct Load {
    told: Vec<(Option<WorkloadId>, u32)>,
}

impl Load {
    fn tell(&mut self, target: Option<WorkloadId>, percent: u32) -> bool {
        let index = match self.told.iter().position(|(t, _)| *t == target) {
            Some(index) => index,
            None => {
                self.told.push((target, 100));
                self.told.len() - 1
            }
        };
        let last = f64::from(self.told[index].1.max(1));
        let ratio = f64::from(percent.max(1)) / last;
        let back = percent == 100 && self.told[index].1 != 100;
        let told = back || ratio >= LOAD_STEP || ratio <= 1.0 / LOAD_STEP;
        if told {
            self.told[index].1 = percent;
        }
        told
    }
}
