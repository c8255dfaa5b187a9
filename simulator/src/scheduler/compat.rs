//! What never changes between a pod shape and a node shape, computed once: taints, affinity, preferences, host ports
//! that exclude each other. What is left for a decision is a table row and the columns that change.

use std::collections::BTreeMap;

use crate::scheduler::filter::{node_affinity, node_ports, taint_toleration, volume_binding, volume_zone};
use crate::scheduler::peers::{self, Peers, Shapes, Topology};
use crate::scheduler::{Incoming, NodeView, Rejection, score};
use crate::spec::{ClusterSpec, Effect, HostPort, NodeShape, PodShape, Resources, Taint, VolumeRefusal};
use crate::{Id, NodeShapeId, PodShapeId};

/// An interned host port: address, protocol and number.
pub type PortId = u16;

/// The table of shapes.
#[derive(Clone, Debug)]
pub struct Compat {
    pods: Vec<Row>,
    nodes: Vec<NodeShape>,
    /// `pods` × `nodes`.
    cells: Vec<Cell>,
    /// Keys and values of taints that keep some pod off.
    taints: Vec<(String, String)>,
    /// Reasons of refusals on account of volumes.
    refusals: Vec<String>,
    extended: Vec<String>,
    topology: Topology,
    /// Some node holds images.
    images: bool,
    /// By node shape: shapes with the same labels, taints and images are of one kind, whatever their size.
    kinds: Vec<u32>,
    /// By pod shape: shapes that ask for the same room are of one class.
    classes: Vec<u32>,
    /// Pod shapes that some other shape counts by host name.
    hosted: Shapes,
    /// By node shape: its region and zone.
    zones: Vec<u32>,
}

/// Nodes alike in everything but name, size and what they hold have one rank; the lowest comes first among equals.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank(u32);

/// A pod shape with what follows from it alone.
#[derive(Clone, Debug)]
pub struct Row {
    pub shape: PodShape,
    /// Asks for an extended resource.
    pub extended: bool,
    /// Has volumes that bear on where it may run.
    pub volumes: bool,
    /// Refused, on account of its volumes, before any node is looked at.
    pub refused: Option<Rejection>,
    pub pinned: Pinned,
    pub node_name: Option<String>,
    pub tolerates: Tolerates,
    /// Host ports it holds.
    pub ports: Vec<PortId>,
    /// By port: cannot be held beside this pod. Empty when it wants none.
    pub conflicts: Vec<bool>,
    /// Preferred terms ask for names.
    pub preferred_by_name: bool,
    /// Something asks for the names of nodes, so that no two are alike.
    pub by_name: bool,
    /// What it has to do with other pods, where it has.
    pub peers: Option<Box<Peers>>,
}

/// Nodes that the pod's terms on names leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pinned {
    Anywhere,
    Nowhere,
    To(Vec<String>),
}

/// Taints that come and go with a node's state.
#[derive(Clone, Copy, Debug)]
pub struct Tolerates {
    pub unschedulable: bool,
    pub not_ready: bool,
    pub unreachable: bool,
    pub memory_pressure: bool,
    pub uninitialised: bool,
}

/// One pod shape on one node shape.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// First untolerated NoSchedule or NoExecute taint.
    pub taint: Option<u16>,
    pub affinity: Affinity,
    /// Untolerated PreferNoSchedule taints.
    pub unwanted: u16,
    /// Weights of matching preferred terms, as far as names do not matter.
    pub preferred: i64,
    pub binding: Binding,
    /// A volume is labelled with another zone.
    pub other_zone: bool,
}

/// Whether volumes can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binding {
    Fits,
    Refused(Rejection),
    ByName,
}

/// Whether selector and required affinity match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Affinity {
    Matches,
    Differs,
    ByName,
}

/// A pod with its row of the table.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    pub compat: &'a Compat,
    pub row: &'a Row,
    incoming: Incoming,
    cells: &'a [Cell],
}

/// Index of the taint `node.kubernetes.io/not-ready`.
pub const NOT_READY: u16 = 0;
/// Index of the taint `node.kubernetes.io/unreachable`.
pub const UNREACHABLE: u16 = 1;

/// Index of the taint `node.kubernetes.io/memory-pressure`.
pub const MEMORY_PRESSURE: u16 = 2;

/// Index of the taint `node.cloudprovider.kubernetes.io/uninitialized`.
pub const UNINITIALISED: u16 = 3;

