//! How good forecasts of durations were: how often the time fell into the band from the 5 % to the 95 % quantile, where in the
//! forecast it fell (the probability integral transform, flat where forecasts are right), and by which factor medians were off.

use schemars::JsonSchema;
use serde::Serialize;
use statrs::distribution::{ChiSquared, ContinuousCDF};

use super::bootstrap::intervals;
use super::history::QUANTILES;
use crate::estimate::Est;

/// Bins of the histogram.
pub const BINS: usize = 10;
/// Fewest cases for a verdict of calibrated.
const FEW: u64 = 20;
/// Level of the tests.
const ALPHA: f64 = 0.025;

/// A duration, and the 19 quantiles that were forecast, minutes.
#[derive(Clone, Debug, PartialEq)]
pub struct Timed {
    /// What it took.
    pub minutes: f64,
    /// 5 %, 10 %, ... 95 %.
    pub quantiles: Vec<f64>,
}

/// How good forecasts of durations were.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Durations {
    /// Operations that ended well, with a forecast.
    pub cases: u64,
    /// Share within the band from 5 % to 95 %, which should be 0.9; exact limits.
    pub coverage: Est,
    /// Share below the band; should be 0.05.
    pub below: Est,
    /// Share above it; should be 0.05.
    pub above: Est,
    /// Where in the forecast durations fell, in ten bins that should be of one size.
    pub histogram: Vec<Share>,
    /// p-value that the bins are of one size (chi-square).
    pub p_value: f64,
    /// Geometric mean of what operations took as a multiple of the forecast median.
    pub times_median: Est,
    /// What to make of it.
    pub verdict: DurationVerdict,
    /// The same in a sentence.
    pub sentence: String,
}

/// A bin of the histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Share {
    /// Lower end, as a probability.
    pub from: f64,
    /// Upper end.
    pub to: f64,
    /// Share of the cases, with beta (Clopper-Pearson) limits.
    pub share: Est,
}

/// What to make of forecasts of durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DurationVerdict {
    /// They may be taken at their word.
    Calibrated,
    /// Operations take longer than was said.
    TooShort,
    /// Operations are done sooner.
    TooLong,
    /// More fall outside than was said, on both sides.
    TooNarrow,
    /// Fewer do.
    TooWide,
    /// Nothing speaks against them, and there is too little to speak for them.
    TooFew,
}

impl Durations {
    /// Judges forecasts of durations; `None` without any.
    pub fn of(cases: &[Timed], seed: u64) -> Option<Durations> {
        let cases: Vec<&Timed> = cases.iter().filter(|c| c.quantiles.len() == QUANTILES).collect();
        if cases.is_empty() {
            return None;
        }
        let n = cases.len() as u64;
        let count = |of: &dyn Fn(&Timed) -> bool| cases.iter().filter(|c| of(c)).count() as u64;
        let below = count(&|c| c.minutes < c.quantiles[0]);
        let above = count(&|c| c.minutes > c.quantiles[QUANTILES - 1]);
        let shares = histogram(&cases);
        let expected = n as f64 / BINS as f64;
        let chi: f64 = shares.iter().map(|s| (s - expected).powi(2) / expected).sum();
        let p_value = ChiSquared::new((BINS - 1) as f64).map_or(1.0, |d| d.sf(chi));
        let ratio = |c: &&Timed| {
            let (minutes, median) = (c.minutes, c.quantiles[QUANTILES / 2]);
            (minutes > 0.0 && median > 0.0).then(|| (minutes / median).ln())
        };
        let ratios: Vec<f64> = cases.iter().filter_map(ratio).collect();
        let mean = |r: &[f64]| [(!r.is_empty()).then(|| (r.iter().sum::<f64>() / r.len() as f64).exp())];
        let times_median =
            if ratios.is_empty() { Est::exact(1.0) } else { intervals(&ratios, seed, mean)[0].unwrap_or_default() };
        let bins = shares.iter().enumerate().map(|(i, s)| Share {
            from: i as f64 / BINS as f64,
            to: (i as f64 + 1.0) / BINS as f64,
            share: Est::probability(s.round() as u64, n),
        });
        let mut found = Durations {
            cases: n,
            coverage: Est::probability(n - below - above, n),
            below: Est::probability(below, n),
            above: Est::probability(above, n),
            histogram: bins.collect(),
            p_value,
            times_median,
            verdict: DurationVerdict::TooFew,
            sentence: String::new(),
        };
        found.verdict = found.judge();
        found.sentence = super::tell::durations(&found);
        Some(found)
    }

