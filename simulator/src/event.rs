//! Everything that can happen, in one closed list, and the order of what happens at one instant.
//!
//! Events are small and hold ids, never payloads. An event that may be overtaken carries the epoch of its subject; a
//! stale one is dropped when it surfaces.
//!
//! Order within one instant, part of the model: what the world does to nodes comes first, then pods finish what they were
//! doing (a replacement that becomes ready at the instant of an eviction attempt counts already), then controllers and
//! operations act, then the scheduler places what they made, then the cluster autoscaler looks, flows and samples are brought up to date. Within a
//! stage, first queued is first delivered.

use crate::queue::Queued;
use crate::{DrainId, NodeId, PodId, PoolId, WorkloadId, ZoneId};

/// Something that happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The `n`-th random failure of a node.
    NodeFails { node: NodeId, n: u32 },
    /// The `n`-th random failure of a zone.
    ZoneFails { zone: u32, n: u32 },
    /// The `n`-th trouble of its kind of a node.
    NodeTroubled { node: NodeId, trouble: Trouble, n: u32 },
    /// A node is grey no more.
    GreyEnds { node: NodeId },
    /// The `n`-th shock of its kind to several nodes: fault domain `of`, or the fleet.
    Shock { shock: Shock, of: u32, n: u32 },
    /// A node is hit by a shock, or fails with another.
    NodeHit { node: NodeId, shock: Shock, n: u32 },
    /// What is scripted for many nodes comes to one of them.
    ScriptedHit { node: NodeId, line: u32 },
    /// Auto-repair looks at a node that is NotReady.
    RepairLooks { node: NodeId, epoch: u32 },
    /// A step of its repair is over.
    RepairEnds { node: NodeId, epoch: u32 },
    /// A repair crew has finished.
    CrewDone { node: NodeId, epoch: u32 },
    /// The `n`-th window of spot pressure on a pool begins.
    SpotWindow { pool: PoolId, n: u32 },
    /// A spot node learns when it will be taken back.
    SpotNotice { node: NodeId },
    /// A spot node is taken back.
    SpotReclaims { node: NodeId },
    /// The next lost node of a zone gets the taint that evicts.
    TaintNext { zone: ZoneId },
    /// A scripted happening.
    Scripted(u32),
    /// A dead node is declared NotReady.
    NodeNoticed { node: NodeId, epoch: u32 },
    /// A failed node is back.
    NodeRecovers { node: NodeId, epoch: u32 },
    /// A requested or reimaged node becomes Ready.
    NodeJoins { node: NodeId, epoch: u32 },
    /// A requested node turns out not to come.
    NodeNeverJoins { node: NodeId, epoch: u32, refused: bool },
    /// A starting pod becomes ready.
    PodReady { pod: PodId, epoch: u32 },
    /// A terminating pod is gone.
    PodExits { pod: PodId, epoch: u32 },
    /// A pod of a Job has done its work.
    PodSucceeds { pod: PodId, epoch: u32 },
    /// A Job makes up for pods it has lost.
    JobReplaces(WorkloadId),
    /// An owner tries again to make the pods that it was not let make; `number` tells attempts apart.
    CreationRetries { workload: WorkloadId, number: u32 },
    /// An agent of the tunnel has its connection.
    TunnelConnects { pod: PodId, epoch: u32 },
    /// A kubelet compares the memory its pods use with what it has.
    KubeletLooks(NodeId),
    /// A pod has tolerated its unreachable node long enough.
    TolerationOver { pod: PodId, epoch: u32 },
    /// A container of a service has filled its memory.
    ContainerFull { pod: PodId, epoch: u32 },
    /// A container that was killed is started again.
    ContainerStarts { pod: PodId, epoch: u32 },
    /// Another half hour of the shape of day and week begins.
    SeasonTurns,
    /// The `n`-th random burst begins.
    BurstBegins { n: u32 },
    /// A burst takes its next step.
    BurstStep { burst: u32, step: u32 },
    /// Horizontal autoscalers look at the load.
    HorizontalSync,
    /// Proportional autoscalers look at the nodes.
    ProportionalSync,
    /// Sizers look at the nodes.
    SizingSync,
    /// A planned operation starts.
    OperationStarts(u32),
    /// A planned operation goes on after a wait; `stage` is its own business.
    OperationGoesOn { operation: u32, stage: u32 },
    /// A drain tries its evictions again.
    DrainRetries(DrainId),
    /// A drain has taken too long.
    DrainTimesOut(DrainId),
    /// A node of an upgrade has soaked.
    SoakOver { operation: u32, node: NodeId },
    /// The cluster autoscaler looks at the cluster.
    AutoscalerScans,
    /// A node that it removes is gone; `number` tells removals apart.
    AutoscalerDeletes { node: NodeId, number: u32 },
    /// The provisioner's batch of waiting pods ends.
    ProvisionerBatch,
    /// The provisioner looks for something to disrupt.
    ProvisionerLooks,
    /// It decides about what it has considered.
    ProvisionerDecides,
    /// A node that it takes away is gone.
    ProvisionerDeletes { node: NodeId },
    /// A node of a provisioner is too old; `epoch` tells the machine from a later one.
    NodeExpires { node: NodeId, epoch: u32 },
    /// The scheduler works off its queue.
    Schedule,
    /// The scheduler looks for pods that nothing has woken for long.
    FlushUnschedulable,
    /// Flows are brought up to date.
    Flow,
    /// The next step of the recorded series.
    Sample,
}

