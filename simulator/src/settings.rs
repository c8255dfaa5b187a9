//! Rates, distributions and switches of everything that happens by chance or by the clock. Defaults are the ones of
//! Kubernetes v1.34 where it has one; rates and spreads have none here: whoever builds a scenario states them.

use crate::random::Dist;
use crate::time::Duration;

/// All settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Failures of nodes.
    pub failures: Failures,
    /// How the control plane notices that a node is gone.
    pub detection: Detection,
    /// Trouble while nodes are made.
    pub provisioning: Provisioning,
    /// Random bursts of load.
    pub bursts: Bursts,
    /// Time between two attempts to evict a pod (Eviction API clients: 5 s). Zero: at the very instant it is allowed.
    pub eviction_retry: Duration,
    /// An uninterrupted period below the minimum longer than this is an outage.
    pub outage_threshold: Duration,
    /// A workload with a modelled service is also out while it loses more than this share of what is asked of it.
    pub loss_tolerance: f64,
    /// Steps of the recorded series; 0 records none.
    pub series_steps: u32,
    /// Causes that are switched off.
    pub off: Vec<Cause>,
}

impl Settings {
    /// No failures, no bursts, nothing random: what remains is mechanism.
    pub fn calm() -> Settings {
        Settings {
            failures: Failures {
                per_hour: 0.0,
                down: Dist::Constant(Duration::ZERO),
                zone_per_hour: 0.0,
                zone_down: Dist::Constant(Duration::ZERO),
            },
            detection: Detection::default(),
            provisioning: Provisioning {
                allocation_failure: 0.0,
                bootstrap_failure: 0.0,
                bootstrap_notice: Duration::mins(15),
                gap_share: 0.0,
                gap: Dist::Constant(Duration::ZERO),
            },
            bursts: Bursts {
                per_hour: 0.0,
                factor_alpha: 2.2,
                factor_min: 1.5,
                ramp: Dist::Constant(Duration::ZERO),
                hold: Dist::Constant(Duration::ZERO),
                decay: Duration::mins(15),
            },
            eviction_retry: Duration::secs(5),
            outage_threshold: Duration::secs(60),
            loss_tolerance: 0.05,
            series_steps: 0,
            off: Vec::new(),
        }
    }

    /// True where a cause is active.
    pub fn on(&self, cause: Cause) -> bool {
        !self.off.contains(&cause)
    }
}

/// Failures of nodes.
#[derive(Clone, Debug)]
pub struct Failures {
    /// Failures of one node per hour, exponential.
    pub per_hour: f64,
    /// Until a failed node is Ready again.
    pub down: Dist,
    /// Incidents that take all nodes of a zone, per zone and hour.
    pub zone_per_hour: f64,
    /// Until a failed zone is back.
    pub zone_down: Dist,
}

/// How the loss of a node is noticed (Kubernetes v1.34 defaults).
#[derive(Clone, Copy, Debug)]
pub struct Detection {
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Time between looks of the node controller.
    pub monitor: Duration,
    /// Age of the last heartbeat at which a node is declared NotReady (50 s since 1.32).
    pub grace: Duration,
    /// From NotReady until traffic stops going to its pods.
    pub propagation: Duration,
}

impl Default for Detection {
    fn default() -> Self {
        Detection {
            heartbeat: Duration::secs(10),
            monitor: Duration::secs(5),
            grace: Duration::secs(50),
            propagation: Duration::secs(0),
        }
    }
}

/// Trouble while nodes are made.
#[derive(Clone, Debug)]
pub struct Provisioning {
    /// Probability that the platform has no machine to give.
    pub allocation_failure: f64,
    /// Probability that a new machine never joins.
    pub bootstrap_failure: f64,
    /// When that is noticed.
    pub bootstrap_notice: Duration,
    /// Share of upgrades whose first drain starts before the surge node is usable.
    pub gap_share: f64,
    /// How much before.
    pub gap: Dist,
}

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
    /// Time constant of the exponential way back.
    pub decay: Duration,
}

/// A cause that can be switched off by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Failures of single nodes.
    NodeFailure,
    /// Failures of zones.
    ZoneFailure,
    /// Random bursts.
    Burst,
    /// Allocation and bootstrap failures.
    ProvisioningFailure,
    /// Surge nodes that are not awaited.
    SurgeGap,
    /// Spread of pod start-up, pull and exit times: medians instead.
    SlowStart,
    /// Contention for CPU between pods of a node.
    Contention,
}

impl Cause {
    /// Every cause with the name it is switched off by.
    pub const ALL: [(Cause, &'static str); 7] = [
        (Cause::NodeFailure, "node-failure"),
        (Cause::ZoneFailure, "zone-failure"),
        (Cause::Burst, "burst"),
        (Cause::ProvisioningFailure, "provisioning-failure"),
        (Cause::SurgeGap, "surge-gap"),
        (Cause::SlowStart, "slow-start"),
        (Cause::Contention, "contention"),
    ];
}
