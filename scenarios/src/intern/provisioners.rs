//! Node auto-provisioning in the simulator's terms: its NodePools, and a pool for every VM size each of them may make.
//!
//! Of sizes that nodes cannot tell apart (cores, memory, processor, GPUs) the cheapest stands for all, since that is what is
//! launched (karpenter-provider-azure: by price); sizes of nodes that are there are kept. Labels as that provider sets them
//! (`pkg/apis/v1beta1/labels.go`); spot prices are not known, so that spot machines are chosen by size.

use std::collections::BTreeMap;

use simulator::spec::{Operator, Provisioner};
use simulator::{Duration, NodeId, NodeShapeId, PoolId};

use super::Interned;
use super::nodes::{Maker, add_pool};
use crate::azure::{Sku, sku};
use crate::coverage::Coverage;
use crate::defaults::pools as defaults;
use crate::instant;
use crate::matching;
use crate::snapshot::{AgentPool, Labels, Node, NodePool, Snapshot};

/// Label of a node that says whose it is.
const OWNER: &str = "karpenter.sh/nodepool";
const SIZE: &str = "node.kubernetes.io/instance-type";
/// Sizes that no NodePool makes (karpenter-provider-azure `instancetype/skus.go`: below 2 vCPU or 3.5 GiB).
const LEAST: (u32, u64) = (2, 3584);

/// The NodePools there are: those of the snapshot, else those AKS makes; none where node auto-provisioning is off.
pub(super) fn of(full: &Snapshot) -> Vec<NodePool> {
    let mode = full.cluster.node_provisioning.as_deref();
    let is = |text: &str| mode.is_some_and(|m| m.eq_ignore_ascii_case(text));
    match (is("manual"), full.node_pools.is_empty()) {
        (true, _) => Vec::new(),
        (false, true) if is("auto") => crate::snapshot::node_pool::defaults(),
        (false, _) => full.node_pools.clone(),
    }
}

/// Name of the pool a node of a provisioner belongs to.
pub(super) fn pool_of(node: &Node) -> Option<String> {
    let owner = node.labels.get(OWNER).filter(|o| !o.is_empty())?;
    let size = node.labels.get(SIZE).map_or("unknown", String::as_str);
    Some(format!("{owner}/{size}"))
}

/// Interns NodePools and their pools. `own` are the nodes of the snapshot with their shapes.
pub(super) fn intern(
    full: &Snapshot,
    own: &[(&Node, NodeShapeId)],
    maker: &mut Maker<'_>,
    interned: &mut Interned,
    coverage: &mut Coverage,
) {
    let node_pools = of(full);
    if node_pools.is_empty() {
        return;
    }
    note(full, &node_pools, coverage);
    for node_pool in &node_pools {
        let mine: Vec<(&Node, NodeShapeId)> =
            own.iter().filter(|(n, _)| n.labels.get(OWNER) == Some(&node_pool.name)).copied().collect();
        let mut sizes = Vec::new();
        for size in sizes_of(node_pool, &mine, full) {
            sizes.extend(pool(node_pool, &size, &mine, full, maker, interned, coverage));
        }
        interned.spec.provisioners.push(Provisioner {
            name: node_pool.name.clone(),
            weight: node_pool.weight,
            sizes,
            limits: node_pool.limits,
            consolidates_used: node_pool.consolidates_used,
            consolidate_after: node_pool.consolidate_after,
            budgets: node_pool.budgets.clone(),
            expire_after: node_pool.expire_after,
            grace: node_pool.grace,
            ages: Vec::new(),
        });
    }
}

