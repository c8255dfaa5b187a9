//! Scores of forecasts against what happened: how good predicted probabilities were, whether they may be taken at their word,
//! and what they should have been.
//!
//! This file has pure functions over pairs of a forecast and an outcome, in any order; the folder has the form in which both are
//! kept (`history`), the judgement of a whole history (`document`) and its page. Left out: which operations make a fair sample,
//! which is for whoever collects them to say.

mod bootstrap;
pub mod document;
pub mod durations;
pub mod history;
mod isotonic;
pub mod page;
pub mod quality;
pub mod recalibrate;
mod tell;

pub use document::{Ask, Backtest};
pub use isotonic::isotonic;

/// A forecast and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Forecast {
    /// Predicted probability, 0 to 1.
    pub probability: f64,
    /// Whether it happened.
    pub happened: bool,
}

impl Forecast {
    fn outcome(self) -> f64 {
        f64::from(u8::from(self.happened))
    }

    /// The outcome less the forecast.
    fn surprise(self) -> f64 {
        self.outcome() - self.probability
    }
}

/// The parts of the Brier score (Murphy 1973): reliability - resolution + uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Murphy {
    /// How far forecasts are from what then happens as often; smaller is better.
    pub reliability: f64,
    /// How far they tell cases apart; larger is better.
    pub resolution: f64,
    /// What the cases themselves are to be guessed.
    pub uncertainty: f64,
}

/// Share of cases in which it happened; 0 of none.
pub fn base_rate(forecasts: &[Forecast]) -> f64 {
    mean(forecasts, Forecast::outcome)
}

/// Mean squared distance of forecast and outcome (Brier 1950).
pub fn brier(forecasts: &[Forecast]) -> f64 {
    mean(forecasts, |f| f.surprise() * f.surprise())
}

/// Share of the Brier score of always saying the base rate that the forecasts save; absent where every outcome is the same.
pub fn brier_skill(forecasts: &[Forecast]) -> Option<f64> {
    let rate = base_rate(forecasts);
    let reference = rate * (1.0 - rate);
    (reference > 0.0).then(|| 1.0 - brier(forecasts) / reference)
}

/// Mean negative logarithm of the probability given to what happened, in nats. Forecasts of 0 and 1 count as `1/2n` and
/// `1 - 1/2n`, so that one certainty gone wrong does not make everything infinite.
pub fn log_loss(forecasts: &[Forecast]) -> f64 {
    let least = 1.0 / (2.0 * forecasts.len().max(1) as f64);
    mean(forecasts, |f| {
        let given = if f.happened { f.probability } else { 1.0 - f.probability };
        -match given {
            p if p <= 0.0 => least.ln(),
            p if p >= 1.0 => (1.0 - least).ln(),
            p => p.ln(),
        }
    })
}

/// The parts of the Brier score, by distinct forecasts.
pub fn murphy(forecasts: &[Forecast]) -> Murphy {
    let rate = base_rate(forecasts);
    let n = forecasts.len().max(1) as f64;
    let part = |of: &dyn Fn(f64, f64) -> f64| {
        by_forecast(forecasts).iter().map(|g| g.count * of(g.forecast, g.share())).sum::<f64>() / n
    };
    Murphy {
        reliability: part(&|forecast, share| (forecast - share).powi(2)),
        resolution: part(&|_, share| (share - rate).powi(2)),
        uncertainty: rate * (1.0 - rate),
    }
}

/// Expected calibration error: mean distance of forecast and share over bins of equal width, by their count.
pub fn calibration_error(forecasts: &[Forecast], bins: usize) -> f64 {
    let bins = bins.max(1);
    let mut sums = vec![0.0; bins];
    for f in forecasts {
        // What decimal fractions lack to their bin's edge in binary.
        let bin = ((f.probability * bins as f64 + 1e-12).floor().max(0.0) as usize).min(bins - 1);
        sums[bin] += f.surprise();
    }
    sums.iter().map(|sum| sum.abs()).sum::<f64>() / forecasts.len().max(1) as f64
}

