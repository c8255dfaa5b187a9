//! Services under too much demand, told in a line per case.

use super::story;
use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::outcome::WorkloadOutcome;
use crate::random::Dist;
use crate::scenario::{Decay, Happening};
use crate::spec::{Clients, Exposure, Quantity, Role, Service, ServiceMemory, StaleEntries, Stampede};
use crate::time::Duration;
use crate::{NodeId, PoolId, Scenario, WorkloadId, simulate};

const DNS: WorkloadId = WorkloadId(0);
const MIB: i64 = 1 << 20;

/// Resolvers that ask again after 5 s, up to four times.
const RESOLVERS: Clients = Clients { timeout: Duration::secs(5), attempts: 4.0 };

/// So many DNS replicas of 5,000 requests per second on a node each, of which one is needed, that are asked `rate` in all.
fn dns(replicas: u32, rate: f64, edit: impl FnOnce(&mut Service)) -> Example {
    let mut service = Service::plain(rate, 5000.0, 1e-5);
    edit(&mut service);
    Example::new().pool("p", replicas + 1).deployment("dns", replicas).minimum(1).with(|w| {
        w.role = Role::Dns;
        w.follows_load = true;
        w.service = Some(service);
    })
}

fn drained(example: Example) -> Scenario {
    let drain = Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() };
    example.change(Duration::ZERO, drain).build()
}

fn facts(scenario: &Scenario) -> WorkloadOutcome {
    simulate(scenario, 1, 0).workloads.remove(0)
}

#[test]
fn survivors_drown_although_enough_replicas_are_ready() {
    // (replicas, attempts): first attempts lost for good, fewest up, time below the minimum.
    for (replicas, attempts, lost) in [(2, 1.0, true), (2, 4.0, true), (4, 1.0, false), (4, 4.0, false)] {
        let clients = Clients { attempts, ..RESOLVERS };
        let found = facts(&drained(dns(replicas, 6000.0, |s| s.clients = clients)));
        assert_eq!((found.lost > 0.0, found.below, found.fewest), (lost, Duration::ZERO, replicas - 1), "{found:?}");
        assert_eq!(found.out > Duration::ZERO, lost);
        let retried = found.of_service().retried;
        assert!(if lost && attempts > 1.0 { retried > 0.0 && found.of_service().slow > 0.0 } else { retried == 0.0 });
    }
}

/// Two replicas of 5,000 that are asked 6,000 in all, one of them on a cordoned node: 1,000 of 6,000 are too many for the other.
#[test]
fn what_a_balancer_sends_nowhere_else_is_too_much_for_the_rest() {
    for (drops, local, lost) in [(true, true, 1.0 / 6.0), (true, false, 0.0), (false, true, 0.0)] {
        let cordon = Operation::Cordon { nodes: vec![NodeId(0)] };
        let example = dns(2, 6000.0, |_| {}).with(|w| w.duty.exposed = Some(Exposure { local }));
        let scenario = example.settings(|s| s.balancers_drop_cordoned = drops).change(Duration::ZERO, cordon).build();
        let found = facts(&scenario);
        assert!((found.lost / found.asked - lost).abs() < 1e-9, "drops {drops}, local {local}: {found:?}");
        assert_eq!((found.below, found.fewest), (Duration::ZERO, if drops && local { 1 } else { 2 }));
    }
}

#[test]
fn what_is_lost_is_asked_again_after_the_time_out_and_four_times_at_the_most() {
    let dead = |seconds| {
        let none = Happening::Capacity { workload: DNS, factor: 0.0 };
        facts(
            &dns(1, 100.0, |s| s.clients = RESOLVERS)
                .happens(Duration::ZERO, none)
                .horizon(Duration::secs(seconds))
                .build(),
        )
    };
    // 100 a second for the first 5 s, 200, 300, then 400 a second; what was asked four times is given up.
    for (seconds, asked, given_up) in
        [(5, 500.0, 0.0), (10, 1500.0, 0.0), (15, 3000.0, 0.0), (20, 5000.0, 500.0), (40, 13_000.0, 2500.0)]
    {
        let found = dead(seconds);
        assert!((found.asked - asked).abs() < 1e-6 && (found.lost - asked).abs() < 1e-6, "{seconds}: {found:?}");
        assert!((found.of_service().given_up - given_up).abs() < 501.0, "{seconds}: {found:?}");
    }
}

