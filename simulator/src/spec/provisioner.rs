//! What makes nodes for pods that find none, of whatever size fits, and takes away or replaces what is not needed (Karpenter's
//! NodePool; AKS node auto-provisioning).

use super::Quantity;
use crate::time::Duration;
use crate::{NodeId, PoolId};

/// One NodePool of the provisioner.
#[derive(Clone, Debug)]
pub struct Provisioner {
    /// Name.
    pub name: String,
    /// The highest whose nodes a pod may go to is taken (`spec.weight`).
    pub weight: i32,
    /// Nodes it may make: a pool for each VM size.
    pub sizes: Vec<PoolId>,
    /// Most CPU, in thousandths of a core, and memory, in bytes, of all its nodes together (`spec.limits`).
    pub limits: (Option<i64>, Option<i64>),
    /// Nodes that hold few pods are given up too, not only empty ones (`consolidationPolicy`).
    pub consolidates_used: bool,
    /// How long pods must neither have come nor gone before a node is given up; `None` for never (`consolidateAfter`).
    pub consolidate_after: Option<Duration>,
    /// How many of its nodes may be on their way out at a time; all that apply must be kept.
    pub budgets: Vec<DisruptionLimit>,
    /// How old a node gets; `None` without limit (`expireAfter`).
    pub expire_after: Option<Duration>,
    /// How long a node's drain may take before its pods are removed by force; `None` for ever (`terminationGracePeriod`).
    pub grace: Option<Duration>,
    /// How old its nodes are at time zero, as far as known.
    pub ages: Vec<(NodeId, Duration)>,
}

impl Provisioner {
    /// One that gives up what is not needed at once, with the defaults of Karpenter v1 else.
    pub fn new(name: &str, sizes: Vec<PoolId>) -> Provisioner {
        Provisioner {
            name: name.to_owned(),
            weight: 0,
            sizes,
            limits: (None, None),
            consolidates_used: true,
            consolidate_after: Some(Duration::ZERO),
            budgets: vec![DisruptionLimit { nodes: Quantity::Percent(10), reason: None }],
            expire_after: None,
            grace: None,
            ages: Vec::new(),
        }
    }
}

/// How many nodes may be on their way out at a time (`spec.disruption.budgets`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DisruptionLimit {
    /// A count, or a percentage of the nodes, rounded up.
    pub nodes: Quantity,
    /// The only reason it is for; every one where absent.
    pub reason: Option<Disruption>,
}

/// Why the provisioner takes a node away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Disruption {
    /// It is not as it would be made now.
    Drifted,
    /// Nothing runs on it.
    Empty,
    /// Its pods have room elsewhere, or on something cheaper.
    Underutilized,
    /// It is too old.
    Expired,
}
