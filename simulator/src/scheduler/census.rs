//! Counts of pods by topology domain, taken over all nodes before they are filtered (PreFilter of PodTopologySpread and
//! InterPodAffinity), and moved when a dry run takes pods away or puts them back.

use super::compat::Asked;
use super::filter::{node_affinity, taint_toleration};
use super::peers::{Constraint, Peers, Tenant};
use super::{Incoming, NodeView};
use crate::PodShapeId;

/// Pods by domain; domains nobody counted are not there.
#[derive(Clone, Debug, Default)]
pub struct Tally(Vec<Option<i64>>);

impl Tally {
    pub fn clear(&mut self) {
        self.0.clear();
    }

    #[inline]
    pub fn add(&mut self, domain: usize, count: i64) {
        if self.0.len() <= domain {
            self.0.resize(domain + 1, None);
        }
        *self.0[domain].get_or_insert(0) += count;
    }

    /// Adds to a domain that is there.
    #[inline]
    pub fn raise(&mut self, domain: usize, count: impl FnOnce() -> i64) {
        if let Some(Some(sum)) = self.0.get_mut(domain) {
            *sum += count();
        }
    }

    #[inline]
    pub fn at(&self, domain: usize) -> i64 {
        self.0.get(domain).copied().flatten().unwrap_or(0)
    }

    pub fn domains(&self) -> usize {
        self.0.iter().flatten().count()
    }

    fn any(&self) -> bool {
        self.0.iter().flatten().any(|&count| count != 0)
    }
}

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
    /// Counts anew.
    pub fn take<'a>(&mut self, pod: &Asked, peers: &Peers, nodes: impl Iterator<Item = NodeView<'a>>) {
        let keys = pod.compat.topology().len();
        self.clear(peers.hard.len(), keys);
        for node in nodes {
            let spreads = !peers.hard.is_empty() && has_keys(pod, &peers.hard, &node);
            for (constraint, (tally, _)) in peers.hard.iter().zip(&mut self.spread) {
                if spreads && included(pod, constraint, &node) {
                    tally.add(domain(pod, constraint, &node), counted(constraint, node.pods));
                }
            }
            if peers.has_terms() {
                for tenant in node.pods.iter().filter(|tenant| peers.filtered.has(tenant.shape)) {
                    let count = i64::from(tenant.alive + tenant.leaving);
                    self.meet(pod, peers, &node, tenant.shape, count);
                }
            }
        }
        self.terms = !peers.affinity.is_empty() || !peers.anti.is_empty() || self.kept_off.iter().any(Tally::any);
        (0..peers.hard.len()).for_each(|i| self.settle(i, &peers.hard[i]));
    }

    fn clear(&mut self, constraints: usize, keys: usize) {
        self.spread.resize_with(constraints, Default::default);
        self.spread.iter_mut().for_each(|(tally, _)| tally.clear());
        for tallies in [&mut self.affinity, &mut self.anti, &mut self.kept_off] {
            tallies.resize_with(keys, Default::default);
            tallies.iter_mut().for_each(Tally::clear);
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
            self.meet(pod, peers, node, shape, count);
        }
    }

    fn meet(&mut self, pod: &Asked, peers: &Peers, node: &NodeView, shape: PodShapeId, count: i64) {
        let topology = pod.compat.topology();
        let add = |tallies: &mut [Tally], key: usize| {
            if let Some(domain) = topology.domain(key, node) {
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
        let found = tally.0.iter().flatten().min().copied().unwrap_or(0);
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
