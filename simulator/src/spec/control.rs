//! What more there is to say of an owner of pods: how it rolls out a new template, in which order it makes pods, when it is
//! done.

use super::Quantity;
use crate::random::Dist;

/// How an owner goes about its pods. The default is what the API server fills in (Kubernetes v1.34).
#[derive(Clone, Debug, PartialEq)]
pub struct Control {
    /// Most pods above the replicas wanted during a rollout (`maxSurge` of a Deployment; percentages rounded up).
    pub surge: Quantity,
    /// Most pods missing during a rollout (`maxUnavailable`; a Deployment rounds percentages down, a DaemonSet up).
    pub unavailable: Quantity,
    /// A rollout ends all old pods before it makes new ones (strategy `Recreate` of a Deployment).
    pub recreate: bool,
    /// A StatefulSet makes and removes pods one at a time, in order (`podManagementPolicy: OrderedReady`).
    pub ordered: bool,
    /// When a Job is done.
    pub job: Job,
    /// Its pods ask provisioners not to disrupt them (annotation `karpenter.sh/do-not-disrupt`).
    pub do_not_disrupt: bool,
    /// What its pods say to the cluster autoscaler about their eviction (`cluster-autoscaler.kubernetes.io/safe-to-evict`).
    pub safe_to_evict: Option<bool>,
    /// Its pods keep data on their node.
    pub local_storage: bool,
}

impl Default for Control {
    fn default() -> Self {
        Control {
            surge: Quantity::Percent(25),
            unavailable: Quantity::Percent(25),
            recreate: false,
            ordered: true,
            job: Job::default(),
            do_not_disrupt: false,
            safe_to_evict: None,
            local_storage: false,
        }
    }
}

/// Memory that a pod uses, beside what it asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Memory {
    /// Working set at base load in bytes; `None` for as much as is asked for.
    pub used: Option<i64>,
    /// Limit in bytes: it never uses more.
    pub limit: Option<i64>,
    /// The share of it that follows the pod's load.
    pub with_load: f64,
}

/// What ends a Job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Pods that must still succeed; `None` where one success ends it, as in a work queue.
    pub completions: Option<u32>,
    /// From being ready until a pod succeeds; `None` for pods that outlast the horizon.
    pub runs: Option<Dist>,
    /// Failed pods that are still forgiven (`backoffLimit`, less those that failed already).
    pub retries: u32,
    /// A disrupted pod is no failure (`podFailurePolicy` with action Ignore on `DisruptionTarget`).
    pub forgives_disruption: bool,
}

impl Default for Job {
    fn default() -> Self {
        Job { completions: None, runs: None, retries: 6, forgives_disruption: false }
    }
}
