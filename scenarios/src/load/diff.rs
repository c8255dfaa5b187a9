//! What a change does to the cluster as it stands: a whole-pool write becomes the operations it amounts to (AKS docs,
//! node-disruption-policy and create-node-pools: what is changed in place, what reimages nodes, what needs a new pool).

use std::collections::BTreeSet;

use serde_json::Value;

use super::pool::{READ_ONLY, normal, over, same};
use crate::change::{Change, Operation, PoolFields, UpgradeFields};
use crate::complaint::Complaint;
use crate::coverage::Coverage;
use crate::snapshot::{AgentPool, Snapshot};

/// Properties whose change reimages the nodes.
const REIMAGE: [&str; 9] = [
    "enableFIPS",
    "securityProfile",
    "localDNSProfile",
    "artifactStreamingProfile",
    "capacityReservationGroupID",
    "enableEncryptionAtHost",
    "enableCustomCATrust",
    "workloadRuntime",
    "networkProfile",
];

/// Properties that cannot change: a new pool is needed.
const IMMUTABLE: [&str; 15] = [
    "osDiskSizeGB",
    "osDiskType",
    "kubeletDiskType",
    "vnetSubnetID",
    "podSubnetID",
    "kubeletConfig",
    "linuxOSConfig",
    "gpuInstanceProfile",
    "gpuProfile",
    "proximityPlacementGroupID",
    "hostGroupID",
    "scaleSetEvictionPolicy",
    "spotMaxPrice",
    "enableNodePublicIP",
    "enableUltraSSD",
];

/// The operations of a change on this cluster, in order.
pub(super) fn resolve(
    change: &Change,
    full: &Snapshot,
    coverage: &mut Coverage,
) -> Result<Vec<Operation>, Vec<Complaint>> {
    let operations = match &change.operation {
        Operation::PutPool { desired } | Operation::AddPool { desired } => match named(change, full) {
            Some(pool) => of_put(pool, desired),
            None => vec![Operation::AddPool { desired: desired.clone() }],
        },
        Operation::Rolling => {
            let source = "NodePoolRolling events name the pool and nothing else";
            coverage.assume("what is rolling", "a node image upgrade with the pool's own settings", source, 'C');
            vec![Operation::Upgrade {
                version: None,
                node_image_only: true,
                settings: UpgradeFields::default(),
                force: false,
                reason: None,
            }]
        }
        Operation::Upgrade { version: Some(version), node_image_only: false, reason: None, .. }
            if named(change, full).is_some_and(|p| already(p, version)) =>
        {
            let sentence = "the pool has this version already: AKS does nothing then, unless the pool has failed (az aks upgrade says so)";
            coverage.missing(sentence);
            Vec::new()
        }
        other => vec![other.clone()],
    };
    let complaints: Vec<Complaint> = operations.iter().filter_map(not_simulated).collect();
    if complaints.is_empty() { Ok(operations) } else { Err(complaints) }
}

/// The pool a change names, in any case.
pub(super) fn named<'a>(change: &Change, full: &'a Snapshot) -> Option<&'a AgentPool> {
    let name = change.pool.as_deref()?;
    full.pool(name).or_else(|| full.pools.iter().find(|p| p.name.eq_ignore_ascii_case(name)))
}

const SIMULATED: &str = "one of scale, deletePool, addPool, putPool, upgrade (rolling), setMode, setTaints, setLabels, setAutoscaler, \
    setUpgradeSettings, setProperties, stopPool, startPool, deleteMachines, resizePool (method rotate), cordon, drain";

fn not_simulated(operation: &Operation) -> Option<Complaint> {
    let kind = match operation {
        Operation::RotateCertificates => "rotateCertificates",
        Operation::Abort => "abort",
        Operation::Rollback => "rollback",
        Operation::Unknown => "unknown",
        Operation::ResizePool { method, .. } if method != "rotate" => "resizePool in place",
        Operation::Upgrade { settings, .. } if is_blue_green(settings) => "upgrade with strategy BlueGreen",
        _ => return None,
    };
    Some(Complaint::at(
        "operation.kind",
        kind,
        format!("{SIMULATED}; other operations are not simulated in this version"),
    ))
}

pub(super) fn is_blue_green(settings: &UpgradeFields) -> bool {
    settings.strategy.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("BlueGreen"))
}

/// What writing `desired` over `pool` changes.
fn of_put(pool: &AgentPool, desired: &PoolFields) -> Vec<Operation> {
    if needs_new_pool(pool, desired) {
        return vec![Operation::ResizePool { desired: desired.clone(), method: "rotate".into() }];
    }
    if let Some(operation) = power(pool, desired) {
        return vec![operation];
    }
    let mut operations = in_place(pool, desired);
    if let Some(count) = desired.count.filter(|c| *c != pool.count) {
        operations.push(Operation::Scale { count });
    }
    operations.extend(reimage(pool, desired));
    operations
}

fn needs_new_pool(pool: &AgentPool, desired: &PoolFields) -> bool {
    let differs =
        |new: &Option<String>, old: &str| new.as_deref().is_some_and(|n| !n.is_empty() && !n.eq_ignore_ascii_case(old));
    let zones = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    differs(&desired.vm_size, pool.vm_size.as_deref().unwrap_or_default()) && pool.vm_size.is_some()
        || differs(&desired.os_type, &pool.os_type)
        || differs(&desired.scale_set_priority, pool.scale_set_priority.as_deref().unwrap_or("Regular"))
        || desired.max_pods.is_some_and(|n| pool.max_pods.is_some_and(|old| n != old))
        || desired.availability_zones.as_ref().is_some_and(|z| zones(z) != zones(&pool.availability_zones))
        || changed(pool, desired, &IMMUTABLE).next().is_some()
}

