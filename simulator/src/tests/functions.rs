//! What system pods carry besides traffic: webhooks, the tunnel, metrics, the way in, new nodes.

use super::check;
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::scenario::Happening;
use crate::settings::Cause;
use crate::spec::{BudgetRule, Effect, Exposure, Quantity, Role, Scaling, Toleration, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, Outcome, PoolId, Scenario, WorkloadId, simulate};

const HOOK: WorkloadId = WorkloadId(0);
const WEB: WorkloadId = WorkloadId(1);

/// Who answers for a webhook and `web`, about whose pods it is asked: both on node p-0, which is drained at once.
fn hooked(edit: impl FnOnce(Example) -> Example) -> Scenario {
    let drained = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    let on_first = |example: Example, name| example.workload(name, WorkloadKind::Deployment, vec![NodeId(0)]);
    let example = on_first(on_first(Example::new().pool("p", 2), "hook"), "web").webhook("policy", &[HOOK], &[WEB]);
    edit(example).change(Duration::ZERO, drained).horizon(Duration::mins(30)).build()
}

fn secs(duration: Duration) -> u64 {
    duration.0 / 1_000_000
}

/// `web` is tried after 5 ms, 15 ms and so on, and because its old pod has gone at 5 s: that is the eleventh failure.
#[test]
fn pods_are_not_replaced_until_the_webhook_answers_again() {
    let scenario = hooked(|example| example);
    check(
        &scenario,
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s hook evicted from p-0
         0s web evicted from p-0
         0s web not made, for policy
         0s hook to p-1
         5s p-0 drained
         5s end
         10s hook ready
         10s 1 of web made
         10s web to p-1
         20s web ready",
    );
    let missed = simulate(&scenario, 1, 0).functions;
    assert_eq!((secs(missed.webhooks), missed.creation, missed.held), (10, Duration(10_120_000), 1));
    // The later the hook is back, the longer nobody tries.
    let slow = hooked(|example| example.workload_named("hook", |w| w.readiness = Dist::Constant(Duration::secs(95))));
    assert_eq!(simulate(&slow, 1, 0).functions.creation, Duration(5_000_000 + 5_120_000 * (1 + 2 + 4 + 8 + 16)));
}

#[test]
fn a_webhook_that_is_asked_about_its_own_pods_never_comes_back() {
    let scenario = hooked(|example| example.with_webhook(|w| w.creations.push(HOOK)));
    check(
        &scenario,
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s hook evicted from p-0
         0s hook not made, for policy
         0s web evicted from p-0
         0s web not made, for policy
         5s p-0 drained
         5s end",
    );
    let missed = simulate(&scenario, 1, 0).functions;
    assert_eq!((secs(missed.creation), missed.held, secs(missed.longest_hold)), (1800, 2, 1800));
}

#[test]
fn what_passes_without_an_answer_and_what_does_not() {
    type Edit = fn(Example) -> Example;
    let cases: [(&str, Edit, (u64, u32)); 5] = [
        ("fails closed", |e| e, (10, 0)),
        ("fails open", |e| e.with_webhook(|w| w.fails_closed = false), (0, 1)),
        ("asked of somebody outside", |e| e.with_webhook(|w| w.backend = crate::spec::Backend::Outside), (0, 0)),
        ("switched off", |e| e.settings(|s| s.off.push(Cause::Webhooks)), (0, 0)),
        ("nobody behind it", |e| e.with_webhook(|w| w.backend = crate::spec::Backend::Inside(Vec::new())), (1800, 0)),
    ];
    for (name, edit, expected) in cases {
        let missed = simulate(&hooked(edit), 1, 0).functions;
        assert_eq!((secs(missed.creation), missed.unchecked), expected, "{name}");
    }
}

/// The node of the webhook's pod dies: until that is noticed requests wait for their time-out.
#[test]
fn who_does_not_answer_is_waited_for() {
    let dead = |closed| {
        Example::new()
            .pool("p", 3)
            .workload("hook", WorkloadKind::Deployment, vec![NodeId(0)])
            .workload("web", WorkloadKind::Deployment, vec![NodeId(1)])
            .webhook("policy", &[HOOK], &[WEB])
            .with_webhook(|w| w.fails_closed = closed)
            .happens(Duration::ZERO, Happening::NodeFailure { node: NodeId(0), down: Duration::mins(4) })
            .change(Duration::secs(1), Operation::Drain { nodes: vec![NodeId(1)], drain: drain_settings() })
            .build()
    };
    let open = simulate(&dead(false), 1, 0).functions;
    assert_eq!((open.unchecked, secs(open.creation)), (1, 0));
    check(
        &dead(false),
        "0s p-0 dies
         1s start
         1s p-1 cordoned
         1s p-1 drains
         1s web evicted from p-1
         6s p-1 drained
         6s end
         11s web to p-2
         21s web ready
         52s p-0 NotReady
         240s p-0 ready
         250s hook ready",
    );
    // Attempts last 10 s each until nobody is known there, and fail at once from then on.
    let closed = simulate(&dead(true), 1, 0).functions;
    assert!((249..=500).contains(&secs(closed.creation)), "{closed:?}");
}

