//! Who may begin: one operation at a time per pool, windows, the platform's own checks, aborts.

use super::{POOL, upgrade};
use crate::change::{Busy, Operation};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::spec::{BudgetRule, Quantity};
use crate::tests::check;
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId, simulate};

fn scale(pool: u32, count: u32) -> Operation {
    Operation::Scale { pool: PoolId(pool), count, drain: drain_settings() }
}

fn settings() -> Operation {
    Operation::Settings { pool: POOL, takes: Duration::secs(7) }
}

fn abort() -> Operation {
    Operation::Abort { pool: POOL, takes: Duration::secs(5) }
}

fn at(seconds: u64) -> Time {
    Time::ZERO + Duration::secs(seconds)
}

/// A pool that grows from 0 s to 150 s, and what is asked of it at 60 s.
fn while_growing(busy: Busy) -> Example {
    Example::new()
        .pool("p", 1)
        .change(Duration::ZERO, scale(0, 2))
        .change(Duration::secs(60), settings())
        .admission(|a| a.busy = busy)
}

#[test]
fn operations_on_one_pool_take_turns() {
    check(
        &while_growing(Busy::Waits).build(),
        "0s start
         0s p-new-1 requested
         150s p-new-1 ready
         150s end
         150s start
         157s end",
    );
}

/// A script waits for each command, whatever pool it works on, and ends where one fails.
#[test]
fn steps_of_a_script_begin_when_those_before_have_ended() {
    let script = |second: &'static [&'static str]| {
        let refuse = move |a: &mut crate::change::Admission| {
            a.turn = Some(Duration::secs(30));
            a.refused = second.first().copied();
        };
        Example::new()
            .pool("p", 1)
            .pool("q", 1)
            .change(Duration::secs(5), scale(0, 2))
            .admission(|a| a.turn = Some(Duration::secs(10)))
            .change(Duration::secs(5), settings())
            .admission(refuse)
            .change(Duration::secs(5), scale(1, 2))
            .admission(|a| a.turn = Some(Duration::ZERO))
    };
    check(
        &script(&[]).build(),
        "15s start
         15s p-new-1 requested
         165s p-new-1 ready
         165s end
         195s start
         202s end
         202s start
         202s q-new-1 requested
         352s q-new-1 ready
         352s end",
    );
    check(
        &script(&["QuotaExceeded"]).build(),
        "15s start
         15s p-new-1 requested
         165s p-new-1 ready
         165s end
         195s start
         195s end Refused { code: \"QuotaExceeded\" }
         195s end Skipped",
    );
}

/// AKS docs upgrade-node-pools: one operation at a time; error OperationNotAllowed.
#[test]
fn a_second_caller_is_refused() {
    check(
        &while_growing(Busy::Refused).build(),
        "0s start
         0s p-new-1 requested
         60s start
         60s end Busy
         150s p-new-1 ready
         150s end",
    );
}

/// Error AKSOperationPreempted; machines that were asked for come all the same.
#[test]
fn a_newer_operation_may_displace_the_one_at_work() {
    check(
        &while_growing(Busy::Displaces).build(),
        "0s start
         0s p-new-1 requested
         60s end Displaced
         60s start
         67s end
         150s p-new-1 ready",
    );
}

#[test]
fn other_pools_and_settled_pools_let_in_at_once() {
    check(
        &Example::new()
            .pool("p", 1)
            .pool("q", 1)
            .change(Duration::ZERO, scale(0, 2))
            .change(Duration::secs(60), scale(1, 1))
            .admission(|a| a.busy = Busy::Refused)
            .change(Duration::secs(200), settings())
            .admission(|a| a.busy = Busy::Refused)
            .build(),
        "0s start
         0s p-new-1 requested
         60s start
         60s end
         150s p-new-1 ready
         150s end
         200s start
         207s end",
    );
}

#[test]
fn machines_cannot_be_deleted_while_their_pool_is_upgraded() {
    check(
        &Example::new()
            .pool("p", 1)
            .upgrade(POOL, Quantity::Count(1))
            .change(Duration::secs(10), Operation::DeleteNodes { nodes: vec![NodeId(0)] })
            .admission(|a| a.busy = Busy::Refused)
            .horizon(Duration::secs(100))
            .build(),
        "0s start
         0s p-new-1 requested
         10s start
         10s end Busy",
    );
}

/// AKS docs planned-maintenance (2025-12-19): begins only in a window, runs on past its end, the next waits for the next.
#[test]
fn an_operation_begins_in_its_window_and_runs_past_the_end() {
    let windows = vec![(at(100), at(110)), (at(1000), at(1010))];
    check(
        &Example::new()
            .pool("p", 1)
            .change(Duration::ZERO, scale(0, 2))
            .admission(|a| a.windows = windows.clone())
            .change(Duration::secs(1), settings())
            .admission(|a| a.windows = windows.clone())
            .build(),
        "100s start
         100s p-new-1 requested
         250s p-new-1 ready
         250s end
         1000s start
         1007s end",
    );
}

