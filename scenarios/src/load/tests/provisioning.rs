//! Node auto-provisioning: what NodePools, or AKS' own, come to.

use simulator::spec::{Disruption, Provisioner};

use super::*;

fn pool_names(l: &Loaded, p: &Provisioner) -> Vec<String> {
    p.sizes.iter().map(|id| l.scenario.cluster.pools[*id].name.clone()).collect()
}

fn auto() -> String {
    POOLS.replace(
        r#""location""#,
        r#""nodeProvisioningProfile":{"mode":"Auto"},"kubernetesVersion":"1.33.2","location""#,
    )
}

const NODE_POOL: &str = r#"{"apiVersion":"karpenter.sh/v1","kind":"NodePool","metadata":{"name":"gp"},"spec":{"weight":7,
    "limits":{"cpu":"40","memory":"100Gi"},
    "disruption":{"consolidationPolicy":"WhenEmpty","consolidateAfter":"5m","budgets":[{"nodes":"20%"},{"nodes":"0","reasons":["Drifted"]},
      {"nodes":"0","schedule":"0 9 * * 1-5","duration":"8h"}]},
    "template":{"metadata":{"labels":{"team":"a"}},"spec":{"expireAfter":"48h","terminationGracePeriod":"1h",
      "taints":[{"key":"dedicated","value":"a","effect":"NoSchedule"}],
      "requirements":[{"key":"karpenter.azure.com/sku-family","operator":"In","values":["D"]},
        {"key":"karpenter.azure.com/sku-cpu","operator":"Lt","values":["5"]},
        {"key":"kubernetes.io/arch","operator":"In","values":["amd64"]},
        {"key":"topology.kubernetes.io/zone","operator":"In","values":["westeurope-1","westeurope-2"]}]}}}}"#;

/// A node of that NodePool, 40 hours old.
const NODE: &str = r#"{"apiVersion":"v1","kind":"Node","metadata":{"name":"aks-gp-x","creationTimestamp":"2026-01-01T00:00:00Z",
    "labels":{"karpenter.sh/nodepool":"gp","node.kubernetes.io/instance-type":"Standard_D8s_v3","topology.kubernetes.io/zone":"westeurope-1"}},
    "status":{"conditions":[{"type":"Ready","status":"True"}],"allocatable":{"cpu":"7820m","memory":"27Gi","pods":"110"},
    "capacity":{"cpu":"8","memory":"32Gi","pods":"110"}}}"#;

fn with_items(items: &str) -> String {
    auto().replace(r#""agentPools""#, &format!(r#""takenAt":"2026-01-02T16:00:00Z","items":[{items}],"agentPools""#))
}

#[test]
fn aks_makes_two_node_pools_of_d_sizes() {
    let l = try_load("apps", Operation::Scale { count: 3 }, &auto()).unwrap();
    let c = &l.scenario.cluster;
    let names: Vec<&str> = c.provisioners.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["default", "system-surge"]);
    for p in &c.provisioners {
        let sizes = pool_names(&l, p);
        assert!(
            !sizes.is_empty() && sizes.iter().all(|s| s.starts_with(&format!("{}/Standard_D", p.name))),
            "{sizes:?}"
        );
        // Of sizes alike, the cheapest one: no two of the same cores and memory.
        let mut shapes: Vec<_> =
            p.sizes.iter().map(|id| c.node_shapes[c.pools[*id].templates[0]].allocatable).collect();
        let all = shapes.len();
        shapes.sort();
        shapes.dedup();
        assert_eq!(shapes.len(), all);
        assert_eq!(c.pools[p.sizes[0]].templates.len(), 3, "one for each zone of the cluster");
    }
    assert!(l.coverage.assumptions.iter().any(|a| a.name == "NodePools of node auto-provisioning"));
    let manual = auto().replace("Auto", "Manual");
    assert!(try_load("apps", Operation::Scale { count: 3 }, &manual).unwrap().scenario.cluster.provisioners.is_empty());
    assert!(loaded("apps", Operation::Scale { count: 3 }).scenario.cluster.provisioners.is_empty());
}

