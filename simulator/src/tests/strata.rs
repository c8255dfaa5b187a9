//! Futures told how many rare events they have: the same estimates as without, for less; the same futures in every plan.

use crate::change::Operation;
use crate::example::{Example, busy_upgrade, drain_settings};
use crate::parameters::{Belief, Knob};
use crate::random::prior::Prior;
use crate::random::{Dist, Process, Streams};
use crate::settings::Cause;
use crate::spec::{Quantity, WorkloadKind};
use crate::strata::STRATA;
use crate::time::Duration;
use crate::{NodeId, Outcome, Pair, PoolId, Runs, Scenario, Strata, paired};

fn pairs(scenario: &Scenario, trials: u32, threads: usize) -> Vec<Pair> {
    paired(scenario, Runs { seed: 17, first: 0, trials, threads }, &|_| {})
}

fn stratified(mut scenario: Scenario) -> Scenario {
    scenario.settings.stratified = true;
    scenario
}

/// What is read from a pair.
type Fact = fn(&Pair) -> f64;

/// Mean of a fact of a pair with its standard error, strata recombined with their probabilities.
fn estimate(pairs: &[Pair], fact: &dyn Fn(&Pair) -> f64) -> (f64, f64) {
    let (mut mean, mut variance) = (0.0, 0.0);
    for stratum in 0..STRATA as u8 {
        let of: Vec<&Pair> = pairs.iter().filter(|p| p.proposal.drawn.stratum == stratum).collect();
        if let Some(first) = of.first() {
            let n = of.len() as f64;
            let m = of.iter().map(|p| fact(p)).sum::<f64>() / n;
            let v = of.iter().map(|p| (fact(p) - m).powi(2)).sum::<f64>() / n;
            mean += first.proposal.drawn.weight * m;
            variance += first.proposal.drawn.weight.powi(2) * v / n;
        }
    }
    (mean, variance.sqrt())
}

fn out(outcome: &Outcome) -> f64 {
    f64::from(u8::from(outcome.workloads.iter().any(|w| !w.below.is_zero())))
}

/// Three pods on three nodes, at least two up; nothing else happens by chance.
fn trio(per_hour: f64) -> Scenario {
    Example::new()
        .pool("p", 3)
        .workload("w", WorkloadKind::Deployment, (0..3).map(NodeId).collect())
        .minimum(2)
        .with(|w| w.unreachable = None)
        .settings(|s| {
            s.failures.per_hour = per_hour;
            s.failures.down = Dist::Constant(Duration::mins(600));
            s.stratified = true;
            s.off = Cause::ALL.map(|(cause, _)| cause).into();
            s.off.retain(|cause| !matches!(cause, Cause::NodeFailure));
        })
        .build()
}

#[test]
fn a_rare_event_has_its_closed_form() {
    for per_hour in [1e-6, 1e-4, 1e-2] {
        let scenario = trio(per_hour);
        let (got, error) = estimate(&pairs(&scenario, 4096, 0), &|p| out(&p.baseline));
        // Two or three of three nodes fail within two hours.
        let q = -(-2.0 * per_hour).exp_m1();
        let truth = 3.0 * q * q * (1.0 - q) + q.powi(3);
        assert!((got - truth).abs() <= 4.0 * error, "{per_hour}: {got} +- {error}, expected {truth}");
        assert!(error < 0.05 * truth, "{per_hour}: {error} of {truth}");
    }
}

#[test]
fn a_future_without_draws_says_so() {
    let found = pairs(&trio(1e-4), 200, 0);
    assert!(found.iter().all(|p| p.baseline.drawn.certain == (p.baseline.drawn.stratum == 0)));
    let mut open = trio(1e-4);
    open.settings.off.retain(|cause| *cause != Cause::Burst);
    open.settings.bursts.per_hour = 0.1;
    assert!(pairs(&open, 50, 0).iter().all(|p| !p.baseline.drawn.certain));
}

#[test]
fn both_plans_are_told_the_same_and_doing_nothing_differs_in_no_trial() {
    let scenario = stratified(busy_upgrade());
    assert!(Strata::of(&scenario).is_some());
    for pair in pairs(&scenario, 12, 0) {
        assert_eq!(
            (pair.proposal.drawn.stratum, pair.proposal.drawn.weight),
            (pair.baseline.drawn.stratum, pair.baseline.drawn.weight)
        );
    }
    for pair in pairs(&scenario.do_nothing(), 12, 0) {
        assert_eq!(pair.proposal, pair.baseline);
    }
}

