//! An agent pool as the AKS API describes it, whichever form it was printed in: `az aks nodepool list` lifts `properties`
//! to the top level and turns unset fields into null, REST keeps them apart.

pub(crate) mod read;

use std::collections::BTreeMap;

use serde_json::Value;
use simulator::spec::{Effect, Taint};

use crate::change::{PoolFields, UpgradeFields};

/// Modes AKS knows (AKS docs use-system-pools, recorded requests of the AKS CLI, REST 2025-09-02-preview). Messages may carry
/// newer ones.
pub(crate) const MODES: [&str; 5] = ["System", "User", "Gateway", "ManagedSystem", "Machines"];

/// A known mode as AKS spells it; `None` for others.
pub(crate) fn known_mode(mode: &str) -> Option<&'static str> {
    MODES.into_iter().find(|known| known.eq_ignore_ascii_case(mode))
}

/// An agent pool. Field names are the API's; what the API may leave out is `None`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AgentPool {
    /// Name.
    pub name: String,
    /// Nodes wanted.
    pub count: u32,
    /// VM size as written; compare without regard to case. For `VirtualMachines` pools the size of most machines.
    pub vm_size: Option<String>,
    /// `System`, `User`, `Gateway`, `ManagedSystem`, `Machines` or one not known yet, spelled as AKS spells known ones.
    pub mode: String,
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// Such as `Ubuntu`, `AzureLinux`.
    pub os_sku: Option<String>,
    /// Most pods on one node.
    pub max_pods: Option<u32>,
    /// Kubernetes version asked for.
    pub orchestrator_version: Option<String>,
    /// Kubernetes version in use.
    pub current_orchestrator_version: Option<String>,
    /// Node image in use.
    pub node_image_version: Option<String>,
    /// Autoscaler on.
    pub enable_auto_scaling: bool,
    /// Fewest nodes.
    pub min_count: Option<u32>,
    /// Most nodes.
    pub max_count: Option<u32>,
    /// Zones, such as `1`; empty for a pool without zones.
    pub availability_zones: Vec<String>,
    /// Labels set through the pool.
    pub node_labels: BTreeMap<String, String>,
    /// Taints set through the pool, `key=value:Effect`.
    pub node_taints: Vec<String>,
    /// `Regular` or `Spot`.
    pub scale_set_priority: Option<String>,
    /// `Delete` or `Deallocate`: what becomes of nodes that are scaled away.
    pub scale_down_mode: Option<String>,
    /// `Running` or `Stopped`.
    pub power_state: Option<String>,
    /// Such as `Succeeded`, `Updating`, `Failed`.
    pub provisioning_state: Option<String>,
    /// `VirtualMachineScaleSets`, `VirtualMachines` or `AvailabilitySet`.
    pub pool_type: Option<String>,
    /// Upgrade settings.
    pub upgrade_settings: UpgradeFields,
    /// Every other field that is not null, by API name; `osDiskSizeGb` and `vnetSubnetId` under the REST names.
    pub other: BTreeMap<String, Value>,
}

impl AgentPool {
    /// True for pools of mode System, and those AKS hosts itself.
    pub fn is_system(&self) -> bool {
        self.mode == "System" || self.mode == "ManagedSystem"
    }

    /// True for spot pools.
    pub fn is_spot(&self) -> bool {
        self.scale_set_priority.as_deref().is_some_and(|p| p.eq_ignore_ascii_case("spot"))
    }

    /// True for Windows pools.
    pub fn is_windows(&self) -> bool {
        self.os_type.eq_ignore_ascii_case("windows")
    }

    /// True for stopped pools.
    pub fn is_stopped(&self) -> bool {
        self.power_state.as_deref().is_some_and(|p| p.eq_ignore_ascii_case("stopped"))
    }

    /// Kubernetes version of the nodes: in use, else asked for.
    pub fn version(&self) -> Option<&str> {
        self.current_orchestrator_version.as_deref().or(self.orchestrator_version.as_deref())
    }

    /// The pool as a write would carry it, with the version in use, for comparison with one.
    pub fn fields(&self) -> PoolFields {
        let mut other = self.other.clone();
        other.extend(self.pool_type.clone().map(|kind| ("type".to_owned(), Value::String(kind))));
        PoolFields {
            count: Some(self.count),
            vm_size: self.vm_size.clone(),
            mode: Some(self.mode.clone()),
            os_type: Some(self.os_type.clone()).filter(|os| !os.is_empty()),
            os_sku: self.os_sku.clone(),
            max_pods: self.max_pods,
            orchestrator_version: self.version().map(str::to_owned),
            enable_auto_scaling: Some(self.enable_auto_scaling),
            min_count: self.min_count,
            max_count: self.max_count,
            availability_zones: Some(self.availability_zones.clone()),
            node_labels: Some(self.node_labels.clone()),
            node_taints: Some(self.node_taints.clone()),
            scale_set_priority: self.scale_set_priority.clone(),
            scale_down_mode: self.scale_down_mode.clone(),
            power_state: self.power_state.clone(),
            upgrade_settings: Some(self.upgrade_settings.clone()),
            other,
        }
    }
}

/// Reads a taint as pools write it: `key=value:Effect` or `key:Effect`.
pub fn taint(text: &str) -> Option<Taint> {
    let (pair, effect) = text.rsplit_once(':')?;
    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
    let effect = match effect {
        "NoSchedule" => Effect::NoSchedule,
        "PreferNoSchedule" => Effect::PreferNoSchedule,
        "NoExecute" => Effect::NoExecute,
        _ => return None,
    };
    (!key.is_empty()).then(|| Taint { key: key.into(), value: value.into(), effect })
}
