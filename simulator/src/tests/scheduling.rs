//! The scheduler's queue in time: who is woken by what, when pods are tried again, what decisions cost.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{check, story};
use crate::change::{Operation, Planned};
use crate::example::{Example, drain_settings};
use crate::scenario::{Happening, Scripted};
use crate::spec::{Effect, HostPort, PodTerm, Quantity, Selector, Spread, Taint, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId, Scenario, WorkloadId, simulate};

/// Lines of the story that name one of the pods in question.
fn told(scenario: &Scenario, words: &[&str]) -> Vec<String> {
    story(scenario).lines().filter(|line| words.iter().any(|word| line.contains(word))).map(str::to_owned).collect()
}

/// The script's first look for forgotten pods is at 30 s.
fn flushing(example: Example) -> Example {
    example.settings(|s| s.scheduler.flush_phase = Some(Duration::ZERO))
}

fn replicas(at: u64, workload: u32, replicas: u32) -> Planned {
    let operation = Operation::SetReplicas { workload: WorkloadId(workload), replicas };
    Planned::new(Time::ZERO + Duration::secs(at), operation)
}

fn with(example: Example, changes: Vec<Planned>) -> Scenario {
    let mut scenario = flushing(example).build();
    scenario.changes.extend(changes);
    scenario
}

/// One node full of `batch`; `web` gets a replica at 0 s and finds no room.
fn crowded() -> Example {
    Example::new()
        .pool("p", 1)
        .deployment("batch", 1)
        .with_shape(|s| s.requests.cpu = 3000)
        .workload("web", WorkloadKind::Deployment, vec![])
        .with_shape(|s| s.requests.cpu = 2000)
        .horizon(Duration::mins(20))
}

#[test]
fn room_made_by_a_pod_that_goes_wakes_at_its_end_not_at_its_deletion() {
    check(
        &with(crowded(), vec![replicas(0, 1, 1), replicas(3, 0, 0)]),
        "0s start
         0s web 0->1
         0s end
         0s web unschedulable
         3s start
         3s batch 1->0
         3s end
         8s web to p-0
         18s web ready",
    );
}

#[test]
fn before_1_33_a_woken_pod_waits_out_its_back_off() {
    let late = |pops| {
        let example = crowded().settings(|s| s.scheduler.pops_from_backoff = pops).with(|w| w.scaling = None);
        // Refused at 0 s; woken in vain by small at 5.1 s, where it fails again; room at 6.1 s, back-off until 8 s.
        let example = example.deployment("small", 1).settings(|s| s.scheduler.cycle = Duration::ZERO);
        let mut changes = vec![replicas(0, 1, 1), replicas(0, 2, 0), replicas(1, 0, 0)];
        changes[1].at = Time(100_000);
        changes[2].at = Time(1_100_000);
        told(&with(example, changes), &["web to"])
    };
    assert_eq!(late(true), ["6s web to p-0"]);
    assert_eq!(late(false), ["8s web to p-0"]);
}

#[test]
fn a_pod_that_nothing_wakes_is_tried_again_after_five_minutes() {
    // Small pods kept off by the anti-affinity of one that has none of its own against it: 1.34.1 forgets them when it goes.
    let term = |app: &str| PodTerm {
        key: "agentpool".into(),
        selector: Some(Selector { labels: BTreeMap::from([("app".into(), app.into())]), expressions: Vec::new() }),
        namespaces: vec!["default".into()],
        namespace_selector: None,
    };
    let told = |mended: bool| {
        let example = Example::new()
            .pool("p", 1)
            .deployment("hermit", 1)
            .with_shape(|s| {
                s.namespace = "default".into();
                s.pod_anti_affinity = vec![term("web")];
            })
            .workload("web", WorkloadKind::Deployment, vec![])
            .with_shape(|s| s.namespace = "default".into())
            .settings(|s| s.scheduler.hint_of_repelling_pods = mended);
        told(&with(example, vec![replicas(0, 1, 1), replicas(20, 0, 0)]), &["web unschedulable", "web to"])
    };
    // Looks are at 0, 30, 60 s...; at 300 s it has waited for no longer than five minutes.
    assert_eq!(told(false), ["0s web unschedulable", "330s web to p-0"]);
    assert_eq!(told(true), ["0s web unschedulable", "25s web to p-0"]);
}

