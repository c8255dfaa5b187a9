//! The cluster autoscaler: looks at the cluster every scan interval, asks for nodes where pods find none, and removes
//! nodes that are not needed.
//!
//! kubernetes/autoscaler 1.33 and 1.34 (`static_autoscaler.go`, `clusterstate.go`, `exponential_backoff.go`) with the
//! profile of AKS (docs cluster-autoscaler, 2026-07-30). A scan that changes nothing leaves no trace, so only those scans
//! are played at which something may be different: after the cluster has changed, and when a delay is over. They lie on
//! the grid of phase and interval all the same.
//! A scan that adds nodes looks for unneeded ones too (upstream waits for the next scan; the delay after adding holds
//! removals back either way).
//! Left out: the time a scan takes, annotations that name local volumes one by one, soft taints,
//! GPU utilisation, the two minutes after which a single refused eviction gives a drain up (here the whole drain has
//! `max_graceful_termination`).

mod grow;
mod shrink;

use crate::PoolId;
use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::process::looks::Looks;
use crate::process::room::Room;
use crate::random::{Process, entity_key};
use crate::settings::{AutoscalerProfile, Cause};
use crate::sim::Sim;
use crate::spec::Autoscaled;
use crate::time::{Duration, Time};
use crate::{Column, NodeId, PodId};

/// Name of the streams of the autoscaler.
const NAME: &str = "cluster-autoscaler";

/// What the autoscaler remembers.
#[derive(Debug, Default)]
pub(crate) struct Autoscaler {
    /// At least one pool has a range.
    active: bool,
    scans: Looks,
    groups: Column<PoolId, Group>,
    /// Pods that found no node, with the epoch that tells them from later tenants of the row.
    unschedulable: Vec<(PodId, u32)>,
    /// Nodes that are not needed, and since when.
    unneeded: Vec<(NodeId, Time)>,
    last_added: Option<Time>,
    last_deleted: Option<Time>,
    last_failed: Option<Time>,
    removals: u32,
    rooms: Vec<Room>,
}

/// A pool as the autoscaler knows it.
#[derive(Clone, Copy, Debug, Default)]
struct Group {
    range: Option<Autoscaled>,
    backoff: Option<Backoff>,
    /// Nodes added so far: they are named by it.
    added: u32,
}

#[derive(Clone, Copy, Debug)]
struct Backoff {
    until: Time,
    lasts: Duration,
}

impl<'a> Sim<'a> {
    /// Begins a trial: the phase of the scans is drawn unless the profile fixes it.
    pub(crate) fn start_autoscaler(&mut self) {
        let on = self.on(Cause::Autoscaler);
        let profile = self.autoscaler_profile();
        let drawn = interval(profile).as_secs_f64() * self.uniform(Process::Phase, entity_key(NAME), 0);
        let phase = profile.phase.unwrap_or_else(|| Duration::from_secs_f64(drawn));
        let mut state = std::mem::take(&mut self.autoscaler);
        state.groups.clear();
        state.unschedulable.clear();
        state.unneeded.clear();
        for (_, pool) in self.spec.pools.iter() {
            state.groups.push(Group { range: pool.autoscaler.filter(|_| on), ..Group::default() });
        }
        self.autoscaler = Autoscaler {
            active: state.groups.rows().iter().any(|g| g.range.is_some()),
            scans: Looks::at(phase),
            groups: state.groups,
            unschedulable: state.unschedulable,
            unneeded: state.unneeded,
            rooms: state.rooms,
            ..Autoscaler::default()
        };
        self.wake_autoscaler();
    }

