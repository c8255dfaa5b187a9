//! Traces of others, continued: a message may say in `traceparent` (W3C Trace Context, level 1) which trace it belongs to: in a
//! header where its queue has headers, or as the attribute of a CloudEvent (extension for distributed tracing 1.0). It goes into
//! the log and into what is announced of the report, in every build; with the cargo feature `otel` spans of our own go between
//! (`trace/export.rs`). `tracestate` is not carried.

#[cfg(feature = "otel")]
mod export;

use std::cell::RefCell;
use std::time::SystemTime;

use serde::Deserialize;
use tracing::Span;

#[cfg(feature = "otel")]
pub use export::{Exporter, layer};

/// Name of the header, of the attribute and of the field in envelopes of ours.
pub const NAME: &str = "traceparent";

/// A place in a trace: `00-TRACE-SPAN-FLAGS` in lower-case hexadecimal, and nothing else, so that it is safe to print.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Reads a header; nothing where it is none. Of versions to come the part that is known is kept.
    pub fn parse(text: &str) -> Option<TraceParent> {
        let known = text.get(..55)?;
        let mut parts = known.split('-');
        let mut part = |length: usize| {
            let hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
            parts.next().filter(|part| part.len() == length && part.chars().all(hex))
        };
        let (version, trace, span, _flags) = (part(2)?, part(32)?, part(16)?, part(2)?);
        let goes_on = version != "00" && text[55..].starts_with('-');
        let ends = text.len() == 55 || goes_on;
        let is_zero = |part: &str| part.chars().all(|c| c == '0');
        (version != "ff" && ends && !is_zero(trace) && !is_zero(span))
            .then(|| TraceParent(format!("00{}", &known[2..])))
    }

    /// What the CloudEvent in a message says, of several the first; nothing where the message is something else.
    pub fn of_message(message: &[u8]) -> Option<TraceParent> {
        #[derive(Deserialize)]
        struct Event {
            traceparent: Option<String>,
        }
        let event: Event = match message.trim_ascii_start().first()? {
            b'{' => serde_json::from_slice(message).ok()?,
            b'[' => serde_json::from_slice::<Vec<Event>>(message).ok()?.into_iter().next()?,
            _ => return None,
        };
        TraceParent::parse(&event.traceparent?)
    }

    /// As it stands in a header.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Id of the trace.
    pub fn trace_id(&self) -> &str {
        &self.0[3..35]
    }
}

thread_local! {
    /// The place of the message that this thread works on.
    static CURRENT: RefCell<Option<TraceParent>> = const { RefCell::new(None) };
}

/// Does something for a message of this trace.
pub fn within<T>(trace: Option<TraceParent>, act: impl FnOnce() -> T) -> T {
    struct Before(Option<TraceParent>);
    impl Drop for Before {
        fn drop(&mut self) {
            CURRENT.set(self.0.take());
        }
    }
    let _before = Before(CURRENT.replace(trace));
    act()
}

/// The place in a trace that goes with what this thread sends: of the span it is in where spans are exported, else that of the
/// message it works on.
pub fn outgoing() -> Option<TraceParent> {
    #[cfg(feature = "otel")]
    if let Some(own) = export::here() {
        return Some(own);
    }
    CURRENT.with_borrow(Clone::clone)
}

/// Makes the span of a message, which was asked for at this time, a part of the trace it belongs to, and writes the id of the
/// trace into its field `trace`.
#[cfg_attr(not(feature = "otel"), allow(unused_variables))]
pub fn follow(span: &Span, trace: Option<&TraceParent>, asked: SystemTime) {
    #[cfg(feature = "otel")]
    if let Some(id) = export::follow(span, trace, asked) {
        span.record("trace", id);
        return;
    }
    if let Some(trace) = trace {
        span.record("trace", trace.trace_id());
    }
}

/// Marks the span that this thread is in as failed.
#[cfg_attr(not(feature = "otel"), allow(unused_variables))]
pub fn failed(why: &str) {
    #[cfg(feature = "otel")]
    export::failed(why);
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    fn parsed(text: &str) -> Option<String> {
        TraceParent::parse(text).map(|trace| trace.as_str().to_owned())
    }

    #[test]
    fn only_what_the_standard_allows_is_taken() {
        assert_eq!(parsed(GIVEN).as_deref(), Some(GIVEN));
        // Of a version to come what is known; of this one nothing may follow.
        assert_eq!(parsed(&format!("cc{}-what-the-future-has", &GIVEN[2..])).as_deref(), Some(GIVEN));
        for wrong in [
            "",
            "00",
            &GIVEN.to_uppercase(),
            &format!("{GIVEN}-"),
            &format!("{GIVEN}0"),
            &format!("ff{}", &GIVEN[2..]),
            &format!("cc{}x", &GIVEN[2..]),
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331\r\n01",
            "00-0af7651916cd43dd8448eb211c80319cb7ad6b7169203331--01-",
            "ééééééééééééééééééééééééééééééééé",
        ] {
            assert_eq!(parsed(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn cloud_events_carry_it_as_an_attribute() {
        let of = |message: &str| TraceParent::of_message(message.as_bytes()).map(|trace| trace.trace_id().to_owned());
        let trace = Some(GIVEN[3..35].to_owned());
        assert_eq!(of(&format!(r#" {{"specversion":"1.0","traceparent":"{GIVEN}","data":{{"a":[1]}}}}"#)), trace);
        assert_eq!(of(&format!(r#"[{{"traceparent":"{GIVEN}"}},{{"id":"2"}}]"#)), trace);
        for none in
            ["", "{}", "[]", "[1]", r#"{"traceparent":7}"#, r#"{"traceparent":"x"}"#, "az aks nodepool scale", "{"]
        {
            assert_eq!(of(none), None, "{none}");
        }
    }

    #[test]
    fn a_thread_knows_the_trace_of_its_message_and_forgets_it() {
        assert_eq!(outgoing(), None);
        let trace = TraceParent::parse(GIVEN);
        assert_eq!(within(trace.clone(), outgoing), trace);
        let broken = std::panic::catch_unwind(|| within(TraceParent::parse(GIVEN), || panic!("on purpose")));
        assert!(broken.is_err() && outgoing().is_none());
    }
}
