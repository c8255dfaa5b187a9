//! What a snapshot says of the cluster as a whole: what `az aks show -o json` prints, and a few facts of our own that no
//! Azure answer holds (quota left, addresses left).

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::Fields;
use crate::complaint::Complaint;

/// Facts of the cluster as a whole. Absent means not given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterFacts {
    /// ARM resource id.
    pub id: Option<String>,
    /// Azure region.
    pub location: Option<String>,
    /// Kubernetes version of the control plane, such as `1.33.2`.
    pub kubernetes_version: Option<String>,
    /// Pricing tier: `Free`, `Standard` or `Premium`.
    pub tier: Option<String>,
    /// Network plugin: `azure`, `kubenet` or `none`.
    pub network_plugin: Option<String>,
    /// Network plugin mode: `overlay`.
    pub network_plugin_mode: Option<String>,
    /// Network policy: `azure`, `calico`, `cilium`.
    pub network_policy: Option<String>,
    /// Network dataplane: `azure` or `cilium`.
    pub network_dataplane: Option<String>,
    /// Range of pod addresses, such as `10.244.0.0/16`.
    pub pod_cidr: Option<String>,
    /// `nodeProvisioningProfile.mode`: `Auto` or `Manual`.
    pub node_provisioning: Option<String>,
    /// `autoScalerProfile`, keys and values as the API gives them.
    pub autoscaler_profile: BTreeMap<String, String>,
    /// Add-ons that are switched on, such as `azurepolicy`, in order of name.
    pub addons: Vec<String>,
    /// Free vCPU quota by VM family, lower-case (`quota`: `{"standardDSv3Family": 20}`); `cores` for the regional total,
    /// `lowPriorityCores` for that of spot machines.
    pub quota: BTreeMap<String, u32>,
    /// Free addresses by subnet id, lower-case, or `*` for any (`subnet`: `{"*": 120}`).
    pub subnet: BTreeMap<String, u32>,
    /// Maintenance configurations, as `az aks maintenanceconfiguration list` prints them.
    pub maintenance: Vec<Value>,
    /// Everything else, by name.
    pub other: BTreeMap<String, Value>,
}

/// Reads the facts; `properties`, where there are any, count as if they stood at the top. Gives the name as well.
pub(super) fn read(mut map: Map<String, Value>, path: &str) -> (Option<String>, ClusterFacts, Vec<Complaint>) {
    if let Some(Value::Object(properties)) = map.remove("properties") {
        map.extend(properties);
    }
    let mut fields = Fields::new(map, path);
    let name = fields.text("name");
    let mut facts = ClusterFacts {
        id: fields.text("id"),
        location: fields.text("location"),
        kubernetes_version: fields.text("currentKubernetesVersion").or_else(|| fields.text("kubernetesVersion")),
        tier: fields.take("sku").as_ref().and_then(|s| s.get("tier").unwrap_or(s).as_str().map(str::to_owned)),
        node_provisioning: fields
            .take("nodeProvisioningProfile")
            .and_then(|p| p.get("mode").and_then(Value::as_str).map(str::to_owned)),
        autoscaler_profile: fields.texts_by_name("autoScalerProfile").unwrap_or_default(),
        addons: fields.take("addonProfiles").map(|a| enabled(&a)).unwrap_or_default(),
        quota: fields.counts_by_name("quota").unwrap_or_default(),
        subnet: fields.counts_by_name("subnet").unwrap_or_default(),
        maintenance: match fields.take("maintenanceConfigurations") {
            Some(Value::Array(list)) => list,
            other => other.into_iter().collect(),
        },
        ..ClusterFacts::default()
    };
    if let Some(mut network) = fields.object("networkProfile") {
        facts.network_plugin = network.text("networkPlugin");
        facts.network_plugin_mode = network.text("networkPluginMode");
        facts.network_policy = network.text("networkPolicy");
        facts.network_dataplane = network.text("networkDataplane");
        facts.pod_cidr = network.text("podCidr");
        fields.close(network);
    }
    facts.other = fields.rest();
    (name, facts, fields.complaints)
}

/// Names of the add-ons that are enabled, in lower case: profiles carry `azurepolicy` as well as `azurePolicy`.
fn enabled(profiles: &Value) -> Vec<String> {
    let on = |profile: &Value| profile.get("enabled").and_then(Value::as_bool).unwrap_or(false);
    let mut names: Vec<String> = profiles
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, p)| on(p))
        .map(|(name, _)| name.to_ascii_lowercase())
        .collect();
    names.sort();
    names
}
