//! Examples as shipped with Azure's REST specifications: `{parameters, responses}`. They hold no method, so it is told
//! from `operationId` where there is one, else from what is there: a body means a write, answers 202 and 204 without any
//! content a deletion, a pool that comes back as `UpgradingNodeImageVersion` an image upgrade.

use serde_json::{Map, Value};

use super::arm::Verb;
use super::exchange::{Call, Response};
use super::fields::{get, text};
use super::json::join;
use super::resource::Target;
use super::walk::Walk;

/// Name of the format.
pub const FORMAT: &str = "rest-example";

/// True for an example.
pub fn recognise(map: &Map<String, Value>) -> bool {
    let object = |name| get(map, name).is_some_and(Value::is_object);
    object("parameters") && object("responses")
}

/// Reads an example.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let (Some(Value::Object(parameters)), Some(Value::Object(responses))) =
        (get(map, "parameters"), get(map, "responses"))
    else {
        return;
    };
    if let Some(events) = get(parameters, "events").filter(|events| events.is_array()) {
        return walk.value(events, &join(path, "parameters.events"));
    }
    if text(parameters, "resourceName").is_none() {
        return read_answer(responses, path, walk);
    }
    let target = target(parameters);
    let body = get(parameters, "parameters").or_else(|| get(parameters, "machines"));
    match verb(map, parameters, responses) {
        Some(verb) => {
            let body_path = join(path, "parameters.parameters");
            Call { target, verb, body: body.cloned(), body_path, response: Response::default() }.read(walk);
        }
        None => {
            walk.none("the example names neither a method nor a body, so what it does to the cluster cannot be told")
        }
    }
}

/// Examples of other services may answer with something that is known: lists of activity log records, what-if results.
fn read_answer(responses: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let answers = responses.iter().filter_map(|(status, response)| Some((status, response.get("body")?)));
    let known = answers.into_iter().find(|(_, body)| walk.is_message(body));
    match known {
        Some((status, body)) => walk.value(body, &join(path, &format!("responses.{status}.body"))),
        None => walk.none("the example is not about an AKS cluster"),
    }
}

fn target(parameters: &Map<String, Value>) -> Target {
    let part = |name| text(parameters, name).unwrap_or_default();
    let cluster = format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.ContainerService/managedClusters/{}",
        part("subscriptionId"),
        part("resourceGroupName"),
        part("resourceName")
    );
    let below = match (text(parameters, "agentPoolName"), text(parameters, "configName")) {
        (Some(pool), _) => format!("/agentPools/{pool}"),
        (None, Some(config)) => format!("/maintenanceConfigurations/{config}"),
        (None, None) => String::new(),
    };
    Target::parse(&format!("{cluster}{below}"))
}

fn verb(map: &Map<String, Value>, parameters: &Map<String, Value>, responses: &Map<String, Value>) -> Option<Verb> {
    if let Some((_, operation)) = text(map, "operationId").and_then(|id| id.split_once('_')) {
        return Some(verb_by_name(&operation.to_lowercase()));
    }
    if get(parameters, "parameters").is_some() {
        return Some(Verb::Write);
    }
    let body = |status: &str| responses.get(status).and_then(|response| response.get("body"));
    let state = body("202").and_then(|body| body.pointer("/properties/provisioningState")).and_then(Value::as_str);
    if state.is_some_and(|state| state.eq_ignore_ascii_case("UpgradingNodeImageVersion")) {
        return Some(Verb::Action("upgradenodeimageversion".to_owned()));
    }
    let of_pool = text(parameters, "agentPoolName").is_some();
    let empty = ["202", "204"].iter().all(|status| responses.contains_key(*status) && body(status).is_none());
    match (body("200"), of_pool && empty) {
        (Some(_), _) => Some(Verb::Read),
        (None, true) => Some(Verb::Delete),
        _ => None,
    }
}

fn verb_by_name(operation: &str) -> Verb {
    match operation {
        "createorupdate" | "updatetags" => Verb::Write,
        "delete" => Verb::Delete,
        name if name.starts_with("get") || name.starts_with("list") => Verb::Read,
        "abortlatestoperation" => Verb::Action("abort".to_owned()),
        "rotateclustercertificates" | "start" | "stop" | "deletemachines" | "upgradenodeimageversion" => {
            Verb::Action(operation.to_owned())
        }
        other => Verb::Action(other.to_owned()),
    }
}
