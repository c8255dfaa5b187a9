//! Node shapes, zones, pools and nodes in the simulator's terms.

use std::collections::BTreeMap;

use simulator::spec::{NodeShape, NodeSpec, PoolSpec, Resources, Share};
use simulator::{NodeShapeId, PoolId, ZoneId};

use super::owners::Draft;
use super::volumes::{Ground, rezone};
use super::{Interned, provisioners, requests, shapes};
use crate::azure::{sku, supply};
use crate::complete::nodes as made;
use crate::coverage::Coverage;
use crate::defaults::{dns, pools as defaults};
use crate::snapshot::pool::read::MOST_NODES;
use crate::snapshot::{AgentPool, Amounts, Node, Snapshot};

/// Pool of nodes that belong to none.
const UNPOOLED: &str = "(no pool)";
/// Taints that come and go with a node's state, which the simulator keeps itself.
const STATE_TAINTS: [&str; 3] =
    ["node.kubernetes.io/unschedulable", "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

/// What the pods on each node ask for together, by node.
pub(super) fn asked<'a>(full: &'a Snapshot, drafts: &[Draft]) -> BTreeMap<&'a str, Amounts> {
    let mut sums: BTreeMap<&str, Amounts> = full.nodes.iter().map(|n| (n.name.as_str(), Amounts::default())).collect();
    for draft in drafts {
        // As the simulator will count them: all pods of a workload alike.
        let one = shapes::capped(&requests::effective(&draft.template));
        for node in draft.pods.iter().filter_map(|p| p.node.as_deref()) {
            if let Some(sum) = sums.get_mut(node) {
                sum.cpu += one.cpu;
                sum.memory += one.memory;
                sum.ephemeral += one.ephemeral;
                sum.pods += 1;
                one.other.iter().for_each(|(name, n)| *sum.other.entry(name.clone()).or_default() += n);
            }
        }
    }
    sums
}

/// Interns pools and nodes.
pub(super) fn intern(
    full: &Snapshot,
    asked: &BTreeMap<&str, Amounts>,
    interned: &mut Interned,
    coverage: &mut Coverage,
) {
    let ground = Ground::new(full);
    let mut maker = Maker { index: Index::default(), ground: &ground };
    let mut rows = Vec::new();
    for node in &full.nodes {
        let sum = asked.get(node.name.as_str()).cloned().unwrap_or_default();
        let shape = maker.index.of(shape(node, &sum, &ground, interned, coverage), interned);
        rows.push((node, shape));
    }
    let provisioned = !provisioners::of(full).is_empty();
    let named = |n: &Node| match provisioners::pool_of(n).filter(|_| provisioned) {
        Some(name) => Some(name),
        None => n.pool().map(str::to_owned),
    };
    for pool in &full.pools {
        let own: Vec<(&Node, NodeShapeId)> =
            rows.iter().filter(|(n, _)| named(n).as_ref() == Some(&pool.name)).copied().collect();
        let templates = templates(pool, &own, &mut maker, full, interned, coverage);
        add_pool(pool, &own, templates, full, interned, coverage);
    }
    provisioners::intern(full, &rows, &mut maker, interned, coverage);
    let known = |n: &Node, interned: &Interned| named(n).is_some_and(|p| interned.pools.contains_key(&p));
    let strangers: Vec<(&Node, NodeShapeId)> = rows.iter().filter(|(n, _)| !known(n, interned)).copied().collect();
    if let Some((_, template)) = strangers.first() {
        let pool = AgentPool { name: UNPOOLED.into(), ..AgentPool::default() };
        add_pool(&pool, &strangers, vec![*template], full, interned, coverage);
    }
    for (i, (node, shape)) in rows.into_iter().enumerate() {
        let pool = named(node).and_then(|p| interned.pools.get(&p)).or_else(|| interned.pools.get(UNPOOLED));
        let Some(pool) = pool.copied() else { continue };
        let ordinal = made::ordinal(&node.name).unwrap_or_else(|| u32::try_from(i).unwrap_or(u32::MAX));
        let row =
            NodeSpec { name: node.name.clone(), pool, shape, ordinal, cordoned: node.cordoned, ready: node.ready };
        let id = interned.spec.nodes.push(row);
        interned.nodes.insert(node.name.clone(), id);
    }
    let nodes = interned.nodes.clone();
    provisioners::ages(full, &nodes, interned);
}

