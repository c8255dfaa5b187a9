//! How long AKS takes to make, reimage and delete nodes, and what an agent pool leaves open.

use simulator::Duration;
use simulator::random::Dist;
use simulator::spec::SpotPolicy;

use super::log_normal;
use crate::azure::{Sku, allocatable, sku};
use crate::coverage::Coverage;
use crate::snapshot::{AgentPool, ClusterFacts};

/// VM size where none is known.
const VM_SIZE: &str = "Standard_D4ds_v5";
/// Kubernetes minor version where none is known.
const MINOR: u32 = 33;

/// From the request for a node until it is Ready.
pub fn provision(pool: &AgentPool, sku: Option<&Sku>, coverage: &mut Coverage) -> Dist {
    let gpu = sku.is_some_and(|s| s.gpus > 0);
    if pool.is_windows() {
        coverage.assume(
            "making a Windows node",
            "log-normal, median 330 s, sigma 0.4",
            "judgement; Azure/AKS issue 4047 adds slow pulls",
            'C',
        );
        log_normal(330.0, 0.4)
    } else if gpu {
        coverage.assume(
            "making a GPU node",
            "log-normal, median 520 s, sigma 0.3",
            "Microsoft Q&A 12767836: 5-10 min expected, 10-11 min seen",
            'B',
        );
        log_normal(520.0, 0.3)
    } else if sku.is_some_and(|s| s.cores > 32) {
        coverage.assume(
            "making a node above 32 vCPU",
            "log-normal, median 165 s, sigma 0.35",
            "1.1 times a general-purpose node",
            'C',
        );
        log_normal(165.0, 0.35)
    } else {
        coverage.assume(
            "making a Linux node",
            "log-normal, median 150 s, sigma 0.35",
            "AKS docs: provisioning typically 2-5 min; 3 min seen for a surge node",
            'A',
        );
        log_normal(150.0, 0.35)
    }
}

/// The same with node auto-provisioning, which makes machines one by one.
pub fn provisioned(sku: Option<&Sku>, coverage: &mut Coverage) -> Dist {
    if sku.is_some_and(|s| s.gpus > 0) {
        return provision(&AgentPool { os_type: "Linux".into(), ..AgentPool::default() }, sku, coverage);
    }
    coverage.assume(
        "making a node by node auto-provisioning",
        "log-normal, median 85 s, sigma 0.35",
        "one benchmark: 83 s against 348 s for 340 pods; AKS Automatic promises 99.9 % of pods ready in 5 min",
        'C',
    );
    log_normal(85.0, 0.35)
}

/// From the start of a reimage until the node is Ready.
pub fn reimage(pool: &AgentPool, coverage: &mut Coverage) -> Dist {
    if pool.is_windows() {
        coverage.assume(
            "reimaging a Windows node",
            "log-normal, median 440 s, sigma 0.4",
            "Linux figure times the ratio of making nodes",
            'C',
        );
        return log_normal(440.0, 0.4);
    }
    coverage.assume(
        "reimaging a node",
        "log-normal, median 200 s, sigma 0.4",
        "4 min seen for a reimaged AKS node; Azure/AKS issue 2881",
        'A',
    );
    log_normal(200.0, 0.4)
}

/// From the request to delete nodes until they are gone.
pub fn delete(coverage: &mut Coverage) -> Dist {
    coverage.assume("deleting nodes", "uniform, 25-50 s", "recorded deletions of one-node pools", 'A');
    Dist::Uniform { low: Duration::secs(25), high: Duration::secs(50) }
}

/// What becomes of the pool's nodes when Azure takes them back: nothing for regular pools (AKS docs, spot-node-pool: the
/// eviction policy is Delete unless set).
pub fn spot(pool: &AgentPool, coverage: &mut Coverage) -> Option<SpotPolicy> {
    if !pool.is_spot() {
        return None;
    }
    coverage.assume(
        "spot evictions",
        "5 % per node and hour, correlation 0.3, 30 s notice with a drain as far as it gets",
        "lowest published bucket of eviction rates for a size that is not known; Azure docs spot-vms, AKS docs node-auto-drain",
        'C',
    );
    let policy = pool.other.get("scaleSetEvictionPolicy").and_then(|v| v.as_str()).unwrap_or("Delete");
    Some(if policy.eq_ignore_ascii_case("Deallocate") { SpotPolicy::Deallocate } else { SpotPolicy::Delete })
}

/// From the request until a stopped node is Ready again, for pools whose scale-down mode keeps such.
pub fn deallocates(pool: &AgentPool, coverage: &mut Coverage) -> Option<Dist> {
    pool.scale_down_mode.as_deref().filter(|mode| mode.eq_ignore_ascii_case("Deallocate")).map(|_| {
        coverage.assume(
            "starting a stopped node",
            "log-normal, median 100 s, sigma 0.35",
            "AKS docs, scale-down-mode: faster than a new node; a recorded start of a pool of two took 206 s",
            'C',
        );
        log_normal(100.0, 0.35)
    })
}

