//! Owners of pods: what replaces a pod that is gone, and what follows a change of the number of replicas.
//!
//! Kubernetes v1.34: a ReplicaSet does not count pods marked for deletion, so a Deployment's replacement is made at the
//! instant of the deletion; a StatefulSet waits until the predecessor is gone; a DaemonSet has one pod on every registered
//! node whose taints and labels allow it, cordoned or not. Left out: rollouts in progress, Job completion, surge of
//! DaemonSets.

use crate::cluster::pod::Pod;
use crate::outcome::Incident;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{NodeId, PodId, WorkloadId};

impl Sim<'_> {
    /// Makes the successor of a pod where its owner still wants one.
    pub(crate) fn replace(&mut self, gone: &Pod) {
        let owner = &self.cluster.workloads[gone.workload];
        if owner.alive < owner.desired {
            let pod = self.cluster.create(gone.workload, Some((gone.ordinal, gone.generation)));
            self.cluster.pods[pod].gapless = gone.gapless;
            self.submit(pod);
        }
    }

    fn create_pod(&mut self, workload: WorkloadId) {
        let pod = self.cluster.create(workload, None);
        self.submit(pod);
    }

    /// Hands a new pod to the scheduler.
    fn submit(&mut self, pod: PodId) {
        self.cluster.pods[pod].since = self.now;
        self.cluster.pods[pod].queued = self.now;
        self.enqueue(pod);
    }

    /// A daemon comes back on its node as long as that is registered.
    pub(crate) fn replace_daemon(&mut self, workload: WorkloadId, node: Option<NodeId>) {
        if let Some(node) = node
            && self.cluster.nodes[node].registered()
            && self.daemon_fits(workload, node)
        {
            let pod = self.cluster.create_daemon(workload, node);
            self.cluster.pods[pod].nominated = Some(node);
            self.submit(pod);
        }
    }

    /// Daemons of a node that has just joined.
    pub(crate) fn create_daemons(&mut self, node: NodeId) {
        for i in 0..self.p.daemons.len() {
            self.replace_daemon(self.p.daemons[i], Some(node));
        }
    }

    fn daemon_fits(&self, workload: WorkloadId, node: NodeId) -> bool {
        let shape = self.spec.workloads[workload].shape;
        self.p.compat.runs_daemon(shape, &self.view(node))
    }

    /// Sets how many replicas a workload wants, and makes or deletes pods.
    pub(crate) fn set_replicas(&mut self, workload: WorkloadId, desired: u32) {
        let from = self.cluster.workloads[workload].desired;
        if from == desired || self.spec.workloads[workload].kind == WorkloadKind::DaemonSet {
            return;
        }
        self.tell(Incident::ReplicasChanged { workload, from, to: desired });
        self.cluster.workloads[workload].desired = desired;
        while self.cluster.workloads[workload].alive < desired {
            self.create_pod(workload);
        }
        while self.cluster.workloads[workload].alive > desired {
            let Some(pod) = self.first_to_go(workload) else {
                break;
            };
            self.delete_pod(pod);
        }
        self.budgets_may_allow_more();
    }

    /// Which pod a ReplicaSet deletes first: without node, then not ready, then the youngest
    /// (kubernetes v1.34 pkg/controller/controller_utils.go ActivePodsWithRanks, its main criteria).
    fn first_to_go(&self, workload: WorkloadId) -> Option<PodId> {
        self.cluster
            .pods_of(workload)
            .filter(|&p| self.cluster.pods[p].state != crate::cluster::pod::PodState::Terminating)
            .min_by_key(|&p| {
                let pod = &self.cluster.pods[p];
                (pod.node.is_some(), pod.ready, std::cmp::Reverse(pod.start))
            })
    }
}
