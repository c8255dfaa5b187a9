//! The shortest course of events that still ends in an outage, out of a bad trial.
//!
//! A bad trial is full of things that had nothing to do with its outage. What could have gone otherwise in it is taken away one
//! after the other, each time in a run of the same trial, as long as the outage stays. What is left is needed: without any
//! single one of these events the outage does not come. The log of that last run, cut down to what led to the outage, is the
//! story. (One-minimality of delta debugging: Zeller, Hildebrandt 2002.) The order in which things are tried decides which of
//! several shortest courses is found: slow starts and late machines go first, the change itself last.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simulator::contingency::{self, Contingency, Met};
use simulator::{Outcome, Scenario};

mod minimal;
mod tell;

use minimal::Reduced;

/// Most runs spent on one course.
const MOST_RUNS: usize = 160;

/// The shortest course of events that still ends in an outage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Course {
    /// Out of which of the bad trials.
    pub of: Of,
    /// Index of that trial.
    pub trial: u32,
    /// `namespace/name` of the workload that is out.
    pub workload: String,
    /// Minutes of its longest outage in this course.
    pub minutes: f64,
    /// Events of the trial that could have gone otherwise and that the outage does not need.
    pub left_aside: u64,
    /// Each event marked as needed was taken away by itself, and the outage did not come. False where the runs that may be
    /// spent did not reach so far: then some of them may not be needed.
    pub proven: bool,
    /// What happens, in order.
    pub steps: Vec<Step>,
}

/// Which bad trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// That of median loss among those in which the change brings an outage.
    Typical,
    /// That of greatest loss.
    Worst,
}

/// One step of a course.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Seconds since the start of the simulation.
    pub t: f64,
    /// A sentence.
    pub text: String,
    /// Could have gone otherwise, and then there would be no outage. Other steps follow by themselves.
    pub needed: bool,
}

/// A bad trial whose course is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Which.
    pub of: Of,
    /// Its index.
    pub trial: u32,
    /// Place of the workload that is out among the watched ones.
    pub watched: usize,
}

/// The courses of bad trials, in order; none of a trial without the outage. Each has a thread of its own, unless `threads` is 1.
/// `may_go_on` is asked before each run; once it says no, what comes out is of no use.
pub fn courses(
    scenario: &Scenario,
    seed: u64,
    threads: usize,
    wanted: &[Wanted],
    may_go_on: &(dyn Fn() -> bool + Sync),
) -> Vec<Course> {
    let one = |wanted: &Wanted| contingency::without(scenario, seed, |runs| course(scenario, runs, *wanted, may_go_on));
    if threads == 1 {
        return wanted.iter().filter_map(one).collect();
    }
    std::thread::scope(|scope| {
        let found: Vec<_> = wanted.iter().map(|wanted| scope.spawn(move || one(wanted))).collect();
        found.into_iter().filter_map(|course| course.join().ok().flatten()).collect()
    })
}

fn course(
    scenario: &Scenario,
    runs: &mut contingency::Without<'_, '_>,
    wanted: Wanted,
    may_go_on: &dyn Fn() -> bool,
) -> Option<Course> {
    let (reduced, of_trial) = reduced(runs, wanted, may_go_on)?;
    let (trace, met) = runs.trace(wanted.trial, &reduced.without);
    let workload = *scenario.watched().get(wanted.watched)?;
    let told = tell::Told { scenario, trace: &trace, met: &met, workload };
    let stays = |what: &Contingency| met.iter().any(|m| m.what == *what);
    Some(Course {
        of: wanted.of,
        trial: wanted.trial,
        workload: crate::words::Names { cluster: &scenario.cluster }.workload(workload),
        minutes: trace.outcome.workloads.get(wanted.watched).map_or(0.0, |w| w.longest.as_mins_f64()),
        left_aside: of_trial.iter().filter(|what| !stays(what)).count() as u64,
        proven: reduced.proven,
        steps: told.steps(),
    })
}

/// What a trial does not need for its outage, in the order it was taken away; `None` without the outage.
pub fn taken_away(runs: &mut contingency::Without<'_, '_>, wanted: Wanted) -> Option<Vec<Contingency>> {
    reduced(runs, wanted, &|| true).map(|(reduced, _)| reduced.without)
}

/// What is needed of a trial for its outage, and all that could have gone otherwise in it.
fn reduced(
    runs: &mut contingency::Without<'_, '_>,
    wanted: Wanted,
    may_go_on: &dyn Fn() -> bool,
) -> Option<(Reduced, Vec<Contingency>)> {
    let out = |outcome: &Outcome| outcome.workloads.get(wanted.watched).is_some_and(|w| w.outages > 0);
    let mut run = |without: &[Contingency]| {
        if !may_go_on() {
            return None;
        }
        let (outcome, met) = runs.run(wanted.trial, without);
        out(&outcome).then(|| met.iter().map(|m: &Met| m.what).collect::<Vec<_>>())
    };
    let all = run(&[])?;
    Some((minimal::reduce(all.clone(), MOST_RUNS, &mut run), all))
}
