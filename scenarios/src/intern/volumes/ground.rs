//! What nodes offer to volumes: the label of their zone, and how many disks they take.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use simulator::spec::MANY_DISKS;

use crate::azure::sku;
use crate::coverage::Coverage;
use crate::snapshot::storage::DISK_DRIVER;
use crate::snapshot::{ClaimRef, Labels, Node, Pod, Snapshot};

/// Disks still attached to each node for pods that are gone: they count against its limit until they are detached.
pub fn left_behind(snapshot: &Snapshot) -> BTreeMap<&str, i64> {
    let storage = &snapshot.storage;
    let claims = |pod: &'_ Pod| -> Vec<(String, String)> {
        let name = |claim: &ClaimRef| match claim {
            ClaimRef::Named(name) => Some(name.clone()),
            ClaimRef::Ephemeral { volume, .. } => Some(format!("{}-{volume}", pod.name)),
            ClaimRef::Disk => None,
        };
        pod.claims.iter().filter_map(name).map(|name| (pod.namespace.clone(), name)).collect()
    };
    let living = snapshot.pods.iter().filter(|pod| !pod.is_over()).flat_map(claims);
    let used: BTreeSet<&str> = living.filter_map(|key| storage.claims.get(&key)?.volume.as_deref()).collect();
    let disk = |volume: &&String| {
        let driver = storage.volumes.get(*volume).and_then(|v| v.driver.as_deref());
        driver == Some(DISK_DRIVER) && !used.contains(volume.as_str())
    };
    let count = |volumes: &[String]| i64::try_from(volumes.iter().filter(disk).count()).unwrap_or(i64::MAX);
    storage.attached.iter().map(|(node, volumes)| (node.as_str(), count(volumes))).collect()
}

/// What nodes offer to volumes.
pub struct Ground<'a> {
    snapshot: &'a Snapshot,
    /// Volumes ask for the zone label of the driver of disks, and no node of the snapshot carries it.
    unlabelled: bool,
}

/// Label by which the driver of disks tells zones apart (Azure Disk CSI driver; empty on nodes without zones).
pub(super) const DISK_ZONE: &str = "topology.disk.csi.azure.com/zone";

impl<'a> Ground<'a> {
    /// Looks at all nodes and volumes.
    pub fn new(snapshot: &'a Snapshot) -> Ground<'a> {
        let terms = snapshot.storage.volumes.values().flat_map(|v| &v.affinity).flatten();
        let asked = terms.flat_map(|t| &t.expressions).any(|r| r.key == DISK_ZONE);
        let unlabelled = asked && !snapshot.nodes.iter().any(|n| !n.assumed && n.labels.contains_key(DISK_ZONE));
        Ground { snapshot, unlabelled }
    }

    /// Adds the label of disks where the snapshot has left it out.
    pub fn label(&self, node: &Node, labels: &mut Labels, coverage: &mut Coverage) {
        if !self.unlabelled && !node.assumed {
            return;
        }
        if let Entry::Vacant(missing) = labels.entry(DISK_ZONE.to_owned()) {
            missing.insert(disk_zone(node.zone()).to_owned());
            if self.unlabelled {
                let source = "Azure Disk CSI driver; no node of the snapshot carries its label";
                coverage.assume("zone of nodes for disks", "that of topology.kubernetes.io/zone", source, 'B');
            }
        }
    }

    /// Disks the node may have attached: what the driver of disks told its CSINode, else what the VM size allows.
    pub fn disks(&self, node: &Node, coverage: &mut Coverage) -> i64 {
        if let Some(drivers) = self.snapshot.storage.limits.get(&node.name) {
            return drivers.get(DISK_DRIVER).copied().flatten().unwrap_or(MANY_DISKS);
        }
        let size = node.labels.get("node.kubernetes.io/instance-type").and_then(|name| sku(name));
        let Some(most) = size.and_then(|size| size.max_data_disks) else {
            return MANY_DISKS;
        };
        if !self.snapshot.storage.claims.is_empty() {
            let source = "Azure VM sizes; the disk driver reports the same to CSINode, which the snapshot lacks";
            coverage.assume("disks a node may have attached", "what its VM size allows", source, 'A');
        }
        i64::from(most)
    }
}

/// `westeurope-1` is a zone, a bare number the fault domain of a node without zones.
fn disk_zone(zone: &str) -> &str {
    if zone.contains('-') { zone } else { "" }
}

/// For a node that is moved to another zone: the label of disks goes with it.
pub(crate) fn rezone(labels: &mut Labels, zone: &str) {
    if let Some(label) = labels.get_mut(DISK_ZONE) {
        *label = disk_zone(zone).to_owned();
    }
}
