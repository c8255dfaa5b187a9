//! Families 14, 17 and 18: scores of forecasts, what not knowing the parameters does to a risk, and whose doing it is.

use reports::backtest::{self, Forecast};
use reports::uncertainty::{between_variance, indices, nested_mean_variance, saltelli};
use serde_json::{Value, json};
use simulator::example::Example;
use simulator::parameters::Knob;
use simulator::random::{Prior, standard_normal_quantile};

use super::{Found, exact, f, n, runs, secs, share, trials};

pub fn forecasts(inputs: &Value) -> Found {
    let numbers = |key: &str| inputs[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap());
    let pairs = numbers("forecast").zip(numbers("outcome"));
    let all: Vec<Forecast> = pairs.map(|(probability, y)| Forecast { probability, happened: y == 1.0 }).collect();
    let parts = backtest::murphy(&all);
    let recalibrated: Vec<f64> = backtest::isotonic(&all).into_iter().map(|(_, value)| value).collect();
    vec![
        exact("brier", backtest::brier(&all)),
        exact("log_loss_nats", backtest::log_loss(&all)),
        exact("brier_skill_vs_base_rate", backtest::brier_skill(&all).unwrap()),
        exact("murphy_reliability", parts.reliability),
        exact("murphy_resolution", parts.resolution),
        exact("murphy_uncertainty", parts.uncertainty),
        exact("ece_10_equal_width", backtest::calibration_error(&all, 10)),
        exact("auc", backtest::auc(&all).unwrap()),
        exact("spiegelhalter_z", backtest::spiegelhalter_z(&all).unwrap()),
        exact("isotonic_at_sorted_unique_forecasts", recalibrated),
    ]
}

/// Risks through the simulator (a node whose rate each trial draws), the rest by integrating over the same prior.
pub fn parameters(inputs: &Value) -> Found {
    let (shape, exposure) = (f(inputs, "gamma_shape"), f(inputs, "exposure_node_h"));
    let mean = shape / f(inputs, "gamma_rate_h");
    let prior = Prior::Gamma { shape, mean };
    let risk = |u: f64| -(-exposure * prior.quantile(u)).exp_m1();
    let (first, second) = (integral(risk), integral(|u| risk(u).powi(2)));
    let between = second - first * first;
    let within = first - second;
    let (outer, inner) = (n(inputs, "outer"), n(inputs, "inner"));
    let raw = between + within / f64::from(inner);
    let failed = |drawn: bool| {
        let example = Example::new().pool("p", 1).settings(|s| s.failures.per_hour = mean);
        let example = example.horizon(secs(3600.0 * exposure));
        let scenario = if drawn { example.belief(Knob::Interruptions, prior).build() } else { example.build() };
        simulator::replicate(&scenario, runs(trials()), &|outcome| outcome.counts.node_failures > 0)
    };
    assert!((between_variance(raw, within / f64::from(inner)) / between - 1.0).abs() < 1e-12);
    vec![
        share("risk_mean", failed(true).into_iter()),
        share("risk_plug_in_mean_rate", failed(false).into_iter()),
        exact("risk_q05_q50_q95", [0.05, 0.5, 0.95].map(risk).to_vec()),
        exact("risk_parameter_sd", between.sqrt()),
        exact("nested_mc_estimator_variance", nested_mean_variance(between, within, outer, inner)),
        exact("naive_between_group_variance", raw),
    ]
}

