//! What the volumes of a pod ask of the node it goes to. How many disks must be attached there is counted as
//! [`disks`](super::Resources::disks).

use super::NodeTerm;

/// The volumes of a pod, as far as they bear on where it may run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Volumes {
    /// Why it may run nowhere for now, whatever the nodes are like.
    pub refused: Option<VolumeRefusal>,
    /// Required node affinity of each bound volume: of each list one term must match.
    pub bound: Vec<Vec<NodeTerm>>,
    /// Where each volume that is bound on first use may come to be: of each list one term must match.
    pub unbound: Vec<Vec<NodeTerm>>,
    /// Zones and regions that bound volumes carry as labels: key and the values that are as good.
    pub zones: Vec<(String, Vec<String>)>,
    /// CSI drivers that mount them. They do not bear on where the pod may run, but on when it starts there.
    pub drivers: Vec<String>,
}

/// A refusal before any node is looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeRefusal {
    /// Who refuses.
    pub plugin: VolumePlugin,
    /// Its reason, as kube-scheduler words it.
    pub reason: String,
}

/// Scheduler plugins that look at claims before they look at nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VolumePlugin {
    /// VolumeRestrictions: looks the claims up.
    Restrictions,
    /// VolumeBinding: claims must be bound, or be bound on first use.
    Binding,
    /// VolumeZone: looks the volumes up.
    Zone,
}

impl Volumes {
    /// True where the scheduler has nothing to look at.
    pub fn is_empty(&self) -> bool {
        let Volumes { refused, bound, unbound, zones, drivers: _ } = self;
        refused.is_none() && bound.is_empty() && unbound.is_empty() && zones.is_empty()
    }
}
