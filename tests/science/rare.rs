//! Families 04, 05, 07, 16 and 25 by trials that are told how many failures they have, and family 16 by biased trials: the
//! same known answers, by the estimators that reports use.

use reports::estimate::{Sampling, Strata};
use serde_json::Value;
use simulator::example::Example;
use simulator::random::Dist;
use simulator::settings::Cause;
use simulator::spec::WorkloadKind;
use simulator::{NodeId, Outcome, Pair, Runs, Scenario, paired};

use super::failures::{drained, one_pod_each, zones};
use super::{Found, Got, SEED, exact, f, n, secs, trials};

/// Paired trials of a scenario, dealt to strata; where its failures are not rare they are plain ones.
fn told(mut scenario: Scenario, trials: u32) -> (Strata, Vec<Pair>) {
    scenario.settings.stratified = true;
    scenario.settings.quiet = simulator::quiet(&scenario, SEED);
    let pairs = paired(&scenario, Runs { seed: SEED, first: 0, trials, threads: 0 }, &|_| {});
    (Strata::with(&scenario, &pairs), pairs)
}

/// A named mean over futures, with the standard error that the strata show themselves.
fn mean(name: &str, (strata, pairs): &(Strata, Vec<Pair>), fact: &dyn Fn(&Pair) -> f64) -> (String, Got) {
    let value = strata.average(|i| fact(&pairs[i]));
    let mut variance = 0.0;
    for (k, weight) in strata.weights().iter().enumerate() {
        let of: Vec<f64> = (0..pairs.len()).filter(|i| strata.stratum(*i) == k).map(|i| fact(&pairs[i])).collect();
        variance += weight * weight * super::moments(&of).1 / of.len() as f64;
    }
    (name.to_owned(), Got::Statistic { value, error: variance.sqrt() })
}

fn yes(event: bool) -> f64 {
    f64::from(u8::from(event))
}

fn below(outcome: &Outcome) -> f64 {
    outcome.workloads[0].below.as_secs_f64()
}

pub fn k_of_n(inputs: &Value) -> Found {
    let minimum = n(inputs, "min_up");
    let repair = Dist::Exponential { mean: secs(f(inputs, "mttr_h") * 3600.0) };
    let scenario = one_pod_each(n(inputs, "nodes"), minimum, f(inputs, "mtbf_h"), repair)
        .settings(|s| s.failures.crews = Some(n(inputs, "repair_crews")))
        .horizon(secs(f(inputs, "horizon_h") * 3600.0))
        .build();
    let run = told(scenario, trials());
    vec![
        mean("p_below_at_horizon", &run, &|p| yes(p.baseline.workloads[0].at_end < minimum)),
        mean("p_ever_below", &run, &|p| yes(below(&p.baseline) > 0.0)),
        mean("expected_hours_below", &run, &|p| below(&p.baseline) / 3600.0),
    ]
}

pub fn longer_than(inputs: &Value) -> Found {
    let repair = Dist::Exponential { mean: secs(f(inputs, "mttr_min") * 60.0) };
    let scenario = one_pod_each(n(inputs, "replicas"), n(inputs, "min_up"), f(inputs, "mtbf_h"), repair)
        .settings(|s| s.failures.crews = Some(n(inputs, "repair_crews")))
        .horizon(secs(f(inputs, "horizon_h") * 3600.0))
        .build();
    let run = told(scenario, trials());
    let minutes = |p: &Pair| p.baseline.workloads[0].longest.as_secs_f64() / 60.0;
    let longer =
        |t: &Value| mean(&format!("p_outage_longer_than_{t}_min"), &run, &|p| yes(minutes(p) > t.as_f64().unwrap()));
    inputs["thresholds_min"].as_array().unwrap().iter().map(longer).collect()
}

pub fn quorum(inputs: &Value) -> Found {
    let lost = |p: &Pair| yes(below(&p.baseline) > 0.0);
    vec![
        mean("p_quorum_lost", &told(zones(inputs, false), trials()), &lost),
        mean("p_quorum_lost_with_maintenance", &told(zones(inputs, true), trials()), &lost),
    ]
}

