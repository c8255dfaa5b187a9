//! Every cause and mechanism can be switched off by name: what it brings about never happens then, or is the same in every
//! trial, while the rest of the story goes on.

use std::collections::BTreeSet;

use crate::change::Operation;
use crate::example::{Example, drain_settings};
use crate::outcome::{Incident, Trace};
use crate::random::Dist;
use crate::scenario::{Happening, Scripted};
use crate::settings::{Cause, Expander};
use crate::spec::{Autoscaled, BudgetRule, Quantity, Role, Scaling, Service, WorkloadKind};
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId, Scenario, WorkloadId, trace};

const TRIALS: u32 = 40;

/// A cluster in which everything that can be switched off happens in some of the trials.
pub(super) fn eventful() -> Scenario {
    let spread = |median: u64| Dist::LogNormal { median: Duration::secs(median), sigma: 0.8 };
    let timed = |w: &mut crate::spec::WorkloadSpec| {
        w.pull = spread(10);
        w.start = spread(5);
        w.readiness = spread(8);
        w.exit = spread(4);
    };
    let mut scenario = Example::new()
        .pool("p", 4)
        .with_pool(|p| {
            p.provision = spread(150);
            p.reimage = spread(200);
            p.delete = spread(30);
        })
        .deployment("web", 6)
        .minimum(5)
        .budget(BudgetRule::MaxUnavailable(Quantity::Count(1)))
        .with_shape(|s| s.requests.cpu = 900)
        .with(|w| {
            timed(w);
            w.follows_load = true;
            w.scaling = Some(Scaling::Utilisation { min: 6, max: 14, target_percent: 70.0 });
        })
        .deployment("dns", 2)
        .minimum(1)
        .with(|w| {
            timed(w);
            w.role = Role::Dns;
            w.follows_load = true;
            w.scaling = Some(Scaling::Ladder { cores: vec![(1, 2)], nodes: vec![(1, 2), (5, 3)] });
            w.service = Some(Service::plain(2000.0, 2500.0, 1e-5));
        })
        .workload("batch", WorkloadKind::Deployment, (0..4).map(NodeId).collect())
        .with_shape(|s| {
            s.requests.cpu = 1000;
            s.priority = -100;
        })
        .with(timed)
        .pool("q", 1)
        .with_pool(|p| p.autoscaler = Some(Autoscaled { min: 1, max: 5, priority: 1 }))
        .pool("r", 1)
        .with_pool(|p| p.autoscaler = Some(Autoscaled { min: 1, max: 5, priority: 1 }))
        .settings(|s| {
            s.failures.per_hour = 0.3;
            s.failures.down = spread(900);
            s.failures.zone_per_hour = 0.1;
            s.failures.zone_down = spread(900);
            s.provisioning.allocation_failure = 0.1;
            s.provisioning.bootstrap_failure = 0.1;
            s.provisioning.gap_share = 0.5;
            s.provisioning.gap = spread(60);
            s.bursts.per_hour = 1.0;
            s.bursts.ramp = spread(60);
            s.bursts.hold = spread(600);
            s.autoscaler.expander = Expander::Random;
        })
        .upgrade(PoolId(0), Quantity::Count(1))
        .change(Duration::mins(90), Operation::Drain { nodes: vec![NodeId(0), NodeId(1)], drain: drain_settings() })
        .horizon(Duration::mins(180))
        .build();
    let surge = Happening::Load { target: Some(WorkloadId(0)), factor: 2.0 };
    scenario.script.push(Scripted { at: Time(40 * 60_000_000), what: surge });
    scenario
}

fn traces(off: &[Cause]) -> Vec<Trace> {
    let mut scenario = eventful();
    scenario.settings.off = off.to_vec();
    (0..TRIALS).map(|trial| trace(&scenario, 5, trial)).collect()
}

/// How often something occurs over all trials.
fn count(traces: &[Trace], what: impl Fn(&Incident) -> bool) -> usize {
    traces.iter().flat_map(|t| &t.log).filter(|entry| what(&entry.what)).count()
}