#[test]
fn a_stampede_follows_an_outage_once() {
    let hole = Happening::RequestsLost { workload: DNS, node: None, share: 1.0, lasts: Duration::secs(90) };
    let scenario = dns(2, 6000.0, |s| {
        s.stampede = Stampede { factor: 2.0, lasts: Duration::secs(300), after: Duration::secs(60) };
    })
    .happens(Duration::secs(10), hole)
    .horizon(Duration::mins(20))
    .build();
    // 12,000 are asked of 10,000 for 5 min: an outage of its own, which no other stampede follows.
    let told = story(&scenario);
    let expected =
        "10s dns stale on all / 10s dns out / 100s dns stampede 200% / 400s dns stampede over / 400s dns back";
    assert_eq!(told.lines().collect::<Vec<_>>().join(" / "), expected);
    let found = facts(&scenario);
    assert!((found.lost - (90.0 * 6000.0 + 300.0 * 2000.0)).abs() < 1e-6, "{found:?}");
}

/// Replicas with a limit under load that is five times the base from 60 s on, whose limit is raised after an hour.
fn zalando(replicas: u32, limit: i64, attempts: f64) -> Scenario {
    let factor = 5.0;
    let storm = Happening::Burst {
        target: None,
        factor,
        ramp: Duration::secs(60),
        hold: Duration::mins(120),
        decay: Decay::Linear(Duration::ZERO),
    };
    let raised = Happening::MemoryLimit { workload: DNS, bytes: Some(2000 * MIB) };
    dns(replicas, 12_000.0, |s| {
        s.clients = Clients { attempts, ..RESOLVERS };
        s.memory = Some(ServiceMemory {
            base: 54 * MIB,
            per_rate: 2000.0,
            limit: Some(limit * MIB),
            fills: Duration::secs(2),
        });
    })
    .happens(Duration::secs(60), storm)
    .happens(Duration::mins(61), raised)
    .horizon(Duration::mins(100))
    .build()
}

#[test]
fn a_low_memory_limit_spirals_under_retries_and_a_high_one_does_not() {
    let (low, high) = (facts(&zalando(3, 100, 4.0)), facts(&zalando(3, 2000, 4.0)));
    assert_eq!((low.fewest, high.fewest, high.of_service().kills), (0, 3, 0));
    // Each replica dies again and again: at once, then after 10, 20, 40, 80, 160 and 300 s.
    assert!(low.of_service().kills > 30, "{low:?}");
    let ups: Vec<u64> = story(&zalando(3, 100, 4.0))
        .lines()
        .filter(|line| line.ends_with("dns ready"))
        .filter_map(|line| line.split_once('s').and_then(|(at, _)| at.parse().ok()))
        .collect();
    // With the limit raised all are up and stay up within half a minute.
    let after: Vec<u64> = ups.into_iter().filter(|at| *at >= 61 * 60).collect();
    assert!(after.len() <= 3 && after.iter().all(|at| *at <= 61 * 60 + 30), "{after:?}");
}

#[test]
fn more_replicas_help_only_where_each_is_asked_less_than_its_limit_bears() {
    // 60,000 a second: 23,000 to a replica are deadly under 100 Mi. Without retries three get 20,000 each, two 30,000.
    let kills = |replicas, attempts| facts(&zalando(replicas, 100, attempts)).of_service().kills;
    for (replicas, attempts, dies) in
        [(2, 1.0, true), (3, 1.0, false), (4, 4.0, true), (6, 4.0, true), (16, 4.0, false)]
    {
        assert_eq!(kills(replicas, attempts) > 0, dies, "{replicas} replicas, {attempts} attempts");
    }
}

