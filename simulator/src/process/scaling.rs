//! The horizontal and proportional autoscalers that answer load and nodes.
//!
//! The horizontal autoscaler is Kubernetes v1.34's: every 15 s, tolerance 0.1, 300 s of stabilisation on the way down; at base
//! load it is at rest with the replicas of the snapshot. Pods that are not ready or without metrics hold it back
//! ([`replicas::horizontal_seen`]). It sees what a service is truly asked, retries included. Left out: delay of metrics.

use crate::contingency::{About, Contingency};
use crate::event::Event;
use crate::process::replicas::{self, Seen};
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Scaling;
use crate::time::{Duration, Time};
use crate::{PoolId, WorkloadId};

/// Period of the horizontal autoscaler.
const SYNC: Duration = Duration::secs(15);
/// Its stabilisation on the way down.
const STABILISATION: Duration = Duration::secs(300);
/// Its tolerance.
const TOLERANCE: f64 = 0.1;
/// Poll period of the cluster-proportional-autoscaler.
const POLL: Duration = Duration::secs(10);

impl Sim<'_> {
    pub(crate) fn queue_horizontal(&mut self) {
        if !self.horizontal_queued && self.on(Cause::HorizontalAutoscaler) {
            self.horizontal_queued = true;
            let phase =
                Duration::from_secs_f64(SYNC.as_secs_f64() * self.uniform(Process::Phase, entity_key("horizontal"), 0));
            let periods = self.now.since(Time::ZERO + phase).0.div_ceil(SYNC.0);
            let next = Time(phase.0 + periods * SYNC.0).0.max(self.now.0);
            self.queue.at(Time(next), Event::HorizontalSync);
        }
    }

    pub(crate) fn horizontal_sync(&mut self) {
        self.horizontal_queued = false;
        if self.without_metrics() {
            if self.wants_more() {
                self.standing.counts.scaling += SYNC;
            }
            self.horizontal_queued = true;
            self.queue.at(self.now + SYNC, Event::HorizontalSync);
            return;
        }
        let mut restless = false;
        for (id, spec) in self.spec.workloads.iter() {
            if let Some(Scaling::Utilisation { min, max, .. }) = spec.scaling {
                restless |= self.scale_horizontally(id, min, max);
            }
        }
        if restless {
            self.horizontal_queued = true;
            self.queue.at(self.now + SYNC, Event::HorizontalSync);
        }
    }

    /// True where an autoscaler would make more replicas if it saw the load.
    fn wants_more(&self) -> bool {
        self.spec.workloads.iter().any(|(id, spec)| match spec.scaling {
            Some(Scaling::Utilisation { min, max, .. }) => {
                let row = &self.cluster.workloads[id];
                let (min, max) = (min.min(row.base), max.max(row.base));
                row.desired > 0 && self.replicas_for_load(id).clamp(min, max.max(min)) > row.desired
            }
            _ => false,
        })
    }

    /// One look at one workload. True while another look is needed.
    fn scale_horizontally(&mut self, id: WorkloadId, min: u32, max: u32) -> bool {
        let row = self.cluster.workloads[id];
        if row.desired == 0 || row.base == 0 {
            return false;
        }
        // The snapshot's replicas are taken to be at rest, whatever the stated bounds.
        let (min, max) = (min.min(row.base), max.max(row.base));
        let wanted = self.replicas_for_load(id).clamp(min, max.max(min));
        let mut state = &mut self.cluster.workloads[id].lower_since;
        let mut target = row.desired;
        if wanted >= row.desired {
            *state = None;
            target = wanted.min(replicas::most_at_once(row.desired));
        } else {
            let (since, most) = state.map_or((self.now, wanted), |(since, most)| (since, most.max(wanted)));
            *state = Some((since, most));
            if self.now.since(since) >= STABILISATION {
                target = most;
                state = &mut self.cluster.workloads[id].lower_since;
                *state = None;
            }
        }
        self.controller_sets_replicas(id, target);
        let row = &self.cluster.workloads[id];
        row.lower_since.is_some() || wanted != row.desired || row.up != row.alive || row.load.slope != 0.0
    }

    /// Replicas as a controller wants them, unless it is taken not to lessen those of a watched workload.
    fn controller_sets_replicas(&mut self, workload: WorkloadId, wanted: u32) {
        let watched = self.spec.workloads[workload].minimum.is_some();
        let fewer = watched && wanted < self.cluster.workloads[workload].desired;
        if !fewer || self.happens(Contingency::FewerReplicas { workload }, About::default()) {
            self.set_replicas(workload, wanted);
        }
    }

    /// What the use of the pods that are ready comes to. It is 1 in terms of the target at base load with the snapshot's
    /// replicas, and no pod uses more CPU than its limit.
    fn replicas_for_load(&self, id: WorkloadId) -> u32 {
        let (row, spec) = (self.cluster.workloads[id], &self.spec.workloads[id]);
        let seen =
            Seen { measured: row.up, unready: row.alive - row.ready, missing: row.ready - row.up.min(row.ready) };
        let most = spec.cpu_limit.map_or(f64::INFINITY, |limit| limit as f64 / spec.cpu_use.max(1) as f64);
        let ratio = (self.load_on(id) * f64::from(row.base) / f64::from(row.ready.max(1))).min(most.max(1.0));
        let target = match spec.scaling {
            Some(Scaling::Utilisation { target_percent, .. }) if target_percent > 0.0 => target_percent,
            _ => 100.0,
        };
        replicas::horizontal_seen(row.desired, seen, ratio, target.max(100.0) / target, TOLERANCE)
    }

    /// Nodes came, went or changed: proportional autoscalers will see it at their next poll.
    pub(crate) fn nodes_changed(&mut self) {
        self.wake_autoscaler();
        self.sizing_may_change();
        self.reach_may_change();
        let proportional = self.spec.workloads.iter().any(|(_, w)| matches!(w.scaling, Some(Scaling::Ladder { .. })));
        if proportional && !self.proportional_queued && self.on(Cause::ProportionalAutoscaler) {
            self.proportional_queued = true;
            self.queue.at(self.now + POLL, Event::ProportionalSync);
        }
    }

    pub(crate) fn proportional_sync(&mut self) {
        self.proportional_queued = false;
        let (mut nodes, mut milli) = (0, 0);
        for (_, node) in self.cluster.nodes.iter() {
            if node.registered() && !node.cordoned {
                nodes += 1;
                milli += self.spec.node_shapes[node.shape].cores;
            }
        }
        for (id, spec) in self.spec.workloads.iter() {
            if let Some(Scaling::Ladder { cores, nodes: steps }) = &spec.scaling {
                let wanted = replicas::ladder((milli / 1000) as u32, nodes, cores, steps);
                // No step: the autoscaler leaves the replicas as they are.
                if wanted > 0 {
                    self.controller_sets_replicas(id, wanted.max(self.cluster.workloads[id].floor));
                }
            }
        }
    }

    /// Nodes of system pools that can be used, for the series.
    pub(crate) fn is_system(&self, pool: PoolId) -> bool {
        self.spec.pools[pool].system
    }
}
