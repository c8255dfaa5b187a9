//! What a call of the AKS resource provider does to pools: the same reading for requests that are proposed, requests
//! that were recorded, and events that tell of them (API 2025-09-02-preview, and Azure's lists of operation names).

use serde_json::{Map, Value};

use super::fields::{Fields, get, text};
use super::json::{join, show};
use super::pool_fields;
use super::resource::Target;
use crate::change::Operation;
use crate::complaint::Complaint;

/// What is done to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// PUT or PATCH.
    Write,
    /// DELETE.
    Delete,
    /// POST of a named action, lower case.
    Action(String),
    /// GET or HEAD.
    Read,
}

/// The pool operations of one call: pool and operation, in order.
pub type PoolOperations = Vec<(Option<String>, Operation)>;

/// Finds the pool operations of a call, or the reason why there are none. Complaints go to `complaints`.
pub fn interpret(
    target: &Target,
    verb: &Verb,
    body: Option<(&Value, &str)>,
    complaints: &mut Vec<Complaint>,
) -> Result<PoolOperations, String> {
    if *verb == Verb::Read {
        return Err("the call only reads".to_owned());
    }
    if target.cluster.is_none() {
        let kind = if target.kind.is_empty() { "a resource without provider" } else { &target.kind };
        return Err(format!("the resource is {kind}, not an AKS cluster or pool"));
    }
    let action = match (verb, target.rest.as_slice()) {
        (Verb::Action(action), []) => Some(action.clone()),
        (Verb::Action(action), [last]) if last == action => Some(action.clone()),
        (_, []) => None,
        (_, [kind, ..]) => return Err(format!("the call is about {kind}, not about a pool")),
    };
    match (verb, action) {
        (Verb::Write, _) if target.pool.is_some() => Ok(vec![(target.pool.clone(), write(body, complaints))]),
        (Verb::Write, _) => write_cluster(body, complaints),
        (Verb::Delete, _) => {
            let ignore_pdb = target.asks("ignore-pod-disruption-budget=true");
            Ok(vec![(target.pool.clone(), Operation::DeletePool { ignore_pdb })])
        }
        (_, action) => {
            act(target, &action.unwrap_or_default(), body, complaints).map(|op| vec![(target.pool.clone(), op)])
        }
    }
}

fn write(body: Option<(&Value, &str)>, complaints: &mut Vec<Complaint>) -> Operation {
    let Some((body, path)) = body else {
        return Operation::Unknown;
    };
    match properties(body, path, complaints) {
        Some((map, path)) => Operation::PutPool { desired: pool_fields::read(map, &path, complaints) },
        None => Operation::Unknown,
    }
}

/// The `properties` of a body, or the body itself where a client prints them at the top.
fn properties<'a>(
    body: &'a Value,
    path: &str,
    complaints: &mut Vec<Complaint>,
) -> Option<(&'a Map<String, Value>, String)> {
    let Some(map) = body.as_object() else {
        complaints.push(Complaint::at(path, show(body), "an object with properties"));
        return None;
    };
    match get(map, "properties") {
        Some(Value::Object(properties)) => Some((properties, join(path, "properties"))),
        Some(other) => {
            complaints.push(Complaint::at(join(path, "properties"), show(other), "an object"));
            None
        }
        None => Some((map, path.to_owned())),
    }
}

/// A write of the cluster writes every pool in `agentPoolProfiles`.
fn write_cluster(body: Option<(&Value, &str)>, complaints: &mut Vec<Complaint>) -> Result<PoolOperations, String> {
    let none = "the cluster is written, and nothing tells of a pool";
    let (map, path) = body.and_then(|(body, path)| properties(body, path, complaints)).ok_or(none)?;
    let profiles = get(map, "agentPoolProfiles").ok_or(none)?;
    let path = join(&path, "agentPoolProfiles");
    let Value::Array(list) = profiles else {
        complaints.push(Complaint::at(path, show(profiles), "a list of pools"));
        return Ok(Vec::new());
    };
    let mut operations = Vec::new();
    for (i, profile) in list.iter().enumerate() {
        let path = format!("{path}[{i}]");
        match profile.as_object() {
            Some(map) => match text(map, "name") {
                Some(name) => {
                    let desired = pool_fields::read(map, &path, complaints);
                    operations.push((Some(name.to_lowercase()), Operation::PutPool { desired }));
                }
                None => complaints.push(Complaint::at(join(&path, "name"), "nothing", "the name of the pool")),
            },
            None => complaints.push(Complaint::at(path, show(profile), "a pool as an object")),
        }
    }
    if operations.is_empty() { Err(none.to_owned()) } else { Ok(operations) }
}

