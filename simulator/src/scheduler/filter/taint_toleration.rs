//! TaintToleration: a node takes only pods that tolerate all its NoSchedule and NoExecute taints; the first it does not
//! tolerate is the reason. The taints of a node that is not ready come after its own, as the node controller appends
//! them (kube-controller-manager v1.34 node lifecycle controller).

use crate::scheduler::compat::{Asked, MEMORY_PRESSURE, NOT_READY, UNINITIALISED, UNREACHABLE};
use crate::scheduler::{NodeView, Readiness, Rejection};
use crate::spec::{Effect, Taint, Toleration};

/// Refuses nodes with a taint the pod does not tolerate.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    if let Some(taint) = pod.cell(node).taint {
        return Err(Rejection::Taint(taint));
    }
    match node.readiness {
        Readiness::NotReady if !pod.row.tolerates.not_ready => Err(Rejection::Taint(NOT_READY)),
        Readiness::Unreachable if !pod.row.tolerates.unreachable => Err(Rejection::Taint(UNREACHABLE)),
        Readiness::ShortOfMemory if !pod.row.tolerates.memory_pressure => Err(Rejection::Taint(MEMORY_PRESSURE)),
        Readiness::Uninitialised if !pod.row.tolerates.uninitialised => Err(Rejection::Taint(UNINITIALISED)),
        _ => Ok(()),
    }
}

/// The first taint that keeps the pod off.
pub fn untolerated<'t>(taints: &'t [Taint], tolerations: &[Toleration]) -> Option<&'t Taint> {
    taints.iter().find(|taint| taint.effect != Effect::PreferNoSchedule && !tolerated(taint, tolerations))
}

/// True where one of the tolerations covers the taint (k8s.io/api v0.34 `Toleration.ToleratesTaint`).
pub fn tolerated(taint: &Taint, tolerations: &[Toleration]) -> bool {
    tolerations.iter().any(|toleration| {
        toleration.effect.is_none_or(|effect| effect == taint.effect)
            && toleration.key.as_ref().is_none_or(|key| key.is_empty() || *key == taint.key)
            && toleration.value.as_ref().is_none_or(|value| *value == taint.value)
    })
}
