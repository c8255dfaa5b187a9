//! Room beside the change: temporary nodes, nodes for what loses its own, more replicas of CoreDNS while it lasts.
//!
//! A pool whose nodes an autoscaler counts cannot be scaled by hand (AKS docs, scale-cluster) and is left alone. Of AKS' own
//! workloads, users may set the replicas of CoreDNS alone (AKS docs, coredns-autoscale).

use super::view::{View, empties};
use super::{Draft, nodes, on, whole};
use crate::change::{Operation, Step};
use crate::intern::requests;
use crate::snapshot::AgentPool;
use crate::system_workloads::{LADDER_CORES, LADDER_NODES};

pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let mut found = temporary(view);
    found.extend(replacements(view));
    found.extend(dns(view));
    found
}

/// Temporary nodes in a pool whose nodes are emptied and stay or come again.
fn temporary(view: &View<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for pool in view.emptied() {
        let stays = |s: &Step| match &s.operation {
            Operation::Upgrade { .. } | Operation::Rollback | Operation::Drain { .. } => true,
            Operation::ResizePool { method, .. } => method == "resize",
            _ => false,
        };
        if pool.enable_auto_scaling || pool.is_spot() || !view.base.iter().filter(|s| empties(s, pool)).all(stays) {
            continue;
        }
        let more = [1, 2, pool.count.div_ceil(3)];
        for (k, n) in more.into_iter().enumerate().filter(|(k, n)| !more[..*k].contains(n)) {
            let up = on(&pool.name, Operation::Scale { count: pool.count + n });
            let down = Step { wait_seconds: 300, ..on(&pool.name, Operation::Scale { count: pool.count }) };
            let words = format!("{} more in {} while it lasts", nodes(n), pool.name);
            found.push(Draft::new(words, view.between(vec![up.clone()], vec![down])));
            if k == 0 {
                found.push(Draft::new(
                    format!("{} more in {} for good", nodes(n), pool.name),
                    view.between(vec![up], Vec::new()),
                ));
            }
        }
    }
    found
}

/// Nodes elsewhere for the pods of nodes that leave for good.
fn replacements(view: &View<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for pool in view.emptied() {
        let leaves = |s: &&Step| {
            empties(s, pool)
                && matches!(
                    s.operation,
                    Operation::DeletePool { .. }
                        | Operation::StopPool
                        | Operation::DeleteMachines { .. }
                        | Operation::Drain { .. }
                )
        };
        let Some(step) = view.base.iter().find(leaves) else { continue };
        let own = matches!(step.operation, Operation::DeleteMachines { .. });
        let takes = |p: &&AgentPool| {
            let same = p.mode == pool.mode && p.os_type == pool.os_type && p.node_taints == pool.node_taints;
            (own || p.name != pool.name) && same && !p.enable_auto_scaling && !p.is_spot()
        };
        for other in view.own_pools().filter(takes).take(2) {
            let share = match &step.operation {
                Operation::DeleteMachines { machines: names } | Operation::Drain { nodes: names }
                    if !names.is_empty() =>
                {
                    names.len() as f64 / f64::from(pool.count.max(1))
                }
                _ => 1.0,
            };
            let Some(n) = needed(view, pool, other, share) else { continue };
            for n in [n, n.div_ceil(2)].into_iter().collect::<std::collections::BTreeSet<u32>>().into_iter().rev() {
                let up = on(&other.name, Operation::Scale { count: other.count + n });
                found.push(Draft::new(
                    format!("{} more in {} first", nodes(n), other.name),
                    view.between(vec![up], Vec::new()),
                ));
            }
        }
    }
    found
}

/// Nodes of `other` that hold so much of what `pool` runs.
fn needed(view: &View<'_>, pool: &AgentPool, other: &AgentPool, share: f64) -> Option<u32> {
    let node = view.nodes_of(&other.name).first().map(|n| n.allocatable.clone())?;
    let (mut cpu, mut memory) = (0, 0);
    for pod in view.movable(&pool.name) {
        let asked = requests::effective(&pod.spec);
        cpu += asked.cpu;
        memory += asked.memory;
    }
    let per = |asked: i64, has: i64| if has > 0 { share * asked as f64 / has as f64 } else { 0.0 };
    let n = per(cpu, node.cpu).max(per(memory, node.memory)).ceil();
    Some((n as u32).clamp(1, 100))
}

/// More replicas of CoreDNS, by its autoscaler's ladder, and back.
fn dns(view: &View<'_>) -> Vec<Draft> {
    let Some((_, _, replicas)) = view.laddered_dns() else { return Vec::new() };
    if view.emptied().is_empty() {
        return Vec::new();
    }
    let to = |n: u32| whole(Operation::SetDnsLadder { cores: vec![(1, n)], nodes: vec![(1, n)] });
    let back = Operation::SetDnsLadder { cores: LADDER_CORES.to_vec(), nodes: LADDER_NODES.to_vec() };
    let more = |n: u32| {
        // The new pods start and the endpoints follow before anything is emptied.
        let mut steps = view.between(vec![to(n)], vec![Step { wait_seconds: 300, ..whole(back.clone()) }]);
        steps[1].wait_seconds += 120;
        Draft::new(format!("{n} replicas of CoreDNS instead of {replicas} while it lasts"), steps)
    };
    vec![more(replicas + 1), more(2 * replicas)]
}
