//! How nodes come, fail, are noticed and go. Whatever a rate of zero stands for never happens; the defaults here are calm.

use crate::random::Dist;
use crate::time::Duration;

/// Failures of nodes.
#[derive(Clone, Debug)]
pub struct Failures {
    /// Failures of one node per hour, exponential.
    pub per_hour: f64,
    /// Until a failed node is Ready again, from the moment somebody works on it.
    pub down: Dist,
    /// How many failed nodes are worked on at a time, first come first served; absent where none waits for another.
    pub crews: Option<u32>,
    /// Share of these failures that do not come alone: others of the pool follow within two minutes.
    pub company: f64,
    /// How many more than one, on average (geometric).
    pub company_more: f64,
    /// Faults inside the machine (kernel, kubelet, runtime, network plugin) per node and hour: it does not come back by
    /// itself, only by repair.
    pub faults_per_hour: f64,
    /// Restarts of one node per hour.
    pub reboots_per_hour: f64,
    /// Until a node that restarts is Ready again.
    pub reboot: Dist,
    /// Times a node turns grey, per hour: it reports Ready, but its pods do not serve and new ones do not become ready.
    pub grey_per_hour: f64,
    /// How long it stays so.
    pub grey: Dist,
    /// Incidents that take nodes of a zone, per zone and hour.
    pub zone_per_hour: f64,
    /// Until a failed zone is back.
    pub zone_down: Dist,
    /// The share of the zone's nodes that is hit is beta(this, 1) distributed; absent where it is always all of them.
    pub zone_share: Option<f64>,
    /// Incidents that take all nodes of a fault domain (a rack), per domain and hour.
    pub domain_per_hour: f64,
    /// Until a fault domain is back.
    pub domain_down: Dist,
    /// Fault domains of a zone; a pool's nodes are dealt to them by their ordinal.
    pub domains: u32,
    /// Faults that come to many nodes of the whole cluster, such as a bad update, per hour.
    pub fleet_per_hour: f64,
    /// The share of nodes they hit, uniform between these two.
    pub fleet_share: (f64, f64),
    /// The time within which they do.
    pub fleet_within: Duration,
    /// Until such a node is back.
    pub fleet_down: Dist,
    /// What the platform does about nodes that stay NotReady; nothing where absent.
    pub repair: Option<Repair>,
}

impl Default for Failures {
    fn default() -> Self {
        Failures {
            per_hour: 0.0,
            down: Dist::Constant(Duration::ZERO),
            crews: None,
            company: 0.0,
            company_more: 1.0,
            faults_per_hour: 0.0,
            reboots_per_hour: 0.0,
            reboot: Dist::Constant(Duration::mins(2)),
            grey_per_hour: 0.0,
            grey: Dist::Constant(Duration::mins(30)),
            zone_per_hour: 0.0,
            zone_down: Dist::Constant(Duration::ZERO),
            zone_share: None,
            domain_per_hour: 0.0,
            domain_down: Dist::Constant(Duration::mins(120)),
            domains: 5,
            fleet_per_hour: 0.0,
            fleet_share: (0.3, 1.0),
            fleet_within: Duration::mins(60),
            fleet_down: Dist::Constant(Duration::mins(30)),
            repair: None,
        }
    }
}

/// Node auto-repair: steps that are tried one after the other on a node that stays NotReady.
#[derive(Clone, Debug)]
pub struct Repair {
    /// How long a node must be NotReady before the first step.
    pub after: Duration,
    /// The steps of a round.
    pub steps: Vec<RepairStep>,
    /// How many rounds are tried.
    pub rounds: u32,
    /// No step begins later than this after the node was declared NotReady.
    pub limit: Duration,
}

/// One step of a repair.
#[derive(Clone, Debug)]
pub struct RepairStep {
    /// What is done.
    pub kind: RepairKind,
    /// How long it takes until the node is Ready, or is seen not to be.
    pub takes: Dist,
    /// Probability that it helps.
    pub success: f64,
}

