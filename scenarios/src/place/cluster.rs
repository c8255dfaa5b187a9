//! Nodes and pods of a case as the scheduler sees them, kept up as pods are bound and removed.

use std::collections::{BTreeMap, BTreeSet};

use simulator::scheduler::{Bound, Candidate, Compat, Incoming, NodeView, PortId, Promised, Readiness, Tenant};
use simulator::spec::{ClusterSpec, EXTENDED, MANY_DISKS, NodeShape, PodShape, Resources};
use simulator::{BudgetId, Column, Id, NodeId, NodeShapeId, PodId, PodShapeId};

use super::{Case, notes};
use crate::coverage::Coverage;
use crate::intern::volumes::{self, Ground, Lookup, Unknown};
use crate::intern::{Asking, peers, pod_shape, requests, shapes};
use crate::snapshot::{self, Snapshot};

/// The state of a case.
pub(super) struct Cluster {
    pub compat: Compat,
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    pub allowed: Column<BudgetId, u32>,
    /// What decisions do not rest on, though they might have to.
    pub notes: Vec<String>,
}

pub(super) struct Node {
    pub name: String,
    shape: NodeShapeId,
    unschedulable: bool,
    used: Resources,
    used_score: (i64, i64),
    ports: Vec<PortId>,
    tenants: Vec<Tenant>,
    pods: Vec<usize>,
}

pub(super) struct Pod {
    /// `namespace/name`.
    pub id: String,
    pub shape: PodShapeId,
    pub priority: i32,
    pub preempts: bool,
    pub node: Option<usize>,
    /// Node a pending pod is nominated to.
    pub nominated: Option<usize>,
    /// It is nominated to a node that is gone.
    pub astray: bool,
    pub deleting: bool,
    pub started: i64,
    /// Claims, volumes and classes it would have to be judged by and that were not given.
    unknown: Vec<Unknown>,
    requests: Resources,
    score_requests: (i64, i64),
    budgets: Vec<BudgetId>,
}

/// What nominated pods would take, by node.
pub(super) type Reserved = Vec<Option<Promised>>;

impl Cluster {
    pub fn new(case: &Case) -> Cluster {
        let s = &case.snapshot;
        let (extended, cut) = extended(case);
        let mut spec = ClusterSpec { namespaces: s.namespaces.clone(), ..ClusterSpec::default() };
        let mut shapes = Distinct::default();
        let (ground, left) = (Ground::new(s), volumes::left_behind(s));
        let disks = |n: &snapshot::Node| {
            let unlimited = s.kinds.contains("CSINode") && !s.storage.limits.contains_key(&n.name);
            let limit = if unlimited { MANY_DISKS } else { ground.disks(n, &mut Coverage::default()) };
            limit - left.get(n.name.as_str()).copied().unwrap_or(0)
        };
        let nodes: Vec<Node> = s.nodes.iter().map(|n| node(n, disks(n), &extended, &mut shapes, &mut spec)).collect();
        let place = |name: &Option<String>| {
            let name = name.as_ref()?;
            nodes.binary_search_by(|node| node.name.cmp(name)).ok()
        };
        let mut shapes = Distinct::default();
        let pods: Vec<(Pod, Option<usize>)> = s
            .pods
            .iter()
            .map(|p| (pod(p, s, &extended, &mut shapes, &mut spec, place(&p.nominated)), place(&p.node)))
            .collect();
        let unknown = pods.iter().flat_map(|(pod, _)| &pod.unknown).collect();
        let notes = notes::of(case, &cut, unknown);
        spec.extended = extended;
        let allowed = s.budgets.iter().map(|b| u32::try_from(b.disruptions_allowed.unwrap_or(0)).unwrap_or(0));
        let mut cluster = Cluster {
            compat: Compat::new(&spec),
            allowed: allowed.collect::<Vec<_>>().into(),
            nodes,
            pods: Vec::with_capacity(pods.len()),
            notes,
        };
        for (i, (pod, node)) in pods.into_iter().enumerate() {
            cluster.pods.push(pod);
            if let Some(node) = node.filter(|_| !s.pods[i].is_over()) {
                cluster.bind(i, node);
            }
        }
        cluster
    }

