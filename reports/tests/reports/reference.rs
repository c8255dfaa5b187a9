//! Estimators that reports do not use, beside those they use: reference points for their width, and the other half of
//! the validation cases. The tests at the top level read this file too.

use reports::estimate::average;
use statrs::distribution::{ContinuousCDF, Normal};
use statrs::function::beta::beta_reg;

type Limits = (f64, f64);

/// Wilson's limits without continuity correction.
pub fn wilson(events: u64, trials: u64, alpha: f64) -> Limits {
    let z = Normal::standard().inverse_cdf(1.0 - alpha / 2.0);
    let (n, p) = (trials as f64, events as f64 / trials as f64);
    let scale = 1.0 + z * z / n;
    let centre = (p + z * z / (2.0 * n)) / scale;
    let half = z / scale * (p * (1.0 - p) / n + z * z / (4.0 * n * n)).sqrt();
    ((centre - half).max(0.0), (centre + half).min(1.0))
}

/// Equal tails of the posterior under Jeffreys' prior, closed at 0 and 1 where nothing or everything happened.
pub fn jeffreys(events: u64, trials: u64, alpha: f64) -> Limits {
    let (a, b) = (events as f64 + 0.5, (trials - events) as f64 + 0.5);
    let quantile = |level: f64| {
        let (mut low, mut high) = (0.0, 1.0);
        for _ in 0..100 {
            let middle = 0.5 * (low + high);
            if beta_reg(a, b, middle) < level { low = middle } else { high = middle }
        }
        high
    };
    let low = if events == 0 { 0.0 } else { quantile(alpha / 2.0) };
    (low, if events == trials { 1.0 } else { quantile(1.0 - alpha / 2.0) })
}

/// Hoeffding's two-sided limits for a mean.
pub fn hoeffding(values: &[f64], alpha: f64) -> Limits {
    around(average(values), ((2.0 / alpha).ln() / (2.0 * values.len() as f64)).sqrt())
}

/// Two-sided empirical Bernstein limits (Maurer and Pontil 2009, theorem 4, each side at half).
pub fn maurer_pontil(values: &[f64], alpha: f64) -> Limits {
    let (n, mean) = (values.len() as f64, average(values));
    let variance = values.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n - 1.0);
    let log = (4.0 / alpha).ln();
    around(mean, (2.0 * variance * log / n).sqrt() + 7.0 * log / (3.0 * (n - 1.0)))
}

/// Predictable plug-in empirical Bernstein confidence sequence after the last value (Waudby-Smith and Ramdas 2024), stakes
/// cut at 1/2.
pub fn plug_in_bernstein(values: &[f64], alpha: f64) -> Limits {
    let log = (2.0 / alpha).ln();
    let (mut sum, mut squares, mut mean) = (0.5, 0.25, 0.5);
    let (mut weighted, mut stakes, mut price) = (0.0, 0.0, log);
    for (i, y) in values.iter().enumerate() {
        let t = (i + 1) as f64;
        let stake = (2.0 * log / (squares / t * t * t.ln_1p())).sqrt().min(0.5);
        weighted += stake * y;
        stakes += stake;
        // v psi(stake) with v = 4 (y - mean before)^2 and psi = (-ln(1 - stake) - stake) / 4
        price += (y - mean) * (y - mean) * (-(-stake).ln_1p() - stake);
        sum += y;
        mean = sum / (t + 1.0);
        squares += (y - mean) * (y - mean);
    }
    around(weighted / stakes, price / stakes)
}

fn around(centre: f64, half: f64) -> Limits {
    ((centre - half).max(0.0), (centre + half).min(1.0))
}
