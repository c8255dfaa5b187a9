//! What travels in the properties of a message beside its body: attempts, trouble, the reason of its death.
//!
//! Our headers begin with `x-poolproof-`; those of the sender (such as `traceparent`) stay. The broker's own, which tell of
//! one stay in one queue, are not copied: it would take a second retry for a circle and drop the message.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::pipeline::digest;
use crate::trace::{self, TraceParent};

/// Attempts that were made before this copy of the message was sent.
const ATTEMPTS: &str = "x-poolproof-attempts";
/// What went wrong the last time.
const TROUBLE: &str = "x-poolproof-trouble";
/// Why the message is dead.
const REASON: &str = "x-poolproof-reason";
/// When it died, in milliseconds since the epoch.
const DIED: &str = "x-poolproof-died";
/// Handouts of a quorum queue that were not answered; absent with the first.
const DELIVERIES: &str = "x-delivery-count";
/// Why the broker laid the message among the dead letters.
const BROKERS_REASON: &str = "x-first-death-reason";
/// Longest text of ours in a header, in bytes: all headers must fit into one frame (128 KiB).
const LONGEST: usize = 4096;

/// Properties of a new message.
pub fn fresh(id: &str, now: i64) -> BasicProperties {
    BasicProperties::default()
        .with_delivery_mode(2)
        .with_content_type("application/json".into())
        .with_message_id(short(id))
        .with_timestamp(u64::try_from(now / 1000).unwrap_or_default())
}

/// The same properties with a place in a trace.
pub fn traced(properties: BasicProperties, trace: Option<&TraceParent>) -> BasicProperties {
    let Some(trace) = trace else { return properties };
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(trace::NAME.into(), AMQPValue::LongString(trace.as_str().into()));
    properties.with_headers(headers)
}

/// Id of a message: the sender's where it has one, else a digest of its body. Safe to print.
pub fn id_of(properties: &BasicProperties, body: &[u8]) -> String {
    let given = properties.message_id().as_ref().map(|id| id.as_str().to_owned()).filter(|id| !id.is_empty());
    let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.:/+=".contains(c) { c } else { '_' };
    given.unwrap_or_else(|| digest(body)).chars().take(128).map(safe).collect()
}

/// How many times the message has been handed out, this time included.
pub fn attempt(properties: &BasicProperties) -> u32 {
    let before = [ATTEMPTS, DELIVERIES].iter().filter_map(|name| number(properties, name)).fold(0, i64::saturating_add);
    u32::try_from(before.saturating_add(1)).unwrap_or(if before < 0 { 1 } else { u32::MAX })
}

/// When the message was sent, in milliseconds since the epoch, where the sender tells; in whole seconds.
pub fn sent(properties: &BasicProperties) -> Option<i64> {
    properties.timestamp().and_then(|seconds| i64::try_from(seconds).ok()).map(|seconds| seconds.saturating_mul(1000))
}

/// The message's place in a trace, where a header tells.
pub fn trace(properties: &BasicProperties) -> Option<TraceParent> {
    TraceParent::parse(&text(properties, trace::NAME)?)
}

/// What went wrong the last time.
pub fn trouble(properties: &BasicProperties) -> Option<String> {
    text(properties, TROUBLE)
}

/// Properties of a copy that is to be tried again, after so many attempts.
pub fn again(properties: &BasicProperties, attempts: u32, trouble: Option<&str>) -> BasicProperties {
    let mut own = vec![(ATTEMPTS, AMQPValue::LongLongInt(attempts.into()))];
    own.extend(trouble.map(|t| (TROUBLE, shortened(t))));
    copied(properties, own)
}

/// Properties of a copy that is dead.
pub fn buried(properties: &BasicProperties, attempts: u32, reason: &str, now: i64) -> BasicProperties {
    let own = vec![
        (ATTEMPTS, AMQPValue::LongLongInt(attempts.into())),
        (REASON, shortened(reason)),
        (DIED, AMQPValue::LongLongInt(now)),
    ];
    copied(properties, own)
}

/// Properties of a dead letter that is put back with a fresh count.
pub fn revived(properties: &BasicProperties) -> BasicProperties {
    copied(properties, Vec::new())
}

/// Why a message is dead, and when it died (milliseconds since the epoch).
pub fn death(properties: &BasicProperties) -> (Option<String>, Option<i64>) {
    let by_broker = || {
        text(properties, BROKERS_REASON).map(|reason| match reason.as_str() {
            "delivery_limit" => {
                "given up by the broker: too many workers were lost while they worked on the message".into()
            }
            other => format!("given up by the broker: {other}"),
        })
    };
    (text(properties, REASON).or_else(by_broker), number(properties, DIED))
}

/// How many attempts a dead letter had.
pub fn attempts(properties: &BasicProperties) -> u32 {
    number(properties, ATTEMPTS).and_then(|n| u32::try_from(n).ok()).unwrap_or_default()
}

