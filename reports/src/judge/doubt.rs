//! What not knowing the parameters comes to: bands, whose doing they are, what to measure first, and the risk by reading where
//! sources disagree.

use simulator::Scenario;
use simulator::parameters::{Knob, Parameters};

use super::losses::Losses;
use crate::estimate::{Est, Sampling};
use crate::input::{DoubtInfo, Inputs};
use crate::report::{Band, Reading, Risk, Sensitivity};
use crate::stopping::Headline;
use crate::uncertainty::{Influence, Moved, Study};

/// Parameters that are named, weightiest first.
const NAMED: usize = 5;
/// A parameter that explains less of the spread is not worth a measurement.
const WORTH: f64 = 0.05;

/// What a study found, in the terms of a report.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Range of the probability of an outage with the change.
    pub outage: Option<Band>,
    /// Range of the mean of added minutes.
    pub minutes: Option<Band>,
    /// Parameters that move the answer, weightiest first.
    pub sensitivity: Vec<Sensitivity>,
    /// The one to measure first, with how to.
    pub datum: Option<String>,
}

impl Found {
    /// Reads the study, where there is one.
    pub fn of(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Found {
        let Some(study) = inputs.study.filter(|study| study.done() > 0) else { return Found::default() };
        let out = |i: usize| losses.watched.iter().any(|w| w.weight > 0.0 && w.proposal_out[i]);
        let outage = study.outage(&losses.strata, out);
        let minutes = study.added(&losses.strata, |i| losses.added[i]);
        let sensitivity = sensitivity(inputs, study, &outage, &minutes);
        let datum = sensitivity.iter().find(|s| s.share >= WORTH).map(|s| {
            format!(
                "{}: it moves the answer most (about {} of the spread); to know it, {}.",
                s.what,
                crate::words::percent(s.share),
                s.how
            )
        });
        Found { outage: Some(band(&outage)), minutes: Some(band(&minutes)), sensitivity, datum }
    }

    /// Writes the bands into a risk.
    pub fn told_in(&self, risk: Risk, readings: Vec<Reading>) -> Risk {
        Risk { parameter_band: self.outage, added_minutes_band: self.minutes, readings, ..risk }
    }
}

fn band(moved: &Moved) -> Band {
    Band { low: moved.low, high: moved.high }
}

/// Parameters whose influence on minutes, or where those do not move on the probability of an outage, is more than luck.
fn sensitivity(inputs: &Inputs<'_>, study: &Study, outage: &Moved, minutes: &Moved) -> Vec<Sensitivity> {
    let moves = |moved: &Moved| moved.high > moved.low;
    let of = if moves(minutes) { minutes } else { outage };
    let influences = study.influences(of);
    let knobs = inputs.scenario.beliefs.iter().map(|belief| belief.knob);
    let clear = knobs.zip(influences).filter(|(_, influence)| influence.clear() && influence.share() > 0.0);
    let mut found: Vec<Sensitivity> = clear.filter_map(|(knob, i)| named(inputs, study, knob, i)).collect();
    found.sort_by(|a, b| b.share.total_cmp(&a.share));
    found.truncate(NAMED);
    found
}

fn named(inputs: &Inputs<'_>, study: &Study, knob: Knob, influence: Influence) -> Option<Sensitivity> {
    let doubt = inputs.doubts.iter().find(|d| d.knob == knob)?;
    let indices = study.thorough().find(|(k, ..)| *k == knob);
    Some(Sensitivity {
        parameter: knob.name().to_string(),
        what: crate::words::capital(&doubt.what),
        range: doubt.range.clone(),
        share: influence.share(),
        rises: influence.slope > 0.0,
        how: doubt.datum.clone(),
        screening: indices.map(|(_, screening, _)| screening),
        first_order: indices.and_then(|(.., sobol)| sobol).map(|s| s.first),
        total_order: indices.and_then(|(.., sobol)| sobol).map(|s| s.total),
    })
}

/// For each question that sources answer differently, the risk under either answer: trials have drawn one.
pub fn readings(inputs: &Inputs<'_>, total: Est) -> Vec<Reading> {
    let scenario = inputs.scenario;
    let asked = inputs.doubts.iter().filter(|d| scenario.beliefs.iter().any(|b| b.knob == d.knob));
    asked.filter_map(|d| question(inputs, scenario, d, total)).flatten().collect()
}

fn question(inputs: &Inputs<'_>, scenario: &Scenario, doubt: &DoubtInfo, total: Est) -> Option<[Reading; 2]> {
    let question = doubt.question.as_ref()?;
    let belief = scenario.beliefs.iter().find(|b| b.knob == doubt.knob)?;
    let ours = doubt.knob.stated(&scenario.settings) > 0.5;
    let reads = |trial: u32| {
        let only = std::slice::from_ref(belief);
        Parameters::drawn(&scenario.settings, only, inputs.seed, trial).reads(doubt.knob) == ours
    };
    let of = |answer: &str, wanted: bool| {
        let mut headline = Headline::new(scenario, Sampling::Fixed);
        let mine = inputs.pairs.iter().filter(|pair| reads(pair.trial) == wanted);
        let trials = mine.map(|pair| headline.push(std::slice::from_ref(pair))).count();
        let believed = if wanted { 1.0 - question.other_share } else { question.other_share };
        let outage = headline.proposal();
        Reading {
            question: question.asks.clone(),
            answer: answer.to_string(),
            believed,
            trials: trials as u64,
            share: if total.estimate > 0.0 { (believed * outage.estimate / total.estimate).min(1.0) } else { 0.0 },
            outage,
            added_outage_minutes: headline.minutes(),
        }
    };
    Some([of(&question.ours, true), of(&question.other, false)])
}
