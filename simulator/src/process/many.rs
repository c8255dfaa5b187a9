//! Incidents of many nodes that are scripted: a part of them fails within a time, the control plane loses sight of them, or the
//! platform has no machines to give.
//!
//! A silent node's kubelet runs and cannot be heard (an API server that answers too late, a webhook that refuses its writes): it
//! becomes NotReady as a dead one would, and its pods serve on, since what is decided about them does not reach their Services
//! either. Whatever restarts the machine takes its pods along.

use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::random::Process;
use crate::scenario::{Happening, Whom};
use crate::sim::Sim;
use crate::time::Duration;
use crate::{NodeId, NodeShapeId, PoolId};

impl Sim<'_> {
    /// Line `line` of the script comes to many nodes: to whom and when is drawn by node.
    pub(crate) fn many_are_hit(&mut self, line: u32, whom: Whom, share: f64, within: Duration) {
        for node in self.cluster.nodes.ids() {
            let row = self.cluster.nodes[node];
            let u = |n| self.streams.uniform(Process::Scripted, row.key, 2 * line + n);
            if row.state != NodeState::Gone && self.is_one_of(whom, row.pool, row.shape) && u(0) < share {
                let after = Duration::from_secs_f64(within.as_secs_f64() * u(1));
                self.queue.at(self.now + after, Event::ScriptedHit { node, line });
            }
        }
    }

    pub(crate) fn scripted_hit(&mut self, node: NodeId, line: u32) {
        match self.p.scenario.script[line as usize].what {
            Happening::NodesFail { down, .. } if self.node_dies(node) => self.crew_wanted(node, down),
            Happening::NodesSilent { lasts, .. } => self.node_falls_silent(node, lasts),
            _ => {}
        }
    }

    fn node_falls_silent(&mut self, node: NodeId, lasts: Duration) {
        if self.cluster.nodes[node].state != NodeState::Ready || !self.node_is_lost(node) {
            return;
        }
        let row = &mut self.cluster.nodes[node];
        row.state = NodeState::Dead;
        row.epoch += 1;
        row.failures += 1;
        let (row, epoch) = (*row, row.epoch);
        let health = &mut self.cluster.health[node];
        (health.silent, health.beyond_repair) = (true, true);
        self.notice_later(node, row.key, row.failures - 1, epoch);
        self.queue.at(self.now + lasts, Event::NodeRecovers { node, epoch });
    }

    /// A node is restarted or wiped: if it was only silent, its pods stop now.
    pub(crate) fn silence_breaks(&mut self, node: NodeId) {
        if !std::mem::take(&mut self.cluster.health[node].silent) {
            return;
        }
        let pods = self.take_pods(node, |sim, p| sim.cluster.pods[p].up);
        for &pod in &pods {
            self.endpoint_ends(pod, self.now);
            self.cluster.set_serving(pod, false, false);
            self.serving_changed(self.cluster.pods[pod].workload);
        }
        self.scheduling.pods = pods;
    }

    /// True while the platform has no machine for a pool where a shape of its nodes is.
    pub(crate) fn no_machines(&self, pool: PoolId, shape: NodeShapeId) -> bool {
        self.p.scenario.script.iter().any(|scripted| match scripted.what {
            Happening::NoMachines { whom, lasts } => {
                scripted.at <= self.now && self.now < scripted.at + lasts && self.is_one_of(whom, pool, shape)
            }
            _ => false,
        })
    }

    fn is_one_of(&self, whom: Whom, pool: PoolId, shape: NodeShapeId) -> bool {
        whom.pool.is_none_or(|p| p == pool) && whom.zone.is_none_or(|z| z == self.spec.node_shapes[shape].zone)
    }
}
