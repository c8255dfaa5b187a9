//! Planned operations as state machines: what each does next when its nodes come, are drained, or do not.
//!
//! One operation at a time per pool (AKS docs upgrade-node-pools): later ones of the list wait for their turn. The
//! rolling upgrade has a file of its own.

use crate::change::{DrainSettings, Operation, Undrainable};
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::{Failure, Incident, OperationOutcome};
use crate::process::node_life::Origin;
use crate::process::upgrade::Upgrade;
use crate::random::{Process, entity_key, sub_key};
use crate::scheduler::tolerated;
use crate::sim::Sim;
use crate::spec::{Effect, NodeShape, PodShape};
use crate::time::{Duration, Time};
use crate::{BudgetId, NodeId, NodeShapeId, PoolId, WorkloadId};

/// A planned operation in progress.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub phase: Phase,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    pub failure: Option<Failure>,
    /// Nodes it asked for beyond the pool's size, and when.
    pub extra: Vec<(NodeId, Time)>,
    pub extra_time: Duration,
}

/// Where an operation stands.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// Not begun, or waiting for its pool.
    Waiting,
    /// The platform needs its time; then `Reshape` takes effect.
    Timed,
    /// New nodes are awaited.
    Growing { awaited: u32 },
    /// Nodes are drained, to be deleted together.
    Emptying { nodes: Vec<NodeId>, draining: u32 },
    /// Nodes are being deleted.
    Deleting { nodes: Vec<NodeId> },
    /// Nodes are drained and stay.
    Draining { left: u32 },
    /// A rolling upgrade.
    Upgrading(Box<Upgrade>),
    /// Over.
    Over,
}

impl Run {
    pub fn new() -> Run {
        Run {
            phase: Phase::Waiting,
            started: None,
            ended: None,
            failure: None,
            extra: Vec::new(),
            extra_time: Duration::ZERO,
        }
    }
}

