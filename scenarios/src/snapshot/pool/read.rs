//! Reads an agent pool from any of the forms Azure prints it in.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{AgentPool, known_mode};
use crate::change::UpgradeFields;
use crate::complaint::Complaint;
use crate::snapshot::fields::Fields;

/// Most nodes of a pool (AKS docs, quotas-skus-regions: a scale set holds 1,000).
pub const MOST_NODES: u32 = 1000;

/// Reads a pool; `properties`, where there are any, count as if they stood at the top.
pub(crate) fn read(map: Map<String, Value>, path: &str) -> Result<AgentPool, Vec<Complaint>> {
    let mut fields = Fields::new(lift(map), path);
    let pool = take(&mut fields);
    if fields.complaints.is_empty() { Ok(pool) } else { Err(fields.complaints) }
}

/// REST puts everything but name, id and type under `properties`, and the pool's own `type` among them; the CLI lifts it and
/// calls that one `typePropertiesType`.
fn lift(mut map: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(properties)) = map.remove("properties") {
        for (key, value) in properties {
            let key = if key == "type" { "typePropertiesType".to_owned() } else { key };
            map.insert(key, value);
        }
    }
    map
}

fn take(fields: &mut Fields) -> AgentPool {
    let (machines, machine_size) = machines(fields);
    let name = fields.text("name").unwrap_or_default();
    if name.is_empty() {
        fields.complain::<()>("name", &Value::Null, "the name of the pool");
    }
    let resource_type = fields.text("type");
    let pool_type = fields.text("typePropertiesType").or_else(|| fields.text("agentPoolType"));
    let count = fields.count("count", MOST_NODES).unwrap_or(machines);
    let mut upgrade_settings = fields.object("upgradeSettings").map(|f| upgrade(f, fields)).unwrap_or_default();
    upgrade_settings.strategy = fields.text("upgradeStrategy").or(upgrade_settings.strategy);
    let blue_green = fields.object("upgradeSettingsBlueGreen");
    let upgrade_settings = match blue_green {
        Some(given) => blue_green_settings(given, fields, upgrade_settings),
        None => upgrade_settings,
    };
    let power = fields.take("powerState");
    let power_state = power.and_then(|p| p.get("code").unwrap_or(&p).as_str().map(str::to_owned));
    let pool = AgentPool {
        name,
        count,
        vm_size: fields.text("vmSize").or(machine_size),
        mode: mode(fields.text("mode")),
        os_type: os_type(fields.text("osType")),
        os_sku: fields.text("osSKU"),
        max_pods: fields.count("maxPods", 1000),
        orchestrator_version: fields.text("orchestratorVersion"),
        current_orchestrator_version: fields.text("currentOrchestratorVersion"),
        node_image_version: fields.text("nodeImageVersion"),
        enable_auto_scaling: fields.flag("enableAutoScaling").unwrap_or(false),
        min_count: fields.count("minCount", MOST_NODES),
        max_count: fields.count("maxCount", MOST_NODES),
        availability_zones: fields.texts("availabilityZones").unwrap_or_default(),
        node_labels: fields.texts_by_name("nodeLabels").unwrap_or_default(),
        node_taints: fields.texts("nodeTaints").unwrap_or_default(),
        scale_set_priority: fields.text("scaleSetPriority"),
        scale_down_mode: fields.text("scaleDownMode"),
        power_state,
        provisioning_state: fields.text("provisioningState"),
        // A cluster's `agentPoolProfiles` carry the pool's type as plain `type`.
        pool_type: pool_type.or(resource_type.filter(|t| !t.contains('/'))),
        upgrade_settings,
        other: rest(fields),
    };
    for taint in &pool.node_taints {
        if crate::snapshot::pool::taint(taint).is_none() {
            fields.complain::<()>(
                "nodeTaints",
                &Value::String(taint.clone()),
                "taints as key=value:NoSchedule, PreferNoSchedule or NoExecute",
            );
        }
    }
    pool
}

/// Names that older printouts spell `...Gb`, `...Id`, `...Ip`.
const REST_NAMES: [&str; 9] = [
    "capacityReservationGroupID",
    "enableFIPS",
    "enableNodePublicIP",
    "hostGroupID",
    "nodePublicIPPrefixID",
    "osDiskSizeGB",
    "podSubnetID",
    "proximityPlacementGroupID",
    "vnetSubnetID",
];

fn rest(fields: &mut Fields) -> BTreeMap<String, Value> {
    let rename = |key: String| {
        let known = REST_NAMES.iter().find(|n| n.eq_ignore_ascii_case(&key));
        known.map_or(key, |n| (*n).to_owned())
    };
    fields.rest().into_iter().map(|(key, value)| (rename(key), value)).collect()
}

/// Machines of a `VirtualMachines` pool, and the size most of them have: such pools have neither `count` nor `vmSize`
/// (AKS docs, virtual-machines-node-pools).
fn machines(fields: &mut Fields) -> (u32, Option<String>) {
    let status = fields.take("virtualMachineNodesStatus");
    let profile = fields.take("virtualMachinesProfile");
    let manual = profile.as_ref().and_then(|p| p.pointer("/scale/manual"));
    let list =
        status.as_ref().filter(|s| s.as_array().is_some_and(|a| !a.is_empty())).or(manual).and_then(Value::as_array);
    let mut total = 0u32;
    let mut largest: (u32, Option<String>) = (0, None);
    for entry in list.into_iter().flatten() {
        let count =
            entry.get("count").and_then(Value::as_u64).and_then(|n| u32::try_from(n).ok()).unwrap_or(0).min(MOST_NODES);
        total = (total + count).min(MOST_NODES);
        if largest.1.is_none() || count > largest.0 {
            largest = (count, entry.get("size").and_then(Value::as_str).map(str::to_owned));
        }
    }
    (total, largest.1)
}