#[test]
fn a_kubelet_restarts_at_once_then_backs_off_and_forgets_after_ten_minutes() {
    let hot = |at: u64| {
        let burst = Happening::Load { target: None, factor: 9.0 };
        (Duration::secs(at), burst)
    };
    let mut example = dns(1, 4000.0, |s| {
        s.memory =
            Some(ServiceMemory { base: 54 * MIB, per_rate: 2000.0, limit: Some(60 * MIB), fills: Duration::ZERO });
    });
    for at in [100, 2000] {
        let (at, burst) = hot(at);
        example = example.happens(at, burst);
        example = example.happens(at + Duration::secs(45), Happening::Load { target: None, factor: 1.0 });
    }
    let told = story(&example.horizon(Duration::secs(2300)).build());
    let lines: Vec<&str> =
        told.lines().filter(|l| l.contains("OOM") || l.contains("backs") || l.contains("ready")).collect();
    let first =
        ["100s dns OOMKilled", "110s dns ready", "110s dns OOMKilled", "110s dns backs off 10s", "130s dns ready"];
    assert_eq!(lines[..5], first, "{told}");
    assert!(lines[8..].starts_with(&["2000s dns OOMKilled", "2010s dns ready"]), "{told}");
}

#[test]
fn stale_entries_lose_a_part_that_no_replica_count_shows_and_a_local_cache_removes_them() {
    let stale = StaleEntries { probability: 1.0, lasts: Dist::Constant(Duration::mins(10)), ..StaleEntries::default() };
    let found = |cache: Option<f64>, share: f64| {
        let stale = StaleEntries { probability: share, ..stale.clone() };
        let example = dns(3, 3000.0, |s| s.stale = stale).with_pool(|p| p.local_cache = cache);
        facts(&drained(example.horizon(Duration::mins(30))))
    };
    let (all, none, cached) = (found(None, 1.0), found(None, 0.0), found(Some(0.2), 1.0));
    // A third of what the nodes ask for ten minutes; the drained node asks as the others do.
    assert!((all.lost - 600.0 * 1000.0).abs() < 1e-3, "{all:?}");
    assert_eq!((all.below, none.lost, cached.lost), (Duration::ZERO, 0.0, 0.0));
    assert!((cached.asked / none.asked - 0.2).abs() < 1e-9);
}

#[test]
fn without_a_readiness_probe_a_new_replica_loses_its_share_until_it_answers() {
    let answers = Dist::Constant(Duration::secs(20));
    let lost = |answers| facts(&drained(dns(2, 3000.0, |s| s.answers = answers))).lost;
    // Half of 3,000 for 20 s.
    assert!((lost(answers) - 30_000.0).abs() < 1e-6);
    assert_eq!(lost(Dist::Constant(Duration::ZERO)), 0.0);
}

#[test]
fn a_node_without_upstream_fails_what_its_replicas_are_asked() {
    let fails = Happening::UpstreamFails { node: NodeId(0), share: 0.8, lasts: Duration::secs(100) };
    let found = facts(&dns(2, 3000.0, |_| ()).happens(Duration::secs(10), fails).build());
    assert!((found.lost - 0.8 * 1500.0 * 100.0).abs() < 1e-6, "{found:?}");
    assert_eq!((found.out, found.fewest), (Duration::secs(100), 2));
}

/// A third node without replicas loses for an hour what its pods ask; something becomes of the node after 10 min.
#[test]
fn what_a_node_loses_ends_when_it_boots_or_goes() {
    let (node, after) = (NodeId(2), Duration::mins(10));
    let gap = Happening::RequestsLost { workload: DNS, node: Some(node), share: 1.0, lasts: Duration::mins(60) };
    let minutes = |edit: &dyn Fn(Example) -> Example| {
        let example = dns(2, 3000.0, |_| ()).horizon(Duration::mins(90)).happens(Duration::ZERO, gap.clone());
        facts(&edit(example).build()).lost / (1000.0 * 60.0)
    };
    assert!((minutes(&|e| e) - 60.0).abs() < 1e-9);
    // Booted after a minute away, in which its pods are taken to ask on.
    let booted = minutes(&|e| e.happens(after, Happening::NodeFailure { node, down: Duration::mins(1) }));
    assert!((booted - 11.0).abs() < 1e-9, "{booted}");
    let deleted = minutes(&|e| e.change(after, Operation::DeleteNodes { nodes: vec![node] }));
    assert!((10.0..11.0).contains(&deleted), "{deleted}");
    let reimaged = minutes(&|e| e.upgrade(PoolId(0), Quantity::Count(1)));
    assert!(reimaged > 0.0 && reimaged < 30.0, "{reimaged}");
}

