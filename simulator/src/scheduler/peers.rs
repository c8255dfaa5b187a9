//! What a pod shape has to do with every other pod shape: which pods its constraints and terms select, and whose terms
//! select it. Computed once; a decision only counts (see [`super::census`]).

use std::collections::BTreeMap;

use super::NodeView;
use super::filter::node_affinity::HOSTNAME;
use crate::spec::{ClusterSpec, NodeShape, Operator, PodShape, PodTerm, Selector, Spread};
use crate::{Id, PodShapeId};

/// An interned topology key.
pub type KeyId = usize;

/// Pods of one shape on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Their shape.
    pub shape: PodShapeId,
    /// How many run.
    pub alive: u32,
    /// How many are being deleted.
    pub leaving: u32,
}

/// A set of pod shapes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shapes(Vec<u64>);

impl Shapes {
    fn none(spec: &ClusterSpec) -> Shapes {
        Shapes(vec![0; spec.pod_shapes.len().div_ceil(64)])
    }

    fn of(spec: &ClusterSpec, test: impl Fn(&PodShape) -> bool) -> Shapes {
        let mut set = Shapes::none(spec);
        spec.pod_shapes.iter().filter(|(_, shape)| test(shape)).for_each(|(id, _)| set.insert(id));
        set
    }

    /// All shapes of several sets.
    pub fn joined<'s>(spec: &ClusterSpec, sets: impl Iterator<Item = &'s Vec<PodShapeId>>) -> Shapes {
        let mut all = Shapes::none(spec);
        sets.flatten().for_each(|&shape| all.insert(shape));
        all
    }

    fn iter(&self) -> impl Iterator<Item = PodShapeId> + '_ {
        let some = self.0.iter().enumerate().filter(|(_, word)| **word != 0);
        let bits = |(at, &word): (usize, &u64)| {
            (0..64).filter(move |bit| word & (1 << bit) != 0).map(move |bit| at * 64 + bit)
        };
        some.flat_map(bits).map(PodShapeId::from_index)
    }

    fn insert(&mut self, shape: PodShapeId) {
        self.0[shape.index() / 64] |= 1 << (shape.index() % 64);
    }

    fn join(&mut self, other: &Shapes) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
    }

    /// True where the shape is among them.
    #[inline]
    pub fn has(&self, shape: PodShapeId) -> bool {
        self.0.get(shape.index() / 64).is_some_and(|word| word & (1 << (shape.index() % 64)) != 0)
    }
}

/// What one pod shape has to do with others.
#[derive(Clone, Debug, Default)]
pub struct Peers {
    /// Hard topology spread constraints.
    pub hard: Vec<Constraint>,
    /// Soft topology spread constraints.
    pub soft: Vec<Constraint>,
    /// Soft constraints count only nodes that have all of their keys (not so for the scheduler's defaults).
    pub all_keys: bool,
    /// Keys of the required affinity terms.
    pub affinity: Vec<KeyId>,
    /// Shapes that meet all required affinity terms.
    pub together: Shapes,
    /// The shape meets its own required affinity terms.
    pub joins_itself: bool,
    /// Required anti-affinity terms: key and the shapes meant.
    pub anti: Vec<(KeyId, Shapes)>,
    /// Required anti-affinity terms of other shapes that mean this one, by those shapes.
    pub kept_off: Vec<(PodShapeId, KeyId)>,
    /// Weights by which pods of other shapes attract this one, by those shapes: its preferences, their preferences, and 1 for
    /// each required affinity term of theirs (`hardPodAffinityWeight`).
    pub wishes: Vec<(PodShapeId, KeyId, i64)>,
    /// Shapes that any filter counts.
    pub filtered: Shapes,
    /// Shapes with an entry in `wishes`.
    pub wished: Shapes,
    /// All shapes that matter in any way.
    pub relevant: Vec<PodShapeId>,
    /// Those that matter by the host name of their nodes.
    pub hosted: Vec<PodShapeId>,
}

