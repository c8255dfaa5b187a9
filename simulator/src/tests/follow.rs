//! Trials that are followed beyond the horizon until nothing is out or under way.

use crate::example::{Example, busy_upgrade, drain_settings};
use crate::scenario::Happening;
use crate::settings::Cause;
use crate::spec::{Quantity, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{NodeId, Pair, PoolId, Runs, Scenario, paired, trace, trace_nothing};

fn pairs(scenario: &Scenario, trials: u32, threads: usize) -> Vec<Pair> {
    paired(scenario, Runs { seed: 23, first: 0, trials, threads }, &|_| {})
}

/// One pod on the first of two nodes, which dies ten minutes before the end and is back after `down`.
fn cut(down: u64) -> Example {
    Example::new()
        .pool("p", 2)
        .workload("w", WorkloadKind::Deployment, vec![NodeId(0)])
        .minimum(1)
        .with(|w| w.unreachable = None)
        .happens(Duration::mins(110), Happening::NodeFailure { node: NodeId(0), down: Duration::mins(down) })
        .settings(|s| s.follow = Duration::mins(60))
}

fn end(minutes: u64) -> Time {
    Time::ZERO + Duration::mins(minutes)
}

#[test]
fn an_outage_is_followed_to_its_end_in_both_plans_or_to_the_cap() {
    // (back after, follow, end of the trial, settled, minutes out)
    let table: [(u64, u64, u64, bool, f64); 4] =
        [(5, 60, 120, true, 5.0), (27, 60, 140, true, 27.0), (27, 0, 120, false, 10.0), (300, 60, 180, false, 70.0)];
    for (down, follow, ends, settled, minutes) in table {
        let scenario = cut(down).settings(|s| s.follow = Duration::mins(follow)).build();
        let pair = pairs(&scenario, 1, 1).remove(0);
        assert_eq!(pair.proposal, pair.baseline, "nothing is changed");
        let out = pair.proposal.workloads[0].longest.as_mins_f64();
        assert_eq!((pair.proposal.end, pair.proposal.settled), (end(ends), settled), "down {down} follow {follow}");
        assert!((out - minutes).abs() < 0.5, "down {down} follow {follow}: {out}");
    }
    let off = cut(27).settings(|s| s.off.push(Cause::Aftermath)).build();
    assert_eq!(pairs(&off, 1, 1)[0].proposal.end, end(120));
}

/// The upgrade is under way at the horizon; doing nothing would have settled long before.
#[test]
fn both_plans_end_when_the_slower_one_has_settled() {
    let scenario = Example::new()
        .pool("p", 3)
        .deployment("w", 3)
        .minimum(2)
        .upgrade(PoolId(0), Quantity::Count(1))
        .horizon(Duration::mins(10))
        .settings(|s| s.follow = Duration::mins(180))
        .build();
    let pair = pairs(&scenario, 1, 1).remove(0);
    let over = pair.proposal.operations[0].ended.unwrap();
    assert!(over > end(10) && pair.proposal.settled, "{over:?}");
    assert!(pair.proposal.end >= over && pair.proposal.end.since(over) <= Duration::mins(5));
    assert_eq!(pair.baseline.end, pair.proposal.end);
    assert_eq!(trace(&scenario, 23, 0).outcome, pair.proposal);
    assert_eq!(trace_nothing(&scenario, 23, 0).outcome, pair.baseline);
    let again = crate::again(&scenario, &[], 23, &[(0, pair.proposal.end)], 1, &|outcome| outcome);
    assert_eq!(again, [pair.proposal]);
}

/// A pod that has no place from the start, and one that was never up, are not waited for.
#[test]
fn what_was_broken_from_the_start_is_not_waited_for() {
    let scenario =
        Example::new().pool("p", 1).deployment("w", 1).minimum(2).settings(|s| s.follow = Duration::mins(60)).build();
    let outcome = pairs(&scenario, 1, 1).remove(0).proposal;
    assert_eq!((outcome.end, outcome.workloads[0].out), (end(120), Duration::mins(120)));
}

/// Up to the horizon nothing differs, after it nothing new comes: a trial that needs no following is the same to the last
/// bit, and one that is followed has the failures, bursts and operations it had.
#[test]
fn nothing_new_begins_after_the_horizon() {
    let mut short = busy_upgrade();
    short.horizon = Duration::mins(30);
    short.settings.failures.per_hour = 0.05;
    short.settings.bursts.per_hour = 0.5;
    let mut long = short.clone();
    long.settings.follow = Duration::mins(240);
    let mut followed = 0;
    for (a, b) in pairs(&short, 8, 0).into_iter().zip(pairs(&long, 8, 0)) {
        assert_eq!(b.proposal.end, b.baseline.end);
        if b.proposal.end == end(30) {
            assert_eq!(a, b);
            continue;
        }
        followed += 1;
        for (a, b) in [(&a.proposal, &b.proposal), (&a.baseline, &b.baseline)] {
            // Those of company and of the fleet follow within minutes upon one before the horizon.
            assert!(b.counts.node_failures - a.counts.node_failures <= 3, "{:?} {:?}", a.counts, b.counts);
            assert_eq!(a.counts.bursts, b.counts.bursts);
            assert!(a.workloads.iter().zip(&b.workloads).all(|(a, b)| a.out <= b.out && a.outages <= b.outages));
        }
    }
    assert!(followed > 0);
}

#[test]
fn threads_do_not_matter_and_nothing_done_differs_in_no_trial() {
    let mut scenario = busy_upgrade();
    scenario.horizon = Duration::mins(60);
    scenario.settings.follow = Duration::mins(120);
    scenario.settings.stratified = true;
    assert_eq!(pairs(&scenario, 4, 1), pairs(&scenario, 4, 3));
    for pair in pairs(&scenario.do_nothing(), 4, 0) {
        assert_eq!(pair.proposal, pair.baseline);
    }
}

/// A drain that a budget blocks past the horizon gives up at its time-out, and is followed that far.
#[test]
fn a_drain_that_is_stuck_is_followed_to_its_time_out() {
    let scenario = Example::new()
        .pool("p", 2)
        .deployment("w", 1)
        .minimum(1)
        .budget(crate::spec::BudgetRule::MaxUnavailable(Quantity::Count(0)))
        .change(
            Duration::mins(100),
            crate::change::Operation::Drain { nodes: vec![NodeId(0), NodeId(1)], drain: drain_settings() },
        )
        .settings(|s| s.follow = Duration::mins(60))
        .build();
    let outcome = pairs(&scenario, 1, 1).remove(0).proposal;
    let over = outcome.operations[0].ended.unwrap();
    assert_eq!(over, end(100) + drain_settings().timeout);
    assert!(outcome.end >= over && outcome.operations[0].failure.is_some());
}
