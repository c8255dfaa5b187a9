//! A cluster in a few lines: pools, workloads and their budgets, as a snapshot. What the recipe does not say is filled in as for
//! every snapshot ([`crate::complete`]); where pods run can be stated, since that is what many incidents are about.

mod objects;
mod places;
mod service;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use simulator::spec::ClusterSpec;

use super::template::Expressed;
use crate::complaint::{Complaint, Complaints};
use crate::complete::complete;
use crate::coverage::Coverage;
use crate::part;
use crate::snapshot::Snapshot;

/// A cluster. Each number may be an expression.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecipeFields {
    /// Kubernetes version; 1.33.2 when absent.
    pub version: Option<String>,
    /// AKS' own workloads run beside those listed, with their budgets. Without them the cluster has what is listed and nothing else.
    #[serde(default)]
    pub aks: bool,
    /// Node pools.
    pub pools: Vec<PoolFields>,
    /// Workloads.
    #[serde(default)]
    pub workloads: Vec<WorkloadFields>,
    /// Further objects as `kubectl get -o json` prints them.
    #[serde(default)]
    pub objects: Vec<Map<String, Value>>,
    /// Further properties of the cluster as `az aks show -o json` prints them.
    #[serde(default)]
    pub properties: Map<String, Value>,
}

/// A node pool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolFields {
    /// Name.
    pub name: String,
    /// `System` or `User`; the first pool is a system pool when absent, the others user pools.
    pub mode: Option<String>,
    /// Nodes.
    #[schemars(with = "Expressed")]
    pub count: u32,
    /// VM size; `Standard_D4s_v5` when absent.
    pub vm_size: Option<String>,
    /// Zones that its nodes are dealt to; none when absent.
    #[schemars(with = "Expressed")]
    #[serde(default)]
    pub zones: u8,
    /// Windows nodes.
    #[serde(default)]
    pub windows: bool,
    /// Taints, such as `dedicated=ingress:NoSchedule`.
    #[serde(default)]
    pub taints: Vec<String>,
    /// Labels of its nodes.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Range of the cluster autoscaler; off when absent.
    pub autoscale: Option<RangeFields>,
    /// Upgrade settings by their names in the API.
    #[serde(default)]
    pub upgrade: Map<String, Value>,
    /// Its nodes have a cache of their own for cluster DNS: the share (0-1) of lookups that still reaches the replicas; 1 for
    /// none.
    #[schemars(with = "Option<Expressed>")]
    pub local_cache: Option<f64>,
    /// Numbers of the nodes that are cordoned at the start, from 0.
    #[serde(default)]
    #[schemars(with = "Vec<Expressed>")]
    pub cordoned: Vec<u32>,
    /// Further properties as `az aks nodepool show -o json` prints them.
    #[serde(default)]
    pub properties: Map<String, Value>,
}

/// A range.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RangeFields {
    /// Fewest.
    #[schemars(with = "Expressed")]
    pub min: u32,
    /// Most.
    #[schemars(with = "Expressed")]
    pub max: u32,
    /// Workloads: target use in per cent of the CPU request.
    #[schemars(with = "Option<Expressed>")]
    pub cpu_percent: Option<u32>,
}

/// A workload.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WorkloadFields {
    /// `namespace/name`.
    pub name: String,
    /// `Deployment` when absent; `StatefulSet`, `DaemonSet`.
    pub kind: Option<String>,
    /// Pods; 1 when absent.
    #[schemars(with = "Option<Expressed>")]
    pub replicas: Option<u32>,
    /// CPU request of a pod: a quantity, or cores.
    pub cpu: Option<Value>,
    /// Memory request of a pod: a quantity, or bytes.
    pub memory: Option<Value>,
    /// CPU limit.
    pub cpu_limit: Option<Value>,
    /// Memory limit.
    pub memory_limit: Option<Value>,
    /// Measured use of each pod, as `kubectl top pods` shows it.
    pub uses: Option<UseFields>,
    /// Fewest pods that must serve; an outage is having less. Applications without are not watched.
    #[schemars(with = "Option<Expressed>")]
    pub minimum: Option<u32>,
    /// Priority.
    #[schemars(with = "Option<Expressed>")]
    pub priority: Option<i32>,
    /// Priority of the pods that run at the start, where the template has got another since.
    #[schemars(with = "Option<Expressed>")]
    pub priority_before: Option<i32>,
    /// The only pool that it may run on.
    pub pool: Option<String>,
    /// Taints that it tolerates, such as `dedicated=ingress:NoSchedule`; `*` for all.
    #[serde(default)]
    pub tolerates: Vec<String>,
    /// Topology spread constraint.
    pub spread: Option<ApartFields>,
    /// Anti-affinity between its pods.
    pub apart: Option<ApartFields>,
    /// Disruption budget.
    pub budget: Option<BudgetFields>,
    /// Horizontal autoscaler on CPU.
    pub autoscale: Option<RangeFields>,
    /// Rolling update: `maxSurge`, `maxUnavailable`.
    #[serde(default)]
    pub rollout: Map<String, Value>,
    /// False without readiness probe.
    pub probe: Option<bool>,
    /// Seconds to pull its images.
    #[schemars(with = "Option<Expressed>")]
    pub pull_seconds: Option<TimeFields>,
    /// Seconds from then until its containers run.
    #[schemars(with = "Option<Expressed>")]
    pub start_seconds: Option<TimeFields>,
    /// Seconds from then until it is ready.
    #[schemars(with = "Option<Expressed>")]
    pub ready_seconds: Option<TimeFields>,
    /// Seconds until a pod that is told to stop has exited.
    #[schemars(with = "Option<Expressed>")]
    pub exit_seconds: Option<TimeFields>,
    /// Termination grace period.
    #[schemars(with = "Option<Expressed>")]
    pub grace_seconds: Option<u64>,
    /// Nodes of its pods at the start, in order; wherever there is room when absent.
    #[serde(default)]
    pub on: Vec<PlaceFields>,
    /// The service it gives, as a flow of requests: with it an outage is also losing more than 5 % of what is asked.
    pub service: Option<ServiceFields>,
    /// Labels of its pods beside `app`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations of the workload.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// Further members of the pod's `spec`.
    #[serde(default)]
    pub pod: Map<String, Value>,
}

