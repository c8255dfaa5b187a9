//! Nodes as AKS would make them from an agent pool: name, labels, taints, zone, what is allocatable.

use sha2::{Digest, Sha256};

use crate::azure::{Sku, allocatable, sku};
use crate::coverage::Coverage;
use crate::defaults::pools;
use crate::snapshot::pool::taint;
use crate::snapshot::{AgentPool, Amounts, Labels, Node, Snapshot};
use simulator::spec::Taint;

/// Nodes of every pool that runs.
pub fn generate(snapshot: &Snapshot, coverage: &mut Coverage) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    for pool in &snapshot.pools {
        if pool.mode == "ManagedSystem" {
            coverage.missing(format!("pool {} is hosted by AKS; its nodes are not simulated", pool.name));
            continue;
        }
        if pool.is_stopped() || pool.count == 0 {
            continue;
        }
        let zones = zones(pool, snapshot);
        let shapes: Vec<Node> = zones.iter().map(|zone| blank(pool, zone, snapshot, coverage)).collect();
        for ordinal in 0..pool.count {
            // A scale set balances its zones (AKS docs, reliability-availability-zones-configure).
            let mut node = shapes[ordinal as usize % shapes.len()].clone();
            node.name = name(pool, snapshot, ordinal);
            node.labels.insert("kubernetes.io/hostname".into(), node.name.clone());
            nodes.push(node);
        }
    }
    nodes.sort_by(|a, b| a.name.cmp(&b.name));
    nodes
}

/// Zones of a pool as AKS labels them: `westeurope-1`, or `0` without zones. Never empty.
pub fn zones(pool: &AgentPool, snapshot: &Snapshot) -> Vec<String> {
    let region = region(snapshot);
    let zone = |z: &String| {
        if z.contains('-') { z.clone() } else { format!("{region}-{z}") }
    };
    let zones: Vec<String> =
        pool.availability_zones.iter().filter(|z| z.chars().any(|c| c.is_ascii_digit())).map(zone).collect();
    if zones.is_empty() { vec!["0".into()] } else { zones }
}

/// A node of the pool in a zone, without a name.
pub fn blank(pool: &AgentPool, zone: &str, snapshot: &Snapshot, coverage: &mut Coverage) -> Node {
    let size = pools::size(pool, coverage);
    let minor = pools::minor(Some(pool), &snapshot.cluster, coverage);
    let max_pods = pools::max_pods(pool, &snapshot.cluster, coverage);
    let (capacity, usable) = match &size {
        Some(size) => allocatable(size, max_pods, minor, pool.is_windows()),
        None => (Amounts::default(), Amounts::default()),
    };
    coverage.assume(
        "allocatable of nodes",
        "nominal memory less 2.5 % less what AKS reserves",
        "AKS docs, node-resource-reservations; equals dumps of real nodes but for the 2.5 %",
        'A',
    );
    Node {
        name: String::new(),
        labels: labels(pool, size.as_ref(), zone, snapshot),
        annotations: Labels::new(),
        cordoned: false,
        taints: taints(pool),
        allocatable: usable,
        capacity,
        ready: true,
        version: pool.version().map(|v| format!("v{v}")).unwrap_or_default(),
        assumed: true,
        images: std::collections::BTreeMap::new(),
        created: None,
    }
}

/// The taints of a pool's nodes; those AKS adds by itself come with them (FACTS of the AKS API: spot and gateway pools).
pub fn taints(pool: &AgentPool) -> Vec<Taint> {
    let mut taints: Vec<Taint> = pool.node_taints.iter().filter_map(|t| taint(t)).collect();
    let mut own = |text: &str| {
        if let Some(t) = taint(text).filter(|t| !taints.contains(t)) {
            taints.push(t);
        }
    };
    if pool.is_spot() {
        own("kubernetes.azure.com/scalesetpriority=spot:NoSchedule");
    }
    if pool.mode == "Gateway" {
        own("kubernetes.azure.com/mode=gateway:NoSchedule");
    }
    taints
}

