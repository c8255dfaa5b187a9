//! The index comes to the same node as the plain scan: on random clusters with every feature, over long histories.

use std::collections::BTreeMap;

use super::*;
use crate::scheduler::board::Board;
use crate::spec::{PodTerm, Selector, Spread};
use crate::{BudgetId, Column, PodId};

const ZONE: &str = "topology.kubernetes.io/zone";
const HOST: &str = "kubernetes.io/hostname";

/// Small numbers from a seed (SplitMix64).
struct Luck(u64);

impl Luck {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n as u64) as usize
    }

    /// True once in `n`.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Clone>(&mut self, things: &[T]) -> T {
        things[self.below(things.len())].clone()
    }

    fn some<T>(&mut self, most: usize, mut make: impl FnMut(&mut Luck) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| make(self)).collect()
    }

    fn node_shape(&mut self) -> NodeShape {
        let mut shape = node("").shape;
        let zone = self.of(&["1", "1", "2", "3", ""]);
        if !zone.is_empty() {
            shape.labels.insert(ZONE.into(), zone.into());
        }
        if !self.once_in(4) {
            shape.labels.insert("pool".into(), self.of(&["a", "b"]).into());
        }
        if self.once_in(3) {
            shape.taints.push(taint(self.of(&["t=x:PreferNoSchedule", "t=y:NoSchedule", "u=:NoExecute"])));
        }
        if self.once_in(4) {
            shape.images.insert(self.of(&["i", "j"]).into(), 300 << 20);
        }
        shape.nameless = self.once_in(12);
        shape.allocatable.cpu = self.of(&[1000, 2000, 4000]);
        shape.allocatable.memory = self.of(&[2 << 30, 8 << 30]);
        shape.allocatable.disks = self.of(&[1, 4, 1000]);
        shape.allocatable.pods = self.of(&[3, 8, 30]);
        shape.allocatable.extended[0] = self.of(&[0, 0, 2]);
        shape
    }

    fn selector(&mut self) -> Option<Selector> {
        match self.below(8) {
            0 => Some(Selector::default()),
            1 => None,
            _ => Some(Selector { labels: [("app".into(), self.app())].into(), expressions: Vec::new() }),
        }
    }

    fn app(&mut self) -> String {
        self.of(&["x", "y", "z"]).into()
    }

    fn term(&mut self) -> PodTerm {
        PodTerm {
            key: self.of(&[ZONE, HOST, "pool"]).into(),
            selector: self.selector(),
            namespaces: vec![self.of(&["one", "two"]).into()],
            namespace_selector: self.once_in(5).then(Selector::default),
        }
    }

    fn spread(&mut self) -> Spread {
        Spread {
            key: self.of(&[ZONE, ZONE, HOST, "pool"]).into(),
            max_skew: 1 + self.below(3) as i64,
            hard: self.once_in(2),
            min_domains: 1 + self.below(3),
            honor_affinity: !self.once_in(4),
            honor_taints: self.once_in(3),
            selector: self.selector(),
        }
    }

    fn pod_shape(&mut self) -> PodShape {
        let (cpu, memory) = (self.of(&[0, 100, 250, 900]), self.of(&[0, 128 << 20, 1 << 30]));
        let mut shape = asking(cpu, memory);
        shape.score_requests = (cpu.max(100), memory.max(200 << 20));
        shape.labels = [("app".into(), self.app())].into();
        shape.namespace = self.of(&["one", "two"]).into();
        shape.priority = self.of(&[0, 0, 10, 100]);
        shape.spread_by_default = self.once_in(4);
        shape.requests.extended[0] = i64::from(self.once_in(8));
        if self.once_in(3) {
            shape.tolerations = tolerating(Some("t"), None, None).tolerations;
        }
        if self.once_in(5) {
            shape.node_selector.insert("pool".into(), "a".into());
        }
        if self.once_in(6) {
            shape.required = vec![on_label(ZONE, Operator::NotIn, &["1"])];
        }
        if self.once_in(20) {
            shape.required =
                vec![self.of(&[on_name(Operator::In, &["n1"]), on_label(HOST, Operator::In, &["n2", "n3"])])];
        }
        shape.preferred = self.some(2, |luck| {
            let value = luck.of(&["1", "2"]);
            (1 + luck.below(100) as i64, on_label(ZONE, Operator::In, &[value]))
        });
        shape.host_ports = if self.once_in(6) { vec![port("", "TCP", self.of(&[80, 81]))] } else { Vec::new() };
        if self.once_in(2) {
            shape.spread = self.some(2, Luck::spread);
        }
        if self.once_in(3) {
            shape.pod_affinity = self.some(1, Luck::term);
            shape.pod_anti_affinity = self.some(2, Luck::term);
            shape.preferred_pods = self.some(2, |luck| (luck.below(201) as i64 - 100, luck.term()));
        }
        if self.once_in(6) {
            let zone = self.of(&["1", "2"]);
            shape.volumes.bound = vec![vec![on_label(ZONE, Operator::In, &[zone])]];
            shape.requests.disks = 1;
        }
        shape.images = self.some(2, |luck| luck.of(&["i", "j", "k"]).into());
        shape
    }
}

