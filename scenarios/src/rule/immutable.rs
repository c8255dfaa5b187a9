//! Properties that a pool keeps for life: writing others is refused by AKS, and makes Terraform build a new pool.

use serde_json::Value;

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::change::{Fixed, Operation, fixed};
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "immutable-property",
        says: "VM size, pods per node, OS, zones, priority, subnets, disks and kubelet settings of a pool cannot be changed in place.",
        source: "AKS docs, create-node-pools, node-disruption-policy (2026-03-11); terraform-provider-azurerm (2026-08-21)",
        check: immutable,
    },
    Rule {
        id: "pool-is-rotated",
        says: "Terraform changes immutable properties by building a temporary pool and deleting the old one, twice.",
        source: "terraform-provider-azurerm, kubernetes_cluster_node_pool (2026-08-21)",
        check: rotated,
    },
];

fn immutable(facts: &Facts<'_>) -> Vec<Hit> {
    let Operation::PutPool { desired } = &facts.change.operation else {
        return Vec::new();
    };
    let Some(pool) = facts.before else {
        return Vec::new();
    };
    if facts.change.source.format.contains("terraform") {
        return Vec::new(); // Terraform replaces the pool instead of writing to it
    }
    fixed(&pool.fields(), desired).iter().map(|property| hit(pool, property)).collect()
}

/// What only judgement takes for immutable is a warning: AKS is not known to refuse it.
fn hit(pool: &AgentPool, Fixed { name, from, to, inferred }: &Fixed) -> Hit {
    let (from, to) = (from.as_ref().map_or_else(|| "not set".to_owned(), plain), plain(to));
    let subject = subject(&pool.name);
    let hit = if *inferred {
        let message =
            format!("{name} of pool {} changes from {from} to {to}; it probably takes a new pool.", pool.name);
        Hit::warning(subject, message)
    } else {
        let message = format!(
            "{name} of pool {} cannot be changed from {from} to {to} in place: it takes a new pool.",
            pool.name
        );
        Hit::refused(subject, message)
    };
    hit.text("property", name).text("from", from).text("to", to)
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => "none".to_owned(),
        Value::Array(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

fn rotated(facts: &Facts<'_>) -> Vec<Hit> {
    let refused = matches!(facts.change.operation, Operation::PutPool { .. })
        && !facts.change.source.format.contains("terraform");
    if refused {
        return Vec::new();
    }
    let rotates = facts.has(|op| matches!(op, Operation::ResizePool { method, .. } if method == "rotate"));
    let Some(pool) = facts.before.filter(|_| rotates) else {
        return Vec::new();
    };
    let message = format!(
        "Pool {} is rotated: a temporary pool is added, all {} nodes are drained and deleted, and everything moves once more when the pool is rebuilt.",
        pool.name, pool.count
    );
    vec![Hit::warning(subject(&pool.name), message).number("nodes", pool.count).number("moves", 2)]
}