#[test]
fn threads_do_not_matter_and_trials_do_not_depend_on_where_they_start() {
    let scenario = stratified(busy_upgrade());
    let one = pairs(&scenario, 6, 1);
    assert_eq!(one, pairs(&scenario, 6, 3));
    let tail = paired(&scenario, Runs { seed: 17, first: 4, trials: 2, threads: 1 }, &|_| {});
    assert_eq!(one[4..], tail[..]);
    let traced = crate::trace(&scenario, 17, 5);
    assert_eq!(traced.outcome, one[5].proposal);
}

#[test]
fn where_events_are_off_or_frequent_nothing_is_dealt() {
    let mut scenario = stratified(busy_upgrade());
    scenario.settings.failures.per_hour = 1.0;
    assert_eq!(Strata::of(&scenario), None);
    let mut crude = scenario.clone();
    crude.settings.stratified = false;
    assert_eq!(pairs(&scenario, 3, 0), pairs(&crude, 3, 0));
    scenario.settings.failures = crate::settings::Failures::default();
    assert_eq!(Strata::of(&scenario), None);
}

/// The last stratum, and with it nearly all that is drawn beforehand, agrees with the processes as they come.
#[test]
fn strata_agree_with_brute_force_on_random_clusters() {
    let mut compared = 0;
    for cluster in 0..24 {
        let scenario = random_cluster(cluster);
        let told = pairs(&stratified(scenario.clone()), 3000, 0);
        let plain = pairs(&scenario, 12_000, 0);
        let facts: [(&str, Fact); 5] = [
            ("outage", |p| out(&p.proposal)),
            ("outage doing nothing", |p| out(&p.baseline)),
            ("added outage", |p| out(&p.proposal) - out(&p.baseline)),
            ("minutes", |p| p.proposal.workloads[0].below.as_mins_f64()),
            ("failures", |p| f64::from(p.baseline.counts.node_failures)),
        ];
        for (name, fact) in facts {
            let ((a, ea), (b, eb)) = (estimate(&told, &fact), estimate(&plain, &fact));
            assert!((a - b).abs() <= 4.5 * ea.hypot(eb) + 1e-12, "cluster {cluster} {name}: {a} +- {ea}, {b} +- {eb}");
            compared += u32::from(eb > 0.0 && eb < 0.3 * b.abs());
        }
    }
    assert!(compared > 60, "only {compared} figures were resolved by both");
}

/// A small cluster in which everything that is rare happens, a little too often to be so.
fn random_cluster(number: u64) -> Scenario {
    let streams = Streams::new(99, 0);
    let mut next = 0;
    let mut u = || {
        next += 1;
        streams.uniform(Process::RareEvent, number, next)
    };
    let nodes = 2 + (u() * 5.0) as u32;
    let replicas = 1 + (u() * f64::from(nodes)) as u32;
    let minimum = 1 + (u() * f64::from(replicas)) as u32;
    let mut rate = |most: f64| most * u() / f64::from(nodes);
    let (node, fault, reboot, grey) = (rate(0.4), rate(0.1), rate(0.1), rate(0.1));
    let (zone, domain, fleet) = (rate(0.1), rate(0.05), rate(0.05));
    let (kind, company) = (u(), u());
    let example = Example::new()
        .pool("a", nodes)
        .workload("w", WorkloadKind::Deployment, (0..replicas).map(|i| NodeId(i % nodes)).collect())
        .minimum(minimum.min(replicas))
        .settings(|s| {
            s.failures.per_hour = node;
            s.failures.faults_per_hour = fault;
            s.failures.reboots_per_hour = reboot;
            s.failures.grey_per_hour = grey;
            s.failures.zone_per_hour = zone;
            s.failures.domain_per_hour = domain;
            s.failures.fleet_per_hour = fleet;
            s.failures.company = 0.4 * company;
            s.failures.down = Dist::Exponential { mean: Duration::mins(20) };
            s.failures.zone_down = Dist::Exponential { mean: Duration::mins(20) };
        });
    let pool = PoolId(0);
    let mut scenario = match (kind * 3.0) as u32 {
        0 => example.upgrade(pool, Quantity::Count(1)),
        1 => example.change(Duration::mins(10), Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() }),
        _ => example.change(Duration::mins(10), Operation::Scale { pool, count: nodes - 1, drain: drain_settings() }),
    }
    .build();
    // Every third is followed until it has settled.
    if number.is_multiple_of(3) {
        scenario.settings.follow = Duration::mins(60);
    }
    // In every second cluster two of the rates are not known well.
    if number % 2 == 1 {
        let gamma = |knob, mean| Belief { knob, prior: Prior::Gamma { shape: 1.5, mean } };
        scenario.beliefs = vec![gamma(Knob::Interruptions, node), gamma(Knob::ZoneIncidents, zone)];
    }
    scenario
}

