//! Decisions that end when enough feasible nodes are found, as kube-scheduler's do in large clusters: nodes are looked at one
//! after the other, but what is known of their group and class is not found out again.

use super::groups::{Groups, NOBODY};
use super::levels::{GroupId, Levels};
use super::spread::Who;
use super::{Index, Nodes};
use crate::scheduler::compat::{Asked, Compat};
use crate::scheduler::{Incoming, NodesScored, Sample, Scratch, decide_among};
use crate::{Id, NodeId};

/// Nodes of one group that a search has come upon.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Found {
    admits: bool,
    feasible: u32,
    top: usize,
    alike: u32,
}

impl Found {
    fn add(&mut self, level: usize) {
        self.feasible += 1;
        if level > self.top || self.feasible == 1 {
            (self.top, self.alike) = (level, 0);
        }
        self.alike += u32::from(level == self.top);
    }
}

impl Index {
    /// As [`decide_among`], in the order of the sample, which it moves on.
    pub fn decide_some(
        &mut self,
        compat: &Compat,
        pod: Incoming,
        nodes: &impl Nodes,
        (scored, sample): (NodesScored, &mut Sample),
        scratch: &mut Scratch,
        mut tie: impl FnMut(u32) -> u32,
    ) -> Option<NodeId> {
        if pod.pin.is_some() {
            sample.advance(1); // no other node is looked at
            return self.decide(compat, pod, nodes, scratch, tie);
        }
        self.catch_up(compat, nodes);
        let there = self.groups.all();
        let wanted = scored.wanted(there);
        if wanted >= there {
            return self.decide(compat, pod, nodes, scratch, tie);
        }
        sample.lay_out(self.groups.version(), compat, nodes.views());
        let asked = compat.asked(pod);
        if !self.prepare(&asked, nodes, scratch) {
            let sought = sample.nodes().filter_map(|node| nodes.view(node));
            let (chosen, seen) = decide_among(compat, pod, sought, nodes.views(), wanted, scratch, tie);
            sample.advance(seen);
            return chosen;
        }
        let seen = self.search(&asked, nodes, sample, wanted, scratch);
        let chosen = self.choose(&asked, nodes, scratch, Some((sample, seen)), &mut tie);
        self.class(&asked).put_back();
        sample.advance(seen);
        chosen
    }

    /// Finds what is feasible, node after node until so many are found. Says how many were looked at.
    fn search(
        &mut self,
        asked: &Asked,
        nodes: &impl Nodes,
        sample: &Sample,
        wanted: usize,
        scratch: &mut Scratch,
    ) -> usize {
        let Scratch { feasible, census, .. } = scratch;
        let Index { groups, desk, classes, standings, .. } = self;
        let shape = asked.incoming().shape;
        let (levels, standings) = (&classes[asked.compat.class(shape)], &standings[shape.index()]);
        let mut found_in = std::mem::take(&mut desk.found);
        found_in.clear();
        let admits = |id| standings.of(id).admits && desk.welcomes(asked, census, groups, id);
        found_in.extend((0..groups.len() as GroupId).map(|id| Found { admits: admits(id), ..Found::default() }));
        let (mut seen, mut count) = (0, 0);
        for node in sample.nodes() {
            seen += 1;
            let found = &mut found_in[usize::from(groups.of(node))];
            if let Some(level) = levels.of(node) {
                count += usize::from(found.admits);
                found.add(level);
            } else if levels.is_lifted(node)
                && let Ok(listed) = desk.listed.binary_search(&node)
            {
                let tried = desk.try_listed(asked, census, nodes, (groups, levels, standings), (listed, feasible));
                count += usize::from(tried);
            }
            if count >= wanted {
                break;
            }
        }
        for &id in &groups.order {
            let found = found_in[usize::from(id)];
            if found.admits && found.feasible > 0 {
                feasible.push(standings.of(id).raw.at(found.top, NOBODY, found.alike));
                desk.who.push(Who::Group { id, feasible: found.feasible });
            }
        }
        desk.found = found_in;
        seen
    }
}

/// The `n`-th of the nodes of a group on a level, counted from 0 in the order of ids.
pub(super) fn nth(
    groups: &Groups,
    levels: &Levels,
    sought: impl Iterator<Item = NodeId>,
    (group, level, n): (GroupId, usize, u32),
) -> Option<NodeId> {
    let alike = |&node: &NodeId| groups.of(node) == group && levels.of(node) == Some(level);
    let mut found: Vec<NodeId> = sought.filter(alike).collect();
    found.sort_unstable();
    found.get(n as usize).copied()
}