#[test]
fn what_wakes_a_pod_depends_on_who_refused_it() {
    let port = HostPort { ip: String::new(), protocol: "TCP".into(), port: 80 };
    // (what is wrong with web, what happens at 60 s, when web is placed; 330 s is the flush)
    let at = Duration::secs(60);
    let base = || {
        Example::new()
            .pool("p", 1)
            .deployment("other", 1)
            .deployment("held", 1)
            .with_shape(|s| s.host_ports = vec![port.clone()])
            .workload("web", WorkloadKind::Deployment, vec![])
    };
    let grown = Operation::Scale { pool: PoolId(0), count: 2, drain: drain_settings() };
    let uncordon = Operation::Uncordon { nodes: vec![NodeId(0)] };
    let go = |workload: u32| Operation::SetReplicas { workload: WorkloadId(workload), replicas: 0 };
    let cordoned = |example: Example| {
        let mut scenario = example.build();
        scenario.cluster.nodes.rows_mut()[0].cordoned = true;
        scenario
    };
    let ports = || base().with_shape(|s| s.host_ports = vec![port.clone()]).build();
    let misfit = || base().with_shape(|s| s.requests.cpu = 4000).build();
    let choosy = || base().with_shape(|s| _ = s.node_selector.insert("disk".into(), "fast".into())).build();
    for (name, mut scenario, happens, expected) in [
        ("ports, any pod goes", ports(), go(0), None),
        ("ports, the holder goes", ports(), go(1), Some(65)),
        ("ports, a node comes", ports(), grown.clone(), Some(210)),
        ("cordon, a pod goes", cordoned(base()), go(0), None),
        ("cordon, lifted", cordoned(base()), uncordon, Some(60)),
        ("cordon, a node comes", cordoned(base()), grown.clone(), Some(210)),
        ("too large, a node comes that is no larger", misfit(), grown.clone(), None),
        ("no such label, a node comes", choosy(), grown, None),
    ] {
        scenario.settings.scheduler.flush_phase = Some(Duration::ZERO);
        scenario.settings.scheduler.cycle = Duration::ZERO;
        scenario.horizon = Duration::secs(300);
        scenario.changes = vec![replicas(0, 2, 1), Planned::new(Time::ZERO + at, happens)];
        let placed = told(&scenario, &["web to"]);
        let expected: Vec<String> = expected
            .map(|at| format!("{at}s web to {}", if at == 210 { "p-new-1" } else { "p-0" }))
            .into_iter()
            .collect();
        assert_eq!(placed, expected, "{name}");
        // Whoever is not woken is not tried: no more attempts than placements and the first refusal.
        assert_eq!(simulate(&scenario, 1, 0).counts.placements as usize, placed.len(), "{name}");
    }
}

#[test]
fn a_taint_that_is_lifted_wakes_those_it_kept_off() {
    let mut scenario = flushing(
        Example::new().pool("p", 1).workload("web", WorkloadKind::Deployment, vec![]).horizon(Duration::secs(250)),
    )
    .build();
    let mut shapes = Vec::new();
    for (id, shape) in scenario.cluster.node_shapes.clone().iter() {
        let tainted = scenario.cluster.node_shapes.push(shape.clone());
        let taint = Taint { key: "team".into(), value: String::new(), effect: Effect::NoSchedule };
        scenario.cluster.node_shapes[tainted].taints.push(taint);
        shapes.push((tainted, id));
    }
    scenario.cluster.nodes.rows_mut()[0].shape = shapes[0].0;
    scenario.changes = vec![replicas(0, 0, 1)];
    scenario.changes.push(Planned::new(
        Time::ZERO + Duration::secs(40),
        Operation::Reshape { pool: PoolId(0), shapes, takes: Duration::secs(5) },
    ));
    assert_eq!(told(&scenario, &["web unschedulable", "web to"]), ["0s web unschedulable", "45s web to p-0"]);
}

