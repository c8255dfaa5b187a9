//! The published document, schema `poolproof.report/1`. Field names are the contract with everyone who reads reports.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::course::Course;
use crate::estimate::{Est, Sampling};
use crate::in_flight::InFlight;
use crate::score::Thresholds;
use crate::stopping::Stop;

mod plans;
mod risk;
mod write;

pub use plans::{Alternative, PlanSearch, SetAside};
pub use risk::{Band, ErrorBudget, Outage, Quantiles, Queries, Reading, Risk, Sensitivity, Workload};
pub use write::{to_bytes, to_bytes_compact};

/// Value of `schema`.
pub const SCHEMA: &str = "poolproof.report/1";

/// A scored change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `poolproof.report/1`.
    pub schema: String,
    /// Digest of change, snapshot, settings and engine version.
    pub id: String,
    /// What is to be done.
    pub change: Change,
    /// To which cluster.
    pub cluster: Cluster,
    /// What to make of it.
    pub verdict: Verdict,
    /// Rules that apply.
    pub findings: Vec<Finding>,
    /// How likely harm is, and how much.
    pub risk: Risk,
    /// How the operation itself fares.
    pub operation: Operation,
    /// Where it should be by now, where it has begun and it is known when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_flight: Option<InFlight>,
    /// Contributions of causes.
    pub causes: Vec<Cause>,
    /// What their shares add up to; absent where nothing is shared out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<Attribution>,
    /// Safer plans.
    pub alternatives: Vec<Alternative>,
    /// How they were looked for; absent where nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_search: Option<PlanSearch>,
    /// The trial in which the change loses most; absent where nothing is changed.
    pub worst_trial: Option<WorstTrial>,
    /// The shortest courses of events that still end in an outage, out of bad trials; none where none was looked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub courses: Vec<Course>,
    /// What the report rests on.
    pub coverage: Coverage,
    /// What was run.
    pub trials: Trials,
}

/// The change as it was read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Change {
    /// Digest that identifies it.
    pub id: String,
    /// `proposed`, `in_flight` or `completed`.
    pub phase: String,
    /// `{format, eventId, correlationId, caller, time}`.
    pub source: serde_json::Value,
    /// Cluster name or id.
    pub cluster: String,
    /// Pool, where one is named.
    pub pool: Option<String>,
    /// `{kind, ...}`.
    pub operation: serde_json::Value,
    /// One line in plain words.
    pub summary: String,
    /// How it really ended, where it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<Recorded>,
}

/// How a completed change really ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Recorded {
    /// True where it ended well.
    pub succeeded: bool,
    /// The platform's words.
    pub text: String,
}

/// The cluster at the start.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cluster {
    /// Name.
    pub name: String,
    /// Digest of the snapshot.
    pub digest: String,
    /// When the snapshot was taken, RFC 3339.
    pub taken_at: Option<String>,
    /// Number of nodes.
    pub nodes: u64,
    /// Number of pods.
    pub pods: u64,
    /// Node pools.
    pub pools: Vec<Pool>,
}

/// A node pool; the fields carry the names of the AKS API.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the fields carry the names of the AKS API")]
pub struct Pool {
    pub name: String,
    pub mode: String,
    pub count: u32,
    pub vm_size: String,
    pub os_type: String,
    pub zones: Vec<String>,
    pub taints: Vec<String>,
    pub max_surge: String,
    pub min_count: Option<u32>,
    pub max_count: Option<u32>,
}

/// What to make of the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verdict {
    /// 0 (nothing added) to 100 (a hundred weighted minutes of outage or more).
    pub score: f64,
    /// Score at the lower limit of the added loss.
    pub score_low: f64,
    /// Score at the upper limit of the added loss.
    pub score_high: f64,
    /// Level of the score, one higher where a rare trial is much worse.
    pub level: Level,
    /// What to do.
    pub decision: Decision,
    /// True where the platform will refuse the change, whatever the score.
    pub blocked: bool,
    /// What the decision was held against.
    #[serde(default)]
    pub thresholds: Thresholds,
    /// Reasons, weightiest first.
    pub why: Vec<String>,
}

/// Level of a score.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Score below 20.
    Minimal,
    /// Below 40.
    Low,
    /// Below 60.
    Moderate,
    /// Below 80.
    High,
    /// 80 and above.
    Critical,
}

impl Level {
    /// Every level, rising.
    pub const ALL: [Level; 5] = [Level::Minimal, Level::Low, Level::Moderate, Level::High, Level::Critical];

    /// The name used everywhere.
    pub fn name(self) -> &'static str {
        ["minimal", "low", "moderate", "high", "critical"][self as usize]
    }

    /// The next level up; critical stays.
    pub fn next(self) -> Level {
        Level::ALL[(self as usize + 1).min(Level::ALL.len() - 1)]
    }
}

/// What to do with a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    /// Go on.
    Proceed,
    /// Let somebody look first.
    Review,
    /// Do not.
    Stop,
}

