//! Type, reason and author of each event, in the words of whoever writes it in a real cluster: kube-scheduler, kubelet,
//! controllers and the cluster autoscaler by their v1.34 sources, AKS by its documents (node-auto-repair, upgrade events of
//! `upgrader`). Where nobody writes one, the name says what happened.

use simulator::outcome::Incident;
use simulator::settings::RepairKind;

use super::Kind::{self, Normal, Warning};

/// Type, reason and author of an incident's event.
pub fn of(what: Incident) -> (Kind, &'static str, &'static str) {
    match what {
        Incident::OperationStarted { .. } => (Normal, "OperationStarted", "aks"),
        Incident::OperationEnded { failure: None, .. } => (Normal, "OperationSucceeded", "aks"),
        Incident::OperationEnded { failure: Some(_), .. } => (Warning, "OperationFailed", "aks"),
        Incident::NodeRequested { surge: true, .. } => (Normal, "Surge", "upgrader"),
        Incident::NodeRequested { surge: false, .. } => (Normal, "NodeRequested", "aks"),
        Incident::AutoscalerAdds { .. } => (Normal, "TriggeredScaleUp", "cluster-autoscaler"),
        Incident::AutoscalerFailed { .. } => (Warning, "FailedToScaleUpGroup", "cluster-autoscaler"),
        Incident::AutoscalerRemoves { .. } => (Normal, "ScaleDown", "cluster-autoscaler"),
        Incident::NodeDisrupted { .. } => (Normal, "DisruptionTerminating", "karpenter"),
        Incident::NodeReady { .. } => (Normal, "NodeReady", "kubelet"),
        Incident::NodeCordoned { .. } => (Normal, "NodeNotSchedulable", "kubelet"),
        Incident::NodeUncordoned { .. } => (Normal, "NodeSchedulable", "kubelet"),
        Incident::NodeDrainStarted { .. } => (Normal, "Drain", "upgrader"),
        Incident::NodeDrained { .. } => (Normal, "Drained", "upgrader"),
        Incident::NodeDrainTimedOut { .. } => (Warning, "PodDrainFailure", "aks"),
        Incident::NodeReimaging { .. } => (Normal, "Upgrade", "upgrader"),
        Incident::NodeDied { .. } => (Warning, "NodeFailed", "simulation"),
        Incident::NodeNotReady { .. } => (Warning, "NodeNotReady", "node-controller"),
        Incident::NodeReclaimed { .. } => (Warning, "PreemptScheduled", "node-problem-detector"),
        Incident::NodeRepairStarted { kind: RepairKind::Reboot, .. } => (Normal, "NodeRebootStart", "aks-auto-repair"),
        Incident::NodeRepairStarted { kind: RepairKind::Reimage, .. } => {
            (Normal, "NodeReimageStart", "aks-auto-repair")
        }
        Incident::NodeRepairStarted { kind: RepairKind::Redeploy, .. } => {
            (Normal, "NodeRedeployStart", "aks-auto-repair")
        }
        Incident::NodeTurnedGrey { .. } => (Warning, "NodeDegraded", "simulation"),
        Incident::NodeUsefulAgain { .. } => (Normal, "NodeRestored", "simulation"),
        Incident::NodePressed { .. } => (Warning, "EvictionThresholdMet", "kubelet"),
        Incident::NodeRelieved { .. } => (Normal, "NodeHasSufficientMemory", "kubelet"),
        Incident::PodPressedOut { .. } => (Warning, "Evicted", "kubelet"),
        Incident::NodeDeleted { .. } => (Normal, "DeletingNode", "cloud-node-lifecycle-controller"),
        Incident::NodeDeallocated { .. } => (Normal, "NodeDeallocated", "aks"),
        Incident::NodeLabelsChanged { .. } => (Normal, "NodeUpdated", "aks"),
        Incident::PodCreated { .. } => (Normal, "SuccessfulCreate", "controller-manager"),
        Incident::PodEvicted { .. } => (Normal, "Evicted", "eviction-api"),
        Incident::EvictionRefused { .. } => (Warning, "EvictionRefused", "eviction-api"),
        Incident::EvictionDenied { .. } => (Warning, "EvictionDenied", "kube-apiserver"),
        Incident::CreationRefused { .. } => (Warning, "FailedCreate", "controller-manager"),
        Incident::CreationResumed { .. } => (Normal, "SuccessfulCreate", "controller-manager"),
        Incident::TunnelLost => (Warning, "TunnelLost", "simulation"),
        Incident::TunnelBack => (Normal, "TunnelBack", "simulation"),
        Incident::MetricsLost => (Warning, "FailedGetResourceMetric", "horizontal-pod-autoscaler"),
        Incident::MetricsBack => (Normal, "ValidMetricFound", "horizontal-pod-autoscaler"),
        Incident::NodeInitialised { .. } => (Normal, "Synced", "cloud-node-controller"),
        Incident::PodAwaitsDriver { .. } => (Warning, "FailedMount", "kubelet"),
        Incident::PodPreempted { .. } => (Warning, "Preempted", "default-scheduler"),
        Incident::PodLost { .. } => (Warning, "PodLost", "simulation"),
        Incident::PodBound { .. } => (Normal, "Scheduled", "default-scheduler"),
        Incident::PodUnschedulable { .. } => (Warning, "FailedScheduling", "default-scheduler"),
        Incident::PodReady { .. } => (Normal, "Ready", "kubelet"),
        Incident::PodStopping { .. } => (Normal, "Killing", "kubelet"),
        Incident::PodGone { .. } => (Normal, "Removed", "kubelet"),
        Incident::ReplicasChanged { .. } => (Normal, "ScalingReplicaSet", "deployment-controller"),
        Incident::LoadChanged { .. } => (Normal, "LoadChanged", "simulation"),
        Incident::ContainerKilled { .. } => (Warning, "OOMKilling", "kernel-monitor"),
        Incident::ContainerBacksOff { .. } => (Warning, "BackOff", "kubelet"),
        Incident::MemoryLimitSet { .. } => (Normal, "MemoryLimitChanged", "simulation"),
        Incident::CapacitySet { .. } => (Normal, "CapacityChanged", "simulation"),
        Incident::RetriesBegan { .. } => (Warning, "RetriesBegan", "simulation"),
        Incident::RetriesEnded { .. } => (Normal, "RetriesEnded", "simulation"),
        Incident::StampedeBegan { .. } => (Warning, "StampedeBegan", "simulation"),
        Incident::StampedeEnded { .. } => (Normal, "StampedeEnded", "simulation"),
        Incident::RequestsLost { .. } => (Warning, "RequestsLost", "simulation"),
        Incident::UpstreamFailed { .. } => (Warning, "UpstreamFailed", "simulation"),
        Incident::OutageBegan { .. } => (Warning, "OutageBegan", "simulation"),
        Incident::OutageEnded { .. } => (Normal, "OutageEnded", "simulation"),
    }
}
