//! What a drain evicts, what it waits for and what it leaves.

use crate::change::{DrainSettings, Operation};
use crate::example::{Example, drain_settings};
use crate::random::Dist;
use crate::spec::{BudgetRule, Quantity, WorkloadKind};
use crate::tests::{check, story};
use crate::time::Duration;
use crate::{NodeId, Scenario};

fn drained(example: Example, timeout: u64) -> Scenario {
    let drain = DrainSettings { timeout: Duration::secs(timeout), ..drain_settings() };
    example
        .change(Duration::ZERO, Operation::Drain { nodes: vec![NodeId(0)], drain })
        .horizon(Duration::mins(10))
        .build()
}

/// Azure/AKS issue 3384: with one of two replicas Pending, the budget of AKS' own CoreDNS allows nothing, and AKS' own drain
/// cannot end.
#[test]
fn aks_own_budget_blocks_aks_own_drain_while_one_replica_has_no_node() {
    let dns = Example::new()
        .pool("p", 1)
        .workload("coredns", WorkloadKind::Deployment, vec![NodeId(0)])
        .with(|w| w.replicas = 2)
        .budget(BudgetRule::MinAvailable(Quantity::Count(1)));
    check(
        &drained(dns, 12),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s coredns refused
         0s coredns unschedulable
         12s p-0 stuck
         12s p-0 uncordoned
         12s end DrainTimedOut { workload: Some(WorkloadId(0)), budget: Some(BudgetId(0)) }
         12s coredns to p-0
         22s coredns ready",
    );
}

/// Eviction API clients of AKS ask again every 5 s (Azure/AKS issue 4720).
#[test]
fn a_refused_eviction_is_asked_for_again_every_five_seconds() {
    let web = Example::new()
        .pool("p", 2)
        .workload("web", WorkloadKind::Deployment, vec![NodeId(0), NodeId(0)])
        .with(|w| w.readiness = Dist::Constant(Duration::secs(11)))
        .budget(BudgetRule::MaxUnavailable(Quantity::Count(1)));
    let evictions = |scenario: &Scenario| {
        let lines = story(scenario);
        let at = |l: &str| l.split('s').next().map(str::to_owned).unwrap();
        lines.lines().filter(|l| l.contains("evicted")).map(at).collect::<Vec<_>>().join(" ")
    };
    // The replacement is ready at 11 s: the attempt at 10 s is too early, the one at 15 s is granted.
    assert_eq!(evictions(&drained(web, 600)), "0 15");
}

/// Kubernetes v1.34 eviction.go: IfHealthyBudget lets a pod that is not ready go while the budget is met, AlwaysAllow always.
#[test]
fn a_pod_that_is_not_ready_goes_by_the_policy_of_its_budget() {
    let web = |always, min| {
        let mut scenario = drained(
            Example::new()
                .pool("p", 2)
                .workload("web", WorkloadKind::Deployment, vec![NodeId(1), NodeId(0)])
                .with(|w| w.readiness = Dist::Constant(Duration::mins(60)))
                .budget(BudgetRule::MinAvailable(Quantity::Count(min))),
            12,
        );
        scenario.cluster.pods[1].ready = false;
        scenario.cluster.budgets.rows_mut()[0].always_allow_unhealthy = always;
        story(&scenario).contains("web evicted from p-0")
    };
    // One of two is ready. With minAvailable 1 the budget is met; with 2 it is not.
    assert_eq!((web(false, 1), web(false, 2), web(true, 2)), (true, false, true));
}

/// kubectl v1.34 drain filters: daemons and static pods stay and are not waited for; bare pods go for good.
#[test]
fn daemons_and_static_pods_stay_and_bare_pods_go() {
    let all = Example::new()
        .pool("p", 2)
        .workload("cns", WorkloadKind::DaemonSet, vec![NodeId(0), NodeId(1)])
        .workload("static", WorkloadKind::Mirror, vec![NodeId(0)])
        .workload("alone", WorkloadKind::Bare, vec![NodeId(0)]);
    check(
        &drained(all, 600),
        "0s start
         0s p-0 cordoned
         0s p-0 drains
         0s alone evicted from p-0
         5s p-0 drained
         5s end",
    );
}

/// A pod may take its whole grace period and no more; a drain that ends before it fails without any budget.
#[test]
fn a_pod_that_stops_slowly_is_killed_at_the_end_of_its_grace() {
    let slow = |timeout| {
        let web =
            Example::new().pool("p", 2).deployment("web", 1).with(|w| w.exit = Dist::Constant(Duration::mins(60)));
        story(&drained(web, timeout)).lines().last().map(str::to_owned).unwrap()
    };
    assert_eq!(slow(600), "30s end");
    assert_eq!(slow(20), "20s end DrainTimedOut { workload: None, budget: None }");
}