/// A cluster and the pods on it.
struct History {
    luck: Luck,
    spec: ClusterSpec,
    compat: Compat,
    board: Board,
    pods: Vec<(PodShapeId, NodeId, bool)>,
    nominated: Vec<(PodShapeId, NodeId)>,
    /// Decisions the index took itself.
    indexed: usize,
    preemptions: usize,
}

impl History {
    fn new(seed: u64, nodes: usize, scored: NodesScored) -> History {
        let mut luck = Luck(seed);
        let mut spec = ClusterSpec { extended: vec!["nvidia.com/gpu".into()], ..ClusterSpec::default() };
        for _ in 0..2 + luck.below(8) {
            spec.node_shapes.push(luck.node_shape());
        }
        for _ in 0..2 + luck.below(10) {
            spec.pod_shapes.push(luck.pod_shape());
        }
        for name in ["one", "two"] {
            spec.namespaces.insert(name.into(), BTreeMap::from([("name".into(), name.into())]));
        }
        let compat = Compat::new(&spec);
        let mut history = History {
            luck,
            spec,
            compat,
            board: Board::new(scored),
            pods: Vec::new(),
            nominated: Vec::new(),
            indexed: 0,
            preemptions: 0,
        };
        (0..nodes).for_each(|_| history.add());
        history
    }

    fn add(&mut self) {
        let shape = NodeShapeId::from_index(self.luck.below(self.spec.node_shapes.len()));
        let name = format!("n{}", self.board.len());
        self.board.add(name, shape);
    }

    fn any_node(&mut self) -> NodeId {
        NodeId::from_index(self.luck.below(self.board.len()))
    }

    fn any_shape(&mut self) -> PodShapeId {
        PodShapeId::from_index(self.luck.below(self.spec.pod_shapes.len()))
    }

    /// One thing that happens to the cluster.
    fn happens(&mut self) {
        let node = self.any_node();
        match self.luck.below(12) {
            0 => self.add(),
            1 => {
                let there = self.luck.once_in(2);
                if !there {
                    self.nominated.retain(|(_, at)| *at != node);
                }
                self.board.change(node, |row| row.there = there);
            }
            2 => {
                let (cordoned, tainted) = (self.luck.once_in(2), self.luck.once_in(2));
                self.board.change(node, |row| (row.unschedulable, row.cordon_taint) = (cordoned, cordoned && tainted));
            }
            3 => {
                let readiness = self.luck.of(&[Readiness::Ready, Readiness::NotReady, Readiness::Unreachable]);
                self.board.change(node, |row| row.readiness = readiness);
            }
            4 => {
                let shape = NodeShapeId::from_index(self.luck.below(self.spec.node_shapes.len()));
                self.board.change(node, |row| row.shape = shape);
            }
            5 | 6 => {
                let shape = self.any_shape();
                let leaving = self.luck.once_in(4);
                self.board.bind(&self.compat, shape, node, leaving);
                self.pods.push((shape, node, leaving));
            }
            7 => {
                let shape = self.any_shape();
                if self.board.view(node).is_some() {
                    self.nominated.push((shape, node));
                }
            }
            8 => {
                self.nominated.pop();
            }
            _ => {
                if !self.pods.is_empty() {
                    let at = self.luck.below(self.pods.len());
                    self.leave(at);
                }
            }
        }
    }

    /// A pod is marked for deletion, or goes.
    fn leave(&mut self, at: usize) {
        let (shape, node, leaving) = self.pods[at];
        if leaving || self.luck.once_in(2) {
            self.board.release(&self.compat, shape, node, leaving);
            self.pods.swap_remove(at);
        } else {
            self.board.delete(shape, node);
            self.pods[at].2 = true;
        }
    }

