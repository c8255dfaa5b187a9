//! Scale-down: which nodes are not needed, for how long, and how they go.
//!
//! kubernetes/autoscaler 1.33: `eligibility.go` (utilisation), `simulator/cluster.go` and `drainability/rules` (whose
//! pods may move, and where), `unneeded/nodes.go` (times), `actuator.go` (empty nodes together, others one by one).

use crate::change::{DrainSettings, Undrainable};
use crate::cluster::node::{Leaving, Node, NodeState};
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::process::room::Room;
use crate::random::Process;
use crate::sim::Sim;
use crate::spec::{Resources, WorkloadKind};
use crate::time::Time;
use crate::{NodeId, PodId, PodShapeId, PoolId};

/// Namespace of the cluster's own pods.
const SYSTEM_NAMESPACE: &str = "kube-system";

impl Sim<'_> {
    /// Notes which nodes are not needed, and removes those that have not been for long enough.
    pub(super) fn shrink(&mut self, rooms: &mut Vec<Room>) {
        rooms.retain(|room| !room.upcoming);
        let before = std::mem::take(&mut self.autoscaler.unneeded);
        let mut candidates: Vec<(bool, bool, NodeId)> = Vec::new();
        for pool in self.spec.pools.ids() {
            if self.autoscaler.groups[pool].range.is_none() || self.operation_on(pool) {
                continue;
            }
            let idle = self.cluster.nodes_of(pool).filter(|&n| self.hardly_used(n));
            candidates.extend(idle.map(|n| (!self.is_empty(n), !before.iter().any(|(b, _)| *b == n), n)));
        }
        // Empty nodes first, then those found unneeded before (emptycandidates, previouscandidates).
        candidates.sort_unstable();
        for (occupied, _, node) in candidates {
            if !occupied || self.pods_fit_elsewhere(node, rooms) {
                let since = before.iter().find(|(n, _)| *n == node).map_or(self.now, |(_, since)| *since);
                if let Some(room) = rooms.iter_mut().find(|r| r.node == Some(node)) {
                    room.gone = true;
                }
                self.autoscaler.unneeded.push((node, since));
            }
        }
        self.remove_unneeded();
    }

    /// True for a registered node of nobody's with a utilisation below the threshold.
    fn hardly_used(&self, node: NodeId) -> bool {
        let row = &self.cluster.nodes[node];
        if !row.registered() || row.owner.is_some() || row.leaving.is_some() {
            return false;
        }
        let profile = self.autoscaler_profile();
        let (mut used, mut room) = (row.used, self.spec.node_shapes[row.shape].allocatable);
        if profile.ignore_daemons {
            for pod in self.cluster.pods_on(node) {
                if self.spec.workloads[self.cluster.pods[pod].workload].kind == WorkloadKind::DaemonSet {
                    let own = &self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].requests;
                    crate::cluster::sub(&mut used, own);
                    room.cpu -= own.cpu;
                    room.memory -= own.memory;
                }
            }
        }
        utilisation(&used, &room) < profile.utilisation_threshold
    }

    /// True where nothing on the node would have to move: daemons, static pods, and pods that a lost node cannot end.
    fn is_empty(&self, node: NodeId) -> bool {
        !self.cluster.pods_on(node).any(|p| self.would_move(p, &self.cluster.nodes[node]))
    }

    fn would_move(&self, pod: PodId, on: &Node) -> bool {
        let row = &self.cluster.pods[pod];
        let stays = matches!(self.spec.workloads[row.workload].kind, WorkloadKind::DaemonSet | WorkloadKind::Mirror);
        let stuck = row.state == PodState::Terminating && on.state == NodeState::NotReady;
        !stays && !stuck
    }

    /// Moves the pods of a node in thought. False, and nothing moved, where one may not or cannot.
    fn pods_fit_elsewhere(&self, node: NodeId, rooms: &mut [Room]) -> bool {
        let row = &self.cluster.nodes[node];
        let movers: Vec<PodId> = self
            .cluster
            .pods_on(node)
            .filter(|&p| self.would_move(p, row) && self.cluster.pods[p].state != PodState::Terminating)
            .collect();
        if movers.iter().any(|&p| self.pinned_down(p)) {
            return false;
        }
        let Some(own) = rooms.iter().position(|r| r.node == Some(node)) else {
            return false;
        };
        rooms[own].gone = true;
        let mut moved: Vec<(usize, PodShapeId)> = Vec::new();
        for pod in movers {
            let shape = self.cluster.shape_of(self.spec, pod);
            // Expendable pods need no other place.
            if self.spec.pod_shapes[shape].priority < self.autoscaler_profile().expendable_below {
                continue;
            }
            let Some(at) = self.first_fit(shape, rooms) else {
                moved.into_iter().rev().for_each(|(at, shape)| self.give_room(&mut rooms[at], shape));
                rooms[own].gone = false;
                return false;
            };
            self.take_room(&mut rooms[at], shape);
            moved.push((at, shape));
        }
        true
    }

    /// True for a pod that keeps its node: without owner, of the system, with data there, by its own word, or protected by a
    /// budget with no slack.
    fn pinned_down(&self, pod: PodId) -> bool {
        let id = self.cluster.pods[pod].workload;
        let workload = &self.spec.workloads[id];
        let profile = self.autoscaler_profile();
        let budgeted = !self.p.budgets.of(id).is_empty();
        let system = profile.skip_system_pods
            && workload.namespace == SYSTEM_NAMESPACE
            && (profile.budgeted_system_pods_stay || !budgeted);
        let unsafe_by_rule = workload.kind == WorkloadKind::Bare
            || system
            || (profile.skip_local_storage && workload.control.local_storage);
        // The annotation outranks these rules, but not budgets (drainability/rules: `safetoevict` before, `pdb` after).
        let pinned = workload.control.safe_to_evict.map_or(unsafe_by_rule, |safe| !safe);
        pinned || self.p.budgets.allow(self.spec, &self.cluster, pod, self.now).is_err()
    }

    fn remove_unneeded(&mut self) {
        if self.autoscaler.unneeded.is_empty() {
            return;
        }
        let profile = self.autoscaler_profile();
        let state = &self.autoscaler;
        let until = [
            state.last_added.map(|t| t + profile.delay_after_add),
            state.last_deleted.map(|t| t + profile.delay_after_delete),
            state.last_failed.map(|t| t + profile.delay_after_failure),
        ];
        let calm = until.into_iter().flatten().max().unwrap_or(Time::ZERO);
        let mut unneeded = std::mem::take(&mut self.autoscaler.unneeded);
        unneeded.retain(|&(node, since)| {
            let row = &self.cluster.nodes[node];
            let patience = if row.seems_ready() { profile.unneeded } else { profile.unready };
            let due = (since + patience).max(calm);
            if due > self.now {
                self.scan_from(due);
                return true;
            }
            let (pool, empty) = (row.pool, self.is_empty(node));
            let removed = self.may_shrink(pool) && self.may_remove_now(empty);
            if removed {
                self.remove_node(node, empty);
            }
            !removed
        });
        self.autoscaler.unneeded = unneeded;
    }

    fn may_shrink(&self, pool: PoolId) -> bool {
        let stays = self.cluster.nodes_of(pool).filter(|&n| self.cluster.nodes[n].leaving.is_none()).count() as u32;
        self.autoscaler.groups[pool].range.is_some_and(|range| stays > range.min)
    }

    /// Empty nodes go together up to a limit, others one at a time (budgets.go).
    fn may_remove_now(&self, empty: bool) -> bool {
        let profile = self.autoscaler_profile();
        let there = self.cluster.nodes.iter().filter(|(_, n)| !n.is_away());
        let leaving = there.filter_map(|(_, n)| n.leaving);
        let (all, occupied) = leaving.fold((0, 0), |(a, o), l| (a + 1, o + u32::from(l.occupied)));
        all < profile.max_empty_bulk_delete && (empty || occupied == 0)
    }

    fn remove_node(&mut self, node: NodeId, empty: bool) {
        self.tell(Incident::AutoscalerRemoves { node });
        self.counts.nodes_removed += 1;
        self.autoscaler.removals += 1;
        let was_cordoned = self.cluster.nodes[node].cordoned;
        let leaving = Leaving { number: self.autoscaler.removals, occupied: !empty, was_cordoned };
        self.cluster.nodes[node].leaving = Some(leaving);
        self.cordon(node);
        if empty {
            self.autoscaler_drained(node);
        } else {
            let timeout = self.autoscaler_profile().max_graceful_termination;
            let undrainable = Undrainable::Fail;
            let drain = DrainSettings { evict: true, respect_budgets: true, forced_until: None, timeout, undrainable };
            self.start_drain(None, node, drain);
        }
    }

    /// A node it removes is empty.
    pub(crate) fn autoscaler_drained(&mut self, node: NodeId) {
        let row = &self.cluster.nodes[node];
        if let Some(Leaving { number, .. }) = row.leaving {
            let takes = self.draw(&self.spec.pools[row.pool].delete, Process::DeleteNodes, row.key, 0);
            self.queue.at(self.now + takes, Event::AutoscalerDeletes { node, number });
        }
    }

    /// A node it wanted to remove was not emptied in time: it stays.
    pub(crate) fn autoscaler_drain_failed(&mut self, node: NodeId) {
        self.autoscaler.last_failed = Some(self.now);
        self.autoscaler_lets_go(node);
    }

    pub(crate) fn autoscaler_deletes(&mut self, node: NodeId, number: u32) {
        if self.cluster.nodes[node].leaving.is_some_and(|l| l.number == number) {
            self.autoscaler.last_deleted = Some(self.now);
            self.release_node(node);
        }
    }

    /// Gives up the removal of a node: somebody else has plans with it.
    pub(crate) fn autoscaler_lets_go(&mut self, node: NodeId) {
        let Some(leaving) = self.cluster.nodes[node].leaving.take() else {
            return;
        };
        if self.cluster.nodes[node].is_away() {
            return;
        }
        if let Some(drain) = self.cluster.nodes[node].drain {
            self.end_drain(drain);
        }
        if !leaving.was_cordoned {
            self.uncordon(node);
        }
    }

    /// The same for every node of a pool.
    pub(crate) fn autoscaler_lets_go_of_pool(&mut self, pool: PoolId) {
        if self.autoscaler.removals > 0 {
            let nodes: Vec<NodeId> = self.cluster.nodes_of(pool).collect();
            nodes.into_iter().for_each(|node| self.autoscaler_lets_go(node));
        }
    }
}

/// The larger of the shares of CPU and memory that are asked for (`utilization/info.go`).
fn utilisation(used: &Resources, room: &Resources) -> f64 {
    let share = |n: i64, of: i64| if of > 0 { n as f64 / of as f64 } else { 0.0 };
    share(used.cpu, room.cpu).max(share(used.memory, room.memory))
}
