//! The start state of a cluster as the simulator wants it: shapes interned, selectors of budgets resolved to workloads,
//! names kept only for reports and for keying random streams.

mod control;
mod duty;
mod peers;
mod provisioner;
mod service;
mod supply;
mod volumes;

use std::collections::BTreeMap;

pub use control::{Control, Job, Memory};
pub use duty::{Backend, Duty, Exposure, Webhook};
pub use peers::{PodTerm, Selector, Spread};
pub use provisioner::{Disruption, DisruptionLimit, Provisioner};
pub use service::{Clients, Service, ServiceMemory, StaleEntries, Stampede};
pub use supply::{Share, Supply};
pub use volumes::{VolumePlugin, VolumeRefusal, Volumes};

use crate::random::Dist;
use crate::time::Duration;
use crate::{BudgetId, Column, NodeId, NodeShapeId, PodShapeId, PoolId, SupplyId, WebhookId, WorkloadId, ZoneId};

/// Extended resources (GPUs, hugepages) a cluster may use at once.
pub const EXTENDED: usize = 6;

/// More data disks than are ever asked for: a node without a known limit.
pub const MANY_DISKS: i64 = 1 << 40;

/// A cluster at time zero.
#[derive(Clone, Debug, Default)]
pub struct ClusterSpec {
    /// Node pools.
    pub pools: Column<PoolId, PoolSpec>,
    /// Distinct node shapes, those of future nodes included.
    pub node_shapes: Column<NodeShapeId, NodeShape>,
    /// Distinct pod shapes.
    pub pod_shapes: Column<PodShapeId, PodShape>,
    /// Nodes that exist.
    pub nodes: Column<NodeId, NodeSpec>,
    /// Owners of pods.
    pub workloads: Column<WorkloadId, WorkloadSpec>,
    /// Pods that exist.
    pub pods: Vec<PodSpec>,
    /// Disruption budgets.
    pub budgets: Column<BudgetId, BudgetSpec>,
    /// Who is asked before pods are made or evicted.
    pub webhooks: Column<WebhookId, Webhook>,
    /// Who makes nodes of fitting size by itself.
    pub provisioners: Vec<Provisioner>,
    /// What the nodes of several pools use up together.
    pub supplies: Column<SupplyId, Supply>,
    /// Names of the extended resources, at most [`EXTENDED`], in the order of [`Resources::extended`].
    pub extended: Vec<String>,
    /// Zone names, indexed by [`ZoneId`].
    pub zones: Column<ZoneId, String>,
    /// Nodes that hold the images of a workload at the start, beside those where its pods run.
    pub cached: Vec<(NodeId, WorkloadId)>,
    /// Labels of the namespaces there are, by name.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
}

/// Amounts of what nodes offer and pods ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Resources {
    /// CPU in thousandths of a core.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Local storage in bytes.
    pub ephemeral: i64,
    /// Pod slots: what a node has room for; 1 for a pod.
    pub pods: i64,
    /// Data disks: what a node may have attached ([`MANY_DISKS`] where no limit is known); what a pod brings with it.
    pub disks: i64,
    /// Extended resources in the order of [`ClusterSpec::extended`].
    pub extended: [i64; EXTENDED],
}

impl Resources {
    /// Adds `by`, `times` over (negative: takes it away).
    pub fn shift(&mut self, by: &Resources, times: i64) {
        self.cpu += times * by.cpu;
        self.memory += times * by.memory;
        self.ephemeral += times * by.ephemeral;
        self.pods += times * by.pods;
        self.disks += times * by.disks;
        for (own, by) in self.extended.iter_mut().zip(&by.extended) {
            *own += times * by;
        }
    }
}

/// A count or a percentage, as Kubernetes' IntOrString.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A number of things.
    Count(u32),
    /// Per cent of the whole, rounded up where used.
    Percent(u32),
}

impl Quantity {
    /// The count this stands for out of `whole`, percentages rounded up
    /// (k8s.io/apimachinery v0.34 `GetScaledValueFromIntOrPercent(roundUp=true)`).
    pub fn of(self, whole: u32) -> u32 {
        match self {
            Quantity::Count(n) => n,
            Quantity::Percent(p) => (u64::from(p) * u64::from(whole)).div_ceil(100) as u32,
        }
    }

    /// The same with percentages rounded down (`roundUp=false`).
    pub fn rounded_down(self, whole: u32) -> u32 {
        match self {
            Quantity::Count(n) => n,
            Quantity::Percent(p) => (u64::from(p) * u64::from(whole) / 100) as u32,
        }
    }
}

