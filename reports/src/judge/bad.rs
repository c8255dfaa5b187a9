//! Which bad trials are told in full.

use super::causes::MANY;
use super::losses::{Losses, Watched};
use crate::course::{Of, Wanted};
use crate::input::Inputs;

/// The trial of median loss among those in which the change brings a system workload an outage that it does not have when
/// nothing is done, and the one of greatest loss. None in a quick answer.
pub fn wanted(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Vec<Wanted> {
    if inputs.pairs.len() < MANY || inputs.scenario.changes.is_empty() {
        return Vec::new();
    }
    let mut bad: Vec<(usize, usize)> =
        (0..inputs.pairs.len()).filter_map(|i| brought(losses, i).map(|workload| (i, workload))).collect();
    bad.sort_by(|a, b| losses.added[a.0].total_cmp(&losses.added[b.0]).then(b.0.cmp(&a.0)));
    let all: f64 = bad.iter().map(|(i, _)| losses.strata.share(*i)).sum();
    let mut below = 0.0;
    let typical = bad.iter().find(|(i, _)| {
        below += losses.strata.share(*i);
        below >= all / 2.0
    });
    let told = |of, found: Option<&(usize, usize)>| {
        found.map(|(i, watched)| Wanted { of, trial: inputs.pairs[*i].trial, watched: *watched })
    };
    let worst = told(Of::Worst, bad.last());
    let typical = told(Of::Typical, typical).filter(|t| worst.is_none_or(|w| w.trial != t.trial));
    typical.into_iter().chain(worst).collect()
}

/// The weightiest workload that has an outage with the change, and none without it.
fn brought(losses: &Losses<'_>, trial: usize) -> Option<usize> {
    let out = |w: &Watched<'_>| w.weight > 0.0 && w.proposal_out[trial] && !w.baseline_out[trial];
    let lost = |w: &Watched<'_>| w.weight * (w.proposal[trial] - w.baseline[trial]);
    let found = losses.watched.iter().enumerate().filter(|(_, w)| out(w));
    found.max_by(|(i, a), (j, b)| lost(a).total_cmp(&lost(b)).then(j.cmp(i))).map(|(i, _)| i)
}
