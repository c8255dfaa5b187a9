//! StatefulSets: each pod has a place of its own and comes back to it once its predecessor is gone.
//!
//! Kubernetes v1.34 pkg/controller/statefulset/stateful_set_control.go. OrderedReady: a pod is made when all places before
//! it are ready, and removed from the highest place down, one after the other; Parallel: at once. A rolling update that is
//! in progress replaces old pods from the highest place down, one at a time, while all others are ready. Left out:
//! partitions, `maxUnavailable` (alpha), `minReadySeconds`.

use super::Missing;
use crate::WorkloadId;
use crate::cluster::pod::{Pod, PodState};
use crate::sim::Sim;

impl Sim<'_> {
    pub(super) fn stateful_pod_gone(&mut self, gone: &Pod) {
        if gone.ordinal < self.cluster.workloads[gone.workload].desired {
            self.missing.push(Missing::after(gone));
        }
        self.stateful_goes_on(gone.workload);
    }

    /// Another number of places.
    pub(super) fn stateful_scaled(&mut self, workload: WorkloadId, from: u32) {
        let to = self.cluster.workloads[workload].desired;
        self.missing.retain(|m| m.workload != workload || m.ordinal < to);
        for ordinal in from..to {
            // A place whose pod is still on its way out is filled when that is gone.
            let taken = self.cluster.pods_of(workload).any(|p| self.cluster.pods[p].ordinal == ordinal);
            if !taken {
                self.missing.push(Missing { workload, ordinal, generation: None, gapless: false });
            }
        }
        self.stateful_goes_on(workload);
    }

    /// Makes, removes or updates what may be now.
    pub(super) fn stateful_goes_on(&mut self, workload: WorkloadId) {
        let ordered = self.spec.workloads[workload].control.ordered;
        while let Some(next) = self.next_missing(workload, ordered) {
            let missing = self.missing.swap_remove(next);
            self.make(missing);
        }
        while let Some(pod) = self.next_beyond(workload, ordered) {
            self.delete_pod(pod);
        }
        if self.cluster.workloads[workload].old > 0 {
            self.update_next(workload);
        }
    }

    /// The lowest missing place that may be filled.
    fn next_missing(&self, workload: WorkloadId, ordered: bool) -> Option<usize> {
        let mine = self.missing.iter().enumerate().filter(|(_, m)| m.workload == workload);
        let (next, missing) = mine.min_by_key(|(_, m)| m.ordinal)?;
        let ready_before = self.cluster.pods_of(workload).filter(|&p| {
            let pod = &self.cluster.pods[p];
            pod.ordinal < missing.ordinal && pod.ready
        });
        (!ordered || ready_before.count() as u32 == missing.ordinal).then_some(next)
    }

    /// The highest place beyond those wanted, where it may be emptied.
    fn next_beyond(&self, workload: WorkloadId, ordered: bool) -> Option<crate::PodId> {
        let wanted = self.cluster.workloads[workload].desired;
        let beyond = || self.cluster.pods_of(workload).filter(|&p| self.cluster.pods[p].ordinal >= wanted);
        let leaving = |p: &crate::PodId| self.cluster.pods[*p].state == PodState::Terminating;
        if ordered && beyond().any(|p| leaving(&p)) {
            return None;
        }
        beyond().filter(|p| !leaving(p)).max_by_key(|&p| self.cluster.pods[p].ordinal)
    }

    /// Replaces the highest old pod where everything is ready.
    fn update_next(&mut self, workload: WorkloadId) {
        let row = &self.cluster.workloads[workload];
        let highest = self.cluster.pods_of(workload).filter(|&p| self.cluster.pods[p].old);
        let Some(pod) = highest.max_by_key(|&p| self.cluster.pods[p].ordinal) else {
            return;
        };
        if row.ready >= row.desired && self.cluster.pods[pod].state != PodState::Terminating {
            self.delete_pod(pod);
        }
    }
}
