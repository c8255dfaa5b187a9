//! Thresholds of a decision, as messages carry them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::complaint::Complaint;

/// From where on a change is worth a review, and from where on it is stopped; what is left out keeps its default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ThresholdFields {
    /// Level from which a change is reviewed; `moderate` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_at: Option<LevelName>,
    /// Level from which it is stopped; `critical` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_at: Option<LevelName>,
    /// It is reviewed where the upper limit of the score reaches this level; `high` unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_upper_at: Option<LevelName>,
    /// Probability of a failing operation from which it is reviewed; 0.1 unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_failure: Option<f64>,
    /// The same from which it is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_failure: Option<f64>,
    /// Probability of an outage from which it is reviewed, by the upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_outage: Option<f64>,
    /// The same from which it is stopped, by the estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_outage: Option<f64>,
    /// Share of the error budget from which it is reviewed, by the upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_burn: Option<f64>,
    /// The same from which it is stopped, by the estimate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_burn: Option<f64>,
    /// Findings of severity warning are worth a review; true unless set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_warnings: Option<bool>,
}

/// Name of a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs, reason = "the names say it")]
pub enum LevelName {
    Minimal,
    Low,
    Moderate,
    High,
    Critical,
}

impl ThresholdFields {
    /// These where they say something, `below` elsewhere.
    pub fn over(&self, below: &ThresholdFields) -> ThresholdFields {
        ThresholdFields {
            review_at: self.review_at.or(below.review_at),
            stop_at: self.stop_at.or(below.stop_at),
            review_upper_at: self.review_upper_at.or(below.review_upper_at),
            review_failure: self.review_failure.or(below.review_failure),
            stop_failure: self.stop_failure.or(below.stop_failure),
            review_outage: self.review_outage.or(below.review_outage),
            stop_outage: self.stop_outage.or(below.stop_outage),
            review_burn: self.review_burn.or(below.review_burn),
            stop_burn: self.stop_burn.or(below.stop_burn),
            review_warnings: self.review_warnings.or(below.review_warnings),
        }
    }

    /// True where nothing is said.
    pub fn is_empty(&self) -> bool {
        *self == ThresholdFields::default()
    }

    /// Values that make no sense.
    pub fn complaints(&self) -> Vec<Complaint> {
        let shares = [
            ("reviewFailure", self.review_failure, 1.0),
            ("stopFailure", self.stop_failure, 1.0),
            ("reviewOutage", self.review_outage, 1.0),
            ("stopOutage", self.stop_outage, 1.0),
            ("reviewBurn", self.review_burn, 1e6),
            ("stopBurn", self.stop_burn, 1e6),
        ];
        let wrong = shares.into_iter().filter_map(|(name, value, most)| Some((name, value?, most)));
        wrong
            .filter(|(_, value, most)| !(0.0..=*most).contains(value))
            .map(|(name, value, most)| {
                Complaint::at(format!("settings.thresholds.{name}"), value, format!("a number from 0 to {most}"))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_upper_ones_win_and_nonsense_is_refused() {
        let read = |json: &str| serde_json::from_str::<ThresholdFields>(json).unwrap_or_default();
        let (above, below) = (read(r#"{"stopAt":"high"}"#), read(r#"{"stopAt":"low","reviewBurn":0.5}"#));
        assert_eq!(above.over(&below), read(r#"{"stopAt":"high","reviewBurn":0.5}"#));
        assert!(above.complaints().is_empty() && !above.is_empty() && read("{}").is_empty());
        let wrong = ThresholdFields { stop_outage: Some(1.5), stop_burn: Some(f64::NAN), ..above };
        let paths: Vec<String> = wrong.complaints().into_iter().map(|c| c.path).collect();
        assert_eq!(paths, ["settings.thresholds.stopOutage", "settings.thresholds.stopBurn"]);
        assert!(serde_json::from_str::<ThresholdFields>(r#"{"stopAt":"tomorrow"}"#).is_err());
    }
}
