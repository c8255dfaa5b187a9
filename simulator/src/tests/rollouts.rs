//! Rollouts that begin during a run, strategy Recreate, and upgrades that began before it.

use super::{check, story};
use crate::change::{Begun, Operation, UpgradeSettings};
use crate::example::{Example, drain_settings};
use crate::scenario::Happening;
use crate::spec::{NodeSpec, Quantity, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, PoolId, WorkloadId};

const WEB: WorkloadId = WorkloadId(0);

fn rollout() -> Operation {
    Operation::Rollout { workloads: vec![WEB] }
}

/// Lines without those of the operation itself.
fn told(example: Example) -> Vec<String> {
    let story = story(&example.build());
    story.lines().filter(|l| !l.ends_with(" start") && !l.ends_with(" end")).map(str::to_owned).collect()
}

/// kubernetes v1.34 deployment/rolling.go: with one surge pod and none missing, one after the other.
#[test]
fn a_rolling_update_begins_during_the_run() {
    let example = |begin: fn(Example) -> Example| {
        let web = Example::new().pool("p", 2).deployment("web", 2);
        begin(web.with(|w| (w.control.surge, w.control.unavailable) = (Quantity::Count(1), Quantity::Count(0))))
    };
    let lines = told(example(|e| e.change(Duration::secs(60), rollout())));
    assert_eq!(
        lines.iter().map(|l| l.split(" to ").next().unwrap()).collect::<Vec<_>>(),
        ["60s web", "70s web ready", "70s web", "80s web ready"]
    );
    assert_eq!(lines, told(example(|e| e.happens(Duration::secs(60), Happening::Rollout { workload: WEB }))));
}

/// kubernetes v1.34 deployment/recreate.go: nothing new before the last old pod is gone.
#[test]
fn recreate_ends_all_pods_before_it_makes_new_ones() {
    let web = Example::new().pool("p", 2).deployment("web", 2).minimum(1).with(|w| w.control.recreate = true);
    check(
        &web.change(Duration::secs(60), rollout()).build(),
        "60s start
         60s end
         60s web out
         65s web to p-0
         65s web to p-1
         75s web ready
         75s web back
         75s web ready",
    );
}

#[test]
fn daemons_and_stateful_pods_follow_their_template() {
    let hosts = || vec![NodeId(0), NodeId(1)];
    let starts = |kind: WorkloadKind| {
        let lines =
            told(Example::new().pool("p", 2).workload("web", kind, hosts()).change(Duration::secs(60), rollout()));
        lines.iter().filter(|l| l.contains(" to p-")).cloned().collect::<Vec<_>>()
    };
    // One node after the other; from the highest place down.
    assert_eq!(starts(WorkloadKind::StatefulSet), ["65s web to p-1", "80s web to p-0"]);
    assert!(starts(WorkloadKind::Job).is_empty() && starts(WorkloadKind::Bare).is_empty());
    assert_eq!(starts(WorkloadKind::DaemonSet).len(), 2);
}

/// The control plane comes first; nodes and pods do not notice.
#[test]
fn work_on_the_control_plane_takes_time_only() {
    let takes = Duration::secs(300);
    check(
        &Example::new().pool("p", 1).change(Duration::secs(10), Operation::ControlPlane { takes }).build(),
        "10s start
         310s end",
    );
}

/// An upgrade whose first node was done and whose surge node was there goes on with the node that stood cordoned.
#[test]
fn an_upgrade_that_began_before_goes_on_where_it_stood() {
    let mut scenario = Example::new().pool("p", 3).upgrade(PoolId(0), Quantity::Count(1)).build();
    let row = NodeSpec { name: "p-surge".into(), ordinal: 9, ..scenario.cluster.nodes[NodeId(0)].clone() };
    let surge = scenario.cluster.nodes.push(row);
    scenario.cluster.nodes[NodeId(2)].cordoned = true;
    let Operation::Upgrade { how, .. } = &mut scenario.changes[0].operation else { panic!("an upgrade") };
    how.begun = Some(Begun { done: vec![NodeId(0)], surge: vec![surge] });
    check(
        &scenario,
        "0s start
         0s p-2 drains
         0s p-2 drained
         0s p-2 reimaged
         200s p-2 ready
         200s p-1 cordoned
         200s p-1 drains
         200s p-1 drained
         200s p-1 reimaged
         400s p-1 ready
         400s p-surge cordoned
         400s p-surge drains
         400s p-surge drained
         430s p-surge deleted
         430s end",
    );
    // Nothing left but the surge node.
    let Operation::Upgrade { how, .. } = &mut scenario.changes[0].operation else { panic!("an upgrade") };
    how.begun = Some(Begun { done: (0..3).map(NodeId).collect(), surge: vec![surge] });
    scenario.cluster.nodes[NodeId(2)].cordoned = false;
    assert_eq!(
        told_of(&scenario),
        ["0s p-surge cordoned", "0s p-surge drains", "0s p-surge drained", "30s p-surge deleted"]
    );
    // A surge node short: the second of two is asked for.
    let how = UpgradeSettings {
        max_surge: Quantity::Count(2),
        begun: Some(Begun { done: vec![], surge: vec![surge] }),
        ..UpgradeSettings::one_by_one(drain_settings())
    };
    scenario.changes[0].operation = Operation::Upgrade { pool: PoolId(0), how };
    assert_eq!(told_of(&scenario)[0], "0s p-new-3 requested");
}

fn told_of(scenario: &crate::Scenario) -> Vec<String> {
    story(scenario).lines().filter(|l| l.contains("p-")).map(str::to_owned).collect()
}
