//! Planned interventions: what an operator or a platform does to node pools. Neutral words; who names them otherwise
//! (a cloud's API) translates before.

use crate::spec::{Autoscaled, Quantity};
use crate::time::{Duration, Time};
use crate::{NodeId, NodeShapeId, PoolId, WorkloadId};

/// An operation, when it is asked for, and how the platform lets it in.
#[derive(Clone, Debug)]
pub struct Planned {
    /// When it is asked for. Several may be together; one at a time per pool, in list order.
    pub at: Time,
    /// What is done.
    pub operation: Operation,
    /// On which conditions it begins.
    pub admission: Admission,
}

impl Planned {
    /// An operation that begins at `at`, or as soon as those before it on its pool have ended.
    pub fn new(at: Time, operation: Operation) -> Planned {
        Planned { at, operation, admission: Admission::default() }
    }
}

/// On which conditions an operation begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    /// What becomes of it where an earlier operation still works on its pool.
    pub busy: Busy,
    /// The error code with which the platform is known to refuse it, whatever the state of the cluster.
    pub refused: Option<&'static str>,
    /// Windows it may begin in, as `[from, until)`, by time; any time where there are none. What has begun goes on past
    /// the end of its window (AKS docs planned-maintenance, 2025-12-19: questions and answers).
    pub windows: Vec<(Time, Time)>,
    /// A step of a script: it begins so long after all operations before it in the list have ended, and never where one of them
    /// has failed. `None` for an operation of its own.
    pub turn: Option<Duration>,
}

/// What becomes of an operation whose pool is busy. AKS runs one operation at a time per pool; a newer one fails or
/// displaces the older (docs upgrade-node-pools; errors OperationNotAllowed and AKSOperationPreempted).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Busy {
    /// Whoever asks waits for the end of the operation before.
    #[default]
    Waits,
    /// It is refused.
    Refused,
    /// It takes the place of the operation before, which ends where it stands.
    Displaces,
}

/// One operation on the cluster.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Brings a pool to `count` nodes. Going down, nodes leave by zone balance, then highest ordinal.
    Scale {
        /// Which pool.
        pool: PoolId,
        /// Nodes afterwards.
        count: u32,
        /// How the nodes that leave are emptied.
        drain: DrainSettings,
    },
    /// Empties and deletes every node of a pool.
    DeletePool {
        /// Which pool.
        pool: PoolId,
        /// How its nodes are emptied.
        drain: DrainSettings,
    },
    /// Replaces every node of a pool, some at a time.
    Upgrade {
        /// Which pool.
        pool: PoolId,
        /// How.
        how: UpgradeSettings,
    },
    /// Replaces every node of a pool by a second set beside the first, with time to look and to turn back.
    BlueGreen {
        /// Which pool.
        pool: PoolId,
        /// How.
        how: BlueGreenSettings,
    },
    /// Ends the operation that works on a pool where it stands: nothing is undone.
    Abort {
        /// Which pool.
        pool: PoolId,
        /// Until the platform has heard it.
        takes: Duration,
    },
    /// Turns a blue-green upgrade back that was aborted in its final soak: blue nodes are schedulable again, green ones are
    /// drained and deleted.
    Rollback {
        /// Which pool.
        pool: PoolId,
        /// How the green nodes are emptied.
        drain: DrainSettings,
    },
    /// Gives the nodes of a pool new labels and taints in place (mode, label and taint changes).
    Reshape {
        /// Which pool.
        pool: PoolId,
        /// Old shape to new shape, for every shape the pool uses.
        shapes: Vec<(NodeShapeId, NodeShapeId)>,
        /// How long the platform takes.
        takes: Duration,
    },
    /// Marks nodes unschedulable; their pods stay.
    Cordon {
        /// Which nodes.
        nodes: Vec<NodeId>,
    },
    /// Marks nodes schedulable again.
    Uncordon {
        /// Which nodes.
        nodes: Vec<NodeId>,
    },
    /// Cordons nodes and evicts their pods; the nodes stay.
    Drain {
        /// Which nodes.
        nodes: Vec<NodeId>,
        /// How.
        drain: DrainSettings,
    },
    /// Deletes nodes at once, without cordon or drain.
    DeleteNodes {
        /// Which nodes.
        nodes: Vec<NodeId>,
    },
    /// Changes how many replicas a workload wants; where a ladder by nodes and cores decides, how many at least.
    SetReplicas {
        /// Which workload.
        workload: WorkloadId,
        /// Replicas afterwards.
        replicas: u32,
    },
    /// Switches the cluster autoscaler on or off for a pool, or gives it another range.
    SetAutoscaler {
        /// Which pool.
        pool: PoolId,
        /// Its range afterwards; `None` for off.
        range: Option<Autoscaled>,
        /// How long the platform takes.
        takes: Duration,
    },
    /// The templates of workloads change, and they roll out: a new version of what runs in the cluster.
    Rollout {
        /// Which workloads.
        workloads: Vec<WorkloadId>,
    },
    /// The platform works on the control plane; nodes and pods go on.
    ControlPlane {
        /// How long.
        takes: Duration,
    },
    /// Nodes of provisioners are not any more as they would be made: a new image or version.
    Drift,
    /// Settings only: takes time, touches no node.
    Settings {
        /// Which pool.
        pool: PoolId,
        /// How long the platform takes.
        takes: Duration,
    },
}

