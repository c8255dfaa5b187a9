//! Owners of pods: rollouts in progress, the order of StatefulSets, Jobs and their back-off, daemons.

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::spec::{BudgetRule, Quantity, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, Scenario, WorkloadId};

/// Marks the first pods of the cluster as being of an older template, all others as new ones.
fn old(mut scenario: Scenario, pods: usize) -> Scenario {
    scenario.cluster.pods.iter_mut().take(pods).for_each(|pod| pod.old = true);
    scenario
}

fn drain(node: u32) -> Operation {
    Operation::Drain { nodes: vec![NodeId(node)], drain: drain_settings() }
}

fn scaled(replicas: u32) -> Operation {
    Operation::SetReplicas { workload: WorkloadId(0), replicas }
}

/// At each instant: how many pods were bound, became ready, and were given up (up falls).
fn pulse(scenario: &Scenario) -> String {
    let mut lines: Vec<(u64, u32, u32)> = Vec::new();
    for line in story(scenario).lines() {
        let at = line.split('s').next().unwrap().parse().unwrap();
        let (bound, ready) = (line.contains(" to p"), line.ends_with(" ready") && !line.contains("p-"));
        if !bound && !ready {
            continue;
        }
        if lines.last().is_none_or(|last| last.0 != at) {
            lines.push((at, 0, 0));
        }
        let last = lines.last_mut().unwrap();
        last.1 += u32::from(bound);
        last.2 += u32::from(ready);
    }
    let told = lines.iter().map(|(at, bound, ready)| format!("{at}s +{bound} ready {ready}"));
    told.collect::<Vec<_>>().join(", ")
}

#[test]
fn a_rollout_goes_on_within_surge_and_unavailable() {
    let rollout = |surge: Quantity, unavailable: Quantity| {
        let example = Example::new().pool("p", 2).deployment("web", 4).minimum(4);
        let example = example.with(|w| (w.control.surge, w.control.unavailable) = (surge, unavailable));
        old(example.settings(|s| s.scheduler.cycle = Duration::ZERO).horizon(Duration::mins(3)).build(), 4)
    };
    let pace = |surge, unavailable| {
        let scenario = rollout(surge, unavailable);
        let outcome = crate::simulate(&scenario, 1, 0);
        (pulse(&scenario), outcome.workloads[0].fewest)
    };
    let count = Quantity::Count;
    // 25 % of 4 are one more and one less; two new ones come at once, one old one goes for each that is ready.
    let (told, fewest) = pace(Quantity::Percent(25), Quantity::Percent(25));
    assert_eq!((told.as_str(), fewest), ("0s +2 ready 0, 10s +2 ready 2, 20s +0 ready 2", 3));
    // One after the other, never fewer than four.
    let (told, fewest) = pace(count(1), count(0));
    let told_of_one_by_one = "0s +1 ready 0, 10s +1 ready 1, 20s +1 ready 1, 30s +1 ready 1, 40s +0 ready 1";
    assert_eq!((told.as_str(), fewest), (told_of_one_by_one, 4));
    // Never more than four. Both zero counts as one unavailable.
    assert_eq!(pace(count(0), count(1)), (told_of_one_by_one.to_owned(), 3));
    assert_eq!(pace(count(0), Quantity::Percent(10)), pace(count(0), count(1)));
    assert_eq!(pace(count(4), count(4)), ("0s +4 ready 0, 10s +0 ready 4".to_owned(), 0));
}

#[test]
fn a_rollout_that_cannot_go_on_leaves_the_old_pods_alone() {
    let full = || {
        let example = Example::new().pool("p", 2).deployment("web", 4).minimum(4).with_shape(|s| s.requests.cpu = 1900);
        let example =
            example.with(|w| (w.control.surge, w.control.unavailable) = (Quantity::Count(1), Quantity::Count(0)));
        example.horizon(Duration::mins(5))
    };
    check(&old(full().build(), 4), "0s web unschedulable");
    // With one replica less an old one goes, and makes room for a new one, and so on.
    assert_eq!(
        pulse(&old(full().change(Duration::mins(1), scaled(3)).build(), 4)),
        "65s +1 ready 0, 75s +0 ready 1, 80s +1 ready 0, 90s +0 ready 1, 95s +1 ready 0, 105s +0 ready 1"
    );
}