#[test]
fn evictions_wait_for_the_webhook_too() {
    let scenario = hooked(|example| {
        example.with_webhook(|w| {
            w.creations.clear();
            w.evictions = vec![WEB];
            w.denies_evictions = true;
        })
    });
    let outcome = simulate(&scenario, 1, 0);
    // While the hook answers it says no, and while it does not, it fails closed: every 5 s.
    assert_eq!(outcome.functions.refusals, 360);
    assert!(outcome.operations[0].failure.is_some());
    // It would say yes: while it is away evictions fail, at 10 s it is back.
    let closed = hooked(|example| example.with_webhook(|w| (w.creations, w.evictions) = (Vec::new(), vec![WEB])));
    check(
        &closed,
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s hook evicted from p-0
         0s web denied by policy
         0s hook to p-1
         10s hook ready
         10s web evicted from p-0
         10s web to p-1
         15s p-0 drained
         15s end
         20s web ready",
    );
    let forced = crate::change::DrainSettings { respect_budgets: false, ..drain_settings() };
    let by_force = hooked(|example| {
        let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: forced };
        example.with_webhook(|w| w.evictions = vec![WEB]).change(Duration::ZERO, drain)
    });
    assert_eq!(simulate(&by_force, 1, 0).functions.refusals, 0, "pods are deleted, nobody is asked");
}

/// Agents of the tunnel on the first nodes, drained one after the other; they are ready after 6 s and connect after 20 s.
fn tunnelled(agents: u32) -> Example {
    let drain = |n| Operation::Drain { nodes: vec![NodeId(n)], drain: drain_settings() };
    Example::new()
        .pool("p", 4)
        .workload("agent", WorkloadKind::Deployment, (0..agents).map(NodeId).collect())
        .with(|w| (w.role, w.readiness) = (Role::Tunnel, Dist::Constant(Duration::secs(6))))
        .budget(BudgetRule::MinAvailable(Quantity::Count(agents.saturating_sub(1))))
        .settings(|s| s.tunnel_connect = Dist::Constant(Duration::secs(20)))
        .change(Duration::ZERO, drain(0))
        .change(Duration::secs(if agents > 1 { 2 } else { 1000 }), drain(1))
        .horizon(Duration::mins(30))
}

#[test]
fn the_tunnel_is_cut_until_an_agent_has_connected() {
    let lost = |example: Example| secs(simulate(&example.build(), 1, 0).functions.tunnel);
    assert_eq!(lost(tunnelled(1)), 26, "6 s until ready, 20 s to connect");
    // The second goes at 7 s, when the first one's successor is ready; that one connects at 26 s.
    assert_eq!(lost(tunnelled(2)), 19, "less than the time to connect");
    assert_eq!(lost(tunnelled(3)), 0);
    assert_eq!(lost(tunnelled(1).settings(|s| s.off.push(Cause::TunnelOutage))), 0);
    check(
        &tunnelled(1).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s agent evicted from p-0
         0s tunnel lost
         0s agent to p-2
         5s p-0 drained
         5s end
         6s agent ready
         26s tunnel back
         1000s start
         1000s p-1 cordoned
         1000s p-1 drains
         1000s p-1 drained
         1000s end",
    );
}

#[test]
fn without_a_tunnel_webhooks_and_metrics_are_out_of_reach() {
    let hpa = |example: Example| {
        example
            .workload("web", WorkloadKind::Deployment, vec![NodeId(2); 2])
            .with(|w| {
                w.follows_load = true;
                w.scaling = Some(Scaling::Utilisation { min: 1, max: 9, target_percent: 50.0 });
            })
            .workload("metrics", WorkloadKind::Deployment, vec![NodeId(3)])
            .with(|w| w.role = Role::Metrics)
            .happens(Duration::ZERO, Happening::Load { target: None, factor: 2.0 })
            .webhook("policy", &[WorkloadId(2)], &[WorkloadId(1)])
    };
    let outcome = simulate(&hpa(tunnelled(1)).build(), 1, 0);
    let missed = outcome.functions;
    assert_eq!((secs(missed.tunnel), secs(missed.metrics), secs(missed.webhooks)), (52, 52, 52));
    assert!(secs(missed.scaling) >= 15, "{missed:?}");
    let off = |cause| simulate(&hpa(tunnelled(1)).settings(|s| s.off.push(cause)).build(), 1, 0).functions;
    assert_eq!(secs(off(Cause::MetricsOutage).metrics), 0);
    assert_eq!(off(Cause::TunnelOutage), crate::outcome::Functions::default());
}

