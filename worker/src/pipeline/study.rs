//! What not knowing the parameters comes to: trials at points of what is believed, after those of the headline.

use reports::stopping::Headline;
use reports::uncertainty::{Study, elementary_effects, indices, saltelli, trajectories};
use reports::weighted::Weighted;
use simulator::{Pair, Runs, Scenario};

use super::{Estimate, Prepared, Until};
use crate::job::JobError;

/// Width of the limits over the estimate from which a probability is loose: the aim of sampling.
const LOOSE: f64 = 0.25;
/// Index of the first weighted future: no other part of a report comes so far.
const WEIGHTED: u32 = 3 << 30;
/// Most of them.
const MOST_WEIGHTED: u32 = 8192;
/// Trials at each point: at least, at most.
const TRIALS: std::ops::RangeInclusive<usize> = 8..=32;
/// Pods times trials of all points together.
const PODS_TIMES_TRIALS: usize = 500_000;
/// Walks of the screening.
const WALKS: usize = 8;
/// Points of each sample for shares of the variance, and parameters they are taken of.
const BASE: usize = 512;
const CLOSER: usize = 5;

/// Runs the study of a scenario; nothing where nothing is doubted or changed, or too few trials were asked for.
pub fn study(prepared: &Prepared, estimate: &Estimate, until: Until<'_>) -> Result<Option<Study>, JobError> {
    let scenario = &prepared.loaded.scenario;
    if estimate.no_band || scenario.beliefs.is_empty() || scenario.changes.is_empty() || prepared.trials < super::LEAST
    {
        return Ok(None);
    }
    let mut study = Study::planned(scenario, prepared.seed);
    let trials = trials(scenario, prepared.thorough(), study.points.len());
    let runs = Runs { seed: prepared.seed, first: 0, trials, threads: estimate.threads };
    let mut portions = until.portions();
    while study.done() < study.points.len() {
        until.check()?;
        study.run(scenario, portions.next() as usize, runs);
    }
    if prepared.thorough() {
        closer(prepared, estimate, until, &mut study)?;
    }
    Ok(Some(study))
}

/// Where a thorough answer leaves the probability of an outage loose: the same from futures in which all that is rare comes more
/// often ([`reports::weighted`]).
pub fn weighted(
    prepared: &Prepared,
    pairs: &[Pair],
    estimate: &Estimate,
    until: Until<'_>,
) -> Result<Option<Weighted>, JobError> {
    let scenario = &prepared.loaded.scenario;
    if !prepared.thorough() || !scenario.settings.stratified || scenario.changes.is_empty() {
        return Ok(None);
    }
    let mut headline = Headline::new(scenario, prepared.sampling);
    headline.push(pairs);
    let est = headline.proposal();
    if est.high - est.low <= LOOSE * est.estimate {
        return Ok(None);
    }
    let trials = (pairs.len() as u32).min(MOST_WEIGHTED);
    let runs = Runs { seed: prepared.seed, first: WEIGHTED, trials, threads: estimate.threads };
    reports::weighted::weighted(scenario, runs, || until.check())
}

/// Trials at each point: as many as a second or two allow, since what one takes grows with the pods.
fn trials(scenario: &Scenario, thorough: bool, points: usize) -> u32 {
    let pods = scenario.cluster.pods.len().max(1);
    let usual = (PODS_TIMES_TRIALS / pods / points.max(1)).clamp(*TRIALS.start(), *TRIALS.end());
    (if thorough { 4 * usual } else { usual }) as u32
}

/// Screens all parameters, then takes shares of the variance of the weightiest.
fn closer(prepared: &Prepared, estimate: &Estimate, until: Until<'_>, study: &mut Study) -> Result<(), JobError> {
    let scenario = &prepared.loaded.scenario;
    let runs = Runs { seed: prepared.seed, first: 0, trials: *TRIALS.start() as u32, threads: estimate.threads };
    let outputs = |points: Vec<Vec<f64>>| -> Result<Vec<f64>, JobError> {
        let (mut found, mut portions) = (Vec::with_capacity(points.len()), until.portions());
        while found.len() < points.len() {
            until.check()?;
            let end = points.len().min(found.len() + portions.next() as usize);
            found.extend(Study::smoothed(scenario, points[found.len()..end].to_vec(), runs));
        }
        Ok(found)
    };
    let walks = trajectories(WALKS, scenario.beliefs.len(), prepared.seed);
    let effects = elementary_effects(&walks, &outputs(walks.points.clone())?);
    let mut order: Vec<usize> = (0..effects.len()).filter(|i| effects[*i] > 0.0).collect();
    order.sort_by(|a, b| effects[*b].total_cmp(&effects[*a]).then(a.cmp(b)));
    order.truncate(CLOSER);
    let design = saltelli(BASE, order.len(), prepared.seed);
    let embedded = |point: &Vec<f64>| {
        let mut whole = vec![0.5; scenario.beliefs.len()];
        order.iter().zip(point).for_each(|(i, u)| whole[*i] = *u);
        whole
    };
    let shares = indices(&design, &outputs(design.points.iter().map(embedded).collect())?);
    study.closer = effects
        .iter()
        .enumerate()
        .map(|(i, effect)| {
            let place = order.iter().position(|o| *o == i);
            (scenario.beliefs[i].knob, *effect, place.and_then(|p| shares.get(p).copied()))
        })
        .collect();
    Ok(())
}
