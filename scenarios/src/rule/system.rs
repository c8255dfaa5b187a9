//! System pools: how many there are and what may be done to them.

use simulator::spec::Effect;

use super::facts::{Facts, is_system, pod_name, subject};
use super::{Hit, Rule, counted, figure, some};
use crate::change::Operation;
use crate::snapshot::AgentPool;
use crate::snapshot::pool::taint as parse;

const POOLS: &str = "AKS docs, use-system-pools (2023-12-26, 2026-04-30)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "last-system-pool",
        says: "At least one system pool must remain: the last one cannot be deleted or made a user pool.",
        source: POOLS,
        check: last,
    },
    Rule {
        id: "system-pool-stop",
        says: "System pools cannot be stopped.",
        source: "AKS docs, start-stop-nodepools (2026-08-12)",
        check: stop,
    },
    Rule {
        id: "system-pool-zero",
        says: "A system pool cannot be scaled to zero.",
        source: "AKS docs, scale-cluster (2024-01-22), create-node-pools",
        check: zero,
    },
    Rule {
        id: "system-pool-min-nodes",
        says: "A system pool should have at least two nodes; the API accepts one.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30); one node is accepted by recorded API exchanges (2025-11-21)",
        check: one_node,
    },
    Rule {
        id: "system-pool-three-nodes",
        says: "A cluster's only system pool should have at least three nodes in production.",
        source: POOLS,
        check: three_nodes,
    },
    Rule {
        id: "system-pool-linux",
        says: "System pools run Linux.",
        source: "AKS docs, use-system-pools (2023-12-26), create-node-pools",
        check: linux,
    },
    Rule {
        id: "spot-system-pool",
        says: "Spot pools must be user pools.",
        source: "AKS docs, use-system-pools (2023-12-26), spot-node-pool",
        check: spot,
    },
    Rule {
        id: "system-pool-dedicated",
        says: "System pools should carry CriticalAddonsOnly=true:NoSchedule so that application pods stay off.",
        source: POOLS,
        check: dedicated,
    },
    Rule {
        id: "managed-system-pool-single",
        says: "A cluster has at most one ManagedSystem pool.",
        source: "recorded API answer InvalidParameter (azure-cli-extensions recordings, 2025-11-21)",
        check: managed_single,
    },
];

fn last(facts: &Facts<'_>) -> Vec<Hit> {
    let was_system = facts.before.is_some_and(AgentPool::is_system);
    let remains = facts.after.iter().any(AgentPool::is_system);
    if !was_system || remains {
        return Vec::new();
    }
    let name = facts.pool_name();
    let deleted = facts.changed().is_none();
    let what = if deleted { "deleting it" } else { "making it a user pool" };
    let message = format!("Pool {name} is the last system pool; AKS refuses {what} until another system pool exists.");
    vec![Hit::refused(subject(name), message).number("systemPoolsAfter", 0)]
}

fn stop(facts: &Facts<'_>) -> Vec<Hit> {
    let name = facts.pool_name();
    let stops = facts.has(|op| matches!(op, Operation::StopPool));
    if !stops || !facts.before.is_some_and(AgentPool::is_system) {
        return Vec::new();
    }
    vec![Hit::refused(subject(name), format!("Pool {name} is a system pool; AKS does not stop system pools."))]
}

fn zero(facts: &Facts<'_>) -> Vec<Hit> {
    let empty = facts.system_pools().filter(|(p, touched)| *touched && p.count == 0);
    let message = |p: &AgentPool| format!("Pool {} is a system pool; AKS refuses to bring it to 0 nodes.", p.name);
    empty.map(|(p, _)| Hit::refused(subject(&p.name), message(p)).number("nodes", 0)).collect()
}

fn one_node(facts: &Facts<'_>) -> Vec<Hit> {
    let single = facts.system_pools().filter(|(p, _)| p.count == 1);
    let hit = |(p, touched): (&AgentPool, bool)| {
        let message =
            format!("System pool {} has one node: losing or draining it takes every system pod there with it.", p.name);
        Hit::warning(subject(&p.name), message).number("nodes", 1).number("documentedMinimum", 2).standing(touched)
    };
    single.map(hit).collect()
}

fn three_nodes(facts: &Facts<'_>) -> Vec<Hit> {
    let pools: Vec<(&AgentPool, bool)> = facts.system_pools().collect();
    let [(pool, _)] = pools[..] else {
        return Vec::new();
    };
    if pool.count != 2 {
        return Vec::new();
    }
    let message =
        format!("Pool {} is the only system pool and has 2 nodes; 3 are recommended in production.", pool.name);
    vec![Hit::info(subject(&pool.name), message).number("nodes", 2).number("recommended", 3)]
}

fn linux(facts: &Facts<'_>) -> Vec<Hit> {
    let windows = facts.system_pools().filter(|(p, touched)| *touched && p.is_windows());
    let message = |p: &AgentPool| format!("Pool {} runs Windows; system pools must run Linux.", p.name);
    windows.map(|(p, _)| Hit::refused(subject(&p.name), message(p)).text("osType", &p.os_type)).collect()
}

fn spot(facts: &Facts<'_>) -> Vec<Hit> {
    let spot = facts.system_pools().filter(|(p, touched)| *touched && p.is_spot());
    let message = |p: &AgentPool| format!("Pool {} is a spot pool; spot pools must be of mode User.", p.name);
    spot.map(|(p, _)| Hit::refused(subject(&p.name), message(p)).text("scaleSetPriority", "Spot")).collect()
}

fn dedicated(facts: &Facts<'_>) -> Vec<Hit> {
    facts.system_pools().filter_map(|(pool, touched)| dedicated_one(facts, pool, touched)).collect()
}

fn dedicated_one(facts: &Facts<'_>, pool: &AgentPool, touched: bool) -> Option<Hit> {
    let kept_off =
        |t: &String| parse(t).is_some_and(|t| t.key == "CriticalAddonsOnly" && t.effect != Effect::PreferNoSchedule);
    if pool.node_taints.iter().any(kept_off) {
        return None;
    }
    let guests: Vec<String> =
        facts.movable_in(&pool.name).into_iter().filter(|p| !is_system(p)).map(pod_name).collect();
    if guests.is_empty() {
        return None;
    }
    let others = facts.after.iter().any(|p| p.mode == "User" && !p.is_windows() && !p.is_stopped());
    let advice = if others {
        "taint it CriticalAddonsOnly=true:NoSchedule"
    } else {
        "add a user pool, then taint this one CriticalAddonsOnly=true:NoSchedule"
    };
    let pods = counted(guests.len(), "application pod");
    let message = format!(
        "System pool {} has no CriticalAddonsOnly taint and hosts {pods} beside system pods ({}): {advice}.",
        pool.name,
        some(guests.iter().map(String::as_str))
    );
    Some(Hit::warning(subject(&pool.name), message).number("applicationPods", figure(guests.len())).standing(touched))
}

fn managed_single(facts: &Facts<'_>) -> Vec<Hit> {
    let managed = facts.after.iter().filter(|p| p.mode == "ManagedSystem").count();
    let comes = facts.added().is_some() || facts.has(|op| matches!(op, Operation::SetMode { .. }));
    if managed < 2 || !comes || facts.changed().is_none_or(|p| p.mode != "ManagedSystem") {
        return Vec::new();
    }
    let name = facts.pool_name();
    vec![Hit::refused(
        subject(name),
        format!("Pool {name} would be the second ManagedSystem pool; AKS allows one per cluster."),
    )]
}
