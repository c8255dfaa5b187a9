//! Family 22: the timeline of the cluster autoscaler, read off the log of a trial.

use serde_json::Value;
use simulator::change::Operation;
use simulator::example::Example;
use simulator::outcome::Incident;
use simulator::random::Dist;
use simulator::settings::Cause;
use simulator::spec::{Autoscaled, PoolSpec, WorkloadKind};
use simulator::{Duration, NodeId, Scenario, Trace, WorkloadId, trace};

use super::{Found, SEED, exact, f, n, secs};

/// Trials among which one has the failures asked for: the case fixes what is chance in the simulator.
const TRIALS: u32 = 100_000;

pub fn timeline(inputs: &Value) -> Found {
    let scenario = scenario(inputs);
    let failures = n(inputs, "provision_failures") as usize;
    let failed =
        |trace: &Trace| trace.log.iter().filter(|e| matches!(e.what, Incident::AutoscalerFailed { .. })).count();
    let trace = (0..TRIALS).map(|trial| trace(&scenario, SEED, trial)).find(|t| failed(t) == failures).unwrap();
    let at = |what: &dyn Fn(Incident) -> bool| {
        trace.log.iter().find(|entry| what(entry.what)).map_or(f64::NAN, |entry| entry.at.as_secs_f64())
    };
    let ready = at(&|i| matches!(i, Incident::PodReady { workload: WorkloadId(1), .. }));
    vec![
        exact("scale_up_decision_s", at(&|i| matches!(i, Incident::AutoscalerAdds { .. }))),
        exact("node_ready_s", at(&|i| matches!(i, Incident::NodeReady { .. }))),
        exact("pod_ready_s", ready),
        exact("pod_pending_duration_s", ready - f(inputs, "pod_pending_at_s")),
        exact("scale_down_decision_s", at(&|i| matches!(i, Incident::AutoscalerRemoves { node: NodeId(0) }))),
    ]
}

/// The node of pool `other` holds a pod that leaves when the node is to be unneeded; pool `grows` has none until a pod wants
/// one. The time of the scheduler is part of the pull.
fn scenario(inputs: &Value) -> Scenario {
    let range = |pool: &mut PoolSpec| pool.autoscaler = Some(Autoscaled { min: 0, max: 1, priority: 0 });
    let pending = secs(f(inputs, "pod_pending_at_s"));
    let unneeded = secs(f(inputs, "node_unneeded_from_s"));
    let failures = f(inputs, "provision_failures");
    let longest = pending.max(unneeded)
        + secs(f(inputs, "max_node_provision_s") * (failures + 1.0))
        + secs(f(inputs, "unneeded_time_s") + f(inputs, "delay_after_add_s"));
    Example::new()
        .pool("other", 1)
        .with_pool(range)
        .workload("filler", WorkloadKind::Deployment, vec![NodeId(0)])
        .with_shape(|s| s.requests.cpu = 3000)
        .with(|w| w.exit = Dist::Constant(Duration::ZERO))
        .pool("grows", 0)
        .with_pool(|p| {
            range(p);
            p.provision = Dist::Constant(secs(f(inputs, "provision_s")));
        })
        .workload("waits", WorkloadKind::Deployment, Vec::new())
        .with_shape(|s| {
            s.requests.cpu = 3000;
            s.node_selector.insert("agentpool".into(), "grows".into());
        })
        .with(|w| {
            w.pull = Dist::Constant(secs(f(inputs, "schedule_s") + f(inputs, "image_pull_s")));
            w.start = Dist::Constant(secs(f(inputs, "start_s")));
            w.readiness = Dist::Constant(Duration::ZERO);
        })
        .settings(|s| {
            s.off.push(Cause::SchedulingTime);
            s.provisioning.bootstrap_failure = if failures > 0.0 { 0.5 } else { 0.0 };
            let profile = &mut s.autoscaler;
            profile.scan_interval = secs(f(inputs, "scan_interval_s"));
            profile.phase = Some(secs(f(inputs, "scan_phase_s")));
            profile.new_pod_delay = secs(f(inputs, "new_pod_scale_up_delay_s"));
            profile.max_node_provision = secs(f(inputs, "max_node_provision_s"));
            profile.unneeded = secs(f(inputs, "unneeded_time_s"));
            profile.delay_after_add = secs(f(inputs, "delay_after_add_s"));
            // The model retries at the next scan.
            profile.backoff = Duration::ZERO;
        })
        .change(unneeded, Operation::SetReplicas { workload: WorkloadId(0), replicas: 0 })
        .change(pending, Operation::SetReplicas { workload: WorkloadId(1), replicas: 1 })
        .horizon(longest + Duration::mins(60))
        .build()
}