/// Indices by integration over the unit cube; those that reports estimate from a sample must come close to them.
pub fn sobol(inputs: &Value) -> Found {
    let list =
        |key: &str| -> Vec<f64> { inputs[key].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect() };
    let model: Box<Model> = if inputs["model"] == "ishigami" {
        let (a, b) = (f(inputs, "a"), f(inputs, "b"));
        Box::new(move |u| {
            let x: Vec<f64> = u.iter().map(|u| std::f64::consts::PI * (2.0 * u - 1.0)).collect();
            x[0].sin() + a * x[1].sin().powi(2) + b * x[2].powi(4) * x[0].sin()
        })
    } else {
        let (medians, sigmas) = (list("median"), list("sigma"));
        Box::new(move |u| {
            let of = |i: usize| medians[i] * (sigmas[i] * standard_normal_quantile(u[i])).exp();
            (0..3).map(of).product()
        })
    };
    let known = Known::of(&model);
    let design = saltelli(1 << 17, 3, super::SEED);
    let outputs: Vec<f64> = design.points.iter().map(|p| model(p)).collect();
    for (i, sampled) in indices(&design, &outputs).into_iter().enumerate() {
        let off = (sampled.first - known.first[i]).abs().max((sampled.total - known.total[i]).abs());
        println!("18: input {i}: {sampled:?} from a sample, off by {off:.3}");
        assert!(off < 0.04, "the sampled indices of input {i}: {sampled:?}");
    }
    vec![
        exact("mean", known.mean),
        exact("variance", known.variance),
        exact("first_order", json!(known.first)),
        exact("total_order", json!(known.total)),
    ]
}

/// A function on the unit cube.
type Model = dyn Fn(&[f64]) -> f64;

struct Known {
    mean: f64,
    variance: f64,
    first: Vec<f64>,
    total: Vec<f64>,
}

impl Known {
    /// Functional analysis of variance of three inputs, on a grid of quadrature nodes.
    fn of(model: &Model) -> Known {
        let nodes = nodes();
        let size = nodes.len();
        let mut values = Vec::with_capacity(size.pow(3));
        for (a, _) in &nodes {
            for (b, _) in &nodes {
                values.extend(nodes.iter().map(|(c, _)| model(&[*a, *b, *c])));
            }
        }
        let weight = |index: usize| nodes[index].1;
        let split = |i: usize| [i / (size * size), i / size % size, i % size];
        let sum = |of: &dyn Fn(usize, f64) -> f64| values.iter().enumerate().map(|(i, v)| of(i, *v)).sum::<f64>();
        let whole = |i: usize| split(i).map(weight).iter().product::<f64>();
        let mean = sum(&|i, v| whole(i) * v);
        let variance = sum(&|i, v| whole(i) * (v - mean).powi(2));
        let (mut first, mut total) = (Vec::new(), Vec::new());
        for input in 0..3 {
            let mut alone = vec![0.0; size];
            let mut without = vec![0.0; size * size];
            for (i, v) in values.iter().enumerate() {
                let at = split(i);
                let others: Vec<usize> = (0..3).filter(|j| *j != input).map(|j| at[j]).collect();
                alone[at[input]] += weight(others[0]) * weight(others[1]) * v;
                without[others[0] * size + others[1]] += weight(at[input]) * v;
            }
            let of_alone: f64 = alone.iter().enumerate().map(|(i, v)| weight(i) * (v - mean).powi(2)).sum();
            let pair = |i: usize| weight(i / size) * weight(i % size);
            let of_others: f64 = without.iter().enumerate().map(|(i, v)| pair(i) * (v - mean).powi(2)).sum();
            first.push(of_alone / variance);
            total.push(1.0 - of_others / variance);
        }
        Known { mean, variance, first, total }
    }
}

/// The integral of a function of a share over (0, 1).
fn integral(of: impl Fn(f64) -> f64) -> f64 {
    nodes().into_iter().map(|(u, weight)| weight * of(u)).sum()
}

/// Nodes and weights of the double exponential rule on (0, 1) (Takahasi and Mori 1974): exact to rounding for smooth
/// functions whatever they do at the ends.
fn nodes() -> Vec<(f64, f64)> {
    const STEP: f64 = 0.075;
    let half_pi = std::f64::consts::FRAC_PI_2;
    let at = |k: i32| {
        let t = STEP * f64::from(k);
        let s = half_pi * t.sinh();
        (1.0 / (1.0 + (-2.0 * s).exp()), STEP * half_pi * t.cosh() / (2.0 * s.cosh().powi(2)))
    };
    (-41..=41).map(at).filter(|(u, _)| *u > 0.0 && *u < 1.0).collect()
}
