//! Where system pods stand, and that changing modes does not move them.

use super::facts::{Facts, is_system, pod_name, subject};
use super::{Hit, Rule, counted, figure, some};
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "mode-does-not-move-pods",
        says: "Changing modes or adding a system pool does not move running system pods.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30)",
        check: stay,
    },
    Rule {
        id: "system-pods-on-user-pool",
        says: "System pods may stand on user pools, and go when those are emptied.",
        source: "AKS docs, use-system-pools (2023-12-26): system pods prefer system pools, nothing requires it",
        check: on_user_pool,
    },
];

fn stay(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.changed() else {
        return Vec::new();
    };
    if pool.is_system() == facts.before.is_some_and(AgentPool::is_system) {
        return Vec::new();
    }
    let name = pool.name.as_str();
    let (message, pods) = if pool.is_system() {
        let elsewhere = facts.snapshot.pools.iter().filter(|p| p.name != name).flat_map(|p| facts.movable_in(&p.name));
        let n = elsewhere.filter(|p| is_system(p)).count();
        let message = format!(
            "Pool {name} becomes a system pool, and no pod moves by that: {} on other pools stay until they are restarted.",
            counted(n, "system pod")
        );
        (message, n)
    } else {
        let n = facts.movable_in(name).into_iter().filter(|p| is_system(p)).count();
        let message = format!(
            "Pool {name} is no longer a system pool, and no pod moves by that: {} stay on it until they are restarted.",
            counted(n, "system pod")
        );
        (message, n)
    };
    vec![Hit::info(subject(name), message).number("systemPodsThatStay", figure(pods))]
}

fn on_user_pool(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(pool) = facts.before.filter(|p| p.mode == "User") else {
        return Vec::new();
    };
    let going: Vec<String> = facts.evicted().chain(facts.lost()).filter(|p| is_system(p)).map(pod_name).collect();
    if going.is_empty() {
        return Vec::new();
    }
    let pods = counted(going.len(), "system pod");
    let message = format!(
        "Emptying user pool {} moves {pods} that stand there ({}).",
        pool.name,
        some(going.iter().map(String::as_str))
    );
    vec![Hit::warning(subject(&pool.name), message).number("systemPods", figure(going.len()))]
}
