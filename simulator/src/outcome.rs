//! What one trial came to: plain facts, sized at start, no judgement. Judging is the business of `reports`.

mod functions;
mod steps;
mod subject;

pub use functions::Functions;
pub use steps::Steps;

use crate::scheduler::Summary;
use crate::settings::RepairKind;
use crate::spec::Disruption;
use crate::time::{Duration, Time};
use crate::{BudgetId, NodeId, PodId, PoolId, SupplyId, WebhookId, WorkloadId};

/// The facts of one trial of one plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// Watched workloads, in the order of [`crate::Scenario::watched`].
    pub workloads: Vec<WorkloadOutcome>,
    /// Planned operations, in order.
    pub operations: Vec<OperationOutcome>,
    /// Counters.
    pub counts: Counts,
    /// What it had to do without.
    pub functions: Functions,
    /// How its future was drawn, and what it counts.
    pub drawn: Drawn,
    /// When it ended: at the horizon, or later where it was followed.
    pub end: Time,
    /// Nothing was out or under way at its end.
    pub settled: bool,
    /// Sampled series, where asked for.
    pub series: Option<Series>,
}

/// How the future of a trial was drawn. Without strata every trial is of the first and counts fully.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Drawn {
    /// Its stratum, by the number of rare events ([`crate::Strata`]).
    pub stratum: u8,
    /// The probability of that stratum: the mean over trials of a stratum counts so much. With importance sampling, how much
    /// likelier the trial is than it was to be drawn.
    pub weight: f64,
    /// Nothing was drawn in it: every trial of its stratum and plan comes to the same.
    pub certain: bool,
}

impl Default for Drawn {
    fn default() -> Drawn {
        Drawn { stratum: 0, weight: 1.0, certain: false }
    }
}

/// How one watched workload fared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WorkloadOutcome {
    /// Total time it was out (up replicas below its minimum, or losing more than the tolerated share).
    pub out: Duration,
    /// Total time with fewer up replicas than the minimum.
    pub below: Duration,
    /// Longest uninterrupted time it was out, cut at the end.
    pub longest: Duration,
    /// Periods of being out that were longer than the outage threshold.
    pub outages: u32,
    /// Start of the first such period.
    pub first: Option<Time>,
    /// Up replicas at the end.
    pub at_end: u32,
    /// Fewest up replicas at any time.
    pub fewest: u32,
    /// Node time, within the horizon, in which the loss of one more node would put it out for longer than the threshold, where
    /// that was asked for ([`crate::settings::Settings::windows`]).
    pub exposed: Duration,
    /// Requests asked of its service, those that are asked once more included.
    pub asked: f64,
    /// How many of them were lost, whether they were asked again or not.
    pub lost: f64,
    /// More about its service, where it has one. Apart, for few have one and results of millions are kept.
    pub service: Option<Box<ServiceOutcome>>,
}

/// How the service of a workload fared. What was asked was served, lost, or waits at the end.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct ServiceOutcome {
    /// Requests served.
    pub served: f64,
    /// Requests that wait at the end.
    pub queued: f64,
    /// Requests that were asked again, of all that were asked.
    pub retried: f64,
    /// Requests that were lost and not asked again.
    pub given_up: f64,
    /// Request seconds that what was served took, waits before a retry included: over `served`, the mean latency.
    pub waited: f64,
    /// Served requests that took longer than the time-out of the clients.
    pub slow: f64,
    /// Seconds in which some replica was asked more than it could serve, or nobody was there.
    pub overloaded: f64,
    /// Seconds in which requests waited for a replica.
    pub waiting: f64,
    /// Most requests that waited at a time.
    pub most_waiting: f64,
    /// When the last of them had been served, in seconds, where there were any and none is left.
    pub cleared: Option<f64>,
    /// Containers killed above their memory limit.
    pub kills: u32,
}

impl WorkloadOutcome {
    /// How its service fared; of one that has none nothing was asked.
    pub fn of_service(&self) -> ServiceOutcome {
        self.service.as_deref().copied().unwrap_or_default()
    }
}

impl ServiceOutcome {
    /// Mean latency of what was served, in seconds: zero where nothing was.
    pub fn latency(&self) -> f64 {
        if self.served > 0.0 { self.waited / self.served } else { 0.0 }
    }
}

/// How one planned operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct OperationOutcome {
    /// When it started.
    pub started: Time,
    /// When it ended, well or not; `None` when the end of the trial came first.
    pub ended: Option<Time>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Extra node time it used.
    pub extra_node_time: Duration,
}

