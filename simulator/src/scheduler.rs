//! Decides where one pod goes, as kube-scheduler v1.34.1 does with its default profile: filter plugins in their order,
//! score plugins with their weights, preemption when nothing is left. Pure functions over views of nodes; who binds,
//! queues and retries is elsewhere.
//!
//! Modelled: the filters NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit,
//! NodeVolumeLimits, VolumeBinding, VolumeZone, PodTopologySpread, InterPodAffinity; the scores TaintToleration, NodeAffinity, NodeResourcesFit (LeastAllocated),
//! PodTopologySpread, InterPodAffinity, NodeResourcesBalancedAllocation, ImageLocality; DefaultPreemption. Left out:
//! VolumeRestrictions (volumes only one pod may use), resource claims, and the sampling of nodes in clusters above 100 nodes (`percentageOfNodesToScore`): every node is
//! looked at.
//!
//! What a pod has to do with other pods is a table of shapes (`peers`); a decision counts the pods by topology domain
//! (`census`) before it filters. Pods that have nothing to do with others skip both.

mod census;
mod compat;
mod filter;
mod peers;
mod preempt;
mod rejection;
mod score;

#[cfg(test)]
mod tests;

pub use compat::{Compat, PortId};
pub(crate) use filter::taint_toleration::tolerated;
pub use peers::Tenant;
pub use preempt::{Bound, Candidate, NoHelp, Preemption, attempts, choose, dry_runs, preempt};
pub use rejection::{Code, Reason, Rejection, Shortage, Summary};
pub use score::Scores;

use crate::spec::Resources;
use crate::{NodeId, PodShapeId};
use compat::Asked;

/// The pod that looks for a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// Its shape.
    pub shape: PodShapeId,
    /// The only node it may go to, where its owner chose one (the pods of a DaemonSet).
    pub pin: Option<NodeId>,
}

/// One node as the scheduler sees it now.
#[derive(Clone, Copy, Debug)]
pub struct NodeView<'a> {
    /// Its id, handed back when it is chosen.
    pub id: NodeId,
    /// Its shape.
    pub shape: crate::NodeShapeId,
    /// Its name, which is also its label `kubernetes.io/hostname`.
    pub name: &'a str,
    /// `spec.unschedulable`: cordoned.
    pub unschedulable: bool,
    /// What its Ready condition says.
    pub readiness: Readiness,
    /// Requests of all pods on it; `pods` is their number.
    pub used: &'a Resources,
    /// CPU (millicores) and memory (bytes) of all pods on it as the scoring plugins count them.
    pub used_score: (i64, i64),
    /// Host ports held by the pods on it, in any order, as [`Compat::ports`] gives them.
    pub ports: &'a [PortId],
    /// Requests of pods that preempted others to come here and are not bound yet (`nominatedNodeName`), as far as their
    /// priority is at least that of the incoming pod: filters count them, scores do not.
    pub reserved: Option<&'a Resources>,
    /// The shapes of those pods.
    pub nominated: &'a [PodShapeId],
    /// Pods on it, by shape. Need not be given where [`Compat::has_peers`] is false.
    pub pods: &'a [Tenant],
    /// It carries the taint `node.kubernetes.io/unschedulable:NoSchedule`, which the node controller puts on cordoned nodes,
    /// beside those of its shape. NodeUnschedulable comes first, so only `nodeTaintsPolicy` sees it.
    pub cordon_taint: bool,
}

/// The Ready condition of a node, from which the node controller derives taints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Readiness {
    /// `True`: no taint.
    #[default]
    Ready,
    /// `False`: `node.kubernetes.io/not-ready`, NoSchedule and NoExecute.
    NotReady,
    /// `Unknown`: `node.kubernetes.io/unreachable`, NoSchedule and NoExecute.
    Unreachable,
}

/// Room that decisions reuse: nothing is allocated once it has grown. Holds what the last decision found.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    feasible: score::Feasible,
    census: census::Census,
    rejected: Vec<(NodeId, Rejection)>,
}

