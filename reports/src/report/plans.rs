//! Safer plans in the document, and how they were looked for.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::DurationMinutes;
use crate::estimate::Est;

/// A safer plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Alternative {
    /// One line.
    pub summary: String,
    /// Its score.
    pub score: f64,
    /// Its added loss.
    pub added_outage_minutes: Est,
    /// The loss it adds beyond that of the proposal, in the same futures; the limits hold for all rows together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against_proposal: Option<Est>,
    /// Probability that it ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<Est>,
    /// Its duration.
    pub duration_minutes: DurationMinutes,
    /// Mean extra node time it uses, hours.
    #[serde(default)]
    pub surge_node_hours: f64,
    /// Its price; absent where a price is not known.
    pub cost_usd: Option<f64>,
    /// True where no plan shown, the proposal among them, is at least as good in risk, success, duration and cost and better in one.
    pub pareto: bool,
    /// Trials it was estimated from.
    #[serde(default)]
    pub trials: u64,
    /// How to apply it, by tool (`az`, `terraform`).
    pub apply: BTreeMap<String, String>,
}

/// How safer plans were looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanSearch {
    /// Plans that were tried.
    pub tried: u64,
    /// Trials in which they were compared, all plans together; those that the rows rest on come after.
    pub trials: u64,
    /// Plans left out because they fail more often than others.
    pub failing: u64,
    /// Plans that were not tried, by the reason.
    pub set_aside: Vec<SetAside>,
    /// Why there was no search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub not_searched: Option<String>,
    /// The change as proposed, as a row beside those of other plans.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposal: Option<Alternative>,
}

/// Plans that were not tried for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SetAside {
    /// The reason, a sentence.
    pub reason: String,
    /// How many.
    pub plans: u64,
    /// One of them.
    pub example: String,
}
