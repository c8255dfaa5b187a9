//! Properties that a pool keeps for life: writing others is refused by AKS, and makes Terraform build a new pool.

use serde_json::Value;

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::change::{Operation, PoolFields};
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "immutable-property",
        says: "VM size, pods per node, OS, zones, priority, subnets, disks and kubelet settings of a pool cannot be changed in place.",
        source: "AKS docs, create-node-pools, node-disruption-policy (2026-03-11); terraform-provider-azurerm (2026-08-21)",
        check: immutable,
    },
    Rule {
        id: "pool-is-rotated",
        says: "Terraform changes immutable properties by building a temporary pool and deleting the old one, twice.",
        source: "terraform-provider-azurerm, kubernetes_cluster_node_pool (2026-08-21)",
        check: rotated,
    },
];

/// Immutable properties without a field of their own, by API name.
const OTHERS: [&str; 16] = [
    "scaleSetEvictionPolicy",
    "spotMaxPrice",
    "vnetSubnetID",
    "podSubnetID",
    "osDiskType",
    "osDiskSizeGB",
    "kubeletDiskType",
    "kubeletConfig",
    "linuxOSConfig",
    "gpuInstanceProfile",
    "proximityPlacementGroupID",
    "enableNodePublicIP",
    "nodePublicIPPrefixID",
    "enableEncryptionAtHost",
    "hostGroupID",
    "enableUltraSSD",
];

fn immutable(facts: &Facts<'_>) -> Vec<Hit> {
    let Operation::PutPool { desired } = &facts.change.operation else {
        return Vec::new();
    };
    let Some(pool) = facts.before else {
        return Vec::new();
    };
    if facts.change.source.format.contains("terraform") {
        return Vec::new(); // Terraform replaces the pool instead of writing to it
    }
    differences(pool, desired)
        .into_iter()
        .map(|(name, from, to)| {
            let message = format!(
                "{name} of pool {} cannot be changed from {from} to {to} in place: it takes a new pool.",
                pool.name
            );
            Hit::refused(subject(&pool.name), message).text("property", name).text("from", from).text("to", to)
        })
        .collect()
}

/// Immutable properties that a write would change: name, value before, value after.
fn differences(pool: &AgentPool, desired: &PoolFields) -> Vec<(String, String, String)> {
    let mut found = Vec::new();
    let mut compare = |name: &str, from: Option<String>, to: Option<String>| {
        if let Some((from, to)) =
            from.zip(to).filter(|(from, to)| !from.is_empty() && !to.is_empty() && !from.eq_ignore_ascii_case(to))
        {
            found.push((name.to_owned(), from, to));
        }
    };
    compare("vmSize", pool.vm_size.clone(), desired.vm_size.clone());
    compare("maxPods", pool.max_pods.map(|n| n.to_string()), desired.max_pods.map(|n| n.to_string()));
    compare("osType", Some(pool.os_type.clone()), desired.os_type.clone());
    compare("scaleSetPriority", pool.scale_set_priority.clone(), desired.scale_set_priority.clone());
    let zones = |z: &[String]| {
        if z.is_empty() { "none".to_owned() } else { z.join(",") }
    };
    compare(
        "availabilityZones",
        Some(zones(&pool.availability_zones)),
        desired.availability_zones.as_deref().map(zones),
    );
    for name in OTHERS {
        let value = |map: &std::collections::BTreeMap<String, Value>| map.get(name).filter(|v| !v.is_null()).map(plain);
        compare(name, value(&pool.other), value(&desired.other));
    }
    found
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn rotated(facts: &Facts<'_>) -> Vec<Hit> {
    let refused = matches!(facts.change.operation, Operation::PutPool { .. })
        && !facts.change.source.format.contains("terraform");
    if refused {
        return Vec::new();
    }
    let rotates = facts.has(|op| matches!(op, Operation::ResizePool { method, .. } if method == "rotate"));
    let Some(pool) = facts.before.filter(|_| rotates) else {
        return Vec::new();
    };
    let message = format!(
        "Pool {} is rotated: a temporary pool is added, all {} nodes are drained and deleted, and everything moves once more when the pool is rebuilt.",
        pool.name, pool.count
    );
    vec![Hit::warning(subject(&pool.name), message).number("nodes", pool.count).number("moves", 2)]
}
