//! Queries lost by survivors, from the command line to the report: ready pods do not show them.

use serde_json::{Value, json};

use crate::support::{Folder, poolproof, run, snapshot};

/// A cluster whose CoreDNS has so many replicas, each on a node of its own.
fn cluster(replicas: u32, memory: &str) -> Value {
    let mut cluster = snapshot("named");
    cluster["agentPools"][0]["count"] = json!(6);
    let labels = json!({"k8s-app": "kube-dns"});
    cluster["items"] = json!([
        {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": "kube-system", "name": "coredns", "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": {
                "nodeSelector": {"agentpool": "sys"}, "priorityClassName": "system-cluster-critical",
                "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
                    {"labelSelector": {"matchLabels": labels}, "topologyKey": "kubernetes.io/hostname"}]}},
                "containers": [{"name": "coredns", "readinessProbe": {}, "resources": {
                    "requests": {"cpu": "100m", "memory": "70Mi"}, "limits": {"cpu": "3", "memory": memory}}}]}}}},
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"namespace": "kube-system", "name": "coredns-pdb"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}},
    ]);
    cluster
}

/// The report of a node image upgrade of the system pool under the given load.
fn scored(folder: &Folder, cluster: &Value, load: &Value, format: &str) -> String {
    let mut settings =
        json!({"trials": 60, "parameters": "mean", "off": ["burst", "node-failure"], "assume": {"dnsStaleShare": 0}});
    settings.as_object_mut().unwrap().append(load.clone().as_object_mut().unwrap());
    folder.json("named.json", cluster);
    folder.json(
        "change.json",
        &json!({"schema": "poolproof.change/1", "cluster": "named", "pool": "sys",
            "operation": {"kind": "upgrade", "nodeImageOnly": true}, "settings": settings}),
    );
    let mut command = poolproof();
    command.args(["score", "--format", format]).arg(folder.path("change.json"));
    run(command.arg("--cluster").arg(folder.path("named.json"))).expect_code(0).stdout
}

/// Every replica has 60 % of what it can serve.
fn upgraded(folder: &Folder, replicas: u32, format: &str) -> String {
    scored(folder, &cluster(replicas, "500Mi"), &json!({"dnsQps": 3000 * replicas}), format)
}

fn dns(report: &Value) -> &Value {
    let workloads = report["risk"]["workloads"].as_array().unwrap();
    workloads.iter().find(|w| w["name"] == "coredns").unwrap()
}

fn of(w: &Value, path: &str) -> f64 {
    w.pointer(path).and_then(Value::as_f64).unwrap_or_else(|| panic!("{path} of {w:#}"))
}

#[test]
fn two_replicas_lose_queries_while_enough_are_ready_and_four_do_not() {
    let folder = Folder::new();
    let two: Value = serde_json::from_str(&upgraded(&folder, 2, "json")).unwrap();
    let w = dns(&two);
    assert_eq!(
        of(w, "/lossMinutes/mean"),
        of(w, "/queries/lossyMinutes/estimate"),
        "out for lost queries alone: {w:#}"
    );
    assert!(of(w, "/queryLoss/estimate") > 1e-4 && of(w, "/queries/addedLoss/estimate") > 1e-4, "{w:#}");
    assert!(of(w, "/queries/whileEnough/estimate") > 0.9, "{w:#}");
    let sentence = w["queries"]["sentence"].as_str().unwrap();
    assert!(sentence.contains("is up all the time") && sentence.contains("120 % of what it can"), "{sentence}");
    assert!(sentence.contains("more than 5 % of its queries are lost for"), "{sentence}");
    assert!(of(w, "/queries/latencyMs/mean") > of(w, "/queries/baselineLatencyMs/mean"), "{w:#}");
    for format in ["text", "markdown"] {
        assert!(upgraded(&folder, 2, format).contains("is up all the time"), "{format}");
    }
    let four: Value = serde_json::from_str(&upgraded(&folder, 4, "json")).unwrap();
    let w = dns(&four);
    // Endpoints that have gone are sent to for a moment in one future or another.
    assert!(of(w, "/queryLoss/estimate") < 1e-5 && of(w, "/queries/lossyMinutes/estimate") < 0.01, "{w:#}");
    assert_eq!(w["queries"]["sentence"], "");
}

/// A burst of twenty times the load for ten minutes, and clients that ask up to four times.
#[test]
fn a_small_memory_limit_spirals_under_retries_and_a_large_one_does_not() {
    let folder = Folder::new();
    let burst = json!({"workload": "kube-system/coredns", "factor": 20, "atMinutes": 5, "rampMinutes": 1, "holdMinutes": 10, "decayMinutes": 2});
    let load = json!({"dnsQps": 2000, "bursts": [burst], "assume": {"dnsStaleShare": 0, "dnsAttempts": 4}});
    let report =
        |limit| -> Value { serde_json::from_str(&scored(&folder, &cluster(2, limit), &load, "json")).unwrap() };
    let (small, large) = (report("100Mi"), report("2000Mi"));
    let (small, large) = (dns(&small), dns(&large));
    assert!(of(small, "/queries/kills") >= 4.0 && of(large, "/queries/kills") == 0.0, "{small:#}\n{large:#}");
    // Most of the minutes are the burst's, whatever the limit; what is lost in them is not.
    let (minutes, lost) = (|w| of(w, "/lossMinutes/mean"), |w| of(w, "/queryLoss/estimate"));
    assert!(minutes(small) > minutes(large), "{} and {}", minutes(small), minutes(large));
    assert!(lost(small) > lost(large) + 0.03, "{} and {}", lost(small), lost(large));
    let largest = of(large, "/queries/slow/estimate").max(of(large, "/queries/baselineSlow/estimate"));
    assert!(largest > 0.0, "{large:#}");
}
