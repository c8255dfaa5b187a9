//! Limits for probabilities that hold at every number of trials at once, so that one may look and stop.
//!
//! Beta-binomial mixture (Robbins 1970): a probability under which the trials seen are more than `1/alpha` times less
//! likely than under a mixture over all probabilities is refuted; by Ville's inequality the truth is ever refuted with
//! probability `alpha` at most. The price against exact limits at a fixed number of trials is about twice the width.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statrs::function::beta::checked_ln_beta;

use super::{Est, LEVEL, clopper_pearson, share};

/// Weight of the mixture: Beta(1/2, 1/2), which favours no risk.
const MIXTURE: (f64, f64) = (0.5, 0.5);
/// Trials before the first look.
const LEAST: u64 = 1000;
/// Trials between looks. Looks are at multiples of this, in the order of trials: which trials are looked at depends
/// neither on threads nor on time.
const EVERY: u64 = 256;

/// What decides the number of trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// It was given beforehand.
    #[default]
    Fixed,
    /// The trials themselves, looked at as they come.
    Sequential,
}

impl Sampling {
    /// True where the trials are looked at after so many.
    pub fn looks_at(self, trials: u64) -> bool {
        self == Sampling::Sequential && trials >= LEAST && trials.is_multiple_of(EVERY)
    }

    /// The number of trials at the next look after `done`; `budget` where there is none before.
    pub fn next_look(self, done: u64, budget: u64) -> u64 {
        match self {
            Sampling::Fixed => budget,
            Sampling::Sequential => ((done + 1).max(LEAST).div_ceil(EVERY) * EVERY).min(budget),
        }
    }

    /// The probability of what happened in `events` of `trials`.
    pub fn probability(self, events: u64, trials: u64) -> Est {
        match self {
            Sampling::Fixed => Est::probability(events, trials),
            Sampling::Sequential => {
                let (low, high) = beta_binomial(events, trials, 1.0 - LEVEL, MIXTURE);
                Est::new(share(events, trials), low, high)
            }
        }
    }

    /// The probability of what happened in the trials that are true, from all looks on the way.
    pub fn running(self, events: impl IntoIterator<Item = bool>) -> Est {
        let mut running = Running::new(self);
        events.into_iter().for_each(|event| running.push(event));
        running.est()
    }
}

/// Limits of the beta-binomial confidence sequence after the last trial, at level `1 - alpha`; `mixture` are both
/// parameters of the mixing weight.
pub fn beta_binomial(events: u64, trials: u64, alpha: f64, mixture: (f64, f64)) -> (f64, f64) {
    if trials == 0 || events > trials {
        return (0.0, 1.0);
    }
    let (k, rest) = (events as f64, (trials - events) as f64);
    let ln_beta = |a, b| checked_ln_beta(a, b).unwrap_or(f64::NAN);
    let evidence = ln_beta(mixture.0 + k, mixture.1 + rest) - ln_beta(mixture.0, mixture.1) + alpha.ln();
    // Nothing times the logarithm of nothing is nothing here: the limit of p^0 at 0.
    let power = |count: f64, ln: f64| if count == 0.0 { 0.0 } else { count * ln };
    let refuted = |p: f64| evidence >= power(k, p.ln()) + power(rest, (-p).ln_1p());
    // The likelihood rises up to the share and falls beyond it: each end is one bisection.
    let middle = k / trials as f64;
    let low = if events == 0 { 0.0 } else { edge(0.0, middle, refuted) };
    let high = if events == trials { 1.0 } else { edge(1.0, middle, refuted) };
    (low, high)
}

/// The border between `outer`, which is refuted, and `inner`, which is not; on the outer side.
fn edge(mut outer: f64, mut inner: f64, refuted: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..200 {
        let middle = 0.5 * (outer + inner);
        if middle == outer || middle == inner {
            break;
        }
        if refuted(middle) {
            outer = middle;
        } else {
            inner = middle;
        }
    }
    outer
}

/// The estimate of a probability while trials come in. What one look has refuted stays refuted: the limits are the
/// intersection over all looks.
#[derive(Clone, Copy, Debug)]
pub struct Running {
    sampling: Sampling,
    alpha: f64,
    events: u64,
    trials: u64,
    low: f64,
    high: f64,
}

impl Running {
    /// Before the first trial, at the level of reports.
    pub fn new(sampling: Sampling) -> Running {
        Running::at(sampling, 1.0 - LEVEL)
    }

