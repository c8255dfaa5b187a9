//! Who is meant where a log speaks of a pod: slots are reused, and a successor is another pod.

use simulator::outcome::Incident;
use simulator::spec::WorkloadKind;
use simulator::{Id, NodeId, Scenario, Trace, WorkloadId};

use super::node_name;

/// The pods of a traced trial: those of the snapshot first, in order, then those created, in order.
pub struct PodNames {
    pods: Vec<(WorkloadId, String)>,
    at: Vec<Option<usize>>,
}

impl PodNames {
    /// Reads a log. A pod of the snapshot keeps its name, one of a StatefulSet has its place for a name, others are numbered
    /// as they are made: `coredns-new-1`.
    pub fn of(scenario: &Scenario, trace: &Trace) -> PodNames {
        let spec = &scenario.cluster;
        let named = |namespace: &str, name: String| format!("{namespace}/{name}");
        let namespace = |id: WorkloadId| spec.workloads.get(id).map_or("", |w| w.namespace.as_str());
        let mut pods: Vec<(WorkloadId, String)> =
            spec.pods.iter().map(|p| (p.workload, named(namespace(p.workload), p.name.clone()))).collect();
        let mut slots: Vec<Option<usize>> = (0..pods.len()).map(Some).collect();
        let mut made = vec![0_u32; spec.workloads.len()];
        let mut at = Vec::with_capacity(trace.log.len());
        for entry in &trace.log {
            if let Incident::PodCreated { pod, workload, ordinal } = entry.what {
                let owner = spec.workloads.get(workload).map_or("pod", |w| w.name.as_str());
                let name = match spec.workloads.get(workload).map(|w| w.kind) {
                    Some(WorkloadKind::StatefulSet) => format!("{owner}-{ordinal}"),
                    Some(WorkloadKind::DaemonSet) => format!("{owner}-on-{}", node_name(trace, NodeId(ordinal))),
                    _ => {
                        let number = made.get_mut(workload.index()).map_or(0, |n| {
                            *n += 1;
                            *n
                        });
                        format!("{owner}-new-{number}")
                    }
                };
                pods.push((workload, named(namespace(workload), name)));
                if slots.len() <= pod.index() {
                    slots.resize(pod.index() + 1, None);
                }
                slots[pod.index()] = Some(pods.len() - 1);
            }
            at.push(entry.what.pod().and_then(|pod| slots.get(pod.index()).copied().flatten()));
        }
        PodNames { pods, at }
    }

    /// The pod that a line of the log is about.
    pub fn at(&self, line: usize) -> Option<usize> {
        self.at.get(line).copied().flatten()
    }

    /// `namespace/name` of a pod.
    pub fn name(&self, pod: usize) -> &str {
        self.pods.get(pod).map_or("", |(_, name)| name)
    }

    /// Owner of a pod.
    pub fn workload(&self, pod: usize) -> Option<WorkloadId> {
        self.pods.get(pod).map(|(workload, _)| *workload)
    }

    /// How many pods there ever are.
    pub fn len(&self) -> usize {
        self.pods.len()
    }
}
