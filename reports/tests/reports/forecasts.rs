//! The whole way of a forecast: made from the model, held against operations drawn from it, and corrected by what is learned.
//!
//! `POOLPROOF_BACKTEST_OPERATIONS` (2,000 unless set) draws more operations, with more trials behind each forecast.

use reports::backtest::document::{Ask, Backtest};
use reports::backtest::durations::DurationVerdict;
use reports::backtest::history::{Observed, Prediction, Row};
use reports::backtest::quality::{Bin, Quality, Verdict};
use reports::forecast::Forecast;
use reports::learning::{About, Believed, Learned};
use simulator::outcome::Failure;
use simulator::parameters::{Belief, Knob};
use simulator::random::{Dist, Prior};
use simulator::{Duration, Outcome, Scenario};

use crate::example::{Example, inputs, pairs};

/// Machines that do not come, per request, as they are believed.
const ALLOCATION: f64 = 0.004;
const BOOTSTRAP: f64 = 0.008;

fn operations() -> u32 {
    std::env::var("POOLPROOF_BACKTEST_OPERATIONS").ok().and_then(|n| n.parse().ok()).unwrap_or(2000)
}

/// What is believed about the four numbers that operations teach.
fn believed() -> Vec<Believed> {
    let one = |name, about, prior| Believed { name, about, what: name, unit: "", prior };
    vec![
        one("provisionTime", About::Provision, Prior::positive(1.0, 0.6, 1.6)),
        one("reimageTime", About::Reimage, Prior::positive(1.0, 0.6, 1.8)),
        one("allocationFailure", About::Allocation, Prior::probability(ALLOCATION, 0.0004, 0.02)),
        one("bootstrapFailure", About::Bootstrap, Prior::probability(BOOTSTRAP, 0.0016, 0.048)),
    ]
}

/// Upgrades of system pools of two to four nodes, with and without surge, on machines that fail and under load that
/// bursts more or less often.
fn designs() -> Vec<Scenario> {
    let mut designs = Vec::new();
    let kinds = [(0, 400.0, 0.15), (1, 2000.0, 0.01), (1, 150.0, 0.05), (2, 400.0, 0.4)];
    for (system_nodes, (surge, mean_time, bursts)) in [2, 3, 4].into_iter().flat_map(|n| kinds.map(|kind| (n, kind))) {
        let mut scenario = Example { system_nodes, surge, upgrade: true, blocked: false }.scenario();
        scenario.settings.failures.per_hour = 1.0 / mean_time;
        scenario.settings.provisioning.allocation_failure = ALLOCATION;
        scenario.settings.provisioning.bootstrap_failure = BOOTSTRAP;
        scenario.settings.series_steps = 0;
        scenario.settings.bursts.per_hour = bursts;
        let knobs = [Knob::ProvisionTime, Knob::ReimageTime, Knob::AllocationFailure, Knob::BootstrapFailure];
        scenario.beliefs = knobs.into_iter().zip(believed()).map(|(knob, b)| Belief { knob, prior: b.prior }).collect();
        designs.push(scenario);
    }
    designs
}

/// The truth where parameters are wrong: machines fail to come five times as often, reimaging takes twice as long.
fn otherwise(scenario: &Scenario) -> Scenario {
    let mut truth = scenario.clone();
    truth.beliefs = Vec::new();
    truth.settings.provisioning.allocation_failure = 5.0 * ALLOCATION;
    truth.settings.provisioning.bootstrap_failure = 5.0 * BOOTSTRAP;
    for pool in truth.cluster.pools.rows_mut() {
        if let Dist::LogNormal { median, .. } = &mut pool.reimage {
            *median = Duration::from_secs_f64(2.0 * median.as_secs_f64());
        }
    }
    truth
}

/// What a report foretells of a scenario.
fn foretold(scenario: &Scenario, trials: u32) -> Prediction {
    let pairs = pairs(scenario, trials, 0);
    let inputs = inputs(scenario, &pairs);
    let forecast = Forecast::of(&inputs);
    let outages = pairs.iter().filter(|p| out(scenario, &p.proposal)).count() as f64;
    let ends = pairs.iter().filter(|p| well(&p.proposal)).count() as f64;
    Prediction {
        phase: "proposed".into(),
        outage: Some(outages / f64::from(trials)),
        success: Some(ends / f64::from(trials)),
        duration_minutes: forecast.duration_minutes,
        rule: forecast.rule,
        response: forecast.response,
        ..Prediction::default()
    }
}

