//! How good forecasts of one yes-or-no question were: scores with intervals, calibration by bins, and whether they beat what needs
//! no simulation.

use schemars::JsonSchema;
use serde::Serialize;
use statrs::distribution::{ContinuousCDF, Normal};

use super::bootstrap::intervals;
use super::recalibrate::{Recalibration, recalibrate};
use super::{Forecast, Murphy, auc, base_rate, brier, log_loss, murphy, spiegelhalter_z};
use crate::estimate::{Est, average};

/// Most bins of a reliability diagram.
const BINS: usize = 10;
/// Fewest cases of a bin.
const BIN: usize = 20;
/// Fewest cases of the rarer outcome for a verdict other than of plain contradiction.
const FEW: u64 = 10;
/// Two tests are held against each other's level: 5 % together.
const ALPHA: f64 = 0.025;

/// A forecast, in the order of time, with what a simple rule said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Case {
    /// Forecast and outcome.
    pub forecast: Forecast,
    /// The rule said that the change goes wrong.
    pub rule: bool,
}

/// How good forecasts were.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Quality {
    /// What was forecast.
    pub question: String,
    /// Forecasts with an outcome.
    pub cases: u64,
    /// Of these, how many happened.
    pub events: u64,
    /// Share that happened, with exact limits.
    pub base_rate: Est,
    /// Mean of the forecasts.
    pub mean_forecast: f64,
    /// Exact p-value of as many events or a number less likely, were each forecast right.
    pub count_p_value: f64,
    /// Mean squared distance of forecast and outcome; smaller is better.
    pub brier: Est,
    /// Mean negative logarithm of the probability given to what happened, nats; smaller is better.
    pub log_score: Est,
    /// Parts of the Brier score.
    pub murphy: Parts,
    /// Spiegelhalter's statistic, about standard normal where forecasts may be taken at their word; absent where all forecasts are
    /// certain.
    pub spiegelhalter: Option<Statistic>,
    /// Probability that a case that happened had the higher forecast; absent where every outcome is the same.
    pub auc: Option<Est>,
    /// Share of the Brier score of a reference that the forecasts save.
    pub skill: Skill,
    /// Bins of equal numbers of cases, by forecast.
    pub bins: Vec<Bin>,
    /// What to make of it.
    pub verdict: Verdict,
    /// The same in a sentence.
    pub sentence: String,
    /// What the forecasts should have been; absent with too few cases to fit and to test.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recalibration: Option<Recalibration>,
}

/// Parts of the Brier score, by bin: reliability - resolution + uncertainty + what differs within bins.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Parts {
    /// How far forecasts are from what then happens as often; smaller is better.
    pub reliability: Est,
    /// How far they tell cases apart; larger is better.
    pub resolution: Est,
    /// What the cases themselves are to be guessed.
    pub uncertainty: Est,
    /// What is left: differences within bins.
    pub within_bins: f64,
}

/// A test statistic.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Statistic {
    /// Its value with limits by resampling.
    pub z: Est,
    /// Two-sided p-value.
    pub p_value: f64,
}

/// Skill against what needs no simulation. Both references know the outcomes of the same cases, which favours them.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Skill {
    /// Against always saying the share that happened.
    pub base_rate: Option<Est>,
    /// Against the share among those a rule objects to (surge below one, a budget that blocks, a system pool of one node) and that
    /// among the others.
    pub rule: Option<Est>,
}

/// Cases of about one forecast.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bin {
    /// Least forecast.
    pub from: f64,
    /// Greatest.
    pub to: f64,
    /// Mean forecast.
    pub forecast: f64,
    /// Cases.
    pub cases: u64,
    /// How many of them happened.
    pub events: u64,
    /// Share that happened, with beta (Clopper-Pearson) limits.
    pub observed: Est,
}

impl Bin {
    /// True where the mean forecast lies within the limits of what happened.
    pub fn holds(&self) -> bool {
        self.observed.low <= self.forecast && self.forecast <= self.observed.high
    }
}

/// What to make of forecasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// They may be taken at their word.
    Calibrated,
    /// It happens more often than was said.
    TooLow,
    /// It happens less often.
    TooHigh,
    /// Right on average, but not where they are high and low.
    Uneven,
    /// Nothing speaks against them, and there is too little to speak for them.
    TooFew,
}

