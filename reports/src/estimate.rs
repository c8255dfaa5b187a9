//! Estimates with intervals. At a number of trials that was fixed beforehand, probabilities carry exact
//! (Clopper-Pearson) limits; where the trials themselves decide when to stop, those of a confidence sequence, which holds
//! at every number of trials at once. Means of bounded losses carry limits from betting, which hold both ways, quantiles
//! limits from ranks, which hold for a fixed number. None assumes a shape for the losses. What an interval does not
//! cover: errors of the model and of its parameters.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod binomial;
mod importance;
mod mean;
mod quantile;
mod sequence;
mod strata;

use binomial::difference;
pub use binomial::{added_probability, clopper_pearson, mc_nemar, upper_limit};
pub use importance::{Importance, importance};
pub use mean::betting;
pub use quantile::{quantile, quantile_limits};
pub use sequence::{Running, Sampling, beta_binomial};
pub use strata::{Ranked, RunningBounded, RunningDifference, RunningProbability, Strata, drawn};

/// Confidence level of everything a report states.
pub const LEVEL: f64 = 0.95;

/// An estimate with its confidence interval.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Est {
    /// Point estimate.
    pub estimate: f64,
    /// Lower limit.
    pub low: f64,
    /// Upper limit.
    pub high: f64,
    /// Confidence level of the interval, 0-1.
    pub level: f64,
}

impl Est {
    /// An estimate at the level of reports; the limits are widened to hold the estimate where rounding put it outside.
    pub fn new(estimate: f64, low: f64, high: f64) -> Est {
        let estimate = finite(estimate);
        Est { estimate, low: finite(low).min(estimate), high: finite(high).max(estimate), level: LEVEL }
    }

    /// A value that is known, not estimated.
    pub fn exact(value: f64) -> Est {
        Est::new(value, value, value)
    }

    /// The probability of what happened in `events` of a fixed number of `trials`.
    pub fn probability(events: u64, trials: u64) -> Est {
        let (low, high) = clopper_pearson(events, trials, 1.0 - LEVEL);
        Est::new(share(events, trials), low, high)
    }

    /// The mean of values that lie in `[least, most]` whatever happens.
    pub fn bounded_mean(values: &[f64], least: f64, most: f64) -> Est {
        let width = most - least;
        if values.is_empty() || width <= 0.0 {
            return Est::exact(least);
        }
        let scaled: Vec<f64> = values.iter().map(|v| ((v - least) / width).clamp(0.0, 1.0)).collect();
        let (low, high) = betting(&scaled, 1.0 - LEVEL, mean::REPORT_CAP);
        Est::new(average(values), least + low * width, least + high * width)
    }
}

/// `events / trials`, 0 without trials.
pub fn share(events: u64, trials: u64) -> f64 {
    if trials == 0 { 0.0 } else { events as f64 / trials as f64 }
}

/// Arithmetic mean, summed in order; 0 of nothing.
pub fn average(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Zero instead of what no JSON number can say, and instead of minus zero.
fn finite(v: f64) -> f64 {
    if v.is_finite() && v != 0.0 { v } else { 0.0 }
}
