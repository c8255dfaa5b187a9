//! Safer plans: candidates from `scenarios`, the search among them from `reports`, runs from the simulator.
//!
//! All plans are compared on futures that nothing else of the report uses, over one length of time and without strata, so that
//! each sees the same. The few that come out best are run like the change itself, as a report of their own would be.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use reports::estimate::Sampling;
use reports::input::{Finalist, PlansInfo, SetAsideInfo};
use reports::report::Level;
use reports::score;
use reports::search::{self, Options, Seen};
use reports::stood::Stood;
use reports::stopping::{Headline, Stop};
use scenarios::Change;
use scenarios::change::{ChangeSettings, Phase, ThresholdFields};
use scenarios::plan::{Plan, Plans, plans as candidates};
use scenarios::snapshot::Snapshot;
use simulator::{Pair, Runs, Scenario};

use super::{Estimate, LEAST, Prepared, Until, Watch, identity, inputs};
use crate::job::JobError;

/// Index of the first trial of the search: none of them is a trial of a report.
const FIRST: u32 = 1 << 30;
/// Trials of the search, all plans together: at least, at most, and pods times trials between.
const TRIALS: std::ops::RangeInclusive<usize> = 600..=12_000;
const PODS_TIMES_TRIALS: usize = 1_200_000;
/// Trials of each finalist.
const FINAL: std::ops::RangeInclusive<usize> = 200..=1000;
const PODS_TIMES_FINAL: usize = 200_000;
/// Plans that are picked for their risk, and besides for being quick or cheap.
const FINALISTS: usize = 4;
const OTHERS: usize = 1;
/// Pods times plans, so that the plans of a large cluster find room in memory.
const PODS_TIMES_PLANS: usize = 1_000_000;
const LEAST_PLANS: usize = 8;
/// Share of futures in which a change that adds next to nothing must end well to be left at that.
const ENDS_WELL: f64 = 0.9;

