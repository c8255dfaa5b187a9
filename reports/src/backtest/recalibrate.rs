//! What forecasts should have been, fitted on earlier operations and tested on later ones: never a random split, since operations
//! of one week resemble each other.
//!
//! Below 200 events the logit of the forecast is shrunk, `logit p' = a + b logit p` with priors `a ~ N(0, 1)` and `b ~ N(1, 0.5)`
//! (standard deviations), so that few events change little; from 200 on the curve is isotonic.

use schemars::JsonSchema;
use serde::Serialize;

use super::bootstrap::intervals;
use super::{Forecast, brier, isotonic, log_loss};
use crate::estimate::Est;

/// Events from which the curve is isotonic.
const ISOTONIC: usize = 200;
/// Fewest cases of either half.
const LEAST: usize = 20;
/// Standard deviations of the priors of intercept and slope.
const PRIOR: [f64; 2] = [1.0, 0.5];

/// How forecasts are corrected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// On the logit scale, drawn towards no change.
    Shrinkage,
    /// The closest rising curve.
    Isotonic,
}

/// Raw and recalibrated forecasts on operations later than those the curve was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recalibration {
    /// How.
    pub method: Method,
    /// Earlier operations it was fitted on.
    pub fitted_on: u64,
    /// Later operations it is tested on.
    pub tested_on: u64,
    /// Intercept on the logit scale, where shrunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub intercept: Option<f64>,
    /// Slope on the logit scale, where shrunk.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slope: Option<f64>,
    /// The curve: forecast, and what it should have been.
    pub curve: Vec<(f64, f64)>,
    /// Brier score of the raw forecasts on the later operations.
    pub raw_brier: f64,
    /// The same, recalibrated.
    pub recalibrated_brier: f64,
    /// Log score of the raw forecasts on the later operations.
    pub raw_log_score: f64,
    /// The same, recalibrated.
    pub recalibrated_log_score: f64,
    /// By how much the Brier score falls; below 0 where recalibration makes it worse.
    pub gain: Est,
}

/// Fits on the earlier half and tests on the later; `None` with too few cases, or where the earlier had one outcome only and the
/// curve would be isotonic.
pub fn recalibrate(in_time: &[Forecast], seed: u64) -> Option<Recalibration> {
    let (earlier, later) = in_time.split_at(in_time.len() / 2);
    if earlier.len() < LEAST {
        return None;
    }
    let events = in_time.iter().filter(|f| f.happened).count();
    let n = earlier.len() as f64;
    let (method, curve, line) = if events.min(in_time.len() - events) >= ISOTONIC {
        (Method::Isotonic, isotonic(earlier), None)
    } else {
        let (a, b) = shrink(earlier);
        let at = |p: f64| (p, logistic(a + b * logit(p, n)));
        (
            Method::Shrinkage,
            [0.001, 0.01, 0.03, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.97, 0.99, 0.999].map(at).to_vec(),
            Some((a, b)),
        )
    };
    let corrected = |f: &Forecast| Forecast {
        probability: match line {
            Some((a, b)) => logistic(a + b * logit(f.probability, n)),
            None => along(&curve, f.probability),
        },
        ..*f
    };
    let pairs: Vec<(Forecast, Forecast)> = later.iter().map(|f| (*f, corrected(f))).collect();
    let sides = |pairs: &[(Forecast, Forecast)]| -> (Vec<Forecast>, Vec<Forecast>) { pairs.iter().copied().unzip() };
    let (raw, new) = sides(&pairs);
    let [gain] = intervals(&pairs, seed, |sample| {
        let (raw, new) = sides(sample);
        [Some(brier(&raw) - brier(&new))]
    });
    Some(Recalibration {
        method,
        fitted_on: earlier.len() as u64,
        tested_on: later.len() as u64,
        intercept: line.map(|l| l.0),
        slope: line.map(|l| l.1),
        raw_brier: brier(&raw),
        recalibrated_brier: brier(&new),
        raw_log_score: log_loss(&raw),
        recalibrated_log_score: log_loss(&new),
        gain: gain.unwrap_or_default(),
        curve,
    })
}

