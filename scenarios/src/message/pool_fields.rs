//! Agent pools as the AKS API, `az ... -o json` and cluster bodies spell them, into [`PoolFields`].
//!
//! Left out: read-only fields that come back in round-tripped bodies (`provisioningState`, `nodeImageVersion`, ...), and
//! fields that are empty or zero where that means "as it is" (recorded CLI requests send `"vmSize": ""`).

use serde_json::{Map, Value};

use super::fields::{Fields, count, get};
use super::json::join;
use crate::azure::mutability;
use crate::change::{PoolFields, UpgradeFields};
use crate::complaint::Complaint;

/// Fields that have a place of their own in [`PoolFields`]; lower case.
const NAMED: [&str; 20] = [
    "count",
    "vmsize",
    "mode",
    "ostype",
    "ossku",
    "maxpods",
    "orchestratorversion",
    "enableautoscaling",
    "mincount",
    "maxcount",
    "availabilityzones",
    "nodelabels",
    "nodetaints",
    "scalesetpriority",
    "scaledownmode",
    "powerstate",
    "upgradesettings",
    "upgradestrategy",
    "upgradesettingsbluegreen",
    "typepropertiestype",
];

/// REST spellings of fields the CLI prints in another case.
const REST_NAMES: [&str; 14] = [
    "osDiskSizeGB",
    "vnetSubnetID",
    "podSubnetID",
    "enableFIPS",
    "enableNodePublicIP",
    "enableUltraSSD",
    "enableCustomCATrust",
    "linuxOSConfig",
    "nodePublicIPPrefixID",
    "proximityPlacementGroupID",
    "capacityReservationGroupID",
    "hostGroupID",
    "localDNSProfile",
    "podIPAllocationMode",
];

/// Reads the properties of an agent pool.
pub fn read(map: &Map<String, Value>, path: &str, complaints: &mut Vec<Complaint>) -> PoolFields {
    let mut fields = Fields::new(map, path, complaints);
    let mut pool = PoolFields {
        count: fields.count("count"),
        vm_size: fields.text("vmSize"),
        mode: fields.text("mode"),
        os_type: fields.text("osType"),
        os_sku: fields.text("osSKU"),
        max_pods: fields.count("maxPods").filter(|n| *n > 0),
        orchestrator_version: fields.text("orchestratorVersion"),
        enable_auto_scaling: fields.flag("enableAutoScaling"),
        min_count: fields.count("minCount"),
        max_count: fields.count("maxCount"),
        availability_zones: fields.texts("availabilityZones"),
        node_labels: fields.labels("nodeLabels"),
        node_taints: fields.texts("nodeTaints"),
        scale_set_priority: fields.text("scaleSetPriority"),
        scale_down_mode: fields.text("scaleDownMode"),
        power_state: power_state(&mut fields),
        upgrade_settings: Some(upgrade_settings(&mut fields)).filter(|settings| !settings.is_empty()),
        other: map
            .iter()
            .filter(|(name, value)| is_other(name, value))
            .map(|(n, v)| (rest_name(n), v.clone()))
            .collect(),
    };
    let kind = get(map, "typePropertiesType").or_else(|| get(map, "agentPoolType"));
    pool.other.extend(kind.map(|kind| ("type".to_owned(), kind.clone())));
    pool.other.remove("agentPoolType");
    read_machines(map, path, &mut pool, complaints);
    pool
}

/// `{"code": "Running"}` in REST; a proposal may write the plain text.
fn power_state(fields: &mut Fields<'_>) -> Option<String> {
    match fields.get("powerState")? {
        Value::String(text) => Some(text.clone()),
        _ => fields.nested("powerState")?.text("code"),
    }
}

fn upgrade_settings(fields: &mut Fields<'_>) -> UpgradeFields {
    let strategy = fields.text("upgradeStrategy");
    let mut settings = fields.nested("upgradeSettings").map(|mut f| read_upgrade(&mut f)).unwrap_or_default();
    settings.strategy = settings.strategy.or(strategy);
    let blue_green = settings.strategy.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("bluegreen"));
    if let Some(mut fields) = fields.nested("upgradeSettingsBlueGreen").filter(|_| blue_green) {
        settings.drain_batch_size = fields.quantity("drainBatchSize");
        settings.batch_soak_duration_in_minutes = fields.count("batchSoakDurationInMinutes");
        settings.final_soak_duration_in_minutes = fields.count("finalSoakDurationInMinutes");
        let drain = fields.count("drainTimeoutInMinutes");
        settings.drain_timeout_in_minutes = drain.or(settings.drain_timeout_in_minutes);
    }
    settings
}

/// Reads upgrade settings under their API names.
pub fn read_upgrade(fields: &mut Fields<'_>) -> UpgradeFields {
    UpgradeFields {
        max_surge: fields.quantity("maxSurge"),
        max_unavailable: fields.quantity("maxUnavailable"),
        drain_timeout_in_minutes: fields.count("drainTimeoutInMinutes").filter(|minutes| *minutes > 0),
        node_soak_duration_in_minutes: fields.count("nodeSoakDurationInMinutes"),
        undrainable_node_behavior: fields.text("undrainableNodeBehavior"),
        max_blocked_nodes: fields.quantity("maxBlockedNodes"),
        strategy: fields.text("strategy"),
        drain_batch_size: fields.quantity("drainBatchSize"),
        batch_soak_duration_in_minutes: fields.count("batchSoakDurationInMinutes"),
        final_soak_duration_in_minutes: fields.count("finalSoakDurationInMinutes"),
        override_until: fields.text("overrideUntil"),
    }
}

