//! Edits of a snapshot: more or fewer nodes of a pool, nodes of another size, more or fewer replicas.

use std::collections::BTreeMap;

use crate::azure::{self, allocatable};
use crate::complete::complete;
use crate::coverage::Coverage;
use crate::defaults::pools;
use crate::leaving;
use crate::snapshot::{AgentPool, Node, Pod, Snapshot};

use super::settle::settle;

/// Gives a pool `count` nodes. Nodes that leave are the ones a scale-down takes; nodes that come are like those there.
pub(super) fn set_count(snapshot: &mut Snapshot, pool: &str, count: u32) -> Result<(), String> {
    let found = pool_mut(snapshot, pool)?;
    found.count = count;
    let zones = found.availability_zones.len();
    let mut nodes: Vec<Node> = snapshot.nodes_of(pool).cloned().collect();
    if nodes.is_empty() {
        return Ok(()); // nodes are made up from the pool later
    }
    let wanted = count as usize;
    for gone in leaving::until(nodes.iter().collect(), wanted).iter().map(|n| n.name.clone()).collect::<Vec<_>>() {
        nodes.retain(|n| n.name != gone);
        remove(snapshot, &gone);
    }
    while nodes.len() < wanted {
        let Some(node) = one_more(&nodes, zones) else {
            break;
        };
        add_like(snapshot, &node);
        nodes.push(node.node);
    }
    settle(snapshot);
    Ok(())
}

/// Gives the nodes of a pool another VM size.
pub(super) fn set_size(snapshot: &mut Snapshot, pool: &str, size: &str) -> Result<(), String> {
    let sku = azure::sku(size).ok_or_else(|| "a VM size from the table of sizes".to_owned())?;
    let found = pool_mut(snapshot, pool)?;
    found.vm_size = Some(sku.name.to_owned());
    let pool_facts = found.clone();
    // What is assumed here is assumed, and noted, again when the snapshot is loaded.
    let mut unnoted = Coverage::default();
    let minor = pools::minor(Some(&pool_facts), &snapshot.cluster, &mut unnoted);
    let max_pods = pools::max_pods(&pool_facts, &snapshot.cluster, &mut unnoted);
    let (capacity, usable) = allocatable(&sku, max_pods, minor, pool_facts.is_windows());
    for node in snapshot.nodes.iter_mut().filter(|n| n.pool() == Some(pool)) {
        (node.capacity, node.allocatable) = (capacity.clone(), usable.clone());
        for key in ["node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"] {
            node.labels.entry(key.to_owned()).and_modify(|v| *v = sku.name.to_owned());
        }
    }
    settle(snapshot);
    Ok(())
}

/// Gives a workload `replicas` pods, where it exists as a Deployment, StatefulSet or ReplicaSet.
pub(super) fn set_replicas(snapshot: &mut Snapshot, namespace: &str, name: &str, replicas: u32) -> Result<(), String> {
    if snapshot.pods.is_empty() {
        // AKS' own workloads are made up where a snapshot holds no pods at all: they may be asked about too.
        let mut coverage = std::mem::take(&mut snapshot.coverage);
        *snapshot = complete(snapshot, &mut coverage);
        snapshot.coverage = coverage;
    }
    let scalable = ["Deployment", "StatefulSet", "ReplicaSet"];
    let found = snapshot
        .workloads
        .iter()
        .position(|w| w.namespace == namespace && w.name == name && scalable.contains(&w.kind.as_str()));
    let Some(index) = found else {
        return Err("replicas of a Deployment, StatefulSet or ReplicaSet of the snapshot".to_owned());
    };
    snapshot.workloads[index].replicas = replicas;
    let owners = owned_sets(snapshot, index);
    for workload in snapshot.workloads.iter_mut() {
        let key = (workload.kind.clone(), workload.name.clone());
        // A Deployment's old ReplicaSets have no pods; the one in use follows the Deployment.
        if workload.namespace == namespace && workload.replicas > 0 && owners.contains(&key) {
            workload.replicas = replicas;
        }
    }
    let of = |p: &Pod| {
        p.namespace == namespace && p.owner.as_ref().is_some_and(|o| owners.contains(&(o.kind.clone(), o.name.clone())))
    };
    resize(snapshot, of, replicas as usize);
    settle(snapshot);
    Ok(())
}

/// The workload itself and the ReplicaSets it owns, as `(kind, name)`.
fn owned_sets(snapshot: &Snapshot, index: usize) -> Vec<(String, String)> {
    let top = &snapshot.workloads[index];
    let below = snapshot.workloads.iter().filter(|w| {
        w.namespace == top.namespace && w.owner.as_ref().is_some_and(|o| o.kind == top.kind && o.name == top.name)
    });
    std::iter::once(top).chain(below).map(|w| (w.kind.clone(), w.name.clone())).collect()
}

