//! How an upgrade goes: more or less surge, none, a soak after each batch, more patience with drains, a second set of nodes; and
//! for a whole cluster the order of its pools.
//!
//! Limits of the settings: AKS docs upgrade-aks-node-pools-rolling (2026-05-29) and upgrade-options (2026-06-22).

use std::collections::BTreeSet;

use super::view::{View, counted};
use super::{Draft, nodes, on};
use crate::change::{Operation, Step, UpgradeFields};
use crate::snapshot::AgentPool;

/// Minutes of soak that are tried.
const SOAKS: [u32; 3] = [5, 10, 30];
/// Minutes of drain time-out that are tried.
const TIMEOUTS: [u32; 2] = [60, 120];

pub(super) fn drafts(view: &View<'_>) -> Vec<Draft> {
    let mut found = Vec::new();
    for (i, step) in view.base.iter().enumerate() {
        let Operation::Upgrade { settings, reason: None, .. } = &step.operation else { continue };
        match step.pool.as_deref().and_then(|name| view.pool(name)) {
            Some(pool) if !pool.is_spot() => {
                for (words, settings) in variants(view, pool, settings) {
                    found.push(Draft::new(words, view.with(i, vec![with(step, settings)])));
                }
            }
            Some(_) => {}
            None => found.extend(of_cluster(view, i, step)),
        }
    }
    found
}

/// The step with other settings.
fn with(step: &Step, new: UpgradeFields) -> Step {
    let mut step = step.clone();
    if let Operation::Upgrade { settings, .. } = &mut step.operation {
        *settings = new;
    }
    step
}

/// Other settings for the upgrade of a pool, in words: one thing at a time, then the likely pairs.
fn variants(view: &View<'_>, pool: &AgentPool, given: &UpgradeFields) -> Vec<(String, UpgradeFields)> {
    let now = view.in_force(given, pool);
    let mut found = Vec::new();
    if now.is_blue_green() {
        let rolling = UpgradeFields { strategy: Some("Rolling".into()), ..rolling_only(given) };
        found.push(("rolling instead of blue-green".to_owned(), rolling));
        return found;
    }
    let surge_now = surge_of(&now, pool);
    let instead = match (&now.max_surge, surge_now) {
        (_, 0) => format!("{} unavailable at a time", now.max_unavailable.as_deref().unwrap_or("1")),
        (Some(text), n) if text.ends_with('%') => format!("{} ({})", text.replace('%', " %"), nodes(n)),
        (_, n) => n.to_string(),
    };
    let surged = |text: &str| UpgradeFields {
        max_surge: Some(text.to_owned()),
        max_unavailable: given
            .max_unavailable
            .as_ref()
            .or(pool.upgrade_settings.max_unavailable.as_ref())
            .map(|_| "0".into()),
        ..given.clone()
    };
    let others = surges(pool, surge_now);
    for (text, n) in &others {
        found.push((format!("surge of {} instead of {instead}", told(text, *n)), surged(text)));
    }
    for soak in SOAKS.into_iter().filter(|s| now.node_soak_duration_in_minutes.unwrap_or(0) < *s) {
        let settings = UpgradeFields { node_soak_duration_in_minutes: Some(soak), ..given.clone() };
        found.push((format!("{soak} min of soak after each batch"), settings));
    }
    // Not allowed on system pools (AKS docs, upgrade-aks-node-pools-rolling).
    if pool.mode == "User" && pool.count >= 2 && surge_now > 0 {
        for n in [1, pool.count.div_ceil(10), pool.count.div_ceil(4)].into_iter().collect::<BTreeSet<u32>>() {
            let settings =
                UpgradeFields { max_surge: Some("0".into()), max_unavailable: Some(n.to_string()), ..given.clone() };
            found.push((format!("no surge: {} at a time emptied in place", nodes(n)), settings));
        }
    }
    let patience = now.drain_timeout_in_minutes.unwrap_or(30);
    for timeout in TIMEOUTS.into_iter().filter(|t| *t > patience) {
        let settings = UpgradeFields { drain_timeout_in_minutes: Some(timeout), ..given.clone() };
        found.push((format!("{timeout} min for the drain of a node instead of {patience}"), settings));
    }
    let cordons = now.undrainable_node_behavior.as_deref().is_some_and(|b| b.eq_ignore_ascii_case("cordon"));
    if !cordons && surge_now > 0 {
        let settings = UpgradeFields { undrainable_node_behavior: Some("Cordon".into()), ..given.clone() };
        found.push(("nodes that cannot be drained are set aside (undrainable behaviour Cordon)".to_owned(), settings));
    }
    for (text, n) in others.iter().filter(|(_, n)| *n > surge_now).take(3) {
        let settings = UpgradeFields { node_soak_duration_in_minutes: Some(10), ..surged(text) };
        if now.node_soak_duration_in_minutes.unwrap_or(0) < 10 {
            found.push((format!("surge of {} and 10 min of soak after each batch", told(text, *n)), settings));
        }
    }
    // AKS docs, blue-green-node-pool-upgrade: not for VirtualMachines pools.
    if !pool.pool_type.as_deref().is_some_and(|t| t.eq_ignore_ascii_case("VirtualMachines")) {
        for (batch, soak) in [("10%", 15), ("33%", 10)] {
            let settings = UpgradeFields {
                strategy: Some("BlueGreen".into()),
                drain_batch_size: Some(batch.into()),
                batch_soak_duration_in_minutes: Some(soak),
                final_soak_duration_in_minutes: Some(30),
                ..UpgradeFields::default()
            };
            let per = batch.replace('%', " %");
            found.push((
                format!("blue-green (preview): {} more, the old ones emptied {per} at a time", nodes(pool.count)),
                settings,
            ));
        }
    }
    found
}

