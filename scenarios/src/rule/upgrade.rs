//! Upgrade settings and what they mean for the pods of the pool.

use simulator::spec::Quantity;

use super::facts::{Facts, quantity, subject};
use super::{Hit, Rule, counted, figure};
use crate::change::{Operation, UpgradeFields};
use crate::snapshot::AgentPool;

const ROLLING: &str = "AKS docs, upgrade-aks-node-pools-rolling (2026-05-29)";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "max-unavailable-system",
        says: "maxUnavailable is not allowed on system pools.",
        source: ROLLING,
        check: unavailable_system,
    },
    Rule {
        id: "no-surge-no-unavailable",
        says: "An upgrade needs surge nodes or nodes that may be missing; with neither it cannot begin.",
        source: ROLLING,
        check: neither,
    },
    Rule {
        id: "in-place-upgrade",
        says: "With maxUnavailable, nodes are emptied without a spare one: the rest must hold their pods.",
        source: ROLLING,
        check: in_place,
    },
    Rule {
        id: "upgrade-settings-range",
        says: "Drain timeout is 5 to 1,440 minutes, soak 0 to 30; blue-green: drain 1 to 1,440, batch soak to 1,440, final soak to 10,080, and a batch of at least one node.",
        source: "AKS docs, upgrade-aks-node-pools-rolling (2026-05-29), blue-green-node-pool-upgrade (2024-11-06)",
        check: ranges,
    },
    Rule {
        id: "resize-needs-surge",
        says: "A pool is resized in place with surge nodes of the new size: with maxSurge 0 the request is refused.",
        source: "AKS docs, resize-node-pool (preview, API 2026-01-02)",
        check: resize,
    },
    Rule {
        id: "surge-zones",
        says: "The zone of a surge node is not known ahead: in zonal pools a multiple of the zones keeps balance.",
        source: ROLLING,
        check: zones,
    },
    Rule {
        id: "spot-upgrade-no-drain",
        says: "Spot pools are upgraded without drain and without surge nodes.",
        source: "AKS docs, spot-node-pool; AKS CHANGELOG",
        check: spot,
    },
    Rule {
        id: "force-upgrade",
        says: "A forced operation bypasses disruption budgets.",
        source: "AKS docs, upgrade-options, delete-node-pool",
        check: forced,
    },
    Rule {
        id: "rotate-certificates-downtime",
        says: "Certificate rotation recreates all nodes and takes up to 30 minutes of downtime.",
        source: "AKS docs, rotate-certificates (2026-07-13)",
        check: certificates,
    },
    Rule {
        id: "undrainable-cordon",
        says: "With undrainable behaviour Cordon, nodes that cannot be drained stay behind, quarantined, for somebody to clean up.",
        source: "AKS docs, upgrade-options",
        check: cordon,
    },
];

fn settings_given<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = &'a UpgradeFields> {
    facts.operations.iter().filter_map(|op| match op {
        Operation::Upgrade { settings, .. } | Operation::SetUpgradeSettings { settings } => Some(settings),
        Operation::AddPool { desired } => desired.upgrade_settings.as_ref(),
        _ => None,
    })
}

fn is_positive(text: &Option<String>) -> bool {
    text.as_deref().and_then(quantity).is_some_and(|q| !matches!(q, Quantity::Count(0) | Quantity::Percent(0)))
}

fn unavailable_system(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.changed().filter(|p| p.mode == "System") else {
        return Vec::new();
    };
    let given =
        settings_given(facts).find(|s| is_positive(&s.max_unavailable)).and_then(|s| s.max_unavailable.as_deref());
    let Some(value) = given else {
        return Vec::new();
    };
    let message = format!(
        "Pool {} is a system pool; AKS refuses maxUnavailable {value} on system pools: use maxSurge.",
        pool.name
    );
    vec![Hit::refused(subject(&pool.name), message).text("maxUnavailable", value)]
}

/// Pools that are upgraded node by node, with the settings in force.
fn rolled<'a>(facts: &'a Facts<'_>) -> impl Iterator<Item = (&'a AgentPool, UpgradeFields)> {
    let spares = |p: &&AgentPool| facts.rolls && !p.is_spot() && p.count > 0;
    facts.touched_pools().filter(spares).map(|p| (p, facts.upgrade_settings(p)))
}

fn unavailable(pool: &AgentPool, settings: &UpgradeFields) -> u32 {
    settings.max_unavailable.as_deref().and_then(quantity).map_or(0, |q| q.of(pool.count))
}

fn neither(facts: &Facts<'_>) -> Vec<Hit> {
    let stuck = rolled(facts).filter(|(p, s)| facts.surge(p) == 0 && unavailable(p, s) == 0);
    let message = |p: &AgentPool| {
        format!(
            "Pool {} has maxSurge 0 and maxUnavailable 0: no node may be added or missing, so none can be replaced.",
            p.name
        )
    };
    stuck.map(|(p, _)| Hit::error(subject(&p.name), message(p)).number("surge", 0).number("unavailable", 0)).collect()
}