#[test]
fn what_is_switched_off_never_happens() {
    use crate::outcome::Failure;
    type Sign = fn(&Incident) -> bool;
    let ended = |failure: Failure| move |i: &Incident| matches!(i, Incident::OperationEnded { failure: Some(f), .. } if *f == failure);
    let table: [(Cause, Sign); 8] = [
        (Cause::Burst, |i| matches!(i, Incident::LoadChanged { target: None, .. })),
        (Cause::ProvisioningFailure, |i| {
            matches!(
                i,
                Incident::OperationEnded { failure: Some(Failure::AllocationFailed | Failure::BootstrapFailed), .. }
            )
        }),
        (Cause::DisruptionBudgets, |i| matches!(i, Incident::EvictionRefused { .. })),
        (Cause::Preemption, |i| matches!(i, Incident::PodPreempted { .. })),
        (Cause::HorizontalAutoscaler, |i| matches!(i, Incident::ReplicasChanged { workload: WorkloadId(0), .. })),
        (Cause::ProportionalAutoscaler, |i| matches!(i, Incident::ReplicasChanged { workload: WorkloadId(1), .. })),
        (Cause::Autoscaler, |i| matches!(i, Incident::AutoscalerAdds { .. } | Incident::AutoscalerRemoves { .. })),
        (Cause::Capacity, |i| matches!(i, Incident::PodUnschedulable { .. })),
    ];
    let all = traces(&[]);
    for (cause, sign) in table {
        assert!(count(&all, sign) > 0, "{cause:?} shows when it is on");
        // Without any node that is Ready nothing fits, however large nodes are.
        let nodes_live = [Cause::NodeFailure, Cause::ZoneFailure].into_iter().filter(|_| cause == Cause::Capacity);
        let off: Vec<Cause> = nodes_live.chain([cause]).collect();
        assert_eq!(count(&traces(&off), sign), 0, "{cause:?}");
    }
    for (cause, failure) in
        [(Cause::AllocationFailure, Failure::AllocationFailed), (Cause::BootstrapFailure, Failure::BootstrapFailed)]
    {
        assert!(count(&all, ended(failure)) > 0, "{cause:?} shows when it is on");
        assert_eq!(count(&traces(&[cause]), ended(failure)), 0, "{cause:?}");
    }
    // Nodes die of themselves or with their zone.
    let dies = |i: &Incident| matches!(i, Incident::NodeDied { .. });
    let (none, nodes) = (traces(&[Cause::NodeFailure, Cause::ZoneFailure]), traces(&[Cause::ZoneFailure]));
    assert_eq!(count(&none, dies), 0);
    assert!(0 < count(&nodes, dies) && count(&nodes, dies) < count(&all, dies));
    // Without a surge gap nothing is drained before the surge node is ready.
    let early = |traces: &[Trace]| {
        traces.iter().any(|t| {
            let first = |sign: fn(&Incident) -> bool| t.log.iter().find(|e| sign(&e.what)).map(|e| e.at);
            let drains = first(|i| matches!(i, Incident::NodeDrainStarted { .. }));
            let ready = first(|i| matches!(i, Incident::NodeReady { node } if node.0 >= 6));
            drains.zip(ready).is_some_and(|(drains, ready)| drains < ready)
        })
    };
    let calm = [Cause::NodeFailure, Cause::ZoneFailure, Cause::Autoscaler, Cause::ProvisioningFailure];
    assert!(early(&traces(&calm)));
    assert!(!early(&traces(&[&calm[..], &[Cause::SurgeGap]].concat())));
}

/// Times from one incident to the next of another kind.
fn spans(trace: &Trace, from: fn(&Incident) -> bool, to: fn(&Incident) -> bool) -> Vec<u64> {
    let mut since = None;
    let mut found = Vec::new();
    for entry in &trace.log {
        if from(&entry.what) {
            since = Some(entry.at);
        } else if to(&entry.what) {
            found.extend(since.take().map(|began| entry.at.since(began).0));
        }
    }
    found
}

