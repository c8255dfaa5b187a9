//! A change as poolproof understands it, whatever message it came in: who wants what done to which pool, and whether it
//! is proposed, under way or over.

mod difference;
mod identity;
mod summary;
mod thresholds;
mod upgrade_fields;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use difference::{Fixed, difference, fixed, same_version};
pub use identity::digest;
pub use thresholds::{LevelName, ThresholdFields};

/// One change of one cluster.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Digest of what identifies the change; equal for repeated deliveries of one event.
    pub id: String,
    /// Proposed, under way or over.
    pub phase: Phase,
    /// Where it was read from.
    pub source: Source,
    /// The cluster.
    pub cluster: ClusterRef,
    /// The pool, where one is named. Without one the operation is the cluster's own and reaches every pool.
    pub pool: Option<String>,
    /// What is done.
    pub operation: Operation,
    /// One line in plain words.
    pub summary: String,
    /// How a completed change ended, in the platform's words (`Succeeded`, or an error code and text).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<ChangeResult>,
    /// Snapshot carried by the message itself, unread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot: Option<serde_json::Value>,
    /// Name of a snapshot in the snapshot store.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_ref: Option<String>,
    /// Settings carried by the message.
    #[serde(default)]
    pub settings: ChangeSettings,
}

/// Where a change stands in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Not begun: score it.
    Proposed,
    /// Begun: score it and say so.
    InFlight,
    /// Over: replay it and compare.
    Completed,
}

/// Where a change was read from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    /// Format of the message, such as `proposal`, `activity-log`, `event-grid`, `terraform-plan`.
    pub format: String,
    /// Id of the event.
    pub event_id: Option<String>,
    /// What ties the phases of one operation together.
    pub correlation_id: Option<String>,
    /// Who asked for it.
    pub caller: Option<String>,
    /// When, as the message says (RFC 3339).
    pub time: Option<String>,
    /// When the operation began, where another record of it has said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
}

/// A cluster as messages name it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterRef {
    /// ARM resource id, lower-cased, where known.
    pub id: Option<String>,
    /// Cluster name, lower-cased (Azure names do not depend on case); empty where the message names none.
    pub name: String,
    /// Resource group, where known.
    pub resource_group: Option<String>,
    /// Subscription, where known.
    pub subscription: Option<String>,
}

/// How a completed change ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChangeResult {
    /// True where it ended well.
    pub succeeded: bool,
    /// Error code, where it did not.
    pub code: Option<String>,
    /// Error text.
    pub message: Option<String>,
}

