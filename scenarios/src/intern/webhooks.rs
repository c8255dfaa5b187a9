//! Admission webhooks with their selectors and backends resolved to workloads.

use std::collections::BTreeMap;

use simulator::spec::{Backend, Webhook};
use simulator::{Column, Duration, Id, WebhookId, WorkloadId};

use super::owners::Draft;
use crate::coverage::Coverage;
use crate::snapshot::{self, Labels, Snapshot};
use crate::system_workloads::is_system;

/// The webhooks of a snapshot that are asked about pods of its workloads. Those of `denying` say no to evictions.
pub(crate) fn intern(
    full: &Snapshot,
    drafts: &[Draft],
    denying: &[String],
    coverage: &mut Coverage,
) -> Column<WebhookId, Webhook> {
    let mut webhooks = Column::default();
    for webhook in &full.webhooks {
        let about = |asked: bool, labels: &dyn Fn(&Draft) -> Labels| -> Vec<WorkloadId> {
            let selected = |d: &Draft| asked && selects(full, webhook, d, &labels(d));
            let with = drafts.iter().enumerate().filter(|(_, d)| selected(d));
            with.map(|(i, _)| WorkloadId::from_index(i)).collect()
        };
        let creations = about(webhook.creations, &|d| d.labels.clone());
        // What is asked about is the Eviction, which carries no labels.
        let evictions = about(webhook.evictions, &|_| Labels::new());
        if creations.is_empty() && evictions.is_empty() {
            continue;
        }
        if webhook.conditional {
            coverage.missing(format!(
                "webhook {} has matchConditions, which are not evaluated: it is taken to be asked whatever they say",
                webhook.name
            ));
        }
        let name = webhook.name.clone();
        webhooks.push(Webhook {
            backend: backend(full, drafts, webhook, coverage),
            fails_closed: webhook.fails_closed,
            creations,
            evictions,
            timeout: Duration::secs(webhook.timeout_seconds.into()),
            denies_evictions: denying.iter().any(|d| *d == name || name.ends_with(&format!("/{d}"))),
            name,
        });
    }
    if !webhooks.is_empty() {
        coverage.assume(
            "answers of admission webhooks",
            "yes at once, while one of their pods is ready and the control plane has a way to it",
            "choice: their rules are not in a snapshot; settings.denyEvictions names those that refuse",
            'C',
        );
    }
    webhooks
}

fn selects(full: &Snapshot, webhook: &snapshot::Webhook, draft: &Draft, labels: &Labels) -> bool {
    let own = namespace_labels(full, &draft.namespace);
    let spared = webhook.enforced && aks_keeps_out(&own, &draft.namespace);
    !spared && webhook.namespaces.matches(&own) && webhook.objects.matches(labels)
}

/// AKS' admissions enforcer adds these conditions to webhooks that do not ask to be spared (Azure/AKS issue 4002).
fn aks_keeps_out(labels: &Labels, namespace: &str) -> bool {
    namespace == "kube-system"
        || labels.contains_key("control-plane")
        || labels.get("kubernetes.azure.com/managedby").is_some_and(|v| v == "aks")
}

/// Labels of a namespace; those of AKS' own as they are where the snapshot does not hold them (dumps of AKS clusters).
fn namespace_labels(full: &Snapshot, namespace: &str) -> Labels {
    let mut labels = full.namespaces.get(namespace).cloned().unwrap_or_else(|| {
        let pairs = [("control-plane", "true"), ("kubernetes.azure.com/managedby", "aks")];
        let own = pairs.into_iter().filter(|_| is_system(namespace));
        own.map(|(k, v)| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>()
    });
    labels.entry("kubernetes.io/metadata.name".into()).or_insert_with(|| namespace.to_owned());
    labels
}

/// Who answers: the pods its service selects.
fn backend(full: &Snapshot, drafts: &[Draft], webhook: &snapshot::Webhook, coverage: &mut Coverage) -> Backend {
    let Some((namespace, name)) = &webhook.service else { return Backend::Outside };
    let service = full.services.iter().find(|s| s.namespace == *namespace && s.name == *name);
    let selected = |d: &Draft| match service.map(|s| &s.selector) {
        Some(Some(labels)) => labels.iter().all(|(k, v)| d.labels.get(k) == Some(v)),
        Some(None) => false,
        // A service that was not given: by its name, as charts have it.
        None => d.name == *name || d.name.strip_suffix("-controller") == name.strip_suffix("-service"),
    };
    let own = drafts.iter().enumerate().filter(|(_, d)| d.namespace == *namespace && selected(d));
    let pods: Vec<WorkloadId> = own.map(|(i, _)| WorkloadId::from_index(i)).collect();
    let selects_nothing_by_itself = service.is_some_and(|s| s.selector.is_none());
    if selects_nothing_by_itself || (service.is_none() && pods.is_empty()) {
        coverage.missing(format!(
            "what answers for webhook {} (service {namespace}/{name}) is not in the snapshot; it is taken to answer",
            webhook.name
        ));
        return Backend::Outside;
    }
    Backend::Inside(pods)
}
