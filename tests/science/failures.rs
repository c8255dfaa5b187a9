//! Families 04, 05, 07, 11 and 25: nodes that fail, how long their pods are missing, and drains among failures.

use serde_json::Value;
use simulator::change::{Operation, Planned};
use simulator::example::{Example, drain_settings};
use simulator::random::Dist;
use simulator::scenario::{Happening, Scripted};
use simulator::settings::Cause;
use simulator::spec::{Role, Service, WorkloadKind};
use simulator::{Duration, NodeId, PoolId, Runs, Scenario, Time, paired, replicate};

use super::{Found, Got, SEED, f, mean, n, ratio, runs, secs, share, spread, trials};

/// One pod on each of `count` nodes, up again the moment its node is back; no other cause is at work.
pub fn one_pod_each(count: u32, minimum: u32, mtbf_h: f64, repair: Dist) -> Example {
    Example::new()
        .pool("p", count)
        .workload("w", WorkloadKind::Deployment, (0..count).map(NodeId).collect())
        .minimum(minimum)
        .with(|w| {
            w.readiness = Dist::Constant(Duration::ZERO);
            w.unreachable = None;
        })
        .settings(|s| {
            s.failures.per_hour = 1.0 / mtbf_h;
            s.failures.down = repair;
            s.outage_threshold = Duration::ZERO;
            s.off.push(Cause::SchedulingTime);
        })
}

pub fn k_of_n(inputs: &Value) -> Found {
    let repair = Dist::Exponential { mean: secs(f(inputs, "mttr_h") * 3600.0) };
    let minimum = n(inputs, "min_up");
    let scenario = |hours: f64| {
        one_pod_each(n(inputs, "nodes"), minimum, f(inputs, "mtbf_h"), repair.clone())
            .settings(|s| s.failures.crews = Some(n(inputs, "repair_crews")))
            .horizon(secs(hours * 3600.0))
            .build()
    };
    let below = |hours: f64, trials| {
        let fact =
            |o: simulator::Outcome| (o.workloads[0].below.as_secs_f64() / 3600.0, o.workloads[0].at_end < minimum);
        replicate(&scenario(hours), runs(trials), &fact)
    };
    let facts = below(f(inputs, "horizon_h"), trials() * 5);
    let hours: Vec<f64> = facts.iter().map(|f| f.0).collect();
    vec![
        share("p_below_at_horizon", facts.iter().map(|f| f.1)),
        share("p_ever_below", hours.iter().map(|h| *h > 0.0)),
        mean("expected_hours_below", &hours),
        mean("steady_state_unavailability", &steady(&|hours| below(hours, trials()), f(inputs, "mttr_h"))),
    ]
}

/// The share of time spent below long after the start: what a long horizon adds to a shorter one of the same futures.
fn steady(below: &dyn Fn(f64) -> Vec<(f64, bool)>, mttr_h: f64) -> Vec<f64> {
    let (settled, end) = (30.0 * mttr_h, 1000.0 * mttr_h);
    let (early, all) = (below(settled), below(end));
    all.iter().zip(&early).map(|(all, early)| (all.0 - early.0) / (end - settled)).collect()
}

pub fn longer_than(inputs: &Value) -> Found {
    let replicas = n(inputs, "replicas");
    let repair = Dist::Exponential { mean: secs(f(inputs, "mttr_min") * 60.0) };
    let scenario = one_pod_each(replicas, n(inputs, "min_up"), f(inputs, "mtbf_h"), repair)
        .settings(|s| s.failures.crews = Some(n(inputs, "repair_crews")))
        .horizon(secs(f(inputs, "horizon_h") * 3600.0))
        .build();
    let longest = replicate(&scenario, runs(trials() * 5), &|o| o.workloads[0].longest.as_secs_f64() / 60.0);
    let thresholds = inputs["thresholds_min"].as_array().unwrap();
    thresholds
        .iter()
        .map(|t| share(&format!("p_outage_longer_than_{t}_min"), longest.iter().map(|l| *l > t.as_f64().unwrap())))
        .collect()
}

