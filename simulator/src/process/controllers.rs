//! Owners of pods: what replaces a pod that is gone, and what follows a change of the number of replicas.
//!
//! Kubernetes v1.34: a ReplicaSet does not count pods marked for deletion, so a Deployment's replacement is made at the
//! instant of the deletion; a StatefulSet waits until the predecessor is gone ([`stateful`]); a Job waits for its back-off
//! ([`job`]); a DaemonSet has one pod on every registered node whose taints and labels allow it, cordoned or not. Rollouts that
//! are in progress at the start go on ([`rollout`]). Left out: the time controllers take to notice, their own rate limits,
//! `minReadySeconds`, surge of DaemonSets.

#[cfg(test)]
mod check;
mod job;
mod rollout;
mod stateful;

use crate::cluster::pod::{Pod, PodState};
use crate::outcome::Incident;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{NodeId, PodId, WorkloadId};

/// A pod that its owner will make when its turn has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Missing {
    workload: WorkloadId,
    ordinal: u32,
    /// That of its predecessor, where it had one.
    generation: Option<u32>,
    gapless: bool,
}

impl Missing {
    fn after(gone: &Pod) -> Missing {
        Missing {
            workload: gone.workload,
            ordinal: gone.ordinal,
            generation: Some(gone.generation),
            gapless: gone.gapless,
        }
    }
}

