//! Families 10, 12 and 23: nodes that are made together, replicas that share a batch, spot nodes that go together.

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::change::{Operation, Pace, Replacement, UpgradeSettings};
use simulator::example::{Example, drain_settings};
use simulator::outcome::Incident;
use simulator::random::Dist;
use simulator::scenario::Scenario;
use simulator::settings::Spot;
use simulator::spec::{PodSpec, Quantity, SpotPolicy, WorkloadKind};
use simulator::{Duration, NodeId, PoolId, WorkloadId, replicate};

use super::{Found, SEED, f, mean, n, quantile, runs, secs, share, spread, trials};

/// Pods that wait for a node, one workload that wants `replicas` of them.
fn waiting(mut scenario: Scenario, replicas: u32) -> Scenario {
    let id = WorkloadId(scenario.cluster.workloads.len() as u32 - 1);
    scenario.cluster.workloads[id].replicas = replicas;
    let pod = |i| PodSpec {
        name: format!("pod-{i}"),
        workload: id,
        node: None,
        ready: false,
        gated: false,
        old: false,
        shape: None,
    };
    scenario.cluster.pods.extend((0..replicas).map(pod));
    scenario
}

pub fn provisioning(inputs: &Value) -> Found {
    let (nodes, k) = (n(inputs, "nodes"), n(inputs, "k"));
    let deadline = f(inputs, "deadline_s");
    let together = |ready: u32, fails: bool| {
        let fails = if fails { f(inputs, "p_fail") } else { 0.0 };
        replicate(&grown(inputs, nodes, ready, fails), runs(trials() * 2), &|o| o.workloads[0].below.as_secs_f64())
    };
    let (all, kth) = (together(nodes, false), together(k, false));
    let in_time = |name, times: &[f64]| share(name, times.iter().map(|t| *t <= deadline));
    vec![
        mean("mean_time_all_ready_s", &all),
        quantile("p95_time_all_ready_s", 0.95, &all),
        mean("mean_time_kth_ready_s", &kth),
        in_time("p_at_least_k_ready_by_deadline", &together(k, true)),
        in_time("p_all_ready_by_deadline", &together(nodes, true)),
        mean(
            "mean_time_one_node_with_retries_s",
            &replicate(&retried(inputs), runs(trials() * 2), &|o| o.workloads[0].below.as_secs_f64()),
        ),
    ]
}

/// A pool that grows from none to `nodes`; a daemon is up on each the moment it is Ready, and `ready` of them are asked for.
/// (Waiting pods would not do: those of them that found no room on the node before are backed off.)
fn grown(inputs: &Value, nodes: u32, ready: u32, fails: f64) -> Scenario {
    Example::new()
        .pool("p", 0)
        .with_pool(|p| p.provision = Dist::LogNormal { median: secs(f(inputs, "median_s")), sigma: f(inputs, "sigma") })
        .workload("w", WorkloadKind::DaemonSet, Vec::new())
        .with(|w| w.readiness = Dist::Constant(Duration::ZERO))
        .minimum(ready)
        .settings(|s| s.provisioning.bootstrap_failure = fails)
        .change(Duration::ZERO, Operation::Scale { pool: PoolId(0), count: nodes, drain: drain_settings() })
        .horizon(Duration::mins(600))
        .build()
}

/// One node whose machine is asked for again, at once, as often as it does not come.
fn retried(inputs: &Value) -> Scenario {
    let mut scenario = grown(inputs, 1, 1, f(inputs, "p_fail"));
    scenario.settings.provisioning.bootstrap_notice = secs(f(inputs, "fail_detect_s"));
    scenario.settings.provisioning.retries = u32::MAX;
    scenario
}

pub fn colocation(inputs: &Value) -> Found {
    let slack = n(inputs, "replicas") - n(inputs, "min_available");
    let apart = placements(inputs, true);
    let anywhere = placements(inputs, false);
    let together = |p: &Placement| p.batches.len() == 1;
    vec![
        share("p_all_in_one_batch_anti_affinity", apart.iter().map(together)),
        share("p_all_in_one_batch_random", anywhere.iter().map(together)),
        share("p_all_on_same_node_random", anywhere.iter().map(|p| p.nodes.len() == 1)),
        share(
            "p_some_batch_breaks_min_anti_affinity",
            apart.iter().map(|p| p.batches.values().any(|taken| *taken > slack)),
        ),
    ]
}

