//! What a report says of the risk: outages, minutes, what the answer rests on, each watched workload.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::Est;
use crate::functions::Function;
use crate::rare::RareEvents;

/// How likely harm is, and how much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Risk {
    /// Probability that any system workload is out longer than the threshold.
    pub outage: Outage,
    /// Mean added minutes of outage, weighted over system workloads (DNS 1.0, tunnel 0.7, metrics 0.3, others 0.5), one
    /// trial counting with at most 100; the score is a function of this.
    pub added_outage_minutes: Est,
    /// Share of a 30-day error budget that the added minutes use up.
    pub error_budget_burn: f64,
    /// The error budget of the objective and what of it the change uses up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_budget: Option<ErrorBudget>,
    /// Range of the probability of an outage with the change over parameters that are not known well, 5 % to 95 %, without the
    /// error of sampling; absent where not computed.
    pub parameter_band: Option<Band>,
    /// The same of the mean of added minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub added_minutes_band: Option<Band>,
    /// Where sources disagree: the risk under either answer, two by two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readings: Vec<Reading>,
    /// The risk by the number of failures in a future; absent where trials are not dealt by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rare_events: Option<RareEvents>,
    /// Every watched workload.
    pub workloads: Vec<Workload>,
    /// Functions of the cluster that replicas do not show, where some future has to do without them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub functions: Vec<Function>,
}

/// What an objective allows, and what of it a change uses up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorBudget {
    /// The objective, such as 0.999.
    pub slo: f64,
    /// Days over which it is held.
    pub period_days: f64,
    /// Minutes of outage it allows in that time.
    pub minutes: f64,
    /// Share of them that the change adds; negative where it saves.
    pub burn: Est,
}

/// The risk under one answer to a question that sources answer differently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reading {
    /// The question.
    pub question: String,
    /// The answer.
    pub answer: String,
    /// How likely this answer is thought.
    pub believed: f64,
    /// Trials that had it.
    pub trials: u64,
    /// Probability of an outage with the change under it.
    pub outage: Est,
    /// Mean of added minutes under it.
    pub added_outage_minutes: Est,
    /// Share of the whole risk that comes under it.
    pub share: f64,
}

/// How much a number that is not known well moves the answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Sensitivity {
    /// Its name.
    pub parameter: String,
    /// What it is.
    pub what: String,
    /// What 90 % of clusters are thought to have.
    pub range: String,
    /// Share of the answer's spread over parameters that goes with it, by rank regression.
    pub share: f64,
    /// True where the risk rises with it.
    pub rises: bool,
    /// How to get it for one cluster.
    pub how: String,
    /// Mean effect of half its range on the added minutes (Morris); from thorough runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<f64>,
    /// Share of the variance that goes when it alone becomes known (Sobol); from thorough runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_order: Option<f64>,
    /// Share that stays when all others become known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total_order: Option<f64>,
}

/// Probabilities of an outage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Outage {
    /// An uninterrupted period longer than this counts.
    pub threshold_seconds: f64,
    /// When nothing is done.
    pub baseline: Est,
    /// With the change.
    pub proposal: Est,
    /// The difference, from paired trials.
    pub added: Est,
    /// Exact p-value of McNemar's test that both are equally likely.
    pub mc_nemar_p: f64,
}

/// A range.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Band {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// How a watched workload fares with the change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Workload {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Pods wanted at the start.
    pub replicas: u32,
    /// Up replicas below which it counts as out.
    pub min_available: u32,
    /// What one of its minutes counts in the score; 0 for applications.
    pub weight: f64,
    /// Probability of an outage with the change.
    pub outage: Est,
    /// Probability of an outage when nothing is done.
    pub baseline_outage: Est,
    /// Minutes out with the change.
    pub loss_minutes: Quantiles,
    /// Minutes out when nothing is done.
    pub baseline_loss_minutes: Quantiles,
    /// Share of its queries lost with the change, where demand on it is modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query_loss: Option<Est>,
    /// More about its queries, where demand on it is modelled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queries: Option<Queries>,
}

/// How the queries of a workload fare: what its pods, all of them ready, do not show.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Queries {
    /// Share of its queries lost when nothing is done.
    pub baseline_loss: Est,
    /// What the change adds, from paired trials.
    pub added_loss: Est,
    /// Minutes in which it loses more than is tolerated although enough of its pods are up, mean, with the change.
    pub lossy_minutes: Est,
    /// The same when nothing is done.
    pub baseline_lossy_minutes: Est,
    /// Share of futures with such minutes in which its up pods never fall below the minimum.
    pub while_enough: Est,
    /// How long an answer takes in milliseconds, over futures: each one's mean over the answers that come, waits before a client
    /// asks again included.
    pub latency_ms: Quantiles,
    /// The same when nothing is done.
    pub baseline_latency_ms: Quantiles,
    /// Share of the answers that take longer than clients wait before they ask again.
    pub slow: Est,
    /// The same when nothing is done.
    pub baseline_slow: Est,
    /// Containers killed above their memory limit, mean number in a future.
    pub kills: f64,
    /// The same when nothing is done.
    pub baseline_kills: f64,
    /// Its line: one sentence, empty where there is nothing to say.
    pub sentence: String,
}

/// Mean and quantiles over trials.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Quantiles {
    /// Mean.
    pub mean: f64,
    /// Median.
    pub p50: f64,
    /// 95th percentile.
    pub p95: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 95 % limits of each, by the same names.
    pub limits: BTreeMap<String, Band>,
}