fn out(scenario: &Scenario, outcome: &Outcome) -> bool {
    let weights = reports_weights(scenario);
    outcome.workloads.iter().zip(weights).any(|(workload, counts)| counts && workload.outages > 0)
}

/// Which watched workloads are system workloads.
fn reports_weights(scenario: &Scenario) -> Vec<bool> {
    let role = |id| scenario.cluster.workloads[id].role;
    scenario.watched().iter().map(|id| role(*id) != simulator::spec::Role::Application).collect()
}

fn well(outcome: &Outcome) -> bool {
    outcome.operations.iter().all(|o| o.ended.is_some() && o.failure.is_none())
}

/// What really came of one operation.
fn observed(scenario: &Scenario, outcome: &Outcome) -> Observed {
    let operation = &outcome.operations[0];
    let code = match operation.failure {
        Some(Failure::AllocationFailed) => Some("AllocationFailed"),
        Some(Failure::BootstrapFailed) => Some("VMExtensionProvisioningTimeout"),
        Some(_) => Some("UpgradeFailed"),
        None => None,
    };
    Observed {
        succeeded: Some(well(outcome)),
        code: code.map(str::to_owned),
        duration_minutes: operation.ended.map(|end| end.since(operation.started).as_mins_f64()),
        outage: Some(out(scenario, outcome)),
        ..Observed::default()
    }
}

/// Operations of all designs in turn, drawn from `truth` with a seed of their own, beside what was foretold of them.
fn history(predictions: &[Prediction], truths: &[Scenario], n: u32, seed: u64) -> Vec<Row> {
    let per = n.div_ceil(truths.len() as u32);
    // Futures of their own for each design: they would else share their luck, and 2,000 operations count as 170.
    let runs = |design: u64| simulator::Runs { seed: 1000 * seed + design, first: 0, trials: per, threads: 0 };
    let drawn = (0..)
        .zip(truths)
        .map(|(design, truth)| simulator::replicate(truth, runs(design), &|outcome| observed(truth, &outcome)));
    let mut rows = Vec::new();
    for (design, outcomes) in drawn.enumerate() {
        rows.extend(outcomes.into_iter().enumerate().map(|(i, outcome)| Row {
            change: format!("{design}-{i}"),
            // Designs take turns in time.
            started_at: Some(format!("2026-01-01T{:02}:{:02}:{:02}Z", i / 3600 % 24, i / 60 % 60, i % 60)),
            prediction: Some(predictions[design].clone()),
            outcome: Some(outcome),
            ..Row::default()
        }));
    }
    rows
}

fn told(name: &str, b: &Backtest) {
    let (outage, success, duration) =
        (b.outage.as_ref().unwrap(), b.success.as_ref().unwrap(), b.duration.as_ref().unwrap());
    println!(
        "{name}\n  outage: {}\n  success: {}\n  duration: {}",
        outage.sentence, success.sentence, duration.sentence
    );
}

fn held(q: &Quality) -> usize {
    q.bins.iter().filter(|b| !Bin::holds(b)).count()
}

