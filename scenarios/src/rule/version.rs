//! Kubernetes versions of pools against the control plane's.

use super::facts::{Facts, subject};
use super::{Hit, Rule};
use crate::change::Operation;
use crate::snapshot::AgentPool;

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "version-downgrade",
        says: "A pool's version cannot be lowered; a rollback within seven days is an operation of its own.",
        source: "AKS docs, upgrade-node-pools, roll-back-node-pool-version",
        check: downgrade,
    },
    Rule {
        id: "version-above-control-plane",
        says: "A pool's version cannot be above the control plane's.",
        source: "AKS docs, upgrade-node-pools; error NodePoolMcVersionIncompatible",
        check: above,
    },
    Rule {
        id: "version-skew",
        says: "A pool's version should be within two minor versions of the control plane, at most three since Kubernetes 1.28.",
        source: "AKS docs, upgrade-node-pools (2023): two; Kubernetes version skew policy (1.28): three",
        check: skew,
    },
];

/// Major, minor and patch; a missing patch is 0.
pub(super) fn parse(text: &str) -> Option<(u32, u32, u32)> {
    let mut parts = text.trim_start_matches('v').split(['-', '+']).next()?.split('.').map(str::parse);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some((major, minor, parts.next().and_then(Result::ok).unwrap_or(0)))
}

/// The version the change asks for.
fn wanted<'a>(facts: &'a Facts<'_>) -> Option<&'a str> {
    facts.operations.iter().find_map(|op| match op {
        Operation::Upgrade { version, .. } => version.as_deref(),
        Operation::AddPool { desired } => desired.orchestrator_version.as_deref(),
        _ => None,
    })
}

/// True where a version without a patch names a whole minor: AKS then picks its newest patch.
fn is_minor_alone(text: &str) -> bool {
    text.split('.').count() == 2
}

fn downgrade(facts: &Facts<'_>) -> Vec<Hit> {
    let Some((to, pool)) = wanted(facts).zip(facts.before) else {
        return Vec::new();
    };
    let Some((from_text, from)) = pool.version().and_then(|v| Some((v, parse(v)?))) else {
        return Vec::new();
    };
    let Some(target) = parse(to) else {
        return Vec::new();
    };
    let lower = if is_minor_alone(to) { (target.0, target.1) < (from.0, from.1) } else { target < from };
    if !lower {
        return Vec::new();
    }
    let message = format!("Pool {} runs {from_text}; AKS does not downgrade it to {to}.", pool.name);
    vec![Hit::refused(subject(&pool.name), message).text("from", from_text).text("to", to)]
}

fn control_plane<'a>(facts: &Facts<'a>) -> Option<(&'a str, (u32, u32, u32))> {
    let text = facts.snapshot.cluster.kubernetes_version.as_deref()?;
    Some((text, parse(text)?))
}

fn above(facts: &Facts<'_>) -> Vec<Hit> {
    // A change that names no pool upgrades the control plane first.
    if facts.change.pool.is_none() {
        return Vec::new();
    }
    let Some((to, (plane_text, plane))) = wanted(facts).zip(control_plane(facts)) else {
        return Vec::new();
    };
    let Some(target) = parse(to) else {
        return Vec::new();
    };
    // A minor alone, on either side, says nothing about patches.
    let vague = is_minor_alone(to) || is_minor_alone(plane_text);
    let higher = if vague { (target.0, target.1) > (plane.0, plane.1) } else { target > plane };
    if !higher {
        return Vec::new();
    }
    let name = facts.pool_name();
    let message =
        format!("Pool {name} would run {to}, above the control plane's {plane_text}: upgrade the control plane first.");
    vec![Hit::refused(subject(name), message).text("version", to).text("controlPlane", plane_text)]
}

fn skew(facts: &Facts<'_>) -> Vec<Hit> {
    let Some((plane_text, plane)) = control_plane(facts) else {
        return Vec::new();
    };
    let hit = |pool: &AgentPool| {
        let text = pool.version()?;
        let version = parse(text)?;
        let other_major = version.0 != plane.0;
        let behind = plane.1.saturating_sub(version.1);
        if !other_major && behind <= 2 {
            return None;
        }
        let message = format!(
            "Pool {} stays at {text}, {behind} minor versions behind the control plane's {plane_text}.",
            pool.name
        );
        // Three are within Kubernetes' own policy since 1.28, beyond that nothing is.
        let hit = if other_major || behind > 3 {
            Hit::error(subject(&pool.name), message)
        } else {
            Hit::warning(subject(&pool.name), message)
        };
        Some(hit.text("version", text).text("controlPlane", plane_text).number("minorsBehind", behind))
    };
    facts.touched_pools().filter_map(hit).collect()
}
