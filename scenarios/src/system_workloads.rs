//! The workloads AKS itself runs on a typical cluster: kind, replicas, requests and limits, priorities, tolerations, affinity
//! and disruption budgets, as dumps of real nodes and the AKS docs show them (Kubernetes 1.26 to 1.32).
//!
//! Left out: Windows variants, and add-ons of which no figures are public (KEDA, application routing, Istio, secrets store).

mod parts;

pub use parts::SIZER;

use serde_json::{Value, json};

use crate::azure::allocatable::minor;
use crate::coverage::Coverage;
use crate::defaults::pools;
use crate::snapshot::{AgentPool, Budget, ClusterFacts, Snapshot, Workload};
use parts::Part;

/// What decides about AKS' own workloads.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    /// Nodes that run Linux.
    pub nodes: u32,
    /// Their cores.
    pub cores: u32,
    /// Cilium dataplane: no kube-proxy, no ip-masq-agent.
    pub cilium: bool,
    /// Network policy engine `azure`: its agent runs on every node.
    pub azure_npm: bool,
    /// Azure CNI overlay or pod subnets, or 1.32 and later: azure-cns runs on every node.
    pub cns: bool,
    /// Azure Policy add-on: Gatekeeper.
    pub policy: bool,
    /// Container insights: ama-logs.
    pub monitoring: bool,
    /// Microsoft Defender.
    pub defender: bool,
}

impl Cluster {
    /// As the pools and facts of a snapshot have it.
    pub fn of(snapshot: &Snapshot, coverage: &mut Coverage) -> Cluster {
        let linux = snapshot.nodes.iter().filter(|n| n.labels.get("kubernetes.io/os").is_none_or(|os| os != "windows"));
        let (nodes, cores) = linux.fold((0, 0), |(n, c), node| (n + 1, c + node.capacity.cpu.max(0) / 1000));
        let minor = pools::minor(snapshot.pools.first(), &snapshot.cluster, coverage);
        Cluster::with(nodes, u32::try_from(cores).unwrap_or(u32::MAX), &snapshot.cluster, minor)
    }

    /// For a cluster of pools that are not nodes yet.
    pub fn for_pools(list: &[AgentPool], facts: &ClusterFacts) -> Cluster {
        let linux = || list.iter().filter(|p| !p.is_windows() && !p.is_stopped());
        let cores =
            linux().map(|p| p.count * p.vm_size.as_deref().and_then(crate::azure::sku).map_or(4, |s| s.cores)).sum();
        let version = list.first().and_then(AgentPool::version).or(facts.kubernetes_version.as_deref());
        Cluster::with(linux().map(|p| p.count).sum(), cores, facts, version.and_then(minor).unwrap_or(33))
    }

    fn with(nodes: u32, cores: u32, facts: &ClusterFacts, minor: u32) -> Cluster {
        let is = |field: &Option<String>, text: &str| field.as_deref().is_some_and(|f| f.eq_ignore_ascii_case(text));
        let addon = |name: &str| facts.addons.iter().any(|a| a == name);
        let cilium = is(&facts.network_dataplane, "cilium");
        Cluster {
            nodes,
            cores,
            cilium,
            azure_npm: is(&facts.network_policy, "azure"),
            // The changelog has azure-cns in every Azure CNI cluster from 1.32; before, with overlay and pod subnets only.
            cns: !is(&facts.network_plugin, "kubenet") && (is(&facts.network_plugin_mode, "overlay") || minor >= 32),
            policy: addon("azurepolicy"),
            monitoring: addon("omsagent"),
            defender: facts
                .other
                .get("securityProfile")
                .is_some_and(|s| s.pointer("/defender/securityMonitoring/enabled") == Some(&Value::Bool(true))),
        }
    }
}

/// The workloads and budgets, as `kubectl get -o json` would print them.
pub fn generate(cluster: &Cluster) -> Vec<Value> {
    let parts = parts::all(cluster);
    let mut items: Vec<Value> = parts.iter().map(workload).collect();
    items.extend(parts.iter().filter_map(|p| Some(budget(p.budget?, p))));
    items
}

