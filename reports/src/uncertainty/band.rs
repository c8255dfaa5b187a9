//! The spread over parameters, after the noise of the inner trials is taken out.

use crate::estimate::{average, quantile};

/// How the trials of the points hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inner {
    /// Each point has trials of its own.
    Independent,
    /// All points see the same trials: what a trial brings to all of them alike is no noise between points.
    Shared,
}

/// The spread of a mean over parameters.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// Mean over all points.
    pub mean: f64,
    /// 5 % quantile.
    pub low: f64,
    /// 95 % quantile.
    pub high: f64,
    /// Variance over parameters, noise taken out.
    pub variance: f64,
    /// Share of the raw variance between points that is the parameters' and not noise, 0 to 1.
    pub signal: f64,
}

/// The spread of the points' means; `values` are by point, then by trial. Quantiles are of the means drawn towards their mean by
/// the root of their share of signal: raw ones are too wide.
pub fn spread(values: &[Vec<f64>], inner: Inner) -> Spread {
    let means: Vec<f64> = values.iter().map(|point| average(point)).collect();
    let mean = average(&means);
    let raw = sample_variance(&means);
    let noise = match inner {
        Inner::Independent => {
            average(&values.iter().map(|v| sample_variance(v) / v.len().max(1) as f64).collect::<Vec<_>>())
        }
        Inner::Shared => interaction(values, &means) / values.first().map_or(1, Vec::len).max(1) as f64,
    };
    let variance = between_variance(raw, noise);
    let signal = if raw > 0.0 { variance / raw } else { 0.0 };
    let mut drawn: Vec<f64> = means.iter().map(|m| mean + signal.sqrt() * (m - mean)).collect();
    drawn.sort_by(f64::total_cmp);
    let at = |p| if drawn.is_empty() { 0.0 } else { quantile(&drawn, p) };
    Spread { mean, low: at(0.05), high: at(0.95), variance, signal }
}

/// The variance over parameters: what is left of that between points without the mean variance of a point's own mean.
pub fn between_variance(raw: f64, noise: f64) -> f64 {
    (raw - noise).max(0.0)
}

/// Variance of the mean over all trials of `points` points with `trials` each: more points always help more than more trials.
pub fn nested_mean_variance(between: f64, within: f64, points: u32, trials: u32) -> f64 {
    between / f64::from(points) + within / (f64::from(points) * f64::from(trials))
}

/// Mean square of what neither point nor trial explains: two-way analysis of variance without replication.
fn interaction(values: &[Vec<f64>], means: &[f64]) -> f64 {
    let (points, trials) = (values.len(), values.iter().map(Vec::len).min().unwrap_or(0));
    if points < 2 || trials < 2 {
        return 0.0;
    }
    let mean = average(means);
    let of_trial: Vec<f64> =
        (0..trials).map(|t| values.iter().map(|point| point[t]).sum::<f64>() / points as f64).collect();
    let mut squares = 0.0;
    for (point, own) in values.iter().zip(means) {
        for (value, common) in point.iter().zip(&of_trial) {
            squares += (value - own - common + mean).powi(2);
        }
    }
    squares / ((points - 1) * (trials - 1)) as f64
}

fn sample_variance(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = average(values);
    values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (values.len() - 1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uncertainty::hypercube;
    use simulator::random::{Process, Streams, standard_normal_quantile};

    fn u(trial: u32, of: u64, n: u32) -> f64 {
        Streams::new(5, trial).uniform(Process::Parameter, of, n)
    }

    /// Risk log-normal around 10 %: 200 experiments of 64 points with 16 trials each.
    #[test]
    fn noise_is_taken_out_on_average_and_the_band_has_the_right_width() {
        let risk = |share: f64| 0.1 * (0.4 * standard_normal_quantile(share)).exp();
        let (low, high) = (risk(0.05), risk(0.95));
        for inner in [Inner::Independent, Inner::Shared] {
            let mut sum = (0.0, 0.0, 0.0);
            for experiment in 0..200 {
                let points = hypercube(64, 1, u64::from(experiment));
                let value = |j: usize, t: u32, p: f64| {
                    let of = if inner == Inner::Shared { 1 } else { 2 + j as u64 };
                    f64::from(u8::from(u(1000 * experiment + t, of, 0) < p))
                };
                let values: Vec<Vec<f64>> =
                    (0..64).map(|j| (0..64).map(|t| value(j, t, risk(points[j][0]))).collect()).collect();
                let found = spread(&values, inner);
                sum = (sum.0 + found.low / found.mean, sum.1 + found.high / found.mean, sum.2 + found.signal);
            }
            let (l, h) = (sum.0 / 200.0, sum.1 / 200.0);
            let mean = 0.1 * 0.08_f64.exp();
            assert!(
                (l - low / mean).abs() < 0.12 && (h - high / mean).abs() < 0.2,
                "{inner:?}: {l} to {h}, {low} to {high}"
            );
            assert!(sum.2 / 200.0 > 0.3, "{inner:?}");
        }
    }

    #[test]
    fn shared_luck_is_no_spread() {
        // Every point sees the same outcome in each trial: nothing moves with the parameters.
        let values = vec![vec![1.0, 0.0, 0.0, 1.0]; 8];
        let found = spread(&values, Inner::Shared);
        assert_eq!((found.mean, found.low, found.high, found.variance), (0.5, 0.5, 0.5, 0.0));
        assert_eq!(spread(&[], Inner::Shared), Spread::default());
    }
}
