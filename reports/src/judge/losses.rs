//! Minutes out, by watched workload, plan and trial.

use simulator::outcome::Drawn;
use simulator::spec::WorkloadSpec;
use simulator::{Outcome, Pair, Scenario};

use crate::estimate::{Strata, drawn};
use crate::input::Inputs;
use crate::score;

/// Losses of all trials.
pub struct Losses<'a> {
    /// Watched workloads in the order of the scenario.
    pub watched: Vec<Watched<'a>>,
    /// Weighted minutes each trial adds to doing nothing, cut at ±[`score::LOSS_HIGH`].
    pub added: Vec<f64>,
    /// Trials with an outage of a system workload under one of the two plans alone: with the change, without it.
    pub discordant: (u64, u64),
    /// What each trial counts.
    pub strata: Strata,
}

/// One watched workload.
pub struct Watched<'a> {
    /// What it is.
    pub spec: &'a WorkloadSpec,
    /// What one of its minutes counts.
    pub weight: f64,
    /// Minutes out with the change, by trial.
    pub proposal: Vec<f64>,
    /// Minutes out without it, by trial.
    pub baseline: Vec<f64>,
    /// Whether it has an outage with the change, by trial.
    pub proposal_out: Vec<bool>,
    /// Whether it has one without it, by trial.
    pub baseline_out: Vec<bool>,
}

/// What one paired trial says of the change as a whole.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Whether a system workload has an outage with the change.
    pub proposal_out: bool,
    /// The same without it.
    pub baseline_out: bool,
    /// Weighted minutes the change adds to doing nothing, cut at ±[`score::LOSS_HIGH`].
    pub added: f64,
    /// How it was drawn.
    pub drawn: Drawn,
}

impl Facts {
    /// Reads a trial; `weights` are those of the watched workloads.
    pub fn of(weights: &[f64], pair: &Pair) -> Facts {
        let sum = |outcome: &Outcome| weighted(weights, outcome);
        Facts {
            proposal_out: any_out(weights, &pair.proposal),
            baseline_out: any_out(weights, &pair.baseline),
            added: (sum(&pair.proposal) - sum(&pair.baseline)).clamp(-score::LOSS_HIGH, score::LOSS_HIGH),
            drawn: drawn(pair),
        }
    }
}

/// Weighted minutes of outage of one trial of one plan.
pub fn weighted(weights: &[f64], outcome: &Outcome) -> f64 {
    weights.iter().enumerate().map(|(i, w)| w * minutes(outcome, i)).sum::<f64>()
}

/// What a minute of each watched workload counts, in the order of the scenario.
pub fn weights(scenario: &Scenario) -> Vec<f64> {
    let workloads = &scenario.cluster.workloads;
    scenario.watched().iter().filter_map(|id| workloads.get(*id)).map(|spec| score::weight(spec.role)).collect()
}

impl<'a> Losses<'a> {
    /// Reads the losses of every trial.
    pub fn of(inputs: &Inputs<'a>) -> Losses<'a> {
        let workloads = &inputs.scenario.cluster.workloads;
        let ids = inputs.scenario.watched();
        let watched: Vec<Watched<'a>> = ids
            .iter()
            .enumerate()
            .filter_map(|(i, id)| workloads.get(*id).map(|spec| Watched::of(inputs, i, spec)))
            .collect();
        let weights = weights(inputs.scenario);
        let facts: Vec<Facts> = inputs.pairs.iter().map(|pair| Facts::of(&weights, pair)).collect();
        let count = |which: fn(&Facts) -> bool| facts.iter().filter(|f| which(f)).count() as u64;
        Losses {
            watched,
            added: facts.iter().map(|f| f.added).collect(),
            discordant: (count(|f| f.proposal_out && !f.baseline_out), count(|f| f.baseline_out && !f.proposal_out)),
            strata: Strata::with(inputs.scenario, inputs.pairs),
        }
    }

    /// Weighted minutes a trial adds to doing nothing.
    fn difference(&self, trial: usize) -> f64 {
        let (proposal, baseline) = self.weighted(trial);
        proposal - baseline
    }

    /// Weighted minutes of outage of system workloads in one trial, by its position: with the change, without it.
    pub fn weighted(&self, trial: usize) -> (f64, f64) {
        let sum = |minutes: &dyn Fn(&Watched<'a>) -> f64| self.watched.iter().map(|w| w.weight * minutes(w)).sum();
        let at = |column: &[f64]| column.get(trial).copied().unwrap_or(0.0);
        (sum(&|w| at(&w.proposal)), sum(&|w| at(&w.baseline)))
    }

    /// The trial in which the change loses most, ties to the first; `None` where nothing is changed.
    pub fn worst(&self, inputs: &Inputs<'_>) -> Option<(u32, f64)> {
        if inputs.scenario.changes.is_empty() {
            return None;
        }
        let mut worst: Option<(u32, f64)> = None;
        for (i, pair) in inputs.pairs.iter().enumerate() {
            let added = self.difference(i);
            if worst.is_none_or(|(_, most)| added > most) {
                worst = Some((pair.trial, added));
            }
        }
        worst
    }
}

impl Losses<'_> {
    /// The trial whose added minutes are the median, ties to the first; `None` where a typical trial loses nothing.
    pub fn typical(&self, inputs: &Inputs<'_>) -> Option<u32> {
        let median = self.strata.ranked(|i| self.added[i]).quantile(0.5);
        let first = self.added.iter().position(|added| *added == median)?;
        let pair = inputs.pairs.get(first)?;
        (median >= score::LOSS_LOW && !inputs.scenario.changes.is_empty()).then_some(pair.trial)
    }
}

impl<'a> Watched<'a> {
    fn of(inputs: &Inputs<'a>, index: usize, spec: &'a WorkloadSpec) -> Watched<'a> {
        Watched {
            spec,
            weight: score::weight(spec.role),
            proposal: inputs.pairs.iter().map(|p| minutes(&p.proposal, index)).collect(),
            baseline: inputs.pairs.iter().map(|p| minutes(&p.baseline, index)).collect(),
            proposal_out: inputs.pairs.iter().map(|p| out(&p.proposal, index)).collect(),
            baseline_out: inputs.pairs.iter().map(|p| out(&p.baseline, index)).collect(),
        }
    }
}

/// True where any workload that counts has an outage.
pub fn any_out(weights: &[f64], outcome: &Outcome) -> bool {
    weights.iter().enumerate().any(|(i, w)| *w > 0.0 && out(outcome, i))
}

fn out(outcome: &Outcome, index: usize) -> bool {
    outcome.workloads.get(index).is_some_and(|w| w.outages > 0)
}

fn minutes(outcome: &Outcome, index: usize) -> f64 {
    outcome.workloads.get(index).map_or(0.0, |w| w.out.as_mins_f64())
}
