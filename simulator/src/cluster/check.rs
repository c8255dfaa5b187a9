//! Invariants of the whole cluster, recomputed from scratch after every event in tests.

use crate::cluster::Cluster;
use crate::cluster::pod::PodState;
use crate::spec::{ClusterSpec, Resources};

/// Panics with what is wrong.
pub(crate) fn check(spec: &ClusterSpec, cluster: &Cluster) {
    for (id, node) in cluster.nodes.iter() {
        let mut used = Resources::default();
        for pod in cluster.pods_on(id) {
            assert_eq!(cluster.pods[pod].node, Some(id), "a pod is on the list of its node");
            super::add(&mut used, &spec.pod_shapes[cluster.shape_of(spec, pod)].requests);
        }
        assert_eq!(used, node.used, "what a node holds is the sum of its pods");
        let tenants: u32 = cluster.tenants[id].iter().map(|t| t.alive + t.leaving).sum();
        assert!(tenants == 0 || i64::from(tenants) == used.pods, "tenants are the pods of a node");
    }
    for (id, workload) in cluster.workloads.iter() {
        let (mut alive, mut old, mut ready, mut up) = (0, 0, 0, 0);
        for pod in cluster.pods_of(id) {
            let pod = &cluster.pods[pod];
            assert_ne!(pod.state, PodState::Free);
            let placed = match pod.state {
                PodState::Pending => pod.node.is_none(),
                PodState::Starting | PodState::Running => pod.node.is_some(),
                PodState::Terminating | PodState::Free => true,
            };
            assert!(placed, "a pod is in the phase of its place: {pod:?} of {}", spec.workloads[id].name);
            assert!(pod.node.is_none_or(|n| !cluster.nodes[n].is_away()), "no pod stands on a node that is gone");
            assert!(
                !pod.up || pod.node.is_some_and(|n| !cluster.nodes[n].is_dead()),
                "only a pod on a living node serves"
            );
            assert!(pod.state == PodState::Running || (!pod.up && !pod.ready), "only a running pod is ready");
            alive += u32::from(pod.state != PodState::Terminating);
            old += u32::from(pod.state != PodState::Terminating && pod.old);
            ready += u32::from(pod.ready);
            up += u32::from(pod.up);
        }
        assert_eq!(
            (alive, old, ready, up),
            (workload.alive, workload.old, workload.ready, workload.up),
            "replicas of {}",
            spec.workloads[id].name
        );
    }
}
