//! NodeVolumeLimits: a node takes only as many disks as its machine can have attached (kube-scheduler v1.34.1 `CSILimits`).
//!
//! Counted is one kind of disk, each pod's own. Left out: a volume that two pods of one node share (counted twice), and one
//! that is still attached though its pod is gone (`VolumeAttachment`).

use crate::scheduler::compat::Asked;
use crate::scheduler::{NodeView, Rejection};

/// Refuses nodes that cannot attach all disks of the pod.
#[inline]
pub fn filter(pod: &Asked, node: &NodeView) -> Result<(), Rejection> {
    let asked = pod.row.shape.requests.disks;
    let used = node.used.disks + node.promised.map_or(0, |promised| promised.requests.disks);
    if asked > 0 && used.saturating_add(asked) > pod.compat.allocatable(node.shape).disks {
        return Err(Rejection::Disks);
    }
    Ok(())
}
