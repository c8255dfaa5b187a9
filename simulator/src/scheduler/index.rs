//! Decisions without looking at every node. [`super::decide`] is the specification; this comes to the same node.
//!
//! **How a decision is made.** Every filter says no to some nodes, every score plugin gives the others points, the highest
//! sum wins. What a plugin says of a node depends on one of three things:
//!
//! 1. *its kind*: labels, taints, images, conditions. Nodes that have these in common are a *group*. What taints,
//!    selectors, affinity, zones of a spread constraint or of another pod say, they say of a whole group at once, given how
//!    many pods of each shape the group holds: counts kept up as pods come and go.
//! 2. *the room left on it*: resources and host ports. That is the same for all pods that ask for the same, a *class*. For
//!    each class a node has a *level*, the points of NodeResourcesFit and BalancedAllocation, or no room. A class counts
//!    its nodes by group and level, and looks again only at nodes that were touched since it was last asked.
//! 3. *its name*: pods that somebody counts by host name (anti-affinity, spreading over nodes), room held back for nominated
//!    pods. Nodes that hold such pods are few and known; they are *listed* and judged one by one, as the plain scan does.
//!
//! **Why it is exact.** Take listed nodes out. All other nodes of a group get the same verdict from everything but room, and
//! their totals differ only in their levels, because normalisation adds to each node of the group the same. So the best
//! of a group is on its highest level, and the best of all is the best of those and of the listed nodes. Normalisation itself
//! needs only the highest and lowest raw scores and numbers of nodes and domains, which groups and listed nodes have. Among
//! equals nodes come in the order of rank (their group) and id, in both ways alike.
//!
//! **What it costs.** Touched nodes once per class, listed nodes, groups: none of these grows with the number of nodes. Only
//! to find the n-th of equal nodes the levels are walked, 64 at a step.
//!
//! **Where it does not hold**, the plain scan decides: pods that ask for nodes by name, levels out of range (capacities
//! beyond 92 PB), more than half of the nodes listed, hardly two nodes alike (each group takes room in each class).

mod groups;
mod levels;
mod search;

use super::census::Census;
use super::compat::{Asked, Compat};
use super::place::{Extent, Place};
use super::score::{self, Raw};
use super::{Incoming, NodeView, Sample, Scratch, Tenant, decide, filter};
use crate::{Id, NodeId};
use groups::Groups;
use levels::{GroupId, Levels, NOWHERE};

/// More groups than this are not worth their room: 800 bytes in each class.
const MOST_GROUPS: usize = 512;

/// The nodes a scheduler sees.
pub trait Nodes {
    /// One more than the highest id any node has had.
    fn len(&self) -> usize;
    /// A node as it is now; `None` where it is not there.
    fn view(&self, node: NodeId) -> Option<NodeView<'_>>;
    /// Nodes on which something is held back for nominated pods, in any order.
    fn nominated(&self) -> impl Iterator<Item = NodeId>;
    /// All nodes that are there, by id.
    fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone;
    /// True without nodes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is kept from decision to decision. Whoever changes a node, or what is on it, calls [`Index::touch`].
#[derive(Clone, Debug, Default)]
pub struct Index {
    /// Nodes touched, the first of them with number `base`.
    log: Vec<NodeId>,
    base: u64,
    /// How far the log is worked into the groups.
    seen: u64,
    fresh: bool,
    groups: Groups,
    classes: Vec<Levels>,
    desk: Desk,
}

/// What one decision works on.
#[derive(Clone, Debug, Default)]
struct Desk {
    listed: Vec<NodeId>,
    /// Pods that matter, by group.
    pods: Vec<Tenant>,
    ranges: Vec<(u32, u32)>,
    /// Listed nodes, by group.
    listed_in: Vec<u32>,
    /// What a search among some of the nodes has found, by group.
    found: Vec<search::Found>,
    /// What each of the feasible entries is.
    who: Vec<Who>,
}

#[derive(Clone, Copy, Debug)]
enum Who {
    Group { id: GroupId, feasible: u32 },
    Node(NodeId),
}

impl Desk {
    fn group(&self, groups: &Groups, id: GroupId) -> Place<'_> {
        let (first, end) = self.ranges[usize::from(id)];
        groups.place(id, &self.pods[first as usize..end as usize], self.listed_in[usize::from(id)])
    }
}

