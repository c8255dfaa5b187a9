//! One attempt to place one pod: the nominated node first, then all nodes, then preemption.

use super::Scheduling;
use super::queue::Waiting;
use crate::cluster::Cluster;
use crate::cluster::pod::PodState;
use crate::outcome::Incident;
use crate::random::Process;
use crate::scheduler::{self, Incoming, NodeView, Nodes, Promised, Refusers};
use crate::sim::Sim;
use crate::spec::WorkloadKind;
use crate::{Id, NodeId, PodId};

/// What a node is to the scheduler, its pods aside: shape, whether it is registered, condition, cordon.
#[cfg(test)]
pub(super) type Standing = (crate::NodeShapeId, bool, scheduler::Readiness, bool);

/// The nodes as they are for the pod in hand: the parts of a trial that decisions look at, so that the rest may be changed
/// meanwhile.
#[derive(Clone, Copy)]
pub(crate) struct Seen<'s> {
    cluster: &'s Cluster,
    promised: &'s [(NodeId, Promised)],
}

impl<'s> Seen<'s> {
    fn at(self, id: NodeId) -> NodeView<'s> {
        let node = &self.cluster.nodes[id];
        let promised = self.promised.iter().find(|(n, _)| *n == id);
        NodeView {
            id,
            shape: node.shape,
            name: &self.cluster.names[id],
            unschedulable: node.cordoned,
            readiness: node.readiness(),
            used: &node.used,
            used_score: node.used_score,
            ports: &self.cluster.ports[id],
            promised: promised.map(|(_, promised)| promised),
            pods: &self.cluster.tenants[id],
            cordon_taint: node.cordoned,
        }
    }

    fn all(self) -> impl Iterator<Item = NodeView<'s>> + Clone {
        let nodes = self.cluster.nodes.rows().iter().enumerate();
        nodes.filter(|(_, n)| n.registered()).map(move |(id, _)| self.at(NodeId::from_index(id)))
    }
}

impl Nodes for Seen<'_> {
    fn len(&self) -> usize {
        self.cluster.nodes.len()
    }

    fn view(&self, node: NodeId) -> Option<NodeView<'_>> {
        self.cluster.nodes[node].registered().then(|| self.at(node))
    }

    fn nominated(&self) -> impl Iterator<Item = NodeId> {
        self.promised.iter().map(|(node, _)| *node)
    }

    fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        self.all()
    }
}

impl Sim<'_> {
    /// Tries to place a pod. True where it was bound.
    pub(super) fn attempt(&mut self, pod: PodId) -> bool {
        let incoming = self.incoming(pod);
        let nominated = self.cluster.pods[pod].nominated.is_some();
        if let (None, false) = (incoming.pin, nominated)
            && let Some(&(_, refusers)) = self.scheduling.hopeless.iter().find(|(shape, _)| *shape == incoming.shape)
        {
            self.unschedulable(pod, refusers);
            return false;
        }
        self.reserve(pod);
        let chosen = self.nominated_node(pod, incoming).or_else(|| self.decide(pod, incoming));
        let Some(node) = chosen else {
            let refusers = scheduler::refusers(&self.p.compat, incoming, self.views());
            self.unschedulable(pod, refusers);
            // Where one pod of a shape preempts, its siblings may do so elsewhere.
            if !self.preempt(pod, incoming) && incoming.pin.is_none() {
                self.scheduling.hopeless.push((incoming.shape, refusers));
            }
            return false;
        };
        self.scheduling.nominated.retain(|(p, _)| *p != pod);
        self.place(pod, node);
        true
    }

    /// A pod as decisions see it.
    pub(super) fn incoming(&self, pod: PodId) -> Incoming {
        let row = &self.cluster.pods[pod];
        let daemon = self.spec.workloads[row.workload].kind == WorkloadKind::DaemonSet;
        Incoming { shape: self.cluster.shape_of(self.spec, pod), pin: daemon.then_some(NodeId(row.ordinal)) }
    }

    /// The one place where the scheduler decides.
    fn decide(&mut self, pod: PodId, incoming: Incoming) -> Option<NodeId> {
        #[cfg(test)]
        self.check_touched();
        let Sim { scheduling, cluster, streams, p, .. } = self;
        let Scheduling { index, sample, scratch, promised, .. } = scheduling;
        cluster.touched.drain(..).for_each(|node| index.touch(node));
        let row = &cluster.pods[pod];
        let tie = |n: u32| {
            let draw = row.generation.wrapping_mul(64).wrapping_add(row.attempts);
            let u = p.off.uniform(streams, Process::TieBreak, row.key, draw);
            ((u * f64::from(n)) as u32).min(n - 1)
        };
        let nodes = Seen { cluster, promised };
        let scored = (p.scenario.settings.nodes_scored, sample);
        let chosen = index.decide_some(&p.compat, incoming, &nodes, scored, scratch, tie);
        #[cfg(test)]
        if nodes.all().count() < 100 {
            let plain = scheduler::decide(&p.compat, incoming, nodes.all(), scratch, tie);
            assert_eq!(chosen, plain, "the index finds what the plain scan finds");
        }
        chosen
    }

    /// Holds that whoever changed a node has said so.
    #[cfg(test)]
    fn check_touched(&mut self) {
        let known = &mut self.scheduling.known;
        let first = known.is_empty();
        for (id, node) in self.cluster.nodes.iter() {
            let standing = (node.shape, node.registered(), node.readiness(), node.cordoned);
            if known.len() <= id.index() {
                known.push((node.shape, false, scheduler::Readiness::Ready, false));
            }
            let before = std::mem::replace(&mut known[id.index()], standing);
            let seen = first || before == standing || !(before.1 || standing.1);
            assert!(seen || self.cluster.touched.contains(&id), "{before:?} became {standing:?} unnoticed");
        }
    }

    /// The node a pod is nominated to, where it fits there now.
    fn nominated_node(&self, pod: PodId, incoming: Incoming) -> Option<NodeId> {
        let node = self.cluster.pods[pod].nominated?;
        let there = self.cluster.nodes[node].registered();
        (there && scheduler::fits(&self.p.compat, incoming, &self.view(node), self.views())).then_some(node)
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

    fn seen(&self) -> Seen<'_> {
        Seen { cluster: &self.cluster, promised: &self.scheduling.promised }
    }

    pub(crate) fn view(&self, id: NodeId) -> NodeView<'_> {
        self.seen().at(id)
    }

    /// All nodes that are registered, by id.
    pub(super) fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        self.seen().all()
    }

    /// Keeps the scheduler's reasons beside the line of the log that comes next, where there is a log.
    fn tell_why_not(&mut self, pod: PodId) {
        let Some(line) = self.log.as_ref().map(Vec::len) else { return };
        let mut scratch = scheduler::Scratch::default();
        scheduler::decide(&self.p.compat, self.incoming(pod), self.views(), &mut scratch, |_| 0);
        self.refusals.push((line, scratch.summary(&self.p.compat)));
    }

    fn unschedulable(&mut self, pod: PodId, refusers: Refusers) {
        let row = &mut self.cluster.pods[pod];
        row.attempts += 1;
        row.queued = self.now;
        let (workload, attempts) = (row.workload, row.attempts);
        if attempts == 1 {
            if self.spec.workloads[workload].minimum.is_some() {
                self.counts.unschedulable += 1;
            }
            self.tell_why_not(pod);
            self.tell(Incident::PodUnschedulable { pod, workload });
            self.autoscaler_sees(pod);
        }
        self.wait(Waiting { entry: self.entry(pod), refusers, attempts });
    }
}
