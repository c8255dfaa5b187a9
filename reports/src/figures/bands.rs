//! Median and 5-95 % band of a sampled series over trials, step by step.

use simulator::outcome::Series;

use crate::estimate::Strata;

/// Quantiles by step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bands {
    /// 5th percentile.
    pub low: Vec<f64>,
    /// Median.
    pub median: Vec<f64>,
    /// 95th percentile.
    pub high: Vec<f64>,
}

impl Bands {
    /// Quantiles over the series of many trials; `value` reads one series at one step.
    pub fn over<'s>(
        strata: &Strata,
        series: impl Fn(usize) -> Option<&'s Series>,
        value: &dyn Fn(&Series, usize) -> Option<f64>,
    ) -> Bands {
        let at = |trial, step| series(trial).and_then(|series| value(series, step));
        let mut bands = Bands::default();
        let mut step = 0;
        // All trials have as many steps.
        while at(0, step).is_some() {
            let ranked = strata.ranked(|trial| at(trial, step).unwrap_or(0.0));
            bands.low.push(ranked.quantile(0.05));
            bands.median.push(ranked.quantile(0.5));
            bands.high.push(ranked.quantile(0.95));
            step += 1;
        }
        bands
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.median.len()
    }

    /// The largest value of all three.
    pub fn top(&self) -> f64 {
        self.high.iter().copied().fold(0.0, f64::max)
    }
}