/// How old nodes are, once they have their numbers.
pub(super) fn ages(full: &Snapshot, nodes: &BTreeMap<String, NodeId>, interned: &mut Interned) {
    let Some(now) = full.taken_at.as_deref().and_then(instant::seconds) else {
        return;
    };
    for node in &full.nodes {
        let (Some(owner), Some(created)) = (node.labels.get(OWNER), node.created.as_deref()) else { continue };
        let age = instant::seconds(created).and_then(|then| u64::try_from(now - then).ok());
        let owner = interned.spec.provisioners.iter_mut().find(|p| p.name == *owner);
        if let (Some(age), Some(owner), Some(id)) = (age, owner, nodes.get(&node.name)) {
            owner.ages.push((*id, Duration::secs(age)));
        }
    }
}

fn note(full: &Snapshot, node_pools: &[NodePool], coverage: &mut Coverage) {
    if full.node_pools.is_empty() {
        coverage.assume(
            "NodePools of node auto-provisioning",
            "default and system-surge: D sizes on demand, WhenEmptyOrUnderutilized at once, 10 % of nodes at a time",
            "AKS docs, node-auto-provisioning-node-pools; the snapshot holds no NodePools",
            'B',
        );
    }
    let scheduled: usize = node_pools.iter().map(|p| p.scheduled).sum();
    if scheduled > 0 {
        coverage.missing(format!("{scheduled} disruption budgets of NodePools have a schedule and are left out"));
    }
    let ages =
        full.taken_at.is_some() && full.nodes.iter().any(|n| n.labels.contains_key(OWNER) && n.created.is_some());
    let old = full.nodes.iter().any(|n| n.labels.contains_key(OWNER));
    if old && !ages && node_pools.iter().any(|p| p.expire_after.is_some()) {
        coverage.missing("how old nodes of NodePools are is not known: only nodes made in the run expire");
    }
}

/// Sizes a NodePool may make: of those alike the cheapest, and what is there already.
fn sizes_of(node_pool: &NodePool, own: &[(&Node, NodeShapeId)], full: &Snapshot) -> Vec<String> {
    let there = own.iter().filter_map(|(n, _)| n.labels.get(SIZE).cloned());
    let mut names: Vec<String> = there.collect();
    let mut alike: BTreeMap<(u32, u64, &str, u32), &Sku> = BTreeMap::new();
    let zone = zones(full).first().cloned().unwrap_or_default();
    for size in crate::azure::sku::all().filter(|s| s.cores >= LEAST.0 && s.memory_mib >= LEAST.1) {
        let Some(price) = size.usd_per_hour else { continue };
        if !fits(node_pool, size, &zone, full) {
            continue;
        }
        let best = alike.entry((size.cores, size.memory_mib, size.arch, size.gpus)).or_insert(size);
        if price < best.usd_per_hour.unwrap_or(f64::INFINITY) {
            *best = size;
        }
    }
    names.extend(alike.into_values().map(|s| s.name.to_owned()));
    names.sort();
    names.dedup();
    names
}

/// True where a size meets the requirements; what zone it is in is asked later.
fn fits(node_pool: &NodePool, size: &Sku, zone: &str, full: &Snapshot) -> bool {
    let requirements = node_pool.requirements.expressions.iter().filter(|r| r.key != "topology.kubernetes.io/zone");
    let labels = labels(node_pool, Some(size), size.name, zone, full);
    requirements.cloned().all(|r| {
        let term = simulator::spec::NodeTerm { expressions: vec![r], fields: Vec::new() };
        matching::term(&term, &labels, "")
    })
}

/// Zones of the cluster as its pools have them, without region.
fn zones(full: &Snapshot) -> Vec<String> {
    let mut zones: Vec<String> = full.pools.iter().flat_map(|p| p.availability_zones.clone()).collect();
    zones.sort();
    zones.dedup();
    zones
}

fn is_spot(node_pool: &NodePool) -> bool {
    let kind = node_pool.requirements.expressions.iter().find(|r| r.key == "karpenter.sh/capacity-type");
    kind.is_some_and(|r| r.operator == Operator::In && r.values.iter().any(|v| v == "spot"))
}

