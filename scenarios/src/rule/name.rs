//! Names, and what must be said when a pool is made.

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::snapshot::pool::known_mode;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "pool-name",
        says: "Pool names are lower-case letters and digits, begin with a letter, and have 1-12 characters (Windows 1-6).",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30)",
        check: name,
    },
    Rule {
        id: "pool-name-taken",
        says: "Pool names are unique in a cluster.",
        source: "AKS docs, create-node-pools",
        check: taken,
    },
    Rule {
        id: "mode-required",
        says: "ARM templates and API calls must set the mode of a new pool; the CLI and Terraform default to User.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30)",
        check: mode,
    },
    Rule {
        id: "mode-unknown",
        says: "Modes are System, User, Gateway, ManagedSystem and Machines; a new pool of another mode is simulated like a user pool.",
        source: "AKS docs, use-system-pools (2023-12-26, 2026-04-30); recorded API exchanges (2025-11-21)",
        check: unknown_mode,
    },
];

/// What is wrong with a pool name, if anything.
pub(super) fn fault(name: &str, windows: bool) -> Option<String> {
    let most = if windows { 6 } else { 12 };
    if name.is_empty() || name.len() > most {
        return Some(format!("it has {} characters, and 1 to {most} are allowed", name.chars().count()));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("it must begin with a lower-case letter".to_owned());
    }
    let stranger = name.chars().find(|c| !c.is_ascii_lowercase() && !c.is_ascii_digit())?;
    Some(format!("{stranger:?} is neither a lower-case letter nor a digit"))
}

fn name(facts: &Facts<'_>) -> Vec<Hit> {
    let (Some(_), Some(pool)) = (facts.added(), facts.changed()) else {
        return Vec::new();
    };
    let Some(fault) = fault(facts.pool_name(), pool.is_windows()) else {
        return Vec::new();
    };
    vec![
        Hit::refused(subject(&pool.name), format!("The name {:?} of the new pool is refused: {fault}.", pool.name))
            .text("osType", &pool.os_type),
    ]
}

fn taken(facts: &Facts<'_>) -> Vec<Hit> {
    if facts.added().is_none() || facts.before.is_none() {
        return Vec::new();
    }
    let name = facts.pool_name();
    vec![Hit::warning(
        subject(name),
        format!("Pool {name} exists already; adding it again would write over its settings or be refused."),
    )]
}

/// Formats of messages whose sender must say the mode.
const MUST_SAY: [&str; 3] = ["arm-request", "rest-example", "what-if"];

fn mode(facts: &Facts<'_>) -> Vec<Hit> {
    let Some(desired) = facts.added().filter(|d| d.mode.is_none()) else {
        return Vec::new();
    };
    let name = facts.pool_name();
    if !MUST_SAY.contains(&facts.change.source.format.as_str()) {
        let message = format!("Pool {name} is added without a mode; it becomes a user pool.");
        return vec![Hit::info(subject(name), message)];
    }
    let message = format!("Pool {name} is added without a mode; ARM templates and API calls must say System or User.");
    vec![Hit::refused(subject(name), message).number("nodes", desired.count.unwrap_or(0))]
}

fn unknown_mode(facts: &Facts<'_>) -> Vec<Hit> {
    let mode = facts.added().and_then(|desired| desired.mode.as_deref());
    let Some(mode) = mode.filter(|mode| !mode.is_empty() && known_mode(mode).is_none()) else {
        return Vec::new();
    };
    let name = facts.pool_name();
    let message = format!(
        "Pool {name} is added with mode {mode}, which is not known here; it is simulated like a user pool, and AKS may refuse it."
    );
    vec![Hit::warning(subject(name), message).text("mode", mode)]
}
