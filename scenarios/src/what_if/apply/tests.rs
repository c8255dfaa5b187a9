//! Cells applied to a small cluster, axis by axis.

use serde_json::json;

use super::*;
use crate::change::{ChangeSettings, ClusterRef, Phase, Source};
use crate::snapshot::AgentPool;
use crate::snapshot::{Amounts, Container, Node, Owner, Pod, PodTemplate, Requests, Workload};

fn change(operation: Operation) -> Change {
    Change {
        id: "c".into(),
        phase: Phase::Proposed,
        source: Source::default(),
        cluster: ClusterRef::default(),
        pool: Some("sys".into()),
        operation,
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

fn upgrade() -> Change {
    change(Operation::Upgrade {
        version: None,
        node_image_only: true,
        settings: UpgradeFields::default(),
        force: false,
        reason: None,
    })
}

fn node(name: &str, zone: &str) -> Node {
    let label = |k: &str, v: &str| (k.to_owned(), v.to_owned());
    let room = Amounts { cpu: 1900, memory: 6 << 30, ephemeral: 100 << 30, pods: 110, ..Amounts::default() };
    Node {
        name: name.into(),
        labels: [
            label("agentpool", "sys"),
            label("topology.kubernetes.io/zone", zone),
            label("kubernetes.io/hostname", name),
            label("node.kubernetes.io/instance-type", "Standard_D2s_v3"),
        ]
        .into(),
        allocatable: room.clone(),
        capacity: room,
        ready: true,
        version: "v1.33.2".into(),
        ..Node::default()
    }
}

fn pod(name: &str, kind: &str, node: &str, cpu: i64) -> Pod {
    let requests = Requests { cpu: Some(cpu), ..Requests::default() };
    Pod {
        namespace: "kube-system".into(),
        name: name.into(),
        owner: Some(Owner { kind: kind.into(), name: "set".into() }),
        spec: std::sync::Arc::new(PodTemplate {
            containers: vec![Container { requests, ..Container::default() }],
            ..PodTemplate::default()
        }),
        node: Some(node.into()),
        phase: "Running".into(),
        ready: true,
        ..Pod::default()
    }
}

/// Three nodes in three zones, a proxy on each, two DNS pods on the last two.
fn cluster() -> Snapshot {
    let names = ["aks-sys-1-vmss000000", "aks-sys-1-vmss000001", "aks-sys-1-vmss000002"];
    let mut pods: Vec<Pod> =
        names.iter().enumerate().map(|(i, n)| pod(&format!("proxy-{i}"), "DaemonSet", n, 100)).collect();
    pods.push(pod("dns-a", "ReplicaSet", names[1], 1000));
    pods.push(pod("dns-b", "ReplicaSet", names[2], 1000));
    Snapshot {
        digest: "d".into(),
        pools: vec![AgentPool {
            name: "sys".into(),
            count: 3,
            vm_size: Some("Standard_D2s_v3".into()),
            mode: "System".into(),
            os_type: "Linux".into(),
            availability_zones: vec!["1".into(), "2".into(), "3".into()],
            ..AgentPool::default()
        }],
        nodes: names.iter().enumerate().map(|(i, n)| node(n, &format!("westeurope-{}", i + 1))).collect(),
        pods,
        workloads: vec![
            Workload {
                kind: "Deployment".into(),
                namespace: "kube-system".into(),
                name: "dns".into(),
                replicas: 2,
                ..Workload::default()
            },
            Workload {
                kind: "ReplicaSet".into(),
                namespace: "kube-system".into(),
                name: "set".into(),
                replicas: 2,
                owner: Some(Owner { kind: "Deployment".into(), name: "dns".into() }),
                ..Workload::default()
            },
        ],
        ..Snapshot::default()
    }
}

fn with(axis: &str, value: serde_json::Value, change: &Change) -> Result<(Snapshot, Change), Complaints> {
    apply(&[Setting::read(axis, &value).unwrap()], &cluster(), change)
}

fn places(snapshot: &Snapshot) -> Vec<(String, Option<String>)> {
    snapshot.pods.iter().map(|p| (p.name.clone(), p.node.clone().map(|n| n[n.len() - 1..].to_owned()))).collect()
}

#[test]
fn no_values_change_nothing() {
    let (snapshot, change) = apply(&[], &cluster(), &upgrade()).unwrap();
    assert_eq!((snapshot.digest.as_str(), change), ("d", upgrade()));
}

#[test]
fn fewer_nodes_leave_from_the_top_and_their_pods_move() {
    let (snapshot, _) = with("nodeCount", json!(2), &upgrade()).unwrap();
    assert_eq!((snapshot.pools[0].count, snapshot.nodes.len()), (2, 2));
    let expected = [("proxy-0", "0"), ("proxy-1", "1"), ("dns-a", "1"), ("dns-b", "0")];
    assert_eq!(places(&snapshot), expected.map(|(p, n)| (p.to_owned(), Some(n.to_owned()))));
    assert_ne!(snapshot.digest, "d");
}

#[test]
fn what_no_longer_fits_is_pending() {
    let (snapshot, _) = with("nodeCount", json!(1), &upgrade()).unwrap();
    let pending: Vec<&Pod> = snapshot.pods.iter().filter(|p| p.node.is_none()).collect();
    assert_eq!(pending.len(), 1, "1900m holds the proxy and one of the two");
    assert_eq!((pending[0].phase.as_str(), pending[0].ready), ("Pending", false));
}

#[test]
fn more_nodes_are_like_those_there() {
    let (snapshot, _) = with("nodeCount", json!(5), &upgrade()).unwrap();
    let names: Vec<&str> = snapshot.nodes.iter().map(|n| n.name.as_str()).collect();
    assert_eq!(names[3..], ["aks-sys-1-vmss000003", "aks-sys-1-vmss000004"]);
    let zones: Vec<&str> = snapshot.nodes.iter().map(Node::zone).collect();
    assert_eq!(zones, ["westeurope-1", "westeurope-2", "westeurope-3", "westeurope-1", "westeurope-2"]);
    assert_eq!(snapshot.nodes[4].labels["kubernetes.io/hostname"], "aks-sys-1-vmss000004");
    assert_eq!(snapshot.pods.iter().filter(|p| p.name.starts_with("proxy")).count(), 5);
}

#[test]
fn ordinals_count_in_base_36() {
    let mut snapshot = cluster();
    snapshot.nodes[2].name = "aks-sys-1-vmss00000z".into();
    let values = [Setting::read("nodeCount", &json!(4)).unwrap()];
    let (snapshot, _) = apply(&values, &snapshot, &upgrade()).unwrap();
    assert!(snapshot.nodes.iter().any(|n| n.name == "aks-sys-1-vmss000010"));
}

#[test]
fn a_scale_takes_the_count_as_its_target() {
    let (snapshot, change) = with("nodeCount", json!(7), &change(Operation::Scale { count: 1 })).unwrap();
    assert_eq!((snapshot.nodes.len(), change.operation), (3, Operation::Scale { count: 7 }));
}

#[test]
fn another_size_changes_what_nodes_offer() {
    let (snapshot, _) = with("vmSize", json!("standard_d8s_v5"), &upgrade()).unwrap();
    assert_eq!(snapshot.pools[0].vm_size.as_deref(), Some("Standard_D8s_v5"));
    for node in &snapshot.nodes {
        assert_eq!((node.capacity.cpu, node.allocatable.cpu, node.allocatable.pods), (8000, 7820, 110));
        assert_eq!(node.labels["node.kubernetes.io/instance-type"], "Standard_D8s_v5");
    }
    let unknown = with("vmSize", json!("Standard_Nothing_v9"), &upgrade()).unwrap_err();
    assert_eq!(unknown.to_string(), "vmSize: found Standard_Nothing_v9, expected a VM size from the table of sizes");
}

#[test]
fn a_smaller_size_lets_the_unimportant_wait() {
    let mut snapshot = cluster();
    for (i, priority) in [(3, 2_000_000_000), (4, 0)] {
        snapshot.pods[i].spec_mut().priority = Some(priority);
        snapshot.pods[i].node = Some("aks-sys-1-vmss000001".into());
        snapshot.pods[i].spec_mut().containers[0].requests.cpu = Some(500);
    }
    snapshot.nodes.truncate(2);
    snapshot.nodes.remove(0);
    let values = [Setting::read("vmSize", &json!("Standard_DS1_v2")).unwrap()];
    let (snapshot, _) = apply(&values, &snapshot, &upgrade()).unwrap();
    let waiting: Vec<&str> = snapshot.pods.iter().filter(|p| p.node.is_none()).map(|p| p.name.as_str()).collect();
    assert_eq!(waiting, ["dns-b"], "940m less the proxy's 100m holds one of them");
}

#[test]
fn replicas_follow_through_the_replica_set() {
    let (snapshot, _) = with("replicas of kube-system/dns", json!(4), &upgrade()).unwrap();
    assert_eq!(snapshot.workloads.iter().map(|w| w.replicas).collect::<Vec<_>>(), [4, 4]);
    let dns: Vec<&Pod> = snapshot.pods.iter().filter(|p| p.name.starts_with("dns")).collect();
    assert_eq!(dns.len(), 4);
    assert_eq!(dns.iter().filter(|p| p.node.is_some()).count(), 3, "three nodes hold one each");
    let (snapshot, _) = with("replicas of kube-system/dns", json!(1), &upgrade()).unwrap();
    assert_eq!(snapshot.pods.iter().filter(|p| p.name.starts_with("dns")).count(), 1);
    assert!(with("replicas of kube-system/nobody", json!(1), &upgrade()).is_err());
}

#[test]
fn upgrade_settings_go_to_the_call_or_to_the_pool() {
    let (snapshot, change_) = with("maxSurge", json!("33%"), &upgrade()).unwrap();
    let Operation::Upgrade { settings, .. } = change_.operation else { panic!("still an upgrade") };
    assert_eq!((settings.max_surge.as_deref(), &snapshot.pools[0].upgrade_settings.max_surge), (Some("33%"), &None));
    let (snapshot, _) = with("drainTimeoutMinutes", json!(5), &change(Operation::RotateCertificates)).unwrap();
    assert_eq!(snapshot.pools[0].upgrade_settings.drain_timeout_in_minutes, Some(5));
}

#[test]
fn bursts_are_settings_of_the_change() {
    let (_, change) = with("burstFactor", json!(2.5), &upgrade()).unwrap();
    assert_eq!(change.settings.burst_factor, Some(2.5));
    let (_, change) = with("burstsPerDay", json!(0), &change).unwrap();
    assert_eq!(change.settings.bursts_per_day, Some(0.0));
}

#[test]
fn workloads_that_are_made_up_may_be_asked_about() {
    let pool = json!({"name": "sys", "mode": "System", "count": 3, "vmSize": "Standard_D4s_v5", "osType": "Linux"});
    let document = json!({"schema": "poolproof.snapshot/1", "cluster": {"name": "c"}, "agentPools": [pool]});
    let bare = Snapshot::from_json(document.to_string().as_bytes()).unwrap();
    let values = [Setting::read("replicas of kube-system/coredns", &json!(4)).unwrap()];
    let (edited, change) = apply(&values, &bare, &upgrade()).unwrap();
    let loaded = crate::load(&change, &edited, &ChangeSettings::default()).unwrap();
    let cluster = &loaded.scenario.cluster;
    let (dns, spec) = cluster.workloads.iter().find(|(_, w)| w.name == "coredns").unwrap();
    assert_eq!(spec.replicas, 4);
    assert_eq!(cluster.pods.iter().filter(|p| p.workload == dns && p.node.is_some()).count(), 4);
    assert!(loaded.coverage.assumptions.iter().any(|a| a.name == "AKS' own workloads"));
}

#[test]
fn pools_are_named_in_any_case() {
    let mut shouting = upgrade();
    shouting.pool = Some("SYS".into());
    let (snapshot, _) = with("nodeCount", json!(2), &shouting).unwrap();
    assert_eq!(snapshot.nodes.len(), 2);
}
