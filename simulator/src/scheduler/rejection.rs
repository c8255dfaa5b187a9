//! Why a node does not take a pod: the plugin, whether removing pods could help, and the reasons in Kubernetes' words.

use std::fmt;

use super::Compat;
use crate::spec::{EXTENDED, VolumePlugin};

/// The verdict of the first filter plugin that refuses a node. Small and `Copy`; names are looked up in [`Compat`] when
/// it is put into words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The pod's terms on `metadata.name` contradict each other: refused before any node is looked at.
    Conflict,
    /// The pod's claims or volumes are not ready for any node; index of the reason.
    Claims(VolumePlugin, u16),
    /// Left out in advance, since the pod is pinned to other nodes by name.
    Excluded,
    /// NodeUnschedulable: the node is cordoned.
    Unschedulable,
    /// NodeName: the pod names another node.
    NodeName,
    /// TaintToleration: index of the first untolerated taint.
    Taint(u16),
    /// NodeAffinity: node selector or required affinity does not match.
    Affinity,
    /// NodePorts: a host port is taken.
    Ports,
    /// NodeResourcesFit: not enough room.
    Resources(Shortage),
    /// NodeVolumeLimits: too many disks would be attached.
    Disks,
    /// VolumeBinding.
    VolumeBinding {
        /// A bound volume cannot be reached from the node.
        bound: bool,
        /// An unbound one may not come to be there.
        unbound: bool,
    },
    /// VolumeZone: a volume is labelled with another zone.
    VolumeZone,
    /// PodTopologySpread: a hard constraint would be broken.
    Spread,
    /// PodTopologySpread: the node lacks the label of a hard constraint.
    SpreadLabel,
    /// InterPodAffinity: a required affinity term is not met.
    PodAffinity,
    /// InterPodAffinity: a required anti-affinity term is met.
    PodAntiAffinity,
    /// InterPodAffinity: a required anti-affinity term of a pod that is there is met.
    ExistingAntiAffinity,
}

/// Whether preemption may look at the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Removing pods might help.
    Unschedulable,
    /// Removing pods cannot help.
    UnschedulableAndUnresolvable,
}

/// The resources a node lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shortage {
    /// Bits: pod slots, CPU, memory, ephemeral storage, then the extended resources.
    lacking: u16,
    /// More of one of them is asked for than the node has in all.
    hopeless: bool,
}

/// Bits before those of the extended resources.
const PLAIN: usize = 4;

impl Shortage {
    pub(super) const PODS: usize = 0;
    pub(super) const CPU: usize = 1;
    pub(super) const MEMORY: usize = 2;
    pub(super) const EPHEMERAL: usize = 3;

    pub(super) const fn extended(i: usize) -> usize {
        PLAIN + i
    }

    pub(super) fn add(&mut self, resource: usize, hopeless: bool) {
        self.lacking |= 1 << resource;
        self.hopeless |= hopeless;
    }
}

impl Rejection {
    /// Whether removing pods could help (kube-scheduler v1.34.1: ports, resources and disks can be made free, and pods that
    /// repel or crowd out; one that is missed cannot be made to come).
    pub fn code(self) -> Code {
        match self {
            Rejection::Ports
            | Rejection::Disks
            | Rejection::Spread
            | Rejection::PodAntiAffinity
            | Rejection::ExistingAntiAffinity => Code::Unschedulable,
            Rejection::Resources(shortage) if !shortage.hopeless => Code::Unschedulable,
            _ => Code::UnschedulableAndUnresolvable,
        }
    }

    /// True for a refusal of the pod as such, before any node is looked at (PreFilter): nothing is preempted then.
    pub fn is_general(self) -> bool {
        matches!(self, Rejection::Conflict | Rejection::Claims(..))
    }

