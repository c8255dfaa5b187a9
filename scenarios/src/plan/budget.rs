//! Budgets that block: a drain waits for a budget that never lets a pod go until its time is over. AKS' own budgets are left
//! as they are; those of users can be repaired (support article unsatisfiablepdb-error; Kubernetes docs, disruptions).

use simulator::spec::BudgetRule;

use super::view::View;
use super::{Draft, whole};
use crate::change::{Operation, Step};
use crate::snapshot::{Budget, Pod};
use crate::system_workloads::is_system;

/// Most budgets that are repaired together.
const MOST: usize = 8;

/// Plans that let blocked drains through: repaired budgets; a second replica beside a single one.
pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let blocked = blocking(view);
    if blocked.is_empty() {
        return Vec::new();
    }
    let names: Vec<String> = blocked.iter().map(|b| format!("{}/{}", b.namespace, b.name)).collect();
    let shown = if names.len() > 3 {
        format!("{} and {} more", names[..3].join(", "), names.len() - 3)
    } else {
        names.join(", ")
    };
    let mut found =
        vec![Draft::new(format!("pdb {shown} lets one pod at a time go"), view.between(repairs(view), Vec::new()))];
    found.extend(more_replicas(view, &blocked));
    found
}

/// The steps that repair what blocks.
pub(super) fn repairs(view: &View<'_>) -> Vec<Step> {
    let repair = |b: &&Budget| {
        whole(Operation::SetBudget {
            namespace: b.namespace.clone(),
            name: b.name.clone(),
            max_unavailable: "1".into(),
        })
    };
    blocking(view).iter().map(repair).collect()
}

/// Budgets of users that let no pod go even with all of them healthy, and whose pods the change moves.
fn blocking<'b>(view: &'b View<'_>) -> Vec<&'b Budget> {
    let emptied = view.emptied();
    let moved: Vec<&Pod> = emptied.iter().flat_map(|p| view.movable(&p.name)).collect();
    // AKS looks at every budget of the cluster before an upgrade.
    let upgrades = view.base.iter().any(|s| matches!(s.operation, Operation::Upgrade { .. } | Operation::Rollback));
    let blocks = |b: &&Budget| {
        let expected = view.full.selected(b).filter(|p| !p.is_over()).count() as u32;
        let (never, refused) = match b.rule {
            BudgetRule::MinAvailable(q) => (q.of(expected) >= expected, false),
            BudgetRule::MaxUnavailable(q) => (q.of(expected) == 0, true),
        };
        let touched = moved.iter().any(|p| p.namespace == b.namespace && b.selects(&p.labels));
        never && expected > 0 && (touched || (upgrades && refused))
    };
    view.full.budgets.iter().filter(|b| !is_system(&b.namespace) && !b.assumed).filter(blocks).take(MOST).collect()
}

/// A second replica while it lasts, for single replicas whose budget wants one.
fn more_replicas(view: &View<'_>, blocked: &[&Budget]) -> Option<Draft> {
    let mut up = Vec::new();
    let mut back = Vec::new();
    for budget in blocked {
        let keeps_all = matches!(budget.rule, BudgetRule::MinAvailable(simulator::spec::Quantity::Count(_)));
        let mut owners = view.full.workloads.iter().filter(|w| {
            w.kind == "Deployment" && w.namespace == budget.namespace && budget.selects(&w.pod_labels) && w.replicas > 0
        });
        let (Some(owner), None) = (owners.next(), owners.next()) else { return None };
        let scaled = view.full.autoscalers.iter().any(|a| a.namespace == owner.namespace && a.target.1 == owner.name);
        if !keeps_all || scaled {
            return None;
        }
        let set = |replicas: u32| {
            whole(Operation::SetReplicas { namespace: owner.namespace.clone(), name: owner.name.clone(), replicas })
        };
        up.push(set(owner.replicas + 1));
        back.push(set(owner.replicas));
    }
    let count = up.len();
    let first = up.len();
    let mut steps = view.between(up, back);
    steps[first].wait_seconds += 120;
    let what = if count == 1 {
        "one more replica of the workload its budget blocks".to_owned()
    } else {
        format!("one more replica of {count} workloads their budgets block")
    };
    Some(Draft::new(format!("{what} while it lasts"), steps))
}
