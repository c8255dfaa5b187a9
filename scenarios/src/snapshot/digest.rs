//! The digest of a snapshot: SHA-256 over its parts in canonical form (keys sorted, nulls left out), sorted by what they are.
//! It does not depend on the order of objects, on white space, or on how the objects were split into files.

use std::fmt::Write;

use serde_json::Value;
use sha2::{Digest, Sha256};

/// Collects the parts of a snapshot.
#[derive(Default)]
pub(super) struct Canon {
    parts: Vec<(String, [u8; 32])>,
}

impl Canon {
    /// Adds a part under a key that tells it from the others.
    pub fn add(&mut self, key: String, value: &Value) {
        let mut text = String::new();
        canonical(value, &mut text);
        self.parts.push((key, Sha256::digest(text.as_bytes()).into()));
    }

    /// The digest of all parts, hexadecimal.
    pub fn finish(mut self) -> String {
        self.parts.sort();
        let mut all = Sha256::new();
        for (key, digest) in &self.parts {
            all.update((key.len() as u64).to_le_bytes());
            all.update(key.as_bytes());
            all.update(digest);
        }
        hex(&all.finalize())
    }
}

/// Bytes as hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}"); // writing to a string cannot fail
        text
    })
}

/// JSON without white space, keys sorted, null members left out.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Array(list) => {
            out.push('[');
            for (i, v) in list.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(v, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().filter(|(_, v)| !v.is_null()).collect();
            members.sort_by(|a, b| a.0.cmp(b.0));
            out.push('{');
            for (i, (key, v)) in members.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                canonical(&Value::String(key.clone()), out);
                out.push(':');
                canonical(v, out);
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar}"); // writing to a string cannot fail
        }
    }
}