#[test]
fn a_factor_of_one_changes_no_bit() {
    let plain = busy_upgrade();
    let mut biased = plain.clone();
    biased.settings.failure_factor = Some(1.0);
    assert_eq!(pairs(&plain, 12, 0), pairs(&biased, 12, 0));
    let mut told = stratified(biased);
    told.settings.failure_factor = Some(1.0);
    assert_eq!(pairs(&plain, 2, 0), pairs(&told, 2, 0), "one way at a time");
}

/// Mean of weighted facts with its standard error.
fn weighted(pairs: &[Pair], fact: Fact) -> (f64, f64) {
    let values: Vec<f64> = pairs.iter().map(|p| p.proposal.drawn.weight * fact(p)).collect();
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    (mean, (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n / n).sqrt())
}

#[test]
fn biased_trials_agree_with_brute_force_and_their_weights_are_one_on_average() {
    for cluster in 0..20 {
        let mut scenario = random_cluster(cluster);
        scenario.settings.provisioning.bootstrap_failure = 0.05;
        let mut biased = scenario.clone();
        biased.settings.failure_factor = Some(3.0);
        let (often, plain) = (pairs(&biased, 2500, 0), pairs(&scenario, 5000, 0));
        assert!(often.iter().all(|p| p.proposal.drawn.weight > 0.0 && p.proposal.drawn.weight <= 10.0 + 1e-9));
        let (mean, error) = weighted(&often, |_| 1.0);
        assert!((mean - 1.0).abs() <= 4.5 * error, "cluster {cluster}: mean weight {mean} +- {error}");
        let facts: [(&str, Fact); 2] =
            [("outage", |p| out(&p.proposal)), ("minutes", |p| p.proposal.workloads[0].below.as_mins_f64())];
        for (name, fact) in facts {
            let ((a, ea), (b, eb)) = (weighted(&often, fact), weighted(&plain, fact));
            assert!((a - b).abs() <= 4.5 * ea.hypot(eb) + 1e-12, "cluster {cluster} {name}: {a} +- {ea}, {b} +- {eb}");
        }
    }
}

#[test]
fn biased_trials_resolve_what_brute_force_never_sees() {
    let mut scenario = trio(1e-5);
    scenario.settings.stratified = false;
    scenario.settings.failure_factor = Some(30_000.0);
    let found = pairs(&scenario, 4096, 0);
    let (got, error) = weighted(&found, |p| out(&p.proposal));
    let q = -(-2e-5_f64).exp_m1();
    let truth = 3.0 * q * q * (1.0 - q) + q.powi(3);
    assert!((got - truth).abs() <= 4.0 * error && error < 0.1 * truth, "{got} +- {error}, expected {truth}");
    for pair in pairs(&scenario.do_nothing(), 12, 0) {
        assert_eq!(pair.proposal, pair.baseline);
    }
}

#[test]
fn surge_nodes_are_foretold_too() {
    let mut scenario = trio(1e-3);
    scenario.settings.stratified = false;
    let upgrade = Example::new().pool("p", 3).upgrade(PoolId(0), Quantity::Count(2)).build();
    scenario.changes = upgrade.changes;
    let told = pairs(&stratified(scenario.clone()), 2000, 0);
    // Without failures nothing is drawn, although the upgrade makes nodes.
    assert!(told.iter().all(|p| p.proposal.drawn.certain == (p.proposal.drawn.stratum == 0)));
    scenario.settings.failures.per_hour = 0.05;
    let (told, plain) = (pairs(&stratified(scenario.clone()), 4000, 0), pairs(&scenario, 16_000, 0));
    let facts: [(&str, Fact); 2] =
        [("outage", |p| out(&p.proposal)), ("failures", |p| f64::from(p.proposal.counts.node_failures))];
    for (name, fact) in facts {
        let ((a, ea), (b, eb)) = (estimate(&told, &fact), estimate(&plain, &fact));
        assert!((a - b).abs() <= 4.0 * ea.hypot(eb), "{name}: {a} +- {ea}, {b} +- {eb}");
    }
}
