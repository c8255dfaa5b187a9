//! Storage as Kubernetes holds it: claims, volumes, classes, what drivers attach to nodes. Kept is what decides where a pod may
//! run; sizes and contents are not.

pub(super) mod read;

use std::collections::BTreeMap;

use simulator::spec::NodeTerm;

/// Driver of Azure disks, whose number per node is limited.
pub const DISK_DRIVER: &str = "disk.csi.azure.com";

/// The storage objects of a snapshot.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Storage {
    /// PersistentVolumeClaims by namespace and name.
    pub claims: BTreeMap<(String, String), Claim>,
    /// PersistentVolumes by name.
    pub volumes: BTreeMap<String, Volume>,
    /// StorageClasses by name.
    pub classes: BTreeMap<String, Class>,
    /// What each node attaches, by node (CSINode): most volumes by driver; `None` where the driver names no limit.
    pub limits: BTreeMap<String, BTreeMap<String, Option<i64>>>,
    /// Volumes by node that is to hold them (VolumeAttachment).
    pub attached: BTreeMap<String, Vec<String>>,
}

/// A PersistentVolumeClaim.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Claim {
    /// Its class; absent where none is named.
    pub class: Option<String>,
    /// The volume it is bound to or asks for.
    pub volume: Option<String>,
    /// Bound for good (`pv.kubernetes.io/bind-completed`, or phase Bound).
    pub bound: bool,
    /// Its volume is gone (phase Lost).
    pub lost: bool,
    /// Being deleted.
    pub deleting: bool,
    /// Only one pod may use it (`ReadWriteOncePod`).
    pub one_pod: bool,
    /// The node its volume is being made for (`volume.kubernetes.io/selected-node`).
    pub selected_node: Option<String>,
}

/// A PersistentVolume.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volume {
    /// Required node affinity: one of these must match; `None` where it can be reached from everywhere.
    pub affinity: Option<Vec<NodeTerm>>,
    /// Its zone and region labels, each with the values that are as good.
    pub zones: Vec<(String, Vec<String>)>,
    /// The driver that attaches it, as far as it is one that counts.
    pub driver: Option<String>,
}

/// A StorageClass.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Class {
    /// The driver that makes its volumes.
    pub provisioner: String,
    /// Volumes are made where their first pod goes (`WaitForFirstConsumer`).
    pub on_first_use: bool,
    /// Where volumes may be made: one of these must match; empty means anywhere.
    pub allowed: Vec<NodeTerm>,
}

/// A volume of a pod that rests on a claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClaimRef {
    /// An existing claim, by name.
    Named(String),
    /// A claim made for the pod alone: name of the volume and class.
    Ephemeral {
        /// Name of the volume; the claim is called `pod-volume`.
        volume: String,
        /// Its class; absent where none is named.
        class: Option<String>,
    },
    /// An Azure disk named in the pod itself (in-tree volume type, attached by the driver of disks).
    Disk,
}

/// A claim a StatefulSet makes for each of its pods: it is called `template-set-ordinal`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClaimTemplate {
    /// Name of the template.
    pub name: String,
    /// Class of the claims; absent where none is named.
    pub class: Option<String>,
}
