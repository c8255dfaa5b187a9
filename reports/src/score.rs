//! From added losses to a score, a level and a decision.
//!
//! The loss `l` of a change is the mean over trials of the minutes its system workloads are out longer than when nothing
//! is done, weighted by what a workload does for the cluster. The score is logarithmic: 20 points are one decade, 0 is a
//! thousandth of a minute or less, 100 is a hundred minutes or more. One trial counts with at most ±100 weighted minutes,
//! the top of the scale: beyond it the score could say nothing more, and with the bound the mean has limits that hold
//! whatever the distribution of losses.

mod thresholds;

use simulator::spec::Role;

pub use thresholds::{Objections, Thresholds, decide};

use crate::estimate::Est;
use crate::report::Level;

/// Loss in minutes at which the score begins.
pub const LOSS_LOW: f64 = 0.001;
/// Loss in minutes at which the score is full; also the most one trial counts.
pub const LOSS_HIGH: f64 = 100.0;
/// Days over which an error budget is spent where nobody says otherwise.
pub const BUDGET_DAYS: f64 = 30.0;

/// What a minute without this workload counts. Applications are shown but do not score: the score is about what keeps
/// the cluster alive.
pub fn weight(role: Role) -> f64 {
    match role {
        Role::Dns => 1.0,
        Role::Tunnel => 0.7,
        Role::Metrics => 0.3,
        Role::Ingress | Role::System => 0.5,
        Role::Application => 0.0,
    }
}

/// The score of a mean loss in minutes.
pub fn score(loss: f64) -> f64 {
    if loss.is_nan() || loss <= LOSS_LOW {
        return 0.0;
    }
    100.0 * ((loss / LOSS_LOW).ln() / (LOSS_HIGH / LOSS_LOW).ln()).clamp(0.0, 1.0)
}

/// The level of a score.
pub fn level(score: f64) -> Level {
    match score {
        s if s < 20.0 => Level::Minimal,
        s if s < 40.0 => Level::Low,
        s if s < 60.0 => Level::Moderate,
        s if s < 80.0 => Level::High,
        _ => Level::Critical,
    }
}

/// The level of a mean loss, one higher where the 99th percentile of the loss alone would score two levels higher:
/// rare but severe.
pub fn guarded_level(score_of_mean: f64, loss_p99: f64) -> (Level, bool) {
    let plain = level(score_of_mean);
    let raised = level(score(loss_p99)) as u8 >= plain as u8 + 2;
    (if raised { plain.next() } else { plain }, raised)
}

/// Share of the error budget of so many days that a loss uses up.
pub fn burn(loss: f64, slo: f64, days: f64) -> f64 {
    let budget = error_budget(slo, days);
    if budget > 0.0 { loss / budget } else { 0.0 }
}

/// Minutes of outage that an objective allows in so many days.
pub fn error_budget(slo: f64, days: f64) -> f64 {
    (1.0 - slo) * days * 1440.0
}

/// True where both ends of the interval of a loss lie within one level.
pub fn decided(loss: Est) -> bool {
    level(score(loss.low)) == level(score(loss.high))
}

/// Score with its interval: both ends of the loss's interval mapped.
pub fn scored(loss: Est) -> (f64, f64, f64) {
    (score(loss.estimate), score(loss.low), score(loss.high))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_points_are_a_decade() {
        for (loss, want) in
            [(0.0, 0.0), (-3.0, 0.0), (0.001, 0.0), (0.01, 20.0), (1.0, 60.0), (100.0, 100.0), (1e6, 100.0)]
        {
            assert!((score(loss) - want).abs() < 1e-9, "{loss}");
        }
        assert_eq!(score(f64::NAN), 0.0);
    }

    #[test]
    fn rare_but_severe_raises_the_level_by_one() {
        assert_eq!(guarded_level(score(0.005), 0.0), (Level::Minimal, false));
        assert_eq!(guarded_level(score(0.005), 0.05), (Level::Minimal, false));
        assert_eq!(guarded_level(score(0.005), 0.5), (Level::Low, true));
        assert_eq!(guarded_level(score(0.005), 60.0), (Level::Low, true));
        assert_eq!(guarded_level(score(50.0), 100.0), (Level::Critical, false));
    }

    /// Where mean and tail are no better, the level is no lower.
    #[test]
    fn a_worse_plan_has_no_lower_level() {
        let losses: Vec<f64> = (-8..=6).map(|tenth| 10f64.powf(f64::from(tenth) / 2.0)).collect();
        let level = |mean: f64, tail: f64| guarded_level(score(mean), tail).0;
        for (mean, tail) in losses.iter().flat_map(|mean| losses.iter().map(move |tail| (*mean, *tail))) {
            for (more, longer) in losses.iter().flat_map(|more| losses.iter().map(move |tail| (*more, *tail))) {
                let worse = more >= mean && longer >= tail;
                assert!(!worse || level(more, longer) >= level(mean, tail), "{mean} {tail}: {more} {longer}");
            }
        }
    }
}
