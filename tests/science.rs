//! Science cases with known answers, run through the simulator where the quantity is one of its behaviour, through the
//! arithmetic itself where it is one.
//!
//! `POOLPROOF_VALIDATION_DIR` names a folder of case files; otherwise `../shared/science/validation` where it exists, else
//! the copy in `tests/data/validation`. A line is printed for each value, and a count at the end. `POOLPROOF_SCIENCE_TRIALS` sets
//! the trials of a random case (20,000 unless set; the acceptance rule scales with it).

#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod arithmetic;
mod autoscaler;
mod drain;
mod failures;
mod load;
mod nodes;
mod rare;
#[path = "../reports/tests/reports/reference.rs"]
mod reference;
mod uncertainty;
mod upgrade;

use std::path::PathBuf;

use serde_json::Value;

/// What a family's code found for the fields of one case.
type Found = Vec<(String, Got)>;

/// A value to compare.
enum Got {
    /// Computed without sampling.
    Exact(Value),
    /// Mean of so many trials, with the standard error they show themselves.
    Mean { value: f64, trials: u32, error: f64 },
    /// A statistic of trials that is no mean (a standard deviation, a ratio, a difference), with its standard error.
    Statistic { value: f64, error: f64 },
    /// Trials whose quantile at this level is asked for: as many of them lie below the expected value as the level says.
    Quantile { level: f64, values: Vec<f64> },
    /// The smallest or largest of trials: none lies beyond the expected bound, one comes within 1 % of it.
    Extreme { value: f64, upper: bool },
}

/// Seed of every random case; fixed, so that a failure is investigated and not rerun.
const SEED: u64 = 20_261_121;

/// Family number, code, and the fields it does not cover yet with the reason.
type Family = (&'static str, fn(&Value) -> Found);

const FAMILIES: &[Family] = &[
    ("01", drain::constant),
    ("02", drain::exponential),
    ("03", upgrade::duration),
    ("04", failures::k_of_n),
    ("05", failures::longer_than),
    ("06", load::servers),
    ("07", failures::quorum),
    ("08", load::trapezoid),
    ("09", load::random_bursts),
    ("10", nodes::provisioning),
    ("11", failures::detection),
    ("12", nodes::colocation),
    ("13", arithmetic::intervals),
    ("14", uncertainty::forecasts),
    ("15", arithmetic::attribution),
    ("17", uncertainty::parameters),
    ("18", uncertainty::sobol),
    ("16", rare::worth),
    ("19", arithmetic::pairs),
    ("20", arithmetic::generator),
    ("21", arithmetic::replicas),
    ("22", autoscaler::timeline),
    ("23", nodes::spot),
    ("25", failures::rolling_drain),
    ("24", arithmetic::plan_search),
    ("26", arithmetic::score),
];

/// The same families by other estimators: those of trials that are dealt by their failures, and of biased trials. Fields they
/// say nothing of are left to the first.
const RARELY: &[Family] = &[
    ("04", rare::k_of_n),
    ("05", rare::longer_than),
    ("07", rare::quorum),
    ("16", rare::rare_events),
    ("16", rare::biased),
    ("25", rare::rolling_drain),
];

#[test]
fn rare_events_are_found_by_weighted_trials() {
    let (mut passed, mut failed) = (0, Vec::new());
    for file in case_files() {
        let family: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = family["family"].as_str().unwrap();
        for (_, run) in RARELY.iter().filter(|(number, _)| name.starts_with(number)) {
            for case in family["cases"].as_array().unwrap() {
                for (field, got) in run(&case["inputs"]) {
                    let expected = &case["expected"][&field];
                    let (ok, shown) = accept(expected, &got);
                    let line = format!("{}/{field} expected {} got {shown}", case["id"], expected["value"]);
                    println!("{line} {}", if ok { "ok" } else { "FAIL" });
                    passed += u32::from(ok);
                    failed.extend((!ok).then_some(line));
                }
            }
        }
    }
    assert!(failed.is_empty() && passed > 30, "{passed} passed, failed: {failed:#?}");
}

#[test]
fn validation_families_hold() {
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for file in case_files() {
        let family: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let name = family["family"].as_str().unwrap();
        let Some((_, run)) = FAMILIES.iter().find(|(number, _)| name.starts_with(number)) else {
            println!("{name} skipped: not covered by this version");
            continue;
        };
        for case in family["cases"].as_array().unwrap() {
            let id = case["id"].as_str().unwrap();
            let found = run(&case["inputs"]);
            for (field, expected) in case["expected"].as_object().unwrap() {
                match found.iter().find(|(name, _)| name == field) {
                    None => {
                        skipped += 1;
                        println!("{name}/{id}/{field} skipped: not covered by this version");
                    }
                    Some((_, got)) => {
                        let (ok, shown) = accept(expected, got);
                        if ok {
                            passed += 1
                        } else {
                            failed += 1
                        }
                        println!(
                            "{name}/{id}/{field} {} expected {} got {shown}",
                            if ok { "ok" } else { "FAIL" },
                            expected["value"]
                        );
                    }
                }
            }
        }
    }
    println!("{passed} passed, {failed} failed, {skipped} skipped");
    assert_eq!(failed, 0, "science cases failed");
    assert!(passed > 0, "no science case was run");
}

/// Trials of a random case.
fn trials() -> u32 {
    std::env::var("POOLPROOF_SCIENCE_TRIALS").ok().and_then(|t| t.parse().ok()).unwrap_or(20_000)
}

fn case_files() -> Vec<PathBuf> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let shared = root.join("../shared/science/validation");
    let folder = std::env::var_os("POOLPROOF_VALIDATION_DIR")
        .map_or_else(|| if shared.is_dir() { shared } else { root.join("tests/data/validation") }, PathBuf::from);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "json"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no case files in {}", folder.display());
    files
}

