//! What each score plugin gives, and which node wins.

use super::*;

/// Weighted scores: TaintToleration, NodeAffinity, NodeResourcesFit, NodeResourcesBalancedAllocation.
type Four = (i64, Option<i64>, i64, Option<i64>);

fn check(pod: PodShape, nodes: &[Node], want: &[Four]) {
    let world = World::new(&pod, nodes);
    let scores = explain(&world.compat, POD, world.views()).scores;
    let have: Vec<Four> = scores
        .iter()
        .map(|(_, s)| (s.taint_toleration, s.node_affinity, s.node_resources_fit, s.balanced_allocation))
        .collect();
    assert_eq!(have, want);
}

#[test]
fn resources() {
    const GIB: i64 = 1 << 30;
    let running = |cpu, memory| node("a").with(|n| n.running = vec![asking(cpu, memory)]);
    // 50 % of CPU, 25 % of memory: (50 + 75) / 2 = 62; 100 - 25 / 2 = 87.5.
    check(asking(1000, 2 * GIB), &[running(1000, 2 * GIB)], &[(300, None, 62, Some(87))]);
    check(asking(2000, 8 * GIB), &[node("a")], &[(300, None, 50, Some(100))]);
    // 1/3 of CPU free is 33, not 33.3; (33 + 100) / 2 = 66.
    let three = node("a").with(|n| n.shape.allocatable.cpu = 3000);
    check(asking(2000, 0), &[three], &[(300, None, 66, Some(66))]);
}

#[test]
fn pods_that_request_nothing() {
    let idle = PodShape { score_requests: (100, 200 << 20), ..asking(0, 0) };
    // 97.5 and 98.7 % stay free, cut one by one: (97 + 98) / 2 = 97.
    check(idle, &[node("a")], &[(300, None, 97, None)]);
}

#[test]
fn overcommitted_node() {
    // More requested than there is: nothing free, share cut at the whole.
    let over = node("a").with(|n| n.running = vec![asking(6000, 0)]);
    check(asking(0, 8 << 30), &[over], &[(300, None, 25, Some(75))]);
}

#[test]
fn untolerated_preferences() {
    let nodes = [
        node("a"),
        node("b").taint("x:PreferNoSchedule"),
        node("c").taint("x:PreferNoSchedule").taint("y:PreferNoSchedule").taint("z:PreferNoSchedule"),
    ];
    // Of at most 3: 100, 100 - 33, 0; times 3.
    check(asking(0, 0), &nodes, &[(300, None, 100, None), (201, None, 100, None), (0, None, 100, None)]);
    let tolerant =
        PodShape { requests: asking(0, 0).requests, score_requests: (0, 0), ..tolerating(Some("x"), None, None) };
    check(tolerant, &nodes, &[(300, None, 100, None), (300, None, 100, None), (0, None, 100, None)]);
}

#[test]
fn preferred_affinity() {
    let preferring = PodShape {
        preferred: vec![
            (7, on_label("disk", Operator::In, &["ssd"])),
            (3, on_label("kubernetes.io/hostname", Operator::In, &["b", "c"])),
        ],
        ..asking(0, 0)
    };
    let nodes = [node("a").label("disk", "ssd"), node("b"), node("c").label("disk", "ssd"), node("d")];
    let want = [140, 60, 200, 0].map(|affinity| (300, Some(affinity), 100, None));
    check(preferring.clone(), &nodes, &want);
    check(preferring, &[node("d")], &[(300, Some(0), 100, None)]);
}

#[test]
fn normalised_over_feasible_nodes_only() {
    let worst = node("c").taint("x:PreferNoSchedule").taint("y:PreferNoSchedule").taint("no:NoSchedule");
    let nodes = [node("a"), node("b").taint("x:PreferNoSchedule"), worst];
    check(asking(0, 0), &nodes, &[(300, None, 100, None), (0, None, 100, None)]);
}

#[test]
fn the_best_wins_and_ties_are_drawn() {
    let busy = || node("busy").with(|n| n.running = vec![asking(2000, 8 << 30)]);
    let world = World::new(&pod(), &[busy(), node("a"), busy(), node("b")]);
    let mut scratch = Scratch::default();
    let mut choose = |k| {
        let mut of = 0;
        let chosen = decide(&world.compat, POD, world.views(), &mut scratch, |n| {
            of = n;
            k
        });
        (chosen, of)
    };
    assert_eq!(choose(0), (Some(NodeId(1)), 2));
    assert_eq!(choose(1), (Some(NodeId(3)), 2));
}

#[test]
fn one_feasible_node_needs_no_draw() {
    let world = World::new(&pod(), &[node("a").taint("x"), node("b")]);
    let mut scratch = Scratch::default();
    assert_eq!(decide(&world.compat, POD, world.views(), &mut scratch, |_| panic!("no tie")), Some(NodeId(1)));
    assert_eq!(scratch.rejected().len(), 1);
}