impl Quality {
    /// Judges forecasts in the order of time; `None` without any.
    pub fn of(question: &str, cases: &[Case], seed: u64) -> Option<Quality> {
        if cases.is_empty() {
            return None;
        }
        let forecasts: Vec<Forecast> = cases.iter().map(|c| c.forecast).collect();
        let events = forecasts.iter().filter(|f| f.happened).count() as u64;
        let n = cases.len() as u64;
        // In the order of forecasts, which resampling keeps.
        let mut sorted = cases.to_vec();
        sorted.sort_by(|a, b| a.forecast.probability.total_cmp(&b.forecast.probability));
        let all = intervals(&sorted, seed, |sample| {
            let forecasts: Vec<Forecast> = sample.iter().map(|c| c.forecast).collect();
            let Murphy { reliability, resolution, uncertainty } = murphy(&binned(&forecasts));
            let score = brier(&forecasts);
            let against = |reference: f64| (reference > 0.0).then(|| 1.0 - score / reference);
            [
                Some(score),
                Some(log_loss(&forecasts)),
                Some(reliability),
                Some(resolution),
                Some(uncertainty),
                spiegelhalter_z(&forecasts),
                auc(&forecasts),
                against(uncertainty),
                against(brier(&by_rule(sample))),
            ]
        });
        let est = |i: usize| all[i].unwrap_or_default();
        let (brier, murphy) = (est(0), [est(2), est(3), est(4)]);
        let bins = bins(&sorted.iter().map(|c| c.forecast).collect::<Vec<_>>());
        let spiegelhalter = all[5].map(|z| Statistic { z, p_value: two_sided(z.estimate) });
        let mut quality = Quality {
            question: question.to_owned(),
            cases: n,
            events,
            base_rate: Est::probability(events, n),
            mean_forecast: average(&forecasts.iter().map(|f| f.probability).collect::<Vec<_>>()),
            count_p_value: count_p_value(&forecasts, events as usize),
            brier,
            log_score: est(1),
            murphy: Parts {
                reliability: murphy[0],
                resolution: murphy[1],
                uncertainty: murphy[2],
                within_bins: brier.estimate - murphy[0].estimate + murphy[1].estimate - murphy[2].estimate,
            },
            spiegelhalter,
            auc: all[6],
            skill: Skill { base_rate: all[7], rule: all[8] },
            bins,
            verdict: Verdict::TooFew,
            sentence: String::new(),
            recalibration: recalibrate(&forecasts, seed),
        };
        quality.verdict = quality.judge();
        quality.sentence = super::tell::quality(&quality);
        Some(quality)
    }

    fn judge(&self) -> Verdict {
        if self.count_p_value < ALPHA {
            return if self.base_rate.estimate > self.mean_forecast { Verdict::TooLow } else { Verdict::TooHigh };
        }
        if self.events.min(self.cases - self.events) < FEW {
            return Verdict::TooFew;
        }
        match self.spiegelhalter {
            Some(statistic) if statistic.p_value < ALPHA => Verdict::Uneven,
            _ => Verdict::Calibrated,
        }
    }
}

/// Forecasts by what a rule says: the share of its kind that happened.
fn by_rule(cases: &[Case]) -> Vec<Forecast> {
    let share =
        |rule: bool| base_rate(&cases.iter().filter(|c| c.rule == rule).map(|c| c.forecast).collect::<Vec<Forecast>>());
    let (objected, not) = (share(true), share(false));
    cases.iter().map(|c| Forecast { probability: if c.rule { objected } else { not }, ..c.forecast }).collect()
}

/// Ends of bins of about equal numbers of cases; equal forecasts stay together.
fn edges(sorted: &[Forecast]) -> Vec<usize> {
    let bins = (sorted.len() / BIN).clamp(1, BINS);
    let mut ends = Vec::new();
    for bin in 1..=bins {
        let mut end = bin * sorted.len() / bins;
        while end < sorted.len() && end > 0 && sorted[end].probability == sorted[end - 1].probability {
            end += 1;
        }
        if ends.last().is_none_or(|last| *last < end) {
            ends.push(end);
        }
    }
    ends
}

fn parts(sorted: &[Forecast]) -> impl Iterator<Item = &[Forecast]> {
    let ends = edges(sorted);
    let starts = std::iter::once(0).chain(ends.clone());
    starts.zip(ends).map(|(from, to)| &sorted[from..to])
}

/// Each forecast as the mean of its bin, for the parts of the Brier score.
fn binned(sorted: &[Forecast]) -> Vec<Forecast> {
    let flat = |part: &[Forecast]| {
        let probability = average(&part.iter().map(|f| f.probability).collect::<Vec<_>>());
        part.iter().map(|f| Forecast { probability, ..*f }).collect::<Vec<_>>()
    };
    parts(sorted).flat_map(flat).collect()
}

