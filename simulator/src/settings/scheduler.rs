//! How the scheduler's queue behaves. Defaults are those of kube-scheduler v1.34.1.

use crate::time::Duration;

/// How long decisions take, how long a pod stays away after a failed one, and what brings it back.
#[derive(Clone, Debug)]
pub struct SchedulerProfile {
    /// How long one decision keeps the scheduler busy; zero for decisions at no cost. Default: 680 decisions a second, what
    /// kubernetes' own `scheduler_perf` demands of SchedulingBasic at 5,000 nodes (test/integration/scheduler_perf/misc).
    pub cycle: Duration,
    /// Time between two bindings once the burst is used up (`1 / clientConnection.qps`, 50). Zero for no limit.
    pub bind_interval: Duration,
    /// Bindings that may be made at once (`clientConnection.burst`).
    pub bind_burst: u32,
    /// How long a pod stays away after its first failure; doubles with each (`podInitialBackoffSeconds`).
    pub backoff: Duration,
    /// The longest it stays away (`podMaxBackoffSeconds`).
    pub backoff_most: Duration,
    /// With nothing else to do, pods are tried before their back-off is over (feature SchedulerPopFromBackoffQ, on by default
    /// since 1.33). False: as in 1.32 and before.
    pub pops_from_backoff: bool,
    /// A pod nothing has woken for longer than this is tried again (`podMaxInUnschedulablePodsDuration`).
    pub flush_after: Duration,
    /// Time between two looks for such pods.
    pub flush_every: Duration,
    /// When the first look is; drawn within the interval where absent.
    pub flush_phase: Option<Duration>,
    /// What happens wakes only the pods whose refusing plugins it may help (feature SchedulerQueueingHints, on by default
    /// since 1.32). False: every change wakes every pod.
    pub hints: bool,
    /// A pod that goes wakes those its own anti-affinity kept off. 1.34.1 forgets them until the next flush
    /// (kubernetes issue 134393, mended in 1.35 by pull request 135325).
    pub hint_of_repelling_pods: bool,
}

impl Default for SchedulerProfile {
    fn default() -> Self {
        SchedulerProfile {
            cycle: Duration(1_000_000 / 680),
            bind_interval: Duration::millis(20),
            bind_burst: 100,
            backoff: Duration::secs(1),
            backoff_most: Duration::secs(10),
            pops_from_backoff: true,
            flush_after: Duration::mins(5),
            flush_every: Duration::secs(30),
            flush_phase: None,
            hints: true,
            hint_of_repelling_pods: false,
        }
    }
}
