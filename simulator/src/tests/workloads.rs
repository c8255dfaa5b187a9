//! Owners of pods, budgets, failures of nodes, load and flows.

use super::check;
use crate::change::{Operation, Planned};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::scenario::{Happening, Scripted};
use crate::spec::{BudgetRule, Quantity, Role, Scaling, Service, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{NodeId, Scenario, simulate};

fn dies(mut scenario: Scenario, at: u64, down: u64) -> Scenario {
    let what = Happening::NodeFailure { node: NodeId(0), down: Duration::secs(down) };
    scenario.script.push(Scripted { at: Time(at * 1_000_000), what });
    // Detection in the middle of its range would be random: fix it at the grace period.
    scenario.settings.detection.heartbeat = Duration::ZERO;
    scenario.settings.detection.monitor = Duration::ZERO;
    scenario
}

#[test]
fn a_dead_node_is_noticed_after_the_grace_period_and_evicted_after_the_toleration() {
    check(
        &dies(Example::new().pool("p", 2).deployment("web", 1).minimum(1).build(), 10, 1000),
        "10s p-0 dies
         10s web out
         60s p-0 NotReady
         360s web to p-1
         370s web ready
         370s web back
         1010s p-0 ready",
    );
}

#[test]
fn a_node_that_is_back_before_anyone_noticed_starts_its_pods_again() {
    check(
        &dies(Example::new().pool("p", 2).deployment("web", 1).minimum(1).build(), 10, 30),
        "10s p-0 dies
         10s web out
         40s p-0 ready
         50s web ready
         50s web back",
    );
}

#[test]
fn a_stateful_pod_on_a_dead_node_waits_for_the_node() {
    let example = Example::new().pool("p", 2).workload("db", WorkloadKind::StatefulSet, vec![NodeId(0)]).minimum(1);
    check(
        &dies(example.build(), 10, 1000),
        "10s p-0 dies
         10s db out
         60s p-0 NotReady
         1010s p-0 ready
         1010s db to p-1
         1020s db ready
         1020s db back",
    );
}

#[test]
fn daemons_stay_through_a_drain_and_come_to_new_nodes() {
    let example = Example::new().pool("p", 1).workload("agent", WorkloadKind::DaemonSet, vec![NodeId(0)]);
    let pool = crate::PoolId(0);
    check(
        &example
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .change(Duration::secs(10), Operation::Scale { pool, count: 2, drain: drain_settings() })
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s p-0 drained
         0s end
         10s start
         10s p-new-1 requested
         160s p-new-1 ready
         160s end
         160s agent to p-new-1
         170s agent ready",
    );
}

#[test]
fn bare_pods_are_gone_for_good() {
    let example = Example::new().pool("p", 2).workload("tool", WorkloadKind::Bare, vec![NodeId(0)]);
    check(
        &example.change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() }).build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s tool evicted from p-0
         5s p-0 drained
         5s end",
    );
}

#[test]
fn a_budget_lets_one_go_at_a_time_and_the_next_at_a_retry() {
    check(
        &Example::new()
            .pool("p", 2)
            .workload("web", WorkloadKind::Deployment, vec![NodeId(0), NodeId(0)])
            .budget(BudgetRule::MaxUnavailable(Quantity::Count(1)))
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s web evicted from p-0
         0s web refused
         0s web to p-1
         10s web ready
         10s web evicted from p-0
         10s web to p-1
         15s p-0 drained
         15s end
         20s web ready",
    );
}

#[test]
fn a_critical_pod_takes_the_place_of_a_lesser_one() {
    let full = |e: Example| e.with_shape(|s| s.requests.cpu = 3800);
    let example = full(Example::new().pool("p", 2).workload("batch", WorkloadKind::Deployment, vec![NodeId(1)]));
    let example = full(example.workload("dns", WorkloadKind::Deployment, vec![NodeId(0)]))
        .with_shape(|s| s.priority = 1000)
        .minimum(1);
    check(
        &example
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .horizon(Duration::secs(30))
            .build(),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s dns evicted from p-0
         0s dns out
         0s dns unschedulable
         0s batch preempted
         0s batch unschedulable
         5s p-0 drained
         5s end
         5s dns to p-1
         15s dns ready
         15s dns back",
    );
}