/// What a search needs beyond what is simulated.
#[derive(Clone, Debug)]
pub enum Sources {
    /// The change and its snapshot, with what every plan is run with.
    Known(Box<(Change, Snapshot, ChangeSettings)>),
    /// Nobody asked.
    Unasked,
    /// There is nothing to search for, and why.
    Nothing(&'static str),
}

/// What is kept of a change for the search.
pub fn sources(change: &Change, snapshot: &Snapshot, estimate: &Estimate, trials: u32) -> Sources {
    match change.phase {
        _ if estimate.no_band => Sources::Unasked,
        Phase::Completed => Sources::Unasked,
        Phase::InFlight => Sources::Nothing("the change has begun already"),
        Phase::Proposed if trials < LEAST => Sources::Unasked,
        Phase::Proposed => {
            let settings = estimate.overrides.over(&change.settings);
            // What decides about verdicts says nothing of risks.
            let settings = ChangeSettings {
                thorough: None,
                slo: None,
                slo_period_days: None,
                thresholds: ThresholdFields::default(),
                ..settings
            };
            Sources::Known(Box::new((change.clone(), snapshot.clone(), settings)))
        }
    }
}

/// Searches for safer plans; nothing where nobody asked.
pub fn search(
    prepared: &Prepared,
    pairs: &[Pair],
    estimate: &Estimate,
    watch: Watch<'_>,
    until: Until<'_>,
) -> Result<Option<PlansInfo>, JobError> {
    let snapshot = match &prepared.sources {
        Sources::Unasked => return Ok(None),
        Sources::Nothing(why) => return Ok(Some(PlansInfo::not_searched(*why))),
        Sources::Known(known) => &known.1,
    };
    if let Some(why) = good_enough(prepared, pairs) {
        return Ok(Some(PlansInfo::not_searched(why)));
    }
    let pods = prepared.loaded.scenario.cluster.pods.len().max(1);
    let times = if prepared.thorough() { 4 } else { 1 };
    let each = (times * PODS_TIMES_FINAL / pods).clamp(*FINAL.start(), times * FINAL.end()).min(pairs.len());
    let each = u32::try_from(each).unwrap_or(u32::MAX);
    let Some(found) = tried(prepared, each) else { return Ok(None) };
    let Plans { plans, set_aside, why_none } = found;
    let set_aside = grouped(set_aside);
    if plans.is_empty() {
        let why = why_none.unwrap_or_else(|| "every other plan that is known here breaks a rule".to_owned());
        return Ok(Some(PlansInfo { set_aside, ..PlansInfo::not_searched(why) }));
    }
    let budget = (times * PODS_TIMES_TRIALS / pods).clamp(*TRIALS.start(), times * TRIALS.end()) as u64;
    let options = Options { budget, finalists: FINALISTS, others: OTHERS };
    let mut arena = Arena::new(prepared, &plans, estimate);
    let picked = search::pick(plans.len(), options, &mut |plan, first, n| arena.run(plan, first, n, until))?;
    if let Some(aid) = watch.aid {
        aid.share(&picked.plans, each, pods)?;
    }
    let mut finalists = Vec::new();
    // Other hands begin with the first.
    for &place in picked.plans.iter().rev() {
        until.check()?;
        let plan = &plans[place];
        let Some(own) = own(plan, snapshot) else { continue };
        let stood = match watch.aid.map_or(Ok(None), |aid| aid.found(place))? {
            Some(stood) => stood,
            None => {
                let stood = stood(&own, estimate, until)?;
                watch.aid.map_or(Ok(()), |aid| aid.keep(place, &stood))?;
                stood
            }
        };
        finalists.push(finalist(plan, own, stood));
    }
    finalists.reverse();
    Ok(Some(PlansInfo {
        tried: plans.len() as u64,
        trials: picked.trials,
        failing: picked.failing.len() as u64,
        set_aside,
        not_searched: None,
        finalists,
    }))
}

/// Why nothing better has to be found, where that is so.
fn good_enough(prepared: &Prepared, pairs: &[Pair]) -> Option<String> {
    let mut headline = Headline::new(&prepared.loaded.scenario, prepared.sampling);
    headline.push(pairs);
    let (score, _, _) = score::scored(headline.minutes());
    let ended = pairs.iter().filter(|p| !Seen::of(&prepared.loaded.scenario, &[], &p.proposal).failed).count();
    let ends_well = ended as f64 >= ENDS_WELL * pairs.len() as f64;
    let blocked = prepared.loaded.findings.iter().any(|f| f.blocks);
    (score::level(score) == Level::Minimal && ends_well && !blocked)
        .then(|| "the change as proposed adds next to nothing".to_owned())
}

/// Reasons with how many plans they hold for, the commonest first.
fn grouped(set_aside: Vec<scenarios::plan::SetAside>) -> Vec<SetAsideInfo> {
    let mut found: BTreeMap<String, SetAsideInfo> = BTreeMap::new();
    for aside in set_aside {
        let entry = found.entry(aside.reason.clone()).or_insert_with(|| SetAsideInfo {
            reason: aside.reason,
            plans: 0,
            example: aside.summary,
        });
        entry.plans += 1;
    }
    let mut found: Vec<SetAsideInfo> = found.into_values().collect();
    found.sort_by(|a, b| b.plans.cmp(&a.plans).then(a.reason.cmp(&b.reason)));
    found
}

/// Where plans are compared.
struct Arena {
    scenarios: Vec<Scenario>,
    nothing: Scenario,
    weights: Vec<f64>,
    /// Weighted minutes when nothing is done, by trial.
    baseline: Vec<f64>,
    seed: u64,
    threads: usize,
}

impl Arena {
    fn new(prepared: &Prepared, plans: &[Plan], estimate: &Estimate) -> Arena {
        let own = &prepared.loaded.scenario;
        let horizons = plans.iter().map(|p| p.loaded.scenario.horizon).chain([own.horizon]);
        let horizon = horizons.max().unwrap_or(own.horizon);
        let alike = |scenario: &Scenario| {
            let mut scenario = Scenario { horizon, ..scenario.clone() };
            scenario.settings.stratified = false;
            scenario.settings.quiet = false;
            scenario.settings.series_steps = 0;
            // All plans are looked at for as long.
            scenario.settings.follow = simulator::Duration::ZERO;
            scenario
        };
        Arena {
            nothing: alike(&own.do_nothing()),
            weights: reports::weights(own),
            scenarios: plans.iter().map(|p| alike(&p.loaded.scenario)).collect(),
            baseline: Vec::new(),
            seed: prepared.seed,
            threads: estimate.threads,
        }
    }

    /// Trials of a plan, with what they add to doing nothing.
    ///
    /// # Errors
    /// It was stopped, or took too long.
    fn run(&mut self, plan: usize, first: u32, trials: u32, until: Until<'_>) -> Result<Vec<Seen>, JobError> {
        let known = self.baseline.len() as u32;
        if let Some(lacks) = (first + trials).checked_sub(known).filter(|n| *n > 0) {
            let more = self.of(&self.nothing, known, lacks, until)?;
            self.baseline.extend(more.iter().map(|s| s.loss));
        }
        let mut seen = self.of(&self.scenarios[plan], first, trials, until)?;
        for (seen, baseline) in seen.iter_mut().zip(&self.baseline[first as usize..]) {
            seen.loss = (seen.loss - baseline).clamp(-score::LOSS_HIGH, score::LOSS_HIGH);
        }
        Ok(seen)
    }

