//! How AKS rolls a pool: surge, soak, drain time-out, what becomes of nodes that cannot be drained (AKS docs,
//! upgrade-aks-node-pools-rolling, 2026-05-29; AKS changelog).

use serde_json::Value;
use simulator::change::{BlueGreenSettings, DrainSettings, Operation, Pace, Replacement, Undrainable, UpgradeSettings};
use simulator::spec::Quantity;
use simulator::{Duration, NodeShapeId, PoolId, Time};

use super::START;
use crate::azure::allocatable::{minor, reserve};
use crate::change::UpgradeFields;
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::defaults::pools;
use crate::instant;
use crate::intern::Interned;
use crate::snapshot::{AgentPool, Snapshot};

/// An upgrade as asked for.
pub(super) struct Asked<'a> {
    pub version: Option<&'a str>,
    pub settings: &'a UpgradeFields,
    pub force: bool,
    /// Node by node even where the pool's strategy is blue-green.
    pub rolling: bool,
}

/// The upgrade in the simulator's terms, by the strategy of the call or the pool.
pub(super) fn operation(
    id: PoolId,
    pool: &AgentPool,
    asked: &Asked,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Result<Operation, Vec<Complaint>> {
    let fields = asked.settings.over(&pool.upgrade_settings).normal();
    if fields.is_blue_green() && !asked.rolling && !pool.is_spot() {
        let how = blue_green(pool, asked, &fields, full, interned, coverage)?;
        return Ok(Operation::BlueGreen { pool: id, how });
    }
    settings(pool, asked, full, interned, coverage).map(|how| Operation::Upgrade { pool: id, how })
}

/// A second set of nodes beside the first (AKS docs, blue-green-node-pool-upgrade, 2024-11-06).
fn blue_green(
    pool: &AgentPool,
    asked: &Asked,
    fields: &UpgradeFields,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Result<BlueGreenSettings, Vec<Complaint>> {
    let mut complaints = Vec::new();
    let batch = read("drainBatchSize", fields.drain_batch_size.as_deref(), &mut complaints);
    if !complaints.is_empty() {
        return Err(complaints);
    }
    coverage.assume(
        "blue-green upgrade",
        "all nodes are cordoned, as many new ones made, then the old drained by batches; no soak after the last batch but the final one",
        "AKS docs, blue-green-node-pool-upgrade; a recorded upgrade of two nodes in 439 s",
        'A',
    );
    let minutes = |value: Option<u32>| Duration::mins(value.unwrap_or_default().into());
    let now = pools::minor(Some(pool), &full.cluster, coverage);
    Ok(BlueGreenSettings {
        batch: batch.unwrap_or(Quantity::Percent(10)),
        batch_soak: minutes(fields.batch_soak_duration_in_minutes),
        final_soak: minutes(fields.final_soak_duration_in_minutes),
        drain: drain(fields, forced(fields, asked.force, full, coverage)),
        shapes: new_shapes(pool, asked, now, full, interned, coverage),
    })
}

/// When a forced upgrade ceases to be one: after three days unless told otherwise (AKS docs, upgrade-options, 2026-06-22). `None`
/// for one that is not forced. The cluster's own setting counts where the call has none (`az aks update
/// --enable-force-upgrade`).
fn forced(fields: &UpgradeFields, force: bool, full: &Snapshot, coverage: &mut Coverage) -> Option<Time> {
    const WINDOW: Duration = Duration::mins(3 * 24 * 60);
    let own = full.cluster.other.get("upgradeSettings").and_then(|s| s.get("overrideSettings"));
    let own_force = own.and_then(|o| o.get("forceUpgrade")).and_then(Value::as_bool).unwrap_or(false);
    if !force && !own_force {
        return None;
    }
    let own_until = own.and_then(|o| o.get("until")).and_then(Value::as_str).filter(|_| !force);
    let Some(until) = fields.override_until.as_deref().or(own_until) else {
        return Some(START + WINDOW);
    };
    let taken = full.taken_at.as_deref().and_then(instant::seconds);
    match (instant::seconds(until), taken) {
        (Some(until), Some(taken)) => {
            let left = u64::try_from(until - taken).unwrap_or(0).min(10 * 365 * 86_400);
            Some(Time::ZERO + Duration::secs(left))
        }
        _ => {
            coverage.missing(format!("when the force of the upgrade ends ({until}) is not known without a time of the snapshot; taken as three days"));
            Some(START + WINDOW)
        }
    }
}

/// How nodes are emptied in an upgrade. A forced one bypasses disruption budgets until its time is over.
fn drain(fields: &UpgradeFields, forced: Option<Time>) -> DrainSettings {
    DrainSettings {
        evict: true,
        respect_budgets: forced.is_none(),
        forced_until: forced,
        timeout: Duration::mins(fields.drain_timeout_in_minutes.unwrap_or(30).into()),
        undrainable: match fields.undrainable_node_behavior.as_deref() {
            // Force outranks undrainable behaviours (AKS docs, upgrade-options).
            _ if forced.is_some() => Undrainable::Fail,
            Some(b) if b.eq_ignore_ascii_case("cordon") => Undrainable::Quarantine,
            // AKS docs upgrade-options say the node is replaced, the changelog that the operation fails: the changelog is followed.
            _ => Undrainable::Fail,
        },
    }
}

fn new_shapes(
    pool: &AgentPool,
    asked: &Asked,
    now: u32,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Vec<(NodeShapeId, NodeShapeId)> {
    let id = interned.pools.get(&pool.name).copied();
    id.map(|id| reserve_changes(id, pool, asked.version, now, full, interned, coverage)).unwrap_or_default()
}

/// The rolling upgrade in the simulator's terms.
fn settings(
    pool: &AgentPool,
    asked: &Asked,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Result<UpgradeSettings, Vec<Complaint>> {
    let fields = asked.settings.over(&pool.upgrade_settings).normal();
    let now = pools::minor(Some(pool), &full.cluster, coverage);
    let mut complaints = Vec::new();
    let max_surge =
        read("maxSurge", fields.max_surge.as_deref(), &mut complaints).unwrap_or_else(|| default_surge(now, coverage));
    let max_unavailable =
        read("maxUnavailable", fields.max_unavailable.as_deref(), &mut complaints).unwrap_or(Quantity::Count(0));
    // As many as surge nodes unless the pool says otherwise (AKS docs, upgrade-options, 2026-06-22).
    let max_blocked =
        read("maxBlockedNodes", fields.max_blocked_nodes.as_deref(), &mut complaints).unwrap_or(max_surge);
    if !complaints.is_empty() {
        return Err(complaints);
    }
    coverage.assume(
        "order of an upgrade",
        "as many nodes at a time as surge; each batch is done before the next",
        "AKS docs, upgrade-aks-node-pools-rolling; the order of nodes is not documented",
        'A',
    );
    let drain = drain(&fields, forced(&fields, asked.force, full, coverage));
    let shapes = new_shapes(pool, asked, now, full, interned, coverage);
    let rolling = UpgradeSettings {
        max_surge,
        max_unavailable,
        soak: Duration::mins(fields.node_soak_duration_in_minutes.unwrap_or(0).into()),
        drain,
        max_blocked,
        replacement: Replacement::Reimage,
        pace: Pace::Batches,
        // AKS changelog: from 1.35 an upgrade without room for all surge nodes goes on with one.
        surge_fallback: asked.version.and_then(minor).unwrap_or(now) >= 35,
        shapes,
        draws_as: None,
        begun: None,
    };
    Ok(if pool.is_spot() { spot(rolling, coverage) } else { rolling })
}

/// Spot pools get neither surge nodes nor a drain, only the eviction notice (AKS docs, spot-node-pool).
fn spot(rolling: UpgradeSettings, coverage: &mut Coverage) -> UpgradeSettings {
    coverage.assume(
        "upgrade of a spot pool",
        "one node at a time, no surge, no drain",
        "AKS docs, spot-node-pool; the pace is not documented",
        'A',
    );
    UpgradeSettings {
        max_surge: Quantity::Count(0),
        max_unavailable: Quantity::Count(1),
        drain: DrainSettings { evict: false, ..rolling.drain },
        ..rolling
    }
}

/// 10 % for pools at 1.32 and later (AKS changelog; every recorded pool of that version returns it), 1 before.
fn default_surge(minor: u32, coverage: &mut Coverage) -> Quantity {
    let (surge, text) = if minor >= 32 { (Quantity::Percent(10), "10 %") } else { (Quantity::Count(1), "1 node") };
    coverage.assume("maxSurge", text, "AKS default: 10 % from 1.32 on, 1 node before", 'A');
    surge
}

/// The surge of a pool as its settings or AKS' default have it, for reports.
pub(super) fn max_surge_text(pool: &AgentPool, full: &Snapshot) -> String {
    pool.upgrade_settings.max_surge.clone().unwrap_or_else(|| {
        match default_surge(pools::minor(Some(pool), &full.cluster, &mut Coverage::default()), &mut Coverage::default())
        {
            Quantity::Count(n) => n.to_string(),
            Quantity::Percent(p) => format!("{p}%"),
        }
    })
}

fn read(name: &str, text: Option<&str>, complaints: &mut Vec<Complaint>) -> Option<Quantity> {
    let text = text?;
    let parsed = match text.strip_suffix('%') {
        Some(percent) => percent.trim().parse().ok().filter(|p| *p <= 100).map(Quantity::Percent),
        None => text.trim().parse().ok().filter(|n| *n <= 1000).map(Quantity::Count),
    };
    if parsed.is_none() {
        complaints.push(Complaint::at(
            format!("operation.settings.{name}"),
            text,
            "a count up to 1000, or a percentage up to 100%",
        ));
    }
    parsed
}

/// Nodes that cross 1.29 come back with the newer, smaller reservation of memory.
fn reserve_changes(
    id: simulator::PoolId,
    pool: &AgentPool,
    version: Option<&str>,
    now: u32,
    full: &Snapshot,
    interned: &mut Interned,
    coverage: &mut Coverage,
) -> Vec<(simulator::NodeShapeId, simulator::NodeShapeId)> {
    let Some(then) = version.and_then(minor).filter(|then| (now < 29) != (*then < 29)) else {
        return Vec::new();
    };
    let Some(size) = pools::size(pool, coverage) else {
        return Vec::new();
    };
    let max_pods = pools::max_pods(pool, &full.cluster, coverage);
    let kept = |minor| reserve(size.cores, size.memory_mib, max_pods, minor, pool.is_windows()).memory_mib;
    let more = (kept(now) - kept(then)) << 20;
    interned.reshaped(id, |shape| shape.allocatable.memory = (shape.allocatable.memory + more).max(0))
}
