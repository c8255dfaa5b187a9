//! Cases of the rules about pods: budgets, drains, where system pods stand.

use simulator::spec::{BudgetRule, Quantity, Toleration};

use super::{Expect, Row, add, budget, mode, node_name, pod, rows, upgrade, upgrade_with};
use crate::change::{Operation, PoolFields, UpgradeFields};
use crate::snapshot::Snapshot;

fn as_is(_: &mut Snapshot) {}

fn delete() -> Operation {
    Operation::DeletePool { ignore_pdb: false }
}

fn forced_delete() -> Operation {
    Operation::DeletePool { ignore_pdb: true }
}

fn scale(count: u32) -> Operation {
    Operation::Scale { count }
}

fn machine(i: usize) -> Operation {
    Operation::DeleteMachines { machines: vec![node_name("apps", i)] }
}

fn web_budget(s: &mut Snapshot, rule: BudgetRule) {
    s.budgets.push(budget("shop", "web", rule));
}

/// A system pod on the user pool.
fn stray(s: &mut Snapshot) {
    s.pods.push(pod("kube-system", "metrics-server", 0, "apps"));
}

fn web(s: &mut Snapshot) -> impl Iterator<Item = &mut crate::snapshot::Pod> {
    s.pods.iter_mut().filter(|p| p.namespace == "shop")
}

/// Lets a pod ask for one of something that only the last node of `apps` has, or every node.
fn ask(pod: &mut crate::snapshot::Pod, what: &str) {
    let mut container = crate::snapshot::Container::default();
    container.requests.other.insert(what.to_owned(), 1);
    pod.spec_mut().containers.push(container);
}

pub(super) fn rows() -> Vec<Row> {
    [system_pods(), budgets(), drains()].into_iter().flatten().collect()
}

fn system_pods() -> Vec<Row> {
    rows! {
        "system-pool-dedicated" {
            Warning: |s| { s.pools[1].node_taints.clear(); s.pods.push(pod("shop", "cart", 0, "sys")); }, "sys", upgrade();
            Info: |s| { s.pools[1].node_taints.clear(); s.pods.push(pod("shop", "cart", 0, "sys")); }, "apps", upgrade();
            Quiet: |s| s.pools[1].node_taints.clear(), "sys", upgrade();
            Quiet: |s| s.pods.push(pod("shop", "cart", 0, "sys")), "sys", upgrade();
        }
        "mode-does-not-move-pods" {
            Info: as_is, "apps", mode("System");
            Info: |s| s.pools[0].mode = "System".into(), "sys", mode("User");
            Info: as_is, "sys2", add(PoolFields { mode: Some("System".into()), ..PoolFields::default() });
            Quiet: as_is, "more", add(PoolFields::default());
            Quiet: as_is, "sys", scale(4);
        }
        "system-pods-on-user-pool" {
            Warning: stray, "apps", delete();
            Warning: stray, "apps", upgrade();
            Warning: stray, "apps", machine(0);
            Quiet: stray, "apps", machine(1);
            Quiet: as_is, "apps", delete();
            Quiet: as_is, "sys", upgrade();
        }
        "system-replicas-together" {
            Warning: |s| s.pods.iter_mut().for_each(|p| if p.namespace == "kube-system" { p.node = Some(node_name("sys", 0)) }), "sys", upgrade();
            Quiet: as_is, "sys", upgrade();
            Quiet: |s| s.pods.iter_mut().for_each(|p| if p.namespace == "kube-system" { p.node = Some(node_name("sys", 0)) }), "sys", scale(2);
        }
    }
}