const CONDITIONS: [&str; 4] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/memory-pressure",
    "node.cloudprovider.kubernetes.io/uninitialized",
];

impl Compat {
    /// Compares every pod shape with every node shape.
    pub fn new(spec: &ClusterSpec) -> Compat {
        let mut taints: Vec<(String, String)> = CONDITIONS.map(|key| (key.to_owned(), String::new())).into();
        let ports = distinct_ports(spec);
        let refusals = distinct_refusals(spec);
        let mut cells = Vec::with_capacity(spec.pod_shapes.len() * spec.node_shapes.len());
        for pod in spec.pod_shapes.rows() {
            cells.extend(spec.node_shapes.rows().iter().map(|node| cell(pod, node, &mut taints)));
        }
        let topology = Topology::new(spec);
        let shapes = spec.pod_shapes.rows().iter().zip(peers::all(spec, &topology));
        let pods: Vec<Row> =
            shapes.map(|(pod, peers)| Row { peers, refused: refused(pod, &refusals), ..row(pod, &ports) }).collect();
        Compat {
            kinds: alike(spec.node_shapes.rows(), |a, b| {
                (&a.labels, &a.taints, a.nameless, &a.images) == (&b.labels, &b.taints, b.nameless, &b.images)
            }),
            classes: alike(&pods, same_room),
            hosted: Shapes::joined(spec, pods.iter().filter_map(|row| Some(&row.peers.as_ref()?.hosted))),
            zones: alike(spec.node_shapes.rows(), |a, b| region_and_zone(a) == region_and_zone(b)),
            pods,
            images: spec.node_shapes.rows().iter().any(|node| !node.images.is_empty()),
            topology,
            nodes: spec.node_shapes.rows().to_vec(),
            cells,
            taints,
            refusals,
            extended: spec.extended.clone(),
        }
    }

    /// True where some pod has to do with others, so that [`NodeView::pods`] is looked at.
    pub fn has_peers(&self) -> bool {
        self.pods.iter().any(|row| row.peers.is_some())
    }

    /// What nodes alike to this one have in common.
    #[inline]
    pub(super) fn rank(&self, node: &NodeView) -> Rank {
        let flags = u32::from(node.unschedulable) << 3 | u32::from(node.cordon_taint) << 2 | node.readiness as u32;
        Rank(self.kinds[node.shape.index()] << 4 | flags)
    }

    /// The class of a pod shape: shapes of one class fit into the same room and score it alike.
    #[inline]
    pub(super) fn class(&self, pod: PodShapeId) -> usize {
        self.classes[pod.index()] as usize
    }

    /// Number of a node's region and zone (`GetZoneKey`).
    pub(super) fn zone(&self, node: NodeShapeId) -> u32 {
        self.zones[node.index()]
    }

    /// Pod shapes that some other shape counts by host name.
    #[inline]
    pub(super) fn hosted(&self) -> &Shapes {
        &self.hosted
    }

    /// Number of pod shapes.
    pub(super) fn len(&self) -> usize {
        self.pods.len()
    }

    /// Host ports a pod of this shape holds on its node: to be added to the node's when it is bound there.
    pub fn ports(&self, pod: PodShapeId) -> &[PortId] {
        &self.pods[pod.index()].ports
    }

    /// True where a DaemonSet with pods of this shape wants one on the node, room or not
    /// (DaemonSet controller v1.34 `NodeShouldRunDaemonPod`: node name, affinity, taints).
    pub fn runs_daemon(&self, pod: PodShapeId, node: &NodeView) -> bool {
        use super::filter::{node_name, node_unschedulable};
        let asked = self.asked(Incoming { shape: pod, pin: None });
        [node_unschedulable::filter, node_name::filter, node_affinity::filter, taint_toleration::filter]
            .iter()
            .all(|filter| filter(&asked, node).is_ok())
    }

    /// True where a DaemonSet's pod of this shape may stay on the node: taints do not drive it away, unless they evict.
    pub fn keeps_daemon(&self, pod: PodShapeId, node: &NodeView) -> bool {
        use super::filter::node_name;
        let asked = self.asked(Incoming { shape: pod, pin: None });
        [node_name::filter, node_affinity::filter].iter().all(|filter| filter(&asked, node).is_ok())
    }

