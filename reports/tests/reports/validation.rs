//! Families 13 (intervals and confidence sequences), 19 (paired counts) and 26 (score mapping) of the validation cases, from
//! the folder that `POOLPROOF_VALIDATION_DIR` names, the shared one beside the project, or the project's own copy.

use std::path::PathBuf;

use reports::estimate::{
    RunningDifference, Sampling, Strata, beta_binomial, betting, clopper_pearson, mc_nemar, upper_limit,
};
use reports::score;
use serde_json::Value;
use simulator::outcome::Drawn;

use crate::reference::{hoeffding, jeffreys, maurer_pontil, plug_in_bernstein, wilson};

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
        let data = || numbers(&inputs["data"]);
        for (name, field) in case["expected"].as_object().unwrap() {
            let counts = || (inputs["events"].as_u64().unwrap(), inputs["trials"].as_u64().unwrap());
            let got = match name.as_str() {
                "clopper_pearson" => pair(clopper_pearson(counts().0, counts().1, alpha)),
                "wilson" => pair(wilson(counts().0, counts().1, alpha)),
                "clopper_pearson_one_sided_upper" => {
                    vec![upper_limit(counts().0, counts().1, alpha)]
                }
                "jeffreys" => pair(jeffreys(counts().0, counts().1, alpha)),
                "beta_binomial_confidence_sequence" => {
                    let mixture = numbers(&inputs["prior"]);
                    pair(beta_binomial(counts().0, counts().1, alpha, (mixture[0], mixture[1])))
                }
                "hoeffding" => pair(hoeffding(&data(), alpha)),
                "empirical_bernstein_maurer_pontil_two_sided" => pair(maurer_pontil(&data(), alpha)),
                "prpl_empirical_bernstein_cs_at_n" => pair(plug_in_bernstein(&data(), alpha)),
                "betting_hedged_capital_cs_at_n" => pair(betting(&data(), alpha, 0.5)),
                other => panic!("{id}: nothing computes {other}"),
            };
            check(id, name, field, &got);
            checked += 1;
        }
    }
    assert!(checked >= 20, "only {checked} values checked");
}

#[test]
fn paired_counts() {
    let Some(family) = family("19_common_random_numbers.json") else {
        return;
    };
    for case in family["cases"].as_array().unwrap() {
        let (id, inputs, expected) = (case["id"].as_str().unwrap(), &case["inputs"], &case["expected"]);
        let count = |key: &str| inputs[key].as_u64().unwrap();
        let (gained, spared, trials) = (count("only_proposed_bad"), count("only_baseline_bad"), count("paired_trials"));
        check(id, "mcnemar_exact_p", &expected["mcnemar_exact_p"], &[mc_nemar(gained, spared)]);
        // The figure that reports give, with limits at a fixed number of trials and sequential ones, trial by trial.
        for sampling in [Sampling::Fixed, Sampling::Sequential] {
            let mut running = RunningDifference::new(sampling, &Strata::default());
            for i in 0..trials {
                running.add(Drawn::default(), i < gained, (gained..gained + spared).contains(&i));
            }
            let added = running.est();
            check(id, "paired_difference", &expected["paired_difference"], &[added.estimate]);
            let wald = numbers(&expected["paired_wald_95"]["value"]);
            assert!(
                added.low <= wald[0] && added.high >= wald[1],
                "{id}: {added:?} holds more than the guess {wald:?}"
            );
        }
    }
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
        check(id, "error_budget_min", &expected["error_budget_min"], &[score::error_budget(slo, score::BUDGET_DAYS)]);
        let burns: Vec<f64> = losses.iter().map(|l| score::burn(*l, slo, score::BUDGET_DAYS)).collect();
        check(id, "budget_burn_fraction", &expected["budget_burn_fraction"], &burns);
    }
}
