//! The rolling upgrade of a pool.
//!
//! Order of AKS (docs upgrade-aks-node-pools-rolling, 2026-05-29): add surge nodes; cordon and drain as many old nodes in
//! parallel as there are surge nodes; soak; reimage; the reimaged node is the buffer for the next; at the end the surge
//! nodes are drained and deleted, so that pods which went there move a second time. Without surge, `max_unavailable` nodes
//! are replaced at a time onto the rest. The order of nodes is not documented: by ordinal here.
//! Surge nodes are not always awaited (Azure/AKS issue 4340): `Settings::provisioning::gap_share`.

use crate::change::{Operation, Pace, Replacement, UpgradeSettings};
use crate::cluster::node::NodeState;
use crate::event::Event;
use crate::outcome::Failure;
use crate::parameters::Knob;
use crate::process::node_life::Origin;
use crate::process::operation::Phase;
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::{NodeId, PoolId};

/// An upgrade in progress.
#[derive(Clone, Debug)]
pub(crate) struct Upgrade {
    /// Nodes still to be replaced, the next one last.
    todo: Vec<NodeId>,
    /// How many at a time.
    parallel: u32,
    /// Extra nodes.
    surge: Vec<NodeId>,
    /// Of these, not there yet.
    awaited: u32,
    /// Old nodes being replaced.
    in_flight: u32,
    /// Nodes left behind undrained.
    quarantined: u32,
    /// How many there may be.
    max_blocked: u32,
    /// Extra nodes asked for so far.
    asked: u32,
    /// Nodes on their way, old ones and fresh ones, each with a place in the batch that waits for it.
    coming: Vec<NodeId>,
    /// The first drains have started.
    rolling: bool,
    /// Surge nodes are being drained at the end.
    closing: u32,
}

/// Stage of `OperationGoesOn` that starts the first drains.
const ROLL: u32 = 1;