fn upgrade(mut fields: Fields, pool: &mut Fields) -> UpgradeFields {
    let settings = UpgradeFields {
        max_surge: fields.text_or_number("maxSurge"),
        max_unavailable: fields.text_or_number("maxUnavailable"),
        drain_timeout_in_minutes: fields.count("drainTimeoutInMinutes", 1440),
        node_soak_duration_in_minutes: fields.count("nodeSoakDurationInMinutes", 1440),
        undrainable_node_behavior: fields.text("undrainableNodeBehavior"),
        max_blocked_nodes: fields.text_or_number("maxBlockedNodes"),
        strategy: pool.text("upgradeStrategy"),
        ..UpgradeFields::default()
    };
    pool.close(fields);
    settings
}

/// Settings of blue-green upgrades; they count where that is the strategy.
fn blue_green_settings(mut fields: Fields, pool: &mut Fields, rolling: UpgradeFields) -> UpgradeFields {
    let settings = UpgradeFields {
        drain_batch_size: fields.text_or_number("drainBatchSize"),
        batch_soak_duration_in_minutes: fields.count("batchSoakDurationInMinutes", 10_080),
        final_soak_duration_in_minutes: fields.count("finalSoakDurationInMinutes", 10_080),
        drain_timeout_in_minutes: fields.count("drainTimeoutInMinutes", 1440),
        ..UpgradeFields::default()
    };
    pool.close(fields);
    if rolling.is_blue_green() { settings.over(&rolling) } else { rolling }
}

/// Known modes in AKS' spelling, others as they stand. The CLI's default for a new pool is User (AKS docs, use-system-pools).
fn mode(text: Option<String>) -> String {
    match text {
        None => "User".into(),
        Some(t) => known_mode(&t).map_or(t, str::to_owned),
    }
}

/// Recorded bodies carry `windows` in lower case too.
fn os_type(text: Option<String>) -> String {
    if text.is_some_and(|t| t.eq_ignore_ascii_case("windows")) { "Windows".into() } else { "Linux".into() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn pool(json: &str) -> Result<AgentPool, Vec<String>> {
        let Value::Object(map) = serde_json::from_str(json).unwrap() else { panic!("an object") };
        read(map, "agentPools[0]").map_err(|list| list.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn cli_and_rest_forms_read_the_same() {
        let cli = r#"{"name":"n","type":"Microsoft.ContainerService/managedClusters/agentPools","typePropertiesType":"VirtualMachineScaleSets",
            "count":3,"vmSize":"standard_d2s_v3","mode":"system","osType":"windows","powerState":{"code":"Running"},"nodeTaints":null,
            "upgradeSettings":{"maxSurge":"10%"}}"#;
        let rest = r#"{"name":"n","type":"Microsoft.ContainerService/managedClusters/agentPools","properties":{"type":"VirtualMachineScaleSets",
            "count":3,"vmSize":"standard_d2s_v3","mode":"system","osType":"windows","powerState":{"code":"Running"},
            "upgradeSettings":{"maxSurge":"10%"}}}"#;
        let (a, b) = (pool(cli).unwrap(), pool(rest).unwrap());
        assert_eq!(a, b);
        assert_eq!((a.mode.as_str(), a.os_type.as_str(), a.count), ("System", "Windows", 3));
        assert_eq!(a.pool_type.as_deref(), Some("VirtualMachineScaleSets"));
        assert_eq!(a.upgrade_settings.max_surge.as_deref(), Some("10%"));
    }

    #[test]
    fn machines_stand_in_for_count_and_size() {
        let p = pool(r#"{"name":"vms","mode":"ManagedSystem","virtualMachinesProfile":{"scale":{"manual":[{"size":"A","count":1},{"size":"B","count":2}]}}}"#).unwrap();
        assert_eq!((p.count, p.vm_size.as_deref()), (3, Some("B")));
    }

    #[test]
    fn every_complaint_at_once() {
        let found =
            pool(r#"{"count":-1,"maxPods":"many","mode":"User","nodeTaints":["x"],"upgradeSettings":{"drainTimeoutInMinutes":-5}}"#)
                .unwrap_err();
        for part in [
            "name",
            "count: found -1",
            "maxPods: found \"many\"",
            "nodeTaints",
            "upgradeSettings.drainTimeoutInMinutes: found -5",
        ] {
            assert!(found.iter().any(|c| c.contains(part)), "{part} in {found:?}");
        }
        assert_eq!(found.len(), 5);
    }

    #[test]
    fn unknown_fields_and_modes_are_kept() {
        let p = pool(r#"{"name":"n","count":1,"mode":"Quantum","osDiskSizeGb":128,"kubeletConfig":null}"#).unwrap();
        assert_eq!(p.mode, "Quantum");
        assert_eq!(p.other.keys().collect::<Vec<_>>(), ["osDiskSizeGB"]);
    }
}
