//! Damage that the end of the simulated time cuts, although a trial is followed until it has settled or for long enough: a system workload that the change leaves below its minimum, or short of
//! replicas that nothing brings back (no room, no machine, an operation that gave up).

use std::collections::BTreeMap;

use simulator::Pair;

use super::losses::{Losses, Watched};
use crate::input::Inputs;
use crate::report::Finding;
use crate::words;

/// Probability from which a hazard is worth a finding.
const WORTH: f64 = 0.01;

/// A finding for each system workload that futures with the change leave in danger, and futures without it do not.
pub fn hazards(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Vec<Finding> {
    if inputs.scenario.changes.is_empty() {
        return Vec::new();
    }
    let system = losses.watched.iter().enumerate().filter(|(_, w)| w.weight > 0.0);
    system.filter_map(|(i, watched)| hazard(inputs, losses, i, watched)).collect()
}

fn hazard(inputs: &Inputs<'_>, losses: &Losses<'_>, index: usize, watched: &Watched<'_>) -> Option<Finding> {
    let minimum = watched.spec.minimum.unwrap_or(0);
    let ends_below = |wanted: u32| {
        let left = move |pair: &Pair| {
            let at_end = |outcome: &simulator::Outcome| outcome.workloads.get(index).map_or(u32::MAX, |w| w.at_end);
            at_end(&pair.proposal) < wanted && at_end(&pair.baseline) >= wanted
        };
        losses.strata.probability(inputs.sampling, |i| left(&inputs.pairs[i]))
    };
    let (out, short) = (ends_below(minimum), ends_below(watched.spec.replicas.max(minimum)));
    let (share, what) = match out.estimate >= WORTH {
        true => (out, format!("still below the {} it needs", pods(minimum))),
        false if short.estimate >= WORTH => (short, format!("with fewer than its {}", pods(watched.spec.replicas))),
        false => return None,
    };
    let name = format!("{}/{}", watched.spec.namespace, watched.spec.name);
    let longest = words::hours(inputs.scenario.longest().as_secs_f64());
    Some(Finding {
        id: "latent-hazard".to_string(),
        severity: "warning".to_string(),
        subject: name.clone(),
        message: format!(
            "In {} of futures the change leaves {name} {what} when the simulated time ends, after at most {longest}: what comes later is not counted.",
            words::probability_short(share)
        ),
        source: "the simulated futures themselves".to_string(),
        evidence: BTreeMap::from([
            ("share".to_string(), share.estimate.into()),
            ("low".to_string(), share.low.into()),
            ("high".to_string(), share.high.into()),
        ]),
    })
}

fn pods(count: u32) -> String {
    if count == 1 { "1 pod".to_string() } else { format!("{count} pods") }
}
