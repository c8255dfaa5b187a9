//! Rates, distributions and switches of everything that happens by chance or by the clock. Defaults are the ones of
//! Kubernetes v1.34 where it has one; rates and spreads have none here: whoever builds a scenario states them.

mod cause;
mod demand;
mod nodes;
mod scheduler;

pub use cause::Cause;
pub(crate) use cause::Off;
pub use demand::{Bursts, Demand, Factor, Restarts};
pub use nodes::{Detection, Failures, Provisioning, Repair, RepairKind, RepairStep, Spot};
pub use scheduler::SchedulerProfile;

use crate::WorkloadId;
use crate::random::Dist;
use crate::scenario::Decay;
use crate::scheduler::NodesScored;
use crate::time::Duration;

/// All settings of a run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Failures of nodes.
    pub failures: Failures,
    /// How the control plane notices that a node is gone.
    pub detection: Detection,
    /// Evictions of spot nodes.
    pub spot: Spot,
    /// Trouble while nodes are made.
    pub provisioning: Provisioning,
    /// Random bursts of load.
    pub bursts: Bursts,
    /// How load goes up and down beside that.
    pub demand: Demand,
    /// How kubelets restart containers that died.
    pub restarts: Restarts,
    /// How the scheduler's queue behaves.
    pub scheduler: SchedulerProfile,
    /// How the cluster autoscaler behaves, for the pools it is on for.
    pub autoscaler: AutoscalerProfile,
    /// How many of the feasible nodes the scheduler scores.
    pub nodes_scored: NodesScored,
    /// Nodes keep the images of pods that have run there: those start again without pulling.
    pub images_kept: bool,
    /// Time between two attempts to evict a pod (Eviction API clients: 5 s). Zero: at the very instant it is allowed.
    pub eviction_retry: Duration,
    /// From the end of a pod's readiness until no more traffic is sent to it.
    pub endpoint_delay: Dist,
    /// From the readiness of an agent of the tunnel until it has its connection to the control plane.
    pub tunnel_connect: Dist,
    /// Load balancers drop nodes that are cordoned (Kubernetes before 1.19: kubernetes/kubernetes PR 90823).
    pub balancers_drop_cordoned: bool,
    /// A node pulls one image after the other (`serializeImagePulls` of the kubelet).
    pub serial_pulls: bool,
    /// An uninterrupted period below the minimum longer than this is an outage.
    pub outage_threshold: Duration,
    /// A workload with a modelled service is also out while it loses more than this share of what is asked of it.
    pub loss_tolerance: f64,
    /// Windows of vulnerability are recorded: how long the loss of one more node would put a watched workload out.
    pub windows: bool,
    /// How long beyond the horizon a trial is followed while something is out or under way in either plan; zero: not at all.
    pub follow: Duration,
    /// Steps of the recorded series, which ends with the horizon; 0 records none.
    pub series_steps: u32,
    /// Causes and mechanisms that are switched off, or fixed to their median.
    pub off: Vec<Cause>,
    /// Trials are dealt to strata by the number of their rare events, and weighted ([`crate::Strata`]).
    pub stratified: bool,
    /// Futures without rare events are one and the same ([`crate::quiet`] tells): hardly any trial is spent on them.
    pub quiet: bool,
    /// Importance sampling instead: failures, shocks and trouble in provisioning are drawn so many times as often in nine of
    /// ten trials, and trials are weighted by how likely they are. At least 1.
    pub failure_factor: Option<f64>,
}

impl Settings {
    /// No failures, no bursts, nothing random: what remains is mechanism.
    pub fn calm() -> Settings {
        Settings {
            failures: Failures::default(),
            detection: Detection::default(),
            spot: Spot::default(),
            provisioning: Provisioning::default(),
            bursts: Bursts {
                per_hour: 0.0,
                factor: Factor::Pareto { alpha: 2.2, min: 1.5 },
                ramp: Dist::Constant(Duration::ZERO),
                hold: Dist::Constant(Duration::ZERO),
                decay: Decay::Exponential(Duration::mins(15)),
            },
            demand: Demand::default(),
            restarts: Restarts::default(),
            scheduler: SchedulerProfile::default(),
            autoscaler: AutoscalerProfile::default(),
            nodes_scored: NodesScored::default(),
            images_kept: true,
            eviction_retry: Duration::secs(5),
            endpoint_delay: Dist::Constant(Duration::ZERO),
            tunnel_connect: Dist::Constant(Duration::ZERO),
            balancers_drop_cordoned: false,
            serial_pulls: false,
            outage_threshold: Duration::secs(60),
            loss_tolerance: 0.05,
            windows: false,
            follow: Duration::ZERO,
            series_steps: 0,
            off: Vec::new(),
            stratified: false,
            quiet: false,
            failure_factor: None,
        }
    }
}

