//! Nodes as they fail, are noticed, are taken back and return.

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::scenario::Happening;
use crate::settings::Spot;
use crate::spec::{BudgetRule, Quantity, SpotPolicy, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, Runs, ZoneId, replicate};

/// NotReady exactly after the grace period.
fn punctual(example: Example) -> Example {
    example.settings(|s| {
        s.detection.heartbeat = Duration::ZERO;
        s.detection.monitor = Duration::ZERO;
    })
}

fn dies(example: Example, at: u64, nodes: impl IntoIterator<Item = u32>, down: u64) -> Example {
    let what = |node| Happening::NodeFailure { node: NodeId(node), down: Duration::secs(down) };
    nodes.into_iter().fold(punctual(example), |e, node| e.happens(Duration::secs(at), what(node)))
}

/// A pool in one zone.
fn one_zone(nodes: u32) -> Example {
    Example::new().pool("p", nodes).zones(1)
}

/// Lines of a story that contain one of these words.
fn lines(example: Example, words: &[&str]) -> Vec<String> {
    let story = story(&example.build());
    story.lines().filter(|l| words.iter().any(|w| l.contains(w))).map(str::to_owned).collect()
}

/// Seconds at which a pod found a new node: where it went is chance.
fn moves(example: Example) -> Vec<u64> {
    lines(example, &[" to p-"]).iter().map(|l| l.split('s').next().unwrap().parse().unwrap()).collect()
}

#[test]
fn lost_nodes_of_a_zone_are_tainted_one_every_ten_seconds() {
    // node-eviction-rate 0.1 (Kubernetes v1.34): NotReady at 50 s, tolerations end 300 s after each taint.
    let example = || dies(one_zone(5).deployment("web", 2), 0, [0, 1], 7000);
    assert_eq!(moves(example()), [350, 360]);
    assert_eq!(moves(example().settings(|s| s.detection.evictions_per_second = f64::INFINITY)), [350, 350]);
}

#[test]
fn a_small_zone_that_is_mostly_lost_evicts_nothing() {
    // 3 of 5 are 60 %: unhealthy, and 5 nodes are no large zone. The first was tainted before that was known.
    let pods = vec![NodeId(0), NodeId(1), NodeId(2)];
    let example = |nodes| one_zone(nodes).workload("web", WorkloadKind::Deployment, pods.clone());
    assert_eq!(moves(dies(example(5), 0, [0, 1, 2], 7100)), [350]);
    // 3 of 6 are 50 %: below the threshold of 55 %.
    assert_eq!(moves(dies(example(6), 0, [0, 1, 2], 7100)), [350, 360, 370]);
    // Two lost nodes never make a zone unhealthy.
    assert_eq!(moves(dies(example(3), 0, [0, 1], 7100)), [350, 360]);
}

#[test]
fn a_large_zone_that_is_mostly_lost_evicts_at_the_secondary_rate() {
    // 40 of 60: one taint at once, then one every 100 s; 2 h less 350 s hold 68 of them, more than there are.
    let all = (0..40).map(NodeId).collect();
    let example = dies(one_zone(60).workload("web", WorkloadKind::Deployment, all), 0, 0..40, 7200);
    let moved = moves(example);
    // The first was tainted before the zone was known to be unhealthy, and used up the token.
    assert_eq!((moved.len(), &moved[..3]), (40, &[350, 450, 550][..]));
}

#[test]
fn a_zone_that_is_lost_whole_is_evicted_at_the_normal_rate() {
    // Zones 1 2 3 1 2 3: nodes 0 and 3 are all of zone 1.
    let pods = vec![NodeId(0), NodeId(3)];
    let example = punctual(Example::new().pool("p", 6).workload("web", WorkloadKind::Deployment, pods))
        .happens(Duration::ZERO, Happening::ZoneFailure { pool: None, zone: ZoneId(0), down: Duration::secs(7000) });
    assert_eq!(moves(example), [350, 360]);
}

#[test]
fn when_every_node_is_lost_nothing_is_evicted_until_one_is_back() {
    // p-0 is lost at 0 s and tainted at 50 s; p-1 is lost at 100 s: the taint is taken back. p-1 is back at 1000 s, p-0
    // gets its taint ten seconds later (the limiter had no token) and is tolerated for 300 s more.
    let example = || one_zone(2).workload("web", WorkloadKind::Deployment, vec![NodeId(0)]).minimum(1);
    let first = dies(example(), 0, [0], 7100);
    let example = dies(first, 100, [1], 900);
    check(
        &example.horizon(Duration::mins(30)).build(),
        "0s p-0 dies
         0s web out
         50s p-0 NotReady
         100s p-1 dies
         150s p-1 NotReady
         1000s p-1 ready
         1310s web to p-1
         1320s web ready
         1320s web back",
    );
}

