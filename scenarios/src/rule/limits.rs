//! Limits on counts: nodes per pool and cluster, pools per cluster, pods per node.

use super::facts::{Facts, subject};
use super::{Hit, Rule, figure};
use crate::change::Operation;
use crate::snapshot::AgentPool;

const PODS: &str = "AKS docs, concepts-network-ip-address-planning (2026-04-16)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "pool-count-range",
        says: "A pool has at most 1,000 nodes.",
        source: "AKS docs, create-node-pools; best-practices-performance-scale-large",
        check: pool_count,
    },
    Rule {
        id: "pool-surge-limit",
        says: "Nodes and surge nodes of a pool together must not exceed 1,000.",
        source: "AKS docs, upgrade-aks-node-pools-rolling (2026-05-29)",
        check: surge_limit,
    },
    Rule {
        id: "cluster-node-limit",
        says: "A cluster has at most 5,000 nodes, 400 with kubenet.",
        source: "AKS docs, best-practices-performance-scale-large, concepts-network-azure-cni-overlay",
        check: cluster_nodes,
    },
    Rule {
        id: "cluster-pool-limit",
        says: "A cluster has at most 100 pools.",
        source: "Azure service limits as widely published; not verified against the current AKS page",
        check: cluster_pools,
    },
    Rule { id: "max-pods-range", says: "Pods per node are 10 to 250.", source: PODS, check: max_pods_range },
    Rule {
        id: "system-pool-max-pods",
        says: "Nodes of system pools must have room for at least 30 pods.",
        source: "AKS docs, use-system-pools (2023-12-26), concepts-network-ip-address-planning (2026-04-16)",
        check: system_max_pods,
    },
    Rule {
        id: "pool-pod-room",
        says: "Nodes times pods per node of a pool must come to at least 30.",
        source: PODS,
        check: pod_room,
    },
];

/// Most nodes of one pool: a scale set's own cap.
const POOL_NODES: u32 = 1000;

fn grows(facts: &Facts<'_>, pool: &AgentPool) -> bool {
    facts.snapshot.pool(&pool.name).is_none_or(|before| before.count < pool.count)
}

fn pool_count(facts: &Facts<'_>) -> Vec<Hit> {
    let over = facts.touched_pools().filter(|p| p.count > POOL_NODES && grows(facts, p));
    let message =
        |p: &AgentPool| format!("Pool {} would have {} nodes; a pool holds at most {POOL_NODES}.", p.name, p.count);
    over.map(|p| Hit::refused(subject(&p.name), message(p)).number("nodes", p.count)).collect()
}

fn surge_limit(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.rolls {
        return Vec::new();
    }
    let hit = |pool: &AgentPool| {
        let surge = facts.surge(pool);
        if pool.is_spot() || pool.count.saturating_add(surge) <= POOL_NODES {
            return None;
        }
        let message = format!(
            "Pool {} has {} nodes and would surge by {surge}; AKS rejects upgrades beyond {POOL_NODES} nodes in a pool.",
            pool.name, pool.count
        );
        Some(Hit::refused(subject(&pool.name), message).number("nodes", pool.count).number("surge", surge))
    };
    facts.touched_pools().filter_map(hit).collect()
}

fn cluster_nodes(facts: &Facts<'_>) -> Vec<Hit> {
    let plugin = facts.snapshot.cluster.network_plugin.as_deref().unwrap_or("");
    let most: u32 = if plugin.eq_ignore_ascii_case("kubenet") { 400 } else { 5000 };
    let sum = |pools: &[AgentPool]| pools.iter().map(|p| p.count).fold(0, u32::saturating_add);
    let (before, after) = (sum(&facts.snapshot.pools), sum(&facts.after));
    if after <= most || after <= before {
        return Vec::new();
    }
    let message = format!("The cluster would have {after} nodes; AKS supports at most {most} here.");
    vec![Hit::error("cluster", message).number("nodes", after).number("limit", most)]
}

fn cluster_pools(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.after.len() <= 100 || facts.added().is_none() {
        return Vec::new();
    }
    let message = format!("The cluster would have {} pools; the published limit is 100.", facts.after.len());
    vec![Hit::warning("cluster", message).number("pools", figure(facts.after.len()))]
}

/// Pods per node that the change asks for: only a new pool can have another figure.
fn new_max_pods(facts: &Facts<'_>) -> Option<u32> {
    facts.operations.iter().find_map(|op| match op {
        Operation::AddPool { desired } | Operation::ResizePool { desired, .. } => desired.max_pods,
        _ => None,
    })
}

fn max_pods_range(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pods) = new_max_pods(facts).filter(|n| !(10..=250).contains(n)) else {
        return Vec::new();
    };
    let name = facts.pool_name();
    vec![
        Hit::refused(subject(name), format!("Pool {name} would allow {pods} pods per node; 10 to 250 are possible."))
            .number("maxPods", pods),
    ]
}

fn system_max_pods(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |(pool, touched): (&AgentPool, bool)| {
        let pods = pool.max_pods.filter(|n| *n < 30)?;
        let message = format!(
            "System pool {} allows {pods} pods per node; system pools must support at least 30, and their own system pods take most of that.",
            pool.name
        );
        Some(Hit::error(subject(&pool.name), message).number("maxPods", pods).number("minimum", 30).standing(touched))
    };
    facts.system_pools().filter_map(hit).collect()
}

fn pod_room(facts: &Facts<'_>) -> Vec<Hit> {
    let made = new_max_pods(facts).is_some();
    let hit = |pool: &AgentPool| {
        let room = pool.max_pods?.saturating_mul(pool.count);
        let empty_user_pool = pool.count == 0 && !pool.is_system();
        if room >= 30 || empty_user_pool {
            return None;
        }
        let message = format!(
            "Pool {} has room for {room} pods on {} nodes; AKS asks for at least 30 in a pool.",
            pool.name, pool.count
        );
        let hit =
            if made { Hit::refused(subject(&pool.name), message) } else { Hit::error(subject(&pool.name), message) };
        Some(hit.number("podRoom", room).number("nodes", pool.count))
    };
    facts.touched_pools().filter_map(hit).collect()
}
