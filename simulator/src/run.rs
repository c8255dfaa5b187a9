//! Runs trials: one, or many in parallel with results that do not depend on the number of threads.
//!
//! A trial ends at the horizon, or, where the settings let it be followed, as soon after it as neither plan has anything out
//! or under way: both plans of a trial have the same end, so that their difference is the change's doing. After the horizon
//! nothing new begins, neither by chance nor by plan: the harm counted is that of what happened within it, and how likely
//! that is does not depend on how long it is followed.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::cluster::Cluster;
use crate::outcome::{Outcome, Pair, Trace};
use crate::scenario::Scenario;
use crate::settings::Cause;
use crate::sim::{Prepared, Sim};
use crate::time::{Duration, Time};

/// Which trials to run.
#[derive(Clone, Copy, Debug)]
pub struct Runs {
    /// Root seed of every random stream.
    pub seed: u64,
    /// Index of the first trial.
    pub first: u32,
    /// Number of trials.
    pub trials: u32,
    /// Worker threads; 0 for one per core.
    pub threads: usize,
}

/// Trials of one point that a thread takes at a time.
const STRETCH: u32 = 8;
/// Time between two looks at whether a trial that is followed beyond its horizon has settled.
const LOOK: Duration = Duration::mins(5);

/// The state every trial of a scenario starts from, for measuring what it takes: nothing can be done with it but copying.
#[derive(Clone, Debug)]
pub struct Start(Cluster);

impl Start {
    /// The start state of a scenario.
    pub fn of(scenario: &Scenario) -> Start {
        Start(Prepared::new(scenario).initial)
    }

    /// Becomes a copy of `other` in the room it has, as before each trial.
    pub fn copy_from(&mut self, other: &Start) {
        self.0.copy_from(&other.0);
    }
}

/// Both plans of a trial, side by side, in room that is kept from trial to trial.
pub(crate) struct Both<'a> {
    baseline: Sim<'a>,
    pub proposal: Sim<'a>,
}

impl<'a> Both<'a> {
    pub fn new(prepared: &'a Prepared<'a>) -> Both<'a> {
        Both { baseline: Sim::new(prepared), proposal: Sim::new(prepared) }
    }

    /// Runs both plans on the same future, up to the same end.
    fn run(&mut self, seed: u64, trial: u32) -> Pair {
        let prepared = self.baseline.p;
        self.baseline.restart(seed, trial, false);
        self.proposal.share_parameters(&self.baseline);
        self.proposal.restart(seed, trial, true);
        let mut end = prepared.horizon();
        self.advance(end);
        while end < prepared.latest() && !(self.baseline.settled() && self.proposal.settled()) {
            end = (end + LOOK).min(prepared.latest());
            self.advance(end);
        }
        Pair { trial, baseline: self.baseline.finish(), proposal: self.proposal.finish() }
    }

    fn advance(&mut self, until: Time) {
        self.baseline.advance(until);
        self.proposal.advance(until);
    }

    fn fix_parameters(&mut self, point: &[f64]) {
        self.baseline.fix_parameters(point);
        self.proposal.share_parameters(&self.baseline);
    }

    /// When a trial ends.
    pub fn end(&mut self, seed: u64, trial: u32) -> Time {
        let (horizon, latest) = (self.proposal.p.horizon(), self.proposal.p.latest());
        if horizon == latest { horizon } else { self.run(seed, trial).proposal.end }
    }

    /// One trial of the proposal. Where trials are followed doing nothing is run beside it, since their end is that of both.
    fn proposal(&mut self, seed: u64, trial: u32) -> Outcome {
        let (horizon, latest) = (self.proposal.p.horizon(), self.proposal.p.latest());
        if horizon == latest { self.proposal.run(seed, trial, true, horizon) } else { self.run(seed, trial).proposal }
    }
}

/// Runs one trial.
pub fn simulate(scenario: &Scenario, seed: u64, trial: u32) -> Outcome {
    Both::new(&Prepared::new(scenario)).proposal(seed, trial)
}

/// True where futures without rare events have no draw, in either plan: then one of them tells of all ([`crate::Strata`]).
pub fn quiet(scenario: &Scenario, seed: u64) -> bool {
    let pairs = paired(scenario, Runs { seed, first: 0, trials: 1, threads: 1 }, &|_| {});
    let calm = |outcome: &Outcome| outcome.drawn.stratum == 0 && outcome.drawn.certain;
    crate::Strata::of(scenario).is_some() && pairs.iter().all(|pair| calm(&pair.proposal) && calm(&pair.baseline))
}

/// Runs trials one after the other on this thread, in the room of the first: `work` is given what runs one by its index.
pub fn one_by_one<T>(scenario: &Scenario, seed: u64, work: impl FnOnce(&mut dyn FnMut(u32) -> Outcome) -> T) -> T {
    let prepared = Prepared::new(scenario);
    let mut both = Both::new(&prepared);
    work(&mut |trial| both.proposal(seed, trial))
}

