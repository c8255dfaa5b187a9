//! Planned operations as state machines: what each does next when its nodes come, are drained, or do not.
//!
//! How an operation is let in and ended from outside stands in `admission`, growing and shrinking in `size`, labels and
//! taints in `reshape`; rolling and blue-green upgrades have files of their own.

mod admission;
mod reshape;
mod size;

use crate::change::{Operation, Undrainable};
use crate::cluster::node::NodeState;
use crate::contingency::{About, Contingency};
use crate::event::Event;
use crate::outcome::{Failure, Incident, OperationOutcome};
use crate::process::blue_green::{BlueGreen, Sets};
use crate::process::upgrade::Upgrade;
use crate::sim::Sim;
use crate::time::{Duration, Time};
use crate::{BudgetId, NodeId, PoolId, WorkloadId};

/// A planned operation in progress.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    pub phase: Phase,
    /// Its time has come, and it waits for its pool.
    pub due: bool,
    pub started: Option<Time>,
    pub ended: Option<Time>,
    pub failure: Option<Failure>,
    /// Nodes it asked for beyond the pool's size, and when.
    pub extra: Vec<(NodeId, Time)>,
    pub extra_time: Duration,
    /// A blue-green upgrade that was ended where it can be turned back.
    pub halted: Option<Sets>,
}

/// Where an operation stands.
#[derive(Clone, Debug)]
pub(crate) enum Phase {
    /// Not begun.
    Waiting,
    /// The platform needs its time; then the operation takes effect.
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
    /// A blue-green upgrade.
    BlueGreen(Box<BlueGreen>),
    /// Over.
    Over,
}

impl Run {
    pub fn new() -> Run {
        Run {
            phase: Phase::Waiting,
            due: false,
            started: None,
            ended: None,
            failure: None,
            extra: Vec::new(),
            extra_time: Duration::ZERO,
            halted: None,
        }
    }
}

impl Sim<'_> {
    pub(crate) fn plan(&self, operation: u32) -> &Operation {
        // Borrowed from the scenario, which outlives the trial.
        &self.p.scenario.changes[operation as usize].operation
    }

    /// The pool an operation must have for itself.
    pub(crate) fn pool_of(&self, operation: u32) -> Option<PoolId> {
        match self.plan(operation) {
            Operation::DeleteNodes { nodes } => nodes.first().map(|&n| self.cluster.nodes[n].pool),
            other => other.pool(),
        }
    }

    pub(crate) fn operation_starts(&mut self, operation: u32) {
        let run = &self.operations[operation as usize];
        // It may have been started by the end of the one before, at the very instant it was planned for.
        if run.started.is_some() || run.ended.is_some() {
            return;
        }
        if !self.happens(Contingency::Operation { n: operation }, About::default()) {
            self.operations[operation as usize].started = Some(self.now);
            self.operation_ends(operation, None);
            return;
        }
        if !self.admitted(operation) {
            return;
        }
        let plan = &self.p.scenario.changes[operation as usize].operation;
        self.operations[operation as usize].started = Some(self.now);
        self.tell(Incident::OperationStarted { operation });
        if let Some(failure) = self.objection(operation) {
            self.operation_fails(operation, failure);
            return;
        }
        if let Some(pool) = self.pool_of(operation) {
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
            Operation::BlueGreen { pool, how } => self.start_blue_green(operation, *pool, how),
            Operation::Rollback { pool, drain } => self.start_rollback(operation, *pool, *drain),
            Operation::Abort { takes, .. }
            | Operation::ControlPlane { takes }
            | Operation::Reshape { takes, .. }
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
            Operation::Rollout { workloads } => {
                workloads.iter().for_each(|&w| self.begin_rollout(w));
                self.operation_ends(operation, None);
            }
            Operation::Drift => {
                self.drift();
                self.operation_ends(operation, None);
            }
            Operation::SetReplicas { workload, replicas } => {
                self.cluster.workloads[*workload].floor = *replicas;
                self.set_replicas(*workload, *replicas);
                self.operation_ends(operation, None);
            }
        }
    }

    pub(crate) fn operation_goes_on(&mut self, operation: u32, stage: u32) {
        match std::mem::replace(&mut self.operations[operation as usize].phase, Phase::Over) {
            Phase::Timed => {
                let plan = &self.p.scenario.changes[operation as usize].operation;
                match plan {
                    Operation::Reshape { pool, shapes, .. } => self.reshape(*pool, shapes),
                    Operation::SetAutoscaler { pool, range, .. } => self.set_autoscaler(*pool, *range),
                    Operation::Abort { pool, .. } => {
                        self.abort(operation, *pool);
                        return;
                    }
                    _ => {}
                }
                self.operation_ends(operation, None);
            }
            Phase::Deleting { nodes } => {
                self.give_up_nodes(operation, &nodes);
                let failure = self.operations[operation as usize].failure;
                self.operation_ends(operation, failure);
            }
            Phase::Upgrading(upgrade) => {
                self.operations[operation as usize].phase = Phase::Upgrading(upgrade);
                self.upgrade_goes_on(operation, stage);
            }
            Phase::BlueGreen(state) => {
                self.operations[operation as usize].phase = Phase::BlueGreen(state);
                self.blue_green_goes_on(operation, stage);
            }
            other => self.operations[operation as usize].phase = other,
        }
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
            Phase::BlueGreen(_) => self.green_node_ready(operation, node),
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
            Phase::BlueGreen(_) => self.blue_node_drained(operation),
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
        match self.plan(operation) {
            Operation::Upgrade { how, .. } if how.drain.undrainable == Undrainable::Quarantine => {
                self.upgrade_quarantines(operation, node, failure);
            }
            // A blue-green upgrade ignores undrainable behaviours and stops where it is, to be resumed or given up
            // (AKS docs blue-green-node-pool-upgrade).
            Operation::BlueGreen { .. } => self.halt(operation, failure),
            _ => self.operation_fails(operation, failure),
        }
    }

    /// Ends an operation that was not let in.
    fn operation_is_refused(&mut self, operation: u32, failure: Failure) {
        self.operations[operation as usize].started = Some(self.now);
        self.tell(Incident::OperationStarted { operation });
        self.operation_ends(operation, Some(failure));
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
        self.next_turn(failure.is_some());
        let next = (0..self.operations.len() as u32).find(|&o| {
            let run = &self.operations[o as usize];
            run.due && run.started.is_none() && run.ended.is_none() && self.pool_of(o) == self.pool_of(operation)
        });
        if let Some(next) = next {
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
                // What was ended while it waited never began.
                started: run.started.or(run.ended).unwrap_or(plan.at),
                ended: run.ended,
                failure: run.failure,
                extra_node_time: run.extra.iter().fold(run.extra_time, |sum, (_, since)| sum + now.since(*since)),
            })
            .collect()
    }
}