impl Index {
    /// Forgets everything: for another cluster, or the same at another time.
    pub fn reset(&mut self) {
        self.log.clear();
        self.base = 0;
        self.seen = 0;
        self.fresh = false;
    }

    /// Notes that a node has come, gone or changed, or that pods have come to it, left it or are being deleted.
    #[inline]
    pub fn touch(&mut self, node: NodeId) {
        if self.log.last() != Some(&node) || self.seen == self.base + self.log.len() as u64 {
            self.log.push(node);
        }
    }

    /// As [`super::decide`].
    pub fn decide(
        &mut self,
        compat: &Compat,
        pod: Incoming,
        nodes: &impl Nodes,
        scratch: &mut Scratch,
        mut tie: impl FnMut(u32) -> u32,
    ) -> Option<NodeId> {
        let asked = compat.asked(pod);
        if let Some(pin) = pod.pin.filter(|_| !filters_by_peers(&asked)) {
            let view = nodes.view(pin)?;
            return (filter::by_kind(&asked, &view).is_ok() && filter::by_room(&asked, &view).is_ok()).then_some(pin);
        }
        if !self.prepare(&asked, nodes, scratch) {
            return decide(compat, pod, nodes.views(), scratch, tie);
        }
        self.survey(&asked, nodes, scratch);
        let chosen = self.choose(&asked, nodes, scratch, None, &mut tie);
        self.class(&asked).put_back();
        chosen
    }

    fn class(&mut self, asked: &Asked) -> &mut Levels {
        &mut self.classes[asked.compat.class(asked.incoming().shape)]
    }

    /// Feasible nodes with their totals, by id: what a decision rests on. `None` where the plain scan would decide.
    pub fn totals(&mut self, compat: &Compat, pod: Incoming, nodes: &impl Nodes) -> Option<Vec<(NodeId, i64)>> {
        let asked = compat.asked(pod);
        let mut scratch = Scratch::default();
        if !self.prepare(&asked, nodes, &mut scratch) {
            return None;
        }
        self.survey(&asked, nodes, &mut scratch);
        let feasible = &mut scratch.feasible;
        self.look_around(&asked, nodes, feasible);
        let levels = &self.classes[compat.class(pod.shape)];
        let mut totals = Vec::new();
        for (i, who) in self.desk.who.iter().enumerate() {
            match *who {
                Who::Node(node) => totals.push((node, feasible.total(i))),
                Who::Group { id, .. } => {
                    let rest = feasible.total(i) - feasible.nodes[i].level();
                    let members = nodes.views().map(|view| view.id).filter(|&node| self.groups.of(node) == id);
                    totals.extend(members.filter_map(|node| Some((node, rest + levels.of(node)? as i64))));
                }
            }
        }
        self.class(&asked).put_back();
        totals.sort_unstable();
        Some(totals)
    }

    /// Brings groups and class up to date, lifts the listed nodes out of the class and counts pods. False, with nothing lifted,
    /// where the index has nothing to say.
    fn prepare(&mut self, asked: &Asked, nodes: &impl Nodes, scratch: &mut Scratch) -> bool {
        if asked.row.by_name || asked.incoming().pin.is_some() {
            return false;
        }
        self.catch_up(asked.compat, nodes);
        if self.groups.len() > MOST_GROUPS {
            return false;
        }
        let class = self.catch_up_class(asked, nodes);
        self.list(asked, nodes);
        if self.classes[class].odd() || self.desk.listed.len() * 2 > self.groups.all().max(8) {
            return false;
        }
        let Index { groups, desk, classes, .. } = self;
        classes[class].lift(&desk.listed);
        let peers = asked.row.peers.as_deref();
        groups.collect(peers.map_or(&[], |peers| &peers.relevant), &mut desk.pods, &mut desk.ranges);
        let Scratch { feasible, census, .. } = scratch;
        if let Some(peers) = peers {
            census.take(asked, peers, places(groups, desk, nodes), true);
        }
        feasible.clear();
        desk.who.clear();
        true
    }

