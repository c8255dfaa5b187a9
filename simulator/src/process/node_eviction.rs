//! What the control plane makes of a lost node: NotReady, the taint that evicts, and how fast that spreads.
//!
//! Detection: a dead node's last heartbeat is U(0, heartbeat) old, the controller looks every monitor period with an
//! independent phase (validation family 11). Kubernetes v1.34 kube-controller-manager, node_lifecycle_controller.go: a
//! NotReady node gets its NoExecute taint in turn, each zone at its own rate (a token bucket of one):
//! * a zone with more than two NotReady nodes that are at least 55 % of it is unhealthy: 0.01 per second where it has more
//!   than 50 nodes, else none (`ReducedQPSFunc`: the small-zone rule);
//! * a zone without any Ready node has the normal 0.1 per second (`HealthyQPSFunc`),
//! * unless no zone has one: then all taints are taken back and nothing is evicted anywhere (`handleDisruption`).
//!
//! From its node's taint on a pod stays as long as it tolerates it (taint-eviction-controller). Left out: the 100 ms
//! between two rounds of tainting.

use std::collections::VecDeque;

use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::time::{Duration, Time};
use crate::{NodeId, PodId, ZoneId};

/// Who waits for the taint, in which zone, and how fast that goes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tainting {
    zones: Vec<Zone>,
    /// Nodes declared NotReady.
    not_ready: u32,
    /// No zone has a Ready node.
    everywhere: bool,
}

#[derive(Clone, Debug, Default)]
struct Zone {
    ready: u32,
    lost: u32,
    queue: VecDeque<NodeId>,
    per_second: f64,
    /// When the next node may get its taint.
    next: Time,
    /// For when the next look is queued.
    look: Option<Time>,
}

