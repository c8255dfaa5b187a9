//! What is done about failed nodes: crews that mend what failed, and AKS' auto-repair of nodes that stay NotReady.
//!
//! Crews: a failed node is worked on by one of a limited number, first come first served (validation families 04 and 05).
//! Auto-repair (AKS docs node-auto-repair, 2026-07): a node that has been NotReady for 5 minutes is rebooted, then
//! reimaged, then redeployed, in up to three rounds within an hour; nodes in an operation or on their way out are left
//! alone. A node whose own cause passes first is back without. Left out: the platform's limit on repairs at a time.

use std::collections::VecDeque;

use crate::NodeId;
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::{Knob, by_odds};
use crate::random::Process;
use crate::settings::{Cause, Repair, RepairKind};
use crate::sim::Sim;
use crate::time::Duration;

/// Crews that mend failed nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crews {
    busy: u32,
    /// Nodes without a crew, the epoch of their failure, and how long the work will take.
    waiting: VecDeque<(NodeId, u32, Duration)>,
}

impl Crews {
    pub fn clear(&mut self) {
        self.busy = 0;
        self.waiting.clear();
    }
}

impl<'a> Sim<'a> {
    /// A failed node is worked on for `takes`, once a crew is free.
    pub(crate) fn crew_wanted(&mut self, node: NodeId, takes: Duration) {
        let epoch = self.cluster.nodes[node].epoch;
        match self.p.scenario.settings.failures.crews {
            None => self.queue.at(self.now + takes, Event::NodeRecovers { node, epoch }),
            Some(crews) if self.crews.busy < crews => {
                self.crews.busy += 1;
                self.queue.at(self.now + takes, Event::CrewDone { node, epoch });
            }
            Some(_) => self.crews.waiting.push_back((node, epoch, takes)),
        }
    }

    /// A crew has finished, whatever has become of the node meanwhile; the next failed node is its.
    pub(crate) fn crew_done(&mut self, node: NodeId, epoch: u32) {
        self.crews.busy -= 1;
        while let Some((next, seen, takes)) = self.crews.waiting.pop_front() {
            if self.cluster.nodes[next].epoch == seen {
                self.crew_wanted(next, takes);
                break;
            }
        }
        self.node_recovers(node, epoch);
    }

    /// A node has just been declared NotReady: auto-repair looks at it in a while.
    pub(crate) fn repair_waits(&mut self, node: NodeId) {
        let now = self.now;
        let health = &mut self.cluster.health[node];
        (health.lost_since, health.repairs) = (now, 0);
        let epoch = self.cluster.nodes[node].epoch;
        if let Some(repair) = self.auto_repair() {
            self.queue.at(now + repair.after, Event::RepairLooks { node, epoch });
        }
    }

    fn auto_repair(&self) -> Option<&'a Repair> {
        self.p.scenario.settings.failures.repair.as_ref().filter(|r| !r.steps.is_empty() && self.on(Cause::AutoRepair))
    }

    /// Begins the next step on a node that is still NotReady.
    pub(crate) fn repair_looks(&mut self, node: NodeId, epoch: u32) {
        let (row, health) = (self.cluster.nodes[node], self.cluster.health[node]);
        let Some(repair) = self.auto_repair() else { return };
        if row.epoch != epoch || row.state != NodeState::NotReady {
            return;
        }
        let tried = health.repairs as usize >= repair.steps.len() * repair.rounds as usize;
        if tried || self.now.since(health.lost_since) > repair.limit {
            return;
        }
        if row.owner.is_some() || row.leaving.is_some() || health.reclaimed <= self.now {
            self.queue.at(self.now + repair.after, Event::RepairLooks { node, epoch });
            return;
        }
        let step = &repair.steps[health.repairs as usize % repair.steps.len()];
        let takes = self.draw(&step.takes, Process::RepairTime, row.key, draw_number(row.failures, health.repairs));
        self.cluster.health[node].repairs += 1;
        self.tell(Incident::NodeRepairStarted { node, kind: step.kind });
        self.silence_breaks(node);
        self.queue.at(self.now + takes, Event::RepairEnds { node, epoch });
    }

    /// The step has helped, or the next one begins.
    pub(crate) fn repair_ends(&mut self, node: NodeId, epoch: u32) {
        let (row, health) = (self.cluster.nodes[node], self.cluster.health[node]);
        let Some(repair) = self.auto_repair() else { return };
        if row.epoch != epoch || row.state != NodeState::NotReady {
            return;
        }
        let done = health.repairs.saturating_sub(1);
        let step = &repair.steps[done as usize % repair.steps.len()];
        let u = self.streams.uniform(Process::RepairSuccess, row.key, draw_number(row.failures, done));
        let helps = !health.beyond_repair && u < by_odds(step.success, self.parameters.get(Knob::RepairSuccess));
        // A fresh disk holds no pods, whether it helps or not.
        if step.kind == RepairKind::Reimage {
            self.cluster.nodes[node].incarnation += 1;
            self.cluster.images.forget(node);
            self.lose_pods(node);
        }
        if !helps {
            self.repair_looks(node, epoch);
            return;
        }
        self.node_recovers(node, epoch);
    }
}

/// Draws of a node's repairs are named by its failure and the step within.
fn draw_number(failure: u32, step: u32) -> u32 {
    failure.wrapping_mul(64).wrapping_add(step)
}
