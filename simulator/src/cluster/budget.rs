//! Disruption budgets: may this pod be evicted now, and if not, which budget says so?
//!
//! Kubernetes v1.34, pkg/controller/disruption/disruption.go (arithmetic) and pkg/registry/core/pod/storage/eviction.go
//! (what an eviction request is answered). The controller's own delay of noticing changes is left out.

use crate::cluster::Cluster;
use crate::cluster::pod::PodState;
use crate::spec::{BudgetRule, BudgetSpec, ClusterSpec};
use crate::time::Time;
use crate::{BudgetId, Column, PodId, WorkloadId};

/// Budgets by workload.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budgets {
    by_workload: Column<WorkloadId, Vec<BudgetId>>,
}

/// Healthy pods and how many must stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    pub healthy: u32,
    pub desired: u32,
}

impl Budgets {
    pub fn new(spec: &ClusterSpec) -> Budgets {
        let mut by_workload: Column<WorkloadId, Vec<BudgetId>> = Column::default();
        by_workload.resize(spec.workloads.len(), Vec::new());
        for (id, budget) in spec.budgets.iter() {
            for &workload in &budget.workloads {
                by_workload[workload].push(id);
            }
        }
        Budgets { by_workload }
    }

    /// Budgets that select a workload's pods.
    pub fn of(&self, workload: WorkloadId) -> &[BudgetId] {
        &self.by_workload[workload]
    }

    /// May `pod` be evicted now? The refusing budget otherwise; the first one where several select the pod, since the API
    /// refuses such pods altogether (eviction.go: "more than one PodDisruptionBudget").
    pub fn allow(&self, spec: &ClusterSpec, cluster: &Cluster, pod: PodId, now: Time) -> Result<(), BudgetId> {
        let row = &cluster.pods[pod];
        // eviction.go canIgnorePDB: a pod that is Pending, over or already going needs no budget. A bound pod is Pending
        // until its containers run.
        let pending = row.state == PodState::Pending || (row.state == PodState::Starting && row.since > now);
        if pending || row.state == PodState::Terminating {
            return Ok(());
        }
        let budgets = self.of(row.workload);
        match budgets {
            [] => Ok(()),
            [budget] => {
                let rules = &spec.budgets[*budget];
                let standing = standing(rules, cluster);
                // unhealthyPodEvictionPolicy: IfHealthyBudget lets a pod that is not ready go while the budget is met.
                if !row.ready
                    && (rules.always_allow_unhealthy || (standing.healthy >= standing.desired && standing.desired > 0))
                {
                    return Ok(());
                }
                if standing.healthy > standing.desired { Ok(()) } else { Err(*budget) }
            }
            [first, ..] => Err(*first),
        }
    }
}

/// How a budget stands: pods held ready, and how many it wants (percentages of the replicas wanted, rounded up).
pub(crate) fn standing(budget: &BudgetSpec, cluster: &Cluster) -> Standing {
    let (mut healthy, mut expected) = (0, 0);
    for &workload in &budget.workloads {
        healthy += cluster.workloads[workload].ready;
        expected += cluster.workloads[workload].desired;
    }
    let desired = match budget.rule {
        BudgetRule::MinAvailable(q) => q.of(expected),
        BudgetRule::MaxUnavailable(q) => expected.saturating_sub(q.of(expected)),
    };
    Standing { healthy, desired }
}
