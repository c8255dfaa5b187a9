//! NodeUnschedulable: a cordoned node takes only pods that tolerate `node.kubernetes.io/unschedulable:NoSchedule`.

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection};

/// Refuses cordoned nodes.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    if node.unschedulable && !pod.row.tolerates.unschedulable {
        return Err(Rejection::Unschedulable);
    }
    Ok(())
}