/// What is done to a node that is repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RepairKind {
    /// The machine restarts; its disk stays.
    Reboot,
    /// The machine gets a fresh disk: pods and images are gone.
    Reimage,
    /// The machine moves to another host with its disk.
    Redeploy,
}

impl Repair {
    /// AKS docs node-auto-repair (2026-07): NotReady for 5 minutes; reboot, reimage, redeploy; three rounds, an hour in all.
    /// `numbers` gives each step's time and probability.
    pub fn aks(numbers: [(Dist, f64); 3]) -> Repair {
        let kinds = [RepairKind::Reboot, RepairKind::Reimage, RepairKind::Redeploy];
        let steps = kinds.into_iter().zip(numbers).map(|(kind, (takes, success))| RepairStep { kind, takes, success });
        Repair { after: Duration::mins(5), steps: steps.collect(), rounds: 3, limit: Duration::mins(60) }
    }
}

/// How the loss of a node is noticed, and how fast pods are taken off lost nodes (Kubernetes v1.34 defaults of
/// kube-controller-manager; AKS publishes no values of its own).
#[derive(Clone, Copy, Debug)]
pub struct Detection {
    /// Time between heartbeats.
    pub heartbeat: Duration,
    /// Time between looks of the node controller (`--node-monitor-period`).
    pub monitor: Duration,
    /// Age of the last heartbeat at which a node is declared NotReady (`--node-monitor-grace-period`, 50 s since 1.32).
    pub grace: Duration,
    /// Lost nodes of one zone that get the taint that evicts their pods, per second (`--node-eviction-rate`). Infinite:
    /// all at once.
    pub evictions_per_second: f64,
    /// The same in a large zone that is unhealthy (`--secondary-node-eviction-rate`).
    pub secondary_per_second: f64,
    /// Share of NotReady nodes from which a zone with more than two of them is unhealthy (`--unhealthy-zone-threshold`).
    pub unhealthy_zone: f64,
    /// Nodes above which a zone is large; in a smaller unhealthy one nothing is evicted (`--large-cluster-size-threshold`).
    pub large_zone: u32,
}

impl Default for Detection {
    fn default() -> Self {
        Detection {
            heartbeat: Duration::secs(10),
            monitor: Duration::secs(5),
            grace: Duration::secs(50),
            evictions_per_second: 0.1,
            secondary_per_second: 0.01,
            unhealthy_zone: 0.55,
            large_zone: 50,
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
    /// How often the platform asks again, at once, for a machine an operation waits for.
    pub retries: u32,
    /// Share of upgrades whose first drain starts before the surge node is usable.
    pub gap_share: f64,
    /// How much before.
    pub gap: Dist,
}

impl Default for Provisioning {
    fn default() -> Self {
        Provisioning {
            allocation_failure: 0.0,
            bootstrap_failure: 0.0,
            bootstrap_notice: Duration::mins(15),
            retries: 0,
            gap_share: 0.0,
            gap: Dist::Constant(Duration::ZERO),
        }
    }
}

/// Evictions of spot nodes: capacity that the platform takes back. Nodes of one VM size share the pressure, so that they go
/// together more often than chance has it.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// Probability that one node is evicted within an hour.
    pub hourly: f64,
    /// Correlation of the fates of two nodes within a window, 0 to 1: the pressure is beta distributed, the number of
    /// evictions beta-binomial.
    pub correlation: f64,
    /// How long a level of pressure lasts.
    pub window: Duration,
    /// Time between the notice and the eviction (Azure Scheduled Events, `Preempt`: 30 s, best effort).
    pub notice: Duration,
    /// At the notice the node is cordoned and drained as far as time allows (AKS docs, node-auto-drain).
    pub drain: bool,
}

impl Default for Spot {
    fn default() -> Self {
        Spot { hourly: 0.0, correlation: 0.3, window: Duration::mins(60), notice: Duration::secs(30), drain: true }
    }
}