/// A node pool.
#[derive(Clone, Debug)]
pub struct PoolSpec {
    /// Name, unique in the cluster.
    pub name: String,
    /// True where the pool is meant for the cluster's own pods.
    pub system: bool,
    /// Shapes of future nodes, one for each zone the pool may use; never empty.
    pub templates: Vec<NodeShapeId>,
    /// From the request for a node until it is Ready.
    pub provision: Dist,
    /// From the start of a reimage until the node is Ready.
    pub reimage: Dist,
    /// From the request to delete nodes until they are gone.
    pub delete: Dist,
    /// Scale-down mode Deallocate: nodes that the pool gives up are stopped and kept, and take so long from the request until
    /// they are Ready again. `None` for mode Delete (AKS docs scale-down-mode).
    pub deallocates: Option<Dist>,
    /// How many nodes may be added before a limit of the pool's own is reached; absent when not known.
    pub room: Option<u32>,
    /// What each of its nodes takes of what pools share.
    pub takes: Vec<Share>,
    /// Ordinal of the next new node (one above the highest in use).
    pub next_ordinal: u32,
    /// Price of one node in USD per hour, where known.
    pub usd_per_hour: Option<f64>,
    /// What the cluster autoscaler may do with it; absent where that is off for the pool.
    pub autoscaler: Option<Autoscaled>,
    /// What becomes of its nodes when the platform takes them back; absent where it cannot (not a spot pool).
    pub spot: Option<SpotPolicy>,
    /// Its nodes have a cache of their own for cluster DNS (AKS LocalDNS): the share (0-1) of what their pods ask that still
    /// reaches the replicas. Over TCP, so that no stale entry of connection tracking matters. Absent without one.
    pub local_cache: Option<f64>,
}

/// What becomes of a spot node that is evicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpotPolicy {
    /// The machine is deleted.
    Delete,
    /// The machine is stopped; the node stays registered.
    Deallocate,
}

/// The range of a pool in which the cluster autoscaler chooses its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Autoscaled {
    /// Fewest nodes; a smaller pool is brought up to it.
    pub min: u32,
    /// Most nodes; a larger pool is not brought down to it.
    pub max: u32,
    /// Rank for the priority expander: the highest that helps is taken.
    pub priority: i32,
}

/// A node that exists at time zero.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// Name, unique in the cluster.
    pub name: String,
    /// Its pool.
    pub pool: PoolId,
    /// Its shape.
    pub shape: NodeShapeId,
    /// Instance number within the pool.
    pub ordinal: u32,
    /// Marked unschedulable.
    pub cordoned: bool,
    /// Reported Ready.
    pub ready: bool,
}

/// What nodes of one pool and zone have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NodeShape {
    /// Labels without those that differ from node to node (`kubernetes.io/hostname`).
    pub labels: BTreeMap<String, String>,
    /// Taints.
    pub taints: Vec<Taint>,
    /// What pods may use.
    pub allocatable: Resources,
    /// Physical CPU in thousandths of a core: what running containers share.
    pub cores: i64,
    /// Its zone.
    pub zone: ZoneId,
    /// True where the label `kubernetes.io/hostname` is missing; otherwise it is the node's name.
    pub nameless: bool,
    /// Container images present, with their sizes in bytes.
    pub images: BTreeMap<String, i64>,
}

/// A node taint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value, empty when absent.
    pub value: String,
    /// Effect.
    pub effect: Effect,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Keeps new pods off.
    NoSchedule,
    /// Keeps new pods off where there is a choice.
    PreferNoSchedule,
    /// Keeps new pods off and evicts those that do not tolerate it.
    NoExecute,
}

/// A pod's toleration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Toleration {
    /// Key; `None` with `Exists` tolerates every taint.
    pub key: Option<String>,
    /// `None` for operator `Exists`, else the value for operator `Equal`.
    pub value: Option<String>,
    /// `None` tolerates every effect.
    pub effect: Option<Effect>,
    /// How long a NoExecute taint is tolerated; `None` for ever.
    pub seconds: Option<u64>,
}

