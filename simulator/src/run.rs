//! Runs trials: one, or many in parallel with results that do not depend on the number of threads.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::cluster::Cluster;
use crate::outcome::{Outcome, Pair, Trace};
use crate::scenario::Scenario;
use crate::settings::Cause;
use crate::sim::{Prepared, Sim};

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

/// Runs one trial.
pub fn simulate(scenario: &Scenario, seed: u64, trial: u32) -> Outcome {
    Sim::new(&Prepared::new(scenario)).run(seed, trial, true)
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
    let mut sim = Sim::new(&prepared);
    work(&mut |trial| sim.run(seed, trial, true))
}

/// Runs trials of the scenario as it stands and hands each outcome to `digest`. Results come in order of the trial's
/// index, whatever the number of threads.
pub fn replicate<T: Send>(scenario: &Scenario, runs: Runs, digest: &(dyn Fn(Outcome) -> T + Sync)) -> Vec<T> {
    let prepared = Prepared::new(scenario);
    in_parallel(&prepared, runs, &|sim, trial| digest(sim.run(runs.seed, trial, true)))
}

/// Runs one trial and keeps its log.
pub fn trace(scenario: &Scenario, seed: u64, trial: u32) -> Trace {
    let prepared = Prepared::new(scenario);
    let mut sim = Sim::new(&prepared);
    sim.log = Some(Vec::new());
    let outcome = sim.run(seed, trial, true);
    sim.traced(outcome)
}

/// Runs the proposal and doing nothing on the same random futures. Results come in order of the trial's index;
/// `progress` is called with the number of finished trials, from any thread.
pub fn paired(scenario: &Scenario, runs: Runs, progress: &(dyn Fn(u32) + Sync)) -> Vec<Pair> {
    let prepared = Prepared::new(scenario);
    let done = AtomicU32::new(0);
    in_parallel(&prepared, runs, &|sim, trial| {
        let baseline = sim.run(runs.seed, trial, false);
        let proposal = sim.run(runs.seed, trial, true);
        progress(done.fetch_add(1, Ordering::Relaxed) + 1);
        Pair { trial, proposal, baseline }
    })
}

/// Runs trials of the scenario as it stands once more, with causes switched off beside those of its settings: the futures are
/// the same but for these causes. Results come in the order of `trials`, which may be any.
pub fn again<T: Send>(
    scenario: &Scenario,
    causes: &[Cause],
    seed: u64,
    trials: &[u32],
    threads: usize,
    digest: &(dyn Fn(Outcome) -> T + Sync),
) -> Vec<T> {
    let prepared = Prepared::without(scenario, causes);
    let one = |sim: &mut Sim<'_>, trial: &u32| digest(sim.run(seed, *trial, true));
    on_threads(threads, || trials.par_iter().map_init(|| Sim::new(&prepared), one).collect())
}

/// Runs the proposal and doing nothing at points of the scenario's beliefs: for each belief the share of it that lies below.
/// Every point sees the same trials. Results come by point, then in order of the trial's index.
pub fn paired_at<T: Send>(
    scenario: &Scenario,
    points: &[Vec<f64>],
    runs: Runs,
    digest: &(dyn Fn(Pair) -> T + Sync),
) -> Vec<Vec<T>> {
    let prepared = Prepared::new(scenario);
    // Short stretches of trials keep all threads busy where points are few.
    let stretches = |point: usize| {
        (0..runs.trials).step_by(STRETCH as usize).map(move |first| (point, first, (runs.trials - first).min(STRETCH)))
    };
    let work: Vec<(usize, u32, u32)> = (0..points.len()).flat_map(stretches).collect();
    let one = |sim: &mut Sim<'_>, (point, first, trials): (usize, u32, u32)| -> Vec<T> {
        sim.fix_parameters(&points[point]);
        let mut pair = |trial: u32| {
            let baseline = sim.run(runs.seed, trial, false);
            digest(Pair { trial, proposal: sim.run(runs.seed, trial, true), baseline })
        };
        (0..trials).map(|i| pair(runs.first.saturating_add(first + i))).collect()
    };
    let all = || work.into_par_iter().map_init(|| Sim::new(&prepared), |sim, part| one(sim, part)).collect::<Vec<_>>();
    let mut parts = on_threads(runs.threads, all).into_iter();
    let per_point = runs.trials.div_ceil(STRETCH) as usize;
    points.iter().map(|_| parts.by_ref().take(per_point).flatten().collect()).collect()
}

/// Calls `one` for every trial; results in order of the trial's index.
fn in_parallel<'a, T: Send>(
    prepared: &'a Prepared<'a>,
    runs: Runs,
    one: &(dyn Fn(&mut Sim<'a>, u32) -> T + Sync),
) -> Vec<T> {
    let trials = runs.first..runs.first.saturating_add(runs.trials);
    let all = || trials.into_par_iter().map_init(|| Sim::new(prepared), |sim, trial| one(sim, trial)).collect();
    on_threads(runs.threads, all)
}

fn on_threads<T: Send>(threads: usize, work: impl FnOnce() -> T + Send) -> T {
    match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // No threads to be had: the shared pool does the work.
        Err(_) => work(),
    }
}
