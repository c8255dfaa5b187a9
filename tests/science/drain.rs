//! Families 01 and 02: how long the drain of one node takes under disruption budgets.

use serde_json::{Value, json};
use simulator::change::{DrainSettings, Operation, Undrainable};
use simulator::example::{Example, drain_settings};
use simulator::outcome::Failure;
use simulator::random::Dist;
use simulator::settings::Cause;
use simulator::spec::{BudgetRule, Quantity, WorkloadKind};
use simulator::{Duration, NodeId, Scenario, replicate, simulate};

use super::{Found, exact, f, mean, n, quantile, runs, secs, share, spread, trials};

/// One workload of a case.
struct Guarded {
    on_node: u32,
    ready: u32,
    min: u32,
    startup: Dist,
    grace: f64,
}

/// The drain of node 0, whose pods find room on two large other nodes.
fn scenario(workloads: Vec<Guarded>, retry: f64, timeout: f64) -> Scenario {
    let mut example = Example::new().pool("p", 3);
    for (i, w) in workloads.into_iter().enumerate() {
        let hosts = (0..w.ready).map(|pod| NodeId(if pod < w.on_node { 0 } else { 1 })).collect();
        example = example
            .workload(&format!("w{i}"), WorkloadKind::Deployment, hosts)
            .minimum(0)
            .budget(BudgetRule::MinAvailable(Quantity::Count(w.min)))
            .with_shape(|s| s.requests.cpu = 1)
            .with(|spec| {
                spec.readiness = w.startup;
                spec.grace = secs(w.grace);
                spec.exit = Dist::Constant(secs(w.grace));
            });
    }
    let drain = DrainSettings { timeout: secs(timeout), undrainable: Undrainable::Fail, ..drain_settings() };
    example
        .settings(|s| {
            s.eviction_retry = secs(retry);
            s.off.push(Cause::SchedulingTime);
        })
        .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain })
        .horizon(Duration::mins(24 * 60))
        .build()
}

pub fn constant(inputs: &Value) -> Found {
    let workloads = inputs["workloads"].as_array().unwrap();
    let guarded = workloads.iter().map(|w| Guarded {
        on_node: n(w, "pods_on_node"),
        ready: n(w, "ready_replicas"),
        min: n(w, "min_available"),
        startup: Dist::Constant(secs(f(w, "startup_s"))),
        grace: f(w, "grace_s"),
    });
    let scenario = scenario(guarded.collect(), f(inputs, "retry_interval_s"), f(inputs, "drain_timeout_s"));
    let outcome = simulate(&scenario, 1, 0);
    let operation = &outcome.operations[0];
    let stuck = matches!(operation.failure, Some(Failure::DrainTimedOut { .. }));
    // Every evicted pod is missing until its replacement is ready: replicas times horizon less the time they were up.
    let missing: f64 = workloads.iter().map(|w| f(w, "pods_on_node") * f(w, "startup_s")).sum();
    let evicted: u32 = workloads.iter().map(|w| n(w, "pods_on_node")).sum();
    let mut found = vec![
        exact("outcome", if stuck { "timed_out" } else { "completed" }),
        exact("elapsed_s", operation.ended.unwrap().since(operation.started).as_secs_f64()),
        exact("min_ready_per_workload", json!(outcome.workloads.iter().map(|w| w.fewest).collect::<Vec<_>>())),
    ];
    if !stuck && outcome.counts.evictions == evicted {
        found.push(exact("missing_pod_seconds", measured_missing(&scenario, missing)));
    }
    found
}

/// Pod seconds between evictions and the readiness of the replacements, from the trial's log.
fn measured_missing(scenario: &Scenario, upper: f64) -> f64 {
    use simulator::outcome::Incident;
    let mut missing = 0.0;
    for entry in simulator::trace(scenario, 1, 0).log {
        match entry.what {
            Incident::PodEvicted { .. } => missing -= entry.at.as_secs_f64(),
            Incident::PodReady { .. } => missing += entry.at.as_secs_f64(),
            _ => {}
        }
    }
    debug_assert!(missing <= upper + 1e-6);
    missing
}

pub fn exponential(inputs: &Value) -> Found {
    let guarded = Guarded {
        on_node: n(inputs, "pods_on_node"),
        ready: n(inputs, "ready_replicas"),
        min: n(inputs, "min_available"),
        startup: Dist::Exponential { mean: secs(f(inputs, "mean_startup_s")) },
        grace: f(inputs, "grace_s"),
    };
    let timeout = f(inputs, "drain_timeout_s");
    // The drain itself is not cut off, so that its whole distribution is seen.
    let scenario = scenario(vec![guarded], 0.0, 1e6);
    let elapsed =
        replicate(&scenario, runs(trials()), &|o| o.operations[0].ended.map_or(f64::NAN, |e| e.as_secs_f64()));
    vec![
        mean("drain_mean_s", &elapsed),
        spread("drain_sd_s", &elapsed),
        quantile("drain_p95_s", 0.95, &elapsed),
        share("p_drain_exceeds_timeout", elapsed.iter().map(|e| *e > timeout)),
    ]
}