/// Names out of `list` whose written value differs from the pool's.
fn changed<'a>(
    pool: &'a AgentPool,
    desired: &'a PoolFields,
    list: &'a [&'static str],
) -> impl Iterator<Item = &'static str> + 'a {
    let find = |map: &'a std::collections::BTreeMap<String, Value>, name: &str| {
        map.get(name).or_else(|| map.iter().find(|(k, _)| k.eq_ignore_ascii_case(name)).map(|(_, v)| v))
    };
    list.iter().copied().filter(move |name| {
        let new = find(&desired.other, name).filter(|v| !v.is_null()); // null leaves a property as it is
        // What the snapshot does not show cannot be told to differ, save for switches, which are off unless shown.
        new.is_some_and(|v| match find(&pool.other, name) {
            Some(old) => !same(Some(v), Some(old)),
            None => {
                *v == Value::Bool(true) || v.as_object().is_some_and(|_| !same(Some(v), None) && REIMAGE.contains(name))
            }
        })
    })
}

fn power(pool: &AgentPool, desired: &PoolFields) -> Option<Operation> {
    let wanted = desired.power_state.as_deref()?;
    match (wanted.eq_ignore_ascii_case("stopped"), pool.is_stopped()) {
        (true, false) => Some(Operation::StopPool),
        (false, true) => Some(Operation::StartPool),
        _ => None,
    }
}

fn in_place(pool: &AgentPool, desired: &PoolFields) -> Vec<Operation> {
    let mut operations = Vec::new();
    if let Some(mode) = desired.mode.as_ref().filter(|m| !m.eq_ignore_ascii_case(&pool.mode)) {
        operations.push(Operation::SetMode { mode: mode.clone() });
    }
    let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
    if let Some(taints) = desired.node_taints.as_ref().filter(|t| set(t) != set(&pool.node_taints)) {
        operations.push(Operation::SetTaints { taints: taints.clone() });
    }
    if let Some(labels) = desired.node_labels.as_ref().filter(|l| **l != pool.node_labels) {
        operations.push(Operation::SetLabels { labels: labels.clone() });
    }
    let enabled = desired.enable_auto_scaling.filter(|on| *on != pool.enable_auto_scaling);
    let on = desired.enable_auto_scaling.unwrap_or(pool.enable_auto_scaling);
    let min = desired.min_count.filter(|n| on && Some(*n) != pool.min_count);
    let max = desired.max_count.filter(|n| on && Some(*n) != pool.max_count);
    if enabled.is_some() || min.is_some() || max.is_some() {
        operations.push(Operation::SetAutoscaler { enabled, min, max });
    }
    let settings = over(desired.upgrade_settings.as_ref(), &pool.upgrade_settings);
    if normal(&settings) != normal(&pool.upgrade_settings) {
        operations
            .push(Operation::SetUpgradeSettings { settings: desired.upgrade_settings.clone().unwrap_or_default() });
    }
    let names = properties(pool, desired);
    if !names.is_empty() {
        operations.push(Operation::SetProperties { names });
    }
    operations
}

/// Properties no node notices.
fn properties(pool: &AgentPool, desired: &PoolFields) -> Vec<String> {
    let special = |key: &str| REIMAGE.iter().chain(&IMMUTABLE).chain(&READ_ONLY).any(|k| k.eq_ignore_ascii_case(key));
    let differs = |key: &&String| {
        !special(key) && desired.other.get(*key).is_some_and(|v| !v.is_null() && !same(Some(v), pool.other.get(*key)))
    };
    let mut names: Vec<String> = desired.other.keys().filter(differs).cloned().collect();
    if desired
        .scale_down_mode
        .as_deref()
        .is_some_and(|m| !m.eq_ignore_ascii_case(pool.scale_down_mode.as_deref().unwrap_or("Delete")))
    {
        names.push("scaleDownMode".into());
    }
    names
}

/// The upgrade that a write amounts to, if it replaces nodes.
fn reimage(pool: &AgentPool, desired: &PoolFields) -> Option<Operation> {
    let version = desired.orchestrator_version.as_ref().filter(|v| !v.is_empty() && !is_version(pool, v)).cloned();
    let mut reasons: Vec<&str> = changed(pool, desired, &REIMAGE).collect();
    let sku = desired.os_sku.as_deref().filter(|s| !s.is_empty());
    if sku.is_some_and(|s| pool.os_sku.as_deref().is_some_and(|old| !old.eq_ignore_ascii_case(s))) {
        reasons.push("osSKU");
    }
    (version.is_some() || !reasons.is_empty()).then(|| Operation::Upgrade {
        version,
        node_image_only: false,
        settings: UpgradeFields::default(),
        force: false,
        reason: (!reasons.is_empty()).then(|| reasons.join(", ")),
    })
}

/// True where an upgrade to a version finds the pool there; a pool that failed half-way resumes (AKS docs,
/// upgrade-aks-node-pools-rolling).
fn already(pool: &AgentPool, version: &str) -> bool {
    let failed = pool.provisioning_state.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("failed"));
    is_version(pool, version) && !failed
}

/// True where the pool already has this version; `1.33` stands for any patch of it.
pub(super) fn is_version(pool: &AgentPool, version: &str) -> bool {
    let has = |own: &Option<String>| {
        own.as_deref()
            .is_some_and(|o| o == version || o.strip_prefix(version).is_some_and(|rest| rest.starts_with('.')))
    };
    has(&pool.current_orchestrator_version) || has(&pool.orchestrator_version)
}
