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
//!    pods. Nodes that hold such pods are known; they are *listed* and judged one by one: by their group's verdict and their
//!    level, and where other pods or nominated ones may keep the pod off, by these filters themselves.
//!
//! **Why it is exact.** Take listed nodes out. All other nodes of a group get the same verdict from everything but room, and
//! their totals differ only in their levels, because normalisation adds to each node of the group the same. So the best
//! of a group is on its highest level, and the best of all is the best of those and of the listed nodes. Normalisation itself
//! needs only the highest and lowest raw scores and numbers of nodes and domains, which groups and listed nodes have. Among
//! equals nodes come in the order of rank (their group) and id, in both ways alike.
//!
//! What kinds alone decide is asked once for each pod shape and group (`standing`). Soft spread constraints are scored from
//! the counts (`spread`).
//!
//! **What it costs.** Touched nodes once per class, listed nodes, groups: none of these grows with the number of nodes. Only
//! to find the n-th of equal nodes the levels are walked, 64 at a step. Nothing is allocated, unless pods attract others.
//!
//! **Where it does not hold**, the plain scan decides: pods that ask for nodes by name, levels out of range (capacities
//! beyond 92 PB), hardly two nodes alike (each group takes room in each class).

mod groups;
mod levels;
mod search;
mod spread;
mod standing;

use super::census::Census;
use super::compat::{Asked, Compat};
use super::place::{Extent, Place};
use super::score;
use super::{Incoming, NodeView, Sample, Scratch, Tenant, decide, filter};
use crate::{Id, NodeId};
use groups::{Groups, NOBODY};
use levels::{GroupId, Levels, NOWHERE};
use spread::{Spread, Who};
use standing::Standings;

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
    /// By node: one more than the number of its last entry in the log.
    latest: Vec<u64>,
    /// How far the log is worked into the groups.
    seen: u64,
    fresh: bool,
    groups: Groups,
    classes: Vec<Levels>,
    /// By pod shape.
    standings: Vec<Standings>,
    desk: Desk,
}

/// What one decision works on.
#[derive(Clone, Debug, Default)]
struct Desk {
    listed: Vec<NodeId>,
    /// Room is held back for nominated pods on some of them.
    promises: bool,
    /// Listed nodes, by group.
    listed_in: Vec<u32>,
    /// Pods that matter to filters and to other pods' wishes, by group.
    pods: Vec<Tenant>,
    ranges: Vec<(u32, u32)>,
    /// What a search among some of the nodes has found, by group.
    found: Vec<search::Found>,
    /// What each of the feasible entries is.
    who: Vec<Who>,
    spread: Spread,
}

impl Desk {
    fn group(&self, groups: &Groups, id: GroupId) -> Place<'_> {
        let (first, end) = self.ranges[usize::from(id)];
        groups.place(id, &self.pods[first as usize..end as usize], self.listed_in[usize::from(id)])
    }

    /// True where other pods do not keep the pod off a group.
    #[inline]
    fn welcomes(&self, asked: &Asked, census: &Census, groups: &Groups, id: GroupId) -> bool {
        !filters_by_peers(asked) || filter::social(asked, census, &self.group(groups, id).view).is_ok()
    }

    /// Notes a listed node where it is feasible. Its kind speaks for it as for its group, and its level says whether it has
    /// room; only what other pods and nominated ones say is asked of the node itself.
    #[inline]
    fn try_listed(
        &mut self,
        asked: &Asked,
        census: &Census,
        nodes: &impl Nodes,
        (groups, levels, standings): (&Groups, &Levels, &Standings),
        (listed, feasible): (usize, &mut score::Feasible),
    ) -> bool {
        let id = self.listed[listed];
        let group = groups.of(id);
        let standing = standings.of(group);
        let Some(level) = levels.lifted(listed).filter(|_| standing.admits) else {
            return false;
        };
        let asks_others = filters_by_peers(asked);
        if self.promises || asks_others {
            let Some(view) = nodes.view(id) else { return false };
            if filter::by_room(asked, &view).is_err() || asks_others && filter::social(asked, census, &view).is_err() {
                return false;
            }
        }
        feasible.push(standing.raw.at(level, id, 1));
        self.who.push(Who::Node { id, group, listed });
        true
    }
}

impl Index {
    /// Forgets everything: for another cluster, or the same at another time.
    pub fn reset(&mut self) {
        self.log.clear();
        self.latest.clear();
        self.base = 0;
        self.seen = 0;
        self.fresh = false;
    }