/// Settings without those of blue-green.
fn rolling_only(given: &UpgradeFields) -> UpgradeFields {
    UpgradeFields {
        drain_batch_size: None,
        batch_soak_duration_in_minutes: None,
        final_soak_duration_in_minutes: None,
        ..given.clone()
    }
}

fn surge_of(settings: &UpgradeFields, pool: &AgentPool) -> u32 {
    settings.max_surge.as_deref().and_then(|text| counted(text, pool.count)).unwrap_or(1).min(pool.count)
}

/// Other surges with the nodes they come to, each number once: small counts, shares, a multiple of the zones.
fn surges(pool: &AgentPool, now: u32) -> Vec<(String, u32)> {
    let zones = pool.availability_zones.len().max(1).to_string();
    let texts = ["1", "2", "3", zones.as_str(), "10%", "25%", "33%", "50%", "100%"];
    let mut known = BTreeSet::from([now, 0]);
    let of = |text: &str| counted(text, pool.count).map(|n| (text.to_owned(), n.min(pool.count)));
    let mut found: Vec<(String, u32)> = texts.into_iter().filter_map(of).filter(|(_, n)| known.insert(*n)).collect();
    // More first: that is what most often helps.
    found.sort_by_key(|(_, n)| (*n < now, *n));
    found
}

fn told(text: &str, n: u32) -> String {
    if text.ends_with('%') { format!("{} ({})", text.replace('%', " %"), nodes(n)) } else { nodes(n) }
}

/// An upgrade of every pool: with other settings for all, or pool by pool, user pools first, where only images change.
fn of_cluster(view: &View<'_>, i: usize, step: &Step) -> Vec<Draft> {
    let mut pools: Vec<&AgentPool> = view.own_pools().filter(|p| !p.is_spot()).collect();
    pools.sort_by_key(|p| (p.is_system(), p.name.clone()));
    let surge = |text: &str, soak: Option<u32>| UpgradeFields {
        max_surge: Some(text.to_owned()),
        node_soak_duration_in_minutes: soak,
        ..UpgradeFields::default()
    };
    let mut found = Vec::new();
    for (text, soak, words) in [
        ("33%", None, "a surge of 33 %"),
        ("1", None, "a surge of 1 node"),
        ("2", None, "a surge of 2 nodes"),
        ("33%", Some(10), "a surge of 33 % and 10 min of soak"),
        ("1", Some(10), "a surge of 1 node and 10 min of soak"),
    ] {
        for (which, mine) in [("every pool", true), ("system pools", false)] {
            let wanted = |p: &&&AgentPool| mine || p.is_system();
            let set = |p: &&AgentPool| on(&p.name, Operation::SetUpgradeSettings { settings: surge(text, soak) });
            let mut steps: Vec<Step> = pools.iter().filter(wanted).map(set).collect();
            steps.push(step.clone());
            found.push(Draft::new(format!("{words} for {which}"), view.with(i, steps)));
        }
    }
    // The control plane goes first with a version, which `az aks upgrade` does by itself.
    if let Operation::Upgrade { node_image_only: true, version: None, settings, force: false, .. } = &step.operation
        && pools.len() > 1
    {
        let rows: [(&str, UpgradeFields, u32); 3] = [
            ("pool by pool, user pools before system pools", settings.clone(), 0),
            ("pool by pool, user pools first, with 10 min between pools", settings.clone(), 600),
            ("pool by pool, user pools first, with a surge of 33 %", surge("33%", None), 0),
        ];
        for (words, settings, wait) in rows {
            let one = |(k, p): (usize, &&AgentPool)| Step {
                wait_seconds: if k == 0 { 0 } else { wait },
                ..on(&p.name, with(step, settings.clone()).operation)
            };
            found.push(Draft::new(words, view.with(i, pools.iter().enumerate().map(one).collect())));
        }
    }
    found
}
