//! Plans of several steps: each a change of its own, carried out when those before it have ended well, as a script does that
//! waits for each command and ends where one fails. Budgets are changed before anything else, also in the plan that does
//! nothing: what that itself does to the cluster is not part of the risk.

use std::borrow::Cow;

use simulator::change::Planned;
use simulator::finding::Finding;
use simulator::spec::{BudgetRule, Quantity};
use simulator::{Duration, Time};

use super::START;
use crate::change::{Change, Operation};
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::snapshot::{AgentPool, Snapshot};

/// A change, or a step of one.
pub(super) struct Part<'a> {
    /// When the change begins.
    pub at: Time,
    pub change: Cow<'a, Change>,
    /// For a step: the wait before it.
    pub turn: Option<Duration>,
    /// For a step: the pools as it finds them.
    pub finds: Vec<AgentPool>,
}

/// The parts of changes, in order.
pub(super) fn parts<'a>(changes: &[(Time, &'a Change)]) -> Vec<Part<'a>> {
    let mut parts = Vec::new();
    for (at, change) in changes {
        let Operation::Plan { steps } = &change.operation else {
            parts.push(Part { at: *at, change: Cow::Borrowed(*change), turn: None, finds: Vec::new() });
            continue;
        };
        let mut wait = Duration::ZERO;
        for step in steps {
            wait += Duration::secs(step.wait_seconds.into());
            let (pool, operation) = (step.pool.clone(), step.operation.clone());
            let change = Change { pool, operation, ..(*change).clone() };
            // A change of a budget takes no turn: the wait is that of the step after it.
            let turn = if matches!(change.operation, Operation::SetBudget { .. }) {
                Duration::ZERO
            } else {
                std::mem::replace(&mut wait, Duration::ZERO)
            };
            parts.push(Part { at: *at, change: Cow::Owned(change), turn: Some(turn), finds: Vec::new() });
        }
    }
    parts
}

/// Carries out what is in force from the start.
pub(super) fn prepare(parts: &[Part<'_>], full: &mut Snapshot, coverage: &mut Coverage) -> Result<(), Vec<Complaint>> {
    let mut complaints = Vec::new();
    for part in parts {
        match &part.change.operation {
            Operation::SetBudget { namespace, name, max_unavailable } => {
                let budget = full.budgets.iter_mut().find(|b| b.namespace == *namespace && b.name == *name);
                let quantity = quantity(max_unavailable);
                match (budget, quantity) {
                    (Some(budget), Some(quantity)) => {
                        budget.rule = BudgetRule::MaxUnavailable(quantity);
                        budget.disruptions_allowed = None;
                        budget.desired_healthy = None;
                        coverage.missing(format!(
                            "pdb {namespace}/{name} is taken to allow {max_unavailable} unavailable from the start, also where nothing else is done"
                        ));
                    }
                    (None, _) => complaints.push(Complaint::at(
                        "operation.name",
                        format!("{namespace}/{name}"),
                        "a PodDisruptionBudget of the snapshot",
                    )),
                    (_, None) => complaints.push(Complaint::at(
                        "operation.maxUnavailable",
                        max_unavailable,
                        "a count, or a percentage up to 100%",
                    )),
                }
            }
            Operation::Plan { .. } => {
                complaints.push(Complaint::at("operation.steps", "a plan within a plan", "steps of other kinds"));
            }
            _ => {}
        }
    }
    if complaints.is_empty() { Ok(()) } else { Err(complaints) }
}

/// Operations of a step: the first waits, all follow each other.
pub(super) fn in_turn(found: &mut [Planned], wait: Duration) {
    for (i, planned) in found.iter_mut().enumerate() {
        planned.at = START;
        planned.admission.turn = Some(if i == 0 { wait } else { Duration::ZERO });
    }
}

/// What rules find of several steps, each sentence once.
pub(super) fn each_once(findings: Vec<Vec<Finding>>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings.into_iter().flatten() {
        let known = |k: &Finding| k.id == finding.id && k.subject == finding.subject && k.message == finding.message;
        if !kept.iter().any(known) {
            kept.push(finding);
        }
    }
    kept
}

fn quantity(text: &str) -> Option<Quantity> {
    match text.trim().strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().filter(|p| *p <= 100).map(Quantity::Percent),
        None => text.trim().parse().ok().map(Quantity::Count),
    }
}
