//! What nodes use up that pools share, where the snapshot says how much is left: vCPU quota of the VM family and of the
//! region, addresses of subnets, ranges of pod addresses. One list for rules and simulation.
//!
//! Sources: AKS docs upgrade-capacity-cost-planning, concepts-network-ip-address-planning (2026-04-16),
//! configure-azure-cni-dynamic-ip-allocation, concepts-network-azure-cni-pod-subnet (blocks of 16 for maxPods),
//! concepts-network-azure-cni-overlay (a /24 per node); Azure docs quotas (spot machines have one of their own, for all
//! families of a region). Left out: the further batches of pod addresses that a node fetches as it fills up, and who else draws
//! on the same quota.

use super::sku::Sku;
use crate::snapshot::{AgentPool, ClusterFacts};

/// Key of the regional quota, and of that of spot machines, as `az vm list-usage` spells them in lower case.
const REGION: &str = "cores";
const SPOT: &str = "lowprioritycores";
/// Nodes of a cluster with kubenet: what a route table holds (AKS docs, concepts-network-legacy-cni).
const KUBENET_NODES: u32 = 400;
/// Pod addresses a node fetches from its pod subnet to begin with; also the size of a static block.
const BATCH: u32 = 16;

/// Something nodes of a pool use up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Supply {
    /// What tells it from others: pools with the same draw on the same.
    pub key: String,
    /// What it is called.
    pub what: String,
    /// What is left.
    pub free: u32,
    /// What one node takes.
    pub each: u32,
    /// The error code where it does not suffice.
    pub code: &'static str,
}

/// vCPU quota, as far as `quota` of the snapshot states it.
pub fn quota(pool: &AgentPool, sku: Option<&Sku>, cluster: &ClusterFacts) -> Vec<Supply> {
    let Some(sku) = sku else {
        return Vec::new();
    };
    let family = (sku.family.to_ascii_lowercase(), format!("vCPU quota of {}", sku.family));
    let region = (REGION.to_owned(), "vCPU quota of the region".to_owned());
    let spot = (SPOT.to_owned(), "vCPU quota of the region for spot machines".to_owned());
    let counts = if pool.is_spot() { vec![spot] } else { vec![family, region] };
    let stated = counts.into_iter().filter_map(|(key, what)| cluster.quota.get(&key).map(|free| (key, what, *free)));
    let each = sku.parent_cores;
    stated.map(|(key, what, free)| Supply { key, what, free, each, code: "QuotaExceeded" }).collect()
}

/// Addresses, as far as `subnet` of the snapshot and the pod range of the cluster state them. `max_pods` are those of a node of
/// the pool, `nodes` those the cluster has.
pub fn addresses(
    pool: &AgentPool,
    cluster: &ClusterFacts,
    max_pods: &mut dyn FnMut() -> u32,
    nodes: u32,
) -> Vec<Supply> {
    let id = |key: &str| pool.other.get(key).and_then(|v| v.as_str()).map(str::to_ascii_lowercase);
    let is = |field: &Option<String>, text: &str| field.as_deref().is_some_and(|f| f.eq_ignore_ascii_case(text));
    let kubenet = is(&cluster.network_plugin, "kubenet");
    let overlay = is(&cluster.network_plugin_mode, "overlay");
    let pods = id("podSubnetID");
    let node_subnet = is(&cluster.network_plugin, "azure") && !overlay && pods.is_none();
    let code = "SubnetIsFull";
    let mut found = Vec::new();
    let subnet = id("vnetSubnetID").filter(|id| cluster.subnet.contains_key(id)).unwrap_or_else(|| "*".to_owned());
    if let Some(&free) = cluster.subnet.get(&subnet) {
        let each = if node_subnet { 1 + max_pods() } else { 1 };
        found.push(Supply { key: subnet, what: "subnet addresses".into(), free, each, code });
    }
    if let Some((key, free)) = pods.and_then(|id| cluster.subnet.get(&id).map(|free| (id, *free))) {
        let blocks = pool.other.get("podIPAllocationMode").and_then(|v| v.as_str());
        let fixed = blocks.is_some_and(|mode| mode.eq_ignore_ascii_case("StaticBlock"));
        let each = if fixed { max_pods().div_ceil(BATCH) * BATCH } else { BATCH };
        found.push(Supply { key, what: "addresses of the pod subnet".into(), free, each, code });
    }
    let most = cluster.pod_cidr.as_deref().filter(|_| overlay || kubenet).and_then(ranges);
    if let Some(most) = if kubenet { Some(most.unwrap_or(KUBENET_NODES).min(KUBENET_NODES)) } else { most } {
        // The controller that deals the ranges has none for the node, which does not become Ready.
        let what = "ranges of pod addresses".to_owned();
        let free = most.saturating_sub(nodes);
        found.push(Supply { key: "pod ranges".into(), what, free, each: 1, code: "CIDRNotAvailable" });
    }
    found
}

