//! What becomes of the pods on nodes that are emptied or deleted.

use std::collections::{BTreeMap, BTreeSet};

use super::facts::{Facts, is_system, pod_name, subject};
use super::{Hit, Rule, counted, figure, some};
use crate::change::Operation;
use crate::complete::nodes;
use crate::coverage::Coverage;
use crate::intern::requests::effective;
use crate::matching::admits;
use crate::snapshot::{AgentPool, Amounts, Node, Pod};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "pods-fit-nowhere-else",
        says: "Pods whose selector, affinity, tolerations or requests (GPUs among them) allow only the nodes that go stay pending.",
        source: "Kubernetes v1.34, NodeAffinity, TaintToleration and NodeResourcesFit; AKS docs, delete-node-pool",
        check: nowhere_else,
    },
    Rule {
        id: "bare-pods",
        says: "Pods without an owner are not made again once their node is emptied.",
        source: "Kubernetes docs, safely-drain-node (v1.34)",
        check: bare,
    },
    Rule {
        id: "delete-machines-no-drain",
        says: "Deleting machines neither cordons nor drains them: their pods die with them.",
        source: "AKS docs, delete-node-pool; recorded API exchange (2025-11-21)",
        check: machines,
    },
    Rule {
        id: "delete-pool-at-once",
        says: "Deleting a pool drains and removes all its nodes with no node added for them, for good.",
        source: "AKS docs, delete-node-pool; AKS issue 3996 (2023-12) confirms the drain",
        check: delete_pool,
    },
    Rule {
        id: "scale-down-order",
        says: "AKS does not promise which nodes a manual scale-down takes; cordoned ones have no precedence.",
        source: "issues azure-cli-extensions 912, AKS 2767, azure-docs 87045; AKS docs, scale-cluster (2024-01-22)",
        check: order,
    },
    Rule {
        id: "drain-timeout-below-grace",
        says: "A pod that may take longer to stop than a node to drain makes the drain fail.",
        source: "AKS docs, upgrade-aks-node-pools-rolling (2026-05-29): 30 minutes by default",
        check: grace,
    },
    Rule {
        id: "system-replicas-together",
        says: "When all replicas of a system workload stand on one node, its drain stops the service unless a budget spaces them out.",
        source: "AKS docs, coredns-autoscale; real node dumps show both CoreDNS replicas on one node (2025-03)",
        check: together,
    },
    Rule {
        id: "local-data-lost",
        says: "Data in emptyDir volumes goes with the pod.",
        source: "Kubernetes docs, safely-drain-node, emptyDir (v1.34)",
        check: local_data,
    },
];

/// Nodes on which a pod might stand after the change: those that remain, and one as it would come for each pool that has
/// none now and may get one.
pub(super) fn places(facts: &Facts<'_>) -> Vec<Node> {
    let gone: BTreeSet<&str> = facts.drained.iter().chain(&facts.killed).map(|n| n.name.as_str()).collect();
    let remains = |n: &&Node| !gone.contains(n.name.as_str()) && !n.cordoned;
    let mut places: Vec<Node> = facts.snapshot.nodes.iter().filter(remains).cloned().collect();
    let empty = |p: &&AgentPool| !p.is_stopped() && facts.snapshot.nodes_of(&p.name).next().is_none();
    let autoscaled = |p: &AgentPool| p.enable_auto_scaling && p.max_count.unwrap_or(0) > 0;
    let mut unnoted = Coverage::default();
    for pool in facts.after.iter().filter(empty).filter(|p| p.count > 0 || autoscaled(p)) {
        for zone in nodes::zones(pool, facts.snapshot) {
            places.push(nodes::blank(pool, &zone, facts.snapshot, &mut unnoted));
        }
    }
    places
}

/// True where the pod would fit onto the node if nothing else ran there; a node of unknown room holds everything.
pub(super) fn holds(node: &Node, asked: &Amounts) -> bool {
    let room = &node.allocatable;
    let named = |(name, n): (&String, &i64)| *n <= room.other.get(name).copied().unwrap_or(0);
    room.cpu == 0 || (asked.cpu <= room.cpu && asked.memory <= room.memory && asked.other.iter().all(named))
}

fn nowhere_else(facts: &Facts<'_>) -> Vec<Hit> {
    let drains = facts.has(|op| matches!(op, Operation::Drain { .. }));
    if !facts.shrinks && !drains {
        return Vec::new();
    }
    let places = places(facts);
    let fits = |p: &Pod| {
        let asked = effective(&p.spec);
        places.iter().any(|node| admits(&p.spec, node) && holds(node, &asked))
    };
    // Pods of one owner are alike, and there may be thousands of them.
    let mut known: BTreeMap<(&str, &str, &str), bool> = BTreeMap::new();
    let mut stuck: Vec<&Pod> = Vec::new();
    for pod in facts.evicted().chain(facts.lost()) {
        let Some(owner) = &pod.owner else { continue };
        let key = (pod.namespace.as_str(), owner.kind.as_str(), owner.name.as_str());
        if !*known.entry(key).or_insert_with(|| fits(pod)) {
            stuck.push(pod);
        }
    }
    if stuck.is_empty() {
        return Vec::new();
    }
    let system = stuck.iter().any(|p| is_system(p));
    let names: Vec<String> = stuck.iter().map(|p| pod_name(p)).collect();
    let message = format!(
        "{} on pool {} may stand on no other node, by selector, affinity, taints or size, and will stay pending ({}).",
        counted(stuck.len(), "pod"),
        facts.pool_name(),
        some(names.iter().map(String::as_str))
    );
    let hit = if system {
        Hit::error(subject(facts.pool_name()), message)
    } else {
        Hit::warning(subject(facts.pool_name()), message)
    };
    vec![hit.number("pods", figure(stuck.len()))]
}

