//! Numbers that are not known well: every trial has its own, both of its plans the same, and what is certain changes nothing.

use super::off::eventful;
use crate::change::{Operation, Planned};
use crate::example::{busy_upgrade, drain_settings};
use crate::parameters::{Belief, Knob, Parameters};
use crate::random::{Dist, Prior};
use crate::settings::Repair;
use crate::spec::{Clients, Quantity, SpotPolicy};
use crate::time::{Duration, Time};
use crate::{NodeId, Pair, PoolId, Runs, Scenario, paired, paired_at};

fn pairs(scenario: &Scenario, trials: u32, threads: usize) -> Vec<Pair> {
    paired(scenario, Runs { seed: 3, first: 0, trials, threads }, &|_| {})
}

/// A belief that leaves no doubt.
fn certain(knob: Knob, value: f64) -> Belief {
    Belief { knob, prior: Prior::Either { one: value, other: value, share: 0.0 } }
}

/// Everything that a number speaks of happens.
fn all_kinds() -> Scenario {
    let mut scenario = eventful();
    let minutes = |m: u64| Dist::LogNormal { median: Duration::mins(m), sigma: 0.5 };
    let f = &mut scenario.settings.failures;
    (f.company, f.faults_per_hour, f.reboots_per_hour, f.grey_per_hour) = (0.5, 0.3, 0.2, 0.2);
    (f.domain_per_hour, f.domain_down, f.fleet_per_hour) = (0.1, minutes(20), 0.1);
    f.repair = Some(Repair::aks([(minutes(4), 0.6), (minutes(7), 0.7), (minutes(9), 0.8)]));
    scenario.settings.spot.hourly = 0.2;
    for service in scenario.cluster.workloads.rows_mut().iter_mut().filter_map(|w| w.service.as_mut()) {
        service.clients = Clients { timeout: Duration::secs(5), attempts: 3.0 };
        service.stale.probability = 0.2;
        service.stale.lasts = minutes(1);
    }
    scenario.cluster.pools[PoolId(1)].spot = Some(SpotPolicy::Delete);
    if let Operation::Upgrade { how, .. } = &mut scenario.changes[0].operation {
        how.max_surge = Quantity::Count(2);
        how.drain.timeout = Duration::secs(200);
    }
    let scale = Operation::Scale { pool: PoolId(0), count: 3, drain: drain_settings() };
    scenario.changes.insert(1, Planned::new(Time(60 * 60_000_000), scale));
    let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    scenario.changes.push(Planned::new(Time(100 * 60_000_000), drain));
    scenario
}

#[test]
fn beliefs_without_doubt_change_no_bit() {
    for mut scenario in [busy_upgrade(), all_kinds()] {
        let without = pairs(&scenario, 4, 0);
        let stated = Parameters::stated(&scenario.settings);
        scenario.beliefs = Knob::ALL.map(|knob| certain(knob, stated.get(knob))).to_vec();
        assert!(pairs(&scenario, 4, 0) == without);
    }
}

#[test]
fn every_number_is_felt() {
    let scenario = all_kinds();
    let runs = |first| Runs { seed: 3, first, trials: 6, threads: 0 };
    let without: Vec<_> = (0..60).step_by(6).map(|first| paired(&scenario, runs(first), &|_| {})).collect();
    let stated = Parameters::stated(&scenario.settings);
    for knob in Knob::ALL {
        let other = match knob {
            Knob::DeletionDrains => 0.0,
            Knob::UndrainableReplaced | Knob::OneSurge => 1.0,
            Knob::MonitorGrace => 120.0,
            Knob::Company => 0.0,
            _ => stated.get(knob) * 2.5,
        };
        let doubted = Scenario { beliefs: vec![certain(knob, other)], ..scenario.clone() };
        let felt = (0..60).step_by(6).zip(&without).any(|(first, w)| paired(&doubted, runs(first), &|_| {}) != *w);
        assert!(felt, "{}", knob.name());
    }
}

