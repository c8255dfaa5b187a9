//! A message on a queue of Azure Storage, which has no headers: with a place in a trace it goes in an envelope of ours, without one
//! it goes as it came. Both in base64, as Event Grid writes messages.

use serde::{Deserialize, Serialize};

use super::letter::{LONGEST, decoded, encoded};
use crate::trace::TraceParent;

const SCHEMA: &str = "poolproof.carried/1";

#[derive(Serialize, Deserialize)]
struct Carried {
    schema: String,
    traceparent: String,
    /// The message as text.
    message: String,
}

/// The text to be sent for a message. Where the envelope has no room the message goes without it: it matters more.
pub fn written(body: &[u8], trace: Option<&TraceParent>) -> String {
    let plain = || encoded(body);
    let (Some(trace), Ok(message)) = (trace, std::str::from_utf8(body)) else { return plain() };
    let carried = Carried { schema: SCHEMA.into(), traceparent: trace.as_str().into(), message: message.into() };
    let text = serde_json::to_vec(&carried).map(|bytes| encoded(&bytes));
    text.ok().filter(|text| text.len() <= LONGEST).unwrap_or_else(plain)
}

/// The message in a text that came, and its place in a trace, of its envelope or its own. What is in no envelope of ours is left
/// as it is, for its base64 is peeled where messages are read.
pub fn read(text: String) -> (Vec<u8>, Option<TraceParent>) {
    let bytes = decoded(&text);
    // Cheaper than to parse each message for it.
    let may_be = bytes.starts_with(b"{\"schema\":\"poolproof.carried/1\"");
    match may_be.then(|| serde_json::from_slice::<Carried>(&bytes)) {
        Some(Ok(carried)) => (carried.message.into_bytes(), TraceParent::parse(&carried.traceparent)),
        _ => (text.into_bytes(), TraceParent::of_message(&bytes)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_envelopes() {
        let carried =
            r#"{"schema":"poolproof.carried/1","traceparent":"TRACE","message":"{\"schema\":\"poolproof.shard/1\"}"}"#;
        crate::fuzz::fuzz("envelopes", &[&carried.replace("TRACE", TRACE)], &|bytes| {
            let (message, trace) = read(encoded(bytes));
            let _ = read(String::from_utf8_lossy(bytes).into_owned());
            trace.is_some() && !message.is_empty()
        });
    }

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_goes_in_comes_out() {
        let trace = TraceParent::parse(TRACE);
        let body = br#"[{"id":"1","data":{"a":"\u001b\"<"}}]"#;
        let (got, traced) = read(written(body, trace.as_ref()));
        assert_eq!((got.as_slice(), traced), (&body[..], trace.clone()));
        // Without a trace, without text, or without room: the message alone.
        for (body, trace) in [(&body[..], None), (&b"\xff"[..], trace.as_ref()), (&[b'"'; 40_000][..], trace.as_ref())]
        {
            let text = written(body, trace);
            assert_eq!(text, encoded(body));
            assert_eq!(read(text.clone()), (text.into_bytes(), None));
        }
    }

    #[test]
    fn a_cloud_event_of_event_grid_tells_for_itself() {
        let event = format!(r#"{{"specversion":"1.0","traceparent":"{TRACE}"}}"#);
        let text = encoded(event.as_bytes());
        assert_eq!(read(text.clone()), (text.into_bytes(), TraceParent::parse(TRACE)));
    }
}
