//! Which earlier line led to each line of a log: the nearest one that the model itself acts upon. A chain of them leads back
//! to what nobody in the cluster caused: an operation, a failure, a load.

use std::collections::BTreeMap;

use simulator::change::Operation;
use simulator::outcome::Incident;
use simulator::spec::{Backend, Role};
use simulator::{Id, NodeId, PoolId, Scenario, Trace, WebhookId, WorkloadId};

use crate::timeline::PodNames;

/// By line of the log, the line that led to it.
pub fn causes(scenario: &Scenario, trace: &Trace, pods: &PodNames) -> Vec<Option<usize>> {
    let mut known = Known::new(scenario, trace, pods);
    let cause = |(line, entry): (usize, &simulator::outcome::Entry)| {
        let cause = known.cause(line, entry.what);
        known.note(line, entry.what);
        cause
    };
    trace.log.iter().enumerate().map(cause).collect()
}

/// The last lines of each kind while a log is read.
struct Known<'a> {
    scenario: &'a Scenario,
    trace: &'a Trace,
    pods: &'a PodNames,
    /// Operations under way, in order of their beginning.
    operations: Vec<(u32, usize)>,
    /// By node, the last line that tells what is done to it or has become of it.
    nodes: BTreeMap<NodeId, OfNode>,
    /// By pod, the last line that brought it on, and where it runs.
    living: Vec<(Option<usize>, Option<NodeId>)>,
    /// By workload, the last line that took a pod from it or asked for another number.
    losses: BTreeMap<WorkloadId, usize>,
    /// By workload, the last line that made a pod of it ready.
    gains: BTreeMap<WorkloadId, usize>,
    /// The last change of load, by workload or of all.
    loads: BTreeMap<Option<WorkloadId>, usize>,
    /// By pool, the last request of the cluster autoscaler.
    growths: BTreeMap<PoolId, usize>,
    unschedulable: Option<usize>,
    /// The line since which there is no way from the control plane.
    tunnel: Option<usize>,
}

#[derive(Clone, Copy, Default)]
struct OfNode {
    /// The autoscaler wants it gone.
    unwanted: Option<usize>,
    /// Its drain, from begin to end.
    drain: Option<usize>,
    /// The last that was done to it or has become of it.
    last: Option<usize>,
}