/// Why an operation failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Failure {
    /// A node could not be emptied in time.
    DrainTimedOut {
        /// Whose pod would not go.
        workload: Option<WorkloadId>,
        /// The budget that refused.
        budget: Option<BudgetId>,
    },
    /// A check before the start refused it, with the platform's error code.
    Refused {
        /// The code.
        code: &'static str,
    },
    /// A budget that never lets a pod go, found by the check before an upgrade.
    UnsatisfiableBudget {
        /// The budget.
        budget: BudgetId,
    },
    /// Another operation was at work on the pool.
    Busy,
    /// A newer operation took its place.
    Displaced,
    /// Somebody ended it.
    Canceled,
    /// There is nothing to abort, or nothing to turn back.
    NothingThere,
    /// No room for the nodes it needs.
    NoRoom {
        /// What they would use up; absent where the pool itself may not have as many.
        supply: Option<SupplyId>,
    },
    /// The platform had no machine to give.
    AllocationFailed,
    /// A new machine never joined.
    BootstrapFailed,
    /// A step before it failed, so that it never began.
    Skipped,
}

/// Counters of one trial.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events delivered.
    pub events: u64,
    /// Pods placed by the scheduler.
    pub placements: u64,
    /// Pods evicted by drains and taints.
    pub evictions: u32,
    /// Pods evicted by kubelets short of memory.
    pub pressure_evictions: u32,
    /// Containers of services killed above their memory limit.
    pub oom_kills: u32,
    /// Evictions refused by a budget.
    pub refusals: u32,
    /// Pods preempted.
    pub preemptions: u32,
    /// Nodes that failed.
    pub node_failures: u32,
    /// Spot nodes the platform took back.
    pub spot_evictions: u32,
    /// Nodes the cluster autoscaler asked for.
    pub nodes_added: u32,
    /// Nodes it began to remove.
    pub nodes_removed: u32,
    /// Bursts that began.
    pub bursts: u32,
    /// Pods of watched workloads that found no node, at most once each time they waited.
    pub unschedulable: u32,
    /// Longest time a pod of a watched workload waited for a node.
    pub longest_wait: Duration,
}

/// Samples on a grid of equal steps over the horizon.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Fewest up replicas within each step: `[watched workload][step]`.
    pub up: Vec<Steps>,
    /// Free CPU requests on system pools at the end of each step, in thousandths of a core.
    pub system_free_cpu: Vec<i64>,
    /// Free memory requests on system pools at the end of each step, in bytes.
    pub system_free_memory: Vec<i64>,
    /// Share of the DNS demand lost within each step (0-1); all 0 without a modelled DNS service.
    pub dns_loss: Vec<f32>,
    /// Watched workloads with a modelled service, in their order.
    pub services: Vec<ServiceSeries>,
}

/// Samples of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServiceSeries {
    /// Which of the watched workloads.
    pub watched: usize,
    /// Share of the demand lost within each step (0-1).
    pub loss: Vec<f32>,
    /// Mean latency of what was served within each step, in seconds; 0 where nothing was.
    pub latency: Vec<f32>,
}

impl Series {
    /// The service of a watched workload, where it has one.
    pub fn of_service(&self, watched: usize) -> Option<&ServiceSeries> {
        self.services.iter().find(|service| service.watched == watched)
    }
}

/// One trial of both plans.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// Index of the trial.
    pub trial: u32,
    /// With the planned changes.
    pub proposal: Outcome,
    /// Without them, on the same random futures.
    pub baseline: Outcome,
}

/// A trial told in full.
#[derive(Clone, Debug)]
pub struct Trace {
    /// What it came to.
    pub outcome: Outcome,
    /// What happened, in order.
    pub log: Vec<Entry>,
    /// Every node that ever existed, indexed by [`NodeId`].
    pub nodes: Vec<NodeIdentity>,
    /// By the number of the line that says that a pod finds no node: why not.
    pub refusals: Vec<(usize, Summary)>,
}

impl Trace {
    /// Why a pod finds no node, by the number of the line that says so.
    pub fn refusal(&self, line: usize) -> Option<&Summary> {
        self.refusals.iter().find(|(at, _)| *at == line).map(|(_, why)| why)
    }
}

/// A node of a traced trial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeIdentity {
    /// Its pool.
    pub pool: PoolId,
    /// Its instance number.
    pub ordinal: u32,
    /// Its name: the snapshot's, or made from pool and ordinal.
    pub name: String,
}

/// One line of a trial's log.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// What.
    pub what: Incident,
}