/// Beliefs of each kind, wide.
fn wide() -> Vec<Belief> {
    vec![
        Belief { knob: Knob::Interruptions, prior: Prior::rate(0.3, 0.05, 1.0) },
        Belief { knob: Knob::BootstrapFailure, prior: Prior::probability(0.1, 0.01, 0.4) },
        Belief { knob: Knob::ReimageTime, prior: Prior::positive(1.0, 0.5, 3.0) },
        Belief { knob: Knob::DeletionDrains, prior: Prior::Either { one: 1.0, other: 0.0, share: 0.3 } },
    ]
}

#[test]
fn doing_nothing_differs_in_no_trial_whatever_is_drawn() {
    let scenario = Scenario { changes: Vec::new(), beliefs: wide(), ..eventful() };
    assert!(pairs(&scenario, 30, 0).iter().all(|pair| pair.proposal == pair.baseline));
}

#[test]
fn a_trial_is_the_same_drawn_or_at_the_point_that_was_drawn() {
    let scenario = Scenario { beliefs: wide(), ..eventful() };
    let drawn = pairs(&scenario, 10, 1);
    assert_eq!(drawn, pairs(&scenario, 10, 3), "threads do not matter");
    let key = |belief: &Belief| crate::random::entity_key(belief.knob.name());
    for trial in [0, 7] {
        let streams = crate::random::Streams::new(3, trial);
        let point = |b: &Belief| streams.uniform(crate::random::Process::Parameter, key(b), 0);
        let points = [vec![0.5; 4], scenario.beliefs.iter().map(point).collect()];
        let runs = Runs { seed: 3, first: trial, trials: 2, threads: 0 };
        let found = paired_at(&scenario, &points, runs, &|pair| pair);
        assert_eq!(found[1][0], drawn[trial as usize]);
        assert_eq!((found.len(), found[0].len(), found[0][1].trial), (2, 2, trial + 1));
    }
}

#[test]
fn points_see_the_same_trials_in_order_whatever_their_number() {
    let scenario = Scenario { beliefs: wide(), ..eventful() };
    let points = [vec![0.3; 4], vec![0.9; 4], vec![0.3; 4]];
    let runs = Runs { seed: 3, first: 4, trials: 19, threads: 2 };
    let found = paired_at(&scenario, &points, runs, &|pair| pair);
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
    assert_eq!(found[1].iter().map(|p| p.trial).collect::<Vec<_>>(), (4..23).collect::<Vec<_>>());
}

#[test]
fn strata_of_a_point_have_its_rates() {
    let prior = Prior::rate(0.05, 0.01, 0.2);
    let mut scenario =
        crate::example::Example::new().pool("p", 4).horizon(Duration::mins(120)).belief(Knob::Interruptions, prior);
    scenario = scenario.settings(|s| {
        s.failures.per_hour = 0.05;
        s.stratified = true;
    });
    let scenario = scenario.build();
    for share in [0.1, 0.9] {
        let runs = Runs { seed: 3, first: 0, trials: 2000, threads: 0 };
        let found = paired_at(&scenario, &[vec![share]], runs, &|pair| (pair.proposal.drawn, pair.proposal.counts));
        let mut sums = [(0.0, 0.0, 0.0); crate::strata::STRATA];
        for (drawn, counts) in &found[0] {
            let sum = &mut sums[usize::from(drawn.stratum)];
            *sum = (drawn.weight, sum.1 + 1.0, sum.2 + f64::from(counts.node_failures));
        }
        let mean: f64 = sums.iter().map(|(weight, n, failures)| weight * failures / f64::max(*n, 1.0)).sum();
        let expected = 4.0 * 2.0 * prior.quantile(share);
        assert!((mean / expected - 1.0).abs() < 0.05, "{share}: {mean} for {expected}");
    }
}
