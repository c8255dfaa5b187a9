//! Fills in what a snapshot does not hold, by documented assumptions: pools from nodes, nodes from pools, AKS' own workloads
//! and budgets, and pods placed over the nodes. What is made up is marked `assumed` and listed in the coverage.

pub mod nodes;
pub(crate) mod place;

use std::collections::BTreeMap;

use crate::coverage::Coverage;
use crate::snapshot::{AgentPool, Budget, Snapshot};
use crate::system_workloads;

/// The snapshot with everything in it that a simulation needs.
pub fn complete(snapshot: &Snapshot, coverage: &mut Coverage) -> Snapshot {
    let mut full = snapshot.clone();
    if full.pools.is_empty() {
        full.pools = pools_of_nodes(&full, coverage);
    }
    if full.nodes.is_empty() {
        full.nodes = nodes::generate(&full, coverage);
    } else {
        note_counts(&full, coverage);
    }
    let own = system_workloads::given(&full);
    if !own {
        let made = system_workloads::read(system_workloads::generate(&system_workloads::Cluster::of(&full, coverage)));
        full.workloads.extend(made.workloads);
        add_budgets(&mut full, made.budgets);
        let source = "AKS docs (coredns-autoscale, use-system-pools) and dumps of real nodes from 1.26 to 1.32";
        coverage.assume("AKS' own workloads", "the usual ones with their usual requests and budgets", source, 'A');
    } else if !full.kinds.contains("PodDisruptionBudget") {
        let made = system_workloads::shipped_budgets(&full);
        if !made.is_empty() {
            let names: Vec<&str> = made.iter().map(|b| b.name.as_str()).collect();
            let source = "Azure/AKS issue 3384: AKS ships them; the snapshot holds no PodDisruptionBudgets";
            coverage.assume(
                "AKS' own disruption budgets",
                format!("{}: minAvailable 1", names.join(", ")),
                source,
                'A',
            );
        }
        add_budgets(&mut full, made);
    }
    place::pods(&mut full, coverage);
    note_kinds(snapshot, coverage);
    full
}

fn add_budgets(full: &mut Snapshot, made: Vec<Budget>) {
    for budget in made {
        if !full.budgets.iter().any(|b| b.namespace == budget.namespace && b.name == budget.name) {
            full.budgets.push(budget);
        }
    }
    full.budgets.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
}

/// Agent pools as the labels of their nodes show them.
fn pools_of_nodes(snapshot: &Snapshot, coverage: &mut Coverage) -> Vec<AgentPool> {
    let mut pools: BTreeMap<&str, AgentPool> = BTreeMap::new();
    for node in &snapshot.nodes {
        let Some(name) = node.pool() else { continue };
        let label = |key: &str| node.labels.get(key).cloned();
        let pool = pools.entry(name).or_insert_with(|| AgentPool {
            name: name.to_owned(),
            vm_size: label("node.kubernetes.io/instance-type"),
            mode: match label("kubernetes.azure.com/mode").as_deref() {
                Some("system") => "System".into(),
                Some("gateway") => "Gateway".into(),
                _ => "User".into(),
            },
            os_type: if label("kubernetes.io/os").as_deref() == Some("windows") {
                "Windows".into()
            } else {
                "Linux".into()
            },
            os_sku: label("kubernetes.azure.com/os-sku"),
            max_pods: u32::try_from(node.allocatable.pods).ok().filter(|n| *n > 0),
            current_orchestrator_version: Some(node.version.trim_start_matches('v').to_owned())
                .filter(|v| !v.is_empty()),
            scale_set_priority: label("kubernetes.azure.com/scalesetpriority"),
            ..AgentPool::default()
        });
        pool.count += 1;
        // `westeurope-1` is a zone; a bare number is the fault domain of a node without zones.
        let zone = node.zone().rsplit_once('-').map(|(_, zone)| zone.to_owned());
        if let Some(zone) = zone.filter(|z| !pool.availability_zones.contains(z)) {
            pool.availability_zones.push(zone);
        }
    }
    let mut pools: Vec<AgentPool> = pools.into_values().collect();
    if !pools.iter().any(AgentPool::is_system)
        && let [only] = pools.as_mut_slice()
    {
        only.mode = "System".into(); // a cluster has at least one; older nodes carry no mode label
    }
    coverage
        .missing("agent pools were not given; they are read off the labels of the nodes, without their upgrade and autoscaler settings");
    pools
}

fn note_counts(snapshot: &Snapshot, coverage: &mut Coverage) {
    for pool in &snapshot.pools {
        let found = snapshot.nodes_of(&pool.name).count();
        if found != pool.count as usize && !pool.is_stopped() {
            coverage.missing(format!(
                "pool {} wants {} nodes, the snapshot holds {found}; those are simulated",
                pool.name, pool.count
            ));
        }
    }
    let strangers = snapshot.nodes.iter().filter(|n| n.pool().is_none_or(|p| snapshot.pool(p).is_none())).count();
    if strangers > 0 {
        coverage.missing(format!(
            "{strangers} nodes belong to no agent pool of the snapshot (node auto-provisioning, virtual nodes); they are kept as they are"
        ));
    }
}

