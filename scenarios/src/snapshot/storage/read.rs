//! Storage objects as written (Kubernetes v1.34: core/v1, storage.k8s.io/v1) to [`super`].

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use simulator::spec::{NodeTerm, Operator, Requirement};

use super::{Claim, ClaimRef, ClaimTemplate, Class, DISK_DRIVER, Storage, Volume};
use crate::complaint::Complaint;
use crate::snapshot::item::{Result, named, namespace, term, typed};
use crate::snapshot::wire::{Meta, Object, Term};

/// Kinds that are read.
pub(in crate::snapshot) const KINDS: [&str; 5] =
    ["PersistentVolumeClaim", "PersistentVolume", "StorageClass", "CSINode", "VolumeAttachment"];

/// Reads one object of one of the [`KINDS`].
pub(in crate::snapshot) fn read(kind: &str, value: Value, path: &str, into: &mut Storage) -> Result<()> {
    match kind {
        "PersistentVolumeClaim" => claim(value, path).map(|(key, claim)| drop(into.claims.insert(key, claim))),
        "PersistentVolume" => volume(value, path).map(|(name, volume)| drop(into.volumes.insert(name, volume))),
        "StorageClass" => class(value, path).map(|(name, class)| drop(into.classes.insert(name, class))),
        "CSINode" => limits(value, path).map(|(node, limits)| drop(into.limits.insert(node, limits))),
        _ => attachment(value, path)
            .map(|found| found.into_iter().for_each(|(node, pv)| into.attached.entry(node).or_default().push(pv))),
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClaimSpec {
    access_modes: Vec<String>,
    storage_class_name: Option<String>,
    volume_name: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Phase {
    phase: String,
}

/// The annotation classes were named in before `spec.storageClassName`; it still wins (`GetPersistentVolumeClaimClass`).
const OLD_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

fn claim(value: Value, path: &str) -> Result<((String, String), Claim)> {
    let object: Object<ClaimSpec, Phase> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let given = |text: Option<String>| text.filter(|t| !t.is_empty());
    let volume = given(object.spec.volume_name);
    let complete = meta.annotations.contains_key("pv.kubernetes.io/bind-completed") || object.status.phase == "Bound";
    let claim = Claim {
        bound: volume.is_some() && complete,
        volume,
        lost: object.status.phase == "Lost",
        deleting: meta.deletion_timestamp.is_some(),
        one_pod: object.spec.access_modes.iter().any(|m| m == "ReadWriteOncePod"),
        selected_node: meta.annotations.get("volume.kubernetes.io/selected-node").cloned(),
        class: class_of(&meta, object.spec.storage_class_name),
    };
    Ok(((namespace(&meta), meta.name), claim))
}

fn class_of(meta: &Meta, named: Option<String>) -> Option<String> {
    meta.annotations.get(OLD_CLASS).cloned().or(named).filter(|name| !name.is_empty())
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct VolumeSpec {
    node_affinity: Option<VolumeAffinity>,
    csi: Option<Driver>,
    azure_disk: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct VolumeAffinity {
    required: Option<Required>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Required {
    node_selector_terms: Vec<Term>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Driver {
    driver: String,
}

/// Labels of volumes that VolumeZone looks at.
const ZONES: [&str; 4] = [
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
];

fn volume(value: Value, path: &str) -> Result<(String, Volume)> {
    let object: Object<VolumeSpec, Phase> = typed(value, path)?;
    let meta = named(object.metadata, path)?;
    let at = format!("{path}.spec.nodeAffinity.required");
    let terms = object.spec.node_affinity.and_then(|a| a.required).map(|r| r.node_selector_terms);
    let affinity =
        terms.map(|terms| terms.into_iter().map(|t| term(t, &at)).collect::<Result<Vec<_>>>()).transpose()?;
    let disk = object.spec.azure_disk.map(|_| DISK_DRIVER.to_owned());
    let volume = Volume {
        affinity,
        zones: ZONES.iter().filter_map(|key| Some(((*key).to_owned(), values(meta.labels.get(*key)?)?))).collect(),
        driver: object.spec.csi.map(|csi| csi.driver).or(disk),
    };
    Ok((meta.name, volume))
}

/// `a__b` names two zones; an empty one makes the label void (k8s.io/cloud-provider v0.34 `LabelZonesToSet`).
fn values(label: &str) -> Option<Vec<String>> {
    let values: Vec<String> = label.split("__").map(|zone| zone.trim().to_owned()).collect();
    values.iter().all(|zone| !zone.is_empty()).then_some(values)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClassObject {
    metadata: Meta,
    provisioner: String,
    volume_binding_mode: Option<String>,
    allowed_topologies: Vec<Topology>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Topology {
    match_label_expressions: Vec<Label>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Label {
    key: String,
    values: Vec<String>,
}

fn class(value: Value, path: &str) -> Result<(String, Class)> {
    let class: ClassObject = typed(value, path)?;
    let name = named(class.metadata, path)?.name;
    let on_first_use = match class.volume_binding_mode.as_deref() {
        None | Some("" | "Immediate") => false,
        Some("WaitForFirstConsumer") => true,
        Some(other) => {
            let at = format!("{path}.volumeBindingMode");
            return Err(Complaint::at(at, other, "Immediate or WaitForFirstConsumer"));
        }
    };
    let is = |label: Label| Requirement { key: label.key, operator: Operator::In, values: label.values };
    let place = |t: Topology| NodeTerm {
        expressions: t.match_label_expressions.into_iter().map(is).collect(),
        fields: Vec::new(),
    };
    let allowed = class.allowed_topologies.into_iter().map(place).collect();
    Ok((name, Class { provisioner: class.provisioner, on_first_use, allowed }))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Drivers {
    drivers: Vec<NodeDriver>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct NodeDriver {
    name: String,
    allocatable: Count,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Count {
    count: Option<i64>,
}

fn limits(value: Value, path: &str) -> Result<(String, BTreeMap<String, Option<i64>>)> {
    let object: Object<Drivers, crate::snapshot::wire::Nothing> = typed(value, path)?;
    let node = named(object.metadata, path)?.name;
    let mut limits = BTreeMap::new();
    for (i, driver) in object.spec.drivers.into_iter().enumerate() {
        if let Some(count) = driver.allocatable.count.filter(|n| *n < 0) {
            let at = format!("{path}.spec.drivers[{i}].allocatable.count");
            return Err(Complaint::at(at, count, "a count of volumes"));
        }
        limits.insert(driver.name, driver.allocatable.count);
    }
    Ok((node, limits))
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct AttachmentSpec {
    node_name: String,
    source: Source,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Source {
    persistent_volume_name: Option<String>,
}

fn attachment(value: Value, path: &str) -> Result<Option<(String, String)>> {
    let object: Object<AttachmentSpec, crate::snapshot::wire::Nothing> = typed(value, path)?;
    named(object.metadata, path)?;
    Ok(object.spec.source.persistent_volume_name.map(|pv| (object.spec.node_name, pv)))
}

/// The claims behind a pod's volumes.
pub(in crate::snapshot) fn references(volumes: &[BTreeMap<String, Value>]) -> Vec<ClaimRef> {
    volumes.iter().filter_map(reference).collect()
}

fn reference(volume: &BTreeMap<String, Value>) -> Option<ClaimRef> {
    let text = |value: &Value| value.as_str().filter(|t| !t.is_empty()).map(str::to_owned);
    if let Some(source) = volume.get("persistentVolumeClaim") {
        return Some(ClaimRef::Named(source.get("claimName").and_then(text).unwrap_or_default()));
    }
    if let Some(source) = volume.get("ephemeral") {
        let class = source.pointer("/volumeClaimTemplate/spec/storageClassName").and_then(text);
        return Some(ClaimRef::Ephemeral { volume: volume.get("name").and_then(text)?, class });
    }
    volume.contains_key("azureDisk").then_some(ClaimRef::Disk)
}

/// A claim template of a StatefulSet as written.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::snapshot) struct WrittenTemplate {
    metadata: Meta,
    spec: ClaimSpec,
}

impl WrittenTemplate {
    /// What is kept of it.
    pub fn kept(self) -> ClaimTemplate {
        ClaimTemplate { class: class_of(&self.metadata, self.spec.storage_class_name), name: self.metadata.name }
    }
}