impl<'a> Known<'a> {
    fn new(scenario: &'a Scenario, trace: &'a Trace, pods: &'a PodNames) -> Known<'a> {
        let mut living: Vec<_> = scenario.cluster.pods.iter().map(|p| (None, p.node)).collect();
        living.resize(pods.len(), (None, None));
        Known {
            scenario,
            trace,
            pods,
            operations: Vec::new(),
            nodes: BTreeMap::new(),
            living,
            losses: BTreeMap::new(),
            gains: BTreeMap::new(),
            loads: BTreeMap::new(),
            growths: BTreeMap::new(),
            unschedulable: None,
            tunnel: None,
        }
    }

    fn cause(&self, line: usize, what: Incident) -> Option<usize> {
        let of = |node: NodeId| self.nodes.get(&node).copied().unwrap_or_default();
        match what {
            Incident::OperationEnded { operation, .. } => {
                self.operations.iter().find(|(n, _)| *n == operation).map(|(_, line)| *line)
            }
            Incident::NodeRequested { node, .. } => {
                let pool = self.trace.nodes.get(node.index()).map(|n| n.pool);
                self.operation_of(node).max(pool.and_then(|p| self.growths.get(&p).copied()))
            }
            Incident::NodeCordoned { node }
            | Incident::NodeUncordoned { node }
            | Incident::NodeDrainStarted { node }
            | Incident::NodeLabelsChanged { node } => of(node).unwanted.or(self.operation_of(node)),
            Incident::NodeDrained { node } | Incident::NodeDrainTimedOut { node, .. } => of(node).drain,
            Incident::NodeReimaging { node } | Incident::NodeDeleted { node } | Incident::NodeDeallocated { node } => {
                of(node).drain.or(of(node).unwanted).or(self.operation_of(node))
            }
            Incident::NodeReady { node }
            | Incident::NodeNotReady { node }
            | Incident::NodeRepairStarted { node, .. }
            | Incident::NodeUsefulAgain { node } => of(node).last,
            Incident::TunnelLost => self.lost_by(Role::Tunnel),
            Incident::MetricsLost => self.tunnel.max(self.lost_by(Role::Metrics)),
            Incident::TunnelBack | Incident::MetricsBack => self.gains.values().max().copied(),
            Incident::CreationRefused { webhook, .. } | Incident::EvictionDenied { webhook, .. } => {
                self.unanswered(webhook)
            }
            Incident::CreationResumed { .. } => self.gains.values().max().copied(),
            Incident::NodeInitialised { node } => of(node).last,
            Incident::PodAwaitsDriver { .. } => self.pod(line),
            Incident::PodEvicted { node, .. } | Incident::EvictionRefused { node, .. } => {
                of(node).drain.or(of(node).last)
            }
            Incident::PodLost { node, .. } | Incident::PodPressedOut { node, .. } => of(node).last,
            Incident::PodStopping { workload, .. } => self.pod(line).or(self.losses.get(&workload).copied()),
            Incident::PodCreated { workload, ordinal, .. } => {
                self.losses.get(&workload).copied().max(of(NodeId(ordinal)).last.filter(|_| self.is_daemon(workload)))
            }
            Incident::PodBound { .. }
            | Incident::PodUnschedulable { .. }
            | Incident::PodGone { .. }
            | Incident::ContainerBacksOff { .. } => self.pod(line),
            // What the others no longer serve, or what more is asked.
            Incident::ContainerKilled { workload, .. } | Incident::RetriesBegan { workload } => {
                self.losses.get(&workload).copied().max(self.load_of(workload))
            }
            Incident::RetriesEnded { workload } | Incident::StampedeBegan { workload, .. } => {
                self.gains.get(&workload).copied().max(self.load_of(workload))
            }
            Incident::StampedeEnded { workload } => self.loads.get(&Some(workload)).copied(),
            Incident::RequestsLost { workload, .. } => self.losses.get(&workload).copied(),
            Incident::PodReady { node, .. } => self.pod(line).max(of(node).last),
            Incident::AutoscalerAdds { .. } => self.unschedulable,
            Incident::AutoscalerFailed { pool } => self.growths.get(&pool).copied(),
            Incident::OutageBegan { workload, up } => self.of_outage(workload, up),
            Incident::OutageEnded { workload, .. } => self.gains.get(&workload).copied().max(self.load_of(workload)),
            _ => None,
        }
    }

    /// Too few pods: what took the last one. Enough of them: that, or the load that came later.
    fn of_outage(&self, workload: WorkloadId, up: u32) -> Option<usize> {
        let spec = self.scenario.cluster.workloads.get(workload);
        let loss = self.losses.get(&workload).copied();
        if spec.is_some_and(|w| up < w.minimum.unwrap_or(0)) { loss } else { loss.max(self.load_of(workload)) }
    }

    fn load_of(&self, workload: WorkloadId) -> Option<usize> {
        // Whoever shares a node may be the one that is busy, so that any load counts.
        self.loads.get(&Some(workload)).or_else(|| self.loads.values().max()).copied()
    }

    /// What took the last pod of those that carry a function.
    fn lost_by(&self, role: Role) -> Option<usize> {
        let carriers = self.scenario.cluster.workloads.iter().filter(|(_, w)| w.role == role);
        carriers.filter_map(|(id, _)| self.losses.get(&id)).max().copied()
    }

    /// Why a webhook does not answer: the tunnel, or what took its pods.
    fn unanswered(&self, webhook: WebhookId) -> Option<usize> {
        let backend = self.scenario.cluster.webhooks.get(webhook).map(|w| &w.backend);
        let pods = match backend {
            Some(Backend::Inside(pods)) => pods.as_slice(),
            _ => &[],
        };
        self.tunnel.max(pods.iter().filter_map(|w| self.losses.get(w)).max().copied())
    }

    fn pod(&self, line: usize) -> Option<usize> {
        self.pods.at(line).and_then(|pod| self.living.get(pod)).and_then(|(line, _)| *line)
    }

    fn is_daemon(&self, workload: WorkloadId) -> bool {
        let spec = self.scenario.cluster.workloads.get(workload);
        spec.is_some_and(|w| w.kind == simulator::spec::WorkloadKind::DaemonSet)
    }

    /// The youngest operation under way that reaches a node.
    fn operation_of(&self, node: NodeId) -> Option<usize> {
        let pool = self.trace.nodes.get(node.index()).map(|n| n.pool);
        let reaches = |operation: &Operation| match operation {
            Operation::Cordon { nodes }
            | Operation::Uncordon { nodes }
            | Operation::Drain { nodes, .. }
            | Operation::DeleteNodes { nodes } => nodes.contains(&node),
            other => other.pool().is_some_and(|p| Some(p) == pool),
        };
        let planned = |n: u32| self.scenario.changes.get(n as usize);
        self.operations.iter().rev().find(|(n, _)| planned(*n).is_some_and(|p| reaches(&p.operation))).map(|(_, l)| *l)
    }

    fn note(&mut self, line: usize, what: Incident) {
        match what {
            Incident::OperationStarted { operation } => self.operations.push((operation, line)),
            Incident::OperationEnded { operation, .. } => self.operations.retain(|(n, _)| *n != operation),
            Incident::TunnelLost => self.tunnel = Some(line),
            Incident::TunnelBack => self.tunnel = None,
            Incident::AutoscalerAdds { pool, .. } => {
                self.growths.insert(pool, line);
            }
            Incident::AutoscalerRemoves { node } | Incident::NodeDisrupted { node, .. } => {
                self.nodes.entry(node).or_default().unwanted = Some(line)
            }
            Incident::NodeDrainStarted { node }
            | Incident::NodeDrained { node }
            | Incident::NodeDrainTimedOut { node, .. } => {
                let of = self.nodes.entry(node).or_default();
                (of.drain, of.last) = (Some(line), Some(line));
            }
            Incident::NodeReady { node } | Incident::NodeUncordoned { node } => {
                self.nodes.insert(node, OfNode { last: Some(line), ..OfNode::default() });
            }
            Incident::NodeDied { node } | Incident::NodeReclaimed { node } | Incident::NodeTurnedGrey { node } => {
                self.nodes.entry(node).or_default().last = Some(line);
                self.node_lost(line, node);
            }
            Incident::PodUnschedulable { .. } => {
                self.unschedulable = Some(line);
                self.pod_at(line, None);
            }
            Incident::ReplicasChanged { workload, .. } => {
                self.losses.insert(workload, line);
            }
            Incident::LoadChanged { target, .. } => {
                self.loads.insert(target, line);
            }
            Incident::RetriesBegan { workload }
            | Incident::RetriesEnded { workload }
            | Incident::StampedeBegan { workload, .. }
            | Incident::StampedeEnded { workload }
            | Incident::CapacitySet { workload, .. }
            | Incident::RequestsLost { workload, .. } => {
                self.loads.insert(Some(workload), line);
            }
            Incident::ContainerKilled { workload, node, .. } | Incident::ContainerBacksOff { workload, node, .. } => {
                self.losses.insert(workload, line);
                self.pod_at(line, Some(node));
            }
            Incident::PodReady { workload, node, .. } => {
                self.gains.insert(workload, line);
                self.pod_at(line, Some(node));
            }
            Incident::PodBound { node, .. } => self.pod_at(line, Some(node)),
            Incident::PodCreated { .. } => self.pod_at(line, None),
            Incident::PodEvicted { workload, .. }
            | Incident::PodPressedOut { workload, .. }
            | Incident::PodPreempted { workload, .. }
            | Incident::PodLost { workload, .. }
            | Incident::PodStopping { workload, .. } => {
                self.losses.insert(workload, line);
                self.pod_at(line, None);
            }
            _ => {
                if let (Some(node), None) = (what.node(), what.pod()) {
                    self.nodes.entry(node).or_default().last = Some(line);
                }
            }
        }
    }

    fn pod_at(&mut self, line: usize, node: Option<NodeId>) {
        if let Some(pod) = self.pods.at(line).and_then(|pod| self.living.get_mut(pod)) {
            *pod = (Some(line), node);
        }
    }

    /// A node takes its pods out of service.
    fn node_lost(&mut self, line: usize, node: NodeId) {
        for pod in 0..self.living.len() {
            if self.living[pod].1 == Some(node)
                && let Some(workload) = self.pods.workload(pod)
            {
                self.losses.insert(workload, line);
            }
        }
    }
}
