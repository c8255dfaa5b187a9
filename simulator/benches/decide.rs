//! One scheduling decision, without queue, binding or events: `cargo bench -p simulator --bench decide`.

use divan::{Bencher, black_box};
use simulator::scheduler::{Compat, Incoming, NodeView, Readiness, Scratch, decide};
use simulator::spec::{ClusterSpec, Effect, NodeShape, NodeTerm, Operator, PodShape, Requirement, Resources, Taint};
use simulator::{Id, NodeId, NodeShapeId, PodShapeId, ZoneId};

fn main() {
    divan::main();
}

const SIZES: [usize; 4] = [8, 60, 100, 1000];

/// A pod that fits nearly everywhere.
#[divan::bench(args = SIZES)]
fn plain(bencher: Bencher, nodes: usize) {
    run(bencher, nodes, 0);
}

/// Preferred affinity and untolerated preferences: scores are normalised.
#[divan::bench(args = SIZES)]
fn preferring(bencher: Bencher, nodes: usize) {
    run(bencher, nodes, 1);
}

/// A pod that fits nowhere.
#[divan::bench(args = SIZES)]
fn hopeless(bencher: Bencher, nodes: usize) {
    run(bencher, nodes, 2);
}

fn run(bencher: Bencher, nodes: usize, shape: usize) {
    let spec = spec();
    let compat = Compat::new(&spec);
    let rows: Vec<Row> = (0..nodes).map(Row::new).collect();
    let pod = Incoming { shape: PodShapeId::from_index(shape), pin: None };
    let mut scratch = Scratch::default();
    bencher.bench_local(|| {
        let views = rows.iter().enumerate().map(|(i, row)| row.view(i));
        decide(&compat, black_box(pod), views, &mut scratch, |n| n / 2)
    });
}

/// A node, a third to two thirds full.
struct Row {
    name: String,
    used: Resources,
}

impl Row {
    fn new(i: usize) -> Row {
        let cpu = 1300 + (i as i64 * 7919) % 1300;
        let memory = (5 << 30) + (i as i64 * 104_729_000) % (5 << 30);
        Row { name: format!("node-{i}"), used: Resources { cpu, memory, pods: 20, ..Resources::default() } }
    }

    fn view(&self, i: usize) -> NodeView<'_> {
        NodeView {
            id: NodeId::from_index(i),
            shape: NodeShapeId::from_index(i % 3),
            name: &self.name,
            unschedulable: false,
            readiness: Readiness::Ready,
            used: &self.used,
            used_score: (self.used.cpu, self.used.memory),
            ports: &[],
            promised: None,
            pods: &[],
            cordon_taint: false,
        }
    }
}

/// Three zones, one of them with a preference against it; a plain pod, one with preferences, one that is too large.
fn spec() -> ClusterSpec {
    let mut spec = ClusterSpec::default();
    for zone in 0..3 {
        let avoid = Taint { key: "avoid".into(), value: String::new(), effect: Effect::PreferNoSchedule };
        let allocatable = Resources { cpu: 3860, memory: 15 << 30, pods: 110, ..Resources::default() };
        spec.node_shapes.push(NodeShape {
            labels: [("zone".into(), zone.to_string())].into(),
            taints: if zone == 2 { vec![avoid] } else { Vec::new() },
            allocatable,
            cores: 4000,
            zone: ZoneId(zone),
            ..NodeShape::default()
        });
    }
    let zone = Requirement { key: "zone".into(), operator: Operator::In, values: vec!["1".into()] };
    let preferred = vec![(10, NodeTerm { expressions: vec![zone], fields: Vec::new() })];
    spec.pod_shapes.push(pod(250, Vec::new()));
    spec.pod_shapes.push(pod(250, preferred));
    spec.pod_shapes.push(pod(3800, Vec::new()));
    spec
}

fn pod(cpu: i64, preferred: Vec<(i64, NodeTerm)>) -> PodShape {
    PodShape {
        requests: Resources { cpu, memory: 512 << 20, pods: 1, ..Resources::default() },
        score_requests: (cpu, 512 << 20),
        labels: Default::default(),
        node_selector: Default::default(),
        required: Vec::new(),
        preferred,
        tolerations: Vec::new(),
        priority: 0,
        preempts: true,
        host_ports: Vec::new(),
        node_name: None,
        ..PodShape::default()
    }
}
