//! Nodes as they fail, are noticed, are taken back and return.

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::scenario::Happening;
use crate::settings::{Repair, Spot};
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

/// Auto-repair with fixed times: reboot 4 min, reimage 7 min, redeploy 9 min.
fn repaired(success: [f64; 3]) -> Example {
    let minutes = [4, 7, 9].map(|m| Dist::Constant(Duration::mins(m)));
    let [a, b, c] = minutes;
    punctual(one_zone(2)).settings(|s| {
        s.failures.repair = Some(Repair::aks([(a, success[0]), (b, success[1]), (c, success[2])]));
    })
}

fn broken(success: [f64; 3]) -> Example {
    repaired(success).happens(Duration::ZERO, Happening::NodeFault { node: NodeId(0) })
}

#[test]
fn a_fault_ends_with_the_step_of_repair_that_helps() {
    // AKS docs node-auto-repair: NotReady at 50 s, first step five minutes later, then one after the other.
    let told = |success| lines(broken(success), &["p-0"]);
    assert_eq!(told([1.0; 3]), ["0s p-0 dies", "50s p-0 NotReady", "350s p-0 Reboot begins", "590s p-0 ready"]);
    assert_eq!(told([0.0, 1.0, 1.0])[2..], ["350s p-0 Reboot begins", "590s p-0 Reimage begins", "1010s p-0 ready",]);
    // Three rounds are all that is tried.
    let hopeless = told([0.0; 3]);
    assert_eq!(hopeless.len(), 2 + 9, "{hopeless:?}");
    assert_eq!(hopeless.last().unwrap(), "3410s p-0 Redeploy begins");
}

#[test]
fn a_reboot_keeps_images_and_a_reimage_does_not() {
    let back = |success| {
        let example = broken(success)
            .workload("web", WorkloadKind::Deployment, vec![NodeId(0)])
            .with(|w| {
                w.unreachable = None;
                w.pull = Dist::Constant(Duration::secs(60));
            })
            .minimum(1);
        lines(example, &["web to", "web ready"])
    };
    assert_eq!(back([1.0; 3]), ["600s web ready"]);
    // Its pod is lost with the disk; the fresh node has no images, and neither has the other.
    let reimaged = back([0.0, 1.0, 1.0]);
    assert!(reimaged.len() == 2 && reimaged[1] == "1080s web ready", "{reimaged:?}");
}

#[test]
fn a_node_that_has_run_a_pod_before_pulls_nothing() {
    let example = |kept| {
        one_zone(2)
            .workload("web", WorkloadKind::Deployment, vec![NodeId(0)])
            .with(|w| w.pull = Dist::Constant(Duration::secs(60)))
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .change(Duration::secs(100), Operation::Uncordon { nodes: vec![NodeId(0)] })
            .change(Duration::secs(200), Operation::Drain { nodes: vec![NodeId(1)], drain: drain_settings() })
            .settings(|s| s.images_kept = kept)
    };
    assert_eq!(lines(example(true), &["web ready"]), ["70s web ready", "210s web ready"]);
    assert_eq!(lines(example(false), &["web ready"]), ["70s web ready", "270s web ready"]);
}

#[test]
fn repair_leaves_nodes_of_an_operation_alone_and_cannot_mend_a_zone() {
    // Its own drain holds the node for 30 minutes: nobody confirms that the pod on it has gone.
    let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    let held = broken([1.0; 3]).deployment("web", 1).change(Duration::secs(1), drain);
    assert_eq!(lines(held, &["Reboot", "stuck"]), ["1801s p-0 stuck", "1850s p-0 Reboot begins"]);
    let zone = Happening::ZoneFailure { pool: None, zone: ZoneId(0), down: Duration::secs(1000) };
    let lost = repaired([1.0; 3]).happens(Duration::ZERO, zone);
    assert_eq!(
        lines(lost, &["p-0 Re", "p-0 ready"]),
        ["350s p-0 Reboot begins", "590s p-0 Reimage begins", "1000s p-0 ready",]
    );
}

#[test]
fn a_grey_node_keeps_its_pods_and_attracts_more() {
    // The pod that moves there starts when the node is of use again; budgets and services see nothing.
    let grey = Happening::GreyNode { node: NodeId(1), lasts: Duration::secs(300) };
    let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    check(
        &one_zone(2)
            .deployment("web", 2)
            .minimum(1)
            .happens(Duration::secs(10), grey)
            .change(Duration::secs(60), drain)
            .build(),
        "10s p-1 grey
         60s start
         60s p-0 cordoned
         60s p-0 drains
         60s web evicted from p-0
         60s web out
         60s web to p-1
         65s p-0 drained
         65s end
         310s p-1 of use again
         310s web back
         320s web ready",
    );
}

#[test]
fn traffic_to_a_grey_node_is_lost() {
    let example = one_zone(2).deployment("dns", 2).minimum(1).with(|w| {
        w.service = Some(crate::spec::Service::plain(1000.0, 5000.0, 1e-6));
    });
    let grey = Happening::GreyNode { node: NodeId(1), lasts: Duration::secs(300) };
    let facts = crate::simulate(&example.happens(Duration::secs(10), grey).build(), 1, 0).workloads.remove(0);
    assert!((facts.lost - 500.0 * 300.0).abs() < 1e-6, "{facts:?}");
}