fn bins(sorted: &[Forecast]) -> Vec<Bin> {
    let bin = |part: &[Forecast]| {
        let (cases, events) = (part.len() as u64, part.iter().filter(|f| f.happened).count() as u64);
        Bin {
            from: part[0].probability,
            to: part[part.len() - 1].probability,
            forecast: average(&part.iter().map(|f| f.probability).collect::<Vec<_>>()),
            cases,
            events,
            observed: Est::probability(events, cases),
        }
    };
    parts(sorted).filter(|part| !part.is_empty()).map(bin).collect()
}

/// Exact two-sided p-value of the number of events, were every forecast right: the number is then Poisson-binomial, and its
/// distribution is built case by case.
fn count_p_value(forecasts: &[Forecast], events: usize) -> f64 {
    let mut distribution = vec![0.0; forecasts.len() + 1];
    distribution[0] = 1.0;
    for (seen, forecast) in forecasts.iter().enumerate() {
        let p = forecast.probability.clamp(0.0, 1.0);
        for k in (0..=seen).rev() {
            let stays = distribution[k];
            distribution[k + 1] += stays * p;
            distribution[k] = stays * (1.0 - p);
        }
    }
    let below: f64 = distribution[..=events].iter().sum();
    let above: f64 = distribution[events..].iter().sum();
    (2.0 * below.min(above)).min(1.0)
}

fn two_sided(z: f64) -> f64 {
    Normal::standard().cdf(-z.abs()) * 2.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `n` cases at forecasts 0.05, 0.15, ... of which the share `of(p)` happened, evenly.
    fn cases(n: u32, of: impl Fn(f64) -> f64) -> Vec<Case> {
        (0..n)
            .map(|i| {
                let probability = 0.05 + 0.1 * f64::from(i % 5);
                let place = f64::from(i / 5);
                // Evenly: the whole numbers passed at this step.
                let happened = ((place + 1.0) * of(probability)).floor() > (place * of(probability)).floor();
                Case { forecast: Forecast { probability, happened }, rule: probability > 0.3 }
            })
            .collect()
    }

    fn verdict(n: u32, of: impl Fn(f64) -> f64) -> Verdict {
        Quality::of("q", &cases(n, of), 1).unwrap().verdict
    }

    #[test]
    fn forecasts_are_judged_by_what_happened() {
        assert_eq!(verdict(1000, |p| p), Verdict::Calibrated);
        assert_eq!(verdict(1000, |p| 0.5 * p), Verdict::TooHigh);
        assert_eq!(verdict(1000, |p| (2.0 * p).min(1.0)), Verdict::TooLow);
        assert_eq!(verdict(1000, |_| 0.25), Verdict::Uneven);
        assert_eq!(verdict(20, |p| p), Verdict::TooFew);
        assert_eq!(verdict(20, |_| 1.0), Verdict::TooLow, "a plain contradiction needs no number");
        assert_eq!(Quality::of("q", &[], 1), None);
    }

    #[test]
    fn parts_add_up_and_bins_hold_everything() {
        let q = Quality::of("q", &cases(500, |p| p), 1).unwrap();
        assert_eq!(
            q.bins.iter().map(|b| (b.cases, b.events)).fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1)),
            (500, q.events)
        );
        assert_eq!(q.bins.len(), 5, "equal forecasts stay together");
        assert!(q.bins.iter().all(Bin::holds));
        assert!(q.murphy.within_bins.abs() < 1e-12 && q.murphy.reliability.estimate < 1e-4);
        assert!(q.brier.low < q.brier.estimate && q.brier.estimate < q.brier.high);
        let skill = q.skill.base_rate.unwrap().estimate;
        assert!(skill > q.skill.rule.unwrap().estimate && q.skill.rule.unwrap().estimate > 0.0, "{:?}", q.skill);
    }

    #[test]
    fn the_count_is_tested_exactly() {
        let at = |probability, n: usize| vec![Forecast { probability, happened: false }; n];
        assert!((count_p_value(&at(0.5, 4), 0) - 0.125).abs() < 1e-12);
        assert_eq!(count_p_value(&at(0.5, 4), 2), 1.0);
        assert!(count_p_value(&at(0.001, 100), 5) < 1e-6);
        assert_eq!(count_p_value(&at(0.0, 3), 0), 1.0);
    }
}
