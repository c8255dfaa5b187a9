//! Load: scripted and random bursts, and the horizontal and proportional autoscalers that answer.
//!
//! A burst lifts the load of everything that follows load: a ramp in four steps, a hold, an exponential way back in steps
//! of half its time constant. Bursts that overlap add their excess over the base. The horizontal autoscaler is
//! Kubernetes v1.34's: every 15 s, tolerance 0.1, 300 s of stabilisation on the way down; at base load it is at rest with
//! the replicas of the snapshot. Pods that are not ready or without metrics hold it back ([`replicas::horizontal_seen`]). Left out: noise and seasons, delay of metrics.

use crate::contingency::{About, Contingency};
use crate::event::Event;
use crate::outcome::Incident;
use crate::parameters::Knob;
use crate::process::replicas::{self, Seen};
use crate::random::distribution::{exponential_quantile, pareto_quantile};
use crate::random::{Process, entity_key};
use crate::scenario::Decay;
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
/// Steps of a burst: on the way up, and on the way back (three time constants).
const UP: u32 = 4;
const BACK: u32 = 6;

/// A burst of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    pub target: Option<WorkloadId>,
    /// Excess over the base at the top: factor - 1.
    pub top: f64,
    pub ramp: Duration,
    pub hold: Duration,
    pub decay: Decay,
    /// Excess now.
    pub excess: f64,
}

impl Sim<'_> {
    pub(crate) fn start_bursts(&mut self) {
        if self.on(Cause::Burst) && self.parameters.get(Knob::Bursts) > 0.0 {
            self.next_burst(0);
        }
    }

    fn next_burst(&mut self, n: u32) {
        let u = self.streams.uniform(Process::BurstTime, entity_key("cluster"), n);
        let wait = Duration::from_secs_f64(exponential_quantile(u) / self.parameters.get(Knob::Bursts) * 3600.0);
        self.queue.at(self.now + wait, Event::BurstBegins { n });
    }

    pub(crate) fn burst_begins(&mut self, n: u32) {
        self.next_burst(n + 1);
        if !self.happens(Contingency::Burst { n }, About::default()) {
            return;
        }
        let key = entity_key("cluster");
        let bursts = &self.p.scenario.settings.bursts;
        let exponent = self.parameters.get(Knob::BurstExponent);
        let factor = pareto_quantile(self.uniform(Process::BurstFactor, key, n), bursts.factor_min, exponent);
        let ramp = self.draw(&bursts.ramp, Process::BurstRamp, key, n);
        let hold = self.draw(&bursts.hold, Process::BurstHold, key, n);
        self.add_burst(None, factor, ramp, hold, bursts.decay);
    }

    pub(crate) fn add_burst(
        &mut self,
        target: Option<WorkloadId>,
        factor: f64,
        ramp: Duration,
        hold: Duration,
        decay: Decay,
    ) {
        self.counts.bursts += 1;
        let burst = self.bursts.len() as u32;
        self.bursts.push(Burst { target, top: factor - 1.0, ramp, hold, decay, excess: 0.0 });
        self.burst_step(burst, 0);
    }

    /// Step 0..UP climbs, UP holds, the rest goes back, the last one ends at the base.
    pub(crate) fn burst_step(&mut self, burst: u32, step: u32) {
        let b = &mut self.bursts[burst as usize];
        let (excess, lasts) = match step {
            s if s < UP => (b.top * f64::from(s + 1) / f64::from(UP), Duration(b.ramp.0 / u64::from(UP))),
            UP => (b.top, b.hold),
            s if s <= UP + BACK => {
                let at = f64::from(s - UP - 1);
                match b.decay {
                    // Mean of exp(-t) over the step's half time constant.
                    Decay::Exponential(constant) => {
                        let mean = (libm::exp(-at / 2.0) - libm::exp(-(at + 1.0) / 2.0)) / 0.5;
                        (b.top * mean, Duration(constant.0 / 2))
                    }
                    Decay::Linear(back) => {
                        let steps = f64::from(BACK);
                        (b.top * (1.0 - (at + 0.5) / steps), Duration(back.0 / u64::from(BACK)))
                    }
                }
            }
            _ => (0.0, Duration::ZERO),
        };
        b.excess = excess;
        if step <= UP + BACK {
            self.queue.at(self.now + lasts, Event::BurstStep { burst, step: step + 1 });
        }
        let target = self.bursts[burst as usize].target;
        self.load_changes(target);
    }

    /// Sets the scripted load of one workload or of all.
    pub(crate) fn set_load(&mut self, target: Option<WorkloadId>, factor: f64) {
        for workload in self.cluster.workloads.ids() {
            if target.is_none_or(|t| t == workload) {
                self.cluster.workloads[workload].scripted_load = factor;
            }
        }
        self.load_changes(target);
    }

    fn load_changes(&mut self, target: Option<WorkloadId>) {
        for (id, spec) in self.spec.workloads.iter() {
            if !spec.follows_load || target.is_some_and(|t| t != id) {
                continue;
            }
            let excess: f64 = self.bursts.iter().filter(|b| b.target.is_none_or(|t| t == id)).map(|b| b.excess).sum();
            let row = &mut self.cluster.workloads[id];
            row.load = (row.scripted_load * (1.0 + excess)).max(0.0);
        }
        if self.log.is_some() {
            let excess: f64 = self.bursts.iter().filter(|b| b.target == target).map(|b| b.excess).sum();
            let scripted = target.map_or(1.0, |t| self.cluster.workloads[t].scripted_load);
            self.tell(Incident::LoadChanged { target, percent: (scripted * (1.0 + excess) * 100.0) as u32 });
        }
        self.touch_flows();
        self.memory_follows_load();
        self.queue_horizontal();
    }

    fn queue_horizontal(&mut self) {
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
        row.lower_since.is_some() || wanted != row.desired || row.up != row.alive
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
        let ratio = (row.load * f64::from(row.base) / f64::from(row.ready.max(1))).min(most.max(1.0));
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
