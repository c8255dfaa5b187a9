//! How effects spread from pool to pool: system pods crowded out, spilling over and coming back, preempting, left behind by
//! a change of mode, and deadlocks between those that need each other.

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::scenario::Happening;
use crate::spec::{
    Autoscaled, Effect, NodeTerm, Operator, PodShape, Requirement, Role, Scaling, Taint, Toleration, WorkloadKind,
};
use crate::time::Duration;
use crate::{NodeId, NodeShapeId, PoolId, Scenario, WorkloadId, simulate};

/// Priority of system-cluster-critical.
const CRITICAL: i32 = 2_000_000_000;

/// Prefers nodes of the system pool, as AKS' own pods do (AKS docs use-system-pools: "prefer", not "require").
fn prefers_system(shape: &mut PodShape) {
    let value = Requirement { key: "agentpool".into(), operator: Operator::In, values: vec!["sys".into()] };
    shape.preferred = vec![(100, NodeTerm { expressions: vec![value], fields: Vec::new() })];
    shape.tolerations =
        vec![Toleration { key: Some("CriticalAddonsOnly".into()), value: None, effect: None, seconds: None }];
}

fn drain(node: u32) -> Operation {
    Operation::Drain { nodes: vec![NodeId(node)], drain: drain_settings() }
}

/// A system pool and a user pool of one node each, with a DNS pod in the system pool.
fn two_pools() -> Example {
    Example::new()
        .pool("sys", 1)
        .with_pool(|p| p.system = true)
        .pool("user", 1)
        .workload("dns", WorkloadKind::Deployment, vec![NodeId(0)])
        .minimum(1)
        .with_shape(prefers_system)
}

/// Where pods of a workload were placed, in order, with the second.
fn places(example: Example, workload: &str) -> Vec<String> {
    let told = story(&example.build());
    let to = format!(" {workload} to ");
    told.lines().filter(|l| l.contains(&to)).map(|l| l.replace(&to, " ")).collect()
}

#[test]
fn system_pods_spill_over_to_the_user_pool_and_return_only_when_evicted() {
    let example = two_pools()
        .change(Duration::ZERO, drain(0))
        .change(Duration::secs(100), Operation::Uncordon { nodes: vec![NodeId(0)] })
        .change(Duration::secs(1000), drain(1));
    assert_eq!(places(example, "dns"), ["0s user-0", "1000s sys-0"]);
}

/// Applications of `cpu` each wait to be placed on what is free, after a system node was lost and made again.
fn crowded(tainted: bool) -> Scenario {
    let mut scenario = Example::new()
        .pool("sys", 1)
        .with_pool(|p| p.system = true)
        .workload("dns", WorkloadKind::Deployment, vec![NodeId(0)])
        .minimum(1)
        .with_shape(|s| {
            prefers_system(s);
            s.requests.cpu = 1000;
        })
        .pool("user", 1)
        .workload("app", WorkloadKind::Deployment, vec![NodeId(1)])
        .with_shape(|s| s.requests.cpu = 3000)
        .change(Duration::ZERO, Operation::SetReplicas { workload: WorkloadId(1), replicas: 2 })
        .horizon(Duration::mins(10))
        .build();
    if tainted {
        for shape in &mut scenario.cluster.node_shapes.rows_mut()[..3] {
            let key = "CriticalAddonsOnly".to_owned();
            shape.taints = vec![Taint { key, value: "true".into(), effect: Effect::NoSchedule }];
        }
    }
    let evict = crate::change::Planned::new(crate::Time(60_000_000), drain(0));
    scenario.changes.push(evict);
    let back = Operation::Uncordon { nodes: vec![NodeId(0)] };
    scenario.changes.push(crate::change::Planned::new(crate::Time(70_000_000), back));
    scenario
}

#[test]
fn an_untainted_system_pool_fills_with_applications_and_a_tainted_one_does_not() {
    // The second application of 3 cores finds no room in the user pool beside the first, nor on the system node of 3.86
    // cores beside the 1 core of DNS. DNS is evicted at 60 s; at 70 s the node is schedulable again, and without a taint
    // the application, which has waited longer, is there first.
    let told = |tainted| story(&crowded(tainted));
    assert!(told(false).contains("70s app to sys-0") && !told(false).contains("dns to"), "{}", told(false));
    assert!(told(true).contains("70s dns to sys-0") && !told(true).contains("app to sys-0"), "{}", told(true));
}