/// Nodes and zones that fail and stay away, a pod on each node that is not in maintenance.
pub fn zones(inputs: &Value, maintenance: bool) -> Scenario {
    let window = f(inputs, "window_h");
    let never = Dist::Constant(secs(window * 7200.0));
    let numbers = |key: &str| -> Vec<u32> {
        inputs[key].as_array().unwrap().iter().map(|z| z.as_u64().unwrap() as u32).collect()
    };
    let (per_zone, absent) = (numbers("nodes_per_zone"), numbers("nodes_in_maintenance_per_zone"));
    let mut example = Example::new();
    let (mut hosts, mut next) = (Vec::new(), 0);
    for (zone, (&nodes, &away)) in per_zone.iter().zip(&absent).enumerate() {
        let away = if maintenance { away } else { 0 };
        example = example.pool(&format!("z{zone}"), nodes);
        hosts.extend((next + away..next + nodes).map(NodeId));
        next += nodes;
    }
    let mut scenario = example
        .workload("w", WorkloadKind::Deployment, hosts)
        .minimum(n(inputs, "quorum"))
        .with(|w| w.unreachable = None)
        .settings(|s| {
            s.failures.per_hour = 1.0 / f(inputs, "node_mtbf_h");
            s.failures.down = never.clone();
            let zone_mtbf = f(inputs, "zone_mtbf_h");
            s.failures.zone_per_hour = if zone_mtbf > 0.0 { 1.0 / zone_mtbf } else { 0.0 };
            s.failures.zone_down = never.clone();
        })
        .horizon(secs(window * 3600.0))
        .build();
    // Pool z stands in zone z: the builder spreads pools over zones, this model does not.
    let mut zones = simulator::Column::default();
    per_zone.iter().enumerate().for_each(|(z, _)| {
        zones.push(format!("zone-{z}"));
    });
    scenario.cluster.zones = zones;
    for (i, shape) in scenario.cluster.node_shapes.rows_mut().iter_mut().enumerate() {
        shape.zone = simulator::ZoneId((i / 3) as u32);
    }
    scenario
}

pub fn quorum(inputs: &Value) -> Found {
    let lost =
        |maintenance| replicate(&zones(inputs, maintenance), runs(trials() * 5), &|o| !o.workloads[0].below.is_zero());
    let (alone, maintained) = (lost(false), lost(true));
    let indicator = |lost: &[bool]| lost.iter().map(|l| f64::from(u8::from(*l))).collect::<Vec<_>>();
    vec![
        ratio("risk_ratio", &indicator(&maintained), &indicator(&alone)),
        share("p_quorum_lost", alone.into_iter()),
        share("p_quorum_lost_with_maintenance", maintained.into_iter()),
    ]
}

pub fn detection(inputs: &Value) -> Found {
    let replicas = n(inputs, "replicas");
    let mut scenario = Example::new()
        .pool("p", replicas + 1)
        .workload("dns", WorkloadKind::Deployment, (0..replicas).map(NodeId).collect())
        .minimum(replicas)
        .with(|w| {
            w.role = Role::Dns;
            w.unreachable = Some(secs(f(inputs, "toleration_s")));
            w.readiness = Dist::Constant(secs(f(inputs, "replacement_ready_s")));
            // Capacity never limits: the loss is what goes to the dead replica.
            w.service = Some(Service::plain(f(inputs, "service_qps"), 1e9, 1e-9));
        })
        .settings(|s| {
            s.off.push(Cause::SchedulingTime);
            s.detection.grace = secs(f(inputs, "grace_s"));
            s.detection.heartbeat = secs(f(inputs, "heartbeat_s"));
            s.detection.monitor = secs(f(inputs, "monitor_period_s"));
            s.loss_tolerance = 2.0;
        })
        .horizon(Duration::mins(30))
        .build();
    let what = Happening::NodeFailure { node: NodeId(0), down: Duration::mins(60) };
    scenario.script.push(Scripted { at: Time::ZERO, what });
    let facts = replicate(&scenario, runs(trials() * 2), &|o| (o.workloads[0].lost, o.workloads[0].out.as_secs_f64()));
    let lost: Vec<f64> = facts.iter().map(|f| f.0).collect();
    let until_ready: Vec<f64> = facts.iter().map(|f| f.1).collect();
    // The dead replica's share is lost until the node is NotReady: that tells when it was noticed.
    let per_second = f(inputs, "service_qps") / f64::from(replicas);
    let detected: Vec<f64> = lost.iter().map(|l| l / per_second).collect();
    let extreme = |upper: bool| {
        let value = detected.iter().copied().reduce(if upper { f64::max } else { f64::min }).unwrap();
        Got::Extreme { value, upper }
    };
    vec![
        mean("detect_mean_s", &detected),
        spread("detect_sd_s", &detected),
        ("detect_min_s".to_owned(), extreme(false)),
        ("detect_max_s".to_owned(), extreme(true)),
        share("p_detected_within_x", detected.iter().map(|d| *d <= f(inputs, "x_s"))),
        mean("mean_until_replacement_ready_s", &until_ready),
        mean("mean_lost_queries", &lost),
    ]
}