    /// Notes that a node has come, gone or changed, or that pods have come to it, left it or are being deleted.
    #[inline]
    pub fn touch(&mut self, node: NodeId) {
        if self.latest.len() <= node.index() {
            self.latest.resize(node.index() + 1, 0);
        }
        // An entry that nobody has read yet speaks for this change as well.
        if self.latest[node.index()] <= self.seen {
            self.log.push(node);
            self.latest[node.index()] = self.base + self.log.len() as u64;
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
                Who::Node { id, .. } => totals.push((id, feasible.total(i))),
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
        if self.classes[class].odd() {
            return false;
        }
        let shape = asked.incoming().shape.index();
        if self.standings.len() <= shape {
            self.standings.resize_with(shape + 1, Standings::default);
        }
        self.standings[shape].grow(asked, &self.groups);
        self.list(asked, nodes);
        let Index { groups, desk, classes, .. } = self;
        classes[class].lift(&desk.listed);
        let Scratch { feasible, census, .. } = scratch;
        if let Some(peers) = asked.row.peers.as_deref()
            && (filters_by_peers(asked) || score::looks_further(asked))
        {
            groups.collect(&peers.relevant, &mut desk.pods, &mut desk.ranges);
            if filters_by_peers(asked) {
                census.take(asked, peers, places(groups, desk, nodes), true);
            }
        } else if score::looks_further(asked) {
            groups.collect(&[], &mut desk.pods, &mut desk.ranges);
        }
        feasible.clear();
        desk.who.clear();
        true
    }

    /// Finds what is feasible: the groups with room, each with its best, and listed nodes.
    fn survey(&mut self, asked: &Asked, nodes: &impl Nodes, scratch: &mut Scratch) {
        let Scratch { feasible, census, .. } = scratch;
        let Index { groups, desk, classes, standings, .. } = self;
        let shape = asked.incoming().shape;
        let (levels, standings) = (&mut classes[asked.compat.class(shape)], &standings[shape.index()]);
        for &id in &groups.order {
            let standing = standings.of(id);
            if levels.count(id) > 0 && standing.admits && desk.welcomes(asked, census, groups, id) {
                let (top, alike) = levels.top(id);
                feasible.push(standing.raw.at(top, NOBODY, alike));
                desk.who.push(Who::Group { id, feasible: levels.count(id) as u32 });
            }
        }
        for listed in 0..desk.listed.len() {
            desk.try_listed(asked, census, nodes, (groups, levels, standings), (listed, feasible));
        }
    }

    /// Works touched nodes into the groups.
    fn catch_up(&mut self, compat: &Compat, nodes: &impl Nodes) {
        if !self.fresh {
            self.groups.clear(compat);
            self.standings.iter_mut().for_each(Standings::clear);
            self.classes.iter_mut().for_each(Levels::clear);
            self.reset();
            self.fresh = true;
            (0..nodes.len()).for_each(|node| self.touch(NodeId::from_index(node)));
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
            // What a node is now is looked at once, at the last of its entries.
            let unread = (self.seen - behind + 1..).zip(&self.log[self.log.len() - behind as usize..]);
            let last = unread.filter(|(number, node)| self.latest[node.index()] == *number);
            last.for_each(|(_, &node)| refresh(node));
        }
        levels.seen = self.seen;
        class
    }

    /// Lists the nodes that have to be looked at one by one, in the order of their ids.
    fn list(&mut self, asked: &Asked, nodes: &impl Nodes) {
        let Desk { listed, listed_in, promises, .. } = &mut self.desk;
        listed.clear();
        listed.extend(nodes.nominated());
        *promises = !listed.is_empty();
        let hosted = asked.row.peers.as_ref().map_or(&[][..], |peers| &peers.hosted);
        for &shape in hosted {
            listed.extend(self.groups.holders(shape).iter().map(|holder| holder.node));
        }
        if *promises || hosted.len() > 1 {
            listed.sort_unstable();
            listed.dedup();
        }
        listed.retain(|&node| self.groups.of(node) != NOWHERE);
        listed_in.clear();
        listed_in.resize(self.groups.len(), 0);
        listed.iter().for_each(|&node| listed_in[usize::from(self.groups.of(node))] += 1);
    }

    fn look_around(&mut self, asked: &Asked, nodes: &impl Nodes, feasible: &mut score::Feasible) {
        let Index { groups, desk, standings, .. } = self;
        if let Some(peers) = asked.row.peers.as_deref().filter(|peers| !peers.soft.is_empty()) {
            let Desk { spread, listed, who, .. } = desk;
            spread.score(peers, groups, &standings[asked.incoming().shape.index()], listed, who);
            feasible.spread(&spread.raw);
        }
        if score::looks_further(asked) {
            let place = |who: &Who| match *who {
                Who::Group { id, .. } => Some(desk.group(groups, id)),
                Who::Node { id, .. } => Some(Place { view: nodes.view(id)?, extent: Extent::Listed }),
            };
            let found: Vec<_> = desk.who.iter().filter_map(place).collect();
            feasible.look_further(asked, places(groups, desk, nodes), &found, true);
        }
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
        // The nodes of a single entry differ in nothing that others have a say in.
        if feasible.nodes.len() > 1 {
            self.look_around(asked, nodes, feasible);
        }
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
        let who = |&i: &u32| self.desk.who[i as usize];
        let group = run.iter().find_map(|i| match who(i) {
            Who::Group { id, .. } => Some((id, feasible.nodes[*i as usize].level() as usize)),
            Who::Node { .. } => None,
        });
        let mut listed = run.iter().filter_map(|i| match who(i) {
            Who::Node { id, .. } => Some(id),
            Who::Group { .. } => None,
        });
        match group {
            None => listed.nth(nth as usize),
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
#[inline]
fn filters_by_peers(asked: &Asked) -> bool {
    asked.row.peers.as_ref().is_some_and(|peers| peers.filters())
}

/// All places: groups with nodes, then listed nodes.
fn places<'a>(groups: &'a Groups, desk: &'a Desk, nodes: &'a impl Nodes) -> impl Iterator<Item = Place<'a>> + Clone {
    let there = groups.order.iter().filter(|&&id| groups.nodes(id) > 0);
    let grouped = there.map(|&id| desk.group(groups, id));
    let listed = desk.listed.iter().filter_map(|&node| nodes.view(node));
    grouped.chain(listed.map(|view| Place { view, extent: Extent::Listed }))
}
