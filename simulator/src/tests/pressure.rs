//! Kubelets short of memory: whom they evict, what becomes of the node. Expectations: kubelet v1.34 pkg/kubelet/eviction.

use super::check;
use crate::example::Example;
use crate::scenario::Happening;
use crate::settings::Cause;
use crate::spec::{BudgetRule, Quantity, WorkloadKind};
use crate::time::Duration;
use crate::{NodeId, WorkloadId, simulate};

const MIB: i64 = 1 << 20;

/// One node of 13,000 MiB and no spread; kubelets look at 5, 15, 25 s and so on.
fn node() -> Example {
    Example::new().pool("p", 1).horizon(Duration::mins(8)).settings(|s| {
        s.off = vec![Cause::ClockPhases];
        s.scheduler.cycle = Duration::ZERO;
    })
}

fn uses(example: Example, name: &str, pods: usize, asked: i64, used: i64, priority: i32) -> Example {
    example
        .workload(name, WorkloadKind::Deployment, vec![NodeId(0); pods])
        .with_shape(|s| {
            s.requests.memory = asked * MIB;
            s.priority = priority;
        })
        .with(|w| w.memory.used = Some(used * MIB))
}

#[test]
fn pods_above_their_requests_go_first_then_low_priority_then_the_greediest() {
    // 14,100 MiB on 13,000. `modest` keeps to its requests and stays though its priority is lowest; `vip` is above them and
    // stays for its priority; of the others the one 4,000 above goes, not the one 100 above. What its owner makes in its place
    // may come back to the node, since it has requests, and has to go again; it is 8,000 as soon as it is ready.
    let example = uses(node(), "modest", 1, 2000, 2000, -5);
    let example = uses(example, "vip", 1, 1000, 4000, 1000);
    let example = uses(example, "slightly", 1, 0, 100, 0);
    let example = uses(example, "greedy", 1, 4000, 8000, 0).budget(BudgetRule::MaxUnavailable(Quantity::Count(0)));
    check(
        &example.horizon(Duration::secs(30)).build(),
        "5s p-0 short of memory
         5s greedy pressed out of p-0
         5s greedy to p-0
         15s greedy ready
         15s greedy pressed out of p-0
         15s greedy to p-0
         25s greedy ready
         25s greedy pressed out of p-0
         25s greedy to p-0",
    );
}

#[test]
fn critical_pods_stay_whatever_they_use() {
    let example = uses(node(), "dns", 1, 100, 9000, 2_000_000_000);
    let example = uses(example, "app", 1, 5000, 5000, 0);
    check(
        &example.horizon(Duration::secs(12)).build(),
        "5s p-0 short of memory
         5s app pressed out of p-0
         5s app to p-0",
    );
    let example = uses(node(), "dns", 1, 100, 14_000, 2_000_000_000);
    check(&example.build(), "5s p-0 short of memory");
}

#[test]
fn the_taint_keeps_pods_without_requests_off_for_five_minutes() {
    let example = uses(node(), "free", 1, 0, 3000, 0).with_shape(|s| s.requests.cpu = 0);
    let example = uses(example, "app", 1, 9000, 12_000, 100);
    check(
        &example.build(),
        "5s p-0 short of memory
         5s free pressed out of p-0
         5s free unschedulable
         305s p-0 relieved
         305s free to p-0
         315s free ready
         315s p-0 short of memory
         315s free pressed out of p-0
         315s free unschedulable",
    );
}

#[test]
fn memory_that_follows_the_load_is_short_in_a_burst() {
    let evicted = |with_load: f64, limit: Option<i64>, off: bool| {
        let mut scenario = uses(node(), "app", 2, 5000, 5000, 0)
            .with(|w| (w.follows_load, w.memory.with_load, w.memory.limit) = (true, with_load, limit.map(|m| m * MIB)))
            .happens(Duration::secs(60), Happening::Load { target: Some(WorkloadId(0)), factor: 2.0 })
            .horizon(Duration::secs(70))
            .build();
        if off {
            scenario.settings.off.push(Cause::PressureEviction);
        }
        simulate(&scenario, 1, 0).counts.pressure_evictions
    };
    assert_eq!(evicted(0.0, None, false), 0);
    assert_eq!(evicted(1.0, None, false), 1);
    assert_eq!(evicted(1.0, Some(6500), false), 0, "a limit keeps it at 13,000 in all");
    assert_eq!(evicted(1.0, None, true), 0);
}
