//! One scheduling decision after the other: filters, scores, preemption, and what they change in the cluster.

use simulator::scheduler::{NoHelp, Preemption, Rejection, Scores, attempts, choose, dry_runs, explain};
use simulator::{Id, NodeId};

use super::cluster::Cluster;

/// A decision; nodes and pods by their position.
pub(super) struct Decision {
    pub pod: usize,
    /// What the filters say, by node.
    pub verdicts: Vec<Option<Rejection>>,
    /// Scores of the feasible nodes, and their sums.
    pub scores: Vec<(usize, Scores, i64)>,
    /// The nominated node passed the filters and was taken without looking at others.
    pub via_nominated: Option<usize>,
    /// Nodes that share the highest score; the first is taken.
    pub best: Vec<usize>,
    pub preemption: Option<Preempted>,
    pub no_preemption: Option<NoPreemption>,
    /// Pods that lost their nomination.
    pub cleared: Vec<usize>,
    /// Feasible nodes and totals are the index's.
    pub by_index: bool,
}

/// Pods that make room.
pub(super) struct Preempted {
    pub chosen: Preemption,
    /// Dry runs that succeeded, by node.
    pub candidates: Vec<Preemption>,
    /// Where the pod was bound in the end.
    pub bound: Option<usize>,
}

/// Why nothing was preempted.
pub(super) enum NoPreemption {
    /// The pod was refused before any node was looked at.
    NotTried,
    /// `preemptionPolicy: Never`.
    Never,
    /// No node would do; why, by node.
    NoCandidate(Vec<NoHelp>),
}

impl Decision {
    pub fn bound(&self) -> Option<usize> {
        self.best.first().copied()
    }
}

/// How feasible nodes and totals are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// By looking at every node.
    Scan,
    /// By the simulator's index, where it does not leave the decision to the scan. Reasons and the parts of scores are the
    /// scan's.
    Index,
}

/// Decides for one pod and brings the cluster to where it goes on. `order` counts the pods served, for their start times.
pub(super) fn step(cluster: &mut Cluster, pod: usize, order: usize, way: Way) -> Decision {
    cluster.turn_to(pod);
    let found = explain(&cluster.compat, cluster.incoming(pod), cluster.views());
    let mut verdicts: Vec<Option<Rejection>> = found.verdicts.into_iter().map(|(_, verdict)| verdict).collect();
    let mut scores: Vec<(usize, Scores, i64)> =
        found.scores.into_iter().map(|(node, scores)| (node.index(), scores, scores.total())).collect();
    let totals = if way == Way::Index { cluster.totals(pod) } else { None };
    if let Some(totals) = &totals {
        believe(totals, &mut verdicts, &mut scores);
    }
    let via_nominated = cluster.pods[pod].nominated.filter(|&node| cluster.fits(pod, node));
    let highest = scores.iter().map(|(.., total)| *total).max();
    let best = match via_nominated {
        Some(node) => vec![node],
        None => scores.iter().filter(|(.., total)| Some(*total) == highest).map(|(node, ..)| *node).collect(),
    };
    let mut decision = Decision {
        pod,
        verdicts,
        scores,
        via_nominated,
        best,
        preemption: None,
        no_preemption: None,
        cleared: Vec::new(),
        by_index: totals.is_some(),
    };
    match decision.bound() {
        Some(node) => start(cluster, pod, node, order),
        None => make_room(cluster, &mut decision, order),
    }
    decision
}

/// Takes feasible nodes and totals from the index. Where it differs from the scan, it shows.
fn believe(totals: &[(NodeId, i64)], verdicts: &mut [Option<Rejection>], scores: &mut Vec<(usize, Scores, i64)>) {
    for (node, verdict) in verdicts.iter_mut().enumerate() {
        let feasible = totals.iter().any(|(id, _)| id.index() == node);
        if feasible != verdict.is_none() {
            *verdict = (!feasible).then_some(Rejection::Excluded);
        }
    }
    let parts = |node: usize| scores.iter().find(|(id, ..)| *id == node).map_or_else(Scores::default, |(_, s, _)| *s);
    *scores = totals.iter().map(|&(node, total)| (node.index(), parts(node.index()), total)).collect();
}

/// The same without explanations, for measuring: places the pod and says where.
pub(super) fn quick(cluster: &mut Cluster, pod: usize, order: usize) -> Option<usize> {
    cluster.turn_to(pod);
    let nominated = cluster.pods[pod].nominated.filter(|&node| cluster.fits(pod, node));
    if let Some(node) = nominated.or_else(|| cluster.decide(pod)) {
        start(cluster, pod, node, order);
        return Some(node);
    }
    let mut runs = candidates(cluster, pod);
    let best = runs.swap_remove(choose(&runs)?);
    preempt(cluster, pod, &best);
    start(cluster, pod, best.node.index(), order);
    Some(best.node.index())
}

/// Binds a pod; start times count on in the order of arrival.
fn start(cluster: &mut Cluster, pod: usize, node: usize, order: usize) {
    cluster.bind(pod, node);
    cluster.pods[pod].started = 20300101000000 + order as i64;
}

fn candidates(cluster: &Cluster, pod: usize) -> Vec<Preemption> {
    dry_runs(&cluster.compat, cluster.incoming(pod), &cluster.candidates(), &cluster.allowed)
}

fn make_room(cluster: &mut Cluster, decision: &mut Decision, order: usize) {
    let pod = decision.pod;
    if decision.verdicts.iter().any(|v| v.is_some_and(Rejection::is_general)) {
        decision.no_preemption = Some(NoPreemption::NotTried);
        return;
    }
    if !cluster.pods[pod].preempts {
        decision.no_preemption = Some(NoPreemption::Never);
        return;
    }
    let runs = candidates(cluster, pod);
    let Some(best) = choose(&runs) else {
        decision.no_preemption = Some(NoPreemption::NoCandidate(no_help(cluster, pod)));
        // Nothing can be done for it, so its nomination goes (`NewPostFilterResultWithNominatedNode("")`).
        let pod_row = &mut cluster.pods[pod];
        if pod_row.nominated.take().is_some() | std::mem::take(&mut pod_row.astray) {
            decision.cleared.push(pod);
        }
        return;
    };
    let chosen = runs[best].clone();
    decision.cleared = preempt(cluster, pod, &chosen);
    let node = chosen.node.index();
    cluster.turn_to(pod);
    let fits = cluster.fits(pod, node);
    if fits {
        start(cluster, pod, node, order);
    }
    decision.preemption = Some(Preempted { chosen, candidates: runs, bound: fits.then_some(node) });
}

fn no_help(cluster: &Cluster, pod: usize) -> Vec<NoHelp> {
    let nodes = cluster.candidates();
    attempts(&cluster.compat, cluster.incoming(pod), &nodes, &cluster.allowed).filter_map(Result::err).collect()
}

/// Removes the victims and nominates the pod; pods of lower priority lose their nomination to that node.
fn preempt(cluster: &mut Cluster, pod: usize, chosen: &Preemption) -> Vec<usize> {
    for victim in &chosen.victims {
        cluster.remove(victim.index());
    }
    cluster.nominate(pod, chosen.node.index())
}
