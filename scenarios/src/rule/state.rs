//! Whether the pool is in a state to be changed, and whether the change changes anything.

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::change::{Operation, Phase};
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "pool-busy",
        says: "One operation at a time per pool: a second one fails or displaces the first.",
        source: "AKS docs, upgrade-node-pools; errors OperationNotAllowed, AKSOperationPreempted (2025-10-23)",
        check: busy,
    },
    Rule {
        id: "pool-failed",
        says: "A pool whose last operation failed may hold nodes of mixed versions; the next write resumes it, stop and start are refused.",
        source: "AKS docs, upgrade-aks-node-pools-rolling (2026-05-29), start-stop-nodepools (2026-08-12)",
        check: failed,
    },
    Rule {
        id: "stop-with-auto-provisioning",
        says: "Pools cannot be stopped in clusters with node auto-provisioning.",
        source: "AKS docs, start-stop-nodepools (2026-08-12)",
        check: auto_provisioning,
    },
    Rule {
        id: "nothing-changes",
        says: "A write of what is there already takes seconds and moves nothing.",
        source: "recorded API exchanges: same-value writes take about 5 s (2025-11-21)",
        check: nothing,
    },
];

fn state<'a>(pool: &'a AgentPool, known: &[&str]) -> Option<&'a str> {
    pool.provisioning_state.as_deref().filter(|s| known.iter().any(|k| k.eq_ignore_ascii_case(s)))
}

fn busy(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.change.phase != Phase::Proposed || facts.has(|op| matches!(op, Operation::Abort)) {
        return Vec::new();
    }
    let known = [
        "Creating",
        "Updating",
        "Scaling",
        "Upgrading",
        "UpgradingNodeImageVersion",
        "Starting",
        "Stopping",
        "Deleting",
        "Migrating",
    ];
    let Some((pool, state)) = facts.before.and_then(|p| Some((p, state(p, &known)?))) else {
        return Vec::new();
    };
    let message =
        format!("Pool {} is {state}: a second operation is refused or displaces the one under way.", pool.name);
    vec![Hit::warning(subject(&pool.name), message).text("provisioningState", state)]
}

fn failed(facts: &Facts<'_>) -> Vec<Hit> {
    let Some((pool, state)) = facts.before.and_then(|p| Some((p, state(p, &["Failed", "Canceled"])?))) else {
        return Vec::new();
    };
    let powers = facts.has(|op| matches!(op, Operation::StopPool | Operation::StartPool));
    let hit = if powers {
        Hit::refused(
            subject(&pool.name),
            format!("Pool {} is {state}; only pools in state Succeeded can be stopped or started.", pool.name),
        )
    } else {
        Hit::warning(
            subject(&pool.name),
            format!("Pool {} is {state}: the last operation did not end, and this one takes it up again.", pool.name),
        )
    };
    vec![hit.text("provisioningState", state)]
}

fn auto_provisioning(facts: &Facts<'_>) -> Vec<Hit> {
    let on = facts.snapshot.cluster.node_provisioning.as_deref().is_some_and(|m| m.eq_ignore_ascii_case("auto"));
    if !on || !facts.has(|op| matches!(op, Operation::StopPool)) {
        return Vec::new();
    }
    let name = facts.pool_name();
    vec![Hit::refused(
        subject(name),
        format!("Pool {name} cannot be stopped: the cluster uses node auto-provisioning."),
    )]
}

fn nothing(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.before else {
        return Vec::new();
    };
    let idle = |op: &Operation| match op {
        Operation::Scale { count } => *count == pool.count,
        Operation::SetMode { mode } => mode.eq_ignore_ascii_case(&pool.mode),
        Operation::SetTaints { taints } => *taints == pool.node_taints,
        Operation::SetLabels { labels } => *labels == pool.node_labels,
        _ => false,
    };
    if facts.operations.is_empty() || !facts.operations.iter().all(idle) {
        return Vec::new();
    }
    vec![Hit::info(subject(&pool.name), format!("Pool {} is like this already: nothing changes.", pool.name))]
}
