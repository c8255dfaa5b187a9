//! Invariants of the whole cluster, recomputed from scratch after every event in tests.

use crate::PoolId;
use crate::cluster::Cluster;
use crate::cluster::node::NodeState;
use crate::cluster::pod::PodState;
use crate::cluster::supply::PLENTY;
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
    check_supplies(spec, cluster);
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
                !pod.up || pod.node.is_some_and(|n| !cluster.nodes[n].is_dead() || cluster.health[n].silent),
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

/// What nodes take and what is left is what there was.
fn check_supplies(spec: &ClusterSpec, cluster: &Cluster) {
    let lifted = |id| cluster.supplies[id] > PLENTY / 2;
    for (id, supply) in spec.supplies.iter().filter(|(id, _)| !lifted(*id)) {
        let each = |pool: PoolId| spec.pools[pool].takes.iter().filter(|s| s.of == id).map(|s| s.each).sum::<u32>();
        let before: u32 = spec.nodes.iter().map(|(_, n)| each(n.pool)).sum();
        let there = cluster.nodes.iter().filter(|(_, n)| n.state != NodeState::Gone);
        let now: u32 = there.map(|(_, n)| each(n.draws_as)).sum();
        assert_eq!(supply.free + before, cluster.supplies[id] + now, "{} is taken and given back", supply.name);
    }
}
