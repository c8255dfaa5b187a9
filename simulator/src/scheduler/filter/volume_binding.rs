//! VolumeBinding: a pod goes where its bound volumes can be reached and its unbound ones may come to be (kube-scheduler v1.34.1
//! `FindPodVolumes`). Left out: volumes made in advance that wait for a claim, and storage capacity.

use super::node_affinity::{Labels, asks_name, matches};
use crate::scheduler::compat::{Asked, Binding};
use crate::scheduler::{NodeView, Rejection};
use crate::spec::{NodeTerm, Volumes};

/// Refuses pods whose claims are not ready for any node.
#[inline]
pub fn pre_filter(pod: &Asked) -> Result<(), Rejection> {
    pod.row.refused.map_or(Ok(()), Err)
}

/// Refuses nodes that a volume cannot be reached from.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    match pod.cell(node).binding {
        Binding::Fits => Ok(()),
        Binding::Refused(rejection) => Err(rejection),
        Binding::ByName => reach(&pod.row.shape.volumes, &pod.labels(node)),
    }
}

/// Whether a node with these labels reaches all volumes. Both reasons may hold at once.
pub fn reach(volumes: &Volumes, node: &Labels) -> Result<(), Rejection> {
    let met = |lists: &[Vec<NodeTerm>]| lists.iter().all(|terms| terms.iter().any(|term| matches(term, node)));
    let (bound, unbound) = (met(&volumes.bound), met(&volumes.unbound));
    if bound && unbound { Ok(()) } else { Err(Rejection::VolumeBinding { bound: !bound, unbound: !unbound }) }
}

/// True where the answer differs from node to node.
pub fn by_name(volumes: &Volumes) -> bool {
    volumes.bound.iter().chain(&volumes.unbound).flatten().any(asks_name)
}