#[test]
fn a_critical_pod_takes_the_room_back_from_applications() {
    // Applications fill both nodes; DNS is deleted with its node's pool and preempts on the other.
    let example = |priority| {
        Example::new()
            .pool("sys", 1)
            .with_pool(|p| p.system = true)
            .workload("dns", WorkloadKind::Deployment, vec![NodeId(0)])
            .minimum(1)
            .with_shape(|s| {
                s.priority = priority;
                s.requests.cpu = 1000;
            })
            .pool("user", 1)
            .workload("app", WorkloadKind::Deployment, vec![NodeId(1); 3])
            .with_shape(|s| s.requests.cpu = 1200)
            .change(Duration::ZERO, Operation::DeletePool { pool: PoolId(0), drain: drain_settings() })
            .horizon(Duration::mins(5))
    };
    check(
        &example(CRITICAL).build(),
        "0s start
         0s sys-0 cordoned
         0s sys-0 drains
         0s dns evicted from sys-0
         0s dns out
         0s dns unschedulable
         0s app preempted
         0s app unschedulable
         5s sys-0 drained
         5s dns to user-0
         15s dns ready
         15s dns back
         35s sys-0 deleted
         35s end",
    );
    // Without priority it stays Pending for good.
    let outcome = simulate(&example(0).build(), 1, 0);
    assert_eq!((outcome.counts.preemptions, outcome.workloads[0].longest), (0, Duration::mins(5)));
}

#[test]
fn add_ons_stay_on_a_pool_whose_mode_changed_until_they_are_evicted() {
    // AKS docs use-system-pools: changing modes does not move running pods; evicted, they prefer the other system pool.
    let mut scenario = two_pools().build();
    let mut shapes = Vec::new();
    for old in 0..6 {
        let mut shape = scenario.cluster.node_shapes[NodeShapeId(old)].clone();
        let label = if old < 3 { "user" } else { "sys" };
        shape.labels.insert("agentpool".into(), label.into());
        shapes.push((NodeShapeId(old), scenario.cluster.node_shapes.push(shape)));
    }
    for (pool, at) in [(0, 0), (1, 0), (0, 600)] {
        let operation = match at {
            0 => Operation::Reshape { pool: PoolId(pool), shapes: shapes.clone(), takes: Duration::secs(7) },
            _ => drain(0),
        };
        scenario.changes.push(crate::change::Planned::new(crate::Time(at * 1_000_000), operation));
    }
    let told = story(&scenario);
    let dns: Vec<&str> = told.lines().filter(|l| l.contains("dns to") || l.contains("dns evicted")).collect();
    assert_eq!(dns, ["600s dns evicted from sys-0", "600s dns to user-0"]);
}

#[test]
fn an_autoscaler_in_the_cluster_that_finds_no_room_makes_none() {
    // Its only node is lost for an hour. Beside the control plane, as on AKS, it adds a node for what is Pending; as a pod
    // of the cluster it is Pending itself.
    let example = |inside: bool| {
        let lost = Happening::NodeFailure { node: NodeId(0), down: Duration::mins(60) };
        Example::new()
            .pool("sys", 1)
            .zones(1)
            .with_pool(|p| p.autoscaler = Some(Autoscaled { min: 1, max: 3, priority: 0 }))
            .workload("scaler", WorkloadKind::Deployment, vec![NodeId(0)])
            .with_shape(|s| s.requests.cpu = 3000)
            .with(|w| w.unreachable = Some(Duration::ZERO))
            .minimum(1)
            .pool("user", 1)
            .workload("app", WorkloadKind::Deployment, vec![NodeId(1)])
            .with_shape(|s| s.requests.cpu = 3000)
            .settings(|s| s.autoscaler.runs_as = inside.then_some(WorkloadId(0)))
            .happens(Duration::ZERO, lost)
            .horizon(Duration::mins(50))
    };
    let outcome = |inside| simulate(&example(inside).build(), 1, 0);
    assert_eq!((outcome(true).counts.nodes_added, outcome(true).workloads[0].at_end), (0, 0));
    assert_eq!((outcome(false).counts.nodes_added, outcome(false).workloads[0].at_end), (1, 1));
}

#[test]
fn without_metrics_nothing_is_scaled_horizontally() {
    let example = |metrics: bool| {
        let burst = Happening::Load { target: None, factor: 3.0 };
        let example = Example::new().pool("p", 3).deployment("web", 2).with(|w| {
            w.follows_load = true;
            w.scaling = Some(Scaling::Utilisation { min: 2, max: 6, target_percent: 70.0 });
        });
        let example = example.workload("metrics", WorkloadKind::Deployment, vec![NodeId(0)]).with(|w| {
            w.role = Role::Metrics;
        });
        let off = Operation::SetReplicas { workload: WorkloadId(1), replicas: u32::from(metrics) };
        let on = Operation::SetReplicas { workload: WorkloadId(1), replicas: 1 };
        example
            .change(Duration::ZERO, off)
            .change(Duration::secs(600), on)
            .happens(Duration::secs(60), burst)
            .horizon(Duration::mins(20))
    };
    let scaled = |metrics| {
        let told = story(&example(metrics).build());
        told.lines().find(|l| l.contains("web 2->")).unwrap().split('s').next().unwrap().parse::<u64>().unwrap()
    };
    // At the next look after the load, or after metrics are back.
    assert!((60..=75).contains(&scaled(true)), "{}", scaled(true));
    assert!((610..=625).contains(&scaled(false)), "{}", scaled(false));
}