/// Nodes of `example` that die within `minutes`, over trials.
fn deaths(example: Example, minutes: u64) -> Vec<f64> {
    let scenario = example.horizon(Duration::mins(minutes)).build();
    let runs = Runs { seed: 3, first: 0, trials: 4000, threads: 0 };
    replicate(&scenario, runs, &|o| f64::from(o.counts.node_failures))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn a_fault_domain_goes_together() {
    // Ten nodes of one zone in five domains: two each; 0.1 incidents a domain within the hour.
    let example = one_zone(10).settings(|s| {
        s.failures.domain_per_hour = 0.1;
        s.failures.domain_down = Dist::Constant(Duration::mins(600));
    });
    let dead = deaths(example, 60);
    assert!(dead.iter().all(|d| d % 2.0 == 0.0));
    // 10 (1 - e^-0.1) = 0.952; the standard error of 4000 trials is 0.021.
    assert!((mean(&dead) - 10.0 * -libm::expm1(-0.1)).abs() < 0.085, "{}", mean(&dead));
}

#[test]
fn a_zone_incident_takes_a_share_of_its_nodes() {
    let example = |share| {
        one_zone(10).settings(|s| {
            s.failures.zone_per_hour = 0.2;
            s.failures.zone_down = Dist::Constant(Duration::mins(6000));
            s.failures.zone_share = share;
        })
    };
    let some = -libm::expm1(-0.2);
    assert!((mean(&deaths(example(None), 60)) - 10.0 * some).abs() < 0.25);
    // Mean of beta(1.2, 1): 1.2 / 2.2. A second incident of the hour takes some of the rest: a little above.
    let shared = mean(&deaths(example(Some(1.2)), 60));
    assert!((shared - 10.0 * some * 1.2 / 2.2).abs() < 0.25, "{shared}");
}

#[test]
fn some_failures_come_in_company_and_a_fleet_fault_takes_its_share() {
    let company = |share| {
        mean(&deaths(
            one_zone(20).settings(|s| {
                s.failures.per_hour = 0.005;
                s.failures.down = Dist::Constant(Duration::mins(600));
                s.failures.company = share;
            }),
            60,
        ))
    };
    // 0.1 failures an hour; with company always, one more and one beyond it on average: thrice as many.
    let (alone, together) = (company(0.0), company(1.0));
    assert!((alone - 0.1).abs() < 0.02 && (together / alone - 3.0).abs() < 0.5, "{alone} {together}");
    let fleet = deaths(
        one_zone(20).settings(|s| {
            s.failures.fleet_per_hour = 0.5;
            s.failures.fleet_share = (0.5, 0.5);
            s.failures.fleet_within = Duration::ZERO;
            s.failures.fleet_down = Dist::Constant(Duration::mins(600));
        }),
        60,
    );
    let hit: Vec<f64> = fleet.into_iter().filter(|d| *d > 0.0).collect();
    assert!((mean(&hit) - 11.0).abs() < 1.5, "{}", mean(&hit));
}

#[test]
fn reboots_are_short_and_end_by_themselves() {
    let example = one_zone(1).settings(|s| {
        s.failures.reboots_per_hour = 2.0;
        s.failures.reboot = Dist::Constant(Duration::secs(30));
    });
    let told = lines(example, &["p-0"]);
    assert!(told.len() >= 2 && told.chunks(2).all(|c| c[0].ends_with("dies")), "{told:?}");
    let at = |l: &str| l.split('s').next().unwrap().parse::<u64>().unwrap();
    assert!(told.chunks_exact(2).all(|c| at(&c[1]) - at(&c[0]) <= 31), "{told:?}");
}

#[test]
fn a_node_that_is_back_may_be_reimaged_at_once() {
    // The pod that was leaving when the node died is gone when it is back: that ends the drain, and with it the node's
    // daemon before its turn.
    let how = crate::change::UpgradeSettings::one_by_one(drain_settings());
    let example = one_zone(1)
        .workload("web", WorkloadKind::Bare, vec![NodeId(0)])
        .workload("daemon", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .change(Duration::ZERO, Operation::Upgrade { pool: crate::PoolId(0), how });
    check(
        &dies(example, 2, [0], 20).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         2s p-0 dies
         22s p-0 ready
         22s p-0 drained
         22s p-0 reimaged
         22s daemon lost
         222s p-0 ready
         222s end
         222s daemon to p-0
         232s daemon ready",
    );
}

#[test]
fn a_repair_that_wipes_a_node_may_end_a_drain() {
    // The upgrade begins while the node is being reimaged by auto-repair; its pod goes with the disk, and the upgrade
    // reimages the node anew before the repair has taken the daemon.
    let how = crate::change::UpgradeSettings::one_by_one(drain_settings());
    let example = broken([0.0, 1.0, 1.0])
        .workload("web", WorkloadKind::Bare, vec![NodeId(0)])
        .with(|w| w.unreachable = None)
        .workload("daemon", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .with(|w| w.unreachable = None)
        .change(Duration::secs(600), Operation::Upgrade { pool: crate::PoolId(0), how });
    assert_eq!(
        lines(example, &["p-0"])[3..],
        [
            "590s p-0 Reimage begins",
            "600s p-0 cordoned",
            "600s p-0 drains",
            "600s web evicted from p-0",
            "1010s p-0 drained",
            "1010s p-0 reimaged",
            "1210s p-0 ready",
            "1210s daemon to p-0",
        ]
    );
}