fn budgets() -> Vec<Row> {
    rows! {
        "pdb-unsatisfiable" {
            Refused: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "apps", upgrade();
            Refused: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Percent(0))), "apps", upgrade();
            Error: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "apps", delete();
            Quiet: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "apps", forced_delete();
            Refused: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "sys", upgrade();
            Refused: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "sys", Operation::Rollback;
            Quiet: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(0))), "sys", delete();
            Quiet: |s| web_budget(s, BudgetRule::MaxUnavailable(Quantity::Percent(1))), "apps", upgrade();
        }
        "pdb-no-slack" {
            Warning: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Count(2))), "apps", upgrade();
            Warning: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Percent(51))), "apps", scale(1);
            Quiet: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Percent(50))), "apps", upgrade();
            Quiet: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Count(2))), "apps", scale(2);
            Quiet: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Count(2))), "apps", forced_delete();
        }
        "pdb-single-replica-system" {
            Warning: |s| s.pods.retain(|p| p.name != "coredns-1"), "sys", upgrade();
            Quiet: as_is, "sys", upgrade();
        }
        "pdb-spent" {
            Warning: |s| s.pods.iter_mut().for_each(|p| p.ready = p.name != "coredns-1"), "sys", upgrade();
            Quiet: as_is, "sys", upgrade();
            Quiet: |s| s.pods.iter_mut().for_each(|p| p.ready = p.name != "coredns-1"), "apps", upgrade();
        }
        "pdb-overlap" {
            Error: |s| { web_budget(s, BudgetRule::MinAvailable(Quantity::Count(1))); web_budget(s, BudgetRule::MaxUnavailable(Quantity::Count(1))); }, "apps", upgrade();
            Quiet: |s| web_budget(s, BudgetRule::MinAvailable(Quantity::Count(1))), "apps", upgrade();
        }
    }
}

fn drains() -> Vec<Row> {
    rows! {
        "pods-fit-nowhere-else" {
            Warning: as_is, "apps", delete();
            Error: |s| { stray(s); s.pods.iter_mut().for_each(|p| p.spec_mut().tolerations.clear()); }, "apps", delete();
            Warning: |s| web(s).for_each(|p| ask(p, "nvidia.com/gpu")), "apps", scale(1);
            Quiet: |s| web(s).for_each(|p| ask(p, "example.com/license")), "apps", scale(1);
            Quiet: as_is, "apps", scale(1);
            Quiet: as_is, "apps", upgrade();
            Quiet: |s| web(s).for_each(|p| p.spec_mut().tolerations = vec![Toleration { key: None, value: None, effect: None, seconds: None }]), "apps", delete();
            Warning: as_is, "apps", Operation::Drain { nodes: (0..3).map(|i| node_name("apps", i)).collect() };
            Quiet: |s| { let mut extra = s.pools[0].clone(); extra.name = "more".into(); s.pools.push(extra); }, "apps", delete();
        }
        "bare-pods" {
            Warning: |s| web(s).for_each(|p| p.owner = None), "apps", upgrade();
            Quiet: as_is, "apps", upgrade();
            Quiet: |s| web(s).for_each(|p| p.owner = None), "sys", upgrade();
        }
        "delete-machines-no-drain" {
            Warning: as_is, "apps", machine(0);
            Quiet: as_is, "apps", scale(2);
        }
        "delete-pool-at-once" {
            Info: as_is, "apps", delete();
            Quiet: |s| s.pools[0].count = 0, "apps", delete();
        }
        "scale-down-order" {
            Info: as_is, "apps", scale(2);
            Quiet: as_is, "apps", scale(4);
            Quiet: as_is, "apps", scale(0);
        }
        "drain-timeout-below-grace" {
            Warning: |s| web(s).for_each(|p| p.spec_mut().grace_seconds = Some(1801)), "apps", upgrade();
            Warning: |s| web(s).for_each(|p| p.spec_mut().grace_seconds = Some(301)), "apps", upgrade_with(UpgradeFields { drain_timeout_in_minutes: Some(5), ..UpgradeFields::default() });
            Quiet: |s| web(s).for_each(|p| p.spec_mut().grace_seconds = Some(1800)), "apps", upgrade();
            Quiet: |s| web(s).for_each(|p| p.spec_mut().grace_seconds = Some(1801)), "sys", upgrade();
        }
        "local-data-lost" {
            Info: |s| web(s).for_each(|p| p.spec_mut().local_storage = true), "apps", delete();
            Quiet: as_is, "apps", delete();
        }
        "label-in-use" {
            Warning: |s| { s.pools[0].node_labels.insert("disk".into(), "fast".into()); web(s).for_each(|p| { p.spec_mut().node_selector.insert("disk".into(), "fast".into()); }); }, "apps", Operation::SetLabels { labels: [("team".to_owned(), "a".to_owned())].into() };
            Quiet: |s| { s.pools[0].node_labels.insert("disk".into(), "fast".into()); web(s).for_each(|p| { p.spec_mut().node_selector.insert("disk".into(), "fast".into()); }); }, "apps", Operation::SetLabels { labels: [("disk".to_owned(), "fast".to_owned())].into() };
            Quiet: |s| { s.pools[0].node_labels.insert("disk".into(), "fast".into()); }, "apps", Operation::SetLabels { labels: [("team".to_owned(), "a".to_owned())].into() };
        }
    }
}
