//! The blue-green upgrade: its course, its failure ends and its way back (AKS docs blue-green-node-pool-upgrade,
//! 2024-11-06).

use super::POOL;
use crate::change::{BlueGreenSettings, Operation};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::spec::{BudgetRule, Quantity};
use crate::tests::{check, story};
use crate::time::Duration;
use crate::{Scenario, simulate};

fn how() -> BlueGreenSettings {
    BlueGreenSettings {
        batch: Quantity::Percent(10),
        batch_soak: Duration::secs(120),
        final_soak: Duration::secs(120),
        drain: drain_settings(),
        shapes: Vec::new(),
    }
}

fn example(nodes: u32, how: BlueGreenSettings) -> Example {
    Example::new()
        .pool("p", nodes)
        .deployment("web", 1)
        .minimum(1)
        .change(Duration::ZERO, Operation::BlueGreen { pool: POOL, how })
}

fn abort() -> Operation {
    Operation::Abort { pool: POOL, takes: Duration::ZERO }
}

fn rollback() -> Operation {
    Operation::Rollback { pool: POOL, drain: drain_settings() }
}

#[test]
fn green_comes_whole_then_blue_is_drained_by_batches_soaked_and_deleted() {
    check(
        &example(2, how()).build(),
        "0s start
         0s p-0 cordoned
         0s p-1 cordoned
         0s p-new-2 requested
         0s p-new-3 requested
         150s p-new-2 ready
         150s p-new-3 ready
         150s p-0 drains
         150s web evicted from p-0
         150s web out
         150s web to p-new-2
         155s p-0 drained
         160s web ready
         160s web back
         275s p-1 drains
         275s p-1 drained
         425s p-0 deleted
         425s p-1 deleted
         425s end",
    );
}

/// The recorded upgrade of two nodes (batch 10 %, both soaks 2 min) took 439 s; with AKS' times to make (median 150 s) and
/// delete nodes (25-50 s) there is one wait between the two batches, and none after the second but the final one.
#[test]
fn the_recorded_upgrade_of_two_nodes_lies_within_the_simulated_band() {
    let scenario = example(2, how())
        .with_pool(|p| {
            p.provision = Dist::LogNormal { median: Duration::secs(150), sigma: 0.35 };
            p.delete = Dist::Uniform { low: Duration::secs(25), high: Duration::secs(50) };
        })
        .build();
    let mut seconds: Vec<f64> =
        (0..400).filter_map(|t| simulate(&scenario, 1, t).operations[0].ended).map(|e| e.as_secs_f64()).collect();
    seconds.sort_by(f64::total_cmp);
    assert!(seconds.len() == 400 && seconds[20] < 439.0 && 439.0 < seconds[380], "{} {}", seconds[20], seconds[380]);
}

#[test]
fn a_batch_is_a_share_of_all_blue_nodes_rounded_up() {
    let drains = |batch| {
        let lines = story(&example(5, BlueGreenSettings { batch, ..how() }).build());
        let at = |l: &str| l.split_once("s ").map(|(at, _)| at.to_owned()).unwrap();
        lines.lines().filter(|l| l.ends_with("drains")).map(at).collect::<Vec<_>>().join(" ")
    };
    // 50 % of 5 are 3, then the 2 that are left; the pod of the first batch takes 5 s.
    assert_eq!(drains(Quantity::Percent(50)), "150 150 150 275 275");
    assert_eq!(drains(Quantity::Count(4)), "150 150 150 150 275");
    assert_eq!(drains(Quantity::Count(9)), "150 150 150 150 150");
    assert_eq!(drains(Quantity::Count(0)), "150 275 395 515 635", "0 is no batch: one at a time");
}

/// Double quota or nothing: blue is untouched.
#[test]
fn without_room_for_the_green_set_nothing_happens() {
    let scenario = |room| example(2, how()).with_pool(|p| p.room = Some(room)).horizon(Duration::secs(1)).build();
    check(&scenario(1), "0s start\n0s end NoRoom { supply: None }");
    assert!(story(&scenario(2)).contains("p-new-3 requested"));
}

#[test]
fn green_nodes_that_do_not_come_leave_blue_as_it_was() {
    check(
        &example(1, how()).settings(|s| s.provisioning.allocation_failure = 1.0).build(),
        "0s start
         0s p-0 cordoned
         0s p-new-1 requested
         30s p-new-1 deleted
         30s p-0 uncordoned
         30s end AllocationFailed",
    );
}

/// Undrainable behaviours do not apply; the upgrade fails when a drain exceeds its time-out.
#[test]
fn a_drain_that_takes_too_long_ends_it_where_it_stands() {
    let mut how = how();
    how.drain.timeout = Duration::secs(12);
    check(
        &example(1, how).budget(BudgetRule::MinAvailable(Quantity::Count(1))).build(),
        "0s start
         0s p-0 cordoned
         0s p-new-1 requested
         150s p-new-1 ready
         150s p-0 drains
         150s web refused
         162s p-0 stuck
         162s end DrainTimedOut { workload: Some(WorkloadId(0)), budget: Some(BudgetId(0)) }",
    );
}

#[test]
fn aborted_in_the_final_soak_it_can_be_turned_back() {
    check(
        &example(1, how()).change(Duration::secs(200), abort()).change(Duration::secs(210), rollback()).build(),
        "0s start
         0s p-0 cordoned
         0s p-new-1 requested
         150s p-new-1 ready
         150s p-0 drains
         150s web evicted from p-0
         150s web out
         150s web to p-new-1
         155s p-0 drained
         160s web ready
         160s web back
         200s start
         200s end Canceled
         200s end
         210s start
         210s p-0 uncordoned
         210s p-new-1 cordoned
         210s p-new-1 drains
         210s web evicted from p-new-1
         210s web out
         210s web to p-0
         215s p-new-1 drained
         220s web ready
         220s web back
         245s p-new-1 deleted
         245s end",
    );
}

#[test]
fn before_the_final_soak_there_is_no_way_back() {
    let ends = |scenario: &Scenario| {
        story(scenario).lines().filter(|l| l.contains(" end")).map(str::to_owned).collect::<Vec<_>>()
    };
    let early = example(2, how()).change(Duration::secs(200), abort()).change(Duration::secs(210), rollback());
    assert_eq!(ends(&early.build()), ["200s end Canceled", "200s end", "210s end NothingThere"]);
    let late = example(1, how()).change(Duration::mins(60), rollback());
    assert_eq!(ends(&late.build()), ["305s end", "3600s end NothingThere"]);
}