#[test]
fn a_node_pool_is_read_with_its_nodes() {
    let l = try_load("apps", Operation::Scale { count: 3 }, &with_items(&format!("{NODE_POOL},{NODE}"))).unwrap();
    let c = &l.scenario.cluster;
    let [p] = &c.provisioners[..] else { panic!("{:?}", c.provisioners) };
    assert_eq!((p.weight, p.limits, p.consolidates_used), (7, (Some(40_000), Some(100 << 30)), false));
    assert_eq!((p.consolidate_after, p.grace), (Some(Duration::mins(5)), Some(Duration::mins(60))));
    assert_eq!(p.expire_after, Some(Duration::mins(48 * 60)));
    let limits: Vec<_> = p.budgets.iter().map(|b| (b.nodes, b.reason)).collect();
    assert_eq!(limits, [(Quantity::Percent(20), None), (Quantity::Count(0), Some(Disruption::Drifted))]);
    assert!(l.coverage.not_seen.iter().any(|n| n.starts_with("1 disruption budgets of NodePools have a schedule")));
    let sizes = pool_names(&l, p);
    assert!(sizes.contains(&"gp/Standard_D8s_v3".to_owned()), "what is there is kept: {sizes:?}");
    for id in &p.sizes {
        let pool = &c.pools[*id];
        let shape = &c.node_shapes[pool.templates[0]];
        assert!(shape.cores <= 4000 || pool.name.ends_with("D8s_v3"), "{}", pool.name);
        assert!(pool.templates.len() <= 2, "two zones");
        if !pool.name.ends_with("D8s_v3") {
            assert_eq!(shape.labels.get("team").map(String::as_str), Some("a"));
            assert_eq!(shape.taints[0].key, "dedicated");
        }
    }
    let (node, _) = c.nodes.iter().find(|(_, n)| n.name == "aks-gp-x").unwrap();
    assert_eq!(c.pools[c.nodes[node].pool].name, "gp/Standard_D8s_v3");
    assert_eq!(p.ages, [(node, Duration::mins(40 * 60))]);
}

#[test]
fn what_a_node_pool_gets_wrong_is_said() {
    for (from, to, place) in [
        ("\"5m\"", "\"5 minutes\"", "consolidateAfter"),
        ("20%", "many", "budgets[0].nodes"),
        ("\"Lt\"", "\"Less\"", "requirements[1].operator"),
    ] {
        let text = with_items(&NODE_POOL.replace(from, to));
        let error = Snapshot::from_json(text.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(place), "{error}");
    }
}

/// A cluster's upgrade leaves nodes of NodePools out of date; an upgrade of one pool does not.
#[test]
fn nodes_drift_with_the_version_of_the_cluster() {
    let drifts = |pool: &str| {
        let l = try_load(pool, upgrade(Some("1.34.0")), &auto()).unwrap();
        l.scenario.changes.iter().filter(|p| matches!(p.operation, Simulated::Drift)).count()
    };
    assert_eq!((drifts(""), drifts("apps")), (1, 0));
}

#[test]
fn pods_without_room_get_nodes() {
    let pods = r#"{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"web","namespace":"shop"},"spec":{"replicas":40,
      "selector":{"matchLabels":{"app":"web"}},"template":{"metadata":{"labels":{"app":"web"}},
      "spec":{"containers":[{"name":"c","resources":{"requests":{"cpu":"1","memory":"1Gi"}}}]}}}}"#;
    let l = try_load("apps", Operation::SetLabels { labels: Default::default() }, &with_items(pods)).unwrap();
    let outcome = simulator::simulate(&l.scenario, 1, 0);
    assert!(outcome.counts.nodes_added > 0, "{:?}", outcome.counts);
}

/// `napProvisionSeconds` is for nodes it makes, `provisionSeconds` for all others.
#[test]
fn the_time_to_make_nodes_can_be_given() {
    let own =
        auto().replace(r#""location""#, r#""assume":{"napProvisionSeconds":60,"provisionSeconds":300},"location""#);
    let l = try_load("apps", Operation::Scale { count: 3 }, &own).unwrap();
    let c = &l.scenario.cluster;
    let median = |name: &str| c.pools.iter().find(|(_, p)| p.name.starts_with(name)).unwrap().1.provision.median();
    assert_eq!((median("default/"), median("apps")), (Duration::secs(60), Duration::secs(300)));
}
