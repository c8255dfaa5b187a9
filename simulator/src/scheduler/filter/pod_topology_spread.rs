//! PodTopologySpread: hard constraints keep the pods a selector matches within a skew over the domains of a label.

use crate::scheduler::census::Census;
use crate::scheduler::compat::Asked;
use crate::scheduler::peers::Peers;
use crate::scheduler::{NodeView, Rejection};

/// Refuses nodes without the label, and those whose domain would have too many.
pub fn filter(pod: &Asked, peers: &Peers, census: &Census, node: &NodeView) -> Result<(), Rejection> {
    for (constraint, (tally, fewest)) in peers.hard.iter().zip(&census.spread) {
        let Some(domain) = pod.compat.topology().domain(constraint.key, node) else {
            return Err(Rejection::SpreadLabel);
        };
        if tally.at(domain) + i64::from(constraint.own) - fewest > constraint.max_skew {
            return Err(Rejection::Spread);
        }
    }
    Ok(())
}
