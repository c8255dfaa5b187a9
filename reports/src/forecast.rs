//! What a run foretells of its operation, in the form that is kept and later held against what came ([`crate::backtest`]).
//!
//! Quantiles of the duration are those of futures in which the operation ends well, since how long one takes that fails is
//! another matter. The response says how the duration moves with the times to make and to reimage a node: trials draw their own,
//! so that their outcomes tell (least squares in relative deviations, no part below zero).

use simulator::change::Operation;
use simulator::outcome::Incident;
use simulator::parameters::{Knob, Parameters};
use simulator::{Outcome, PoolId, Scenario};

use crate::backtest::history::{QUANTILES, Response, Rule, level_of};
use crate::estimate::{self, Strata};
use crate::input::Inputs;
use crate::judge::{length, succeeded};

/// Trials that are traced to count the machines an operation asks for; the median of them counts.
const TRACED: u32 = 5;

/// What a run foretells beside its report.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Forecast {
    /// Quantiles of the duration in minutes, 5 % to 95 %; empty where no future was seen to end well.
    pub duration_minutes: Vec<f64>,
    /// What a simple rule looks at.
    pub rule: Rule,
    /// How duration and failures move with what is not known well.
    pub response: Option<Response>,
}

impl Forecast {
    /// What the trials of a run foretell.
    pub fn of(inputs: &Inputs<'_>) -> Forecast {
        let planned = inputs.scenario.changes.len();
        if planned == 0 {
            return Forecast::default();
        }
        let well = |outcome: &Outcome| succeeded(inputs, outcome).then(|| length(outcome, planned)).flatten();
        let minutes: Vec<Option<f64>> = inputs.pairs.iter().map(|pair| well(&pair.proposal)).collect();
        let strata = Strata::with(inputs.scenario, inputs.pairs);
        // Futures that do not end well come last, and the levels are shares of those that do.
        let ended = strata.average(|i| f64::from(u8::from(minutes[i].is_some())));
        let ranked = strata.ranked(|i| minutes[i].unwrap_or(f64::INFINITY));
        let quantile = |place| ranked.quantile(level_of(place) * ended);
        let quantiles: Vec<f64> = (0..QUANTILES).map(quantile).collect();
        let seen = ended > 0.0 && quantiles.iter().all(|m| m.is_finite());
        Forecast {
            duration_minutes: if seen { quantiles } else { Vec::new() },
            rule: rule(inputs),
            response: response(inputs.scenario, inputs, &minutes),
        }
    }
}

/// What the simple rule looks at.
fn rule(inputs: &Inputs<'_>) -> Rule {
    let cluster = &inputs.scenario.cluster;
    let nodes = |pool: PoolId| cluster.nodes.iter().filter(|(_, node)| node.pool == pool).count() as u32;
    let touched: Vec<PoolId> = inputs.scenario.changes.iter().filter_map(|planned| planned.operation.pool()).collect();
    let surge_below_one = inputs.scenario.changes.iter().any(
        |planned| matches!(&planned.operation, Operation::Upgrade { pool, how } if how.max_surge.of(nodes(*pool)) < 1),
    );
    Rule {
        surge_below_one,
        pdb_blocked: inputs.findings.iter().any(|f| ["pdb-unsatisfiable", "pdb-no-slack", "pdb-spent"].contains(&f.id)),
        system_pool_of_one: touched
            .iter()
            .any(|pool| cluster.pools.get(*pool).is_some_and(|p| p.system) && nodes(*pool) == 1),
    }
}

/// How the durations of futures that end well move with the factors of their trials.
fn response(scenario: &Scenario, inputs: &Inputs<'_>, minutes: &[Option<f64>]) -> Option<Response> {
    let factors = |trial: u32| {
        let drawn = Parameters::drawn(&scenario.settings, &scenario.beliefs, inputs.seed, trial);
        [1.0, drawn.get(Knob::ProvisionTime), drawn.get(Knob::ReimageTime)]
    };
    let seen = inputs.pairs.iter().zip(minutes);
    let seen: Vec<([f64; 3], f64)> =
        seen.filter_map(|(pair, m)| m.filter(|m| *m > 0.0).map(|m| (factors(pair.trial), m))).collect();
    let believed = |knob| scenario.beliefs.iter().any(|belief| belief.knob == knob);
    let free = [true, believed(Knob::ProvisionTime), believed(Knob::ReimageTime)];
    let ([fixed, provision, reimage], spread) = fit(&seen, free)?;
    let mut asked: Vec<u32> = (0..TRACED).map(|trial| machines(scenario, inputs.seed, trial)).collect();
    asked.sort_unstable();
    Some(Response { fixed, provision, reimage, spread, machines: f64::from(asked[asked.len() / 2]) })
}

