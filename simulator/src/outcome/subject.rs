//! What an incident is about.

use super::Incident;
use crate::{NodeId, PodId, WorkloadId};

impl Incident {
    /// The pod, where it is about one.
    pub fn pod(self) -> Option<PodId> {
        match self {
            Incident::PodCreated { pod, .. }
            | Incident::PodEvicted { pod, .. }
            | Incident::PodPressedOut { pod, .. }
            | Incident::EvictionRefused { pod, .. }
            | Incident::EvictionDenied { pod, .. }
            | Incident::PodAwaitsDriver { pod, .. }
            | Incident::PodPreempted { pod, .. }
            | Incident::PodLost { pod, .. }
            | Incident::PodBound { pod, .. }
            | Incident::PodUnschedulable { pod, .. }
            | Incident::PodReady { pod, .. }
            | Incident::ContainerKilled { pod, .. }
            | Incident::ContainerBacksOff { pod, .. }
            | Incident::PodStopping { pod, .. }
            | Incident::PodGone { pod, .. } => Some(pod),
            _ => None,
        }
    }

    /// The node that it is about, or where the pod that it is about runs.
    pub fn node(self) -> Option<NodeId> {
        match self {
            Incident::NodeRequested { node, .. }
            | Incident::AutoscalerRemoves { node }
            | Incident::NodeDisrupted { node, .. }
            | Incident::NodeReady { node }
            | Incident::NodeCordoned { node }
            | Incident::NodeUncordoned { node }
            | Incident::NodeDrainStarted { node }
            | Incident::NodeDrained { node }
            | Incident::NodeDrainTimedOut { node, .. }
            | Incident::NodeReimaging { node }
            | Incident::NodeDied { node }
            | Incident::NodeNotReady { node }
            | Incident::NodeReclaimed { node }
            | Incident::NodeRepairStarted { node, .. }
            | Incident::NodeTurnedGrey { node }
            | Incident::NodeUsefulAgain { node }
            | Incident::NodePressed { node }
            | Incident::NodeRelieved { node }
            | Incident::PodPressedOut { node, .. }
            | Incident::NodeDeleted { node }
            | Incident::NodeDeallocated { node }
            | Incident::NodeLabelsChanged { node }
            | Incident::PodEvicted { node, .. }
            | Incident::EvictionRefused { node, .. }
            | Incident::EvictionDenied { node, .. }
            | Incident::NodeInitialised { node }
            | Incident::PodAwaitsDriver { node, .. }
            | Incident::PodPreempted { node, .. }
            | Incident::PodLost { node, .. }
            | Incident::PodBound { node, .. }
            | Incident::PodReady { node, .. }
            | Incident::ContainerKilled { node, .. }
            | Incident::ContainerBacksOff { node, .. }
            | Incident::UpstreamFailed { node, .. } => Some(node),
            Incident::RequestsLost { node, .. } => node,
            _ => None,
        }
    }

    /// The workload that it is about, or that owns the pod that it is about.
    pub fn workload(self) -> Option<WorkloadId> {
        match self {
            Incident::PodCreated { workload, .. }
            | Incident::PodEvicted { workload, .. }
            | Incident::PodPressedOut { workload, .. }
            | Incident::EvictionRefused { workload, .. }
            | Incident::EvictionDenied { workload, .. }
            | Incident::CreationRefused { workload, .. }
            | Incident::CreationResumed { workload, .. }
            | Incident::PodAwaitsDriver { workload, .. }
            | Incident::PodPreempted { workload, .. }
            | Incident::PodLost { workload, .. }
            | Incident::PodBound { workload, .. }
            | Incident::PodUnschedulable { workload, .. }
            | Incident::PodReady { workload, .. }
            | Incident::PodStopping { workload, .. }
            | Incident::PodGone { workload, .. }
            | Incident::ReplicasChanged { workload, .. }
            | Incident::ContainerKilled { workload, .. }
            | Incident::ContainerBacksOff { workload, .. }
            | Incident::MemoryLimitSet { workload, .. }
            | Incident::CapacitySet { workload, .. }
            | Incident::RetriesBegan { workload }
            | Incident::RetriesEnded { workload }
            | Incident::StampedeBegan { workload, .. }
            | Incident::StampedeEnded { workload }
            | Incident::RequestsLost { workload, .. }
            | Incident::OutageBegan { workload, .. }
            | Incident::OutageEnded { workload, .. } => Some(workload),
            Incident::LoadChanged { target, .. } => target,
            _ => None,
        }
    }
}
