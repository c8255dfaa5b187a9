//! Nodes that come and go on purpose: requested, joined, reimaged, deleted.

use crate::change::Replacement;
use crate::cluster::node::{Health, Node, NodeState};
use crate::contingency::Contingency;
use crate::event::Event;
use crate::outcome::{Failure, Incident};
use crate::parameters::Knob;
use crate::process::scheduling::Happened;
use crate::random::{Process, entity_key, sub_key};
use crate::settings::Cause;
use crate::sim::Sim;
use crate::{Duration, NodeId, NodeShapeId, PoolId, Time};

/// When a request for a machine is refused: an allocation failure is answered within the request [inferred].
const REFUSED: Duration = Duration::secs(30);

/// Who asks for a node. Surge nodes and those of the autoscaler are numbered by themselves, so that their luck does not
/// depend on how many nodes the pool has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Origin {
    /// An operation that makes the pool larger.
    Operation(u32),
    /// An operation that wants an extra node for a while: its `n`-th.
    Surge { operation: u32, n: u32 },
    /// The cluster autoscaler: its n-th of the pool.
    Autoscaler(u32),
    /// The `n`-th of a provisioner.
    Provisioner { of: u32, n: u32 },
}

/// Keys of surge and autoscaled nodes lie apart from those of ordinals.
const SURGE: u64 = 0x7375_7267_6500;
const AUTO: u64 = 0x6175_746f_0000_0000;
const PROVISIONED: u64 = 0x6e61_7000_0000_0000;

