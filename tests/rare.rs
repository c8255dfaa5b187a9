//! Probabilities of a millionth from a run of seconds, seen from outside.

use serde_json::{Value, json};
use simulator::settings::Cause;

use crate::support::{Folder, poolproof, run, snapshot};

/// Every cause but failures of single nodes, for `--off`.
fn all_but_failures() -> String {
    let others = Cause::ALL.iter().filter(|(cause, _)| *cause != Cause::NodeFailure).map(|(_, name)| *name);
    others.collect::<Vec<_>>().join(",")
}

/// A cluster with a watched workload of three pods, each on a node of its own, of which two must be up.
fn cluster() -> Value {
    let mut cluster = snapshot("rare");
    let node = |i: u32| {
        json!({"kind": "Node", "apiVersion": "v1",
            "metadata": {"name": format!("aks-apps-{i}"), "labels": {"agentpool": "apps", "kubernetes.azure.com/agentpool": "apps"}},
            "status": {"capacity": {"cpu": "4", "memory": "16Gi", "pods": "110"},
                "allocatable": {"cpu": "3860m", "memory": "13Gi", "pods": "110"},
                "conditions": [{"type": "Ready", "status": "True"}]}})
    };
    cluster["items"] = (0..3).map(node).collect();
    cluster
}

#[test]
fn a_millionth_has_limits_of_its_own_size() {
    let folder = Folder::new();
    folder.json("cluster.json", &cluster());
    let change = json!({"schema": "poolproof.change/1", "cluster": "rare", "pool": "apps", "operation": {"kind": "scale", "count": 4}});
    folder.json("change.json", &change);
    let ended = run(poolproof()
        .arg("score")
        .arg(folder.path("change.json"))
        .arg("--cluster")
        .arg(folder.path("cluster.json"))
        .args(["--format", "json", "--off", &all_but_failures()]))
    .expect_code(0);
    println!("{}", ended.stdout);
}
