//! Nodes laid together: those of one kind and condition are a group. Counts of pods by group, and where the pods are that
//! somebody counts by host name.

use super::levels::{GroupId, NOWHERE};
use crate::scheduler::compat::{Compat, Rank};
use crate::scheduler::place::{Extent, Place};
use crate::scheduler::{NodeView, Readiness, Tenant};
use crate::spec::{EXTENDED, Resources};
use crate::{Id, NodeId, NodeShapeId, PodShapeId};

/// Stands for a group: no node has this id, so no tally of host names knows it.
pub const NOBODY: NodeId = NodeId(u32::MAX - 1);

static NOTHING: Resources = Resources { cpu: 0, memory: 0, ephemeral: 0, pods: 0, disks: 0, extended: [0; EXTENDED] };

/// Groups, their nodes and their pods.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    list: Vec<Group>,
    /// The groups by rank.
    pub order: Vec<GroupId>,
    /// By node.
    of: Vec<GroupId>,
    /// By node: the pods that are counted.
    held: Vec<Vec<Tenant>>,
    /// By group and pod shape.
    counts: Vec<Pods>,
    /// By pod shape: the nodes that hold such pods, as far as somebody counts by host name.
    holders: Vec<Vec<Holder>>,
    shapes: usize,
    all: usize,
    version: u64,
}

/// A node that holds pods of some shape.
#[derive(Clone, Copy, Debug)]
pub struct Holder {
    /// The node.
    pub node: NodeId,
    /// How many of them run.
    pub alive: u32,
}

#[derive(Clone, Copy, Debug)]
struct Group {
    rank: Rank,
    /// The shape of one of its nodes: the others differ in size at most.
    shape: NodeShapeId,
    unschedulable: bool,
    cordon_taint: bool,
    readiness: Readiness,
    nodes: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pods {
    alive: i32,
    leaving: i32,
}

impl Groups {
    /// As if no node were there.
    pub fn clear(&mut self, compat: &Compat) {
        self.list.clear();
        self.order.clear();
        self.of.clear();
        self.held.iter_mut().for_each(Vec::clear);
        self.counts.clear();
        self.shapes = compat.len();
        self.all = 0;
        self.version += 1;
        self.holders.iter_mut().for_each(Vec::clear);
        self.holders.resize_with(self.shapes, Vec::new);
    }

    /// Number of groups, empty ones included.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// The group of a node.
    #[inline]
    pub fn of(&self, node: NodeId) -> GroupId {
        self.of[node.index()]
    }

    /// Nodes of a group.
    #[inline]
    pub fn nodes(&self, group: GroupId) -> usize {
        self.list[usize::from(group)].nodes as usize
    }

    /// Nodes that are there.
    pub fn all(&self) -> usize {
        self.all
    }

    /// Another number whenever nodes have come, gone or changed their kind.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Nodes that hold pods of a shape somebody counts by host name, by id.
    pub fn holders(&self, shape: PodShapeId) -> &[Holder] {
        &self.holders[shape.index()]
    }

    /// Pods of a shape that run in a group.
    #[inline]
    pub fn alive(&self, group: GroupId, shape: PodShapeId) -> i64 {
        i64::from(self.counts[usize::from(group) * self.shapes + shape.index()].alive)
    }

    /// Makes room for so many nodes.
    pub fn grow(&mut self, nodes: usize) {
        if self.of.len() < nodes {
            self.of.resize(nodes, NOWHERE);
        }
        if self.held.len() < nodes {
            self.held.resize_with(nodes, Vec::new);
        }
    }

