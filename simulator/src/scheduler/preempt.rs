//! DefaultPreemption of kube-scheduler v1.34.1: which pods of lower priority must go so that a pod fits, and from which
//! node. Left out: waiting for victims to end, which is the caller's.

use std::cmp::Reverse;

use super::census::Census;
use super::compat::Asked;
use super::{Code, Compat, Incoming, NodeView, PortId, Rejection, filter};
use crate::spec::Resources;
use crate::{BudgetId, Column, NodeId, PodId, PodShapeId};

/// A pod on a candidate node.
#[derive(Clone, Copy, Debug)]
pub struct Bound<'a> {
    /// Its id, handed back when it must go.
    pub pod: PodId,
    /// Its shape; priority, requests and ports follow from it.
    pub shape: PodShapeId,
    /// When it started, on any clock.
    pub started: i64,
    /// The disruption budgets that cover it.
    pub budgets: &'a [BudgetId],
}

/// A node with its pods.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    /// The node as the filters see it.
    pub node: NodeView<'a>,
    /// All pods bound to it.
    pub pods: Vec<Bound<'a>>,
}

/// What must go from a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preemption {
    /// The node the pod is nominated to.
    pub node: NodeId,
    /// Pods to remove, highest priority first, then earliest start.
    pub victims: Vec<PodId>,
    /// How many of them go although their budget allows no disruption.
    pub violations: u32,
    /// Where it stands among its like: equal ranks are equally good.
    pub rank: Rank,
}

/// The best preemption over all candidates, or `None` when none helps or the pod must not preempt. `candidates` are all nodes
/// there are, `allowed` holds the disruptions each budget allows now.
pub fn preempt(
    compat: &Compat,
    pod: Incoming,
    candidates: &[Candidate],
    allowed: &Column<BudgetId, u32>,
) -> Option<Preemption> {
    let mut runs = dry_runs(compat, pod, candidates, allowed);
    let best = choose(&runs)?;
    Some(runs.swap_remove(best))
}

/// The same for many nodes, whose pods are asked for only where removing some may help. With `offset` the search goes round
/// from there (given how many nodes come into question) and ends as soon as it has found a tenth of them, at least 100, one of
/// which breaks no budget (v1.34.1 `GetOffsetAndNumCandidates`, `dryRunPreemption`); without, every node is tried.
pub fn search<'a>(
    compat: &Compat,
    pod: Incoming,
    nodes: impl Iterator<Item = NodeView<'a>> + Clone,
    pods: impl Fn(NodeId) -> Vec<Bound<'a>>,
    allowed: &Column<BudgetId, u32>,
    offset: Option<&mut dyn FnMut(u32) -> u32>,
) -> Option<Preemption> {
    let asked = compat.asked(pod);
    if !asked.row.shape.preempts {
        return None;
    }
    let census = super::census(&asked, nodes.clone());
    let may_help = |node: &NodeView| {
        filter::check(&asked, &census, node).is_err_and(|refused| refused.code() == Code::Unschedulable)
    };
    let potential: Vec<NodeView> = nodes.filter(may_help).collect();
    let (first, wanted) = match offset {
        Some(draw) if !potential.is_empty() => {
            (draw(potential.len() as u32) as usize % potential.len(), (potential.len() / 10).max(100))
        }
        _ => (0, usize::MAX),
    };
    let mut runs: Vec<Preemption> = Vec::new();
    for &node in potential[first..].iter().chain(&potential[..first]) {
        runs.extend(select(&asked, &census, &Candidate { node, pods: pods(node.id) }, allowed));
        if runs.len() >= wanted && runs.iter().any(|run| run.violations == 0) {
            break;
        }
    }
    let best = choose(&runs)?;
    Some(runs.swap_remove(best))
}

/// What must go from each node where that helps. `candidates` are all nodes there are.
pub fn dry_runs(
    compat: &Compat,
    pod: Incoming,
    candidates: &[Candidate],
    allowed: &Column<BudgetId, u32>,
) -> Vec<Preemption> {
    if !compat.shape(pod.shape).preempts {
        return Vec::new();
    }
    attempts(compat, pod, candidates, allowed).filter_map(Result::ok).collect()
}

/// The dry run on each node (`SelectVictimsOnNode`): what must go, or why removing pods does not help.
pub fn attempts<'a>(
    compat: &'a Compat,
    pod: Incoming,
    candidates: &'a [Candidate],
    allowed: &'a Column<BudgetId, u32>,
) -> impl Iterator<Item = Result<Preemption, NoHelp>> + 'a {
    let asked = compat.asked(pod);
    let census = super::census(&asked, candidates.iter().map(|candidate| candidate.node));
    candidates.iter().map(move |candidate| select(&asked, &census, candidate, allowed))
}

