//! What system pods carry, from the snapshot to the start state.

use serde_json::{Value, json};
use simulator::spec::{Backend, Exposure, Webhook};

use super::*;

/// A cluster with AKS' own workloads, `web` in namespace shop, and who answers for webhooks in namespace policy.
fn with(items: Value) -> Loaded {
    let deployment = |namespace: &str, name: &str, labels: Value| {
        json!({"kind": "Deployment", "metadata": {"namespace": namespace, "name": name}, "spec": {"replicas": 2,
            "selector": {"matchLabels": {"app": name}}, "template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "c"}]}}}})
    };
    let namespace = |name: &str| json!({"kind": "Namespace", "metadata": {"name": name, "labels": {"team": name}}});
    let service = |labels: Value| json!({"kind": "Service", "metadata": {"namespace": "policy", "name": "hook"}, "spec": {"selector": labels}});
    let mut snapshot: Value = serde_json::from_str(POOLS).unwrap();
    let mut list = vec![
        deployment("shop", "web", json!({"app": "web"})),
        deployment("policy", "hook", json!({"app": "hook"})),
        deployment("edge", "gate", json!({"app": "gate", "app.kubernetes.io/name": "ingress-nginx"})),
        namespace("shop"),
        namespace("policy"),
        service(json!({"app": "hook"})),
    ];
    list.extend(items.as_array().unwrap().clone());
    snapshot["items"] = list.into();
    try_load("apps", Operation::Scale { count: 3 }, &snapshot.to_string()).unwrap()
}

fn webhook(edit: Value) -> Value {
    let mut entry = json!({"name": "check", "clientConfig": {"service": {"namespace": "policy", "name": "hook"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods", "pods/eviction"]}]});
    entry.as_object_mut().unwrap().extend(edit.as_object().unwrap().clone());
    json!({"kind": "MutatingWebhookConfiguration", "metadata": {"name": "policy"}, "webhooks": [entry]})
}

/// The only webhook: names of those who answer, and of Deployments it is asked about before pods are made.
fn asked(l: &Loaded) -> Option<(Webhook, Vec<String>, Vec<String>)> {
    let cluster = &l.scenario.cluster;
    let names = |ids: &[simulator::WorkloadId]| {
        let named = ids.iter().map(|id| &cluster.workloads[*id]);
        named.map(|w| w.name.clone()).filter(|n| ["web", "hook", "gate", "coredns"].contains(&n.as_str())).collect()
    };
    let hook = cluster.webhooks.rows().first()?.clone();
    let backend = match &hook.backend {
        Backend::Inside(pods) => names(pods),
        Backend::Outside => vec!["outside".to_owned()],
    };
    let creations = names(&hook.creations);
    Some((hook, backend, creations))
}

#[test]
fn webhooks_know_whom_they_ask_and_who_answers() {
    let shop = json!({"namespaceSelector": {"matchLabels": {"team": "shop"}}});
    let not_own =
        json!({"objectSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["hook"]}]}});
    let cases: [(Value, &[&str], &[&str]); 6] = [
        // AKS keeps its own namespaces out.
        (json!({}), &["hook"], &["gate", "hook", "web"]),
        (shop, &["hook"], &["web"]),
        (not_own, &["hook"], &["gate", "web"]),
        (json!({"clientConfig": {"url": "https://x"}}), &["outside"], &["gate", "hook", "web"]),
        (
            json!({"clientConfig": {"service": {"namespace": "gone", "name": "hook"}}}),
            &["outside"],
            &["gate", "hook", "web"],
        ),
        (
            json!({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "policy"}}}),
            &["hook"],
            &["hook"],
        ),
    ];
    for (edit, backend, creations) in cases {
        let (_, found, mut asked) = asked(&with(json!([webhook(edit.clone())]))).unwrap();
        asked.sort();
        assert_eq!(
            (found, asked),
            (backend.iter().map(|n| (*n).to_owned()).collect(), creations.iter().map(|n| (*n).to_owned()).collect()),
            "{edit}"
        );
    }
    let spared = json!({"kind": "ValidatingWebhookConfiguration", "metadata": {"name": "p", "labels": {"admissions.enforcer/disabled": "true"}},
        "webhooks": webhook(json!({"failurePolicy": "Ignore", "timeoutSeconds": 3}))["webhooks"]});
    let (hook, _, about) = asked(&with(json!([spared]))).unwrap();
    assert!(about.contains(&"coredns".to_owned()), "told to, AKS lets it ask about kube-system");
    assert_eq!((hook.fails_closed, hook.timeout), (false, simulator::Duration::secs(3)));
}

#[test]
fn a_webhook_that_blocks_itself_is_found_before_anything_is_simulated() {
    let found = |edit: Value| {
        let l = with(json!([webhook(edit)]));
        l.findings.iter().map(|f| f.id).filter(|id| id.starts_with("webhook")).collect::<Vec<_>>()
    };
    assert_eq!(found(json!({})), ["webhook-blocks-itself"]);
    assert_eq!(found(json!({"failurePolicy": "Ignore"})), [""; 0]);
    assert_eq!(found(json!({"namespaceSelector": {"matchLabels": {"team": "shop"}}})), [""; 0]);
}

#[test]
fn duties_of_aks_own_daemons_and_of_the_way_in() {
    let balancer = |policy: &str| {
        json!({"kind": "Service", "metadata": {"namespace": "edge", "name": "gate"},
            "spec": {"type": "LoadBalancer", "selector": {"app": "gate"}, "externalTrafficPolicy": policy}})
    };
    let class =
        json!({"kind": "IngressClass", "metadata": {"name": "nginx"}, "spec": {"controller": "k8s.io/ingress-nginx"}});
    let l = with(json!([balancer("Local"), class]));
    let find = |name: &str| l.scenario.cluster.workloads.rows().iter().find(|w| w.name == name).unwrap();
    assert!(find("cloud-node-manager").duty.initialises_nodes && !find("kube-proxy").duty.initialises_nodes);
    assert_eq!(find("csi-azuredisk-node").duty.driver.as_deref(), Some("disk.csi.azure.com"));
    let gate = find("gate");
    assert_eq!((gate.role, gate.minimum, gate.duty.exposed), (Role::Ingress, Some(1), Some(Exposure { local: true })));
    assert_eq!(find("web").role, Role::Application);
    assert!(!l.scenario.settings.balancers_drop_cordoned);
}
