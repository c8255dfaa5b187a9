//! Pools that grow and shrink: scale, deletion of a pool, of machines, and drains that leave the nodes.
//!
//! Sources: AKS docs scale-cluster (2024-01-22), delete-node-pool; Azure/AKS issues 2767 (which nodes leave), 3996 and 2090
//! (deletions drain first). What AKS does not promise is an option of the drain's settings.

use crate::change::{DrainSettings, Operation};
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::Failure;
use crate::parameters::Knob;
use crate::process::node_life::Origin;
use crate::process::operation::Phase;
use crate::random::{Process, entity_key, sub_key};
use crate::sim::Sim;
use crate::{NodeId, PoolId};

impl Sim<'_> {
    pub(super) fn start_scale(&mut self, operation: u32, pool: PoolId, count: u32, drain: DrainSettings) {
        let nodes: Vec<NodeId> = self.cluster.nodes_of(pool).collect();
        let have = nodes.len() as u32;
        if count > have {
            let more = count - have;
            if self.room_to_grow(pool).is_some_and(|room| room < more) {
                let supply = self.cluster.short_of(self.spec, pool, more);
                self.operation_fails(operation, Failure::NoRoom { supply });
                return;
            }
            self.operations[operation as usize].phase = Phase::Growing { awaited: more };
            for _ in 0..more {
                self.request_node(pool, Origin::Operation(operation));
            }
        } else if count == have {
            self.operation_ends(operation, None);
        } else {
            let leaving = self.leaving(nodes, have - count);
            self.empty_and_delete(operation, leaving, drain);
        }
    }

    /// Which nodes leave when a pool shrinks: one by one from the fullest zone, there the highest ordinal
    /// (VMSS default scale-in policy as observed in Azure/AKS issue 2767; AKS promises no order).
    fn leaving(&self, mut nodes: Vec<NodeId>, number: u32) -> Vec<NodeId> {
        let zone = |n: NodeId| self.spec.node_shapes[self.cluster.nodes[n].shape].zone;
        let mut leaving = Vec::new();
        for _ in 0..number {
            let crowd = |n: &NodeId| nodes.iter().filter(|&&m| zone(m) == zone(*n)).count();
            let Some(next) = nodes.iter().copied().max_by_key(|n| (crowd(n), self.cluster.nodes[*n].ordinal)) else {
                break;
            };
            nodes.retain(|&n| n != next);
            leaving.push(next);
        }
        leaving
    }

    /// Empties nodes and then deletes them together.
    pub(crate) fn empty_and_delete(&mut self, operation: u32, nodes: Vec<NodeId>, drain: DrainSettings) {
        if nodes.is_empty() {
            self.operation_ends(operation, None);
            return;
        }
        self.operations[operation as usize].phase =
            Phase::Emptying { nodes: nodes.clone(), draining: nodes.len() as u32 };
        for &node in &nodes {
            self.cordon(node);
        }
        for &node in &nodes {
            self.cluster.nodes[node].owner = Some(operation);
            // Sources disagree about whether such nodes are drained.
            let evict = drain.evict && self.parameters.reads(Knob::DeletionDrains);
            self.start_drain(Some(operation), node, DrainSettings { evict, ..drain });
        }
    }

    /// Empties nodes that stay.
    pub(super) fn start_plain_drain(&mut self, operation: u32, nodes: &[NodeId], drain: DrainSettings) {
        if nodes.is_empty() {
            self.operation_ends(operation, None);
            return;
        }
        self.operations[operation as usize].phase = Phase::Draining { left: nodes.len() as u32 };
        for &node in nodes {
            self.autoscaler_lets_go(node);
            self.cluster.nodes[node].owner = Some(operation);
            self.start_drain(Some(operation), node, drain);
        }
    }

    /// Nodes of an operation go: those of a scale by the pool's scale-down mode, those of a deletion for good, and with the
    /// pool the stopped ones.
    pub(super) fn give_up_nodes(&mut self, operation: u32, nodes: &[NodeId]) {
        let (scales, whole) = match self.plan(operation) {
            Operation::Scale { .. } => (true, None),
            Operation::DeletePool { pool, .. } => (false, Some(*pool)),
            _ => (false, None),
        };
        for &node in nodes {
            if scales { self.release_node(node) } else { self.delete_node(node) }
        }
        let stopped: Vec<NodeId> = self
            .cluster
            .nodes
            .iter()
            .filter(|(_, n)| whole == Some(n.pool) && n.state == NodeState::Deallocated)
            .map(|(id, _)| id)
            .collect();
        stopped.into_iter().for_each(|node| self.delete_node(node));
    }

    /// Deletes nodes after the platform's time for that.
    pub(crate) fn delete_nodes(&mut self, operation: u32, nodes: Vec<NodeId>) {
        let Some(&first) = nodes.first() else {
            let failure = self.operations[operation as usize].failure;
            self.operation_ends(operation, failure);
            return;
        };
        let pool = &self.spec.pools[self.cluster.nodes[first].pool];
        let key = sub_key(entity_key(&pool.name), u64::from(operation));
        let takes = self.draw(&pool.delete, Process::DeleteNodes, key, 0);
        self.operations[operation as usize].phase = Phase::Deleting { nodes };
        self.queue.at(self.now + takes, Event::OperationGoesOn { operation, stage: 0 });
    }
}