/// How the cluster autoscaler behaves. Defaults are those of AKS (docs cluster-autoscaler, 2026-07-30), where it has none
/// those of kubernetes/autoscaler 1.33.
#[derive(Clone, Debug)]
pub struct AutoscalerProfile {
    /// Time between two scans, at least 1 s (`scan-interval`).
    pub scan_interval: Duration,
    /// When the first scan is; drawn within the interval where absent.
    pub phase: Option<Duration>,
    /// The workload it runs as, where that is in the cluster itself: while no replica is up nothing is scaled. Absent on AKS,
    /// which runs it beside the control plane.
    pub runs_as: Option<WorkloadId>,
    /// Which pool grows where several could (`expander`).
    pub expander: Expander,
    /// How long a pod waits before it is a reason to add nodes (`new-pod-scale-up-delay`).
    pub new_pod_delay: Duration,
    /// Pods that are all younger than this are no reason yet (`unschedulablePodTimeBuffer`, not settable).
    pub young: Duration,
    /// New nodes are spread over pools that are alike (`balance-similar-node-groups`).
    pub balances: bool,
    /// Pods of a lower priority are no reason to add or to keep nodes (`expendable-pods-priority-cutoff`).
    pub expendable_below: i32,
    /// How long a requested node may take (`max-node-provision-time`).
    pub max_node_provision: Duration,
    /// How long a pool is left alone after a first failure (`initial-node-group-backoff-duration`).
    pub backoff: Duration,
    /// The same after many (`max-node-group-backoff-duration`).
    pub backoff_most: Duration,
    /// When failures are forgotten (`node-group-backoff-reset-timeout`).
    pub backoff_forgotten: Duration,
    /// Share of CPU or memory asked for below which a node may go (`scale-down-utilization-threshold`).
    pub utilisation_threshold: f64,
    /// Daemons do not count for that (`ignore-daemonsets-utilization`).
    pub ignore_daemons: bool,
    /// How long a node must not be needed (`scale-down-unneeded-time`).
    pub unneeded: Duration,
    /// The same for a node that is not Ready (`scale-down-unready-time`).
    pub unready: Duration,
    /// No node goes for so long after nodes were asked for (`scale-down-delay-after-add`).
    pub delay_after_add: Duration,
    /// After a node was deleted (`scale-down-delay-after-delete`).
    pub delay_after_delete: Duration,
    /// After a removal failed (`scale-down-delay-after-failure`).
    pub delay_after_failure: Duration,
    /// How long the pods of a node that goes may take (`max-graceful-termination-sec`).
    pub max_graceful_termination: Duration,
    /// Nodes with pods of kube-system stay, but for daemons (`skip-nodes-with-system-pods`).
    pub skip_system_pods: bool,
    /// Even where a disruption budget selects those pods: AKS' documentation says so; upstream lets such pods move
    /// (drainability/rules/system).
    pub budgeted_system_pods_stay: bool,
    /// Nodes with pods that keep data on them stay (`skip-nodes-with-local-storage`; AKS: false, upstream: true).
    pub skip_local_storage: bool,
    /// How many nodes may go at once (`max-empty-bulk-delete`).
    pub max_empty_bulk_delete: u32,
    /// Share of nodes, in per cent, that may be lost before nothing is done any more (`max-total-unready-percentage`).
    pub max_unready_percent: u32,
    /// Lost nodes that are accepted whatever their share (`ok-total-unready-count`).
    pub ok_unready: u32,
}

impl Default for AutoscalerProfile {
    fn default() -> Self {
        AutoscalerProfile {
            scan_interval: Duration::secs(10),
            phase: None,
            runs_as: None,
            expander: Expander::Random,
            new_pod_delay: Duration::ZERO,
            young: Duration::secs(2),
            balances: false,
            expendable_below: -10,
            max_node_provision: Duration::mins(15),
            backoff: Duration::mins(5),
            backoff_most: Duration::mins(30),
            backoff_forgotten: Duration::mins(180),
            utilisation_threshold: 0.5,
            ignore_daemons: false,
            unneeded: Duration::mins(10),
            unready: Duration::mins(20),
            delay_after_add: Duration::mins(10),
            delay_after_delete: Duration::secs(10),
            delay_after_failure: Duration::mins(3),
            max_graceful_termination: Duration::secs(600),
            skip_system_pods: true,
            budgeted_system_pods_stay: true,
            skip_local_storage: false,
            max_empty_bulk_delete: 10,
            max_unready_percent: 45,
            ok_unready: 3,
        }
    }
}

/// Which pool the cluster autoscaler grows where several would help; chance decides between equals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expander {
    /// Any.
    Random,
    /// The one whose new nodes are fullest.
    LeastWaste,
    /// The one that helps most pods.
    MostPods,
    /// The one of highest priority.
    Priority,
    /// The one whose new nodes cost least.
    Price,
}