/// What is done to a pool. Everything optional that the message left open is `None`: AKS keeps or defaults it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Operation {
    /// Set the node count.
    Scale {
        /// Nodes afterwards.
        count: u32,
    },
    /// Delete the pool.
    DeletePool {
        /// Bypass disruption budgets.
        #[serde(default)]
        ignore_pdb: bool,
    },
    /// Add a pool.
    AddPool {
        /// What it looks like.
        desired: PoolFields,
    },
    /// Write a whole pool (ARM PUT, Terraform update): what changes depends on the pool as it stands, so a snapshot
    /// turns it into other operations.
    PutPool {
        /// The fields written.
        desired: PoolFields,
    },
    /// Replace every node: new version, new image or any other reimage.
    Upgrade {
        /// Kubernetes version, where it changes.
        #[serde(skip_serializing_if = "Option::is_none")]
        version: Option<String>,
        /// Node image only.
        #[serde(default)]
        node_image_only: bool,
        /// Settings given with the call; the pool's own otherwise.
        #[serde(default, skip_serializing_if = "UpgradeFields::is_empty")]
        settings: UpgradeFields,
        /// Bypass disruption budgets (force upgrade).
        #[serde(default)]
        force: bool,
        /// Why nodes are replaced when neither version nor image changes, such as `enableFIPS`.
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Change the mode.
    SetMode {
        /// `System`, `User` or another mode.
        mode: String,
    },
    /// Replace the taints.
    SetTaints {
        /// Taints as `key=value:Effect`.
        taints: Vec<String>,
    },
    /// Replace the labels.
    SetLabels {
        /// Labels.
        labels: std::collections::BTreeMap<String, String>,
    },
    /// Change autoscaler settings.
    SetAutoscaler {
        /// On or off, where it changes.
        enabled: Option<bool>,
        /// Fewest nodes.
        min: Option<u32>,
        /// Most nodes.
        max: Option<u32>,
    },
    /// Change upgrade settings without upgrading.
    SetUpgradeSettings {
        /// The settings.
        settings: UpgradeFields,
    },
    /// Change a property no node notices (tags, scale-down mode).
    SetProperties {
        /// Names of the properties.
        names: Vec<String>,
    },
    /// Stop the pool.
    StopPool,
    /// Start the pool.
    StartPool,
    /// Delete machines without drain.
    DeleteMachines {
        /// Machine names.
        machines: Vec<String>,
    },
    /// Recreate all nodes of the cluster with new certificates.
    RotateCertificates,
    /// Replace the pool by one with other immutable properties: create, drain, delete.
    ResizePool {
        /// What it looks like afterwards.
        desired: PoolFields,
        /// How: `rotate` (temporary pool, as Terraform does) or `resize` (AKS in place).
        method: String,
    },
    /// Cordon nodes.
    Cordon {
        /// Node names; empty for all of the pool.
        nodes: Vec<String>,
    },
    /// Cordon and drain nodes.
    Drain {
        /// Node names; empty for all of the pool.
        nodes: Vec<String>,
    },
    /// Stop the operation that is running.
    Abort,
    /// Go back to the version and image before.
    Rollback,
    /// Several steps, one after the other: each begins when the one before has ended, and none after one that fails.
    Plan {
        /// The steps, in order.
        steps: Vec<Step>,
    },
    /// Set the replicas of a workload (`kubectl scale`).
    SetReplicas {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// Pods wanted afterwards.
        replicas: u32,
    },
    /// Give CoreDNS' autoscaler another ladder (ConfigMap `coredns-autoscaler`).
    SetDnsLadder {
        /// `[cores, replicas]`, rising.
        cores: Vec<(u32, u32)>,
        /// `[nodes, replicas]`, rising.
        nodes: Vec<(u32, u32)>,
    },
    /// Let a disruption budget allow so many pods to be missing. It is in force from the start, before anything else happens.
    SetBudget {
        /// Namespace.
        namespace: String,
        /// Name.
        name: String,
        /// A count or a percentage, as text.
        max_unavailable: String,
    },
    /// Replace the pods of Deployments one after the other (`kubectl rollout restart`).
    Restart {
        /// Namespace.
        namespace: String,
        /// Names.
        names: Vec<String>,
    },
    /// A rolling operation is under way or over, and the event does not say which.
    Rolling,
    /// Something was written to the pool, and the event does not say what.
    Unknown,
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// Seconds to wait before it, after the end of the step before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub wait_seconds: u32,
    /// The pool, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// What is done.
    pub operation: Operation,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// The fields of an agent pool that matter here, as messages give them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct PoolFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vm_size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub os_sku: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_pods: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub orchestrator_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enable_auto_scaling: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub availability_zones: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_labels: Option<std::collections::BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_taints: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_set_priority: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_down_mode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub power_state: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upgrade_settings: Option<UpgradeFields>,
    /// Other properties of the message, by API name, for telling what changed.
    #[serde(flatten)]
    pub other: std::collections::BTreeMap<String, serde_json::Value>,
}

/// Upgrade settings of an agent pool, as messages give them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct UpgradeFields {
    /// A count or a percentage, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_surge: Option<String>,
    /// A count or a percentage, as text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_unavailable: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_timeout_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_soak_duration_in_minutes: Option<u32>,
    /// `Schedule` or `Cordon`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undrainable_node_behavior: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_blocked_nodes: Option<String>,
    /// `Rolling` or `BlueGreen`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy: Option<String>,
    /// Blue-green: nodes drained at a time, a count or a percentage.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_batch_size: Option<String>,
    /// Blue-green: wait after each batch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_soak_duration_in_minutes: Option<u32>,
    /// Blue-green: wait before the old nodes go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_soak_duration_in_minutes: Option<u32>,
    /// When a forced upgrade ceases to be one (`upgradeSettings.overrideSettings.until`, RFC 3339): three days after it began unless
    /// given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub override_until: Option<String>,
}

impl UpgradeFields {
    /// True where nothing is given.
    pub fn is_empty(&self) -> bool {
        *self == UpgradeFields::default()
    }
}

