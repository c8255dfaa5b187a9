//! Counts of pods by topology domain, taken over all nodes before they are filtered (PreFilter of PodTopologySpread and
//! InterPodAffinity), and moved when a dry run takes pods away or puts them back.

use super::compat::Asked;
use super::filter::{node_affinity, taint_toleration};
use super::peers::{Constraint, KeyId, Peers, Tenant};
use super::place::Place;
use super::tally::Tally;
use super::{Incoming, NodeView};
use crate::PodShapeId;

/// What the filters know of other pods.
#[derive(Clone, Debug, Default)]
pub struct Census {
    /// By hard constraint: the pods, and the fewest any domain has.
    pub spread: Vec<(Tally, i64)>,
    /// By key: pods that meet all required affinity terms.
    pub affinity: Vec<Tally>,
    /// By key: pods that required anti-affinity terms mean.
    pub anti: Vec<Tally>,
    /// By key: pods whose required anti-affinity terms mean the incoming one.
    pub kept_off: Vec<Tally>,
    /// InterPodAffinity takes part: the pod has required terms, or one of a pod that is there means it. What comes later
    /// (nominated pods) does not bring the plugin back (Skip in PreFilter).
    pub terms: bool,
}

impl Census {
    /// Counts anew. Where groups of nodes are counted as one, tallies of host names hold only the nodes that are listed.
    pub fn take<'a>(&mut self, pod: &Asked, peers: &Peers, places: impl Iterator<Item = Place<'a>>, grouped: bool) {
        if !peers.filters() {
            self.terms = false; // no filter asks for more
            return;
        }
        self.clear(pod, peers, grouped);
        for place in places {
            let node = &place.view;
            let spreads = !peers.hard.is_empty() && has_keys(pod, &peers.hard, node);
            for (constraint, (tally, _)) in peers.hard.iter().zip(&mut self.spread) {
                if !spreads || !included(pod, constraint, node) {
                    continue;
                }
                if place.speaks_for(constraint.hostname) {
                    tally.add(domain(pod, constraint, node), counted(constraint, node.pods));
                } else if constraint.hostname {
                    tally.add_zeros(place.unlisted());
                }
            }
            if peers.has_terms() {
                for tenant in node.pods.iter().filter(|tenant| peers.filtered.has(tenant.shape)) {
                    let count = i64::from(tenant.alive + tenant.leaving);
                    self.meet(pod, peers, &place, tenant.shape, count);
                }
            }
        }
        self.terms = !peers.affinity.is_empty() || !peers.anti.is_empty() || self.kept_off.iter().any(Tally::any);
        (0..peers.hard.len()).for_each(|i| self.settle(i, &peers.hard[i]));
    }

    fn clear(&mut self, pod: &Asked, peers: &Peers, grouped: bool) {
        let topology = pod.compat.topology();
        self.spread.resize_with(peers.hard.len(), Default::default);
        let constraints = peers.hard.iter().zip(&mut self.spread);
        constraints.for_each(|(constraint, (tally, _))| tally.clear(grouped && constraint.hostname));
        for tallies in [&mut self.affinity, &mut self.anti, &mut self.kept_off] {
            tallies.resize_with(topology.len(), Default::default);
            let keys = tallies.iter_mut().enumerate();
            keys.for_each(|(key, tally)| tally.clear(grouped && topology.is_hostname(key)));
        }
        self.terms = false;
    }

    /// Pods come to a node (`AddPod`) or leave it (`RemovePod`). Unlike the first count, this one does not pass over pods
    /// that are being deleted, nor over an empty selector (v1.34.1 `updateWithPod`).
    pub fn shift(&mut self, pod: &Asked, peers: &Peers, node: &NodeView, shape: PodShapeId, count: i64) {
        if !peers.filtered.has(shape) {
            return;
        }
        if !peers.hard.is_empty() && has_keys(pod, &peers.hard, node) {
            for (i, constraint) in peers.hard.iter().enumerate() {
                if constraint.matched.has(shape) && included(pod, constraint, node) {
                    self.spread[i].0.add(domain(pod, constraint, node), count);
                    self.settle(i, constraint);
                }
            }
        }
        if self.terms {
            self.meet(pod, peers, &Place::node(*node), shape, count);
        }
    }

    fn meet(&mut self, pod: &Asked, peers: &Peers, place: &Place, shape: PodShapeId, count: i64) {
        let topology = pod.compat.topology();
        let add = |tallies: &mut [Tally], key: KeyId| {
            if place.speaks_for(topology.is_hostname(key))
                && let Some(domain) = topology.domain(key, &place.view)
            {
                tallies[key].add(domain, count);
            }
        };
        if peers.together.has(shape) {
            peers.affinity.iter().for_each(|&key| add(&mut self.affinity, key));
        }
        for (key, _) in peers.anti.iter().filter(|(_, meant)| meant.has(shape)) {
            add(&mut self.anti, *key);
        }
        for &(_, key) in Peers::entries(&peers.kept_off, shape, |entry| entry.0) {
            add(&mut self.kept_off, key);
        }
    }

    /// True where no pod meets the required affinity terms.
    pub fn nobody(&self) -> bool {
        !self.affinity.iter().any(Tally::any)
    }

    /// Notes the fewest pods of any domain; none where there are fewer domains than wanted (`minMatchNum`).
    fn settle(&mut self, i: usize, constraint: &Constraint) {
        let (tally, fewest) = &mut self.spread[i];
        let found = tally.least().unwrap_or(0);
        *fewest = if tally.domains() < constraint.min_domains { 0 } else { found };
    }
}

/// True where the node has every key of the constraints.
pub fn has_keys(pod: &Asked, constraints: &[Constraint], node: &NodeView) -> bool {
    constraints.iter().all(|c| pod.compat.topology().domain(c.key, node).is_some())
}

/// True where the constraint counts the node's pods (`matchNodeInclusionPolicies`).
pub fn included(pod: &Asked, constraint: &Constraint, node: &NodeView) -> bool {
    let Incoming { pin, .. } = pod.incoming();
    let wanted = || pin.is_none_or(|pin| pin == node.id) && node_affinity::filter(pod, node).is_ok();
    let cordoned = || node.cordon_taint && !pod.row.tolerates.unschedulable;
    (!constraint.honor_affinity || wanted())
        && (!constraint.honor_taints || (!cordoned() && taint_toleration::filter(pod, node).is_ok()))
}

/// Pods the constraint counts: those being deleted are passed over (`countPodsMatchSelector`).
#[inline]
pub fn counted(constraint: &Constraint, pods: &[Tenant]) -> i64 {
    if !constraint.counts {
        return 0;
    }
    pods.iter().filter(|tenant| constraint.matched.has(tenant.shape)).map(|tenant| i64::from(tenant.alive)).sum()
}

/// The node's domain; that of the empty value where it has none.
pub fn domain(pod: &Asked, constraint: &Constraint, node: &NodeView) -> usize {
    pod.compat.topology().domain(constraint.key, node).unwrap_or(0)
}
