//! What came of a change, our own format: `"schema": "poolproof.outcome/1"`, by itself or as data of a CloudEvent. Azure's events
//! tell whether an operation ended well; whether it hurt, and whether somebody acted to keep it from hurting, only people know.

use serde_json::{Map, Value};

use super::fields::{Fields, text};
use super::walk::Walk;
use crate::outcome::StatedOutcome;

/// Name of the format.
pub const FORMAT: &str = "outcome";

/// Its schema.
pub const SCHEMA: &str = "poolproof.outcome/1";

/// Its members.
const FIELDS: [&str; 14] = [
    "schema",
    "change",
    "correlationId",
    "succeeded",
    "code",
    "startedAt",
    "endedAt",
    "outage",
    "outageMinutes",
    "mitigated",
    "interruptions",
    "nodeDays",
    "note",
    "time",
];

/// Longest text that is kept, in characters.
const LONGEST: usize = 1000;

/// True for an outcome.
pub fn recognise(map: &Map<String, Value>) -> bool {
    text(map, "schema") == Some(SCHEMA)
}

/// Reads an outcome. Nothing is guessed: a member that is not known is a complaint.
pub fn read(map: &Map<String, Value>, path: &str, walk: &mut Walk) {
    let before = walk.complaints().len();
    let mut fields = Fields::new(map, path, walk.complaints());
    fields.only(&FIELDS);
    let stated = StatedOutcome {
        change: fields.text("change"),
        correlation_id: fields.text("correlationId"),
        succeeded: fields.flag("succeeded"),
        code: fields.text("code").map(|t| short(&t)),
        started_at: time(&mut fields, "startedAt"),
        ended_at: time(&mut fields, "endedAt"),
        outage_minutes: amount(&mut fields, "outageMinutes"),
        outage: fields.flag("outage"),
        mitigated: fields.flag("mitigated"),
        interruptions: fields.count("interruptions"),
        node_days: amount(&mut fields, "nodeDays"),
        note: fields.text("note").map(|t| short(&t)),
        time: time(&mut fields, "time"),
    };
    if stated.change.is_none() && stated.correlation_id.is_none() {
        fields.missing("change", "the id of the change (`decode` and reports tell it), or its correlationId");
    }
    if stated.says_nothing() {
        fields
            .missing("outage", "what came of the change: outage, outageMinutes, mitigated, succeeded, times or a note");
    }
    if let (Some(false), Some(minutes)) = (stated.outage, stated.outage_minutes.filter(|m| *m > 0.0)) {
        fields.complain("outage", &Value::Bool(false), &format!("true, or no outageMinutes of {minutes}"));
    }
    if stated.interruptions.is_some() != stated.node_days.is_some() {
        fields.missing("nodeDays", "interruptions and nodeDays together: a rate needs both");
    }
    if walk.complaints().len() == before {
        walk.outcome(stated);
    }
}

/// A number of at least 0.
fn amount(fields: &mut Fields<'_>, name: &str) -> Option<f64> {
    let value = fields.get(name)?;
    let found = value.as_f64().filter(|x| x.is_finite() && (0.0..=1e9).contains(x));
    if found.is_none() {
        fields.complain(name, value, "a number from 0 to 1e9");
    }
    found
}

/// A time with its offset.
fn time(fields: &mut Fields<'_>, name: &str) -> Option<String> {
    let text = fields.text(name)?;
    if text.trim().parse::<jiff::Timestamp>().is_ok() {
        return Some(text.trim().to_owned());
    }
    fields.complain(name, &Value::String(text), "a time such as 2026-03-02T06:00:00Z");
    None
}

fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use crate::decode;

    fn check(message: &str, expected: &str) {
        let found = match decode(message.as_bytes()) {
            Ok(decoded) => serde_json::to_string(&decoded.outcomes).unwrap(),
            Err(complaints) => complaints.to_string(),
        };
        assert_eq!(found, expected, "{message}");
    }

    #[test]
    fn outcomes_are_read_bare_and_as_cloud_events() {
        let bare =
            r#"{"schema":"poolproof.outcome/1","change":"abc","outageMinutes":3.5,"mitigated":true,"note":"a\u0007b"}"#;
        let read = r#"[{"change":"abc","outageMinutes":3.5,"mitigated":true,"note":"ab"}]"#;
        check(bare, read);
        let event = format!(
            r#"{{"specversion":"1.0","id":"e","source":"/ops","type":"dev.poolproof.outcome.v1","data":{bare}}}"#
        );
        check(&event, read);
        check(&format!("[{bare},{bare}]"), &format!("[{0},{0}]", &read[1..read.len() - 1]));
    }

    #[test]
    fn faults_are_named_all_at_once() {
        for (message, expected) in [
            (
                r#"{"outage":true}"#,
                "change: found nothing, expected the id of the change (`decode` and reports tell it), or its correlationId",
            ),
            (
                r#"{"change":"a"}"#,
                "outage: found nothing, expected what came of the change: outage, outageMinutes, mitigated, succeeded, times or a note",
            ),
            (
                r#"{"change":"a","outage":false,"outageMinutes":2,"endedAt":"noon"}"#,
                "endedAt: found the text noon, expected a time such as 2026-03-02T06:00:00Z\noutage: found false, expected true, or no outageMinutes of 2",
            ),
            (
                r#"{"change":"a","interruptions":1}"#,
                "nodeDays: found nothing, expected interruptions and nodeDays together: a rate needs both",
            ),
            (
                r#"{"change":"a","outageMinutes":-1}"#,
                "outageMinutes: found -1, expected a number from 0 to 1e9\noutage: found nothing, expected what came of the change: outage, outageMinutes, mitigated, succeeded, times or a note",
            ),
        ] {
            check(&message.replacen('{', r#"{"schema":"poolproof.outcome/1","#, 1), expected);
        }
        let found = decode(br#"{"schema":"poolproof.outcome/2","change":"a"}"#).unwrap_err().to_string();
        assert!(found.starts_with("schema: found poolproof.outcome/2"), "{found}");
    }
}