#[test]
fn a_horizontal_autoscaler_doubles_at_most_or_adds_four() {
    let steps = |replicas: u32, factor: f64| {
        let mut scenario = Example::new()
            .pool("p", 3)
            .deployment("web", replicas)
            .with(|w| {
                w.follows_load = true;
                w.scaling = Some(Scaling::Utilisation { min: 1, max: 100, target_percent: 70.0 });
            })
            .with_shape(|s| s.requests.cpu = 10)
            .horizon(Duration::mins(4))
            .build();
        let what = Happening::Load { target: None, factor };
        scenario.script.push(Scripted { at: Time(60_000_000), what });
        let told = super::story(&scenario);
        told.lines().filter(|l| l.split_once("web ").is_some_and(|(_, rest)| rest.contains("->"))).count()
    };
    // 1, 5, 10, 20; and 10 to 20 at once.
    assert_eq!((steps(1, 20.0), steps(10, 2.0), steps(10, 3.0)), (3, 1, 2));
}

#[test]
fn a_burst_raises_replicas_at_once_and_lowers_them_after_stabilisation() {
    let mut scenario = Example::new()
        .pool("p", 3)
        .deployment("web", 2)
        .with(|w| {
            w.follows_load = true;
            w.scaling = Some(Scaling::Utilisation { min: 2, max: 5, target_percent: 70.0 });
        })
        .build();
    let burst = Happening::Burst {
        target: None,
        factor: 3.0,
        ramp: Duration::ZERO,
        hold: Duration::mins(10),
        decay: crate::scenario::Decay::Linear(Duration::ZERO),
    };
    scenario.script.push(Scripted { at: Time(60_000_000), what: burst });
    let story = super::story(&scenario);
    let replicas: Vec<&str> = story.lines().filter(|l| l.contains("->")).collect();
    assert_eq!(replicas.len(), 2, "{story}");
    assert!(replicas[0].ends_with("web 2->5") && replicas[1].ends_with("web 5->2"), "{replicas:?}");
    let at = |line: &str| line.split('s').next().unwrap().parse::<u64>().unwrap();
    assert!((60..=75).contains(&at(replicas[0])));
    assert!((960..=980).contains(&at(replicas[1])), "{replicas:?}");
}

/// Two DNS replicas of 5,000 requests per second that are asked `rate` in all.
fn dns(rate: f64) -> Example {
    Example::new().pool("p", 3).deployment("dns", 2).minimum(1).with(|w| {
        w.role = Role::Dns;
        w.service = Some(Service::plain(rate, 5000.0, 150e-6));
    })
}

#[test]
fn survivors_of_a_drain_drown_when_they_cannot_carry_the_load() {
    let drained = |rate| {
        let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
        simulate(&dns(rate).change(Duration::ZERO, drain).build(), 1, 0).workloads.remove(0)
    };
    // 60 % each: for 10 s one replica is asked 6,000 and serves 5,000.
    let facts = drained(6000.0);
    assert_eq!((facts.fewest, facts.below), (1, Duration::ZERO));
    assert!((facts.lost - 10_000.0).abs() < 1e-6, "{facts:?}");
    assert_eq!(facts.out, Duration::secs(10));
    assert_eq!(drained(4900.0).lost, 0.0);
}

#[test]
fn a_dead_replica_keeps_getting_its_share_until_the_node_is_noticed() {
    let facts = simulate(&dies(dns(4000.0).build(), 0, 1000), 1, 0).workloads.remove(0);
    // Half of 4,000 per second for the 50 s of the grace period.
    assert!((facts.lost - 100_000.0).abs() < 1e-6, "{facts:?}");
}

