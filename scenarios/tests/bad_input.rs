//! Whatever a snapshot holds, it is read or complained about; what was read loads and runs.

#![allow(missing_docs)]
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use scenarios::change::{Change, ChangeSettings, ClusterRef, Operation, Phase, Source};
use scenarios::snapshot::Snapshot;
use serde_json::{Value, json};

fn document() -> Value {
    json!({
        "schema": "poolproof.snapshot/1",
        "takenAt": "2026-01-01T00:00:00Z",
        "cluster": {"name": "c", "location": "eastus", "quota": {"cores": 40}, "subnet": {"*": 100},
            "networkProfile": {"networkPlugin": "azure"}},
        "agentPools": [{"name": "np", "count": 2, "vmSize": "Standard_D4s_v3", "mode": "System", "maxPods": 30,
            "orchestratorVersion": "1.33.2", "nodeTaints": ["a=b:NoSchedule"], "nodeLabels": {"x": "y"},
            "availabilityZones": ["1", "2"], "upgradeSettings": {"maxSurge": "50%", "drainTimeoutInMinutes": 5}}],
        "items": [
            {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "aks-np-1-vmss000000", "labels": {"agentpool": "np"}},
                "spec": {"taints": [{"key": "k", "value": "v", "effect": "NoSchedule"}]},
                "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "30", "nvidia.com/gpu": "1"},
                    "capacity": {"cpu": "2", "memory": "4Gi", "pods": "30"}, "conditions": [{"type": "Ready", "status": "True"}]}},
            {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1-a", "namespace": "kube-system",
                    "labels": {"k8s-app": "kube-dns", "pod-template-hash": "1"},
                    "ownerReferences": [{"kind": "ReplicaSet", "name": "web-1", "controller": true}]},
                "spec": {"nodeName": "aks-np-1-vmss000000", "priority": 5,
                    "containers": [{"name": "c", "resources": {"requests": {"cpu": "100m", "memory": "1Gi", "nvidia.com/gpu": 1}},
                        "ports": [{"containerPort": 80, "hostPort": 80}]}],
                    "tolerations": [{"operator": "Exists"}],
                    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms":
                        [{"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}]}}}},
                "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}},
            {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web", "namespace": "kube-system"},
                "spec": {"replicas": 2, "template": {"metadata": {"labels": {"k8s-app": "kube-dns"}}, "spec": {"containers": []}}}},
            {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "p", "namespace": "kube-system"},
                "spec": {"maxUnavailable": "50%", "selector": {"matchExpressions": [{"key": "k8s-app", "operator": "Exists"}]}}},
            {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "h", "namespace": "kube-system"},
                "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "minReplicas": 1, "maxReplicas": 9,
                    "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 50}}}]}}
        ]
    })
}

/// Paths of all values of a document.
fn paths(value: &Value, at: String, out: &mut Vec<String>) {
    out.push(at.clone());
    match value {
        Value::Array(list) => list.iter().enumerate().for_each(|(i, v)| paths(v, format!("{at}/{i}"), out)),
        Value::Object(map) => map.iter().for_each(|(k, v)| {
            paths(v, format!("{at}/{}", k.replace('~', "~0").replace('/', "~1")), out);
        }),
        _ => {}
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    let odd = vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(u64::MAX),
        json!(""),
        json!("9999999999999999999999Ei"),
        json!("-5%"),
        json!("é\u{0}"),
        json!([]),
        json!({}),
        json!([[1]]),
        json!({"a": {"b": []}}),
        json!("Exists"),
        json!("Windows"),
        json!("2"),
        json!(7),
    ];
    prop_oneof![proptest::sample::select(odd), any::<i64>().prop_map(|n| json!(n)), ".{0,12}".prop_map(|s| json!(s))]
}

fn change() -> Change {
    Change {
        id: "t".into(),
        phase: Phase::Proposed,
        source: Source::default(),
        cluster: ClusterRef::default(),
        pool: Some("np".into()),
        operation: Operation::Upgrade {
            version: None,
            node_image_only: true,
            settings: Default::default(),
            force: false,
            reason: None,
        },
        summary: String::new(),
        result: None,
        snapshot: None,
        snapshot_ref: None,
        settings: ChangeSettings::default(),
    }
}

/// Reads, loads and runs as far as it goes; complaints are never empty.
fn survives(bytes: &[u8]) {
    match Snapshot::from_json(bytes) {
        Err(complaints) => assert!(!complaints.0.is_empty()),
        Ok(snapshot) => match scenarios::load(&change(), &snapshot, &ChangeSettings::default()) {
            Err(complaints) => assert!(!complaints.0.is_empty()),
            Ok(loaded) => {
                simulator::simulate(&loaded.scenario, 1, 0);
            }
        },
    }
}

#[test]
fn the_document_itself_runs() {
    let snapshot = Snapshot::from_json(document().to_string().as_bytes()).unwrap();
    let loaded = scenarios::load(&change(), &snapshot, &ChangeSettings::default()).unwrap();
    assert_eq!(loaded.scenario.cluster.extended, ["nvidia.com/gpu"]);
    assert_eq!(loaded.scenario.cluster.budgets.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn odd_values_anywhere(places in proptest::collection::vec((any::<prop::sample::Index>(), odd_value()), 1..4)) {
        let mut value = document();
        for (place, odd) in places {
            let mut all = Vec::new();
            paths(&value, String::new(), &mut all);
            let path = all[place.index(all.len())].clone();
            if let Some(slot) = value.pointer_mut(&path) {
                *slot = odd;
            }
        }
        survives(value.to_string().as_bytes());
    }

    #[test]
    fn cut_and_broken_bytes(cut in 0usize..4000, flip in 0usize..4000, with in any::<u8>()) {
        let mut bytes = document().to_string().into_bytes();
        let at = flip % bytes.len();
        bytes[at] = with;
        bytes.truncate(bytes.len().saturating_sub(cut % 3 * (cut / 3)));
        survives(&bytes);
    }
}