fn is_other(name: &str, value: &Value) -> bool {
    let lower = name.to_ascii_lowercase();
    let known = NAMED.contains(&lower.as_str()) || mutability::is_read_only(name);
    let resource_type =
        lower == "type" && value.as_str().is_some_and(|t| t.to_ascii_lowercase().starts_with("microsoft."));
    let unset = is_empty(value) || (lower == "osdisksizegb" && value.as_u64() == Some(0));
    !(known || resource_type || unset)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.values().all(is_empty),
        _ => false,
    }
}

fn rest_name(name: &str) -> String {
    REST_NAMES.iter().find(|rest| rest.eq_ignore_ascii_case(name)).map_or_else(|| name.to_owned(), |r| (*r).to_owned())
}

/// Pools of type VirtualMachines hold counts and sizes in scale profiles; a single size and the total stand for them.
fn read_machines(map: &Map<String, Value>, path: &str, pool: &mut PoolFields, complaints: &mut Vec<Complaint>) {
    let scale = get(map, "virtualMachinesProfile").and_then(|profile| profile.get("scale"));
    if let Some(Value::Array(profiles)) = scale.and_then(|scale| scale.get("manual")) {
        let mut total = 0u32;
        for (i, profile) in profiles.iter().enumerate() {
            let given = profile.get("count").unwrap_or(&Value::Null);
            match count(given) {
                Some(n) => total = total.saturating_add(n),
                None => {
                    let at = join(path, &format!("virtualMachinesProfile.scale.manual[{i}].count"));
                    complaints.push(Complaint::at(at, super::json::show(given), "a whole number from 0 to 4294967295"));
                }
            }
        }
        pool.count = pool.count.or(Some(total));
        if let [only] = profiles.as_slice() {
            pool.vm_size = pool.vm_size.take().or_else(|| size_of(only));
        }
    }
    if let Some(Value::Object(auto)) = scale.and_then(|scale| scale.get("autoscale")) {
        let mut fields = Fields::new(auto, &join(path, "virtualMachinesProfile.scale.autoscale"), complaints);
        pool.enable_auto_scaling = Some(true);
        pool.min_count = pool.min_count.or(fields.count("minCount"));
        pool.max_count = pool.max_count.or(fields.count("maxCount"));
        pool.vm_size = pool.vm_size.take().or_else(|| fields.text("size"));
    }
}

fn size_of(profile: &Value) -> Option<String> {
    profile.get("size").and_then(Value::as_str).map(str::to_owned)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, expected_complaints: &[&str]) {
        let value: Value = serde_json::from_str(text).unwrap();
        let mut complaints = Vec::new();
        let pool = read(value.as_object().unwrap(), "p", &mut complaints);
        assert_eq!(crate::change::Operation::PutPool { desired: pool }.to_string(), expected);
        assert_eq!(complaints.iter().map(ToString::to_string).collect::<Vec<_>>(), expected_complaints);
    }

    #[test]
    fn reads_rest_and_printed_spellings() {
        check(
            r#"{"count":2,"vmSize":"","osDiskSizeGB":0,"osDiskSizeGb":128,"enableFips":true,"typePropertiesType":"VirtualMachineScaleSets",
                "type":"Microsoft.ContainerService/managedClusters/agentPools","nodeImageVersion":"x","kubeletConfig":null,
                "powerState":{"code":"Stopped"},"upgradeSettings":{"maxSurge":"10%","drainTimeoutInMinutes":0}}"#,
            "putPool count=2 power=Stopped maxSurge=10% +3",
            &[],
        );
    }

    #[test]
    fn all_wrong_values_are_named_at_once() {
        check(
            r#"{"count":-1,"maxPods":2.5,"minCount":99999999999,"nodeTaints":"x","nodeLabels":{"a":1},"enableAutoScaling":"yes",
                "upgradeSettings":{"maxSurge":"many"}}"#,
            "putPool",
            &[
                "p.count: found -1, expected a whole number from 0 to 4294967295",
                "p.maxPods: found 2.5, expected a whole number from 0 to 4294967295",
                "p.enableAutoScaling: found the text yes, expected true or false",
                "p.minCount: found 99999999999, expected a whole number from 0 to 4294967295",
                "p.nodeLabels.a: found 1, expected a text",
                "p.nodeTaints: found the text x, expected a list of texts",
                "p.upgradeSettings.maxSurge: found the text many, expected a whole number or a percentage such as \"33%\"",
            ],
        );
    }

    #[test]
    fn virtual_machine_pools_sum_their_profiles() {
        check(
            r#"{"virtualMachinesProfile":{"scale":{"manual":[{"size":"a","count":3},{"size":"b","count":2}]}}}"#,
            "putPool count=5 +1",
            &[],
        );
        check(
            r#"{"virtualMachinesProfile":{"scale":{"autoscale":{"size":"a","minCount":0,"maxCount":3}}}}"#,
            "putPool vmSize=a autoscaler=0..3 +1",
            &[],
        );
    }
}
