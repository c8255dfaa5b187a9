//! Decides where one pod goes, as kube-scheduler v1.34.1 does with its default profile: filter plugins in their order,
//! score plugins with their weights, preemption when nothing is left. Pure functions over views of nodes; who binds,
//! queues and retries is elsewhere.
//!
//! Modelled: the filters NodeUnschedulable, NodeName, TaintToleration, NodeAffinity, NodePorts, NodeResourcesFit,
//! NodeVolumeLimits, VolumeBinding, VolumeZone, PodTopologySpread, InterPodAffinity; the scores TaintToleration, NodeAffinity,
//! NodeResourcesFit (LeastAllocated), PodTopologySpread, InterPodAffinity, NodeResourcesBalancedAllocation, ImageLocality;
//! DefaultPreemption; the sampling of nodes in large clusters (`percentageOfNodesToScore`). Left out: VolumeRestrictions
//! (volumes only one pod may use), resource claims.
//!
//! What a pod has to do with other pods is a table of shapes (`peers`); a decision counts the pods by topology domain
//! (`census`) before it filters. Pods that have nothing to do with others skip both.
//!
//! There are two ways to a decision. [`decide`] looks at every node: it is the specification. [`Index`] keeps what it can
//! from decision to decision and comes to the same node, tests hold the two equal; [`index`] tells how, and why it is exact.

pub mod board;
mod census;
mod compat;
mod filter;
mod hint;
pub mod index;
mod peers;
mod place;
mod preempt;
mod rejection;
mod sample;
mod score;
mod tally;

#[cfg(test)]
mod tests;

pub use board::Board;
pub use compat::{Compat, PortId};
pub(crate) use filter::taint_toleration::tolerated;
pub use hint::{Change, Refusers, helps};
pub use index::{Index, Nodes};
pub use peers::Tenant;
pub use preempt::{Bound, Candidate, NoHelp, Preemption, attempts, choose, dry_runs, preempt, search};
pub use rejection::{Code, Reason, Rejection, Shortage, Summary};
pub use sample::{NodesScored, Sample};
pub use score::Scores;

use std::collections::BTreeMap;

use crate::spec::{Resources, Volumes};
use crate::{NodeId, PodShapeId};
use compat::Asked;
use place::Place;

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
    /// What pods nominated to this node hold back (`nominatedNodeName`: they preempted others to come here and are not bound
    /// yet), as far as their priority is at least that of the incoming pod: filters count them, scores do not.
    pub promised: Option<&'a Promised>,
    /// Pods on it, by shape. Need not be given where [`Compat::has_peers`] is false.
    pub pods: &'a [Tenant],
    /// It carries the taint `node.kubernetes.io/unschedulable:NoSchedule`, which the node controller puts on cordoned nodes,
    /// beside those of its shape. NodeUnschedulable comes first, so only `nodeTaintsPolicy` sees it.
    pub cordon_taint: bool,
}

/// What nominated pods would take on a node.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Promised {
    /// The sum of their requests.
    pub requests: Resources,
    /// Their host ports.
    pub ports: Vec<PortId>,
    /// Their shapes.
    pub shapes: Vec<PodShapeId>,
}

impl Promised {
    /// Adds a nominated pod to a list by node.
    pub fn note(list: &mut Vec<(NodeId, Promised)>, compat: &Compat, pod: PodShapeId, node: NodeId) {
        let at = list.iter().position(|(known, _)| *known == node).unwrap_or_else(|| {
            list.push((node, Promised::default()));
            list.len() - 1
        });
        let promised = &mut list[at].1;
        promised.requests.shift(&compat.shape(pod).requests, 1);
        promised.ports.extend_from_slice(compat.ports(pod));
        promised.shapes.push(pod);
    }
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
    /// Ready, with the condition MemoryPressure: `node.kubernetes.io/memory-pressure`, NoSchedule.
    ShortOfMemory,
    /// Ready, but new to the cloud's node manager: `node.cloudprovider.kubernetes.io/uninitialized`, NoSchedule.
    Uninitialised,
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
/// index `tie(number of them)` is taken, like nodes together and in the order of their ids (kube-scheduler draws one at random).
pub fn decide<'a>(
    compat: &Compat,
    pod: Incoming,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
    scratch: &mut Scratch,
    tie: impl FnMut(u32) -> u32,
) -> Option<NodeId> {
    decide_among(compat, pod, nodes.clone(), nodes, usize::MAX, scratch, tie).0
}

