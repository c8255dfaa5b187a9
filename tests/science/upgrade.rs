//! Family 03: how long a rolling upgrade takes.

use serde_json::Value;
use simulator::change::{Operation, Pace, Replacement, UpgradeSettings};
use simulator::example::{Example, drain_settings};
use simulator::random::Dist;
use simulator::spec::{Quantity, WorkloadKind};
use simulator::{Duration, NodeId, PoolId, Scenario, replicate, simulate};

use super::{Found, exact, f, mean, n, runs, secs, share, spread, trials};

pub fn duration(inputs: &Value) -> Found {
    let scenario = scenario(inputs);
    let Operation::Upgrade { how, .. } = &scenario.changes[0].operation else { unreachable!() };
    let nodes = n(inputs, "nodes");
    let parallel = if how.max_surge.of(nodes) > 0 { how.max_surge.of(nodes) } else { how.max_unavailable.of(nodes) }
        .clamp(1, nodes);
    let mut found = vec![exact("parallel_nodes", parallel), exact("batches", batches(&scenario))];
    let seconds = |o: simulator::Outcome| o.operations[0].ended.map_or(f64::NAN, |e| e.as_secs_f64());
    if inputs["reimage"]["dist"] == "const" {
        found.push(exact("upgrade_duration_s", seconds(simulate(&scenario, 1, 0))));
    } else {
        let all = replicate(&scenario, runs(trials()), &seconds);
        found.push(mean("upgrade_duration_mean_s", &all));
        found.push(spread("upgrade_duration_sd_s", &all));
        if inputs["window_s"].is_number() {
            found.push(share("p_exceeds_window", all.iter().map(|s| *s > f(inputs, "window_s"))));
        }
    }
    found
}

/// Groups of nodes whose drains start together, counted in the log of a run with constant reimages.
fn batches(scenario: &Scenario) -> usize {
    let mut constant = scenario.clone();
    constant.cluster.pools[PoolId(0)].reimage = Dist::Constant(Duration::secs(100));
    let old = constant.cluster.nodes.len() as u32;
    let drains = simulator::trace(&constant, 1, 0).log.into_iter().filter_map(|entry| match entry.what {
        simulator::outcome::Incident::NodeDrainStarted { node } if node.0 < old => Some(entry.at),
        _ => None,
    });
    let mut starts: Vec<_> = drains.collect();
    starts.dedup();
    starts.len()
}

fn scenario(inputs: &Value) -> Scenario {
    let nodes = n(inputs, "nodes");
    let number = |v: &Value| Quantity::Count(v.as_u64().unwrap_or(0) as u32);
    let quantity = |v: &Value| match v.as_str() {
        Some(text) => Quantity::Percent(text.trim_end_matches('%').parse().unwrap()),
        None => number(v),
    };
    let reimage = &inputs["reimage"];
    let reimage = match reimage["dist"].as_str().unwrap() {
        "const" => Dist::Constant(secs(f(reimage, "s"))),
        "exp" => Dist::Exponential { mean: secs(f(reimage, "mean_s")) },
        _ => Dist::LogNormal { median: secs(f(reimage, "median_s")), sigma: f(reimage, "sigma") },
    };
    let optional = |key: &str| secs(inputs[key].as_f64().unwrap_or(0.0));
    let surge = inputs["mode"] == "surge";
    let how = UpgradeSettings {
        max_surge: if surge { quantity(&inputs["max_surge"]) } else { Quantity::Count(0) },
        max_unavailable: if surge { Quantity::Count(0) } else { quantity(&inputs["max_unavailable"]) },
        soak: secs(f(inputs, "soak_s")),
        drain: drain_settings(),
        max_blocked: Quantity::Count(0),
        replacement: Replacement::Reimage,
        pace: if inputs["scheduling"] == "pipelined" { Pace::Pipelined } else { Pace::Batches },
        surge_fallback: false,
        draws_as: None,
        begun: None,
        shapes: Vec::new(),
    };
    let mut example = Example::new().pool("p", nodes).with_pool(|p| {
        p.provision = Dist::Constant(optional("surge_provision_s"));
        p.delete = Dist::Constant(optional("surge_delete_s"));
        p.reimage = reimage;
    });
    let drain = secs(f(inputs, "drain_s"));
    if !drain.is_zero() {
        // A bare pod that takes so long to exit makes each node's drain last so long, and goes nowhere.
        example = example.workload("w", WorkloadKind::Bare, (0..nodes).map(NodeId).collect()).with(|w| {
            w.grace = drain;
            w.exit = Dist::Constant(drain);
        });
    }
    example
        .change(Duration::ZERO, Operation::Upgrade { pool: PoolId(0), how })
        .horizon(Duration::mins(60 * 24 * 14))
        .build()
}
