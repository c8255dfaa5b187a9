//! VM sizes: what AKS documents as the least for system and user pools, and what it refuses.
//!
//! Two pages differ: 4 vCPU and 4 GB (use-system-pools) against 2 vCPU and 4 GB (quotas-skus-regions). The API accepts
//! 2 vCPU, so the stricter is a warning and the looser an error.

use super::facts::{Facts, sku_of, subject};
use super::{Hit, Rule};
use crate::azure::Sku;
use crate::change::Operation;
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "system-pool-vm-size",
        says: "System pools need at least 2 vCPU and 4 GB (error below), and should have 4 vCPU (warning below).",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30): 4 vCPU, 4 GB; quotas-skus-regions (2026-08-03): 2 vCPU, 4 GB",
        check: system_size,
    },
    Rule {
        id: "system-pool-burstable",
        says: "B-series VMs are not supported for system pools; they run, on credits.",
        source: "AKS docs, use-system-pools (2023-12-26), quotas-skus-regions (2026-08-03); aks-virtual-machine-sizes (2025-08-05) only advises against",
        check: burstable,
    },
    Rule {
        id: "system-pool-av1",
        says: "Av1-series VMs are not recommended for system pools.",
        source: "AKS docs, quotas-skus-regions (2026-08-03)",
        check: first_series,
    },
    Rule {
        id: "user-pool-vm-size",
        says: "User pools with less than 2 vCPU or 2 GB may not be usable.",
        source: "AKS docs, quotas-skus-regions (2026-08-03)",
        check: user_size,
    },
    Rule {
        id: "vm-size-refused",
        says: "AKS refuses the smallest VM sizes.",
        source: "Azure/karpenter-provider-azure, pkg/providers/instancetype/skus.go (2026-06)",
        check: refused,
    },
    Rule {
        id: "vm-size-unknown",
        says: "A VM size that is not in the table of sizes cannot be judged.",
        source: "embedded table of VM sizes (2026-06-18)",
        check: unknown,
    },
    Rule {
        id: "system-pool-large-cluster",
        says: "Clusters with more than two CoreDNS replicas or three add-ons should have 3 system nodes of 8 vCPU or 2 of 16.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30); CoreDNS ladder: coredns-autoscale",
        check: large,
    },
];

/// Sizes AKS refuses whatever the pool.
const REFUSED: [&str; 12] = [
    "standard_a0",
    "standard_a1",
    "standard_a1_v2",
    "standard_b1s",
    "standard_b1ms",
    "standard_f1",
    "standard_f1s",
    "basic_a0",
    "basic_a1",
    "basic_a2",
    "basic_a3",
    "basic_a4",
];

fn gib(sku: &Sku) -> f64 {
    sku.memory_mib as f64 / 1024.0
}

fn system_size(facts: &Facts<'_>) -> Vec<Hit> {
    facts.system_pools().filter_map(|(pool, touched)| system_size_one(pool, touched)).collect()
}

fn system_size_one(pool: &AgentPool, touched: bool) -> Option<Hit> {
    let sku = sku_of(pool)?;
    let shape = format!("{} vCPU and {} GiB", sku.cores, gib(&sku));
    let hit = if sku.cores < 2 || sku.memory_mib < 4096 {
        let message = format!(
            "System pool {} uses {} with {shape}; every AKS page asks for at least 2 vCPU and 4 GB.",
            pool.name, sku.name
        );
        Hit::error(subject(&pool.name), message)
    } else if sku.cores < 4 {
        let message = format!(
            "System pool {} uses {} with {shape}; AKS accepts it, but documents 4 vCPU as the least for system pools.",
            pool.name, sku.name
        );
        Hit::warning(subject(&pool.name), message)
    } else {
        return None;
    };
    Some(hit.text("vmSize", sku.name).number("vcpus", sku.cores).number("memoryGiB", gib(&sku)).standing(touched))
}

fn burstable(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |(pool, touched): (&AgentPool, bool)| {
        let sku = sku_of(pool).filter(|s| s.burstable)?;
        let message = format!(
            "System pool {} uses the burstable size {}; once its CPU credits are spent, DNS and metrics run at the baseline.",
            pool.name, sku.name
        );
        Some(Hit::warning(subject(&pool.name), message).text("vmSize", sku.name).standing(touched))
    };
    facts.system_pools().filter_map(hit).collect()
}

