//! What a new node lacks although it is Ready: the visit of the cloud's node manager, and drivers of volumes.
//!
//! A kubelet with an external cloud provider registers its node with the taint `node.cloudprovider.kubernetes.io/uninitialized`;
//! the manager's pod on the node (on Azure the DaemonSet cloud-node-manager) takes it away when it has found the machine
//! (k8s.io/cloud-provider v0.34 node controller; cloud-provider-azure docs). A driver registers with the kubelet when its pod on
//! the node runs; volumes of its claims cannot be mounted before, and the kubelet tries again after 0.5 s, doubling up to 122 s
//! (Kubernetes v1.34 nestedpendingoperations, exponentialbackoff). Left out: attaching itself, drivers that are gone while
//! volumes are being unmounted, nodes without a pod of the manager (taken as initialised).

use crate::cluster::pod::PodState;
use crate::outcome::Incident;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::{Duration, Time};
use crate::{NodeId, PodId, WorkloadId};

impl Sim<'_> {
    /// A machine registers: it waits for the manager where one is to come.
    pub(crate) fn registers(&mut self, node: NodeId) {
        self.cluster.nodes[node].uninitialised = false;
        let waits =
            self.p.initialised && (0..self.p.daemons.len()).any(|i| self.would_initialise(self.p.daemons[i], node));
        self.cluster.nodes[node].uninitialised = waits;
    }

    fn would_initialise(&self, workload: WorkloadId, node: NodeId) -> bool {
        self.spec.workloads[workload].duty.initialises_nodes && self.daemon_fits(workload, node)
    }

    /// A daemon has become ready: what waited for it goes on.
    pub(crate) fn daemon_ready(&mut self, pod: PodId, node: NodeId) {
        let workload = self.cluster.pods[pod].workload;
        let duty = &self.spec.workloads[workload].duty;
        if duty.initialises_nodes && self.cluster.nodes[node].uninitialised {
            let before = self.cluster.nodes[node];
            self.cluster.nodes[node].uninitialised = false;
            self.cluster.touch(node);
            self.tell(Incident::NodeInitialised { node });
            self.daemons_see_node(node);
            self.nodes_changed();
            self.node_updated(node, before);
        }
        if duty.driver.is_some() {
            self.driver_registered(node);
        }
    }

    /// True where a pod must wait for a driver of its volumes on its node.
    pub(crate) fn lacks_driver(&self, pod: PodId, node: NodeId) -> bool {
        if self.p.drivers.is_empty() || !self.on(Cause::DriverRegistration) {
            return false;
        }
        let wanted = &self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].volumes.drivers;
        wanted.iter().any(|driver| self.misses(driver, node))
    }

    /// True where a driver has a DaemonSet, but no pod that is ready on the node.
    fn misses(&self, driver: &str, node: NodeId) -> bool {
        let mut known = false;
        let mut daemons = self.p.drivers.iter().filter(|(_, name)| *name == driver).map(|(w, _)| *w);
        let there = daemons.any(|w| {
            known = true;
            self.cluster.pods_on(node).any(|p| self.cluster.pods[p].workload == w && self.cluster.pods[p].ready)
        });
        known && !there
    }

    /// Pods on a node whose volumes can be mounted now start, each at its kubelet's next try.
    fn driver_registered(&mut self, node: NodeId) {
        let waits =
            |sim: &Self, p: PodId| sim.cluster.pods[p].awaits_driver && sim.cluster.pods[p].state == PodState::Starting;
        let pods = self.take_pods(node, waits);
        for &pod in &pods {
            if !self.lacks_driver(pod, node) {
                let at = next_mount(self.cluster.pods[pod].queued, self.now);
                self.start_mounted(pod, true, at.since(self.now));
            }
        }
        self.scheduling.pods = pods;
    }
}

/// The kubelet's first try at or after `now` to mount what it has tried to since `since`.
fn next_mount(since: Time, now: Time) -> Time {
    const MOST: Duration = Duration::secs(122);
    let (mut at, mut pause) = (since, Duration(500_000));
    while at < now {
        at = at + pause;
        pause = Duration(pause.0 * 2).min(MOST);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounts_are_tried_after_growing_pauses() {
        let tries = |now: u64| next_mount(Time::ZERO, Time(now * 1000)).0 / 1000;
        for (now, next) in [(0, 0), (1, 500), (500, 500), (501, 1500), (8000, 15_500), (130_000, 249_500)] {
            assert_eq!(tries(now), next, "after {now} ms");
        }
    }
}
