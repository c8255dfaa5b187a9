//! NodeResourcesFit, strategy LeastAllocated: the mean over CPU and memory of the share that stays free, with containers
//! that request nothing counted at 100m and 200 MB (kube-scheduler v1.34.1 `leastResourceScorer`).

use super::MAX;
use crate::scheduler::NodeView;
use crate::scheduler::compat::Asked;

/// Free share in per cent.
#[inline]
pub fn score(pod: &Asked, node: &NodeView) -> i64 {
    let has = pod.compat.allocatable(node.shape);
    // v1.34.1 overlooks the pod-level resources of the pod being placed, not those of pods that are there.
    let shape = &pod.row.shape;
    let (cpu, memory) = shape.placed_requests.unwrap_or(shape.score_requests);
    let cpu = free(node.used_score.0.wrapping_add(cpu), has.cpu);
    let memory = free(node.used_score.1.wrapping_add(memory), has.memory);
    match (cpu, memory) {
        (Some(cpu), Some(memory)) => (cpu + memory) / 2,
        (one, other) => one.or(other).unwrap_or(0),
    }
}

/// What stays free of one resource, in whole per cent; `None` where the node has none of it.
#[inline]
fn free(requested: i64, has: i64) -> Option<i64> {
    match has {
        ..=0 => None,
        _ if requested > has => Some(0),
        _ => Some(has.wrapping_sub(requested).wrapping_mul(MAX) / has),
    }
}