/// Ranges of 256 addresses, one for each node, in the range of all pods.
fn ranges(cidr: &str) -> Option<u32> {
    let length: u32 = cidr.split_once('/')?.1.trim().parse().ok().filter(|n| *n <= 32)?;
    Some(24u32.checked_sub(length).map_or(0, |bits| 1 << bits))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    /// What a node of the pool takes of what, in the words `each of free key`.
    fn told(found: &[Supply]) -> String {
        let one = |s: &Supply| format!("{} of {} {} ({})", s.each, s.free, s.key, s.code);
        found.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    fn cluster(plugin: &str, mode: &str, pod_cidr: Option<&str>) -> ClusterFacts {
        ClusterFacts {
            network_plugin: Some(plugin.into()),
            network_plugin_mode: Some(mode.into()),
            pod_cidr: pod_cidr.map(Into::into),
            subnet: [("/nodes".to_owned(), 100), ("/pods".to_owned(), 200)].into(),
            ..ClusterFacts::default()
        }
    }

    #[test]
    fn what_a_node_takes_depends_on_the_network() {
        let pool = |extra: serde_json::Value| {
            let mut pool = AgentPool { name: "p".into(), ..AgentPool::default() };
            pool.other.insert("vnetSubnetID".into(), json!("/Nodes"));
            pool.other.extend(extra.as_object().unwrap().clone());
            pool
        };
        let pods = json!({ "podSubnetID": "/Pods" });
        let blocks = json!({ "podSubnetID": "/Pods", "podIPAllocationMode": "StaticBlock" });
        for (plugin, mode, cidr, extra, expected) in [
            ("azure", "", None, json!({}), "31 of 100 /nodes (SubnetIsFull)"),
            ("azure", "overlay", None, json!({}), "1 of 100 /nodes (SubnetIsFull)"),
            (
                "azure",
                "overlay",
                Some("10.244.0.0/22"),
                json!({}),
                "1 of 100 /nodes (SubnetIsFull), 1 of 1 pod ranges (CIDRNotAvailable)",
            ),
            ("azure", "", None, pods, "1 of 100 /nodes (SubnetIsFull), 16 of 200 /pods (SubnetIsFull)"),
            ("azure", "", None, blocks, "1 of 100 /nodes (SubnetIsFull), 32 of 200 /pods (SubnetIsFull)"),
            ("kubenet", "", None, json!({}), "1 of 100 /nodes (SubnetIsFull), 1 of 397 pod ranges (CIDRNotAvailable)"),
            (
                "kubenet",
                "",
                Some("10.244.0.0/16"),
                json!({}),
                "1 of 100 /nodes (SubnetIsFull), 1 of 253 pod ranges (CIDRNotAvailable)",
            ),
            ("none", "", Some("10.244.0.0/25"), json!({}), "1 of 100 /nodes (SubnetIsFull)"),
        ] {
            let found = addresses(&pool(extra), &cluster(plugin, mode, cidr), &mut || 30, 3);
            assert_eq!(told(&found), expected, "{plugin} {mode} {cidr:?}");
        }
    }

    #[test]
    fn spot_machines_have_a_quota_of_their_own() {
        let quota_of = [("standarddsv5family", 20), ("cores", 30), ("lowprioritycores", 8)];
        let quota_of = quota_of.map(|(key, free)| (key.to_owned(), free)).into();
        let cluster = ClusterFacts { quota: quota_of, ..ClusterFacts::default() };
        let sku = crate::azure::sku("Standard_D4s_v5").unwrap();
        for (priority, expected) in [
            ("Regular", "4 of 20 standarddsv5family (QuotaExceeded), 4 of 30 cores (QuotaExceeded)"),
            ("Spot", "4 of 8 lowprioritycores (QuotaExceeded)"),
        ] {
            let pool = AgentPool { scale_set_priority: Some(priority.into()), ..AgentPool::default() };
            assert_eq!(told(&quota(&pool, Some(&sku), &cluster)), expected);
        }
    }
}
