//! Pods that a kubelet evicts because its node runs out of memory.
//!
//! kubelet v1.34 pkg/kubelet/eviction, hard threshold: looks every 10 s (`monitoringInterval`); where the pods' working sets
//! exceed what is allocatable (signal `allocatableMemory.available`, the threshold being part of what is not allocatable) it
//! evicts one pod, whatever disruption budgets say, with a second to exit (`immediateEvictionGracePeriodSeconds`). Order
//! (`rankMemoryPressure`): pods above their requests first, then the lowest priority, then the most above its requests. Static
//! pods and those of system-critical priority stay (`IsCriticalPod`). The condition MemoryPressure, and with it the taint
//! `node.kubernetes.io/memory-pressure`, lasts five minutes longer than its cause (`evictionPressureTransitionPeriod`); pods
//! with requests tolerate it (admission PodTolerationRestriction). An evicted pod has failed, and its owner makes another.
//!
//! A pod's memory counts from its being ready until it has exited. Left out: disks and process ids, kills by the kernel, soft
//! thresholds, images that are deleted to make room, the back-off of DaemonSets for pods that failed.

use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::{ClusterSpec, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, PodId};

/// Time between two looks of a kubelet.
const LOOKS: Duration = Duration::secs(10);
/// How long pressure is reported after it has ended.
const TRANSITION: Duration = Duration::mins(5);
/// How long an evicted pod may take to exit.
const GRACE: Duration = Duration::secs(1);
/// Pods of this priority and above are critical (`SystemCriticalPriority`).
const CRITICAL: i32 = 2_000_000_000;

/// True where pods may use more memory than they ask for: else no node can run short.
pub(crate) fn may_arise(spec: &ClusterSpec) -> bool {
    let asked = |id| spec.pod_shapes[id].requests.memory;
    spec.workloads.rows().iter().any(|w| w.memory.with_load > 0.0 || w.memory.used.is_some_and(|m| m > asked(w.shape)))
}

impl Sim<'_> {
    fn pressure_matters(&self) -> bool {
        self.p.memory_matters && self.on(Cause::PressureEviction)
    }

    /// Pods of a node use more memory than before: its kubelet will see it at its next look.
    pub(crate) fn memory_grew(&mut self, node: NodeId) {
        if !self.pressure_matters() || self.cluster.health[node].watched || !self.short_of_memory(node) {
            return;
        }
        self.cluster.health[node].watched = true;
        let phase = LOOKS.as_secs_f64() * self.uniform(Process::Phase, self.cluster.nodes[node].key, 0);
        let phase = Duration::from_secs_f64(phase);
        let looks = self.now.0.saturating_sub(phase.0).div_ceil(LOOKS.0);
        self.queue.at(crate::Time(phase.0 + looks * LOOKS.0), Event::KubeletLooks(node));
    }

    /// The load has changed everywhere.
    pub(crate) fn memory_follows_load(&mut self) {
        if self.pressure_matters() {
            for node in self.cluster.nodes.ids() {
                self.memory_grew(node);
            }
        }
    }

    pub(crate) fn kubelet_looks(&mut self, node: NodeId) {
        if self.cluster.nodes[node].state != NodeState::Ready {
            self.set_pressure(node, false);
            self.cluster.health[node].watched = false;
            return;
        }
        if self.short_of_memory(node) {
            self.cluster.health[node].pressed_until = self.now + TRANSITION;
            self.set_pressure(node, true);
            self.press_out_one(node);
        } else if self.cluster.health[node].pressed_until <= self.now {
            self.set_pressure(node, false);
            self.cluster.health[node].watched = false;
            return;
        }
        self.queue.at(self.now + LOOKS, Event::KubeletLooks(node));
    }

    fn set_pressure(&mut self, node: NodeId, pressed: bool) {
        let before = self.cluster.nodes[node];
        if before.pressed != pressed {
            self.cluster.nodes[node].pressed = pressed;
            self.cluster.touch(node);
            self.tell(if pressed { Incident::NodePressed { node } } else { Incident::NodeRelieved { node } });
            self.node_updated(node, before);
        }
    }

    fn short_of_memory(&self, node: NodeId) -> bool {
        let row = &self.cluster.nodes[node];
        let used: i64 = self.cluster.pods_on(node).map(|pod| self.memory_of(pod)).sum();
        row.state == NodeState::Ready && used > self.spec.node_shapes[row.shape].allocatable.memory
    }

    /// Working set of a pod, in bytes.
    fn memory_of(&self, pod: PodId) -> i64 {
        let row = &self.cluster.pods[pod];
        if !matches!(row.state, PodState::Running | PodState::Terminating) {
            return 0;
        }
        let memory = &self.spec.workloads[row.workload].memory;
        let base = memory.used.unwrap_or_else(|| self.memory_asked(pod));
        let owner = &self.cluster.workloads[row.workload];
        let mut used = base;
        if memory.with_load > 0.0 && owner.base > 0 {
            let load = self.load_on(row.workload) * f64::from(owner.base) / f64::from(owner.ready.max(1));
            used = (base as f64 * (1.0 + memory.with_load * (load - 1.0))).max(0.0) as i64;
        }
        memory.limit.map_or(used, |limit| used.min(limit))
    }

    fn memory_asked(&self, pod: PodId) -> i64 {
        self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].requests.memory
    }

    /// Evicts the pod that is first in the kubelet's order, where there is one.
    fn press_out_one(&mut self, node: NodeId) {
        let spared = |p: &PodId| {
            let row = &self.cluster.pods[*p];
            let shape = &self.spec.pod_shapes[self.cluster.shape_of(self.spec, *p)];
            let kind = self.spec.workloads[row.workload].kind;
            row.state == PodState::Terminating || kind == WorkloadKind::Mirror || shape.priority >= CRITICAL
        };
        let rank = |p: &PodId| {
            let above = self.memory_of(*p) - self.memory_asked(*p);
            let priority = self.spec.pod_shapes[self.cluster.shape_of(self.spec, *p)].priority;
            (above > 0, std::cmp::Reverse(priority), above, self.cluster.pods[*p].start)
        };
        let first = self.cluster.pods_on(node).filter(|p| !spared(p)).max_by_key(rank);
        if let Some(pod) = first {
            let workload = self.cluster.pods[pod].workload;
            self.counts.pressure_evictions += 1;
            self.tell(Incident::PodPressedOut { pod, workload, node });
            self.delete_pod_within(pod, GRACE);
        }
    }
}
