//! Families 13, 15, 19, 20, 21, 24 and 26: arithmetic of intervals, causes, pairs, random numbers, controllers, search, score.

use reports::attribution;
use reports::estimate::{beta_binomial, betting, clopper_pearson, mc_nemar, share, upper_limit};
use reports::search::{halving, ocba};
use serde_json::{Value, json};
use simulator::random::{Dist, philox4x32_10, standard_normal_quantile, uniform};
use simulator::replicas::{Linear, horizontal, ladder, linear};

use super::reference::{hoeffding, jeffreys, maurer_pontil, plug_in_bernstein, wilson};
use super::{Found, exact, f, n, secs};

/// The estimators of reports, and those that stand beside them as reference points.
pub fn intervals(inputs: &Value) -> Found {
    let alpha = f(inputs, "alpha");
    let pair = |name, (low, high): (f64, f64)| exact(name, json!([low, high]));
    let numbers =
        |key: &str| -> Vec<f64> { inputs[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    if inputs["type"] == "counts" {
        let (k, trials) = (n(inputs, "events").into(), n(inputs, "trials").into());
        let mixture = numbers("prior");
        return vec![
            pair("clopper_pearson", clopper_pearson(k, trials, alpha)),
            pair("wilson", wilson(k, trials, alpha)),
            pair("jeffreys", jeffreys(k, trials, alpha)),
            pair("beta_binomial_confidence_sequence", beta_binomial(k, trials, alpha, (mixture[0], mixture[1]))),
            exact("clopper_pearson_one_sided_upper", upper_limit(k, trials, alpha)),
        ];
    }
    let data = numbers("data");
    vec![
        pair("hoeffding", hoeffding(&data, alpha)),
        pair("empirical_bernstein_maurer_pontil_two_sided", maurer_pontil(&data, alpha)),
        pair("betting_hedged_capital_cs_at_n", betting(&data, alpha, 0.5)),
        pair("prpl_empirical_bernstein_cs_at_n", plug_in_bernstein(&data, alpha)),
    ]
}

/// What pairing is worth, and the figures of a report on paired counts.
pub fn pairs(inputs: &Value) -> Found {
    let (without, with) = (f(inputs, "p_baseline"), f(inputs, "p_proposed"));
    let independent = with * (1.0 - with) + without * (1.0 - without);
    let coupled = (with - without).abs() - (with - without).powi(2);
    let count = |key| u64::from(n(inputs, key));
    let (gained, spared, trials) = (count("only_proposed_bad"), count("only_baseline_bad"), count("paired_trials"));
    let difference = share(gained, trials) - share(spared, trials);
    let error = ((share(gained + spared, trials) - difference * difference) / trials as f64).sqrt();
    let wide = standard_normal_quantile(0.975) * error;
    vec![
        exact("variance_independent", independent),
        exact("variance_comonotone_crn", coupled),
        exact("variance_ratio", independent / coupled),
        exact("trials_ratio_same_precision", independent / coupled),
        exact("mcnemar_exact_p", mc_nemar(gained, spared)),
        exact("paired_difference", difference),
        exact("paired_se", error),
        exact("paired_wald_95", json!([difference - wide, difference + wide])),
    ]
}

/// A risk shared out among causes, from its value on every subset of them.
pub fn attribution(inputs: &Value) -> Found {
    let names: Vec<&str> = inputs["causes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap()).collect();
    let on = |set: usize| names.iter().enumerate().filter(move |(i, _)| set & (1 << i) != 0);
    let value = |set: usize| match inputs["game"].as_str().unwrap() {
        "noisy_or" => 1.0 - on(set).map(|(i, _)| 1.0 - inputs["p"][i].as_f64().unwrap()).product::<f64>(),
        _ => {
            // The table names its subsets in the order of the causes.
            let name: Vec<&str> = on(set).map(|(_, name)| *name).collect();
            inputs["risk_table"][name.join("+")].as_f64().unwrap()
        }
    };
    let values: Vec<f64> = (0..1 << names.len()).map(value).collect();
    let named = |shares: Vec<f64>| -> Value {
        names
            .iter()
            .zip(shares)
            .map(|(name, share)| ((*name).to_owned(), json!(share)))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    vec![
        exact("shapley", named(attribution::shapley(&values))),
        exact("switch_off_one", named(attribution::switched_off(&values))),
        exact("switch_on_alone", named(attribution::alone(&values))),
        exact("total_minus_empty", values[values.len() - 1] - values[0]),
    ]
}

pub fn generator(inputs: &Value) -> Found {
    let words = |key: &str| -> Vec<u32> {
        inputs[key].as_array().unwrap().iter().map(|w| u32::from_str_radix(w.as_str().unwrap(), 16).unwrap()).collect()
    };
    let (c, k) = (words("counter_hex"), words("key_hex"));
    let out = philox4x32_10([c[0], c[1], c[2], c[3]], [k[0], k[1]]);
    let (u0, u1) = (uniform(out[0], out[1]), uniform(out[2], out[3]));
    // Durations are whole microseconds: a long unit keeps twelve digits.
    let unit = 1e9;
    let exponential = Dist::Exponential { mean: secs(unit) }.quantile(u0).as_secs_f64() / unit;
    let log_normal = Dist::LogNormal { median: secs(180.0), sigma: 0.35 }.quantile(u0).as_secs_f64();
    vec![
        exact("words_hex", out.iter().map(|w| format!("{w:08x}")).collect::<Vec<_>>()),
        exact("u0", u0),
        exact("u1", u1),
        exact("exp_mean_1_from_u0", exponential),
        exact("std_normal_inverse_cdf_from_u0", standard_normal_quantile(u0)),
        exact("lognormal_median_180_sigma_0p35_from_u0", log_normal),
    ]
}

pub fn replicas(inputs: &Value) -> Found {
    let rows = |key: &str| -> Vec<Vec<f64>> {
        let rows = inputs[key].as_array().map(Vec::as_slice).unwrap_or_default();
        rows.iter().map(|r| r.as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect()).collect()
    };
    let steps = |key: &str| -> Vec<(u32, u32)> { rows(key).iter().map(|r| (r[0] as u32, r[1] as u32)).collect() };
    match inputs["mode"].as_str().unwrap() {
        "ladder" => {
            let (cores, nodes) = (steps("coresToReplicas"), steps("nodesToReplicas"));
            let got: Vec<u32> =
                rows("nodes_cores").iter().map(|r| ladder(r[1] as u32, r[0] as u32, &cores, &nodes)).collect();
            vec![exact("replicas", got)]
        }
        "linear" => {
            let p = Linear {
                cores_per_replica: f(inputs, "coresPerReplica"),
                nodes_per_replica: f(inputs, "nodesPerReplica"),
                min: n(inputs, "min"),
                max: n(inputs, "max"),
                prevent_single_point_failure: inputs["preventSinglePointFailure"].as_bool().unwrap_or(false),
            };
            let got: Vec<u32> = rows("nodes_cores").iter().map(|r| linear(r[1] as u32, r[0] as u32, p)).collect();
            vec![exact("replicas", got)]
        }
        "hpa" => {
            let (tolerance, min, max) = (f(inputs, "tolerance"), n(inputs, "min"), n(inputs, "max"));
            let got: Vec<u32> = rows("current_metric_target")
                .iter()
                .map(|r| horizontal(r[0] as u32, r[1], r[2], tolerance, min, max))
                .collect();
            vec![exact("desired", got)]
        }
        _ => Vec::new(),
    }
}

pub fn score(inputs: &Value) -> Found {
    let losses: Vec<f64> = inputs["loss_minutes"].as_array().unwrap().iter().map(|l| l.as_f64().unwrap()).collect();
    // The report's own bounds and period; other ones are another mapping.
    if f(inputs, "l_low_min") != 0.001 || f(inputs, "l_high_min") != 100.0 || f(inputs, "slo_period_days") != 30.0 {
        return Vec::new();
    }
    let slo = f(inputs, "slo");
    let scores: Vec<f64> = losses.iter().map(|l| reports::score::score(*l)).collect();
    let levels: Vec<Value> = scores.iter().map(|s| serde_json::to_value(reports::score::level(*s)).unwrap()).collect();
    let burns: Vec<f64> = losses.iter().map(|l| reports::score::burn(*l, slo, reports::score::BUDGET_DAYS)).collect();
    vec![
        exact("score", scores),
        exact("level", levels),
        exact("error_budget_min", reports::score::error_budget(slo, reports::score::BUDGET_DAYS)),
        exact("budget_burn_fraction", burns),
    ]
}

/// 24: how trials are shared out among plans.
pub fn plan_search(inputs: &Value) -> Found {
    let numbers =
        |key: &str| -> Vec<f64> { inputs[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let budget = n(inputs, "budget");
    if inputs["type"] == "ocba" {
        let (best, shares) = ocba(&numbers("mean_risk"), &numbers("sd"), 0.0);
        let trials: Vec<f64> = shares.iter().map(|share| share * f64::from(budget)).collect();
        return vec![
            exact("best_index", json!(best)),
            exact("allocation_fraction", json!(shares)),
            exact("allocation_trials", json!(trials)),
        ];
    }
    let rounds = halving(n(inputs, "candidates") as usize, budget.into());
    let total: u64 = rounds.iter().map(|(left, each)| *left as u64 * each).sum();
    vec![
        exact("rounds", json!(rounds.len())),
        exact("schedule_survivors_and_trials_each", json!(rounds)),
        exact("total_trials_used", json!(total)),
    ]
}