/// A topology spread constraint of one shape.
#[derive(Clone, Debug)]
pub struct Constraint {
    pub key: KeyId,
    pub hostname: bool,
    pub max_skew: i64,
    pub min_domains: usize,
    pub honor_affinity: bool,
    pub honor_taints: bool,
    /// Shapes in the pod's namespace that the selector matches.
    pub matched: Shapes,
    /// An empty selector counts no pod that is there (`countPodsMatchSelector`), yet follows those that come and go.
    pub counts: bool,
    /// The pod itself matches, whatever its namespace.
    pub own: bool,
}

impl Peers {
    /// True where other pods do not matter.
    pub fn is_empty(&self) -> bool {
        self.hard.is_empty() && self.soft.is_empty() && !self.has_terms() && self.wishes.is_empty()
    }

    /// True where other pods may keep the pod off a node.
    #[inline]
    pub fn filters(&self) -> bool {
        !self.hard.is_empty() || self.has_terms()
    }

    /// True where some term may keep the pod off a node.
    pub fn has_terms(&self) -> bool {
        !self.affinity.is_empty() || !self.anti.is_empty() || !self.kept_off.is_empty()
    }

    /// The entries of one shape in a list sorted by shape.
    pub fn entries<T>(list: &[T], shape: PodShapeId, of: impl Fn(&T) -> PodShapeId) -> impl Iterator<Item = &T> {
        let first = list.partition_point(|entry| of(entry) < shape);
        list[first..].iter().take_while(move |entry| of(entry) == shape)
    }
}

/// Pod shapes by their labels, so that a selector is not held against all of them.
struct ByLabel<'s> {
    spec: &'s ClusterSpec,
    /// By key, then by value.
    labelled: BTreeMap<&'s str, BTreeMap<&'s str, Vec<PodShapeId>>>,
}