impl Sim<'_> {
    pub(crate) fn start_upgrade(&mut self, operation: u32, pool: PoolId, how: &UpgradeSettings) {
        // A node that is still on its way comes as the pool's new nodes do.
        let mut todo: Vec<NodeId> =
            self.cluster.nodes_of(pool).filter(|&n| self.cluster.nodes[n].state != NodeState::Joining).collect();
        if todo.is_empty() {
            self.operation_ends(operation, None);
            return;
        }
        let begun = how.begun.clone().unwrap_or_default();
        let there: Vec<NodeId> = begun.surge.into_iter().filter(|n| todo.contains(n)).collect();
        todo.retain(|n| !there.contains(n) && !begun.done.contains(n));
        if todo.is_empty() && there.is_empty() {
            self.operation_ends(operation, None);
            return;
        }
        todo.sort_unstable_by_key(|&n| std::cmp::Reverse((self.cluster.nodes[n].ordinal, n)));
        for &node in &todo {
            self.cluster.nodes[node].owner = Some(operation);
        }
        // Nodes that stand cordoned were next.
        todo.sort_by_key(|&n| self.cluster.nodes[n].cordoned);
        let size = todo.len() as u32 + begun.done.len() as u32;
        let most = if self.parameters.reads(Knob::OneSurge) { 1 } else { size };
        let mut surge = how.max_surge.of(size).min(most).min(todo.len() as u32).saturating_sub(there.len() as u32);
        if let Some(like) = how.draws_as {
            self.cluster.pools[pool].draws_as = like;
        }
        if let Some(room) = self.cluster.room(self.spec, pool)
            && room < surge
        {
            // Kubernetes 1.35 and later fall back to one surge node (AKS changelog); before, the upgrade fails.
            if how.surge_fallback && room >= 1 {
                surge = 1;
            } else {
                let supply = self.cluster.short_of(self.spec, pool, surge);
                self.operation_fails(operation, Failure::NoRoom { supply });
                return;
            }
        }
        let buffer = surge + there.len() as u32;
        let parallel = if buffer > 0 { buffer } else { how.max_unavailable.of(size).clamp(1, size) };
        for &node in &there {
            self.cluster.nodes[node].owner = Some(operation);
            let now = self.now;
            self.operations[operation as usize].extra.push((node, now));
        }
        let upgrade = Upgrade {
            todo,
            parallel,
            surge: there,
            awaited: surge,
            in_flight: 0,
            quarantined: 0,
            max_blocked: how.max_blocked.of(size),
            asked: surge,
            coming: Vec::new(),
            rolling: false,
            closing: 0,
        };
        self.operations[operation as usize].phase = Phase::Upgrading(Box::new(upgrade));
        self.use_shapes(pool, &how.shapes);
        for n in 0..surge {
            self.request_surge_node(operation, pool, n);
        }
        if surge == 0 {
            self.roll(operation);
        } else {
            self.maybe_do_not_wait(operation, pool);
        }
    }

    fn request_surge_node(&mut self, operation: u32, pool: PoolId, n: u32) {
        let node = self.request_node(pool, Origin::Surge { operation, n });
        let now = self.now;
        self.operations[operation as usize].extra.push((node, now));
        if let Some(upgrade) = self.upgrade(operation) {
            upgrade.surge.push(node);
        }
    }

    /// With some probability the first drain starts before the surge node is usable.
    fn maybe_do_not_wait(&mut self, operation: u32, pool: PoolId) {
        let troubles = &self.p.scenario.settings.provisioning;
        let key = entity_key(&self.spec.pools[pool].name);
        if !self.on(Cause::SurgeGap)
            || self.streams.uniform(Process::SurgeGap, key, 0) >= self.parameters.get(Knob::SurgeGap)
        {
            return;
        }
        let gap = self.draw(&troubles.gap, Process::SurgeGap, key, 1);
        let Some(first) = self.upgrade(operation).and_then(|u| u.surge.first().copied()) else {
            return;
        };
        let ready = self.draw(&self.spec.pools[pool].provision, Process::Provision, self.cluster.nodes[first].key, 0);
        let early = crate::Duration(ready.0.saturating_sub(gap.0));
        self.queue.at(self.now + early, Event::OperationGoesOn { operation, stage: ROLL });
    }

    pub(crate) fn upgrade_goes_on(&mut self, operation: u32, stage: u32) {
        if stage == ROLL {
            self.roll(operation);
        }
    }

    /// Starts the first batch, once.
    fn roll(&mut self, operation: u32) {
        if let Some(upgrade) = self.upgrade(operation)
            && !upgrade.rolling
        {
            upgrade.rolling = true;
            self.next_nodes(operation);
        }
    }

    /// Starts as many drains as the pace allows; closes when no node is left.
    fn next_nodes(&mut self, operation: u32) {
        let Operation::Upgrade { how, .. } = &self.p.scenario.changes[operation as usize].operation else {
            return;
        };
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        let free = match how.pace {
            Pace::Batches if upgrade.in_flight > 0 => 0,
            _ => upgrade.parallel.saturating_sub(upgrade.in_flight) as usize,
        };
        let at = upgrade.todo.len().saturating_sub(free);
        let mut batch = upgrade.todo.split_off(at);
        upgrade.in_flight += batch.len() as u32;
        let finished = upgrade.in_flight == 0 && upgrade.todo.is_empty();
        // Cordon the whole batch before the first eviction, so that its pods do not move within it.
        for &node in batch.iter().rev() {
            self.cordon(node);
        }
        while let Some(node) = batch.pop() {
            self.start_drain(Some(operation), node, how.drain);
        }
        if finished {
            self.close(operation);
        }
    }

    pub(crate) fn upgrade_drained(&mut self, operation: u32, node: NodeId) {
        let Operation::Upgrade { how, .. } = &self.p.scenario.changes[operation as usize].operation else {
            return;
        };
        let closing = self.upgrade(operation).is_some_and(|u| u.surge.contains(&node));
        if closing {
            self.surge_node_empty(operation);
        } else if how.soak.is_zero() {
            self.soak_over(operation, node);
        } else {
            self.queue.at(self.now + how.soak, Event::SoakOver { operation, node });
        }
    }

    pub(crate) fn soak_over(&mut self, operation: u32, node: NodeId) {
        if self.operations[operation as usize].ended.is_some() {
            return;
        }
        let Operation::Upgrade { how, .. } = &self.p.scenario.changes[operation as usize].operation else {
            return;
        };
        if self.cluster.nodes[node].is_away() {
            self.upgrade_node_done(operation);
            return;
        }
        let row = &self.cluster.nodes[node];
        let (pool, other_size) = (row.pool, row.draws_as != self.cluster.pools[row.pool].draws_as);
        if how.replacement == Replacement::Recreate
            && other_size
            && let Some(supply) = self.cluster.short_of(self.spec, pool, 1)
        {
            self.operation_fails(operation, Failure::NoRoom { supply: Some(supply) });
            return;
        }
        if let Some(upgrade) = self.upgrade(operation) {
            upgrade.coming.push(node);
        }
        let old = self.cluster.nodes[node].shape;
        let shape = how.shapes.iter().find(|(from, _)| *from == old).map_or(old, |(_, to)| *to);
        self.remake(node, shape, how.replacement);
    }

    /// A surge node or a reimaged node is Ready.
    pub(crate) fn upgrade_node_ready(&mut self, operation: u32, node: NodeId) {
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        if let Some(at) = upgrade.coming.iter().position(|&n| n == node) {
            upgrade.coming.remove(at);
            self.upgrade_node_done(operation);
        } else if upgrade.surge.contains(&node) {
            upgrade.awaited = upgrade.awaited.saturating_sub(1);
            if upgrade.awaited == 0 {
                self.roll(operation);
            }
        }
        // Any other node was on its way when the upgrade began, and its turn has yet to come.
    }

    /// An old node has been replaced, or has been left behind.
    fn upgrade_node_done(&mut self, operation: u32) {
        if let Some(upgrade) = self.upgrade(operation) {
            upgrade.in_flight -= 1;
            self.next_nodes(operation);
        }
    }

    /// Leaves a node cordoned and goes on: undrainable behaviour Cordon (AKS docs upgrade-options, 2026-06-22). A surge node
    /// takes its place for good, and a fresh one that of the surge node where nodes are left to be done; without room for it,
    /// or without surge, the upgrade goes on with what there is. More such nodes than `max_blocked` end it.
    pub(crate) fn upgrade_quarantines(&mut self, operation: u32, node: NodeId, failure: Failure) {
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        upgrade.quarantined += 1;
        if upgrade.quarantined > upgrade.max_blocked {
            self.operation_fails(operation, failure);
            return;
        }
        let closing = upgrade.surge.contains(&node);
        let replaced = closing || !upgrade.surge.is_empty();
        let more = !upgrade.todo.is_empty();
        if closing {
            upgrade.surge.retain(|&n| n != node);
        } else if replaced {
            upgrade.surge.remove(0);
        }
        self.operations[operation as usize].failure = Some(failure);
        self.cluster.nodes[node].owner = None;
        let pool = self.cluster.nodes[node].pool;
        if closing {
            self.surge_node_empty(operation);
        } else if (more || !replaced) && self.cluster.room(self.spec, pool) != Some(0) {
            self.request_late_node(operation, pool, replaced);
        } else {
            self.upgrade_node_done(operation);
        }
    }

    /// A fresh node, for which the place of the quarantined one in the batch waits: a surge node, or one that stays.
    fn request_late_node(&mut self, operation: u32, pool: PoolId, surge: bool) {
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        let n = upgrade.asked;
        upgrade.asked += 1;
        let node = self.request_node(pool, Origin::Surge { operation, n });
        if let Some(upgrade) = self.upgrade(operation) {
            upgrade.coming.push(node);
            if surge {
                upgrade.surge.push(node);
            }
        }
    }

    /// All old nodes are done: drains the surge nodes that are not needed any more.
    fn close(&mut self, operation: u32) {
        let Operation::Upgrade { how, .. } = &self.p.scenario.changes[operation as usize].operation else {
            return;
        };
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        let leaving = upgrade.surge.clone();
        upgrade.closing = leaving.len() as u32;
        if leaving.is_empty() {
            let failure = self.operations[operation as usize].failure;
            self.operation_ends(operation, failure);
            return;
        }
        leaving.iter().for_each(|&node| self.cordon(node));
        for &node in &leaving {
            self.start_drain(Some(operation), node, how.drain);
        }
    }

    fn surge_node_empty(&mut self, operation: u32) {
        let Some(upgrade) = self.upgrade(operation) else {
            return;
        };
        upgrade.closing -= 1;
        if upgrade.closing == 0 {
            let leaving = upgrade.surge.clone();
            self.delete_nodes(operation, leaving);
        }
    }

    fn upgrade(&mut self, operation: u32) -> Option<&mut Upgrade> {
        match &mut self.operations[operation as usize].phase {
            Phase::Upgrading(upgrade) => Some(upgrade),
            _ => None,
        }
    }
}
