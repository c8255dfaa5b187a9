//! Properties of every run: nothing changes where nothing is done, threads do not matter, invariants hold on random
//! clusters (they are checked after every event in tests).

use proptest::prelude::*;

use crate::change::{Operation, Undrainable};
use crate::example::{Example, busy_upgrade, drain_settings};
use crate::spec::{BudgetRule, Quantity, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, PoolId, Runs, Scenario, paired};

fn pairs(scenario: &Scenario, trials: u32, threads: usize) -> Vec<crate::Pair> {
    paired(scenario, Runs { seed: 11, first: 0, trials, threads }, &|_| {})
}

#[test]
fn a_plan_that_does_nothing_differs_in_no_trial() {
    let scenario = Scenario { changes: Vec::new(), ..busy_upgrade() };
    for pair in pairs(&scenario, 20, 0) {
        assert_eq!(pair.proposal, pair.baseline);
    }
}

#[test]
fn threads_do_not_matter_and_trials_do_not_depend_on_where_they_start() {
    let scenario = busy_upgrade();
    let one = pairs(&scenario, 8, 1);
    assert_eq!(one, pairs(&scenario, 8, 3));
    let tail = paired(&scenario, Runs { seed: 11, first: 5, trials: 3, threads: 1 }, &|_| {});
    assert_eq!(one[5..], tail[..]);
}

#[test]
fn an_unrelated_pool_changes_nothing_else() {
    let scenario = |extra: bool| {
        let mut example =
            Example::new().pool("a", 3).deployment("web", 6).minimum(6).settings(|s| s.failures.per_hour = 0.5);
        if extra {
            example = example.pool("z", 4).with_pool(|p| p.templates.truncate(1));
        }
        let mut scenario = example.build();
        if extra {
            // Nothing may go there.
            for shape in &mut scenario.cluster.node_shapes.rows_mut()[3..] {
                shape.taints.push(crate::spec::Taint {
                    key: "z".into(),
                    value: String::new(),
                    effect: crate::spec::Effect::NoSchedule,
                });
            }
        }
        scenario
    };
    let facts = |s: &Scenario| pairs(s, 50, 0).iter().map(|p| p.baseline.workloads[0].clone()).collect::<Vec<_>>();
    assert_eq!(facts(&scenario(false)), facts(&scenario(true)));
}

