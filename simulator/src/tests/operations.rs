//! Planned operations: their normal course and their failure ends.

mod admission;
mod blue_green;
mod drain;
mod supply;

use super::check;
use crate::change::{Operation, Pace, Replacement, Undrainable, UpgradeSettings};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::spec::{BudgetRule, Effect, Quantity, Taint, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, NodeShapeId, PoolId, simulate};

const POOL: PoolId = PoolId(0);

fn upgrade(surge: u32) -> UpgradeSettings {
    UpgradeSettings {
        max_surge: Quantity::Count(surge),
        max_unavailable: Quantity::Count(1),
        soak: Duration::ZERO,
        drain: drain_settings(),
        max_blocked: Quantity::Count(surge),
        replacement: Replacement::Reimage,
        pace: Pace::Batches,
        surge_fallback: false,
        draws_as: None,
        begun: None,
        shapes: Vec::new(),
    }
}

#[test]
fn a_drain_evicts_and_the_replacement_comes_at_once() {
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .change(Duration::secs(60), Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .build(),
        "60s start
         60s p-0 cordoned
         60s p-0 drains
         60s web evicted from p-0
         60s web to p-1
         65s p-0 drained
         65s end
         70s web ready",
    );
}

#[test]
fn a_budget_without_slack_blocks_the_drain_until_it_times_out() {
    let drain = crate::change::DrainSettings { timeout: Duration::secs(12), ..drain_settings() };
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain })
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web refused
         12s p-0 stuck
         12s p-0 uncordoned
         12s end DrainTimedOut { workload: Some(WorkloadId(0)), budget: Some(BudgetId(0)) }",
    );
}

#[test]
fn a_rolling_upgrade_surges_drains_reimages_and_moves_pods_twice() {
    check(
        &Example::new().pool("p", 1).deployment("web", 1).minimum(1).upgrade(POOL, Quantity::Count(1)).build(),
        "0s start
         0s p-new-1 requested
         150s p-new-1 ready
         150s p-0 cordoned
         150s p-0 drains
         150s web evicted from p-0
         150s web out
         150s web to p-new-1
         155s p-0 drained
         155s p-0 reimaged
         160s web ready
         160s web back
         355s p-0 ready
         355s p-new-1 cordoned
         355s p-new-1 drains
         355s web evicted from p-new-1
         355s web out
         355s web to p-0
         360s p-new-1 drained
         365s web ready
         365s web back
         390s p-new-1 deleted
         390s end",
    );
}

#[test]
fn without_room_for_surge_the_upgrade_fails_or_falls_back_to_one_node() {
    let cluster = |fallback| {
        let how = UpgradeSettings { surge_fallback: fallback, ..upgrade(2) };
        Example::new()
            .pool("p", 2)
            .with_pool(|p| p.room = Some(1))
            .change(Duration::ZERO, Operation::Upgrade { pool: POOL, how })
            .build()
    };
    check(&cluster(false), "0s start\n0s end NoRoom { supply: None }");
    let outcome = simulate(&cluster(true), 1, 0);
    // One surge node: 150 s to come, two reimages of 200 s one after the other, 30 s to go.
    assert_eq!(outcome.operations[0].ended.unwrap().0, Duration::secs(150 + 200 + 200 + 30).0);
}

#[test]
fn without_surge_nodes_are_replaced_in_place() {
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .change(Duration::ZERO, Operation::Upgrade { pool: POOL, how: upgrade(0) })
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s web to p-1
         5s p-0 drained
         5s p-0 reimaged
         10s web ready
         205s p-0 ready
         205s p-1 cordoned
         205s p-1 drains
         205s web evicted from p-1
         205s web to p-0
         210s p-1 drained
         210s p-1 reimaged
         215s web ready
         410s p-1 ready
         410s end",
    );
}

