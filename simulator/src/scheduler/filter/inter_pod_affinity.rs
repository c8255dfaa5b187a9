//! InterPodAffinity: required terms of the pod and, against it, required anti-affinity terms of pods that are there.

use crate::scheduler::census::Census;
use crate::scheduler::compat::Asked;
use crate::scheduler::peers::Peers;
use crate::scheduler::tally::Tally;
use crate::scheduler::{NodeView, Rejection};

/// Refuses nodes in whose domains terms are not met.
pub fn filter(pod: &Asked, peers: &Peers, census: &Census, node: &NodeView) -> Result<(), Rejection> {
    if !census.terms {
        return Ok(());
    }
    let topology = pod.compat.topology();
    if !joins(pod, peers, census, node) {
        return Err(Rejection::PodAffinity);
    }
    let held = |tallies: &[Tally], key| topology.domain(key, node).is_some_and(|domain| tallies[key].at(domain) > 0);
    if peers.anti.iter().any(|(key, _)| held(&census.anti, *key)) {
        return Err(Rejection::PodAntiAffinity);
    }
    if (0..census.kept_off.len()).any(|key| held(&census.kept_off, key)) {
        return Err(Rejection::ExistingAntiAffinity);
    }
    Ok(())
}

/// The first pod of a group that wants to be together may go anywhere its keys are (`satisfyPodAffinity`).
fn joins(pod: &Asked, peers: &Peers, census: &Census, node: &NodeView) -> bool {
    let mut found = true;
    for &key in &peers.affinity {
        let Some(domain) = pod.compat.topology().domain(key, node) else {
            return false;
        };
        found &= census.affinity[key].at(domain) > 0;
    }
    found || (peers.joins_itself && census.nobody())
}
