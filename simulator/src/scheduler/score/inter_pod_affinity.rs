//! InterPodAffinity: the sum of the weights by which pods in the node's domains attract the pod (its preferred terms and
//! theirs), scaled to the span over the feasible nodes.

use super::MAX;
use crate::scheduler::compat::Asked;
use crate::scheduler::peers::Peers;
use crate::scheduler::place::Place;
use crate::scheduler::tally::Tally;

pub const WEIGHT: i64 = 2;

/// Sums over the domains of each feasible place; `None` where no pod that is there has anything to say (Skip). `grouped` where
/// `places` holds groups.
pub fn raw<'a>(
    pod: &Asked,
    peers: &Peers,
    places: impl Iterator<Item = Place<'a>>,
    feasible: &[Place],
    grouped: bool,
) -> Option<Vec<i64>> {
    let topology = pod.compat.topology();
    let mut tallies = vec![Tally::default(); topology.len()];
    tallies.iter_mut().enumerate().for_each(|(key, tally)| tally.clear(grouped && topology.is_hostname(key)));
    let mut any = false;
    for place in places {
        for tenant in place.view.pods.iter().filter(|tenant| peers.wished.has(tenant.shape)) {
            for &(_, key, weight) in Peers::entries(&peers.wishes, tenant.shape, |entry| entry.0) {
                if place.speaks_for(topology.is_hostname(key))
                    && let Some(domain) = topology.domain(key, &place.view)
                {
                    tallies[key].add(domain, weight * i64::from(tenant.alive + tenant.leaving));
                    any = true;
                }
            }
        }
    }
    let sum = |place: &Place| {
        let domains =
            tallies.iter().enumerate().filter_map(|(key, tally)| Some(tally.at(topology.domain(key, &place.view)?)));
        domains.sum()
    };
    any.then(|| feasible.iter().map(sum).collect())
}

/// From 0 for the lowest to 100 for the highest, through floating point as in v1.34.1 (`NormalizeScore`).
pub fn normalise(raw: &[i64]) -> impl Iterator<Item = i64> + '_ {
    let lowest = raw.iter().min().copied().unwrap_or(0);
    let span = raw.iter().max().copied().unwrap_or(0) - lowest;
    raw.iter().map(move |score| {
        let share = if span > 0 { MAX as f64 * ((score - lowest) as f64 / span as f64) } else { 0.0 };
        share as i64 * WEIGHT
    })
}