    pub(super) fn asked(&self, pod: Incoming) -> Asked<'_> {
        let row = pod.shape.index();
        let width = self.nodes.len();
        Asked { compat: self, row: &self.pods[row], incoming: pod, cells: &self.cells[row * width..(row + 1) * width] }
    }

    pub(super) fn shape(&self, pod: PodShapeId) -> &PodShape {
        &self.pods[pod.index()].shape
    }

    #[inline]
    pub(super) fn allocatable(&self, node: NodeShapeId) -> &Resources {
        &self.nodes[node.index()].allocatable
    }

    pub(super) fn taints(&self, node: NodeShapeId) -> &[Taint] {
        &self.nodes[node.index()].taints
    }

    pub(super) fn topology(&self) -> &Topology {
        &self.topology
    }

    pub(super) fn has_images(&self) -> bool {
        self.images
    }

    pub(super) fn images(&self, node: NodeShapeId) -> &BTreeMap<String, i64> {
        &self.nodes[node.index()].images
    }

    pub(super) fn taint(&self, index: u16) -> (&str, &str) {
        self.taints.get(usize::from(index)).map_or(("", ""), |(key, value)| (key, value))
    }

    pub(super) fn refusal(&self, index: u16) -> &str {
        self.refusals.get(usize::from(index)).map_or("", String::as_str)
    }

    pub(super) fn extended(&self, index: usize) -> &str {
        self.extended.get(index).map_or("", String::as_str)
    }
}

impl Asked<'_> {
    pub fn incoming(&self) -> Incoming {
        self.incoming
    }

    #[inline]
    pub fn cell(&self, node: &NodeView) -> &Cell {
        &self.cells[node.shape.index()]
    }

    pub fn labels<'a>(&'a self, node: &NodeView<'a>) -> node_affinity::Labels<'a> {
        node_affinity::Labels {
            shared: &self.compat.nodes[node.shape.index()].labels,
            name: node.name,
            nameless: self.compat.nodes[node.shape.index()].nameless,
        }
    }
}

/// Numbers things so that those `same` as an earlier one have its number.
fn alike<T>(things: &[T], same: impl Fn(&T, &T) -> bool) -> Vec<u32> {
    let mut firsts: Vec<usize> = Vec::new();
    let number = |thing: usize| {
        let found = firsts.iter().position(|&first| same(&things[first], &things[thing]));
        found.unwrap_or_else(|| {
            firsts.push(thing);
            firsts.len() - 1
        }) as u32
    };
    (0..things.len()).map(number).collect()
}

/// True where two pod shapes fit into the same room and score what is left alike.
fn same_room(a: &Row, b: &Row) -> bool {
    a.shape.requests == b.shape.requests
        && a.shape.score_requests == b.shape.score_requests
        && a.shape.placed_requests == b.shape.placed_requests
        && a.conflicts == b.conflicts
}

/// k8s.io/component-helpers v0.34 `GetZoneKey`.
fn region_and_zone(node: &NodeShape) -> (Option<&String>, Option<&String>) {
    let label = |keys: [&str; 2]| keys.iter().find_map(|key| node.labels.get(*key));
    (
        label(["failure-domain.beta.kubernetes.io/region", "topology.kubernetes.io/region"]),
        label(["failure-domain.beta.kubernetes.io/zone", "topology.kubernetes.io/zone"]),
    )
}

