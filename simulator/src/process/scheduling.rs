//! The scheduler's queue in time: pods are tried in order of priority, then age; those that fit nowhere wait until
//! something changes and their back-off (1 s doubling to 10 s, kube-scheduler v1.34.1 defaults) is over.
//!
//! Every change that may help wakes every waiting pod (the real queue asks each plugin first, which only saves work).
//! Left out: the time a decision takes, the 5-minute flush (never needed when every change wakes), scheduling gates.

use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::outcome::Incident;
use crate::random::Process;
use crate::scheduler::{
    self, Bound, Candidate, Incoming, Index, NodeView, Nodes, Promised, Readiness, Sample, Scratch,
};
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::time::Duration;
use crate::{Column, Id, NodeId, NodeShapeId, PodId, PodShapeId};

/// Queue and buffers of the scheduler.
#[derive(Debug, Default)]
pub(crate) struct Scheduling {
    active: Vec<PodId>,
    waiting: Vec<PodId>,
    /// A `Schedule` event is queued for this instant.
    queued: bool,
    /// Pods that preempted others and wait for their node.
    nominated: Vec<(PodId, NodeId)>,
    /// What nominated pods of at least the priority of the one in hand hold back on their nodes.
    promised: Vec<(NodeId, Promised)>,
    /// Shapes that found no node since the state last changed in their favour.
    hopeless: Vec<PodShapeId>,
    index: Index,
    sample: Sample,
    /// Nodes as the index knows them.
    known: Vec<Standing>,
    scratch: Scratch,
    /// A buffer for lists of pods, lent to whoever walks a node.
    pub pods: Vec<PodId>,
}

impl Scheduling {
    pub fn clear(&mut self) {
        self.active.clear();
        self.waiting.clear();
        self.nominated.clear();
        self.queued = false;
        self.index.reset();
        self.sample.reset();
        self.known.clear();
    }
}

/// What a node is to the scheduler, its pods aside.
type Standing = (NodeShapeId, NodeState, bool);

impl Nodes for Sim<'_> {
    fn len(&self) -> usize {
        self.cluster.nodes.len()
    }

    fn view(&self, node: NodeId) -> Option<NodeView<'_>> {
        self.cluster.nodes[node].registered().then(|| Sim::view(self, node))
    }

    fn nominated(&self) -> impl Iterator<Item = NodeId> {
        self.scheduling.promised.iter().map(|(node, _)| *node)
    }

    fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        let nodes = self.cluster.nodes.rows().iter().enumerate();
        nodes.filter(|(_, n)| n.registered()).map(|(id, _)| Sim::view(self, NodeId::from_index(id)))
    }
}