#[test]
fn search_lists_multiply_what_is_asked() {
    let asked = |n| facts(&dns(2, 100.0, |s| s.requests_per_demand = n).horizon(Duration::secs(100)).build()).asked;
    assert_eq!((asked(1.0), asked(5.0)), (10_000.0, 50_000.0));
}

#[test]
fn a_backlog_is_served_when_there_is_time() {
    let burst = Happening::Burst {
        target: None,
        factor: 3.0,
        ramp: Duration::ZERO,
        hold: Duration::secs(10),
        decay: Decay::Linear(Duration::ZERO),
    };
    // 12,000 asked of 10,000 for 10 s: 20,000 wait, and are served at 6,000 a second.
    let run = |queue| {
        let example = dns(2, 4000.0, |s| (s.queue, s.clients.timeout) = (queue, Duration::secs(1)));
        facts(&example.happens(Duration::secs(100), burst.clone()).build())
    };
    let waits = run(f64::INFINITY).of_service();
    assert!(
        (waits.most_waiting - 20_000.0).abs() < 1e-6 && (waits.waiting - 10.0 - 20.0 / 6.0).abs() < 1e-6,
        "{waits:?}"
    );
    assert!(waits.cleared.is_some_and(|at| (at - 110.0 - 20.0 / 6.0).abs() < 1e-6));
    // The area of the triangle; those behind more than 10,000 wait for more than a second.
    assert!((waits.waited - 20_000.0 * (10.0 + 20.0 / 6.0) / 2.0).abs() < 1e-3, "{waits:?}");
    assert!((waits.slow - 10_000.0 * (10.0 + 20.0 / 6.0) / 2.0).abs() < 1e-3, "{waits:?}");
    let full = run(5000.0);
    assert!(
        (full.of_service().most_waiting - 10_000.0).abs() < 1e-6 && (full.lost - 10_000.0).abs() < 1e-6,
        "{full:?}"
    );
}

#[test]
fn latency_rises_with_use_as_in_a_queue_with_processor_sharing() {
    let latency = |rate| {
        let example = dns(2, rate, |s| s.service_time = Duration::millis(2));
        facts(&example.horizon(Duration::secs(60)).build()).of_service().latency()
    };
    for (rate, expected) in [(1000.0, 0.002 / 0.9), (5000.0, 0.004), (9000.0, 0.02)] {
        assert!((latency(rate) - expected).abs() < 1e-9, "{rate}: {}", latency(rate));
    }
}

#[test]
fn noise_is_drawn_only_where_a_peak_could_be_too_much_and_has_mean_one() {
    let run = |rate: f64, trials: u32| {
        let mut scenario = dns(2, rate, |_| ()).horizon(Duration::mins(600)).build();
        scenario.settings.demand.noise = 0.2;
        let facts = (0..trials).map(|trial| simulate(&scenario, 1, trial));
        facts.map(|o| (o.workloads[0].asked / (rate * 36_000.0), o.workloads[0].lost)).collect::<Vec<_>>()
    };
    let far = run(4000.0, 2);
    assert!(far.iter().all(|(asked, lost)| (asked - 1.0).abs() < 1e-12 && *lost == 0.0), "{far:?}");
    let near = run(8000.0, 20);
    let mean = near.iter().map(|n| n.0).sum::<f64>() / 20.0;
    // 12,000 minutes with a coefficient of variation of 0.2: 0.0018.
    assert!(near[0].1 > 0.0 && (mean - 1.0).abs() < 0.0075, "{mean}");
}

#[test]
fn demand_follows_the_hour_of_the_day() {
    let mut scenario = dns(2, 1000.0, |_| ()).horizon(Duration::mins(24 * 60)).build();
    scenario.settings.demand.daily_swing = 0.5;
    scenario.settings.demand.peak_in = Duration::mins(6 * 60);
    let asked = facts(&scenario).asked;
    // The mean of a day, less what half-hour chords cut off.
    assert!((asked / 86_400_000.0 - 1.0).abs() < 1e-3, "{asked}");
    let ups = |hour: u64| {
        let mut s = scenario.clone();
        s.horizon = Duration::mins(60 * hour);
        facts(&s).asked
    };
    assert!(ups(6) > 1.25 * 6.0 * 3.6e6 && ups(6) < 1.35 * 6.0 * 3.6e6);
}
