//! Room on nodes as autoscalers reckon with it: what is there, what is on its way, what a new node would offer.
//!
//! Whether a pod fits is asked of the scheduler's own filters (kubernetes/autoscaler runs them too: `clustersnapshot`).

use crate::cluster::node::NodeState;
use crate::cluster::{add, sub};
use crate::scheduler::{self, Incoming, NodeView, PortId, Readiness, Tenant};
use crate::sim::Sim;
use crate::spec::Resources;
use crate::{NodeId, NodeShapeId, PodShapeId, PoolId};

/// A node with what is left on it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    /// Absent for nodes that do not exist.
    pub node: Option<NodeId>,
    pub shape: NodeShapeId,
    /// Not registered yet.
    pub upcoming: bool,
    /// Taken away in thought.
    pub gone: bool,
    unschedulable: bool,
    readiness: Readiness,
    used: Resources,
    ports: Vec<PortId>,
    tenants: Vec<Tenant>,
    /// Name of a node that does not exist yet: a host name of its own.
    pub name: String,
}

impl Sim<'_> {
    /// Fills `rooms` with every registered node, then those on their way to the pools that count.
    pub(crate) fn look_for_room(&self, rooms: &mut Vec<Room>, counts: impl Fn(PoolId) -> bool) {
        rooms.clear();
        for (id, node) in self.cluster.nodes.iter().filter(|(_, n)| n.registered()) {
            rooms.push(Room {
                node: Some(id),
                shape: node.shape,
                upcoming: false,
                gone: false,
                unschedulable: node.cordoned,
                readiness: node.readiness(),
                used: node.used,
                ports: self.cluster.ports[id].clone(),
                tenants: self.cluster.tenants[id].clone(),
                name: String::new(),
            });
        }
        for (id, node) in self.cluster.nodes.iter().filter(|(_, n)| n.state == NodeState::Joining) {
            if counts(node.pool) {
                let fresh = self.fresh(node.shape);
                rooms.push(Room { node: Some(id), unschedulable: node.cordoned, ..fresh });
            }
        }
    }

    /// A new node with its daemons.
    pub(crate) fn fresh(&self, shape: NodeShapeId) -> Room {
        let mut room = Room {
            node: None,
            shape,
            upcoming: true,
            gone: false,
            unschedulable: false,
            readiness: Readiness::Ready,
            used: Resources::default(),
            ports: Vec::new(),
            tenants: Vec::new(),
            name: String::new(),
        };
        for &daemon in &self.p.daemons {
            let pod = self.spec.workloads[daemon].shape;
            if self.p.compat.runs_daemon(pod, &self.room_view(&room)) {
                self.take_room(&mut room, pod);
            }
        }
        room
    }

    /// The first node a pod of a shape fits on, beside the pods on all of these.
    pub(crate) fn first_fit(&self, pod: PodShapeId, rooms: &[Room]) -> Option<usize> {
        let there = || rooms.iter().enumerate().filter(|(_, room)| !room.gone);
        let views = there().map(|(_, room)| self.room_view(room));
        let nth = scheduler::first_fit(&self.p.compat, Incoming { shape: pod, pin: None }, views)?;
        there().nth(nth).map(|(at, _)| at)
    }

    /// Puts a pod there.
    pub(crate) fn take_room(&self, room: &mut Room, pod: PodShapeId) {
        add(&mut room.used, &self.spec.pod_shapes[pod].requests);
        match room.tenants.iter_mut().find(|t| t.shape == pod) {
            Some(tenant) => tenant.alive += 1,
            None => room.tenants.push(Tenant { shape: pod, alive: 1, leaving: 0 }),
        }
        room.ports.extend_from_slice(self.p.compat.ports(pod));
    }

    /// Takes back the pod that was put there last.
    pub(crate) fn give_room(&self, room: &mut Room, pod: PodShapeId) {
        sub(&mut room.used, &self.spec.pod_shapes[pod].requests);
        if let Some(tenant) = room.tenants.iter_mut().find(|t| t.shape == pod) {
            tenant.alive -= 1;
        }
        room.ports.truncate(room.ports.len() - self.p.compat.ports(pod).len());
    }

    fn room_view<'a>(&'a self, room: &'a Room) -> NodeView<'a> {
        NodeView {
            id: room.node.unwrap_or(NodeId(u32::MAX)),
            shape: room.shape,
            name: room.node.map_or(room.name.as_str(), |n| self.cluster.names[n].as_str()),
            unschedulable: room.unschedulable,
            readiness: room.readiness,
            used: &room.used,
            used_score: (0, 0),
            ports: &room.ports,
            promised: None,
            pods: &room.tenants,
            cordon_taint: room.unschedulable,
        }
    }
}
