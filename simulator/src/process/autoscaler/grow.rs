//! Scale-up: which pool gets how many nodes for the pods that find none.
//!
//! kubernetes/autoscaler 1.33: `pod_list_processor` (young, expendable, preempting and schedulable pods are no reason),
//! `orchestrator.go` (one pool a scan), `binpacking_estimator.go` (largest pods first, each on the first new node with
//! room), `expander/` (which pool). A new node is taken to be as the next one of its pool will be.

use std::cmp::Reverse;

use super::NAME;
use crate::cluster::pod::PodState;
use crate::outcome::Incident;
use crate::process::node_life::Origin;
use crate::process::room::Room;
use crate::random::{Process, entity_key};
use crate::settings::Expander;
use crate::sim::Sim;
use crate::spec::{NodeShape, WorkloadKind};
use crate::time::Time;
use crate::{PodId, PodShapeId, PoolId};

/// Labels that do not tell pools apart (`compare_nodegroups.go` `BasicIgnoredLabels`, `azure_nodegroups.go`).
const BALANCING_IGNORES: [&str; 8] = [
    "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/zone",
    "topology.disk.csi.azure.com/zone",
    "agentpool",
    "kubernetes.azure.com/agentpool",
    "kubernetes.azure.com/consolidated-additional-properties",
    "kubernetes.azure.com/node-image-version",
    "kubernetes.io/hostname",
];

/// What one pool could do.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Offer {
    pool: PoolId,
    nodes: u32,
    pods: u32,
    /// Share of CPU plus share of memory of the new nodes that stays free.
    waste: f64,
    /// USD per hour of all the new nodes.
    price: f64,
    priority: i32,
}

