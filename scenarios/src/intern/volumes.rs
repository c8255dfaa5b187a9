//! From claims and volumes to what they ask of a node (kube-scheduler v1.34.1: VolumeRestrictions, VolumeBinding, VolumeZone,
//! NodeVolumeLimits).
//!
//! Counted as disks are volumes of [`DISK_DRIVER`]; other drivers name no limit on AKS. Left out: volumes made in advance that
//! wait for a claim, storage capacity, volumes that several pods of a node share (each pod counts its own).

mod ground;
mod owners;

use simulator::spec::{NodeTerm, Operator, Requirement, VolumePlugin, VolumeRefusal, Volumes};

use crate::snapshot::storage::{Claim, Class, DISK_DRIVER};
use crate::snapshot::{ClaimRef, Snapshot, Storage};

pub(crate) use ground::rezone;
pub use ground::{Ground, left_behind};
pub use owners::{Notes, Places, places};

/// What the volumes of a pod ask for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Asked {
    /// As the filters see them.
    pub volumes: Volumes,
    /// Disks to be attached.
    pub disks: i64,
    /// Objects the answer would need and the snapshot does not hold.
    pub unknown: Vec<Unknown>,
}

impl Asked {
    /// Notes the driver that mounts a volume, once.
    fn mounted_by(&mut self, driver: &str) {
        if !self.volumes.drivers.iter().any(|d| d == driver) {
            self.volumes.drivers.push(driver.to_owned());
        }
    }

    /// Adds what another volume asks for.
    fn add(&mut self, more: Asked) {
        self.disks += more.disks;
        self.volumes.refused = self.volumes.refused.take().or(more.volumes.refused);
        self.volumes.bound.extend(more.volumes.bound);
        self.volumes.unbound.extend(more.volumes.unbound);
        self.volumes.zones.extend(more.volumes.zones);
        more.volumes.drivers.into_iter().for_each(|driver| self.mounted_by(&driver));
        self.unknown.extend(more.unknown);
    }
}

/// An object that is not in the snapshot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// A claim.
    Claim(String),
    /// A volume.
    Volume(String),
    /// A class.
    Class(String),
}

/// The storage of a snapshot with what is known about its completeness.
#[derive(Clone, Copy, Debug)]
pub struct Lookup<'a> {
    storage: &'a Storage,
    /// Objects that are not there do not exist: a pod that asks for them cannot run.
    complete: bool,
}