#[test]
fn an_undrainable_node_is_quarantined_and_a_surge_node_takes_its_place() {
    let mut how = upgrade(1);
    how.drain.undrainable = Undrainable::Quarantine;
    how.drain.timeout = Duration::secs(7);
    check(
        &Example::new()
            .pool("p", 1)
            .deployment("web", 1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
            .change(Duration::ZERO, Operation::Upgrade { pool: POOL, how })
            .build(),
        "0s start
         0s p-new-1 requested
         150s p-new-1 ready
         150s p-0 cordoned
         150s p-0 drains
         150s web refused
         157s p-0 stuck
         157s end DrainTimedOut { workload: Some(WorkloadId(0)), budget: Some(BudgetId(0)) }",
    );
}

/// AKS docs upgrade-options: as many nodes as maxBlockedNodes may stay behind, the next one ends the upgrade.
#[test]
fn more_blocked_nodes_than_allowed_end_the_upgrade() {
    let cluster = |max_blocked, surge| {
        let mut how = upgrade(surge);
        how.drain.undrainable = Undrainable::Quarantine;
        how.drain.timeout = Duration::secs(7);
        how.max_blocked = Quantity::Count(max_blocked);
        Example::new()
            .pool("p", 2)
            .deployment("web", 2)
            .budget(BudgetRule::MinAvailable(Quantity::Count(2)))
            .change(Duration::ZERO, Operation::Upgrade { pool: POOL, how })
            .build()
    };
    let nodes = |story: String| {
        story.lines().filter(|l| !l.contains("web") && !l.contains("cordoned")).collect::<Vec<_>>().join("\n")
    };
    let end = "end DrainTimedOut { workload: Some(WorkloadId(0)), budget: Some(BudgetId(0)) }";
    // The surge node stays for p-0, a fresh one for p-1; both old nodes are left behind, cordoned.
    assert_eq!(
        nodes(super::story(&cluster(2, 1))),
        format!(
            "0s start\n0s p-new-2 requested\n150s p-new-2 ready\n150s p-0 drains\n157s p-0 stuck\n\
             157s p-new-3 requested\n307s p-new-3 ready\n307s p-1 drains\n314s p-1 stuck\n314s {end}"
        )
    );
    assert_eq!(
        nodes(super::story(&cluster(1, 1))),
        format!(
            "0s start\n0s p-new-2 requested\n150s p-new-2 ready\n150s p-0 drains\n157s p-0 stuck\n\
             157s p-new-3 requested\n307s p-new-3 ready\n307s p-1 drains\n314s p-1 stuck\n314s {end}"
        )
    );
    assert!(super::story(&cluster(1, 1)).contains("314s p-1 uncordoned"), "what ends as failed is schedulable again");
    assert!(!super::story(&cluster(2, 1)).contains("uncordoned"));
    // Without surge a fresh node is made all the same.
    assert_eq!(
        nodes(super::story(&cluster(2, 0))),
        format!(
            "0s start\n0s p-0 drains\n7s p-0 stuck\n7s p-new-2 requested\n157s p-new-2 ready\n157s p-1 drains\n\
             164s p-1 stuck\n164s p-new-3 requested\n314s p-new-3 ready\n314s {end}"
        )
    );
    check(
        &cluster(0, 1),
        &format!(
            "0s start
             0s p-new-2 requested
             150s p-new-2 ready
             150s p-0 cordoned
             150s p-0 drains
             150s web refused
             157s p-0 stuck
             157s p-0 uncordoned
             157s {end}"
        ),
    );
}

/// AKS docs upgrade-options: past `upgrade-override-until` budgets count again.
#[test]
fn a_forced_upgrade_asks_budgets_again_when_its_time_is_over() {
    let until = |seconds| {
        let mut how = upgrade(1);
        how.drain.timeout = Duration::secs(30);
        how.drain.respect_budgets = false;
        how.drain.forced_until = Some(crate::Time::ZERO + Duration::secs(seconds));
        let scenario = Example::new()
            .pool("p", 1)
            .deployment("web", 1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
            .change(Duration::ZERO, Operation::Upgrade { pool: POOL, how })
            .build();
        simulate(&scenario, 1, 0).operations[0].ended.unwrap().as_secs_f64()
    };
    // As in the normal course; stuck at the first drain; stuck at the drain of the surge node.
    assert_eq!((until(1000), until(150), until(200)), (390.0, 180.0, 385.0));
}

/// AKS docs resize-node-pool (VMSS, preview) and rotate-certificates: machines are deleted and made anew.
#[test]
fn a_machine_made_anew_takes_its_deletion_and_its_making() {
    let mut how = upgrade(0);
    how.replacement = Replacement::Recreate;
    how.drain.evict = false;
    let scenario = Example::new().pool("p", 1).change(Duration::ZERO, Operation::Upgrade { pool: POOL, how }).build();
    check(
        &scenario,
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s p-0 reimaged
         180s p-0 ready
         180s end",
    );
}

#[test]
fn forced_drains_ignore_budgets() {
    let mut drain = drain_settings();
    drain.respect_budgets = false;
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .minimum(1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(1)))
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain })
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s web out
         0s web to p-1
         5s p-0 drained
         5s end
         10s web ready
         10s web back",
    );
}

