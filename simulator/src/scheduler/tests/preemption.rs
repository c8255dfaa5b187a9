//! Which pods must go, and from which node. A pod is `name priority cpu started`, budgets by number.

use super::*;
use crate::{BudgetId, Column, PodId};

struct Victim {
    priority: i32,
    cpu: i64,
    started: i64,
    budgets: Vec<BudgetId>,
}

fn victim(priority: i32, cpu: i64, started: i64) -> Victim {
    Victim { priority, cpu, started, budgets: Vec::new() }
}

impl Victim {
    fn guarded(mut self, budgets: &[u32]) -> Victim {
        self.budgets = budgets.iter().map(|&id| BudgetId(id)).collect();
        self
    }
}

/// Pods are numbered through the nodes, each of 4 cores. The answer: node, victims, violations.
fn run(incoming: PodShape, nodes: Vec<Vec<Victim>>, allowed: &[u32]) -> Option<(u32, Vec<u32>, u32)> {
    let shape = |v: &Victim| PodShape { priority: v.priority, ..asking(v.cpu, 0) };
    let laid_out: Vec<Node> =
        nodes.iter().map(|pods| node("n").with(|n| n.running = pods.iter().map(shape).collect())).collect();
    let world = World::new(&incoming, &laid_out);
    let candidates: Vec<Candidate> = nodes
        .iter()
        .enumerate()
        .map(|(i, pods)| Candidate {
            node: world.view(i),
            pods: pods
                .iter()
                .zip(&world.rows[i].running)
                .map(|(v, &shape)| Bound { pod: PodId(shape.0 - 1), shape, started: v.started, budgets: &v.budgets })
                .collect(),
        })
        .collect();
    let allowed: Column<BudgetId, u32> = allowed.to_vec().into();
    let found = preempt(&world.compat, POD, &candidates, &allowed)?;
    Some((found.node.0, found.victims.iter().map(|pod| pod.0).collect(), found.violations))
}

fn high(cpu: i64) -> PodShape {
    PodShape { priority: 1000, ..asking(cpu, 0) }
}

#[test]
fn only_lower_priorities_go() {
    assert_eq!(run(high(2000), vec![vec![victim(1000, 3000, 0)]], &[]), None);
    assert_eq!(run(high(2000), vec![vec![victim(999, 3000, 0)]], &[]), Some((0, vec![0], 0)));
    assert_eq!(run(high(2000), vec![vec![victim(1000, 3000, 0), victim(0, 1000, 0)]], &[]), None);
    assert_eq!(run(PodShape { preempts: false, ..high(2000) }, vec![vec![victim(0, 3000, 0)]], &[]), None);
}

#[test]
fn nothing_goes_where_it_cannot_help() {
    assert_eq!(run(high(4001), vec![vec![victim(0, 4000, 0)]], &[]), None);
    assert_eq!(run(high(2000), vec![vec![victim(0, 1000, 0)]], &[]), None, "fits already");
}

#[test]
fn important_pods_are_spared_first() {
    // 2 of 4 cores are wanted: the two most important stay, whatever their order on the node.
    let pods = || vec![victim(1, 1000, 0), victim(3, 1000, 0), victim(2, 1000, 0), victim(1, 1000, 9)];
    assert_eq!(run(high(2000), vec![pods()], &[]), Some((0, vec![0, 3], 0)));
    // A large important pod goes where it cannot stay; the small ones behind it are still spared.
    let pods = vec![victim(5, 3000, 0), victim(1, 500, 0), victim(0, 500, 0)];
    assert_eq!(run(high(3000), vec![pods], &[]), Some((0, vec![0], 0)));
    // Of equals, the one that started first stays.
    assert_eq!(run(high(2000), vec![vec![victim(1, 2000, 7), victim(1, 2000, 3)]], &[]), Some((0, vec![0], 0)));
}

