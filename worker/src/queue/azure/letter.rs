//! A dead letter as it lies in the poison queue: JSON with the reason and the message as it came.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};

use crate::queue::embedded::now;

/// Longest text of a message in bytes, as it stands in the request.
pub const LONGEST: usize = 64 << 10;
/// Longest reason in bytes.
const LONGEST_REASON: usize = 4096;
const SCHEMA: &str = "poolproof.deadletter/1";

/// A dead letter.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Letter {
    schema: String,
    /// Id the message had.
    pub id: String,
    /// Why it is dead.
    pub reason: String,
    /// How often it was handed out.
    pub attempts: u32,
    /// When it died, in milliseconds since the epoch.
    pub died: i64,
    /// The message; nothing where it is too large to be wrapped: then it follows by itself.
    pub text: Option<String>,
}

/// The texts to be sent for a letter: one, or two where the message has no room beside its reason.
pub fn written(id: &str, text: &str, reason: &str, attempts: u32) -> Vec<String> {
    let reason = reason[..reason.floor_char_boundary(LONGEST_REASON)].to_owned();
    let letter = |text: Option<String>| {
        let letter =
            Letter { schema: SCHEMA.into(), id: id.into(), reason: reason.clone(), attempts, died: now(), text };
        serde_json::to_string(&letter).unwrap_or_default()
    };
    let whole = letter(Some(text.to_owned()));
    if in_request(&whole) <= LONGEST { vec![whole] } else { vec![letter(None), text.to_owned()] }
}

/// Reads a letter; whatever else lies there was put there by somebody else.
pub fn read(text: &str) -> Option<Letter> {
    serde_json::from_str(text).ok().filter(|letter: &Letter| letter.schema == SCHEMA)
}

/// A message as it is sent.
pub fn encoded(body: &[u8]) -> String {
    BASE64_STANDARD.encode(body)
}

/// The body of a message, for people: without its base64, where it has any.
pub fn decoded(text: &str) -> Vec<u8> {
    BASE64_STANDARD.decode(text.trim()).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// Length of a text once it is escaped for XML.
fn in_request(text: &str) -> usize {
    text.bytes().map(|byte| if matches!(byte, b'<' | b'>' | b'&' | b'"' | b'\'') { 6 } else { 1 }).sum()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn fuzz_letters() {
        let [own, follows] =
            ["e30=", &"x".repeat(LONGEST)].map(|text| written("m1", text, "no operation", 3).remove(0));
        crate::fuzz::fuzz("letters", &[&own, &follows], &|bytes| {
            str::from_utf8(bytes)
                .ok()
                .and_then(read)
                .is_some_and(|letter| letter.text.is_none_or(|text| decoded(&text).len() <= text.len()))
        });
    }

    #[test]
    fn a_letter_holds_message_and_reason() {
        let texts = written("m1", "e30=", "no operation", 3);
        let letter = read(&texts[0]).unwrap();
        assert_eq!(
            (letter.text.as_deref(), letter.reason.as_str(), letter.attempts),
            (Some("e30="), "no operation", 3)
        );
        assert_eq!((decoded("e30="), decoded("no base64!")), (b"{}".to_vec(), b"no base64!".to_vec()));
        assert_eq!((read("{}"), read("e30=")), (None, None));
    }

    #[test]
    fn a_message_without_room_follows_by_itself() {
        let large = "A".repeat(LONGEST);
        let texts = written("m1", &large, &"ä".repeat(9000), 3);
        assert_eq!((texts.len(), texts[1].as_str()), (2, large.as_str()));
        assert_eq!(read(&texts[0]).unwrap().text, None);
    }
}
