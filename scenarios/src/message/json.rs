//! Strict JSON: bounded in size, depth and number of values, without duplicate keys. What serde_json accepts silently
//! (the last of two equal keys wins) would let a message mean different things to different readers.

use std::collections::btree_map::Entry;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::complaint::Complaint;

/// Deepest nesting read; serde_json itself stops at 128, and every walk over a value may recurse this deep.
pub const MAX_DEPTH: usize = 100;

/// Most values (numbers, strings, lists, objects, ...) in one text; bounds memory at some 100 bytes each.
pub const MAX_VALUES: usize = 1_000_000;

/// Most duplicate keys named in one answer.
const MAX_DUPLICATES: usize = 20;

/// Reads a text as one JSON value; `path` says where the text stands in the message.
pub fn parse(text: &str, path: &str) -> Result<Value, Vec<Complaint>> {
    if too_deep(text.as_bytes()) {
        let expected = format!("JSON nested at most {MAX_DEPTH} levels deep");
        return Err(vec![Complaint::at(path, format!("JSON nested deeper than {MAX_DEPTH} levels"), expected)]);
    }
    let mut state = State::default();
    let mut reader = serde_json::Deserializer::from_str(text);
    let read = Node(&mut state).deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
    match read {
        Ok(value) if state.duplicates.is_empty() => Ok(value),
        Ok(_) => Err(state.duplicates.iter().map(|at| duplicate(path, at)).collect()),
        Err(_) if state.values > MAX_VALUES => {
            let expected = format!("at most {MAX_VALUES} JSON values in one message");
            Err(vec![Complaint::at(path, format!("more than {MAX_VALUES} values"), expected)])
        }
        Err(e) if e.is_eof() => Err(vec![Complaint::at(path, format!("JSON that ends early ({e})"), "complete JSON")]),
        Err(e) => Err(vec![Complaint::at(path, format!("broken JSON ({e})"), "valid JSON")]),
    }
}

fn duplicate(path: &str, at: &str) -> Complaint {
    Complaint::at(join(path, at), "the same key twice", "each key once in an object")
}

/// Appends a path to a path.
pub fn join(base: &str, next: &str) -> String {
    match (base.is_empty(), next.is_empty()) {
        (true, _) => next.to_owned(),
        (_, true) => base.to_owned(),
        _ if next.starts_with('[') => format!("{base}{next}"),
        _ => format!("{base}.{next}"),
    }
}

/// A scan of the brackets outside strings, so that depth is refused before anything recurses.
fn too_deep(bytes: &[u8]) -> bool {
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

#[derive(Default)]
struct State {
    values: usize,
    path: Vec<String>,
    duplicates: Vec<String>,
}

impl State {
    fn here(&self) -> String {
        self.path.iter().fold(String::new(), |path, next| join(&path, next))
    }
}

struct Node<'a>(&'a mut State);

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        self.0.values += 1;
        if self.0.values > MAX_VALUES {
            return Err(D::Error::custom("too many values"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        loop {
            self.0.path.push(format!("[{}]", list.len()));
            let next = access.next_element_seed(Node(self.0))?;
            self.0.path.pop();
            match next {
                Some(value) => list.push(value),
                None => return Ok(Value::Array(list)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = std::collections::BTreeMap::new();
        while let Some(key) = access.next_key::<String>()? {
            self.0.path.push(key.clone());
            let value = access.next_value_seed(Node(self.0))?;
            match map.entry(key) {
                Entry::Vacant(entry) => _ = entry.insert(value),
                Entry::Occupied(_) if self.0.duplicates.len() < MAX_DUPLICATES => {
                    let here = self.0.here();
                    self.0.duplicates.push(here);
                }
                Entry::Occupied(_) => {}
            }
            self.0.path.pop();
        }
        Ok(Value::Object(map.into_iter().collect::<Map<String, Value>>()))
    }
}

/// A value as text with the keys of every object in order: equal values give equal texts whatever order they came in.
pub fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let fields = keys.into_iter().map(|key| format!("{}:{}", Value::String(key.clone()), canonical(&map[key])));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
        Value::Array(list) => format!("[{}]", list.iter().map(canonical).collect::<Vec<_>>().join(",")),
        scalar => scalar.to_string(),
    }
}

/// A value in few words, for complaints.
pub fn show(value: &Value) -> String {
    match value {
        Value::Object(_) => "an object".to_owned(),
        Value::Array(_) => "a list".to_owned(),
        Value::String(text) => format!("the text {text}"),
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn complaint(text: &str) -> String {
        parse(text, "").unwrap_err().iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn reads_what_serde_json_reads() {
        let text = r#"{"a":[1,-2,2.5,true,null,"x\u00e9"],"b":{"c":{}}}"#;
        assert_eq!(parse(text, "").unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn duplicate_keys_are_named_by_path() {
        assert_eq!(
            complaint(r#"{"a":[{"b":1,"b":2}],"c":1,"c":1}"#),
            "a[0].b: found the same key twice, expected each key once in an object; c: found the same key twice, expected each key once in an object"
        );
    }

    #[test]
    fn truncated_text_says_where_it_ends() {
        assert!(complaint(r#"{"a": [1, 2"#).starts_with("found JSON that ends early"));
    }

    #[test]
    fn depth_is_refused_before_anything_recurses() {
        assert!(parse(&format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH)), "").is_ok());
        assert!(complaint(&"[".repeat(10_000)).contains("nested deeper than 100 levels"));
        assert!(complaint(&"{\"a\":".repeat(10_000)).contains("nested deeper than 100 levels"));
        assert!(parse(&format!("\"{}\"", "[".repeat(10_000)), "").is_ok());
    }

    #[test]
    fn number_of_values_is_bounded() {
        let text = format!("[{}1]", "1,".repeat(MAX_VALUES));
        assert!(complaint(&text).contains("more than 1000000 values"));
    }

    #[test]
    fn numbers_beyond_floats_are_refused() {
        assert!(complaint("[1e999]").contains("broken JSON"));
    }

    #[test]
    fn canonical_text_does_not_depend_on_order() {
        let (a, b) = (parse(r#"{"x":1,"y":[{"b":1,"a":2}]}"#, ""), parse(r#"{"y":[{"a":2,"b":1}],"x":1}"#, ""));
        assert_eq!(canonical(&a.unwrap()), canonical(&b.unwrap()));
    }
}