/// What a log line tells.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the variants and fields are named after the events they tell")]
pub enum Incident {
    OperationStarted {
        operation: u32,
    },
    OperationEnded {
        operation: u32,
        failure: Option<Failure>,
    },
    NodeRequested {
        node: NodeId,
        surge: bool,
    },
    AutoscalerAdds {
        pool: PoolId,
        nodes: u32,
    },
    AutoscalerFailed {
        pool: PoolId,
    },
    AutoscalerRemoves {
        node: NodeId,
    },
    NodeDisrupted {
        node: NodeId,
        reason: Disruption,
    },
    NodeReady {
        node: NodeId,
    },
    NodeCordoned {
        node: NodeId,
    },
    NodeUncordoned {
        node: NodeId,
    },
    NodeDrainStarted {
        node: NodeId,
    },
    NodeDrained {
        node: NodeId,
    },
    NodeDrainTimedOut {
        node: NodeId,
        workload: Option<WorkloadId>,
        budget: Option<BudgetId>,
    },
    NodeReimaging {
        node: NodeId,
    },
    NodeDied {
        node: NodeId,
    },
    NodeNotReady {
        node: NodeId,
    },
    NodeReclaimed {
        node: NodeId,
    },
    NodeRepairStarted {
        node: NodeId,
        kind: RepairKind,
    },
    NodeTurnedGrey {
        node: NodeId,
    },
    NodeUsefulAgain {
        node: NodeId,
    },
    /// Its kubelet reports that memory runs short.
    NodePressed {
        node: NodeId,
    },
    /// It does not any more.
    NodeRelieved {
        node: NodeId,
    },
    /// The kubelet of its node evicts a pod.
    PodPressedOut {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    NodeDeleted {
        node: NodeId,
    },
    NodeDeallocated {
        node: NodeId,
    },
    NodeLabelsChanged {
        node: NodeId,
    },
    /// A pod slot has a new tenant; `ordinal` is its place within its workload, for daemons its node.
    PodCreated {
        pod: PodId,
        workload: WorkloadId,
        ordinal: u32,
    },
    PodEvicted {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    EvictionRefused {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
        budget: Option<BudgetId>,
    },
    /// A webhook does not let it go, for lack of an answer or by its answer.
    EvictionDenied {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
        webhook: WebhookId,
    },
    /// An owner is not let make pods.
    CreationRefused {
        workload: WorkloadId,
        webhook: WebhookId,
    },
    /// It is again, and makes those it lacks.
    CreationResumed {
        workload: WorkloadId,
        pods: u32,
    },
    /// The control plane does not reach pods and nodes any more.
    TunnelLost,
    TunnelBack,
    /// Autoscalers of pods have no metrics any more.
    MetricsLost,
    MetricsBack,
    /// The cloud's node manager has been to a new node.
    NodeInitialised {
        node: NodeId,
    },
    /// A driver of its volumes is not ready on its node.
    PodAwaitsDriver {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    PodPreempted {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    PodLost {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    PodBound {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    PodUnschedulable {
        pod: PodId,
        workload: WorkloadId,
    },
    PodReady {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    /// Marked for deletion, for whatever reason.
    PodStopping {
        pod: PodId,
        workload: WorkloadId,
    },
    /// Gone for good; its slot is free.
    PodGone {
        pod: PodId,
        workload: WorkloadId,
    },
    ReplicasChanged {
        workload: WorkloadId,
        from: u32,
        to: u32,
    },
    LoadChanged {
        target: Option<WorkloadId>,
        percent: u32,
    },
    /// Killed above its memory limit; its pod stays.
    ContainerKilled {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
    },
    /// Its restart waits.
    ContainerBacksOff {
        pod: PodId,
        workload: WorkloadId,
        node: NodeId,
        wait: Duration,
    },
    MemoryLimitSet {
        workload: WorkloadId,
        mebibytes: Option<u64>,
    },
    CapacitySet {
        workload: WorkloadId,
        percent: u32,
    },
    /// Clients ask again more than is tolerated to be lost.
    RetriesBegan {
        workload: WorkloadId,
    },
    RetriesEnded {
        workload: WorkloadId,
    },
    /// More demand after an outage, in per cent of what it was.
    StampedeBegan {
        workload: WorkloadId,
        percent: u32,
    },
    StampedeEnded {
        workload: WorkloadId,
    },
    /// A node, or all, loses some of what its pods ask of a service.
    RequestsLost {
        workload: WorkloadId,
        node: Option<NodeId>,
        lasts: Duration,
    },
    /// A node cannot reach the DNS servers above its own.
    UpstreamFailed {
        node: NodeId,
        lasts: Duration,
    },
    OutageBegan {
        workload: WorkloadId,
        up: u32,
    },
    OutageEnded {
        workload: WorkloadId,
        lasted: Duration,
    },
}
