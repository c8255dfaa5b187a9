//! No pod is lost: what owners lack is made, and nobody waits for what will not come. Each case was a bug that the random runs
//! found (`random_runs`).

use super::{check, story};
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::spec::{Effect, Taint, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, NodeShapeId, PoolId, WorkloadId};

#[test]
fn what_owners_lack_at_the_start_is_made() {
    let example = Example::new()
        .pool("p", 2)
        .deployment("web", 1)
        .with(|w| w.replicas = 2)
        .workload("db", WorkloadKind::StatefulSet, vec![NodeId(0)])
        .with(|w| w.replicas = 2)
        .workload("batch", WorkloadKind::Job, vec![])
        .with(|w| w.replicas = 1)
        .workload("daemon", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .settings(|s| s.off = vec![crate::settings::Cause::TieBreak]);
    check(
        &example.horizon(Duration::secs(9)).build(),
        "0s web to p-1
         0s db to p-1
         0s batch to p-1
         0s daemon to p-1",
    );
}

#[test]
fn a_daemon_that_found_no_room_does_not_outlive_its_node() {
    // It waits for room on p-0 and goes with the node's disk; another one, and one only, waits for the new disk's room.
    let how = crate::change::UpgradeSettings::one_by_one(drain_settings());
    let example = Example::new()
        .pool("p", 1)
        .workload("big", WorkloadKind::Deployment, vec![NodeId(0)])
        .with_shape(|s| s.requests.cpu = 3500)
        .workload("daemon", WorkloadKind::DaemonSet, vec![])
        .with_shape(|s| s.requests.cpu = 1000)
        .change(Duration::ZERO, Operation::Upgrade { pool: PoolId(0), how });
    check(
        &example.horizon(Duration::mins(5)).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s big evicted from p-0
         0s daemon unschedulable
         0s big unschedulable
         5s p-0 drained
         5s p-0 reimaged
         205s p-0 ready
         205s end
         205s big to p-0
         205s daemon unschedulable
         215s big ready",
    );
}

/// A daemon for nodes with the pool's label, and a change of label or taint of the pool.
fn relabelled(edit: impl Fn(&mut crate::spec::NodeShape)) -> String {
    let example = Example::new()
        .pool("p", 1)
        .workload("old", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .with_shape(|s| _ = s.node_selector.insert("agentpool".into(), "p".into()))
        .workload("new", WorkloadKind::DaemonSet, vec![])
        .with_shape(|s| _ = s.node_selector.insert("agentpool".into(), "q".into()))
        .edit(|cluster| {
            let mut other = cluster.node_shapes[NodeShapeId(0)].clone();
            edit(&mut other);
            cluster.node_shapes.push(other);
        });
    let shapes = vec![(NodeShapeId(0), NodeShapeId(3))];
    let reshape = Operation::Reshape { pool: PoolId(0), shapes, takes: Duration::secs(7) };
    let scenario = example.change(Duration::ZERO, reshape).horizon(Duration::mins(1)).build();
    let told = story(&scenario);
    told.lines().filter(|l| l.contains("old") || l.contains("new")).collect::<Vec<_>>().join(", ")
}

#[test]
fn daemons_come_and_go_with_the_labels_of_their_node() {
    let outcome = |edit: &dyn Fn(&mut crate::spec::NodeShape)| relabelled(edit);
    assert_eq!(outcome(&|s| _ = s.labels.insert("agentpool".into(), "q".into())), "7s new to p-0, 17s new ready");
    let tainted = |effect| outcome(&|s| s.taints.push(Taint { key: "k".into(), value: String::new(), effect }));
    assert_eq!(tainted(Effect::NoSchedule), "");
    assert_eq!(tainted(Effect::NoExecute), "7s old evicted from p-0");
}

#[test]
fn a_job_that_is_scaled_while_it_backs_off_has_the_pods_it_wants() {
    let job = |replicas| {
        let lost = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
        let scaled = Operation::SetReplicas { workload: WorkloadId(0), replicas };
        let example = Example::new()
            .pool("p", 2)
            .workload("batch", WorkloadKind::Job, vec![NodeId(0), NodeId(1)])
            .change(Duration::ZERO, lost)
            .change(Duration::secs(5), scaled);
        let told = story(&example.horizon(Duration::mins(1)).build());
        told.lines().filter(|l| l.contains("batch to")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(job(2), "10s batch to p-1");
    assert_eq!(job(1), "");
    assert_eq!(job(3), "5s batch to p-1, 10s batch to p-1");
}

#[test]
fn a_taint_that_evicts_passes_over_pods_that_their_job_has_taken_meanwhile() {
    // The Job gives up at the first loss, and its second pod is on its way out when its turn comes.
    let taint = Taint { key: "k".into(), value: String::new(), effect: Effect::NoExecute };
    let shapes = vec![(NodeShapeId(0), NodeShapeId(3))];
    let example = Example::new()
        .pool("p", 1)
        .workload("batch", WorkloadKind::Job, vec![NodeId(0), NodeId(0)])
        .with(|w| w.control.job.retries = 0)
        .edit(|cluster| {
            let mut other = cluster.node_shapes[NodeShapeId(0)].clone();
            other.taints.push(taint);
            cluster.node_shapes.push(other);
        })
        .change(Duration::ZERO, Operation::Reshape { pool: PoolId(0), shapes, takes: Duration::secs(7) });
    check(
        &example.horizon(Duration::mins(1)).build(),
        "0s start
         7s p-0 relabelled
         7s batch evicted from p-0
         7s batch 2->0
         7s end",
    );
}

#[test]
fn pods_without_owner_are_not_scaled() {
    let scaled = Operation::SetReplicas { workload: WorkloadId(0), replicas: 3 };
    let example = Example::new()
        .pool("p", 1)
        .workload("bare", WorkloadKind::Bare, vec![NodeId(0)])
        .change(Duration::ZERO, scaled)
        .horizon(Duration::mins(1));
    check(&example.build(), "0s start\n0s end");
}
