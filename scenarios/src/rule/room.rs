//! Room for the nodes a change adds: vCPU quota and subnet addresses, where the snapshot states what is left.

use super::facts::{Facts, sku_of, subject};
use super::{Hit, Rule};
use crate::azure::allocatable::minor;
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "quota-short",
        says: "New and surge nodes need vCPU quota of their VM family and of the region.",
        source: "AKS docs, upgrade-capacity-cost-planning; error QuotaExceeded; one surge node instead from 1.35 (AKS CHANGELOG)",
        check: quota,
    },
    Rule {
        id: "subnet-short",
        says: "New and surge nodes need addresses: 1 + maxPods each with Azure CNI in the node subnet, 1 otherwise.",
        source: "AKS docs, concepts-network-ip-address-planning (2026-04-16); errors SubnetIsFull, InsufficientSubnetSize",
        check: subnet,
    },
];

/// Something new nodes use up.
struct Supply {
    /// What it is called.
    what: String,
    /// What is left.
    free: u32,
    /// What one node takes.
    each: u32,
}

fn quota(facts: &Facts<'_>) -> Vec<Hit> {
    let quota = &facts.snapshot.cluster.quota;
    let supplies = |pool: &AgentPool| -> Vec<Supply> {
        // Spot machines count against a quota of their own, which snapshots do not state.
        let Some(sku) = sku_of(pool).filter(|_| !pool.is_spot()) else {
            return Vec::new();
        };
        let of = |key: String, what: String| {
            quota.get(&key).map(|free| Supply { what, free: *free, each: sku.parent_cores })
        };
        let family = of(sku.family.to_ascii_lowercase(), format!("vCPU quota of {}", sku.family));
        family.into_iter().chain(of("cores".into(), "vCPU quota of the region".into())).collect()
    };
    short(facts, supplies)
}

fn subnet(facts: &Facts<'_>) -> Vec<Hit> {
    let supplies = |pool: &AgentPool| -> Vec<Supply> {
        let given = pool.other.get("vnetSubnetID").and_then(|v| v.as_str()).map(str::to_ascii_lowercase);
        let subnets = &facts.snapshot.cluster.subnet;
        let free = given.and_then(|id| subnets.get(&id)).or_else(|| subnets.get("*"));
        free.map(|free| Supply { what: "subnet addresses".into(), free: *free, each: addresses(facts, pool) })
            .into_iter()
            .collect()
    };
    short(facts, supplies)
}

/// Addresses of the node's subnet that one node takes.
fn addresses(facts: &Facts<'_>, pool: &AgentPool) -> u32 {
    let cluster = &facts.snapshot.cluster;
    let says = |value: &Option<String>, word: &str| value.as_deref().is_some_and(|v| v.eq_ignore_ascii_case(word));
    let pods_elsewhere = says(&cluster.network_plugin_mode, "overlay") || pool.other.contains_key("podSubnetID");
    if says(&cluster.network_plugin, "azure") && !pods_elsewhere {
        1 + pool.max_pods.unwrap_or(30) // 30 is the default of this plugin
    } else {
        1
    }
}

fn short(facts: &Facts<'_>, supplies: impl Fn(&AgentPool) -> Vec<Supply>) -> Vec<Hit> {
    let hits = |(pool, nodes): (&AgentPool, u32)| -> Vec<Hit> {
        supplies(pool).iter().filter_map(|supply| judge(facts, pool, nodes, supply)).collect()
    };
    facts.additions().into_iter().flat_map(hits).collect()
}

fn judge(facts: &Facts<'_>, pool: &AgentPool, nodes: u32, supply: &Supply) -> Option<Hit> {
    let Supply { what, free, each } = supply;
    let need = nodes.saturating_mul(*each);
    if need <= *free {
        return None;
    }
    let fit = free / (*each).max(1);
    // From 1.35 an upgrade that cannot have its surge tries again with one node.
    let falls_back = facts.rolls && fit >= 1 && pool.version().and_then(minor).is_some_and(|m| m >= 35);
    let kind = if facts.rolls { "surge node" } else { "new node" };
    let need_text = format!(
        "Pool {} needs {need} {what} for {}, and {free} are left",
        pool.name,
        super::counted(nodes as usize, kind)
    );
    let hit = if falls_back {
        Hit::warning(
            subject(&pool.name),
            format!("{need_text}: AKS falls back to one surge node, and the upgrade takes longer."),
        )
    } else {
        Hit::refused(subject(&pool.name), format!("{need_text}: {fit} would fit."))
    };
    Some(hit.text("supply", what.as_str()).number("needed", need).number("free", *free))
}
