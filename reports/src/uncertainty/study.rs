//! What a run knows of its parameters' doing: the same trials at points of the beliefs, beside the trials of the headline.

use simulator::parameters::{Knob, Parameters};
use simulator::{Pair, Runs, Scenario, paired_at};

use super::band::{Inner, spread};
use super::{Indices, Influence, hypercube, influences};
use crate::estimate::{Strata, average};
use crate::judge::{Facts, weights};

/// Points of a band.
pub const POINTS: usize = 64;

/// What a trial at a point comes to.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    stratum: u8,
    out: bool,
    added: f64,
}

/// Trials at points of the beliefs.
#[derive(Clone, Debug, Default)]
pub struct Study {
    /// The points.
    pub points: Vec<Vec<f64>>,
    /// For each point its trials, the same ones at each.
    samples: Vec<Vec<Sample>>,
    /// For each point the probabilities of the strata.
    strata: Vec<Vec<f64>>,
    /// What a closer look found.
    pub closer: Vec<(Knob, f64, Option<Indices>)>,
}

/// One figure at every point, brought to the level of the headline.
#[derive(Clone, Debug, PartialEq)]
pub struct Moved {
    /// By point.
    pub values: Vec<f64>,
    /// 5 % quantile.
    pub low: f64,
    /// 95 % quantile.
    pub high: f64,
}

impl Study {
    /// A study of so many trials at each of [`POINTS`] points, still to be run.
    pub fn planned(scenario: &Scenario, seed: u64) -> Study {
        Study { points: hypercube(POINTS, scenario.beliefs.len(), seed), ..Study::default() }
    }

    /// What a closer look found, by parameter: its screening, and its shares of the variance where it was among the weightiest.
    pub fn thorough(&self) -> impl Iterator<Item = (Knob, f64, Option<Indices>)> + '_ {
        self.closer.iter().copied()
    }

    /// Points that have been run.
    pub fn done(&self) -> usize {
        self.samples.len()
    }

    /// Runs the next points, at most so many.
    pub fn run(&mut self, scenario: &Scenario, points: usize, runs: Runs) {
        let next = &self.points[self.done()..self.done().saturating_add(points).min(self.points.len())];
        let weights = weights(scenario);
        let sample = |pair: Pair| {
            let facts = Facts::of(&weights, &pair);
            Sample { stratum: pair.proposal.drawn.stratum, out: facts.proposal_out, added: facts.added }
        };
        self.samples.extend(paired_at(scenario, next, runs, &sample));
        let strata = simulator::Strata::of(scenario);
        self.strata.extend(next.iter().map(|point| {
            let parameters = Parameters::at(&scenario.settings, &scenario.beliefs, point);
            strata.as_ref().map_or(vec![1.0], |strata| strata.at(&parameters).probability.to_vec())
        }));
    }

    /// The mean of added minutes at points, from the same trials at each: smooth enough for differences between points to be the
    /// parameters' doing.
    pub fn smoothed(scenario: &Scenario, points: Vec<Vec<f64>>, runs: Runs) -> Vec<f64> {
        let mut study = Study { points, ..Study::default() };
        study.run(scenario, usize::MAX, runs);
        let at = |(samples, weights): (&Vec<Sample>, &Vec<f64>)| {
            let kinds = weights.len();
            let of = |stratum: usize| {
                let mine = samples.iter().filter(|s| usize::from(s.stratum).min(kinds - 1) == stratum);
                weights[stratum] * average(&mine.map(|s| s.added).collect::<Vec<_>>())
            };
            (0..kinds).map(of).sum()
        };
        study.samples.iter().zip(&study.strata).map(at).collect()
    }

    /// The probability of an outage with the change; `out` says of each trial of the headline whether it has one.
    pub fn outage(&self, strata: &Strata, out: impl Fn(usize) -> bool) -> Moved {
        self.moved(strata, &|s| f64::from(u8::from(s.out)), &|i| f64::from(u8::from(out(i))), (0.0, 1.0))
    }

    /// The mean of added minutes; `added` are those of each trial of the headline.
    pub fn added(&self, strata: &Strata, added: impl Fn(usize) -> f64) -> Moved {
        let most = crate::score::LOSS_HIGH;
        self.moved(strata, &|s| s.added, &added, (-most, most))
    }

    /// Influences of the parameters on a figure that moved.
    pub fn influences(&self, moved: &Moved) -> Vec<Influence> {
        influences(&self.points, &moved.values)
    }

    /// Each stratum has the level of the headline, and moves with the points as far as that is not noise; the strata count
    /// with the probability they have at the point.
    fn moved(
        &self,
        strata: &Strata,
        of: &dyn Fn(&Sample) -> f64,
        headline: &dyn Fn(usize) -> f64,
        (least, most): (f64, f64),
    ) -> Moved {
        let kinds = strata.weights().len();
        let levels = strata.means(headline);
        let mut values = vec![0.0; self.done()];
        for (stratum, level) in levels.into_iter().enumerate() {
            let mine = |s: &&Sample| usize::from(s.stratum).min(kinds - 1) == stratum;
            let trials: Vec<Vec<f64>> = self.samples.iter().map(|p| p.iter().filter(mine).map(of).collect()).collect();
            let (mean, signal) = match trials.first().map_or(0, Vec::len) {
                0 | 1 => (0.0, 0.0), // one trial cannot tell luck from doing
                _ => {
                    let found = spread(&trials, Inner::Shared);
                    (found.mean, found.signal)
                }
            };
            for (j, value) in values.iter_mut().enumerate() {
                let shift = if signal > 0.0 { signal.sqrt() * (average(&trials[j]) - mean) } else { 0.0 };
                *value += self.strata[j][stratum] * (level + shift).clamp(least, most);
            }
        }
        let mut sorted = values.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |p| if sorted.is_empty() { 0.0 } else { crate::estimate::quantile(&sorted, p) };
        Moved { low: at(0.05), high: at(0.95), values }
    }
}