impl<'s> ByLabel<'s> {
    fn new(spec: &'s ClusterSpec) -> ByLabel<'s> {
        let mut labelled: BTreeMap<&str, BTreeMap<&str, Vec<PodShapeId>>> = BTreeMap::new();
        for (id, shape) in spec.pod_shapes.iter() {
            for (key, value) in &shape.labels {
                labelled.entry(key).or_default().entry(value).or_default().push(id);
            }
        }
        ByLabel { spec, labelled }
    }

    /// Shapes that pass the test, which none does that the selector does not match.
    fn matching(&self, selector: Option<&Selector>, test: impl Fn(&PodShape) -> bool) -> Shapes {
        let Some(selector) = selector else { return Shapes::none(self.spec) };
        // A shape that matches has, of each condition, one of the labels asked for: those with the rarest are enough.
        let equal = selector.labels.iter().map(|(key, value)| vec![self.labelled(key, value)]);
        let within = selector.expressions.iter().filter(|e| e.operator == Operator::In);
        let within = within.map(|e| e.values.iter().map(|value| self.labelled(&e.key, value)).collect::<Vec<_>>());
        let rarest = equal.chain(within).min_by_key(|lists| lists.iter().map(|list| list.len()).sum::<usize>());
        let Some(candidates) = rarest else {
            return Shapes::of(self.spec, test);
        };
        let mut set = Shapes::none(self.spec);
        let matching = candidates.into_iter().flatten().filter(|&&id| test(&self.spec.pod_shapes[id]));
        matching.for_each(|&id| set.insert(id));
        set
    }

    fn labelled(&self, key: &str, value: &str) -> &[PodShapeId] {
        self.labelled.get(key).and_then(|values| values.get(value)).map_or(&[], Vec::as_slice)
    }

    /// Shapes that a term of an incoming pod means.
    fn meant(&self, term: &PodTerm) -> Shapes {
        self.matching(term.selector.as_ref(), |other| reaches(term, other, self.spec))
    }
}

/// Compares every pod shape with every other.
pub fn all(spec: &ClusterSpec, topology: &Topology) -> Vec<Option<Box<Peers>>> {
    let shapes = spec.pod_shapes.rows();
    let by_label = ByLabel::new(spec);
    let with_terms: Vec<(PodShapeId, &PodShape)> = spec
        .pod_shapes
        .iter()
        .filter(|(_, s)| !(s.pod_affinity.is_empty() && s.pod_anti_affinity.is_empty() && s.preferred_pods.is_empty()))
        .collect();
    let of = |shape: &PodShape| {
        let peers = one(shape, &by_label, topology, &with_terms);
        (!peers.is_empty()).then(|| Box::new(peers))
    };
    shapes.iter().map(of).collect()
}

fn one(shape: &PodShape, all: &ByLabel, topology: &Topology, with_terms: &[(PodShapeId, &PodShape)]) -> Peers {
    let spec = all.spec;
    let constraints = |hard: bool| {
        shape.spread.iter().filter(move |c| c.hard == hard).map(|c| constraint(c, shape, all, topology)).collect()
    };
    let mut peers = Peers {
        hard: constraints(true),
        soft: constraints(false),
        all_keys: !shape.spread_by_default,
        affinity: shape.pod_affinity.iter().map(|term| topology.key(&term.key)).collect(),
        together: all.matching(shape.pod_affinity.first().and_then(|term| term.selector.as_ref()), |other| {
            shape.pod_affinity.iter().all(|term| reaches(term, other, spec))
        }),
        joins_itself: shape.pod_affinity.iter().all(|term| reaches(term, shape, spec)),
        anti: shape.pod_anti_affinity.iter().map(|term| (topology.key(&term.key), all.meant(term))).collect(),
        filtered: Shapes::none(spec),
        wished: Shapes::none(spec),
        ..Peers::default()
    };
    for (id, other) in with_terms {
        let aims = |term: &&PodTerm| aims_at(term, shape, spec);
        let keeps_off = other.pod_anti_affinity.iter().filter(aims);
        peers.kept_off.extend(keeps_off.map(|term| (*id, topology.key(&term.key))));
        let required = other.pod_affinity.iter().filter(aims).map(|term| (*id, topology.key(&term.key), 1));
        peers.wishes.extend(required);
        let preferred = other.preferred_pods.iter().filter(|(_, term)| aims_at(term, shape, spec));
        peers.wishes.extend(preferred.map(|(weight, term)| (*id, topology.key(&term.key), *weight)));
    }
    for (weight, term) in &shape.preferred_pods {
        peers.wishes.extend(all.meant(term).iter().map(|id| (id, topology.key(&term.key), *weight)));
    }
    peers.wishes.sort_by_key(|(id, ..)| *id);
    index(&mut peers, topology);
    peers
}

fn index(peers: &mut Peers, topology: &Topology) {
    for constraint in &peers.hard {
        peers.filtered.join(&constraint.matched);
    }
    peers.filtered.join(&peers.together);
    for (_, meant) in &peers.anti {
        peers.filtered.join(meant);
    }
    for (id, _) in &peers.kept_off {
        peers.filtered.insert(*id);
    }
    for (id, ..) in &peers.wishes {
        peers.wished.insert(*id);
    }
    let mut relevant = peers.filtered.clone();
    relevant.join(&peers.wished);
    peers.soft.iter().for_each(|constraint| relevant.join(&constraint.matched));
    peers.relevant = relevant.iter().collect();
    let mut hosted = relevant;
    hosted.0.fill(0);
    let constraints = peers.hard.iter().chain(&peers.soft).filter(|constraint| constraint.hostname);
    constraints.for_each(|constraint| hosted.join(&constraint.matched));
    if peers.affinity.iter().any(|&key| topology.is_hostname(key)) {
        hosted.join(&peers.together);
    }
    let anti = peers.anti.iter().filter(|(key, _)| topology.is_hostname(*key));
    anti.for_each(|(_, meant)| hosted.join(meant));
    let theirs = peers.kept_off.iter().copied().chain(peers.wishes.iter().map(|&(id, key, _)| (id, key)));
    theirs.filter(|(_, key)| topology.is_hostname(*key)).for_each(|(id, _)| hosted.insert(id));
    peers.hosted = hosted.iter().collect();
}

fn constraint(spread: &Spread, shape: &PodShape, all: &ByLabel, topology: &Topology) -> Constraint {
    let selects = |other: &PodShape| spread.selector.as_ref().is_some_and(|s| s.matches(&other.labels));
    Constraint {
        key: topology.key(&spread.key),
        hostname: spread.key == HOSTNAME,
        max_skew: spread.max_skew,
        min_domains: spread.min_domains,
        honor_affinity: spread.honor_affinity,
        honor_taints: spread.honor_taints,
        matched: all.matching(spread.selector.as_ref(), |other| other.namespace == shape.namespace && selects(other)),
        counts: !spread.selector.as_ref().is_some_and(Selector::is_empty),
        own: selects(shape),
    }
}

/// True where a term of an incoming pod means pods of a shape. kube-scheduler v1.34.1 looks up its `namespaceSelector` twice:
/// against the namespaces, and against no labels at all (`mergeAffinityTermNamespacesIfNotEmpty`, then `Matches` without
/// labels), so that a selector which matches nothing-at-all reaches pods of every namespace.
fn reaches(term: &PodTerm, other: &PodShape, spec: &ClusterSpec) -> bool {
    let by_labels = |s: &Selector| {
        s.matches(&BTreeMap::new()) || spec.namespaces.get(&other.namespace).is_some_and(|labels| s.matches(labels))
    };
    (term.namespaces.contains(&other.namespace) || term.namespace_selector.as_ref().is_some_and(by_labels))
        && term.selector.as_ref().is_some_and(|s| s.matches(&other.labels))
}

/// True where a term of a pod that is there means an incoming one of this shape.
fn aims_at(term: &PodTerm, incoming: &PodShape, spec: &ClusterSpec) -> bool {
    let none = BTreeMap::new();
    let labels = spec.namespaces.get(&incoming.namespace).unwrap_or(&none);
    (term.namespaces.contains(&incoming.namespace)
        || term.namespace_selector.as_ref().is_some_and(|s| s.matches(labels)))
        && term.selector.as_ref().is_some_and(|s| s.matches(&incoming.labels))
}

/// Topology keys and the domains nodes belong to.
#[derive(Clone, Debug, Default)]
pub struct Topology {
    keys: Vec<String>,
    /// Position of the host name among the keys.
    hostname: Option<KeyId>,
    /// Keys × node shapes.
    domains: Vec<Option<u32>>,
    nameless: Vec<bool>,
}

impl Topology {
    pub fn new(spec: &ClusterSpec) -> Topology {
        let shapes = spec.pod_shapes.rows().iter();
        let mut keys: Vec<String> = shapes.flat_map(asked).cloned().collect();
        keys.sort();
        keys.dedup();
        let nodes = spec.node_shapes.rows();
        Topology {
            hostname: keys.iter().position(|key| key == HOSTNAME),
            domains: keys.iter().flat_map(|key| domains(key, nodes)).collect(),
            nameless: nodes.iter().map(|node| node.nameless).collect(),
            keys,
        }
    }