#[test]
fn the_future_is_the_same_until_the_change_begins() {
    let mut scenario = busy_upgrade();
    scenario.changes[0].at = crate::Time::ZERO + Duration::mins(60);
    let steps = scenario.settings.series_steps as usize * 60 / 240 - 1;
    for pair in pairs(&scenario, 10, 0) {
        let (p, b) = (pair.proposal.series.unwrap(), pair.baseline.series.unwrap());
        for (p, b) in p.up.iter().zip(&b.up) {
            (0..steps).for_each(|step| assert!(p.get(step).is_some() && p.get(step) == b.get(step)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_autoscaler_keeps_its_range_and_the_invariants(
        nodes in 1u32..6, second in 0u32..4, replicas in 0u32..12, wanted in 0u32..12, cpu in 200i64..3900, min in 0u32..4,
        more in 0u32..5, slack in 0u32..3, operation in 0..8, at in 0u64..60, failures in 0.0..3.0f64, expander in 0usize..5,
        room in 0u32..6, seed in 0u64..1000,
    ) {
        use crate::settings::Expander;
        use crate::spec::Autoscaled;
        let pool = PoolId(0);
        let range = |min, max| Some(Autoscaled { min, max, priority: (seed % 3) as i32 });
        let all: Vec<NodeId> = (0..nodes).map(NodeId).collect();
        let mut drain = drain_settings();
        drain.timeout = Duration::mins(5);
        let example = Example::new()
            .pool("a", nodes)
            .with_pool(|p| { p.autoscaler = range(min, min + more); p.room = Some(room); })
            .workload("daemon", WorkloadKind::DaemonSet, all.clone())
            .workload("w", WorkloadKind::Deployment, (0..replicas).map(|i| NodeId(i % nodes)).collect())
            .minimum(1)
            .budget(BudgetRule::MaxUnavailable(Quantity::Count(slack)))
            .with_shape(|s| s.requests.cpu = cpu.min(3700 / i64::from(replicas.div_ceil(nodes).max(1))))
            .deployment("other", replicas)
            .pool("b", second)
            .with_pool(|p| { p.autoscaler = range(0, 6); })
            .settings(|s| {
                s.failures.per_hour = failures;
                s.failures.down = crate::random::Dist::Exponential { mean: Duration::mins(20) };
                s.provisioning.bootstrap_failure = 0.2;
                s.provisioning.allocation_failure = 0.1;
                s.autoscaler.expander =
                    [Expander::Random, Expander::LeastWaste, Expander::MostPods, Expander::Priority, Expander::Price][expander];
                s.autoscaler.max_graceful_termination = Duration::secs(7);
            })
            .change(Duration::mins(5), Operation::SetReplicas { workload: crate::WorkloadId(1), replicas: wanted });
        let operation = match operation {
            0 => Operation::Scale { pool, count: wanted, drain },
            1 => Operation::DeletePool { pool, drain },
            2 => Operation::Drain { nodes: all, drain },
            3 => Operation::DeleteNodes { nodes: vec![NodeId(0)] },
            4 => Operation::SetAutoscaler { pool, range: None, takes: Duration::secs(9) },
            5 => Operation::SetAutoscaler { pool, range: range(1, 2), takes: Duration::secs(9) },
            _ => Operation::SetReplicas { workload: crate::WorkloadId(1), replicas },
        };
        let example = example.change(Duration::mins(at), operation);
        let scenario = if seed % 2 == 0 { example.upgrade(pool, Quantity::Count(slack)) } else { example }
            .horizon(Duration::mins(180)).build();
        let found = pairs(&scenario, 2, 1);
        prop_assert_eq!(&found, &pairs(&scenario, 2, 1));
        for pair in pairs(&scenario.do_nothing(), 2, 1) {
            prop_assert_eq!(pair.proposal, pair.baseline);
        }
        // Doing nothing, pools keep to their ranges.
        let trace = crate::trace(&scenario.do_nothing(), 11, 0);
        let (mut size, mut leaving) = ([nodes, second], std::collections::BTreeSet::new());
        for entry in trace.log {
            use crate::outcome::Incident;
            let pool = |node: NodeId| trace.nodes[node.0 as usize].pool.0 as usize;
            match entry.what {
                Incident::NodeRequested { node, .. } => {
                    size[pool(node)] += 1;
                    prop_assert!(size[pool(node)] <= [min + more, 6][pool(node)]);
                }
                Incident::AutoscalerRemoves { node } => {
                    leaving.insert(node);
                    let gone = leaving.iter().filter(|n| pool(**n) == pool(node)).count() as u32;
                    prop_assert!(size[pool(node)] - gone >= [min, 0][pool(node)]);
                }
                Incident::NodeUncordoned { node } => { leaving.remove(&node); }
                Incident::NodeDeleted { node } => {
                    leaving.remove(&node);
                    size[pool(node)] -= 1;
                }
                _ => {}
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn invariants_hold_on_random_clusters(
        nodes in 1u32..6, second in 0u32..4, replicas in 1u32..9, min in 0u32..4, kind in 0usize..4, operation in 0..7,
        surge in 0u32..4, cpu in 50i64..2500, failures in 0.0..6.0f64, seed in 0u64..1000,
    ) {
        let kind = [WorkloadKind::Deployment, WorkloadKind::StatefulSet, WorkloadKind::Job, WorkloadKind::Bare][kind];
        let hosts = (0..replicas).map(|i| NodeId(i % nodes)).collect();
        let mut drain = drain_settings();
        drain.timeout = Duration::mins(5);
        drain.undrainable = [Undrainable::Fail, Undrainable::Quarantine, Undrainable::Force][seed as usize % 3];
        let all: Vec<NodeId> = (0..nodes).map(NodeId).collect();
        let pool = PoolId(0);
        let mut example = Example::new()
            .pool("a", nodes)
            .workload("daemon", WorkloadKind::DaemonSet, all.clone())
            .workload("w", kind, hosts)
            .minimum(1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(min)))
            .with_shape(|s| { s.requests.cpu = cpu; s.priority = (seed % 2) as i32; });
        example = example.deployment("other", replicas).with_shape(|s| s.requests.cpu = 700).pool("b", second);
        let operation = match operation {
            0 => Operation::Scale { pool, count: surge, drain },
            1 => Operation::DeletePool { pool, drain },
            2 => Operation::Drain { nodes: all, drain },
            3 => Operation::DeleteNodes { nodes: vec![NodeId(0)] },
            4 => Operation::SetReplicas { workload: crate::WorkloadId(1), replicas: surge },
            _ => return {
                let scenario = example.upgrade(pool, Quantity::Count(surge)).settings(|s| {
                    s.failures.per_hour = failures;
                    s.failures.down = crate::random::Dist::Exponential { mean: Duration::mins(6) };
                    s.provisioning.bootstrap_failure = 0.05;
                }).build();
                pairs(&scenario, 2, 1);
                Ok(())
            },
        };
        let scenario = example.change(Duration::mins(1), operation).settings(|s| {
            s.failures.per_hour = failures;
            s.failures.down = crate::random::Dist::Exponential { mean: Duration::mins(6) };
        }).build();
        let result = paired(&scenario, Runs { seed, first: 0, trials: 2, threads: 1 }, &|_| {});
        prop_assert_eq!(result.len(), 2);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Operations of every kind asked for at random times of the same two pools, with failures under them: the invariants
    /// hold, everything that begins ends or is still at work, and pools have one operation at a time.
    #[test]
    fn operations_at_random_take_turns_and_end(
        nodes in 1u32..5, room in 0u32..7, replicas in 1u32..7, min in 0u32..3, failures in 0.0..4.0f64,
        asked in proptest::collection::vec((0u64..90, 0u32..11, 0u32..2, 0u32..5, 0usize..3, 0usize..3), 1..6),
    ) {
        use crate::change::{BlueGreenSettings, Busy, Replacement, UpgradeSettings};
        let mut example = Example::new()
            .pool("a", nodes)
            .with_pool(|p| {
                p.room = Some(room);
                p.deallocates = (room % 2 == 0).then_some(crate::random::Dist::Constant(Duration::secs(60)));
            })
            .workload("daemon", WorkloadKind::DaemonSet, (0..nodes).map(NodeId).collect())
            .deployment("w", replicas)
            .minimum(1)
            .budget(BudgetRule::MinAvailable(Quantity::Count(min)))
            .pool("b", 2)
            .deployment("other", replicas)
            .settings(|s| {
                s.failures.per_hour = failures;
                s.failures.down = crate::random::Dist::Exponential { mean: Duration::mins(6) };
                s.provisioning.bootstrap_failure = 0.1;
                s.provisioning.allocation_failure = 0.1;
            });
        let mut asked = asked;
        asked.sort();
        for &(at, kind, pool, count, undrainable, busy) in &asked {
            let mut drain = drain_settings();
            drain.timeout = Duration::mins(3);
            drain.undrainable = [Undrainable::Fail, Undrainable::Quarantine, Undrainable::Force][undrainable];
            let (pool, takes) = (PoolId(pool), Duration::secs(7));
            let how = UpgradeSettings {
                max_surge: Quantity::Count(count),
                max_blocked: Quantity::Count(1),
                replacement: [Replacement::Reimage, Replacement::Recreate][busy % 2],
                ..UpgradeSettings::one_by_one(drain)
            };
            let green = BlueGreenSettings {
                batch: Quantity::Count(count),
                batch_soak: Duration::secs(60),
                final_soak: Duration::mins(10),
                drain,
                shapes: Vec::new(),
            };
            let operation = match kind {
                0 => Operation::Scale { pool, count, drain },
                1 => Operation::DeletePool { pool, drain },
                2 | 3 => Operation::Upgrade { pool, how },
                4 | 5 => Operation::BlueGreen { pool, how: green },
                6 | 7 => Operation::Abort { pool, takes },
                8 => Operation::Rollback { pool, drain },
                9 => Operation::DeleteNodes { nodes: vec![NodeId(0)] },
                _ => Operation::Settings { pool, takes },
            };
            example = example
                .change(Duration::mins(at), operation)
                .admission(|a| a.busy = [Busy::Waits, Busy::Refused, Busy::Displaces][busy]);
        }
        let scenario = example.horizon(Duration::mins(240)).build();
        let pairs = pairs(&scenario, 2, 1);
        let mut spans: Vec<(PoolId, crate::Time, crate::Time)> = Vec::new();
        for (planned, run) in scenario.changes.iter().zip(&pairs[0].proposal.operations) {
            let Some(end) = run.ended else { continue };
            prop_assert!(run.started <= end);
            if let Some(pool) = planned.operation.pool()
                && end > run.started
            {
                prop_assert!(
                    spans.iter().all(|(p, from, until)| *p != pool || *until <= run.started || end <= *from),
                    "{spans:?} {pool:?} {run:?}"
                );
                spans.push((pool, run.started, end));
            }
        }
    }
}
