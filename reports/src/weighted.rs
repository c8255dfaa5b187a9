//! The probability of an outage from futures that are drawn otherwise and weighted back: importance sampling with a pilot.
//!
//! Strata know failures of the nodes there are at the start; what else is rare (a machine that does not come, a node that comes
//! unforeseen and fails) they leave to plain luck. Here all of it comes more often. A pilot tries a few factors around those
//! with which a future has about one failure, and takes the one with the least relative error; the estimate itself is made of
//! other futures. Whether to believe it is said by the weights ([`crate::estimate::importance`]); its limits are approximate, so it stands
//! beside the headline and never in its place.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use simulator::{Pair, Runs, Scenario, Strata};

use crate::estimate::{Est, Importance, importance};
use crate::judge::{any_out, weights};
use crate::words;

/// Failures a future has on average with each factor that the pilot tries.
const AIMS: [f64; 4] = [0.25, 0.5, 1.0, 2.0];
/// Futures that the pilot spends on each.
const PILOT: u32 = 256;
/// Futures between two questions whether it may go on.
const TOGETHER: u32 = 32;
/// Greatest factor.
const MOST: f64 = 1e6;

/// The probability of an outage from weighted futures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Weighted {
    /// How many times as often failures, shocks and trouble with machines come, in nine of ten futures.
    pub factor: f64,
    /// Futures of the pilot that chose it.
    pub pilot: u64,
    /// Futures of the estimate.
    pub trials: u64,
    /// Probability of an outage with the change, with approximate limits; from 0 to what is ruled out where it is not resolved.
    pub proposal: Est,
    /// The same when nothing is done.
    pub baseline: Est,
    /// The weights give no reason for doubt, with the change.
    pub resolved: bool,
    /// Mean weight: 1 but for chance.
    pub mean_weight: f64,
    /// Effective number of futures with an outage.
    pub effective: f64,
    /// Share of the estimate that the weightiest future carries.
    pub largest_share: f64,
}

/// Runs pilot and estimate on futures from `runs.first` on, as many as `runs.trials` beside the pilot's; nothing where nothing is rare.
/// `go_on` is asked between the parts; what it says ends the runs.
///
/// # Errors
/// What `go_on` says.
pub fn weighted<E>(
    scenario: &Scenario,
    runs: Runs,
    mut go_on: impl FnMut() -> Result<(), E>,
) -> Result<Option<Weighted>, E> {
    let mut scenario = scenario.clone();
    scenario.settings.stratified = true;
    let Some(expected) = Strata::of(&scenario).map(|strata| strata.mean).filter(|mean| *mean > 0.0) else {
        return Ok(None);
    };
    let settings = &mut scenario.settings;
    (settings.stratified, settings.quiet, settings.series_steps) = (false, false, 0);
    let mut best: Option<(f64, f64)> = None;
    let mut first = runs.first;
    for aim in AIMS {
        let factor = (aim / expected).clamp(1.0, MOST);
        let (found, _) = estimated(&mut scenario, factor, Runs { first, trials: PILOT, ..runs }, &mut go_on)?;
        first = first.saturating_add(PILOT);
        let error = if found.estimate > 0.0 { found.error / found.estimate } else { f64::INFINITY };
        if best.is_none_or(|(least, _)| error < least) {
            best = Some((error, factor));
        }
    }
    // Where no pilot saw anything, a future has about one failure.
    let factor = best.filter(|(error, _)| error.is_finite()).map_or((1.0 / expected).clamp(1.0, MOST), |(_, f)| f);
    let (proposal, baseline) = estimated(&mut scenario, factor, Runs { first, ..runs }, &mut go_on)?;
    Ok(Some(Weighted {
        factor,
        pilot: u64::from(PILOT) * AIMS.len() as u64,
        trials: u64::from(runs.trials),
        proposal: proposal.est(),
        baseline: baseline.est(),
        resolved: proposal.trusted(),
        mean_weight: proposal.mean_weight,
        effective: proposal.effective,
        largest_share: proposal.largest,
    }))
}

/// With the change, and when nothing is done.
fn estimated<E>(
    scenario: &mut Scenario,
    factor: f64,
    runs: Runs,
    go_on: &mut dyn FnMut() -> Result<(), E>,
) -> Result<(Importance, Importance), E> {
    scenario.settings.failure_factor = Some(factor);
    let mut pairs = Vec::with_capacity(runs.trials as usize);
    for done in (0..runs.trials).step_by(TOGETHER as usize) {
        go_on()?;
        let part = Runs { first: runs.first + done, trials: TOGETHER.min(runs.trials - done), ..runs };
        pairs.extend(simulator::paired(scenario, part, &|_| {}));
    }
    let counts = weights(scenario);
    let of = |plan: fn(&Pair) -> &simulator::Outcome| {
        let drawn: Vec<f64> = pairs.iter().map(|pair| plan(pair).drawn.weight).collect();
        let out: Vec<bool> = pairs.iter().map(|pair| any_out(&counts, plan(pair))).collect();
        importance(&drawn, &out)
    };
    Ok((of(|pair| &pair.proposal), of(|pair| &pair.baseline)))
}

impl Weighted {
    /// What it says, in a sentence or two.
    pub fn sentence(&self) -> String {
        let how = format!(
            "Drawn otherwise (importance sampling: in nine of ten of {} further futures failures and machines that do not come are {} times as frequent, and each counts by how likely it is)",
            words::count(self.trials),
            words::number(self.factor, 2)
        );
        if !self.resolved {
            let why = if self.effective <= 0.0 {
                "no outage was among them".to_owned()
            } else {
                format!("the outages among them count as {}", words::plural(self.effective.round(), "future"))
            };
            return format!(
                "{how}, the probability of an outage with the change is not resolved: {why}; at most {} is what they rule out.",
                words::percent(self.proposal.high)
            );
        }
        format!(
            "{how}, an outage with the change has probability {}, and {} when nothing is done; these limits are approximate.",
            words::probability(self.proposal),
            words::probability(self.baseline)
        )
    }
}
