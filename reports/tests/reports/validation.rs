//! Families 13 (intervals for counts, betting, empirical Bernstein) and 26 (score mapping) of the validation cases, from
//! the folder that `POOLPROOF_VALIDATION_DIR` names, the shared one beside the project, or the project's own copy.

use std::path::PathBuf;

use reports::estimate::{betting, clopper_pearson, maurer_pontil, upper_limit, wilson};
use reports::score;
use serde_json::Value;

fn family(name: &str) -> Option<Value> {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    let shared = root.join("../shared/science/validation");
    let own = root.join("tests/data/validation");
    let folder = std::env::var_os("POOLPROOF_VALIDATION_DIR")
        .map_or_else(|| if shared.is_dir() { shared } else { own }, PathBuf::from);
    match std::fs::read(folder.join(name)) {
        Ok(bytes) => Some(serde_json::from_slice(&bytes).unwrap()),
        Err(_) => {
            println!("skipped: no {name} in {}", folder.display());
            None
        }
    }
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(items) => items.iter().map(|v| v.as_f64().unwrap()).collect(),
        other => vec![other.as_f64().unwrap()],
    }
}

fn check(case: &str, name: &str, field: &Value, got: &[f64]) {
    let want = numbers(&field["value"]);
    let (rel, abs) = (field["rel_tol"].as_f64().unwrap(), field["abs_tol"].as_f64().unwrap());
    assert_eq!(got.len(), want.len(), "{case} {name}");
    for (got, want) in got.iter().zip(want) {
        assert!((got - want).abs() <= abs + rel * want.abs(), "{case} {name}: got {got}, expected {want}");
    }
    println!("{case}/{name} ok");
}

#[test]
fn interval_estimators() {
    let Some(family) = family("13_interval_estimators.json") else {
        return;
    };
    let mut checked = 0;
    for case in family["cases"].as_array().unwrap() {
        let (id, inputs) = (case["id"].as_str().unwrap(), &case["inputs"]);
        let alpha = inputs["alpha"].as_f64().unwrap();
        let pair = |(low, high): (f64, f64)| vec![low, high];
        for (name, field) in case["expected"].as_object().unwrap() {
            let counts = || (inputs["events"].as_u64().unwrap(), inputs["trials"].as_u64().unwrap());
            let got = match name.as_str() {
                "clopper_pearson" => pair(clopper_pearson(counts().0, counts().1, alpha)),
                "wilson" => pair(wilson(counts().0, counts().1, alpha)),
                "clopper_pearson_one_sided_upper" => {
                    vec![upper_limit(counts().0, counts().1, alpha)]
                }
                "empirical_bernstein_maurer_pontil_two_sided" => pair(maurer_pontil(&numbers(&inputs["data"]), alpha)),
                "betting_hedged_capital_cs_at_n" => pair(betting(&numbers(&inputs["data"]), alpha, 0.5)),
                _ => continue,
            };
            check(id, name, field, &got);
            checked += 1;
        }
    }
    assert!(checked >= 10, "only {checked} values checked");
}

#[test]
fn score_mapping() {
    let Some(family) = family("26_score_mapping.json") else {
        return;
    };
    for case in family["cases"].as_array().unwrap() {
        let (id, inputs, expected) = (case["id"].as_str().unwrap(), &case["inputs"], &case["expected"]);
        assert_eq!(inputs["l_low_min"].as_f64(), Some(score::LOSS_LOW));
        assert_eq!(inputs["l_high_min"].as_f64(), Some(score::LOSS_HIGH));
        assert_eq!(inputs["slo_period_days"].as_f64(), Some(score::BUDGET_DAYS));
        let (losses, slo) = (numbers(&inputs["loss_minutes"]), inputs["slo"].as_f64().unwrap());
        let scores: Vec<f64> = losses.iter().map(|l| score::score(*l)).collect();
        check(id, "score", &expected["score"], &scores);
        let levels: Vec<&str> = scores.iter().map(|s| score::level(*s).name()).collect();
        let want: Vec<&str> =
            expected["level"]["value"].as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect();
        assert_eq!(levels, want);
        check(id, "error_budget_min", &expected["error_budget_min"], &[score::error_budget(slo)]);
        let burns: Vec<f64> = losses.iter().map(|l| score::burn(*l, slo)).collect();
        check(id, "budget_burn_fraction", &expected["budget_burn_fraction"], &burns);
    }
}