impl Sim<'_> {
    /// Owners see what they have at the start: what is missing is made, and rollouts of the snapshot go on.
    pub(crate) fn start_owners(&mut self) {
        for (workload, spec) in self.spec.workloads.iter() {
            match spec.kind {
                WorkloadKind::Deployment if spec.control.recreate && self.cluster.workloads[workload].old > 0 => {
                    self.recreate(workload);
                }
                WorkloadKind::Deployment => self.scale_at_once(workload),
                WorkloadKind::StatefulSet => self.stateful_scaled(workload, 0),
                WorkloadKind::Job => self.job_scaled(workload),
                WorkloadKind::DaemonSet => self.roll_out_daemons(workload),
                WorkloadKind::Bare | WorkloadKind::Mirror => {}
            }
        }
        for i in 0..self.p.missing_daemons.len() {
            let (workload, node) = self.p.missing_daemons[i];
            self.replace_daemon(workload, Some(node));
        }
    }

    /// A pod has been marked for deletion.
    pub(crate) fn owner_sees_deletion(&mut self, gone: &Pod) {
        match self.spec.workloads[gone.workload].kind {
            WorkloadKind::Deployment => self.replace(gone),
            WorkloadKind::Job => self.job_pod_lost(gone),
            _ => {}
        }
    }

    /// A pod is gone for good. Those marked for deletion have been seen before.
    pub(crate) fn owner_sees_end(&mut self, gone: &Pod) {
        match self.spec.workloads[gone.workload].kind {
            WorkloadKind::StatefulSet => self.stateful_pod_gone(gone),
            WorkloadKind::Deployment if self.cluster.workloads[gone.workload].recreating => {
                self.recreate_goes_on(gone.workload);
            }
            WorkloadKind::DaemonSet => self.replace_daemon(gone.workload, gone.node),
            _ if gone.state != PodState::Terminating => self.owner_sees_deletion(gone),
            _ => {}
        }
    }

    /// A pod has become ready.
    pub(crate) fn owner_sees_ready(&mut self, pod: PodId) {
        let workload = self.cluster.pods[pod].workload;
        match self.spec.workloads[workload].kind {
            WorkloadKind::StatefulSet => self.stateful_goes_on(workload),
            WorkloadKind::Deployment => self.roll_out(workload),
            WorkloadKind::DaemonSet => self.roll_out_daemons(workload),
            WorkloadKind::Job => self.job_pod_runs(pod),
            WorkloadKind::Bare | WorkloadKind::Mirror => {}
        }
    }

    /// Makes the successor of a pod where its ReplicaSet still wants one.
    fn replace(&mut self, gone: &Pod) {
        let owner = &self.cluster.workloads[gone.workload];
        let (alive, wanted) = match gone.old {
            true => (owner.old, owner.old_desired),
            false => (owner.young(), owner.new_desired()),
        };
        if alive < wanted {
            let pod = self.make(Missing::after(gone));
            if gone.old {
                self.cluster.make_old(pod);
            }
        }
        self.roll_out(gone.workload);
    }

    /// Makes a pod in the place of another, or in a new one.
    fn make(&mut self, missing: Missing) -> PodId {
        let pod = self.cluster.create_at(missing.workload, missing.ordinal, missing.generation);
        self.cluster.pods[pod].gapless = missing.gapless;
        self.submit(pod);
        pod
    }

    fn create_pod(&mut self, workload: WorkloadId) {
        let pod = self.cluster.create(workload);
        self.submit(pod);
    }

    /// Hands a new pod to the scheduler, unless somebody has to be asked first.
    fn submit(&mut self, pod: PodId) {
        self.cluster.pods[pod].since = self.now;
        if !self.asks_first(pod) {
            self.made(pod);
        }
    }

    /// A pod is there for the scheduler to see.
    pub(crate) fn made(&mut self, pod: PodId) {
        self.cluster.pods[pod].queued = self.now;
        let row = &self.cluster.pods[pod];
        self.tell(Incident::PodCreated { pod, workload: row.workload, ordinal: row.ordinal });
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

    /// A node is not registered any more: daemons that were still to be bound to it go (DaemonSet pods are pinned by name).
    pub(crate) fn daemons_lose_node(&mut self, node: NodeId) {
        if self.cluster.unbound_daemons == 0 {
            return;
        }
        for i in 0..self.p.daemons.len() {
            let unbound = |p: &PodId| self.cluster.pods[*p].node.is_none() && self.cluster.pods[*p].ordinal == node.0;
            let pod = self.cluster.pods_of(self.p.daemons[i]).find(unbound);
            if let Some(pod) = pod {
                self.delete_pod(pod);
            }
        }
    }

    /// Labels or taints of a node have changed: daemons that belong there now are made, and those whose affinity does not
    /// match any more go (DaemonSet controller v1.34 `NodeShouldRunDaemonPod`; a taint NoSchedule lets them stay).
    pub(crate) fn daemons_see_node(&mut self, node: NodeId) {
        for i in 0..self.p.daemons.len() {
            let workload = self.p.daemons[i];
            let there = self.cluster.pods_of(workload).find(|&p| self.cluster.pods[p].ordinal == node.0);
            match there {
                None => self.replace_daemon(workload, Some(node)),
                Some(pod) if self.cluster.pods[pod].state == PodState::Terminating => {}
                Some(pod) if !self.daemon_may_stay(workload, node) => self.delete_pod(pod),
                Some(_) => {}
            }
        }
    }

    fn daemon_may_stay(&self, workload: WorkloadId, node: NodeId) -> bool {
        self.p.compat.keeps_daemon(self.spec.workloads[workload].shape, &self.view(node))
    }

    /// Daemons of a node that has just joined.
    pub(crate) fn create_daemons(&mut self, node: NodeId) {
        for i in 0..self.p.daemons.len() {
            self.replace_daemon(self.p.daemons[i], Some(node));
        }
    }

    pub(crate) fn daemon_fits(&self, workload: WorkloadId, node: NodeId) -> bool {
        let shape = self.spec.workloads[workload].shape;
        self.p.compat.runs_daemon(shape, &self.view(node))
    }

    /// Sets how many replicas a workload wants, and makes or deletes pods.
    pub(crate) fn set_replicas(&mut self, workload: WorkloadId, desired: u32) {
        let from = self.cluster.workloads[workload].desired;
        let kind = self.spec.workloads[workload].kind;
        if from == desired || !matches!(kind, WorkloadKind::Deployment | WorkloadKind::StatefulSet | WorkloadKind::Job)
        {
            return;
        }
        self.tell(Incident::ReplicasChanged { workload, from, to: desired });
        self.cluster.workloads[workload].desired = desired;
        match kind {
            WorkloadKind::StatefulSet => self.stateful_scaled(workload, from),
            WorkloadKind::Job => self.job_scaled(workload),
            _ => self.scale_at_once(workload),
        }
        self.budgets_may_allow_more();
    }

    fn scale_at_once(&mut self, workload: WorkloadId) {
        while self.cluster.workloads[workload].young() < self.cluster.workloads[workload].new_desired() {
            self.create_pod(workload);
        }
        self.shrink_to(workload, self.cluster.workloads[workload].new_desired());
        self.roll_out(workload);
    }

    /// Deletes pods of the newest template until `most` are left.
    fn shrink_to(&mut self, workload: WorkloadId, most: u32) {
        while self.cluster.workloads[workload].young() > most {
            let Some(pod) = self.first_to_go(workload, |pod| !pod.old) else {
                break;
            };
            self.delete_pod(pod);
        }
    }

    /// Which pod a ReplicaSet deletes first: without node, then not ready, then the youngest
    /// (kubernetes v1.34 pkg/controller/controller_utils.go ActivePodsWithRanks, its main criteria).
    fn first_to_go(&self, workload: WorkloadId, among: impl Fn(&Pod) -> bool) -> Option<PodId> {
        self.cluster
            .pods_of(workload)
            .filter(|&p| self.cluster.pods[p].state != PodState::Terminating && among(&self.cluster.pods[p]))
            .min_by_key(|&p| {
                let pod = &self.cluster.pods[p];
                (pod.node.is_some(), pod.ready, std::cmp::Reverse(pod.start))
            })
    }
}
