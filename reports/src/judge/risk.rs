//! Probabilities and minutes of outage, for the change as a whole and for every watched workload.

use std::collections::BTreeMap;

use simulator::Outcome;

use super::losses::{Losses, Outages, Watched};
use super::nothing;
use crate::estimate::{Est, LEVEL, added_probability, mc_nemar, quantile, quantile_limits, share};
use crate::input::Inputs;
use crate::report::{Band, Outage, Quantiles, Risk, Workload};
use crate::score;
use crate::words;

/// Risk of the change.
pub fn risk(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Risk {
    let trials = inputs.pairs.len() as u64;
    let nothing_changed = inputs.scenario.changes.is_empty();
    let counted = losses.outages;
    let added_minutes =
        if nothing_changed { nothing() } else { Est::bounded_mean(&losses.added, -score::LOSS_HIGH, score::LOSS_HIGH) };
    Risk {
        outage: Outage {
            threshold_seconds: inputs.scenario.settings.outage_threshold.as_secs_f64(),
            baseline: Est::probability(counted.baseline, trials),
            proposal: Est::probability(counted.proposal, trials),
            added: if nothing_changed { nothing() } else { added(counted, trials) },
            mc_nemar_p: mc_nemar(counted.gained, counted.spared),
        },
        error_budget_burn: score::burn(added_minutes.estimate, inputs.slo),
        added_outage_minutes: added_minutes,
        parameter_band: None,
        workloads: losses.watched.iter().enumerate().map(|(i, w)| workload(inputs, i, w)).collect(),
    }
}

fn added(counted: Outages, trials: u64) -> Est {
    let (low, high) = added_probability(counted.gained, counted.spared, trials, 1.0 - LEVEL);
    Est::new(share(counted.gained, trials) - share(counted.spared, trials), low, high)
}

fn workload(inputs: &Inputs<'_>, index: usize, watched: &Watched<'_>) -> Workload {
    let trials = inputs.pairs.len() as u64;
    let horizon = inputs.scenario.horizon.as_mins_f64();
    Workload {
        namespace: watched.spec.namespace.clone(),
        name: watched.spec.name.clone(),
        kind: words::kind(watched.spec.kind).to_string(),
        replicas: watched.spec.replicas,
        min_available: watched.spec.minimum.unwrap_or(0),
        weight: watched.weight,
        outage: Est::probability(watched.outages.proposal, trials),
        baseline_outage: Est::probability(watched.outages.baseline, trials),
        loss_minutes: quantiles(&watched.proposal, horizon),
        baseline_loss_minutes: quantiles(&watched.baseline, horizon),
        query_loss: watched.spec.service.map(|_| query_loss(inputs, index)),
    }
}

fn quantiles(minutes: &[f64], horizon: f64) -> Quantiles {
    let mut sorted = minutes.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mean = Est::bounded_mean(minutes, 0.0, horizon);
    let mut limits = BTreeMap::from([("mean".to_string(), Band { low: mean.low, high: mean.high })]);
    for (name, p) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let (low, high) = quantile_limits(&sorted, p, 1.0 - LEVEL, 0.0, horizon);
        limits.insert(name.to_string(), Band { low, high });
    }
    Quantiles {
        mean: mean.estimate,
        p50: quantile(&sorted, 0.5),
        p95: quantile(&sorted, 0.95),
        p99: quantile(&sorted, 0.99),
        limits,
    }
}

/// Mean over trials of the share of queries lost.
fn query_loss(inputs: &Inputs<'_>, index: usize) -> Est {
    let lost = |outcome: &Outcome| {
        outcome.workloads.get(index).map_or(0.0, |w| if w.asked > 0.0 { w.lost / w.asked } else { 0.0 })
    };
    let shares: Vec<f64> = inputs.pairs.iter().map(|p| lost(&p.proposal)).collect();
    Est::bounded_mean(&shares, 0.0, 1.0)
}
