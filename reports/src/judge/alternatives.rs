//! Other plans beside the proposal: what each would score, cost and take, on futures that the search for them has not seen.
//!
//! A row is what a report of that plan would say after as many trials. Differences to the proposal are of the same futures;
//! their limits hold for all rows together.

use simulator::change::Operation;
use simulator::{Outcome, Pair, PoolId, Scenario, Time};

use super::losses::{Facts, weighted, weights};
use super::operation;
use crate::estimate::{Est, Sampling, Strata};
use crate::input::{Finalist, Inputs, PlansInfo};
use crate::report::{self, Alternative, PlanSearch};
use crate::score::{self, LOSS_HIGH};
use crate::search::{INDIFFERENCE, Seen};
use crate::stood::{Stood, Trial};
use crate::stopping::Headline;

/// Share of futures by which a plan must end well more often to be shown for that.
const MORE_RELIABLE: f64 = 0.1;

/// The rows worth showing, best first, and how they were found; nothing where nobody looked.
pub fn alternatives(
    inputs: &Inputs<'_>,
    risk: &report::Risk,
    operation: &report::Operation,
    score: f64,
) -> (Vec<Alternative>, Option<PlanSearch>) {
    let Some(plans) = inputs.plans else { return (Vec::new(), None) };
    let proposal = Alternative {
        summary: "as proposed".to_string(),
        score,
        added_outage_minutes: risk.added_outage_minutes,
        against_proposal: None,
        success: Some(operation.success),
        duration_minutes: operation.duration_minutes,
        surge_node_hours: operation.surge_node_hours,
        cost_usd: operation.cost_usd,
        pareto: false,
        trials: inputs.pairs.len() as u64,
        apply: std::collections::BTreeMap::new(),
    };
    let mut rows: Vec<Alternative> =
        plans.finalists.iter().map(|finalist| row(inputs, finalist, plans.finalists.len())).collect();
    rows.retain(|row| is_worth_showing(row, &proposal));
    rows.sort_by(|a, b| {
        let length = |row: &Alternative| row.duration_minutes.p50.unwrap_or(f64::INFINITY);
        a.score.total_cmp(&b.score).then(length(a).total_cmp(&length(b)))
    });
    rows.push(proposal);
    let beaten: Vec<bool> = rows.iter().map(|row| rows.iter().any(|other| beats(other, row))).collect();
    rows.iter_mut().zip(beaten).for_each(|(row, beaten)| row.pareto = !beaten);
    let proposal = rows.pop();
    let search = PlanSearch {
        tried: plans.tried,
        trials: plans.trials,
        failing: plans.failing,
        set_aside: plans.set_aside.iter().map(set_aside).collect(),
        not_searched: plans.not_searched.clone(),
        proposal: proposal.filter(|_| plans.not_searched.is_none()),
    };
    (rows, Some(search))
}

fn set_aside(info: &crate::input::SetAsideInfo) -> report::SetAside {
    report::SetAside { reason: info.reason.clone(), plans: info.plans, example: info.example.clone() }
}

/// What the trials of a plan came to; `own` are its inputs.
pub(crate) fn stood(own: &Inputs<'_>) -> Stood {
    let strata = Strata::with(own.scenario, own.pairs);
    let mut headline = Headline::new(own.scenario, Sampling::Fixed);
    headline.push(own.pairs);
    let operation = operation::operation(own, &strata);
    let held = strata.average(|i| held(own.scenario, &own.pairs[i].proposal).iter().map(|(_, hours)| hours).sum());
    let weights = weights(own.scenario);
    let trial = |pair: &Pair| {
        let facts = Facts::of(&weights, pair);
        Trial { trial: pair.trial, drawn: facts.drawn, added: facts.added }
    };
    Stood {
        minutes: headline.minutes(),
        success: operation.success,
        duration: operation.duration_minutes,
        node_hours: operation.surge_node_hours + held,
        usd: operation.cost_usd.and_then(|usd| Some(usd + held_cost(own, &strata)?)),
        trials: own.pairs.iter().map(trial).collect(),
    }
}

/// A plan as a report of its own would see it.
fn row(inputs: &Inputs<'_>, finalist: &Finalist, finalists: usize) -> Alternative {
    let stood = &finalist.stood;
    Alternative {
        summary: finalist.summary.clone(),
        score: score::score(stood.minutes.estimate),
        added_outage_minutes: stood.minutes,
        against_proposal: Some(against(inputs, finalist, finalists)),
        success: Some(stood.success),
        duration_minutes: stood.duration,
        surge_node_hours: stood.node_hours,
        cost_usd: stood.usd,
        pareto: false,
        trials: stood.trials.len() as u64,
        apply: finalist.apply.clone(),
    }
}

