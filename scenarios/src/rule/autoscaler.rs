//! The cluster autoscaler's range, and counts set by hand beside it.

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::change::Operation;
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "manual-scale-with-autoscaler",
        says: "A pool cannot be scaled by hand while its autoscaler is on.",
        source: "AKS docs, scale-cluster (2024-01-22), cluster-autoscaler-overview",
        check: manual,
    },
    Rule {
        id: "autoscaler-range",
        says: "The autoscaler's range is 0 to 1,000 with min not above max, and from 1 for system pools.",
        source: "AKS docs, create-node-pools, cluster-autoscaler-overview; terraform-provider-azurerm (2026-08-21)",
        check: range,
    },
    Rule {
        id: "system-pool-autoscaler-min",
        says: "An autoscaled system pool may shrink to its min: one node is below the documented two.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30), cluster-autoscaler",
        check: system_min,
    },
    Rule {
        id: "autoscaler-count-outside-range",
        says: "The autoscaler brings a pool up to min but never down because the count is above max.",
        source: "AKS docs, cluster-autoscaler-overview; support article node-count-is-not-in-autoscaler-min-max-range",
        check: outside,
    },
];

fn manual(facts: &Facts<'_>) -> Vec<Hit> {
    let turned_off = facts.has(|op| matches!(op, Operation::SetAutoscaler { enabled: Some(false), .. }));
    let scaled = facts.operations.iter().find_map(|op| match op {
        Operation::Scale { count } => Some(*count),
        _ => None,
    });
    let Some((count, pool)) = scaled.zip(facts.before).filter(|(_, p)| p.enable_auto_scaling && !turned_off) else {
        return Vec::new();
    };
    let range = format!("{}-{}", pool.min_count.unwrap_or(0), pool.max_count.unwrap_or(0));
    let message = format!(
        "Pool {} is autoscaled ({range}); AKS refuses to scale it to {count} by hand until the autoscaler is switched off.",
        pool.name
    );
    vec![Hit::refused(subject(&pool.name), message).number("count", count).text("autoscaler", range)]
}

/// Touched pools with the autoscaler on and its range.
fn ranges<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'a AgentPool, u32, u32)> {
    facts.touched_pools().filter(|p| p.enable_auto_scaling).filter_map(|p| Some((p, p.min_count?, p.max_count?)))
}

fn range(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts
        .has(|op| matches!(op, Operation::SetAutoscaler { .. } | Operation::AddPool { .. } | Operation::SetMode { .. }))
    {
        return Vec::new();
    }
    let hit = |(pool, min, max): (&AgentPool, u32, u32)| {
        let fault = if min > max {
            format!("min {min} is above max {max}")
        } else if max > 1000 {
            format!("max {max} is above 1,000")
        } else if min == 0 && pool.mode == "System" {
            "min 0 is not possible for a system pool".to_owned()
        } else {
            return None;
        };
        let message = format!("The autoscaler range of pool {} is refused: {fault}.", pool.name);
        Some(Hit::refused(subject(&pool.name), message).number("min", min).number("max", max))
    };
    ranges(facts).filter_map(hit).collect()
}

fn system_min(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |(pool, touched): (&AgentPool, bool)| {
        let min = pool.min_count.filter(|n| *n == 1 && pool.enable_auto_scaling)?;
        let message =
            format!("System pool {} may be autoscaled down to one node, below the documented two.", pool.name);
        Some(Hit::warning(subject(&pool.name), message).number("min", min).standing(touched))
    };
    facts.system_pools().filter_map(hit).collect()
}

fn outside(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |(pool, min, max): (&AgentPool, u32, u32)| {
        let what = if pool.count > max {
            format!("above max {max}: nothing shrinks it until nodes idle")
        } else if pool.count < min {
            format!("below min {min}: the autoscaler adds nodes at once")
        } else {
            return None;
        };
        let message = format!("Pool {} has {} nodes, {what}.", pool.name, pool.count);
        Some(Hit::info(subject(&pool.name), message).number("nodes", pool.count).number("min", min).number("max", max))
    };
    ranges(facts).filter(|(p, min, max)| min <= max && !p.is_stopped()).filter_map(hit).collect()
}
