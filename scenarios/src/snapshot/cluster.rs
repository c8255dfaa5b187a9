//! What a snapshot says of the cluster as a whole: what `az aks show -o json` prints, and a few facts of our own that no
//! Azure answer holds (quota left, addresses left).

use std::collections::BTreeMap;

use serde_json::Value;

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
    /// `nodeProvisioningProfile.mode`: `Auto` or `Manual`.
    pub node_provisioning: Option<String>,
    /// `autoScalerProfile`, keys and values as the API gives them.
    pub autoscaler_profile: BTreeMap<String, String>,
    /// Add-ons that are switched on, such as `azurepolicy`, in order of name.
    pub addons: Vec<String>,
    /// Free vCPU quota by VM family, lower-case (`quota`: `{"standardDSv3Family": 20}`); `cores` for the regional total.
    pub quota: BTreeMap<String, u32>,
    /// Free addresses by subnet id, lower-case, or `*` for any (`subnet`: `{"*": 120}`).
    pub subnet: BTreeMap<String, u32>,
    /// Everything else, by name.
    pub other: BTreeMap<String, Value>,
}
