//! ImageLocality: nodes that hold the pod's images already, large ones and widely spread ones first.

use std::collections::BTreeMap;

use super::MAX;
use crate::scheduler::compat::Asked;
use crate::scheduler::place::Place;

const MIB: i64 = 1 << 20;
/// Less than this counts as nothing (`minThreshold`).
const LEAST: i64 = 23 * MIB;
/// More than this for each container adds nothing (`maxContainerThreshold`).
const MOST: i64 = 1000 * MIB;

/// Scores of the feasible places. What an image counts for is scaled by the share of nodes that hold it.
pub fn scores<'a>(pod: &Asked, places: impl Iterator<Item = Place<'a>>, feasible: &[Place]) -> Vec<i64> {
    let images = &pod.row.shape.images;
    let mut holders: BTreeMap<&str, usize> = BTreeMap::new();
    let mut total = 0;
    for place in places {
        total += place.nodes();
        let held = pod.compat.images(place.view.shape);
        let mut names: Vec<&str> = images.iter().filter(|name| held.contains_key(*name)).map(String::as_str).collect();
        names.sort_unstable();
        names.dedup();
        names.into_iter().for_each(|name| *holders.entry(name).or_default() += place.nodes());
    }
    let score = |place: &Place| {
        let held = pod.compat.images(place.view.shape);
        let part = |name: &String| {
            let spread = holders.get(name.as_str()).copied().unwrap_or(0) as f64 / total as f64;
            (*held.get(name).unwrap_or(&0) as f64 * spread) as i64
        };
        let sum: i64 = images.iter().map(part).sum();
        let most = MOST * images.len().max(1) as i64;
        MAX * (sum.clamp(LEAST, most) - LEAST) / (most - LEAST)
    };
    feasible.iter().map(score).collect()
}