impl Sim<'_> {
    /// Asks for nodes where that helps. True where it did.
    pub(super) fn grow(&mut self, rooms: &mut [Room]) -> bool {
        let pods = self.helpless(rooms);
        if self.all_young(&pods) {
            return false;
        }
        let offers = if pods.is_empty() { Vec::new() } else { self.offers(&pods) };
        if let Some(offer) = self.choose(&offers) {
            // Others of these pods are looked at again at the next scan.
            return self.ask_for_balanced(offer.pool, offer.nodes);
        }
        // AKS docs, cluster-autoscaler-overview: pools are brought up to their minimum.
        for pool in self.spec.pools.ids() {
            let short = self.autoscaler.groups[pool].range.map_or(0, |r| r.min.saturating_sub(self.size(pool)));
            if short > 0 && self.open(pool) && !self.operation_on(pool) {
                return self.ask_for(pool, short);
            }
        }
        false
    }

    /// True where the oldest of the pods is so young that the next scan decides (`static_autoscaler.go` `allPodsAreNew`).
    fn all_young(&mut self, pods: &[PodId]) -> bool {
        let oldest = pods.iter().map(|&p| self.cluster.pods[p].since).min();
        let due = oldest.map(|since| since + self.autoscaler_profile().young).filter(|due| *due > self.now);
        if let Some(due) = due {
            self.scan_from(due);
        }
        due.is_some()
    }

    /// Nodes of a pool that exist or are on their way.
    pub(super) fn size(&self, pool: PoolId) -> u32 {
        self.cluster.nodes_of(pool).count() as u32
    }

    /// False while a pool is backed off (it is looked at again then) or has lost too many nodes.
    fn open(&mut self, pool: PoolId) -> bool {
        if let Some(backoff) = self.autoscaler.groups[pool].backoff
            && backoff.until > self.now
        {
            self.scan_from(backoff.until);
            return false;
        }
        self.healthy(Some(pool))
    }

    /// Pods that need a new node, by priority, then age.
    fn helpless(&mut self, rooms: &mut [Room]) -> Vec<PodId> {
        let cluster = &self.cluster;
        let waits = |p: PodId, epoch: u32| {
            let row = &cluster.pods[p];
            row.epoch == epoch && row.state == PodState::Pending && row.node.is_none()
        };
        self.autoscaler.unschedulable.retain(|&(pod, epoch)| waits(pod, epoch));
        let mut pods: Vec<PodId> = self.autoscaler.unschedulable.iter().map(|&(pod, _)| pod).collect();
        pods.sort_unstable_by_key(|&p| (Reverse(self.pod_priority(p)), self.cluster.pods[p].start));
        let (mut hopeless, mut next): (Vec<PodShapeId>, Option<Time>) = (Vec::new(), None);
        let profile = self.autoscaler_profile();
        pods.retain(|&pod| {
            let row = &self.cluster.pods[pod];
            let shape = self.cluster.shape_of(self.spec, pod);
            let daemon = self.spec.workloads[row.workload].kind == WorkloadKind::DaemonSet;
            if daemon || self.pod_priority(pod) < profile.expendable_below {
                return false;
            }
            if let Some(node) = row.nominated {
                // It waits for the pods it preempted; its room is taken.
                if let Some(room) = rooms.iter_mut().find(|r| r.node == Some(node)) {
                    self.take_room(room, shape);
                }
                return false;
            }
            let due = row.since + profile.new_pod_delay;
            if due > self.now {
                next = Some(next.map_or(due, |n| n.min(due)));
                return false;
            }
            if hopeless.contains(&shape) {
                return true;
            }
            match self.first_fit(shape, rooms) {
                Some(at) => {
                    self.take_room(&mut rooms[at], shape);
                    false
                }
                None => {
                    hopeless.push(shape);
                    true
                }
            }
        });
        if let Some(due) = next {
            self.scan_from(due);
        }
        pods
    }

    fn pod_priority(&self, pod: PodId) -> i32 {
        self.spec.pod_shapes[self.cluster.shape_of(self.spec, pod)].priority
    }

    /// What every pool that may grow could do for these pods.
    fn offers(&mut self, pods: &[PodId]) -> Vec<Offer> {
        let mut offers = Vec::new();
        for pool in self.spec.pools.ids() {
            let Some(range) = self.autoscaler.groups[pool].range else { continue };
            let limit = range.max.saturating_sub(self.size(pool));
            if limit > 0 && self.open(pool) {
                offers.extend(self.offer(pool, limit, pods).map(|offer| Offer { priority: range.priority, ..offer }));
            }
        }
        offers
    }

    /// How many nodes of a pool the pods would fill; nothing where none fits.
    fn offer(&self, pool: PoolId, limit: u32, pods: &[PodId]) -> Option<Offer> {
        let template = self.fresh(self.template_for(pool));
        let room = self.spec.node_shapes[template.shape].allocatable;
        let share = |n: i64, of: i64| n as f64 / of.max(1) as f64;
        let requests = |p: PodId| self.spec.pod_shapes[self.cluster.shape_of(self.spec, p)].requests;
        let size = |p: PodId| share(requests(p).cpu, room.cpu) + share(requests(p).memory, room.memory);
        let mut largest: Vec<PodId> = pods.to_vec();
        largest.sort_by(|&a, &b| size(b).total_cmp(&size(a)));
        let (mut nodes, mut helped, mut asked): (Vec<Room>, u32, f64) = (Vec::new(), 0, 0.0);
        for pod in largest {
            let shape = self.cluster.shape_of(self.spec, pod);
            let at = match self.first_fit(shape, &nodes) {
                Some(at) => at,
                None if (nodes.len() as u32) < limit
                    && self.first_fit(shape, std::slice::from_ref(&template)).is_some() =>
                {
                    let mut node = template.clone();
                    node.name = format!("new-{}", nodes.len());
                    nodes.push(node);
                    nodes.len() - 1
                }
                None => continue,
            };
            self.take_room(&mut nodes[at], shape);
            helped += 1;
            asked += size(pod);
        }
        let count = nodes.len() as u32;
        let usd = self.spec.pools[pool].usd_per_hour.unwrap_or(f64::INFINITY);
        (count > 0).then(|| Offer {
            pool,
            nodes: count,
            pods: helped,
            waste: 2.0 - asked / f64::from(count),
            price: usd * f64::from(count),
            priority: 0,
        })
    }

    /// The expander's choice; chance decides between equals, by the number of the scan.
    fn choose(&self, offers: &[Offer]) -> Option<Offer> {
        let profile = self.autoscaler_profile();
        let best = best(offers, profile.expander);
        let scan = self.now.0 / super::interval(profile).0;
        let u = self.uniform(Process::Expander, entity_key(NAME), scan as u32);
        let index = (u * best.len() as f64) as usize;
        best.get(index.min(best.len().saturating_sub(1))).copied()
    }

    /// Asks for nodes of a pool, or of several that are alike, so that they become as large as one another
    /// (`processors/nodegroupset/balancing_processor.go`: one by one to the smallest that may grow).
    fn ask_for_balanced(&mut self, pool: PoolId, nodes: u32) -> bool {
        if !self.autoscaler_profile().balances {
            return self.ask_for(pool, nodes);
        }
        let mut groups: Vec<(u32, u32, PoolId)> = Vec::new();
        for other in self.spec.pools.ids() {
            if other == pool || (self.alike(pool, other) && self.open(other)) {
                let most = self.autoscaler.groups[other].range.map_or(0, |r| r.max);
                groups.push((self.size(other), most, other));
            }
        }
        let before: Vec<u32> = groups.iter().map(|g| g.0).collect();
        for _ in 0..nodes {
            let smallest = groups.iter_mut().filter(|(size, most, _)| size < most).min_by_key(|g| g.0);
            if let Some(group) = smallest {
                group.0 += 1;
            }
        }
        let mut asked = false;
        for ((size, _, group), before) in groups.into_iter().zip(before) {
            if size > before {
                asked |= self.ask_for(group, size - before);
            }
        }
        asked
    }

    /// True for pools whose nodes differ in nothing but zone and pool (`compare_nodegroups.go`, Azure: labels of the pool do not
    /// count; memory may differ by 1.5 %).
    fn alike(&self, a: PoolId, b: PoolId) -> bool {
        let shape = |pool: PoolId| &self.spec.node_shapes[self.cluster.pools[pool].templates[0]];
        let (a, b) = (shape(a), shape(b));
        let near = |x: i64, y: i64| (x - y).abs() as f64 <= 0.015 * x.max(y) as f64;
        let counts = |key: &str| !BALANCING_IGNORES.contains(&key);
        let labels = |s: &NodeShape| s.labels.clone().into_iter().filter(|(key, _)| counts(key)).collect::<Vec<_>>();
        a.cores == b.cores
            && a.allocatable.cpu == b.allocatable.cpu
            && near(a.allocatable.memory, b.allocatable.memory)
            && a.allocatable.extended == b.allocatable.extended
            && labels(a) == labels(b)
    }

    /// Asks the platform for nodes. It refuses all of them where there is no room for all
    /// (Azure rejects a change of capacity beyond the quota as a whole).
    fn ask_for(&mut self, pool: PoolId, nodes: u32) -> bool {
        self.tell(Incident::AutoscalerAdds { pool, nodes });
        if self.room_to_grow(pool).is_some_and(|room| room < nodes) {
            self.scale_up_failed(pool);
            return false;
        }
        self.counts.nodes_added += nodes;
        self.autoscaler.last_added = Some(self.now);
        for _ in 0..nodes {
            let n = self.autoscaler.groups[pool].added;
            self.autoscaler.groups[pool].added += 1;
            self.request_node(pool, Origin::Autoscaler(n));
        }
        true
    }
}

