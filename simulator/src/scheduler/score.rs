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
use super::compat::{Asked, Rank};
use super::place::Place;
use crate::NodeId;

/// Highest score a plugin gives before its weight (`MaxNodeScore`).
const MAX: i64 = 100;

/// Weighted scores of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

/// Scores of a feasible node before normalisation, or of the best of a group of feasible nodes.
#[derive(Clone, Copy, Debug)]
pub struct Raw {
    /// The node, or the one that stands for the group.
    pub node: NodeId,
    /// What comes first among equals.
    pub rank: Rank,
    /// How many nodes are equally good: 1, but for groups.
    pub alike: u32,
    taints: i64,
    affinity: i64,
    fit: i64,
    balanced: i64,
}

impl Raw {
    /// What [`level`] gave.
    #[inline]
    pub fn level(&self) -> i64 {
        self.fit + self.balanced
    }

    /// The same for so many nodes of its kind, or for this one of them, that have a level.
    #[inline]
    pub fn at(self, level: usize, node: NodeId, alike: u32) -> Raw {
        Raw { fit: level as i64, node, alike, ..self }
    }
}

/// What every plugin says of one node.
#[inline]
pub fn raw(pod: &Asked, node: &NodeView) -> Raw {
    Raw {
        fit: node_resources_fit::score(pod, node),
        balanced: balanced_allocation::score(pod, node),
        ..kind(pod, node)
    }
}

/// The part of the score that depends on what a node holds and on nothing else; 0 to 200.
#[inline]
pub fn level(pod: &Asked, node: &NodeView) -> i64 {
    node_resources_fit::score(pod, node) + balanced_allocation::score(pod, node)
}

/// What all nodes of a kind have in common.
#[inline]
pub fn kind(pod: &Asked, node: &NodeView) -> Raw {
    Raw {
        node: node.id,
        rank: pod.compat.rank(node),
        alike: 1,
        taints: taint_toleration::score(pod, node),
        affinity: node_affinity::score(pod, node),
        fit: 0,
        balanced: 0,
    }
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
    /// The highest total, and which of `nodes` reach it, in order.
    pub best: Vec<u32>,
    highest: i64,
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

/// True where scores depend on pods that attract others, or on images.
#[inline]
pub fn looks_further(pod: &Asked) -> bool {
    pod.compat.has_images() || pod.row.peers.as_deref().is_some_and(|peers| !peers.wishes.is_empty())
}

impl Feasible {
    pub fn clear(&mut self) {
        self.nodes.clear();
        self.social.clear();
        self.best.clear();
        self.norm = Norm::default();
    }

    #[inline]
    pub fn push(&mut self, raw: Raw) {
        self.norm.taints = self.norm.taints.max(raw.taints);
        self.norm.affinity = self.norm.affinity.max(raw.affinity);
        self.nodes.push(raw);
    }

    /// Adds the scores of soft topology spread constraints, from what they are before normalisation.
    pub fn spread(&mut self, raw: &[Option<i64>]) {
        self.social.resize(self.nodes.len(), Social::default());
        let scores = pod_topology_spread::normalise(raw);
        self.social.iter_mut().zip(scores).for_each(|(s, score)| s.spread = Some(score));
    }

    /// Adds the other scores that depend on other pods and other nodes. `feasible` are the places of [`Feasible::nodes`];
    /// `places` are all there are; `grouped` where some are groups.
    pub fn look_further<'a>(
        &mut self,
        pod: &Asked,
        places: impl Iterator<Item = Place<'a>> + Clone,
        feasible: &[Place],
        grouped: bool,
    ) {
        self.social.resize(self.nodes.len(), Social::default());
        if let Some(peers) = pod.row.peers.as_deref()
            && !peers.wishes.is_empty()
            && let Some(raw) = inter_pod_affinity::raw(pod, peers, places.clone(), feasible, grouped)
        {
            let scores = inter_pod_affinity::normalise(&raw);
            self.social.iter_mut().zip(scores).for_each(|(s, score)| s.affinity = Some(score));
        }
        if pod.compat.has_images() {
            let scores = image_locality::scores(pod, places, feasible);
            self.social.iter_mut().zip(scores).for_each(|(s, score)| s.images = score);
        }
    }

    /// The total of one of the feasible nodes.
    #[inline]
    pub fn total(&self, i: usize) -> i64 {
        let raw = &self.nodes[i];
        let social = self.social.get(i).map_or(0, Social::total);
        raw.fit + raw.balanced + self.norm.taints(raw) + self.norm.affinity(raw) + social
    }

    /// Finds the best, in order of rank, and says how many nodes they are.
    pub fn settle(&mut self) -> u32 {
        self.highest = i64::MIN;
        for i in 0..self.nodes.len() {
            let total = self.total(i);
            if total > self.highest {
                self.highest = total;
                self.best.clear();
            }
            if total == self.highest {
                self.best.push(i as u32);
            }
        }
        let nodes = &self.nodes;
        self.best.sort_unstable_by_key(|&i| (nodes[i as usize].rank, nodes[i as usize].node));
        self.best.iter().map(|&i| nodes[i as usize].alike).sum()
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
