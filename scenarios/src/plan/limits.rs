//! Hard limits: a plan that AKS would refuse, or that does not fit what is left of quota and addresses, is not tried.
//!
//! Rules judge each step by the pools it finds. Quota and addresses are counted once more for the whole plan, since steps draw
//! on the same: the most nodes that it ever has beyond those of the snapshot. The length of a maintenance window is judged by
//! the operation's usual pace; what chance adds, the trials show.

use std::collections::BTreeMap;

use simulator::change::Planned;
use simulator::finding::{Finding, Severity};

use super::view::View;
use super::{Plan, on};
use crate::change::{Operation, Step};
use crate::load::{Loaded, overruns};
use crate::rule;
use crate::snapshot::AgentPool;

/// A plan that is not tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// What it would do otherwise.
    pub summary: String,
    /// What speaks against it.
    pub reason: String,
}

/// Why a plan cannot be; `None` where nothing speaks against it.
pub(super) fn broken(plan: &Plan, proposal: &Loaded, view: &View<'_>) -> Option<String> {
    let refused = |p: &Planned| p.admission.refused.is_some();
    let known = |f: &Finding| {
        proposal.findings.iter().any(|k| k.id == f.id && k.subject == f.subject && k.severity >= f.severity)
    };
    let against = |f: &&Finding| f.blocks || (f.severity == Severity::Error && !known(f));
    if let Some(finding) = plan.loaded.findings.iter().find(against) {
        return Some(finding.message.clone());
    }
    if plan.loaded.scenario.changes.iter().any(refused) {
        return Some("AKS refuses one of its steps".to_owned());
    }
    room(plan, view).or_else(|| overruns(&plan.loaded))
}

/// What the plan lacks room for, taken as a whole.
fn room(plan: &Plan, view: &View<'_>) -> Option<String> {
    let single;
    let steps: &[Step] = match &plan.change.operation {
        Operation::Plan { steps } => steps,
        operation => {
            single = [Step { wait_seconds: 0, pool: plan.change.pool.clone(), operation: operation.clone() }];
            &single
        }
    };
    let mut counts: BTreeMap<&str, u32> = view.full.pools.iter().map(|p| (p.name.as_str(), p.count)).collect();
    let mut most: BTreeMap<&str, u32> = counts.clone();
    for step in steps {
        let Some(name) = step.pool.as_deref() else { continue };
        let count = counts.entry(name).or_insert(0);
        let peak = match &step.operation {
            Operation::Scale { count: n } => {
                *count = *n;
                *n
            }
            Operation::AddPool { desired } => {
                *count = desired.count.unwrap_or(0);
                *count
            }
            Operation::DeletePool { .. } => {
                *count = 0;
                0
            }
            Operation::Upgrade { settings, .. } => {
                let surge = view.pool(name).map_or(0, |pool| surge(view, pool, settings, *count));
                count.saturating_add(surge)
            }
            _ => *count,
        };
        let known = most.entry(name).or_insert(0);
        *known = peak.max(*known);
    }
    // The rules about room know how many cores and addresses a node takes: they are asked about growing to the peak.
    let mut strained = view.full.clone();
    for (name, peak) in most {
        let Some(pool) = view.pool(name).filter(|p| peak > p.count) else { continue };
        let change = crate::change::Change {
            pool: Some(name.to_owned()),
            operation: Operation::Scale { count: peak },
            ..plan.change.clone()
        };
        let step = on(name, Operation::Scale { count: peak });
        let found = rule::check(&strained, &change, std::slice::from_ref(&step.operation));
        if let Some(finding) = found.iter().find(|f| f.blocks && rule::room::RULES.iter().any(|r| r.id == f.id)) {
            return Some(finding.message.clone());
        }
        take(&mut strained, pool, peak - pool.count);
    }
    None
}

/// Takes the cores of nodes from the quota that is left, for the pools that come after.
fn take(strained: &mut crate::snapshot::Snapshot, pool: &AgentPool, nodes: u32) {
    let Some(sku) = pool.vm_size.as_deref().and_then(crate::azure::sku) else { return };
    let cores = sku.parent_cores.saturating_mul(nodes);
    for key in [sku.family.to_ascii_lowercase(), "cores".to_owned()] {
        if let Some(left) = strained.cluster.quota.get_mut(&key) {
            *left = left.saturating_sub(cores);
        }
    }
}

/// Extra nodes of an upgrade.
fn surge(view: &View<'_>, pool: &AgentPool, given: &crate::change::UpgradeFields, count: u32) -> u32 {
    let settings = view.in_force(given, pool);
    if pool.is_spot() {
        return 0;
    }
    if settings.is_blue_green() {
        return count;
    }
    settings.max_surge.as_deref().and_then(|text| super::view::counted(text, count)).unwrap_or(0).min(count)
}
