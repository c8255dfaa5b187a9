//! How an owner goes about its pods, as its object says: strategy, order, what ends a Job, and how pods of its newest template
//! are told from older ones. Defaults are those the API server fills in (Kubernetes v1.34).

use simulator::spec::{Control, Job, Quantity};

use super::item::quantity;
use super::object::{Labels, Newest};
use super::wire;
use crate::complaint::Complaint;

/// Annotation of a Deployment and of its ReplicaSets.
pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";

/// What a kind of owner says of its ways.
pub(super) fn control(
    kind: &str,
    spec: &wire::WorkloadSpec,
    status: &wire::WorkloadStatus,
    path: &str,
) -> Result<Control, Complaint> {
    let default = Control::default();
    let strategy = if kind == "Deployment" { &spec.strategy } else { &spec.update_strategy };
    let field = if kind == "Deployment" { "strategy" } else { "updateStrategy" };
    let bound = |written: &Option<wire::IntOrString>, name: &str, default: Quantity| match written {
        Some(value) => quantity(value, path, &format!("spec.{field}.rollingUpdate.{name}")),
        None => Ok(default),
    };
    // A DaemonSet makes one node after the other go without.
    let unavailable = if kind == "DaemonSet" { Quantity::Count(1) } else { default.unavailable };
    Ok(Control {
        surge: bound(&strategy.rolling_update.max_surge, "maxSurge", default.surge)?,
        unavailable: bound(&strategy.rolling_update.max_unavailable, "maxUnavailable", unavailable)?,
        recreate: kind == "Deployment" && strategy.kind.as_deref() == Some("Recreate"),
        ordered: spec.pod_management_policy.as_deref() != Some("Parallel"),
        job: job(spec, status),
        ..default
    })
}

/// How long the pods of a Job work is nowhere to be read: they outlast the horizon.
fn job(spec: &wire::WorkloadSpec, status: &wire::WorkloadStatus) -> Job {
    let count = |n: i64| u32::try_from(n.max(0)).unwrap_or(u32::MAX);
    let forgives = |rule: &wire::FailureRule| {
        rule.action == "Ignore" && rule.on_pod_conditions.iter().any(|condition| condition.kind == "DisruptionTarget")
    };
    Job {
        completions: spec.completions.map(|n| count(n).saturating_sub(count(status.succeeded))),
        runs: None,
        retries: count(spec.backoff_limit.unwrap_or(6)).saturating_sub(count(status.failed)),
        forgives_disruption: spec.pod_failure_policy.rules.iter().any(forgives),
    }
}

/// How the newest pods are known. What is only updated as pods are deleted, or in part, does not roll by itself.
pub(super) fn newest(
    kind: &str,
    annotations: &Labels,
    spec: &wire::WorkloadSpec,
    status: &wire::WorkloadStatus,
) -> Newest {
    let rolls = |strategy: &wire::Strategy| strategy.kind.as_deref().is_none_or(|kind| kind == "RollingUpdate");
    let annotation = |key: &str| annotations.get(key).filter(|value| !value.is_empty()).cloned();
    let found = match kind {
        "Deployment" if rolls(&spec.strategy) => annotation(REVISION).map(Newest::Revision),
        "StatefulSet" if rolls(&spec.update_strategy) && spec.update_strategy.rolling_update.partition <= 0 => {
            let revision = Some(status.update_revision.clone()).filter(|revision| !revision.is_empty());
            revision.map(|revision| Newest::Label("controller-revision-hash", revision))
        }
        "DaemonSet" if rolls(&spec.update_strategy) => annotation("deprecated.daemonset.template.generation")
            .map(|generation| Newest::Label("pod-template-generation", generation)),
        _ => None,
    };
    found.unwrap_or_default()
}