/// How long AKS takes for a change of settings that touches no node.
pub fn settings_take(coverage: &mut Coverage) -> Duration {
    coverage.assume(
        "a change of settings",
        "7 s",
        "recorded label, taint, tag and drain settings: 5-9 s, median 7 s",
        'A',
    );
    Duration::secs(7)
}

/// How long AKS takes to bring the control plane to another version.
pub fn control_plane_takes(coverage: &mut Coverage) -> Duration {
    coverage.assume(
        "upgrade of the control plane",
        "5 min before the first pool; its API stays available",
        "AKS docs, upgrade-aks-cluster: the control plane first; a recorded update of a cluster took 113 s (median of 179), creating one 307 s",
        'C',
    );
    Duration::mins(5)
}

/// How long it takes until an operation is aborted.
pub fn abort_takes(coverage: &mut Coverage) -> Duration {
    coverage.assume("an abort", "5 s", "AKS docs, manage-abort-operations: Canceled within a few seconds", 'A');
    Duration::secs(5)
}

/// The VM size of a pool, or the one assumed for it.
pub fn size(pool: &AgentPool, coverage: &mut Coverage) -> Option<Sku> {
    match pool.vm_size.as_deref() {
        Some(name) => sku(name).or_else(|| {
            coverage.assume(
                &format!("capacity of VM size {name}"),
                format!("as {VM_SIZE}"),
                "not in the table of VM sizes",
                'C',
            );
            sku(VM_SIZE)
        }),
        None => {
            coverage.assume(
                &format!("VM size of pool {}", pool.name),
                VM_SIZE,
                "AKS docs, quotas-skus-regions: portal preset; AKS picks by capacity and quota",
                'C',
            );
            sku(VM_SIZE)
        }
    }
}

/// Most pods on a node of the pool (AKS docs, concepts-network-ip-address-planning).
pub fn max_pods(pool: &AgentPool, cluster: &ClusterFacts, coverage: &mut Coverage) -> u32 {
    pool.max_pods.unwrap_or_else(|| {
        let is = |field: &Option<String>, text: &str| field.as_deref().is_some_and(|f| f.eq_ignore_ascii_case(text));
        let (pods, why) = if is(&cluster.network_plugin_mode, "overlay") {
            (250, "default with Azure CNI overlay")
        } else if is(&cluster.network_plugin, "azure") && !pool.other.contains_key("podSubnetID") {
            (30, "default with Azure CNI in the node subnet")
        } else {
            (110, "default with kubenet and pod subnets; the network plugin is not known or one of these")
        };
        coverage.assume(&format!("maxPods of pool {}", pool.name), pods.to_string(), why, 'A');
        pods
    })
}

/// Kubernetes minor version of a pool: its own, else the cluster's.
pub fn minor(pool: Option<&AgentPool>, cluster: &ClusterFacts, coverage: &mut Coverage) -> u32 {
    let known = pool.and_then(AgentPool::version).or(cluster.kubernetes_version.as_deref());
    known.and_then(allocatable::minor).unwrap_or_else(|| {
        coverage.assume("Kubernetes version", format!("1.{MINOR}"), "neither pool, cluster nor node says", 'C');
        MINOR
    })
}

/// Kubernetes minor version of the control plane, where scheduler and node controller run. Where the cluster does not say, the
/// newest of its pools: none is above the control plane (AKS docs, upgrade-node-pools).
pub fn control_plane_minor(pools: &[AgentPool], cluster: &ClusterFacts, coverage: &mut Coverage) -> u32 {
    let of = |version: &str| allocatable::minor(version);
    let own = cluster.kubernetes_version.as_deref().and_then(of);
    let newest = || pools.iter().filter_map(|p| p.version().and_then(of)).max();
    own.or_else(newest).unwrap_or_else(|| minor(None, cluster, coverage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_control_plane_has_its_own_version_or_that_of_the_newest_pool() {
        let pools = ["1.31.2", "1.32.1"]
            .map(|v| AgentPool { current_orchestrator_version: Some(v.into()), ..AgentPool::default() });
        for (own, pools, expected) in
            [(Some("1.34.0"), &pools[..], 34), (None, &pools[..], 32), (None, &[], MINOR), (Some("new"), &[], MINOR)]
        {
            let cluster = ClusterFacts { kubernetes_version: own.map(Into::into), ..ClusterFacts::default() };
            assert_eq!(control_plane_minor(pools, &cluster, &mut Coverage::default()), expected, "{own:?}");
        }
    }
}
