//! Small literal cases, one table per plugin. What the plugins say together is compared with recorded decisions of the
//! real scheduler in the integration tests.

mod filters;
mod index;
mod peers;
mod preemption;
mod scores;
mod volumes;

use super::*;
use crate::spec::{ClusterSpec, HostPort, NodeShape, NodeTerm, Operator, PodShape, Requirement, Taint, Toleration};
use crate::{Id, NodeShapeId, ZoneId};

/// A node with what is on it.
#[derive(Clone)]
struct Node {
    name: &'static str,
    shape: NodeShape,
    cordoned: bool,
    readiness: Readiness,
    running: Vec<PodShape>,
    promised: Option<Promised>,
}

/// 4 cores, 16 GiB, 110 pods; no labels, no taints.
fn node(name: &'static str) -> Node {
    let allocatable =
        Resources { cpu: 4000, memory: 16 << 30, ephemeral: 100 << 30, pods: 110, ..Resources::default() };
    let shape = NodeShape {
        labels: Default::default(),
        taints: Vec::new(),
        allocatable,
        cores: 4000,
        zone: ZoneId(0),
        ..NodeShape::default()
    };
    Node { name, shape, cordoned: false, readiness: Readiness::Ready, running: Vec::new(), promised: None }
}

impl Node {
    fn with(mut self, change: impl FnOnce(&mut Node)) -> Node {
        change(&mut self);
        self
    }

    fn label(self, key: &str, value: &str) -> Node {
        self.with(|n| drop(n.shape.labels.insert(key.into(), value.into())))
    }

    /// `key=value:Effect`.
    fn taint(self, text: &str) -> Node {
        self.with(|n| n.shape.taints.push(taint(text)))
    }
}

fn taint(text: &str) -> Taint {
    let (rest, name) = text.split_once(':').unwrap_or((text, "NoSchedule"));
    let (key, value) = rest.split_once('=').unwrap_or((rest, ""));
    Taint { key: key.into(), value: value.into(), effect: effect(name) }
}

fn effect(name: &str) -> crate::spec::Effect {
    use crate::spec::Effect::{NoExecute, NoSchedule, PreferNoSchedule};
    [(NoSchedule, "NoSchedule"), (PreferNoSchedule, "PreferNoSchedule"), (NoExecute, "NoExecute")]
        .into_iter()
        .find(|(_, known)| *known == name)
        .map_or(NoSchedule, |(effect, _)| effect)
}

/// 500m and 1 GiB, priority 0.
fn pod() -> PodShape {
    PodShape {
        requests: Resources { cpu: 500, memory: 1 << 30, pods: 1, ..Resources::default() },
        score_requests: (500, 1 << 30),
        labels: Default::default(),
        node_selector: Default::default(),
        required: Vec::new(),
        preferred: Vec::new(),
        tolerations: Vec::new(),
        priority: 0,
        preempts: true,
        host_ports: Vec::new(),
        node_name: None,
        ..PodShape::default()
    }
}

fn asking(cpu: i64, memory: i64) -> PodShape {
    let requests = Resources { cpu, memory, ..pod().requests };
    PodShape { requests, score_requests: (cpu, memory), ..pod() }
}

/// Operator Exists where `value` is `None`, else Equal.
fn tolerating(key: Option<&str>, value: Option<&str>, named: Option<&str>) -> PodShape {
    let toleration =
        Toleration { key: key.map(Into::into), value: value.map(Into::into), effect: named.map(effect), seconds: None };
    PodShape { tolerations: vec![toleration], ..pod() }
}

fn port(ip: &str, protocol: &str, port: u16) -> HostPort {
    HostPort { ip: ip.into(), protocol: protocol.into(), port }
}

fn holding(ports: &[HostPort]) -> PodShape {
    PodShape { host_ports: ports.to_vec(), ..pod() }
}

fn condition(key: &str, operator: Operator, values: &[&str]) -> Requirement {
    Requirement { key: key.into(), operator, values: values.iter().map(|&v| v.into()).collect() }
}

fn on_label(key: &str, operator: Operator, values: &[&str]) -> NodeTerm {
    NodeTerm { expressions: vec![condition(key, operator, values)], fields: Vec::new() }
}

fn on_name(operator: Operator, values: &[&str]) -> NodeTerm {
    NodeTerm { expressions: Vec::new(), fields: vec![condition("metadata.name", operator, values)] }
}

fn requiring(terms: Vec<NodeTerm>) -> PodShape {
    PodShape { required: terms, ..pod() }
}

/// A pod and its nodes, laid out as the scheduler wants them.
struct World {
    compat: Compat,
    rows: Vec<Row>,
}

struct Row {
    node: Node,
    used: Resources,
    used_score: (i64, i64),
    ports: Vec<PortId>,
    tenants: Vec<Tenant>,
    /// Shapes of the pods that run here.
    running: Vec<PodShapeId>,
}

/// The incoming pod is shape 0.
const POD: Incoming = Incoming { shape: PodShapeId(0), pin: None };

impl World {
    fn new(pod: &PodShape, nodes: &[Node]) -> World {
        let mut spec = ClusterSpec { extended: vec!["nvidia.com/gpu".into()], ..ClusterSpec::default() };
        spec.pod_shapes.push(pod.clone());
        for node in nodes {
            spec.node_shapes.push(node.shape.clone());
            for shape in &node.running {
                spec.pod_shapes.push(shape.clone());
            }
        }
        let compat = Compat::new(&spec);
        let mut next = 1;
        let rows = nodes.iter().map(|node| {
            let ids: Vec<_> = (next..next + node.running.len()).map(PodShapeId::from_index).collect();
            next += node.running.len();
            row(node, ids, &compat)
        });
        World { rows: rows.collect(), compat }
    }

    fn views(&self) -> impl Iterator<Item = NodeView<'_>> + Clone {
        (0..self.rows.len()).map(|i| self.view(i))
    }

    fn view(&self, i: usize) -> NodeView<'_> {
        let row = &self.rows[i];
        NodeView {
            id: NodeId::from_index(i),
            shape: NodeShapeId::from_index(i),
            name: row.node.name,
            unschedulable: row.node.cordoned,
            readiness: row.node.readiness,
            used: &row.used,
            used_score: row.used_score,
            ports: &row.ports,
            promised: row.node.promised.as_ref(),
            pods: &row.tenants,
            cordon_taint: false,
        }
    }
}

fn row(node: &Node, running: Vec<PodShapeId>, compat: &Compat) -> Row {
    let mut row = Row {
        node: node.clone(),
        used: Resources::default(),
        used_score: (0, 0),
        ports: Vec::new(),
        tenants: running.iter().map(|&shape| Tenant { shape, alive: 1, leaving: 0 }).collect(),
        running,
    };
    for (shape, &id) in node.running.iter().zip(&row.running) {
        row.used.cpu += shape.requests.cpu;
        row.used.memory += shape.requests.memory;
        row.used.pods += 1;
        row.used.disks += shape.requests.disks;
        row.used.extended[0] += shape.requests.extended[0];
        row.used_score.0 += shape.score_requests.0;
        row.used_score.1 += shape.score_requests.1;
        row.ports.extend(compat.ports(id));
    }
    row
}