#[test]
fn what_is_fixed_to_its_median_is_the_same_in_every_trial() {
    // (what takes the spread out, what is measured): distinct values over the trials.
    type Measure = fn(&Trace) -> Vec<u64>;
    let starts: Measure =
        |t| spans(t, |i| matches!(i, Incident::PodBound { .. }), |i| matches!(i, Incident::PodReady { .. }));
    let upgrade: Measure = |t| t.outcome.operations[0].ended.map(|end| end.0).into_iter().collect();
    let noticed: Measure =
        |t| spans(t, |i| matches!(i, Incident::NodeDied { .. }), |i| matches!(i, Incident::NodeNotReady { .. }));
    let back: Measure =
        |t| spans(t, |i| matches!(i, Incident::NodeDied { .. }), |i| matches!(i, Incident::NodeReady { .. }));
    let loads: Measure = |t| {
        // The first burst alone: without a ramp it reaches its top at once.
        let load = |e: &crate::outcome::Entry| match e.what {
            Incident::LoadChanged { percent, .. } => Some((e.at, u64::from(percent))),
            _ => None,
        };
        let first = t.log.iter().find_map(load).map(|(at, _)| at);
        let top = t.log.iter().filter_map(load).filter(|&(at, _)| Some(at) == first).map(|(_, percent)| percent).max();
        top.into_iter().collect()
    };
    let scans: Measure = |t| {
        let adds = |e: &crate::outcome::Entry| match e.what {
            Incident::AutoscalerAdds { .. } => Some(e.at.0),
            _ => None,
        };
        t.log.iter().find_map(adds).into_iter().collect()
    };
    let pools: Measure = |t| {
        let adds = |e: &crate::outcome::Entry| match e.what {
            Incident::AutoscalerAdds { pool, .. } => Some(u64::from(pool.0)),
            _ => None,
        };
        t.log.iter().find_map(adds).into_iter().collect()
    };
    let hosts: Measure = |t| {
        let bound = |e: &crate::outcome::Entry| match e.what {
            Incident::PodBound { node, .. } => Some(u64::from(node.0)),
            _ => None,
        };
        t.log.iter().find_map(bound).into_iter().collect()
    };
    let spread = |median: u64| Dist::LogNormal { median: Duration::secs(median), sigma: 0.8 };
    let pods = |edit: &dyn Fn(&mut crate::spec::WorkloadSpec)| {
        let mut example = Example::new().pool("p", 2).deployment("web", 1);
        example = example.with(|w| edit(w));
        example.change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() }).build()
    };
    let dying = || {
        let mut scenario = Example::new().pool("p", 1).settings(|s| s.failures.down = spread(600)).build();
        scenario.settings.failures.per_hour = 0.9;
        scenario
    };
    let growing = |pools: u32| {
        let mut example = Example::new().pool("p", 1).workload("web", WorkloadKind::Deployment, vec![]);
        example = example.with_shape(|s| s.requests.cpu = 3800);
        for name in ["q", "r", "s"].into_iter().take(pools as usize) {
            let range = Autoscaled { min: 0, max: 5, priority: 1 };
            example = example.pool(name, 0).with_pool(|p| p.autoscaler = Some(range));
        }
        let more = Operation::SetReplicas { workload: WorkloadId(0), replicas: 3 };
        example.change(Duration::secs(25), more).build()
    };
    let bursting = || {
        Example::new()
            .pool("p", 1)
            .deployment("web", 1)
            .with(|w| w.follows_load = true)
            .settings(|s| s.bursts.per_hour = 0.2)
            .horizon(Duration::mins(600))
            .build()
    };
    let choice = || {
        let place = Operation::SetReplicas { workload: WorkloadId(0), replicas: 1 };
        Example::new()
            .pool("p", 9)
            .workload("web", WorkloadKind::Deployment, vec![])
            .change(Duration::ZERO, place)
            .build()
    };
    let upgraded = || {
        let mut scenario = Example::new().pool("p", 2).upgrade(PoolId(0), Quantity::Count(1)).build();
        let pool = &mut scenario.cluster.pools.rows_mut()[0];
        (pool.provision, pool.reimage, pool.delete) = (spread(150), spread(200), spread(30));
        scenario
    };
    let cases: Vec<(&[Cause], Scenario, Measure)> = vec![
        (&[Cause::SlowStart], pods(&|w| (w.pull, w.start, w.readiness) = (spread(9), spread(8), spread(7))), starts),
        (&[Cause::PullTime], pods(&|w| w.pull = spread(9)), starts),
        (&[Cause::StartTime], pods(&|w| w.start = spread(9)), starts),
        (&[Cause::ReadinessTime], pods(&|w| w.readiness = spread(9)), starts),
        (&[Cause::ExitTime], pods(&|w| w.exit = spread(9)), upgrade),
        (&[Cause::NodeTimes], upgraded(), upgrade),
        (&[Cause::RepairTimes], dying(), back),
        (&[Cause::DetectionPhase], dying(), noticed),
        (&[Cause::BurstShape], bursting(), loads),
        (&[Cause::ClockPhases], growing(1), scans),
        (&[Cause::ExpanderChoice], growing(3), pools),
        (&[Cause::TieBreak], choice(), hosts),
    ];
    for (off, mut scenario, measure) in cases {
        let mut distinct = |off: &[Cause]| {
            scenario.settings.off = off.to_vec();
            let traces = (0..TRIALS).map(|trial| trace(&scenario, 3, trial));
            traces.flat_map(|t| measure(&t)).collect::<BTreeSet<u64>>().len()
        };
        assert!(distinct(&[]) > 1, "{off:?} shows when it is on");
        assert_eq!(distinct(off), 1, "{off:?}");
    }
}

