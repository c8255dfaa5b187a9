//! How load rises and falls by chance and by the clock, and how kubelets answer containers that it kills.

use crate::random::distribution::pareto_quantile;
use crate::random::{Dist, standard_normal_quantile};
use crate::scenario::Decay;
use crate::time::Duration;

/// Random bursts of load on everything that follows load.
#[derive(Clone, Debug)]
pub struct Bursts {
    /// Bursts per hour, exponential.
    pub per_hour: f64,
    /// Multiple of the base at the top.
    pub factor: Factor,
    /// From base to top.
    pub ramp: Dist,
    /// At the top.
    pub hold: Dist,
    /// The way back.
    pub decay: Decay,
}

/// How large bursts are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Factor {
    /// Pareto.
    Pareto {
        /// Exponent.
        alpha: f64,
        /// Smallest factor.
        min: f64,
    },
    /// Log-normal; below 1 the load falls.
    LogNormal {
        /// Median.
        median: f64,
        /// Standard deviation of the logarithm.
        sigma: f64,
    },
}

impl Factor {
    /// The Pareto exponent where it has one, and the middle of what is usual otherwise.
    pub(crate) fn exponent(self) -> f64 {
        if let Factor::Pareto { alpha, .. } = self { alpha } else { 2.2 }
    }

    /// The factor below which a share `u` in (0, 1) of all bursts lies.
    pub fn of(self, u: f64) -> f64 {
        self.quantile(u, self.exponent())
    }

    /// The same with another exponent where it is Pareto.
    pub(crate) fn quantile(self, u: f64, alpha: f64) -> f64 {
        match self {
            Factor::Pareto { min, .. } => pareto_quantile(u, min, alpha),
            Factor::LogNormal { median, sigma } => median * libm::exp(sigma * standard_normal_quantile(u)),
        }
    }
}

/// The shape of a day and of a week, of everything that follows load, and noise. The base load is that of time zero. Nobody
/// knows the peak hour of a cluster from its snapshot: flat unless stated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Demand {
    /// How far a sine of a day goes up and down, as a share of its mean (0-1). Peak over mean is 1 plus this.
    pub daily_swing: f64,
    /// From time zero until its first peak.
    pub peak_in: Duration,
    /// Load at weekends as a multiple of that of other days.
    pub weekend: f64,
    /// From time zero until the next Saturday begins, less than 7 days: above 5 days it is a weekend now.
    pub weekend_in: Duration,
    /// Coefficient of variation from minute to minute (gamma) of what each service is asked; 0 for none.
    pub noise: f64,
}

impl Default for Demand {
    /// Flat, without noise.
    fn default() -> Self {
        Demand { daily_swing: 0.0, peak_in: Duration::ZERO, weekend: 1.0, weekend_in: Duration::ZERO, noise: 0.0 }
    }
}

/// How a kubelet restarts a container that died: at once the first time, then after a time that doubles (kubelet v1.34
/// `doBackOff`: 10 s to 5 min, forgotten after twice the longest).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restarts {
    /// The time before the second restart.
    pub first: Duration,
    /// The longest.
    pub most: Duration,
    /// How long a container must have run for the times to begin anew.
    pub forgotten: Duration,
}

impl Default for Restarts {
    fn default() -> Self {
        Restarts { first: Duration::secs(10), most: Duration::secs(300), forgotten: Duration::secs(600) }
    }
}
