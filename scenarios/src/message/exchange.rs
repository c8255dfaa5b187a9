//! Recorded HTTP exchanges with the AKS resource provider: `{method, uri, requestBody, status, responseBody}`, and AKS
//! bodies on their own.
//!
//! The request is what is judged, so it is proposed; one the provider refused (status 400 and up) is over. The response
//! is used where it says what the request alone does not: 201 means that the resource is new, and `provisioningState`
//! tells a stop from a write of a stopped pool.

use serde_json::{Map, Value};

use super::arm::{self, PoolOperations, Verb, error_of};
use super::draft::Draft;
use super::fields::{get, text};
use super::json::{join, show};
use super::resource::Target;
use super::walk::Walk;
use crate::change::{ChangeResult, Operation, Phase, Source};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "arm-request";

/// True for a recorded exchange, or a request that was not sent yet.
pub fn recognise(map: &Map<String, Value>) -> bool {
    get(map, "method").is_some() && ["uri", "url"].iter().any(|name| get(map, name).is_some())
}

/// Reads an exchange.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let (Some(method), Some(uri)) = (text(map, "method"), text(map, "uri").or_else(|| text(map, "url"))) else {
        return walk.complain(Complaint::at(path, "a method or uri that is no text", "the method and the uri as text"));
    };
    let mut target = Target::parse(uri);
    let verb = match method.to_uppercase().as_str() {
        "PUT" | "PATCH" => Verb::Write,
        "DELETE" => Verb::Delete,
        "POST" => Verb::Action(target.rest.pop().unwrap_or_default()),
        "GET" | "HEAD" | "OPTIONS" => Verb::Read,
        _ => {
            return walk.complain(Complaint::at(join(path, "method"), method, "PUT, PATCH, DELETE, POST or GET"));
        }
    };
    let body_name = if get(map, "requestBody").is_some() { "requestBody" } else { "body" };
    let at = join(path, body_name);
    let body = match get(map, body_name) {
        Some(Value::String(text)) if text.trim().is_empty() => None,
        Some(Value::String(text)) => match super::json::parse(text, &at) {
            Ok(value) => Some(value),
            Err(complaints) => return walk.complaints().extend(complaints),
        },
        other => other.cloned(),
    };
    let call = Call { target, verb, body, body_path: at, response: Response::of(map) };
    call.read(walk);
}

/// A call that is proposed, or was made.
pub struct Call {
    /// The resource.
    pub target: Target,
    /// What is done.
    pub verb: Verb,
    /// Request body.
    pub body: Option<Value>,
    /// Where it stands.
    pub body_path: String,
    /// What came back.
    pub response: Response,
}

/// What came back of a call, as far as it matters.
#[derive(Default)]
pub struct Response {
    /// HTTP status.
    pub status: Option<u64>,
    /// `properties.provisioningState`, lower case.
    pub state: String,
    /// Error code and text.
    pub error: (Option<String>, Option<String>),
}

impl Response {
    fn of(map: &Map<String, Value>) -> Response {
        let body = get(map, "responseBody");
        let state = body.and_then(|body| body.pointer("/properties/provisioningState")).and_then(Value::as_str);
        Response {
            status: get(map, "status").and_then(Value::as_u64),
            state: state.unwrap_or_default().to_lowercase(),
            error: body.map(error_of).unwrap_or_default(),
        }
    }

    /// How a refused call ended.
    fn refusal(&self) -> Option<ChangeResult> {
        let status = self.status.filter(|status| *status >= 400)?;
        let (code, message) = self.error.clone();
        Some(ChangeResult { succeeded: false, code: code.or_else(|| Some(format!("HTTP {status}"))), message })
    }
}

impl Call {
    /// Adds the changes of the call, or why there are none.
    pub fn read(self, walk: &mut Walk) {
        let body = self.body.as_ref().map(|body| (body, self.body_path.as_str()));
        match arm::interpret(&self.target, &self.verb, body, walk.complaints()) {
            Ok(operations) => self.add(operations, walk),
            Err(reason) => walk.none(&reason),
        }
    }

    fn add(&self, operations: PoolOperations, walk: &mut Walk) {
        let cluster = self.target.cluster_ref().unwrap_or_default();
        let refusal = self.response.refusal();
        for (pool, operation) in operations {
            let source = Source { format: FORMAT.to_owned(), ..Source::default() };
            let operation = self.sharpen(operation);
            let mut draft = Draft::proposed(source, cluster.clone(), pool, operation);
            if refusal.is_some() {
                draft.phase = Phase::Completed;
                draft.result = refusal.clone();
            }
            walk.change(draft.by_content());
        }
    }

    /// What a write turns out to be by what came back.
    fn sharpen(&self, operation: Operation) -> Operation {
        let Operation::PutPool { desired } = operation else {
            return operation;
        };
        let plain_count = desired.count.filter(|_| !desired.other.contains_key("virtualMachinesProfile"));
        match (self.response.status, self.response.state.as_str(), plain_count) {
            (Some(201), ..) => Operation::AddPool { desired },
            (Some(200), "stopping", _) if self.target.pool.is_some() => Operation::StopPool,
            (Some(200), "starting", _) if self.target.pool.is_some() => Operation::StartPool,
            (Some(200), "scaling", Some(count)) if self.target.pool.is_some() => Operation::Scale { count },
            _ => Operation::PutPool { desired },
        }
    }
}

/// Reads an AKS body on its own: `{"properties": {...}}` of a pool or a cluster, named by `id` or `name`.
pub fn read_body(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    walk.format(FORMAT);
    let mut target = text(map, "id").map(Target::parse).unwrap_or_default();
    let of_cluster = map.get("properties").is_some_and(|properties| properties.get("agentPoolProfiles").is_some());
    let name = text(map, "name").map(|name| name.rsplit('/').next().unwrap_or(name).to_lowercase());
    if !of_cluster && target.pool.is_none() {
        target.pool = name;
        if target.pool.is_none() {
            let found = get(map, "name").map_or_else(|| "nothing".to_owned(), show);
            let expected =
                "the name of the pool that the body is for (or an id, or the body within {method, uri, requestBody})";
            return walk.complain(Complaint::at(join(path, "name"), found, expected));
        }
    } else if of_cluster && target.cluster.is_none() {
        target.cluster = name;
    }
    // A body without an id belongs to the cluster it is scored against.
    target.cluster.get_or_insert_default();
    let body = Some(Value::Object(map.clone()));
    Call { target, verb: Verb::Write, body, body_path: path.to_owned(), response: Response::default() }.read(walk);
}