/// Where the replicas of a trial were placed, and how many of them each batch took.
struct Placement {
    nodes: BTreeMap<NodeId, u32>,
    batches: BTreeMap<u64, u32>,
}

/// The scheduler places the replicas on empty nodes, equal in its eyes, then batches of nodes are drained. Pods nobody
/// replaces show which batch took them.
fn placements(inputs: &Value, apart: bool) -> Vec<Placement> {
    let nodes = n(inputs, "nodes");
    let how = UpgradeSettings {
        max_surge: Quantity::Count(0),
        max_unavailable: Quantity::Count(n(inputs, "batch")),
        soak: Duration::ZERO,
        drain: drain_settings(),
        max_blocked: Quantity::Count(0),
        replacement: Replacement::Reimage,
        pace: Pace::Batches,
        surge_fallback: false,
        draws_as: None,
        begun: None,
        shapes: Vec::new(),
    };
    let scenario = Example::new()
        .pool("p", nodes)
        .with_pool(|p| p.reimage = Dist::Constant(Duration::secs(60)))
        .workload("w", WorkloadKind::Bare, Vec::new())
        .with_shape(|s| {
            // Half a node and more keeps replicas apart; nothing at all leaves every node as good as any other.
            s.requests.cpu = if apart { 2000 } else { 0 };
            s.requests.memory = 0;
            s.score_requests = (0, 0);
        })
        .with(|w| w.readiness = Dist::Constant(Duration::ZERO))
        .change(Duration::secs(60), Operation::Upgrade { pool: PoolId(0), how })
        .horizon(Duration::mins(60 * 24))
        .build();
    let scenario = waiting(scenario, n(inputs, "replicas"));
    (0..trials()).map(|trial| placement(&scenario, trial)).collect()
}

fn placement(scenario: &Scenario, trial: u32) -> Placement {
    let mut found = Placement { nodes: BTreeMap::new(), batches: BTreeMap::new() };
    for entry in simulator::trace(scenario, SEED, trial).log {
        match entry.what {
            Incident::PodBound { node, .. } => *found.nodes.entry(node).or_default() += 1,
            Incident::PodEvicted { .. } => *found.batches.entry(entry.at.0).or_default() += 1,
            _ => {}
        }
    }
    found
}

pub fn spot(inputs: &Value) -> Found {
    let (nodes, tolerable) = (n(inputs, "spot_nodes"), n(inputs, "tolerable_losses"));
    let evicted = |correlation: f64| {
        let first = |o: &simulator::Outcome| o.workloads[0].fewest == 0;
        replicate(&market(inputs, correlation), runs(trials() * 2), &|o| {
            (f64::from(o.counts.spot_evictions), first(&o))
        })
    };
    let (together, alone) = (evicted(f(inputs, "rho")), evicted(0.0));
    let number: Vec<f64> = together.iter().map(|e| e.0).collect();
    let more = |e: &(f64, bool)| e.0 > f64::from(tolerable);
    vec![
        share("p_one_node_evicted_in_window", together.iter().map(|e| e.1)),
        share("p_more_than_k_correlated", together.iter().map(more)),
        share("p_more_than_k_independent", alone.iter().map(more)),
        mean("mean_evicted", &number),
        spread("sd_evicted", &number),
        share("p_none_evicted_correlated", number.iter().map(|e| *e == 0.0)),
        share("p_all_evicted_correlated", number.iter().map(|e| *e == f64::from(nodes))),
    ]
}

/// Spot nodes through one window of pressure; a pod without owner tells the fate of the first.
fn market(inputs: &Value, correlation: f64) -> Scenario {
    let window = secs(f(inputs, "window_h") * 3600.0);
    Example::new()
        .pool("spot", n(inputs, "spot_nodes"))
        .with_pool(|p| p.spot = Some(SpotPolicy::Delete))
        .workload("w", WorkloadKind::Bare, vec![NodeId(0)])
        .minimum(1)
        .settings(|s| s.spot = Spot { hourly: f(inputs, "hourly_eviction_p"), correlation, window, ..s.spot })
        .horizon(window)
        .build()
}