#[test]
fn busy_neighbours_starve_dns_and_a_node_of_its_own_does_not() {
    let lost = |together: bool| {
        let hosts = vec![NodeId(if together { 0 } else { 1 }); 15];
        let mut example =
            Example::new().pool("p", 2).workload("dns", WorkloadKind::Deployment, vec![NodeId(0)]).minimum(1).with(
                |w| {
                    w.service = Some(Service::plain(2000.0, 5000.0, 150e-6));
                },
            );
        example = example
            .workload("app", WorkloadKind::Deployment, hosts)
            .with_shape(|s| s.requests.cpu = 240)
            .with(|w| w.cpu_use = 1000);
        simulate(&example.horizon(Duration::secs(100)).build(), 1, 0).workloads[0].lost
    };
    // Alone on 4 cores DNS gets the 300m that 2,000 requests cost; beside 15 pods of 240m that want a core each it gets
    // 4000 * 100 / 3700 = 108.1m, enough for 720.7 per second.
    assert_eq!(lost(false), 0.0);
    assert!((lost(true) - 100.0 * (2000.0 - 4000.0 * 100.0 / 3700.0 / 0.150)).abs() < 1e-3);
}

#[test]
fn an_outage_is_cut_at_the_horizon_and_counts_only_past_the_threshold() {
    let scenario = |horizon| {
        let example = Example::new().pool("p", 1).deployment("web", 1).minimum(1);
        dies(example.horizon(Duration::secs(horizon)).build(), 100, 10_000)
    };
    let short = simulate(&scenario(160), 1, 0).workloads.remove(0);
    assert_eq!((short.outages, short.out), (0, Duration::secs(60)));
    let long = simulate(&scenario(161), 1, 0).workloads.remove(0);
    assert_eq!((long.outages, long.longest, long.first), (1, Duration::secs(61), Some(Time(100_000_000))));
}

#[test]
fn start_up_follows_its_distribution() {
    let scenario = Example::new()
        .pool("p", 2)
        .deployment("web", 1)
        .minimum(1)
        .with(|w| {
            w.pull = Dist::Constant(Duration::secs(1));
            w.start = Dist::Constant(Duration::secs(2));
            w.readiness = Dist::LogNormal { median: Duration::secs(6), sigma: 0.5 };
        })
        .build();
    let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    let scenario = Scenario { changes: vec![Planned::new(Time::ZERO, drain)], ..scenario };
    let runs = crate::Runs { seed: 3, first: 0, trials: 4001, threads: 0 };
    let mut longest = crate::replicate(&scenario, runs, &|o| o.workloads[0].longest.as_secs_f64());
    longest.sort_by(f64::total_cmp);
    // Median of the sum: 3 s and the median 6 s; 4 standard errors of a log-normal median are about 4 %.
    assert!((longest[2000] - 9.0).abs() < 0.25, "{}", longest[2000]);
}

#[test]
fn two_critical_pods_preempt_in_one_instant() {
    let full = |e: Example| e.with_shape(|s| s.requests.cpu = 3800);
    let example = Example::new().pool("p", 4);
    let example = full(example.workload("batch", WorkloadKind::Deployment, vec![NodeId(2), NodeId(3)]));
    let example = full(example.workload("dns", WorkloadKind::Deployment, vec![NodeId(0), NodeId(1)]))
        .with_shape(|s| s.priority = 1000)
        .minimum(1);
    let nodes = vec![NodeId(0), NodeId(1)];
    let drain = Operation::Drain { nodes, drain: drain_settings() };
    let outcome = simulate(&example.change(Duration::ZERO, drain).build(), 1, 0);
    // Victims exit after 5 s, the replacements are ready 10 s later.
    assert_eq!((outcome.counts.preemptions, outcome.workloads[0].longest), (2, Duration::secs(15)));
}
