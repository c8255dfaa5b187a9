//! Kubernetes objects with what matters here: quantities are numbers, selectors can be asked, names are still names.

use std::collections::BTreeMap;
use std::sync::Arc;

use simulator::spec::{BudgetRule, Control, NodeTerm, Taint, Toleration};

use super::storage::{ClaimRef, ClaimTemplate};

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// Amounts of resources.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// CPU in thousandths of a core, rounded up.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
    /// Local storage in bytes.
    pub ephemeral: i64,
    /// Pod slots of a node.
    pub pods: i64,
    /// Extended resources by name.
    pub other: BTreeMap<String, i64>,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Node {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// `spec.unschedulable`.
    pub cordoned: bool,
    /// Taints.
    pub taints: Vec<Taint>,
    /// What pods may use.
    pub allocatable: Amounts,
    /// What the kubelet sees.
    pub capacity: Amounts,
    /// Condition Ready is True.
    pub ready: bool,
    /// Kubelet version, such as `v1.32.7`.
    pub version: String,
    /// Container images present, with their sizes in bytes.
    pub images: BTreeMap<String, i64>,
    /// When it was made, RFC 3339, as given.
    pub created: Option<String>,
    /// Made up from the agent pool, since the snapshot holds no nodes.
    pub assumed: bool,
}

impl Node {
    /// The agent pool it belongs to (AKS sets `kubernetes.azure.com/agentpool` and, earlier, `agentpool`).
    pub fn pool(&self) -> Option<&str> {
        self.labels.get("kubernetes.azure.com/agentpool").or_else(|| self.labels.get("agentpool")).map(String::as_str)
    }

    /// Its zone; AKS writes `0` (or the fault domain) on nodes without zones.
    pub fn zone(&self) -> &str {
        self.labels.get("topology.kubernetes.io/zone").map_or("0", String::as_str)
    }
}

/// The controller of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// Kind.
    pub kind: String,
    /// Name, in the same namespace.
    pub name: String,
}

/// What a pod asks for, from a pod or from the template of its owner.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTemplate {
    /// Containers.
    pub containers: Vec<Container>,
    /// Init containers, sidecars (restart policy Always) among them.
    pub init_containers: Vec<Container>,
    /// `spec.overhead`.
    pub overhead: Amounts,
    /// `spec.resources.requests` where pod-level resources are used.
    pub pod_requests: Option<Requests>,
    /// `spec.resources.limits` where pod-level resources are used.
    pub pod_limits: Option<Requests>,
    /// Node selector.
    pub node_selector: Labels,
    /// Required node affinity: one of these must match; `None` means no requirement.
    pub required: Option<Vec<NodeTerm>>,
    /// Preferred node affinity with weights.
    pub preferred: Vec<(i64, NodeTerm)>,
    /// Required pod affinity.
    pub pod_affinity: Vec<PodTerm>,
    /// Required pod anti-affinity.
    pub pod_anti_affinity: Vec<PodTerm>,
    /// Preferred pod affinity with weights; anti-affinity has negative weights.
    pub preferred_pods: Vec<(i64, PodTerm)>,
    /// Topology spread constraints.
    pub spread: Vec<SpreadConstraint>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// `spec.priority`.
    pub priority: Option<i32>,
    /// `spec.priorityClassName`.
    pub priority_class: Option<String>,
    /// Preemption policy Never.
    pub never_preempts: bool,
    /// `spec.terminationGracePeriodSeconds`.
    pub grace_seconds: Option<u64>,
    /// Node name, where set by the template itself.
    pub node_name: Option<String>,
    /// True with volumes that keep data on the node (`emptyDir` on disk or `hostPath`).
    pub local_storage: bool,
    /// The claims behind its volumes.
    pub claims: Vec<ClaimRef>,
    /// `spec.schedulerName`, where it is not the default scheduler's.
    pub scheduler: Option<String>,
    /// Names of the scheduling gates that hold it back.
    pub gates: Vec<String>,
    /// Annotations of the pod.
    pub annotations: Labels,
}

/// An inter-pod affinity or anti-affinity term as written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PodTerm {
    /// The term; without namespaces of its own it means the pod's.
    pub term: simulator::spec::PodTerm,
    /// Labels whose values on the pod the selector must find (`true`) or must not find.
    pub label_keys: Vec<(String, bool)>,
}

/// A topology spread constraint as written.
#[derive(Clone, Debug, PartialEq)]
pub struct SpreadConstraint {
    /// The constraint.
    pub spread: simulator::spec::Spread,
    /// Labels whose values on the pod the selector must find (`matchLabelKeys`).
    pub label_keys: Vec<String>,
}

/// A container of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Container {
    /// Name.
    pub name: String,
    /// Requests given; absent resources are not listed.
    pub requests: Requests,
    /// Limits given.
    pub limits: Requests,
    /// An init container that keeps running.
    pub sidecar: bool,
    /// Host ports.
    pub host_ports: Vec<HostPort>,
    /// Has a readiness probe.
    pub readiness_probe: bool,
    /// Image, as written.
    pub image: String,
}

