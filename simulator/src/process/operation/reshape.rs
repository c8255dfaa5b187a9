//! Labels and taints that change on live nodes: mode, label and taint changes.

use crate::cluster::pod::PodState;
use crate::outcome::Incident;
use crate::scheduler::tolerated;
use crate::sim::Sim;
use crate::spec::{Effect, NodeShape, PodShape};
use crate::{NodeId, NodeShapeId, PoolId};

impl Sim<'_> {
    /// Future nodes of a pool come with other shapes.
    pub(crate) fn use_shapes(&mut self, pool: PoolId, shapes: &[(NodeShapeId, NodeShapeId)]) {
        for template in &mut self.cluster.pools[pool].templates {
            *template = shapes.iter().find(|(from, _)| from == template).map_or(*template, |(_, to)| *to);
        }
    }

    /// New labels and taints on live nodes; a NoExecute taint evicts at once, budgets or not
    /// (AKS docs use-node-taints; Kubernetes v1.34 taint-eviction-controller).
    pub(super) fn reshape(&mut self, pool: PoolId, shapes: &[(NodeShapeId, NodeShapeId)]) {
        let new = |old: NodeShapeId| shapes.iter().find(|(from, _)| *from == old).map_or(old, |(_, to)| *to);
        self.use_shapes(pool, shapes);
        let nodes: Vec<NodeId> = self.cluster.nodes_of(pool).collect();
        for &node in &nodes {
            let before = self.cluster.nodes[node];
            self.cluster.nodes[node].shape = new(before.shape);
            self.cluster.touch(node);
            self.tell(Incident::NodeLabelsChanged { node });
            self.node_updated(node, before);
            self.daemons_see_node(node);
        }
        for &node in &nodes {
            let shape = self.cluster.nodes[node].shape;
            let pods = self.take_pods(node, |sim, p| {
                let row = &sim.cluster.pods[p];
                row.state != PodState::Terminating
                    && !tolerates_execution(
                        &sim.spec.pod_shapes[sim.cluster.shape_of(sim.spec, p)],
                        &sim.spec.node_shapes[shape],
                    )
            });
            for &pod in &pods {
                // A pod may have gone with an earlier one's consequences.
                let row = &self.cluster.pods[pod];
                if row.node == Some(node) && row.state != PodState::Terminating {
                    self.evict(pod, node);
                }
            }
            self.scheduling.pods = pods;
        }
        self.nodes_changed();
    }
}

/// True where a pod may stay on a node with these taints. A toleration with a time limit counts as unlimited.
fn tolerates_execution(pod: &PodShape, node: &NodeShape) -> bool {
    node.taints.iter().filter(|t| t.effect == Effect::NoExecute).all(|t| tolerated(t, &pod.tolerations))
}
