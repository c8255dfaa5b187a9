//! Queueing hints: may what has just happened help a pod that the plugins have refused? A plugin that did not refuse it is
//! not asked; any one that says yes brings the pod back to the queue.
//!
//! kube-scheduler v1.34.1, `EventsToRegister` and the `isSchedulableAfter...` functions of each plugin. Left out: changes of
//! pods themselves (labels, tolerations, requests). A hint looks at the change alone, so it may say yes in vain; where it
//! says no in error, as upstream does in places that are named here, the pod waits for the next flush.

use super::compat::Asked;
use super::filter::{node_affinity, taint_toleration};
use super::{Compat, Incoming, NodeView, Rejection};
use crate::PodShapeId;

/// Something that happened to a node or a bound pod.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A node is there.
    NodeAdded(NodeView<'a>),
    /// A node is gone.
    NodeGone(NodeView<'a>),
    /// Labels, taints, capacity or conditions of a node have changed.
    NodeUpdated {
        /// As it was.
        before: NodeView<'a>,
        /// As it is.
        after: NodeView<'a>,
    },
    /// A pod of this shape was bound.
    PodBound(PodShapeId),
    /// A pod of this shape that was bound, or nominated to a node, is gone.
    PodGone(PodShapeId),
}

/// The plugins that refused a pod, one bit each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusers(u16);

const UNSCHEDULABLE: u16 = 1;
const NAME: u16 = 1 << 1;
const TAINT: u16 = 1 << 2;
const AFFINITY: u16 = 1 << 3;
const PORTS: u16 = 1 << 4;
const FIT: u16 = 1 << 5;
const SPREAD: u16 = 1 << 6;
const PEERS: u16 = 1 << 7;
const VOLUMES: u16 = 1 << 8;
const DISKS: u16 = 1 << 9;

impl Refusers {
    /// The plugins behind these verdicts. A node left out in advance was left out by NodeAffinity (`PreFilterResult`).
    pub fn of(rejections: impl Iterator<Item = Rejection>) -> Refusers {
        Refusers(rejections.fold(0, |all, rejection| all | bit(rejection)))
    }

    /// True where no plugin refused it: there was no node to refuse it on.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn bit(rejection: Rejection) -> u16 {
    match rejection {
        Rejection::Unschedulable => UNSCHEDULABLE,
        Rejection::NodeName => NAME,
        Rejection::Taint(_) => TAINT,
        Rejection::Conflict | Rejection::Excluded | Rejection::Affinity => AFFINITY,
        Rejection::Ports => PORTS,
        Rejection::Resources(_) => FIT,
        Rejection::Spread | Rejection::SpreadLabel => SPREAD,
        Rejection::Claims(..) | Rejection::VolumeBinding { .. } | Rejection::VolumeZone => VOLUMES,
        Rejection::Disks => DISKS,
        Rejection::PodAffinity | Rejection::PodAntiAffinity | Rejection::ExistingAntiAffinity => PEERS,
    }
}

/// True where the change may help a pod with these refusers. `repelling` mends a gap of 1.34.1: a pod that goes also wakes
/// those its own anti-affinity kept off (kubernetes issue 134393).
pub fn helps(compat: &Compat, pod: Incoming, refusers: Refusers, change: &Change, repelling: bool) -> bool {
    let pod = compat.asked(pod);
    let hints: [(u16, bool); 10] = [
        (UNSCHEDULABLE, node_unschedulable(change)),
        (NAME, matches!(change, Change::NodeAdded(_))),
        (TAINT, taint_tolerated(&pod, change)),
        (AFFINITY, affinity_matches(&pod, change)),
        (PORTS, ports_freed(&pod, change)),
        (FIT, room_made(&pod, change)),
        (SPREAD, spread_shifted(&pod, change)),
        (PEERS, peers_changed(&pod, change, repelling)),
        (VOLUMES, volumes_in_reach(&pod, change)),
        (DISKS, disks_detached(&pod, change)),
    ];
    hints.iter().any(|&(plugin, helps)| helps && refusers.0 & plugin != 0)
}

/// NodeUnschedulable: a schedulable node comes, or one is uncordoned.
fn node_unschedulable(change: &Change) -> bool {
    match change {
        Change::NodeAdded(node) => !node.unschedulable,
        Change::NodeUpdated { before, after } => before.unschedulable && !after.unschedulable,
        _ => false,
    }
}

/// TaintToleration: a node whose taints the pod did not tolerate, or that was not there, is tolerated now.
fn taint_tolerated(pod: &Asked, change: &Change) -> bool {
    let tolerated = |node: &NodeView| taint_toleration::filter(pod, node).is_ok();
    match change {
        Change::NodeAdded(node) => tolerated(node),
        Change::NodeUpdated { before, after } => !tolerated(before) && tolerated(after),
        _ => false,
    }
}

/// NodeAffinity: a node that matches comes, or one begins to match.
fn affinity_matches(pod: &Asked, change: &Change) -> bool {
    let matches = |node: &NodeView| {
        pod.incoming().pin.is_none_or(|pin| pin == node.id) && node_affinity::filter(pod, node).is_ok()
    };
    match change {
        Change::NodeAdded(node) => matches(node),
        Change::NodeUpdated { before, after } => !matches(before) && matches(after),
        _ => false,
    }
}

/// NodePorts: any node comes, or a pod goes that held a port in question.
fn ports_freed(pod: &Asked, change: &Change) -> bool {
    match change {
        Change::NodeAdded(_) => true,
        Change::PodGone(gone) => {
            let conflicts = &pod.row.conflicts;
            !conflicts.is_empty() && pod.compat.ports(*gone).iter().any(|port| conflicts[usize::from(*port)])
        }
        _ => false,
    }
}

/// NodeResourcesFit: any bound pod goes, a node comes that could hold the pod if it were empty, or one grows to that.
fn room_made(pod: &Asked, change: &Change) -> bool {
    let asked = &pod.row.shape.requests;
    let holds = |node: &NodeView| {
        let has = pod.compat.allocatable(node.shape);
        let extended = asked.extended.iter().zip(&has.extended).all(|(asked, has)| asked <= has);
        has.pods > 0
            && asked.cpu <= has.cpu
            && asked.memory <= has.memory
            && asked.ephemeral <= has.ephemeral
            && extended
    };
    match change {
        Change::PodGone(_) => true,
        Change::NodeAdded(node) => holds(node),
        Change::NodeUpdated { before, after } => {
            let (had, has) = (pod.compat.allocatable(before.shape), pod.compat.allocatable(after.shape));
            let more = |asked: i64, had: i64, has: i64| asked > 0 && has > had;
            let extended = (0..asked.extended.len()).any(|i| more(asked.extended[i], had.extended[i], has.extended[i]));
            let grown = has.pods > had.pods
                || more(asked.cpu, had.cpu, has.cpu)
                || more(asked.memory, had.memory, has.memory)
                || more(asked.ephemeral, had.ephemeral, has.ephemeral)
                || extended;
            holds(after) && (!holds(before) || grown)
        }
        _ => false,
    }
}

/// PodTopologySpread: a pod comes or goes that a hard constraint counts; a node with all of its keys comes, goes, or
/// changes domain or taints; a node gains or loses the keys.
fn spread_shifted(pod: &Asked, change: &Change) -> bool {
    let Some(peers) = pod.row.peers.as_deref() else {
        return false;
    };
    let topology = pod.compat.topology();
    let has_keys = |node: &NodeView| peers.hard.iter().all(|c| topology.domain(c.key, node).is_some());
    match change {
        Change::PodBound(other) | Change::PodGone(other) => peers.hard.iter().any(|c| c.matched.has(*other)),
        Change::NodeAdded(node) | Change::NodeGone(node) => has_keys(node),
        Change::NodeUpdated { before, after } => {
            let moved = peers.hard.iter().any(|c| topology.domain(c.key, before) != topology.domain(c.key, after));
            has_keys(before) != has_keys(after) || (has_keys(after) && (moved || taints_differ(pod, before, after)))
        }
    }
}

fn taints_differ(pod: &Asked, before: &NodeView, after: &NodeView) -> bool {
    pod.compat.taints(before.shape) != pod.compat.taints(after.shape)
        || before.cordon_taint != after.cordon_taint
        || before.readiness != after.readiness
}

/// InterPodAffinity: a pod comes that meets all required affinity terms, or one goes that the pod's own anti-affinity
/// means; a node comes with a key of the terms, or its value of one changes. That a pod goes never wakes one that misses
/// company, though it may then be the first of its kind (kubernetes issue 141354).
fn peers_changed(pod: &Asked, change: &Change, repelling: bool) -> bool {
    let Some(peers) = pod.row.peers.as_deref() else {
        return false;
    };
    let topology = pod.compat.topology();
    let keys = || peers.affinity.iter().copied().chain(peers.anti.iter().map(|(key, _)| *key));
    match change {
        Change::PodBound(other) => peers.together.has(*other),
        Change::PodGone(other) => {
            peers.anti.iter().any(|(_, meant)| meant.has(*other))
                || (repelling && peers.kept_off.iter().any(|(shape, _)| shape == other))
        }
        // Upstream looks at the pod's own terms only. A pod without any, kept off by those of others, is woken here: the
        // sooner try does no harm.
        Change::NodeAdded(node) => {
            !peers.anti.is_empty()
                || peers.affinity.is_empty()
                || peers.affinity.iter().any(|&key| topology.domain(key, node).is_some())
        }
        Change::NodeUpdated { before, after } => {
            keys().any(|key| topology.domain(key, before) != topology.domain(key, after))
        }
        Change::NodeGone(_) => false,
    }
}

/// VolumeBinding and VolumeZone: any node comes, or the labels of one change. Claims and volumes do not change here.
fn volumes_in_reach(pod: &Asked, change: &Change) -> bool {
    match change {
        Change::NodeAdded(_) => true,
        Change::NodeUpdated { before, after } => pod.labels(before).shared != pod.labels(after).shared,
        _ => false,
    }
}

/// NodeVolumeLimits: a pod with disks goes, or a node comes (its CSINode) or is allowed more disks.
fn disks_detached(pod: &Asked, change: &Change) -> bool {
    let allowed = |node: &NodeView| pod.compat.allocatable(node.shape).disks;
    match change {
        Change::PodGone(gone) => pod.compat.shape(*gone).requests.disks > 0,
        Change::NodeAdded(_) => true,
        Change::NodeUpdated { before, after } => allowed(after) > allowed(before),
        _ => false,
    }
}