fn first_series(facts: &Facts<'_>) -> Vec<Hit> {
    let av1 = |size: &str| {
        let size = size.to_ascii_lowercase();
        size.strip_prefix("standard_a")
            .is_some_and(|n| !n.is_empty() && n.len() <= 2 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    let hit = |(pool, touched): (&AgentPool, bool)| {
        let size = pool.vm_size.as_deref().filter(|s| av1(s))?;
        let message = format!(
            "System pool {} uses {size} of the Av1 series, which AKS does not recommend for system pools.",
            pool.name
        );
        Some(Hit::warning(subject(&pool.name), message).text("vmSize", size).standing(touched))
    };
    facts.system_pools().filter_map(hit).collect()
}

fn user_size(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |pool: &AgentPool| {
        let sku = sku_of(pool).filter(|s| s.cores < 2 || s.memory_mib < 2048)?;
        let message = format!(
            "User pool {} uses {} with {} vCPU and {} GiB; nodes below 2 vCPU and 2 GB may not be usable.",
            pool.name,
            sku.name,
            sku.cores,
            gib(&sku)
        );
        Some(
            Hit::warning(subject(&pool.name), message)
                .text("vmSize", sku.name)
                .number("vcpus", sku.cores)
                .number("memoryGiB", gib(&sku)),
        )
    };
    facts.touched_pools().filter(|p| p.mode == "User").filter_map(hit).collect()
}

/// The size a change asks for, where it asks for one.
fn new_size<'a>(facts: &'a Facts<'_>) -> Option<&'a str> {
    facts.operations.iter().find_map(|op| match op {
        Operation::AddPool { desired } | Operation::ResizePool { desired, .. } => {
            desired.vm_size.as_deref().filter(|s| !s.is_empty())
        }
        _ => None,
    })
}

fn refused(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(size) = new_size(facts).filter(|s| REFUSED.contains(&s.to_ascii_lowercase().as_str())) else {
        return Vec::new();
    };
    let name = facts.pool_name();
    vec![
        Hit::refused(subject(name), format!("Pool {name} would use {size}, which AKS does not accept for nodes."))
            .text("vmSize", size),
    ]
}

fn unknown(facts: &Facts<'_>) -> Vec<Hit> {
    let missing = |p: &&AgentPool| p.vm_size.as_deref().is_some_and(|s| !s.is_empty()) && sku_of(p).is_none();
    let hit = |pool: &AgentPool| {
        let size = pool.vm_size.as_deref().unwrap_or_default();
        let message = format!(
            "Pool {} uses {size}, which is not in the table of VM sizes: vCPU, memory and quota are not judged.",
            pool.name
        );
        Hit::warning(subject(&pool.name), message).text("vmSize", size)
    };
    facts.touched_pools().filter(missing).map(hit).collect()
}

/// Replicas of CoreDNS by AKS' default ladder (coredns-autoscale): the larger of the steps by cores and by nodes.
fn dns_replicas(cores: u32, nodes: u32) -> u32 {
    let step = |ladder: [(u32, u32); 4], n: u32| {
        ladder.iter().rev().find(|(from, _)| n >= *from).map_or(0, |(_, replicas)| *replicas)
    };
    step([(1, 2), (512, 3), (1024, 4), (2048, 5)], cores).max(step([(1, 2), (8, 3), (16, 4), (32, 5)], nodes))
}

fn large(facts: &Facts<'_>) -> Vec<Hit> {
    let running = || facts.after.iter().filter(|p| !p.is_stopped());
    let nodes = running().map(|p| p.count).fold(0, u32::saturating_add);
    let cores =
        running().map(|p| p.count.saturating_mul(sku_of(p).map_or(0, |s| s.cores))).fold(0, u32::saturating_add);
    let (dns, addons) = (dns_replicas(cores, nodes), facts.snapshot.cluster.addons.len());
    let strong =
        |p: &AgentPool| sku_of(p).is_none_or(|s| (p.count >= 3 && s.cores >= 8) || (p.count >= 2 && s.cores >= 16));
    let pools: Vec<(&AgentPool, bool)> = facts.system_pools().collect();
    if (dns < 3 && addons < 3) || pools.is_empty() || pools.iter().any(|(p, _)| strong(p)) {
        return Vec::new();
    }
    let why = if dns >= 3 {
        format!("{nodes} nodes call for {dns} CoreDNS replicas")
    } else {
        format!("{addons} add-ons are on")
    };
    let (pool, _) = pools[0];
    let message = format!(
        "{why}; for clusters of this size AKS recommends 3 system nodes of 8 vCPU or 2 of 16, and no system pool has them."
    );
    vec![
        Hit::info(subject(&pool.name), message)
            .number("nodes", nodes)
            .number("dnsReplicas", dns)
            .number("addons", addons as f64),
    ]
}
