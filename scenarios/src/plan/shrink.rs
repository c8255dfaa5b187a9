//! Stages of what takes nodes away: halves or one at a time, with time to settle between; what leaves without a drain is
//! drained; a pool of another size stands before the old one goes.

use super::view::View;
use super::{Draft, nodes, on, whole};
use crate::change::{Operation, PoolFields, Step};
use crate::snapshot::AgentPool;

/// Seconds between stages, for pods to start and caches to fill.
const SETTLE: u32 = 300;
/// Most stages: each is a call that AKS admits once a minute, and somebody's time.
const MOST_STAGES: u32 = 6;

pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for (i, step) in view.base.iter().enumerate() {
        let pool = step.pool.as_deref().and_then(|name| view.pool(name));
        let drafts = match (&step.operation, pool) {
            (Operation::Scale { count }, Some(pool)) if *count < pool.count => scaled(pool, *count, None),
            (Operation::DeletePool { ignore_pdb }, Some(pool)) => deleted(pool, *ignore_pdb, step),
            (Operation::DeleteMachines { machines }, _) => machines_gone(machines, step),
            (Operation::Drain { nodes }, _) if nodes.len() > 1 => one_by_one(nodes),
            (Operation::Drain { nodes }, Some(pool)) if nodes.is_empty() => {
                let names: Vec<String> = view.nodes_of(&pool.name).iter().map(|n| n.name.clone()).collect();
                one_by_one(&names)
            }
            (Operation::ResizePool { desired, .. }, Some(pool)) => replaced(view, pool, desired),
            _ => Vec::new(),
        };
        found.extend(drafts.into_iter().map(|d| Draft::new(d.words, view.with(i, d.steps))));
    }
    found
}

/// Down to `count` in stages, and on with `last`.
fn scaled(pool: &AgentPool, count: u32, last: Option<&Step>) -> Vec<Draft> {
    if pool.enable_auto_scaling {
        return Vec::new();
    }
    let leaving = pool.count.saturating_sub(count);
    let stages = |counts: Vec<u32>, settle: u32| -> Vec<Step> {
        let stage = |(k, n): (usize, &u32)| Step {
            wait_seconds: if k == 0 { 0 } else { settle },
            ..on(&pool.name, Operation::Scale { count: *n })
        };
        let then = last.map(|step| Step { wait_seconds: settle, ..step.clone() });
        counts.iter().enumerate().map(stage).chain(then).collect()
    };
    let then = if last.is_some() { ", then the deletion" } else { "" };
    let mut found = Vec::new();
    if leaving >= 2 {
        let half = pool.count - leaving / 2;
        for settle in [SETTLE, 3 * SETTLE] {
            let words = format!("in two stages, {} first, {} min apart{then}", nodes(leaving / 2), settle / 60);
            found.push(Draft::new(words, stages(vec![half, count], settle)));
        }
    }
    if (3..=MOST_STAGES).contains(&leaving) {
        let words = format!("one node at a time, {} min apart{then}", SETTLE / 60);
        found.push(Draft::new(words, stages((count..pool.count).rev().collect(), SETTLE)));
    } else if leaving > MOST_STAGES {
        let each = leaving.div_ceil(MOST_STAGES);
        let counts = (1..=MOST_STAGES).map(|k| pool.count.saturating_sub(k * each).max(count));
        let mut counts: Vec<u32> = counts.collect();
        counts.dedup();
        let words = format!("{} at a time, {} min apart{then}", nodes(each), SETTLE / 60);
        found.push(Draft::new(words, stages(counts, SETTLE)));
    }
    found
}

/// User pools may be emptied before they go (AKS docs, scale-cluster); a system pool keeps one node until then.
fn deleted(pool: &AgentPool, ignore_pdb: bool, step: &Step) -> Vec<Draft> {
    let least = u32::from(pool.is_system());
    let mut found = if pool.is_spot() { Vec::new() } else { scaled(pool, least, Some(step)) };
    if ignore_pdb {
        let heeding = on(&pool.name, Operation::DeletePool { ignore_pdb: false });
        found.insert(0, Draft::new("disruption budgets are respected", vec![heeding]));
    }
    found
}

