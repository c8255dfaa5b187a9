//! Probabilities and minutes of outage, for the change as a whole and for every watched workload.

use std::collections::BTreeMap;

use simulator::Outcome;

use super::losses::{Losses, Watched};
use crate::estimate::{Est, LEVEL, mc_nemar, quantile, quantile_limits};
use crate::input::Inputs;
use crate::report::{Band, Outage, Quantiles, Risk, Workload};
use crate::score;
use crate::stopping::Headline;
use crate::words;

/// Risk of the change.
pub fn risk(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Risk {
    let mut headline = Headline::new(inputs.scenario, inputs.sampling);
    headline.push(inputs.pairs);
    let added_minutes = headline.minutes();
    Risk {
        outage: Outage {
            threshold_seconds: inputs.scenario.settings.outage_threshold.as_secs_f64(),
            baseline: headline.baseline(),
            proposal: headline.proposal(),
            added: headline.added(),
            mc_nemar_p: mc_nemar(losses.discordant.0, losses.discordant.1),
        },
        error_budget_burn: score::burn(added_minutes.estimate, inputs.slo),
        added_outage_minutes: added_minutes,
        parameter_band: None,
        workloads: losses.watched.iter().enumerate().map(|(i, w)| workload(inputs, i, w)).collect(),
    }
}

fn workload(inputs: &Inputs<'_>, index: usize, watched: &Watched<'_>) -> Workload {
    let horizon = inputs.scenario.horizon.as_mins_f64();
    Workload {
        namespace: watched.spec.namespace.clone(),
        name: watched.spec.name.clone(),
        kind: words::kind(watched.spec.kind).to_string(),
        replicas: watched.spec.replicas,
        min_available: watched.spec.minimum.unwrap_or(0),
        weight: watched.weight,
        outage: inputs.sampling.running(watched.proposal_out.iter().copied()),
        baseline_outage: inputs.sampling.running(watched.baseline_out.iter().copied()),
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