fn note_kinds(snapshot: &Snapshot, coverage: &mut Coverage) {
    let lacks = |kind: &str| !snapshot.kinds.contains(kind);
    if lacks("Node") {
        coverage.missing("nodes were not given; they are made up from the agent pools");
    }
    if lacks("Pod") {
        coverage.missing("pods were not given; application pods are unknown unless their workloads were given");
    } else if ["Deployment", "StatefulSet", "DaemonSet"].into_iter().all(lacks) {
        coverage.missing("workloads were not given; they are read off their pods");
    }
    if lacks("PodDisruptionBudget") {
        coverage.missing("PodDisruptionBudgets of applications were not given; none are assumed");
    }
    if ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"].into_iter().all(lacks) {
        coverage.missing("admission webhooks were not given; none are assumed");
    }
    if lacks("HorizontalPodAutoscaler") {
        coverage.missing("HorizontalPodAutoscalers were not given; replicas of applications do not follow load");
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn full(json: &str) -> (Snapshot, Coverage) {
        let mut coverage = Coverage::default();
        (complete(&Snapshot::from_json(json.as_bytes()).unwrap(), &mut coverage), coverage)
    }

    #[test]
    fn a_cluster_grows_from_its_pools() {
        let (s, coverage) = full(
            r#"{"cluster":{"name":"c","location":"westeurope"},"agentPools":[
                {"name":"system1","count":3,"vmSize":"Standard_D4s_v3","mode":"System","orchestratorVersion":"1.33.2","maxPods":110,"availabilityZones":["1","2","3"]},
                {"name":"apps","count":2,"vmSize":"Standard_D4s_v3","mode":"User","orchestratorVersion":"1.33.2","maxPods":110}]}"#,
        );
        assert_eq!(s.nodes.len(), 5);
        let dns: Vec<_> =
            s.pods.iter().filter(|p| p.name.starts_with("coredns-") && !p.name.contains("autoscaler")).collect();
        assert_eq!(dns.len(), 2);
        assert!(dns.iter().all(|p| p.node.as_deref().unwrap().contains("-system1-")), "preferred to system nodes");
        assert_ne!(dns[0].node, dns[1].node, "spread over nodes");
        let shared = std::sync::Arc::ptr_eq(&dns[0].spec, &dns[1].spec)
            && std::sync::Arc::ptr_eq(&dns[0].labels, &dns[1].labels);
        assert!(shared, "a template of thousands of containers may have thousands of pods");
        let proxies = s.pods.iter().filter(|p| p.name.starts_with("kube-proxy-")).count();
        assert_eq!(proxies, 5);
        assert!(s.budgets.iter().any(|b| b.name == "coredns-pdb"));
        assert!(coverage.assumptions.iter().any(|a| a.name == "AKS' own workloads"));
        let (again, _) = full(
            r#"{"cluster":{"name":"c","location":"westeurope"},"agentPools":[
                {"name":"apps","count":2,"vmSize":"Standard_D4s_v3","mode":"User","orchestratorVersion":"1.33.2","maxPods":110},
                {"name":"system1","count":3,"vmSize":"Standard_D4s_v3","mode":"System","orchestratorVersion":"1.33.2","maxPods":110,"availabilityZones":["1","2","3"]}]}"#,
        );
        assert_eq!((s.nodes, s.pods), (again.nodes, again.pods));
    }

    #[test]
    fn own_workloads_join_pods_that_were_given_without_them() {
        let (s, _) = full(
            r#"{"agentPools":[{"name":"np","count":2,"vmSize":"Standard_D4s_v3","mode":"System","orchestratorVersion":"1.33.2"}],
                "items":[{"apiVersion":"v1","kind":"Pod","metadata":{"namespace":"shop","name":"web"},"spec":{"nodeName":"elsewhere"}},
                {"apiVersion":"apps/v1","kind":"Deployment","metadata":{"namespace":"shop","name":"idle"},"spec":{"replicas":3}}]}"#,
        );
        assert!(s.pods.iter().any(|p| p.name == "web" && !p.assumed));
        assert!(s.pods.iter().any(|p| p.name.starts_with("coredns-") && p.assumed));
        assert!(!s.pods.iter().any(|p| p.name.starts_with("idle")), "the snapshot shows what pods there are");
    }

    #[test]
    fn pools_are_read_off_nodes() {
        let (s, _) = full(
            r#"{"items":[{"apiVersion":"v1","kind":"Node","metadata":{"name":"aks-np-1-vmss000000","labels":{"agentpool":"np","topology.kubernetes.io/zone":"eastus-2"}},
                "status":{"allocatable":{"cpu":"2","memory":"4Gi","pods":"30"}}}]}"#,
        );
        assert_eq!((s.pools[0].name.as_str(), s.pools[0].mode.as_str(), s.pools[0].count), ("np", "System", 1));
        assert_eq!(s.pools[0].availability_zones, ["2"]);
    }
}