    pub fn incoming(&self, pod: usize) -> Incoming {
        Incoming { shape: self.pods[pod].shape, pin: None }
    }

    pub fn bind(&mut self, pod: usize, node: usize) {
        self.pods[pod].node = Some(node);
        self.pods[pod].nominated = None;
        self.pods[pod].astray = false;
        let Pod { shape, requests, score_requests, deleting, .. } = self.pods[pod];
        let host = &mut self.nodes[node];
        host.pods.push(pod);
        host.used.shift(&requests, 1);
        host.used_score.0 += score_requests.0;
        host.used_score.1 += score_requests.1;
        host.ports.extend(self.compat.ports(shape));
        let at = host.tenants.iter().position(|t| t.shape == shape).unwrap_or_else(|| {
            host.tenants.push(Tenant { shape, alive: 0, leaving: 0 });
            host.tenants.len() - 1
        });
        let tenant = &mut host.tenants[at];
        *(if deleting { &mut tenant.leaving } else { &mut tenant.alive }) += 1;
    }

    pub fn remove(&mut self, pod: usize) {
        let Pod { node: Some(node), shape, requests, score_requests, deleting, .. } = self.pods[pod] else { return };
        self.pods[pod].node = None;
        let host = &mut self.nodes[node];
        host.pods.retain(|&p| p != pod);
        host.used.shift(&requests, -1);
        host.used_score.0 -= score_requests.0;
        host.used_score.1 -= score_requests.1;
        for port in self.compat.ports(shape) {
            if let Some(at) = host.ports.iter().position(|held| held == port) {
                host.ports.remove(at);
            }
        }
        if let Some(tenant) = host.tenants.iter_mut().find(|t| t.shape == shape) {
            *(if deleting { &mut tenant.leaving } else { &mut tenant.alive }) -= 1;
        }
        host.tenants.retain(|t| t.alive + t.leaving > 0);
    }

    /// Nominated pods that count against `pod`: those of at least its priority.
    pub fn reserved(&self, pod: usize) -> Reserved {
        let mut reserved: Reserved = Vec::new();
        for (i, other) in self.pods.iter().enumerate() {
            let Some(node) = other.nominated.filter(|_| i != pod && other.priority >= self.pods[pod].priority) else {
                continue;
            };
            reserved.resize_with(self.nodes.len(), || None);
            let hold = reserved[node].get_or_insert_default();
            hold.requests.shift(&other.requests, 1);
            hold.ports.extend(self.compat.ports(other.shape));
            hold.shapes.push(other.shape);
        }
        reserved
    }

    pub fn views<'a>(&'a self, reserved: &'a Reserved) -> impl Iterator<Item = NodeView<'a>> + Clone {
        (0..self.nodes.len()).map(move |i| self.view(reserved, i))
    }

    pub fn view<'a>(&'a self, reserved: &'a Reserved, i: usize) -> NodeView<'a> {
        let node = &self.nodes[i];
        NodeView {
            id: NodeId::from_index(i),
            shape: node.shape,
            name: &node.name,
            unschedulable: node.unschedulable,
            // The taints of nodes are taken as they are written.
            readiness: Readiness::Ready,
            cordon_taint: false,
            used: &node.used,
            used_score: node.used_score,
            ports: &node.ports,
            promised: reserved.get(i).and_then(Option::as_ref),
            pods: &node.tenants,
        }
    }

    pub fn candidates<'a>(&'a self, reserved: &'a Reserved) -> Vec<Candidate<'a>> {
        let bound = |&p: &usize| {
            let pod = &self.pods[p];
            Bound { pod: PodId::from_index(p), shape: pod.shape, started: pod.started, budgets: &pod.budgets }
        };
        let candidate = |(i, node): (usize, &Node)| Candidate {
            node: self.view(reserved, i),
            pods: sorted(&node.pods).iter().map(bound).collect(),
        };
        self.nodes.iter().enumerate().map(candidate).collect()
    }
}

fn sorted(pods: &[usize]) -> Vec<usize> {
    let mut pods = pods.to_vec();
    pods.sort_unstable();
    pods
}

