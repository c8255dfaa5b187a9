//! Median and 5-95 % band of a sampled series over trials, step by step.

use simulator::outcome::Series;

use crate::estimate::quantile;

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
    pub fn over<'s>(series: impl Iterator<Item = &'s Series>, value: &dyn Fn(&Series, usize) -> Option<f64>) -> Bands {
        let series: Vec<&Series> = series.collect();
        let mut bands = Bands::default();
        let mut values = Vec::with_capacity(series.len());
        for step in 0.. {
            values.clear();
            values.extend(series.iter().filter_map(|s| value(s, step)));
            if values.is_empty() {
                return bands;
            }
            values.sort_unstable_by(f64::total_cmp);
            bands.low.push(quantile(&values, 0.05));
            bands.median.push(quantile(&values, 0.5));
            bands.high.push(quantile(&values, 0.95));
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
