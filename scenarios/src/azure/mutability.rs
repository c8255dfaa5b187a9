//! What writing a property of an agent pool comes to: a change in place, new nodes, or a new pool. One table for all who
//! ask: the comparison of a pool with what is written to it, the reader of messages, and the rules.
//!
//! The table is that of a pool of virtual machine scale sets. Properties it does not list are taken to change in place.

/// What a change of a property does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mutability {
    /// Set by AKS; clients that read, change and write a pool carry it along, and nothing comes of it.
    ReadOnly,
    /// An operation of its own speaks for it (scaling, mode, version and so on).
    Own,
    /// Changed in place: no node is touched.
    InPlace,
    /// Every node is reimaged, as in an upgrade.
    Reimage,
    /// A pool is born with it: another value takes a new pool.
    NewPool,
}

/// What it means that a pool does not show a property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unshown {
    /// It is off, empty or not set.
    Off,
    /// It has this value.
    Is(&'static str),
    /// Nothing: AKS shows it on every pool, so that the description of the pool is shortened.
    Unknown,
}

/// Where a row comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// AKS docs, node-disruption-policy (2026-03-11), create-node-pools, use-node-taints.
    Documented,
    /// Recorded API exchanges (azure-cli and azure-cli-extensions, up to 2025-11-21): what is sent and answered, how long it takes.
    Recorded,
    /// terraform-provider-azurerm, kubernetes_cluster_node_pool (2026-08-21): what it changes in place, cycles or makes anew.
    Provider,
    /// Judgement: none of these says so.
    Inferred,
}

/// A property of an agent pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Name in the API; `profile.part` for a part that behaves differently from the rest of its profile.
    pub name: &'static str,
    /// What a change does.
    pub mutability: Mutability,
    /// What it means that a pool does not show it.
    pub unshown: Unshown,
    /// Where the row comes from.
    pub source: Source,
}

/// The row of a property, by its name in any case.
pub fn of(name: &str) -> Option<Property> {
    PROPERTIES.iter().find(|p| p.name.eq_ignore_ascii_case(name)).copied()
}

/// True for what AKS sets itself.
pub fn is_read_only(name: &str) -> bool {
    of(name).is_some_and(|p| p.mutability == Mutability::ReadOnly)
}

/// True where parts of a property have rows of their own.
pub fn has_parts(name: &str) -> bool {
    PROPERTIES.iter().filter_map(|p| p.name.split_once('.')).any(|(whole, _)| whole.eq_ignore_ascii_case(name))
}

use Mutability::{InPlace, NewPool, Own, ReadOnly, Reimage};
use Source::{Documented, Inferred, Provider, Recorded};
use Unshown::{Is, Off, Unknown};

const fn row(name: &'static str, mutability: Mutability, unshown: Unshown, source: Source) -> Property {
    Property { name, mutability, unshown, source }
}