fn copied(properties: &BasicProperties, own: Vec<(&str, AMQPValue)>) -> BasicProperties {
    let ours = |name: &str| name.starts_with("x-poolproof-");
    let brokers = |name: &str| {
        name == "x-death"
            || name == DELIVERIES
            || name.starts_with("x-first-death-")
            || name.starts_with("x-last-death-")
    };
    let mut headers = FieldTable::default();
    for (name, value) in properties.headers().iter().flat_map(FieldTable::inner) {
        let stays = name.as_str() == TROUBLE || !ours(name.as_str());
        if stays && !brokers(name.as_str()) {
            headers.insert(name.clone(), value.clone());
        }
    }
    for (name, value) in own {
        headers.insert(name.into(), value);
    }
    // An expiry of the sender's would let the copy vanish.
    let mut copy = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
    if let Some(value) = properties.message_id() {
        copy = copy.with_message_id(value.clone());
    }
    if let Some(value) = properties.content_type() {
        copy = copy.with_content_type(value.clone());
    }
    if let Some(value) = properties.content_encoding() {
        copy = copy.with_content_encoding(value.clone());
    }
    if let Some(value) = properties.correlation_id() {
        copy = copy.with_correlation_id(value.clone());
    }
    if let Some(value) = properties.timestamp() {
        copy = copy.with_timestamp(*value);
    }
    copy
}

fn number(properties: &BasicProperties, name: &str) -> Option<i64> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongLongInt(n) => Some(*n),
        AMQPValue::LongInt(n) => Some((*n).into()),
        AMQPValue::LongUInt(n) => Some((*n).into()),
        AMQPValue::ShortInt(n) => Some((*n).into()),
        AMQPValue::ShortShortInt(n) => Some((*n).into()),
        _ => None,
    }
}

fn text(properties: &BasicProperties, name: &str) -> Option<String> {
    match properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

fn shortened(text: &str) -> AMQPValue {
    AMQPValue::LongString(text[..text.floor_char_boundary(LONGEST)].into())
}

fn short(text: &str) -> ShortString {
    ShortString::try_new(&text[..text.floor_char_boundary(255)]).unwrap_or_default()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, AMQPValue)]) -> BasicProperties {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        BasicProperties::default().with_headers(table)
    }

    #[test]
    fn attempts_add_up_over_copies_and_deliveries() {
        assert_eq!(attempt(&BasicProperties::default()), 1);
        let delivered = with(&[(ATTEMPTS, AMQPValue::LongLongInt(3)), (DELIVERIES, AMQPValue::LongInt(2))]);
        assert_eq!(attempt(&delivered), 6);
        let copy = again(&delivered, 6, Some("disk"));
        assert_eq!((attempt(&copy), trouble(&copy).as_deref()), (7, Some("disk")));
        assert_eq!(attempt(&again(&delivered, 5, None)), 6, "given back: it does not count");
        assert_eq!(attempt(&with(&[(ATTEMPTS, AMQPValue::LongLongInt(-9))])), 1);
        assert_eq!(attempt(&with(&[(ATTEMPTS, AMQPValue::LongLongInt(i64::MAX))])), u32::MAX);
    }

    #[test]
    fn the_senders_headers_stay_and_the_brokers_go() {
        let trace = AMQPValue::LongString("00-1-2-01".into());
        let given = with(&[
            ("traceparent", trace.clone()),
            ("x-first-death-reason", AMQPValue::LongString("expired".into())),
            (DELIVERIES, AMQPValue::LongInt(2)),
        ])
        .with_expiration("5".into());
        let dead = buried(&given, 3, &"ä".repeat(LONGEST), 77);
        let headers = dead.headers().clone().unwrap();
        assert_eq!(headers.inner().get("traceparent"), Some(&trace));
        assert!(!headers.contains_key(DELIVERIES) && !headers.contains_key("x-first-death-reason"));
        assert_eq!(dead.expiration(), &None);
        let (reason, died) = death(&dead);
        assert_eq!((reason.unwrap().len(), died, attempts(&dead)), (LONGEST, Some(77), 3));
        assert_eq!(death(&revived(&dead)), (None, None));
    }

    #[test]
    fn the_brokers_reason_is_told_in_words() {
        let dead = with(&[(BROKERS_REASON, AMQPValue::LongString("delivery_limit".into()))]);
        assert!(death(&dead).0.unwrap().contains("too many workers were lost"));
    }

    #[test]
    fn ids_are_harmless() {
        let given = BasicProperties::default().with_message_id("a\u{1b}[2J/ä".into());
        assert_eq!(id_of(&given, b""), "a__2J/_");
        assert_eq!(id_of(&BasicProperties::default(), b"x"), digest(b"x"));
    }
}