/// Machines an operation asks for in one future.
fn machines(scenario: &Scenario, seed: u64, trial: u32) -> u32 {
    let trace = simulator::trace(scenario, seed, trial);
    let pools: Vec<PoolId> = scenario.changes.iter().filter_map(|planned| planned.operation.pool()).collect();
    let ours = |node: simulator::NodeId| trace.nodes.get(node.0 as usize).is_some_and(|n| pools.contains(&n.pool));
    let mut autoscaled = 0;
    let mut asked = 0;
    for entry in &trace.log {
        match entry.what {
            Incident::AutoscalerAdds { nodes, .. } => autoscaled += nodes,
            Incident::NodeRequested { node, surge } if ours(node) => {
                // What the autoscaler asks for follows its line in the log.
                if surge || autoscaled == 0 { asked += 1 } else { autoscaled -= 1 }
            }
            _ => {}
        }
    }
    asked
}

/// Coefficients of the median duration on the factors, none below zero, and the spread of the logarithm around it. Columns
/// that do not vary are left at zero; the constant takes what they stand for.
fn fit(seen: &[([f64; 3], f64)], free: [bool; 3]) -> Option<([f64; 3], f64)> {
    if seen.len() < 3 {
        return None;
    }
    let subsets = (1..8_usize).filter(|set| (0..3).all(|c| set >> c & 1 == 0 || free[c]));
    let best = subsets.filter_map(|set| {
        let columns: Vec<usize> = (0..3).filter(|c| set >> c & 1 == 1).collect();
        let b = relative_least_squares(seen, &columns)?;
        let at = |x: &[f64; 3]| (0..3).map(|c| b[c] * x[c]).sum::<f64>();
        if b.iter().any(|v| *v < 0.0) || seen.iter().any(|(x, _)| at(x) <= 0.0) {
            return None;
        }
        let logs: Vec<f64> = seen.iter().map(|(x, y)| (y / at(x)).ln()).collect();
        let mean = estimate::average(&logs);
        let spread = (logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (logs.len() as f64 - 1.0)).sqrt();
        // From the mean to the median.
        Some((b.map(|v| v * mean.exp()), spread))
    });
    best.min_by(|a, b| a.1.total_cmp(&b.1))
}

/// Least squares of relative deviations: weights of the second round come from the fit of the first.
fn relative_least_squares(seen: &[([f64; 3], f64)], columns: &[usize]) -> Option<[f64; 3]> {
    let mut fitted: Vec<f64> = seen.iter().map(|(_, y)| *y).collect();
    let mut b = [0.0; 3];
    for _ in 0..3 {
        let k = columns.len();
        let mut matrix = vec![vec![0.0; k + 1]; k];
        for ((x, y), f) in seen.iter().zip(&fitted) {
            let w = 1.0 / (f * f);
            for (i, ci) in columns.iter().enumerate() {
                for (j, cj) in columns.iter().enumerate() {
                    matrix[i][j] += w * x[*ci] * x[*cj];
                }
                matrix[i][k] += w * x[*ci] * y;
            }
        }
        let solved = crate::learning::solve(matrix)?;
        b = [0.0; 3];
        columns.iter().zip(&solved).for_each(|(c, v)| b[*c] = *v);
        for ((x, _), f) in seen.iter().zip(&mut fitted) {
            *f = (0..3).map(|c| b[c] * x[c]).sum::<f64>().max(1e-6);
        }
    }
    Some(b)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_taken_apart_into_its_parts() {
        // 4 min fixed, 2.5 min for a new node, 10 min for reimages, 10 % of noise either way.
        let seen: Vec<([f64; 3], f64)> = (0..400)
            .map(|i| {
                let (p, r) = (0.6 + 0.05 * f64::from(i % 20), 0.6 + 0.06 * f64::from(i / 20));
                let noise = if (i * 7) % 13 < 6 { 1.1 } else { 1.0 / 1.1 };
                ([1.0, p, r], (4.0 + 2.5 * p + 10.0 * r) * noise)
            })
            .collect();
        let (b, spread) = fit(&seen, [true; 3]).unwrap();
        for (found, expected) in b.iter().zip([4.0, 2.5, 10.0]) {
            assert!((found - expected).abs() < 0.6, "{b:?}");
        }
        assert!((spread - 1.1_f64.ln()).abs() < 0.01, "{spread}");
        let (b, _) = fit(&seen, [true, false, false]).unwrap();
        assert_eq!((b[1], b[2]), (0.0, 0.0), "what does not vary has no part");
        assert_eq!(fit(&seen[..2], [true; 3]), None);
    }
}
