//! How weighted minutes of outage are spread over trials.

use crate::estimate::{Est, Sampling};
use crate::judge::Losses;

/// Upper ends of the bins in minutes; the first is exactly none, the last open.
const ENDS: [f64; 7] = [0.0, 10.0 / 60.0, 1.0, 3.0, 10.0, 30.0, 100.0];

/// Names of the bins.
pub const BINS: [&str; 8] = [
    "none",
    "up to 10 s",
    "10 s to 1 min",
    "1 to 3 min",
    "3 to 10 min",
    "10 to 30 min",
    "30 to 100 min",
    "over 100 min",
];

/// Futures by weighted minutes of outage.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spread {
    /// With the change.
    pub proposal: Bins,
    /// Doing nothing.
    pub baseline: Bins,
    /// All trials.
    pub trials: u64,
}

/// Futures of one plan by bin.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bins {
    /// Trials in each.
    pub trials: [u64; BINS.len()],
    /// The probability of each.
    pub shares: [Est; BINS.len()],
    /// The probability that anything is lost.
    pub lossy: Est,
}

impl Spread {
    /// Sorts the trials into bins.
    pub fn of(losses: &Losses<'_>, sampling: Sampling) -> Spread {
        let both: Vec<(usize, usize)> = (0..losses.added.len())
            .map(|trial| losses.weighted(trial))
            .map(|(proposal, baseline)| (bin(proposal), bin(baseline)))
            .collect();
        let bins = |of: &dyn Fn(usize) -> usize| Bins {
            trials: std::array::from_fn(|b| (0..both.len()).filter(|trial| of(*trial) == b).count() as u64),
            shares: std::array::from_fn(|b| losses.strata.probability(sampling, |trial| of(trial) == b)),
            lossy: losses.strata.probability(sampling, |trial| of(trial) > 0),
        };
        Spread {
            proposal: bins(&|trial| both[trial].0),
            baseline: bins(&|trial| both[trial].1),
            trials: both.len() as u64,
        }
    }
}

fn bin(minutes: f64) -> usize {
    ENDS.iter().position(|end| minutes <= *end).unwrap_or(ENDS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bins_join_without_gaps() {
        for (minutes, name) in [
            (0.0, "none"),
            (0.01, "up to 10 s"),
            (1.0, "10 s to 1 min"),
            (1.01, "1 to 3 min"),
            (100.0, "30 to 100 min"),
            (1e9, "over 100 min"),
        ] {
            assert_eq!(BINS[bin(minutes)], name);
        }
    }
}
