//! The filter plugins in the order kube-scheduler v1.34.1 runs them (default profile). The first that refuses decides.

pub mod inter_pod_affinity;
pub mod node_affinity;
pub mod node_name;
pub mod node_ports;
pub mod node_resources_fit;
pub mod node_unschedulable;
pub mod node_volume_limits;
pub mod pod_topology_spread;
pub mod taint_toleration;
pub mod volume_binding;
pub mod volume_zone;

use super::census::Census;
use super::compat::Asked;
use super::{NodeView, Rejection};

/// Every filter, the most telling reason first. Nominated pods of at least the same priority count as if they were there, and
/// where there are any, the node must pass without them as well (`RunFilterPluginsWithNominatedPods`).
#[inline]
pub fn check(pod: &Asked, census: &Census, node: &NodeView) -> Result<(), Rejection> {
    alone(pod, node)?;
    let Some(peers) = pod.row.peers.as_deref() else {
        return Ok(());
    };
    let plugins = |census: &Census| {
        pod_topology_spread::filter(pod, peers, census, node)?;
        inter_pod_affinity::filter(pod, peers, census, node)
    };
    if !node.nominated.is_empty() {
        let mut with = census.clone();
        for &shape in node.nominated {
            with.shift(pod, peers, node, shape, 1);
        }
        plugins(&with)?;
    }
    plugins(census)
}

/// The filters that look at nothing but the node and what it holds.
#[inline]
fn alone(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    volume_binding::pre_filter(pod)?;
    node_affinity::pre_filter(pod, node)?;
    node_unschedulable::filter(pod, node)?;
    node_name::filter(pod, node)?;
    taint_toleration::filter(pod, node)?;
    node_affinity::filter(pod, node)?;
    node_ports::filter(pod, node)?;
    node_resources_fit::filter(pod, node)?;
    if !pod.row.volumes {
        return Ok(());
    }
    node_volume_limits::filter(pod, node)?;
    volume_binding::filter(pod, node)?;
    volume_zone::filter(pod, node)
}