/// The same, but the search ends when `wanted` feasible nodes are found. `sought` are all nodes in the order they are looked at.
/// Says also how many of them were looked at.
pub fn decide_among<'a>(
    compat: &Compat,
    pod: Incoming,
    sought: impl Iterator<Item = NodeView<'a>> + Clone,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
    wanted: usize,
    scratch: &mut Scratch,
    mut tie: impl FnMut(u32) -> u32,
) -> (Option<NodeId>, usize) {
    let asked = compat.asked(pod);
    survey(&asked, sought.clone(), nodes.clone(), wanted, scratch);
    let Scratch { feasible, rejected, .. } = scratch;
    let seen = feasible.nodes.len() + rejected.len();
    let chosen = match &feasible.nodes[..] {
        [] => None,
        [only] => Some(only.node),
        _ => {
            look_around(&asked, sought, nodes, feasible);
            let best = feasible.settle();
            let nth = if best > 1 { tie(best).min(best - 1) } else { 0 };
            Some(feasible.nodes[feasible.best[nth as usize] as usize].node)
        }
    };
    (chosen, seen)
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

/// The plugins that refuse a pod for which no node is feasible.
pub fn refusers<'a>(compat: &Compat, pod: Incoming, nodes: impl Iterator<Item = NodeView<'a>> + Clone) -> Refusers {
    let asked = compat.asked(pod);
    let census = census(&asked, nodes.clone());
    Refusers::of(nodes.filter_map(|node| filter::check(&asked, &census, &node).err()))
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
        census.take(asked, peers, nodes.map(Place::node), false);
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
    survey(&asked, nodes.clone(), nodes.clone(), usize::MAX, &mut scratch);
    look_around(&asked, nodes.clone(), nodes, &mut scratch.feasible);
    let mut rejected = scratch.rejected.iter().peekable();
    for (node, verdict) in &mut verdicts {
        *verdict = rejected.next_if(|(id, _)| id == node).map(|&(_, rejection)| rejection);
    }
    Explanation { verdicts, scores: score::weighted(&asked, &scratch.feasible) }
}

/// True where all volumes can be reached from a node with these labels and this name (VolumeBinding, VolumeZone).
pub fn reaches(volumes: &Volumes, labels: &BTreeMap<String, String>, name: &str) -> bool {
    let node = filter::node_affinity::Labels { shared: labels, name, nameless: false };
    filter::volume_binding::reach(volumes, &node).is_ok() && !filter::volume_zone::elsewhere(volumes, labels)
}

/// What each filter plugin says of one node by itself, in order; [`explain`] tells only the first refusal.
pub fn verdicts<'a>(
    compat: &Compat,
    pod: Incoming,
    node: &NodeView,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
) -> Vec<(&'static str, Option<Rejection>)> {
    let asked = compat.asked(pod);
    filter::each(&asked, &census(&asked, nodes), node)
}

/// Filters nodes until so many are feasible, and takes the raw scores of these in the same pass over the columns.
fn survey<'a>(
    asked: &Asked,
    sought: impl Iterator<Item = NodeView<'a>>,
    nodes: impl Iterator<Item = NodeView<'a>>,
    wanted: usize,
    scratch: &mut Scratch,
) {
    scratch.feasible.clear();
    scratch.rejected.clear();
    if let Some(peers) = &asked.row.peers {
        scratch.census.take(asked, peers, nodes.map(Place::node), false);
    }
    for node in sought {
        match filter::check(asked, &scratch.census, &node) {
            Ok(()) => scratch.feasible.push(score::raw(asked, &node)),
            Err(rejection) => scratch.rejected.push((node.id, rejection)),
        }
        if scratch.feasible.nodes.len() >= wanted {
            break;
        }
    }
}

/// Adds the scores that depend on other pods and other nodes: only pods that have to do with others pay for the walk.
fn look_around<'a>(
    asked: &Asked,
    sought: impl Iterator<Item = NodeView<'a>>,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
    feasible: &mut score::Feasible,
) {
    let peers = asked.row.peers.as_deref().filter(|peers| !peers.soft.is_empty());
    if peers.is_none() && !score::looks_further(asked) {
        return;
    }
    let mut left = feasible.nodes.iter().peekable();
    let found = sought.filter(|node| left.next_if(|raw| raw.node == node.id).is_some());
    let found: Vec<Place> = found.map(Place::node).collect();
    if let Some(peers) = peers {
        feasible.spread(&score::pod_topology_spread::raw(asked, peers, nodes.clone(), &found));
    }
    if score::looks_further(asked) {
        feasible.look_further(asked, nodes.map(Place::node), &found, false);
    }
}
