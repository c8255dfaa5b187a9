//! What pods ask about other pods, in the simulator's terms: terms and constraints with the pod's own labels merged in, and the
//! scheduler's default spreading through Services and owners.

use std::collections::BTreeMap;

use simulator::spec::{Operator, PodTerm, Requirement, Selector, Spread};

use super::owners::Draft;
use crate::coverage::Coverage;
use crate::snapshot::{self, Labels, Owner, PodTemplate, Snapshot};

/// Label every namespace carries with its name (Kubernetes v1.34, NamespaceDefaultLabelName).
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";
/// Label a Deployment puts on its ReplicaSets and their pods.
const TEMPLATE_HASH: &str = "pod-template-hash";

/// The constraints of a pod's template, `matchLabelKeys` merged into their selectors (kube-scheduler v1.34.1
/// `filterTopologySpreadConstraints`).
pub(super) fn spread(template: &PodTemplate, labels: &Labels) -> Vec<Spread> {
    let merged = |c: &snapshot::SpreadConstraint| {
        let mut spread = c.spread.clone();
        let keys = c.label_keys.iter().filter_map(|key| requirement(key, true, labels));
        if let Some(selector) = &mut spread.selector {
            selector.expressions.extend(keys);
        }
        spread
    };
    template.spread.iter().map(merged).collect()
}

/// A term with its namespaces and label keys filled in (API server v1.34: `matchLabelKeys` and `mismatchLabelKeys` of pod
/// affinity are merged when the pod is created; doing so again changes nothing).
pub(super) fn term(written: &snapshot::PodTerm, namespace: &str, labels: &Labels) -> PodTerm {
    let mut term = written.term.clone();
    if term.namespaces.is_empty() && term.namespace_selector.is_none() {
        term.namespaces.push(namespace.to_owned());
    }
    if let Some(selector) = &mut term.selector {
        let keys = written.label_keys.iter();
        selector.expressions.extend(keys.filter_map(|(key, found)| requirement(key, *found, labels)));
    }
    term
}

fn requirement(key: &str, found: bool, labels: &Labels) -> Option<Requirement> {
    let value = labels.get(key)?.clone();
    let operator = if found { Operator::In } else { Operator::NotIn };
    Some(Requirement { key: key.to_owned(), operator, values: vec![value] })
}

/// The constraints of pods that have none (kube-scheduler v1.34.1 `systemDefaultConstraints`), over pods like them.
pub(super) fn defaults(selector: &Selector) -> Vec<Spread> {
    let soft = |key: &str, max_skew| Spread {
        key: key.to_owned(),
        max_skew,
        hard: false,
        min_domains: 1,
        honor_affinity: true,
        honor_taints: false,
        selector: Some(selector.clone()),
    };
    vec![soft("kubernetes.io/hostname", 3), soft("topology.kubernetes.io/zone", 5)]
}

/// Pods like this one: what Services that select it, and its owner, select (kube-scheduler v1.34.1 `DefaultSelector`); `None`
/// where nothing does. Only ReplicationControllers, ReplicaSets and StatefulSets count as owners.
pub fn default_selector(
    snapshot: &Snapshot,
    namespace: &str,
    labels: &Labels,
    owner: Option<&Owner>,
) -> Option<Selector> {
    let mut selector = Selector { labels: by_services(snapshot, namespace, labels), ..Selector::default() };
    let object = owner.and_then(|o| snapshot.workload(&o.kind, namespace, &o.name));
    match object.map(|o| o.kind.as_str()) {
        Some("ReplicationController") => {
            selector.labels.extend(object.into_iter().flat_map(|o| o.selector.labels.clone()));
        }
        Some("ReplicaSet" | "StatefulSet") => object.into_iter().for_each(|o| add(&mut selector, &o.selector)),
        _ => {}
    }
    (!selector.is_empty()).then_some(selector)
}

fn by_services(snapshot: &Snapshot, namespace: &str, labels: &Labels) -> Labels {
    let selects = |s: &Labels| s.iter().all(|(key, value)| labels.get(key) == Some(value));
    let own = snapshot.services.iter().filter(|s| s.namespace == namespace);
    own.filter_map(|s| s.selector.clone()).filter(selects).flatten().collect()
}

fn add(selector: &mut Selector, more: &Selector) {
    let equal = |(key, value): (&String, &String)| Requirement {
        key: key.clone(),
        operator: Operator::In,
        values: vec![value.clone()],
    };
    selector.expressions.extend(more.labels.iter().map(equal));
    selector.expressions.extend(more.expressions.iter().cloned());
}

/// The same for the pods of a workload. A snapshot without ReplicaSets leaves out what each real cluster has: there the
/// Deployment's selector with the pods' template hash stands for it, or all labels of the pods.
pub(super) fn of_draft(full: &Snapshot, draft: &Draft, labels: &Labels) -> Option<Selector> {
    let owner = draft.pods.first().and_then(|pod| pod.owner.as_ref());
    let counts = |o: &Owner| matches!(o.kind.as_str(), "ReplicaSet" | "StatefulSet" | "ReplicationController");
    let known = owner.is_some_and(|o| counts(o) && full.workload(&o.kind, &draft.namespace, &o.name).is_some());
    if known || !matches!(draft.kind_name.as_str(), "Deployment" | "ReplicaSet" | "StatefulSet" | "Rollout") {
        return default_selector(full, &draft.namespace, labels, owner);
    }
    let mut selector = Selector { labels: by_services(full, &draft.namespace, labels), ..Selector::default() };
    match draft.object.map(|o| &o.selector).filter(|s| !s.is_empty()) {
        Some(own) => {
            add(&mut selector, own);
            selector.expressions.extend(requirement(TEMPLATE_HASH, true, labels));
        }
        None => selector.labels.extend(labels.clone()),
    }
    (!selector.is_empty()).then_some(selector)
}

/// Labels of all namespaces in use; those not given have the label every namespace has.
pub(super) fn namespaces(full: &Snapshot, drafts: &[Draft]) -> BTreeMap<String, Labels> {
    let mut all = full.namespaces.clone();
    for draft in drafts {
        all.entry(draft.namespace.clone())
            .or_insert_with(|| Labels::from([(NAMESPACE_NAME.to_owned(), draft.namespace.clone())]));
    }
    all
}

/// Notes what is missing where it matters.
pub(super) fn note(full: &Snapshot, drafts: &[Draft], coverage: &mut Coverage) {
    let by_namespace = |t: &snapshot::PodTerm| t.term.namespace_selector.as_ref().is_some_and(|s| !s.is_empty());
    let terms = |t: &PodTemplate| {
        let preferred = t.preferred_pods.iter().map(|(_, term)| term);
        t.pod_affinity.iter().chain(&t.pod_anti_affinity).chain(preferred).any(by_namespace)
    };
    let asking = drafts.iter().filter(|d| terms(&d.template)).count();
    if asking > 0 && !full.kinds.contains("Namespace") {
        coverage.missing(format!(
            "namespaces were not given; pod affinity of {asking} workloads asks for their labels and finds only their names"
        ));
    }
    let spread = drafts.iter().filter(|d| d.template.spread.is_empty()).count();
    if spread > 0 && !full.kinds.contains("Service") {
        coverage.missing(format!(
            "Services were not given; default spreading of {spread} workloads without constraints goes by their owners alone"
        ));
    }
}