#[test]
fn spreading_is_woken_by_pods_of_its_kind_only() {
    let spread = || Spread {
        key: "agentpool".into(),
        max_skew: 1,
        hard: true,
        min_domains: 2,
        honor_affinity: true,
        honor_taints: false,
        selector: Some(Selector { labels: BTreeMap::from([("app".into(), "web".into())]), expressions: Vec::new() }),
    };
    // One domain where two are wanted: one pod at most.
    let placed = |gone: u32| {
        let example = Example::new()
            .pool("p", 1)
            .deployment("other", 1)
            .deployment("web", 1)
            .with_shape(|s| s.spread = vec![spread()])
            .settings(|s| s.scheduler.cycle = Duration::ZERO)
            .horizon(Duration::secs(250));
        let mut scenario = with(example, vec![replicas(0, 1, 2)]);
        let operation = match gone {
            0 => Operation::SetReplicas { workload: WorkloadId(0), replicas: 0 },
            _ => Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() },
        };
        scenario.changes.push(Planned::new(Time::ZERO + Duration::secs(50), operation));
        let uncordon = Operation::Uncordon { nodes: vec![NodeId(0)] };
        scenario.changes.push(Planned::new(Time::ZERO + Duration::secs(52), uncordon));
        told(&scenario, &["web to"])
    };
    assert_eq!(placed(0), [""; 0]);
    // The evicted pod does not count from its deletion on; the uncordoning is a change of taints.
    assert_eq!(placed(1), ["52s web to p-0"]);
}

#[test]
fn a_gated_pod_is_never_tried_until_its_gate_is_lifted() {
    let example = Example::new()
        .pool("p", 1)
        .workload("web", WorkloadKind::Deployment, vec![])
        .with(|w| w.gated = true)
        .horizon(Duration::mins(30));
    let mut scenario = with(example, vec![replicas(0, 0, 2)]);
    assert_eq!(told(&scenario, &["web to", "web unschedulable"]), [""; 0]);
    let what = Happening::GatesLifted { workload: WorkloadId(0) };
    scenario.script.push(Scripted { at: Time::ZERO + Duration::secs(70), what });
    assert_eq!(told(&scenario, &["web to", "web unschedulable"]), ["70s web to p-0", "70s web to p-0"]);
}

#[test]
fn decisions_and_bindings_take_their_time() {
    let placed = |edit: &dyn Fn(&mut crate::settings::SchedulerProfile)| {
        let example = Example::new()
            .pool("p", 3)
            .workload("web", WorkloadKind::Deployment, vec![])
            .with_shape(|s| s.requests.cpu = 10)
            .workload("dns", WorkloadKind::Deployment, vec![])
            .with_shape(|s| s.priority = 1000)
            .settings(|s| edit(&mut s.scheduler));
        let scenario = with(example, vec![replicas(0, 0, 150), replicas(1, 1, 1)]);
        let trace = crate::trace(&scenario, 1, 0);
        let bound = |id: u32| {
            let of = trace.log.iter().filter(move |e| {
                matches!(e.what, crate::outcome::Incident::PodBound { workload, .. } if workload == WorkloadId(id))
            });
            of.map(|e| e.at.0 / 1000).collect::<Vec<u64>>()
        };
        (bound(0), bound(1))
    };
    let (web, _) = placed(&|s| {
        s.cycle = Duration::ZERO;
        s.bind_interval = Duration::ZERO;
    });
    assert!(web.len() == 150 && web.iter().all(|&at| at == 0), "at no cost all at once");
    // One after the other; the critical pod overtakes those that still wait.
    let (web, dns) = placed(&|s| {
        s.cycle = Duration::millis(20);
        s.bind_interval = Duration::ZERO;
    });
    assert_eq!((web[1], web[2], web[149]), (20, 40, 3000));
    assert_eq!(dns, [1000]);
    // A hundred at once, then fifty a second; the critical one takes a turn.
    let (web, _) = placed(&|s| s.cycle = Duration::ZERO);
    assert_eq!((web[99], web[100], web[149]), (0, 20, 1020));
    // The default: 680 a second.
    let (web, _) = placed(&|_| {});
    assert_eq!(web[99], 145);
}

#[test]
fn a_pod_without_any_node_is_tried_at_its_back_offs_once_one_comes() {
    let example = Example::new().pool("p", 0).workload("web", WorkloadKind::Deployment, vec![]);
    let scale = Operation::Scale { pool: PoolId(0), count: 1, drain: drain_settings() };
    let mut scenario = with(example, vec![replicas(0, 0, 1)]);
    scenario.changes.push(Planned::new(Time::ZERO, scale));
    // It fails at 0, 2, 5, 10, 19, 30, 41 s and so on, every 11 s; the node comes at 150 s.
    assert_eq!(told(&scenario, &["web to"]), ["151s web to p-new-0"]);
}

