//! Disks tie pods to a zone, and a node takes only so many.
//!
//! Left out: what becomes of disks while a pool rolls, which is the simulator's business.

use std::collections::{BTreeMap, BTreeSet};

use simulator::scheduler::reaches;
use simulator::spec::MANY_DISKS;

use super::drain::{holds, places};
use super::facts::{Facts, is_system, pod_name, subject};
use super::{Hit, Rule, counted, figure, some};
use crate::change::Operation;
use crate::coverage::Coverage;
use crate::intern::requests::effective;
use crate::intern::volumes::{Asked, Ground, Lookup};
use crate::matching::admits;
use crate::snapshot::{Node, Pod};

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "disk-zone-without-node",
        says: "A pod follows its disk: where no node of the disk's zone is left for it, it stays pending.",
        source: "Kubernetes v1.34, VolumeBinding and VolumeZone; AKS docs, availability-zones (zone-pinned disks)",
        check: zone_without_node,
    },
    Rule {
        id: "disks-beyond-limit",
        says: "A node attaches as many data disks as its VM size allows; pods whose disks find no slot stay pending.",
        source: "Kubernetes v1.34, NodeVolumeLimits; Azure VM sizes, max data disks; Azure Disk CSI driver",
        check: beyond_limit,
    },
];

/// A pod that has to move, with what its volumes ask for and the nodes that would take it but for them.
struct Mover<'a> {
    pod: &'a Pod,
    asked: Asked,
    /// By position: nodes it may stand on, and whether its volumes can be reached from there.
    places: Vec<(usize, bool)>,
}

/// Where pods with volumes might go.
struct Moves<'a> {
    nodes: Vec<Node>,
    movers: Vec<Mover<'a>>,
}

/// Pods with volumes that must find another node for good; those that fit nowhere for other reasons are another rule's.
fn moves<'a>(facts: &Facts<'a>) -> Option<Moves<'a>> {
    let drains = facts.has(|op| matches!(op, Operation::Drain { .. }));
    let storage = &facts.snapshot.storage;
    if storage.claims.is_empty() || !(facts.shrinks || drains) {
        return None;
    }
    let ground = Ground::new(facts.snapshot);
    let labelled = |mut node: Node| {
        let mut labels = node.labels.clone();
        ground.label(&node, &mut labels, &mut Coverage::default());
        node.labels = labels;
        node
    };
    let nodes: Vec<Node> = places(facts).into_iter().map(labelled).collect();
    let lookup = Lookup::lenient(facts.snapshot);
    let owned = |p: &&Pod| p.owner.is_some() && !p.claims.is_empty();
    let mover = |pod: &'a Pod| {
        let asked = lookup.asked(&pod.namespace, &pod.name, &pod.claims);
        let requests = effective(&pod.spec);
        let takes = |node: &Node| admits(&pod.spec, node) && holds(node, &requests);
        let open = nodes.iter().enumerate().filter(|(_, node)| takes(node));
        let places = open.map(|(i, node)| (i, reaches(&asked.volumes, &node.labels, &node.name))).collect();
        Mover { pod, asked, places }
    };
    let movers: Vec<Mover> = facts.evicted().chain(facts.lost()).filter(owned).map(mover).collect();
    let movers = movers.into_iter().filter(|mover| !mover.places.is_empty()).collect();
    Some(Moves { nodes, movers })
}

impl Mover<'_> {
    fn is_stranded(&self) -> bool {
        !self.places.iter().any(|(_, reached)| *reached)
    }
}

fn zone_without_node(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(moves) = moves(facts) else {
        return Vec::new();
    };
    let stranded: Vec<&Mover> = moves.movers.iter().filter(|mover| mover.is_stranded()).collect();
    if stranded.is_empty() {
        return Vec::new();
    }
    let terms = stranded.iter().flat_map(|mover| &mover.asked.volumes.bound).flatten();
    let zones: BTreeSet<&str> = terms
        .flat_map(|t| &t.expressions)
        .flat_map(|r| &r.values)
        .map(String::as_str)
        .filter(|v| !v.is_empty())
        .collect();
    let zones = some(zones);
    let names: Vec<String> = stranded.iter().map(|mover| pod_name(mover.pod)).collect();
    let message = format!(
        "{} on pool {} can reach the disks in use only from {}, where no other node is left, and will stay pending ({}).",
        counted(stranded.len(), "pod"),
        facts.pool_name(),
        if zones.is_empty() { "the nodes that go" } else { &zones },
        some(names.iter().map(String::as_str))
    );
    let system = stranded.iter().any(|mover| is_system(mover.pod));
    let of = subject(facts.pool_name());
    let hit = if system { Hit::error(of, message) } else { Hit::warning(of, message) };
    vec![hit.number("pods", figure(stranded.len())).text("zones", zones)]
}

fn beyond_limit(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(moves) = moves(facts) else {
        return Vec::new();
    };
    let mut free = slots(facts, &moves.nodes);
    let mut movers: Vec<&Mover> = moves.movers.iter().filter(|m| m.asked.disks > 0 && !m.is_stranded()).collect();
    movers.sort_by_key(|mover| (mover.places.len(), std::cmp::Reverse(mover.asked.disks)));
    let mut left: Vec<&Mover> = Vec::new();
    for mover in movers {
        let reached = mover.places.iter().filter(|(_, reached)| *reached).map(|(i, _)| *i);
        // The emptiest node first: what is left over then fits nowhere by any order of the others that are alike.
        match reached.max_by_key(|&i| free[i]).filter(|&i| free[i] >= mover.asked.disks) {
            Some(i) => free[i] -= mover.asked.disks,
            None => left.push(mover),
        }
    }
    if left.is_empty() {
        return Vec::new();
    }
    let disks: i64 = left.iter().map(|mover| mover.asked.disks).sum();
    let names: Vec<String> = left.iter().map(|mover| pod_name(mover.pod)).collect();
    let message = format!(
        "No node that is left has a slot for {} of {} on pool {}, which will stay pending ({}).",
        counted(usize::try_from(disks).unwrap_or(0), "disk"),
        counted(left.len(), "pod"),
        facts.pool_name(),
        some(names.iter().map(String::as_str))
    );
    let hit = Hit::warning(subject(facts.pool_name()), message);
    vec![hit.number("pods", figure(left.len())).number("disks", disks as f64)]
}

/// Disks each node can still attach, beside those of the pods that stay; a pool that may grow has room for all.
fn slots(facts: &Facts<'_>, nodes: &[Node]) -> Vec<i64> {
    let ground = Ground::new(facts.snapshot);
    let lookup = Lookup::lenient(facts.snapshot);
    let grows = |node: &Node| {
        let pool = facts.after.iter().find(|p| Some(p.name.as_str()) == node.pool());
        pool.is_some_and(|p| p.enable_auto_scaling && p.max_count.unwrap_or(0) > p.count)
    };
    let mut taken: BTreeMap<&str, i64> = BTreeMap::new();
    for pod in facts.snapshot.pods.iter().filter(|p| !p.claims.is_empty() && !p.is_over()) {
        let disks = lookup.asked(&pod.namespace, &pod.name, &pod.claims).disks;
        *taken.entry(pod.node.as_deref().unwrap_or_default()).or_default() += disks;
    }
    let free = |node: &Node| {
        ground.disks(node, &mut Coverage::default()) - taken.get(node.name.as_str()).copied().unwrap_or(0)
    };
    nodes.iter().map(|node| if node.assumed || grows(node) { MANY_DISKS } else { free(node) }).collect()
}