    fn judge(&self) -> DurationVerdict {
        let off = self.coverage.low > 0.9 || self.coverage.high < 0.9;
        // The chi-square needs about five cases a bin.
        let uneven = self.cases >= 5 * BINS as u64 && self.p_value < ALPHA;
        match self.times_median {
            _ if !off && !uneven && self.cases < FEW => DurationVerdict::TooFew,
            _ if !off && !uneven => DurationVerdict::Calibrated,
            m if m.low > 1.0 => DurationVerdict::TooShort,
            m if m.high < 1.0 => DurationVerdict::TooLong,
            _ if self.coverage.estimate > 0.9 => DurationVerdict::TooWide,
            _ => DurationVerdict::TooNarrow,
        }
    }
}

/// Cases in each bin. One that equals several quantiles lies evenly between the first and the last of them.
fn histogram(cases: &[&Timed]) -> [f64; BINS] {
    let mut shares = [0.0; BINS];
    for case in cases {
        let first = case.quantiles.partition_point(|q| *q < case.minutes);
        let last = case.quantiles.partition_point(|q| *q <= case.minutes).max(first);
        for cell in first..=last {
            shares[cell * BINS / (QUANTILES + 1)] += 1.0 / (last - first + 1) as f64;
        }
    }
    shares
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Forecasts of 10 to 28 minutes; what happens is `f` of a uniform's quantile.
    fn verdict(n: u32, f: impl Fn(f64) -> f64) -> DurationVerdict {
        let quantiles: Vec<f64> = (1..20).map(|i| 9.0 + f64::from(i)).collect();
        let case = |i: u32| Timed {
            minutes: f(9.0 + 20.0 * (f64::from(i) + 0.5) / f64::from(n)),
            quantiles: quantiles.clone(),
        };
        Durations::of(&(0..n).map(case).collect::<Vec<_>>(), 1).unwrap().verdict
    }

    #[test]
    fn durations_are_judged_by_where_they_fell() {
        assert_eq!(verdict(200, |m| m), DurationVerdict::Calibrated);
        assert_eq!(verdict(200, |m| 1.5 * m), DurationVerdict::TooShort);
        assert_eq!(verdict(200, |m| 0.7 * m), DurationVerdict::TooLong);
        assert_eq!(verdict(200, |m| 19.2 * (m / 18.0).powf(1.8)), DurationVerdict::TooNarrow);
        assert_eq!(verdict(200, |m| 19.0 * (m / 18.06).powf(0.5)), DurationVerdict::TooWide);
        assert_eq!(verdict(10, |m| m), DurationVerdict::TooFew);
        assert_eq!(Durations::of(&[], 1), None);
    }

    #[test]
    fn certain_durations_lie_evenly_in_the_forecast() {
        let case = Timed { minutes: 5.0, quantiles: vec![5.0; QUANTILES] };
        let found = Durations::of(&[case], 1).unwrap();
        assert_eq!((found.coverage.estimate, found.times_median.estimate), (1.0, 1.0));
        assert!(
            histogram(&[&Timed { minutes: 5.0, quantiles: vec![5.0; QUANTILES] }])
                .iter()
                .all(|s| (s - 0.1).abs() < 1e-12)
        );
    }
}
