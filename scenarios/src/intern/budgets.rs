//! PodDisruptionBudgets with their selectors resolved to workloads.

use simulator::spec::BudgetSpec;
use simulator::{BudgetId, Column, Id, WorkloadId};

use super::owners::Draft;
use crate::snapshot::Snapshot;

/// The budgets of a snapshot that select anything.
pub(super) fn intern(full: &Snapshot, drafts: &[Draft]) -> Column<BudgetId, BudgetSpec> {
    let mut budgets = Column::default();
    for budget in &full.budgets {
        let selected = |d: &Draft| d.namespace == budget.namespace && budget.selects(&d.labels);
        let workloads: Vec<WorkloadId> =
            drafts.iter().enumerate().filter(|(_, d)| selected(d)).map(|(i, _)| WorkloadId::from_index(i)).collect();
        if !workloads.is_empty() {
            budgets.push(BudgetSpec {
                namespace: budget.namespace.clone(),
                name: budget.name.clone(),
                workloads,
                rule: budget.rule,
                always_allow_unhealthy: budget.always_allow_unhealthy,
            });
        }
    }
    budgets
}
