//! The wire form of a what-if spec, and reading it with the axes in the order they were written.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Axis, AxisValues, MOST_CELLS, SCHEMA, Setting, WhatIf, axis};
use crate::change::ChangeSettings;
use crate::cluster_source::ClusterSource;
use crate::complaint::Complaints;
use crate::part::{self, Parts, shown};

/// A what-if spec, YAML or JSON.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WhatIfFields {
    /// `poolproof.whatif/1`.
    pub schema: Option<String>,
    /// Name for titles and folders.
    pub name: Option<String>,
    /// The question.
    pub description: Option<String>,
    /// The cluster: a snapshot, or a path or name of one. May come from the command line instead.
    pub snapshot: Option<Value>,
    /// Path or name of the snapshot, instead of `snapshot`.
    pub snapshot_ref: Option<String>,
    /// An `az` command, a proposal (`pool`, `operation`), or any message with one pool operation.
    pub change: Value,
    /// Settings for every cell.
    #[serde(default)]
    pub settings: ChangeSettings,
    /// Axes with their values: nodeCount, vmSize, maxSurge, burstFactor, burstsPerDay, `replicas of NAMESPACE/NAME`,
    /// drainTimeoutMinutes, soakMinutes. Every combination is tried, at most 256.
    pub axes: BTreeMap<String, Vec<Value>>,
}

/// Name of a spec that gives none.
const UNNAMED: &str = "what-if";

/// Reads a spec.
pub(super) fn parse(bytes: &[u8]) -> Result<WhatIf, Complaints> {
    let mut parts = Parts::of(part::document(bytes)?, "");
    if let Some(schema) = parts.take("schema").filter(|s| s.as_str() != Some(SCHEMA)) {
        parts.complain("schema", shown(&schema), format!("\"{SCHEMA}\""));
    }
    let name = parts.read("name").unwrap_or_else(|| UNNAMED.to_owned());
    let description = parts.read("description");
    let cluster = ClusterSource::take(&mut parts);
    let settings = parts.read("settings").unwrap_or_default();
    let change = parts.take("change");
    if change.is_none() {
        parts.complain("change", "nothing", "a change: an az command line, or a pool and an operation");
    }
    let axes = axes(&mut parts, &written_order(bytes));
    let complaints = parts.finish("schema, name, description, snapshot, snapshotRef, change, settings, axes");
    match (complaints.is_empty(), change) {
        (true, Some(change)) => Ok(WhatIf { name, description, cluster, change, settings, axes }),
        _ => Err(Complaints(complaints)),
    }
}

fn axes(parts: &mut Parts, order: &[String]) -> Vec<AxisValues> {
    let mut written = match parts.take("axes") {
        Some(Value::Object(map)) if !map.is_empty() => map,
        other => {
            parts.complain("axes", shown(&other.unwrap_or_default()), "an object of axes, each with a list of values");
            return Vec::new();
        }
    };
    let mut axes = Vec::new();
    for name in order {
        if let Some(values) = written.remove(name) {
            axes.extend(one_axis(name, values, parts));
        }
    }
    let cells = axes.iter().try_fold(1usize, |n, a| n.checked_mul(a.values.len()));
    if cells.is_none_or(|n| n > MOST_CELLS) {
        let sizes: Vec<String> = axes.iter().map(|a| a.values.len().to_string()).collect();
        parts.complain("axes", format!("{} combinations", sizes.join(" x ")), format!("at most {MOST_CELLS}"));
    }
    axes
}

fn one_axis(name: &str, values: Value, parts: &mut Parts) -> Option<AxisValues> {
    let path = format!("axes.{name}");
    let Some(axis) = Axis::named(name) else {
        parts.complain(&path, "an axis that is not known", format!("one of {}", axis::NAMES));
        return None;
    };
    let items = match values {
        Value::Array(items) if !items.is_empty() => items,
        other => {
            parts.complain(&path, shown(&other), "a list of at least one value");
            return None;
        }
    };
    if items.len() > MOST_CELLS {
        parts.complain(&path, format!("{} values", items.len()), format!("at most {MOST_CELLS}"));
        return None;
    }
    let mut settings: Vec<Setting> = Vec::new();
    for (i, item) in items.iter().enumerate() {
        match Setting::read(name, item) {
            Ok(setting) if settings.contains(&setting) => {
                parts.complain(&format!("{path}[{i}]"), shown(item), "each value once")
            }
            Ok(setting) => settings.push(setting),
            Err(expected) => parts.complain(&format!("{path}[{i}]"), shown(item), expected),
        }
    }
    (!settings.is_empty()).then_some(AxisValues { axis, values: settings })
}

/// Names of the axes in the order they stand in the document. `serde_json::Value` sorts its members, so the document is
/// read a second time for their order alone.
fn written_order(bytes: &[u8]) -> Vec<String> {
    #[derive(Deserialize)]
    struct Outline {
        #[serde(default)]
        axes: Keys,
    }
    let outline: Option<Outline> =
        if part::looks_like_json(bytes) { serde_json::from_slice(bytes).ok() } else { part::yaml(bytes).ok() };
    outline.map(|o| o.axes.0).unwrap_or_default()
}

/// The keys of a map, in order.
#[derive(Default)]
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Keys, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Keys;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of axes")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}
