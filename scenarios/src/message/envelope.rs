//! Wrappers in which messages arrive: lists of records, queue and bus messages, alerts. Each is told by its fields.
//!
//! Event Grid and CloudEvents are formats of their own, since their type says what the data means.

use serde_json::{Map, Value};

use super::fields::{get, text};
use super::json::join;

type Inner<'a> = Vec<(&'a Value, String)>;

/// Opens one kind of wrapper.
type Wrapper = for<'a> fn(&'a Map<String, Value>, &str) -> Option<Inner<'a>>;

/// The wrappers in the order in which they are tried.
const WRAPPERS: [Wrapper; 5] = [records, value_list, storage_queue, service_bus, alert];

/// What is inside, with paths, where the object is a wrapper.
pub fn open<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    WRAPPERS.iter().find_map(|wrapper| wrapper(map, path))
}

/// Event Hub and storage exports: `{"records": [...]}`.
fn records<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    list(map, "records", path)
}

/// REST lists: `{"value": [...], "nextLink": ...}`.
fn value_list<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    list(map, "value", path)
}

fn list<'a>(map: &'a Map<String, Value>, name: &str, path: &str) -> Option<Inner<'a>> {
    let list = get(map, name).filter(|list| list.is_array())?;
    Some(vec![(list, join(path, name))])
}

/// Storage queue messages as JSON: `messageText` holds base64 of the message, or the message.
fn storage_queue<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    let inner = get(map, "messageText").filter(|inner| inner.is_string())?;
    Some(vec![(inner, join(path, "messageText"))])
}

/// Service Bus messages as JSON: the body beside what the broker knows.
fn service_bus<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    let marks = ["messageId", "applicationProperties", "systemProperties", "contentType"];
    let body = get(map, "body").filter(|_| marks.iter().any(|mark| map.contains_key(*mark)))?;
    Some(vec![(body, join(path, "body"))])
}

/// Alerts: the common schema, and the older activity log webhook.
fn alert<'a>(map: &'a Map<String, Value>, path: &str) -> Option<Inner<'a>> {
    let data = get(map, "data")?;
    match text(map, "schemaId")?.to_lowercase().as_str() {
        "azuremonitorcommonalertschema" => {
            let signal = data.pointer("/essentials/signalType").and_then(Value::as_str).unwrap_or_default();
            let context = data.get("alertContext").filter(|_| signal.eq_ignore_ascii_case("activity log"))?;
            Some(vec![(context, join(path, "data.alertContext"))])
        }
        "microsoft.insights/activitylogs" => {
            Some(vec![(data.pointer("/context/activityLog")?, join(path, "data.context.activityLog"))])
        }
        _ => None,
    }
}