#[test]
fn a_history_of_the_model_is_calibrated_a_wrong_one_is_not_and_learning_brings_it_back() {
    let n = operations();
    let trials = n.clamp(1000, 20_000);
    let designs = designs();
    let ask = Ask { seed: 1, hindsight: false };
    let predictions: Vec<Prediction> = designs.iter().map(|design| foretold(design, trials)).collect();

    // Drawn from the model, each operation with numbers of its own: the backtest says that it may be believed.
    let right = Backtest::of(&history(&predictions, &designs, n, 99), ask);
    told("as believed", &right);
    let (outage, success) = (right.outage.as_ref().unwrap(), right.success.as_ref().unwrap());
    assert_eq!((outage.verdict, success.verdict), (Verdict::Calibrated, Verdict::Calibrated));
    assert_eq!(right.duration.as_ref().unwrap().verdict, DurationVerdict::Calibrated);
    for q in [outage, success] {
        let z = q.spiegelhalter.unwrap();
        assert!(z.z.estimate.abs() < 1.96, "{}: z = {}", q.question, z.z.estimate);
        // Of ten bins one in twenty may miss by chance.
        assert!(held(q) <= 1, "{}: {:?}", q.question, q.bins);
    }
    assert!(outage.auc.unwrap().low > 0.5 && outage.skill.base_rate.unwrap().low > 0.0, "{outage:?}");

    // The same forecasts where the world is otherwise: it says so, and which way.
    let truths: Vec<Scenario> = designs.iter().map(otherwise).collect();
    let rows = history(&predictions, &truths, n, 100);
    let wrong = Backtest::of(&rows, ask);
    told("otherwise", &wrong);
    assert_eq!(wrong.success.as_ref().unwrap().verdict, Verdict::TooHigh);
    let duration = wrong.duration.unwrap();
    assert_eq!(duration.verdict, DurationVerdict::TooShort);
    assert!(duration.times_median.low > 1.2, "{}", duration.sentence);

    // What the operations teach holds the truth, more narrowly than what was believed.
    let learned = Learned::from(&rows, &believed());
    println!("{}", learned.plain());
    for (name, truth) in [
        ("provisionTime", 1.0),
        ("reimageTime", 2.0),
        ("allocationFailure", 5.0 * ALLOCATION),
        ("bootstrapFailure", 5.0 * BOOTSTRAP),
    ] {
        let number = &learned.numbers[name];
        assert!(number.low <= truth && truth <= number.high, "{name}: {number:?} does not hold {truth}");
        let width = |low: f64, high: f64| (high / low).ln();
        assert!(
            width(number.low, number.high) < 0.5 * width(number.before.low, number.before.high),
            "{name}: {number:?}"
        );
    }

    // Forecasts made with it are right about how long operations to come take, and much nearer to how many end well.
    let corrected: Vec<Prediction> = designs.iter().map(|design| foretold(&with(design, &learned), trials)).collect();
    let after = Backtest::of(&history(&corrected, &truths, n, 101), ask);
    told("learned", &after);
    let known: Vec<Prediction> = truths.iter().map(|truth| foretold(truth, trials)).collect();
    let success = |p: &[Prediction]| p.iter().filter_map(|p| p.success).sum::<f64>() / p.len() as f64;
    let (before, now, truth) = (success(&predictions), success(&corrected), success(&known));
    println!("  end well: {before} foretold, {now} with what was learned, {truth} in truth");
    assert!((now - truth).abs() < 0.4 * (before - truth).abs());
    let duration = after.duration.unwrap();
    assert!((duration.times_median.estimate - 1.0).abs() < 0.03, "{}", duration.sentence);
    assert!((0.86..0.94).contains(&duration.coverage.estimate), "{}", duration.sentence);
}

/// The scenario with what was learned in place of what was believed.
fn with(scenario: &Scenario, learned: &Learned) -> Scenario {
    let mut scenario = scenario.clone();
    let around = |name: &str, share: bool| {
        let n = &learned.numbers[name];
        if share { Prior::probability(n.value, n.low, n.high) } else { Prior::positive(n.value, n.low, n.high) }
    };
    scenario.beliefs = vec![
        Belief { knob: Knob::ProvisionTime, prior: around("provisionTime", false) },
        Belief { knob: Knob::ReimageTime, prior: around("reimageTime", false) },
        Belief { knob: Knob::AllocationFailure, prior: around("allocationFailure", true) },
        Belief { knob: Knob::BootstrapFailure, prior: around("bootstrapFailure", true) },
    ];
    scenario
}

#[test]
fn a_forecast_says_what_its_operation_does() {
    let scenario = &designs()[1];
    let prediction = foretold(scenario, 300);
    let response = prediction.response.unwrap();
    assert_eq!(response.machines, 1.0, "one surge node");
    assert!(response.provision > 0.5 && response.reimage > 4.0, "{response:?}");
    assert!(prediction.duration_minutes.windows(2).all(|w| w[0] <= w[1]) && prediction.duration_minutes.len() == 19);
    assert!(!prediction.rule.objects());
    assert!(foretold(&designs()[0], 50).rule.surge_below_one);
    let stuck = Example { system_nodes: 3, surge: 1, upgrade: true, blocked: true }.scenario();
    assert!(foretold(&stuck, 30).duration_minutes.is_empty(), "never seen to end well");
}