/// The labels AKS puts on nodes (AKS docs, use-labels), and the pool's own.
fn labels(pool: &AgentPool, size: Option<&Sku>, zone: &str, snapshot: &Snapshot) -> Labels {
    let mut labels = pool.node_labels.clone();
    let mut put = |key: &str, value: &str| labels.insert(key.to_owned(), value.to_owned());
    put("agentpool", &pool.name);
    put("kubernetes.azure.com/agentpool", &pool.name);
    put("kubernetes.azure.com/cluster", &format!("MC_{}", snapshot.name));
    put("kubernetes.azure.com/mode", &pool.mode.to_ascii_lowercase());
    put("kubernetes.azure.com/role", "agent");
    put(
        "kubernetes.azure.com/os-sku",
        pool.os_sku.as_deref().unwrap_or(if pool.is_windows() { "Windows2022" } else { "Ubuntu" }),
    );
    put("kubernetes.azure.com/nodepool-type", pool.pool_type.as_deref().unwrap_or("VirtualMachineScaleSets"));
    put("kubernetes.io/os", &pool.os_type.to_ascii_lowercase());
    put("topology.kubernetes.io/zone", zone);
    put("topology.kubernetes.io/region", &region(snapshot));
    if let Some(image) = &pool.node_image_version {
        put("kubernetes.azure.com/node-image-version", image);
    }
    if pool.is_spot() {
        put("kubernetes.azure.com/scalesetpriority", "spot");
        put("kubernetes.azure.com/priority", "spot");
    }
    if let Some(size) = size {
        put(
            "node.kubernetes.io/instance-type",
            pool.vm_size.as_deref().map_or(size.name, |v| sku(v).map_or(v, |s| s.name)),
        );
        put("kubernetes.io/arch", size.arch);
        put("kubernetes.azure.com/sku-cpu", &size.cores.to_string());
        put("kubernetes.azure.com/sku-memory", &size.memory_mib.to_string());
        if size.gpus > 0 {
            put("kubernetes.azure.com/accelerator", "nvidia");
            put("accelerator", "nvidia");
        }
    }
    labels
}

fn region(snapshot: &Snapshot) -> String {
    snapshot.cluster.location.as_deref().map_or_else(|| "region".into(), |l| l.to_ascii_lowercase().replace(' ', ""))
}

/// AKS names nodes after pool, cluster and instance number: `aks-nodepool1-12345678-vmss00000a`; the eight digits are the same
/// for all of a cluster, here a digest of its name, so that nodes keep their names (and their luck) from snapshot to snapshot.
pub fn name(pool: &AgentPool, snapshot: &Snapshot, ordinal: u32) -> String {
    let digest = Sha256::digest(snapshot.name.as_bytes());
    let digits = digest.iter().take(8).fold(0u64, |n, b| n << 8 | u64::from(*b)) % 100_000_000;
    if pool.is_windows() {
        return format!("aks{}{}", pool.name, base36(ordinal));
    }
    format!("aks-{}-{digits:08}-vmss{}", pool.name, base36(ordinal))
}

/// Six digits of base 36.
fn base36(mut n: u32) -> String {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdefghijklmnopqrstuvwxyz"[(n % 36) as usize];
        n /= 36;
    }
    digits.iter().map(|d| char::from(*d)).collect()
}

/// The instance number in a node's name: the last six characters in base 36.
pub fn ordinal(name: &str) -> Option<u32> {
    let tail = name.get(name.len().checked_sub(6)?..)?;
    let plain = tail.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    plain.then(|| u32::from_str_radix(tail, 36).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_ordinal_in_base_36() {
        for (n, text) in [(0, "000000"), (9, "000009"), (10, "00000a"), (36, "000010"), (1295, "0000zz")] {
            assert_eq!(base36(n), text);
            assert_eq!(ordinal(&format!("aks-np-12345678-vmss{text}")), Some(n));
        }
        assert_eq!(ordinal("node"), None);
        assert_eq!(ordinal("aks-é-vmss"), None);
    }

    #[test]
    fn aks_adds_its_own_taints_once() {
        let spot = AgentPool { scale_set_priority: Some("Spot".into()), ..AgentPool::default() };
        assert_eq!(taints(&spot).len(), 1);
        let listed =
            AgentPool { node_taints: vec!["kubernetes.azure.com/scalesetpriority=spot:NoSchedule".into()], ..spot };
        assert_eq!(taints(&listed).len(), 1);
    }
}
