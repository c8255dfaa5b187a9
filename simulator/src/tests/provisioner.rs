//! Node auto-provisioning: when it makes nodes, of which size, and how it takes them away.
//!
//! Rules: Karpenter v1.6, docs concepts/disruption and concepts/nodepools; times follow from `process/provisioner.rs`. Looks are on
//! 5 s, 15 s, ... (the phase at its median).

use super::{check, story};
use crate::change::Operation;
use crate::example::Example;
use crate::random::Dist;
use crate::settings::Cause;
use crate::spec::{
    BudgetRule, ClusterSpec, Disruption, DisruptionLimit, NodeSpec, Provisioner, Quantity, Resources, WorkloadKind,
};
use crate::time::Duration;
use crate::{NodeId, PoolId, WorkloadId};

const SMALL: PoolId = PoolId(1);
const LARGE: PoolId = PoolId(2);
const WEB: WorkloadId = WorkloadId(0);

/// Cores and price of the sizes: 2 cores for 0.1 USD, 8 for 0.4.
fn size(c: &mut ClusterSpec, pool: PoolId, cores: i64, usd: f64) {
    let spec = &mut c.pools[pool];
    spec.provision = Dist::Constant(Duration::secs(85));
    spec.usd_per_hour = Some(usd);
    for shape in spec.templates.clone() {
        let shape = &mut c.node_shapes[shape];
        shape.labels.insert("karpenter.sh/nodepool".into(), "default".into());
        shape.cores = cores * 1000;
        shape.allocatable = Resources { cpu: cores * 950, ..shape.allocatable };
    }
}

/// A full node of its own pool, and a NodePool with two sizes; a Deployment `web` with a pod of `cpu` on that node.
fn nap(cpu: i64) -> Example {
    let example = Example::new().pool("system", 1).zones(1).pool("small", 0).zones(1).pool("large", 0).zones(1);
    let example = example.edit(|c| {
        size(c, SMALL, 2, 0.1);
        size(c, LARGE, 8, 0.4);
        c.node_shapes[c.pools[PoolId(0)].templates[0]].allocatable.cpu = cpu;
        c.provisioners.push(Provisioner { budgets: Vec::new(), ..Provisioner::new("default", vec![SMALL, LARGE]) });
    });
    example
        .workload("web", WorkloadKind::Deployment, vec![NodeId(0)])
        .with_shape(|s| s.requests.cpu = cpu)
        .settings(|s| s.off.push(Cause::ClockPhases))
}

fn with(example: Example, edit: impl FnOnce(&mut Provisioner)) -> Example {
    example.edit(|c| edit(&mut c.provisioners[0]))
}

fn replicas(example: Example, at: u64, replicas: u32) -> Example {
    example.change(Duration::secs(at), Operation::SetReplicas { workload: WEB, replicas })
}

/// Nodes of a size that are there from the start, each with one pod of a workload with so much CPU.
fn there(example: Example, pool: PoolId, name: &'static str, pods: &[i64]) -> Example {
    let mut hosts = Vec::new();
    let example = example.edit(|c| {
        let (shape, mut ordinal) = (c.pools[pool].templates[0], c.pools[pool].next_ordinal);
        for _ in pods {
            let name = format!("{name}-{ordinal}");
            hosts.push(c.nodes.push(NodeSpec { name, pool, shape, ordinal, cordoned: false, ready: true }));
            ordinal += 1;
        }
        c.pools[pool].next_ordinal = ordinal;
    });
    let each = hosts.into_iter().zip(pods).filter(|(_, cpu)| **cpu > 0);
    each.fold(example, |example, (host, &cpu)| {
        let app = example.workload(&format!("app-{}", host.0), WorkloadKind::Deployment, vec![host]);
        app.with_shape(|s| s.requests.cpu = cpu)
    })
}

/// Lines about nodes.
fn nodes(example: Example) -> Vec<String> {
    let told = ["requested", "disrupted", "deleted", "uncordoned", "drained", "end NoRoom"];
    let story = story(&example.build());
    story.lines().filter(|l| told.iter().any(|t| l.contains(t))).map(str::to_owned).collect()
}

#[test]
fn pods_without_room_get_the_cheapest_node_that_holds_them() {
    // Two pods of 900m: the batch ends a second after the last; one small node (1,900m) holds both.
    check(
        &replicas(nap(900), 100, 3).horizon(Duration::secs(250)).build(),
        "100s start
         100s web 1->3
         100s end
         100s web unschedulable
         100s web unschedulable
         101s default-nap-0 requested
         186s default-nap-0 ready
         186s web to default-nap-0
         186s web to default-nap-0
         196s web ready
         196s web ready",
    );
    // Of four, two on each of two small nodes would cost 0.2, a large one 0.4: the first node is planned for all of them.
    let first = |n| nodes(replicas(nap(900), 100, n).horizon(Duration::secs(150)));
    assert_eq!(first(5), ["101s default-nap-0 requested"]);
    // What fits nowhere gets nothing.
    assert!(nodes(replicas(nap(9000), 100, 2)).is_empty());
    assert!(nodes(replicas(nap(900).settings(|s| s.off.push(Cause::NodeProvisioning)), 100, 3)).is_empty());
}