#[test]
fn budgets_count_old_and_new_pods_alike() {
    let example = Example::new().pool("p", 2).deployment("web", 2).budget(BudgetRule::MinAvailable(Quantity::Count(2)));
    let example = example.with(|w| (w.control.surge, w.control.unavailable) = (Quantity::Count(1), Quantity::Count(0)));
    let scenario = old(example.change(Duration::ZERO, drain(0)).horizon(Duration::mins(2)).build(), 2);
    // While the rollout has a third pod ready, one may be evicted.
    let told = story(&scenario);
    assert!(told.contains("0s web refused") && told.contains("p-0 drained"), "{told}");
}

#[test]
fn ordered_pods_come_one_after_the_other_and_go_from_the_highest() {
    let set = |ordered: bool| {
        Example::new()
            .pool("p", 1)
            .workload("db", WorkloadKind::StatefulSet, vec![NodeId(0)])
            .with(|w| w.control.ordered = ordered)
            .change(Duration::secs(1), scaled(3))
            .change(Duration::secs(60), scaled(1))
            .horizon(Duration::mins(2))
            .settings(|s| s.scheduler.cycle = Duration::ZERO)
            .build()
    };
    check(
        &set(true),
        "1s start
         1s db 1->3
         1s end
         1s db to p-0
         11s db ready
         11s db to p-0
         21s db ready
         60s start
         60s db 3->1
         60s end",
    );
    check(
        &set(false),
        "1s start
         1s db 1->3
         1s end
         1s db to p-0
         1s db to p-0
         11s db ready
         11s db ready
         60s start
         60s db 3->1
         60s end",
    );
    // Going down takes one exit after the other, five seconds each: so long a large pod waits for the room.
    let room = |ordered: bool| {
        let mut scenario = Example::new()
            .pool("p", 1)
            .workload("db", WorkloadKind::StatefulSet, vec![NodeId(0); 3])
            .with(|w| w.control.ordered = ordered)
            .workload("web", WorkloadKind::Deployment, vec![])
            .with_shape(|s| s.requests.cpu = 3700)
            .change(Duration::secs(60), scaled(1))
            .build();
        let web = Operation::SetReplicas { workload: WorkloadId(1), replicas: 1 };
        scenario.changes.push(crate::change::Planned::new(crate::Time::ZERO + Duration::secs(60), web));
        story(&scenario).lines().find(|l| l.contains("web to")).map(str::to_owned)
    };
    assert_eq!((room(true), room(false)), (Some("70s web to p-0".to_owned()), Some("65s web to p-0".to_owned())));
}

#[test]
fn an_ordered_pod_waits_for_those_before_it() {
    // The drain takes db-0 and db-1 off node 0 together; db-1 comes back only when db-0 is ready.
    let example = Example::new()
        .pool("p", 2)
        .workload("db", WorkloadKind::StatefulSet, vec![NodeId(0), NodeId(0), NodeId(1)])
        .settings(|s| s.scheduler.cycle = Duration::ZERO)
        .change(Duration::ZERO, drain(0));
    check(
        &example.build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s db evicted from p-0
         0s db evicted from p-0
         5s p-0 drained
         5s end
         5s db to p-1
         15s db ready
         15s db to p-1
         25s db ready",
    );
}

#[test]
fn a_rolling_update_of_a_stateful_set_goes_from_the_highest_down() {
    let example = Example::new().pool("p", 1).workload("db", WorkloadKind::StatefulSet, vec![NodeId(0); 3]).minimum(3);
    assert_eq!(
        pulse(&old(example.horizon(Duration::mins(3)).build(), 3)),
        "5s +1 ready 0, 15s +0 ready 1, 20s +1 ready 0, 30s +0 ready 1, 35s +1 ready 0, 45s +0 ready 1"
    );
}

