//! What can be switched off by name: things that happen by chance, their spread, and mechanisms.
//!
//! Switched off, a chance event never happens, a spread becomes its median (every variate is an inverse CDF, so all draws of
//! the process are taken at one half), and a mechanism takes the neutral value its line names. Everything else stays as
//! it is, draw by draw, so that two runs differ by the cause alone.

use crate::random::{Process, Streams};

macro_rules! causes {
    ($($(#[doc = $doc:literal])* $cause:ident $name:literal)*) => {
        /// A cause or mechanism that can be switched off by name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Cause {
            $($(#[doc = $doc])* $cause,)*
        }

        impl Cause {
            /// Every cause with the name it is switched off by.
            pub const ALL: [(Cause, &'static str); [$($name),*].len()] = [$((Cause::$cause, $name)),*];
        }
    };
}

causes! {
    /// Failures of single nodes.
    NodeFailure "node-failure"
    /// Failures of zones.
    ZoneFailure "zone-failure"
    /// Faults inside nodes, which only repair ends.
    NodeFault "node-fault"
    /// Restarts of nodes.
    Reboot "reboot"
    /// Nodes that report Ready and are of no use.
    GreyNode "grey-node"
    /// Failures of nodes that come in company.
    FailureCompany "failure-company"
    /// Failures of fault domains.
    DomainFailure "domain-failure"
    /// Faults that come to the whole fleet.
    FleetFault "fleet-fault"
    /// Auto-repair of nodes that stay NotReady: they come back by themselves or not at all.
    AutoRepair "auto-repair"
    /// Images that stay on a node: every start there pulls again.
    ImageCache "image-cache"
    /// Spot nodes that the platform takes back.
    SpotEviction "spot-eviction"
    /// Random bursts.
    Burst "burst"
    /// Allocation and bootstrap failures.
    ProvisioningFailure "provisioning-failure"
    /// Allocation failures alone.
    AllocationFailure "allocation-failure"
    /// Bootstrap failures alone.
    BootstrapFailure "bootstrap-failure"
    /// Surge nodes that are not awaited.
    SurgeGap "surge-gap"
    /// Spread of pod start-up, pull, readiness and exit times: medians instead.
    SlowStart "slow-start"
    /// Spread of pull times alone.
    PullTime "pull-time"
    /// Spread of start-up times alone.
    StartTime "start-time"
    /// Spread of readiness times alone.
    ReadinessTime "readiness-time"
    /// Spread of exit times alone.
    ExitTime "exit-time"
    /// Spread of the times pods of Jobs work: medians instead.
    JobTimes "job-times"
    /// Spread of the times nodes take to come, to be reimaged and to go: medians instead.
    NodeTimes "node-times"
    /// Spread of the times until failed nodes and zones are back: medians instead.
    RepairTimes "repair-times"
    /// Spread of the time until a lost node is noticed: heartbeat and look in the middle of their periods.
    DetectionPhase "detection-phase"
    /// Spread of size, ramp and hold of bursts: medians instead.
    BurstShape "burst-shape"
    /// Phases of periodic controllers: the middle of their periods.
    ClockPhases "clock-phases"
    /// Which of equally good nodes the scheduler takes: the one in the middle.
    TieBreak "tie-break"
    /// Which of equally good pools the cluster autoscaler grows: the one in the middle.
    ExpanderChoice "expander-choice"
    /// The shape of day and week: the load of time zero stays.
    Seasons "seasons"
    /// Noise of demand: its mean instead.
    DemandNoise "demand-noise"
    /// Clients that ask again: what is lost is lost.
    Retries "retries"
    /// More demand after an outage: none.
    Stampede "stampede"
    /// Containers of services killed above their memory limit: none is.
    OomKill "oom-kill"
    /// Entries of connection tracking that outlive a replica: none does.
    StaleEntries "stale-entries"
    /// Contention for CPU between pods of a node: everybody gets what he wants.
    Contention "contention"
    /// Shortage of room: nodes hold any number of pods.
    Capacity "capacity"
    /// Shortage of quota and addresses: pools grow as far as anybody wants.
    Quota "quota"
    /// The time an evicted pod's successor takes: it is ready as soon as it is bound.
    EvictionGap "eviction-gap"
    /// Disruption budgets: evictions are granted whatever they say.
    DisruptionBudgets "disruption-budgets"
    /// Eviction of pods from unreachable nodes: they stay.
    UnreachableEviction "unreachable-eviction"
    /// Evictions by kubelets short of memory: nobody goes.
    PressureEviction "pressure-eviction"
    /// Propagation of endpoints: traffic leaves a pod at once.
    EndpointDelay "endpoint-delay"
    /// Preemption: nobody goes for a pod of higher priority.
    Preemption "preemption"
    /// The time of the scheduler's decisions and bindings: none.
    SchedulingTime "scheduling-time"
    /// Horizontal autoscalers: replicas stay.
    HorizontalAutoscaler "horizontal-autoscaler"
    /// Proportional autoscalers: replicas stay.
    ProportionalAutoscaler "proportional-autoscaler"
    /// Sizing of pods by the number of nodes: templates stay.
    Sizing "sizing"
    /// The cluster autoscaler: pools keep their size.
    Autoscaler "autoscaler"
    /// Node auto-provisioning: nothing is made, consolidated or replaced.
    NodeProvisioning "node-provisioning"
    /// Admission webhooks: nobody is asked.
    Webhooks "webhooks"
    /// Outages of the tunnel from the control plane to the cluster: there is always a way.
    TunnelOutage "tunnel-outage"
    /// Outages of resource metrics: autoscalers of pods always have them.
    MetricsOutage "metrics-outage"
    /// The time until the cloud's node manager has been to a new node: it is of use as soon as it is Ready.
    NodeInitialisation "node-initialisation"
    /// The wait for drivers of volumes on a new node: they are there with it.
    DriverRegistration "driver-registration"
    /// Load balancers that drop cordoned nodes: they keep them.
    CordonExclusion "cordon-exclusion"
    /// What comes of it after the horizon: trials end there, whatever is still broken or under way.
    Aftermath "aftermath"
}

/// A set of causes, and the random processes that are fixed with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Off {
    causes: u64,
    processes: u64,
}

impl Off {
    pub fn new(causes: &[Cause]) -> Off {
        let set = causes.iter().fold(0u64, |set, &cause| set | 1 << cause as u32);
        let mut off = Off { causes: set, processes: 0 };
        for &process in Process::ALL {
            if spread(process).iter().any(|&cause| off.has(cause)) {
                off.processes |= 1 << process as u32;
            }
        }
        off
    }

    #[inline]
    pub fn has(self, cause: Cause) -> bool {
        self.causes & (1 << cause as u32) != 0
    }

    /// All draws of this process are medians.
    #[inline]
    pub fn fixes(self, process: Process) -> bool {
        self.processes & (1 << process as u32) != 0
    }

    /// A uniform variate; one half where the spread of the process is switched off.
    pub(crate) fn uniform(self, streams: &Streams, process: Process, entity: u64, n: u32) -> f64 {
        if self.fixes(process) { 0.5 } else { streams.uniform(process, entity, n) }
    }
}

/// What takes the spread out of a process. Whether and when things happen has none: they are switched off as a whole.
fn spread(process: Process) -> &'static [Cause] {
    match process {
        Process::ImagePull => &[Cause::SlowStart, Cause::PullTime],
        Process::StartUp => &[Cause::SlowStart, Cause::StartTime],
        Process::Readiness | Process::Answers => &[Cause::SlowStart, Cause::ReadinessTime],
        Process::Exit => &[Cause::SlowStart, Cause::ExitTime],
        Process::Provision | Process::Reimage | Process::DeleteNodes => &[Cause::NodeTimes],
        Process::NodeDown | Process::ZoneDown | Process::RepairTime => &[Cause::RepairTimes],
        Process::Detection => &[Cause::DetectionPhase],
        Process::BurstFactor | Process::BurstRamp | Process::BurstHold => &[Cause::BurstShape],
        Process::Phase => &[Cause::ClockPhases],
        Process::TieBreak => &[Cause::TieBreak],
        Process::Expander => &[Cause::ExpanderChoice],
        Process::Endpoint => &[Cause::EndpointDelay],
        Process::Noise => &[Cause::DemandNoise],
        Process::JobRun => &[Cause::JobTimes],
        Process::TunnelConnect => &[Cause::SlowStart, Cause::StartTime],
        Process::NodeFailure
        | Process::ZoneFailure
        | Process::ProvisionFailure
        | Process::SurgeGap
        | Process::SpotPressure
        | Process::SpotEviction
        | Process::NodeFault
        | Process::Reboot
        | Process::Grey
        | Process::Company
        | Process::ZoneShare
        | Process::DomainFailure
        | Process::FleetFault
        | Process::RepairSuccess
        | Process::RareEvent
        | Process::WebhookBackend
        | Process::Scripted
        | Process::BurstTime
        | Process::StaleEntries
        | Process::RequestArrival
        | Process::RequestService
        | Process::Parameter => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_sets_hold_what_was_put_in() {
        let mut names: Vec<&str> = Cause::ALL.iter().map(|(_, name)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), Cause::ALL.len());
        for (cause, name) in Cause::ALL {
            let off = Off::new(&[cause]);
            assert!(Cause::ALL.iter().all(|&(other, _)| off.has(other) == (other == cause)), "{name}");
        }
        assert!(!Off::new(&[Cause::PullTime]).fixes(Process::StartUp));
        assert!(Off::new(&[Cause::SlowStart]).fixes(Process::StartUp));
    }
}
