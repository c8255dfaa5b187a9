//! The filter plugins in the order kube-scheduler v1.34.1 runs them (default profile). The first that refuses decides.

pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod taint_toleration;

use super::compat::Asked;
use super::{NodeView, Rejection};

/// Every filter, the most telling reason first.
#[inline]
pub fn check(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    node_affinity::pre_filter(pod, node)?;
    node_unschedulable::filter(pod, node)?;
    node_name::filter(pod, node)?;
    taint_toleration::filter(pod, node)?;
    node_affinity::filter(pod, node)?;
    node_ports::filter(pod, node)?;
    node_resources_fit::filter(pod, node)
}
