//! What is simulated: a start cluster, what is planned, what happens anyway, and the settings. Valid by construction:
//! whoever builds a `Scenario` has already resolved every name, so running one cannot fail.

use crate::change::Planned;
use crate::parameters::Belief;
use crate::settings::{Cause, Settings};
use crate::spec::ClusterSpec;
use crate::time::{Duration, Time};
use crate::{NodeId, PoolId, WorkloadId};

/// A complete, valid input of the simulator.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// The cluster as it stands at time zero.
    pub cluster: ClusterSpec,
    /// What happens in every plan, the proposal and doing nothing alike (recorded loads and failures), sorted by time.
    pub script: Vec<Scripted>,
    /// What the proposal does, sorted by time. Doing nothing is the same scenario with this list empty.
    pub changes: Vec<Planned>,
    /// Rates, distributions and switches.
    pub settings: Settings,
    /// Numbers that are not known well: each trial draws its own. None where there are none.
    pub beliefs: Vec<Belief>,
    /// How long is simulated: what begins later is not looked at ([`Settings::follow`]).
    pub horizon: Duration,
}

impl Scenario {
    /// The same scenario without its planned changes.
    pub fn do_nothing(&self) -> Scenario {
        Scenario { changes: Vec::new(), ..self.clone() }
    }

    /// How long is simulated at the most: a trial that has not settled at the horizon is followed beyond it.
    pub fn longest(&self) -> Duration {
        let settings = &self.settings;
        let follow = if settings.off.contains(&Cause::Aftermath) { Duration::ZERO } else { settings.follow };
        self.horizon + follow
    }

    /// The workloads whose availability is judged: those with a minimum, in order.
    pub fn watched(&self) -> Vec<WorkloadId> {
        self.cluster.workloads.iter().filter(|(_, w)| w.minimum.is_some()).map(|(id, _)| id).collect()
    }
}

/// Nodes of a pool, of a zone, or of both at once; all where neither is named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Whom {
    /// The pool.
    pub pool: Option<PoolId>,
    /// The zone.
    pub zone: Option<crate::ZoneId>,
}

/// Something that happens at a given time whatever is planned.
#[derive(Clone, Debug)]
pub struct Scripted {
    /// When.
    pub at: Time,
    /// What.
    pub what: Happening,
}

/// How a burst goes back to the base.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// Exponentially, with this time constant: in linear pieces of half of it, and to the base within half of it after three.
    Exponential(Duration),
    /// In a straight line that takes so long.
    Linear(Duration),
}

/// What can be scripted.
#[derive(Clone, Debug)]
pub enum Happening {
    /// The load of one workload, or of all that have one, becomes `factor` times its base.
    Load {
        /// One workload, or all.
        target: Option<WorkloadId>,
        /// Multiple of the base load, at least 0.
        factor: f64,
    },
    /// A burst of load with its ramp, hold and decay.
    Burst {
        /// One workload, or all.
        target: Option<WorkloadId>,
        /// Multiple of the base load at the top, at least 0.
        factor: f64,
        /// From base to top.
        ramp: Duration,
        /// At the top.
        hold: Duration,
        /// The way back.
        decay: Decay,
    },
    /// From now on a workload is meant to have so many replicas.
    Replicas {
        /// Which.
        workload: WorkloadId,
        /// How many.
        replicas: u32,
    },
    /// What each replica of a service can serve becomes `factor` times what it could at the start (a slow upstream, a mended
    /// configuration).
    Capacity {
        /// Which.
        workload: WorkloadId,
        /// Multiple, at least 0.
        factor: f64,
    },
    /// The memory limit of the containers of a service changes ([`crate::spec::ServiceMemory::limit`]). They all have it at
    /// once, and those that wait to be restarted start at once, as after a rollout, which is not played.
    MemoryLimit {
        /// Which.
        workload: WorkloadId,
        /// In bytes; `None` for none.
        bytes: Option<i64>,
    },
    /// Nodes lose a part of what their pods ask of a service: stale entries of connection tracking, a full table, a flush.
    /// A node with a cache of its own does not ([`crate::spec::PoolSpec::local_cache`]).
    RequestsLost {
        /// Which service.
        workload: WorkloadId,
        /// Which node; all that are there when absent.
        node: Option<NodeId>,
        /// The share (0-1) that is lost.
        share: f64,
        /// For how long.
        lasts: Duration,
    },
    /// A node cannot reach what its DNS servers ask in turn, and stays Ready: replicas of cluster DNS on it fail a part of what they are
    /// asked, and remain in rotation.
    UpstreamFails {
        /// Which.
        node: NodeId,
        /// The share (0-1) of requests that need the upstream.
        share: f64,
        /// For how long.
        lasts: Duration,
    },
    /// The scheduling gates of a workload's pods are lifted.
    GatesLifted {
        /// Which.
        workload: WorkloadId,
    },
    /// The template of a workload changes, and it rolls out.
    Rollout {
        /// Which.
        workload: WorkloadId,
    },
    /// A node dies and comes back after `down`.
    NodeFailure {
        /// Which.
        node: NodeId,
        /// Until it is Ready again.
        down: Duration,
    },
    /// Many nodes die within a time, each with a probability, and come back after `down`, from the moment somebody works on
    /// them ([`crate::settings::Failures::crews`]).
    NodesFail {
        /// Whom it may hit.
        whom: Whom,
        /// Probability that a node is hit.
        share: f64,
        /// The time within which they are, uniformly.
        within: Duration,
        /// Until a node is Ready again.
        down: Duration,
    },
    /// The control plane loses sight of nodes that go on: heartbeats do not arrive, nor does what it does about their pods. They
    /// become NotReady, their pods serve on, and what repairs the nodes takes the pods along.
    NodesSilent {
        /// Whom it may hit.
        whom: Whom,
        /// Probability that a node is hit.
        share: f64,
        /// The time within which they are, uniformly.
        within: Duration,
        /// Until the control plane sees a node again.
        lasts: Duration,
    },
    /// The platform has no machine to give.
    NoMachines {
        /// For which pool, and in which zone.
        whom: Whom,
        /// For how long.
        lasts: Duration,
    },
    /// A node breaks and comes back only if it is repaired.
    NodeFault {
        /// Which.
        node: NodeId,
    },
    /// A node reports Ready, but its pods do not serve and new ones do not become ready.
    GreyNode {
        /// Which.
        node: NodeId,
        /// For how long.
        lasts: Duration,
    },
    /// The platform announces that it takes a spot node back, and does so after the notice.
    SpotEviction {
        /// Which.
        node: NodeId,
    },
    /// The nodes of a pool in one zone die together and come back after `down`.
    ZoneFailure {
        /// Which pool; all when absent.
        pool: Option<PoolId>,
        /// Index of the zone.
        zone: crate::ZoneId,
        /// Until they are Ready again.
        down: Duration,
    },
}
