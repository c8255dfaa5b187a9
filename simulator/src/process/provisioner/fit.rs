//! Which nodes pods need: each pod on a node that is there or on its way, else on one that is to be made, else on a new one
//! (Karpenter v1.6 `provisioning/scheduling/scheduler.go`: largest pods first, the emptiest planned node first, NodePools by
//! weight; a planned node keeps every size its pods fit on, the cheapest is launched).

use std::cmp::Reverse;

use crate::process::room::Room;
use crate::sim::Sim;
use crate::spec::Resources;
use crate::{NodeShapeId, PodId, PodShapeId, PoolId, ZoneId};

/// A node that is to be made.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    /// Whose.
    of: u32,
    pods: usize,
    /// What it may be, with its pods.
    options: Vec<(PoolId, Room)>,
}

impl Sim<'_> {
    /// The nodes the pods need beside these rooms, which are filled. Pods for which nothing helps stay in the list.
    pub(super) fn claims(&self, pods: &mut Vec<PodId>, rooms: &mut [Room]) -> Vec<Claim> {
        let mut claims: Vec<Claim> = Vec::new();
        let requests = |p: PodId| self.spec.pod_shapes[self.cluster.shape_of(self.spec, p)].requests;
        pods.sort_by_key(|&p| (Reverse((requests(p).cpu, requests(p).memory)), self.cluster.pods[p].start));
        let mut hopeless: Vec<PodShapeId> = Vec::new();
        pods.retain(|&pod| {
            let shape = self.cluster.shape_of(self.spec, pod);
            if hopeless.contains(&shape) {
                return true;
            }
            let helped = self.fill(shape, rooms) || self.join(shape, &mut claims) || self.plan_node(shape, &mut claims);
            if !helped {
                hopeless.push(shape);
            }
            !helped
        });
        claims
    }

    fn fill(&self, pod: PodShapeId, rooms: &mut [Room]) -> bool {
        let at = self.first_fit(pod, rooms);
        if let Some(at) = at {
            self.take_room(&mut rooms[at], pod);
        }
        at.is_some()
    }

    /// Puts the pod on a planned node with something left that holds it too.
    fn join(&self, pod: PodShapeId, claims: &mut [Claim]) -> bool {
        let mut order: Vec<usize> = (0..claims.len()).collect();
        order.sort_by_key(|&i| claims[i].pods);
        for i in order {
            let fits = |option: &(PoolId, Room)| self.first_fit(pod, std::slice::from_ref(&option.1)).is_some();
            if !claims[i].options.iter().any(fits) {
                continue;
            }
            claims[i].options.retain(fits);
            claims[i].pods += 1;
            for (_, room) in &mut claims[i].options {
                self.take_room(room, pod);
            }
            return true;
        }
        false
    }

    /// Plans a new node for the pod, of the provisioner of highest weight that has one.
    fn plan_node(&self, pod: PodShapeId, claims: &mut Vec<Claim>) -> bool {
        let mut order: Vec<usize> = (0..self.spec.provisioners.len()).collect();
        order.sort_by_key(|&i| Reverse(self.spec.provisioners[i].weight));
        for i in order {
            let planned = claims.iter().filter(|c| c.of == i as u32);
            let planned = planned.filter_map(|c| c.options.first()).map(|(_, room)| room.shape);
            let planned: Vec<NodeShapeId> = planned.collect();
            let mut options: Vec<(PoolId, Room)> = Vec::new();
            for &pool in self.spec.provisioners[i].sizes.iter().filter(|&&pool| self.is_to_be_had(pool)) {
                for &shape in &self.cluster.pools[pool].templates {
                    let mut room = self.fresh(shape);
                    room.name = format!("claim-{}", claims.len());
                    let fits = self.first_fit(pod, std::slice::from_ref(&room)).is_some();
                    if fits && self.within_limits(i, shape, &planned) {
                        self.take_room(&mut room, pod);
                        options.push((pool, room));
                    }
                }
            }
            if !options.is_empty() {
                claims.push(Claim { of: i as u32, pods: 1, options });
                return true;
            }
        }
        false
    }

    fn is_to_be_had(&self, pool: PoolId) -> bool {
        self.provisioning.unavailable[pool] <= self.now && self.cluster.room(self.spec, pool) != Some(0)
    }

    /// True where one more node of a shape keeps the limits of its provisioner, beside those planned.
    fn within_limits(&self, provisioner: usize, more: NodeShapeId, planned: &[NodeShapeId]) -> bool {
        let (cpu, memory) = self.spec.provisioners[provisioner].limits;
        if cpu.is_none() && memory.is_none() {
            return true;
        }
        let mut used = Resources::default();
        let own = self.cluster.nodes.iter().filter(|(_, n)| !n.is_away());
        let own = own.filter(|(_, n)| self.provisioning.of[n.pool] == Some(provisioner as u32)).map(|(_, n)| n.shape);
        for shape in own.chain(planned.iter().copied()).chain([more]) {
            let shape = &self.spec.node_shapes[shape];
            used.cpu += shape.cores;
            used.memory += shape.allocatable.memory;
        }
        cpu.is_none_or(|most| used.cpu <= most) && memory.is_none_or(|most| used.memory <= most)
    }

    /// The cheapest of what a planned node may be; of equals the smallest, in the zone with the fewest nodes of the provisioner.
    pub(super) fn cheapest(&self, claim: &Claim) -> Option<(PoolId, NodeShapeId)> {
        let crowd = |zone: ZoneId| {
            let own = self.cluster.nodes.iter().filter(|(_, n)| !n.is_away());
            let own = own.filter(|(_, n)| self.provisioning.of[n.pool] == Some(claim.of));
            own.filter(|(_, n)| self.spec.node_shapes[n.shape].zone == zone).count()
        };
        let options = claim.options.iter().filter(|(pool, _)| self.is_to_be_had(*pool));
        let rank = |(pool, room): &(PoolId, Room)| {
            let shape = &self.spec.node_shapes[room.shape];
            (self.price(*pool), shape.cores, crowd(shape.zone))
        };
        let ranked = options.map(|option| (rank(option), option));
        let best = ranked.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
        best.map(|(_, (pool, room))| (*pool, room.shape))
    }

    /// USD per hour of a node; what is not known is dear.
    pub(super) fn price(&self, pool: PoolId) -> f64 {
        self.spec.pools[pool].usd_per_hour.unwrap_or(f64::INFINITY)
    }
}

impl Claim {
    /// Leaves only what passes; false where nothing is left.
    pub fn narrow(&mut self, keep: impl Fn(PoolId) -> bool) -> bool {
        self.options.retain(|(pool, _)| keep(*pool));
        !self.options.is_empty()
    }
}
