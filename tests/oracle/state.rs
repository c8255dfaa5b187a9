//! The cluster of a recorded case, carried on as the record says.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::scheduler::{Bound, Candidate, Compat, Incoming, NodeView, PortId, Readiness};
use simulator::spec::{BudgetRule, BudgetSpec, ClusterSpec, NodeTerm, PodShape, Quantity, Resources};
use simulator::{BudgetId, Column, Id, NodeId, NodeShapeId, PodId, PodShapeId};

use super::object::{self, Objects, each, text};

const HOSTNAME: &str = "kubernetes.io/hostname";

pub struct State {
    pub compat: Compat,
    pub spec: ClusterSpec,
    pub pods: Vec<Pod>,
    /// By `namespace/name`.
    pub index: BTreeMap<String, usize>,
    pub nodes: Vec<Node>,
    pub allowed: Column<BudgetId, u32>,
}

pub struct Pod {
    pub id: String,
    pub node: Option<usize>,
    /// Node a pending pod is nominated to.
    pub nominated: Option<usize>,
    /// With pod-level resources.
    pub pod_level: bool,
    started: i64,
    budgets: Vec<BudgetId>,
}

pub struct Node {
    pub name: String,
    /// Without the label `kubernetes.io/hostname`.
    pub nameless: bool,
    unschedulable: bool,
    used: Resources,
    used_score: (i64, i64),
    ports: Vec<PortId>,
}

/// What nominated pods would take, by node.
pub type Reserved = Vec<(Option<Resources>, Vec<PortId>)>;

impl State {
    pub fn new(case: &Value) -> State {
        let read = Objects::read(case);
        let mut spec = ClusterSpec { extended: read.extended, ..ClusterSpec::default() };
        let names: Vec<String> = each(&case["nodes"]).map(|node| text(&node["metadata"]["name"])).collect();
        let place = |name: &Value| names.iter().position(|known| name == known);
        let node = |node: &Value| Node {
            name: text(&node["metadata"]["name"]),
            nameless: node["metadata"]["labels"][HOSTNAME].is_null(),
            unschedulable: node["spec"]["unschedulable"] == true,
            used: Resources::default(),
            used_score: (0, 0),
            ports: Vec::new(),
        };
        let nodes = each(&case["nodes"]).map(node).collect();
        let shapes: Vec<_> = names.iter().map(|name| read.nodes[name].clone()).collect();
        spec.node_shapes = shapes.into();
        let objects = || each(&case["pods"]).chain(each(&case["pending"]));
        let shapes: Vec<_> = objects().map(|pod| read.pods[&identity(pod)].clone()).collect();
        spec.pod_shapes = shapes.into();
        let budgets: Vec<&Value> = each(&case["pdbs"]).collect();
        spec.budgets = budgets.iter().map(|budget| budget_spec(budget)).collect::<Vec<_>>().into();
        let allowed = budgets.iter().map(|budget| budget["status"]["disruptionsAllowed"].as_u64().unwrap_or(0) as u32);
        let pod = |pod: &Value| Pod {
            id: identity(pod),
            node: None,
            nominated: place(&pod["status"]["nominatedNodeName"]),
            pod_level: pod["spec"]["resources"].is_object(),
            started: digits(&text(&pod["status"]["startTime"])),
            budgets: (0..).zip(&budgets).filter(|(_, budget)| covers(budget, pod)).map(|(i, _)| BudgetId(i)).collect(),
        };
        let mut state = State {
            compat: Compat::new(&spec),
            pods: objects().map(pod).collect(),
            index: objects().map(identity).zip(0..).collect(),
            nodes,
            allowed: allowed.collect::<Vec<_>>().into(),
            spec,
        };
        for (i, pod) in each(&case["pods"]).enumerate() {
            if let Some(node) = place(&pod["spec"]["nodeName"]) {
                state.bind(i, node);
            }
        }
        state
    }

    pub fn shape(&self, pod: usize) -> &PodShape {
        &self.spec.pod_shapes[PodShapeId::from_index(pod)]
    }

    pub fn incoming(&self, pod: usize) -> Incoming {
        Incoming { shape: PodShapeId::from_index(pod), pin: None }
    }

    /// True where the required affinity or selector of a pod asks for the host name.
    pub fn asks_hostname(&self, pod: usize) -> bool {
        let shape = self.shape(pod);
        let asks = |term: &NodeTerm| term.expressions.iter().any(|r| r.key == HOSTNAME);
        shape.node_selector.contains_key(HOSTNAME) || shape.required.iter().any(asks)
    }

    /// True unless a pod asks for the host name while some node lacks the label.
    pub fn names_known(&self, pod: usize) -> bool {
        !self.asks_hostname(pod) || self.nodes.iter().all(|node| !node.nameless)
    }

    pub fn node(&self, name: &str) -> usize {
        self.nodes.iter().position(|node| node.name == name).unwrap()
    }

