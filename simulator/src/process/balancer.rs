//! Load balancers that take cordoned nodes out of rotation ([`crate::spec::Control::only_schedulable`]): pods there go on, are held
//! ready, count in budgets, and get no traffic. Left out: the time a balancer takes to notice.

use crate::cluster::pod::PodState;
use crate::sim::Sim;
use crate::{NodeId, WorkloadId};

impl Sim<'_> {
    /// True where traffic reaches the pods of a workload on a node.
    pub(crate) fn is_reached(&self, workload: WorkloadId, node: NodeId) -> bool {
        !(self.spec.workloads[workload].control.only_schedulable && self.cluster.nodes[node].cordoned)
    }

    /// A node was cordoned, or is schedulable again.
    pub(crate) fn balancer_looks(&mut self, node: NodeId) {
        if self.cluster.nodes[node].is_dead() || self.is_grey(node) {
            return;
        }
        let balanced = |sim: &Sim<'_>, p: crate::PodId| {
            let row = &sim.cluster.pods[p];
            row.ready && row.state == PodState::Running && sim.spec.workloads[row.workload].control.only_schedulable
        };
        let pods = self.take_pods(node, balanced);
        for &pod in &pods {
            let row = self.cluster.pods[pod];
            self.cluster.set_serving(pod, row.ready, self.is_reached(row.workload, node));
            self.serving_changed(row.workload);
        }
        self.scheduling.pods = pods;
    }
}
