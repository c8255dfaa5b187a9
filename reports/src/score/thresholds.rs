//! From where on a change is worth a look, and from where on it is stopped.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimate::Est;
use crate::report::{Decision, Level};

/// The thresholds of a decision. Those that are absent decide nothing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct Thresholds {
    /// Level from which a change is reviewed.
    pub review_at: Level,
    /// Level from which it is stopped.
    pub stop_at: Level,
    /// It is reviewed where the trials do not rule out this level: the upper limit of the score reaches it.
    pub review_upper_at: Level,
    /// Probability of a failing operation from which it is reviewed.
    pub review_failure: f64,
    /// The same from which it is stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_failure: Option<f64>,
    /// Probability of an outage with the change from which it is reviewed, by the upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_outage: Option<f64>,
    /// The same from which it is stopped, by the estimate; where only the upper limit reaches it, it is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_outage: Option<f64>,
    /// Share of the error budget from which it is reviewed, by the upper limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub review_burn: Option<f64>,
    /// The same from which it is stopped, by the estimate; where only the upper limit reaches it, it is reviewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_burn: Option<f64>,
    /// Findings of severity warning are worth a review.
    pub review_warnings: bool,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            review_at: Level::Moderate,
            stop_at: Level::Critical,
            review_upper_at: Level::High,
            review_failure: 0.1,
            stop_failure: None,
            review_outage: None,
            stop_outage: None,
            review_burn: None,
            stop_burn: None,
            review_warnings: true,
        }
    }
}

/// What stands for and against a change besides its level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objections {
    /// The platform will refuse it.
    pub blocked: bool,
    /// Findings of severity error.
    pub errors: usize,
    /// Findings of severity warning.
    pub warnings: usize,
    /// Level of the upper limit of the score.
    pub upper: Level,
    /// Probability that the operation fails.
    pub failure: f64,
    /// Probability of an outage with the change.
    pub outage: Est,
    /// Share of the error budget it uses up.
    pub burn: Est,
}

impl Default for Objections {
    fn default() -> Self {
        Objections {
            blocked: false,
            errors: 0,
            warnings: 0,
            upper: Level::Minimal,
            failure: 0.0,
            outage: Est::exact(0.0),
            burn: Est::exact(0.0),
        }
    }
}

/// What to do with the change.
///
/// * stop: blocked, a finding of severity error, or the level, the probability of failure, of an outage or the burn reach what
///   they are stopped at;
/// * review: they reach what they are reviewed at, or limits do not rule out what would stop the change; a finding of severity
///   warning; limits that do not rule out a high level;
/// * proceed: everything else.
pub fn decide(level: Level, against: &Objections, at: &Thresholds) -> Decision {
    let reaches = |value: f64, threshold: Option<f64>| threshold.is_some_and(|t| value >= t);
    let stopped = level >= at.stop_at
        || reaches(against.failure, at.stop_failure)
        || reaches(against.outage.estimate, at.stop_outage)
        || reaches(against.burn.estimate, at.stop_burn);
    if against.blocked || against.errors > 0 || stopped {
        return Decision::Stop;
    }
    let doubtful = level >= at.review_at
        || against.upper >= at.review_upper_at
        || reaches(against.failure, Some(at.review_failure))
        || [at.review_outage, at.stop_outage].into_iter().any(|t| reaches(against.outage.high, t))
        || [at.review_burn, at.stop_burn].into_iter().any(|t| reaches(against.burn.high, t))
        || (against.warnings > 0 && at.review_warnings);
    if doubtful { Decision::Review } else { Decision::Proceed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_follow_level_and_objections() {
        let none = Objections::default();
        let usual = Thresholds::default();
        for (level, against, wanted) in [
            (Level::Minimal, none, Decision::Proceed),
            (Level::Minimal, Objections { warnings: 3, ..none }, Decision::Review),
            (Level::Minimal, Objections { upper: Level::High, ..none }, Decision::Review),
            (Level::Minimal, Objections { upper: Level::Moderate, ..none }, Decision::Proceed),
            (Level::Low, none, Decision::Proceed),
            (Level::Low, Objections { warnings: 1, ..none }, Decision::Review),
            (Level::Minimal, Objections { failure: 0.2, ..none }, Decision::Review),
            (Level::High, none, Decision::Review),
            (Level::Critical, none, Decision::Stop),
            (Level::Minimal, Objections { errors: 1, ..none }, Decision::Stop),
            (Level::Minimal, Objections { blocked: true, ..none }, Decision::Stop),
        ] {
            assert_eq!(decide(level, &against, &usual), wanted, "{level:?} {against:?}");
        }
    }

    #[test]
    fn whoever_sets_thresholds_is_heard() {
        let usual = Thresholds::default();
        let risk = Est::new(0.02, 0.01, 0.06);
        let against = Objections { outage: risk, burn: risk, warnings: 1, failure: 0.3, ..Objections::default() };
        for (at, wanted) in [
            (Thresholds { review_warnings: false, review_failure: 0.5, ..usual }, Decision::Proceed),
            (
                Thresholds { review_warnings: false, review_failure: 0.5, review_outage: Some(0.05), ..usual },
                Decision::Review,
            ),
            (
                Thresholds { review_warnings: false, review_failure: 0.5, stop_burn: Some(0.05), ..usual },
                Decision::Review,
            ),
            (Thresholds { stop_outage: Some(0.02), ..usual }, Decision::Stop),
            (Thresholds { stop_burn: Some(0.015), ..usual }, Decision::Stop),
            (Thresholds { stop_failure: Some(0.3), ..usual }, Decision::Stop),
            (Thresholds { stop_at: Level::Low, ..usual }, Decision::Stop),
            (
                Thresholds {
                    stop_at: Level::High,
                    review_at: Level::High,
                    review_warnings: false,
                    review_failure: 1.0,
                    ..usual
                },
                Decision::Proceed,
            ),
        ] {
            assert_eq!(decide(Level::Low, &against, &at), wanted, "{at:?}");
        }
    }
}
