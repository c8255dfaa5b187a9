//! Kubernetes objects as they are written, cut down to what is looked at. Fields left out are ignored when reading.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::quantity::Quantity;

/// `metadata`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Meta {
    pub name: String,
    pub namespace: Option<String>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    pub owner_references: Vec<OwnerReference>,
    pub creation_timestamp: Option<String>,
    pub deletion_timestamp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct OwnerReference {
    pub kind: String,
    pub name: String,
    pub controller: bool,
}

/// A scheduling gate.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Gate {
    pub name: String,
}

/// Any object of which only the metadata matters.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Object<Spec, Status> {
    pub metadata: Meta,
    pub spec: Spec,
    pub status: Status,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct NodeSpec {
    pub unschedulable: bool,
    pub taints: Vec<Taint>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Taint {
    pub key: String,
    pub value: String,
    pub effect: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeStatus {
    pub images: Vec<Image>,
    pub allocatable: ResourceList,
    pub capacity: ResourceList,
    pub conditions: Vec<Condition>,
    pub node_info: NodeInfo,
}

/// A container image on a node.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Image {
    pub names: Vec<String>,
    pub size_bytes: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeInfo {
    pub kubelet_version: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Condition {
    #[serde(rename = "type")]
    pub kind: String,
    pub status: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodStatus {
    pub phase: String,
    pub start_time: Option<String>,
    pub nominated_node_name: Option<String>,
    pub conditions: Vec<Condition>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodSpec {
    pub containers: Vec<Container>,
    pub init_containers: Vec<Container>,
    pub overhead: ResourceList,
    pub resources: Option<Resources>,
    pub node_name: Option<String>,
    pub node_selector: BTreeMap<String, String>,
    pub affinity: Affinity,
    pub topology_spread_constraints: Vec<SpreadConstraint>,
    pub tolerations: Vec<Toleration>,
    pub priority: Option<i32>,
    pub priority_class_name: Option<String>,
    pub preemption_policy: Option<String>,
    pub termination_grace_period_seconds: Option<i64>,
    pub host_network: bool,
    pub volumes: Vec<BTreeMap<String, Value>>,
    pub scheduler_name: Option<String>,
    pub scheduling_gates: Vec<Gate>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    pub name: String,
    pub image: String,
    pub resources: Resources,
    pub ports: Vec<Port>,
    pub restart_policy: Option<String>,
    pub readiness_probe: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Resources {
    pub requests: ResourceList,
    pub limits: ResourceList,
}

/// Quantities by name of the resource.
pub(super) type ResourceList = BTreeMap<String, Amount>;

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Port {
    pub container_port: u16,
    pub host_port: Option<u16>,
    #[serde(rename = "hostIP")]
    pub host_ip: Option<String>,
    pub protocol: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Affinity {
    pub node_affinity: NodeAffinity,
    pub pod_affinity: PodAffinity,
    pub pod_anti_affinity: PodAffinity,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeAffinity {
    pub required_during_scheduling_ignored_during_execution: Option<NodeSelector>,
    pub preferred_during_scheduling_ignored_during_execution: Vec<Preferred>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodAffinity {
    pub required_during_scheduling_ignored_during_execution: Vec<PodTerm>,
    pub preferred_during_scheduling_ignored_during_execution: Vec<PreferredPods>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PreferredPods {
    pub weight: i64,
    pub pod_affinity_term: PodTerm,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodTerm {
    pub topology_key: String,
    pub label_selector: Option<LabelSelector>,
    pub namespaces: Vec<String>,
    pub namespace_selector: Option<LabelSelector>,
    pub match_label_keys: Vec<String>,
    pub mismatch_label_keys: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct NodeSelector {
    pub node_selector_terms: Vec<Term>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Preferred {
    pub weight: i64,
    pub preference: Term,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Term {
    pub match_expressions: Vec<Expression>,
    pub match_fields: Vec<Expression>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Expression {
    pub key: String,
    pub operator: String,
    pub values: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct SpreadConstraint {
    pub topology_key: String,
    pub when_unsatisfiable: String,
    pub max_skew: i64,
    pub min_domains: Option<i64>,
    pub node_affinity_policy: Option<String>,
    pub node_taints_policy: Option<String>,
    pub label_selector: Option<LabelSelector>,
    pub match_label_keys: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Toleration {
    pub key: String,
    pub operator: String,
    pub value: String,
    pub effect: String,
    pub toleration_seconds: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WorkloadSpec {
    pub replicas: Option<i64>,
    pub parallelism: Option<i64>,
    pub selector: LabelSelector,
    pub template: Template,
    pub volume_claim_templates: Vec<super::storage::read::WrittenTemplate>,
    pub strategy: Strategy,
    pub update_strategy: Strategy,
    pub pod_management_policy: Option<String>,
    pub completions: Option<i64>,
    pub backoff_limit: Option<i64>,
    pub pod_failure_policy: PodFailurePolicy,
}

/// How a new template is rolled out.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Strategy {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub rolling_update: RollingUpdate,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct RollingUpdate {
    pub max_surge: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
    pub partition: i64,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PodFailurePolicy {
    pub rules: Vec<FailureRule>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct FailureRule {
    pub action: String,
    pub on_pod_conditions: Vec<PodCondition>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PodCondition {
    #[serde(rename = "type")]
    pub kind: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct WorkloadStatus {
    pub ready_replicas: i64,
    pub number_ready: i64,
    pub desired_number_scheduled: i64,
    pub ready: i64,
    pub update_revision: String,
    pub succeeded: i64,
    pub failed: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Template {
    pub metadata: Meta,
    pub spec: PodSpec,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct LabelSelector {
    pub match_labels: BTreeMap<String, String>,
    pub match_expressions: Vec<Expression>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BudgetSpec {
    pub min_available: Option<IntOrString>,
    pub max_unavailable: Option<IntOrString>,
    pub selector: Option<LabelSelector>,
    pub unhealthy_pod_eviction_policy: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct BudgetStatus {
    pub disrupted_pods: BTreeMap<String, serde::de::IgnoredAny>,
    pub disruptions_allowed: Option<i64>,
    pub current_healthy: Option<i64>,
    pub desired_healthy: Option<i64>,
    pub expected_pods: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct AutoscalerSpec {
    pub scale_target_ref: OwnerReference,
    pub min_replicas: Option<i64>,
    pub max_replicas: i64,
    pub metrics: Vec<Metric>,
    #[serde(rename = "targetCPUUtilizationPercentage")]
    pub target_cpu: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Metric {
    #[serde(rename = "type")]
    pub kind: String,
    pub resource: MetricResource,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricResource {
    pub name: String,
    pub target: MetricTarget,
    /// autoscaling/v2beta1.
    pub target_average_utilization: Option<f64>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct MetricTarget {
    pub average_utilization: Option<f64>,
}

/// metrics.k8s.io `PodMetrics`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PodMetrics {
    pub metadata: Meta,
    pub containers: Vec<ContainerMetrics>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ContainerMetrics {
    pub usage: ResourceList,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct ServiceSpec {
    pub selector: Option<BTreeMap<String, String>>,
    #[serde(rename = "type")]
    pub kind: String,
    pub external_traffic_policy: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct IngressClassSpec {
    pub controller: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ControllerSpec {
    pub replicas: Option<i64>,
    pub selector: BTreeMap<String, String>,
    pub template: Template,
}

/// A PriorityClass.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct PriorityClass {
    pub metadata: Meta,
    pub value: i32,
    pub global_default: bool,
}

/// Nothing of an object's spec or status.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Nothing {}

/// A quantity, written as text or as a number.
#[derive(Clone, Copy)]
pub(super) struct Amount(pub Quantity);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amount, D::Error> {
        use serde::de::Error;
        const EXPECTED: &str = "a Kubernetes quantity such as 250m, 2, 1.5Gi or 1e3";
        let value = Value::deserialize(deserializer)?;
        let read = match &value {
            Value::String(s) => Quantity::parse(s),
            Value::Number(n) => Quantity::parse(&n.to_string()),
            _ => return Err(D::Error::custom(format!("{value}, expected {EXPECTED}"))),
        };
        read.map(Amount).map_err(|_| D::Error::custom(format!("{value}, expected {EXPECTED}")))
    }
}

/// A count or a percentage as written.
pub(super) enum IntOrString {
    Int(i64),
    Text(String),
}

impl<'de> Deserialize<'de> for IntOrString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<IntOrString, D::Error> {
        use serde::de::Error;
        match Value::deserialize(deserializer)? {
            Value::String(s) => Ok(IntOrString::Text(s)),
            Value::Number(n) if n.is_i64() => Ok(IntOrString::Int(n.as_i64().unwrap_or_default())),
            other => Err(D::Error::custom(format!("{other}, expected a count or a percentage"))),
        }
    }
}
