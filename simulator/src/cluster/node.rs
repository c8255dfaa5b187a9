//! A node's row.

use crate::cluster::pod::NO_POD;
use crate::scheduler::Readiness;
use crate::spec::Resources;
use crate::time::Time;
use crate::{DrainId, NodeShapeId, PoolId};

/// A node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub pool: PoolId,
    /// The pool whose shares its machine has taken.
    pub draws_as: PoolId,
    pub shape: NodeShapeId,
    pub ordinal: u32,
    /// Key of its random streams.
    pub key: u64,
    pub state: NodeState,
    pub cordoned: bool,
    /// Its kubelet reports MemoryPressure.
    pub pressed: bool,
    /// New: the cloud's node manager has not yet been there.
    pub uninitialised: bool,
    /// Rises when pending events of the node become void.
    pub epoch: u32,
    /// Times it has been reimaged.
    pub incarnation: u32,
    /// Times it has failed, for naming draws.
    pub failures: u32,
    /// Requests of the pods bound to it.
    pub used: Resources,
    /// The same as the scoring plugins count them.
    pub used_score: (i64, i64),
    /// Head of the list of its pods.
    pub first_pod: u32,
    /// The drain in progress.
    pub drain: Option<DrainId>,
    /// Asked for by the cluster autoscaler.
    pub added: bool,
    /// The cluster autoscaler is removing it.
    pub leaving: Option<Leaving>,
    /// The planned operation that owns it for now.
    pub owner: Option<u32>,
    /// Pods on it that give a service whose flows are modelled.
    pub serving: u32,
}

/// What has befallen a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Health {
    /// Since when it has the taint that evicts from lost nodes.
    pub tainted: Option<Time>,
    /// Until when it is Ready but of no use.
    pub grey_until: Time,
    /// Lost to a cause that repair of the machine cannot help.
    pub beyond_repair: bool,
    /// The control plane has lost sight of it, but its pods serve on.
    pub silent: bool,
    /// Since when it is NotReady.
    pub lost_since: Time,
    /// Steps of repair begun since.
    pub repairs: u32,
    /// When the platform takes it back, where that is announced.
    pub reclaimed: Time,
    /// Times its machine was asked for in vain.
    pub attempts: u32,
    /// A look of its kubelet at the memory is queued.
    pub watched: bool,
    /// Until when it reports MemoryPressure.
    pub pressed_until: Time,
    /// When the images it is pulling are there.
    pub pulled: Time,
}

impl Health {
    pub const GOOD: Health = Health {
        tainted: None,
        grey_until: Time::ZERO,
        beyond_repair: false,
        silent: false,
        lost_since: Time::ZERO,
        repairs: 0,
        reclaimed: Time::NEVER,
        attempts: 0,
        watched: false,
        pressed_until: Time::ZERO,
        pulled: Time::ZERO,
    };
}

/// The removal of a node by the cluster autoscaler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leaving {
    /// Tells removals apart.
    pub number: u32,
    /// It had to be drained.
    pub occupied: bool,
    /// It was unschedulable before.
    pub was_cordoned: bool,
}

/// Where a node is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NodeState {
    /// Requested, not there yet.
    Joining,
    /// Ready, and truly running.
    Ready,
    /// Dead; the control plane still holds it Ready.
    Dead,
    /// Declared NotReady.
    NotReady,
    /// Being reimaged.
    Reimaging,
    /// Stopped and kept, for its pool to start again.
    Deallocated,
    /// Deleted.
    Gone,
}

impl Node {
    pub fn new(pool: PoolId, shape: NodeShapeId, ordinal: u32, key: u64, state: NodeState) -> Node {
        Node {
            pool,
            draws_as: pool,
            shape,
            ordinal,
            key,
            state,
            cordoned: false,
            pressed: false,
            uninitialised: false,
            epoch: 0,
            incarnation: 0,
            failures: 0,
            used: Resources::default(),
            used_score: (0, 0),
            first_pod: NO_POD,
            drain: None,
            added: false,
            leaving: None,
            owner: None,
            serving: 0,
        }
    }

    /// True while the scheduler sees it at all.
    pub fn registered(&self) -> bool {
        matches!(self.state, NodeState::Ready | NodeState::Dead | NodeState::NotReady)
    }

    /// Its conditions, as its taints tell them.
    pub fn readiness(&self) -> Readiness {
        match self.state {
            NodeState::NotReady => Readiness::Unreachable,
            _ if self.uninitialised => Readiness::Uninitialised,
            _ if self.pressed => Readiness::ShortOfMemory,
            _ => Readiness::Ready,
        }
    }

    /// True while the control plane holds it Ready.
    pub fn seems_ready(&self) -> bool {
        matches!(self.state, NodeState::Ready | NodeState::Dead)
    }

    /// True where it is neither running nor on its way.
    pub fn is_away(&self) -> bool {
        matches!(self.state, NodeState::Deallocated | NodeState::Gone)
    }

    /// True where nothing on it runs.
    pub fn is_dead(&self) -> bool {
        self.state != NodeState::Ready
    }
}