/// Intercept and slope at the mode of their posterior, by Newton's method: the logarithm of the posterior is concave.
fn shrink(forecasts: &[Forecast]) -> (f64, f64) {
    let n = forecasts.len() as f64;
    let points: Vec<(f64, f64)> = forecasts.iter().map(|f| (logit(f.probability, n), f.outcome())).collect();
    let weights = PRIOR.map(|sd| 1.0 / (sd * sd));
    let (mut a, mut b) = (0.0, 1.0);
    for _ in 0..50 {
        let mut slope = [-a * weights[0], -(b - 1.0) * weights[1]];
        let mut bend = [weights[0], 0.0, weights[1]];
        for (x, y) in &points {
            let p = logistic(a + b * x);
            let w = p * (1.0 - p);
            slope[0] += y - p;
            slope[1] += (y - p) * x;
            bend[0] += w;
            bend[1] += w * x;
            bend[2] += w * x * x;
        }
        let determinant = bend[0] * bend[2] - bend[1] * bend[1];
        let step = [
            (bend[2] * slope[0] - bend[1] * slope[1]) / determinant,
            (bend[0] * slope[1] - bend[1] * slope[0]) / determinant,
        ];
        // Far steps of the first rounds are held back.
        let length = step[0].abs().max(step[1].abs());
        let held = if length > 1.0 { 1.0 / length } else { 1.0 };
        (a, b) = (a + held * step[0], b + held * step[1]);
        if length < 1e-10 {
            break;
        }
    }
    (a, b)
}

/// Between the points of a rising curve, level beyond its ends.
fn along(curve: &[(f64, f64)], p: f64) -> f64 {
    let after = curve.partition_point(|(x, _)| *x < p);
    match (after.checked_sub(1).and_then(|i| curve.get(i)), curve.get(after)) {
        (None, None) => p,
        (Some((_, y)), None) | (None, Some((_, y))) => *y,
        (Some((x0, y0)), Some((x1, y1))) => y0 + (y1 - y0) * (p - x0) / (x1 - x0),
    }
}

/// Log-odds; certainties count as `1/2n` and `1 - 1/2n`.
fn logit(p: f64, n: f64) -> f64 {
    let p = p.clamp(0.5 / n, 1.0 - 0.5 / n);
    (p / (1.0 - p)).ln()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn history(n: u32, every: u32) -> Vec<Forecast> {
        (0..n).map(|i| Forecast { probability: 0.1, happened: i % every == 0 }).collect()
    }

    #[test]
    fn few_events_change_little_and_many_say_all() {
        let (a, b) = shrink(&history(20, 40));
        let moved = logistic(a + b * logit(0.1, 20.0));
        assert!((0.05..0.1).contains(&moved), "{moved}: one in 20 against a forecast of 0.1");
        let (a, b) = shrink(&history(20_000, 2));
        assert!((logistic(a + b * logit(0.1, 1e6)) - 0.5).abs() < 0.01);
    }

    #[test]
    fn the_later_half_is_never_fitted_on() {
        // Wrong in the first half, right in the second: what was learned makes it worse, and that is said.
        let mut both = history(100, 2);
        both.extend(history(100, 10));
        let found = recalibrate(&both, 1).unwrap();
        assert_eq!((found.method, found.fitted_on, found.tested_on), (Method::Shrinkage, 100, 100));
        assert!(found.recalibrated_brier > found.raw_brier && found.gain.high < 0.0, "{found:?}");
        let steady = recalibrate(&history(200, 2), 1).unwrap();
        assert!(steady.recalibrated_brier < steady.raw_brier && steady.gain.low > 0.0, "{steady:?}");
        assert_eq!(recalibrate(&history(30, 2), 1), None);
    }

    #[test]
    fn with_many_events_the_curve_is_isotonic() {
        let found = recalibrate(&history(500, 2), 1).unwrap();
        assert_eq!((found.method, found.slope), (Method::Isotonic, None));
        assert!(found.recalibrated_brier < found.raw_brier);
        assert_eq!(along(&[(0.1, 0.2), (0.3, 0.6)], 0.2), 0.4);
        assert_eq!((along(&[(0.1, 0.2)], 0.0), along(&[], 0.3)), (0.2, 0.3));
    }
}
