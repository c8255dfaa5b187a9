//! Runs trials: one, or many in parallel with results that do not depend on the number of threads.

use crate::outcome::{Outcome, Pair, Trace};
use crate::scenario::Scenario;

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

/// Runs one trial.
pub fn simulate(scenario: &Scenario, seed: u64, trial: u32) -> Outcome {
    let _ = (scenario, seed, trial);
    unimplemented!()
}

/// Runs one trial and keeps its log.
pub fn trace(scenario: &Scenario, seed: u64, trial: u32) -> Trace {
    let _ = (scenario, seed, trial);
    unimplemented!()
}

/// Runs the proposal and doing nothing on the same random futures. Results come in order of the trial's index;
/// `progress` is called with the number of finished trials, from any thread.
pub fn paired(scenario: &Scenario, runs: Runs, progress: &(dyn Fn(u32) + Sync)) -> Vec<Pair> {
    let _ = (scenario, runs, progress);
    unimplemented!()
}