const PROPERTIES: &[Property] = &[
    row("id", ReadOnly, Unknown, Recorded),
    row("name", ReadOnly, Unknown, Recorded),
    row("resourceGroup", ReadOnly, Unknown, Recorded),
    row("provisioningState", ReadOnly, Unknown, Recorded),
    row("currentOrchestratorVersion", ReadOnly, Unknown, Recorded),
    row("nodeImageVersion", ReadOnly, Unknown, Recorded),
    row("imageVersion", ReadOnly, Unknown, Inferred),
    row("eTag", ReadOnly, Unknown, Recorded),
    row("status", ReadOnly, Unknown, Recorded),
    row("systemData", ReadOnly, Unknown, Recorded),
    row("virtualMachineNodesStatus", ReadOnly, Unknown, Recorded),
    // The CLI's names for the pool's `type`; readers of messages put it under that name.
    row("typePropertiesType", ReadOnly, Unknown, Recorded),
    row("agentPoolType", ReadOnly, Unknown, Recorded),
    row("count", Own, Unknown, Documented),
    row("mode", Own, Unknown, Documented),
    row("nodeLabels", Own, Off, Documented),
    row("nodeTaints", Own, Off, Documented),
    row("enableAutoScaling", Own, Off, Documented),
    row("minCount", Own, Off, Documented),
    row("maxCount", Own, Off, Documented),
    row("powerState", Own, Is("Running"), Documented),
    row("upgradeSettings", Own, Off, Documented),
    row("orchestratorVersion", Own, Unknown, Documented),
    // Machines of a `VirtualMachines` pool: count, size and autoscaler speak for them.
    row("virtualMachinesProfile", Own, Off, Recorded),
    row("tags", InPlace, Off, Documented),
    row("scaleDownMode", InPlace, Is("Delete"), Documented),
    row("workloadRuntime", InPlace, Is("OCIContainer"), Provider),
    // Seen on new and on upgraded nodes only.
    row("nodeInitializationTaints", InPlace, Off, Documented),
    row("nodeDisruptionProfile", InPlace, Off, Inferred),
    row("enableFIPS", Reimage, Off, Documented),
    // Between Ubuntu and AzureLinux; other changes take a new pool (create-node-pools; the provider agrees).
    row("osSKU", Reimage, Unknown, Documented),
    row("localDNSProfile", Reimage, Off, Documented),
    row("artifactStreamingProfile", Reimage, Off, Documented),
    row("capacityReservationGroupID", Reimage, Off, Documented),
    row("enableCustomCATrust", Reimage, Off, Documented),
    row("securityProfile", Reimage, Off, Inferred),
    row("securityProfile.enableVTPM", Reimage, Off, Documented),
    row("securityProfile.enableSecureBoot", Reimage, Off, Documented),
    // 20 to 92 s on one to three nodes; a reimage took at least 373 s a node.
    row("securityProfile.sshAccess", InPlace, Is("LocalUser"), Recorded),
    row("networkProfile", Reimage, Off, Documented),
    // As for SSH access: the docs list the host's network among reimages, the recorded changes are too quick for one.
    row("networkProfile.allowedHostPorts", InPlace, Off, Recorded),
    row("vmSize", NewPool, Unknown, Documented),
    row("maxPods", NewPool, Unknown, Documented),
    row("osType", NewPool, Unknown, Documented),
    row("availabilityZones", NewPool, Off, Documented),
    row("scaleSetPriority", NewPool, Is("Regular"), Documented),
    row("scaleSetEvictionPolicy", NewPool, Is("Delete"), Documented),
    row("spotMaxPrice", NewPool, Is("-1"), Provider),
    row("vnetSubnetID", NewPool, Off, Documented),
    row("podSubnetID", NewPool, Off, Documented),
    row("podIPAllocationMode", NewPool, Is("DynamicIndividual"), Inferred),
    row("osDiskType", NewPool, Unknown, Documented),
    row("osDiskSizeGB", NewPool, Unknown, Documented),
    row("kubeletDiskType", NewPool, Is("OS"), Provider),
    row("kubeletConfig", NewPool, Off, Documented),
    row("linuxOSConfig", NewPool, Off, Documented),
    row("windowsProfile", NewPool, Off, Provider),
    row("gpuInstanceProfile", NewPool, Off, Documented),
    row("gpuProfile", NewPool, Off, Provider),
    row("proximityPlacementGroupID", NewPool, Off, Documented),
    row("hostGroupID", NewPool, Off, Provider),
    row("enableNodePublicIP", NewPool, Off, Provider),
    row("nodePublicIPPrefixID", NewPool, Off, Provider),
    row("enableEncryptionAtHost", NewPool, Off, Provider),
    row("enableUltraSSD", NewPool, Off, Provider),
    row("creationData", NewPool, Off, Provider),
    row("type", NewPool, Unknown, Inferred),
    row("gatewayProfile", NewPool, Unknown, Inferred),
    row("messageOfTheDay", NewPool, Off, Inferred),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_property_has_one_row() {
        for property in PROPERTIES {
            let same = PROPERTIES.iter().filter(|p| p.name.eq_ignore_ascii_case(property.name)).count();
            assert_eq!(same, 1, "{}", property.name);
            if let Some((whole, _)) = property.name.split_once('.') {
                assert!(of(whole).is_some() && has_parts(whole), "{whole} of {}", property.name);
            }
        }
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(of("osDiskSizeGb").map(|p| p.name), Some("osDiskSizeGB"));
        assert_eq!(of("securityprofile.enablevtpm").map(|p| p.mutability), Some(Reimage));
        assert!(is_read_only("etag") && !is_read_only("count") && !is_read_only("nobody"));
        assert!(has_parts("SecurityProfile") && !has_parts("kubeletConfig"));
    }
}
