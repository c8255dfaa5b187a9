//! The score plugins of kube-scheduler v1.34.1 (default profile) with their weights: TaintToleration 3, NodeAffinity 2,
//! NodeResourcesFit 1, PodTopologySpread 2, InterPodAffinity 2, NodeResourcesBalancedAllocation 1, ImageLocality 1. Scores are
//! normalised over the feasible nodes only.

pub mod balanced_allocation;
pub mod image_locality;
pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_resources_fit;
pub mod pod_topology_spread;
pub mod taint_toleration;

use super::NodeView;
use super::compat::Asked;
use crate::NodeId;

/// Highest score a plugin gives before its weight (`MaxNodeScore`).
const MAX: i64 = 100;

/// Weighted scores of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scores {
    /// Few untolerated PreferNoSchedule taints.
    pub taint_toleration: i64,
    /// Preferred node affinity; absent for pods without any.
    pub node_affinity: Option<i64>,
    /// LeastAllocated.
    pub node_resources_fit: i64,
    /// CPU and memory used evenly; absent for pods that request neither.
    pub balanced_allocation: Option<i64>,
    /// Soft topology spread constraints; absent for pods without any.
    pub pod_topology_spread: Option<i64>,
    /// Preferred inter-pod affinity; absent where no pod that is there has anything to say.
    pub inter_pod_affinity: Option<i64>,
    /// Images that are there already.
    pub image_locality: i64,
}

impl Scores {
    /// The sum that decides.
    pub fn total(&self) -> i64 {
        self.taint_toleration
            + self.node_affinity.unwrap_or(0)
            + self.node_resources_fit
            + self.balanced_allocation.unwrap_or(0)
            + self.pod_topology_spread.unwrap_or(0)
            + self.inter_pod_affinity.unwrap_or(0)
            + self.image_locality
    }
}

/// Scores of a feasible node before normalisation.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    pub node: NodeId,
    taints: i64,
    affinity: i64,
    fit: i64,
    balanced: i64,
}

/// What every plugin says of one node.
#[inline]
pub fn raw(pod: &Asked, node: &NodeView) -> Raw {
    Raw {
        node: node.id,
        taints: taint_toleration::score(pod, node),
        affinity: node_affinity::score(pod, node),
        fit: node_resources_fit::score(pod, node),
        balanced: balanced_allocation::score(pod, node),
    }
}

/// The best node; of several, the one `tie` points at. `feasible` must not be empty.
pub fn pick(feasible: &mut Feasible, mut tie: impl FnMut(u32) -> u32) -> NodeId {
    let norm = feasible.norm;
    let (mut best, mut first, mut count) = (i64::MIN, 0, 0u32);
    for (i, raw) in feasible.nodes.iter_mut().enumerate() {
        // The total takes the place of a part: the parts are not read again.
        raw.fit += raw.balanced + norm.taints(raw) + norm.affinity(raw);
        if let Some(social) = feasible.social.get(i) {
            raw.fit += social.total();
        }
        if raw.fit > best {
            (best, first, count) = (raw.fit, i, 1);
        } else if raw.fit == best {
            count += 1;
        }
    }
    let wanted = if count > 1 { tie(count).min(count - 1) } else { 0 };
    let mut winners = feasible.nodes[first..].iter().filter(|raw| raw.fit == best);
    winners.nth(wanted as usize).map_or(feasible.nodes[first].node, |raw| raw.node)
}

/// Weighted scores, plugin by plugin.
pub fn weighted(pod: &Asked, feasible: &Feasible) -> Vec<(NodeId, Scores)> {
    let norm = &feasible.norm;
    let none = Social::default();
    let scores = |(i, raw): (usize, &Raw)| Scores {
        taint_toleration: norm.taints(raw),
        node_affinity: (!node_affinity::skip(pod)).then(|| norm.affinity(raw)),
        node_resources_fit: raw.fit,
        balanced_allocation: (!balanced_allocation::skip(pod)).then_some(raw.balanced),
        pod_topology_spread: feasible.social.get(i).unwrap_or(&none).spread,
        inter_pod_affinity: feasible.social.get(i).unwrap_or(&none).affinity,
        image_locality: feasible.social.get(i).unwrap_or(&none).images,
    };
    feasible.nodes.iter().enumerate().map(|(i, raw)| (raw.node, scores((i, raw)))).collect()
}

/// Feasible nodes with their scores before normalisation.
#[derive(Clone, Debug, Default)]
pub struct Feasible {
    pub nodes: Vec<Raw>,
    norm: Norm,
    /// What depends on other pods and other nodes, by feasible node; empty where nothing does.
    social: Vec<Social>,
}

/// Weighted scores that depend on other pods and other nodes.
#[derive(Clone, Copy, Debug, Default)]
struct Social {
    spread: Option<i64>,
    affinity: Option<i64>,
    images: i64,
}

impl Social {
    fn total(&self) -> i64 {
        self.spread.unwrap_or(0) + self.affinity.unwrap_or(0) + self.images
    }
}

/// Adds the scores that depend on other pods and other nodes: each takes a walk over all nodes, and only pods that have to
/// do with others pay for it.
pub fn look_around<'a>(pod: &Asked, nodes: impl Iterator<Item = NodeView<'a>> + Clone, feasible: &mut Feasible) {
    let peers = pod.row.peers.as_deref().filter(|p| !p.soft.is_empty() || !p.wishes.is_empty());
    if peers.is_none() && !pod.compat.has_images() {
        return;
    }
    let mut left = feasible.nodes.iter().peekable();
    let views: Vec<NodeView> = nodes.clone().filter(|node| left.next_if(|raw| raw.node == node.id).is_some()).collect();
    feasible.social.resize(views.len(), Social::default());
    let social = &mut feasible.social;
    if let Some(peers) = peers {
        if !peers.soft.is_empty() {
            let raw = pod_topology_spread::raw(pod, peers, nodes.clone(), &views);
            let scores = pod_topology_spread::normalise(&raw);
            social.iter_mut().zip(scores).for_each(|(s, score)| s.spread = Some(score));
        }
        if !peers.wishes.is_empty()
            && let Some(raw) = inter_pod_affinity::raw(pod, peers, nodes.clone(), &views)
        {
            let scores = inter_pod_affinity::normalise(&raw);
            social.iter_mut().zip(scores).for_each(|(s, score)| s.affinity = Some(score));
        }
    }
    if pod.compat.has_images() {
        let scores = image_locality::scores(pod, nodes, &views);
        social.iter_mut().zip(scores).for_each(|(s, score)| s.images = score);
    }
}

impl Feasible {
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.social.clear();
        self.norm = Norm::default();
    }

    #[inline]
    pub fn push(&mut self, raw: Raw) {
        self.norm.taints = self.norm.taints.max(raw.taints);
        self.norm.affinity = self.norm.affinity.max(raw.affinity);
        self.nodes.push(raw);
    }
}

/// Highest raw scores among feasible nodes (`helper.DefaultNormalizeScore`).
#[derive(Clone, Copy, Debug, Default)]
struct Norm {
    taints: i64,
    affinity: i64,
}

impl Norm {
    #[inline]
    fn taints(&self, raw: &Raw) -> i64 {
        taint_toleration::WEIGHT * (MAX - share(raw.taints, self.taints))
    }

    #[inline]
    fn affinity(&self, raw: &Raw) -> i64 {
        node_affinity::WEIGHT * share(raw.affinity, self.affinity)
    }
}

#[inline]
fn share(score: i64, highest: i64) -> i64 {
    if highest == 0 { 0 } else { MAX * score / highest }
}
