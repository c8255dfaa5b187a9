//! What came of a change, as somebody states it: schema `poolproof.outcome/1`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What came of a change. Whatever is left out stays as it is known, or unknown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StatedOutcome {
    /// Id of the change, as `decode` and reports tell it; this or `correlationId`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<String>,
    /// Azure's correlation id of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Whether the operation ended well.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub succeeded: Option<bool>,
    /// Error code, where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// When it began (RFC 3339).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Whether a system workload was out longer than the outage threshold.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage: Option<bool>,
    /// Minutes a system workload was out; more than 0 says that there was an outage unless `outage` says otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outage_minutes: Option<f64>,
    /// Somebody acted while it ran, or carried it out otherwise than was foretold: such outcomes are kept apart.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mitigated: Option<bool>,
    /// Interruptions of nodes of the cluster in the time watched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interruptions: Option<u32>,
    /// Nodes times days watched for interruptions.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_days: Option<f64>,
    /// Anything worth noting, up to 1000 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// When this was stated: of two statements the later one counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
}

impl StatedOutcome {
    /// True where it states nothing about the change.
    pub fn says_nothing(&self) -> bool {
        let named = StatedOutcome {
            change: self.change.clone(),
            correlation_id: self.correlation_id.clone(),
            time: self.time.clone(),
            ..StatedOutcome::default()
        };
        *self == named
    }

    /// Whether there was an outage, as far as is stated.
    pub fn outage(&self) -> Option<bool> {
        self.outage.or(self.outage_minutes.map(|minutes| minutes > 0.0))
    }
}