    pub fn bind(&mut self, pod: usize, node: usize) {
        self.shift(pod, node, 1);
        self.nodes[node].ports.extend(self.compat.ports(PodShapeId::from_index(pod)));
        self.pods[pod].node = Some(node);
        self.pods[pod].nominated = None;
    }

    /// Binds a pod while the case runs: start times count on in the order of arrival.
    pub fn start(&mut self, pod: usize, node: usize, order: usize) {
        self.bind(pod, node);
        self.pods[pod].started = 20300101000000 + order as i64;
    }

    pub fn remove(&mut self, pod: usize) {
        let Some(node) = self.pods[pod].node.take() else {
            return;
        };
        self.shift(pod, node, -1);
        for port in self.compat.ports(PodShapeId::from_index(pod)) {
            let held = &mut self.nodes[node].ports;
            let i = held.iter().position(|h| h == port).unwrap();
            held.remove(i);
        }
    }

    fn shift(&mut self, pod: usize, node: usize, sign: i64) {
        let PodShape { requests, score_requests: score, .. } = *self.shape(pod);
        let node = &mut self.nodes[node];
        add(&mut node.used, &requests, sign);
        node.used_score.0 += sign * score.0;
        node.used_score.1 += sign * score.1;
    }

    /// Nominated pods that count against `pod`: those of at least its priority.
    pub fn reserved(&self, pod: usize) -> Reserved {
        let mut reserved: Reserved = self.nodes.iter().map(|node| (None::<Resources>, node.ports.clone())).collect();
        for (i, other) in self.pods.iter().enumerate() {
            let Some(node) = other.nominated else {
                continue;
            };
            if i != pod && self.shape(i).priority >= self.shape(pod).priority {
                add(reserved[node].0.get_or_insert_default(), &self.shape(i).requests, 1);
                reserved[node].1.extend(self.compat.ports(PodShapeId::from_index(i)));
            }
        }
        reserved
    }

    pub fn view<'a>(&'a self, reserved: &'a Reserved, i: usize) -> NodeView<'a> {
        let node = &self.nodes[i];
        NodeView {
            id: NodeId::from_index(i),
            shape: NodeShapeId::from_index(i),
            name: &node.name,
            unschedulable: node.unschedulable,
            readiness: Readiness::Ready,
            used: &node.used,
            used_score: node.used_score,
            ports: &reserved[i].1,
            reserved: reserved[i].0.as_ref(),
        }
    }

    pub fn candidate<'a>(&'a self, reserved: &'a Reserved, i: usize) -> Candidate<'a> {
        let bound = self.pods.iter().enumerate().filter(|(_, pod)| pod.node == Some(i)).map(|(p, pod)| Bound {
            pod: PodId::from_index(p),
            shape: PodShapeId::from_index(p),
            started: pod.started,
            budgets: &pod.budgets,
        });
        Candidate { node: self.view(reserved, i), pods: bound.collect() }
    }
}

fn add(to: &mut Resources, by: &Resources, sign: i64) {
    to.cpu += sign * by.cpu;
    to.memory += sign * by.memory;
    to.ephemeral += sign * by.ephemeral;
    to.pods += sign * by.pods;
    for (to, by) in to.extended.iter_mut().zip(&by.extended) {
        *to += sign * by;
    }
}

pub fn identity(pod: &Value) -> String {
    format!("{}/{}", text(&pod["metadata"]["namespace"]), text(&pod["metadata"]["name"]))
}

/// A time stamp as a number that sorts alike.
fn digits(time: &str) -> i64 {
    let digits: String = time.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(i64::MAX)
}

fn budget_spec(budget: &Value) -> BudgetSpec {
    BudgetSpec {
        namespace: text(&budget["metadata"]["namespace"]),
        name: text(&budget["metadata"]["name"]),
        workloads: Vec::new(),
        rule: BudgetRule::MaxUnavailable(Quantity::Count(0)),
        always_allow_unhealthy: false,
    }
}

/// True where a budget covers a pod and the API server has not let it go yet (`disruptedPods`).
fn covers(budget: &Value, pod: &Value) -> bool {
    let selector = &budget["spec"]["selector"];
    let labels = object::map(&pod["metadata"]["labels"]);
    let equal = object::map(&selector["matchLabels"]);
    let mut conditions = each(&selector["matchExpressions"]);
    let empty = equal.is_empty() && conditions.clone().next().is_none();
    let condition = |c: &Value| {
        assert_eq!(c["operator"], "In");
        labels.get(&text(&c["key"])).is_some_and(|label| each(&c["values"]).any(|value| value == label))
    };
    !empty
        && budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && budget["status"]["disruptedPods"][text(&pod["metadata"]["name"])].is_null()
        && equal.iter().all(|(key, value)| labels.get(key) == Some(value))
        && conditions.all(condition)
}