/// How a node is emptied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrainSettings {
    /// False: nothing is evicted, pods die with the node.
    pub evict: bool,
    /// False: evictions are granted whatever the disruption budgets say.
    pub respect_budgets: bool,
    /// With `respect_budgets` false, until when; from then on budgets count again. `None` for ever.
    pub forced_until: Option<Time>,
    /// How long one node may take.
    pub timeout: Duration,
    /// What happens when it takes longer.
    pub undrainable: Undrainable,
}

impl Operation {
    /// The pool it works on, and for which it has to be alone.
    pub fn pool(&self) -> Option<PoolId> {
        match self {
            Operation::Scale { pool, .. }
            | Operation::DeletePool { pool, .. }
            | Operation::Upgrade { pool, .. }
            | Operation::BlueGreen { pool, .. }
            | Operation::Rollback { pool, .. }
            | Operation::Reshape { pool, .. }
            | Operation::SetAutoscaler { pool, .. }
            | Operation::Settings { pool, .. } => Some(*pool),
            // An abort is for the very operation that makes the pool busy.
            Operation::Abort { .. }
            | Operation::Cordon { .. }
            | Operation::Uncordon { .. }
            | Operation::Drain { .. }
            | Operation::DeleteNodes { .. }
            | Operation::SetReplicas { .. }
            | Operation::Rollout { .. }
            | Operation::ControlPlane { .. }
            | Operation::Drift => None,
        }
    }
}

impl DrainSettings {
    /// True where budgets are asked at that time.
    pub fn respects_budgets(&self, now: Time) -> bool {
        self.respect_budgets || self.forced_until.is_some_and(|until| now >= until)
    }
}

/// What becomes of a node that cannot be drained in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undrainable {
    /// The operation fails; the node is schedulable again.
    Fail,
    /// The node stays cordoned, a fresh node takes its place, the operation goes on.
    Quarantine,
    /// The remaining pods are removed by force, the operation goes on.
    Force,
}

/// How the nodes of a pool are replaced.
#[derive(Clone, Debug)]
pub struct UpgradeSettings {
    /// Extra nodes during the upgrade: a count or a percentage of the pool, rounded up.
    pub max_surge: Quantity,
    /// Nodes that may be missing at a time instead of surge; used when surge comes to 0.
    pub max_unavailable: Quantity,
    /// Wait after the drain of a batch, before its nodes are reimaged.
    pub soak: Duration,
    /// How each node is emptied.
    pub drain: DrainSettings,
    /// With undrainable nodes in quarantine: how many there may be before the upgrade fails.
    pub max_blocked: Quantity,
    /// How an empty node comes back.
    pub replacement: Replacement,
    /// When the next node starts.
    pub pace: Pace,
    /// Try again with one surge node when the room does not suffice for all.
    pub surge_fallback: bool,
    /// Old shape to new shape, where the nodes come back with other labels or capacity.
    pub shapes: Vec<(NodeShapeId, NodeShapeId)>,
    /// The pool whose shares of what pools use up the new machines take, where they are of another size.
    pub draws_as: Option<PoolId>,
    /// What had been done when it began before the start.
    pub begun: Option<Begun>,
}

/// How far an upgrade has come that began before the start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Begun {
    /// Nodes that are done.
    pub done: Vec<NodeId>,
    /// Its surge nodes.
    pub surge: Vec<NodeId>,
}

impl UpgradeSettings {
    /// One node at a time, in place and without soak.
    pub fn one_by_one(drain: DrainSettings) -> UpgradeSettings {
        UpgradeSettings {
            max_surge: Quantity::Count(0),
            max_unavailable: Quantity::Count(1),
            soak: Duration::ZERO,
            drain,
            max_blocked: Quantity::Count(0),
            replacement: Replacement::Reimage,
            pace: Pace::Batches,
            surge_fallback: false,
            shapes: Vec::new(),
            draws_as: None,
            begun: None,
        }
    }
}

/// How an empty node comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replacement {
    /// Its disk is written anew: the machine stays.
    Reimage,
    /// The machine is deleted and another one made: resize, new certificates.
    Recreate,
}

/// How a blue-green upgrade goes. Defaults of AKS: docs blue-green-node-pool-upgrade (2024-11-06).
#[derive(Clone, Debug)]
pub struct BlueGreenSettings {
    /// Nodes drained at a time: a count or a percentage of the blue nodes, rounded up.
    pub batch: Quantity,
    /// Wait between two batches.
    pub batch_soak: Duration,
    /// Wait after the last batch before the blue nodes are deleted.
    pub final_soak: Duration,
    /// How each node is emptied.
    pub drain: DrainSettings,
    /// Old shape to new shape, where green nodes have other labels or capacity.
    pub shapes: Vec<(NodeShapeId, NodeShapeId)>,
}

/// When the next nodes of an upgrade start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// The next batch starts when the whole batch is done.
    Batches,
    /// Each finished node is followed by the next at once.
    Pipelined,
}