    fn autoscaler_profile(&self) -> &'a AutoscalerProfile {
        &self.p.scenario.settings.autoscaler
    }

    /// The cluster changed: the next scan may find something to do.
    #[inline]
    pub(crate) fn wake_autoscaler(&mut self) {
        self.wake_provisioner();
        if self.autoscaler.active {
            self.scan_from(self.now);
        }
    }

    /// Queues the first scan at or after a time, where none is queued before it.
    fn scan_from(&mut self, time: Time) {
        let interval = interval(self.autoscaler_profile());
        if let Some(at) = self.autoscaler.scans.from(time, self.now, interval) {
            self.queue.at(at, Event::AutoscalerScans);
        }
    }

    pub(crate) fn autoscaler_scans(&mut self) {
        if !self.autoscaler.scans.due(self.now) {
            return;
        }
        // A cluster with too many lost nodes is left alone until one is back (clusterstate.go IsClusterHealthy).
        let runs = self.autoscaler_profile().runs_as.is_none_or(|w| self.cluster.workloads[w].up > 0);
        if !self.autoscaler.active || !runs || !self.healthy(None) {
            return;
        }
        let mut rooms = std::mem::take(&mut self.autoscaler.rooms);
        self.look_for_room(&mut rooms, |pool| self.autoscaler.groups[pool].range.is_some());
        if self.grow(&mut rooms) {
            self.scan_from(self.now);
        }
        self.shrink(&mut rooms);
        self.autoscaler.rooms = rooms;
    }

    /// True unless too many nodes of a pool, or of the cluster, are registered and not Ready.
    fn healthy(&self, pool: Option<PoolId>) -> bool {
        let (mut all, mut unready) = (0, 0);
        for (_, node) in self.cluster.nodes.iter().filter(|(_, n)| pool.is_none_or(|p| p == n.pool)) {
            let lost = matches!(node.state, NodeState::NotReady | NodeState::Reimaging);
            unready += u32::from(lost);
            all += u32::from(lost || node.registered());
        }
        let profile = self.autoscaler_profile();
        unready <= profile.ok_unready || unready * 100 <= profile.max_unready_percent * all
    }

    /// Takes note of a pod that found no node.
    pub(crate) fn autoscaler_sees(&mut self, pod: PodId) {
        self.provisioner_sees(pod);
        if self.autoscaler.active {
            self.autoscaler.unschedulable.push((pod, self.cluster.pods[pod].epoch));
            self.wake_autoscaler();
        }
    }

    /// Gives a pool another range, or none.
    pub(crate) fn set_autoscaler(&mut self, pool: PoolId, range: Option<Autoscaled>) {
        if !self.on(Cause::Autoscaler) {
            return;
        }
        self.autoscaler.groups[pool].range = range;
        if range.is_none() {
            self.autoscaler_lets_go_of_pool(pool);
        }
        let active = self.autoscaler.groups.rows().iter().any(|g| g.range.is_some());
        if active && !self.autoscaler.active {
            // It has not looked until now.
            let waiting = self.cluster.pods.iter().filter(|(_, p)| p.state == PodState::Pending && p.attempts > 0);
            self.autoscaler.unschedulable = waiting.map(|(id, p)| (id, p.epoch)).collect();
            self.autoscaler.unneeded.clear();
        }
        self.autoscaler.active = active;
        self.wake_autoscaler();
    }

    /// True while a planned operation works on the pool.
    fn operation_on(&self, pool: PoolId) -> bool {
        self.operations.iter().zip(0..).any(|(run, operation)| {
            run.started.is_some() && run.ended.is_none() && self.pool_of(operation) == Some(pool)
        })
    }

    /// A node it asked for is Ready: the pool is in favour again when it was the last one.
    pub(crate) fn autoscaler_node_ready(&mut self, node: NodeId) {
        let pool = self.cluster.nodes[node].pool;
        let awaited = |n: &NodeId| self.cluster.nodes[*n].added && self.cluster.nodes[*n].state == NodeState::Joining;
        if self.cluster.nodes[node].added && !self.cluster.nodes_of(pool).any(|n| awaited(&n)) {
            self.autoscaler.groups[pool].backoff = None;
        }
    }

    /// A request failed at once or did not bring a node in time: the pool is left alone for a while, longer each time
    /// (exponential_backoff.go; failures within one back-off count once).
    pub(crate) fn scale_up_failed(&mut self, pool: PoolId) {
        self.tell(Incident::AutoscalerFailed { pool });
        let (now, profile) = (self.now, self.autoscaler_profile());
        let lasts = match self.autoscaler.groups[pool].backoff {
            Some(b) if now < b.until => b.lasts,
            Some(b) if now <= b.until + profile.backoff_forgotten => {
                Duration(b.lasts.0.saturating_mul(2)).min(profile.backoff_most)
            }
            _ => profile.backoff,
        };
        self.autoscaler.groups[pool].backoff = Some(Backoff { until: now + lasts, lasts });
        self.wake_autoscaler();
    }
}

fn interval(profile: &AutoscalerProfile) -> Duration {
    profile.scan_interval.max(Duration::secs(1))
}
