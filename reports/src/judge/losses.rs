//! Minutes out, by watched workload, plan and trial.

use simulator::Outcome;
use simulator::spec::WorkloadSpec;

use crate::input::Inputs;
use crate::score;

/// Losses of all trials.
pub struct Losses<'a> {
    /// Watched workloads in the order of the scenario.
    pub watched: Vec<Watched<'a>>,
    /// Weighted minutes each trial adds to doing nothing, cut at ±[`score::LOSS_HIGH`].
    pub added: Vec<f64>,
    /// Trials with an outage of a system workload: with the change, without it, only with it, only without it.
    pub outages: Outages,
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
    /// Trials with an outage.
    pub outages: Outages,
}

/// Counts of paired trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outages {
    /// With the change.
    pub proposal: u64,
    /// Without it.
    pub baseline: u64,
    /// With it only.
    pub gained: u64,
    /// Without it only.
    pub spared: u64,
}

impl Outages {
    fn count(&mut self, proposal: bool, baseline: bool) {
        self.proposal += u64::from(proposal);
        self.baseline += u64::from(baseline);
        self.gained += u64::from(proposal && !baseline);
        self.spared += u64::from(baseline && !proposal);
    }
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
        let mut outages = Outages::default();
        for pair in inputs.pairs {
            let any = |outcome: &Outcome| watched.iter().enumerate().any(|(i, w)| w.weight > 0.0 && out(outcome, i));
            outages.count(any(&pair.proposal), any(&pair.baseline));
        }
        let mut losses = Losses { watched, added: Vec::new(), outages };
        losses.added = (0..inputs.pairs.len()).map(|trial| clipped(losses.difference(trial))).collect();
        losses
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
        let mut order: Vec<usize> = (0..self.added.len()).collect();
        order.sort_by(|a, b| self.added[*a].total_cmp(&self.added[*b]).then(a.cmp(b)));
        let median = *order.get(order.len() / 2)?;
        let first = self.added.iter().position(|added| *added == self.added[median])?;
        let pair = inputs.pairs.get(first)?;
        (self.added[first] >= score::LOSS_LOW && !inputs.scenario.changes.is_empty()).then_some(pair.trial)
    }
}

impl<'a> Watched<'a> {
    fn of(inputs: &Inputs<'a>, index: usize, spec: &'a WorkloadSpec) -> Watched<'a> {
        let minutes = |outcome: &Outcome| outcome.workloads.get(index).map_or(0.0, |w| w.out.as_mins_f64());
        let mut outages = Outages::default();
        for pair in inputs.pairs {
            outages.count(out(&pair.proposal, index), out(&pair.baseline, index));
        }
        Watched {
            spec,
            weight: score::weight(spec.role),
            proposal: inputs.pairs.iter().map(|p| minutes(&p.proposal)).collect(),
            baseline: inputs.pairs.iter().map(|p| minutes(&p.baseline)).collect(),
            outages,
        }
    }
}

fn out(outcome: &Outcome, index: usize) -> bool {
    outcome.workloads.get(index).is_some_and(|w| w.outages > 0)
}

fn clipped(minutes: f64) -> f64 {
    minutes.clamp(-score::LOSS_HIGH, score::LOSS_HIGH)
}