/// What shapes and pools are made with.
pub(super) struct Maker<'a> {
    index: Index,
    ground: &'a Ground<'a>,
}

impl Maker<'_> {
    /// Shapes of future nodes of a pool that is not AKS' own, one for each zone that will do: as one that is there, else as AKS
    /// would make it and `relabel` has changed it.
    #[allow(clippy::too_many_arguments, reason = "what a pool is made from")]
    pub fn templates_of(
        &mut self,
        pool: &AgentPool,
        own: &[(&Node, NodeShapeId)],
        relabel: impl Fn(&mut Node, &str),
        will_do: impl Fn(&Node) -> bool,
        full: &Snapshot,
        interned: &mut Interned,
        coverage: &mut Coverage,
    ) -> Vec<NodeShapeId> {
        let mut templates = Vec::new();
        for zone in made::zones(pool, full) {
            if let Some((_, shape)) = own.iter().find(|(n, _)| n.zone() == zone) {
                templates.push(*shape);
                continue;
            }
            let mut node = made::blank(pool, &zone, full, coverage);
            relabel(&mut node, &zone);
            rezone(&mut node.labels, &zone);
            if will_do(&node) {
                let shape = shape(&node, &Amounts::default(), self.ground, interned, coverage);
                templates.push(self.index.of(shape, interned));
            }
        }
        // Nodes that are there may stand in zones that no new one would be made in.
        templates.extend(own.first().map(|(_, shape)| *shape).filter(|_| templates.is_empty()));
        templates
    }
}

/// Shapes seen, by what they look like: a cluster of thousands of nodes has a handful.
#[derive(Default)]
struct Index {
    by_text: BTreeMap<String, NodeShapeId>,
}

impl Index {
    fn of(&mut self, shape: NodeShape, interned: &mut Interned) -> NodeShapeId {
        *self.by_text.entry(format!("{shape:?}")).or_insert_with(|| interned.spec.node_shapes.push(shape))
    }
}

fn shape(node: &Node, asked: &Amounts, ground: &Ground, interned: &mut Interned, coverage: &mut Coverage) -> NodeShape {
    let mut labels = node.labels.clone();
    labels.remove("kubernetes.io/hostname");
    ground.label(node, &mut labels, coverage);
    let taints = node.taints.iter().filter(|t| !STATE_TAINTS.contains(&t.key.as_str())).cloned().collect();
    let usable = shapes::resources(&rounded(&node.allocatable), &interned.spec.extended);
    let taken = shapes::sums(asked, &interned.spec.extended);
    let allocatable = Resources { disks: ground.disks(node, coverage), ..at_least(usable, taken) };
    if exceeds(&shapes::resources(&node.allocatable, &interned.spec.extended), &taken) {
        coverage.missing(format!("pods on node {} ask for more than it has; it is taken to have that much", node.name));
    }
    let zone = zone(node.zone(), interned);
    NodeShape {
        labels,
        taints,
        allocatable,
        cores: node.capacity.cpu.clamp(0, shapes::MOST_CPU).max(allocatable.cpu),
        zone,
        // The kubelet gives every node the label of its name, whether or not the snapshot kept it; images come and go.
        ..NodeShape::default()
    }
}

/// Nodes of one size differ by a few KiB of memory; below a MiB they are alike.
fn rounded(a: &Amounts) -> Amounts {
    const MIB: i64 = 1 << 20;
    Amounts { memory: a.memory / MIB * MIB, ephemeral: a.ephemeral / MIB * MIB, ..a.clone() }
}

fn at_least(a: Resources, least: Resources) -> Resources {
    let mut extended = a.extended;
    extended.iter_mut().zip(least.extended).for_each(|(have, need)| *have = (*have).max(need));
    Resources {
        cpu: a.cpu.max(least.cpu),
        memory: a.memory.max(least.memory),
        ephemeral: a.ephemeral.max(least.ephemeral),
        pods: a.pods.max(least.pods),
        disks: a.disks.max(least.disks),
        extended,
    }
}

fn exceeds(have: &Resources, need: &Resources) -> bool {
    at_least(*have, *need) != *have
}

