//! Reads a document part by part, so that one broken part does not hide the others: each part that serde refuses is one
//! complaint with its path, and reading goes on.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::complaint::{Complaint, Complaints};

/// Largest document that is read, in bytes: above it, a document is refused unread.
pub(crate) const LARGEST: usize = 256 * 1024 * 1024;

/// Most complaints about one object: what earns more is broken as a whole.
const MOST_COMPLAINTS: usize = 200;

/// An object being taken apart.
#[derive(Debug)]
pub(crate) struct Parts {
    path: String,
    map: Map<String, Value>,
    complaints: Vec<Complaint>,
}

impl Parts {
    /// Takes an object apart; what is not an object is a complaint and counts as empty.
    pub(crate) fn of(value: Value, path: &str) -> Parts {
        let mut complaints = Vec::new();
        let map = match value {
            Value::Object(map) => map,
            other => {
                complaints.push(Complaint::at(path, shown(&other), "an object"));
                Map::new()
            }
        };
        Parts { path: path.to_owned(), map, complaints }
    }

    /// The path of a member.
    pub(crate) fn at(&self, key: &str) -> String {
        join(&self.path, key)
    }

    /// Takes a member out as it is; null counts as absent.
    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|v| !v.is_null())
    }

    /// Takes a member out and reads it; one that cannot be read is a complaint.
    pub(crate) fn read<T: DeserializeOwned>(&mut self, key: &str) -> Option<T> {
        let value = self.take(key)?;
        let path = self.at(key);
        read(value, &path).map_err(|c| self.complaints.push(c)).ok()
    }

    /// Adds a complaint about a member.
    pub(crate) fn complain(&mut self, key: &str, value: impl std::fmt::Display, expected: impl Into<String>) {
        if self.complaints.len() < MOST_COMPLAINTS {
            let path = self.at(key);
            self.complaints.push(Complaint::at(path, value, expected));
        }
    }

    /// Adds complaints that were found elsewhere.
    pub(crate) fn add(&mut self, complaints: impl IntoIterator<Item = Complaint>) {
        let room = MOST_COMPLAINTS.saturating_sub(self.complaints.len());
        self.complaints.extend(complaints.into_iter().take(room));
    }

    /// Complains about the members nobody took, and hands back all complaints.
    pub(crate) fn finish(mut self, known: &str) -> Vec<Complaint> {
        for (key, value) in std::mem::take(&mut self.map) {
            self.complain(&key, shown(&value), format!("no such member; known are {known}"));
        }
        self.complaints
    }
}

/// Reads one value of a known type.
///
/// # Errors
/// Where in it the first thing is wrong, and what.
pub(crate) fn read<T: DeserializeOwned>(value: Value, path: &str) -> Result<T, Complaint> {
    serde_path_to_error::deserialize(&value).map_err(|e| {
        let inner = e.path().to_string();
        let at = if inner == "." { path.to_owned() } else { join(path, &inner) };
        let found = value.pointer(&pointer(&inner)).map_or_else(|| "something else".to_owned(), shown);
        Complaint::at(at, found, e.into_inner().to_string())
    })
}

/// Reads JSON, or YAML where the document does not begin like JSON.
///
/// # Errors
/// Where the text stops being either, or that it is too large.
pub fn document(bytes: &[u8]) -> Result<Value, Complaints> {
    if bytes.len() > LARGEST {
        let size = format!("{} bytes", bytes.len());
        return Err(Complaint::at("", size, format!("at most {LARGEST} bytes")).into());
    }
    if looks_like_json(bytes) {
        return serde_json::from_slice(bytes).map_err(|e| Complaint::at("", "broken JSON", e.to_string()).into());
    }
    yaml(bytes)
}

/// True where a document begins like a JSON object or array.
pub(crate) fn looks_like_json(bytes: &[u8]) -> bool {
    bytes.iter().find(|b| !b.is_ascii_whitespace()).is_some_and(|b| matches!(b, b'{' | b'['))
}

/// Reads YAML into a known type.
pub(crate) fn yaml<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Complaints> {
    let text = std::str::from_utf8(bytes).map_err(|e| Complaint::at("", "bytes that are not UTF-8", e.to_string()))?;
    serde_saphyr::from_str(text).map_err(|e| Complaint::at("", "broken YAML", e.to_string()).into())
}

/// A value as complaints quote it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(items) => format!("a list of {}", items.len()),
        Value::Null => "nothing".to_owned(),
        other => other.to_string(),
    }
}

pub(crate) fn join(path: &str, key: &str) -> String {
    let dot = if path.is_empty() || key.starts_with('[') { "" } else { "." };
    format!("{path}{dot}{key}")
}

/// `a[0].b` as a JSON pointer.
fn pointer(path: &str) -> String {
    let flat = path.replace('[', ".").replace(']', "");
    flat.split('.').filter(|p| !p.is_empty()).map(|p| format!("/{}", p.replace('~', "~0").replace('/', "~1"))).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_broken_member_is_named() {
        let mut parts = Parts::of(json!({"count": "many", "name": "a", "odd": 1, "zones": null}), "pool");
        assert_eq!(parts.read::<u32>("count"), None);
        assert_eq!(parts.read::<String>("name").as_deref(), Some("a"));
        assert_eq!(parts.read::<Vec<String>>("zones"), None);
        let all: Vec<String> = parts.finish("count, name").iter().map(ToString::to_string).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert!(all[0].starts_with("pool.count: found \"many\""), "{all:?}");
        assert!(all[1].starts_with("pool.odd: found 1, expected no such member"), "{all:?}");
    }

    #[test]
    fn the_path_leads_into_lists() {
        let complaint = read::<Vec<Vec<u32>>>(json!([[1], [2, -3]]), "axes").unwrap_err();
        assert_eq!(complaint.path, "axes[1][1]");
        assert_eq!(complaint.value, "-3");
    }

    #[test]
    fn yaml_and_json_are_told_apart() {
        assert_eq!(document(b" {\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(document(b"a: 1\nb: [x, 2.5]\n").unwrap(), json!({"a": 1, "b": ["x", 2.5]}));
        assert!(document(b"{\"a\": ").is_err());
        assert!(document(b"a: [").is_err());
        assert!(document(&[0xff, 0xfe, 0x00]).is_err());
    }

    #[test]
    fn depth_is_bounded() {
        let json = [vec![b'['; 10_000], vec![b']'; 10_000]].concat();
        assert!(document(&json).is_err());
        let yaml = format!("a: {}", String::from_utf8(json).unwrap());
        assert!(document(yaml.as_bytes()).is_err());
    }
}
