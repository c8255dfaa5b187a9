//! Admission webhooks that stand in the way of pods while those who answer for them are away.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::{Hit, Rule, counted, figure, some};
use crate::coverage::Coverage;
use crate::intern::{owners, webhooks};
use crate::snapshot::Webhook;
use simulator::Id;
use simulator::spec::Backend;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "webhook-blocks-itself",
        says: "A webhook that fails closed and is asked about the pods that answer for it never comes back once they are all gone.",
        source: "Kubernetes docs, admission webhook good practices (v1.34): avoid deadlocks in self-hosted webhooks",
        check: itself,
    },
    Rule {
        id: "webhook-on-one-node",
        says: "When all pods that answer for a webhook that fails closed stand on one node, its drain keeps pods from being replaced until one of them is back.",
        source: "Kubernetes v1.34, dynamic admission control, failurePolicy; Azure/AKS issue 4002",
        check: one_node,
    },
    Rule {
        id: "webhook-on-evictions",
        says: "A webhook that fails closed and is asked about evictions stops every drain while nobody answers for it.",
        source: "Azure/AKS issue 4720: the eviction is tried again every 5 s until the drain times out",
        check: evictions,
    },
];

/// A webhook of the snapshot with the workloads it bears on.
struct Asked<'a> {
    webhook: &'a Webhook,
    /// Names of those who answer, and of those it is asked about.
    backend: Vec<String>,
    asked: BTreeSet<String>,
    evictions: bool,
}

fn closed<'a>(facts: &Facts<'a>) -> Vec<Asked<'a>> {
    if facts.snapshot.webhooks.is_empty() {
        return Vec::new();
    }
    let mut unnoted = Coverage::default();
    let drafts = owners::resolve(facts.snapshot, &mut unnoted);
    let resolved = webhooks::intern(facts.snapshot, &drafts, &[], &mut unnoted);
    let name = |id: &simulator::WorkloadId| format!("{}/{}", drafts[id.index()].namespace, drafts[id.index()].name);
    let mut found = Vec::new();
    for hook in resolved.rows().iter().filter(|w| w.fails_closed) {
        let webhook = facts.snapshot.webhooks.iter().find(|w| w.name == hook.name);
        if let (Some(webhook), Backend::Inside(pods)) = (webhook, &hook.backend) {
            let asked = hook.creations.iter().map(name).collect();
            let evictions = !hook.evictions.is_empty();
            found.push(Asked { webhook, backend: pods.iter().map(name).collect(), asked, evictions });
        }
    }
    found
}

fn itself(facts: &Facts<'_>) -> Vec<Hit> {
    let deadlocked = |w: &Asked| !w.backend.is_empty() && w.backend.iter().all(|name| w.asked.contains(name));
    let hit = |w: Asked| {
        let message = format!(
            "Webhook {} fails closed and is asked about its own pods ({}): once they are all gone they cannot be made again, nor {} it is asked about, until somebody removes it.",
            w.webhook.name,
            some(w.backend.iter().map(String::as_str)),
            counted(w.asked.len() - w.backend.len(), "other workload"),
        );
        Hit::warning(format!("webhook {}", w.webhook.name), message)
            .text("failurePolicy", "Fail")
            .number("workloads", figure(w.asked.len()))
    };
    closed(facts).into_iter().filter(deadlocked).map(hit).collect()
}

fn one_node(facts: &Facts<'_>) -> Vec<Hit> {
    let going: BTreeSet<&str> = facts.drained.iter().chain(&facts.killed).map(|n| n.name.as_str()).collect();
    if going.is_empty() {
        return Vec::new();
    }
    let mut unnoted = Coverage::default();
    let drafts = owners::resolve(facts.snapshot, &mut unnoted);
    let together = |w: &Asked| {
        let theirs = drafts.iter().filter(|d| w.backend.contains(&format!("{}/{}", d.namespace, d.name)));
        let nodes: BTreeSet<Option<&str>> = theirs.flat_map(|d| d.pods.iter().map(|p| p.node.as_deref())).collect();
        nodes.len() == 1 && nodes.first().is_some_and(|node| node.is_some_and(|node| going.contains(node)))
    };
    let hit = |w: Asked| {
        let message = format!(
            "All pods that answer for webhook {} ({}) stand on one node that is emptied. Until one of them is back, pods of {} are not replaced.",
            w.webhook.name,
            some(w.backend.iter().map(String::as_str)),
            counted(w.asked.len(), "workload"),
        );
        Hit::warning(format!("webhook {}", w.webhook.name), message)
            .text("failurePolicy", "Fail")
            .number("workloads", figure(w.asked.len()))
    };
    let closed = closed(facts).into_iter().filter(|w| !w.backend.is_empty() && !w.asked.is_empty());
    closed.filter(together).map(hit).collect()
}

fn evictions(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.evicted().next().is_none() {
        return Vec::new();
    }
    let hit = |w: Asked| {
        let message = format!(
            "Webhook {} is asked about evictions and fails closed: while nobody answers for it no node is drained.",
            w.webhook.name
        );
        Hit::info(format!("webhook {}", w.webhook.name), message).text("failurePolicy", "Fail")
    };
    closed(facts).into_iter().filter(|w| w.evictions).map(hit).collect()
}
