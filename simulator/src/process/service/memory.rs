//! Containers of services that are killed above their memory limit, and come back.
//!
//! A replica that is asked more than it can serve holds memory for what it is asked. Where that is above the limit, the kernel
//! kills the container as soon as it is filled; its pod stays where it is, not Ready, and the others get its share: they may be
//! next. The kubelet restarts it at once the first time, then after 10 s doubling to 5 min, anew once it has run for 10 min
//! (kubelet v1.34 kuberuntime_manager.go `doBackOff`, client-go flowcontrol/backoff.go: an entry expires after twice the
//! longest). Restarted, it starts and becomes ready as any pod does. Left out: kills for other reasons, working sets below the limit,
//! which count towards a node's pressure as the workload's [`crate::spec::Memory`] says.

use super::flow::Flow;
use crate::PodId;
use crate::WorkloadId;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::ServiceMemory;
use crate::time::{Duration, Time};

/// A container that is asked so much that it will be above its limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling {
    pod: PodId,
    epoch: u32,
    kill: Time,
}

/// What a kubelet remembers of a container that it had to restart.
#[derive(Clone, Copy, Debug)]
pub(super) struct BackOff {
    pod: PodId,
    /// Tells it from other pods of the same row.
    start: u32,
    wait: Duration,
    /// When it was restarted last, or will be.
    last: Time,
}

impl Sim<'_> {
    /// Requests per second to one replica above which its container is killed while it cannot serve them.
    fn deadly(&self, workload: WorkloadId) -> Option<(f64, Duration)> {
        let memory: ServiceMemory = self.spec.workloads[workload].service.as_ref()?.memory?;
        let limit = self.cluster.workloads[workload].memory_limit?;
        let room = (limit - memory.base) as f64;
        let most = if memory.per_rate > 0.0 { room / memory.per_rate } else { f64::INFINITY };
        (most.is_finite() && self.on(Cause::OomKill)).then_some((most.max(0.0), memory.fills))
    }

    /// Looks which containers fill up, and says how much may be asked in all before the next one does.
    pub(super) fn watch_memory(&mut self, flow: &Flow) -> f64 {
        let Some((most, fills)) = self.deadly(flow.workload) else { return f64::INFINITY };
        let each = flow.each(flow.offered(self.now));
        let mut next = f64::INFINITY;
        for member in &flow.members {
            let Some(pod) = member.pod else { continue };
            let bound = most.max(member.cap);
            if each <= bound * (1.0 + 1e-9) {
                self.flows.filling.retain(|f| f.pod != pod);
                next = next.min(bound);
                continue;
            }
            let epoch = self.cluster.pods[pod].epoch;
            if self.flows.filling.iter().all(|f| f.pod != pod || f.epoch != epoch) {
                let kill = self.now + fills;
                self.flows.filling.retain(|f| f.pod != pod);
                self.flows.filling.push(Filling { pod, epoch, kill });
                self.queue.at(kill, Event::ContainerFull { pod, epoch });
            }
        }
        if next.is_finite() && flow.arrives > 0.0 { next * flow.targets / flow.arrives } else { f64::INFINITY }
    }

    /// A container has filled up, unless it is asked less again.
    pub(crate) fn container_full(&mut self, pod: PodId, epoch: u32) {
        let due = |f: &Filling| f.pod == pod && f.epoch == epoch && f.kill == self.now;
        let row = self.cluster.pods[pod];
        if !self.flows.filling.iter().any(due) || row.epoch != epoch || !row.up {
            return;
        }
        let Some(node) = row.node else { return };
        self.flows.filling.retain(|f| f.pod != pod);
        self.counts.oom_kills += 1;
        if let Some(flow) = self.flows.services.iter_mut().find(|f| f.workload == row.workload) {
            flow.facts.kills += 1;
        }
        self.tell(Incident::ContainerKilled { pod, workload: row.workload, node });
        self.endpoint_ends(pod, self.now);
        self.cluster.set_serving(pod, false, false);
        let killed = &mut self.cluster.pods[pod];
        killed.state = PodState::Starting;
        killed.epoch += 1;
        killed.generation += 1;
        let epoch = killed.epoch;
        self.serving_changed(row.workload);
        let wait = self.back_off(pod, row.start);
        if !wait.is_zero() {
            self.tell(Incident::ContainerBacksOff { pod, workload: row.workload, node, wait });
        }
        self.queue.at(self.now + wait, Event::ContainerStarts { pod, epoch });
    }

    pub(crate) fn container_starts(&mut self, pod: PodId, epoch: u32) {
        let row = self.cluster.pods[pod];
        let alive = row.node.is_some_and(|node| !self.cluster.nodes[node].is_dead());
        if row.epoch == epoch && row.state == PodState::Starting && alive {
            self.start_pod(pod, false);
        }
    }

    /// How long a kubelet waits before it restarts a container that has just died.
    fn back_off(&mut self, pod: PodId, start: u32) -> Duration {
        let restarts = self.p.scenario.settings.restarts;
        let now = self.now;
        let fresh = BackOff { pod, start, wait: restarts.first, last: now };
        let Some(known) = self.flows.back_offs.iter_mut().find(|b| b.pod == pod) else {
            self.flows.back_offs.push(fresh);
            return Duration::ZERO;
        };
        if known.start != start || now.since(known.last) > restarts.forgotten {
            *known = fresh;
            return Duration::ZERO;
        }
        let wait = known.wait;
        known.wait = Duration((wait.0 * 2).min(restarts.most.0));
        known.last = now + wait;
        wait
    }

    /// The memory limit of a service's containers changes, and those that wait to be restarted start anew.
    pub(crate) fn set_memory_limit(&mut self, workload: WorkloadId, bytes: Option<i64>) {
        self.cluster.workloads[workload].memory_limit = bytes;
        self.tell(Incident::MemoryLimitSet { workload, mebibytes: bytes.map(|b| (b >> 20).max(0) as u64) });
        let now = self.now;
        for i in 0..self.flows.back_offs.len() {
            let known = self.flows.back_offs[i];
            let row = self.cluster.pods[known.pod];
            if row.workload == workload && row.start == known.start && known.last > now {
                // The start it waits for is void.
                self.cluster.pods[known.pod].epoch += 1;
                self.queue.at(now, Event::ContainerStarts { pod: known.pod, epoch: row.epoch + 1 });
            }
        }
        let cluster = &self.cluster;
        self.flows.back_offs.retain(|b| cluster.pods[b.pod].workload != workload);
        self.touch_flows();
    }
}