/// Trouble that comes to a single node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A fault inside the machine.
    Fault,
    /// It restarts.
    Reboot,
    /// It turns grey.
    Grey,
}

/// What comes to several nodes at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shock {
    /// A node shares the failure of another of its pool.
    Company,
    /// A fault domain is lost.
    Domain,
    /// A fault comes to the whole fleet.
    Fleet,
}

impl Queued for Event {
    /// True where it begins something that nothing before has led to: by chance, by script or by plan.
    fn begins(self) -> bool {
        matches!(
            self,
            Event::NodeFails { .. }
                | Event::ZoneFails { .. }
                | Event::NodeTroubled { .. }
                | Event::Shock { .. }
                | Event::SpotWindow { .. }
                | Event::BurstBegins { .. }
                | Event::Scripted(_)
                | Event::OperationStarts(_)
        )
    }

    /// Its place among the events of one instant, 0-7.
    fn stage(self) -> u64 {
        match self {
            Event::NodeFails { .. }
            | Event::ZoneFails { .. }
            | Event::NodeTroubled { .. }
            | Event::GreyEnds { .. }
            | Event::Shock { .. }
            | Event::NodeHit { .. }
            | Event::ScriptedHit { .. }
            | Event::RepairLooks { .. }
            | Event::RepairEnds { .. }
            | Event::CrewDone { .. }
            | Event::SpotWindow { .. }
            | Event::SpotNotice { .. }
            | Event::SpotReclaims { .. }
            | Event::TaintNext { .. }
            | Event::Scripted(_)
            | Event::NodeNoticed { .. }
            | Event::NodeRecovers { .. }
            | Event::NodeJoins { .. }
            | Event::NodeNeverJoins { .. }
            | Event::AutoscalerDeletes { .. }
            | Event::ProvisionerDeletes { .. } => 0,
            Event::PodReady { .. }
            | Event::PodExits { .. }
            | Event::PodSucceeds { .. }
            | Event::TunnelConnects { .. } => 1,
            Event::KubeletLooks(_)
            | Event::TolerationOver { .. }
            | Event::ContainerStarts { .. }
            | Event::SeasonTurns
            | Event::BurstBegins { .. }
            | Event::BurstStep { .. } => 2,
            Event::HorizontalSync
            | Event::ProportionalSync
            | Event::SizingSync
            | Event::JobReplaces(_)
            | Event::CreationRetries { .. } => 3,
            Event::OperationStarts(_)
            | Event::OperationGoesOn { .. }
            | Event::DrainRetries(_)
            | Event::DrainTimesOut(_)
            | Event::SoakOver { .. }
            | Event::NodeExpires { .. } => 4,
            Event::Schedule | Event::FlushUnschedulable => 5,
            // What the scheduler has just refused counts at a scan of the same instant.
            Event::AutoscalerScans
            | Event::ProvisionerBatch
            | Event::ProvisionerLooks
            | Event::ProvisionerDecides
            | Event::Flow
            | Event::ContainerFull { .. } => 6,
            Event::Sample => 7,
        }
    }
}
