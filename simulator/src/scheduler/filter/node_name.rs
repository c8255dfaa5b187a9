//! NodeName: a pod that names its node goes nowhere else.

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection};

/// Refuses all nodes but the named one.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    match &pod.row.node_name {
        Some(name) if name != node.name => Err(Rejection::NodeName),
        _ => Ok(()),
    }
}