#[test]
fn daemons_are_replaced_some_at_a_time() {
    let hosts: Vec<NodeId> = (0..4).map(NodeId).collect();
    let rollout = |unavailable| {
        let example = Example::new().pool("p", 4).workload("agent", WorkloadKind::DaemonSet, hosts.clone());
        let example = example.with(|w| w.control.unavailable = unavailable);
        let example = example.settings(|s| s.scheduler.cycle = Duration::ZERO);
        pulse(&old(example.horizon(Duration::mins(2)).build(), 4))
    };
    assert_eq!(rollout(Quantity::Percent(50)), "5s +2 ready 0, 15s +0 ready 2, 20s +2 ready 0, 30s +0 ready 2");
    assert_eq!(rollout(Quantity::Count(9)), "5s +4 ready 0, 15s +0 ready 4");
}

#[test]
fn a_job_replaces_lost_pods_after_a_growing_back_off_and_gives_up() {
    let job = |forgives: bool, retries: u32| {
        let mut example = Example::new()
            .pool("p", 2)
            .workload("batch", WorkloadKind::Job, vec![NodeId(0)])
            .with(|w| (w.control.job.forgives_disruption, w.control.job.retries) = (forgives, retries));
        for (at, node) in [(0, 0), (40, 1), (100, 0)] {
            let other = Operation::Uncordon { nodes: vec![NodeId(1 - node)] };
            example = example.change(Duration::secs(at), other).change(Duration::secs(at), drain(node));
        }
        let told = story(&example.horizon(Duration::mins(10)).build());
        let lines = told.lines().filter(|l| l.contains("batch to") || l.contains("->"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(job(false, 6), ["10s batch to p-1", "60s batch to p-0", "140s batch to p-1"]);
    assert_eq!(job(false, 1), ["10s batch to p-1", "40s batch 1->0"]);
    assert_eq!(job(true, 0), ["0s batch to p-1", "40s batch to p-0", "100s batch to p-1"]);
}

#[test]
fn a_job_ends_when_enough_pods_have_succeeded() {
    let job = |completions| {
        let example = Example::new()
            .pool("p", 2)
            .workload("batch", WorkloadKind::Job, vec![])
            .with(|w| {
                w.control.job.runs = Some(Dist::Constant(Duration::secs(30)));
                w.control.job.completions = completions;
            })
            .change(Duration::ZERO, scaled(2))
            .settings(|s| s.scheduler.cycle = Duration::ZERO)
            .horizon(Duration::mins(10));
        let told = story(&example.build());
        let lines = told.lines().filter(|l| l.contains("batch to") || l.contains("->"));
        lines.map(|l| l.replace(" to p-0", " placed").replace(" to p-1", " placed")).collect::<Vec<_>>()
    };
    let told = ["0s batch 0->2", "0s batch placed", "0s batch placed", "40s batch 2->1", "40s batch 1->0"];
    assert_eq!(job(Some(2)), told);
    // Three of which two at a time: the third comes when one of the first has succeeded.
    let told =
        ["0s batch 0->2", "0s batch placed", "0s batch placed", "40s batch 2->1", "40s batch placed", "80s batch 1->0"];
    assert_eq!(job(Some(3)), told);
    assert_eq!(job(None), ["0s batch 0->2", "0s batch placed", "0s batch placed", "40s batch 2->1", "40s batch 1->0"]);
}

#[test]
fn daemons_stay_on_cordoned_nodes_and_come_to_them() {
    // The drain leaves the daemon; one that is lost with its node's reimage comes back though the node is cordoned.
    let example = Example::new()
        .pool("p", 1)
        .workload("agent", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .with_shape(|s| {
            s.tolerations.push(crate::spec::Toleration { key: None, value: None, effect: None, seconds: None });
        })
        .change(Duration::ZERO, Operation::Cordon { nodes: vec![NodeId(0)] });
    let mut scenario = old(example.horizon(Duration::mins(1)).build(), 1);
    scenario.cluster.workloads.rows_mut()[0].control.unavailable = Quantity::Count(1);
    check(&scenario, "0s start\n0s p-0 cordoned\n0s end\n5s agent to p-0\n15s agent ready");
}