/// Where pods run.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum PlaceFields {
    /// One pod, on the node `POOL/NUMBER` (from 0); `pending` for none.
    Node(String),
    /// Several pods.
    Pods {
        /// The node, as `POOL/NUMBER`, or `pending`.
        node: String,
        /// How many.
        #[schemars(with = "Expressed")]
        pods: u32,
    },
}

impl PlaceFields {
    /// The node, and how many pods are on it.
    fn parts(&self) -> (&str, u32) {
        match self {
            PlaceFields::Node(node) => (node, 1),
            PlaceFields::Pods { node, pods } => (node, *pods),
        }
    }
}

/// Measured use of a pod.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UseFields {
    /// CPU: a quantity, or cores.
    pub cpu: Value,
    /// Memory: a quantity, or bytes.
    pub memory: Value,
}

/// A time: seconds, or the median of a log-normal time with its sigma.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TimeFields {
    /// Always as long.
    Constant(f64),
    /// Log-normal.
    LogNormal {
        /// Seconds.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

/// Pods that are to be on different nodes or in different zones.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ApartFields {
    /// `node` or `zone`.
    pub by: Apart,
    /// Required, not only preferred.
    #[serde(default)]
    pub hard: bool,
}

/// What keeps pods apart.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Apart {
    /// Nodes.
    Node,
    /// Zones.
    Zone,
}

/// A disruption budget.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetFields {
    /// A count or a percentage; this or `maxUnavailable`.
    #[schemars(with = "Option<Expressed>")]
    pub min_available: Option<Value>,
    /// A count or a percentage.
    #[schemars(with = "Option<Expressed>")]
    pub max_unavailable: Option<Value>,
    /// `unhealthyPodEvictionPolicy: AlwaysAllow`.
    #[serde(default)]
    pub always_allow_unhealthy: bool,
}

pub use service::ServiceFields;

/// The cluster of a recipe, completed.
///
/// # Errors
/// Everything wrong with it at once, with paths below `path`.
pub fn cluster(recipe: Value, name: &str, path: &str) -> Result<(RecipeFields, Snapshot), Complaints> {
    let fields: RecipeFields = part::read(recipe, path)?;
    let document = objects::document(&fields, name);
    let below = |found: Complaints| {
        let moved = found.0.into_iter().map(|c| Complaint { path: part::join(path, &c.path), ..c });
        Complaints(moved.collect())
    };
    let read = Snapshot::from_json(document.to_string().as_bytes()).map_err(below)?;
    let mut coverage = Coverage::default();
    let mut snapshot = complete(&read, &mut coverage);
    // What was made up is now said: it is not to be made up again when the cluster is loaded.
    snapshot.workloads.iter_mut().for_each(|w| w.assumed = false);
    snapshot.coverage = coverage;
    places::arrange(&fields, &mut snapshot, path).map_err(Complaints)?;
    Ok((fields, snapshot))
}

impl RecipeFields {
    /// Puts what snapshots cannot say into the loaded cluster: services as flows, and local caches.
    pub fn finish(&self, cluster: &mut ClusterSpec) {
        service::apply(self, cluster);
    }
}

/// A quantity as Kubernetes writes it: texts as they are, numbers in whole units.
fn quantity(value: &Value) -> Value {
    match value {
        Value::Number(n) => json!(n.to_string()),
        other => other.clone(),
    }
}

/// Namespace and name.
fn split(name: &str) -> (&str, &str) {
    name.split_once('/').unwrap_or(("default", name))
}