#[test]
fn what_missed_its_last_window_does_not_begin() {
    let scenario = Example::new()
        .pool("p", 1)
        .change(Duration::secs(10), settings())
        .admission(|a| a.windows = vec![(at(0), at(10))])
        .build();
    check(&scenario, "");
    assert_eq!(simulate(&scenario, 1, 0).operations[0].ended, None);
}

#[test]
fn a_window_that_is_closed_does_not_keep_others_out() {
    check(
        &Example::new()
            .pool("p", 1)
            .change(Duration::ZERO, scale(0, 1))
            .admission(|a| a.windows = vec![(at(500), at(600))])
            .change(Duration::secs(10), settings())
            .admission(|a| a.busy = Busy::Refused)
            .build(),
        "10s start
         17s end
         500s start
         500s end",
    );
}

#[test]
fn what_is_refused_beforehand_touches_nothing() {
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 2)
            .change(Duration::ZERO, scale(0, 0))
            .admission(|a| a.refused = Some("InvalidParameter"))
            .build(),
        "0s start\n0s end Refused { code: \"InvalidParameter\" }",
    );
}

/// Support article unsatisfiablepdb-error: any budget of the cluster with maxUnavailable 0, before any upgrade.
#[test]
fn a_budget_that_allows_nothing_stops_upgrades_before_they_begin_wherever_its_pods_are() {
    let cluster =
        |rule| Example::new().pool("p", 1).pool("q", 1).deployment("web", 1).budget(rule).horizon(Duration::secs(100));
    let never = BudgetRule::MaxUnavailable(Quantity::Count(0));
    let found = "0s start\n0s end UnsatisfiableBudget { budget: BudgetId(0) }";
    check(&cluster(never).upgrade(POOL, Quantity::Count(1)).build(), found);
    let begun = "0s start\n0s p-new-1 requested";
    // minAvailable is not looked at, although it may allow nothing either; its drain times out.
    let all = BudgetRule::MinAvailable(Quantity::Percent(100));
    check(&cluster(all).upgrade(POOL, Quantity::Count(1)).build(), begun);
    let mut forced = upgrade(1);
    forced.drain.respect_budgets = false;
    check(&cluster(never).change(Duration::ZERO, Operation::Upgrade { pool: POOL, how: forced }).build(), begun);
    // Only upgrades ask.
    check(&cluster(never).change(Duration::ZERO, scale(0, 2)).build(), begun);
}

/// AKS docs manage-abort-operations (2024-06-12): it stops at the step it is in, nothing is undone.
#[test]
fn an_aborted_upgrade_leaves_nodes_as_they_are() {
    check(
        &Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .with(|w| w.exit = Dist::Constant(Duration::secs(20)))
            .upgrade(POOL, Quantity::Count(1))
            .change(Duration::secs(155), abort())
            .build(),
        "0s start
         0s p-new-2 requested
         150s p-new-2 ready
         150s p-0 cordoned
         150s p-0 drains
         150s web evicted from p-0
         150s web to p-1
         155s start
         160s web ready
         160s end Canceled
         160s end",
    );
}

#[test]
fn an_aborted_deletion_of_a_pool_keeps_the_nodes_unless_they_are_going() {
    let delete = |abort_at| {
        Example::new()
            .pool("p", 1)
            .deployment("web", 1)
            .with(|w| w.exit = Dist::Constant(Duration::secs(8)))
            .change(Duration::ZERO, Operation::DeletePool { pool: POOL, drain: drain_settings() })
            .change(Duration::secs(abort_at), abort())
            .build()
    };
    check(
        &delete(0),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s start
         0s web unschedulable
         5s end Canceled
         5s end",
    );
    check(
        &delete(20),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s web unschedulable
         8s p-0 drained
         20s start
         25s p-0 deleted
         25s end Canceled
         25s end",
    );
}

#[test]
fn an_abort_of_nothing_fails_and_one_of_a_waiting_operation_ends_it() {
    check(&Example::new().pool("p", 1).change(Duration::ZERO, abort()).build(), "0s start\n5s end NothingThere");
    check(
        &while_growing(Busy::Waits).change(Duration::secs(70), abort()).build(),
        "0s start
         0s p-new-1 requested
         70s start
         75s end Canceled
         75s end Canceled
         75s end
         150s p-new-1 ready",
    );
}

/// A node that the displaced upgrade had sent away comes back while the new one waits for its surge node.
#[test]
fn nodes_still_on_their_way_from_an_aborted_upgrade_are_done_again_in_their_turn() {
    let in_place = Operation::Upgrade { pool: POOL, how: upgrade(0) };
    check(
        &Example::new()
            .pool("p", 1)
            .change(Duration::ZERO, in_place)
            .change(Duration::secs(100), Operation::Upgrade { pool: POOL, how: upgrade(1) })
            .admission(|a| a.busy = Busy::Displaces)
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s p-0 drained
         0s p-0 reimaged
         100s end Displaced
         100s start
         100s p-new-1 requested
         200s p-0 ready
         250s p-new-1 ready
         250s p-0 cordoned
         250s p-0 drains
         250s p-0 drained
         250s p-0 reimaged
         450s p-0 ready
         450s p-new-1 cordoned
         450s p-new-1 drains
         450s p-new-1 drained
         480s p-new-1 deleted
         480s end",
    );
}