    fn of(&self, scenario: &Scenario, first: u32, trials: u32, until: Until<'_>) -> Result<Vec<Seen>, JobError> {
        let runs = Runs { seed: self.seed, first: FIRST + first, trials, threads: self.threads };
        let seen = |outcome| Seen::of(scenario, &self.weights, &outcome);
        until.run(runs, &|runs| simulator::replicate(scenario, runs, &seen))
    }
}

/// The plans that are tried, the same for the same report.
fn tried(prepared: &Prepared, each: u32) -> Option<Plans> {
    let Sources::Known(known) = &prepared.sources else { return None };
    let (change, snapshot, settings) = &**known;
    let settings = ChangeSettings { trials: Some(each), ..settings.clone() };
    let most = (PODS_TIMES_PLANS / prepared.pods().max(1)).max(LEAST_PLANS);
    // A change that was resolved once is resolved again.
    candidates(change, snapshot, &prepared.loaded, &settings, most).ok()
}

/// Runs one plan as the search of this report does, for another hand that has it in hand; nothing where there is no such plan.
///
/// # Errors
/// It was stopped, or took too long.
pub fn again(
    prepared: &Prepared,
    plan: usize,
    each: u32,
    estimate: &Estimate,
    stop: &AtomicBool,
) -> Result<Option<Stood>, JobError> {
    let until = Until::from_now(prepared, estimate, stop);
    let Sources::Known(known) = &prepared.sources else { return Ok(None) };
    let Some(found) = tried(prepared, each) else { return Ok(None) };
    let own = found.plans.get(plan).and_then(|plan| own(plan, &known.1));
    own.map(|own| stood(&own, estimate, until)).transpose()
}

/// A plan as its own report would run it, from its commands on.
fn own(plan: &Plan, snapshot: &Snapshot) -> Option<Prepared> {
    let info = inputs::change_info(&plan.change, &plan.loaded.operations);
    Prepared::new(info, &identity::of_change(&plan.change), snapshot, plan.loaded.clone()).ok()
}

/// What the trials of a plan come to.
fn stood(own: &Prepared, estimate: &Estimate, until: Until<'_>) -> Result<Stood, JobError> {
    debug_assert_eq!(own.sampling, Sampling::Fixed);
    let runs = Runs { seed: own.seed, first: 0, trials: own.trials, threads: estimate.threads };
    let pairs = until.run(runs, &|runs| simulator::paired(&own.loaded.scenario, runs, &|_| {}))?;
    let nothing = super::Found { study: None, weighted: None, plans: None };
    Ok(Stood::of(&own.inputs(&pairs, Stop::Budget, &nothing, estimate.threads)))
}

fn finalist(plan: &Plan, own: Prepared, stood: Stood) -> Finalist {
    let mut apply = BTreeMap::from([("az".to_owned(), plan.az.clone())]);
    apply.extend(plan.terraform.clone().map(|text| ("terraform".to_owned(), text)));
    Finalist { summary: plan.summary.clone(), apply, scenario: own.loaded.scenario, stood }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::time::Duration;

    use super::super::{decode, prepare};
    use super::*;

    #[test]
    fn a_plan_of_anothers_search_looks_at_the_clock_too() {
        let case = scenarios::cases::cases().iter().find(|case| case.name == "staged-upgrade").unwrap();
        let snapshot = Snapshot::from_json(case.before.snapshot.as_bytes()).unwrap();
        let change = decode(case.before.changes[0].text.as_bytes()).unwrap().changes.remove(0);
        let estimate = Estimate { threads: 1, ..Estimate::default() };
        let prepared = prepare(&change, &snapshot, &estimate).unwrap();
        let found = |limit: Option<Duration>, stop: bool| {
            again(&prepared, 0, 200, &Estimate { limit, ..estimate.clone() }, &AtomicBool::new(stop))
        };
        assert_eq!(found(None, false).unwrap().unwrap().trials.len(), 200);
        assert!(matches!(found(None, true), Err(JobError::Stopped)));
        assert!(matches!(found(Some(Duration::ZERO), false), Err(JobError::TooLong { .. })));
    }

    #[test]
    fn portions_come_to_the_same_as_all_at_once() {
        let case = &scenarios::cases::cases()[0].before;
        let snapshot = Snapshot::from_json(case.snapshot.as_bytes()).unwrap();
        let change = decode(case.changes[0].text.as_bytes()).unwrap().changes.remove(0);
        let prepared = prepare(&change, &snapshot, &Estimate::default()).unwrap();
        let stop = AtomicBool::new(false);
        let until = Until::from_now(&prepared, &Estimate::default(), &stop);
        let runs = Runs { seed: 1, first: 7, trials: 1000, threads: 1 };
        let numbers = |runs: Runs| (runs.first..runs.first + runs.trials).collect::<Vec<_>>();
        assert_eq!(until.run(runs, &numbers).unwrap(), numbers(runs));
        // Stopped by the first portion there is no second.
        let stopped = until.run(runs, &|runs| {
            assert_eq!(runs.first, 7);
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            numbers(runs)
        });
        assert!(matches!(stopped, Err(JobError::Stopped)));
    }
}