impl Toleration {
    /// What the DaemonSet controller gives every pod it makes, host network aside (Kubernetes v1.34
    /// pkg/controller/daemon/util `AddOrUpdateDaemonPodTolerations`).
    pub fn of_daemons() -> impl Iterator<Item = Toleration> {
        let all = [
            ("not-ready", Effect::NoExecute),
            ("unreachable", Effect::NoExecute),
            ("disk-pressure", Effect::NoSchedule),
            ("memory-pressure", Effect::NoSchedule),
            ("pid-pressure", Effect::NoSchedule),
            ("unschedulable", Effect::NoSchedule),
        ];
        all.into_iter().map(|(key, effect)| Toleration {
            key: Some(format!("node.kubernetes.io/{key}")),
            value: None,
            effect: Some(effect),
            seconds: None,
        })
    }
}

/// What pods of one owner have in common.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodShape {
    /// Requests as the scheduler's filter counts them; `pods` is 1.
    pub requests: Resources,
    /// CPU (millicores) and memory (bytes) as the scoring plugins count them: 100m and 200 MB for each container that
    /// asks for none (kube-scheduler v1.34.1 `GetNonzeroRequests`).
    pub score_requests: (i64, i64),
    /// The same as NodeResourcesFit counts them while the pod is being placed, where that differs.
    pub placed_requests: Option<(i64, i64)>,
    /// Namespace of the pods.
    pub namespace: String,
    /// Labels of the pods.
    pub labels: BTreeMap<String, String>,
    /// `spec.nodeSelector`.
    pub node_selector: BTreeMap<String, String>,
    /// Required node affinity: one of these terms must match; empty means no requirement.
    pub required: Vec<NodeTerm>,
    /// Preferred node affinity with weights 1-100.
    pub preferred: Vec<(i64, NodeTerm)>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `spec.priority`.
    pub priority: i32,
    /// False for preemption policy Never.
    pub preempts: bool,
    /// Host ports asked for.
    pub host_ports: Vec<HostPort>,
    /// `spec.nodeName` where the owner pins its pods.
    pub node_name: Option<String>,
    /// Topology spread constraints: the pod's own or, where it has none, the scheduler's defaults.
    pub spread: Vec<Spread>,
    /// The constraints are the scheduler's defaults.
    pub spread_by_default: bool,
    /// Required pod affinity: all of these terms must be met.
    pub pod_affinity: Vec<PodTerm>,
    /// Required pod anti-affinity: none of these terms may be met.
    pub pod_anti_affinity: Vec<PodTerm>,
    /// Preferred pod affinity with weights 1-100; anti-affinity has negative weights.
    pub preferred_pods: Vec<(i64, PodTerm)>,
    /// Images of init containers and containers, one for each, with their tags.
    pub images: Vec<String>,
    /// What its volumes ask of a node.
    pub volumes: Volumes,
}

/// A node selector term: all expressions and fields must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeTerm {
    /// Conditions on labels.
    pub expressions: Vec<Requirement>,
    /// Conditions on `metadata.name`.
    pub fields: Vec<Requirement>,
}

/// One condition of a node selector term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// Label key or field name.
    pub key: String,
    /// Operator.
    pub operator: Operator,
    /// Values; none for `Exists` and `DoesNotExist`, one integer for `Gt` and `Lt`.
    pub values: Vec<String>,
}

/// Operator of a node selector requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The value is one of these.
    In,
    /// The value is none of these, or the key is absent.
    NotIn,
    /// The key is present.
    Exists,
    /// The key is absent.
    DoesNotExist,
    /// The value is an integer above.
    Gt,
    /// The value is an integer below.
    Lt,
}

/// A port of the node a pod wants for itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Address, `0.0.0.0` for all.
    pub ip: String,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
    /// Port number.
    pub port: u16,
}

