//! TaintToleration: the fewer PreferNoSchedule taints a pod does not tolerate, the better.

use crate::scheduler::NodeView;
use crate::scheduler::compat::Asked;
use crate::scheduler::filter::taint_toleration::tolerated;
use crate::spec::{Effect, Taint, Toleration};

pub const WEIGHT: i64 = 3;

/// Untolerated PreferNoSchedule taints; normalised in reverse.
#[inline]
pub fn score(pod: &Asked, node: &NodeView) -> i64 {
    i64::from(pod.cell(node).unwanted)
}

/// Counts the PreferNoSchedule taints a pod does not tolerate.
pub fn unwanted(taints: &[Taint], tolerations: &[Toleration]) -> u16 {
    let count = taints
        .iter()
        .filter(|taint| taint.effect == Effect::PreferNoSchedule && !tolerated(taint, tolerations))
        .count();
    u16::try_from(count).unwrap_or(u16::MAX)
}