    /// Finds what is feasible: the groups with room, each with its best, and listed nodes.
    fn survey(&mut self, asked: &Asked, nodes: &impl Nodes, scratch: &mut Scratch) {
        let Scratch { feasible, census, .. } = scratch;
        let Index { groups, desk, classes, .. } = self;
        let levels = &mut classes[asked.compat.class(asked.incoming().shape)];
        for &id in &groups.order {
            if levels.count(id) == 0 {
                continue;
            }
            let place = desk.group(groups, id);
            if admits(asked, census, &place) {
                let (top, alike) = levels.top(id);
                feasible.push(score::raw_of_group(asked, &place.view, top as i64, alike));
                desk.who.push(Who::Group { id, feasible: levels.count(id) as u32 });
            }
        }
        for view in desk.listed.iter().filter_map(|&node| nodes.view(node)) {
            if filter::check(asked, census, &view).is_ok() {
                feasible.push(score::raw(asked, &view));
                desk.who.push(Who::Node(view.id));
            }
        }
    }

    /// Works touched nodes into the groups.
    fn catch_up(&mut self, compat: &Compat, nodes: &impl Nodes) {
        if !self.fresh {
            self.fresh = true;
            self.groups.clear(compat);
            self.classes.iter_mut().for_each(Levels::clear);
            self.log.clear();
            self.log.extend((0..nodes.len()).map(NodeId::from_index));
        }
        self.groups.grow(nodes.len());
        for i in (self.seen - self.base) as usize..self.log.len() {
            let node = self.log[i];
            self.groups.refresh(compat, node, nodes.view(node).as_ref());
        }
        self.seen = self.base + self.log.len() as u64;
        if self.log.len() > 4 * nodes.len() + 1024 {
            self.base = self.seen;
            self.log.clear();
        }
    }

    /// Works touched nodes into the class of a pod.
    fn catch_up_class(&mut self, asked: &Asked, nodes: &impl Nodes) -> usize {
        let class = asked.compat.class(asked.incoming().shape);
        if self.classes.len() <= class {
            self.classes.resize_with(class + 1, Levels::default);
        }
        let levels = &mut self.classes[class];
        let behind = self.seen - levels.seen;
        let anew = levels.is_empty() || levels.seen < self.base || behind > nodes.len() as u64;
        levels.grow(nodes.len(), self.groups.len());
        let mut refresh = |node| levels.refresh(asked, node, self.groups.of(node), nodes.view(node));
        if anew {
            (0..nodes.len()).map(NodeId::from_index).for_each(&mut refresh);
        } else {
            self.log[self.log.len() - behind as usize..].iter().copied().for_each(&mut refresh);
        }
        levels.seen = self.seen;
        class
    }
    /// Lists the nodes that have to be looked at one by one, in the order of their ids.
    fn list(&mut self, asked: &Asked, nodes: &impl Nodes) {
        let Desk { listed, listed_in, .. } = &mut self.desk;
        listed.clear();
        listed.extend(nodes.nominated());
        for &shape in asked.row.peers.as_ref().map_or(&[][..], |peers| &peers.hosted) {
            listed.extend_from_slice(self.groups.holders(shape));
        }
        listed.sort_unstable();
        listed.dedup();
        listed.retain(|&node| self.groups.of(node) != NOWHERE);
        listed_in.clear();
        listed_in.resize(self.groups.len(), 0);
        listed.iter().for_each(|&node| listed_in[usize::from(self.groups.of(node))] += 1);
    }