impl Sim<'_> {
    pub(crate) fn plan(&self, operation: u32) -> &Operation {
        // Borrowed from the scenario, which outlives the trial.
        &self.p.scenario.changes[operation as usize].operation
    }

    pub(crate) fn operation_starts(&mut self, operation: u32) {
        let plan = &self.p.scenario.changes[operation as usize].operation;
        if let Some(pool) = pool_of(plan)
            && self.pool_is_busy(pool, operation)
        {
            return; // started by the end of the one before
        }
        self.operations[operation as usize].started = Some(self.now);
        self.tell(Incident::OperationStarted { operation });
        if let Some(pool) = pool_of(plan) {
            self.autoscaler_lets_go_of_pool(pool);
        }
        match plan {
            Operation::Scale { pool, count, drain } => self.start_scale(operation, *pool, *count, *drain),
            Operation::DeletePool { pool, drain } => {
                self.set_autoscaler(*pool, None);
                let nodes: Vec<NodeId> = self.cluster.nodes_of(*pool).collect();
                self.empty_and_delete(operation, nodes, *drain);
            }
            Operation::Upgrade { pool, how } => self.start_upgrade(operation, *pool, how),
            Operation::Reshape { takes, .. }
            | Operation::SetAutoscaler { takes, .. }
            | Operation::Settings { takes, .. } => {
                self.operations[operation as usize].phase = Phase::Timed;
                self.queue.at(self.now + *takes, Event::OperationGoesOn { operation, stage: 0 });
            }
            Operation::Cordon { nodes } => {
                nodes.iter().for_each(|&n| self.cordon(n));
                self.operation_ends(operation, None);
            }
            Operation::Uncordon { nodes } => {
                nodes.iter().for_each(|&n| self.uncordon(n));
                self.operation_ends(operation, None);
            }
            Operation::Drain { nodes, drain } => self.start_plain_drain(operation, nodes, *drain),
            Operation::DeleteNodes { nodes } => self.delete_nodes(operation, nodes.clone()),
            Operation::SetReplicas { workload, replicas } => {
                self.set_replicas(*workload, *replicas);
                self.operation_ends(operation, None);
            }
        }
    }

    /// True while an earlier operation of the list works on the pool.
    fn pool_is_busy(&self, pool: PoolId, operation: u32) -> bool {
        let earlier = &self.p.scenario.changes[..operation as usize];
        earlier
            .iter()
            .zip(&self.operations)
            .any(|(planned, run)| pool_of(&planned.operation) == Some(pool) && run.ended.is_none())
    }

    fn start_scale(&mut self, operation: u32, pool: PoolId, count: u32, drain: DrainSettings) {
        let nodes: Vec<NodeId> = self.cluster.nodes_of(pool).collect();
        let have = nodes.len() as u32;
        if count > have {
            let more = count - have;
            if self.cluster.pools[pool].room.is_some_and(|room| room < more) {
                self.operation_fails(operation, Failure::NoRoom);
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

    fn empty_and_delete(&mut self, operation: u32, nodes: Vec<NodeId>, drain: DrainSettings) {
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
            self.start_drain(Some(operation), node, drain);
        }
    }

    fn start_plain_drain(&mut self, operation: u32, nodes: &[NodeId], drain: DrainSettings) {
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

    /// Deletes nodes after the platform's time for that.
    pub(crate) fn delete_nodes(&mut self, operation: u32, nodes: Vec<NodeId>) {
        let Some(&first) = nodes.first() else {
            self.operation_ends(operation, None);
            return;
        };
        let pool = &self.spec.pools[self.cluster.nodes[first].pool];
        let key = sub_key(entity_key(&pool.name), u64::from(operation));
        let takes = self.draw(&pool.delete, Process::DeleteNodes, key, 0);
        self.operations[operation as usize].phase = Phase::Deleting { nodes };
        self.queue.at(self.now + takes, Event::OperationGoesOn { operation, stage: 0 });
    }

    pub(crate) fn operation_goes_on(&mut self, operation: u32, stage: u32) {
        match std::mem::replace(&mut self.operations[operation as usize].phase, Phase::Over) {
            Phase::Timed => {
                let plan = &self.p.scenario.changes[operation as usize].operation;
                match plan {
                    Operation::Reshape { pool, shapes, .. } => self.reshape(*pool, shapes),
                    Operation::SetAutoscaler { pool, range, .. } => self.set_autoscaler(*pool, *range),
                    _ => {}
                }
                self.operation_ends(operation, None);
            }
            Phase::Deleting { nodes } => {
                nodes.iter().for_each(|&n| self.delete_node(n));
                let failure = self.operations[operation as usize].failure;
                self.operation_ends(operation, failure);
            }
            Phase::Upgrading(upgrade) => {
                self.operations[operation as usize].phase = Phase::Upgrading(upgrade);
                self.upgrade_goes_on(operation, stage);
            }
            other => self.operations[operation as usize].phase = other,
        }
    }

    /// New labels and taints on live nodes; a NoExecute taint evicts at once, budgets or not
    /// (AKS docs use-node-taints; Kubernetes v1.34 taint-eviction-controller).
    fn reshape(&mut self, pool: PoolId, shapes: &[(NodeShapeId, NodeShapeId)]) {
        let new = |old: NodeShapeId| shapes.iter().find(|(from, _)| *from == old).map_or(old, |(_, to)| *to);
        for template in &mut self.cluster.pools[pool].templates {
            *template = new(*template);
        }
        let nodes: Vec<NodeId> = self.cluster.nodes_of(pool).collect();
        for &node in &nodes {
            self.cluster.nodes[node].shape = new(self.cluster.nodes[node].shape);
            self.tell(Incident::NodeLabelsChanged { node });
        }
        for &node in &nodes {
            let shape = self.cluster.nodes[node].shape;
            let pods = self.take_pods(node, |sim, p| {
                let row = &sim.cluster.pods[p];
                row.state != crate::cluster::pod::PodState::Terminating
                    && !tolerates_execution(
                        &sim.spec.pod_shapes[sim.cluster.shape_of(sim.spec, p)],
                        &sim.spec.node_shapes[shape],
                    )
            });
            for &pod in &pods {
                self.evict(pod, node);
            }
            self.scheduling.pods = pods;
        }
        self.nodes_changed();
        self.wake_scheduler();
    }

    /// A node that an operation waited for is Ready.
    pub(crate) fn operation_node_ready(&mut self, operation: u32, node: NodeId) {
        match &mut self.operations[operation as usize].phase {
            Phase::Growing { awaited } => {
                *awaited -= 1;
                if *awaited == 0 {
                    self.operation_ends(operation, None);
                }
            }
            Phase::Upgrading(_) => self.upgrade_node_ready(operation, node),
            _ => {}
        }
    }

    /// A node of the operation is empty.
    pub(crate) fn operation_drained(&mut self, operation: u32, node: NodeId) {
        match &mut self.operations[operation as usize].phase {
            Phase::Emptying { nodes, draining } => {
                *draining -= 1;
                if *draining == 0 {
                    let nodes = std::mem::take(nodes);
                    self.delete_nodes(operation, nodes);
                }
            }
            Phase::Draining { left } => {
                *left -= 1;
                if *left == 0 {
                    let failure = self.operations[operation as usize].failure;
                    self.operation_ends(operation, failure);
                }
            }
            Phase::Upgrading(_) => self.upgrade_drained(operation, node),
            _ => {}
        }
    }

    /// A node of the operation could not be emptied in time.
    pub(crate) fn operation_drain_failed(
        &mut self,
        operation: u32,
        node: NodeId,
        workload: Option<WorkloadId>,
        budget: Option<BudgetId>,
    ) {
        let failure = Failure::DrainTimedOut { workload, budget };
        let quarantine = match self.plan(operation) {
            Operation::Upgrade { how, .. } => how.drain.undrainable == Undrainable::Quarantine,
            _ => false,
        };
        if quarantine {
            self.operations[operation as usize].failure = Some(failure);
            self.upgrade_quarantines(operation, node);
        } else {
            self.operation_fails(operation, failure);
        }
    }

    /// Ends an operation as failed: its drains stop, nodes that were not emptied are schedulable again, extra nodes stay
    /// (AKS changelog: the upgrade fails and leaves undrained nodes schedulable).
    pub(crate) fn operation_fails(&mut self, operation: u32, failure: Failure) {
        if self.operations[operation as usize].ended.is_some() {
            return;
        }
        for node in self.cluster.nodes.ids() {
            let row = &self.cluster.nodes[node];
            if row.owner != Some(operation) {
                continue;
            }
            let (drain, cordoned, state) = (row.drain, row.cordoned, row.state);
            if let Some(drain) = drain {
                self.end_drain(drain);
            }
            if cordoned && matches!(state, NodeState::Ready | NodeState::Dead | NodeState::NotReady) {
                self.uncordon(node);
            }
        }
        self.operation_ends(operation, Some(failure));
    }

    /// Ends an operation and lets the next one of its pool begin.
    pub(crate) fn operation_ends(&mut self, operation: u32, failure: Option<Failure>) {
        let now = self.now;
        let run = &mut self.operations[operation as usize];
        if run.ended.is_some() {
            return;
        }
        run.phase = Phase::Over;
        run.ended = Some(now);
        run.failure = failure;
        for (_, since) in std::mem::take(&mut run.extra) {
            run.extra_time += now.since(since);
        }
        for node in self.cluster.nodes.ids() {
            if self.cluster.nodes[node].owner == Some(operation) {
                self.cluster.nodes[node].owner = None;
            }
        }
        self.tell(Incident::OperationEnded { operation, failure });
        self.wake_autoscaler();
        let next = (operation + 1..self.operations.len() as u32).find(|&o| {
            pool_of(self.plan(o)) == pool_of(self.plan(operation)) && self.operations[o as usize].started.is_none()
        });
        if let Some(next) = next
            && self.p.scenario.changes[next as usize].at <= now
        {
            self.queue.at(now, Event::OperationStarts(next));
        }
    }

    /// What the operations came to.
    pub(crate) fn operation_outcomes(&mut self) -> Vec<OperationOutcome> {
        let now = self.now;
        let plans = &self.p.scenario.changes;
        self.operations
            .iter()
            .zip(plans)
            .map(|(run, plan)| OperationOutcome {
                started: run.started.unwrap_or(plan.at),
                ended: run.ended,
                failure: run.failure,
                extra_node_time: run.extra.iter().fold(run.extra_time, |sum, (_, since)| sum + now.since(*since)),
            })
            .collect()
    }
}

/// The pool an operation works on.
pub(crate) fn pool_of(operation: &Operation) -> Option<PoolId> {
    match operation {
        Operation::Scale { pool, .. }
        | Operation::DeletePool { pool, .. }
        | Operation::Upgrade { pool, .. }
        | Operation::Reshape { pool, .. }
        | Operation::SetAutoscaler { pool, .. }
        | Operation::Settings { pool, .. } => Some(*pool),
        Operation::Cordon { .. }
        | Operation::Uncordon { .. }
        | Operation::Drain { .. }
        | Operation::DeleteNodes { .. }
        | Operation::SetReplicas { .. } => None,
    }
}

/// True where a pod may stay on a node with these taints. A toleration with a time limit counts as unlimited.
fn tolerates_execution(pod: &PodShape, node: &NodeShape) -> bool {
    node.taints.iter().filter(|t| t.effect == Effect::NoExecute).all(|t| tolerated(t, &pod.tolerations))
}