#[test]
fn guarded_pods_are_spared_before_important_ones() {
    let pods = || vec![victim(0, 2000, 0).guarded(&[0]), victim(9, 2000, 0)];
    assert_eq!(run(high(2000), vec![pods()], &[0]), Some((0, vec![1], 0)));
    assert_eq!(run(high(2000), vec![pods()], &[1]), Some((0, vec![0], 0)));
    // One disruption is allowed: the more important pod uses it up.
    let pods = vec![victim(1, 2000, 0).guarded(&[0]), victim(2, 2000, 0).guarded(&[0])];
    assert_eq!(run(high(2000), vec![pods], &[1]), Some((0, vec![1], 0)));
    let pods = vec![victim(1, 4000, 0).guarded(&[0, 1])];
    assert_eq!(run(high(2000), vec![pods], &[1, 0]), Some((0, vec![0], 1)));
}

#[test]
fn the_node_with_least_harm() {
    let on = |pods: [Vec<Victim>; 2]| run(high(4000), pods.into(), &[0]).map(|(node, ..)| node);
    let v = victim;
    assert_eq!(on([vec![v(0, 4000, 0).guarded(&[0])], vec![v(900, 4000, 0)]]), Some(1), "budget violations");
    assert_eq!(on([vec![v(5, 4000, 0)], vec![v(4, 2000, 0), v(4, 2000, 0)]]), Some(1), "highest priority");
    assert_eq!(on([vec![v(4, 2000, 0), v(4, 2000, 0)], vec![v(4, 2000, 0), v(3, 2000, 0)]]), Some(1), "sum");
    assert_eq!(on([vec![v(-4, 2000, 0), v(-4, 2000, 0)], vec![v(-4, 4000, 0)]]), Some(1), "fewer, below zero too");
    assert_eq!(on([vec![v(4, 4000, 1)], vec![v(4, 4000, 2)]]), Some(1), "latest start");
    assert_eq!(on([vec![v(4, 4000, 1)], vec![v(4, 4000, 1)]]), Some(0), "first");
    // The earliest start among the most important counts; those of lesser ones do not.
    let early = || vec![v(4, 2000, 1), v(4, 1000, 9), v(2, 1000, 9)];
    assert_eq!(on([early(), vec![v(4, 2000, 2), v(4, 1000, 3), v(2, 1000, 0)]]), Some(1));
}

#[test]
fn ports_come_free_with_their_pods() {
    let ports = || vec![port("", "TCP", 80)];
    let holder = PodShape { host_ports: ports(), ..asking(100, 0) };
    let wanting = PodShape { host_ports: ports(), ..high(100) };
    let world = World::new(&wanting, &[node("a").with(|n| n.running = vec![holder])]);
    let bound = Bound { pod: PodId(0), shape: PodShapeId(1), started: 0, budgets: &[] };
    let candidate = Candidate { node: world.view(0), pods: vec![bound] };
    let found = dry_runs(&world.compat, POD, &[candidate], &Column::default());
    let found: Vec<_> = found.iter().map(|run| (run.node, &run.victims[..], run.violations)).collect();
    assert_eq!(found, [(NodeId(0), &[PodId(0)][..], 0)]);
}

#[test]
fn in_a_large_cluster_a_tenth_of_the_candidates_is_tried() {
    // Nodes 0-9 hold nothing of lower priority; the later a node, the lower the priority of its victim.
    let running = |i: i32| PodShape { priority: if i < 10 { 5000 } else { 999 - i }, ..asking(3000, 0) };
    let nodes: Vec<Node> = (0..400).map(|i| node("n").with(|n| n.running = vec![running(i)])).collect();
    let world = World::new(&high(2000), &nodes);
    let pods = |id: NodeId| {
        vec![Bound { pod: PodId(id.0), shape: world.rows[id.index()].running[0], started: 0, budgets: &[] }]
    };
    let allowed = Column::<BudgetId, u32>::default();
    let mut asked = 0;
    let mut from = |offset: Option<u32>| {
        let mut draw = |n| {
            asked = n;
            offset.unwrap_or(0)
        };
        let draw: Option<&mut dyn FnMut(u32) -> u32> = if offset.is_some() { Some(&mut draw) } else { None };
        search(&world.compat, POD, world.views(), pods, &allowed, draw).map(|found| found.node.0)
    };
    // All, 100 from the fourth on less the six without victims, 100 going round the end.
    let found = [from(None), from(Some(4)), from(Some(350))];
    assert_eq!(found, [Some(399), Some(109), Some(399)]);
    assert_eq!(asked, 400);
}