/// Runs trials of the scenario as it stands and hands each outcome to `digest`. Results come in order of the trial's
/// index, whatever the number of threads.
pub fn replicate<T: Send>(scenario: &Scenario, runs: Runs, digest: &(dyn Fn(Outcome) -> T + Sync)) -> Vec<T> {
    let prepared = Prepared::new(scenario);
    in_parallel(&prepared, runs, &|both, trial| digest(both.proposal(runs.seed, trial)))
}

/// Runs one trial and keeps its log.
pub fn trace(scenario: &Scenario, seed: u64, trial: u32) -> Trace {
    traced(scenario, seed, trial, |both| &mut both.proposal)
}

/// The same of doing nothing: as long as the trial with the changes.
pub fn trace_nothing(scenario: &Scenario, seed: u64, trial: u32) -> Trace {
    traced(scenario, seed, trial, |both| &mut both.baseline)
}

fn traced(
    scenario: &Scenario,
    seed: u64,
    trial: u32,
    plan: for<'b, 'a> fn(&'b mut Both<'a>) -> &'b mut Sim<'a>,
) -> Trace {
    let prepared = Prepared::new(scenario);
    let mut both = Both::new(&prepared);
    plan(&mut both).log = Some(Vec::new());
    let Pair { proposal, baseline, .. } = both.run(seed, trial);
    let outcome = if both.proposal.log.is_some() { proposal } else { baseline };
    plan(&mut both).traced(outcome)
}

/// Runs the proposal and doing nothing on the same random futures. Results come in order of the trial's index;
/// `progress` is called with the number of finished trials, from any thread.
pub fn paired(scenario: &Scenario, runs: Runs, progress: &(dyn Fn(u32) + Sync)) -> Vec<Pair> {
    let prepared = Prepared::new(scenario);
    let done = AtomicU32::new(0);
    in_parallel(&prepared, runs, &|both, trial| {
        let pair = both.run(runs.seed, trial);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        pair
    })
}

/// Runs trials of the scenario as it stands once more, each to the end it had, with causes switched off beside those of its
/// settings: the futures are the same but for these causes. No series are sampled. Results come in the order of
/// `trials`, which may be any.
pub fn again<T: Send>(
    scenario: &Scenario,
    causes: &[Cause],
    seed: u64,
    trials: &[(u32, Time)],
    threads: usize,
    digest: &(dyn Fn(Outcome) -> T + Sync),
) -> Vec<T> {
    let prepared = Prepared::without(scenario, causes).without_samples();
    let one = |sim: &mut Sim<'_>, (trial, end): &(u32, Time)| digest(sim.run(seed, *trial, true, *end));
    on_threads(threads, || trials.par_iter().map_init(|| Sim::new(&prepared), one).collect())
}

/// Runs the proposal and doing nothing at points of the scenario's beliefs: for each belief the share of it that lies below.
/// Every point sees the same trials. No series are sampled. Results come by point, then in order of the trial's index.
pub fn paired_at<T: Send>(
    scenario: &Scenario,
    points: &[Vec<f64>],
    runs: Runs,
    digest: &(dyn Fn(Pair) -> T + Sync),
) -> Vec<Vec<T>> {
    let prepared = Prepared::new(scenario).without_samples();
    // Short stretches of trials keep all threads busy where points are few.
    let stretches = |point: usize| {
        (0..runs.trials).step_by(STRETCH as usize).map(move |first| (point, first, (runs.trials - first).min(STRETCH)))
    };
    let work: Vec<(usize, u32, u32)> = (0..points.len()).flat_map(stretches).collect();
    let one = |both: &mut Both<'_>, (point, first, trials): (usize, u32, u32)| -> Vec<T> {
        both.fix_parameters(&points[point]);
        (0..trials).map(|i| digest(both.run(runs.seed, runs.first.saturating_add(first + i)))).collect()
    };
    let all =
        || work.into_par_iter().map_init(|| Both::new(&prepared), |both, part| one(both, part)).collect::<Vec<_>>();
    let mut parts = on_threads(runs.threads, all).into_iter();
    let per_point = runs.trials.div_ceil(STRETCH) as usize;
    points.iter().map(|_| parts.by_ref().take(per_point).flatten().collect()).collect()
}

/// Calls `one` for every trial; results in order of the trial's index.
fn in_parallel<'a, T: Send>(
    prepared: &'a Prepared<'a>,
    runs: Runs,
    one: &(dyn Fn(&mut Both<'a>, u32) -> T + Sync),
) -> Vec<T> {
    let trials = runs.first..runs.first.saturating_add(runs.trials);
    let all = || trials.into_par_iter().map_init(|| Both::new(prepared), |both, trial| one(both, trial)).collect();
    on_threads(runs.threads, all)
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // No threads to be had: the shared pool does the work.
        Err(_) => work(),
    }
}
