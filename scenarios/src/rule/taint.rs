//! Taints and labels set through the pool.

use simulator::spec::{Effect, Taint};

use super::facts::{Facts, pod_name, subject};
use super::{Hit, Rule, counted, figure, some};
use crate::change::Operation;
use crate::matching::tolerates;
use crate::snapshot::AgentPool;
use crate::snapshot::pool::taint as parse;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "system-pool-restricted-taint",
        says: "On system pools only CriticalAddonsOnly and PreferNoSchedule taints are allowed.",
        source: "recorded API answer SystemPoolHasRestrictedTaint (azure-cli-extensions recordings, 2025-11-21)",
        check: restricted,
    },
    Rule {
        id: "noexecute-taint-evicts",
        says: "A new NoExecute taint evicts pods that do not tolerate it at once, whatever their disruption budgets say.",
        source: "AKS docs, use-node-taints; Kubernetes v1.34, taint-eviction-controller",
        check: no_execute,
    },
    Rule {
        id: "taint-keeps-pods-off",
        says: "A new NoSchedule taint leaves running pods alone but keeps their replacements off the pool.",
        source: "AKS docs, use-node-taints; Kubernetes v1.34, TaintToleration",
        check: no_schedule,
    },
    Rule {
        id: "label-in-use",
        says: "A label update replaces all labels: pods that select a label that goes cannot come back to the pool.",
        source: "AKS docs, use-labels",
        check: label_in_use,
    },
    Rule {
        id: "label-reserved",
        says: "Label prefixes kubernetes.azure.com/ and kubernetes.io/ are reserved.",
        source: "AKS docs, use-labels",
        check: reserved,
    },
];

fn sets_taints_or_mode(facts: &Facts<'_>) -> bool {
    facts.has(|op| {
        matches!(
            op,
            Operation::AddPool { .. }
                | Operation::SetTaints { .. }
                | Operation::SetMode { .. }
                | Operation::ResizePool { .. }
        )
    })
}

fn restricted(facts: &Facts<'_>) -> Vec<Hit> {
    if !sets_taints_or_mode(facts) {
        return Vec::new();
    }
    let hit = |(pool, _): (&AgentPool, bool)| {
        let hard = |t: &&String| {
            parse(t).is_some_and(|t| t.key != "CriticalAddonsOnly" && t.effect != Effect::PreferNoSchedule)
        };
        let taints: Vec<&str> = pool.node_taints.iter().filter(hard).map(String::as_str).collect();
        let first = *taints.first()?;
        let message = format!(
            "System pool {} may not carry {}: AKS answers SystemPoolHasRestrictedTaint; only CriticalAddonsOnly or PreferNoSchedule taints are allowed.",
            pool.name,
            some(taints)
        );
        Some(Hit::refused(subject(&pool.name), message).text("taint", first))
    };
    facts.system_pools().filter(|(_, touched)| *touched).filter_map(hit).collect()
}

/// Taints of the pool that it does not have yet.
fn new_taints(facts: &Facts<'_>) -> Vec<Taint> {
    let given = facts.operations.iter().find_map(|op| match op {
        Operation::SetTaints { taints } => Some(taints),
        _ => None,
    });
    let Some((taints, before)) = given.zip(facts.before) else {
        return Vec::new();
    };
    taints.iter().filter(|t| !before.node_taints.contains(t)).filter_map(|t| parse(t)).collect()
}

fn shown(taint: &Taint) -> String {
    let value = if taint.value.is_empty() { String::new() } else { format!("={}", taint.value) };
    format!("{}{value}:{:?}", taint.key, taint.effect)
}

fn by_taint(facts: &Facts<'_>, effect: Effect, tell: fn(&str, &str, &[String]) -> Hit) -> Vec<Hit> {
    let pods = facts.movable_in(facts.pool_name());
    let hit = |taint: &Taint| {
        let strangers: Vec<String> =
            pods.iter().filter(|p| !tolerates(&p.spec.tolerations, taint)).map(|p| pod_name(p)).collect();
        let told = (!strangers.is_empty()).then(|| tell(facts.pool_name(), &shown(taint), &strangers))?;
        Some(told.text("taint", shown(taint)).number("pods", figure(strangers.len())))
    };
    new_taints(facts).iter().filter(|t| t.effect == effect).filter_map(hit).collect()
}

fn no_execute(facts: &Facts<'_>) -> Vec<Hit> {
    by_taint(facts, Effect::NoExecute, |pool, taint, pods| {
        let n = counted(pods.len(), "pod");
        Hit::warning(
            subject(pool),
            format!(
                "{taint} throws {n} off pool {pool} at once, past their disruption budgets ({}).",
                some(pods.iter().map(String::as_str))
            ),
        )
    })
}

fn no_schedule(facts: &Facts<'_>) -> Vec<Hit> {
    by_taint(facts, Effect::NoSchedule, |pool, taint, pods| {
        let n = counted(pods.len(), "pod");
        let rest = some(pods.iter().map(String::as_str));
        Hit::info(
            subject(pool),
            format!(
                "{taint} moves nothing by itself; {n} on pool {pool} would have to find room elsewhere when next restarted ({rest})."
            ),
        )
    })
}

fn label_in_use(facts: &Facts<'_>) -> Vec<Hit> {
    let given = facts.operations.iter().find_map(|op| match op {
        Operation::SetLabels { labels } => Some(labels),
        _ => None,
    });
    let Some((labels, before)) = given.zip(facts.before) else {
        return Vec::new();
    };
    let pods = facts.movable_in(facts.pool_name());
    let hit = |(key, value): (&String, &String)| {
        if labels.get(key) == Some(value) {
            return None;
        }
        let users: Vec<String> =
            pods.iter().filter(|p| p.spec.node_selector.get(key) == Some(value)).map(|p| pod_name(p)).collect();
        let first = users.first()?;
        let n = counted(users.len(), "pod");
        let message = format!(
            "Label {key}={value} goes from pool {}, and {n} there select it, {first} among them: once restarted they cannot return.",
            facts.pool_name()
        );
        Some(
            Hit::warning(subject(facts.pool_name()), message)
                .text("label", format!("{key}={value}"))
                .number("pods", figure(users.len())),
        )
    };
    before.node_labels.iter().filter_map(hit).collect()
}

fn reserved(facts: &Facts<'_>) -> Vec<Hit> {
    let given = facts.operations.iter().find_map(|op| match op {
        Operation::SetLabels { labels } => Some(labels),
        Operation::AddPool { desired } => desired.node_labels.as_ref(),
        _ => None,
    });
    let Some(labels) = given else {
        return Vec::new();
    };
    let before = |key: &str| facts.before.is_some_and(|p| p.node_labels.contains_key(key));
    let taken =
        |key: &&String| (key.starts_with("kubernetes.azure.com/") || key.starts_with("kubernetes.io/")) && !before(key);
    let name = facts.pool_name();
    let message =
        |key: &String| format!("Label {key} of pool {name} uses a prefix that is reserved for AKS and Kubernetes.");
    labels.keys().filter(taken).map(|key| Hit::error(subject(name), message(key)).text("label", key.as_str())).collect()
}