#[test]
fn a_nominated_pod_that_goes_gives_back_what_it_held() {
    // The critical pod preempts batch and waits for its end; before that it is scaled away, and web may have the room.
    let example = Example::new()
        .pool("p", 1)
        .deployment("batch", 1)
        .with_shape(|s| s.requests.cpu = 3000)
        .with(|w| {
            w.exit = crate::random::Dist::Constant(Duration::secs(20));
        })
        .workload("web", WorkloadKind::Deployment, vec![])
        .with_shape(|s| {
            s.requests.cpu = 2000;
            s.priority = 5;
            s.preempts = false;
        })
        .workload("dns", WorkloadKind::Deployment, vec![])
        .with_shape(|s| {
            s.requests.cpu = 3500;
            s.priority = 1000;
        })
        .horizon(Duration::mins(2));
    let changes = vec![replicas(0, 1, 1), replicas(1, 2, 1), replicas(5, 2, 0)];
    let told = told(&with(example, changes), &["web to", "batch preempted", "dns to"]);
    assert_eq!(told, ["1s batch preempted", "21s web to p-0"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// A pod that fits is never left waiting for longer than back-off and flush: with hints and with "everything wakes
    /// everybody" the same number of pods is placed once things have come to rest.
    #[test]
    fn hints_lose_no_pod(
        nodes in 1u32..5, full in 0u32..5, cpu in 500i64..3500, wanted in 1u32..6, operation in 0..6, port in 0..2,
        repels in 0..3, seed in 0u64..100,
    ) {
        let app = |app: &str| Some(Selector { labels: BTreeMap::from([("app".into(), app.into())]), expressions: Vec::new() });
        let term = |name: &str| PodTerm {
            key: "kubernetes.io/hostname".into(), selector: app(name), namespaces: vec![String::new()],
            namespace_selector: None,
        };
        let placed = |hints: bool| {
            let example = Example::new()
                .pool("p", nodes)
                .workload("batch", WorkloadKind::Deployment, (0..full).map(|i| NodeId(i % nodes)).collect())
                .with_shape(|s| {
                    s.requests.cpu = 3800 / i64::from(full.div_ceil(nodes).max(1));
                    if repels == 1 { s.pod_anti_affinity = vec![term("web")]; }
                })
                .workload("web", WorkloadKind::Deployment, vec![])
                .with_shape(|s| {
                    s.requests.cpu = cpu;
                    if port == 1 { s.host_ports = vec![HostPort { ip: String::new(), protocol: String::new(), port: 1 }]; }
                    if repels == 2 {
                        s.spread = vec![Spread {
                            key: "kubernetes.io/hostname".into(), max_skew: 1, hard: true, min_domains: 1,
                            honor_affinity: true, honor_taints: true, selector: app("web"),
                        }];
                    }
                })
                .settings(|s| s.scheduler.hints = hints)
                .horizon(Duration::mins(40));
            let first = Operation::Cordon { nodes: vec![NodeId(0)] };
            let second = match operation {
                0 => Operation::SetReplicas { workload: WorkloadId(0), replicas: 0 },
                1 => Operation::Scale { pool: PoolId(0), count: nodes + 2, drain: drain_settings() },
                2 => Operation::Uncordon { nodes: vec![NodeId(0)] },
                3 => Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() },
                4 => Operation::DeleteNodes { nodes: vec![NodeId(0)] },
                _ => Operation::SetReplicas { workload: WorkloadId(1), replicas: wanted + 1 },
            };
            let mut scenario = example
                .change(Duration::secs(1), Operation::SetReplicas { workload: WorkloadId(1), replicas: wanted })
                .change(Duration::secs(400), second)
                .build();
            if seed % 2 == 0 {
                scenario.changes.insert(0, Planned::new(Time::ZERO, first));
            }
            let outcome = simulate(&scenario, seed, 0);
            (outcome.counts.placements, outcome.counts.evictions)
        };
        prop_assert_eq!(placed(true), placed(false));
    }
}

/// Upgrades and spreading pods with every change waking everybody end as they do with hints.
#[test]
fn an_upgrade_ends_alike_with_hints_and_without() {
    let run = |hints: bool| {
        let scenario = Example::new()
            .pool("p", 4)
            .deployment("web", 8)
            .with_shape(|s| s.requests.cpu = 1500)
            .settings(|s| s.scheduler.hints = hints)
            .upgrade(PoolId(0), Quantity::Count(1))
            .build();
        let outcome = simulate(&scenario, 3, 0);
        (outcome.counts.placements, outcome.operations[0].failure)
    };
    assert_eq!(run(true), run(false));
}
