//! The cluster autoscaler: when it adds and removes nodes, what stops it, and how its plans meet those of operations.
//!
//! Times follow from the rules of `process/autoscaler.rs`; scans are on the full ten seconds.

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::settings::{Cause, Expander};
use crate::spec::{Autoscaled, BudgetRule, Quantity, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, PoolId, Scenario, WorkloadId, simulate};

const POOL: PoolId = PoolId(0);
const WEB: WorkloadId = WorkloadId(0);

fn range(min: u32, max: u32) -> Option<Autoscaled> {
    Some(Autoscaled { min, max, priority: 0 })
}

/// A pool `p` with a range; scans are on the full ten seconds.
fn pool(count: u32, min: u32, max: u32) -> Example {
    Example::new().pool("p", count).with_pool(|p| p.autoscaler = range(min, max)).settings(|s| {
        s.autoscaler.phase = Some(Duration::ZERO);
        s.autoscaler.young = Duration::ZERO;
    })
}

/// Pods of 3,000m: one fills a node of 3,860m.
fn large(example: Example) -> Example {
    example.with_shape(|s| s.requests.cpu = 3000)
}

fn replicas(example: Example, at: u64, replicas: u32) -> Example {
    example.change(Duration::secs(at), Operation::SetReplicas { workload: WEB, replicas })
}

/// Lines of a story that speak of the autoscaler and its nodes.
fn of_autoscaler(scenario: &Scenario) -> Vec<String> {
    let told = ["autoscaler", "deleted", "stuck", "uncordoned", "refused"];
    story(scenario).lines().filter(|l| told.iter().any(|t| l.contains(t))).map(str::to_owned).collect()
}

/// Checks those lines.
#[track_caller]
fn check_autoscaler(example: Example, expected: &[&str]) {
    let scenario = example.build();
    assert_eq!(of_autoscaler(&scenario), expected, "\n{}", story(&scenario));
}

#[test]
fn a_pod_without_room_gets_a_node_at_the_next_scan() {
    check(
        &replicas(large(pool(1, 1, 3).deployment("web", 1)), 103, 2).build(),
        "103s start
         103s web 1->2
         103s end
         103s web unschedulable
         110s autoscaler adds 1 to p
         110s p-auto-0 requested
         260s p-auto-0 ready
         260s web to p-auto-0
         270s web ready",
    );
}

#[test]
fn a_node_that_is_not_needed_goes_after_ten_minutes() {
    check(
        &pool(2, 1, 3).deployment("web", 2).build(),
        "600s autoscaler removes p-0
         600s p-0 cordoned
         600s p-0 drains
         600s web evicted from p-0
         600s web to p-1
         605s p-0 drained
         610s web ready
         635s p-0 deleted",
    );
}

#[test]
fn empty_nodes_go_together_down_to_the_minimum_and_used_ones_one_by_one() {
    check_autoscaler(
        pool(3, 1, 3),
        &["600s autoscaler removes p-0", "600s autoscaler removes p-1", "630s p-0 deleted", "630s p-1 deleted"],
    );
    check_autoscaler(
        pool(13, 0, 13).horizon(Duration::secs(615)),
        &(0..10)
            .map(|n| format!("600s autoscaler removes p-{n}"))
            .collect::<Vec<_>>()
            .iter()
            .map(String::as_str)
            .collect::<Vec<_>>(),
    );
    // The second waits until the first has gone and ten seconds more.
    check_autoscaler(
        pool(3, 1, 3).deployment("web", 3),
        &["600s autoscaler removes p-0", "635s p-0 deleted", "650s autoscaler removes p-1", "685s p-1 deleted"],
    );
}

