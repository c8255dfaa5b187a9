//! Attributes of a node pool as the azurerm provider names them, and what an update of them does (provider sources of
//! 2026-08-21): some attributes the plan shows as a harmless `update` make the provider rotate the pool through a
//! temporary one, deleting it twice over.

use serde_json::{Map, Value};

use super::super::fields::{Fields, get, text};
use super::super::json::join;
use crate::change::{Operation, PoolFields, UpgradeFields, difference};
use crate::complaint::Complaint;

/// The taint behind `only_critical_addons_enabled`.
const CRITICAL_ADDONS: &str = "CriticalAddonsOnly=true:NoSchedule";

/// Attributes whose change rotates the pool, old and new names.
const ROTATE: [&[&str]; 15] = [
    &["fips_enabled"],
    &["host_encryption_enabled", "enable_host_encryption"],
    &["kubelet_config"],
    &["kubelet_disk_type"],
    &["linux_os_config"],
    &["max_pods"],
    &["node_public_ip_enabled", "enable_node_public_ip"],
    &["os_disk_size_gb"],
    &["os_disk_type"],
    &["pod_subnet_id"],
    &["snapshot_id"],
    &["ultra_ssd_enabled"],
    &["vm_size"],
    &["vnet_subnet_id"],
    &["zones"],
];

/// Attributes that rotate a cluster's default pool besides.
const ROTATE_DEFAULT: [&[&str]; 2] = [&["only_critical_addons_enabled"], &["os_sku"]];

/// Attributes without a place in [`PoolFields`], with their names in the AKS API.
const OTHERS: [(&str, &str); 24] = [
    ("capacity_reservation_group_id", "capacityReservationGroupID"),
    ("enable_host_encryption", "enableEncryptionAtHost"),
    ("enable_node_public_ip", "enableNodePublicIP"),
    ("eviction_policy", "scaleSetEvictionPolicy"),
    ("fips_enabled", "enableFIPS"),
    ("gpu_instance", "gpuInstanceProfile"),
    ("host_encryption_enabled", "enableEncryptionAtHost"),
    ("host_group_id", "hostGroupID"),
    ("kubelet_config", "kubeletConfig"),
    ("kubelet_disk_type", "kubeletDiskType"),
    ("linux_os_config", "linuxOSConfig"),
    ("node_network_profile", "networkProfile"),
    ("node_public_ip_enabled", "enableNodePublicIP"),
    ("node_public_ip_prefix_id", "nodePublicIPPrefixID"),
    ("os_disk_size_gb", "osDiskSizeGB"),
    ("os_disk_type", "osDiskType"),
    ("pod_subnet_id", "podSubnetID"),
    ("proximity_placement_group_id", "proximityPlacementGroupID"),
    ("snapshot_id", "creationData"),
    ("spot_max_price", "spotMaxPrice"),
    ("tags", "tags"),
    ("ultra_ssd_enabled", "enableUltraSSD"),
    ("vnet_subnet_id", "vnetSubnetID"),
    ("workload_runtime", "workloadRuntime"),
];

/// The attributes of one pool on one side of a change.
pub struct Pool<'a> {
    /// Attributes.
    pub map: &'a Map<String, Value>,
    /// Where they stand.
    pub path: String,
    /// True for the default pool of a cluster resource.
    pub default_pool: bool,
}

impl Pool<'_> {
    /// Its name.
    pub fn name(&self) -> Option<String> {
        text(self.map, "name").map(str::to_lowercase)
    }

    /// Its fields; attributes only known after apply are left out.
    pub fn fields(&self, unknown: Option<&Map<String, Value>>, complaints: &mut Vec<Complaint>) -> PoolFields {
        let known = |name: &str| self.map.contains_key(name) && !is_unknown(unknown, name);
        let mut fields = Fields::new(self.map, &self.path, complaints);
        let autoscaled = fields.flag("auto_scaling_enabled").or(fields.flag("enable_auto_scaling"));
        let mut taints = fields.texts("node_taints").or(known("node_taints").then(Vec::new));
        if fields.flag("only_critical_addons_enabled") == Some(true) {
            let taints = taints.get_or_insert_default();
            taints.retain(|taint| taint != CRITICAL_ADDONS);
            taints.push(CRITICAL_ADDONS.to_owned());
        }
        let system = |text: &str| self.default_pool.then(|| text.to_owned());
        PoolFields {
            count: fields.count("node_count"),
            vm_size: fields.text("vm_size"),
            mode: fields.text("mode").or(system("System")),
            os_type: fields.text("os_type").or(system("Linux")),
            os_sku: fields.text("os_sku"),
            max_pods: fields.count("max_pods"),
            orchestrator_version: fields.text("orchestrator_version"),
            enable_auto_scaling: autoscaled,
            min_count: fields.count("min_count"),
            max_count: fields.count("max_count"),
            availability_zones: fields.texts("zones"),
            node_labels: fields.labels("node_labels").or(known("node_labels").then(Default::default)),
            node_taints: taints,
            scale_set_priority: fields.text("priority"),
            scale_down_mode: fields.text("scale_down_mode"),
            power_state: None,
            upgrade_settings: upgrade_settings(self.map, &self.path, complaints),
            other: self.others(unknown),
        }
    }

    fn others(&self, unknown: Option<&Map<String, Value>>) -> std::collections::BTreeMap<String, Value> {
        let given = OTHERS.iter().filter(|(name, _)| !is_unknown(unknown, name));
        given
            .filter_map(|(name, rest)| {
                Some(((*rest).to_owned(), get(self.map, name).filter(|v| !is_empty(v))?.clone()))
            })
            .collect()
    }
}