/// A node is added; a manager's daemon takes 8 s to be ready there. `web` waits for room.
fn grown(edit: impl FnOnce(Example) -> Example) -> Scenario {
    let all = |effect| Toleration { key: None, value: None, effect, seconds: None };
    let example = Example::new()
        .pool("p", 1)
        .workload("manager", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .with(|w| {
            w.readiness = Dist::Constant(Duration::secs(8));
            w.duty.initialises_nodes = true;
        })
        .with_shape(|s| s.tolerations = vec![all(Some(Effect::NoSchedule)), all(Some(Effect::NoExecute))])
        .workload("logs", WorkloadKind::DaemonSet, vec![NodeId(0)])
        .deployment("web", 1)
        .with(|w| w.replicas = 2)
        .with_shape(|s| s.requests.cpu = 3000);
    let drain = drain_settings();
    edit(example).change(Duration::ZERO, Operation::Scale { pool: PoolId(0), count: 2, drain }).build()
}

#[test]
fn a_new_node_is_of_use_once_the_manager_has_been_there() {
    check(
        &grown(|example| example),
        "0s start
         0s p-new-1 requested
         0s web unschedulable
         150s p-new-1 ready
         150s end
         150s manager to p-new-1
         158s manager ready
         158s p-new-1 initialised
         158s web to p-new-1
         158s logs to p-new-1
         168s web ready
         168s logs ready",
    );
    let early = |scenario: Scenario| super::story(&scenario).contains("150s web to p-new-1");
    assert!(early(grown(|e| e.settings(|s| s.off.push(Cause::NodeInitialisation)))));
    // Where the manager does not go to a node, nobody waits for it.
    let elsewhere = |s: &mut crate::spec::PodShape| {
        s.node_selector.insert("agentpool".to_owned(), "other".to_owned());
    };
    assert!(early(grown(|e| e.shape_of("manager", elsewhere))));
}

#[test]
fn pods_with_volumes_wait_for_their_driver() {
    let scenario = |off: &'static [Cause]| {
        grown(|example| {
            example
                .with_shape(|s| s.volumes.drivers = vec!["disk".to_owned()])
                .workload_named("manager", |w| w.duty.initialises_nodes = false)
                .workload_named("logs", |w| w.duty.driver = Some("disk".to_owned()))
                .settings(|s| s.off.extend_from_slice(off))
        })
    };
    check(
        &scenario(&[]),
        "0s start
         0s p-new-1 requested
         0s web unschedulable
         150s p-new-1 ready
         150s end
         150s web to p-new-1
         150s web awaits driver
         150s manager to p-new-1
         150s logs to p-new-1
         158s manager ready
         160s logs ready
         175s web ready",
    );
    assert!(super::story(&scenario(&[Cause::DriverRegistration])).contains("160s web ready"));
}

/// mybinder.org, 2019-04-03: both replicas of the way in on nodes that are cordoned, and only deleted pods come to others.
#[test]
fn balancers_that_drop_cordoned_nodes_take_the_way_in_along() {
    let ingress = |drops: bool, local: bool| -> Outcome {
        let scenario = Example::new()
            .pool("old", 2)
            .pool("new", if local { 2 } else { 0 })
            .workload("ingress", WorkloadKind::Deployment, vec![NodeId(0), NodeId(1)])
            .minimum(1)
            .with(|w| (w.role, w.duty.exposed) = (Role::Ingress, Some(Exposure { local })))
            .settings(|s| s.balancers_drop_cordoned = drops)
            .change(Duration::secs(60), Operation::Cordon { nodes: vec![NodeId(0), NodeId(1)] })
            .change(Duration::secs(2400), Operation::Uncordon { nodes: vec![NodeId(0), NodeId(1)] })
            .build();
        simulate(&scenario, 1, 0)
    };
    for (drops, local, seconds) in [(true, true, 2340), (true, false, 2340), (false, true, 0), (false, false, 0)] {
        let outcome = ingress(drops, local);
        let found = (secs(outcome.workloads[0].out), secs(outcome.functions.ingress));
        assert_eq!(found, (seconds, seconds), "drops {drops}, local {local}");
    }
}