    fn look_around(&mut self, asked: &Asked, nodes: &impl Nodes, feasible: &mut score::Feasible) {
        if !score::looks_around(asked) {
            return;
        }
        let Index { groups, desk, .. } = self;
        let place = |who: &Who| match *who {
            Who::Group { id, feasible } => Some((desk.group(groups, id), feasible as usize)),
            Who::Node(node) => Some((Place { view: nodes.view(node)?, extent: Extent::Listed }, 1)),
        };
        let found: Vec<_> = desk.who.iter().filter_map(place).collect();
        feasible.look_around(asked, places(groups, desk, nodes), &found, true);
    }

    /// The best of what was found, among all nodes or among the first so many of a sample.
    fn choose(
        &mut self,
        asked: &Asked,
        nodes: &impl Nodes,
        scratch: &mut Scratch,
        sample: Option<(&Sample, usize)>,
        tie: &mut impl FnMut(u32) -> u32,
    ) -> Option<NodeId> {
        let feasible = &mut scratch.feasible;
        if let ([only], [Who::Node(node)]) = (&feasible.nodes[..], &self.desk.who[..])
            && only.node == *node
        {
            return Some(*node);
        }
        self.look_around(asked, nodes, feasible);
        let best = feasible.settle();
        let mut nth = if best > 1 { tie(best).min(best - 1) } else { 0 };
        let levels = &mut self.classes[asked.compat.class(asked.incoming().shape)];
        let mut winners =
            feasible.best.chunk_by(|&a, &b| feasible.nodes[a as usize].rank == feasible.nodes[b as usize].rank);
        let run = winners.find(|run| {
            let nodes: u32 = run.iter().map(|&i| feasible.nodes[i as usize].alike).sum();
            let here = nth < nodes;
            nth -= if here { 0 } else { nodes };
            here
        })?;
        let who = |&i: &u32| (self.desk.who[i as usize], &feasible.nodes[i as usize]);
        let group = run.iter().map(who).find_map(|(who, raw): (Who, &Raw)| match who {
            Who::Group { id, .. } => Some((id, raw.level() as usize)),
            Who::Node(_) => None,
        });
        let listed = run.iter().map(who).filter_map(|(who, _)| match who {
            Who::Node(node) => Some(node),
            Who::Group { .. } => None,
        });
        match group {
            None => listed.into_iter().nth(nth as usize),
            Some((id, level)) => {
                levels.pretend(listed, level);
                match sample {
                    None => levels.nth(id, level, nth),
                    Some((sample, seen)) => {
                        search::nth(&self.groups, levels, sample.nodes().take(seen), (id, level, nth))
                    }
                }
            }
        }
    }
}

/// True where other pods may keep the pod off a node.
fn filters_by_peers(asked: &Asked) -> bool {
    asked.row.peers.as_ref().is_some_and(|peers| !peers.hard.is_empty() || peers.has_terms())
}

/// All places: groups with nodes, then listed nodes.
fn places<'a>(groups: &'a Groups, desk: &'a Desk, nodes: &'a impl Nodes) -> impl Iterator<Item = Place<'a>> + Clone {
    let there = groups.order.iter().filter(|&&id| groups.nodes(id) > 0);
    let grouped = there.map(|&id| desk.group(groups, id));
    let listed = desk.listed.iter().filter_map(|&node| nodes.view(node));
    grouped.chain(listed.map(|view| Place { view, extent: Extent::Listed }))
}

/// True where the group's nodes are feasible as far as they have room.
fn admits(asked: &Asked, census: &Census, place: &Place) -> bool {
    filter::by_kind(asked, &place.view).is_ok() && filter::social(asked, census, &place.view).is_ok()
}