/// What owns pods and replaces them.
#[derive(Clone, Debug)]
pub struct WorkloadSpec {
    /// Namespace.
    pub namespace: String,
    /// Name, unique with kind and namespace.
    pub name: String,
    /// Kind.
    pub kind: WorkloadKind,
    /// Pods wanted (not used for `DaemonSet`).
    pub replicas: u32,
    /// Shape of its pods.
    pub shape: PodShapeId,
    /// Shapes by ordinal, for pods that differ in their volumes (StatefulSet); further ones have `shape`. The order is that of
    /// [`ClusterSpec::pods`]. A pod that takes the place of another has its volumes.
    pub shapes: Vec<PodShapeId>,
    /// Up replicas below which the workload counts as out; absent when it is not judged.
    pub minimum: Option<u32>,
    /// What it does for the cluster.
    pub role: Role,
    /// From being bound until its images are there.
    pub pull: Dist,
    /// Size of its images in bytes, where known.
    pub image_bytes: Option<i64>,
    /// From then until its containers run.
    pub start: Dist,
    /// From then until it is Ready.
    pub readiness: Dist,
    /// Termination grace period.
    pub grace: Duration,
    /// How long a stopping pod takes to exit, cut off at `grace`.
    pub exit: Dist,
    /// How long an unreachable node is tolerated before the pod is evicted; `None` for ever.
    pub unreachable: Option<Duration>,
    /// What decides the number of replicas, where something does.
    pub scaling: Option<Scaling>,
    /// CPU one pod uses at base load, in thousandths of a core; follows the load.
    pub cpu_use: i64,
    /// CPU limit of one pod in thousandths of a core; `None` without limit.
    pub cpu_limit: Option<i64>,
    /// Memory one pod uses.
    pub memory: Memory,
    /// True where load (bursts) acts on it.
    pub follows_load: bool,
    /// The service it gives, where demand on it is modelled.
    pub service: Option<Service>,
    /// New pods carry a scheduling gate (`spec.schedulingGates`).
    pub gated: bool,
    /// How it goes about its pods.
    pub control: Control,
    /// What it does for nodes and for traffic from outside.
    pub duty: Duty,
}

impl WorkloadSpec {
    /// Shape of the pod in a place.
    #[inline]
    pub fn shape_of(&self, ordinal: u32) -> PodShapeId {
        self.shapes.get(ordinal as usize).copied().unwrap_or(self.shape)
    }
}

/// Kind of an owner of pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WorkloadKind {
    /// A replacement is made as soon as a pod is marked for deletion.
    Deployment,
    /// A replacement waits until its predecessor is gone.
    StatefulSet,
    /// One pod on every eligible node; a drain leaves them.
    DaemonSet,
    /// Runs to completion; replaced like a Deployment's.
    Job,
    /// Pods without an owner: nothing replaces them.
    Bare,
    /// Static pods: a drain leaves them.
    Mirror,
}

/// What a workload does for the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Cluster DNS.
    Dns,
    /// Tunnel from the control plane to the nodes.
    Tunnel,
    /// Resource metrics.
    Metrics,
    /// The way in for traffic from outside.
    Ingress,
    /// Any other pod of the cluster itself.
    System,
    /// Somebody's application.
    Application,
}

/// What decides how many replicas a workload has.
#[derive(Clone, Debug, PartialEq)]
pub enum Scaling {
    /// HorizontalPodAutoscaler on CPU use against requests.
    Utilisation {
        /// Fewest replicas.
        min: u32,
        /// Most replicas.
        max: u32,
        /// Target use in per cent of the CPU request.
        target_percent: f64,
    },
    /// Steps by the number of schedulable nodes and cores (cluster-proportional-autoscaler, ladder mode).
    Ladder {
        /// `[cores, replicas]`, rising.
        cores: Vec<(u32, u32)>,
        /// `[nodes, replicas]`, rising.
        nodes: Vec<(u32, u32)>,
    },
    /// Not their number but what they ask for follows the nodes (addon-resizer): the pods are replaced.
    Sized {
        /// Base and amount per node of each resource, in any unit.
        lines: Vec<(i64, i64)>,
        /// Deviation, in per cent of what is asked for now, above which the template is rewritten.
        threshold_percent: u32,
        /// Time between two looks.
        poll: Duration,
    },
}

/// A pod that exists at time zero.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// Its name.
    pub name: String,
    /// Its owner.
    pub workload: WorkloadId,
    /// Where it runs; `None` while pending.
    pub node: Option<NodeId>,
    /// Ready now.
    pub ready: bool,
    /// Kept out of the scheduler's queue by a scheduling gate.
    pub gated: bool,
    /// Of an older template than its owner's, which is being rolled out.
    pub old: bool,
    /// Its own shape, where it differs from that its owner gives new pods (a priority class that came after it).
    pub shape: Option<PodShapeId>,
}

/// A PodDisruptionBudget with its selector resolved.
#[derive(Clone, Debug)]
pub struct BudgetSpec {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// The workloads whose pods it selects.
    pub workloads: Vec<WorkloadId>,
    /// What it demands.
    pub rule: BudgetRule,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_allow_unhealthy: bool,
}

/// What a budget demands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BudgetRule {
    /// At least this many healthy.
    MinAvailable(Quantity),
    /// At most this many missing.
    MaxUnavailable(Quantity),
}
