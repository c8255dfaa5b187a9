//! What system pods carry besides traffic, from the command line to every form of a report.

use serde_json::{Value, json};

use crate::support::{Folder, poolproof, run, snapshot};

/// One pod answers for a webhook that is asked about all pods of shop; its pool is upgraded.
fn cluster(policy: &str) -> Value {
    let deployment = |namespace: &str, name: &str, replicas: u32| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"namespace": namespace, "name": name,
                "annotations": {"poolproof.dev/minimum": "1"}},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": {"app": name}},
                "spec": {"nodeSelector": {"agentpool": "apps"}, "containers": [{"name": "c", "readinessProbe": {},
                    "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]}}}})
    };
    let namespace = |name: &str| json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}});
    let mut cluster = snapshot("hooked");
    cluster["items"] = json!([
        deployment("policy", "hook", 1), deployment("shop", "web", 24), namespace("shop"), namespace("policy"),
        {"apiVersion": "v1", "kind": "Service", "metadata": {"namespace": "policy", "name": "hook"}, "spec": {"selector": {"app": "hook"}}},
        {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": {"name": "policy"},
            "webhooks": [{"name": "check.example.com", "failurePolicy": policy,
                "namespaceSelector": {"matchLabels": {"team": "shop"}},
                "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
                "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]}]},
    ]);
    cluster
}

#[test]
fn pods_that_a_webhook_keeps_from_being_made_stand_in_every_form_of_a_report() {
    let folder = Folder::new();
    let change = json!({"schema": "poolproof.change/1", "cluster": "hooked", "pool": "apps",
        "operation": {"kind": "upgrade", "nodeImageOnly": true}, "settings": {"trials": 40}});
    folder.json("change.json", &change);
    let scored = |policy: &str, format: &str, more: &[&str]| {
        let path = folder.json("hooked.json", &cluster(policy));
        let mut command = poolproof();
        command.args(["score", "--format", format, "--out"]).arg(folder.path("out")).args(more);
        run(command.arg(folder.path("change.json")).arg("--cluster").arg(path)).expect_code(0).stdout
    };
    let report: Value = serde_json::from_str(&scored("Fail", "json", &[])).unwrap();
    let functions = report["risk"]["functions"].as_array().unwrap();
    let held = functions.iter().find(|f| f["function"] == "podCreation").unwrap();
    let minutes = |of: &str| held[of]["estimate"].as_f64().unwrap();
    assert!(minutes("minutes") > 0.1 && minutes("addedMinutes") > 0.1 && minutes("baselineMinutes") < 0.01, "{held:#}");
    let sentence = held["sentence"].as_str().unwrap();
    assert!(sentence.contains("policy/check.example.com") && sentence.contains("when nothing is done"), "{sentence}");
    let plain = |text: &str| text.replace(['\\', '*', '_'], "");
    for format in ["text", "markdown"] {
        assert!(plain(&scored("Fail", format, &[])).contains("making of pods"), "{format}");
    }
    let page =
        std::fs::read_to_string(folder.path("out").join(report["id"].as_str().unwrap()).join("report.html")).unwrap();
    assert!(page.contains("policy/check.example.com"));

    for (policy, off) in [("Ignore", &[][..]), ("Fail", &["--off", "webhooks"])] {
        let other: Value = serde_json::from_str(&scored(policy, "json", off)).unwrap();
        let held = |f: &Value| f["function"] == "podCreation";
        assert!(!other["risk"]["functions"].as_array().is_some_and(|list| list.iter().any(held)), "{policy} {off:?}");
    }
}