    /// The same at another level, `1 - alpha`.
    pub(super) fn at(sampling: Sampling, alpha: f64) -> Running {
        Running { sampling, alpha, events: 0, trials: 0, low: 0.0, high: 1.0 }
    }

    /// Adds a trial, and looks where it is time to.
    pub fn push(&mut self, event: bool) {
        self.add(event);
        if self.sampling.looks_at(self.trials) {
            self.look();
        }
    }

    /// Adds a trial; somebody else says when to look.
    pub(super) fn add(&mut self, event: bool) {
        self.events += u64::from(event);
        self.trials += 1;
    }

    /// What is refuted now stays refuted.
    pub(super) fn look(&mut self) {
        (self.low, self.high) = self.limits();
    }

    /// Share of the trials, and its limits.
    pub(super) fn parts(&self) -> (f64, f64, f64) {
        let (low, high) = match self.sampling {
            Sampling::Fixed => clopper_pearson(self.events, self.trials, self.alpha),
            Sampling::Sequential => self.limits(),
        };
        (share(self.events, self.trials), low, high)
    }

    /// Limits now: what this look leaves of what the looks before have left.
    fn limits(&self) -> (f64, f64) {
        let (low, high) = beta_binomial(self.events, self.trials, self.alpha, MIXTURE);
        (low.max(self.low), high.min(self.high))
    }

    /// The probability with its limits.
    pub fn est(&self) -> Est {
        let (mean, low, high) = self.parts();
        Est::new(mean, low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The ratio of likelihoods by a plain product, independent of the beta function: the mixture is the product of
    /// predictive probabilities (a + events so far) / (a + b + trials so far).
    #[test]
    fn limits_are_where_the_ratio_reaches_the_level() {
        let (k, n) = (7_u64, 300_u64);
        let predicted: f64 = (0..n)
            .map(|i| {
                let (seen, p) = (i.min(k) as f64, (i.min(k) as f64 + 0.5) / (i as f64 + 1.0));
                if seen < k as f64 { p.ln() } else { (1.0 - p).ln() }
            })
            .sum();
        let (low, high) = beta_binomial(k, n, 0.05, MIXTURE);
        for p in [low, high] {
            let likelihood = k as f64 * p.ln() + (n - k) as f64 * (1.0 - p).ln();
            assert!((predicted - likelihood - 20.0_f64.ln()).abs() < 1e-8, "{p}");
        }
        assert!(low < k as f64 / n as f64 && high > k as f64 / n as f64);
    }

    #[test]
    fn extremes_and_no_trials_are_held() {
        assert_eq!(beta_binomial(0, 0, 0.05, MIXTURE), (0.0, 1.0));
        assert_eq!(beta_binomial(0, 1000, 0.05, MIXTURE).0, 0.0);
        assert_eq!(beta_binomial(1000, 1000, 0.05, MIXTURE).1, 1.0);
        let (low, _) = beta_binomial(1000, 1000, 0.05, MIXTURE);
        let (_, high) = beta_binomial(0, 1000, 0.05, MIXTURE);
        assert!((low + high - 1.0).abs() < 1e-12 && (0.006..0.008).contains(&high), "{low} {high}");
    }

    #[test]
    fn looks_are_multiples_from_the_least_on() {
        let s = Sampling::Sequential;
        assert_eq!((s.next_look(0, 9000), s.next_look(1024, 9000), s.next_look(1025, 9000)), (1024, 1280, 1280));
        assert_eq!((s.next_look(0, 700), s.next_look(8960, 9000)), (700, 9000));
        assert_eq!(Sampling::Fixed.next_look(0, 700), 700);
        assert!(!s.looks_at(768) && s.looks_at(1024) && !s.looks_at(1025));
        assert!(!Sampling::Fixed.looks_at(1024));
    }

    /// What was refuted stays refuted, and at each moment the limits lie within those of that moment alone.
    #[test]
    fn the_running_limits_only_narrow() {
        let mut running = Running::new(Sampling::Sequential);
        let mut before = (0.0, 1.0);
        for i in 0..20_000_u64 {
            running.push(i % 40 == 0 && (i / 4000) % 2 == 0);
            if Sampling::Sequential.looks_at(running.trials) {
                let (low, high) = (running.low, running.high);
                let alone = Sampling::Sequential.probability(running.events, running.trials);
                assert!(low >= before.0 && high <= before.1 && low >= alone.low && high <= alone.high);
                before = (low, high);
            }
        }
        assert!(before.1 < 0.05);
    }
}