/// Leaves `wanted` of the pods: pods that are not ready go first, then the last by name; new ones are like the first.
fn resize(snapshot: &mut Snapshot, of: impl Fn(&Pod) -> bool, wanted: usize) {
    let mut mine: Vec<Pod> = snapshot.pods.iter().filter(|p| of(p) && !p.is_over()).cloned().collect();
    mine.sort_by(|a, b| b.ready.cmp(&a.ready).then_with(|| a.name.cmp(&b.name)));
    for pod in mine.iter().skip(wanted) {
        snapshot.pods.retain(|p| p.namespace != pod.namespace || p.name != pod.name);
    }
    let Some(model) = mine.first() else { return };
    let mut number = 0;
    while mine.len().min(wanted) + number < wanted {
        number += 1;
        snapshot.pods.push(Pod { name: format!("{}-more{number}", model.name), node: None, ..model.clone() });
    }
    sort_pods(snapshot);
}

fn pool_mut<'a>(snapshot: &'a mut Snapshot, pool: &str) -> Result<&'a mut AgentPool, String> {
    snapshot.pools.iter_mut().find(|p| p.name == pool).ok_or_else(|| format!("a cluster that has the pool {pool}"))
}

/// A node like another one of its pool.
struct Addition {
    node: Node,
    like: String,
}

/// One more node, in the zone with fewest of the pool's nodes.
fn one_more(nodes: &[Node], zones: usize) -> Option<Addition> {
    let sizes = leaving::by_zone(&nodes.iter().collect::<Vec<_>>());
    let zone = sizes.iter().min_by_key(|(_, n)| **n).map(|(zone, _)| (*zone).to_owned())?;
    let model = nodes.iter().find(|n| n.zone() == zone)?;
    let number = nodes.iter().map(|n| leaving::ordinal(&n.name)).max()? + 1;
    let name = match leaving::split(&model.name) {
        Some((stem, _)) => format!("{stem}{}", base36(number)),
        None => format!("{}-more{}", model.name, nodes.len()),
    };
    let mut node = Node { name: name.clone(), cordoned: false, ready: true, ..model.clone() };
    node.labels.entry("kubernetes.io/hostname".to_owned()).and_modify(|v| *v = name.clone());
    if let Some(other) = unused_zone(&sizes, zones, &zone) {
        crate::intern::volumes::rezone(&mut node.labels, &other);
        node.labels.insert("topology.kubernetes.io/zone".to_owned(), other);
    }
    Some(Addition { node, like: model.name.clone() })
}

/// A zone of the pool that has no node yet; zones are named `REGION-NUMBER`, numbered from 1.
fn unused_zone(sizes: &BTreeMap<&str, usize>, zones: usize, model: &str) -> Option<String> {
    let (region, _) = model.rsplit_once('-')?;
    (1..=zones).map(|n| format!("{region}-{n}")).find(|zone| !sizes.contains_key(zone.as_str()))
}

fn base36(mut number: u64) -> String {
    let mut digits = Vec::new();
    while number > 0 || digits.len() < 6 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

/// Adds a node with the DaemonSet pods its model carries.
fn add_like(snapshot: &mut Snapshot, addition: &Addition) {
    let daemons =
        snapshot.pods.iter().filter(|p| p.node.as_deref() == Some(addition.like.as_str()) && stays_with_node(p));
    let copies: Vec<Pod> = daemons
        .map(|p| Pod {
            name: format!("{}-{}", p.name, addition.node.name),
            node: Some(addition.node.name.clone()),
            ..p.clone()
        })
        .collect();
    snapshot.pods.extend(copies);
    sort_pods(snapshot);
    snapshot.nodes.push(addition.node.clone());
    snapshot.nodes.sort_by(|a, b| a.name.cmp(&b.name));
}

/// Removes a node; its DaemonSet and static pods go with it, the others wait for a place.
fn remove(snapshot: &mut Snapshot, node: &str) {
    snapshot.nodes.retain(|n| n.name != node);
    snapshot.pods.retain(|p| p.node.as_deref() != Some(node) || !stays_with_node(p));
    for pod in snapshot.pods.iter_mut().filter(|p| p.node.as_deref() == Some(node)) {
        pod.node = None;
    }
}

pub(super) fn stays_with_node(pod: &Pod) -> bool {
    pod.is_mirror() || pod.owner.as_ref().is_some_and(|o| o.kind == "DaemonSet")
}

fn sort_pods(snapshot: &mut Snapshot) {
    snapshot.pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
}