/// Settings a message or a command line may carry. `None` means the default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeSettings {
    /// Root seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Paired replications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trials: Option<u32>,
    /// Outage threshold in seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage_threshold_seconds: Option<u32>,
    /// Service level objective for the error budget, such as 0.999.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo: Option<f64>,
    /// Days over which that objective is held; 30 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slo_period_days: Option<f64>,
    /// From where on the change is worth a review or is stopped: `reviewAt`, `stopAt`, `reviewUpperAt` (levels), `reviewFailure`,
    /// `stopFailure`, `reviewOutage`, `stopOutage` (probabilities), `reviewBurn`, `stopBurn` (shares of the error budget),
    /// `reviewWarnings`.
    #[serde(default, skip_serializing_if = "ThresholdFields::is_empty")]
    pub thresholds: ThresholdFields,
    /// More trials, and a closer look at what moves the answer: minutes instead of seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thorough: Option<bool>,
    /// Causes and mechanisms switched off, or fixed at their median, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub off: Vec<String>,
    /// Simulated hours.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub horizon_hours: Option<f64>,
    /// Nodes that are scaled away or deleted with their pool are drained before; true unless set. AKS' documentation of 2024
    /// and its team say so, older pages and reports the contrary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drain_on_delete: Option<bool>,
    /// How numbers that are not known well are used: `sampled`, each trial draws its own from what is believed about them, so
    /// that the answer is a forecast; or `mean`, every trial has the defaults.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<ParameterUse>,
    /// What undrainable behaviour `Schedule` does with a node that cannot be drained in time: `fail` ends the upgrade (AKS
    /// changelog; the default), `replace` makes the node anew with the pods it still has (AKS docs, upgrade-options).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub undrainable_schedule: Option<UndrainableSchedule>,
    /// Windows in which operations may begin, as of planned maintenance; at any time where there are none. What has begun
    /// runs on past the end of its window.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<WindowFields>,
    /// Name of a maintenance configuration of the snapshot, such as `aksManagedNodeOSUpgradeSchedule`, in whose windows the
    /// operation may begin: for upgrades that AKS begins by itself. Needs the snapshot's `takenAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance: Option<String>,
    /// Known loads: bursts that will come whatever is done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bursts: Vec<BurstFields>,
    /// Random bursts per day, instead of the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bursts_per_day: Option<f64>,
    /// Least factor of random bursts, instead of the default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub burst_factor: Option<f64>,
    /// Admission webhooks that refuse evictions, by name (`webhook` or `configuration/webhook`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny_evictions: Vec<String>,
    /// DNS queries per second at base load, over the whole cluster.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_qps: Option<f64>,
    /// DNS lookups per second at base load, over the whole cluster, in place of queries: each external name comes to as many
    /// queries as the search list has entries.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_lookups: Option<f64>,
    /// Share of these lookups that are of names outside the cluster, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns_external_share: Option<f64>,
    /// Per cent of the feasible nodes the scheduler scores, as its setting of this name: 100 scores all, 0 (the default) as many
    /// as kube-scheduler does by itself, all below 100 nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub percentage_of_nodes_to_score: Option<u32>,
    /// Numbers in place of defaults, by name (MODEL.md lists them); those of the snapshot's `cluster.assume` otherwise.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub assume: std::collections::BTreeMap<String, f64>,
    /// What recorded operations have taught, by name, as `backtest --learn` writes it: in place of what is believed about a number,
    /// unless it is stated.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub learned: std::collections::BTreeMap<String, LearnedNumber>,
    /// Of a supposed cluster or load: the least that the true one shows a DNS replica to bear, as a multiple of the default, 0 for nothing.
    /// Never written; a change that supposes nothing shows it by itself.
    #[serde(skip)]
    pub shown: Option<f64>,
}

/// A number that recorded operations have taught.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LearnedNumber {
    /// Median of a time as a multiple of its default, mean of a rate or a probability.
    pub value: f64,
    /// 5 % quantile.
    pub low: f64,
    /// 95 % quantile.
    pub high: f64,
    /// Operations that had a say in it.
    #[serde(default)]
    pub observations: u64,
}

/// How numbers that are not known well are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ParameterUse {
    /// Each trial draws its own.
    Sampled,
    /// Every trial has the defaults.
    Mean,
}

/// What undrainable behaviour `Schedule` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum UndrainableSchedule {
    /// The upgrade fails.
    Fail,
    /// The node is made anew.
    Replace,
}

/// A window of planned maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WindowFields {
    /// Minutes after the start of the simulation at which it opens.
    pub from_minutes: f64,
    /// Minutes after the start of the simulation at which it closes.
    pub until_minutes: f64,
}

/// A burst of load that is known to come.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BurstFields {
    /// Minutes after the start of the simulation.
    pub at_minutes: f64,
    /// Multiple of the base load at the top.
    pub factor: f64,
    /// Minutes from base to top.
    #[serde(default)]
    pub ramp_minutes: f64,
    /// Minutes at the top.
    pub hold_minutes: f64,
    /// Time constant of the way back, minutes.
    #[serde(default)]
    pub decay_minutes: f64,
    /// `namespace/name` of one workload; all that follow load when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
}