    /// True for the host name, whose domains are single nodes.
    #[inline]
    pub fn is_hostname(&self, key: KeyId) -> bool {
        self.hostname == Some(key)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    fn key(&self, name: &str) -> KeyId {
        self.keys.iter().position(|key| key == name).unwrap_or(0)
    }

    /// The domain of a node: its value of the key; `None` without that label. 0 stands for an empty value.
    #[inline]
    pub fn domain(&self, key: KeyId, node: &NodeView) -> Option<usize> {
        let shape = node.shape.index();
        if self.hostname == Some(key) {
            return (!self.nameless[shape]).then(|| node.id.index() + 1);
        }
        self.domains[key * self.nameless.len() + shape].map(|domain| domain as usize)
    }
}

fn asked(shape: &PodShape) -> impl Iterator<Item = &String> {
    let terms = shape.pod_affinity.iter().chain(&shape.pod_anti_affinity);
    let preferred = shape.preferred_pods.iter().map(|(_, term)| term);
    shape.spread.iter().map(|c| &c.key).chain(terms.chain(preferred).map(|term| &term.key))
}

fn domains<'n>(key: &str, nodes: &'n [NodeShape]) -> Vec<Option<u32>> {
    let mut values: BTreeMap<&'n str, u32> = BTreeMap::from([("", 0)]);
    let number = |node: &'n NodeShape| {
        let next = values.len() as u32;
        node.labels.get(key).map(|value| *values.entry(value).or_insert(next))
    };
    nodes.iter().map(number).collect()
}
