//! A probability from trials that were drawn by another law and are weighted back (importance sampling), with what tells
//! whether to believe it.
//!
//! The limits are approximate (normal): limits that hold whatever the weights, up to the ten that the simulator allows, are as
//! wide as those of the plain trials among them. Where the weights look wrong nothing is resolved, and what is left is that
//! upper limit. Runs of reports deal their trials to strata instead, whose weights are constants.

use super::mean::REPORT_CAP;
use super::{Est, LEVEL, betting};

/// Effective trials below which nothing is resolved.
const EFFECTIVE: f64 = 100.0;
/// Share of the estimate that a single trial may carry.
const LARGEST: f64 = 0.05;
/// Standard errors by which the mean weight may miss 1.
const ERRORS: f64 = 3.0;

/// An estimate from weighted trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Importance {
    /// The estimate, believed or not.
    pub estimate: f64,
    /// Its standard error.
    pub error: f64,
    /// Mean weight: 1 but for chance.
    pub mean_weight: f64,
    /// Its standard error.
    pub mean_error: f64,
    /// Effective number of trials with the event: the square of the sum of their weights over the sum of their squares.
    pub effective: f64,
    /// The share of the estimate that the weightiest trial carries.
    pub largest: f64,
    /// Upper limit that holds whatever the weights, for a number of trials that nothing has decided.
    pub bound: f64,
}

/// The probability of an event from the weights of trials and whether each has it.
pub fn importance(weights: &[f64], events: &[bool]) -> Importance {
    let n = weights.len().max(1) as f64;
    let moments = |values: &dyn Fn(usize) -> f64| {
        let mean = (0..weights.len()).map(values).sum::<f64>() / n;
        let variance = (0..weights.len()).map(|i| (values(i) - mean).powi(2)).sum::<f64>() / n;
        (mean, (variance / n).sqrt())
    };
    let event = |i: usize| if events.get(i).copied().unwrap_or(false) { weights[i] } else { 0.0 };
    let (estimate, error) = moments(&event);
    let (mean_weight, mean_error) = moments(&|i| weights[i]);
    let (sum, squares) = (0..weights.len()).map(event).fold((0.0, 0.0), |(s, q), w| (s + w, q + w * w));
    let largest = (0..weights.len()).map(event).fold(0.0, f64::max);
    let scaled: Vec<f64> = (0..weights.len()).map(|i| (event(i) * simulator::PLAIN).clamp(0.0, 1.0)).collect();
    Importance {
        estimate,
        error,
        mean_weight,
        mean_error,
        effective: if squares > 0.0 { sum * sum / squares } else { 0.0 },
        largest: if sum > 0.0 { largest / sum } else { 1.0 },
        bound: (betting(&scaled, 1.0 - LEVEL, REPORT_CAP).1 / simulator::PLAIN).min(1.0),
    }
}

impl Importance {
    /// True where the weights give no reason for doubt.
    pub fn trusted(&self) -> bool {
        (self.mean_weight - 1.0).abs() <= ERRORS * self.mean_error + 1e-12
            && self.effective > EFFECTIVE
            && self.largest < LARGEST
    }

    /// The probability with approximate limits; where it is not resolved, from nothing to what is ruled out whatever the weights.
    pub fn est(&self) -> Est {
        if !self.trusted() {
            return Est::new(0.0, 0.0, self.bound);
        }
        let wide = simulator::random::standard_normal_quantile(0.5 + LEVEL / 2.0) * self.error;
        Est::new(self.estimate, (self.estimate - wide).max(0.0), (self.estimate + wide).min(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_trial_that_carries_all_resolves_nothing() {
        let mut weights = vec![0.9; 5000];
        weights.extend(vec![10.0; 56]);
        let mut events = vec![false; weights.len()];
        events[5000] = true;
        let found = importance(&weights, &events);
        assert!(!found.trusted());
        assert_eq!((found.est().estimate, found.est().low), (0.0, 0.0));
        assert!(found.est().high > 1e-3, "{found:?}");
    }

    #[test]
    fn many_small_weights_resolve_a_small_probability() {
        let n = 4000;
        let (weights, events): (Vec<f64>, Vec<bool>) =
            (0..n).map(|i| if i % 2 == 0 { (1e-6, true) } else { (2.0 - 1e-6, false) }).unzip();
        let found = importance(&weights, &events);
        assert!(found.trusted(), "{found:?}");
        let est = found.est();
        assert!((est.estimate - 5e-7).abs() < 1e-12 && est.low > 4.8e-7 && est.high < 5.2e-7, "{est:?}");
    }

    #[test]
    fn no_event_is_not_resolved() {
        let found = importance(&[1.0; 1000], &[false; 1000]);
        assert!(!found.trusted() && found.est().high < 0.1);
    }
}