impl Decision {
    /// The name used everywhere.
    pub fn name(self) -> &'static str {
        ["proceed", "review", "stop"][self as usize]
    }
}

/// A rule that applies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Stable id of the rule.
    pub id: String,
    /// `info`, `warning` or `error`.
    pub severity: String,
    /// The object it speaks of.
    pub subject: String,
    /// One sentence.
    pub message: String,
    /// Where the rule is written down.
    pub source: String,
    /// Facts that made the rule fire.
    pub evidence: BTreeMap<String, serde_json::Value>,
}

/// How the operation itself fares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Probability that it ends well within the horizon.
    pub success: Est,
    /// From its start to its end, well or not.
    pub duration_minutes: DurationMinutes,
    /// Ways to fail, likeliest first.
    pub failures: Vec<Failure>,
    /// Mean extra node time it uses, hours.
    pub surge_node_hours: f64,
    /// Mean price of that time; absent where a price is not known.
    pub cost_usd: Option<f64>,
}

/// Quantiles of the duration; absent where the simulated time was too short to see them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DurationMinutes {
    /// Median.
    pub p50: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
}

/// A way to fail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Error code of AKS, or `NotFinished`.
    pub code: String,
    /// Share of trials.
    pub probability: f64,
    /// Lower 95 % limit.
    pub low: f64,
    /// Upper 95 % limit.
    pub high: f64,
    /// Why, naming the objects.
    pub cause: String,
}

/// What the risk that is looked into comes to with all causes at work, and with those that matter switched off together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attribution {
    /// Share of futures with an outage of a system workload, causes at work.
    pub with: f64,
    /// The same with the causes of the table switched off together. What lies between is what their shares add up to.
    pub without: f64,
}

/// Contribution of a cause to the risk.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cause {
    /// Name of the cause.
    pub cause: String,
    /// What would be so without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub without: Option<String>,
    /// Risk that would go with it.
    pub avoidable: Option<Est>,
    /// Its Shapley share of the risk.
    pub shapley: Option<f64>,
    /// Share of bad trials in which it came first.
    pub first_cause_share: Option<f64>,
    /// What it befell or came from where it came first, most often first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<Object>,
}

/// What a cause befalls or comes from: a pool, a workload, what the scheduler says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Object {
    /// In words.
    pub name: String,
    /// Share of the bad trials in which the cause came first.
    pub share: f64,
}

/// The trial in which the change loses most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorstTrial {
    /// Its index.
    pub trial: u32,
    /// Weighted minutes it adds to doing nothing.
    pub added_minutes: f64,
    /// Failures in its future, where trials are dealt by their number: `0`, `1`, `2`, `3 or more`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failures: Option<String>,
    /// Share of all futures that have as many; absent where trials are not dealt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// What happened, in order.
    pub timeline: Vec<Moment>,
    /// Events that were left out of the timeline.
    pub left_out: u64,
}

/// One line of a timeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Moment {
    /// Seconds since the start of the simulation.
    pub t: f64,
    /// What happened, in the words of Kubernetes and AKS.
    pub event: String,
    /// To what.
    pub subject: String,
    /// More about it.
    pub detail: String,
}

/// What the report rests on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Coverage {
    /// Things not seen, not modelled or not estimated, one sentence each.
    pub not_seen: Vec<String>,
    /// Values assumed.
    pub assumptions: Vec<Assumption>,
    /// What to measure first: the number that would narrow the answer most, and how to get it.
    pub most_valuable_datum: Option<String>,
    /// Numbers that are not known well and move the answer, weightiest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<Sensitivity>,
}

/// A value that was assumed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Assumption {
    /// What it is.
    pub name: String,
    /// Its value with unit.
    pub value: String,
    /// Where the value comes from.
    pub source: String,
    /// `A` measured or documented on AKS or Azure, `B` elsewhere, `C` judgement.
    pub grade: String,
    /// What 90 % of clusters are thought to have instead, where each trial draws its own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<String>,
}

/// What was run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Trials {
    /// Paired trials.
    pub count: u64,
    /// What decided their number: `fixed`, it was given beforehand, or `sequential`, the trials themselves. Limits of
    /// probabilities are Clopper-Pearson's in the first case, those of a confidence sequence in the second.
    #[serde(default)]
    pub sampling: Sampling,
    /// Why sampling stopped: `width`, the intervals were narrow enough; `decision`, the level was beyond doubt; or `budget`.
    pub stopped: Stop,
    /// Root seed.
    pub seed: u64,
    /// Version of the engine.
    pub engine: String,
    /// Simulated hours of each trial: what begins later is not looked at.
    pub horizon_hours: f64,
    /// How trials in which something was out or under way then were followed; absent where none is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<Followed>,
}

/// Trials that are followed beyond the horizon, until nothing is out or under way in either plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// Hours after which a trial ends all the same.
    pub hours_at_most: f64,
    /// Share of futures that are followed at all.
    pub share: f64,
    /// Share of futures in which something is still out or under way at the end, with the change.
    pub unsettled: f64,
}