impl Sim<'_> {
    /// Puts a pending pod into the queue.
    pub(crate) fn enqueue(&mut self, pod: PodId) {
        self.scheduling.active.push(pod);
        self.queue_scheduler();
    }

    fn queue_scheduler(&mut self) {
        if !self.scheduling.queued {
            self.scheduling.queued = true;
            self.queue.at(self.now, Event::Schedule);
        }
    }

    /// Something changed that may let a waiting pod fit.
    pub(crate) fn wake_scheduler(&mut self) {
        while let Some(pod) = self.scheduling.waiting.pop() {
            let row = &self.cluster.pods[pod];
            if row.state != PodState::Pending {
                continue;
            }
            let ready_at = row.last_try + backoff(row.attempts);
            if ready_at <= self.now {
                self.enqueue(pod);
            } else {
                self.queue.at(ready_at, Event::BackoffOver { pod, epoch: row.epoch });
            }
        }
    }

    pub(crate) fn backoff_over(&mut self, pod: PodId, epoch: u32) {
        if self.cluster.pods[pod].epoch == epoch && self.cluster.pods[pod].state == PodState::Pending {
            self.enqueue(pod);
        }
    }

    /// Works off the active queue.
    pub(crate) fn schedule(&mut self) {
        self.scheduling.queued = false;
        self.scheduling.hopeless.clear();
        let mut active = std::mem::take(&mut self.scheduling.active);
        self.survey_nodes();
        active.sort_unstable_by_key(|&p| (std::cmp::Reverse(self.priority(p)), self.cluster.pods[p].start));
        for &pod in &active {
            let row = &self.cluster.pods[pod];
            if row.state == PodState::Pending && row.node.is_none() {
                self.schedule_one(pod);
            }
        }
        active.clear();
        // Preemption deletes pods whose replacements were queued meanwhile.
        active.append(&mut self.scheduling.active);
        self.scheduling.active = active;
    }

    fn priority(&self, pod: PodId) -> i32 {
        self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].priority
    }

    fn schedule_one(&mut self, pod: PodId) {
        let row = self.cluster.pods[pod];
        let shape = self.cluster.shape_of(self.spec, pod);
        let daemon = self.spec.workloads[row.workload].kind == WorkloadKind::DaemonSet;
        let incoming = Incoming { shape, pin: if daemon { Some(NodeId(row.ordinal)) } else { None } };
        if !daemon && self.scheduling.hopeless.contains(&shape) {
            self.unschedulable(pod);
            return;
        }
        self.reserve(pod);
        let mut scratch = std::mem::take(&mut self.scheduling.scratch);
        let chosen = match self.nominated_node(pod, incoming) {
            Some(node) => Some(node),
            None => {
                let tie = |n: u32| {
                    let u = self.streams.uniform(
                        Process::TieBreak,
                        row.key,
                        row.generation.wrapping_mul(64).wrapping_add(row.attempts),
                    );
                    ((u * f64::from(n)) as u32).min(n - 1)
                };
                let mut index = std::mem::take(&mut self.scheduling.index);
                let mut sample = std::mem::take(&mut self.scheduling.sample);
                self.cluster.touched.drain(..).for_each(|node| index.touch(node));
                let scored = (self.p.scenario.settings.nodes_scored, &mut sample);
                let found = index.decide_some(&self.p.compat, incoming, self, scored, &mut scratch, tie);
                #[cfg(test)]
                if self.views().count() < 100 {
                    let plain = scheduler::decide(&self.p.compat, incoming, self.views(), &mut scratch, tie);
                    assert_eq!(found, plain, "the index finds what the plain scan finds");
                }
                (self.scheduling.index, self.scheduling.sample) = (index, sample);
                found
            }
        };
        self.scheduling.scratch = scratch;
        match chosen {
            Some(node) => {
                self.scheduling.nominated.retain(|(p, _)| *p != pod);
                self.place(pod, node);
            }
            None => {
                self.unschedulable(pod);
                // Where one pod of a shape preempts, its siblings may do so elsewhere.
                if !self.preempt(pod, incoming) && !daemon {
                    self.scheduling.hopeless.push(shape);
                }
            }
        }
    }

    /// The node a pod is nominated to, where it fits there now.
    fn nominated_node(&self, pod: PodId, incoming: Incoming) -> Option<NodeId> {
        let node = self.cluster.pods[pod].nominated?;
        let there = self.cluster.nodes[node].registered();
        (there && scheduler::fits(&self.p.compat, incoming, &self.view(node), self.views())).then_some(node)
    }

    /// Tells the index which nodes have changed. Any process may change a node, so all are compared.
    fn survey_nodes(&mut self) {
        let Scheduling { known, index, .. } = &mut self.scheduling;
        for (id, node) in self.cluster.nodes.iter() {
            let standing = (node.shape, node.state, node.cordoned);
            match known.get_mut(id.index()) {
                Some(seen) if *seen == standing => continue,
                Some(seen) => *seen = standing,
                None => known.push(standing),
            }
            index.touch(id);
        }
    }

    /// Notes what other nominated pods of at least this pod's priority hold back on their nodes.
    fn reserve(&mut self, incoming: PodId) {
        let priority = self.priority(incoming);
        self.scheduling.promised.clear();
        for i in 0..self.scheduling.nominated.len() {
            let (pod, node) = self.scheduling.nominated[i];
            if pod == incoming || self.cluster.pods[pod].state != PodState::Pending || self.priority(pod) < priority {
                continue;
            }
            let shape = self.cluster.shape_of(self.spec, pod);
            Promised::note(&mut self.scheduling.promised, &self.p.compat, shape, node);
        }
    }

    pub(crate) fn view(&self, id: NodeId) -> NodeView<'_> {
        let node = &self.cluster.nodes[id];
        let promised = self.scheduling.promised.iter().find(|(n, _)| *n == id);
        NodeView {
            id,
            shape: node.shape,
            name: &self.cluster.names[id],
            unschedulable: node.cordoned,
            readiness: if node.state == NodeState::NotReady { Readiness::Unreachable } else { Readiness::Ready },
            used: &node.used,
            used_score: node.used_score,
            ports: &self.cluster.ports[id],
            promised: promised.map(|(_, promised)| promised),
            pods: &self.cluster.tenants[id],
            cordon_taint: node.cordoned,
        }
    }

    fn unschedulable(&mut self, pod: PodId) {
        let row = &mut self.cluster.pods[pod];
        row.attempts += 1;
        row.last_try = self.now;
        let (workload, first) = (row.workload, row.attempts == 1);
        if first {
            if self.spec.workloads[workload].minimum.is_some() {
                self.counts.unschedulable += 1;
            }
            self.tell(Incident::PodUnschedulable { workload });
            self.autoscaler_sees(pod);
        }
        self.scheduling.waiting.push(pod);
    }

    /// Deletes pods of lower priority where that makes room, and nominates the node. False where nothing can be made room
    /// for a pod of this shape now.
    fn preempt(&mut self, pod: PodId, incoming: Incoming) -> bool {
        let priority = self.priority(pod);
        let lowest = self.spec.pod_shapes.rows().iter().map(|s| s.priority).min().unwrap_or(0);
        let waits_for_victims = self.cluster.pods[pod].nominated.is_some_and(|node| {
            // PodEligibleToPreemptOthers: not while earlier victims on the nominated node are still terminating.
            self.cluster
                .pods_on(node)
                .any(|p| self.cluster.pods[p].state == PodState::Terminating && self.priority(p) < priority)
        });
        if priority <= lowest || waits_for_victims {
            return waits_for_victims;
        }
        let mut allowed: Column<crate::BudgetId, u32> = Column::default();
        for (_, budget) in self.spec.budgets.iter() {
            let s = crate::cluster::budget::standing(budget, &self.cluster);
            allowed.push(s.healthy.saturating_sub(s.desired));
        }
        let pods = |id: NodeId| match incoming.pin {
            Some(pin) if pin != id => Vec::new(), // left out in advance
            _ => self.cluster.pods_on(id).map(|p| self.bound(p)).collect(),
        };
        let candidates: Vec<Candidate> = self.views().map(|node| Candidate { node, pods: pods(node.id) }).collect();
        let found = scheduler::preempt(&self.p.compat, incoming, &candidates, &allowed);
        let Some(preemption) = found else {
            return false;
        };
        self.nominate(pod, preemption.node);
        for victim in preemption.victims {
            if self.cluster.pods[victim].state != PodState::Terminating {
                self.counts.preemptions += 1;
                let workload = self.cluster.pods[victim].workload;
                self.tell(Incident::PodPreempted { workload, node: preemption.node });
                self.delete_pod(victim);
            }
        }
        true
    }

    /// Nominates a pod to a node; pods of lower priority lose their nomination there (kube-scheduler v1.34.1
    /// `getLowerPriorityNominatedPods`).
    fn nominate(&mut self, pod: PodId, node: NodeId) {
        let priority = self.priority(pod);
        let mut nominated = std::mem::take(&mut self.scheduling.nominated);
        nominated.retain(|&(other, at)| {
            let stays = other != pod && (at != node || self.priority(other) >= priority);
            if !stays {
                self.cluster.pods[other].nominated = None;
            }
            stays
        });
        self.cluster.pods[pod].nominated = Some(node);
        nominated.push((pod, node));
        self.scheduling.nominated = nominated;
    }

    fn bound(&self, pod: PodId) -> Bound<'_> {
        let row = &self.cluster.pods[pod];
        Bound {
            pod,
            shape: self.cluster.shape_of(self.spec, pod),
            started: i64::from(row.start),
            budgets: self.p.budgets.of(row.workload),
        }
    }
}

/// How long a pod stays away after its `attempts`-th failure.
fn backoff(attempts: u32) -> Duration {
    Duration::secs((1u64 << (attempts.clamp(1, 5) - 1)).min(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn backoff_doubles_from_one_second_to_ten() {
        let seconds: Vec<u64> = (1..=7).map(|n| backoff(n).0 / 1_000_000).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 10, 10, 10]);
    }
}