/// Why removing pods from a node does not help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoHelp {
    /// Pods are not what keeps the incoming one off.
    NotPods,
    /// No pod there has a lower priority, or none needs to go.
    NoVictims,
    /// It does not fit even without all of them.
    StillRefused(Rejection),
}

/// Position of the best.
///
/// Order (`pickOneNodeForPreemption`): fewest budget violations, lowest priority of the most important victim, lowest
/// sum of priorities, fewest victims, latest start of the most important victims, first in the list.
pub fn choose(runs: &[Preemption]) -> Option<usize> {
    (0..runs.len()).min_by_key(|&i| runs[i].rank)
}

/// Smaller is better. Each priority counts from the lowest possible one, so that more victims never make a smaller sum.
pub type Rank = (u32, i32, i64, usize, Reverse<i64>);

fn select(
    pod: &Asked,
    census: &Census,
    candidate: &Candidate,
    allowed: &Column<BudgetId, u32>,
) -> Result<Preemption, NoHelp> {
    let compat = pod.compat;
    let refused = filter::check(pod, census, &candidate.node).err();
    if refused.is_none_or(|refused| refused.code() == Code::UnschedulableAndUnresolvable) {
        return Err(NoHelp::NotPods);
    }
    let priority = |bound: &Bound| compat.shape(bound.shape).priority;
    let own = pod.row.shape.priority;
    let mut lower: Vec<Bound> = candidate.pods.iter().filter(|bound| priority(bound) < own).copied().collect();
    if lower.is_empty() {
        return Err(NoHelp::NoVictims);
    }
    let mut trial = Trial::new(pod, census, candidate.node);
    lower.iter().for_each(|bound| trial.remove(bound));
    trial.check().map_err(NoHelp::StillRefused)?;
    let importance = |bound: &Bound| (Reverse(priority(bound)), bound.started);
    lower.sort_by_key(importance);
    let (guarded, free) = by_budget(&lower, allowed);
    let mut victims: Vec<Bound> = guarded.into_iter().filter(|bound| !trial.spare(bound)).collect();
    let violations = victims.len() as u32;
    victims.extend(free.into_iter().filter(|bound| !trial.spare(bound)));
    victims.sort_by_key(importance);
    let highest = victims.first().map(priority).ok_or(NoHelp::NoVictims)?;
    let sum = victims.iter().map(|bound| i64::from(priority(bound)) - i64::from(i32::MIN)).sum();
    // Sorted by importance: the first is the earliest of the most important ones.
    let started = victims[0].started;
    let rank = (violations, highest, sum, victims.len(), Reverse(started));
    Ok(Preemption {
        node: candidate.node.id,
        victims: victims.iter().map(|bound| bound.pod).collect(),
        violations,
        rank,
    })
}

/// Splits pods into those whose removal breaks a budget, and the others (`filterPodsWithPDBViolation`): each pod uses up
/// one disruption of every budget that covers it, the most important pods first.
fn by_budget<'a>(pods: &[Bound<'a>], allowed: &Column<BudgetId, u32>) -> (Vec<Bound<'a>>, Vec<Bound<'a>>) {
    let mut left = allowed.clone();
    pods.iter().partition(|bound| {
        let mut broken = false;
        for &budget in bound.budgets {
            let exhausted = left[budget] == 0;
            left[budget] -= u32::from(!exhausted);
            broken |= exhausted;
        }
        broken
    })
}

/// A node with some of its pods taken away.
struct Trial<'a> {
    pod: &'a Asked<'a>,
    census: Census,
    node: NodeView<'a>,
    used: Resources,
    ports: Vec<PortId>,
}

impl<'a> Trial<'a> {
    fn new(pod: &'a Asked<'a>, census: &Census, node: NodeView<'a>) -> Trial<'a> {
        Trial { pod, census: census.clone(), node, used: *node.used, ports: node.ports.to_vec() }
    }

    fn check(&self) -> Result<(), Rejection> {
        let node = NodeView { used: &self.used, ports: &self.ports, ..self.node };
        filter::check(self.pod, &self.census, &node)
    }

    /// Puts a pod back if the incoming one still fits.
    fn spare(&mut self, bound: &Bound) -> bool {
        self.shift(bound, 1);
        self.ports.extend(self.pod.compat.ports(bound.shape));
        let fits = self.check().is_ok();
        if !fits {
            self.remove(bound);
        }
        fits
    }

    fn remove(&mut self, bound: &Bound) {
        self.shift(bound, -1);
        for port in self.pod.compat.ports(bound.shape) {
            if let Some(i) = self.ports.iter().position(|held| held == port) {
                self.ports.swap_remove(i);
            }
        }
    }

    fn shift(&mut self, bound: &Bound, sign: i64) {
        if let Some(peers) = &self.pod.row.peers {
            self.census.shift(self.pod, peers, &self.node, bound.shape, sign);
        }
        self.used.shift(&self.pod.compat.shape(bound.shape).requests, sign);
    }
}