/// Reads generated items.
pub(crate) fn read(items: Vec<Value>) -> Snapshot {
    // A pool is what a snapshot cannot be without; it is not looked at.
    let document = json!({"agentPools": [{"name": "none", "count": 0}], "items": items});
    let mut made = Snapshot::from_json(document.to_string().as_bytes()).unwrap_or_default();
    made.workloads.iter_mut().for_each(|w| w.assumed = true);
    made.budgets.iter_mut().for_each(|b| b.assumed = true);
    made
}

/// The budgets AKS ships, for those of its workloads that a snapshot holds.
pub(crate) fn shipped_budgets(snapshot: &Snapshot) -> Vec<Budget> {
    let cluster = Cluster { nodes: 3, cores: 12, policy: true, ..Cluster::default() };
    let held = |b: &Budget| {
        snapshot.pods.iter().any(|p| p.namespace == b.namespace && b.selects(&p.labels))
            || snapshot.workloads.iter().any(|w| w.namespace == b.namespace && b.selects(&w.pod_labels))
    };
    let mut budgets = read(generate(&cluster)).budgets;
    budgets.retain(held);
    budgets
}

/// True where the snapshot holds workloads of AKS itself.
pub(crate) fn given(snapshot: &Snapshot) -> bool {
    snapshot.workloads.iter().any(|w| is_system(&w.namespace)) || snapshot.pods.iter().any(|p| is_system(&p.namespace))
}

/// Namespaces of the cluster itself and of AKS' add-ons.
pub fn is_system(namespace: &str) -> bool {
    const NAMESPACES: [&str; 9] = [
        "kube-system",
        "gatekeeper-system",
        "calico-system",
        "tigera-operator",
        "app-routing-system",
        "aks-istio-system",
        "aks-istio-ingress",
        "aks-istio-egress",
        "dapr-system",
    ];
    NAMESPACES.contains(&namespace)
}

/// Replicas of CoreDNS by the default ladder (AKS docs, coredns-autoscale): the larger of the two.
pub fn dns_replicas(nodes: u32, cores: u32) -> u32 {
    laddered((nodes, cores), &LADDER_NODES, &LADDER_CORES)
}

/// Replicas by ladders for `(nodes, cores)`: the larger of the two steps, at least one.
pub(crate) fn laddered((nodes, cores): (u32, u32), by_nodes: &[(u32, u32)], by_cores: &[(u32, u32)]) -> u32 {
    let step = |ladder: &[(u32, u32)], n: u32| {
        let reached = ladder.iter().rev().find(|(from, _)| n >= *from).or(ladder.first());
        reached.map_or(1, |(_, replicas)| *replicas)
    };
    step(by_nodes, nodes).max(step(by_cores, cores)).max(1)
}

/// `[nodes, replicas]` of CoreDNS.
pub const LADDER_NODES: [(u32, u32); 4] = [(1, 2), (8, 3), (16, 4), (32, 5)];
/// `[cores, replicas]` of CoreDNS.
pub const LADDER_CORES: [(u32, u32); 4] = [(1, 2), (512, 3), (1024, 4), (2048, 5)];

/// True for the CoreDNS of AKS.
pub fn is_dns(workload: &Workload) -> bool {
    is_system(&workload.namespace) && workload.pod_labels.get("k8s-app").is_some_and(|v| v == "kube-dns")
}