pub fn rolling_drain(inputs: &Value) -> Found {
    let starts: Vec<f64> = inputs["drain_starts_s"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
    let run = told(drained(inputs, n(inputs, "replicas"), &starts), trials());
    let (p, b) = (|p: &Pair| below(&p.proposal), |p: &Pair| below(&p.baseline));
    vec![
        mean("p_outage", &run, &|pair| yes(p(pair) > 0.0)),
        mean("mean_outage_s", &run, &p),
        mean("p_outage_do_nothing", &run, &|pair| yes(b(pair) > 0.0)),
        mean("mean_outage_do_nothing_s", &run, &b),
        mean("added_p_outage", &run, &|pair| yes(p(pair) > 0.0) - yes(b(pair) > 0.0)),
        mean("added_outage_s", &run, &|pair| p(pair) - b(pair)),
    ]
}

/// Nodes of which none comes back within the window; out where so many have failed. Nothing else happens by chance.
fn fleet(inputs: &Value) -> Scenario {
    let (nodes, window) = (n(inputs, "nodes"), f(inputs, "window_h"));
    Example::new()
        .pool("p", nodes)
        .workload("w", WorkloadKind::Deployment, (0..nodes).map(NodeId).collect())
        .minimum(nodes - n(inputs, "fail_at_least") + 1)
        .with(|w| w.unreachable = None)
        .settings(|s| {
            s.failures.per_hour = 1.0 / f(inputs, "mtbf_h");
            s.failures.down = Dist::Constant(secs(window * 7200.0));
            s.off = Cause::ALL.map(|(cause, _)| cause).into();
            s.off.retain(|cause| *cause != Cause::NodeFailure);
        })
        .horizon(secs(window * 3600.0))
        .build()
}

/// Probabilities that a billion plain trials would hardly see: from a few thousand, and with limits that hold them.
pub fn rare_events(inputs: &Value) -> Found {
    let run = told(fleet(inputs), trials());
    assert!(run.0.quiet());
    let event = |i: usize| below(&run.1[i].baseline) > 0.0;
    let est = run.0.probability(Sampling::Sequential, event);
    let truth = tail(inputs, failing(inputs), |_| 1.0);
    assert!(est.low <= truth && truth <= est.high, "{est:?} of {truth}");
    // Futures without failures are certain. What one or two might do that was never seen is the rest.
    assert!(
        est.low > 0.8 * truth && est.high < truth + 10.0 / f64::from(trials()) * run.0.weights()[1] * 3.0,
        "{est:?}"
    );
    vec![mean("p_event", &run, &|p| yes(below(&p.baseline) > 0.0))]
}

/// The same by trials in which failures are `tilt` times as frequent.
pub fn biased(inputs: &Value) -> Found {
    let mut scenario = fleet(inputs);
    scenario.settings.failure_factor = Some(f(inputs, "tilt"));
    let pairs = paired(&scenario, Runs { seed: SEED, first: 0, trials: trials(), threads: 0 }, &|_| {});
    let weights: Vec<f64> = pairs.iter().map(|p| p.baseline.drawn.weight).collect();
    let events: Vec<bool> = pairs.iter().map(|p| below(&p.baseline) > 0.0).collect();
    let found = reports::estimate::importance(&weights, &events);
    assert!(found.trusted(), "{found:?}");
    let weighed: Vec<f64> = weights.iter().zip(&events).map(|(w, e)| w * yes(*e)).collect();
    let (_, variance, _) = super::moments(&weighed);
    let error = (variance / weighed.len() as f64).sqrt();
    vec![
        ("p_event".to_owned(), Got::Statistic { value: found.estimate, error }),
        ("mean_weight_check".to_owned(), Got::Statistic { value: found.mean_weight, error: found.mean_error }),
    ]
}

/// Probability that a node fails within the window.
fn failing(inputs: &Value) -> f64 {
    -(-f(inputs, "window_h") / f(inputs, "mtbf_h")).exp_m1()
}

/// The sum over numbers of failures that are enough, of the binomial probability at `q` times a factor.
fn tail(inputs: &Value, q: f64, factor: impl Fn(i32) -> f64) -> f64 {
    let nodes = n(inputs, "nodes") as i32;
    let ways = |j: i32| (0..j).map(|i| f64::from(nodes - i) / f64::from(i + 1)).product::<f64>();
    let term = |j: i32| ways(j) * q.powi(j) * (1.0 - q).powi(nodes - j) * factor(j);
    (n(inputs, "fail_at_least") as i32..=nodes).map(term).sum()
}

/// What importance sampling of failures is worth, in closed form.
pub fn worth(inputs: &Value) -> Found {
    let (p, nodes) = (failing(inputs), n(inputs, "nodes") as i32);
    let q = -(-f(inputs, "tilt") * f(inputs, "window_h") / f(inputs, "mtbf_h")).exp_m1();
    let weight = |j: i32| (p / q).powi(j) * ((1.0 - p) / (1.0 - q)).powi(nodes - j);
    let probability = tail(inputs, p, |_| 1.0);
    let second = tail(inputs, q, |j| weight(j).powi(2));
    let (crude, tilted) = (((1.0 - probability) / probability).sqrt(), (second / probability.powi(2) - 1.0).sqrt());
    vec![
        exact("p_event", probability),
        exact("is_second_moment", second),
        exact("is_relative_error_per_sample", tilted),
        exact("crude_relative_error_per_sample", crude),
        exact("trials_for_10pct_rel_error_crude", (crude / 0.1).powi(2)),
        exact("trials_for_10pct_rel_error_is", (tilted / 0.1).powi(2)),
        exact(
            "mean_weight_check",
            (0..=nodes)
                .map(|j| {
                    let ways = (0..j).map(|i| f64::from(nodes - i) / f64::from(i + 1)).product::<f64>();
                    ways * q.powi(j) * (1.0 - q).powi(nodes - j) * weight(j)
                })
                .sum::<f64>(),
        ),
    ]
}
