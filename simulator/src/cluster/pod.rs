//! A pod's row.

use crate::time::Time;
use crate::{NodeId, PodShapeId, WorkloadId};

/// End of a list of pods.
pub(crate) const NO_POD: u32 = u32::MAX;

/// A pod.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pod {
    pub workload: WorkloadId,
    pub node: Option<NodeId>,
    /// Where it is nominated to after a preemption.
    pub nominated: Option<NodeId>,
    pub state: PodState,
    /// The control plane holds it ready.
    pub ready: bool,
    /// It truly serves.
    pub up: bool,
    /// Rises when pending events of the pod become void.
    pub epoch: u32,
    /// Key of its random streams.
    pub key: u64,
    /// Place within its workload (for daemons, the node).
    pub ordinal: u32,
    /// Number of pods before it in this place, for naming draws.
    pub generation: u32,
    /// Order of creation.
    pub start: u32,
    /// Pending: since when. Starting: when its containers run.
    pub since: Time,
    /// Failed attempts of the scheduler.
    pub attempts: u32,
    /// When the scheduler's queue got it: its creation, then its last failed attempt.
    pub queued: Time,
    /// Kept out of the scheduler's queue by a scheduling gate.
    pub gated: bool,
    /// Its owner wants it, but the API server does not let it be made yet.
    pub held: bool,
    /// An agent of the tunnel that has its connection to the control plane.
    pub connected: bool,
    /// Bound, but a driver of its volumes is not ready on its node.
    pub awaits_driver: bool,
    /// Of an older template than its owner's.
    pub old: bool,
    /// Its own shape, where it differs from its owner's.
    pub shape: Option<PodShapeId>,
    /// Its successor is ready as soon as it is bound; on the successor: it is the one.
    pub gapless: bool,
    pub next_on_node: u32,
    pub prev_on_node: u32,
    pub next_sibling: u32,
    pub prev_sibling: u32,
}

/// Where a pod is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PodState {
    /// No pod in this row.
    Free,
    /// Waits for a node.
    Pending,
    /// Bound; images are pulled, containers start, readiness is awaited.
    Starting,
    /// Has become ready at least once since its start.
    Running,
    /// Marked for deletion.
    Terminating,
}

impl Pod {
    pub fn new(workload: WorkloadId, key: u64, ordinal: u32, generation: u32) -> Pod {
        Pod {
            workload,
            node: None,
            nominated: None,
            state: PodState::Pending,
            ready: false,
            up: false,
            epoch: 0,
            key,
            ordinal,
            generation,
            start: 0,
            since: Time::ZERO,
            attempts: 0,
            queued: Time::ZERO,
            gated: false,
            held: false,
            connected: false,
            awaits_driver: false,
            old: false,
            shape: None,
            gapless: false,
            next_on_node: NO_POD,
            prev_on_node: NO_POD,
            next_sibling: NO_POD,
            prev_sibling: NO_POD,
        }
    }
}