    /// A pod comes; both ways must find the same among as many equals.
    fn arrives(&mut self) {
        let shape = self.any_shape();
        let pin = if self.luck.once_in(10) { Some(self.any_node()) } else { None };
        let pod = Incoming { shape, pin };
        let priority = |shape: PodShapeId| self.spec.pod_shapes[shape].priority;
        let counted: Vec<_> = self.nominated.iter().filter(|(s, _)| priority(*s) >= priority(shape)).copied().collect();
        self.board.promise(&self.compat, counted.into_iter());
        if let Some(totals) = self.board.totals(&self.compat, pod) {
            self.indexed += 1;
            let plain: Vec<_> = explain(&self.compat, pod, self.board.views()).scores;
            let plain: Vec<_> = plain.into_iter().map(|(node, scores)| (node, scores.total())).collect();
            assert_eq!(totals, plain, "feasible nodes and totals of {:?}", self.spec.pod_shapes[shape]);
        }
        let wanted = self.luck.below(1000) as u32;
        let (mut ours, mut theirs) = (0, 0);
        let tie = |seen: &mut u32, n: u32| {
            *seen = n;
            wanted % n
        };
        let plain = self.board.scan(&self.compat, pod, |n| tie(&mut theirs, n));
        let found = self.board.decide(&self.compat, pod, |n| tie(&mut ours, n));
        assert_eq!((found, ours), (plain, theirs), "{:?}", self.spec.pod_shapes[shape]);
        match found {
            Some(node) => {
                self.board.bind(&self.compat, shape, node, false);
                self.pods.push((shape, node, false));
            }
            None if pin.is_none() => self.preempts(pod),
            None => {}
        }
    }

    fn preempts(&mut self, pod: Incoming) {
        let bound = |node: NodeId| {
            let here = self.pods.iter().enumerate().filter(move |(_, (_, at, _))| *at == node);
            here.map(|(i, &(shape, ..))| Bound { pod: PodId::from_index(i), shape, started: i as i64, budgets: &[] })
        };
        let candidates: Vec<Candidate> =
            self.board.views().map(|node| Candidate { pods: bound(node.id).collect(), node }).collect();
        let allowed: Column<BudgetId, u32> = Column::default();
        let best = preempt(&self.compat, pod, &candidates, &allowed);
        let lazily = search(&self.compat, pod, self.board.views(), |node| bound(node).collect(), &allowed, None);
        assert_eq!(best, lazily);
        let Some(best) = best else { return };
        drop(candidates);
        self.preemptions += 1;
        let mut victims: Vec<usize> = best.victims.iter().map(|pod| pod.index()).collect();
        victims.sort_unstable();
        victims.into_iter().rev().for_each(|at| self.leave(at));
        self.nominated.push((pod.shape, best.node));
    }
}

fn play(seed: u64, nodes: usize, steps: usize, scored: NodesScored) -> (usize, usize) {
    let mut history = History::new(seed, nodes, scored);
    for _ in 0..steps {
        if history.luck.once_in(2) {
            history.happens();
        }
        history.arrives();
    }
    (history.indexed, history.preemptions)
}

#[test]
fn the_same_node_as_the_plain_scan() {
    let (mut indexed, mut preemptions) = (0, 0);
    for seed in 0..600 {
        let (i, p) = play(seed, 1 + (seed % 13) as usize, 120, NodesScored::Percent(100));
        (indexed, preemptions) = (indexed + i, preemptions + p);
    }
    assert!(indexed > 30_000 && preemptions > 1_000, "the index took {indexed} decisions, {preemptions} preempted");
}

#[test]
fn the_same_sample_of_a_large_cluster() {
    let mut indexed = 0;
    for seed in 0..20 {
        let scored = if seed % 2 == 0 { NodesScored::Adaptive } else { NodesScored::Percent(30) };
        indexed += play(seed, 110 + 40 * (seed % 5) as usize, 150, scored).0;
    }
    assert!(indexed > 1_000, "the index took {indexed} decisions");
}

#[test]
fn a_cluster_without_two_nodes_alike_is_left_to_the_scan() {
    let mut spec = ClusterSpec::default();
    let mut board = Board::new(NodesScored::Percent(100));
    for i in 0..600 {
        let name = format!("n{i}");
        let mut shape = node("").shape;
        shape.labels.insert("serial".into(), name.clone());
        board.add(name, spec.node_shapes.push(shape));
    }
    let shape = spec.pod_shapes.push(pod());
    let (compat, incoming) = (Compat::new(&spec), Incoming { shape, pin: None });
    assert_eq!(board.totals(&compat, incoming), None);
    assert_eq!(board.decide(&compat, incoming, |n| n - 1), Some(NodeId(599)));
}