fn workload(part: &Part) -> Value {
    let (key, value) = part.label;
    let daemon = part.replicas.is_none();
    let containers: Vec<Value> = part.containers.iter().map(parts::Container::json).collect();
    let mut tolerations = vec![json!({"key": "CriticalAddonsOnly", "operator": "Exists"})];
    if daemon {
        tolerations.extend([
            json!({"operator": "Exists", "effect": "NoSchedule"}),
            json!({"operator": "Exists", "effect": "NoExecute"}),
        ]);
    }
    let mut affinity = json!({"nodeAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": [
            {"key": "kubernetes.azure.com/cluster", "operator": "Exists"},
            {"key": "type", "operator": "NotIn", "values": ["virtual-kubelet"]},
            {"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]},
        "preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "preference": {"matchExpressions": [
            {"key": "kubernetes.azure.com/mode", "operator": "In", "values": ["system"]}]}}]}});
    if part.apart {
        affinity["podAntiAffinity"] = json!({"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 100, "podAffinityTerm": {
            "labelSelector": {"matchLabels": {key: value}}, "topologyKey": "kubernetes.io/hostname"}}]});
    }
    let mut spec = json!({
        "selector": {"matchLabels": {key: value}},
        "template": {"metadata": {"labels": {key: value}}, "spec": {
            "priorityClassName": if daemon { "system-node-critical" } else { "system-cluster-critical" },
            "terminationGracePeriodSeconds": 30,
            "hostNetwork": false,
            "tolerations": tolerations,
            "affinity": affinity,
            "containers": containers}},
    });
    if let Some(replicas) = part.replicas {
        spec["replicas"] = json!(replicas);
    }
    json!({
        "apiVersion": "apps/v1",
        "kind": if daemon { "DaemonSet" } else { "Deployment" },
        "metadata": {"name": part.name, "namespace": part.namespace, "labels": {key: value, "kubernetes.azure.com/managedby": "aks"}},
        "spec": spec,
        "status": {"readyReplicas": part.replicas},
    })
}

fn budget(name: &str, part: &Part) -> Value {
    json!({
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": part.namespace},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {part.label.0: part.label.1}}},
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intern::requests::effective;

    #[test]
    fn the_ladder_takes_the_larger_step() {
        for (nodes, cores, replicas) in
            [(1, 2, 2), (7, 28, 2), (8, 32, 3), (16, 64, 4), (3, 1024, 4), (40, 160, 5), (0, 0, 2)]
        {
            assert_eq!(dns_replicas(nodes, cores), replicas, "{nodes} nodes, {cores} cores");
        }
    }

    /// Requests of the dump of a one-node overlay cluster at 1.30: 350m, 470Mi of DaemonSets and 572m, 458Mi of the rest.
    #[test]
    fn requests_equal_the_dump_of_a_real_node() {
        let cluster = Cluster { nodes: 1, cores: 2, cns: true, ..Cluster::default() };
        let made = read(generate(&cluster));
        let sum = |daemon: bool| {
            let of_kind = made.workloads.iter().filter(|w| (w.kind == "DaemonSet") == daemon);
            of_kind.fold((0, 0), |(cpu, memory), w| {
                let (r, n) = (effective(&w.template), if daemon { 1 } else { i64::from(w.replicas) });
                (cpu + n * r.cpu, memory + n * (r.memory >> 20))
            })
        };
        assert_eq!(sum(true), (350, 470));
        assert_eq!(sum(false), (572, 458));
    }

    #[test]
    fn budgets_select_their_workloads() {
        let made = read(generate(&Cluster { nodes: 3, cores: 12, ..Cluster::default() }));
        let names: Vec<_> = made.budgets.iter().map(|b| b.name.as_str()).collect();
        assert_eq!(names, ["coredns-pdb", "konnectivity-agent", "metrics-server-pdb"]);
        for budget in &made.budgets {
            assert_eq!(made.workloads.iter().filter(|w| budget.selects(&w.pod_labels)).count(), 1, "{}", budget.name);
        }
    }

    #[test]
    fn dataplane_and_addons_decide() {
        let names =
            |cluster: Cluster| read(generate(&cluster)).workloads.into_iter().map(|w| w.name).collect::<Vec<_>>();
        let cilium = names(Cluster { nodes: 3, cilium: true, ..Cluster::default() });
        assert!(!cilium.contains(&"kube-proxy".to_owned()));
        let policy = names(Cluster { nodes: 3, policy: true, monitoring: true, ..Cluster::default() });
        assert!(policy.contains(&"gatekeeper-audit".to_owned()) && policy.contains(&"ama-logs-rs".to_owned()));
    }
}