/// Requests or limits as given: what is absent is not zero, since scores assume a default for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// CPU in thousandths of a core, rounded up.
    pub cpu: Option<i64>,
    /// Memory in bytes.
    pub memory: Option<i64>,
    /// Local storage in bytes.
    pub ephemeral: Option<i64>,
    /// Extended resources by name.
    pub other: BTreeMap<String, i64>,
}

pub use simulator::spec::HostPort;

/// A pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: Arc<Labels>,
    /// Annotations.
    pub annotations: Arc<Labels>,
    /// Its controller.
    pub owner: Option<Owner>,
    /// What it asks for; pods that were made up share it, for a template may be large and its pods many.
    pub spec: Arc<PodTemplate>,
    /// The claims behind its volumes.
    pub claims: Vec<ClaimRef>,
    /// Node it is bound to.
    pub node: Option<String>,
    /// Phase.
    pub phase: String,
    /// Condition Ready is True.
    pub ready: bool,
    /// Being deleted.
    pub deleting: bool,
    /// When it started, RFC 3339, as given.
    pub started: Option<String>,
    /// Node a pending pod is nominated to.
    pub nominated: Option<String>,
    /// Made up, since the snapshot holds no pods.
    pub assumed: bool,
}

impl Pod {
    /// What it asks for, to be changed for this pod alone.
    pub fn spec_mut(&mut self) -> &mut PodTemplate {
        Arc::make_mut(&mut self.spec)
    }

    /// True for static pods.
    pub fn is_mirror(&self) -> bool {
        self.annotations.contains_key("kubernetes.io/config.mirror")
            || self.owner.as_ref().is_some_and(|o| o.kind == "Node")
    }

    /// True once it has run to completion or failed.
    pub fn is_over(&self) -> bool {
        self.phase == "Succeeded" || self.phase == "Failed"
    }
}

/// A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Workload {
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels of the object itself.
    pub labels: Labels,
    /// Annotations of the object itself.
    pub annotations: Labels,
    /// Its controller (a ReplicaSet's Deployment).
    pub owner: Option<Owner>,
    /// Pods wanted; for a DaemonSet the number last counted.
    pub replicas: u32,
    /// Ready pods as last counted.
    pub ready_replicas: u32,
    /// Selector of its pods.
    pub selector: Selector,
    /// Labels of its pods.
    pub pod_labels: Labels,
    /// What its pods ask for.
    pub template: PodTemplate,
    /// Claims it makes for each pod (StatefulSet).
    pub claim_templates: Vec<ClaimTemplate>,
    /// How it goes about its pods.
    pub control: Control,
    /// Which of its pods are of the newest template.
    pub newest: Newest,
    /// Made up, since the snapshot holds no workloads.
    pub assumed: bool,
}

/// How the pods of an owner's newest template are told from older ones while it rolls out.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Newest {
    /// They are not: nothing is rolled out, or only as pods are deleted.
    #[default]
    Any,
    /// By their ReplicaSet, which bears this revision.
    Revision(String),
    /// By a label and its value.
    Label(&'static str, String),
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq)]
pub struct Budget {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Selector; `None` selects nothing, an empty one all pods of the namespace (policy/v1).
    pub selector: Option<Selector>,
    /// What it demands; one that demands nothing is not kept.
    pub rule: BudgetRule,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    pub always_allow_unhealthy: bool,
    /// `status.disruptionsAllowed` as last counted.
    pub disruptions_allowed: Option<i64>,
    /// `status.currentHealthy` as last counted.
    pub current_healthy: Option<i64>,
    /// `status.desiredHealthy` as last counted.
    pub desired_healthy: Option<i64>,
    /// `status.expectedPods` as last counted.
    pub expected_pods: Option<i64>,
    /// Pods whose eviction is under way (`status.disruptedPods`), by name.
    pub disrupted: Vec<String>,
    /// Made up, since the snapshot holds no budgets.
    pub assumed: bool,
}

impl Budget {
    /// True where it selects pods with these labels (in its own namespace).
    pub fn selects(&self, labels: &Labels) -> bool {
        self.selector.as_ref().is_some_and(|s| s.matches(labels))
    }
}

pub use simulator::spec::Quantity as IntOrPercent;

/// A Service, as far as it selects pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Service {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Labels of the pods it selects; `None` selects none.
    pub selector: Option<Labels>,
    /// Type LoadBalancer.
    pub balanced: bool,
    /// `externalTrafficPolicy: Local`.
    pub local: bool,
}

/// A HorizontalPodAutoscaler.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Autoscaler {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind and name of what it scales.
    pub target: (String, String),
    /// Fewest replicas.
    pub min: u32,
    /// Most replicas.
    pub max: u32,
    /// Target use of CPU in per cent of the request, where it scales on that.
    pub cpu_percent: Option<f64>,
}

/// Measured use of one pod.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// CPU in thousandths of a core.
    pub cpu: i64,
    /// Memory in bytes.
    pub memory: i64,
}

pub use simulator::spec::Selector;