/// Deleted machines are not drained by AKS (docs, delete-node-pool): by hand before.
fn machines_gone(machines: &[String], step: &Step) -> Vec<Draft> {
    let drain = whole(Operation::Drain { nodes: machines.to_vec() });
    let mut found = vec![Draft::new("the machines are drained first", vec![drain, step.clone()])];
    if machines.len() > 1 && machines.len() <= MOST_STAGES as usize {
        let pool = step.pool.clone();
        let one = |(k, m): (usize, &String)| {
            let nodes = vec![m.clone()];
            let wait_seconds = if k == 0 { 0 } else { SETTLE };
            [
                Step { wait_seconds, ..whole(Operation::Drain { nodes: nodes.clone() }) },
                Step { wait_seconds: 0, pool: pool.clone(), operation: Operation::DeleteMachines { machines: nodes } },
            ]
        };
        let steps = machines.iter().enumerate().flat_map(one).collect();
        found.push(Draft::new("one machine at a time, drained first, 5 min apart", steps));
    }
    found
}

fn one_by_one(names: &[String]) -> Vec<Draft> {
    let each = names.len().div_ceil(MOST_STAGES as usize);
    let step = |settle: u32| {
        // All are cordoned first, or pods would move to nodes whose turn is still to come.
        let cordon = whole(Operation::Cordon { nodes: names.to_vec() });
        let some = move |(k, names): (usize, &[String])| Step {
            wait_seconds: if k == 0 { 0 } else { settle },
            ..whole(Operation::Drain { nodes: names.to_vec() })
        };
        std::iter::once(cordon).chain(names.chunks(each).enumerate().map(some)).collect()
    };
    if names.len() < 2 {
        return Vec::new();
    }
    let at_a_time = nodes(each as u32);
    vec![
        Draft::new(format!("{at_a_time} at a time"), step(0)),
        Draft::new(format!("{at_a_time} at a time, {} min apart", SETTLE / 60), step(SETTLE)),
        Draft::new(format!("{at_a_time} at a time, {} min apart", SETTLE / 20), step(3 * SETTLE)),
    ]
}

/// A pool that another takes the place of: the new one stands before the old one goes (AKS docs, resize-node-pool).
fn replaced(view: &View<'_>, pool: &AgentPool, desired: &PoolFields) -> Vec<Draft> {
    let Some(name) = free_name(view, &pool.name) else { return Vec::new() };
    // What the old pool has and the new one shall keep; null and empty fields are as good as none.
    let of = pool.fields();
    let new = PoolFields {
        count: Some(desired.count.unwrap_or(pool.count)),
        vm_size: desired.vm_size.clone().or(of.vm_size),
        mode: Some(desired.mode.clone().unwrap_or_else(|| pool.mode.clone())),
        os_type: Some(pool.os_type.clone()).filter(|os| !os.eq_ignore_ascii_case("linux") && !os.is_empty()),
        max_pods: desired.max_pods.or(pool.max_pods),
        availability_zones: desired.availability_zones.clone().or(of.availability_zones),
        node_labels: desired.node_labels.clone().or(of.node_labels),
        node_taints: desired.node_taints.clone().or(of.node_taints),
        orchestrator_version: pool.version().map(str::to_owned),
        ..PoolFields::default()
    };
    let add = on(&name, Operation::AddPool { desired: new });
    let delete = on(&pool.name, Operation::DeletePool { ignore_pdb: false });
    let mut found = vec![Draft::new(
        format!("a new pool {name} first, then the old one is deleted"),
        vec![add.clone(), delete.clone()],
    )];
    for staged in scaled(pool, u32::from(pool.is_system()), Some(&delete)) {
        let steps = std::iter::once(add.clone()).chain(staged.steps).collect();
        found.push(Draft::new(format!("a new pool {name} first; the old one {}", staged.words), steps));
    }
    let size = desired.vm_size.clone().filter(|s| Some(s) != pool.vm_size.as_ref());
    if let Some(size) = size {
        let desired = PoolFields { vm_size: Some(size), ..PoolFields::default() };
        let resize = on(&pool.name, Operation::ResizePool { desired, method: "resize".into() });
        found.push(Draft::new("in place (preview): nodes are replaced as in an upgrade", vec![resize]));
    }
    found
}

/// A name like another that no pool has yet; Linux pools have at most twelve characters.
pub(super) fn free_name(view: &View<'_>, like: &str) -> Option<String> {
    let stem: String = like.trim_end_matches(|c: char| c.is_ascii_digit()).chars().take(10).collect();
    (2..100)
        .map(|n| format!("{stem}{n}"))
        .find(|name| view.full.pools.iter().all(|p| !p.name.eq_ignore_ascii_case(name)))
}