/// `spec.limits`: eight cores leave room for four small nodes, one large one, or none beside it.
#[test]
fn limits_and_quota_bound_what_is_made() {
    let asked = |example: Example| nodes(replicas(example, 100, 20).horizon(Duration::secs(150))).len();
    assert_eq!(asked(nap(900)), 3, "8 pods on each of two large nodes, the others on a third");
    assert_eq!(asked(with(nap(900), |p| p.limits.0 = Some(8000))), 1);
    assert_eq!(asked(with(nap(900), |p| p.limits.0 = Some(1000))), 0);
    // Quota for 20 more cores: two large nodes, and a small one where a large one is not to be had.
    let quota = |free| {
        nap(900).edit(|c| {
            let of = c.supplies.push(crate::spec::Supply { name: "cores".into(), free, code: "QuotaExceeded" });
            c.pools[SMALL].takes.push(crate::spec::Share { of, each: 2 });
            c.pools[LARGE].takes.push(crate::spec::Share { of, each: 8 });
        })
    };
    assert_eq!(asked(quota(8)), 1);
    assert_eq!(asked(quota(0)), 0);
}

/// A size that is refused is left alone for an hour, and the next one taken.
#[test]
fn a_size_that_is_not_to_be_had_is_left_alone() {
    let example = nap(900).settings(|s| s.provisioning.allocation_failure = 1.0);
    let told = nodes(replicas(example, 100, 2).horizon(Duration::mins(62)));
    assert_eq!(
        told,
        [
            "101s default-nap-0 requested",
            "131s default-nap-0 deleted",
            "132s default-nap-1 requested",
            "162s default-nap-1 deleted",
        ]
    );
}

/// consolidationPolicy and consolidateAfter; a consolidation is looked at again after 15 s.
#[test]
fn empty_nodes_go() {
    let example = || there(nap(900), LARGE, "n", &[0]);
    assert_eq!(
        nodes(example()),
        ["20s n-0 disrupted: Empty", "20s n-0 drained", "50s n-0 deleted"],
        "looked at on 5 s, decided on 20 s"
    );
    assert!(nodes(with(example(), |p| p.consolidate_after = None)).is_empty());
    let later = with(example(), |p| p.consolidate_after = Some(Duration::mins(5)));
    assert_eq!(nodes(later)[0], "320s n-0 disrupted: Empty");
    // A pod that comes starts the time anew: it uses the node from 100 s on, and leaves it at 205 s.
    let used = with(example(), |p| p.consolidate_after = Some(Duration::mins(5)));
    assert_eq!(nodes(replicas(replicas(used, 100, 2), 200, 1))[0], "520s n-0 disrupted: Empty");
    // Of two empty nodes a budget of one lets one go at a time.
    let one = DisruptionLimit { nodes: Quantity::Count(1), reason: None };
    let two = || there(nap(900), LARGE, "n", &[0, 0]);
    let at = |lines: Vec<String>| lines.into_iter().filter(|l| l.contains("disrupted")).collect::<Vec<_>>();
    assert_eq!(at(nodes(two())), ["20s n-0 disrupted: Empty", "20s n-1 disrupted: Empty"]);
    assert_eq!(
        at(nodes(with(two(), |p| p.budgets = vec![one]))),
        ["20s n-0 disrupted: Empty", "70s n-1 disrupted: Empty"]
    );
    let none = DisruptionLimit { nodes: Quantity::Count(0), reason: Some(Disruption::Empty) };
    assert!(nodes(with(two(), |p| p.budgets = vec![none])).is_empty());
    let other = DisruptionLimit { nodes: Quantity::Count(0), reason: Some(Disruption::Drifted) };
    assert_eq!(nodes(with(two(), |p| p.budgets = vec![other])).len(), 6);
}

