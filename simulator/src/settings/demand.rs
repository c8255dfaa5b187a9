//! How load rises and falls by chance and by the clock, and how kubelets answer containers that it kills.

use crate::random::Dist;
use crate::scenario::Decay;
use crate::time::Duration;

/// Random bursts of load on everything that follows load.
#[derive(Clone, Debug)]
pub struct Bursts {
    /// Bursts per hour, exponential.
    pub per_hour: f64,
    /// Pareto exponent of the factor.
    pub factor_alpha: f64,
    /// Smallest factor.
    pub factor_min: f64,
    /// From base to top.
    pub ramp: Dist,
    /// At the top.
    pub hold: Dist,
    /// The way back.
    pub decay: Decay,
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