#[test]
fn the_range_bounds_what_is_added() {
    // Three more are wanted, one is allowed; pods of 1,500m share nodes.
    let adds = |max, cpu, wanted| {
        let example = pool(1, 1, max).deployment("web", 1).with_shape(|s| s.requests.cpu = cpu);
        // All are refused at the instant of the first scan.
        let example = example.settings(|s| s.scheduler.cycle = Duration::ZERO);
        of_autoscaler(&replicas(example, 0, wanted).horizon(Duration::mins(3)).build())
    };
    assert_eq!(adds(2, 3000, 4), ["0s autoscaler adds 1 to p"]);
    assert_eq!(adds(9, 3000, 4), ["0s autoscaler adds 3 to p"]);
    assert_eq!(adds(9, 1500, 7), ["0s autoscaler adds 3 to p"]);
    assert_eq!(adds(1, 3000, 4), [""; 0]);
    // Up to the minimum whatever the pods, never down because of the maximum.
    check_autoscaler(pool(1, 3, 4).horizon(Duration::mins(5)), &["0s autoscaler adds 2 to p"]);
    check_autoscaler(large(pool(2, 0, 1).deployment("web", 2)), &[]);
}

#[test]
fn pods_that_are_young_expendable_or_fit_no_node_are_no_reason_to_add_one() {
    let example = |edit: &dyn Fn(&mut crate::spec::PodShape)| {
        let small = large(pool(1, 1, 3).deployment("web", 1)).with_shape(|s| edit(s)).horizon(Duration::mins(2));
        replicas(small, 0, 2)
    };
    check_autoscaler(example(&|_| ()), &["0s autoscaler adds 1 to p"]);
    check_autoscaler(
        example(&|_| ()).settings(|s| s.autoscaler.new_pod_delay = Duration::secs(15)),
        &["20s autoscaler adds 1 to p"],
    );
    check_autoscaler(example(&|s| s.priority = -10), &["0s autoscaler adds 1 to p"]);
    check_autoscaler(example(&|s| s.priority = -11), &[]);
    check_autoscaler(example(&|s| drop(s.node_selector.insert("agentpool".into(), "q".into()))), &[]);
    // A node has room for the pod, but not beside the daemons it comes with.
    let daemon = |cpu| {
        let example = example(&|_| ()).workload("log", WorkloadKind::DaemonSet, vec![NodeId(0)]);
        example.with_shape(move |s| s.requests.cpu = cpu)
    };
    check_autoscaler(daemon(860), &["0s autoscaler adds 1 to p"]);
    check_autoscaler(daemon(861), &[]);
}

