//! How fast pods are placed one after the other, by the index and by the plain scan: `cargo bench-place`.
//!
//! Node `i` is called `node-%05d`, stands in zone `zone-{i mod 3}` and has 7,820m CPU, 28 GiB and 110 pods. Pod `i` is of app
//! `k = i / 20`, asks for `[100, 250, 500, 1000][k mod 4]`m CPU and `[128, 256, 512, 1024, 2048][k mod 5]` MiB, and has what the
//! workload is called after: a zone spread constraint over its app with a skew of 1, `hard` or `soft`; the scheduler's `default`
//! constraints (zone and host name); `apart`: required anti-affinity by host name and preferred affinity by zone to its own
//! app; or nothing. All nodes are scored, but for `sampled`. The last table says what a decision costs beside 100 nodes.

#![allow(clippy::print_stdout, missing_docs)]

use std::time::Instant;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher};
use simulator::scheduler::{Board, Compat, Incoming, NodesScored};
use simulator::spec::{ClusterSpec, NodeShape, PodShape, PodTerm, Resources, Selector, Spread};
use simulator::{Id, NodeShapeId, PodShapeId, ZoneId};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

/// Nodes and pods.
const SIZES: [(usize, usize); 4] = [(100, 1000), (1000, 5000), (2000, 10_000), (5000, 10_000)];
const WORKLOADS: [Kind; 6] = [Kind::Plain, Kind::Hard, Kind::Soft, Kind::Default, Kind::Apart, Kind::Sampled];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Plain,
    Hard,
    Soft,
    Default,
    Apart,
    Sampled,
}

fn main() {
    divan::main();
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    println!(
        "\n{:<9} {:>6} {:>7} {:>12} {:>14} {:>16}",
        "workload", "nodes", "pods", "us/decision", "decisions/s", "cost to 100 nodes"
    );
    for kind in WORKLOADS {
        let mut first = None;
        for (nodes, pods) in SIZES {
            let workload = Workload::new(kind, nodes, pods);
            let mut times: Vec<f64> = (0..5).map(|_| workload.timed()).collect();
            times.sort_by(f64::total_cmp);
            let each = times[2] / pods as f64;
            let growth = each / *first.get_or_insert(each);
            println!(
                "{:<9} {nodes:>6} {pods:>7} {:>12.3} {:>14.0} {growth:>16.2}",
                format!("{kind:?}"),
                each * 1e6,
                1.0 / each
            );
        }
    }
}

/// All pods placed by the index.
#[divan::bench(args = WORKLOADS, consts = [1000], sample_count = 5, sample_size = 1)]
fn index<const NODES: usize>(bencher: Bencher, kind: Kind) {
    let workload = Workload::new(kind, NODES, 5 * NODES);
    let input = || workload.board.clone();
    bencher.counter(ItemsCount::new(5 * NODES)).with_inputs(input).bench_local_values(|board| workload.serve(board));
}

/// The same pods placed by looking at every node.
#[divan::bench(args = [Kind::Plain, Kind::Hard, Kind::Soft, Kind::Apart], sample_count = 1, sample_size = 1)]
fn scan(bencher: Bencher, kind: Kind) {
    const NODES: usize = 200;
    let workload = Workload::new(kind, NODES, 5 * NODES);
    let input = || workload.board.clone();
    bencher.counter(ItemsCount::new(5 * NODES)).with_inputs(input).bench_local_values(|mut board| {
        for &shape in &workload.pods {
            if let Some(node) = board.scan(&workload.compat, Incoming { shape, pin: None }, |_| 0) {
                board.bind(&workload.compat, shape, node, false);
            }
        }
        board
    });
}

struct Workload {
    compat: Compat,
    board: Board,
    pods: Vec<PodShapeId>,
}

impl Workload {
    fn new(kind: Kind, nodes: usize, pods: usize) -> Workload {
        let mut spec = ClusterSpec::default();
        for zone in 0..3u32 {
            let labels = [("topology.kubernetes.io/zone".into(), format!("zone-{zone}"))].into();
            let allocatable = Resources { cpu: 7820, memory: 28 << 30, pods: 110, ..Resources::default() };
            spec.node_shapes.push(NodeShape {
                labels,
                allocatable,
                cores: 8000,
                zone: ZoneId(zone),
                ..NodeShape::default()
            });
        }
        for k in 0..pods.div_ceil(20) {
            spec.pod_shapes.push(pod(kind, k));
        }
        let scored = if kind == Kind::Sampled { NodesScored::Adaptive } else { NodesScored::Percent(100) };
        let mut board = Board::new(scored);
        for i in 0..nodes {
            board.add(format!("node-{i:05}"), NodeShapeId::from_index(i % 3));
        }
        let pods = (0..pods).map(|i| PodShapeId::from_index(i / 20)).collect();
        Workload { compat: Compat::new(&spec), board, pods }
    }

    fn serve(&self, mut board: Board) -> Board {
        let mut placed = 0;
        for (i, &shape) in self.pods.iter().enumerate() {
            let tie = |n: u32| (i as u32).wrapping_mul(2_654_435_761) % n;
            if let Some(node) = board.decide(&self.compat, Incoming { shape, pin: None }, tie) {
                board.bind(&self.compat, shape, node, false);
                placed += 1;
            }
        }
        assert!(placed * 10 >= self.pods.len() * 9, "most pods find room");
        board
    }

    fn timed(&self) -> f64 {
        let board = self.board.clone();
        let begin = Instant::now();
        let board = self.serve(board);
        let seconds = begin.elapsed().as_secs_f64();
        drop(board);
        seconds
    }
}

fn pod(kind: Kind, k: usize) -> PodShape {
    let (cpu, memory) = ([100, 250, 500, 1000][k % 4], [128i64, 256, 512, 1024, 2048][k % 5] << 20);
    let app = format!("app-{k}");
    let selector = || Some(Selector { labels: [("app".into(), app.clone())].into(), expressions: Vec::new() });
    let spread = |key: &str, max_skew, hard| Spread {
        key: key.into(),
        max_skew,
        hard,
        min_domains: 1,
        honor_affinity: true,
        honor_taints: false,
        selector: selector(),
    };
    let term = |key: &str| PodTerm {
        key: key.into(),
        selector: selector(),
        namespaces: vec!["default".into()],
        namespace_selector: None,
    };
    const ZONE: &str = "topology.kubernetes.io/zone";
    const HOST: &str = "kubernetes.io/hostname";
    let mut shape = PodShape {
        requests: Resources { cpu, memory, pods: 1, ..Resources::default() },
        score_requests: (cpu, memory),
        namespace: "default".into(),
        labels: [("app".into(), app.clone())].into(),
        preempts: true,
        ..PodShape::default()
    };
    match kind {
        Kind::Plain => {}
        Kind::Hard | Kind::Sampled => shape.spread = vec![spread(ZONE, 1, true)],
        Kind::Soft => shape.spread = vec![spread(ZONE, 1, false)],
        Kind::Default => {
            shape.spread = vec![spread(HOST, 3, false), spread(ZONE, 5, false)];
            shape.spread_by_default = true;
        }
        Kind::Apart => {
            shape.pod_anti_affinity = vec![term(HOST)];
            shape.preferred_pods = vec![(100, term(ZONE))];
        }
    }
    shape
}
