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
use super::peers::Peers;
use super::{NodeView, Rejection};

/// Every filter, the most telling reason first.
#[inline]
pub fn check(pod: &Asked, census: &Census, node: &NodeView) -> Result<(), Rejection> {
    alone(pod, node)?;
    social(pod, census, node)
}

/// The filters that look at nothing but the node and what it holds.
#[inline]
fn alone(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    by_labels(pod, node)?;
    by_room(pod, node)?;
    by_volumes(pod, node)
}

/// Of these, the ones that say the same of all nodes alike but for name and content, unless the pod asks for names.
#[inline]
pub fn by_kind(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    by_labels(pod, node)?;
    by_volumes(pod, node)
}

#[inline]
fn by_labels(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    volume_binding::pre_filter(pod)?;
    node_affinity::pre_filter(pod, node)?;
    node_unschedulable::filter(pod, node)?;
    node_name::filter(pod, node)?;
    taint_toleration::filter(pod, node)?;
    node_affinity::filter(pod, node)
}

#[inline]
fn by_volumes(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    if !pod.row.volumes {
        return Ok(());
    }
    volume_binding::filter(pod, node)?;
    volume_zone::filter(pod, node)
}

/// And those that look at what is left on the node.
#[inline]
pub fn by_room(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    node_ports::filter(pod, node)?;
    node_resources_fit::filter(pod, node)?;
    if pod.row.volumes { node_volume_limits::filter(pod, node) } else { Ok(()) }
}

/// The filters that look at other pods. Nominated pods of at least the same priority count as if they were there, and where
/// there are any, the node must pass without them as well (`RunFilterPluginsWithNominatedPods`).
#[inline]
pub fn social(pod: &Asked, census: &Census, node: &NodeView) -> Result<(), Rejection> {
    let Some(peers) = pod.row.peers.as_deref() else {
        return Ok(());
    };
    let plugins = |census: &Census| {
        pod_topology_spread::filter(pod, peers, census, node)?;
        inter_pod_affinity::filter(pod, peers, census, node)
    };
    if let Some(with) = with_promised(pod, peers, census, node) {
        plugins(&with)?;
    }
    plugins(census)
}

/// The counts with the pods nominated to the node, where there are any.
fn with_promised(pod: &Asked, peers: &Peers, census: &Census, node: &NodeView) -> Option<Census> {
    let promised = node.promised?;
    let mut with = census.clone();
    promised.shapes.iter().for_each(|&shape| with.shift(pod, peers, node, shape, 1));
    Some(with)
}

/// What each plugin says by itself, in order, whatever the others say. A refusal before any node is looked at stands for all.
pub fn each(pod: &Asked, census: &Census, node: &NodeView) -> Vec<(&'static str, Option<Rejection>)> {
    type Filter = fn(&Asked, &NodeView) -> Result<(), Rejection>;
    const ALONE: [(&str, Filter); 9] = [
        ("NodeUnschedulable", node_unschedulable::filter),
        ("NodeName", node_name::filter),
        ("TaintToleration", taint_toleration::filter),
        ("NodeAffinity", |pod, node| {
            node_affinity::pre_filter(pod, node).and_then(|()| node_affinity::filter(pod, node))
        }),
        ("NodePorts", node_ports::filter),
        ("NodeResourcesFit", node_resources_fit::filter),
        ("NodeVolumeLimits", node_volume_limits::filter),
        ("VolumeBinding", volume_binding::filter),
        ("VolumeZone", volume_zone::filter),
    ];
    if let Err(general) = volume_binding::pre_filter(pod) {
        return vec![(general.plugin(), Some(general))];
    }
    let mut found: Vec<_> = ALONE.iter().map(|(plugin, filter)| (*plugin, filter(pod, node).err())).collect();
    if let Some(peers) = pod.row.peers.as_deref() {
        let with = with_promised(pod, peers, census, node);
        let first = |filter: fn(&Asked, &Peers, &Census, &NodeView) -> Result<(), Rejection>| {
            with.iter().chain([census]).find_map(|census| filter(pod, peers, census, node).err())
        };
        found.push(("PodTopologySpread", first(pod_topology_spread::filter)));
        found.push(("InterPodAffinity", first(inter_pod_affinity::filter)));
    }
    found
}
