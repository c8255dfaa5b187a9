//! Raw scores of soft topology spread constraints for groups and listed nodes: what [`pod_topology_spread::raw`] says of each
//! node, from counts that are kept up. Every sum is made of the same terms in the same order, so that it has the same bits.
//!
//! [`pod_topology_spread::raw`]: crate::scheduler::score::pod_topology_spread::raw

use super::groups::Groups;
use super::levels::GroupId;
use super::standing::Standings;
use crate::scheduler::peers::{Constraint, Peers};
use crate::scheduler::tally::Tally;
use crate::{NodeId, PodShapeId};

/// A group of feasible nodes, or a feasible node that is listed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Who {
    Group { id: GroupId, feasible: u32 },
    Node { id: NodeId, group: GroupId, listed: usize },
}

impl Who {
    fn group(&self) -> GroupId {
        match *self {
            Who::Group { id, .. } => id,
            Who::Node { group, .. } => group,
        }
    }

    fn feasible(&self) -> usize {
        match *self {
            Who::Group { feasible, .. } => feasible as usize,
            Who::Node { .. } => 1,
        }
    }
}

/// What scoring works on.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    tally: Tally,
    /// Pods that a constraint counts, by listed node.
    held: Vec<i64>,
    sums: Vec<f64>,
    /// The scores; `None` for nodes without all keys.
    pub raw: Vec<Option<i64>>,
    /// Weights of constraints by their number of domains.
    weights: Vec<f64>,
}

impl Spread {
    /// Scores what is feasible.
    pub fn score(&mut self, peers: &Peers, groups: &Groups, standings: &Standings, listed: &[NodeId], who: &[Who]) {
        self.sums.clear();
        self.sums.resize(who.len(), 0.0);
        for (i, constraint) in peers.soft.iter().enumerate() {
            let skew = (constraint.max_skew - 1) as f64;
            if constraint.hostname {
                let scored = who.iter().filter(|who| !standings.of(who.group()).ignored);
                let weight = self.weight(scored.map(Who::feasible).sum());
                self.count_on_listed(peers, constraint, groups, listed);
                for (sum, who) in self.sums.iter_mut().zip(who) {
                    let count = match *who {
                        Who::Node { listed, .. } => self.held[listed],
                        Who::Group { .. } => 0, // nodes that hold such pods are listed
                    };
                    if standings.seat(who.group(), i).domain.is_some() {
                        *sum += count as f64 * weight + skew;
                    }
                }
            } else {
                self.count_by_domain(peers, (i, constraint), groups, standings, who);
                let weight = self.weight(self.tally.domains());
                for (sum, who) in self.sums.iter_mut().zip(who) {
                    if let Some(domain) = standings.seat(who.group(), i).domain {
                        *sum += self.tally.at(domain) as f64 * weight + skew;
                    }
                }
            }
        }
        self.raw.clear();
        let ignored = who.iter().map(|who| standings.of(who.group()).ignored);
        let scores = self.sums.iter().zip(ignored).map(|(sum, ignored)| (!ignored).then(|| sum.round() as i64));
        self.raw.extend(scores);
    }

    /// Pods in the domains of what is feasible.
    fn count_by_domain(
        &mut self,
        peers: &Peers,
        (i, constraint): (usize, &Constraint),
        groups: &Groups,
        standings: &Standings,
        who: &[Who],
    ) {
        self.tally.clear(false);
        for who in who {
            if !standings.of(who.group()).ignored {
                self.tally.add(standings.seat(who.group(), i).domain.unwrap_or(0), 0);
            }
        }
        for &group in groups.order.iter().filter(|&&id| groups.nodes(id) > 0 && !standings.of(id).ignored) {
            let seat = standings.seat(group, i);
            if seat.counts {
                let alive = || matched(peers, constraint).map(|shape| groups.alive(group, shape)).sum();
                self.tally.raise(seat.domain.unwrap_or(0), alive);
            }
        }
    }

    /// Pods on each of the listed nodes. Both lists are in the order of nodes.
    fn count_on_listed(&mut self, peers: &Peers, constraint: &Constraint, groups: &Groups, listed: &[NodeId]) {
        self.held.clear();
        self.held.resize(listed.len(), 0);
        for shape in matched(peers, constraint) {
            let mut at = 0;
            for holder in groups.holders(shape) {
                while at < listed.len() && listed[at] < holder.node {
                    at += 1;
                }
                if at < listed.len() && listed[at] == holder.node {
                    self.held[at] += i64::from(holder.alive);
                }
            }
        }
    }

    /// The weight of a constraint with so many domains (`topologyNormalizingWeight`).
    fn weight(&mut self, domains: usize) -> f64 {
        for size in self.weights.len()..=domains {
            self.weights.push(libm::log((size + 2) as f64));
        }
        self.weights[domains]
    }
}

/// Shapes whose pods a constraint counts.
fn matched<'p>(peers: &'p Peers, constraint: &'p Constraint) -> impl Iterator<Item = PodShapeId> + 'p {
    peers.relevant.iter().copied().filter(|&shape| constraint.counts && constraint.matched.has(shape))
}
