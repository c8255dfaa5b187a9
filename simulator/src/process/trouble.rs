//! Trouble inside single nodes: faults that only repair ends, restarts, and grey nodes.
//!
//! A grey node reports Ready (its kubelet still renews the lease), but its pods do not serve and new ones do not become
//! ready: a broken network plugin, a full disk, a hung runtime. The control plane sees nothing: budgets count its pods as
//! healthy, services send them traffic, and the scheduler likes the node for the room it has.

use crate::NodeId;
use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::{Event, Trouble};
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::{Duration, Time};

impl Sim<'_> {
    /// Queues the first trouble of each kind of a node.
    pub(crate) fn start_troubles(&mut self, node: NodeId) {
        for trouble in [Trouble::Fault, Trouble::Reboot, Trouble::Grey] {
            self.next_trouble(node, trouble, 0);
        }
    }

    fn next_trouble(&mut self, node: NodeId, trouble: Trouble, n: u32) {
        let (process, cause, knob) = match trouble {
            Trouble::Fault => (Process::NodeFault, Cause::NodeFault, Knob::Faults),
            Trouble::Reboot => (Process::Reboot, Cause::Reboot, Knob::Reboots),
            Trouble::Grey => (Process::Grey, Cause::GreyNode, Knob::Grey),
        };
        let per_hour = self.parameters.get(knob);
        if per_hour > 0.0 && self.on(cause) && !self.node_foretold(node) {
            let u = self.streams.uniform(process, self.cluster.nodes[node].key, 2 * n);
            let wait = self.rare_wait(u, per_hour);
            self.queue.at(self.now + wait, Event::NodeTroubled { node, trouble, n });
        }
    }

    pub(crate) fn node_troubled(&mut self, node: NodeId, trouble: Trouble, n: u32) {
        if self.nobody(node) {
            return;
        }
        let row = &self.cluster.nodes[node];
        if row.state == NodeState::Gone {
            return;
        }
        let key = row.key;
        self.next_trouble(node, trouble, n + 1);
        let failures = &self.p.scenario.settings.failures;
        match trouble {
            Trouble::Fault => self.node_breaks(node),
            Trouble::Reboot => {
                let down = self.draw(&failures.reboot, Process::Reboot, key, 2 * n + 1);
                self.node_dies_for(node, down);
            }
            Trouble::Grey => {
                let lasts = self.draw(&failures.grey, Process::Grey, key, 2 * n + 1);
                self.turns_grey(node, lasts);
            }
        }
    }

    /// A node that does not come back by itself.
    pub(crate) fn node_breaks(&mut self, node: NodeId) {
        self.node_dies(node);
    }

    /// True while a node is Ready but of no use.
    pub(crate) fn is_grey(&self, node: NodeId) -> bool {
        self.cluster.health[node].grey_until > self.now
    }

    /// A running node turns grey, or stays so for longer.
    pub(crate) fn turns_grey(&mut self, node: NodeId, lasts: Duration) {
        if self.cluster.nodes[node].state != NodeState::Ready || lasts.is_zero() || !self.node_is_lost(node) {
            return;
        }
        let until = self.now + lasts;
        let health = &mut self.cluster.health[node];
        health.grey_until = health.grey_until.max(until);
        self.queue.at(until, Event::GreyEnds { node });
        self.tell(Incident::NodeTurnedGrey { node });
        self.serve_on(node, false);
    }

    /// Pods serve again, and those that could not start do so now.
    pub(crate) fn grey_ends(&mut self, node: NodeId) {
        let health = &mut self.cluster.health[node];
        if health.grey_until != self.now {
            return; // it was wiped meanwhile, or is grey for longer
        }
        health.grey_until = Time::ZERO;
        if self.cluster.nodes[node].state == NodeState::Ready {
            self.tell(Incident::NodeUsefulAgain { node });
            self.serve_on(node, true);
        }
    }

    fn serve_on(&mut self, node: NodeId, up: bool) {
        let pods =
            self.take_pods(node, |sim, p| matches!(sim.cluster.pods[p].state, PodState::Running | PodState::Starting));
        for &pod in &pods {
            let row = self.cluster.pods[pod];
            if row.state == PodState::Running {
                self.cluster.set_serving(pod, row.ready, up && row.ready);
                self.serving_changed(row.workload);
            } else if up {
                self.cluster.pods[pod].epoch += 1;
                self.cluster.pods[pod].generation += 1;
                self.start_pod(pod, false);
            }
        }
        self.scheduling.pods = pods;
    }
}
