//! The fields a message writes to a pool, laid over the pool as it stands (or over nothing, for a new one).

use serde_json::Value;

use crate::azure::mutability;
use crate::change::PoolFields;
use crate::snapshot::AgentPool;
use crate::snapshot::pool::read::read;

/// The pool after the fields are written.
pub(crate) fn written(pool: &AgentPool, fields: &PoolFields) -> AgentPool {
    let or = |new: &Option<String>, old: &Option<String>| new.clone().filter(|s| !s.is_empty()).or_else(|| old.clone());
    let mut other = pool.other.clone();
    let counts = |key: &str| key != "type" && !mutability::is_read_only(key);
    for (key, value) in fields.other.iter().filter(|(key, v)| !v.is_null() && counts(key)) {
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
        upgrade_settings: fields.upgrade_settings.clone().unwrap_or_default().over(&pool.upgrade_settings),
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
