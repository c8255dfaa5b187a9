//! What one class of pods would find on each node: room or not, and the part of the score that depends on what the node holds.

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, filter, score};
use crate::{Id, NodeId};

/// A group of nodes, by its place in the list of groups.
pub type GroupId = u16;

/// No group: the node is not there.
pub const NOWHERE: GroupId = GroupId::MAX;

/// Highest level: both plugins give at most 100.
const TOP: usize = 200;
/// No room.
const FULL: u8 = 255;
/// Has a level, which is not counted for now.
const LIFTED: u8 = 254;

/// Levels of all nodes for one class of pod shapes, and how many nodes of each group have each level.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// How far the list of touched nodes is worked in.
    pub seen: u64,
    by_node: Vec<u8>,
    group: Vec<GroupId>,
    groups: Vec<Histogram>,
    lifted: Vec<(NodeId, u8)>,
    /// Some level is out of range: requests or capacities beyond all measure.
    odd: bool,
}

#[derive(Clone, Debug)]
struct Histogram {
    nodes: [u32; TOP + 1],
    count: u32,
    /// No node is above this level.
    top: usize,
}

impl Levels {
    /// As if no node were there.
    pub fn clear(&mut self) {
        *self = Levels {
            by_node: std::mem::take(&mut self.by_node),
            group: std::mem::take(&mut self.group),
            groups: std::mem::take(&mut self.groups),
            lifted: std::mem::take(&mut self.lifted),
            ..Levels::default()
        };
        self.by_node.clear();
        self.group.clear();
        self.groups.clear();
        self.lifted.clear();
    }

    /// True where levels do not say everything.
    pub fn odd(&self) -> bool {
        self.odd
    }

    /// True where no node was looked at yet.
    pub fn is_empty(&self) -> bool {
        self.by_node.is_empty()
    }

    /// Makes room for so many nodes and groups.
    pub fn grow(&mut self, nodes: usize, groups: usize) {
        if self.by_node.len() < nodes {
            self.by_node.resize(nodes, FULL);
            self.group.resize(nodes, NOWHERE);
        }
        if self.groups.len() < groups {
            self.groups.resize_with(groups, || Histogram { nodes: [0; TOP + 1], count: 0, top: 0 });
        }
    }

    /// Looks at a node anew.
    #[inline]
    pub fn refresh(&mut self, pod: &Asked, node: NodeId, group: GroupId, view: Option<NodeView>) {
        let new = match view {
            // Nodes with promised room are listed as long as it is promised.
            Some(view) if filter::by_room(pod, &NodeView { promised: None, ..view }).is_ok() => {
                match u8::try_from(score::level(pod, &view)) {
                    Ok(level) if usize::from(level) <= TOP => level,
                    _ => {
                        self.odd = true;
                        FULL
                    }
                }
            }
            _ => FULL,
        };
        let (old, before) = (self.by_node[node.index()], self.group[node.index()]);
        if (old, before) != (new, group) {
            self.take(before, old);
            self.put(group, new);
            self.by_node[node.index()] = new;
            self.group[node.index()] = group;
        }
    }

    #[inline]
    fn put(&mut self, group: GroupId, level: u8) {
        if usize::from(level) <= TOP {
            let histogram = &mut self.groups[usize::from(group)];
            histogram.nodes[usize::from(level)] += 1;
            histogram.count += 1;
            histogram.top = histogram.top.max(usize::from(level));
        }
    }

    #[inline]
    fn take(&mut self, group: GroupId, level: u8) {
        if usize::from(level) <= TOP {
            let histogram = &mut self.groups[usize::from(group)];
            histogram.nodes[usize::from(level)] -= 1;
            histogram.count -= 1;
        }
    }

    /// Leaves nodes out until [`Levels::put_back`].
    pub fn lift(&mut self, nodes: &[NodeId]) {
        for &node in nodes {
            let level = self.by_node[node.index()];
            self.take(self.group[node.index()], level);
            self.lifted.push((node, level));
            self.by_node[node.index()] = LIFTED;
        }
    }

    /// The level of the `i`-th of the nodes that are left out; `None` without room.
    #[inline]
    pub fn lifted(&self, i: usize) -> Option<usize> {
        let level = usize::from(self.lifted[i].1);
        (level <= TOP).then_some(level)
    }

    /// Undoes [`Levels::lift`].
    pub fn put_back(&mut self) {
        while let Some((node, level)) = self.lifted.pop() {
            self.by_node[node.index()] = level;
            self.put(self.group[node.index()], level);
        }
    }

    /// Nodes of a group with room.
    #[inline]
    pub fn count(&self, group: GroupId) -> usize {
        self.groups[usize::from(group)].count as usize
    }

    /// The highest level in a group with room, and how many nodes have it.
    #[inline]
    pub fn top(&mut self, group: GroupId) -> (usize, u32) {
        let histogram = &mut self.groups[usize::from(group)];
        while histogram.top > 0 && histogram.nodes[histogram.top] == 0 {
            histogram.top -= 1;
        }
        (histogram.top, histogram.nodes[histogram.top])
    }

    /// The level of a node that is not left out; `None` without room.
    #[inline]
    pub fn of(&self, node: NodeId) -> Option<usize> {
        let level = usize::from(self.by_node[node.index()]);
        (level <= TOP).then_some(level)
    }

    /// True for a node that is left out.
    #[inline]
    pub fn is_lifted(&self, node: NodeId) -> bool {
        self.by_node[node.index()] == LIFTED
    }

    /// Gives nodes that were left out the level `to` for the sake of [`Levels::nth`].
    pub fn pretend(&mut self, nodes: impl Iterator<Item = NodeId>, to: usize) {
        nodes.for_each(|node| self.by_node[node.index()] = to as u8);
    }

    /// The `n`-th node of a group on a level, counted from 0 in the order of ids.
    pub fn nth(&self, group: GroupId, level: usize, n: u32) -> Option<NodeId> {
        const CHUNK: usize = 64;
        let (mut left, level) = (n as usize, level as u8);
        let hit = |(l, g): (&u8, &GroupId)| (*l == level) & (*g == group);
        for (at, (levels, groups)) in self.by_node.chunks(CHUNK).zip(self.group.chunks(CHUNK)).enumerate() {
            let hits: u8 = levels.iter().zip(groups).map(|pair| u8::from(hit(pair))).sum();
            if left < usize::from(hits) {
                let mut found = (0..).zip(levels.iter().zip(groups)).filter(|(_, pair)| hit(*pair));
                return found.nth(left).map(|(i, _): (usize, _)| NodeId::from_index(at * CHUNK + i));
            }
            left -= usize::from(hits);
        }
        None
    }
}