fn in_place(facts: &Facts<'_>) -> Vec<Hit> {
    let bare = rolled(facts).filter(|(p, s)| facts.surge(p) == 0 && unavailable(p, s) > 0);
    let hit = |(pool, settings): (&AgentPool, UpgradeFields)| {
        let missing = unavailable(pool, &settings);
        let message = format!(
            "Pool {} is upgraded in place: {missing} of {} nodes are missing at a time, and the others must hold their pods.",
            pool.name, pool.count
        );
        Hit::warning(subject(&pool.name), message).number("unavailable", missing).number("nodes", pool.count)
    };
    bare.map(hit).collect()
}

fn ranges(facts: &Facts<'_>) -> Vec<Hit> {
    let name = facts.pool_name();
    let refused = |what: &str, minutes: u32, range: &str| {
        Hit::refused(
            subject(name),
            format!("{what} of {minutes} minutes on pool {name} is refused: {range} are allowed."),
        )
        .number("minutes", minutes)
    };
    let above = |what: &str, value: Option<u32>, most: u32, range: &str| {
        value.filter(|m| *m > most).map(|m| refused(what, m, range))
    };
    let hits = |s: &UpgradeFields| {
        let (least, range) = if s.is_blue_green() { (1, "1 to 1,440") } else { (5, "5 to 1,440") };
        let drain = s
            .drain_timeout_in_minutes
            .filter(|m| !(least..=1440).contains(m))
            .map(|m| refused("A drain timeout", m, range));
        let nothing = s.drain_batch_size.as_deref().and_then(quantity).filter(|_| !is_positive(&s.drain_batch_size));
        let batch = nothing.map(|_| {
            Hit::refused(
                subject(name),
                format!("A drain batch of no node on pool {name} is refused: one at least is drained."),
            )
            .number("nodes", 0)
        });
        [
            drain,
            above("A soak", s.node_soak_duration_in_minutes, 30, "0 to 30"),
            above("A batch soak", s.batch_soak_duration_in_minutes, 1440, "0 to 1,440"),
            above("A final soak", s.final_soak_duration_in_minutes, 10_080, "0 to 10,080"),
            batch,
        ]
        .into_iter()
        .flatten()
    };
    settings_given(facts).flat_map(hits).collect()
}

fn zones(facts: &Facts<'_>) -> Vec<Hit> {
    let hit = |(pool, _): (&AgentPool, UpgradeFields)| {
        let (zones, surge) = (pool.availability_zones.len() as u32, facts.surge(pool));
        if zones < 2 || surge == 0 || surge % zones == 0 {
            return None;
        }
        let nodes = counted(surge as usize, "surge node");
        let message = format!(
            "Pool {} spans {zones} zones and surges by {nodes}: zones go out of balance for the time of the upgrade.",
            pool.name
        );
        Some(Hit::info(subject(&pool.name), message).number("zones", zones).number("surge", surge))
    };
    rolled(facts).filter_map(hit).collect()
}

fn spot(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.before.filter(|p| p.is_spot() && facts.rolls) else {
        return Vec::new();
    };
    let pods = facts.lost().count();
    let message = format!(
        "Spot pool {} is upgraded without drain or surge: its {} get an eviction notice and go with their node.",
        pool.name,
        counted(pods, "pod")
    );
    vec![Hit::warning(subject(&pool.name), message).number("pods", figure(pods))]
}

fn resize(facts: &Facts<'_>) -> Vec<Hit> {
    let in_place = facts.has(|op| matches!(op, Operation::ResizePool { method, .. } if method == "resize"));
    let Some(pool) = facts.before.filter(|p| in_place && facts.surge(p) == 0) else {
        return Vec::new();
    };
    let message = format!("Pool {} has maxSurge 0: AKS refuses to resize it in place.", pool.name);
    vec![Hit::refused(subject(&pool.name), message).number("surge", 0)]
}

fn forced(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.forced {
        return Vec::new();
    }
    let guarded = facts
        .evicted()
        .filter(|p| facts.snapshot.budgets.iter().any(|b| b.namespace == p.namespace && b.selects(&p.labels)))
        .count();
    let name = facts.pool_name();
    let message = format!(
        "Disruption budgets are bypassed on pool {name}; {} under a budget may go all at once.",
        counted(guarded, "pod")
    );
    vec![Hit::warning(subject(name), message).number("guardedPods", figure(guarded))]
}

fn certificates(facts: &Facts<'_>) -> Vec<Hit> {
    if !facts.has(|op| matches!(op, Operation::RotateCertificates)) {
        return Vec::new();
    }
    let nodes = facts.snapshot.pools.iter().map(|p| p.count).fold(0, u32::saturating_add);
    let message =
        format!("Certificate rotation recreates all {nodes} nodes; AKS announces up to 30 minutes of downtime.");
    vec![Hit::warning("cluster", message).number("nodes", nodes).number("downtimeMinutes", 30)]
}

fn cordon(facts: &Facts<'_>) -> Vec<Hit> {
    let quarantines =
        |s: &UpgradeFields| s.undrainable_node_behavior.as_deref().is_some_and(|b| b.eq_ignore_ascii_case("cordon"));
    let message = |p: &AgentPool| {
        format!(
            "Nodes of pool {} that cannot be drained in time stay behind, cordoned, and the upgrade goes on and ends Failed.",
            p.name
        )
    };
    rolled(facts).filter(|(_, s)| quarantines(s)).map(|(p, _)| Hit::info(subject(&p.name), message(p))).collect()
}
