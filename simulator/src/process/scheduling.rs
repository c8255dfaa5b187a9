//! The scheduler in time: one pod after the other, each decision taking its time; pods that fit nowhere wait until
//! something happens that may help them.
//!
//! kube-scheduler v1.34.1: the queue and its back-off ([`queue`]), what wakes whom ([`crate::scheduler::helps`]), the flush of
//! pods that nothing has woken for five minutes, gates. A decision sees the cluster at its beginning and takes effect at
//! once; the time it takes passes afterwards. Left out: bindings that fail, API calls of preemption, and that a pod whose
//! binding waits for the client's rate limit does not keep the scheduler from the next decision.

mod attempt;
mod preemption;
mod queue;

use queue::{Entry, Queue, Waiting};

use crate::cluster::node::Node;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::random::{Process, entity_key};
use crate::scheduler::{self, Change, Index, NodeView, Promised, Refusers, Sample, Scratch};
use crate::settings::{Cause, SchedulerProfile};
use crate::sim::Sim;
use crate::time::{Duration, Time};
use crate::{NodeId, PodId, PodShapeId, WorkloadId};

/// What happened that the scheduler is told of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Happened {
    /// A node is registered.
    NodeAdded(NodeId),
    /// A node is not registered any more.
    NodeGone(NodeId),
    /// A node is not what it was.
    NodeUpdated(NodeId, Node),
    /// A pod of this shape was bound.
    PodBound(PodShapeId),
    /// A pod of this shape that was bound or nominated is gone.
    PodGone(PodShapeId),
}

/// Queue and buffers of the scheduler.
#[derive(Debug, Default)]
pub(crate) struct Scheduling {
    queue: Queue,
    /// When the `Schedule` event in the queue of events is due, where there is one.
    due: Option<Time>,
    /// The decision in hand is over.
    free: Time,
    /// The client's rate limit: when a client that began with an empty burst would have made all bindings so far.
    bound_until: Time,
    /// A look for pods to flush is queued.
    flush_queued: bool,
    /// Pods that preempted others and wait for their node.
    nominated: Vec<(PodId, NodeId)>,
    /// What nominated pods of at least the priority of the one in hand hold back on their nodes.
    promised: Vec<(NodeId, Promised)>,
    /// Shapes that found no node, and nothing has happened since that might change it.
    hopeless: Vec<(PodShapeId, Refusers)>,
    index: Index,
    sample: Sample,
    /// Nodes as they were at the last decision.
    #[cfg(test)]
    known: Vec<attempt::Standing>,
    scratch: Scratch,
    /// A buffer for lists of pods, lent to whoever walks a node.
    pub pods: Vec<PodId>,
}

impl Scheduling {
    pub fn clear(&mut self) {
        self.queue.clear();
        self.due = None;
        self.free = Time::ZERO;
        self.bound_until = Time::ZERO;
        self.flush_queued = false;
        self.nominated.clear();
        self.hopeless.clear();
        self.index.reset();
        self.sample.reset();
        #[cfg(test)]
        self.known.clear();
    }

    /// What was found hopeless may not be so any more.
    pub fn hope(&mut self) {
        self.hopeless.clear();
    }

    /// True where a pod is in the queue.
    #[cfg(test)]
    pub fn holds(&self, pod: PodId, epoch: u32) -> bool {
        self.queue.holds(pod, epoch)
    }

    /// True where a pod is to be tried, now or after its back-off.
    #[cfg(test)]
    pub fn has_work(&self) -> bool {
        self.queue.next(&SchedulerProfile::default()).is_some()
    }

    /// A pod that was nominated is bound or gone. True where it was.
    pub fn forget_nominated(&mut self, pod: PodId) -> bool {
        let before = self.nominated.len();
        self.nominated.retain(|(other, _)| *other != pod);
        self.nominated.len() < before
    }
}

