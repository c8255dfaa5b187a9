//! Steps as attributes of Terraform's azurerm provider (4.x): `azurerm_kubernetes_cluster_node_pool`, the same below
//! `default_node_pool` of a cluster. Each group is one `terraform apply`. What Terraform cannot express (node images alone,
//! drains, waits, Kubernetes objects) leaves a plan without this form.

use super::view::View;
use crate::change::{Operation, PoolFields, Step, UpgradeFields};

/// The attributes; `None` where a step has none.
pub(super) fn attributes(view: &View<'_>, steps: &[Step]) -> Option<String> {
    let mut text = String::new();
    for (i, step) in steps.iter().enumerate() {
        if step.wait_seconds > 0 {
            return None;
        }
        let pool = step.pool.as_deref()?;
        if steps.len() > 1 {
            text.push_str(&format!("# apply {} of {}\n", i + 1, steps.len()));
        }
        text.push_str(&resource(view, pool, &step.operation)?);
    }
    Some(text)
}

fn resource(view: &View<'_>, pool: &str, operation: &Operation) -> Option<String> {
    let body = match operation {
        Operation::Scale { count } => vec![number("node_count", *count)],
        Operation::Upgrade { version: Some(version), node_image_only: false, settings, force: false, reason: None } => {
            let now = view.pool(pool).map(|p| view.in_force(settings, p)).unwrap_or_default();
            let mut lines = vec![text("orchestrator_version", version)];
            lines.extend(block(settings, &now)?);
            lines
        }
        Operation::SetUpgradeSettings { settings } => {
            let now = view.pool(pool).map(|p| view.in_force(settings, p)).unwrap_or_default();
            block(settings, &now)?
        }
        Operation::AddPool { desired } => added(desired)?,
        Operation::SetMode { mode } => vec![text("mode", mode)],
        Operation::SetTaints { taints } => vec![format!("node_taints = {}", list(taints))],
        Operation::DeletePool { ignore_pdb: false } => {
            return Some(format!("# remove resource \"azurerm_kubernetes_cluster_node_pool\" {}\n", quoted(pool)));
        }
        _ => return None,
    };
    let body: String = body.iter().map(|line| format!("  {}\n", line.replace('\n', "\n  "))).collect();
    Some(format!("resource \"azurerm_kubernetes_cluster_node_pool\" {} {{\n{body}}}\n", quoted(pool)))
}

/// The block `upgrade_settings`; none where nothing is given. The provider wants one of surge and unavailable in it.
fn block(given: &UpgradeFields, now: &UpgradeFields) -> Option<Vec<String>> {
    if given.is_empty() {
        return Some(Vec::new());
    }
    // Blue-green has no attributes in the provider (4.x).
    if given.is_blue_green() || given.max_blocked_nodes.is_some() || given.override_until.is_some() {
        return None;
    }
    let unavailable = now.max_unavailable.as_ref().filter(|m| *m != "0" && now.max_surge.as_deref() == Some("0"));
    let mut lines = vec![match unavailable {
        Some(max) => text("max_unavailable", max),
        None => text("max_surge", now.max_surge.as_deref().unwrap_or("10%")),
    }];
    lines.extend(now.drain_timeout_in_minutes.map(|n| number("drain_timeout_in_minutes", n)));
    lines.extend(now.node_soak_duration_in_minutes.map(|n| number("node_soak_duration_in_minutes", n)));
    lines.extend(now.undrainable_node_behavior.as_ref().map(|b| text("undrainable_node_behavior", b)));
    Some(vec![format!("upgrade_settings {{\n  {}\n}}", lines.join("\n  "))])
}

/// A new pool.
fn added(pool: &PoolFields) -> Option<Vec<String>> {
    if !pool.other.is_empty() || pool.upgrade_settings.is_some() || pool.scale_set_priority.is_some() {
        return None;
    }
    let mut lines = Vec::new();
    lines.extend(pool.vm_size.as_ref().map(|s| text("vm_size", s)));
    lines.extend(pool.mode.as_ref().map(|m| text("mode", m)));
    lines.extend(pool.count.map(|n| number("node_count", n)));
    lines.extend(pool.max_pods.map(|n| number("max_pods", n)));
    lines.extend(pool.os_type.as_ref().map(|o| text("os_type", o)));
    lines.extend(pool.orchestrator_version.as_ref().map(|v| text("orchestrator_version", v)));
    lines.extend(pool.availability_zones.as_ref().map(|z| format!("zones = {}", list(z))));
    lines.extend(pool.node_taints.as_ref().map(|t| format!("node_taints = {}", list(t))));
    if let Some(labels) = pool.node_labels.as_ref().filter(|l| !l.is_empty()) {
        let pairs: Vec<String> = labels.iter().map(|(k, v)| format!("{} = {}", quoted(k), quoted(v))).collect();
        lines.push(format!("node_labels = {{ {} }}", pairs.join(", ")));
    }
    Some(lines)
}

fn number(name: &str, value: u32) -> String {
    format!("{name} = {value}")
}

fn text(name: &str, value: &str) -> String {
    format!("{name} = {}", quoted(value))
}

fn list(values: &[String]) -> String {
    format!("[{}]", values.iter().map(|v| quoted(v)).collect::<Vec<_>>().join(", "))
}

/// A string of HCL: as in JSON, and templates are not begun.
fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string().replace("${", "$${").replace("%{", "%%{")
}
