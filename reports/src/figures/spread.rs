//! How weighted minutes of outage are spread over trials.

use crate::estimate::Sampling;
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

/// Trials by weighted minutes of outage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spread {
    /// With the change, by bin.
    pub proposal: [u64; BINS.len()],
    /// Doing nothing, by bin.
    pub baseline: [u64; BINS.len()],
    /// All trials.
    pub trials: u64,
    /// What decided their number.
    pub sampling: Sampling,
}

impl Spread {
    /// Counts the trials.
    pub fn of(losses: &Losses<'_>, sampling: Sampling) -> Spread {
        let mut spread = Spread { trials: losses.added.len() as u64, sampling, ..Spread::default() };
        for trial in 0..losses.added.len() {
            let (proposal, baseline) = losses.weighted(trial);
            spread.proposal[bin(proposal)] += 1;
            spread.baseline[bin(baseline)] += 1;
        }
        spread
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