/// The offers an expander finds best (kubernetes/autoscaler 1.33 `expander/`): all for random.
fn best(offers: &[Offer], expander: Expander) -> Vec<Offer> {
    let rank = |offer: &Offer| match expander {
        Expander::Random => 0.0,
        Expander::LeastWaste => offer.waste,
        Expander::MostPods => -f64::from(offer.pods),
        Expander::Priority => -f64::from(offer.priority),
        Expander::Price => offer.price,
    };
    let least = offers.iter().map(rank).fold(f64::INFINITY, f64::min);
    offers.iter().filter(|offer| rank(offer) <= least).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_expander_prefers_its_own() {
        let offer = |pool, nodes, pods, waste, price, priority| Offer {
            pool: PoolId(pool),
            nodes,
            pods,
            waste,
            price,
            priority,
        };
        let offers = [offer(0, 1, 3, 0.9, 0.2, 10), offer(1, 2, 5, 1.1, 0.1, 20), offer(2, 1, 3, 0.4, 0.4, 20)];
        let pools = |expander| best(&offers, expander).iter().map(|o| o.pool.0).collect::<Vec<_>>();
        assert_eq!(pools(Expander::Random), [0, 1, 2]);
        assert_eq!(pools(Expander::LeastWaste), [2]);
        assert_eq!(pools(Expander::MostPods), [1]);
        assert_eq!(pools(Expander::Priority), [1, 2]);
        assert_eq!(pools(Expander::Price), [1]);
    }
}
