//! How many nodes a decision looks at in a large cluster, and in which order (`percentageOfNodesToScore`).
//!
//! Left out: the order in which nodes came to the cluster decides the order of zones and of nodes in a zone; here it is that
//! of their ids. kube-scheduler filters in parallel and may find a few nodes more than it looks for; here the search ends
//! with the last one wanted.

use super::NodeView;
use super::compat::Compat;
use crate::NodeId;

/// How many of the feasible nodes are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodesScored {
    /// As kube-scheduler does when nothing is configured: all below 100 nodes, then 50 % falling by 1 % for each 125 nodes,
    /// at least 5 %, at least 100 nodes.
    #[default]
    Adaptive,
    /// So many per cent, at least 100 nodes; 100 or more: all of them, which is exact and was recorded.
    Percent(u32),
}

impl NodesScored {
    /// How many feasible nodes are looked for (kube-scheduler v1.34.1 `numFeasibleNodesToFind`).
    pub fn wanted(self, nodes: usize) -> usize {
        const FEWEST: usize = 100;
        let percent = match self {
            _ if nodes < FEWEST => return nodes,
            NodesScored::Percent(100..) => return nodes,
            NodesScored::Percent(percent @ 1..) => percent as usize,
            NodesScored::Adaptive | NodesScored::Percent(0) => 50usize.saturating_sub(nodes / 125).max(5),
        };
        (nodes * percent / 100).max(FEWEST)
    }
}

/// The order nodes are looked at and where the next search begins; one for a scheduler's life.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    order: Vec<NodeId>,
    /// `nextStartNodeIndex`.
    start: usize,
    /// What the order was laid out for.
    version: Option<u64>,
}

impl Sample {
    /// As if nothing had been looked at yet.
    pub fn reset(&mut self) {
        self.order.clear();
        self.start = 0;
        self.version = None;
    }

    /// Lays out the nodes there are, one zone after the other in turn (`nodeTree.list`). Does nothing where they are of the
    /// same version as the last time.
    pub fn lay_out<'a>(&mut self, version: u64, compat: &Compat, nodes: impl Iterator<Item = NodeView<'a>>) {
        if self.version == Some(version) {
            return;
        }
        self.version = Some(version);
        let mut zones: Vec<(u32, Vec<NodeId>)> = Vec::new();
        for node in nodes {
            let zone = compat.zone(node.shape);
            match zones.iter_mut().find(|(known, _)| *known == zone) {
                Some((_, members)) => members.push(node.id),
                None => zones.push((zone, vec![node.id])),
            }
        }
        let longest = zones.iter().map(|(_, members)| members.len()).max().unwrap_or(0);
        self.order.clear();
        for i in 0..longest {
            self.order.extend(zones.iter().filter_map(|(_, members)| members.get(i)));
        }
        self.start = if self.order.is_empty() { 0 } else { self.start % self.order.len() };
    }

    /// Nodes in the order of the next search.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + Clone + '_ {
        self.order[self.start..].iter().chain(&self.order[..self.start]).copied()
    }

    /// Notes that a search has looked at so many nodes.
    pub fn advance(&mut self, seen: usize) {
        if !self.order.is_empty() {
            self.start = (self.start + seen) % self.order.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_kube_scheduler_looks_for() {
        // v1.34.1, TestNumFeasibleNodesToFind: the same inputs, computed by the rule in the code.
        for (scored, nodes, wanted) in [
            (NodesScored::Adaptive, 10, 10),
            (NodesScored::Percent(40), 10, 10),
            (NodesScored::Adaptive, 1000, 420),
            (NodesScored::Percent(40), 1000, 400),
            (NodesScored::Adaptive, 6000, 300),
            (NodesScored::Percent(40), 6000, 2400),
            (NodesScored::Adaptive, 100, 100),
            (NodesScored::Percent(100), 5000, 5000),
        ] {
            assert_eq!(scored.wanted(nodes), wanted, "{scored:?} of {nodes}");
        }
    }
}