fn bare(facts: &Facts<'_>) -> Vec<Hit> {
    let orphans: Vec<String> =
        facts.evicted().chain(facts.lost()).filter(|p| p.owner.is_none()).map(pod_name).collect();
    if orphans.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "{} on the nodes concerned have no owner and are gone for good ({}).",
        counted(orphans.len(), "pod"),
        some(orphans.iter().map(String::as_str))
    );
    vec![Hit::warning(subject(facts.pool_name()), message).number("pods", figure(orphans.len()))]
}

fn machines(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.has(|op| matches!(op, Operation::DeleteMachines { .. })) {
        return Vec::new();
    }
    let (pods, nodes) = (facts.lost().count(), facts.killed.len());
    let message = format!(
        "{} of pool {} are deleted without cordon or drain: {} die with them, budgets or not.",
        counted(nodes, "machine"),
        facts.pool_name(),
        counted(pods, "pod")
    );
    vec![
        Hit::warning(subject(facts.pool_name()), message)
            .number("machines", figure(nodes))
            .number("pods", figure(pods)),
    ]
}

fn delete_pool(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.before.filter(|p| p.count > 0 && facts.has(|op| matches!(op, Operation::DeletePool { .. })))
    else {
        return Vec::new();
    };
    let message = format!(
        "All {} nodes of pool {} go, with no node added for their {}.",
        pool.count,
        pool.name,
        counted(facts.evicted().count(), "pod")
    );
    vec![
        Hit::info(subject(&pool.name), message)
            .number("nodes", pool.count)
            .number("pods", figure(facts.evicted().count())),
    ]
}

fn order(facts: &Facts<'_>) -> Vec<Hit> {
    let scales = facts.has(|op| matches!(op, Operation::Scale { .. }));
    let left = facts.changed().map_or(0, |p| p.count);
    if !scales || facts.drained.is_empty() || left == 0 {
        return Vec::new();
    }
    let names = some(facts.drained.iter().map(|n| n.name.as_str()));
    let message = format!(
        "Which {} {} pool {} is not promised; zones balanced and highest instance first, it would be {names}.",
        counted(facts.drained.len(), "node"),
        if facts.drained.len() == 1 { "leaves" } else { "leave" },
        facts.pool_name()
    );
    vec![Hit::info(subject(facts.pool_name()), message).number("nodes", figure(facts.drained.len()))]
}

/// Minutes a node may take to drain in an upgrade, unless the pool says otherwise.
const DRAIN_TIMEOUT: u32 = 30;

/// Seconds a pod may take to stop, unless it says otherwise (Kubernetes v1.34 default).
const GRACE: u64 = 30;

fn grace(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.rolls {
        return Vec::new();
    }
    let hit = |pool: &AgentPool| {
        let minutes = facts.upgrade_settings(pool).drain_timeout_in_minutes.unwrap_or(DRAIN_TIMEOUT);
        let seconds = |p: &Pod| p.spec.grace_seconds.unwrap_or(GRACE);
        let slow: Vec<&Pod> =
            facts.movable_in(&pool.name).into_iter().filter(|p| seconds(p) > u64::from(minutes) * 60).collect();
        let worst = slow.iter().max_by_key(|p| (seconds(p), std::cmp::Reverse(&p.name)))?;
        let message = format!(
            "Nodes of pool {} may take {minutes} minutes to drain, but {} may take longer to stop; {} up to {} minutes.",
            pool.name,
            counted(slow.len(), "pod"),
            pod_name(worst),
            seconds(worst).div_ceil(60)
        );
        Some(
            Hit::warning(subject(&pool.name), message)
                .number("drainTimeoutMinutes", minutes)
                .number("graceSeconds", seconds(worst) as f64),
        )
    };
    facts.touched_pools().filter(|p| !p.is_spot()).filter_map(hit).collect()
}

fn together(facts: &Facts<'_>) -> Vec<Hit> {
    let mut groups: BTreeMap<(&str, &str, &str), Vec<&Pod>> = BTreeMap::new();
    for pod in facts.snapshot.pods.iter().filter(|p| is_system(p) && !p.is_over() && !p.is_mirror()) {
        if let Some(owner) = pod.owner.as_ref().filter(|o| o.kind != "DaemonSet") {
            groups.entry((&pod.namespace, &owner.kind, &owner.name)).or_default().push(pod);
        }
    }
    let emptied: Vec<&str> = facts.drained.iter().chain(&facts.killed).map(|n| n.name.as_str()).collect();
    let hit = |((namespace, kind, name), pods): (&(&str, &str, &str), &Vec<&Pod>)| {
        let node = pods.first()?.node.as_deref()?;
        let one_node = pods.len() > 1 && pods.iter().all(|p| p.node.as_deref() == Some(node));
        if !one_node || !emptied.contains(&node) {
            return None;
        }
        let message = format!("All {} pods of {namespace}/{name} stand on node {node}, which is emptied.", pods.len());
        Some(
            Hit::warning(format!("{} {namespace}/{name}", kind.to_ascii_lowercase()), message)
                .text("node", node)
                .number("pods", figure(pods.len())),
        )
    };
    groups.iter().filter_map(hit).collect()
}

fn local_data(facts: &Facts<'_>) -> Vec<Hit> {
    let holders: Vec<String> =
        facts.evicted().chain(facts.lost()).filter(|p| p.spec.local_storage && !is_system(p)).map(pod_name).collect();
    if holders.is_empty() {
        return Vec::new();
    }
    let message = format!(
        "{} keep data on the nodes concerned and lose it ({}).",
        counted(holders.len(), "application pod"),
        some(holders.iter().map(String::as_str))
    );
    vec![Hit::info(subject(facts.pool_name()), message).number("pods", figure(holders.len()))]
}
