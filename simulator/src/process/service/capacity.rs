//! What each replica can take in: its capacity, or less where its node is short of CPU.
//!
//! Running containers share the physical cores by weight of their requests, no one above what it asks for (Linux CFS, cpu.shares
//! from requests: kubernetes v1.34 kubelet cm/helpers_linux.go MilliCPUToShares). So a DNS pod with a small request starves
//! on a node whose other pods are busy. A pod gets what it wants or its share of a full node, whichever is less, so that what a
//! replica can take in does not depend on what it is asked.

use super::flow::Member;
use crate::cluster::pod::{NO_POD, PodState};
use crate::parameters::Knob;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Service;
use crate::{PodId, WorkloadId};

impl Sim<'_> {
    /// Collects the replicas of a service that take in requests; says how many targets there are with those that do not.
    pub(super) fn collect_members(
        &mut self,
        workload: WorkloadId,
        service: &Service,
        members: &mut Vec<Member>,
    ) -> f64 {
        members.clear();
        let row = &self.cluster.workloads[workload];
        let capacity = service.capacity * row.capacity * self.parameters.get(Knob::ServiceCapacity);
        let (mut targets, mut next) = (row.ready, row.first_pod);
        let lingering = self.flows.lingering.iter().filter(|l| l.workload == workload);
        for leaving in lingering {
            targets += 1;
            if leaving.answers > self.now {
                members.push(Member { pod: None, cap: capacity, ok: 1.0 });
            }
        }
        while next != NO_POD {
            let pod = PodId(next);
            let row = self.cluster.pods[pod];
            next = row.next_sibling;
            if row.ready && row.node.is_some_and(|node| !self.is_reached(workload, node)) {
                targets -= 1; // a balancer sends it nothing
                continue;
            }
            if row.up && !self.is_mute(pod) {
                let cores = self.cpu_for(pod, capacity * service.cpu_seconds * 1000.0) / 1000.0;
                let cap = capacity.min(cores / service.cpu_seconds);
                members.push(Member { pod: Some(pod), cap, ok: self.answered_on(row.node) });
            }
        }
        f64::from(targets)
    }

    /// CPU (thousandths of a core) a service pod gets when it wants `wanted`.
    fn cpu_for(&mut self, pod: PodId, wanted: f64) -> f64 {
        let row = &self.cluster.pods[pod];
        let Some(node) = row.node else { return 0.0 };
        let spec = &self.spec.workloads[row.workload];
        let wanted = spec.cpu_limit.map_or(wanted, |limit| wanted.min(limit as f64));
        if !self.on(Cause::Contention) {
            return wanted;
        }
        let cores = self.spec.node_shapes[self.cluster.nodes[node].shape].cores as f64;
        let mut wants = std::mem::take(&mut self.flows.wants);
        wants.clear();
        let runs = |other: &PodId| matches!(self.cluster.pods[*other].state, PodState::Running | PodState::Starting);
        let use_of = |other: PodId| if other == pod { wanted } else { self.cpu_use(other) };
        let share = if self.cluster.pods_on(node).filter(runs).map(use_of).sum::<f64>() <= cores {
            wanted
        } else {
            // Weights matter on a full node only, and most are not.
            let shape = |other| &self.spec.pod_shapes[self.cluster.shape_of(self.spec, other)];
            let weight = |other| shape(other).requests.cpu.max(2) as f64;
            wants.extend(self.cluster.pods_on(node).filter(runs).map(|p| (use_of(p), weight(p), p == pod)));
            fair_share(cores, &mut wants)
        };
        self.flows.wants = wants;
        share
    }

    /// CPU a pod wants now: its use at base load, scaled by its share of its workload's load.
    fn cpu_use(&self, pod: PodId) -> f64 {
        let id = self.cluster.pods[pod].workload;
        let (spec, row) = (&self.spec.workloads[id], &self.cluster.workloads[id]);
        let mut wanted = spec.cpu_use as f64;
        if spec.follows_load && row.base > 0 {
            wanted *= self.load_on(id) * f64::from(row.base) / f64::from(row.ready.max(1));
        }
        spec.cpu_limit.map_or(wanted, |limit| wanted.min(limit as f64))
    }
}

/// Weighted max-min share of `total` for the marked entry where more is wanted: nobody gets more than it wants, what is left
/// over is shared by weight among those that want more.
fn fair_share(total: f64, wants: &mut [(f64, f64, bool)]) -> f64 {
    // Those that want least for their weight are satisfied first.
    wants.sort_unstable_by(|a, b| (a.0 / a.1).total_cmp(&(b.0 / b.1)));
    let mut left = total;
    let mut weights: f64 = wants.iter().map(|w| w.1).sum();
    for &(want, weight, asked_about) in wants.iter() {
        let gets = want.min(left * weight / weights);
        if asked_about {
            return gets;
        }
        left -= gets;
        weights -= weight;
    }
    0.0
}

#[cfg(test)]
mod tests {
    use super::fair_share;

    #[test]
    fn a_small_request_gets_its_weight_on_a_full_node_and_all_it_wants_elsewhere() {
        // 4 cores: 15 busy pods of 250m that want 1 core each, one DNS pod of 100m that wants 500m.
        let mut wants = vec![(1000.0, 250.0, false); 15];
        wants.push((500.0, 100.0, true));
        let share = fair_share(4000.0, &mut wants);
        assert!((share - 4000.0 * 100.0 / 3850.0).abs() < 1e-9, "{share}");
        assert_eq!(fair_share(16_000.0, &mut wants), 500.0);
    }

    #[test]
    fn what_the_modest_leave_goes_to_the_rest() {
        let mut wants = vec![(100.0, 100.0, false), (2000.0, 100.0, true), (2000.0, 100.0, false)];
        assert!((fair_share(2100.0, &mut wants) - 1000.0).abs() < 1e-9);
    }
}
