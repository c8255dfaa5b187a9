//! Planned interventions: what an operator or a platform does to node pools. Neutral words; who names them otherwise
//! (a cloud's API) translates before.

use crate::spec::{Autoscaled, Quantity};
use crate::time::{Duration, Time};
use crate::{NodeId, NodeShapeId, PoolId, WorkloadId};

/// An operation and when it starts.
#[derive(Clone, Debug)]
pub struct Planned {
    /// When it starts. Several may start together; one at a time per pool, in list order.
    pub at: Time,
    /// What is done.
    pub operation: Operation,
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
    /// Changes how many replicas a workload wants.
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
    /// How long one node may take.
    pub timeout: Duration,
    /// What happens when it takes longer.
    pub undrainable: Undrainable,
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
    /// When the next node starts.
    pub pace: Pace,
    /// Try again with one surge node when the room does not suffice for all.
    pub surge_fallback: bool,
    /// Old shape to new shape, where the nodes come back with other labels or capacity.
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
