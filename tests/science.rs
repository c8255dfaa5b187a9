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
#[path = "../reports/tests/reports/reference.rs"]
mod reference;
mod upgrade;

use std::path::PathBuf;

use serde_json::Value;

/// What a family's code found for the fields of one case.
type Found = Vec<(String, Got)>;

/// A value to compare.
enum Got {
    /// Computed without sampling.
    Exact(Value),
    /// Mean of so many trials.
    Mean(f64, u32),
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
    ("07", failures::quorum),
    ("11", failures::detection),
    ("13", arithmetic::intervals),
    ("19", arithmetic::pairs),
    ("20", arithmetic::generator),
    ("21", arithmetic::replicas),
    ("22", autoscaler::timeline),
    ("25", failures::rolling_drain),
    ("26", arithmetic::score),
];

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
    match got {
        Got::Exact(value) => {
            (equal(&expected["value"], value, number("rel_tol"), number("abs_tol")), value.to_string())
        }
        Got::Mean(mean, n) => {
            let error = 4.0 * number("mc_sd") / f64::from(*n).sqrt();
            let off = (mean - number("value")).abs();
            (expected["mc_sd"].is_number() && off <= error + number("abs_tol"), format!("{mean} +- {error:.3e}"))
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
    (name.to_owned(), Got::Mean(values.iter().sum::<f64>() / values.len() as f64, values.len() as u32))
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
