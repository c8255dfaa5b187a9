//! What other things wait for: what a workload does for nodes and for traffic from outside, and who is asked before pods are
//! made or evicted.

use crate::WorkloadId;
use crate::time::Duration;

/// What a workload does for the cluster beside its role. Most do none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duty {
    /// A new node is of use to nobody else until its pod there is ready: a cloud's node manager, which takes the taint
    /// `node.cloudprovider.kubernetes.io/uninitialized` away (Kubernetes v1.34 cloud node controller).
    pub initialises_nodes: bool,
    /// The CSI driver whose volumes can be mounted on a node only while its pod there is ready.
    pub driver: Option<String>,
    /// Traffic from outside reaches it through a load balancer.
    pub exposed: Option<Exposure>,
}

/// How traffic from outside reaches a workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exposure {
    /// `externalTrafficPolicy: Local`: a node hands traffic only to pods of its own. Otherwise any node hands it to any pod.
    pub local: bool,
}

/// Somebody the API server asks before it lets pods be made or evicted.
#[derive(Clone, Debug, PartialEq)]
pub struct Webhook {
    /// Its name.
    pub name: String,
    /// Who answers.
    pub backend: Backend,
    /// Without an answer the answer is no (`failurePolicy: Fail`); otherwise things go on unchecked (`Ignore`).
    pub fails_closed: bool,
    /// Workloads whose pods it is asked about before they are made.
    pub creations: Vec<WorkloadId>,
    /// Workloads whose pods it is asked about before they are evicted.
    pub evictions: Vec<WorkloadId>,
    /// How long an answer is waited for (`timeoutSeconds`).
    pub timeout: Duration,
    /// It says no to evictions where it answers.
    pub denies_evictions: bool,
}

/// Who answers for a webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Backend {
    /// Somebody outside the cluster, taken to be there.
    Outside,
    /// Pods of these workloads, over a service; nobody where there are none.
    Inside(Vec<WorkloadId>),
}
