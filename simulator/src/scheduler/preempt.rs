//! DefaultPreemption of kube-scheduler v1.34.1: which pods of lower priority must go so that a pod fits, and from which
//! node. Left out: the sample of candidates in large clusters (all are tried) and waiting for victims to end, which is
//! the caller's.

use std::cmp::Reverse;

use super::{Code, Compat, Incoming, NodeView, PortId, filter};
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
}

/// The best preemption over all candidates, or `None` when none helps or the pod must not preempt. `allowed` holds the
/// disruptions each budget allows now.
///
/// Order (`pickOneNodeForPreemption`): fewest budget violations, lowest priority of the most important victim, lowest
/// sum of priorities, fewest victims, latest start of the most important victims, first in `candidates`.
pub fn preempt<'a>(
    compat: &Compat,
    pod: Incoming,
    candidates: impl Iterator<Item = Candidate<'a>>,
    allowed: &Column<BudgetId, u32>,
) -> Option<Preemption> {
    if !compat.shape(pod.shape).preempts {
        return None;
    }
    let runs = candidates.filter_map(|candidate| select(compat, pod, &candidate, allowed));
    runs.min_by_key(|(_, rank)| *rank).map(|(preemption, _)| preemption)
}

/// What must go from one node (`SelectVictimsOnNode`), or `None` when removing pods does not help.
pub fn dry_run(
    compat: &Compat,
    pod: Incoming,
    candidate: &Candidate,
    allowed: &Column<BudgetId, u32>,
) -> Option<Preemption> {
    select(compat, pod, candidate, allowed).map(|(preemption, _)| preemption)
}

/// Smaller is better. Each priority counts from the lowest possible one, so that more victims never make a smaller sum.
type Rank = (u32, i32, i64, usize, Reverse<i64>);

fn select(
    compat: &Compat,
    pod: Incoming,
    candidate: &Candidate,
    allowed: &Column<BudgetId, u32>,
) -> Option<(Preemption, Rank)> {
    let refused = filter::check(&compat.asked(pod), &candidate.node).err()?;
    if refused.code() == Code::UnschedulableAndUnresolvable {
        return None;
    }
    let priority = |bound: &Bound| compat.shape(bound.shape).priority;
    let own = compat.shape(pod.shape).priority;
    let mut lower: Vec<Bound> = candidate.pods.iter().filter(|bound| priority(bound) < own).copied().collect();
    if lower.is_empty() {
        return None;
    }
    let mut trial = Trial::new(compat, pod, candidate.node);
    lower.iter().for_each(|bound| trial.remove(bound));
    if !trial.fits() {
        return None;
    }
    let importance = |bound: &Bound| (Reverse(priority(bound)), bound.started);
    lower.sort_by_key(importance);
    let (guarded, free) = by_budget(&lower, allowed);
    let mut victims: Vec<Bound> = guarded.into_iter().filter(|bound| !trial.spare(bound)).collect();
    let violations = victims.len() as u32;
    victims.extend(free.into_iter().filter(|bound| !trial.spare(bound)));
    victims.sort_by_key(importance);
    let highest = victims.first().map(priority)?;
    let sum = victims.iter().map(|bound| i64::from(priority(bound)) - i64::from(i32::MIN)).sum();
    // Sorted by importance: the first is the earliest of the most important ones.
    let started = victims[0].started;
    let rank = (violations, highest, sum, victims.len(), Reverse(started));
    Some((
        Preemption { node: candidate.node.id, victims: victims.iter().map(|bound| bound.pod).collect(), violations },
        rank,
    ))
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
    compat: &'a Compat,
    pod: Incoming,
    node: NodeView<'a>,
    used: Resources,
    ports: Vec<PortId>,
}

impl<'a> Trial<'a> {
    fn new(compat: &'a Compat, pod: Incoming, node: NodeView<'a>) -> Trial<'a> {
        Trial { compat, pod, node, used: *node.used, ports: node.ports.to_vec() }
    }

    fn fits(&self) -> bool {
        let node = NodeView { used: &self.used, ports: &self.ports, ..self.node };
        filter::check(&self.compat.asked(self.pod), &node).is_ok()
    }

    /// Puts a pod back if the incoming one still fits.
    fn spare(&mut self, bound: &Bound) -> bool {
        self.shift(bound, 1);
        self.ports.extend(self.compat.ports(bound.shape));
        let fits = self.fits();
        if !fits {
            self.remove(bound);
        }
        fits
    }

    fn remove(&mut self, bound: &Bound) {
        self.shift(bound, -1);
        for port in self.compat.ports(bound.shape) {
            if let Some(i) = self.ports.iter().position(|held| held == port) {
                self.ports.swap_remove(i);
            }
        }
    }

    fn shift(&mut self, bound: &Bound, sign: i64) {
        let by = &self.compat.shape(bound.shape).requests;
        self.used.cpu += sign * by.cpu;
        self.used.memory += sign * by.memory;
        self.used.ephemeral += sign * by.ephemeral;
        self.used.pods += sign;
        for (used, by) in self.used.extended.iter_mut().zip(&by.extended) {
            *used += sign * by;
        }
    }
}
