//! Proposals, our own format: bare JSON with `"schema": "poolproof.change/1"`, or the same fields as data of a CloudEvent
//! of type `dev.poolproof.change.proposed.v1`. Nothing is guessed: a field that is not known is a complaint, since a
//! misspelt setting would otherwise be scored as its default.

use serde_json::{Map, Value};

use super::draft::Draft;
use super::fields::{Fields, text};
use super::json::{join, show};
use super::pool_fields;
use super::resource;
use super::walk::Walk;
use crate::change::{ChangeSettings, ClusterRef, Operation, PoolFields, Source, UpgradeFields};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "proposal";

/// Type of the CloudEvent, lower case.
pub const EVENT_TYPE: &str = "dev.poolproof.change.proposed.v1";

/// Schema of the bare form.
pub const SCHEMA: &str = "poolproof.change/1";

/// Fields of a proposal.
const FIELDS: [&str; 11] = [
    "schema",
    "cluster",
    "pool",
    "operation",
    "snapshot",
    "snapshotRef",
    "settings",
    "caller",
    "time",
    "correlationId",
    "eventId",
];

/// Kinds that may be proposed, with their fields.
const KINDS: [(&str, &[&str]); 20] = [
    ("scale", &["count"]),
    ("deletePool", &["ignorePdb"]),
    ("addPool", &["desired"]),
    ("putPool", &["desired"]),
    ("upgrade", &["version", "nodeImageOnly", "settings", "force", "reason"]),
    ("setMode", &["mode"]),
    ("setTaints", &["taints"]),
    ("setLabels", &["labels"]),
    ("setAutoscaler", &["enabled", "min", "max"]),
    ("setUpgradeSettings", &["settings"]),
    ("setProperties", &["names"]),
    ("stopPool", &[]),
    ("startPool", &[]),
    ("deleteMachines", &["machines"]),
    ("rotateCertificates", &[]),
    ("resizePool", &["desired", "method"]),
    ("cordon", &["nodes"]),
    ("drain", &["nodes"]),
    ("abort", &[]),
    ("rollback", &[]),
];

/// Kinds that may stand without a pool: they reach the whole cluster, or name their nodes.
const WITHOUT_POOL: [&str; 7] = ["upgrade", "rotateCertificates", "abort", "stopPool", "startPool", "cordon", "drain"];

/// Fields of upgrade settings.
const UPGRADE_FIELDS: [&str; 11] = [
    "maxSurge",
    "maxUnavailable",
    "drainTimeoutInMinutes",
    "nodeSoakDurationInMinutes",
    "undrainableNodeBehavior",
    "maxBlockedNodes",
    "strategy",
    "drainBatchSize",
    "batchSoakDurationInMinutes",
    "finalSoakDurationInMinutes",
    "overrideUntil",
];

/// True for the bare form.
pub fn recognise(map: &Map<String, Value>) -> bool {
    text(map, "schema") == Some(SCHEMA)
}

/// Reads the bare form.
pub fn read_bare(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    read(map, path, &Source { format: FORMAT.to_owned(), ..Source::default() }, walk);
}

/// Reads a proposal; `source` holds what the envelope says.
pub fn read(map: &Map<String, Value>, path: &str, source: &Source, walk: &mut Walk) {
    walk.format(FORMAT);
    let before = walk.complaints().len();
    let mut fields = Fields::new(map, path, walk.complaints());
    fields.only(&FIELDS);
    if let Some(schema) = fields.get("schema").filter(|schema| schema.as_str() != Some(SCHEMA)) {
        fields.complain("schema", schema, "poolproof.change/1");
    }
    let pool = pool_name(&mut fields);
    let cluster = cluster(&mut fields);
    let operation = operation(&mut fields, pool.is_some());
    let source = Source {
        correlation_id: fields.text("correlationId"),
        caller: fields.text("caller"),
        time: fields.text("time").or(source.time.clone()),
        event_id: fields.text("eventId").or(source.event_id.clone()),
        ..source.clone()
    };
    let snapshot = fields.object("snapshot").map(|snapshot| Value::Object(snapshot.clone()));
    let snapshot_ref = fields.text("snapshotRef");
    if let (Some(_), Some(value)) = (&snapshot, fields.get("snapshotRef")) {
        fields.complain("snapshotRef", value, "either snapshot or snapshotRef, not both");
    }
    let settings = settings(&mut fields);
    if let (Some(cluster), Some(operation), true) = (cluster, operation, walk.complaints().len() == before) {
        let draft = Draft::proposed(source, cluster, pool, operation);
        walk.change(Draft { snapshot, snapshot_ref, settings, ..draft }.by_content());
    }
}

