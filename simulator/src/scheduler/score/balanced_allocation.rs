//! NodeResourcesBalancedAllocation: CPU and memory should be used to the same degree. Counts requests as they are,
//! without defaults (kube-scheduler v1.34.1 `balancedResourceScorer`).

use super::MAX;
use crate::scheduler::NodeView;
use crate::scheduler::compat::Asked;

/// 100 less half the difference of the two shares in per cent, cut to an integer.
#[inline]
pub fn score(pod: &Asked, node: &NodeView) -> i64 {
    if skip(pod) {
        return 0;
    }
    let has = pod.compat.allocatable(node.shape);
    let asked = &pod.row.shape.requests;
    let cpu = share(node.used.cpu.wrapping_add(asked.cpu), has.cpu);
    let memory = share(node.used.memory.wrapping_add(asked.memory), has.memory);
    let deviation = match (cpu, memory) {
        (Some(cpu), Some(memory)) => ((cpu - memory) / 2.0).abs(),
        _ => 0.0,
    };
    ((1.0 - deviation) * MAX as f64) as i64
}

/// The plugin has nothing to say of pods that request neither.
#[inline]
pub fn skip(pod: &Asked) -> bool {
    pod.row.shape.requests.cpu == 0 && pod.row.shape.requests.memory == 0
}

#[inline]
fn share(requested: i64, has: i64) -> Option<f64> {
    (has != 0).then(|| (requested as f64 / has as f64).min(1.0))
}
