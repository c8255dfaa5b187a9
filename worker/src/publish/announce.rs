//! Announcements: each report as a CloudEvent on the topic exchange for reports, with the routing key
//! `report.<level>.<cluster>`. Nobody needs to listen, so this is no place where a report is kept.
//!
//! At least once: a report that is published again is announced again, with the same id.

use std::io;
use std::sync::Arc;

use lapin::BasicProperties;
use reports::Report;
use serde_json::{Value, json};

use super::{Bundle, PublishError};
use crate::queue::BrokerUrl;
use crate::queue::amqp::{Outbox, Target, headers};
use crate::trace::{self, TraceParent};

/// Type of the event.
const TYPE: &str = "dev.poolproof.report.v1";
/// Longest part of a routing key that comes from a message, in characters (a key takes 255 bytes).
const LONGEST: usize = 128;

/// Announces on one broker.
#[derive(Clone)]
pub struct Announcer {
    target: Target,
    outbox: Arc<Outbox>,
}

impl std::fmt::Debug for Announcer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "announcer on {}", self.target.url)
    }
}

impl Announcer {
    /// Reads the address; connects with the first report.
    ///
    /// # Errors
    /// The address is none.
    pub fn open(url: &BrokerUrl) -> Result<Announcer, PublishError> {
        let target = Target::parse(url).map_err(|e| failed(url, io::Error::other(e)))?;
        let outbox = Arc::new(Outbox::for_reports(target.clone(), "worker: announces"));
        Ok(Announcer { target, outbox })
    }

    /// Announces a report; the broker has it on return. To be called on a blocking thread of the runtime.
    ///
    /// # Errors
    /// The broker is gone or refuses.
    pub fn publish(&self, bundle: &Bundle) -> Result<String, PublishError> {
        let file = bundle.files.iter().find(|file| file.path == "report.json");
        let read = serde_json::from_slice(file.map_or(b"", |file| &file.bytes));
        self.tell(&bundle.id, read.map_err(|e| failed(&self.target.url, e.into()))?)
    }

    /// The same for a report that lies somewhere.
    ///
    /// # Errors
    /// The broker is gone or refuses.
    pub fn announce(&self, report: &Report) -> Result<String, PublishError> {
        self.tell(&report.id, serde_json::to_value(report).map_err(|e| failed(&self.target.url, e.into()))?)
    }

    fn tell(&self, id: &str, report: Value) -> Result<String, PublishError> {
        let announced = (|| {
            let trace = trace::outgoing();
            let (key, body) = event(id, report, trace.as_ref());
            let handle = tokio::runtime::Handle::try_current().map_err(io::Error::other)?;
            let properties = BasicProperties::default()
                .with_delivery_mode(2)
                .with_content_type("application/cloudevents+json; charset=utf-8".into())
                .with_message_id(id.into())
                .with_type(TYPE.into());
            let properties = headers::traced(properties, trace.as_ref());
            let exchange = self.target.reports();
            handle.block_on(self.outbox.publish(&exchange, &key, &body, properties)).map_err(io::Error::other)?;
            Ok(format!("{} {exchange} {key}", self.target.url))
        })();
        announced.map_err(|source| failed(&self.target.url, source))
    }
}

/// Routing key and CloudEvent (structured mode, CloudEvents 1.0 AMQP binding) of a report.
fn event(id: &str, report: Value, trace: Option<&TraceParent>) -> (String, Vec<u8>) {
    let text = |path: &str| report.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let cluster = text("/cluster/name").to_owned();
    let key = format!("report.{}.{}", word(text("/verdict/level")), word(&cluster));
    let mut event = json!({
        "specversion": "1.0",
        "id": id,
        "source": "/poolproof",
        "type": TYPE,
        "subject": cluster,
        "datacontenttype": "application/json",
        "data": report,
    });
    if let Some(trace) = trace {
        event[trace::NAME] = trace.as_str().into();
    }
    (key, event.to_string().into_bytes())
}

/// A name as one word of a routing key: dots part words, and stars and hashes mean others.
fn word(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '_' };
    let word: String = name.chars().take(LONGEST).map(safe).collect();
    if word.is_empty() { "_".into() } else { word }
}

fn failed(url: &BrokerUrl, source: io::Error) -> PublishError {
    PublishError { doing: "announce on", path: url.to_string().into(), source }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_key_names_level_and_cluster() {
        let report = json!({"verdict": {"level": "high"}, "cluster": {"name": "aks.prod#1"}});
        let (key, body) = event("abc", report.clone(), None);
        assert_eq!(key, "report.high.aks_prod_1");
        let event: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&event["id"], &event["data"]), (&json!("abc"), &report));
        assert_eq!(event["type"], "dev.poolproof.report.v1");
    }

    #[test]
    fn without_a_report_there_is_nothing_to_announce() {
        let announcer = Announcer::open(&BrokerUrl("amqp://127.0.0.1:1/x".into())).unwrap();
        assert!(announcer.publish(&Bundle { id: "abc".into(), files: Vec::new(), run: Vec::new() }).is_err());
        assert_eq!(word(""), "_");
    }
}
