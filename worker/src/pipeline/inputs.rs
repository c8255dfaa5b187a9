//! From what `scenarios` says to what `reports` takes: the two do not know each other.

use reports::input::{AssumptionInfo, ChangeInfo, PoolInfo};
use scenarios::Change;
use scenarios::load::PoolFacts;

/// A change as reports show it; `resolved` is what it comes to on its cluster.
pub fn change_info(change: &Change, resolved: &[scenarios::change::Operation]) -> ChangeInfo {
    let mut operation = json(&change.operation);
    if resolved != [change.operation.clone()]
        && let Some(fields) = operation.as_object_mut()
    {
        fields.insert("resolvedTo".into(), json(&resolved));
    }
    ChangeInfo {
        id: change.id.clone(),
        phase: json(&change.phase).as_str().unwrap_or_default().to_owned(),
        source: json(&change.source),
        cluster: change.cluster.id.clone().unwrap_or_else(|| change.cluster.name.clone()),
        pool: change.pool.clone(),
        operation,
        summary: change.summary.clone(),
        recorded: change.result.as_ref().map(|r| {
            let words: Vec<&str> = [r.code.as_deref(), r.message.as_deref()].into_iter().flatten().collect();
            let text = match (words.is_empty(), r.succeeded) {
                (false, _) => words.join(": "),
                (true, true) => "Succeeded".into(),
                (true, false) => "Failed".into(),
            };
            (r.succeeded, text)
        }),
    }
}

/// A value as JSON; our types have string keys only, so that this cannot fail.
fn json(value: &impl serde::Serialize) -> serde_json::Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// A pool as reports show it.
pub fn pool_info(pool: &PoolFacts) -> PoolInfo {
    PoolInfo {
        name: pool.name.clone(),
        mode: pool.mode.clone(),
        count: pool.count,
        vm_size: pool.vm_size.clone(),
        os_type: pool.os_type.clone(),
        zones: pool.zones.clone(),
        taints: pool.taints.clone(),
        max_surge: pool.max_surge.clone(),
        autoscaler: pool.autoscaler,
    }
}

/// An assumption as reports show it.
pub fn assumption_info(a: &scenarios::coverage::Assumption) -> AssumptionInfo {
    AssumptionInfo {
        name: a.name.clone(),
        value: a.value.clone(),
        source: a.source.clone(),
        grade: a.grade,
        range: a.range.clone(),
    }
}