impl Scratch {
    /// Nodes the last decision refused, in the order they were looked at, with the first plugin's reason.
    pub fn rejected(&self) -> &[(NodeId, Rejection)] {
        &self.rejected
    }

    /// Why the last decision found no node, counted over nodes.
    pub fn summary(&self, compat: &Compat) -> Summary {
        Summary::new(compat, self.rejected.iter().map(|&(_, r)| r))
    }
}

/// Chooses a node, or `None` when no node is feasible: then [`Scratch`] says why. Among equally good nodes the one at
/// index `tie(number of them)` is taken, in the order of `nodes` (kube-scheduler draws one at random).
pub fn decide<'a>(
    compat: &Compat,
    pod: Incoming,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
    scratch: &mut Scratch,
    tie: impl FnMut(u32) -> u32,
) -> Option<NodeId> {
    let asked = compat.asked(pod);
    survey(&asked, nodes.clone(), scratch);
    match &scratch.feasible.nodes[..] {
        [] => None,
        [only] => Some(only.node),
        _ => {
            score::look_around(&asked, nodes, &mut scratch.feasible);
            Some(score::pick(&mut scratch.feasible, tie))
        }
    }
}

/// True where this one of the nodes passes every filter (a nominated node is tried before all others).
pub fn fits<'a>(
    compat: &Compat,
    pod: Incoming,
    node: &NodeView,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
) -> bool {
    let asked = compat.asked(pod);
    filter::check(&asked, &census(&asked, nodes), node).is_ok()
}

/// Position of the first node that passes every filter.
pub fn first_fit<'a>(
    compat: &Compat,
    pod: Incoming,
    mut nodes: impl Iterator<Item = NodeView<'a>> + Clone,
) -> Option<usize> {
    let asked = compat.asked(pod);
    let census = census(&asked, nodes.clone());
    nodes.position(|node| filter::check(&asked, &census, &node).is_ok())
}

fn census<'a>(asked: &Asked, nodes: impl Iterator<Item = NodeView<'a>>) -> census::Census {
    let mut census = census::Census::default();
    if let Some(peers) = &asked.row.peers {
        census.take(asked, peers, nodes);
    }
    census
}

/// Everything a decision rests on: verdict and scores of every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What the filters say of each node, in order; `None` for feasible ones.
    pub verdicts: Vec<(NodeId, Option<Rejection>)>,
    /// Weighted, normalised scores of the feasible nodes, in order.
    pub scores: Vec<(NodeId, Scores)>,
}

/// The same evaluation as [`decide`], with every verdict and score laid open.
pub fn explain<'a>(compat: &Compat, pod: Incoming, nodes: impl Iterator<Item = NodeView<'a>> + Clone) -> Explanation {
    let asked = compat.asked(pod);
    let mut scratch = Scratch::default();
    let mut verdicts: Vec<_> = nodes.clone().map(|node| (node.id, None)).collect();
    survey(&asked, nodes.clone(), &mut scratch);
    score::look_around(&asked, nodes, &mut scratch.feasible);
    let mut rejected = scratch.rejected.iter().peekable();
    for (node, verdict) in &mut verdicts {
        *verdict = rejected.next_if(|(id, _)| id == node).map(|&(_, rejection)| rejection);
    }
    Explanation { verdicts, scores: score::weighted(&asked, &scratch.feasible) }
}

/// Filters every node; raw scores of the feasible ones are taken in the same pass over the columns.
fn survey<'a>(asked: &Asked, nodes: impl Iterator<Item = NodeView<'a>> + Clone, scratch: &mut Scratch) {
    scratch.feasible.clear();
    scratch.rejected.clear();
    if let Some(peers) = &asked.row.peers {
        scratch.census.take(asked, peers, nodes.clone());
    }
    for node in nodes {
        match filter::check(asked, &scratch.census, &node) {
            Ok(()) => scratch.feasible.push(score::raw(asked, &node)),
            Err(rejection) => scratch.rejected.push((node.id, rejection)),
        }
    }
}