    /// Name of the plugin that refuses; empty for nodes left out in advance.
    pub fn plugin(self) -> &'static str {
        match self {
            Rejection::Excluded => "",
            Rejection::Unschedulable => "NodeUnschedulable",
            Rejection::NodeName => "NodeName",
            Rejection::Taint(_) => "TaintToleration",
            Rejection::Conflict | Rejection::Affinity => "NodeAffinity",
            Rejection::Ports => "NodePorts",
            Rejection::Resources(_) => "NodeResourcesFit",
            Rejection::Claims(VolumePlugin::Restrictions, _) => "VolumeRestrictions",
            Rejection::Disks => "NodeVolumeLimits",
            Rejection::VolumeBinding { .. } | Rejection::Claims(VolumePlugin::Binding, _) => "VolumeBinding",
            Rejection::VolumeZone | Rejection::Claims(VolumePlugin::Zone, _) => "VolumeZone",
            Rejection::Spread | Rejection::SpreadLabel => "PodTopologySpread",
            Rejection::PodAffinity | Rejection::PodAntiAffinity | Rejection::ExistingAntiAffinity => "InterPodAffinity",
        }
    }

    /// All reasons that plugin gives, in its order.
    pub fn reasons(self, compat: &Compat) -> Vec<Reason> {
        match self {
            Rejection::Conflict => vec![Reason::Conflict],
            Rejection::Claims(_, reason) => vec![Reason::Claims(compat.refusal(reason).to_owned())],
            Rejection::Excluded => vec![Reason::Excluded],
            Rejection::Unschedulable => vec![Reason::Unschedulable],
            Rejection::NodeName => vec![Reason::NodeName],
            Rejection::Taint(i) => {
                let (key, value) = compat.taint(i);
                vec![Reason::Taint { key: key.to_owned(), value: value.to_owned() }]
            }
            Rejection::Affinity => vec![Reason::Affinity],
            Rejection::Ports => vec![Reason::Ports],
            Rejection::Disks => vec![Reason::Disks],
            Rejection::VolumeBinding { bound, unbound } => {
                let both = [(bound, Reason::VolumeAffinity), (unbound, Reason::NoVolume)];
                both.into_iter().filter(|(holds, _)| *holds).map(|(_, reason)| reason).collect()
            }
            Rejection::VolumeZone => vec![Reason::VolumeZone],
            Rejection::Spread => vec![Reason::Spread],
            Rejection::SpreadLabel => vec![Reason::SpreadLabel],
            Rejection::PodAffinity => vec![Reason::PodAffinity],
            Rejection::PodAntiAffinity => vec![Reason::PodAntiAffinity],
            Rejection::ExistingAntiAffinity => vec![Reason::ExistingAntiAffinity],
            Rejection::Resources(shortage) => (0..PLAIN + EXTENDED)
                .filter(|bit| shortage.lacking & (1 << bit) != 0)
                .map(|bit| lack(bit, compat))
                .collect(),
        }
    }
}

fn lack(bit: usize, compat: &Compat) -> Reason {
    match bit {
        Shortage::PODS => Reason::TooManyPods,
        Shortage::CPU => Reason::Insufficient("cpu".to_owned()),
        Shortage::MEMORY => Reason::Insufficient("memory".to_owned()),
        Shortage::EPHEMERAL => Reason::Insufficient("ephemeral-storage".to_owned()),
        _ => Reason::Insufficient(compat.extended(bit - PLAIN).to_owned()),
    }
}

