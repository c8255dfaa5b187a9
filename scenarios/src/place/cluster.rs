//! Nodes and pods of a case as the scheduler sees them, kept up as pods are bound and removed.

use std::collections::{BTreeMap, BTreeSet};

use simulator::scheduler::{Board, Bound, Candidate, Compat, Incoming, NodeView, NodesScored, fits};
use simulator::spec::{ClusterSpec, EXTENDED, MANY_DISKS, NodeShape, PodShape, Resources};
use simulator::{BudgetId, Column, Id, NodeId, PodId, PodShapeId};

use super::{Case, notes};
use crate::coverage::Coverage;
use crate::intern::volumes::{self, Ground, Lookup, Unknown};
use crate::intern::{Asking, peers, pod_shape, requests, shapes};
use crate::snapshot::{self, Snapshot};

/// The state of a case.
pub(super) struct Cluster {
    pub compat: Compat,
    board: Board,
    pub nodes: Vec<Node>,
    pub pods: Vec<Pod>,
    /// Pods that have or had a nomination.
    nominees: BTreeSet<usize>,
    pub allowed: Column<BudgetId, u32>,
    /// Names of the extended resources that are told apart.
    pub extended: Vec<String>,
    /// What decisions do not rest on, though they might have to.
    pub notes: Vec<String>,
}

pub(super) struct Node {
    pub name: String,
    /// What pods may use.
    pub has: Resources,
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
    pub requests: Resources,
    budgets: Vec<BudgetId>,
}

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
        let mut board = Board::new(NodesScored::Percent(100));
        let mut nodes: Vec<Node> = Vec::with_capacity(s.nodes.len());
        for n in &s.nodes {
            let shape = node_shape(n, disks(n), &extended);
            let has = shape.allocatable;
            let shape = shapes.of(shape, &mut spec.node_shapes);
            let id = board.add(n.name.clone(), shape);
            // The taints of nodes are taken as they are written.
            board.change(id, |row| row.unschedulable = n.cordoned);
            nodes.push(Node { name: n.name.clone(), has, pods: Vec::new() });
        }
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
            board,
            allowed: allowed.collect::<Vec<_>>().into(),
            nodes,
            pods: Vec::with_capacity(pods.len()),
            extended: spec.extended,
            nominees: BTreeSet::new(),
            notes,
        };
        for (i, (pod, node)) in pods.into_iter().enumerate() {
            if pod.nominated.is_some() {
                cluster.nominees.insert(i);
            }
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
        let row = &mut self.pods[pod];
        row.node = Some(node);
        row.nominated = None;
        row.astray = false;
        self.board.bind(&self.compat, row.shape, NodeId::from_index(node), row.deleting);
        self.nodes[node].pods.push(pod);
    }

    pub fn remove(&mut self, pod: usize) {
        let row = &mut self.pods[pod];
        let Some(node) = row.node.take() else { return };
        self.board.release(&self.compat, row.shape, NodeId::from_index(node), row.deleting);
        self.nodes[node].pods.retain(|&p| p != pod);
    }

    /// Sets what nominated pods hold back from this one: those of at least its priority.
    pub fn turn_to(&mut self, pod: usize) {
        let counts = |&i: &usize| {
            let other = &self.pods[i];
            let node = other.nominated.filter(|_| i != pod && other.priority >= self.pods[pod].priority)?;
            Some((other.shape, NodeId::from_index(node)))
        };
        self.board.promise(&self.compat, self.nominees.iter().filter_map(counts));
    }

    /// Nominates a pod; those of lower priority lose their nomination to that node. Says which.
    pub fn nominate(&mut self, pod: usize, node: usize) -> Vec<usize> {
        let priority = self.pods[pod].priority;
        let mut cleared = Vec::new();
        for &i in self.nominees.iter().filter(|&&i| i != pod) {
            let other = &mut self.pods[i];
            if other.nominated == Some(node) && other.priority < priority {
                other.nominated = None;
                cleared.push(i);
            }
        }
        self.pods[pod].nominated = Some(node);
        self.nominees.insert(pod);
        cleared
    }

    /// Where the index would put the pod; like [`Cluster::totals`] it has nothing to do with explanations.
    pub fn decide(&mut self, pod: usize) -> Option<usize> {
        let incoming = self.incoming(pod);
        self.board.decide(&self.compat, incoming, |_| 0).map(NodeId::index)
    }

    /// Feasible nodes with their totals as the index knows them; `None` where it leaves the decision to the plain scan.
    pub fn totals(&mut self, pod: usize) -> Option<Vec<(NodeId, i64)>> {
        let incoming = self.incoming(pod);
        self.board.totals(&self.compat, incoming)
    }

    /// True where the pod passes every filter of a node.
    pub fn fits(&self, pod: usize, node: usize) -> bool {
        let view = self.board.view(NodeId::from_index(node));
        view.is_some_and(|view| fits(&self.compat, self.incoming(pod), &view, self.board.views()))
    }

    pub fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        self.board.views()
    }

    pub fn candidates(&self) -> Vec<Candidate<'_>> {
        let bound = |&p: &usize| {
            let pod = &self.pods[p];
            Bound { pod: PodId::from_index(p), shape: pod.shape, started: pod.started, budgets: &pod.budgets }
        };
        let candidate = |(node, row)| Candidate { node, pods: sorted(row).iter().map(bound).collect() };
        self.board.views().zip(self.nodes.iter().map(|node| &node.pods[..])).map(candidate).collect()
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

fn node_shape(n: &snapshot::Node, disks: i64, extended: &[String]) -> NodeShape {
    let mut labels = n.labels.clone();
    let hostname = labels.remove("kubernetes.io/hostname");
    let allocatable = Resources { disks, ..shapes::resources(&n.allocatable, extended) };
    NodeShape {
        labels,
        taints: n.taints.clone(),
        allocatable,
        cores: allocatable.cpu,
        nameless: hostname.is_none(),
        images: n.images.clone(),
        ..NodeShape::default()
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
    let asked = lookup.asked(&p.namespace, &p.name, &p.claims);
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