impl<'a> Sim<'a> {
    fn scheduler_profile(&self) -> &'a SchedulerProfile {
        &self.p.scenario.settings.scheduler
    }

    fn priority(&self, pod: PodId) -> i32 {
        self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].priority
    }

    fn entry(&self, pod: PodId) -> Entry {
        let row = &self.cluster.pods[pod];
        Entry {
            priority: std::cmp::Reverse(self.priority(pod)),
            queued: row.queued,
            start: row.start,
            pod,
            epoch: row.epoch,
        }
    }

    /// Puts a new pending pod into the queue, unless a gate keeps it out (plugin SchedulingGates).
    pub(crate) fn enqueue(&mut self, pod: PodId) {
        if !self.cluster.pods[pod].gated && !self.cluster.pods[pod].held {
            let entry = self.entry(pod);
            self.scheduling.queue.activate(entry);
            self.queue_scheduler();
        }
    }

    /// Lifts the scheduling gates of a workload's pods.
    pub(crate) fn lift_gates(&mut self, workload: WorkloadId) {
        self.cluster.workloads[workload].gated = false;
        let mut pods = std::mem::take(&mut self.scheduling.pods);
        pods.clear();
        pods.extend(self.cluster.pods_of(workload).filter(|&p| self.cluster.pods[p].gated));
        for &pod in &pods {
            self.cluster.pods[pod].gated = false;
            if self.is_pending(pod) {
                self.enqueue(pod);
            }
        }
        self.scheduling.pods = pods;
    }

    fn is_pending(&self, pod: PodId) -> bool {
        let row = &self.cluster.pods[pod];
        row.state == PodState::Pending && row.node.is_none()
    }

    /// Sees to it that the scheduler runs when there is something to try.
    fn queue_scheduler(&mut self) {
        let Some(next) = self.scheduling.queue.next(self.scheduler_profile()) else {
            return;
        };
        let at = next.max(self.scheduling.free).max(self.now);
        if self.scheduling.due.is_none_or(|due| at < due) {
            self.scheduling.due = Some(at);
            self.queue.at(at, Event::Schedule);
        }
    }

    /// Works off the queue until a decision takes time.
    pub(crate) fn schedule(&mut self) {
        if self.scheduling.due != Some(self.now) {
            return; // overtaken by an earlier one
        }
        self.scheduling.due = None;
        while self.scheduling.free <= self.now
            && let Some(entry) = self.scheduling.queue.pop(self.now, self.scheduler_profile())
        {
            if self.cluster.pods[entry.pod].epoch == entry.epoch && self.is_pending(entry.pod) {
                let bound = self.attempt(entry.pod);
                self.decision_taken(bound);
            }
        }
        self.queue_scheduler();
    }

    /// A decision keeps the scheduler busy, and a binding needs its turn under the client's rate limit.
    fn decision_taken(&mut self, bound: bool) {
        if !self.on(Cause::SchedulingTime) {
            return;
        }
        let profile = self.scheduler_profile();
        let mut free = self.now + profile.cycle;
        if bound && !profile.bind_interval.is_zero() {
            let until = self.scheduling.bound_until.max(self.now) + profile.bind_interval;
            self.scheduling.bound_until = until;
            let burst = u64::from(profile.bind_burst.max(1) - 1);
            free = free.max(until - Duration(profile.bind_interval.0.saturating_mul(burst)));
        }
        self.scheduling.free = free;
    }

    /// A pod was refused: it waits until something happens that may help.
    fn wait(&mut self, waiting: Waiting) {
        self.scheduling.queue.waiting.push(waiting);
        if !self.scheduling.flush_queued {
            self.queue_flush(waiting.entry.queued);
        }
    }

    fn queue_flush(&mut self, waits_since: Time) {
        let profile = self.scheduler_profile();
        let every = profile.flush_every.max(Duration::secs(1));
        let phase = profile.flush_phase.unwrap_or_else(|| {
            let u = self.uniform(Process::Phase, entity_key("scheduler flush"), 0);
            Duration::from_secs_f64(every.as_secs_f64() * u)
        });
        // The first look at which it has waited for longer than allowed.
        let looks = ((waits_since + profile.flush_after).since(Time::ZERO + phase).0 / every.0).saturating_add(1);
        let at = Time(phase.0.saturating_add(looks.saturating_mul(every.0)));
        self.scheduling.flush_queued = true;
        self.queue.at(at.max(self.now), Event::FlushUnschedulable);
    }

    /// Brings back pods that nothing has woken for a long time (`flushUnschedulablePodsLeftover`).
    pub(crate) fn flush_unschedulable(&mut self) {
        self.scheduling.flush_queued = false;
        let after = self.scheduler_profile().flush_after;
        let now = self.now;
        self.wake_where(|_, w| !w.refusers.is_empty() && now.since(w.entry.queued) > after);
        let left = self.scheduling.queue.waiting.iter().filter(|w| !w.refusers.is_empty());
        if let Some(oldest) = left.map(|w| w.entry.queued).min() {
            self.queue_flush(oldest);
        }
    }

    /// Something happened: pods it may help are tried again.
    pub(crate) fn wake_scheduler(&mut self, what: Happened) {
        self.scheduling.hope();
        if self.scheduling.queue.waiting.is_empty() {
            return;
        }
        let mut last = None;
        self.wake_where(|sim, waiting| {
            // Siblings ask the same question one after the other.
            let question = (sim.incoming(waiting.entry.pod), waiting.refusers);
            match last {
                Some((asked, answer)) if asked == question => answer,
                _ => {
                    let answer = sim.may_help(what, question.0, question.1);
                    last = Some((question, answer));
                    answer
                }
            }
        });
    }

    fn may_help(&self, what: Happened, pod: scheduler::Incoming, refusers: Refusers) -> bool {
        if refusers.is_empty() {
            return matches!(what, Happened::NodeAdded(_));
        }
        let profile = self.scheduler_profile();
        let change = match what {
            Happened::NodeAdded(node) => Change::NodeAdded(self.view(node)),
            Happened::NodeGone(node) => Change::NodeGone(self.view(node)),
            Happened::NodeUpdated(node, before) => {
                let after = self.view(node);
                Change::NodeUpdated { before: as_it_was(&before, after), after }
            }
            Happened::PodBound(shape) => Change::PodBound(shape),
            Happened::PodGone(shape) => Change::PodGone(shape),
        };
        !profile.hints || scheduler::helps(&self.p.compat, pod, refusers, &change, profile.hint_of_repelling_pods)
    }

    /// A registered node is not what it was.
    pub(crate) fn node_updated(&mut self, node: NodeId, before: Node) {
        if self.cluster.nodes[node].registered() {
            self.wake_scheduler(Happened::NodeUpdated(node, before));
        }
    }

    /// Brings back the waiting pods that pass a test; forgets those that are gone.
    fn wake_where(&mut self, mut test: impl FnMut(&Self, &Waiting) -> bool) {
        let mut waiting = std::mem::take(&mut self.scheduling.queue.waiting);
        let (now, profile) = (self.now, self.scheduler_profile());
        waiting.retain(|w| {
            let there = self.cluster.pods[w.entry.pod].epoch == w.entry.epoch && self.is_pending(w.entry.pod);
            let wakes = there && test(self, w);
            if wakes && w.refusers.is_empty() {
                self.scheduling.queue.wake_stranded(*w, now, profile);
            } else if wakes {
                self.scheduling.queue.wake(*w, now, profile);
            }
            there && !wakes
        });
        self.scheduling.queue.waiting = waiting;
        self.queue_scheduler();
    }
}

/// What hints ask of a node as it was: its shape, cordon and condition.
fn as_it_was<'v>(before: &Node, now: NodeView<'v>) -> NodeView<'v> {
    NodeView {
        shape: before.shape,
        unschedulable: before.cordoned,
        cordon_taint: before.cordoned,
        readiness: before.readiness(),
        ..now
    }
}