fn row(pod: &PodShape, ports: &[&HostPort]) -> Row {
    let holds = |port: &HostPort| pod.host_ports.iter().any(|own| own == port);
    let clashes = |port: &&HostPort| pod.host_ports.iter().any(|own| node_ports::conflict(own, port));
    let tolerates = |key: &str, effects: &[Effect]| {
        effects.iter().all(|&effect| {
            let taint = Taint { key: key.to_owned(), value: String::new(), effect };
            taint_toleration::tolerated(&taint, &pod.tolerations)
        })
    };
    const BOTH: [Effect; 2] = [Effect::NoSchedule, Effect::NoExecute];
    // The taint's value is `true` (k8s.io/cloud-provider v0.34 node controller).
    let uninitialised = Taint {
        key: CONDITIONS[usize::from(UNINITIALISED)].to_owned(),
        value: "true".to_owned(),
        effect: Effect::NoSchedule,
    };
    let tolerates_uninitialised = taint_toleration::tolerated(&uninitialised, &pod.tolerations);
    Row {
        extended: pod.requests.extended.iter().any(|&n| n > 0),
        volumes: pod.requests.disks > 0 || !pod.volumes.is_empty(),
        refused: None,
        pinned: node_affinity::pinned(pod),
        node_name: pod.node_name.clone().filter(|name| !name.is_empty()),
        tolerates: Tolerates {
            unschedulable: tolerates("node.kubernetes.io/unschedulable", &[Effect::NoSchedule]),
            not_ready: tolerates(CONDITIONS[usize::from(NOT_READY)], &BOTH),
            unreachable: tolerates(CONDITIONS[usize::from(UNREACHABLE)], &BOTH),
            // Admission gives the toleration to all pods but those without requests (PodTolerationRestriction).
            memory_pressure: pod.requests.cpu > 0
                || pod.requests.memory > 0
                || tolerates(CONDITIONS[usize::from(MEMORY_PRESSURE)], &[Effect::NoSchedule]),
            uninitialised: tolerates_uninitialised,
        },
        ports: (0..=u16::MAX).zip(ports).filter(|(_, port)| holds(port)).map(|(id, _)| id).collect(),
        conflicts: if pod.host_ports.is_empty() { Vec::new() } else { ports.iter().map(clashes).collect() },
        preferred_by_name: pod.preferred.iter().any(|(_, term)| node_affinity::asks_name(term)),
        by_name: pod.node_name.as_ref().is_some_and(|name| !name.is_empty())
            || volume_binding::by_name(&pod.volumes)
            || node_affinity::by_name(pod, pod.required.iter().chain(pod.preferred.iter().map(|(_, term)| term))),
        peers: None,
        shape: pod.clone(),
    }
}

fn cell(pod: &PodShape, node: &NodeShape, taints: &mut Vec<(String, String)>) -> Cell {
    let labels = node_affinity::Labels { shared: &node.labels, name: "", nameless: node.nameless };
    let by_name = node_affinity::by_name(pod, pod.required.iter());
    Cell {
        taint: taint_toleration::untolerated(&node.taints, &pod.tolerations).map(|taint| intern(taint, taints)),
        affinity: match by_name {
            true => Affinity::ByName,
            false if node_affinity::required(pod, &labels) => Affinity::Matches,
            false => Affinity::Differs,
        },
        unwanted: score::taint_toleration::unwanted(&node.taints, &pod.tolerations),
        preferred: score::node_affinity::preferred(pod, &labels),
        binding: match volume_binding::by_name(&pod.volumes) {
            true => Binding::ByName,
            false => volume_binding::reach(&pod.volumes, &labels).map_or_else(Binding::Refused, |()| Binding::Fits),
        },
        other_zone: volume_zone::elsewhere(&pod.volumes, &node.labels),
    }
}

fn intern(taint: &Taint, taints: &mut Vec<(String, String)>) -> u16 {
    let found = taints.iter().position(|(key, value)| *key == taint.key && *value == taint.value);
    let index = found.unwrap_or_else(|| {
        taints.push((taint.key.clone(), taint.value.clone()));
        taints.len() - 1
    });
    u16::try_from(index).unwrap_or(u16::MAX)
}

/// What refuses the pod on account of its volumes; contradicting terms on names come first.
fn refused(pod: &PodShape, refusals: &[String]) -> Option<Rejection> {
    let VolumeRefusal { plugin, reason } = pod.volumes.refused.as_ref()?;
    let index = refusals.iter().position(|known| known == reason)?;
    let first = node_affinity::pinned(pod) != Pinned::Nowhere;
    first.then_some(Rejection::Claims(*plugin, u16::try_from(index).ok()?))
}

fn distinct_refusals(spec: &ClusterSpec) -> Vec<String> {
    let refused = spec.pod_shapes.rows().iter().filter_map(|pod| pod.volumes.refused.as_ref());
    let mut reasons: Vec<String> = refused.map(|refusal| refusal.reason.clone()).collect();
    reasons.sort();
    reasons.dedup();
    reasons.truncate(usize::from(u16::MAX));
    reasons
}

fn distinct_ports(spec: &ClusterSpec) -> Vec<&HostPort> {
    let mut ports: Vec<&HostPort> = spec.pod_shapes.rows().iter().flat_map(|pod| &pod.host_ports).collect();
    ports.sort_by_key(|port| (port.port, &port.protocol, &port.ip));
    ports.dedup();
    ports.truncate(usize::from(PortId::MAX));
    ports
}
