//! Nodes and zones that fail, and how they come back.
//!
//! Failures come in calendar time, one renewal process per node and zone, so that the same crash at the same minute hits
//! every plan. Where several fail together: `shocks`; what is done about it: `repair`.

use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::contingency::{About, Contingency};
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::random::distribution::exponential_quantile;
use crate::random::{Process, entity_key};
use crate::scenario::Happening;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::Duration;
use crate::{NodeId, PoolId, ZoneId};

impl Sim<'_> {
    pub(crate) fn start_failures(&mut self) {
        for node in self.cluster.nodes.ids() {
            self.start_node_failures(node);
            if self.cluster.nodes[node].state == NodeState::NotReady {
                let down = self.draw(
                    &self.p.scenario.settings.failures.down,
                    Process::NodeDown,
                    self.cluster.nodes[node].key,
                    0,
                );
                self.queue.at(self.now + down, Event::NodeRecovers { node, epoch: self.cluster.nodes[node].epoch });
                self.cluster.nodes[node].failures = 1;
                self.repair_waits(node);
            }
        }
        if self.on(Cause::ZoneFailure) && self.parameters.get(Knob::ZoneIncidents) > 0.0 {
            for zone in self.spec.zones.ids() {
                self.next_zone_failure(zone, 0);
            }
        }
        self.start_shocks();
    }

    /// Queues the first failure of a node, and its other troubles.
    pub(crate) fn start_node_failures(&mut self, node: NodeId) {
        if self.on(Cause::NodeFailure) && self.parameters.get(Knob::Interruptions) > 0.0 {
            self.next_node_failure(node, 0);
        }
        self.start_troubles(node);
    }

    fn next_node_failure(&mut self, node: NodeId, n: u32) {
        if self.node_foretold(node) {
            return;
        }
        let u = self.streams.uniform(Process::NodeFailure, self.cluster.nodes[node].key, n);
        let wait = self.rare_wait(u, self.parameters.get(Knob::Interruptions));
        self.queue.at(self.now + wait, Event::NodeFails { node, n });
    }

    fn next_zone_failure(&mut self, zone: ZoneId, n: u32) {
        if self.shocks_foretold() {
            return;
        }
        let u = self.streams.uniform(Process::ZoneFailure, entity_key(&self.spec.zones[zone]), n);
        let wait = self.rare_wait(u, self.parameters.get(Knob::ZoneIncidents));
        self.queue.at(self.now + wait, Event::ZoneFails { zone: zone.0, n });
    }

    pub(crate) fn node_fails(&mut self, node: NodeId, n: u32) {
        // A stopped machine may be started again, and fail then.
        if self.nobody(node) || self.cluster.nodes[node].state == NodeState::Gone {
            return;
        }
        self.next_node_failure(node, n + 1);
        let key = self.cluster.nodes[node].key;
        let down = self.draw(&self.p.scenario.settings.failures.down, Process::NodeDown, key, n);
        if self.node_dies(node) {
            self.crew_wanted(node, down);
        }
        self.in_company(node, n);
    }

    pub(crate) fn zone_fails(&mut self, zone: u32, n: u32) {
        let zone = ZoneId(zone);
        self.next_zone_failure(zone, n + 1);
        let down = self.draw(
            &self.p.scenario.settings.failures.zone_down,
            Process::ZoneDown,
            entity_key(&self.spec.zones[zone]),
            n,
        );
        let share = self.zone_share(zone, n);
        self.nodes_die(down, |sim, node| {
            sim.zone_of(node) == zone && sim.streams.uniform(Process::ZoneShare, sim.cluster.nodes[node].key, n) < share
        });
    }

    /// The share of a zone's nodes that its `n`-th incident takes.
    fn zone_share(&self, zone: ZoneId, n: u32) -> f64 {
        let u = self.streams.uniform(Process::ZoneShare, entity_key(&self.spec.zones[zone]), n);
        self.p.scenario.settings.failures.zone_share.map_or(1.0, |alpha| libm::pow(u, 1.0 / alpha))
    }

    fn zone_dies(&mut self, zone: ZoneId, pool: Option<PoolId>, down: Duration) {
        self.nodes_die(down, |sim, node| {
            sim.zone_of(node) == zone && pool.is_none_or(|p| p == sim.cluster.nodes[node].pool)
        });
    }

    /// Takes all nodes that pass a test until the common cause is over; nothing can be done about it before.
    pub(crate) fn nodes_die(&mut self, down: Duration, test: impl Fn(&Self, NodeId) -> bool) {
        for node in self.cluster.nodes.ids() {
            if test(self, node) {
                self.node_dies_for(node, down);
                self.cluster.health[node].beyond_repair = true;
            }
        }
    }

    pub(crate) fn scripted(&mut self, i: u32) {
        if !self.happens(Contingency::Scripted { n: i }, About::default()) {
            return;
        }
        match self.p.scenario.script[i as usize].what {
            Happening::Load { target, factor } => self.set_load(target, factor),
            Happening::Burst { target, factor, ramp, hold, decay } => self.add_burst(target, factor, ramp, hold, decay),
            Happening::GatesLifted { workload } => self.lift_gates(workload),
            Happening::Rollout { workload } => self.begin_rollout(workload),
            Happening::Replicas { workload, replicas } => self.set_replicas(workload, replicas),
            Happening::Capacity { workload, factor } => self.set_capacity(workload, factor),
            Happening::MemoryLimit { workload, bytes } => self.set_memory_limit(workload, bytes),
            Happening::RequestsLost { workload, node, share, lasts } => {
                self.lose_requests(Some(workload), node, share, lasts);
            }
            Happening::UpstreamFails { node, share, lasts } => self.lose_requests(None, Some(node), share, lasts),
            Happening::NodeFailure { node, down } => self.node_dies_for(node, down),
            Happening::NodesFail { whom, share, within, .. } | Happening::NodesSilent { whom, share, within, .. } => {
                self.many_are_hit(i, whom, share, within);
            }
            Happening::NoMachines { .. } => {} // whoever asks for one reads the script
            Happening::SpotEviction { node } => self.spot_announced(node),
            Happening::NodeFault { node } => self.node_breaks(node),
            Happening::GreyNode { node, lasts } => self.turns_grey(node, lasts),
            Happening::ZoneFailure { pool, zone, down } => self.zone_dies(zone, pool, down),
        }
    }

    /// A node stops and is back after a time that nothing lengthens.
    pub(crate) fn node_dies_for(&mut self, node: NodeId, down: Duration) {
        if self.node_dies(node) {
            let epoch = self.cluster.nodes[node].epoch;
            self.queue.at(self.now + down, Event::NodeRecovers { node, epoch });
        }
    }

    /// A node stops at once; the control plane does not know yet. False, and nothing happens, where it is not running.
    pub(crate) fn node_dies(&mut self, node: NodeId) -> bool {
        if self.cluster.nodes[node].state != NodeState::Ready || !self.node_is_lost(node) {
            return false;
        }
        let row = &mut self.cluster.nodes[node];
        row.state = NodeState::Dead;
        row.epoch += 1;
        let (key, n, epoch) = (row.key, row.failures, row.epoch);
        row.failures += 1;
        self.cluster.health[node].beyond_repair = false;
        self.counts.node_failures += 1;
        self.tell(Incident::NodeDied { node });
        let pods = self.take_pods(node, |sim, p| sim.cluster.pods[p].up);
        for &pod in &pods {
            let ready = self.cluster.pods[pod].ready;
            self.cluster.set_serving(pod, ready, false);
            self.serving_changed(self.cluster.pods[pod].workload);
        }
        self.scheduling.pods = pods;
        self.notice_later(node, key, n, epoch);
        true
    }

    /// The control plane notices that heartbeats have ceased.
    pub(crate) fn notice_later(&mut self, node: NodeId, key: u64, n: u32, epoch: u32) {
        let d = self.p.scenario.settings.detection;
        let age = d.heartbeat.as_secs_f64() * self.uniform(Process::Detection, key, 2 * n);
        let look = d.monitor.as_secs_f64() * self.uniform(Process::Detection, key, 2 * n + 1);
        let noticed = Duration::from_secs_f64(self.parameters.get(Knob::MonitorGrace) - age + look);
        self.queue.at(self.now + noticed, Event::NodeNoticed { node, epoch });
    }

    /// True unless just this is taken not to happen.
    pub(crate) fn node_is_lost(&mut self, node: NodeId) -> bool {
        self.happens_to_node(|node| Contingency::NodeLoss { node }, node)
    }

    /// A failed node is back: pods that are still bound start again, those marked for deletion are gone.
    pub(crate) fn node_recovers(&mut self, node: NodeId, epoch: u32) {
        let row = &mut self.cluster.nodes[node];
        if row.epoch != epoch || !matches!(row.state, NodeState::Dead | NodeState::NotReady) {
            return;
        }
        let before = *row;
        row.state = NodeState::Ready;
        row.epoch += 1;
        self.cluster.touch(node);
        self.cluster.health[node].tainted = None;
        self.cluster.health[node].pulled = self.now;
        self.tell(Incident::NodeReady { node });
        let pods = self.take_pods(node, |_, _| true);
        let epoch = self.cluster.nodes[node].epoch;
        let silent = std::mem::take(&mut self.cluster.health[node].silent);
        if !silent {
            self.gaps_end_on(node);
        }
        for &pod in &pods {
            let row = self.cluster.pods[pod];
            if self.cluster.nodes[node].epoch != epoch || row.node != Some(node) {
                continue; // the end of a pod before it ended a drain, and the node is being remade
            }
            if silent && row.up {
                continue; // it has served all the time
            }
            if row.state == PodState::Terminating {
                self.pod_gone(pod);
            } else {
                self.endpoint_ends(pod, self.now);
                self.cluster.set_serving(pod, false, false);
                self.cluster.pods[pod].state = PodState::Starting;
                self.cluster.pods[pod].epoch += 1;
                self.cluster.pods[pod].generation += 1;
                self.start_pod(pod, row.state == PodState::Starting);
            }
        }
        self.scheduling.pods = pods;
        if self.cluster.nodes[node].state == NodeState::Ready {
            self.create_missing_daemons(node);
        }
        self.zones_changed();
        self.nodes_changed();
        self.node_updated(node, before);
    }

    /// Daemons that were lost while the node was away.
    fn create_missing_daemons(&mut self, node: NodeId) {
        for i in 0..self.p.daemons.len() {
            let workload = self.p.daemons[i];
            let there = self.cluster.pods_of(workload).any(|p| self.cluster.pods[p].ordinal == node.0);
            if !there {
                self.replace_daemon(workload, Some(node));
            }
        }
    }
}

/// Time to the next event of a Poisson process, from a uniform and a rate per hour.
pub(crate) fn exponential_wait(u: f64, per_hour: f64) -> Duration {
    Duration::from_secs_f64(exponential_quantile(u) / per_hour * 3600.0)
}