/// A node whose pods fit on a cheaper one: that is made first, and awaited.
#[test]
fn a_hardly_used_node_is_replaced_by_a_cheaper_one() {
    check(
        &there(nap(900), LARGE, "n", &[800]).horizon(Duration::secs(200)).build(),
        "20s n-0 disrupted: Underutilized
         20s n-0 cordoned
         20s default-nap-0 requested
         105s default-nap-0 ready
         105s n-0 drains
         105s app-1 evicted from n-0
         105s app-1 to default-nap-0
         110s n-0 drained
         115s app-1 ready
         140s n-0 deleted",
    );
    let quiet = |example: Example| nodes(example).is_empty();
    assert!(quiet(there(nap(900), SMALL, "n", &[800])), "nothing is cheaper");
    assert!(quiet(with(there(nap(900), LARGE, "n", &[800]), |p| p.consolidates_used = false)), "WhenEmpty");
    let pinned = there(nap(900), LARGE, "n", &[800]).with(|w| w.control.do_not_disrupt = true);
    assert!(quiet(pinned), "karpenter.sh/do-not-disrupt");
    let held = there(nap(900), LARGE, "n", &[800]).budget(BudgetRule::MaxUnavailable(Quantity::Count(0)));
    assert!(quiet(held), "a budget that allows nothing");
}

/// Two half-empty small nodes: one can take the pods of the other; of three, two go for the third.
#[test]
fn several_nodes_are_given_up_together() {
    let gone = |pods: &[i64]| {
        let told = nodes(there(nap(900), SMALL, "n", pods));
        told.into_iter().filter(|l| l.contains("disrupted") || l.contains("requested")).collect::<Vec<_>>()
    };
    assert_eq!(gone(&[900, 900]), ["20s n-0 disrupted: Underutilized"]);
    assert_eq!(gone(&[600, 600, 600]), ["20s n-0 disrupted: Underutilized", "20s n-1 disrupted: Underutilized"]);
    assert!(gone(&[1000, 1000]).is_empty());
}

/// Drift is done before consolidation, one node at a time as budgets allow, and replacements come first.
#[test]
fn drifted_nodes_are_replaced_one_by_one() {
    let one = DisruptionLimit { nodes: Quantity::Count(1), reason: None };
    let example = with(there(nap(900), SMALL, "n", &[1800, 1800]), |p| p.budgets = vec![one]);
    assert_eq!(
        nodes(example.change(Duration::secs(10), Operation::Drift)),
        [
            "15s n-0 disrupted: Drifted",
            "15s default-nap-0 requested",
            "105s n-0 drained",
            "135s n-0 deleted",
            "135s n-1 disrupted: Drifted",
            "135s default-nap-1 requested",
            "225s n-1 drained",
            "255s n-1 deleted",
        ]
    );
    let stays = there(nap(900), SMALL, "n", &[1800]).with(|w| w.control.do_not_disrupt = true);
    assert!(nodes(stays.change(Duration::secs(10), Operation::Drift)).is_empty());
    // A replacement that is not to be had: the node is as it was.
    let refused = there(nap(900), SMALL, "n", &[1800]).settings(|s| s.provisioning.allocation_failure = 1.0);
    let told = nodes(refused.change(Duration::secs(10), Operation::Drift).horizon(Duration::secs(60)));
    assert_eq!(
        told[..4],
        [
            "15s n-0 disrupted: Drifted",
            "15s default-nap-0 requested",
            "45s default-nap-0 deleted",
            "45s n-0 uncordoned"
        ]
    );
}

/// expireAfter is by force: no budget of the NodePool, nothing made before; terminationGracePeriod ends the wait for pods that
/// may not be disrupted or that a disruption budget holds.
#[test]
fn nodes_expire_and_their_grace_period_ends_all_waiting() {
    let old = |grace: Option<u64>| {
        let none = DisruptionLimit { nodes: Quantity::Count(0), reason: None };
        with(there(nap(900), SMALL, "n", &[1800]), |p| {
            p.expire_after = Some(Duration::mins(60));
            p.ages = vec![(NodeId(1), Duration::mins(59))];
            p.budgets = vec![none];
            p.grace = grace.map(Duration::secs);
        })
    };
    assert_eq!(
        nodes(old(None).horizon(Duration::secs(200))),
        ["60s n-0 disrupted: Expired", "61s default-nap-0 requested", "65s n-0 drained", "95s n-0 deleted"]
    );
    let pinned = |grace| nodes(old(grace).with(|w| w.control.do_not_disrupt = true).horizon(Duration::secs(1000)));
    assert_eq!(pinned(None), ["60s n-0 disrupted: Expired"]);
    assert_eq!(
        pinned(Some(600)),
        ["60s n-0 disrupted: Expired", "690s n-0 deleted", "691s default-nap-0 requested"],
        "600 s, and 30 s for the machine to go"
    );
    // A node made in the run gets as old.
    let made = replicas(with(nap(900), |p| p.expire_after = Some(Duration::mins(10))), 100, 2);
    assert!(nodes(made).contains(&"701s default-nap-0 disrupted: Expired".to_owned()));
}