pub fn rolling_drain(inputs: &Value) -> Found {
    let replicas = n(inputs, "replicas");
    let starts: Vec<f64> = inputs["drain_starts_s"].as_array().unwrap().iter().map(|s| s.as_f64().unwrap()).collect();
    let scenario = drained(inputs, replicas, &starts);
    let pairs = paired(&scenario, Runs { seed: SEED, first: 0, trials: trials() * 10, threads: 0 }, &|_| {});
    let seconds = |o: &simulator::Outcome| o.workloads[0].below.as_secs_f64();
    let proposal: Vec<f64> = pairs.iter().map(|p| seconds(&p.proposal)).collect();
    let baseline: Vec<f64> = pairs.iter().map(|p| seconds(&p.baseline)).collect();
    let added =
        |of: &dyn Fn(f64) -> f64| proposal.iter().zip(&baseline).map(|(p, b)| of(*p) - of(*b)).collect::<Vec<_>>();
    vec![
        share("p_outage", proposal.iter().map(|s| *s > 0.0)),
        mean("mean_outage_s", &proposal),
        share("p_outage_do_nothing", baseline.iter().map(|s| *s > 0.0)),
        mean("mean_outage_do_nothing_s", &baseline),
        mean("added_p_outage", &added(&|s| f64::from(u8::from(s > 0.0)))),
        mean("added_outage_s", &added(&|s| s)),
    ]
}

/// Pod i stands on node i and moves, at its drain, to a node that has just joined: requests of more than half a node force
/// one pod a node.
pub fn drained(inputs: &Value, replicas: u32, starts: &[f64]) -> Scenario {
    let repair = Dist::Exponential { mean: secs(f(inputs, "failure_recovery_mean_s")) };
    let gap = secs(f(inputs, "drain_gap_s"));
    let mut scenario = one_pod_each(replicas, n(inputs, "min_available"), f(inputs, "node_mtbf_h"), repair)
        .with_pool(|p| p.provision = Dist::Constant(Duration::ZERO))
        .with_shape(|s| s.requests.cpu = 2000)
        // A pod that moves is away for exactly the gap. One whose node comes back is up at once: it pulls nothing again.
        .with(|w| w.pull = Dist::Constant(gap))
        .horizon(secs(f(inputs, "horizon_s")))
        .build();
    for (i, start) in starts.iter().enumerate() {
        let at = Time::ZERO + secs(*start);
        let grow = Operation::Scale { pool: PoolId(0), count: replicas + i as u32 + 1, drain: drain_settings() };
        scenario.changes.push(Planned::new(at - Duration(1), grow));
        let operation = Operation::Drain { nodes: vec![NodeId(i as u32)], drain: drain_settings() };
        scenario.changes.push(Planned::new(at, operation));
    }
    scenario
}