#[test]
fn failures_back_a_pool_off_longer_each_time() {
    let example = |refused, broken| {
        replicas(large(pool(1, 1, 3).deployment("web", 1)), 0, 2).settings(|s| {
            s.provisioning.allocation_failure = refused;
            s.provisioning.bootstrap_failure = broken;
        })
    };
    let adds = |example: Example| {
        let lines = of_autoscaler(&example.build());
        lines
            .into_iter()
            .filter(|l| l.contains("adds"))
            .map(|l| l.split('s').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    // Refused after 30 s: back-offs of 5, 10, 20 and 30 min.
    assert_eq!(adds(example(1.0, 0.0)), ["0", "330", "960", "2190", "4020", "5850"]);
    // Given up after 15 min.
    assert_eq!(adds(example(0.0, 1.0)), ["0", "1200", "2700", "4800"]);
    // No quota: refused at once.
    let full = replicas(large(pool(1, 1, 3).with_pool(|p| p.room = Some(0)).deployment("web", 1)), 0, 2);
    check_autoscaler(
        full.horizon(Duration::secs(400)),
        &[
            "0s autoscaler adds 1 to p",
            "0s autoscaler gives up p",
            "300s autoscaler adds 1 to p",
            "300s autoscaler gives up p",
        ],
    );
}

#[test]
fn while_one_pool_is_backed_off_another_helps() {
    let example = large(pool(1, 1, 3).with_pool(|p| p.room = Some(0)).deployment("web", 1))
        .pool("q", 0)
        .with_pool(|q| q.autoscaler = range(0, 3))
        .settings(|s| s.autoscaler.expander = Expander::Priority);
    let mut scenario = replicas(example, 0, 2).horizon(Duration::mins(4)).build();
    scenario.cluster.pools[POOL].autoscaler = Some(Autoscaled { min: 1, max: 3, priority: 50 });
    assert_eq!(
        of_autoscaler(&scenario),
        ["0s autoscaler adds 1 to p", "0s autoscaler gives up p", "10s autoscaler adds 1 to q"]
    );
}

#[test]
fn what_keeps_a_node() {
    let keeps = |example: Example| of_autoscaler(&example.build()).is_empty();
    let web = |replicas| pool(2, 1, 3).deployment("web", replicas);
    assert!(!keeps(web(2)));
    // Half of a node is too much; its pods fit nowhere else.
    assert!(keeps(web(2).with_shape(|s| s.requests.cpu = 1930)));
    assert!(!keeps(web(2).with_shape(|s| s.requests.cpu = 1929)));
    assert!(keeps(web(2).with_shape(|s| drop(s.node_selector.insert("agentpool".into(), "q".into())))));
    // Nobody would replace its pods.
    assert!(keeps(pool(2, 1, 3).workload("bare", WorkloadKind::Bare, vec![NodeId(0), NodeId(1)])));
    assert!(keeps(web(2).budget(BudgetRule::MinAvailable(Quantity::Count(2)))));
    assert!(!keeps(web(2).budget(BudgetRule::MinAvailable(Quantity::Count(1)))));
    // Pods of the system, unless a budget is enough for them.
    let system = || web(2).with(|w| w.namespace = "kube-system".into());
    let budgeted = || system().budget(BudgetRule::MinAvailable(Quantity::Count(1)));
    assert!(keeps(system()) && keeps(budgeted()));
    assert!(!keeps(system().settings(|s| s.autoscaler.skip_system_pods = false)));
    assert!(!keeps(budgeted().settings(|s| s.autoscaler.budgeted_system_pods_stay = false)));
    let daemons = |ignore| {
        let hosts = vec![NodeId(0), NodeId(1)];
        let example = pool(2, 1, 3).workload("log", WorkloadKind::DaemonSet, hosts);
        large(example).settings(|s| s.autoscaler.ignore_daemons = ignore)
    };
    assert!(keeps(daemons(false)) && !keeps(daemons(true)));
}

#[test]
fn nothing_goes_for_ten_minutes_after_nodes_were_added() {
    // p-1 is empty from the start, and stays until ten minutes after the request of 503 s.
    let example = large(pool(2, 1, 4).deployment("web", 1)).pool("q", 0).with_pool(|q| q.autoscaler = range(0, 1));
    let example = large(example.workload("batch", WorkloadKind::Job, Vec::new()))
        .with_shape(|s| drop(s.node_selector.insert("agentpool".into(), "q".into())))
        .change(Duration::secs(503), Operation::SetReplicas { workload: WorkloadId(1), replicas: 1 });
    check_autoscaler(example, &["510s autoscaler adds 1 to q", "1110s autoscaler removes p-1", "1140s p-1 deleted"]);
}

#[test]
fn a_removal_that_is_stuck_is_given_up_and_tried_again() {
    let slow = |w: &mut crate::spec::WorkloadSpec| {
        w.exit = crate::random::Dist::Constant(Duration::mins(30));
        w.grace = Duration::mins(30);
    };
    check_autoscaler(
        pool(2, 1, 3).deployment("web", 2).with(slow),
        &[
            "600s autoscaler removes p-0",
            "1200s p-0 stuck",
            "1200s p-0 uncordoned",
            "1800s autoscaler removes p-0",
            "2430s p-0 deleted",
        ],
    );
}

#[test]
fn a_lost_node_goes_after_twenty_minutes_and_a_broken_cluster_is_left_alone() {
    let lost = |nodes: u32, dead: u32| {
        let mut scenario = large(pool(nodes, 0, 9).deployment("web", nodes)).build();
        for node in 0..dead {
            scenario.cluster.nodes[NodeId(node)].ready = false;
            scenario.cluster.pods.iter_mut().filter(|p| p.node == Some(NodeId(node))).for_each(|p| p.ready = false);
        }
        scenario.cluster.pods.retain(|p| p.node.is_none_or(|n| n.0 >= dead));
        scenario.cluster.workloads[WEB].replicas = nodes - dead;
        scenario.settings.failures.down = crate::random::Dist::Constant(Duration::mins(600));
        of_autoscaler(&scenario)
    };
    assert_eq!(lost(2, 1), ["1200s autoscaler removes p-0", "1230s p-0 deleted"]);
    assert_eq!(lost(8, 3).len(), 6);
    // 4 of 8 are more than 45 %.
    assert_eq!(lost(8, 4), [""; 0]);
}

#[test]
fn nodes_of_a_running_operation_are_left_alone() {
    // Counted from the end of the upgrade at 595 s.
    check_autoscaler(
        pool(2, 1, 3).deployment("web", 2).upgrade(POOL, Quantity::Count(1)),
        &["595s p-new-2 deleted", "1200s autoscaler removes p-0", "1235s p-0 deleted"],
    );
    // An upgrade that starts while a node is being removed keeps it.
    let mut scenario = pool(2, 1, 3).deployment("web", 2).upgrade(POOL, Quantity::Count(1)).build();
    scenario.changes[0].at = crate::Time::ZERO + Duration::secs(602);
    assert_eq!(
        of_autoscaler(&scenario)[..3],
        ["600s autoscaler removes p-0", "602s p-0 uncordoned", "1192s p-new-2 deleted"]
    );
    let drained = pool(2, 1, 3)
        .deployment("web", 2)
        .change(Duration::secs(602), Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() });
    // Drained and left cordoned by the operation, it is empty: ten more minutes.
    check_autoscaler(
        drained,
        &["600s autoscaler removes p-0", "602s p-0 uncordoned", "1210s autoscaler removes p-0", "1240s p-0 deleted"],
    );
}

#[test]
fn an_upgrade_leaves_out_a_node_on_its_way() {
    let example = replicas(large(pool(1, 1, 3).deployment("web", 1)), 103, 2);
    let mut scenario = example.upgrade(POOL, Quantity::Count(1)).build();
    scenario.changes[1].at = crate::Time::ZERO + Duration::secs(120);
    let story = story(&scenario);
    assert!(story.contains("260s p-auto-0 ready") && !story.contains("p-auto-0 reimaged"), "{story}");
    assert!(simulate(&scenario, 1, 0).operations.iter().all(|o| o.failure.is_none() && o.ended.is_some()));
}

#[test]
fn a_deleted_pool_stays_deleted() {
    let drain = drain_settings();
    let gone =
        large(pool(1, 1, 3).deployment("web", 1)).change(Duration::ZERO, Operation::DeletePool { pool: POOL, drain });
    check_autoscaler(gone, &["35s p-0 deleted"]);
}

#[test]
fn it_can_be_switched_on_and_off_while_it_runs() {
    let set = |range| Operation::SetAutoscaler { pool: POOL, range, takes: Duration::secs(7) };
    let off = |example: Example| example.with_pool(|p| p.autoscaler = None);
    let on =
        off(replicas(large(pool(1, 1, 3).deployment("web", 1)), 0, 2)).change(Duration::secs(60), set(range(1, 2)));
    check_autoscaler(on.horizon(Duration::mins(3)), &["70s autoscaler adds 1 to p"]);
    check_autoscaler(
        pool(2, 1, 3).deployment("web", 2).change(Duration::secs(601), set(None)),
        &["600s autoscaler removes p-0", "601s p-0 uncordoned"],
    );
    check_autoscaler(
        pool(1, 1, 3).change(Duration::secs(60), set(range(2, 3))).horizon(Duration::mins(3)),
        &["70s autoscaler adds 1 to p"],
    );
}

#[test]
fn its_cause_switches_it_off_and_an_idle_cluster_costs_nothing() {
    check_autoscaler(pool(3, 1, 3).settings(|s| s.off.push(Cause::Autoscaler)), &[]);
    let idle = large(pool(3, 1, 3).deployment("web", 3)).horizon(Duration::mins(24 * 60)).build();
    assert_eq!(simulate(&idle, 1, 0).counts.events, 1);
    // Off, it changes no event of a run.
    let plain = crate::example::busy_upgrade();
    let mut off = plain.clone();
    off.cluster.pools[POOL].autoscaler = range(10, 80);
    off.settings.off.push(Cause::Autoscaler);
    assert_eq!(simulate(&plain, 3, 0), simulate(&off, 3, 0));
}

#[test]
fn a_burst_adds_nodes_and_its_end_takes_them_away() {
    let example = large(pool(2, 2, 6).deployment("web", 2)).with(|w| {
        w.follows_load = true;
        w.scaling = Some(crate::spec::Scaling::Utilisation { min: 2, max: 5, target_percent: 70.0 });
    });
    let mut scenario = example.horizon(Duration::mins(180)).build();
    let (target, hold, decay) = (Some(WEB), Duration::mins(20), crate::scenario::Decay::Exponential(Duration::mins(1)));
    let what = crate::scenario::Happening::Burst { target, factor: 3.0, ramp: Duration::ZERO, hold, decay };
    scenario.script.push(crate::scenario::Scripted { at: crate::Time::ZERO + Duration::mins(5), what });
    let counts = simulate(&scenario, 1, 0).counts;
    assert_eq!((counts.nodes_added, counts.nodes_removed), (3, 3));
}

/// kubernetes/autoscaler 1.33 `unschedulablePodTimeBuffer`: pods that are all younger than 2 s wait for the next scan.
#[test]
fn very_young_pods_are_no_reason_yet() {
    let adds = |at: u64| {
        let young = large(pool(1, 1, 3).deployment("web", 1)).settings(|s| s.autoscaler.young = Duration::secs(2));
        let lines = of_autoscaler(&replicas(young, at, 2).build());
        lines.into_iter().find(|l| l.contains("adds")).unwrap()
    };
    assert_eq!(adds(107), "110s autoscaler adds 1 to p");
    assert_eq!(adds(109), "120s autoscaler adds 1 to p");
    assert_eq!(adds(110), "120s autoscaler adds 1 to p");
}

/// kubernetes/autoscaler FAQ: what keeps a node, and what pods say themselves.
#[test]
fn local_storage_and_annotations_keep_nodes() {
    let keeps = |edit: fn(&mut crate::spec::Control), skip: bool| {
        let example = pool(2, 1, 3).deployment("web", 2).with(|w| edit(&mut w.control));
        of_autoscaler(&example.settings(|s| s.autoscaler.skip_local_storage = skip).build()).is_empty()
    };
    assert!(!keeps(|_| (), true));
    assert!(!keeps(|c| c.local_storage = true, false), "AKS: skip-nodes-with-local-storage is false");
    assert!(keeps(|c| c.local_storage = true, true));
    assert!(keeps(|c| c.safe_to_evict = Some(false), false));
    assert!(!keeps(|c| (c.local_storage, c.safe_to_evict) = (true, Some(true)), true), "safe-to-evict outranks");
}

/// balance-similar-node-groups: pools that differ in their zone only grow in turn.
#[test]
fn similar_pools_grow_evenly() {
    let adds = |balances: bool, other_size: bool| {
        let mut example = large(pool(1, 1, 9).zones(1).deployment("web", 1)).pool("q", 0).zones(1);
        example = example.with_pool(|q| q.autoscaler = range(0, 9)).settings(|s| {
            s.autoscaler.balances = balances;
            s.off.push(Cause::ExpanderChoice);
        });
        let mut scenario = replicas(example, 3, 6).horizon(Duration::secs(15)).build();
        if other_size {
            let shape = scenario.cluster.pools[PoolId(1)].templates[0];
            scenario.cluster.node_shapes[shape].allocatable.memory /= 2;
        }
        of_autoscaler(&scenario)
    };
    assert_eq!(adds(false, false), ["10s autoscaler adds 5 to q"]);
    assert_eq!(adds(true, false), ["10s autoscaler adds 2 to p", "10s autoscaler adds 3 to q"]);
    assert_eq!(adds(true, true), ["10s autoscaler adds 5 to q"], "unlike pools are left out");
}
