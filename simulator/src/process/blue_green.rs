//! The blue-green upgrade of a pool, and its way back.
//!
//! Order of AKS (docs blue-green-node-pool-upgrade, 2024-11-06; a recorded upgrade of two nodes went through
//! CreatingGreenNodes, SoakingBatch, SoakingFinal, CommittingGreenNodes): cordon all blue nodes; add as many green ones;
//! drain the blue ones batch by batch, with a wait between batches; a final wait; delete the blue ones. Without room for
//! the green set the blue one is left as it was. A drain that takes too long ends the upgrade where it stands, and so does
//! an abort; from the final wait an aborted upgrade can be turned back. Left out: resuming a paused upgrade.

use crate::change::{BlueGreenSettings, DrainSettings, Operation};
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::Failure;
use crate::process::node_life::Origin;
use crate::process::operation::Phase;
use crate::sim::Sim;
use crate::{NodeId, PoolId};

/// A blue-green upgrade in progress.
#[derive(Clone, Debug)]
pub(crate) struct BlueGreen {
    sets: Sets,
    step: Step,
}

/// The old nodes and the new.
#[derive(Clone, Debug)]
pub(crate) struct Sets {
    blue: Vec<NodeId>,
    green: Vec<NodeId>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Green nodes are awaited.
    Creating { awaited: usize },
    /// Blue nodes are drained: the first `begun` of them, of which `draining` are not empty yet.
    Draining { begun: usize, draining: usize },
    /// The wait before the blue nodes are deleted.
    FinalSoak,
}

/// Stages of `OperationGoesOn`.
const NEXT_BATCH: u32 = 2;
const COMMIT: u32 = 3;

impl BlueGreen {
    /// Both sets, where the upgrade can be turned back.
    pub fn soaked(self) -> Option<Sets> {
        (self.step == Step::FinalSoak).then_some(self.sets)
    }
}

impl Sim<'_> {
    pub(crate) fn start_blue_green(&mut self, operation: u32, pool: PoolId, how: &BlueGreenSettings) {
        let there = |n: &NodeId| self.cluster.nodes[*n].state != NodeState::Joining;
        let mut blue: Vec<NodeId> = self.cluster.nodes_of(pool).filter(there).collect();
        if blue.is_empty() {
            self.operation_ends(operation, None);
            return;
        }
        if self.cluster.room(self.spec, pool).is_some_and(|room| (room as usize) < blue.len()) {
            let supply = self.cluster.short_of(self.spec, pool, blue.len() as u32);
            self.operation_fails(operation, Failure::NoRoom { supply });
            return;
        }
        blue.sort_unstable_by_key(|&n| (self.cluster.nodes[n].ordinal, n));
        for &node in &blue {
            self.cluster.nodes[node].owner = Some(operation);
            self.cordon(node);
        }
        self.use_shapes(pool, &how.shapes);
        let number = blue.len();
        let state = BlueGreen {
            sets: Sets { blue, green: Vec::with_capacity(number) },
            step: Step::Creating { awaited: number },
        };
        self.operations[operation as usize].phase = Phase::BlueGreen(Box::new(state));
        for n in 0..number as u32 {
            let node = self.request_node(pool, Origin::Surge { operation, n });
            let now = self.now;
            self.operations[operation as usize].extra.push((node, now));
            if let Some(state) = self.blue_green(operation) {
                state.sets.green.push(node);
            }
        }
    }

    /// A green node is Ready.
    pub(crate) fn green_node_ready(&mut self, operation: u32, node: NodeId) {
        if let Some(BlueGreen { sets, step: Step::Creating { awaited } }) = self.blue_green(operation)
            && sets.green.contains(&node)
        {
            *awaited -= 1;
            if *awaited == 0 {
                self.next_batch(operation, 0);
            }
        }
    }

    /// Drains the blue nodes from number `begun` on, as many as a batch holds.
    fn next_batch(&mut self, operation: u32, begun: usize) {
        let Operation::BlueGreen { how, .. } = self.plan(operation) else {
            return;
        };
        let (batch, drain) = (how.batch, how.drain);
        let Some(state) = self.blue_green(operation) else {
            return;
        };
        let all = state.sets.blue.len();
        let size = (batch.of(all as u32).max(1) as usize).min(all - begun);
        let nodes = state.sets.blue[begun..begun + size].to_vec();
        state.step = Step::Draining { begun: begun + size, draining: size };
        for node in nodes {
            self.start_drain(Some(operation), node, drain);
        }
    }

    /// A blue node is empty.
    pub(crate) fn blue_node_drained(&mut self, operation: u32) {
        let Operation::BlueGreen { how, .. } = self.plan(operation) else {
            return;
        };
        let (batch_soak, final_soak) = (how.batch_soak, how.final_soak);
        let now = self.now;
        let Some(state) = self.blue_green(operation) else {
            return;
        };
        let Step::Draining { begun, draining } = &mut state.step else {
            return;
        };
        *draining -= 1;
        if *draining > 0 {
            return;
        }
        let (at, stage) = if *begun < state.sets.blue.len() {
            (now + batch_soak, NEXT_BATCH)
        } else {
            state.step = Step::FinalSoak;
            (now + final_soak, COMMIT)
        };
        self.queue.at(at, Event::OperationGoesOn { operation, stage });
    }

    pub(crate) fn blue_green_goes_on(&mut self, operation: u32, stage: u32) {
        let Some(state) = self.blue_green(operation) else {
            return;
        };
        match (state.step, stage) {
            (Step::Draining { begun, draining: 0 }, NEXT_BATCH) => self.next_batch(operation, begun),
            (Step::FinalSoak, COMMIT) => {
                let blue = std::mem::take(&mut state.sets.blue);
                self.delete_nodes(operation, blue);
            }
            _ => {}
        }
    }

    /// Blue again: the way back of an upgrade of this pool that was aborted in its final wait.
    pub(crate) fn start_rollback(&mut self, operation: u32, pool: PoolId, drain: DrainSettings) {
        let earlier = (0..operation).rev().filter(|&o| self.pool_of(o) == Some(pool));
        let halted = earlier.map(|o| o as usize).find(|&o| self.operations[o].halted.is_some());
        let Some(sets) = halted.and_then(|o| self.operations[o].halted.take()) else {
            self.operation_fails(operation, Failure::NothingThere);
            return;
        };
        let there = |n: &NodeId| !self.cluster.nodes[*n].is_away();
        let (blue, green): (Vec<NodeId>, Vec<NodeId>) =
            (sets.blue.into_iter().filter(there).collect(), sets.green.into_iter().filter(there).collect());
        blue.into_iter().for_each(|node| self.uncordon(node));
        self.empty_and_delete(operation, green, drain);
    }

    fn blue_green(&mut self, operation: u32) -> Option<&mut BlueGreen> {
        match &mut self.operations[operation as usize].phase {
            Phase::BlueGreen(state) => Some(state),
            _ => None,
        }
    }
}
