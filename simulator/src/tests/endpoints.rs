//! Traffic that still goes to pods that are gone, and images that are pulled one after the other.

use super::story;
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::scenario::Happening;
use crate::settings::Cause;
use crate::spec::{Role, Service, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, Scenario, simulate};

/// Two DNS pods that are asked 100 queries a second, and what becomes of them; traffic follows 2 s late.
fn lost(exit: u64, what: impl Fn(Example) -> Example, off: &[Cause]) -> f64 {
    let example = Example::new()
        .pool("p", 2)
        .workload("dns", WorkloadKind::Deployment, vec![NodeId(0), NodeId(1)])
        .minimum(1)
        .with(|w| {
            w.role = Role::Dns;
            w.exit = Dist::Constant(Duration::secs(exit));
            w.service = Some(Service::plain(100.0, 1000.0, 1e-5));
        })
        .settings(|s| {
            s.endpoint_delay = Dist::Constant(Duration::secs(2));
            s.detection.heartbeat = Duration::ZERO;
            s.detection.monitor = Duration::ZERO;
            s.off = off.to_vec();
        });
    let scenario: Scenario = what(example).horizon(Duration::mins(2)).build();
    simulate(&scenario, 1, 0).workloads[0].lost.round()
}

#[test]
fn traffic_follows_the_end_of_readiness_late() {
    let drained = |example: Example| {
        example.change(Duration::secs(10), Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
    };
    let deleted =
        |example: Example| example.change(Duration::secs(10), Operation::DeleteNodes { nodes: vec![NodeId(0)] });
    let failed = |example: Example| {
        let down = Duration::mins(30);
        example.happens(Duration::secs(10), Happening::NodeFailure { node: NodeId(0), down })
    };
    for (name, expected, found) in [
        ("a pod that stops for 5 s answers until traffic has moved", 0.0, lost(5, drained, &[])),
        ("one that exits at once loses its half for 2 s", 100.0, lost(0, drained, &[])),
        ("one that is gone at once with its node", 100.0, lost(5, deleted, &[])),
        ("a dead node's until it is noticed after 50 s, and 2 s more", 2600.0, lost(5, failed, &[])),
        ("the same without the delay", 2500.0, lost(5, failed, &[Cause::EndpointDelay])),
    ] {
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn a_kubelet_may_pull_one_image_after_the_other() {
    let ready = |serial| {
        let mut example = Example::new().pool("p", 2).settings(|s| {
            s.serial_pulls = serial;
            s.scheduler.cycle = Duration::ZERO;
        });
        for name in ["a", "b", "c"] {
            example = example
                .workload(name, WorkloadKind::Deployment, vec![NodeId(0)])
                .with(|w| w.pull = Dist::Constant(Duration::secs(20)));
        }
        let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
        let told = story(&example.change(Duration::ZERO, drain).horizon(Duration::mins(2)).build());
        told.lines().filter(|l| l.ends_with(" ready")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(ready(false), "30s a ready, 30s b ready, 30s c ready");
    assert_eq!(ready(true), "30s a ready, 50s b ready, 70s c ready");
}

#[test]
fn a_horizontal_autoscaler_learns_of_a_load_no_sooner_than_its_pods_can_show_it() {
    // Three times the load on two pods: pods without limit show it at once; with a limit at 1.5 times their use the next step
    // waits until the new pod is ready, after 60 s.
    let grown = |limit: Option<i64>| {
        let example = Example::new()
            .pool("p", 2)
            .workload("web", WorkloadKind::Deployment, vec![NodeId(0), NodeId(1)])
            .with(|w| {
                w.scaling = Some(crate::spec::Scaling::Utilisation { min: 1, max: 10, target_percent: 50.0 });
                (w.follows_load, w.cpu_use, w.cpu_limit) = (true, 100, limit);
                w.readiness = Dist::Constant(Duration::secs(60));
            })
            .happens(Duration::ZERO, Happening::Load { target: None, factor: 3.0 })
            .settings(|s| s.off = vec![Cause::ClockPhases]);
        let told = story(&example.horizon(Duration::mins(10)).build());
        told.lines().filter(|l| l.contains("->")).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(grown(None), "7s web 2->6");
    assert_eq!(grown(Some(150)), "7s web 2->3, 67s web 3->5, 127s web 5->6");
}