impl Sim<'_> {
    /// Asks the platform for a node: a stopped one where the pool keeps such and grows (AKS docs scale-down-mode), else a new
    /// one.
    pub(crate) fn request_node(&mut self, pool: PoolId, origin: Origin) -> NodeId {
        let stopped = |n: &NodeId| {
            let row = &self.cluster.nodes[*n];
            row.pool == pool && row.state == NodeState::Deallocated
        };
        let grows = self.spec.pools[pool].deallocates.is_some() && !matches!(origin, Origin::Surge { .. });
        match self.cluster.nodes.ids().find(|n| grows && stopped(n)) {
            Some(node) => self.start_stopped_node(node, origin),
            None => self.request_new_node(pool, None, origin),
        }
    }

    /// How many nodes a pool may grow by: what quota and addresses leave room for, and those it has stopped.
    pub(crate) fn room_to_grow(&self, pool: PoolId) -> Option<u32> {
        let stopped = |n: &Node| n.pool == pool && n.state == NodeState::Deallocated;
        let kept = if self.spec.pools[pool].deallocates.is_some() {
            self.cluster.nodes.rows().iter().filter(|n| stopped(n)).count() as u32
        } else {
            0
        };
        self.cluster.room(self.spec, pool).map(|room| room.saturating_add(kept))
    }

    fn start_stopped_node(&mut self, node: NodeId, origin: Origin) -> NodeId {
        let row = &mut self.cluster.nodes[node];
        row.state = NodeState::Joining;
        row.epoch += 1;
        row.incarnation += 1;
        row.cordoned = false;
        row.added = false;
        row.leaving = None;
        self.cluster.health[node] = Health::GOOD;
        self.await_requested(node, origin);
        node
    }

    /// Asks for a new machine, of a shape of the pool's or the one its balance of zones calls for.
    pub(crate) fn request_new_node(&mut self, pool: PoolId, shape: Option<NodeShapeId>, origin: Origin) -> NodeId {
        let shape = shape.unwrap_or_else(|| self.template_for(pool));
        let state = &mut self.cluster.pools[pool];
        let ordinal = state.next_ordinal;
        state.next_ordinal += 1;
        let pool_key = entity_key(&self.spec.pools[pool].name);
        let name = &self.spec.pools[pool].name;
        let (key, name) = match origin {
            Origin::Operation(_) => (sub_key(pool_key, u64::from(ordinal)), format!("{name}-new-{ordinal}")),
            Origin::Surge { operation, n } => (
                sub_key(sub_key(pool_key, SURGE + u64::from(operation)), u64::from(n)),
                format!("{name}-new-{ordinal}"),
            ),
            Origin::Autoscaler(n) => (sub_key(sub_key(pool_key, AUTO), u64::from(n)), format!("{name}-auto-{n}")),
            Origin::Provisioner { of, n } => {
                let name = &self.spec.provisioners[of as usize].name;
                (sub_key(sub_key(entity_key(name), PROVISIONED), u64::from(n)), format!("{name}-nap-{n}"))
            }
        };
        let node = self.cluster.nodes.push(Node::new(pool, shape, ordinal, key, NodeState::Joining));
        self.cluster.take_shares(self.spec, node);
        self.cluster.health.push(Health::GOOD);
        self.cluster.names.push(name);
        self.cluster.ports.push(Vec::new());
        self.cluster.tenants.push(Vec::new());
        self.await_requested(node, origin);
        self.start_node_failures(node);
        node
    }

    fn await_requested(&mut self, node: NodeId, origin: Origin) {
        match origin {
            Origin::Operation(operation) | Origin::Surge { operation, .. } => {
                self.cluster.nodes[node].owner = Some(operation)
            }
            Origin::Autoscaler(_) => self.cluster.nodes[node].added = true,
            Origin::Provisioner { .. } => {}
        }
        self.tell(Incident::NodeRequested { node, surge: matches!(origin, Origin::Surge { .. }) });
        self.await_machine(node);
    }

    /// The template of the zone with the fewest nodes of the pool; the first of several
    /// (VMSS balances zones best-effort: AKS docs cluster-autoscaler-overview).
    pub(crate) fn template_for(&self, pool: PoolId) -> NodeShapeId {
        let templates = &self.cluster.pools[pool].templates;
        let in_zone = |shape: NodeShapeId| {
            let zone = self.spec.node_shapes[shape].zone;
            self.cluster
                .nodes_of(pool)
                .filter(|&n| self.spec.node_shapes[self.cluster.nodes[n].shape].zone == zone)
                .count()
        };
        *templates.iter().min_by_key(|&&t| in_zone(t)).unwrap_or(&templates[0])
    }

    /// Queues the arrival of a requested node, or the news that it will not come.
    fn await_machine(&mut self, node: NodeId) {
        let row = self.cluster.nodes[node];
        // Each request for the machine has draws of its own: those of a stopped one follow those of a new one.
        let number = self.cluster.health[node].attempts + 64 * row.incarnation;
        let troubles = &self.p.scenario.settings.provisioning;
        if self.no_machines(row.pool, row.shape) {
            self.queue.at(self.now + REFUSED, Event::NodeNeverJoins { node, epoch: row.epoch, refused: true });
            return;
        }
        if self.on(Cause::ProvisioningFailure) {
            let mut fails = |cause, knob, n| {
                let u = self.streams.uniform(Process::ProvisionFailure, row.key, 2 * number + n);
                self.on(cause) && self.rare_chance(u, self.parameters.get(knob))
            };
            let refused = fails(Cause::AllocationFailure, Knob::AllocationFailure, 0);
            let broken = fails(Cause::BootstrapFailure, Knob::BootstrapFailure, 1);
            if (refused || broken) && self.node_is_late(node) {
                let noticed = match refused {
                    true => REFUSED,
                    false if row.added => self.p.scenario.settings.autoscaler.max_node_provision,
                    false => troubles.bootstrap_notice,
                };
                self.queue.at(self.now + noticed, Event::NodeNeverJoins { node, epoch: row.epoch, refused });
                return;
            }
        }
        let pool = &self.spec.pools[row.pool];
        let dist = pool.deallocates.as_ref().filter(|_| row.incarnation > 0).unwrap_or(&pool.provision);
        let mut wait = self.draw(dist, Process::Provision, row.key, number);
        if wait > dist.median() && !self.node_is_late(node) {
            wait = dist.median();
        }
        let patience = self.p.scenario.settings.autoscaler.max_node_provision;
        if row.added && wait > patience {
            // The autoscaler gives up a node that takes too long (kubernetes/autoscaler 1.33 max-node-provision-time).
            self.queue.at(self.now + patience, Event::NodeNeverJoins { node, epoch: row.epoch, refused: false });
            return;
        }
        self.queue.at(self.now + wait, Event::NodeJoins { node, epoch: row.epoch });
    }

    /// True unless just this is taken not to happen.
    fn node_is_late(&mut self, node: NodeId) -> bool {
        self.happens_to_node(|node| Contingency::LateNode { node }, node)
    }

    pub(crate) fn node_joins(&mut self, node: NodeId, epoch: u32) {
        let row = &mut self.cluster.nodes[node];
        if row.epoch != epoch || !matches!(row.state, NodeState::Joining | NodeState::Reimaging) {
            return;
        }
        // A new node comes schedulable unless somebody who wants it gone has cordoned it on its way.
        row.cordoned &= row.state == NodeState::Joining;
        row.state = NodeState::Ready;
        let owner = row.owner;
        self.cluster.touch(node);
        self.registers(node);
        self.tell(Incident::NodeReady { node });
        self.autoscaler_node_ready(node);
        self.provisioner_node_ready(node);
        self.spot_node(node);
        self.create_daemons(node);
        self.nodes_came_or_went();
        self.nodes_changed();
        self.wake_scheduler(Happened::NodeAdded(node));
        if let Some(operation) = owner {
            self.operation_node_ready(operation, node);
        }
    }

    /// A machine that was asked for does not come: the platform asks again, or the operation that wanted it fails.
    pub(crate) fn node_never_joins(&mut self, node: NodeId, epoch: u32, refused: bool) {
        let row = self.cluster.nodes[node];
        if row.epoch != epoch || row.state != NodeState::Joining {
            return;
        }
        let provisioned = self.is_provisioned(node);
        if !row.added
            && !provisioned
            && self.cluster.health[node].attempts < self.p.scenario.settings.provisioning.retries
        {
            self.cluster.health[node].attempts += 1;
            self.await_machine(node);
            return;
        }
        self.delete_node(node);
        if row.added {
            self.scale_up_failed(row.pool);
        }
        if provisioned {
            self.provisioner_node_failed(node, refused);
        }
        if let Some(operation) = row.owner {
            self.operation_fails(operation, if refused { Failure::AllocationFailed } else { Failure::BootstrapFailed });
        }
    }

    /// Wipes a node and starts it again, or has its machine deleted and another made in its place; with another shape where
    /// the operation says so.
    pub(crate) fn remake(&mut self, node: NodeId, shape: NodeShapeId, how: Replacement) {
        self.tell(Incident::NodeReimaging { node });
        let row = &mut self.cluster.nodes[node];
        let registered = row.registered();
        row.state = NodeState::Reimaging;
        row.epoch += 1;
        row.incarnation += 1;
        self.cluster.touch(node);
        self.cluster.images.forget(node);
        self.cluster.health[node].grey_until = Time::ZERO;
        self.cluster.health[node].pulled = Time::ZERO;
        self.cluster.nodes[node].pressed = false;
        self.lose_pods(node);
        self.gaps_end_on(node);
        self.daemons_lose_node(node);
        if registered {
            self.wake_scheduler(Happened::NodeGone(node));
        }
        self.cluster.nodes[node].shape = shape;
        if how == Replacement::Recreate {
            self.cluster.swap_shares(self.spec, node);
        }
        self.nodes_came_or_went();
        self.nodes_changed();
        let row = self.cluster.nodes[node];
        // The machine is the one that joined before: only its time is uncertain.
        let pool = &self.spec.pools[row.pool];
        let wait = match how {
            Replacement::Reimage => self.draw(&pool.reimage, Process::Reimage, row.key, row.incarnation),
            Replacement::Recreate => {
                self.draw(&pool.delete, Process::DeleteNodes, row.key, row.incarnation)
                    + self.draw(&pool.provision, Process::Provision, row.key, row.incarnation)
            }
        };
        let usual = match how {
            Replacement::Reimage => pool.reimage.median(),
            Replacement::Recreate => pool.delete.median() + pool.provision.median(),
        };
        let wait = if wait > usual && !self.node_is_late(node) { usual } else { wait };
        self.queue.at(self.now + wait, Event::NodeJoins { node, epoch: row.epoch });
    }

    /// Gives up a node that its pool is to shrink by: deleted, or stopped and kept, by the pool's scale-down mode. A stopped
    /// machine keeps its quota and addresses.
    pub(crate) fn release_node(&mut self, node: NodeId) {
        let row = &mut self.cluster.nodes[node];
        if self.spec.pools[row.pool].deallocates.is_none() || row.is_away() {
            self.delete_node(node);
            return;
        }
        let registered = row.registered();
        row.state = NodeState::Deallocated;
        row.epoch += 1;
        row.drain = None;
        row.owner = None;
        self.tell(Incident::NodeDeallocated { node });
        self.node_is_away(node, registered);
    }

    /// Deletes a node; its pods are lost.
    pub(crate) fn delete_node(&mut self, node: NodeId) {
        let row = &mut self.cluster.nodes[node];
        if row.state == NodeState::Gone {
            return;
        }
        let registered = row.registered();
        row.state = NodeState::Gone;
        row.epoch += 1;
        row.drain = None;
        self.cluster.give_shares_back(self.spec, node);
        self.tell(Incident::NodeDeleted { node });
        self.node_is_away(node, registered);
    }

    fn node_is_away(&mut self, node: NodeId, registered: bool) {
        self.cluster.touch(node);
        self.lose_pods(node);
        self.gaps_end_on(node);
        self.daemons_lose_node(node);
        self.nodes_came_or_went();
        if registered {
            self.wake_scheduler(Happened::NodeGone(node));
        }
        self.nodes_changed();
    }
}