/// Minutes the plan adds beyond what the proposal adds: from the same futures where trials are dealt alike, else from those of
/// each by itself.
fn against(inputs: &Inputs<'_>, finalist: &Finalist, rows: usize) -> Est {
    let own_weights = weights(inputs.scenario);
    let theirs: Vec<Facts> = inputs.pairs.iter().map(|pair| Facts::of(&own_weights, pair)).collect();
    let (ours, strata) = (&finalist.stood.trials, finalist.stood.strata(&finalist.scenario));
    let same = |i: usize| {
        theirs.get(i).is_some_and(|t| t.drawn.stratum == ours[i].drawn.stratum)
            && ours[i].trial == inputs.pairs[i].trial
    };
    if (0..ours.len()).all(same) {
        let most = 2.0 * LOSS_HIGH;
        return strata.bounded_mean_among(rows, -most, most, |i| ours[i].added - theirs[i].added);
    }
    let mean = |strata: &Strata, added: &dyn Fn(usize) -> f64| {
        strata.bounded_mean_among(2 * rows, -LOSS_HIGH, LOSS_HIGH, added)
    };
    let a = mean(&strata, &|i| ours[i].added);
    let b = mean(&Strata::with(inputs.scenario, inputs.pairs), &|i| theirs[i].added);
    Est::new(a.estimate - b.estimate, a.low - b.high, a.high - b.low)
}

/// Hours of nodes that scaling adds beyond what a pool had, by pool, to the end of the plan or until they are taken away.
fn held(scenario: &Scenario, outcome: &Outcome) -> Vec<(PoolId, f64)> {
    let over = outcome.operations.iter().filter_map(|o| o.ended).max();
    let mut found: Vec<(PoolId, f64)> = Vec::new();
    let mut extra: Vec<(PoolId, u32, Time)> = Vec::new();
    for (planned, done) in scenario.changes.iter().zip(&outcome.operations) {
        let Operation::Scale { pool, count, .. } = planned.operation else { continue };
        let had = scenario.cluster.nodes.iter().filter(|(_, n)| n.pool == pool).count() as u32;
        let now = done.ended.unwrap_or(done.started);
        if let Some(at) = extra.iter().position(|(p, _, _)| *p == pool) {
            let (_, n, since) = extra.swap_remove(at);
            found.push((pool, f64::from(n) * now.since(since).as_secs_f64() / 3600.0));
        }
        if count > had && done.failure.is_none() {
            extra.push((pool, count - had, done.started));
        }
    }
    for (pool, n, since) in extra {
        let until = over.map_or(since, |over| over.max(since));
        found.push((pool, f64::from(n) * until.since(since).as_secs_f64() / 3600.0));
    }
    found
}

fn held_cost(own: &Inputs<'_>, strata: &Strata) -> Option<f64> {
    let unknown = own.pairs.iter().flat_map(|p| held(own.scenario, &p.proposal)).any(|(pool, hours)| {
        hours > 0.0 && own.scenario.cluster.pools.get(pool).is_none_or(|p| p.usd_per_hour.is_none())
    });
    let price = |pool| own.scenario.cluster.pools.get(pool).and_then(|p| p.usd_per_hour).unwrap_or(0.0);
    (!unknown).then(|| {
        strata.average(|i| held(own.scenario, &own.pairs[i].proposal).iter().map(|(pool, h)| h * price(*pool)).sum())
    })
}

/// Safer than the proposal, surer to end well, or as safe and quicker or cheaper.
fn is_worth_showing(row: &Alternative, proposal: &Alternative) -> bool {
    let ends = |a: &Alternative| a.success.map_or(0.0, |s| s.estimate);
    let more_reliable = ends(row) > ends(proposal) + MORE_RELIABLE;
    let less_reliable = ends(row) + MORE_RELIABLE < ends(proposal);
    let length = |a: &Alternative| a.duration_minutes.p50.unwrap_or(f64::INFINITY);
    let as_safe = row.score <= proposal.score + INDIFFERENCE;
    let quicker = length(row) < 0.9 * length(proposal);
    let cheaper = row.cost_usd.zip(proposal.cost_usd).is_some_and(|(a, b)| a < 0.9 * b);
    more_reliable || (!less_reliable && (row.score < proposal.score - INDIFFERENCE || as_safe && (quicker || cheaper)))
}

/// True where a plan is nowhere worse than another and somewhere better: in risk, success, duration and cost.
fn beats(a: &Alternative, b: &Alternative) -> bool {
    let of = |p: &Alternative| {
        let fails = p.success.map_or(1.0, |s| 1.0 - s.estimate);
        let cost = p.cost_usd.unwrap_or(f64::INFINITY);
        [p.added_outage_minutes.estimate, fails, p.duration_minutes.p50.unwrap_or(f64::INFINITY), cost]
    };
    let (a, b) = (of(a), of(b));
    a.iter().zip(&b).all(|(a, b)| a <= b) && a != b
}

impl PlansInfo {
    /// A search that did not take place, and why.
    pub fn not_searched(why: impl Into<String>) -> PlansInfo {
        PlansInfo { not_searched: Some(why.into()), ..PlansInfo::default() }
    }
}

impl Seen {
    /// What a trial says of a plan; its loss is the weighted minutes of outage themselves, not what they add to another's.
    pub fn of(scenario: &Scenario, weights: &[f64], outcome: &Outcome) -> Seen {
        let planned = scenario.changes.len();
        let own: f64 = outcome.operations.iter().map(|o| o.extra_node_time.as_secs_f64() / 3600.0).sum();
        let held: f64 = held(scenario, outcome).iter().map(|(_, hours)| hours).sum();
        Seen {
            loss: weighted(weights, outcome),
            failed: outcome.operations.len() < planned
                || outcome.operations.iter().any(|o| o.ended.is_none() || o.failure.is_some()),
            minutes: operation::length(outcome, planned).unwrap_or(f64::INFINITY),
            node_hours: own + held,
        }
    }
}