    /// Looks at a node anew; `None` where it is gone.
    pub fn refresh(&mut self, compat: &Compat, node: NodeId, view: Option<&NodeView>) {
        let (before, now) = (self.of(node), view.map_or(NOWHERE, |view| self.group(compat, view)));
        let pods = view.map_or(&[][..], |view| view.pods);
        if before == now && self.held[node.index()] == pods {
            return;
        }
        let mut held = std::mem::take(&mut self.held[node.index()]);
        // Mostly one pod has come or gone: what is alike at both ends of the lists stays counted.
        let (first, last) = if before == now { alike_at_ends(&held, pods) } else { (0, 0) };
        for tenant in &held[first..held.len() - last] {
            self.shift(before, tenant, -1);
            if compat.hosted().has(tenant.shape) {
                self.holders[tenant.shape.index()].retain(|holder| holder.node != node);
            }
        }
        for tenant in &pods[first..pods.len() - last] {
            self.shift(now, tenant, 1);
            if compat.hosted().has(tenant.shape) {
                let holders = &mut self.holders[tenant.shape.index()];
                let at = holders.partition_point(|holder| holder.node < node);
                holders.insert(at, Holder { node, alive: tenant.alive });
            }
        }
        held.truncate(first);
        held.extend_from_slice(&pods[first..]);
        self.held[node.index()] = held;
        if before != now {
            self.version += 1;
            self.all += usize::from(now != NOWHERE);
            self.all -= usize::from(before != NOWHERE);
            let list = &mut self.list;
            if let Some(group) = list.get_mut(usize::from(before)) {
                group.nodes -= 1;
            }
            if let Some(group) = list.get_mut(usize::from(now)) {
                group.nodes += 1;
            }
            self.of[node.index()] = now;
        }
    }

    #[inline]
    fn shift(&mut self, group: GroupId, tenant: &Tenant, sign: i32) {
        let pods = &mut self.counts[usize::from(group) * self.shapes + tenant.shape.index()];
        pods.alive += sign * tenant.alive as i32;
        pods.leaving += sign * tenant.leaving as i32;
    }

    /// The group a node belongs to; a new one where there is none like it.
    fn group(&mut self, compat: &Compat, view: &NodeView) -> GroupId {
        let rank = compat.rank(view);
        match self.order.binary_search_by_key(&rank, |&group| self.list[usize::from(group)].rank) {
            Ok(at) => self.order[at],
            Err(at) => {
                let id = self.list.len() as GroupId;
                self.list.push(Group {
                    rank,
                    shape: view.shape,
                    unschedulable: view.unschedulable,
                    cordon_taint: view.cordon_taint,
                    readiness: view.readiness,
                    nodes: 0,
                });
                self.counts.resize(self.list.len() * self.shapes, Pods::default());
                self.order.insert(at, id);
                id
            }
        }
    }

    /// Collects the pods of these shapes by group: `ranges` then says where in `pods` those of each group are.
    pub fn collect(&self, shapes: &[PodShapeId], pods: &mut Vec<Tenant>, ranges: &mut Vec<(u32, u32)>) {
        pods.clear();
        ranges.clear();
        for group in 0..self.list.len() {
            let first = pods.len() as u32;
            let counts = &self.counts[group * self.shapes..(group + 1) * self.shapes];
            let found = shapes.iter().map(|&shape| (shape, counts[shape.index()]));
            let there = found.filter(|(_, p)| p.alive + p.leaving > 0);
            pods.extend(there.map(|(shape, p)| Tenant { shape, alive: p.alive as u32, leaving: p.leaving as u32 }));
            ranges.push((first, pods.len() as u32));
        }
    }

    /// The group as a place, with these of its pods and so many nodes that are listed besides.
    #[inline]
    pub fn place<'a>(&self, group: GroupId, pods: &'a [Tenant], listed: u32) -> Place<'a> {
        let group = &self.list[usize::from(group)];
        let nodes = group.nodes as usize;
        Place {
            view: NodeView {
                id: NOBODY,
                shape: group.shape,
                name: "",
                unschedulable: group.unschedulable,
                readiness: group.readiness,
                used: &NOTHING,
                used_score: (0, 0),
                ports: &[],
                promised: None,
                pods,
                cordon_taint: group.cordon_taint,
            },
            extent: Extent::Group { nodes, unlisted: nodes - listed as usize },
        }
    }
}

/// How many entries are the same at the beginning of both lists, and how many of the others at their end.
fn alike_at_ends(a: &[Tenant], b: &[Tenant]) -> (usize, usize) {
    let first = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let last = a[first..].iter().rev().zip(b[first..].iter().rev()).take_while(|(a, b)| a == b).count();
    (first, last)
}
