//! What an answer takes, by its parts: `cargo bench-answer` has the real binary score the node image upgrade of a pool of 50
//! nodes and 640 application pods with the scheduler's default spreading (about 950 pods with those of AKS), and prints seconds
//! from the record of each run, and each as a multiple of the same number of pairs alone. `cargo bench-answer -- 500` takes ten
//! times as many nodes and pods. Machines differ: the multiples are what to compare.

#![allow(clippy::print_stdout, missing_docs)]

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};

const WAYS: [(&str, &[&str]); 4] = [
    ("pairs", &["--parameters", "mean", "--trials", "1000"]),
    ("pairs and band", &["--trials", "1000"]),
    ("normal", &[]),
    ("--quick", &["--quick"]),
];

fn main() {
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let nodes = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(50);
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("answer-{nodes}"));
    std::fs::create_dir_all(&dir).expect("a folder for the bench");
    let write =
        |name: &str, value: Value| std::fs::write(dir.join(name), value.to_string()).expect("a file of the bench");
    write("snapshot.json", snapshot(nodes));
    write("change.json", change());
    println!("{nodes} nodes, {} application pods", nodes * 64 / 5);
    println!(
        "{:<15} {:>7} {:>8} {:>9} {:>8} {:>8} {:>9}",
        "", "trials", "load s", "trials s", "report s", "whole s", "to pairs"
    );
    let mut pairs = None;
    for (name, flags) in WAYS {
        let (run, whole) = score(&dir, flags);
        let seconds = |part: &str| run[part].as_f64().unwrap_or(f64::NAN);
        let simulated = seconds("simulateSeconds");
        let base = *pairs.get_or_insert(simulated);
        println!(
            "{name:<15} {:>7} {:>8.3} {simulated:>9.3} {:>8.3} {whole:>8.3} {:>9.2}",
            run["trials"],
            seconds("loadSeconds"),
            seconds("reportSeconds"),
            whole / base
        );
    }
}

/// The record of a run and the seconds the whole of it took.
fn score(dir: &Path, flags: &[&str]) -> (Value, f64) {
    let out = dir.join("reports");
    let _ = std::fs::remove_dir_all(&out);
    let begin = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolproof"));
    command.arg("score").arg(dir.join("change.json")).arg("--cluster").arg(dir.join("snapshot.json"));
    let done = command.arg("--out").arg(&out).args(["--seed", "1"]).args(flags).output().expect("poolproof runs");
    let whole = begin.elapsed().as_secs_f64();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let reports = std::fs::read_dir(&out).expect("reports");
    let record = reports.flatten().map(|entry| entry.path().join("run.json")).find(|path| path.is_file());
    let record = std::fs::read(record.expect("a record of the run")).expect("a record that can be read");
    (serde_json::from_slice(&record).expect("a record in JSON"), whole)
}

fn change() -> Value {
    json!({ "schema": "poolproof.change/1", "cluster": "bench", "pool": "sys",
        "operation": { "kind": "upgrade", "nodeImageOnly": true } })
}

fn snapshot(nodes: u32) -> Value {
    let app = |app: u32| {
        let (name, labels) = (format!("app{app}"), json!({ "app": format!("app{app}") }));
        let requests = json!({ "requests": { "cpu": "200m", "memory": "256Mi" } });
        let pod = json!({ "containers": [{ "name": "c", "image": "x", "resources": requests }] });
        json!({ "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "namespace": "shop", "name": name, "uid": name },
            "spec": { "replicas": 16, "selector": { "matchLabels": labels },
                "template": { "metadata": { "labels": labels }, "spec": pod } },
            "status": { "replicas": 16, "readyReplicas": 16 } })
    };
    json!({ "schema": "poolproof.snapshot/1", "cluster": { "name": "bench" },
        "agentPools": [{ "name": "sys", "mode": "System", "count": nodes, "vmSize": "Standard_D4s_v5", "osType": "Linux",
            "osSku": "Ubuntu", "maxPods": 110, "orchestratorVersion": "1.33.2", "currentOrchestratorVersion": "1.33.2",
            "enableAutoScaling": false, "powerState": { "code": "Running" }, "provisioningState": "Succeeded",
            "type": "VirtualMachineScaleSets", "upgradeSettings": { "maxSurge": "10%" },
            "availabilityZones": ["1", "2", "3"] }],
        "items": (0..nodes * 4 / 5).map(app).collect::<Vec<_>>() })
}