#[test]
fn crews_repair_one_after_the_other() {
    let example = one_zone(3).deployment("web", 3).settings(|s| {
        s.failures.per_hour = 1000.0;
        s.failures.down = Dist::Constant(Duration::mins(10));
        s.failures.crews = Some(1);
    });
    let ready: Vec<u64> = lines(example.horizon(Duration::mins(45)), &["ready"])
        .iter()
        .filter(|l| l.contains("p-"))
        .map(|l| l.split('s').next().unwrap().parse().unwrap())
        .collect();
    // All fail within seconds, at 1000 an hour; the one crew needs ten minutes each.
    assert!(ready.len() == 4 && ready.windows(2).all(|w| w[1] - w[0] == 600), "{ready:?}");
}

fn spot(policy: SpotPolicy, hourly: f64) -> Example {
    one_zone(2).with_pool(|p| p.spot = Some(policy)).settings(|s| {
        s.spot = Spot { hourly, correlation: 0.0, ..Spot::default() };
    })
}

#[test]
fn a_spot_node_is_drained_for_thirty_seconds_and_then_gone() {
    let example = spot(SpotPolicy::Delete, 0.0)
        .deployment("web", 1)
        .happens(Duration::secs(100), Happening::SpotEviction { node: NodeId(0) });
    check(
        &example.build(),
        "100s p-0 cordoned
         100s p-0 drains
         100s web evicted from p-0
         100s web to p-1
         105s p-0 drained
         110s web ready
         130s p-0 reclaimed
         130s p-0 deleted",
    );
}

#[test]
fn a_budget_holds_a_pod_on_a_spot_node_until_it_is_gone() {
    let example = spot(SpotPolicy::Delete, 0.0)
        .deployment("web", 1)
        .minimum(1)
        .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
        .happens(Duration::secs(100), Happening::SpotEviction { node: NodeId(0) });
    check(
        &example.build(),
        "100s p-0 cordoned
         100s p-0 drains
         100s web refused
         130s p-0 reclaimed
         130s p-0 deleted
         130s web lost
         130s web out
         130s web to p-1
         140s web ready
         140s web back",
    );
}

#[test]
fn a_deallocated_spot_node_stays_registered() {
    let example = punctual(spot(SpotPolicy::Deallocate, 0.0)).settings(|s| s.spot.drain = false);
    check(
        &example.happens(Duration::secs(100), Happening::SpotEviction { node: NodeId(0) }).build(),
        "130s p-0 reclaimed
         130s p-0 dies
         180s p-0 NotReady",
    );
}

#[test]
fn a_spot_node_in_an_operation_goes_when_that_is_done() {
    let grow = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    let example = spot(SpotPolicy::Delete, 0.0)
        .workload("web", WorkloadKind::Deployment, vec![NodeId(0)])
        .with(|w| {
            w.grace = Duration::secs(100);
            w.exit = Dist::Constant(Duration::secs(100));
        })
        .change(Duration::ZERO, grow)
        .happens(Duration::secs(10), Happening::SpotEviction { node: NodeId(0) });
    assert_eq!(
        lines(example, &["drained", "end", "reclaimed"]),
        ["100s p-0 drained", "100s end", "130s p-0 reclaimed"]
    );
}

#[test]
fn spot_pools_of_one_size_share_the_pressure() {
    // Two pools of one node each; fully correlated, both go or none does.
    let scenario = |same: bool| {
        let size =
            |name: &str| std::collections::BTreeMap::from([("node.kubernetes.io/instance-type".into(), name.into())]);
        let mut scenario = Example::new()
            .pool("a", 1)
            .with_pool(|p| p.spot = Some(SpotPolicy::Delete))
            .pool("b", 1)
            .with_pool(|p| p.spot = Some(SpotPolicy::Delete))
            .settings(|s| s.spot = Spot { hourly: 0.5, correlation: 1.0, ..Spot::default() })
            .horizon(Duration::mins(59))
            .build();
        for (i, shape) in scenario.cluster.node_shapes.rows_mut().iter_mut().enumerate() {
            shape.labels = size(if same || i < 3 { "D4" } else { "E4" });
        }
        scenario
    };
    let both = |same| {
        let evicted = replicate(&scenario(same), Runs { seed: 5, first: 0, trials: 400, threads: 1 }, &|o| {
            o.counts.spot_evictions
        });
        [0, 1, 2].map(|n| evicted.iter().filter(|e| **e == n).count())
    };
    let [none, one, two] = both(true);
    assert!(one == 0 && none > 150 && two > 150, "{none} {one} {two}");
    assert!(both(false)[1] > 150);
}
