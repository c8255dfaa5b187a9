//! Settles an edited snapshot: a cell is a cluster that has always been so, not one in the middle of moving.

use std::collections::BTreeMap;

use super::pool::stays_with_node;
use crate::intern::requests::{effective, priority};
use crate::matching::admits;
use crate::snapshot::{Amounts, Node, Snapshot};

/// Puts every pod without a node, and every pod its node has no room for, onto the node with most free CPU that takes it;
/// what fits nowhere is pending.
pub(super) fn settle(snapshot: &mut Snapshot) {
    let rooms = snapshot.nodes.iter().map(|n| (n.name.clone(), n.allocatable.clone()));
    let mut free: BTreeMap<String, Amounts> = rooms.collect();
    let mut homeless = Vec::new();
    for i in order(snapshot) {
        let asked = effective(&snapshot.pods[i].spec);
        let stays = stays_with_node(&snapshot.pods[i]);
        let room = snapshot.pods[i].node.as_ref().and_then(|n| free.get_mut(n));
        match room {
            Some(room) if stays || within(&asked, room) => take(room, &asked),
            _ => homeless.push((i, asked)),
        }
    }
    for (i, asked) in homeless {
        let home = best_home(snapshot, i, &asked, &free);
        if let Some(room) = home.as_ref().and_then(|n| free.get_mut(n)) {
            take(room, &asked);
        }
        let pod = &mut snapshot.pods[i];
        let phase = if home.is_some() { "Running" } else { "Pending" };
        (pod.ready, pod.phase, pod.node) = (home.is_some(), phase.to_owned(), home);
    }
}

/// Pods that stay with their node first, then by priority: what must give way is what matters least.
fn order(snapshot: &Snapshot) -> Vec<usize> {
    let pods = &snapshot.pods;
    let mut order: Vec<usize> = (0..pods.len()).filter(|i| !pods[*i].is_over()).collect();
    let rank = |i: &usize| std::cmp::Reverse(priority(&pods[*i].spec));
    order.sort_by_key(|i| (!stays_with_node(&pods[*i]), rank(i), *i));
    order
}

fn best_home(snapshot: &Snapshot, pod: usize, asked: &Amounts, free: &BTreeMap<String, Amounts>) -> Option<String> {
    let spec = &snapshot.pods[pod].spec;
    let cpu = |n: &Node| free.get(&n.name).map_or(0, |room| room.cpu);
    let takes = |n: &&Node| {
        let pinned_elsewhere = spec.node_name.as_ref().is_some_and(|name| *name != n.name);
        let open = n.ready && !n.cordoned && !pinned_elsewhere && admits(spec, n);
        open && free.get(&n.name).is_some_and(|room| within(asked, room))
    };
    let best = snapshot.nodes.iter().filter(takes);
    best.max_by(|a, b| cpu(a).cmp(&cpu(b)).then_with(|| b.name.cmp(&a.name))).map(|n| n.name.clone())
}

fn within(asked: &Amounts, free: &Amounts) -> bool {
    let other = |(name, n): (&String, &i64)| *n <= free.other.get(name).copied().unwrap_or(0);
    asked.cpu <= free.cpu
        && asked.memory <= free.memory
        && asked.ephemeral <= free.ephemeral
        && asked.pods <= free.pods
        && asked.other.iter().all(other)
}

fn take(room: &mut Amounts, asked: &Amounts) {
    room.cpu = room.cpu.saturating_sub(asked.cpu);
    room.memory = room.memory.saturating_sub(asked.memory);
    room.ephemeral = room.ephemeral.saturating_sub(asked.ephemeral);
    room.pods = room.pods.saturating_sub(asked.pods);
    for (name, n) in &asked.other {
        let left = room.other.entry(name.clone()).or_default();
        *left = left.saturating_sub(*n);
    }
}