/// Probability that a case that happened had the higher forecast than one that did not, ties counting one half; absent
/// where every outcome is the same.
pub fn auc(forecasts: &[Forecast]) -> Option<f64> {
    let (mut below, mut won) = (0.0, 0.0);
    let (mut happened, mut not) = (0.0, 0.0);
    for group in by_forecast(forecasts) {
        let (yes, no) = (group.happened, group.count - group.happened);
        won += yes * (below + 0.5 * no);
        below += no;
        (happened, not) = (happened + yes, not + no);
    }
    (happened > 0.0 && not > 0.0).then(|| won / (happened * not))
}

/// Spiegelhalter's statistic (1986): standard normal where forecasts may be taken at their word; absent where all are 0, 1/2
/// or 1, which say nothing about it.
pub fn spiegelhalter_z(forecasts: &[Forecast]) -> Option<f64> {
    let sum = |of: &dyn Fn(&Forecast) -> f64| forecasts.iter().map(of).sum::<f64>();
    let above = sum(&|f| f.surprise() * (1.0 - 2.0 * f.probability));
    let variance = sum(&|f| (1.0 - 2.0 * f.probability).powi(2) * f.probability * (1.0 - f.probability));
    (variance > 0.0).then(|| above / variance.sqrt())
}

/// Cases of one forecast.
struct Group {
    forecast: f64,
    count: f64,
    happened: f64,
}

impl Group {
    fn share(&self) -> f64 {
        self.happened / self.count
    }
}

/// Distinct forecasts, rising.
fn by_forecast(forecasts: &[Forecast]) -> Vec<Group> {
    let mut sorted = forecasts.to_vec();
    sorted.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    let mut groups: Vec<Group> = Vec::new();
    for f in sorted {
        match groups.last_mut().filter(|g| g.forecast == f.probability) {
            Some(group) => {
                group.count += 1.0;
                group.happened += f.outcome();
            }
            None => groups.push(Group { forecast: f.probability, count: 1.0, happened: f.outcome() }),
        }
    }
    groups
}

fn mean(forecasts: &[Forecast], of: impl Fn(Forecast) -> f64) -> f64 {
    forecasts.iter().map(|f| of(*f)).sum::<f64>() / forecasts.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases(pairs: &[(f64, u8)]) -> Vec<Forecast> {
        pairs.iter().map(|(p, y)| Forecast { probability: *p, happened: *y == 1 }).collect()
    }

    #[test]
    fn nothing_and_certainty_make_no_noise() {
        assert_eq!(
            (brier(&[]), log_loss(&[]), auc(&[]), spiegelhalter_z(&[]), brier_skill(&[])),
            (0.0, 0.0, None, None, None)
        );
        let sure = cases(&[(1.0, 1), (0.0, 0)]);
        assert_eq!((brier(&sure), auc(&sure), spiegelhalter_z(&sure)), (0.0, Some(1.0), None));
        assert!(log_loss(&cases(&[(0.0, 1), (1.0, 1)])).is_finite());
    }

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let forecasts = cases(&[(0.1, 0), (0.1, 1), (0.4, 0), (0.7, 1), (0.7, 1), (0.9, 0)]);
        let Murphy { reliability, resolution, uncertainty } = murphy(&forecasts);
        assert!((reliability - resolution + uncertainty - brier(&forecasts)).abs() < 1e-12);
    }

    #[test]
    fn ranking_is_all_that_auc_sees() {
        assert_eq!(auc(&cases(&[(0.2, 0), (0.3, 1), (0.3, 0), (0.5, 1)])), Some(0.875));
        assert_eq!(auc(&cases(&[(0.02, 0), (0.03, 1), (0.03, 0), (0.9, 1)])), Some(0.875));
    }
}