#[test]
fn neutral_values_of_mechanisms() {
    // Evictions without a gap: the successor is ready at once, so nothing is ever out.
    let drained = |off: Vec<Cause>| {
        let mut scenario = Example::new()
            .pool("p", 2)
            .deployment("web", 1)
            .minimum(1)
            .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain: drain_settings() })
            .build();
        scenario.settings.off = off;
        crate::simulate(&scenario, 1, 0).workloads[0].out
    };
    assert_eq!((drained(vec![]), drained(vec![Cause::EvictionGap])), (Duration::secs(10), Duration::ZERO));
    // Pods on a lost node stay.
    let lost = |off: Vec<Cause>| {
        let mut scenario = Example::new().pool("p", 2).deployment("web", 1).minimum(1).build();
        let what = Happening::NodeFailure { node: NodeId(0), down: Duration::mins(60) };
        scenario.script.push(Scripted { at: Time::ZERO, what });
        scenario.settings.off = off;
        crate::simulate(&scenario, 1, 0).counts.placements
    };
    assert_eq!((lost(vec![]), lost(vec![Cause::UnreachableEviction])), (1, 0));
    // Decisions cost no time.
    let last = |off: Vec<Cause>| {
        let place = Operation::SetReplicas { workload: WorkloadId(0), replicas: 300 };
        let mut scenario = Example::new()
            .pool("p", 9)
            .workload("web", WorkloadKind::Deployment, vec![])
            .with_shape(|s| s.requests.cpu = 1)
            .change(Duration::ZERO, place)
            .build();
        scenario.settings.off = off;
        let bound = trace(&scenario, 1, 0).log.into_iter().filter(|e| matches!(e.what, Incident::PodBound { .. }));
        bound.map(|e| e.at).max()
    };
    assert!(last(vec![]) > Some(Time(3_900_000)));
    assert_eq!(last(vec![Cause::SchedulingTime]), Some(Time::ZERO));
    // Contention: the load of the neighbours does not reach DNS.
    let starved = |off: Vec<Cause>| {
        let mut scenario = Example::new()
            .pool("p", 1)
            .deployment("web", 20)
            .with(|w| w.cpu_use = 2000)
            .deployment("dns", 1)
            .minimum(1)
            .with(|w| {
                w.follows_load = true;
                w.service = Some(Service::plain(2000.0, 2500.0, 1e-3));
            })
            .build();
        scenario.settings.off = off;
        crate::simulate(&scenario, 1, 0).workloads[0].lost
    };
    assert!(starved(vec![]) > 0.0);
    assert_eq!(starved(vec![Cause::Contention]), 0.0);
}