fn act(
    target: &Target,
    action: &str,
    body: Option<(&Value, &str)>,
    complaints: &mut Vec<Complaint>,
) -> Result<Operation, String> {
    match action {
        "upgradenodeimageversion" => Ok(node_image_upgrade()),
        "deletemachines" => Ok(Operation::DeleteMachines { machines: machines(body, complaints) }),
        "start" => Ok(Operation::StartPool),
        "stop" => Ok(Operation::StopPool),
        "abort" => Ok(Operation::Abort),
        "rollback" => Ok(Operation::Rollback),
        "rotateclustercertificates" if target.pool.is_none() => Ok(Operation::RotateCertificates),
        other => Err(format!("the action {other} does not touch pools")),
    }
}

fn machines(body: Option<(&Value, &str)>, complaints: &mut Vec<Complaint>) -> Vec<String> {
    let Some((Value::Object(map), path)) = body else {
        return Vec::new();
    };
    Fields::new(map, path, complaints).texts("machineNames").unwrap_or_default()
}

/// An upgrade of the node image alone.
pub fn node_image_upgrade() -> Operation {
    Operation::Upgrade {
        version: None,
        node_image_only: true,
        settings: Default::default(),
        force: false,
        reason: None,
    }
}

/// Code and text of an ARM error, from the innermost detail: the outer ones are wrappers such as
/// `ResourceOperationFailure`. Bodies are `{"error": {...}}` or flat.
pub fn error_of(value: &Value) -> (Option<String>, Option<String>) {
    let Some(map) = value.as_object() else {
        return (None, value.as_str().filter(|text| !text.is_empty()).map(str::to_owned));
    };
    if let Some(inner) = get(map, "error").filter(|inner| inner.is_object()) {
        return error_of(inner);
    }
    let detail = get(map, "details").and_then(Value::as_array).and_then(|details| details.first());
    if let Some((Some(code), message)) = detail.map(error_of) {
        return (Some(code), message);
    }
    (text(map, "code").map(str::to_owned), text(map, "message").map(str::to_owned))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const CLUSTER: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ContainerService/managedClusters/c";

    fn check(rest: &str, verb: Verb, body: &str, expected: &str) {
        let body: Value = serde_json::from_str(body).unwrap();
        let mut complaints = Vec::new();
        let body = Some((&body, "body")).filter(|(body, _)| !body.is_null());
        let found = match interpret(&Target::parse(&format!("{CLUSTER}{rest}")), &verb, body, &mut complaints) {
            Ok(list) => list
                .iter()
                .map(|(pool, op)| format!("{} {op}", pool.as_deref().unwrap_or("*")))
                .collect::<Vec<_>>()
                .join("; "),
            Err(reason) => reason,
        };
        let complaints = complaints.iter().map(ToString::to_string);
        assert_eq!([found].into_iter().chain(complaints).collect::<Vec<_>>().join(" | "), expected);
    }

    #[test]
    fn writes_deletes_and_actions() {
        let action = |name: &str| Verb::Action(name.to_owned());
        check("/agentPools/P", Verb::Write, r#"{"properties":{"count":1}}"#, "p putPool count=1");
        check("/agentPools/p", Verb::Write, "null", "p unknown");
        check("/agentPools/p", Verb::Delete, "null", "p deletePool");
        check("/agentPools/p?ignore-pod-disruption-budget=true", Verb::Delete, "null", "p deletePool ignorePdb");
        check("", Verb::Delete, "null", "* deletePool");
        check(
            "/agentPools/p/deleteMachines",
            action("deletemachines"),
            r#"{"machineNames":["m1"]}"#,
            "p deleteMachines m1",
        );
        check("/agentPools/p", action("upgradenodeimageversion"), "null", "p upgrade nodeImageOnly");
        check("", action("rotateclustercertificates"), "null", "* rotateCertificates");
        check(
            "",
            action("listclusteradmincredential"),
            "null",
            "the action listclusteradmincredential does not touch pools",
        );
        check(
            "/maintenanceConfigurations/default",
            Verb::Write,
            "{}",
            "the call is about maintenanceconfigurations, not about a pool",
        );
    }

    #[test]
    fn cluster_writes_give_one_operation_per_pool() {
        check(
            "",
            Verb::Write,
            r#"{"properties":{"agentPoolProfiles":[{"name":"A","count":1},{"count":2},{"name":"b","count":-1},3]}}"#,
            "a putPool count=1; b putPool | body.properties.agentPoolProfiles[1].name: found nothing, expected the name of the pool | body.properties.agentPoolProfiles[2].count: found -1, expected a whole number from 0 to 4294967295 | body.properties.agentPoolProfiles[3]: found 3, expected a pool as an object",
        );
        check("", Verb::Write, r#"{"tags":{}}"#, "the cluster is written, and nothing tells of a pool");
    }

    #[test]
    fn errors_come_from_the_innermost_detail() {
        let value: Value = serde_json::from_str(
            r#"{"status":"Failed","error":{"code":"ResourceOperationFailure","message":"a","details":[{"code":"UpgradeFailed","message":"b"}]}}"#,
        )
        .unwrap();
        assert_eq!(error_of(&value), (Some("UpgradeFailed".to_owned()), Some("b".to_owned())));
    }
}