/// Shapes seen, by what they look like.
#[derive(Default)]
struct Distinct(BTreeMap<String, u32>);

impl Distinct {
    fn of<T: std::fmt::Debug, I: Id>(&mut self, shape: T, rows: &mut Column<I, T>) -> I {
        let id = *self.0.entry(format!("{shape:?}")).or_insert_with(|| rows.push(shape).index() as u32);
        I::from_index(id as usize)
    }
}

fn node(n: &snapshot::Node, disks: i64, extended: &[String], shapes: &mut Distinct, spec: &mut ClusterSpec) -> Node {
    let mut labels = n.labels.clone();
    let hostname = labels.remove("kubernetes.io/hostname");
    let allocatable = Resources { disks, ..shapes::resources(&n.allocatable, extended) };
    let shape = NodeShape {
        labels,
        taints: n.taints.clone(),
        allocatable,
        cores: allocatable.cpu,
        nameless: hostname.is_none(),
        images: n.images.clone(),
        ..NodeShape::default()
    };
    Node {
        name: n.name.clone(),
        shape: shapes.of(shape, &mut spec.node_shapes),
        unschedulable: n.cordoned,
        used: Resources::default(),
        used_score: (0, 0),
        ports: Vec::new(),
        tenants: Vec::new(),
        pods: Vec::new(),
    }
}

fn pod(
    p: &snapshot::Pod,
    s: &Snapshot,
    extended: &[String],
    shapes: &mut Distinct,
    spec: &mut ClusterSpec,
    nominated: Option<usize>,
) -> Pod {
    let asking = Asking {
        template: &p.spec,
        namespace: &p.namespace,
        labels: &p.labels,
        like_it: peers::default_selector(s, &p.namespace, &p.labels, p.owner.as_ref()),
    };
    let waits = p.node.is_none();
    let lookup = if waits { Lookup::strict(s) } else { Lookup::lenient(s) };
    let asked = lookup.asked(&p.namespace, &p.name, &p.spec.claims);
    let mut shape: PodShape = pod_shape(&asking, extended);
    shape.requests.disks = asked.disks;
    if waits {
        shape.volumes = asked.volumes; // of a pod that has its node they decide nothing more
    }
    let covers = |b: &snapshot::Budget| {
        b.namespace == p.namespace
            // An empty selector covers none here (`filterPodsWithPDBViolation`), nor does a pod let go already count twice.
            && b.selector.as_ref().is_some_and(|sel| !sel.is_empty() && sel.matches(&p.labels))
            && !p.labels.is_empty()
            && !b.disrupted.contains(&p.name)
    };
    Pod {
        id: format!("{}/{}", p.namespace, p.name),
        priority: shape.priority,
        preempts: shape.preempts,
        requests: shape.requests,
        score_requests: shape.score_requests,
        shape: shapes.of(shape, &mut spec.pod_shapes),
        node: None,
        nominated: nominated.filter(|_| waits),
        unknown: if waits { asked.unknown } else { Vec::new() },
        astray: p.nominated.is_some() && nominated.is_none(),
        deleting: p.deleting,
        started: p.started.as_deref().map_or(i64::MAX, digits),
        budgets: (0..).zip(&s.budgets).filter(|(_, b)| covers(b)).map(|(i, _)| BudgetId(i)).collect(),
    }
}

/// A time stamp as a number that sorts alike.
fn digits(time: &str) -> i64 {
    let digits: String = time.chars().filter(char::is_ascii_digit).take(18).collect();
    digits.parse().unwrap_or(i64::MAX)
}

/// The extended resources that the pods to be placed ask for, as many as the simulator tells apart, and those that are left over.
fn extended(case: &Case) -> (Vec<String>, Vec<String>) {
    let pending = case.pending.iter().map(|&pod| &case.snapshot.pods[pod]);
    let asked = pending.flat_map(|p| requests::effective(&p.spec).other.into_iter().filter(|(_, n)| *n > 0));
    let mut names: Vec<String> = asked.map(|(name, _)| name).collect::<BTreeSet<_>>().into_iter().collect();
    let cut = names.split_off(names.len().min(EXTENDED));
    (names, cut)
}
