//! The fields a message writes to a pool, laid over the pool as it stands (or over nothing, for a new one).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::change::{PoolFields, UpgradeFields};
use crate::snapshot::AgentPool;
use crate::snapshot::pool::read::read;

/// Fields AKS sets itself; clients that read, change and write carry them along.
pub(super) const READ_ONLY: [&str; 14] = [
    "provisioningState",
    "nodeImageVersion",
    "currentOrchestratorVersion",
    "eTag",
    "virtualMachineNodesStatus",
    "status",
    "id",
    "name",
    "type",
    "typePropertiesType",
    "agentPoolType",
    "resourceGroup",
    "powerState",
    "creationData",
];

/// The pool after the fields are written.
pub(crate) fn written(pool: &AgentPool, fields: &PoolFields) -> AgentPool {
    let or = |new: &Option<String>, old: &Option<String>| new.clone().filter(|s| !s.is_empty()).or_else(|| old.clone());
    let mut other = pool.other.clone();
    for (key, value) in fields.other.iter().filter(|(key, v)| !v.is_null() && !READ_ONLY.contains(&key.as_str())) {
        other.insert(key.clone(), value.clone());
    }
    AgentPool {
        name: pool.name.clone(),
        count: fields.count.unwrap_or(pool.count),
        vm_size: or(&fields.vm_size, &pool.vm_size),
        mode: or(&fields.mode, &Some(pool.mode.clone())).filter(|m| !m.is_empty()).unwrap_or_else(|| "User".into()),
        os_type: or(&fields.os_type, &Some(pool.os_type.clone()))
            .filter(|o| !o.is_empty())
            .unwrap_or_else(|| "Linux".into()),
        os_sku: or(&fields.os_sku, &pool.os_sku),
        max_pods: fields.max_pods.or(pool.max_pods),
        orchestrator_version: or(&fields.orchestrator_version, &pool.orchestrator_version),
        current_orchestrator_version: pool.current_orchestrator_version.clone(),
        node_image_version: pool.node_image_version.clone(),
        enable_auto_scaling: fields.enable_auto_scaling.unwrap_or(pool.enable_auto_scaling),
        min_count: fields.min_count.or(pool.min_count),
        max_count: fields.max_count.or(pool.max_count),
        availability_zones: fields.availability_zones.clone().unwrap_or_else(|| pool.availability_zones.clone()),
        node_labels: fields.node_labels.clone().unwrap_or_else(|| pool.node_labels.clone()),
        node_taints: fields.node_taints.clone().unwrap_or_else(|| pool.node_taints.clone()),
        scale_set_priority: or(&fields.scale_set_priority, &pool.scale_set_priority),
        scale_down_mode: or(&fields.scale_down_mode, &pool.scale_down_mode),
        power_state: or(&fields.power_state, &pool.power_state),
        provisioning_state: pool.provisioning_state.clone(),
        pool_type: pool.pool_type.clone(),
        upgrade_settings: over(fields.upgrade_settings.as_ref(), &pool.upgrade_settings),
        other,
    }
}

/// A pool that does not exist yet.
pub(crate) fn new(name: &str, fields: &PoolFields) -> AgentPool {
    let blank = AgentPool { name: name.to_owned(), ..AgentPool::default() };
    let mut map = match serde_json::to_value(fields) {
        Ok(Value::Object(map)) => map,
        _ => return written(&blank, fields),
    };
    map.insert("name".into(), Value::String(name.to_owned()));
    let pool = read(map, "operation.desired").unwrap_or_else(|_| written(&blank, fields));
    // What the message leaves open AKS fills with the fewest nodes it may keep.
    let least = pool.min_count.unwrap_or(1);
    let count = if pool.count == 0 && fields.count.is_none() { least } else { pool.count };
    AgentPool { count, current_orchestrator_version: None, ..pool }
}

/// Upgrade settings with what means nothing left out: zero minutes and empty texts are how clients write "not set".
pub(super) fn normal(fields: &UpgradeFields) -> UpgradeFields {
    let text = |t: &Option<String>| t.clone().filter(|t| !t.is_empty());
    let minutes = |m: Option<u32>| m.filter(|m| *m > 0);
    UpgradeFields {
        max_surge: text(&fields.max_surge),
        max_unavailable: text(&fields.max_unavailable).filter(|t| t != "0"),
        drain_timeout_in_minutes: minutes(fields.drain_timeout_in_minutes),
        node_soak_duration_in_minutes: minutes(fields.node_soak_duration_in_minutes),
        undrainable_node_behavior: text(&fields.undrainable_node_behavior),
        max_blocked_nodes: text(&fields.max_blocked_nodes),
        strategy: text(&fields.strategy),
        ..fields.clone()
    }
}

/// Upgrade settings given with a call over those of the pool.
pub(crate) fn over(given: Option<&UpgradeFields>, pool: &UpgradeFields) -> UpgradeFields {
    let Some(given) = given else {
        return pool.clone();
    };
    let or = |new: &Option<String>, old: &Option<String>| new.clone().or_else(|| old.clone());
    UpgradeFields {
        max_surge: or(&given.max_surge, &pool.max_surge),
        max_unavailable: or(&given.max_unavailable, &pool.max_unavailable),
        drain_timeout_in_minutes: given.drain_timeout_in_minutes.or(pool.drain_timeout_in_minutes),
        node_soak_duration_in_minutes: given.node_soak_duration_in_minutes.or(pool.node_soak_duration_in_minutes),
        undrainable_node_behavior: or(&given.undrainable_node_behavior, &pool.undrainable_node_behavior),
        max_blocked_nodes: or(&given.max_blocked_nodes, &pool.max_blocked_nodes),
        strategy: or(&given.strategy, &pool.strategy),
        drain_batch_size: or(&given.drain_batch_size, &pool.drain_batch_size),
        batch_soak_duration_in_minutes: given.batch_soak_duration_in_minutes.or(pool.batch_soak_duration_in_minutes),
        final_soak_duration_in_minutes: given.final_soak_duration_in_minutes.or(pool.final_soak_duration_in_minutes),
    }
}

/// True where two values mean the same to AKS: numbers by value, texts without regard to case, unset like off or empty.
pub(super) fn same(a: Option<&Value>, b: Option<&Value>) -> bool {
    match (a, b) {
        (Some(Value::String(a)), Some(Value::String(b))) => a.eq_ignore_ascii_case(b),
        (Some(Value::Object(a)), Some(Value::Object(b))) => {
            let keys: BTreeMap<&String, ()> = a.keys().chain(b.keys()).map(|k| (k, ())).collect();
            keys.keys().all(|k| same(a.get(*k), b.get(*k)))
        }
        (Some(a), Some(b)) => a == b,
        (Some(v), None) | (None, Some(v)) => unset(v),
        (None, None) => true,
    }
}

fn unset(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(s) => s.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(unset),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn unset_is_like_off_or_empty() {
        for (a, b, expected) in [
            (Some(json!(false)), None, true),
            (Some(json!({"enableVTPM": false})), Some(json!({})), true),
            (Some(json!({"enableVTPM": true})), Some(json!({"enableVTPM": false})), false),
            (Some(json!("Ephemeral")), Some(json!("ephemeral")), true),
            (Some(json!(128)), None, false),
            (Some(json!([])), None, true),
            (None, Some(json!({"a": {"b": null}})), true),
        ] {
            assert_eq!(same(a.as_ref(), b.as_ref()), expected, "{a:?} {b:?}");
        }
    }
}