fn pool_name(fields: &mut Fields<'_>) -> Option<String> {
    let pool = fields.text("pool")?.trim().to_lowercase();
    // Node pools have at most 12 characters; the rest is room for what may come.
    let sound = pool.chars().count() <= 63 && pool.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if !sound {
        fields.complain("pool", &Value::String(pool.clone()), "a pool name of letters and digits");
    }
    Some(pool)
}

/// A name, a resource id, or an object of `id`, `name`, `resourceGroup`, `subscription`.
fn cluster(fields: &mut Fields<'_>) -> Option<ClusterRef> {
    let expected = "the cluster: its name, its resource id, or an object with id or name";
    match fields.get("cluster") {
        Some(Value::String(text)) if !text.trim().is_empty() => Some(resource::cluster_ref(text)),
        Some(Value::Object(_)) => {
            let mut inner = fields.nested("cluster")?;
            inner.only(&["id", "name", "resourceGroup", "subscription"]);
            let (id, name) = (inner.text("id"), inner.text("name"));
            let (group, subscription) = (inner.text("resourceGroup"), inner.text("subscription"));
            let Some(known) = id.or(name.clone()) else {
                inner.missing("name", expected);
                return None;
            };
            let mut cluster = resource::cluster_ref(&known);
            cluster.resource_group = cluster.resource_group.or(group.map(|g| g.to_lowercase()));
            cluster.subscription = cluster.subscription.or(subscription.map(|s| s.to_lowercase()));
            Some(cluster)
        }
        Some(other) => {
            fields.complain("cluster", other, expected);
            None
        }
        None => {
            fields.missing("cluster", expected);
            None
        }
    }
}

fn operation(fields: &mut Fields<'_>, has_pool: bool) -> Option<Operation> {
    let kinds = KINDS.map(|(kind, _)| kind).join(", ");
    let Some(mut inner) = fields.nested("operation") else {
        if fields.get("operation").is_none() {
            fields.missing("operation", &format!("an object with kind, one of {kinds}"));
        }
        return None;
    };
    let kind = inner.text("kind");
    let Some((kind, names)) = KINDS.iter().find(|(known, _)| Some(*known) == kind.as_deref()) else {
        match inner.get("kind") {
            Some(value) => inner.complain("kind", value, &format!("one of {kinds}")),
            None => inner.missing("kind", &format!("one of {kinds}")),
        }
        return None;
    };
    inner.only(&[&["kind"], *names].concat());
    let operation = read_operation(kind, &mut inner);
    let names_nodes =
        matches!(&operation, Some(Operation::Cordon { nodes } | Operation::Drain { nodes }) if !nodes.is_empty());
    let needs_pool = !WITHOUT_POOL.contains(kind) || (matches!(*kind, "cordon" | "drain") && !names_nodes);
    if needs_pool && !has_pool {
        fields.missing("pool", "the name of the pool");
    }
    operation
}

fn read_operation(kind: &str, fields: &mut Fields<'_>) -> Option<Operation> {
    Some(match kind {
        "scale" => {
            Operation::Scale { count: needed(fields, "count", "how many nodes the pool shall have", Fields::count)? }
        }
        "deletePool" => Operation::DeletePool { ignore_pdb: fields.flag("ignorePdb").unwrap_or(false) },
        "addPool" => Operation::AddPool { desired: desired(fields)? },
        "putPool" => Operation::PutPool { desired: desired(fields)? },
        "upgrade" => Operation::Upgrade {
            version: fields.text("version"),
            node_image_only: fields.flag("nodeImageOnly").unwrap_or(false),
            settings: upgrade_settings(fields).unwrap_or_default(),
            force: fields.flag("force").unwrap_or(false),
            reason: fields.text("reason"),
        },
        "setMode" => Operation::SetMode { mode: needed(fields, "mode", "System, User or another mode", Fields::text)? },
        "setTaints" => {
            Operation::SetTaints { taints: needed(fields, "taints", "a list of key=value:Effect", Fields::texts)? }
        }
        "setLabels" => {
            Operation::SetLabels { labels: needed(fields, "labels", "an object of labels", Fields::labels)? }
        }
        "setAutoscaler" => autoscaler(fields)?,
        "setUpgradeSettings" => {
            let settings = upgrade_settings(fields);
            if fields.get("settings").is_none() {
                fields.missing("settings", "the upgrade settings");
            }
            Operation::SetUpgradeSettings { settings: settings? }
        }
        "setProperties" => {
            Operation::SetProperties { names: needed(fields, "names", "a list of names", Fields::texts)? }
        }
        "stopPool" => Operation::StopPool,
        "startPool" => Operation::StartPool,
        "deleteMachines" => Operation::DeleteMachines {
            machines: needed(fields, "machines", "a list of machine names", Fields::texts)?,
        },
        "rotateCertificates" => Operation::RotateCertificates,
        "resizePool" => {
            let method = fields.text("method").unwrap_or_else(|| "resize".to_owned());
            if !["resize", "rotate"].contains(&method.as_str()) {
                fields.complain("method", &Value::String(method.clone()), "resize or rotate");
            }
            Operation::ResizePool { desired: desired(fields)?, method }
        }
        "cordon" => Operation::Cordon { nodes: fields.texts("nodes").unwrap_or_default() },
        "drain" => Operation::Drain { nodes: fields.texts("nodes").unwrap_or_default() },
        "abort" => Operation::Abort,
        "rollback" => Operation::Rollback,
        _ => return None,
    })
}

