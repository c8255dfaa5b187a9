//! Node auto-provisioning: makes nodes of fitting size for pods that find none, and takes away or replaces nodes that are empty,
//! hardly used, out of date or too old.
//!
//! Karpenter v1.6 (kubernetes-sigs/karpenter `pkg/controllers`; concepts/disruption, v1) with the Azure provider, which AKS runs as
//! node auto-provisioning. Pods are collected for as long as one comes within a second of the other, ten at most
//! (`batch-idle-duration`, `batch-max-duration`); every ten seconds (`pollingPeriod`) one thing is disrupted, in the order drift,
//! emptiness, several nodes, one node. Looks that would change nothing are not played.
//! Left out: preferences that are relaxed step by step, spot-to-spot consolidation, budgets with a schedule, startup taints,
//! the replacement of nodes before they expire (v1 expires by force), static NodePools.

mod disrupt;
mod fit;

use crate::cluster::pod::PodState;
use crate::event::Event;
use crate::process::looks::Looks;
use crate::process::node_life::Origin;
use crate::process::room::Room;
use crate::random::{Process, entity_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::spec::Provisioner;
use crate::time::{Duration, Time};
use crate::{Column, NodeId, PodId, PoolId};
use disrupt::Command;

/// Name of the streams of the provisioner.
const NAME: &str = "node-provisioning";
/// `batch-idle-duration` and `batch-max-duration`.
const BATCH_IDLE: Duration = Duration::secs(1);
const BATCH_MOST: Duration = Duration::secs(10);
/// Time between two looks for something to disrupt (`pollingPeriod`).
const LOOKS: Duration = Duration::secs(10);
/// How long a size is left alone that was not to be had (karpenter-provider-azure `AllocationFailureTTL`).
const UNAVAILABLE: Duration = Duration::mins(60);

/// What the provisioner remembers.
#[derive(Debug, Default)]
pub(crate) struct Provisioning {
    active: bool,
    looks: Looks,
    /// Who makes nodes of a pool.
    of: Column<PoolId, Option<u32>>,
    /// Until when a pool's size is not to be had.
    unavailable: Column<PoolId, Time>,
    /// Pods that found no node, with the epoch that tells them from later tenants of the row.
    waiting: Vec<(PodId, u32)>,
    /// When the first of the batch came, and when it ends.
    batch: Option<(Time, Time)>,
    /// When pods last came to or left a node.
    touched: Column<NodeId, Time>,
    /// Not as they would be made now.
    drifted: Vec<NodeId>,
    commands: Vec<Command>,
    /// Nodes made so far: they are named by it.
    made: Vec<u32>,
    rooms: Vec<Room>,
}

impl<'a> Sim<'a> {
    /// Begins a trial.
    pub(crate) fn start_provisioning(&mut self) {
        let active = !self.spec.provisioners.is_empty() && self.on(Cause::NodeProvisioning);
        let state = &mut self.provisioning;
        state.active = active;
        state.waiting.clear();
        state.touched.clear();
        state.drifted.clear();
        state.commands.clear();
        state.batch = None;
        if !active {
            return;
        }
        state.of.clear();
        state.of.resize(self.spec.pools.len(), None);
        state.unavailable.clear();
        state.unavailable.resize(self.spec.pools.len(), Time::ZERO);
        state.made.clear();
        state.made.resize(self.spec.provisioners.len(), 0);
        for (i, provisioner) in self.spec.provisioners.iter().enumerate() {
            for &pool in &provisioner.sizes {
                state.of[pool] = Some(i as u32);
            }
        }
        let phase = LOOKS.as_secs_f64() * self.uniform(Process::Phase, entity_key(NAME), 0);
        self.provisioning.looks = Looks::at(Duration::from_secs_f64(phase));
        for provisioner in &self.spec.provisioners {
            if let Some(limit) = provisioner.expire_after {
                for &(node, age) in &provisioner.ages {
                    self.expires(node, Duration(limit.0.saturating_sub(age.0)));
                }
            }
        }
        self.provisioner_looks_from(self.now);
    }

    /// Who makes the nodes of a pool.
    fn provisioner_of(&self, pool: PoolId) -> Option<&'a Provisioner> {
        let of = self.provisioning.of.get(pool).copied().flatten().filter(|_| self.provisioning.active);
        of.map(|i| &self.spec.provisioners[i as usize])
    }

    /// True for nodes that it makes and takes away.
    pub(crate) fn is_provisioned(&self, node: NodeId) -> bool {
        self.provisioner_of(self.cluster.nodes[node].pool).is_some()
    }

    /// Takes note of a pod that found no node.
    pub(crate) fn provisioner_sees(&mut self, pod: PodId) {
        if self.provisioning.active {
            self.provisioning.waiting.push((pod, self.cluster.pods[pod].epoch));
            self.extend_batch();
        }
    }

    fn extend_batch(&mut self) {
        let first = self.provisioning.batch.map_or(self.now, |(first, _)| first);
        let ends = (self.now + BATCH_IDLE).min(first + BATCH_MOST);
        self.provisioning.batch = Some((first, ends));
        self.queue.at(ends, Event::ProvisionerBatch);
    }

    pub(crate) fn provisioner_batch(&mut self) {
        if self.provisioning.batch.is_some_and(|(_, ends)| ends == self.now) {
            self.provisioning.batch = None;
            self.provision();
        }
    }

    /// Pods came to or left a node.
    #[inline]
    pub(crate) fn provisioner_notes(&mut self, node: NodeId) {
        if self.provisioning.active {
            if self.provisioning.touched.len() <= node.0 as usize {
                self.provisioning.touched.resize(node.0 as usize + 1, Time::ZERO);
            }
            self.provisioning.touched[node] = self.now;
        }
    }

    /// The cluster changed: the next look may find something to do.
    #[inline]
    pub(crate) fn wake_provisioner(&mut self) {
        if self.provisioning.active {
            self.provisioner_looks_from(self.now);
        }
    }

    /// Queues the first look at or after a time, where none is queued before it.
    fn provisioner_looks_from(&mut self, time: Time) {
        if let Some(at) = self.provisioning.looks.from(time, self.now, LOOKS) {
            self.queue.at(at, Event::ProvisionerLooks);
        }
    }

    pub(crate) fn provisioner_looks(&mut self) {
        if !self.provisioning.looks.due(self.now) {
            return;
        }
        self.provision();
        self.disrupt();
    }

    /// Asks for nodes for the pods that wait.
    fn provision(&mut self) {
        let cluster = &self.cluster;
        let waits = |p: PodId, epoch: u32| {
            let row = &cluster.pods[p];
            row.epoch == epoch && row.state == PodState::Pending && row.node.is_none()
        };
        self.provisioning.waiting.retain(|&(pod, epoch)| waits(pod, epoch));
        if self.provisioning.waiting.is_empty() {
            return;
        }
        let mut rooms = std::mem::take(&mut self.provisioning.rooms);
        self.rooms_with_upcoming(&mut rooms);
        let mut pods: Vec<PodId> = self.provisioning.waiting.iter().map(|&(pod, _)| pod).collect();
        // Pods that preempted others wait for those.
        pods.retain(|&pod| {
            let nominated = self.cluster.pods[pod].nominated;
            if let Some(room) = rooms.iter_mut().find(|r| r.node.is_some() && r.node == nominated) {
                self.take_room(room, self.cluster.shape_of(self.spec, pod));
                return false;
            }
            true
        });
        let claims = self.claims(&mut pods, &mut rooms);
        self.provisioning.rooms = rooms;
        for claim in claims {
            self.launch(claim);
        }
    }

    /// Rooms of all nodes, with those on their way that it has asked for; without those it takes away.
    fn rooms_with_upcoming(&self, rooms: &mut Vec<Room>) {
        self.look_for_room(rooms, |pool| self.provisioner_of(pool).is_some());
        rooms.retain(|room| room.node.is_none_or(|n| !self.disrupted(n)));
    }

    /// Asks the platform for a node of the cheapest size that is to be had.
    fn launch(&mut self, claim: fit::Claim) -> Option<NodeId> {
        let (pool, shape) = self.cheapest(&claim)?;
        let index = self.provisioning.of[pool]? as usize;
        let n = self.provisioning.made[index];
        self.provisioning.made[index] += 1;
        self.counts.nodes_added += 1;
        let node = self.request_new_node(pool, Some(shape), Origin::Provisioner { of: index as u32, n });
        if let Some(limit) = self.spec.provisioners[index].expire_after {
            self.expires(node, limit);
        }
        Some(node)
    }

    fn expires(&mut self, node: NodeId, after: Duration) {
        let epoch = self.cluster.nodes[node].incarnation;
        self.queue.at(self.now + after.min(Duration(1 << 60)), Event::NodeExpires { node, epoch });
    }

    /// A node it asked for is Ready.
    pub(crate) fn provisioner_node_ready(&mut self, node: NodeId) {
        if self.provisioning.active && self.is_provisioned(node) {
            self.provisioner_notes(node);
            self.replacement_ready(node);
            self.wake_provisioner();
        }
    }

    /// A machine it asked for does not come: its size is left alone for a while, and the pods are looked at again.
    pub(crate) fn provisioner_node_failed(&mut self, node: NodeId, refused: bool) {
        let pool = self.cluster.nodes[node].pool;
        if refused {
            self.provisioning.unavailable[pool] = self.now + UNAVAILABLE;
        }
        self.replacement_failed(node);
        if !self.provisioning.waiting.is_empty() {
            self.extend_batch();
        }
    }

    /// Nodes of provisioners are not as they would be made now: another image, another version.
    pub(crate) fn drift(&mut self) {
        let Provisioning { active: true, .. } = self.provisioning else {
            return;
        };
        let there = |n: &NodeId| !self.cluster.nodes[*n].is_away() && self.is_provisioned(*n);
        self.provisioning.drifted = self.cluster.nodes.ids().filter(there).collect();
        self.wake_provisioner();
    }
}