/// The pool of one size of a NodePool.
fn pool(
    node_pool: &NodePool,
    size: &str,
    own: &[(&Node, NodeShapeId)],
    full: &Snapshot,
    maker: &mut Maker<'_>,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Option<PoolId> {
    let mine: Vec<(&Node, NodeShapeId)> =
        own.iter().filter(|(n, _)| n.labels.get(SIZE).is_some_and(|s| s == size)).copied().collect();
    let pool = AgentPool {
        name: format!("{}/{size}", node_pool.name),
        vm_size: Some(size.to_owned()),
        mode: node_pool
            .labels
            .get("kubernetes.azure.com/mode")
            .map_or("User", |m| if m == "system" { "System" } else { "User" })
            .into(),
        os_type: "Linux".into(),
        // AKSNodeClass: as the network plugin has it unless it says otherwise.
        max_pods: Some(defaults::max_pods(&AgentPool::default(), &full.cluster, &mut Coverage::default())),
        current_orchestrator_version: full.cluster.kubernetes_version.clone(),
        availability_zones: zones(full),
        scale_set_priority: is_spot(node_pool).then(|| "Spot".into()),
        ..AgentPool::default()
    };
    let relabel = |node: &mut Node, zone: &str| {
        node.labels = labels(node_pool, sku(size).as_ref(), size, zone, full);
        node.taints.clone_from(&node_pool.taints);
    };
    let in_zone = |node: &Node| matching::term(&node_pool.requirements, &node.labels, "");
    let templates = maker.templates_of(&pool, &mine, relabel, in_zone, full, interned, coverage);
    if templates.is_empty() {
        return None;
    }
    let id = add_pool(&pool, &mine, templates, full, interned, coverage);
    let spec = &mut interned.spec.pools.rows_mut()[id.0 as usize];
    spec.provision = defaults::provisioned(sku(size).as_ref(), coverage);
    spec.room = None;
    Some(id)
}

/// Labels of a node as the provider sets them.
fn labels(node_pool: &NodePool, size: Option<&Sku>, name: &str, zone: &str, full: &Snapshot) -> Labels {
    let mut labels = node_pool.labels.clone();
    let mut put = |key: &str, value: &str| drop(labels.insert(key.to_owned(), value.to_owned()));
    let spot = is_spot(node_pool);
    put(OWNER, &node_pool.name);
    put("karpenter.sh/capacity-type", if spot { "spot" } else { "on-demand" });
    put("kubernetes.io/os", "linux");
    put("kubernetes.azure.com/cluster", &format!("MC_{}", full.name));
    put("topology.kubernetes.io/zone", zone);
    put(SIZE, name);
    put("karpenter.azure.com/sku-name", name);
    if spot {
        put("kubernetes.azure.com/scalesetpriority", "spot");
    }
    if let Some(size) = size {
        let (family, version) = family(size.name);
        put("karpenter.azure.com/sku-family", family);
        put("karpenter.azure.com/sku-version", version);
        put("karpenter.azure.com/sku-cpu", &size.cores.to_string());
        put("karpenter.azure.com/sku-memory", &size.memory_mib.to_string());
        put("karpenter.azure.com/sku-gpu-count", &size.gpus.to_string());
        put("kubernetes.io/arch", size.arch);
    }
    labels
}

/// Letters of the family and number of the version: `D` and `5` of `Standard_D4s_v5`.
fn family(name: &str) -> (&str, &str) {
    let name = name.split_once('_').map_or(name, |(_, rest)| rest);
    let letters = name.find(|c: char| !c.is_ascii_uppercase()).unwrap_or(name.len());
    let version = name.rsplit_once("_v").map_or("1", |(_, version)| version);
    (&name[..letters], version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_and_versions() {
        for (name, expected) in [
            ("Standard_D4s_v5", ("D", "5")),
            ("Standard_DC2s_v3", ("DC", "3")),
            ("Standard_D2", ("D", "1")),
            ("Standard_NC24ads_A100_v4", ("NC", "4")),
            ("x", ("", "1")),
        ] {
            assert_eq!(family(name), expected, "{name}");
        }
    }
}
