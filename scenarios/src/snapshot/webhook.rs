//! ValidatingWebhookConfiguration and MutatingWebhookConfiguration as written (admissionregistration.k8s.io/v1, with the
//! defaults the API server fills in, Kubernetes v1.34). Kept are webhooks that are asked before pods are made or evicted.
//!
//! Left out: `matchConditions` (CEL), `matchPolicy`, `reinvocationPolicy`, side effects.

use serde::Deserialize;
use serde_json::Value;

use super::item::{Result, named, selector, typed};
use super::object::Selector;
use super::wire::{LabelSelector, Meta};

/// Kinds that are read.
pub(super) const KINDS: [&str; 2] = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"];

/// An admission webhook that has a say in pods.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhook {
    /// Name of its configuration and its own, as `configuration/webhook`.
    pub name: String,
    /// Namespace and name of the service that answers; absent where somebody outside does.
    pub service: Option<(String, String)>,
    /// `failurePolicy: Fail`.
    pub fails_closed: bool,
    /// Namespaces whose objects it is asked about.
    pub namespaces: Selector,
    /// Objects it is asked about.
    pub objects: Selector,
    /// `timeoutSeconds`.
    pub timeout_seconds: u32,
    /// Asked before a pod is made.
    pub creations: bool,
    /// Asked before a pod is evicted.
    pub evictions: bool,
    /// It has conditions in CEL.
    pub conditional: bool,
    /// AKS leaves its own namespaces out of it unless told otherwise (`admissions.enforcer/disabled`).
    pub enforced: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Configuration {
    metadata: Meta,
    webhooks: Vec<Entry>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    name: String,
    client_config: Client,
    failure_policy: Option<String>,
    namespace_selector: LabelSelector,
    object_selector: LabelSelector,
    timeout_seconds: Option<u32>,
    rules: Vec<Rule>,
    match_conditions: Vec<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Client {
    service: Option<Service>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Service {
    namespace: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Rule {
    operations: Vec<String>,
    api_groups: Vec<String>,
    api_versions: Vec<String>,
    resources: Vec<String>,
    scope: Option<String>,
}

impl Rule {
    /// True where it matches the creation of a resource of the core group (apiserver admission/plugin/webhook/rules).
    fn asks(&self, resource: &str, subresource: &str) -> bool {
        let has = |list: &[String], value: &str| list.iter().any(|item| item == "*" || item == value);
        let named = |pattern: &String| {
            let (of, sub) = pattern.split_once('/').unwrap_or((pattern, ""));
            (of == "*" || of == resource) && (sub == "*" || sub == subresource)
        };
        has(&self.operations, "CREATE")
            && has(&self.api_groups, "")
            && has(&self.api_versions, "v1")
            && self.scope.as_deref() != Some("Cluster")
            && self.resources.iter().any(named)
    }
}

/// The webhooks of a configuration that have a say in pods.
pub(super) fn read(value: Value, path: &str) -> Result<Vec<Webhook>> {
    let configuration: Configuration = typed(value, path)?;
    let meta = named(configuration.metadata, path)?;
    let told = |m: &std::collections::BTreeMap<String, String>| {
        m.get("admissions.enforcer/disabled").is_some_and(|v| v == "true")
    };
    let enforced = !told(&meta.labels) && !told(&meta.annotations);
    let mut webhooks = Vec::new();
    for (i, entry) in configuration.webhooks.into_iter().enumerate() {
        let at = format!("{path}.webhooks[{i}]");
        let asks = |sub: &str| entry.rules.iter().any(|rule| rule.asks("pods", sub));
        let (creations, evictions) = (asks(""), asks("eviction"));
        if !creations && !evictions {
            continue;
        }
        webhooks.push(Webhook {
            name: format!("{}/{}", meta.name, entry.name),
            service: entry.client_config.service.map(|s| (s.namespace, s.name)),
            fails_closed: entry.failure_policy.as_deref() != Some("Ignore"),
            namespaces: selector(entry.namespace_selector, &format!("{at}.namespaceSelector"))?,
            objects: selector(entry.object_selector, &format!("{at}.objectSelector"))?,
            timeout_seconds: entry.timeout_seconds.unwrap_or(10).clamp(1, 30),
            creations,
            evictions,
            conditional: !entry.match_conditions.is_empty(),
            enforced,
        });
    }
    Ok(webhooks)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read_rule(rule: Value, extra: Value) -> Vec<Webhook> {
        let mut entry = json!({"name": "check.example.com", "rules": [rule],
            "clientConfig": {"service": {"namespace": "policy", "name": "hook", "path": "/v1"}}});
        entry.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        let configuration = json!({"kind": KINDS[0], "metadata": {"name": "policy"}, "webhooks": [entry]});
        read(configuration, "items[0]").unwrap()
    }

    fn rule(operations: &[&str], groups: &[&str], resources: &[&str]) -> Value {
        json!({"operations": operations, "apiGroups": groups, "apiVersions": ["*"], "resources": resources})
    }

    #[test]
    fn rules_that_ask_about_pods() {
        for (rule, creations, evictions) in [
            (rule(&["CREATE"], &[""], &["pods"]), true, false),
            (rule(&["CREATE", "UPDATE"], &["*"], &["*"]), true, false),
            (rule(&["*"], &["*"], &["*/*"]), true, true),
            (rule(&["CREATE"], &[""], &["pods/*"]), true, true),
            (rule(&["CREATE"], &[""], &["pods/eviction"]), false, true),
            (rule(&["UPDATE", "DELETE"], &[""], &["pods"]), false, false),
            (rule(&["CREATE"], &["apps"], &["pods"]), false, false),
            (rule(&["CREATE"], &[""], &["deployments", "pods/exec"]), false, false),
        ] {
            let found = read_rule(rule.clone(), json!({}));
            let asked = found.first().map_or((false, false), |w| (w.creations, w.evictions));
            assert_eq!(asked, (creations, evictions), "{rule}");
        }
    }

    #[test]
    fn what_the_api_server_fills_in() {
        let pods = || rule(&["CREATE"], &[""], &["pods"]);
        let plain = &read_rule(pods(), json!({}))[0];
        assert_eq!(
            (plain.name.as_str(), plain.fails_closed, plain.timeout_seconds),
            ("policy/check.example.com", true, 10)
        );
        assert!(plain.namespaces.is_empty() && plain.objects.is_empty() && plain.enforced && !plain.conditional);
        let stated = &read_rule(
            pods(),
            json!({"failurePolicy": "Ignore", "timeoutSeconds": 3, "clientConfig": {"url": "https://hook.example.com"},
                "namespaceSelector": {"matchExpressions": [{"key": "control-plane", "operator": "DoesNotExist"}]}}),
        )[0];
        assert_eq!((stated.fails_closed, stated.timeout_seconds, &stated.service), (false, 3, &None));
        assert!(!stated.namespaces.matches(&[("control-plane".to_owned(), "true".to_owned())].into()));
    }

    #[test]
    fn a_selector_with_a_strange_operator_is_told_with_its_path() {
        let configuration = json!({"metadata": {"name": "p"}, "webhooks": [{"name": "w",
            "rules": [rule(&["CREATE"], &[""], &["pods"])],
            "objectSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}}]});
        let complaint = read(configuration, "items[3]").unwrap_err();
        assert_eq!(complaint.path, "items[3].webhooks[0].objectSelector");
    }
}
