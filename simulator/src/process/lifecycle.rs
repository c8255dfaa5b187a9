//! The life of a pod: bound, started, ready, stopping, gone.
//!
//! Kubernetes v1.34 semantics: a pod marked for deletion leaves its service at once and holds its requests until it has
//! exited; on a node that is dead nobody confirms the exit, so the pod stays Terminating until the node is back or deleted.
//! Its traffic ends a little later: `service::gaps`. Left out: crash loops, init containers' own time, propagation of new endpoints (kept
//! in the readiness times).

use crate::cluster::pod::PodState;
use crate::contingency::Contingency;
use crate::event::Event;
use crate::outcome::Incident;
use crate::process::scheduling::Happened;
use crate::random::Process;
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::time::{Duration, Time};
use crate::{NodeId, PodId};

impl Sim<'_> {
    /// Binds a pod and starts it.
    pub(crate) fn place(&mut self, pod: PodId, node: NodeId) {
        let workload = self.cluster.pods[pod].workload;
        self.counts.placements += 1;
        if self.spec.workloads[workload].minimum.is_some() {
            let waited = self.cluster.waited(pod, self.now);
            self.counts.longest_wait = self.counts.longest_wait.max(waited);
        }
        self.cluster.bind(self.spec, &self.p.compat, pod, node);
        self.cluster.pods[pod].nominated = None;
        if self.cluster.peers {
            let shape = self.cluster.shape_of(self.spec, pod);
            self.wake_scheduler(Happened::PodBound(shape));
        }
        self.tell(Incident::PodBound { pod, workload, node });
        if self.spec.workloads[workload].service.is_some() {
            self.cluster.nodes[node].serving += 1;
        }
        self.node_load_changed(node);
        if !self.cluster.nodes[node].is_dead() {
            self.start_pod(pod, true);
        }
    }

    /// Pulls (where the node does not have the images yet), starts and awaits readiness of a bound pod: one pending event.
    pub(crate) fn start_pod(&mut self, pod: PodId, pull: bool) {
        let row = self.cluster.pods[pod];
        if row.gapless {
            self.cluster.pods[pod].gapless = false;
            self.queue.at(self.now, Event::PodReady { pod, epoch: row.epoch });
            return;
        }
        if let Some(node) = row.node
            && self.lacks_driver(pod, node)
        {
            let row = &mut self.cluster.pods[pod];
            (row.awaits_driver, row.queued, row.since) = (true, self.now, Time::NEVER);
            let workload = row.workload;
            self.tell(Incident::PodAwaitsDriver { pod, workload, node });
            return;
        }
        self.start_mounted(pod, pull, Duration::ZERO);
    }

    /// The same with its volumes, which are mounted after a while: the kubelet pulls no image before.
    pub(crate) fn start_mounted(&mut self, pod: PodId, pull: bool, mounts: Duration) {
        let row = self.cluster.pods[pod];
        self.cluster.pods[pod].awaits_driver = false;
        let workload = &self.spec.workloads[row.workload];
        let cached = row.node.is_some_and(|node| !self.cluster.images.add(node, row.workload))
            && self.p.scenario.settings.images_kept
            && self.on(Cause::ImageCache);
        let pulls = pull && !cached;
        let draw = |dist, process| self.draw(dist, process, row.key, row.generation);
        let mut pull = if pulls { draw(&workload.pull, Process::ImagePull) } else { Duration::ZERO };
        let mut start = draw(&workload.start, Process::StartUp);
        let mut readiness = draw(&workload.readiness, Process::Readiness);
        if self.contingencies.is_some() {
            let usual = (if pulls { workload.pull.median() } else { Duration::ZERO }, workload.start.median());
            let slow = pull + start + readiness > usual.0 + usual.1 + workload.readiness.median();
            if slow && !self.happens_to_pod(|pod, generation| Contingency::SlowStart { pod, generation }, pod) {
                (pull, start, readiness) = (usual.0, usual.1, workload.readiness.median());
            }
        }
        let runs = self.pulled(row.node, pull) + mounts + start;
        self.cluster.pods[pod].since = runs;
        self.queue.at(runs + readiness, Event::PodReady { pod, epoch: row.epoch });
    }

    /// When a pod's images are there: a kubelet that pulls one after the other first finishes those it has begun.
    fn pulled(&mut self, node: Option<NodeId>, pull: Duration) -> Time {
        match node {
            Some(node) if self.p.scenario.settings.serial_pulls && !pull.is_zero() => {
                let pulled = &mut self.cluster.health[node].pulled;
                *pulled = (*pulled).max(self.now) + pull;
                *pulled
            }
            _ => self.now + pull,
        }
    }

    pub(crate) fn pod_ready(&mut self, pod: PodId, epoch: u32) {
        let row = self.cluster.pods[pod];
        let Some(node) = row.node else { return };
        if row.epoch != epoch || row.state != PodState::Starting || self.cluster.nodes[node].is_dead() {
            return;
        }
        if self.is_grey(node) {
            return; // it starts again when the node is of use again
        }
        self.cluster.pods[pod].state = PodState::Running;
        self.cluster.set_serving(pod, true, true);
        self.agent_ready(pod);
        self.tell(Incident::PodReady { pod, workload: row.workload, node });
        self.joins_rotation(pod);
        self.serving_changed(row.workload);
        self.memory_grew(node);
        self.owner_sees_ready(pod);
        self.owner_looks_again(row.workload);
        if self.spec.workloads[row.workload].kind == WorkloadKind::DaemonSet {
            self.daemon_ready(pod, node);
        }
        self.budgets_may_allow_more();
    }

    /// Marks a pod for deletion and lets its owner replace it. Pods that run nowhere are gone at once.
    pub(crate) fn delete_pod(&mut self, pod: PodId) {
        let grace = self.spec.workloads[self.cluster.pods[pod].workload].grace;
        self.delete_pod_within(pod, grace);
    }

    /// The same with another grace period than the pod's own.
    pub(crate) fn delete_pod_within(&mut self, pod: PodId, grace: Duration) {
        let row = self.cluster.pods[pod];
        debug_assert!(row.state != PodState::Terminating);
        let runs = row.node.is_some_and(|node| !self.cluster.nodes[node].is_dead());
        let exit = match runs {
            true => {
                let exit = &self.spec.workloads[row.workload].exit;
                self.now + self.draw(exit, Process::Exit, row.key, row.generation).min(grace)
            }
            false => self.now,
        };
        self.endpoint_ends(pod, if row.up { exit } else { self.now });
        self.entries_may_stay(pod);
        self.cluster.terminate(self.spec, pod);
        if !row.held {
            self.tell(Incident::PodStopping { pod, workload: row.workload });
        }
        // Spreading does not count it any more. The scheduler is not told of that, but counts anew when it tries.
        self.scheduling.hope();
        self.serving_changed(row.workload);
        match row.node {
            None => {
                self.owner_sees_deletion(&row);
                self.pod_gone(pod);
            }
            Some(_) if !runs => {}
            Some(_) => self.queue.at(exit, Event::PodExits { pod, epoch: self.cluster.pods[pod].epoch }),
        }
        if row.node.is_some() {
            self.owner_sees_deletion(&row);
        }
    }

    pub(crate) fn pod_exits(&mut self, pod: PodId, epoch: u32) {
        let row = self.cluster.pods[pod];
        let stuck = row.node.is_some_and(|n| self.cluster.nodes[n].is_dead());
        if row.epoch == epoch && row.state == PodState::Terminating && !stuck {
            self.pod_gone(pod);
        }
    }

    /// Removes a pod for good: frees its node, tells drain, scheduler and owner.
    pub(crate) fn pod_gone(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let shape = self.cluster.shape_of(self.spec, pod);
        self.endpoint_ends(pod, self.now);
        self.entries_may_stay(pod);
        self.cluster.remove(self.spec, &self.p.compat, pod);
        if row.held {
            self.hold_may_end(row.workload);
        } else {
            self.tell(Incident::PodGone { pod, workload: row.workload });
        }
        if self.scheduling.forget_nominated(pod) {
            self.wake_scheduler(Happened::PodGone(shape));
        }
        if let Some(node) = row.node {
            if self.spec.workloads[row.workload].service.is_some() {
                self.cluster.nodes[node].serving -= 1;
            }
            self.node_load_changed(node);
            self.wake_scheduler(Happened::PodGone(shape));
            self.drain_may_be_done(node);
        }
        self.serving_changed(row.workload);
        self.owner_sees_end(&row);
        self.owner_looks_again(row.workload);
    }

    /// All pods of a node vanish with it.
    pub(crate) fn lose_pods(&mut self, node: NodeId) {
        let mut pods = std::mem::take(&mut self.scheduling.pods);
        pods.clear();
        pods.extend(self.cluster.pods_on(node));
        // In order of creation, so that owners replace them in a stable order.
        pods.sort_unstable_by_key(|&p| self.cluster.pods[p].start);
        for &pod in &pods {
            if self.cluster.pods[pod].node != Some(node) {
                continue; // the end of one before it ended a drain, and the node was made anew
            }
            let workload = self.cluster.pods[pod].workload;
            if self.cluster.pods[pod].state != PodState::Terminating {
                self.tell(Incident::PodLost { pod, workload, node });
            }
            self.pod_gone(pod);
        }
        self.scheduling.pods = pods;
    }
}
