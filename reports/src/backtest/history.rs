//! History: what was foretold of changes and what came of them, a row a change. One format for what a worker remembers, for
//! files people write, and for what a backtest reads; as JSON lines, schema `poolproof.history/1`.
//!
//! A row may lack its prediction (the change was never scored) or its outcome (it is not known yet); a backtest uses the rows
//! that have both. Which of several messages makes a row is for whoever collects them to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Value of `schema`.
pub const SCHEMA: &str = "poolproof.history/1";

/// Quantiles of a duration that are kept: 5 %, 10 %, ... 95 %.
pub const QUANTILES: usize = 19;

/// The probability of a kept quantile, by its place.
pub fn level_of(place: usize) -> f64 {
    (place as f64 + 1.0) / (QUANTILES as f64 + 1.0)
}

/// One change: what was foretold, and what came.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// `poolproof.history/1`; may be left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// Id of the change.
    pub change: String,
    /// Name of the cluster.
    #[serde(default)]
    pub cluster: String,
    /// Pool, where one is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pool: Option<String>,
    /// Kind of the operation, such as `upgrade`.
    #[serde(default)]
    pub operation: String,
    /// When it was proposed (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proposed_at: Option<String>,
    /// When it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// What was foretold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prediction: Option<Prediction>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Observed>,
}

/// What was foretold of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Prediction {
    /// Id of the report.
    #[serde(default)]
    pub report: String,
    /// Version of the engine.
    #[serde(default)]
    pub engine: String,
    /// Root seed.
    #[serde(default)]
    pub seed: u64,
    /// Phase of the change when it was foretold: `proposed`, `in_flight`, or `completed` for what was scored after its end.
    #[serde(default = "proposed")]
    pub phase: String,
    /// Score, 0 to 100.
    #[serde(default)]
    pub score: f64,
    /// Probability that a system workload is out longer than the threshold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<f64>,
    /// Probability that the operation ends well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub success: Option<f64>,
    /// Quantiles of its duration in minutes where it ends well: 5 %, 10 %, ... 95 %, rising; empty where none was seen to end well.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duration_minutes: Vec<f64>,
    /// What a simple rule looks at.
    #[serde(default)]
    pub rule: Rule,
    /// How the outcome moves with what is not known well, for learning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Response>,
}

/// What a simple rule looks at: any of them, and it says that the change goes wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Rule {
    /// A rolling upgrade without surge nodes.
    pub surge_below_one: bool,
    /// A disruption budget that lets no pod go.
    pub pdb_blocked: bool,
    /// A system pool of one node.
    pub system_pool_of_one: bool,
}

impl Rule {
    /// True where the rule says that the change goes wrong.
    pub fn objects(self) -> bool {
        self.surge_below_one || self.pdb_blocked || self.system_pool_of_one
    }
}

/// How duration and failures move with what is not known well: the duration is about `fixed + provision * p + reimage * r`, where
/// `p` and `r` are the times to make and to reimage a node as multiples of their defaults.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Response {
    /// Minutes that depend on neither.
    pub fixed: f64,
    /// Minutes spent making nodes, at the default.
    pub provision: f64,
    /// Minutes spent reimaging nodes, at the default.
    pub reimage: f64,
    /// Standard deviation of the logarithm of the duration where both are known.
    pub spread: f64,
    /// Machines the operation asks for.
    pub machines: f64,
}

/// What came of a change.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Observed {
    /// Whether the operation ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    /// Error code, where it did not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// From its beginning to its end, minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_minutes: Option<f64>,
    /// Whether a system workload was out longer than the threshold; absent where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<bool>,
    /// Minutes of outage, where stated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage_minutes: Option<f64>,
    /// Somebody acted while it ran or changed it beforehand because of what was foretold: kept apart.
    #[serde(default)]
    pub mitigated: bool,
    /// Interruptions of nodes that were seen, with `node_days`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interruptions: Option<u32>,
    /// Days times nodes that were watched for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_days: Option<f64>,
    /// What was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Observed {
    /// True where nothing is known.
    pub fn is_empty(&self) -> bool {
        *self == Observed::default()
    }
}

impl Row {
    /// The time that orders rows: the beginning, else the proposal, else the end.
    pub fn time(&self) -> Option<&str> {
        self.started_at.as_deref().or(self.proposed_at.as_deref()).or(self.ended_at.as_deref())
    }

    /// What is wrong with the numbers of a row, with the member's path; nothing where all is well.
    pub fn faults(&self) -> Vec<(&'static str, String, &'static str)> {
        let mut faults = Vec::new();
        let mut check = |path, value: Option<f64>, fine: bool, expected| {
            if let Some(value) = value.filter(|_| !fine) {
                faults.push((path, value.to_string(), expected));
            }
        };
        let share = |p: Option<f64>| p.is_none_or(|p| (0.0..=1.0).contains(&p));
        let amount = |x: Option<f64>| x.is_none_or(|x| x.is_finite() && x >= 0.0);
        if let Some(p) = &self.prediction {
            check("prediction.outage", p.outage, share(p.outage), "a probability from 0 to 1");
            check("prediction.success", p.success, share(p.success), "a probability from 0 to 1");
            let d = &p.duration_minutes;
            let sound = d.is_empty()
                || (d.len() == QUANTILES && d.iter().all(|m| amount(Some(*m))) && d.windows(2).all(|w| w[0] <= w[1]));
            check("prediction.durationMinutes", Some(d.len() as f64), sound, "19 rising numbers of minutes, or none");
            if let Some(r) = &p.response {
                let all = [r.fixed, r.provision, r.reimage, r.spread, r.machines];
                let worst = all.into_iter().find(|x| !amount(Some(*x)));
                check("prediction.response", worst, worst.is_none(), "numbers of at least 0");
            }
        }
        if let Some(o) = &self.outcome {
            check("outcome.durationMinutes", o.duration_minutes, amount(o.duration_minutes), "minutes of at least 0");
            check("outcome.outageMinutes", o.outage_minutes, amount(o.outage_minutes), "minutes of at least 0");
            check("outcome.nodeDays", o.node_days, amount(o.node_days), "days of at least 0");
        }
        faults
    }
}

fn proposed() -> String {
    "proposed".into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_short_row_is_read_and_says_what_it_lacks() {
        let row: Row =
            serde_json::from_str(r#"{"change":"a","prediction":{"success":0.9},"outcome":{"succeeded":true}}"#)
                .unwrap();
        assert!(row.faults().is_empty());
        let prediction = row.prediction.unwrap();
        assert_eq!(
            (prediction.phase.as_str(), prediction.outage, prediction.rule.objects()),
            ("proposed", None, false)
        );
        assert_eq!((level_of(0), level_of(9), level_of(18)), (0.05, 0.5, 0.95));
    }

    #[test]
    fn numbers_that_cannot_be_are_named() {
        for (text, path) in [
            (r#"{"change":"a","prediction":{"outage":1.5}}"#, "prediction.outage"),
            (r#"{"change":"a","prediction":{"success":-0.1}}"#, "prediction.success"),
            (r#"{"change":"a","prediction":{"durationMinutes":[1,2]}}"#, "prediction.durationMinutes"),
            (r#"{"change":"a","prediction":{"response":{"fixed":-1}}}"#, "prediction.response"),
            (r#"{"change":"a","outcome":{"durationMinutes":-1}}"#, "outcome.durationMinutes"),
        ] {
            let row: Row = serde_json::from_str(text).unwrap();
            assert_eq!(row.faults().iter().map(|f| f.0).collect::<Vec<_>>(), [path], "{text}");
        }
    }
}