fn zone(name: &str, interned: &mut Interned) -> ZoneId {
    let found = interned.spec.zones.iter().find(|(_, z)| *z == name).map(|(id, _)| id);
    found.unwrap_or_else(|| interned.spec.zones.push(name.to_owned()))
}

/// Shapes of future nodes, one for each zone: as a node of the pool in that zone, else as one of the pool elsewhere, else as AKS
/// would make it.
fn templates(
    pool: &AgentPool,
    own: &[(&Node, NodeShapeId)],
    maker: &mut Maker<'_>,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Vec<NodeShapeId> {
    let zones = made::zones(pool, full);
    let mut templates = Vec::new();
    for name in &zones {
        let id = match own.iter().find(|(n, _)| n.zone() == name).or_else(|| own.iter().find(|_| zones.len() == 1)) {
            Some((_, shape)) => *shape,
            None => {
                let mut node =
                    own.first().map_or_else(|| made::blank(pool, name, full, coverage), |(n, _)| (*n).clone());
                node.labels.insert("topology.kubernetes.io/zone".into(), name.clone());
                rezone(&mut node.labels, name);
                let shape = shape(&node, &Amounts::default(), maker.ground, interned, coverage);
                maker.index.of(shape, interned)
            }
        };
        templates.push(id);
    }
    templates
}

/// What LocalDNS lets through, as the nodes' label has it, else the pool's profile.
fn local_cache(
    pool: &AgentPool,
    own: &[(&Node, NodeShapeId)],
    full: &Snapshot,
    coverage: &mut Coverage,
) -> Option<f64> {
    let states = own.iter().filter_map(|(n, _)| n.labels.get("kubernetes.azure.com/localdns-state"));
    let labelled = states.map(|state| state.eq_ignore_ascii_case("enabled")).reduce(|all, one| all && one);
    let minor = defaults::minor(Some(pool), &full.cluster, coverage);
    dns::local_cache(pool, labelled, minor, coverage)
}

/// Adds a pool.
pub fn add_pool(
    pool: &AgentPool,
    own: &[(&Node, NodeShapeId)],
    templates: Vec<NodeShapeId>,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> PoolId {
    let size = pool.vm_size.as_deref().and_then(sku);
    let takes = takes(pool, full, interned, coverage);
    let highest = own.iter().filter_map(|(n, _)| made::ordinal(&n.name)).max();
    let spec = PoolSpec {
        name: pool.name.clone(),
        system: pool.is_system(),
        templates,
        provision: defaults::provision(pool, size.as_ref(), coverage),
        reimage: defaults::reimage(pool, coverage),
        delete: defaults::delete(coverage),
        deallocates: defaults::deallocates(pool, coverage),
        room: Some(room(own.len())),
        takes,
        next_ordinal: highest.map_or(u32::try_from(own.len()).unwrap_or(0), |n| n.saturating_add(1)),
        // A spot price is not a list price.
        usd_per_hour: size.and_then(|s| s.usd_per_hour).filter(|_| !pool.is_spot()),
        autoscaler: crate::defaults::autoscaler::range(pool),
        spot: defaults::spot(pool, coverage),
        local_cache: local_cache(pool, own, full, coverage),
    };
    let id: PoolId = interned.spec.pools.push(spec);
    interned.pools.insert(pool.name.clone(), id);
    id
}

/// Nodes that may still be added to the pool: a scale set holds 1,000 (AKS docs, upgrade-aks-node-pools-rolling).
fn room(own: usize) -> u32 {
    MOST_NODES.saturating_sub(u32::try_from(own).unwrap_or(MOST_NODES))
}

/// What a node of the pool takes of what pools share.
fn takes(pool: &AgentPool, full: &Snapshot, interned: &mut Interned, coverage: &mut Coverage) -> Vec<Share> {
    let size = pool.vm_size.as_deref().and_then(sku);
    let mut found = supply::quota(pool, size.as_ref(), &full.cluster);
    let nodes = u32::try_from(full.nodes.len()).unwrap_or(u32::MAX);
    let mut max_pods = || defaults::max_pods(pool, &full.cluster, coverage);
    found.extend(supply::addresses(pool, &full.cluster, &mut max_pods, nodes));
    let share = |found: supply::Supply| Share { of: interned.supply(&found), each: found.each };
    found.into_iter().map(share).collect()
}
