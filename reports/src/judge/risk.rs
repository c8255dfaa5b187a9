//! Probabilities and minutes of outage, for the change as a whole and for every watched workload.

use std::collections::BTreeMap;

use super::losses::{Losses, Watched};
use super::queries;
use crate::estimate::{Est, LEVEL, Strata, mc_nemar};
use crate::input::Inputs;
use crate::rare::RareEvents;
use crate::report::{Band, ErrorBudget, Outage, Quantiles, Risk, Workload};
use crate::score;
use crate::stopping::Headline;
use crate::words;

/// Risk of the change.
pub fn risk(inputs: &Inputs<'_>, losses: &Losses<'_>) -> Risk {
    let mut headline = Headline::new(inputs.scenario, inputs.sampling);
    headline.push(inputs.pairs);
    let added_minutes = headline.minutes();
    let burn = |minutes| score::burn(minutes, inputs.slo, inputs.slo_days);
    Risk {
        outage: Outage {
            threshold_seconds: inputs.scenario.settings.outage_threshold.as_secs_f64(),
            baseline: headline.baseline(),
            proposal: headline.proposal(),
            added: headline.added(),
            mc_nemar_p: mc_nemar(losses.discordant.0, losses.discordant.1),
        },
        error_budget_burn: burn(added_minutes.estimate),
        error_budget: Some(ErrorBudget {
            slo: inputs.slo,
            period_days: inputs.slo_days,
            minutes: score::error_budget(inputs.slo, inputs.slo_days),
            burn: Est::new(burn(added_minutes.estimate), burn(added_minutes.low), burn(added_minutes.high)),
        }),
        added_outage_minutes: added_minutes,
        parameter_band: None,
        added_minutes_band: None,
        readings: Vec::new(),
        rare_events: RareEvents::of(inputs, losses, &headline),
        functions: crate::functions::missing(inputs, &losses.strata),
        workloads: losses.watched.iter().enumerate().map(|(i, w)| workload(inputs, &losses.strata, i, w)).collect(),
    }
}

fn workload(inputs: &Inputs<'_>, strata: &Strata, index: usize, watched: &Watched<'_>) -> Workload {
    let longest = inputs.scenario.longest().as_mins_f64();
    Workload {
        namespace: watched.spec.namespace.clone(),
        name: watched.spec.name.clone(),
        kind: words::kind(watched.spec.kind).to_string(),
        replicas: watched.spec.replicas,
        min_available: watched.spec.minimum.unwrap_or(0),
        weight: watched.weight,
        outage: strata.probability(inputs.sampling, |i| watched.proposal_out[i]),
        baseline_outage: strata.probability(inputs.sampling, |i| watched.baseline_out[i]),
        loss_minutes: quantiles(strata, &watched.proposal, longest),
        baseline_loss_minutes: quantiles(strata, &watched.baseline, longest),
        query_loss: watched.spec.service.as_ref().map(|_| queries::loss(inputs, strata, index)),
        queries: watched.spec.service.as_ref().map(|service| queries::queries(inputs, strata, index, watched, service)),
    }
}

/// Mean and quantiles of a value of each trial that lies in `[0, most]`.
pub(super) fn quantiles(strata: &Strata, values: &[f64], most: f64) -> Quantiles {
    let ranked = strata.ranked(|i| values[i]);
    let mean = strata.bounded_mean(0.0, most, |i| values[i]);
    let mut limits = BTreeMap::from([("mean".to_string(), Band { low: mean.low, high: mean.high })]);
    for (name, p) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
        let (low, high) = ranked.limits(p, 1.0 - LEVEL, 0.0, most);
        limits.insert(name.to_string(), Band { low, high });
    }
    Quantiles {
        mean: mean.estimate,
        p50: ranked.quantile(0.5),
        p95: ranked.quantile(0.95),
        p99: ranked.quantile(0.99),
        limits,
    }
}