/// A field that must be there; a complaint where it is not, or is empty.
fn needed<'a, T>(
    fields: &mut Fields<'a>,
    name: &str,
    expected: &str,
    read: impl Fn(&mut Fields<'a>, &str) -> Option<T>,
) -> Option<T> {
    let before = fields.with_complaints(|complaints| complaints.len());
    let value = read(fields, name);
    if value.is_none() && fields.with_complaints(|complaints| complaints.len()) == before {
        fields.missing(name, expected);
    }
    value
}

fn desired(fields: &mut Fields<'_>) -> Option<PoolFields> {
    let path = fields.at("desired");
    let Some(map) = fields.object("desired") else {
        if fields.get("desired").is_none() {
            fields.missing("desired", "the fields of the pool as an object");
        }
        return None;
    };
    Some(fields.with_complaints(|complaints| pool_fields::read(map, &path, complaints)))
}

fn upgrade_settings(fields: &mut Fields<'_>) -> Option<UpgradeFields> {
    let mut inner = fields.nested("settings")?;
    inner.only(&UPGRADE_FIELDS);
    Some(pool_fields::read_upgrade(&mut inner))
}

fn autoscaler(fields: &mut Fields<'_>) -> Option<Operation> {
    let (enabled, min, max) = (fields.flag("enabled"), fields.count("min"), fields.count("max"));
    let given = ["enabled", "min", "max"].iter().any(|name| fields.get(name).is_some());
    if !given {
        fields.missing("enabled", "enabled, min or max");
    }
    given.then_some(Operation::SetAutoscaler { enabled, min, max })
}

fn settings(fields: &mut Fields<'_>) -> ChangeSettings {
    let Some(value) = fields.get("settings") else {
        return ChangeSettings::default();
    };
    let path = fields.at("settings");
    serde_path_to_error::deserialize(value).unwrap_or_else(|error: serde_path_to_error::Error<serde_json::Error>| {
        let at = Some(error.path().to_string()).filter(|at| at != ".").unwrap_or_default();
        let found =
            value.pointer(&format!("/{}", at.replace('.', "/"))).map_or_else(|| "a wrong value".to_owned(), show);
        let expected = error.inner().to_string();
        fields.with_complaints(|complaints| {
            complaints.push(Complaint::at(join(&path, &at), found, format!("settings as in the schema ({expected})")));
        });
        ChangeSettings::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_that_may_be_proposed_is_read() {
        let fields: &str = r#""count":1,"desired":{"count":1},"mode":"User","taints":["a=b:NoSchedule"],"labels":{"a":"b"},
            "enabled":true,"settings":{"maxSurge":"1"},"names":["tags"],"machines":["m"],"nodes":["n"],"version":"1.34.1","method":"rotate""#;
        let all: Map<String, Value> = serde_json::from_str(&format!("{{{fields}}}")).unwrap();
        for (kind, names) in KINDS {
            let mut map: Map<String, Value> =
                all.clone().into_iter().filter(|(n, _)| names.contains(&n.as_str())).collect();
            map.insert("kind".to_owned(), kind.into());
            let mut complaints = Vec::new();
            let operation = read_operation(kind, &mut Fields::new(&map, "", &mut complaints));
            assert_eq!(operation.as_ref().map(Operation::kind), Some(kind), "{complaints:?}");
            // What is read is what serialising writes, so that `decode` can be fed back.
            let again: Operation = serde_json::from_value(Value::Object(map)).unwrap_or_else(|e| panic!("{kind}: {e}"));
            assert_eq!(operation, Some(again));
        }
    }
}
