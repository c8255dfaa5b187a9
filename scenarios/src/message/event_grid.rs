//! Event Grid events in either schema (Event Grid's own, CloudEvents 1.0): resource events of subscriptions and resource
//! groups, which come after a call has ended and carry no body, and AKS' own events about rolling node pools, which name
//! a pool and nothing else (azure-docs event-schema-resource-groups.md and event-schema-aks.md).

use serde_json::{Map, Value};

use super::activity_log::{caller, request_url};
use super::arm::error_of;
use super::event::{Event, What, phase_of, verb_of};
use super::fields::{get, text};
use super::json::join;
use super::proposal;
use super::resource::Target;
use super::walk::Walk;
use crate::change::{ChangeResult, Phase, Source};
use crate::complaint::Complaint;

/// Name of the format.
pub const FORMAT: &str = "event-grid";

/// An event, whichever schema it came in.
struct Envelope<'a> {
    kind: &'a str,
    id: Option<&'a str>,
    time: Option<&'a str>,
    subject: Option<&'a str>,
    /// `topic` or `source`.
    origin: Option<&'a str>,
    data: Option<&'a Value>,
}

/// True for an event in either schema.
pub fn recognise(map: &Map<String, Value>) -> bool {
    cloud_event(map) || event_grid(map)
}

fn cloud_event(map: &Map<String, Value>) -> bool {
    get(map, "specversion").is_some() && get(map, "type").is_some()
}

fn event_grid(map: &Map<String, Value>) -> bool {
    get(map, "eventType").is_some() && (get(map, "subject").is_some() || get(map, "topic").is_some())
}

/// Reads an event. Events of other kinds are opened where their data is a message of its own.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let (kind, time, origin) =
        if cloud_event(map) { ("type", "time", "source") } else { ("eventType", "eventTime", "topic") };
    let event = Envelope {
        kind: text(map, kind).unwrap_or_default(),
        id: text(map, "id"),
        time: text(map, time),
        subject: text(map, "subject"),
        origin: text(map, origin),
        data: get(map, "data"),
    };
    if let Some(reason) = text(map, "deadLetterReason") {
        walk.note(format!("the event was dead-lettered by Event Grid: {reason}"));
    }
    let kind = event.kind.to_lowercase();
    let at = join(path, "data");
    match (&event.data, kind.as_str()) {
        (_, "") => walk.complain(Complaint::at(join(path, kind_name(map)), "nothing", "the type of the event as text")),
        (Some(Value::Object(data)), proposal::EVENT_TYPE) => {
            proposal::read(data, &at, &event.source(proposal::FORMAT), walk)
        }
        (_, proposal::EVENT_TYPE) => walk.complain(Complaint::at(at, "no object", "the proposal as an object")),
        (Some(Value::Object(data)), _) if kind.starts_with("microsoft.resources.resource") => {
            resource_event(&event, &kind, data, path, walk);
        }
        (data, _) if kind.starts_with("microsoft.containerservice.nodepoolrolling") => {
            rolling(&event, &kind, data.and_then(Value::as_object), path, walk);
        }
        (Some(data), _) if walk.is_message(data) => walk.value(data, &at),
        _ => match text(map, "data_base64") {
            Some(inner) => walk.text(inner, &join(path, "data_base64")),
            None => walk.none(&format!("events of type {} tell of no pool operation", event.kind)),
        },
    }
}

fn kind_name(map: &Map<String, Value>) -> &'static str {
    if cloud_event(map) { "type" } else { "eventType" }
}

impl Envelope<'_> {
    fn source(&self, format: &str) -> Source {
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Source { format: format.to_owned(), event_id: owned(self.id), time: owned(self.time), ..Source::default() }
    }
}

/// `Microsoft.Resources.ResourceWriteSuccess` and its kin.
fn resource_event(event: &Envelope<'_>, kind: &str, data: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let Some(id) = text(data, "resourceUri").or(event.subject) else {
        let at = join(path, "data.resourceUri");
        return walk.complain(Complaint::at(at, "nothing", "the id of the resource"));
    };
    let mut target = Target::parse(id);
    target.query = request_url(data).map(|url| Target::parse(&url).query).unwrap_or_default();
    let verb = if kind.contains("write") {
        "write"
    } else if kind.contains("delete") {
        "delete"
    } else {
        "action"
    };
    let operation_name = text(data, "operationName").unwrap_or(verb).to_lowercase();
    let ending = ["success", "failure", "cancel"].into_iter().find(|ending| kind.ends_with(ending));
    let (phase, result) = phase_of(ending.or(text(data, "status")).unwrap_or_default());
    let result = result.map(|result| explain(result, data));
    let mut source = event.source(FORMAT);
    source.correlation_id = text(data, "correlationId").map(str::to_owned);
    source.caller = caller(data);
    let what = What::Call(verb_of(&operation_name));
    walk.event(Event { source, target, operation_name, what, phase, result, body: None });
}

fn explain(result: ChangeResult, data: &Map<String, Value>) -> ChangeResult {
    if result.succeeded {
        return result;
    }
    let (code, message) = get(data, "statusMessage").or_else(|| get(data, "error")).map(error_of).unwrap_or_default();
    ChangeResult { succeeded: false, code: code.or(result.code), message }
}

/// `Microsoft.ContainerService.NodePoolRollingStarted`, `...Succeeded`, `...Failed`.
fn rolling(event: &Envelope<'_>, kind: &str, data: Option<&Map<String, Value>>, path: &str, walk: &mut Walk) {
    let Some(pool) = data.and_then(|data| text(data, "nodePoolName")) else {
        let at = join(path, "data.nodePoolName");
        return walk.complain(Complaint::at(at, "nothing", "the name of the node pool"));
    };
    let target = Target::parse(event.origin.unwrap_or_default());
    if target.cluster.is_none() {
        let name = if event.origin.is_some_and(|origin| !origin.is_empty()) { event.origin } else { None };
        let at = join(path, if event.origin.is_some() { "topic" } else { "source" });
        return walk.complain(Complaint::at(at, name.unwrap_or("nothing"), "the resource id of the AKS cluster"));
    }
    let (phase, result) = match kind.trim_start_matches("microsoft.containerservice.nodepoolrolling") {
        "started" => (Phase::InFlight, None),
        ending => phase_of(ending),
    };
    walk.event(Event {
        source: event.source(FORMAT),
        target,
        operation_name: "nodepoolrolling".to_owned(),
        what: What::Rolling { pool: pool.to_lowercase() },
        phase,
        result,
        body: None,
    });
}
