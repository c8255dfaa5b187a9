//! How far an upgrade has come that began before the snapshot: nodes with the new version are done, nodes beyond the pool's
//! count are surge nodes.
//!
//! New is, where the version is told, the kubelet's version; else the node image, of two or more the last by name (names end in
//! their date, AKS docs node-image-upgrade). Surge nodes come with the new version and the highest numbers.

use simulator::NodeId;
use simulator::change::Begun;

use crate::complete::nodes::ordinal;
use crate::coverage::Coverage;
use crate::intern::Interned;
use crate::snapshot::{AgentPool, Node, Snapshot};

const IMAGE: &str = "kubernetes.azure.com/node-image-version";

/// What the nodes of the pool show; nothing where they are all alike, as at the start or at the end.
pub(super) fn of(
    pool: &AgentPool,
    version: Option<&str>,
    full: &Snapshot,
    interned: &Interned,
    coverage: &mut Coverage,
) -> Option<Begun> {
    let (nodes, mut done) = nodes(pool, version, full);
    let extra = nodes.len().saturating_sub(pool.count as usize);
    let old = nodes.len() - done.len();
    if done.is_empty() || (old == 0 && extra == 0) {
        return None;
    }
    let surge = done.split_off(done.len().saturating_sub(extra));
    coverage.assume(
        "an upgrade that began before the snapshot",
        format!("goes on: done and surge nodes by version or image, {} of {} nodes", done.len(), done.len() + old),
        "nodes of the snapshot; the message says that it is under way",
        'B',
    );
    let ids =
        |list: &[&Node]| -> Vec<NodeId> { list.iter().filter_map(|n| interned.nodes.get(&n.name)).copied().collect() };
    Some(Begun { done: ids(&done), surge: ids(&surge) })
}

/// Nodes that are done, surge nodes apart, where the snapshot tells: by a version that is named, else only while nodes differ.
pub(super) fn done(pool: &AgentPool, version: Option<&str>, full: &Snapshot) -> Option<u32> {
    let (nodes, done) = nodes(pool, version, full);
    let extra = nodes.len().saturating_sub(pool.count as usize);
    let tells = version.is_some() || (!done.is_empty() && done.len() < nodes.len());
    (tells && !nodes.is_empty()).then(|| done.len().saturating_sub(extra) as u32)
}

/// The nodes of a pool that are really there, and those of them that are new, by their numbers.
fn nodes<'a>(pool: &'a AgentPool, version: Option<&str>, full: &'a Snapshot) -> (Vec<&'a Node>, Vec<&'a Node>) {
    let mut nodes: Vec<&Node> = full.nodes_of(&pool.name).filter(|n| !n.assumed).collect();
    nodes.sort_by_key(|n| ordinal(&n.name));
    let newest = nodes.iter().filter_map(|n| n.labels.get(IMAGE)).max();
    let is_new = |n: &Node| match version {
        Some(version) => n.version.trim_start_matches('v').starts_with(version),
        None => newest.is_some() && n.labels.get(IMAGE) == newest,
    };
    let done = nodes.iter().filter(|n| is_new(n)).copied().collect();
    (nodes, done)
}
