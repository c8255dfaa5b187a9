//! Runs trials: one, or many in parallel with results that do not depend on the number of threads.

use std::sync::atomic::{AtomicU32, Ordering};

use rayon::prelude::*;

use crate::cluster::Cluster;
use crate::cluster::node::NodeState;
use crate::outcome::{NodeIdentity, Outcome, Pair, Trace};
use crate::scenario::Scenario;
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
    let nodes = sim.cluster.nodes.iter().map(|(id, node)| {
        debug_assert!(node.state != NodeState::Gone || node.drain.is_none());
        NodeIdentity { pool: node.pool, ordinal: node.ordinal, name: sim.cluster.names[id].clone() }
    });
    Trace { outcome, nodes: nodes.collect(), log: sim.log.take().unwrap_or_default() }
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

/// Calls `one` for every trial; results in order of the trial's index.
fn in_parallel<'a, T: Send>(
    prepared: &'a Prepared<'a>,
    runs: Runs,
    one: &(dyn Fn(&mut Sim<'a>, u32) -> T + Sync),
) -> Vec<T> {
    let trials = runs.first..runs.first.saturating_add(runs.trials);
    let all = || trials.into_par_iter().map_init(|| Sim::new(prepared), |sim, trial| one(sim, trial)).collect();
    match rayon::ThreadPoolBuilder::new().num_threads(runs.threads).build() {
        Ok(pool) => pool.install(all),
        // No threads to be had: the shared pool does the work.
        Err(_) => all(),
    }
}
