//! Distributions of durations, sampled by inverting the CDF: one uniform a draw, monotone in it.

use crate::time::Duration;

/// A distribution of durations.
#[derive(Clone, Debug, PartialEq)]
pub enum Dist {
    /// Always the same.
    Constant(Duration),
    /// Exponential.
    Exponential {
        /// Mean.
        mean: Duration,
    },
    /// Log-normal.
    LogNormal {
        /// Median.
        median: Duration,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
    /// Zero with probability `zero`, otherwise log-normal (an image that may be cached).
    ZeroOrLogNormal {
        /// Probability of zero.
        zero: f64,
        /// Median of the rest.
        median: Duration,
        /// Standard deviation of the logarithm of the rest.
        sigma: f64,
    },
    /// Weibull.
    Weibull {
        /// Scale.
        scale: Duration,
        /// Shape.
        shape: f64,
    },
    /// Uniform between two bounds.
    Uniform {
        /// Lower bound.
        low: Duration,
        /// Upper bound.
        high: Duration,
    },
}
