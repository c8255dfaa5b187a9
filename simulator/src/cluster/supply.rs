//! What is left for new nodes: a pool's own limit, and what pools share. A machine takes its shares when it is asked for and
//! gives them back when it is deleted; a stopped one keeps them (Azure counts the cores of deallocated machines).

use crate::cluster::Cluster;
use crate::spec::ClusterSpec;
use crate::{NodeId, PoolId, SupplyId};

/// More than is ever asked for.
pub(super) const PLENTY: u32 = u32::MAX / 2;

impl Cluster {
    /// How many new machines a pool may ask for; no limit is known where absent.
    pub fn room(&self, spec: &ClusterSpec, pool: PoolId) -> Option<u32> {
        let shared = spec.pools[self.pools[pool].draws_as].takes.iter().filter(|share| share.each > 0);
        let shared = shared.map(|share| self.supplies[share.of] / share.each);
        shared.chain(self.pools[pool].room).min()
    }

    /// What keeps a pool from asking for that many; nothing where its own limit does.
    pub fn short_of(&self, spec: &ClusterSpec, pool: PoolId, machines: u32) -> Option<SupplyId> {
        let short = |of: SupplyId, each: u32| u64::from(self.supplies[of]) < u64::from(each) * u64::from(machines);
        spec.pools[self.pools[pool].draws_as].takes.iter().find(|s| short(s.of, s.each)).map(|s| s.of)
    }

    /// A machine is asked for.
    pub fn take_shares(&mut self, spec: &ClusterSpec, node: NodeId) {
        let pool = self.nodes[node].pool;
        self.nodes[node].draws_as = self.pools[pool].draws_as;
        if let Some(room) = &mut self.pools[pool].room {
            *room = room.saturating_sub(1);
        }
        self.take_supplies(spec, node);
    }

    /// A machine is gone.
    pub fn give_shares_back(&mut self, spec: &ClusterSpec, node: NodeId) {
        let pool = self.nodes[node].pool;
        if let Some(room) = &mut self.pools[pool].room {
            *room += 1;
        }
        self.give_supplies_back(spec, node);
    }

    /// Another machine takes the place of one that is deleted: what it takes may differ.
    pub fn swap_shares(&mut self, spec: &ClusterSpec, node: NodeId) {
        self.give_supplies_back(spec, node);
        self.nodes[node].draws_as = self.pools[self.nodes[node].pool].draws_as;
        self.take_supplies(spec, node);
    }

    /// Nothing runs out any more.
    pub fn lift_limits(&mut self) {
        self.pools.rows_mut().iter_mut().for_each(|pool| pool.room = None);
        self.supplies.rows_mut().fill(PLENTY);
    }

    fn take_supplies(&mut self, spec: &ClusterSpec, node: NodeId) {
        for share in &spec.pools[self.nodes[node].draws_as].takes {
            // Whoever asks has looked before; a snapshot may say that less than nothing is left.
            self.supplies[share.of] = self.supplies[share.of].saturating_sub(share.each);
        }
    }

    fn give_supplies_back(&mut self, spec: &ClusterSpec, node: NodeId) {
        for share in &spec.pools[self.nodes[node].draws_as].takes {
            self.supplies[share.of] = self.supplies[share.of].saturating_add(share.each);
        }
    }
}
