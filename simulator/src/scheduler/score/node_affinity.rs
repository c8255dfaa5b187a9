//! NodeAffinity: the sum of the weights of matching preferred terms.

use crate::scheduler::NodeView;
use crate::scheduler::compat::Asked;
use crate::scheduler::filter::node_affinity::{Labels, matches};
use crate::spec::PodShape;

pub const WEIGHT: i64 = 2;

/// Sum of matching weights; normalised to the highest.
#[inline]
pub fn score(pod: &Asked, node: &NodeView) -> i64 {
    if pod.row.preferred_by_name {
        return preferred(&pod.row.shape, &pod.labels(node));
    }
    pod.cell(node).preferred
}

/// The plugin has nothing to say of pods without preferred terms.
pub fn skip(pod: &Asked) -> bool {
    pod.row.shape.preferred.is_empty()
}

/// Sum of the weights of the preferred terms that match.
pub fn preferred(pod: &PodShape, node: &Labels) -> i64 {
    pod.preferred.iter().filter(|(_, term)| matches(term, node)).map(|(weight, _)| weight).sum()
}
