//! What pools share: who comes first takes it, who comes later is refused, and what goes gives back.
//!
//! AKS docs upgrade-capacity-cost-planning: surge nodes need vCPU quota of family and region like any node; Azure docs quotas:
//! a request beyond the quota is refused as a whole, deallocated machines count.

use super::{POOL, upgrade};
use crate::change::{Operation, Replacement, UpgradeSettings};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::settings::Cause;
use crate::spec::{Autoscaled, Quantity};
use crate::tests::{check, story};
use crate::time::Duration;
use crate::{PoolId, SupplyId, WorkloadId};

const OTHER: PoolId = PoolId(1);

fn scale(pool: PoolId, count: u32) -> Operation {
    Operation::Scale { pool, count, drain: drain_settings() }
}

fn delete(pool: PoolId) -> Operation {
    Operation::DeletePool { pool, drain: drain_settings() }
}

/// Two pools that share quota for `free` more nodes.
fn two(free: u32) -> Example {
    Example::new().pool("p", 1).pool("q", 1).supply("cores", free * 4, 4)
}

#[test]
fn who_comes_first_takes_what_is_left() {
    check(
        &two(2).change(Duration::ZERO, scale(POOL, 3)).change(Duration::secs(1), scale(OTHER, 2)).build(),
        "0s start
         0s p-new-1 requested
         0s p-new-2 requested
         1s start
         1s end NoRoom { supply: Some(SupplyId(0)) }
         150s p-new-1 ready
         150s p-new-2 ready
         150s end",
    );
}

#[test]
fn a_deleted_pool_gives_back() {
    check(
        &two(0)
            .change(Duration::ZERO, scale(OTHER, 2))
            .change(Duration::secs(10), delete(POOL))
            .change(Duration::secs(60), scale(OTHER, 2))
            .horizon(Duration::secs(100))
            .build(),
        "0s start
         0s end NoRoom { supply: Some(SupplyId(0)) }
         10s start
         10s p-0 cordoned
         10s p-0 drains
         10s p-0 drained
         40s p-0 deleted
         40s end
         60s start
         60s q-new-1 requested",
    );
}

/// AKS docs scale-down-mode: deallocated nodes keep their quota; those of the pool are started first.
#[test]
fn a_stopped_node_keeps_its_share() {
    let example = || {
        let stops = |p: &mut crate::spec::PoolSpec| p.deallocates = Some(Dist::Constant(Duration::secs(60)));
        Example::new().pool("q", 0).pool("p", 2).with_pool(stops).supply("cores", 0, 4)
    };
    let (other, own) = (PoolId(0), PoolId(1));
    let later = |example: Example, operation| {
        let example = example.change(Duration::ZERO, scale(own, 1)).change(Duration::secs(100), operation);
        let told = story(&example.horizon(Duration::secs(120)).build());
        told.lines().filter(|l| l.starts_with("100s")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(later(example(), scale(other, 1)), ["100s start", "100s end NoRoom { supply: Some(SupplyId(0)) }"]);
    assert_eq!(later(example(), scale(own, 2)), ["100s start", "100s p-1 requested"]);
}

/// The surge node of one pool takes what the autoscaler of another wanted; it backs off for 5 min and gets it when the surge
/// node is gone.
#[test]
fn a_surge_node_takes_what_an_autoscaler_wanted() {
    let example = Example::new()
        .pool("p", 1)
        .pool("q", 1)
        .with_pool(|p| p.autoscaler = Some(Autoscaled { min: 1, max: 3, priority: 0 }))
        .supply("cores", 4, 4)
        .settings(|s| s.autoscaler.phase = Some(Duration::ZERO))
        .deployment("web", 1)
        .with_shape(|s| {
            s.requests.cpu = 3000;
            s.node_selector.insert("agentpool".into(), "q".into());
        })
        .upgrade(POOL, Quantity::Count(1))
        .change(Duration::secs(5), Operation::SetReplicas { workload: WorkloadId(0), replicas: 2 });
    let told = story(&example.build());
    let told: Vec<&str> = told.lines().filter(|l| l.contains("-new-") || l.contains("auto")).collect();
    assert_eq!(
        told,
        [
            "0s p-new-1 requested",
            "10s autoscaler adds 1 to q",
            "10s autoscaler gives up q",
            "150s p-new-1 ready",
            "310s autoscaler adds 1 to q",
            "310s autoscaler gives up q",
            "350s p-new-1 cordoned",
            "350s p-new-1 drains",
            "350s p-new-1 drained",
            "380s p-new-1 deleted",
            // The second back-off is 10 min.
            "910s autoscaler adds 1 to q",
            "910s q-auto-0 requested",
            "1060s q-auto-0 ready",
            "1060s web to q-auto-0",
        ]
    );
}

/// A machine that is refused or never joins has not used anything up.
#[test]
fn what_never_came_gives_back() {
    let example = two(1).settings(|s| s.provisioning.allocation_failure = 1.0);
    let later = example.change(Duration::ZERO, scale(POOL, 2)).change(Duration::secs(60), scale(OTHER, 2));
    let told = story(&later.horizon(Duration::secs(61)).build());
    assert!(told.contains("30s end AllocationFailed\n60s start\n60s q-new-1 requested"), "{told}");
}

#[test]
fn nothing_is_short_where_quota_is_switched_off() {
    let limited = |e: Example| e.with_pool(|p| p.room = Some(0));
    let scales = |e: Example| story(&e.change(Duration::ZERO, scale(OTHER, 2)).build()).contains("q-new-1 ready");
    assert!(!scales(limited(two(9))) && !scales(two(0)));
    assert!(scales(limited(two(0)).settings(|s| s.off.push(Cause::Quota))));
}

/// Machines of another size draw on the quota of their own family, and those they replace give theirs back.
#[test]
fn a_resize_draws_on_the_new_family() {
    let resize = |new: u32| {
        let mut example = Example::new().pool("p", 2).supply("old", 0, 4).pool("larger", 0);
        example = example.edit(|c| {
            let supply = crate::spec::Supply { name: "new".into(), free: new * 8, code: "QuotaExceeded" };
            let of = c.supplies.push(supply);
            c.pools[OTHER].takes = vec![crate::spec::Share { of, each: 8 }];
        });
        let how = UpgradeSettings { draws_as: Some(OTHER), replacement: Replacement::Recreate, ..upgrade(1) };
        // The old family is free again when all its machines are gone.
        example.change(Duration::ZERO, Operation::Upgrade { pool: POOL, how }).build()
    };
    let ends = |new| {
        let told = story(&resize(new));
        told.lines().filter(|l| l.contains("end") || l.contains("reimaged")).map(str::to_owned).collect::<Vec<_>>()
    };
    let short = format!("end NoRoom {{ supply: Some({:?}) }}", SupplyId(1));
    assert_eq!(ends(0), [format!("0s {short}")]);
    assert_eq!(ends(1), [format!("150s {short}")]);
    assert_eq!(ends(2), ["150s p-0 reimaged".to_owned(), format!("330s {short}")]);
    assert_eq!(ends(3).last().map(String::as_str), Some("540s end"));
}