/// The block `upgrade_settings`; empty texts and zero time-outs mean that nothing is set.
fn upgrade_settings(map: &Map<String, Value>, path: &str, complaints: &mut Vec<Complaint>) -> Option<UpgradeFields> {
    let block = get(map, "upgrade_settings")?.get(0)?.as_object()?;
    let mut fields = Fields::new(block, &join(path, "upgrade_settings[0]"), complaints);
    let max_unavailable = fields.quantity("max_unavailable");
    // The provider takes one of the two, and AKS takes unavailable nodes with a surge of 0 only (azurerm 4.x, node pool
    // upgrade_settings; AKS docs upgrade-node-pools).
    let in_place = max_unavailable.as_ref().filter(|m| *m != "0").map(|_| "0".to_owned());
    let settings = UpgradeFields {
        max_surge: fields.quantity("max_surge").or(in_place),
        max_unavailable,
        drain_timeout_in_minutes: fields.count("drain_timeout_in_minutes").filter(|minutes| *minutes > 0),
        node_soak_duration_in_minutes: fields.count("node_soak_duration_in_minutes").filter(|minutes| *minutes > 0),
        undrainable_node_behavior: fields.text("undrainable_node_behavior"),
        ..UpgradeFields::default()
    };
    Some(settings).filter(|settings| !settings.is_empty())
}

/// The operations of an update, in order. A rotation takes every other change with it.
pub fn update(
    before: &Pool<'_>,
    after: &Pool<'_>,
    unknown: Option<&Map<String, Value>>,
    complaints: &mut Vec<Complaint>,
) -> Vec<Operation> {
    let (old, new) = (before.fields(None, complaints), after.fields(unknown, complaints));
    let more: &[&[&str]] = if after.default_pool { &ROTATE_DEFAULT } else { &[] };
    let rotates = ROTATE.iter().chain(more).any(|names| differs(before.map, after.map, unknown, names));
    if rotates || outside_linux_skus(&old, &new) {
        return vec![Operation::ResizePool { desired: new, method: "rotate".to_owned() }];
    }
    difference(&old, &new)
}

fn differs(
    before: &Map<String, Value>,
    after: &Map<String, Value>,
    unknown: Option<&Map<String, Value>>,
    names: &[&str],
) -> bool {
    if names.iter().any(|name| is_unknown(unknown, name)) {
        return false;
    }
    let value = |map| names.iter().find_map(|name| get(map, name)).filter(|value| !is_empty(value));
    let comparable = |value: Option<&Value>| match value {
        Some(Value::Array(list)) => {
            let mut items: Vec<String> = list.iter().map(|item| item.to_string().to_lowercase()).collect();
            items.sort();
            Some(items)
        }
        value => value.map(|value| vec![value.to_string().to_lowercase()]),
    };
    comparable(value(before)) != comparable(value(after))
}

/// A node pool's `os_sku` is changed in place between Ubuntu and AzureLinux only.
fn outside_linux_skus(old: &PoolFields, new: &PoolFields) -> bool {
    let family = |sku: &str| ["ubuntu", "azurelinux"].iter().any(|family| sku.to_lowercase().starts_with(family));
    match (&old.os_sku, &new.os_sku) {
        (Some(old), Some(new)) => !(old.eq_ignore_ascii_case(new) || (family(old) && family(new))),
        _ => false,
    }
}

/// Known after apply: marked as a whole (`true`), not in some part.
fn is_unknown(unknown: Option<&Map<String, Value>>, name: &str) -> bool {
    unknown.and_then(|unknown| unknown.get(name)) == Some(&Value::Bool(true))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) | Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.iter().all(is_empty),
        Value::Object(map) => map.values().all(is_empty),
    }
}