/// The acceptance rule: tolerances for exact values; four standard errors for means of trials.
fn accept(expected: &Value, got: &Got) -> (bool, String) {
    let number = |key: &str| expected[key].as_f64().unwrap_or(0.0);
    let within = |value: f64, error: f64| ((value - number("value")).abs() <= error, format!("{value} +- {error:.3e}"));
    match got {
        Got::Exact(value) => {
            (equal(&expected["value"], value, number("rel_tol"), number("abs_tol")), value.to_string())
        }
        Got::Mean { value, trials, error } => {
            let error = expected["mc_sd"].as_f64().map_or(*error, |sd| sd / f64::from(*trials).sqrt());
            within(*value, 4.0 * error + number("abs_tol"))
        }
        Got::Statistic { value, error } => within(*value, 4.0 * error + number("abs_tol")),
        Got::Quantile { level, values } => {
            let below = values.iter().filter(|v| **v <= number("value")).count() as f64 / values.len() as f64;
            let error = 4.0 * (level * (1.0 - level) / values.len() as f64).sqrt();
            let ok = (below - level).abs() <= error;
            (ok, format!("a share of {below} below, for {level} +- {error:.3e}"))
        }
        Got::Extreme { value, upper } => {
            let inside = if *upper { *value <= number("value") } else { *value >= number("value") };
            (inside && (value / number("value") - 1.0).abs() < 0.01, value.to_string())
        }
    }
}

fn equal(expected: &Value, got: &Value, relative: f64, absolute: f64) -> bool {
    match (expected, got) {
        (Value::Array(e), Value::Array(g)) => {
            e.len() == g.len() && e.iter().zip(g).all(|(e, g)| equal(e, g, relative, absolute))
        }
        (Value::Object(e), Value::Object(g)) => {
            e.len() == g.len() && e.iter().all(|(k, e)| g.get(k).is_some_and(|g| equal(e, g, relative, absolute)))
        }
        _ => match (expected.as_f64(), got.as_f64()) {
            (Some(e), Some(g)) => (e - g).abs() <= absolute + relative * e.abs(),
            _ => expected == got,
        },
    }
}

/// A named exact value.
fn exact(name: &str, value: impl Into<Value>) -> (String, Got) {
    (name.to_owned(), Got::Exact(value.into()))
}

/// A named mean over trials.
fn mean(name: &str, values: &[f64]) -> (String, Got) {
    let (value, variance, _) = moments(values);
    let error = (variance / values.len() as f64).sqrt();
    (name.to_owned(), Got::Mean { value, trials: values.len() as u32, error })
}

/// A named standard deviation over trials; its error follows from the fourth moment.
fn spread(name: &str, values: &[f64]) -> (String, Got) {
    let (_, variance, fourth) = moments(values);
    let error = ((fourth - variance * variance).max(0.0) / values.len() as f64 / (4.0 * variance)).sqrt();
    (name.to_owned(), Got::Statistic { value: variance.sqrt(), error })
}

/// The named quantile of trials.
fn quantile(name: &str, level: f64, values: &[f64]) -> (String, Got) {
    (name.to_owned(), Got::Quantile { level, values: values.to_vec() })
}

/// The named ratio of two means over the same trials, with its error to first order.
fn ratio(name: &str, above: &[f64], below: &[f64]) -> (String, Got) {
    let value = moments(above).0 / moments(below).0;
    let residuals: Vec<f64> = above.iter().zip(below).map(|(a, b)| a - value * b).collect();
    let error = (moments(&residuals).1 / residuals.len() as f64).sqrt() / moments(below).0;
    (name.to_owned(), Got::Statistic { value, error })
}

/// Mean, variance and fourth central moment.
fn moments(values: &[f64]) -> (f64, f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let central = |power| values.iter().map(|v| (v - mean).powi(power)).sum::<f64>() / n;
    (mean, central(2), central(4))
}

/// The share of trials in which something happened.
fn share(name: &str, values: impl Iterator<Item = bool>) -> (String, Got) {
    mean(name, &values.map(|v| f64::from(u8::from(v))).collect::<Vec<_>>())
}

/// A field of a case's inputs.
fn f(inputs: &Value, key: &str) -> f64 {
    inputs[key].as_f64().unwrap_or_else(|| panic!("input {key}"))
}

fn n(inputs: &Value, key: &str) -> u32 {
    f(inputs, key) as u32
}

fn secs(seconds: f64) -> simulator::Duration {
    simulator::Duration::from_secs_f64(seconds)
}

fn runs(trials: u32) -> simulator::Runs {
    simulator::Runs { seed: SEED, first: 0, trials, threads: 0 }
}