impl<'a> Lookup<'a> {
    /// For pods that run or ran: what is not in the snapshot was not given.
    pub fn lenient(snapshot: &'a Snapshot) -> Lookup<'a> {
        Lookup { storage: &snapshot.storage, complete: false }
    }

    /// For pods that wait: where the snapshot holds claims and volumes, those it does not hold do not exist.
    pub fn strict(snapshot: &'a Snapshot) -> Lookup<'a> {
        let given = |kind: &str| snapshot.kinds.contains(kind);
        let complete = given("PersistentVolumeClaim") && given("PersistentVolume");
        Lookup { storage: &snapshot.storage, complete }
    }

    /// What a pod of this name asks for.
    pub fn asked(&self, namespace: &str, pod: &str, refs: &[ClaimRef]) -> Asked {
        let mut asked = Asked::default();
        let mut refusals = Refusals::default();
        for reference in refs {
            match reference {
                ClaimRef::Disk => {
                    asked.disks += 1;
                    asked.mounted_by(DISK_DRIVER);
                }
                ClaimRef::Named(name) => match self.claim(namespace, name) {
                    Some(claim) => self.existing(name, claim, true, &mut asked, &mut refusals),
                    None if self.complete => {
                        refusals.first(VolumePlugin::Restrictions, || {
                            format!("persistentvolumeclaim \"{name}\" not found")
                        });
                    }
                    None => asked.unknown.push(Unknown::Claim(name.clone())),
                },
                ClaimRef::Ephemeral { volume, class } => {
                    let name = format!("{pod}-{volume}");
                    match self.claim(namespace, &name).filter(|_| self.complete) {
                        Some(claim) => self.existing(&name, claim, false, &mut asked, &mut refusals),
                        None if self.complete => refusals.first(VolumePlugin::Binding, || {
                            format!(
                                "waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\""
                            )
                        }),
                        // Each pod gets a new one.
                        None => self.new_claim(class.as_deref(), &mut asked, &mut Refusals::default()),
                    }
                }
            }
        }
        asked.volumes.refused = refusals.decide();
        asked
    }

    /// A claim that a StatefulSet makes for a new pod where there is none of that name.
    pub fn templated(&self, namespace: &str, name: &str, class: Option<&str>) -> Asked {
        let mut asked = Asked::default();
        let mut refusals = Refusals::default();
        match self.claim(namespace, name) {
            Some(claim) => self.existing(name, claim, true, &mut asked, &mut refusals),
            None => self.new_claim(class, &mut asked, &mut Refusals::default()),
        }
        asked.volumes.refused = refusals.decide();
        asked
    }

    fn claim(&self, namespace: &str, name: &str) -> Option<&'a Claim> {
        self.storage.claims.get(&(namespace.to_owned(), name.to_owned()))
    }

    fn existing(&self, name: &str, claim: &Claim, by_name: bool, asked: &mut Asked, refusals: &mut Refusals) {
        let volume = claim.volume.as_deref().unwrap_or_default();
        if claim.lost {
            refusals.first(VolumePlugin::Binding, || {
                format!("persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\"")
            });
        }
        if claim.deleting {
            refusals.first(VolumePlugin::Binding, || format!("persistentvolumeclaim \"{name}\" is being deleted"));
        }
        if claim.bound {
            return self.bound(volume, claim, by_name, asked, refusals);
        }
        if claim.volume.is_some() {
            return refusals.unbound(); // one that names its volume is not bound on first use
        }
        let before = asked.volumes.unbound.len();
        self.new_claim(claim.class.as_deref(), asked, refusals);
        if let Some(node) = &claim.selected_node {
            // Its volume is being made for that node.
            asked.volumes.unbound.truncate(before);
            let name = Requirement { key: "metadata.name".into(), operator: Operator::In, values: vec![node.clone()] };
            asked.volumes.unbound.push(vec![NodeTerm { expressions: Vec::new(), fields: vec![name] }]);
        }
    }

    fn bound(&self, name: &str, claim: &Claim, by_name: bool, asked: &mut Asked, refusals: &mut Refusals) {
        let Some(volume) = self.storage.volumes.get(name) else {
            let class = claim.class.as_deref().and_then(|name| self.class(name));
            if let Some(class) = &class {
                asked.mounted_by(&class.provisioner);
            }
            asked.disks += i64::from(class.is_some_and(|c| c.provisioner == DISK_DRIVER));
            if self.complete && by_name {
                return refusals.first(VolumePlugin::Zone, || format!("persistentvolume \"{name}\" not found"));
            }
            return asked.unknown.push(Unknown::Volume(name.to_owned()));
        };
        asked.disks += i64::from(volume.driver.as_deref() == Some(DISK_DRIVER));
        volume.driver.iter().for_each(|driver| asked.mounted_by(driver));
        asked.volumes.bound.extend(volume.affinity.clone());
        asked.volumes.zones.extend(volume.zones.iter().cloned());
    }

    /// A claim without a volume. One without a class waits for somebody to bind it.
    fn new_claim(&self, name: Option<&str>, asked: &mut Asked, refusals: &mut Refusals) {
        let Some(name) = name else {
            return refusals.unbound();
        };
        let Some(class) = self.class(name) else {
            return asked.unknown.push(Unknown::Class(name.to_owned()));
        };
        if !class.on_first_use {
            return refusals.unbound();
        }
        asked.disks += i64::from(class.provisioner == DISK_DRIVER);
        asked.mounted_by(&class.provisioner);
        if !class.allowed.is_empty() {
            asked.volumes.unbound.push(class.allowed.clone());
        }
        if class.provisioner == "kubernetes.io/no-provisioner" {
            asked.volumes.unbound.push(Vec::new()); // nothing makes its volumes
        }
    }

    fn class(&self, name: &str) -> Option<Class> {
        self.storage.classes.get(name).cloned().or_else(|| of_aks(name))
    }
}

/// The classes every AKS cluster has (AKS docs, concepts-storage, 2026): disks are made on first use, shares at once.
fn of_aks(name: &str) -> Option<Class> {
    let disks = ["default", "managed", "managed-csi", "managed-csi-premium", "managed-premium"];
    let shares = ["azurefile", "azurefile-csi", "azurefile-csi-premium", "azurefile-premium"];
    let class = |provisioner: &str, on_first_use| Class {
        provisioner: provisioner.to_owned(),
        on_first_use,
        allowed: Vec::new(),
    };
    if disks.contains(&name) {
        Some(class(DISK_DRIVER, true))
    } else {
        shares.contains(&name).then(|| class("file.csi.azure.com", false))
    }
}

/// Refusals in the order of their plugins: the first of the first plugin counts.
#[derive(Default)]
struct Refusals {
    found: [Option<String>; 3],
    unbound: bool,
}

impl Refusals {
    fn first(&mut self, plugin: VolumePlugin, reason: impl FnOnce() -> String) {
        self.found[plugin as usize].get_or_insert_with(reason);
    }

    fn unbound(&mut self) {
        self.unbound = true;
    }

    fn decide(mut self) -> Option<VolumeRefusal> {
        // VolumeBinding looks at all claims before it asks whether they are bound.
        if self.unbound {
            self.first(VolumePlugin::Binding, || "pod has unbound immediate PersistentVolumeClaims".to_owned());
        }
        let plugins = [VolumePlugin::Restrictions, VolumePlugin::Binding, VolumePlugin::Zone];
        let found = plugins.into_iter().zip(self.found);
        found.filter_map(|(plugin, reason)| Some(VolumeRefusal { plugin, reason: reason? })).next()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
