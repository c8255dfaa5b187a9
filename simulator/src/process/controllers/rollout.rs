//! Rollouts, in progress at the start or begun during the run: pods of an older template give way to new ones.
//!
//! Deployments as kubernetes v1.34 pkg/controller/deployment/rolling.go: the new ReplicaSet grows while all pods together stay
//! within replicas + maxSurge; old pods go, those that are not ready first, while at least replicas - maxUnavailable are
//! available. DaemonSets as pkg/controller/daemon/update.go with maxSurge 0: old pods that are not ready go at once, others
//! while no more than maxUnavailable are missing. All old ReplicaSets count as one.

use crate::cluster::pod::PodState;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{PodId, WorkloadId};

/// Pods of one template.
#[derive(Clone, Copy, Debug, Default)]
struct Template {
    wanted: u32,
    ready: u32,
}

impl Sim<'_> {
    /// The template of a workload changes: what it has is old from now on.
    pub(crate) fn begin_rollout(&mut self, workload: WorkloadId) {
        let mut pods = std::mem::take(&mut self.scheduling.pods);
        pods.clear();
        let young = |p: &PodId| !self.cluster.pods[*p].old && self.cluster.pods[*p].state != PodState::Terminating;
        pods.extend(self.cluster.pods_of(workload).filter(young));
        pods.iter().for_each(|&pod| self.cluster.make_old(pod));
        pods.clear();
        self.scheduling.pods = pods;
        let row = &mut self.cluster.workloads[workload];
        match self.spec.workloads[workload].kind {
            WorkloadKind::Deployment => {
                (row.old_desired, row.new_wanted) = (row.old, 0);
                match self.spec.workloads[workload].control.recreate {
                    true => self.recreate(workload),
                    false => self.roll_out(workload),
                }
            }
            WorkloadKind::StatefulSet => self.stateful_goes_on(workload),
            WorkloadKind::DaemonSet => self.roll_out_daemons(workload),
            // Pods of Jobs and bare pods have no template to follow.
            WorkloadKind::Job | WorkloadKind::Bare | WorkloadKind::Mirror => {}
        }
    }

    /// Strategy Recreate (kubernetes v1.34 deployment/recreate.go): all old pods end, then new ones are made.
    pub(super) fn recreate(&mut self, workload: WorkloadId) {
        let row = &mut self.cluster.workloads[workload];
        (row.old_desired, row.new_wanted, row.recreating) = (0, 0, true);
        self.rolling = true;
        while let Some(pod) = self.first_to_go(workload, |pod| pod.old) {
            self.delete_pod(pod);
        }
        self.rolling = false;
        self.recreate_goes_on(workload);
    }

    /// A pod is gone: new ones are made when it was the last of the old.
    pub(super) fn recreate_goes_on(&mut self, workload: WorkloadId) {
        if self.cluster.workloads[workload].recreating
            && !self.rolling
            && !self.cluster.pods_of(workload).any(|p| self.cluster.pods[p].old)
        {
            self.cluster.workloads[workload].recreating = false;
            self.scale_at_once(workload);
        }
    }

    /// The next steps of a Deployment's rollout.
    pub(super) fn roll_out(&mut self, workload: WorkloadId) {
        if self.cluster.workloads[workload].old_desired == 0 || self.rolling {
            return;
        }
        // Pods that are made and deleted here are not news to their owner.
        self.rolling = true;
        let (surge, unavailable) = self.bounds(workload);
        let standing = |sim: &Self| {
            let row = &sim.cluster.workloads[workload];
            (row.old_desired, row.new_wanted)
        };
        loop {
            let before = standing(self);
            self.grow_new(workload, surge);
            self.shrink_old(workload, unavailable);
            if standing(self) == before {
                break;
            }
        }
        self.rolling = false;
        if self.cluster.workloads[workload].old_desired == 0 {
            self.scale_at_once(workload);
        }
    }

    /// `maxSurge` and `maxUnavailable` as counts (`ResolveFenceposts`: not both zero).
    fn bounds(&self, workload: WorkloadId) -> (u32, u32) {
        let (control, replicas) = (&self.spec.workloads[workload].control, self.cluster.workloads[workload].desired);
        match (control.surge.of(replicas), control.unavailable.rounded_down(replicas)) {
            (0, 0) => (0, 1),
            bounds => bounds,
        }
    }

    /// Pods of the old and of the new template.
    fn templates(&self, workload: WorkloadId) -> (Template, Template) {
        let row = &self.cluster.workloads[workload];
        let mut old = Template { wanted: row.old_desired, ready: 0 };
        for pod in self.cluster.pods_of(workload) {
            let pod = &self.cluster.pods[pod];
            old.ready += u32::from(pod.old && pod.ready);
        }
        (old, Template { wanted: row.new_desired(), ready: row.ready - old.ready })
    }

    fn grow_new(&mut self, workload: WorkloadId, surge: u32) {
        let row = &mut self.cluster.workloads[workload];
        let room = (row.desired + surge).saturating_sub(row.old_desired + row.new_wanted);
        row.new_wanted += room.min(row.desired.saturating_sub(row.new_wanted));
        while self.cluster.workloads[workload].young() < self.cluster.workloads[workload].new_desired() {
            self.create_pod(workload);
        }
    }

    fn shrink_old(&mut self, workload: WorkloadId, unavailable: u32) {
        let least = self.cluster.workloads[workload].desired.saturating_sub(unavailable);
        let (old, new) = self.templates(workload);
        let coming = new.wanted.saturating_sub(new.ready);
        let spare = (old.wanted + new.wanted).saturating_sub(least + coming);
        if spare == 0 {
            return;
        }
        let useless = old.wanted.saturating_sub(old.ready).min(spare);
        let available = (old.ready + new.ready).saturating_sub(least).min(old.wanted - useless);
        self.cluster.workloads[workload].old_desired -= useless + available;
        while self.cluster.workloads[workload].old > self.cluster.workloads[workload].old_desired {
            let Some(pod) = self.first_to_go(workload, |pod| pod.old) else {
                break;
            };
            self.delete_pod(pod);
        }
    }

    /// The next steps of a DaemonSet's rollout.
    pub(super) fn roll_out_daemons(&mut self, workload: WorkloadId) {
        if self.cluster.workloads[workload].old == 0 {
            return;
        }
        let row = &self.cluster.workloads[workload];
        let all = self.cluster.pods_of(workload).count() as u32;
        let bound = self.spec.workloads[workload].control.unavailable.of(all).max(1);
        let mut may_go = bound.saturating_sub(all - row.ready);
        let mut old: Vec<_> = self
            .cluster
            .pods_of(workload)
            .filter(|&p| self.cluster.pods[p].old && self.cluster.pods[p].state != PodState::Terminating)
            .collect();
        old.sort_unstable_by_key(|&p| self.cluster.pods[p].ordinal);
        for pod in old {
            let ready = self.cluster.pods[pod].ready;
            if !ready || may_go > 0 {
                may_go -= u32::from(ready);
                self.delete_pod(pod);
            }
        }
    }
}