impl Sim<'_> {
    /// Begins a trial: nodes that are lost already are treated as if just noticed.
    pub(crate) fn start_tainting(&mut self) {
        let normal = self.p.scenario.settings.detection.evictions_per_second;
        self.tainting.everywhere = false;
        self.tainting.zones.resize_with(self.spec.zones.len().max(1), Zone::default);
        for zone in &mut self.tainting.zones {
            zone.queue.clear();
            (zone.per_second, zone.next, zone.look) = (normal, Time::ZERO, None);
        }
        self.queue_lost_nodes();
        self.zones_changed();
    }

    fn queue_lost_nodes(&mut self) {
        for zone in &mut self.tainting.zones {
            zone.queue.clear();
        }
        for node in self.cluster.nodes.ids() {
            if self.cluster.nodes[node].state == NodeState::NotReady {
                let zone = self.zone_of(node).0 as usize;
                self.tainting.zones[zone].queue.push_back(node);
            }
        }
    }

    pub(crate) fn zone_of(&self, node: NodeId) -> ZoneId {
        self.spec.node_shapes[self.cluster.nodes[node].shape].zone
    }

    /// NotReady: traffic stops going to the node's pods, and it waits for its taint.
    pub(crate) fn node_noticed(&mut self, node: NodeId, epoch: u32) {
        let row = &mut self.cluster.nodes[node];
        if row.epoch != epoch || row.state != NodeState::Dead {
            return;
        }
        let before = *row;
        row.state = NodeState::NotReady;
        self.cluster.touch(node);
        self.tell(Incident::NodeNotReady { node });
        let silent = self.cluster.health[node].silent;
        let pods = self.take_pods(node, |sim, p| !silent && sim.cluster.pods[p].state != PodState::Terminating);
        for &pod in &pods {
            self.endpoint_ends(pod, self.now);
            self.cluster.set_serving(pod, false, false);
            self.serving_changed(self.cluster.pods[pod].workload);
        }
        self.scheduling.pods = pods;
        let zone = self.zone_of(node).0 as usize;
        self.tainting.zones[zone].queue.push_back(node);
        self.repair_waits(node);
        self.zones_changed();
        self.nodes_changed();
        self.node_updated(node, before);
    }

    /// Nodes came or went: that matters to nodes that are lost.
    pub(crate) fn nodes_came_or_went(&mut self) {
        if self.tainting.not_ready > 0 {
            self.zones_changed();
        }
    }

    /// Nodes were lost or are back: zones change their state, and with it their rate.
    pub(crate) fn zones_changed(&mut self) {
        self.count_zones();
        let zones = &self.tainting.zones;
        let everywhere = zones.iter().any(|z| z.lost > 0) && zones.iter().all(|z| z.ready == 0);
        let entering = everywhere && !self.tainting.everywhere;
        self.tainting.everywhere = everywhere;
        if entering {
            for node in self.cluster.nodes.ids() {
                self.cluster.health[node].tainted = None;
            }
            self.queue_lost_nodes();
        }
        for zone in 0..self.tainting.zones.len() {
            let rate = if everywhere { 0.0 } else { self.eviction_rate(zone) };
            self.set_eviction_rate(zone, rate);
            self.taint_next(zone);
        }
    }

    fn count_zones(&mut self) {
        for zone in &mut self.tainting.zones {
            (zone.ready, zone.lost) = (0, 0);
        }
        self.tainting.not_ready = 0;
        for (_, node) in self.cluster.nodes.iter() {
            self.tainting.not_ready += u32::from(node.state == NodeState::NotReady);
            let zone = &mut self.tainting.zones[self.spec.node_shapes[node.shape].zone.0 as usize];
            match node.state {
                NodeState::Ready | NodeState::Dead => zone.ready += 1,
                NodeState::NotReady | NodeState::Reimaging => zone.lost += 1,
                NodeState::Joining | NodeState::Deallocated | NodeState::Gone => {}
            }
        }
    }

    /// `ComputeZoneState` and `setLimiterInZone` of one zone.
    fn eviction_rate(&self, zone: usize) -> f64 {
        let detection = &self.p.scenario.settings.detection;
        let Zone { ready, lost, .. } = self.tainting.zones[zone];
        let unhealthy = lost > 2 && f64::from(lost) >= detection.unhealthy_zone * f64::from(lost + ready);
        match unhealthy && ready > 0 {
            true if lost + ready > detection.large_zone => detection.secondary_per_second,
            true => 0.0,
            false => detection.evictions_per_second,
        }
    }

    /// A zone that had no token keeps none under its new rate (`SwapLimiter`).
    fn set_eviction_rate(&mut self, zone: usize, per_second: f64) {
        let now = self.now;
        let zone = &mut self.tainting.zones[zone];
        if zone.per_second == per_second {
            return;
        }
        if zone.per_second <= 0.0 || zone.next > now {
            zone.next = now + token_after(per_second);
        }
        zone.per_second = per_second;
    }

    /// Taints the nodes whose turn it is.
    fn taint_next(&mut self, zone: usize) {
        while let Some(&node) = self.tainting.zones[zone].queue.front() {
            let row = &self.cluster.nodes[node];
            if row.state != NodeState::NotReady || self.cluster.health[node].tainted.is_some() {
                self.tainting.zones[zone].queue.pop_front();
                continue;
            }
            let now = self.now;
            let at = &mut self.tainting.zones[zone];
            if at.per_second <= 0.0 {
                return;
            }
            if at.next > now {
                if at.look != Some(at.next) {
                    at.look = Some(at.next);
                    self.queue.at(at.next, Event::TaintNext { zone: ZoneId(zone as u32) });
                }
                return;
            }
            at.queue.pop_front();
            at.next = now + token_after(at.per_second);
            self.taint(node);
        }
    }

    pub(crate) fn taint_turn(&mut self, zone: ZoneId) {
        self.tainting.zones[zone.0 as usize].look = None;
        self.taint_next(zone.0 as usize);
    }

    /// The NoExecute taint of a lost node: the tolerations of its pods begin to run.
    fn taint(&mut self, node: NodeId) {
        self.cluster.health[node].tainted = Some(self.now);
        let pods = self.take_pods(node, |sim, p| sim.cluster.pods[p].state != PodState::Terminating);
        for &pod in &pods {
            let row = &self.cluster.pods[pod];
            if let Some(tolerated) = self.spec.workloads[row.workload].unreachable
                && self.on(Cause::UnreachableEviction)
            {
                self.queue.at(self.now + tolerated, Event::TolerationOver { pod, epoch: row.epoch });
            }
        }
        self.scheduling.pods = pods;
    }

    pub(crate) fn toleration_over(&mut self, pod: PodId, epoch: u32) {
        let row = self.cluster.pods[pod];
        if row.epoch != epoch || matches!(row.state, PodState::Terminating | PodState::Free) {
            return;
        }
        // A taint that was taken back and came again has its own end.
        let tainted = row.node.and_then(|n| self.cluster.health[n].tainted);
        let tolerated = self.spec.workloads[row.workload].unreachable;
        if tainted.zip(tolerated).is_some_and(|(since, tolerated)| since + tolerated == self.now) {
            self.delete_pod(pod);
        }
    }
}

fn token_after(per_second: f64) -> Duration {
    if per_second > 0.0 { Duration::from_secs_f64(1.0 / per_second) } else { Duration::ZERO }
}
