//! Activity Log records: the REST form, the Event Hub and storage export, and the context of an activity log alert.
//! They differ in spelling only: `{value, localizedValue}` pairs or plain texts, `status` or `resultType`, bodies as text
//! or object under `requestbody` or `requestBody`, and any letter case (azure-monitor-docs, activity-log-schema.md).

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::arm::{Verb, error_of};
use super::event::{Body, Event, What, phase_of, verb_of};
use super::fields::{get, text};
use super::json::{join, parse, show};
use super::resource::Target;
use super::walk::Walk;
use crate::change::{ChangeResult, Source};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "activity-log";

/// True for an activity log record.
pub fn recognise(map: &Map<String, Value>) -> bool {
    let marks = ["correlationId", "eventTimestamp", "resultType", "status", "operationId"];
    get(map, "operationName").is_some() && marks.iter().any(|mark| get(map, mark).is_some())
}

/// Reads a record.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let Some(operation_name) = word(map, "operationName").map(str::to_lowercase) else {
        let found = get(map, "operationName").map_or_else(|| "nothing".to_owned(), show);
        walk.complain(Complaint::at(join(path, "operationName"), found, "the name of an operation as text or {value}"));
        return;
    };
    let Some(mut target) = resource(map) else {
        if operation_name.starts_with("microsoft.containerservice/managedclusters/agentpools/") {
            walk.complain(Complaint::at(join(path, "resourceId"), "nothing", "the resource id of the agent pool"));
        } else {
            walk.none(&format!("{operation_name} names no resource"));
        }
        return;
    };
    target.query = request_url(map).map(|url| Target::parse(&url).query).unwrap_or_default();
    let properties = properties(map);
    let properties = properties.as_deref();
    let status = word(map, "status").or_else(|| word(map, "resultType")).or_else(|| signature(map)).unwrap_or_default();
    let (phase, result) = phase_of(status);
    let result = result.map(|result| explain(result, map, properties));
    let what = What::Call(verb_of(&operation_name));
    let body = if what == What::Call(Verb::Delete) { None } else { body(properties, &join(path, "properties"), walk) };
    let source = Source {
        format: FORMAT.to_owned(),
        event_id: text(map, "eventDataId").map(str::to_owned),
        correlation_id: text(map, "correlationId").map(str::to_owned),
        caller: caller(map),
        time: ["eventTimestamp", "time", "submissionTimestamp"]
            .iter()
            .find_map(|name| text(map, name))
            .map(str::to_owned),
        started_at: None,
    };
    walk.event(Event { source, target, operation_name, what, phase, result, body });
}

/// A text, or the `value` of a `{value, localizedValue}` pair.
fn word<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    match get(map, name)? {
        Value::Object(pair) => text(pair, "value"),
        Value::String(text) => Some(text.as_str()).filter(|text| !text.trim().is_empty()),
        _ => None,
    }
}

/// `Succeeded.Created` in exports whose `resultType` is missing.
fn signature(map: &Map<String, Value>) -> Option<&str> {
    text(map, "resultSignature").and_then(|signature| signature.split('.').next())
}

/// The resource: by id, by the scope that was authorised, or by the id of the event below it.
fn resource(map: &Map<String, Value>) -> Option<Target> {
    let scope = |map| get(map, "authorization").and_then(Value::as_object).and_then(|auth| text(auth, "scope"));
    let identity = get(map, "identity").and_then(Value::as_object);
    let below = || text(map, "id").map(|id| id.split("/events/").next().unwrap_or(id));
    let id = text(map, "resourceId").or_else(|| text(map, "resourceUri")).or_else(|| scope(map));
    id.or_else(|| identity.and_then(scope)).or_else(below).map(Target::parse)
}

/// Exports of other categories put the properties one level deeper, and some exporters write them as text.
fn properties(map: &Map<String, Value>) -> Option<Cow<'_, Map<String, Value>>> {
    let properties = match get(map, "properties")? {
        Value::Object(properties) => Cow::Borrowed(properties),
        Value::String(text) => match parse(text, "").ok()? {
            Value::Object(properties) => Cow::Owned(properties),
            _ => return None,
        },
        _ => return None,
    };
    match get(&properties, "eventProperties") {
        Some(Value::Object(inner)) => Some(Cow::Owned(inner.clone())),
        _ => Some(properties),
    }
}

/// The request body, else the response body. Azure may truncate or mask either, so one that cannot be read is noted and
/// not held against the message.
fn body(properties: Option<&Map<String, Value>>, path: &str, walk: &mut Walk) -> Option<Body> {
    for (name, from_request) in [("requestbody", true), ("responseBody", false)] {
        let path = join(path, name);
        match properties.and_then(|properties| get(properties, name)) {
            Some(Value::String(text)) if !text.trim().is_empty() => match parse(text, &path) {
                Ok(value @ Value::Object(_)) => {
                    return Some(Body { value, path, from_request });
                }
                _ => walk.note(format!("{path} cannot be read: truncated or masked")),
            },
            Some(value @ Value::Object(_)) => {
                return Some(Body { value: value.clone(), path, from_request });
            }
            _ => {}
        }
    }
    None
}

/// URL of the call, whose query carries options of deletions. The request is an object, or an object as text.
pub fn request_url(map: &Map<String, Value>) -> Option<String> {
    match get(map, "httpRequest")? {
        Value::Object(request) => text(request, "url").map(str::to_owned),
        Value::String(request) => match parse(request, "").ok()? {
            Value::Object(request) => text(&request, "url").map(str::to_owned),
            _ => None,
        },
        _ => None,
    }
}

/// Adds code and text to a failure.
fn explain(result: ChangeResult, map: &Map<String, Value>, properties: Option<&Map<String, Value>>) -> ChangeResult {
    if result.succeeded {
        return result;
    }
    let (code, message) = match properties.and_then(|properties| get(properties, "statusMessage")) {
        Some(Value::String(text)) => match parse(text, "") {
            Ok(value) => error_of(&value),
            Err(_) => (None, Some(text.clone())),
        },
        Some(value) => error_of(value),
        None => (None, None),
    };
    let status_code =
        properties.and_then(|properties| text(properties, "statusCode")).or_else(|| word(map, "subStatus"));
    let code = code.or(result.code).or_else(|| status_code.map(str::to_owned));
    ChangeResult { succeeded: false, code, message }
}

/// Who asked: the caller, else the claims of the token. Only names are taken from the claims.
pub fn caller(map: &Map<String, Value>) -> Option<String> {
    if let Some(caller) = text(map, "caller") {
        return Some(caller.to_owned());
    }
    let identity = get(map, "identity").and_then(Value::as_object);
    let claims = get(map, "claims").or_else(|| identity.and_then(|identity| get(identity, "claims")))?;
    let parsed = claims.as_str().and_then(|text| parse(text, "").ok());
    let claims = parsed.as_ref().unwrap_or(claims).as_object()?;
    let names = ["http://schemas.xmlsoap.org/ws/2005/05/identity/claims/upn", "upn", "name", "appid"];
    names.iter().find_map(|name| text(claims, name)).map(str::to_owned)
}