/// One reason; displays as kube-scheduler v1.34.1 writes it into events.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The pod's terms on node names contradict each other.
    Conflict,
    /// The pod's claims or volumes are not ready for any node.
    Claims(String),
    /// The pod is pinned to other nodes.
    Excluded,
    /// The node is cordoned.
    Unschedulable,
    /// The pod names another node.
    NodeName,
    /// A taint the pod does not tolerate.
    Taint {
        /// Its key.
        key: String,
        /// Its value, empty when absent.
        value: String,
    },
    /// Node selector or required affinity does not match.
    Affinity,
    /// A host port is taken.
    Ports,
    /// No pod slot is free.
    TooManyPods,
    /// Not enough of a resource.
    Insufficient(String),
    /// More disks than can be attached.
    Disks,
    /// A bound volume cannot be reached.
    VolumeAffinity,
    /// An unbound volume may not come to be there.
    NoVolume,
    /// A volume is labelled with another zone.
    VolumeZone,
    /// A hard topology spread constraint would be broken.
    Spread,
    /// The label of a hard topology spread constraint is missing.
    SpreadLabel,
    /// A required pod affinity term is not met.
    PodAffinity,
    /// A required pod anti-affinity term is met.
    PodAntiAffinity,
    /// A pod that is there wants to be apart.
    ExistingAntiAffinity,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Reason::Conflict => f.write_str("pod affinity terms conflict"),
            Reason::Claims(reason) => f.write_str(reason),
            Reason::Excluded => f.write_str("node(s) didn't satisfy plugin(s) [NodeAffinity]"),
            Reason::Unschedulable => f.write_str("node(s) were unschedulable"),
            Reason::NodeName => f.write_str("node(s) didn't match the requested node name"),
            Reason::Taint { key, value } => {
                write!(f, "node(s) had untolerated taint {{{key}: {value}}}")
            }
            Reason::Affinity => f.write_str("node(s) didn't match Pod's node affinity/selector"),
            Reason::Ports => f.write_str("node(s) didn't have free ports for the requested pod ports"),
            Reason::TooManyPods => f.write_str("Too many pods"),
            Reason::Insufficient(resource) => write!(f, "Insufficient {resource}"),
            Reason::Disks => f.write_str("node(s) exceed max volume count"),
            Reason::VolumeAffinity => f.write_str("node(s) didn't match PersistentVolume's node affinity"),
            Reason::NoVolume => f.write_str("node(s) didn't find available persistent volumes to bind"),
            Reason::VolumeZone => f.write_str("node(s) had no available volume zone"),
            Reason::Spread => f.write_str("node(s) didn't match pod topology spread constraints"),
            Reason::SpreadLabel => {
                f.write_str("node(s) didn't match pod topology spread constraints (missing required label)")
            }
            Reason::PodAffinity => f.write_str("node(s) didn't match pod affinity rules"),
            Reason::PodAntiAffinity => f.write_str("node(s) didn't match pod anti-affinity rules"),
            Reason::ExistingAntiAffinity => f.write_str("node(s) didn't satisfy existing pods anti-affinity rules"),
        }
    }
}

/// Why no node takes a pod; displays as the line `kubectl describe pod` shows (kube-scheduler v1.34.1 `FitError`),
/// without the part on preemption.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Nodes looked at.
    pub nodes: u32,
    /// Reasons with the number of nodes that gave them, in the order of the reasons.
    pub reasons: Vec<(Reason, u32)>,
}

impl Summary {
    /// Counts the reasons of refused nodes.
    pub fn new(compat: &Compat, rejections: impl Iterator<Item = Rejection>) -> Summary {
        let mut kinds: Vec<(Rejection, u32)> = Vec::new();
        let mut nodes = 0;
        for rejection in rejections {
            nodes += 1;
            match kinds.iter_mut().find(|(known, _)| *known == rejection) {
                Some((_, count)) => *count += 1,
                None => kinds.push((rejection, 1)),
            }
        }
        let mut reasons = std::collections::BTreeMap::new();
        for (rejection, count) in kinds {
            for reason in rejection.reasons(compat) {
                *reasons.entry(reason).or_insert(0) += count;
            }
        }
        Summary { nodes, reasons: reasons.into_iter().collect() }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.nodes == 0 {
            return f.write_str("no nodes available to schedule pods");
        }
        write!(f, "0/{} nodes are available", self.nodes)?;
        // A refusal that comes before any node is looked at stands without a count.
        if let [(reason @ (Reason::Conflict | Reason::Claims(_)), _)] = &self.reasons[..] {
            return write!(f, ": {reason}.");
        }
        let mut parts: Vec<String> = self.reasons.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        parts.sort();
        write!(f, ": {}.", parts.join(", "))
    }
}
