//! Documents that describe things as they are: resources as the CLI and REST print them, Kubernetes objects, statuses of
//! running operations, documents of our own. They are no changes, and no mistakes either; AKS bodies that look like them
//! but ask for something are handed on.

use serde_json::{Map, Value};

use super::exchange;
use super::fields::{get, text};
use super::json::join;
use super::resource::Target;
use super::walk::Walk;
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "state";

/// True for a description of something, or an AKS body.
pub fn recognise(map: &Map<String, Value>) -> bool {
    describe(map).is_some() || is_body(map) || is_future(map)
}

/// Notes what is described, or reads the body.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    if is_future(map) {
        let expected = "a schema of this version, such as poolproof.change/1";
        walk.complain(Complaint::at(join(path, "schema"), text(map, "schema").unwrap_or_default(), expected));
    } else if let Some(what) = describe(map) {
        walk.none(&format!("this describes {what}, and asks for nothing"));
    } else {
        exchange::read_body(map, path, walk);
    }
}

/// A schema of ours that this version does not know.
fn is_future(map: &Map<String, Value>) -> bool {
    text(map, "schema")
        .is_some_and(|schema| schema.starts_with("poolproof.change/") || schema.starts_with("poolproof.outcome/"))
}

fn is_body(map: &Map<String, Value>) -> bool {
    let Some(Value::Object(properties)) = get(map, "properties") else {
        return false;
    };
    let marks =
        ["agentPoolProfiles", "count", "vmSize", "mode", "orchestratorVersion", "nodeTaints", "upgradeSettings"];
    let other_type = text(map, "type").is_some_and(|kind| !kind.to_lowercase().contains("managedclusters"));
    !other_type && marks.iter().any(|mark| properties.contains_key(*mark))
}

fn describe(map: &Map<String, Value>) -> Option<String> {
    if let Some(schema) = text(map, "schema").filter(|schema| schema.starts_with("poolproof.") && !is_future(map)) {
        return Some(format!("a {schema} document"));
    }
    if get(map, "apiVersion").is_some_and(Value::is_string) && get(map, "kind").is_some_and(Value::is_string) {
        return Some(format!("Kubernetes objects of kind {}", text(map, "kind").unwrap_or_default()));
    }
    if get(map, "node").is_some() && get(map, "kubeletVersion").is_some() {
        return Some("a Kubernetes node".to_owned());
    }
    if get(map, "startTime").is_some() && get(map, "status").is_some_and(Value::is_string) {
        return Some(format!("an operation of state {}", text(map, "status").unwrap_or_default()));
    }
    resource(map)
}

/// A resource as ARM or the CLI prints it: with a state, or of a type that has nothing to do with pools.
fn resource(map: &Map<String, Value>) -> Option<String> {
    let kind = text(map, "type").unwrap_or_default().to_lowercase();
    let target = text(map, "id").map(Target::parse).unwrap_or_default();
    let properties = get(map, "properties").and_then(Value::as_object);
    let state = text(map, "provisioningState").or_else(|| properties.and_then(|p| text(p, "provisioningState")));
    let printed = state.is_some() || get(map, "eTag").is_some() || get(map, "nodeImageVersion").is_some();
    let about = match (&target.pool, &target.cluster) {
        (Some(pool), _) if target.rest.is_empty() => format!("pool {pool}"),
        (_, Some(cluster)) if target.rest.is_empty() => format!("cluster {cluster}"),
        (None, None) if kind.is_empty() => return None,
        _ if kind.is_empty() => {
            return Some(format!("a resource of type {}", target.rest.join("/")));
        }
        _ => format!("a resource of type {kind}"),
    };
    let foreign = target.cluster.is_none() && kind.starts_with("microsoft.") && !kind.contains("managedclusters");
    match state {
        Some(state) => Some(format!("{about} as it is (state {state})")),
        None if printed => Some(format!("{about} as it is")),
        None if foreign => Some(about),
        None => None,
    }
}
