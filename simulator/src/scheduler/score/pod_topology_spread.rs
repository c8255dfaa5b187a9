//! PodTopologySpread: soft constraints prefer domains with few of the pods their selectors match. Only here do scores go
//! through floating point, as in kube-scheduler v1.34.1 (`scoreForCount`).

use super::MAX;
use crate::scheduler::NodeView;
use crate::scheduler::census::{counted, domain, has_keys, included};
use crate::scheduler::compat::Asked;
use crate::scheduler::peers::{Constraint, Peers};
use crate::scheduler::place::Place;
use crate::scheduler::tally::Tally;

pub const WEIGHT: i64 = 2;

/// Scores of the feasible nodes before normalisation; `None` for nodes without all keys. `nodes` are all there are.
pub fn raw<'a>(
    pod: &Asked,
    peers: &Peers,
    nodes: impl Iterator<Item = NodeView<'a>>,
    feasible: &[Place],
) -> Vec<Option<i64>> {
    let ignored = |node: &NodeView| peers.all_keys && !has_keys(pod, &peers.soft, node);
    let mut tallies = vec![Tally::default(); peers.soft.len()];
    let scored = || feasible.iter().map(|place| &place.view).filter(|node| !ignored(node));
    for (constraint, tally) in peers.soft.iter().zip(&mut tallies) {
        if !constraint.hostname {
            scored().for_each(|node| tally.add(domain(pod, constraint, node), 0));
        }
    }
    let size = |constraint: &Constraint, tally: &Tally| match constraint.hostname {
        true => scored().count(),
        false => tally.domains(),
    };
    let sizes = peers.soft.iter().zip(&tallies).map(|(constraint, tally)| size(constraint, tally));
    let weights: Vec<f64> = sizes.map(|size| libm::log((size + 2) as f64)).collect();
    for node in nodes.filter(|node| !ignored(node)) {
        for (constraint, tally) in peers.soft.iter().zip(&mut tallies) {
            if !constraint.hostname && included(pod, constraint, &node) {
                tally.raise(domain(pod, constraint, &node), || counted(constraint, node.pods));
            }
        }
    }
    let score = |node: &NodeView| {
        let mut score = 0.0;
        for ((constraint, tally), weight) in peers.soft.iter().zip(&tallies).zip(&weights) {
            let Some(domain) = pod.compat.topology().domain(constraint.key, node) else { continue };
            let count = match constraint.hostname {
                false => tally.at(domain),
                // Of its own host name a node counts its own pods, whatever the inclusion policies say.
                true => counted(constraint, node.pods),
            };
            score += count as f64 * weight + (constraint.max_skew - 1) as f64;
        }
        score.round() as i64
    };
    feasible.iter().map(|place| (!ignored(&place.view)).then(|| score(&place.view))).collect()
}

/// The fewer pods, the better; nodes without all keys get nothing.
pub fn normalise(raw: &[Option<i64>]) -> impl Iterator<Item = i64> + '_ {
    let lowest = raw.iter().flatten().min().copied().unwrap_or(0);
    let highest = raw.iter().flatten().max().copied().unwrap_or(0).max(0);
    raw.iter().map(move |score| match score {
        None => 0,
        Some(_) if highest == 0 => MAX * WEIGHT,
        Some(score) => MAX * (highest + lowest - score) / highest * WEIGHT,
    })
}
