//! For how long functions of the cluster were missing that nobody sees in replicas: what its system pods carry besides traffic.

use crate::time::Duration;

/// What one trial had to do without. A function that the cluster does not have is never missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Functions {
    /// No agent of the tunnel had a connection: no exec, logs and port-forward; webhooks and aggregated APIs inside the cluster
    /// could not be reached.
    pub tunnel: Duration,
    /// A webhook that fails closed had nobody to answer.
    pub webhooks: Duration,
    /// An owner wanted pods that it was not let make.
    pub creation: Duration,
    /// Autoscalers of pods had no metrics.
    pub metrics: Duration,
    /// Of that: one of them would have made more replicas.
    pub scaling: Duration,
    /// A workload that is exposed had no pod that traffic from outside reached.
    pub ingress: Duration,
    /// Pods that were held back at least once.
    pub held: u32,
    /// Longest time a pod was held back, cut at the end.
    pub longest_hold: Duration,
    /// Pods made without a webhook's answer, as it fails open.
    pub unchecked: u32,
    /// Evictions refused by webhooks.
    pub refusals: u32,
}
