//! Room for the nodes a change adds: vCPU quota and subnet addresses, where the snapshot states what is left.

use super::facts::{Facts, sku_of, subject};
use super::{Hit, Rule};
use crate::azure::allocatable::minor;
use crate::azure::supply::{self, Supply};
use crate::coverage::Coverage;
use crate::defaults::pools;
use crate::snapshot::AgentPool;

pub(crate) const RULES: &[Rule] = &[
    Rule {
        id: "quota-short",
        says: "New and surge nodes need vCPU quota of their VM family and of the region; spot nodes that of spot machines.",
        source: "AKS docs, upgrade-capacity-cost-planning; error QuotaExceeded; one surge node instead from 1.35 (AKS CHANGELOG)",
        check: quota,
    },
    Rule {
        id: "subnet-short",
        says: "New and surge nodes need addresses: 1 + maxPods each with Azure CNI in the node subnet, 1 otherwise, and 16 or a static block of a pod subnet.",
        source: "AKS docs, concepts-network-ip-address-planning (2026-04-16); errors SubnetIsFull, InsufficientSubnetSize",
        check: subnet,
    },
];

fn quota(facts: &Facts<'_>) -> Vec<Hit> {
    short(facts, |pool| supply::quota(pool, sku_of(pool).as_ref(), &facts.snapshot.cluster))
}

fn subnet(facts: &Facts<'_>) -> Vec<Hit> {
    let nodes = u32::try_from(facts.snapshot.nodes.len()).unwrap_or(u32::MAX);
    short(facts, |pool| {
        let cluster = &facts.snapshot.cluster;
        let mut max_pods = || pools::max_pods(pool, cluster, &mut Coverage::default());
        let mut found = supply::addresses(pool, cluster, &mut max_pods, nodes);
        // Where ranges for pods run out, nodes come and never become Ready: no check of AKS, the simulation shows it.
        found.retain(|supply| supply.code == "SubnetIsFull");
        found
    })
}

fn short(facts: &Facts<'_>, supplies: impl Fn(&AgentPool) -> Vec<Supply>) -> Vec<Hit> {
    let hits = |(pool, nodes): (&AgentPool, u32)| -> Vec<Hit> {
        supplies(pool).iter().filter_map(|supply| judge(facts, pool, nodes, supply)).collect()
    };
    facts.additions().into_iter().flat_map(hits).collect()
}

fn judge(facts: &Facts<'_>, pool: &AgentPool, nodes: u32, supply: &Supply) -> Option<Hit> {
    let Supply { what, free, each, .. } = supply;
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