#[test]
fn scaling_down_takes_the_highest_of_the_fullest_zone_and_scaling_up_the_emptiest_zone() {
    // Zones 1 2 3 1: zone 1 is the fullest, its highest is p-3; then p-2 is the highest of equals.
    let down = |count| {
        Example::new()
            .pool("p", 4)
            .change(Duration::ZERO, Operation::Scale { pool: POOL, count, drain: drain_settings() })
            .build()
    };
    let gone = |count| {
        super::story(&down(count)).lines().filter(|l| l.contains("deleted")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(gone(3), ["30s p-3 deleted"]);
    assert_eq!(gone(2), ["30s p-3 deleted", "30s p-2 deleted"]);
    check(&down(5), "0s start\n0s p-new-4 requested\n150s p-new-4 ready\n150s end");
    check(&down(4), "0s start\n0s end");
}

/// AKS docs scale-down-mode: Deallocate stops nodes and keeps them; growing starts them first, and makes new ones after.
#[test]
fn scaled_away_nodes_are_stopped_and_started_again_where_the_pool_keeps_them() {
    let scale = |count| Operation::Scale { pool: POOL, count, drain: drain_settings() };
    let kept = Example::new().pool("p", 3).with_pool(|p| {
        p.deallocates = Some(Dist::Constant(Duration::secs(60)));
        p.room = Some(1);
    });
    check(
        &kept
            .clone()
            .workload("daemon", WorkloadKind::DaemonSet, vec![NodeId(0), NodeId(1), NodeId(2)])
            .change(Duration::ZERO, scale(2))
            .change(Duration::secs(100), scale(4))
            .build(),
        "0s start
         0s p-2 cordoned
         0s p-2 drains
         0s p-2 drained
         30s p-2 deallocated
         30s daemon lost
         30s end
         100s start
         100s p-2 requested
         100s p-new-3 requested
         160s p-2 ready
         160s daemon to p-2
         170s daemon ready
         250s p-new-3 ready
         250s end
         250s daemon to p-new-3
         260s daemon ready",
    );
    // A stopped machine keeps its quota; what the pool's deletion leaves is nothing.
    let story = super::story(
        &kept
            .change(Duration::ZERO, scale(1))
            .change(Duration::secs(100), Operation::DeletePool { pool: POOL, drain: drain_settings() })
            .build(),
    );
    let gone: Vec<&str> = story.lines().filter(|l| l.contains("deleted") || l.contains("deallocated")).collect();
    assert_eq!(
        gone,
        ["30s p-2 deallocated", "30s p-1 deallocated", "130s p-0 deleted", "130s p-1 deleted", "130s p-2 deleted"]
    );
}

#[test]
fn deleting_a_pool_leaves_pods_that_fit_nowhere_pending() {
    check(
        &Example::new()
            .pool("p", 1)
            .deployment("web", 1)
            .minimum(1)
            .change(Duration::ZERO, Operation::DeletePool { pool: POOL, drain: drain_settings() })
            .horizon(Duration::mins(5))
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s web out
         0s web unschedulable
         5s p-0 drained
         35s p-0 deleted
         35s end",
    );
}

#[test]
fn machines_are_deleted_without_drain() {
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .change(Duration::ZERO, Operation::DeleteNodes { nodes: vec![NodeId(0)] })
            .build(),
        "0s start
         30s p-0 deleted
         30s web lost
         30s end
         30s web to p-1
         40s web ready",
    );
}

#[test]
fn a_no_execute_taint_evicts_at_once_and_a_no_schedule_taint_does_not() {
    let cluster = |effect| {
        let mut scenario = Example::new().pool("p", 1).pool("q", 1).deployment("web", 1).build();
        // The pool q (shapes 3-5) gets tainted copies of its shapes.
        let mut shapes = Vec::new();
        for old in 3..6 {
            let mut shape = scenario.cluster.node_shapes[NodeShapeId(old)].clone();
            shape.taints.push(Taint { key: "team".into(), value: "a".into(), effect });
            shapes.push((NodeShapeId(old), scenario.cluster.node_shapes.push(shape)));
        }
        let operation = Operation::Reshape { pool: PoolId(1), shapes, takes: Duration::secs(7) };
        scenario.changes.push(crate::change::Planned::new(crate::Time::ZERO, operation));
        scenario
    };
    check(&cluster(Effect::NoSchedule), "0s start\n7s q-0 relabelled\n7s end");
    check(
        &cluster(Effect::NoExecute),
        "0s start
         7s q-0 relabelled
         7s web evicted from q-0
         7s end
         7s web to p-0
         17s web ready",
    );
}

#[test]
fn a_node_that_never_joins_fails_the_upgrade_and_is_given_up() {
    let scenario = Example::new()
        .pool("p", 1)
        .upgrade(POOL, Quantity::Count(1))
        .settings(|s| s.provisioning.bootstrap_failure = 1.0)
        .build();
    check(&scenario, "0s start\n0s p-new-1 requested\n900s p-new-1 deleted\n900s end BootstrapFailed");
    let scenario = Example::new()
        .pool("p", 1)
        .upgrade(POOL, Quantity::Count(1))
        .settings(|s| s.provisioning.allocation_failure = 1.0)
        .build();
    check(&scenario, "0s start\n0s p-new-1 requested\n30s p-new-1 deleted\n30s end AllocationFailed");
}

#[test]
fn a_surge_node_that_is_not_awaited_leaves_a_one_node_pool_empty() {
    let scenario = Example::new()
        .pool("p", 1)
        .deployment("web", 1)
        .minimum(1)
        .upgrade(POOL, Quantity::Count(1))
        .settings(|s| {
            s.provisioning.gap_share = 1.0;
            s.provisioning.gap = crate::random::Dist::Constant(Duration::secs(60));
        })
        .build();
    let outcome = simulate(&scenario, 1, 0);
    // Out for the gap and the start-up, and once more when it moves back.
    assert_eq!(outcome.workloads[0].longest, Duration::secs(70));
}

#[test]
fn an_operation_begins_once_though_the_one_before_ends_at_its_very_instant() {
    let scenario = Example::new()
        .pool("p", 1)
        .with_pool(|p| p.room = Some(1))
        .change(Duration::ZERO, Operation::Scale { pool: POOL, count: 6, drain: drain_settings() })
        .change(Duration::ZERO, Operation::Scale { pool: POOL, count: 2, drain: drain_settings() })
        .build();
    check(
        &scenario,
        "0s start\n0s end NoRoom { supply: None }\n0s start\n0s p-new-1 requested\n150s p-new-1 ready\n150s end",
    );
}

#[test]
fn surge_nodes_are_paid_from_their_request_until_they_are_gone() {
    let scenario = Example::new().pool("p", 1).deployment("web", 1).upgrade(POOL, Quantity::Count(1)).build();
    // The normal course above: asked for at 0 s, deleted at 390 s.
    assert_eq!(simulate(&scenario, 1, 0).operations[0].extra_node_time, Duration::secs(390));
    let two = Example::new().pool("p", 2).upgrade(POOL, Quantity::Count(2)).build();
    // Both come at 150 s, both old nodes are reimaged together by 350 s, both surge nodes are gone at 380 s.
    assert_eq!(simulate(&two, 1, 0).operations[0].extra_node_time, Duration::secs(2 * 380));
}
