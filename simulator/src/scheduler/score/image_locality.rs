//! ImageLocality: nodes that hold the pod's images already, large ones and widely spread ones first.

use std::collections::BTreeMap;

use super::MAX;
use crate::scheduler::NodeView;
use crate::scheduler::compat::Asked;

const MIB: i64 = 1 << 20;
/// Less than this counts as nothing (`minThreshold`).
const LEAST: i64 = 23 * MIB;
/// More than this for each container adds nothing (`maxContainerThreshold`).
const MOST: i64 = 1000 * MIB;

/// Scores of the feasible nodes. What an image counts for is scaled by the share of nodes that hold it.
pub fn scores<'a>(pod: &Asked, nodes: impl Iterator<Item = NodeView<'a>>, feasible: &[NodeView]) -> Vec<i64> {
    let images = &pod.row.shape.images;
    let mut holders: BTreeMap<&str, i64> = BTreeMap::new();
    let mut total = 0;
    for node in nodes {
        total += 1;
        let held = pod.compat.images(node.shape);
        let mut names: Vec<&str> = images.iter().filter(|name| held.contains_key(*name)).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().for_each(|name| *holders.entry(name).or_default() += 1);
    }
    let score = |node: &NodeView| {
        let held = pod.compat.images(node.shape);
        let part = |name: &String| {
            let spread = holders.get(name.as_str()).copied().unwrap_or(0) as f64 / f64::from(total);
            (*held.get(name).unwrap_or(&0) as f64 * spread) as i64
        };
        let sum: i64 = images.iter().map(part).sum();
        let most = MOST * images.len().max(1) as i64;
        MAX * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
    };
    feasible.iter().map(score).collect()
}
