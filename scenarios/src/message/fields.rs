//! Reads the fields of a JSON object by name, and collects what is wrong with them instead of stopping at the first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::json::{join, show};
use crate::complaint::Complaint;

/// An object, where it stands in the message, and where complaints about it go.
pub struct Fields<'a> {
    map: &'a Map<String, Value>,
    path: String,
    complaints: &'a mut Vec<Complaint>,
}

impl<'a> Fields<'a> {
    /// The fields of `map`, which stands at `path`.
    pub fn new(map: &'a Map<String, Value>, path: &str, complaints: &'a mut Vec<Complaint>) -> Self {
        Fields { map, path: path.to_owned(), complaints }
    }

    /// The value of a field that is there and not null; letter case of the name does not matter.
    pub fn get(&self, name: &str) -> Option<&'a Value> {
        get(self.map, name)
    }

    /// Path of a field.
    pub fn at(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// Notes that a field is not what it should be.
    pub fn complain(&mut self, name: &str, value: &Value, expected: &str) {
        let path = self.at(name);
        self.complaints.push(Complaint::at(path, show(value), expected));
    }

    /// Notes that a field that must be there is not.
    pub fn missing(&mut self, name: &str, expected: &str) {
        let path = self.at(name);
        self.complaints.push(Complaint::at(path, "nothing", expected));
    }

    /// A whole number of things, at least 0.
    pub fn count(&mut self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        let count = count(value);
        if count.is_none() {
            self.complain(name, value, "a whole number from 0 to 4294967295");
        }
        count
    }

    /// A text that is not empty.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) => Some(text.clone()),
            other => {
                self.complain(name, other, "a text");
                None
            }
        }
    }

    /// A count or a percentage: a text, or a number that becomes one.
    pub fn quantity(&mut self, name: &str) -> Option<String> {
        match self.get(name)? {
            Value::String(text) if text.trim().is_empty() => None,
            Value::String(text) if is_quantity(text) => Some(text.trim().to_owned()),
            value if count(value).is_some() => count(value).map(|n| n.to_string()),
            other => {
                self.complain(name, other, "a whole number or a percentage such as \"33%\"");
                None
            }
        }
    }

    /// True or false.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.get(name)? {
            Value::Bool(flag) => Some(*flag),
            other => {
                self.complain(name, other, "true or false");
                None
            }
        }
    }

    /// A list of texts; numbers in it become texts.
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.get(name)?;
        let Value::Array(list) = value else {
            self.complain(name, value, "a list of texts");
            return None;
        };
        let mut texts = Vec::new();
        for (i, item) in list.iter().enumerate() {
            match item {
                Value::String(text) => texts.push(text.clone()),
                Value::Number(number) => texts.push(number.to_string()),
                other => self.complain(&format!("{name}[{i}]"), other, "a text"),
            }
        }
        Some(texts)
    }

    /// A map from text to text.
    pub fn labels(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        let value = self.get(name)?;
        let Value::Object(map) = value else {
            self.complain(name, value, "an object of texts");
            return None;
        };
        let mut labels = BTreeMap::new();
        for (key, item) in map {
            match item {
                Value::String(text) => _ = labels.insert(key.clone(), text.clone()),
                Value::Null => {}
                other => self.complain(&format!("{name}.{key}"), other, "a text"),
            }
        }
        Some(labels)
    }

    /// An object; `None` and a complaint for anything else.
    pub fn object(&mut self, name: &str) -> Option<&'a Map<String, Value>> {
        match self.get(name)? {
            Value::Object(map) => Some(map),
            other => {
                self.complain(name, other, "an object");
                None
            }
        }
    }

    /// The fields of an object field.
    pub fn nested(&mut self, name: &str) -> Option<Fields<'_>> {
        let path = self.at(name);
        let map = self.object(name)?;
        Some(Fields { map, path, complaints: self.complaints })
    }

    /// Runs a reader that takes the list of complaints itself.
    pub fn with_complaints<T>(&mut self, read: impl FnOnce(&mut Vec<Complaint>) -> T) -> T {
        read(self.complaints)
    }

    /// Notes every field whose name is not among `known`.
    pub fn only(&mut self, known: &[&str]) {
        for (key, value) in self.map {
            if !known.contains(&key.as_str()) {
                let expected = format!("one of the fields {}", known.join(", "));
                let value = Value::String(format!("{key}: {}", show(value)));
                self.complain(key, &value, &expected);
            }
        }
    }
}

/// The value of a field that is there and not null: the exact name first, else any letter case.
pub fn get<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let exact = map.get(name);
    let any_case = || map.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    exact.or_else(any_case).filter(|value| !value.is_null())
}

/// A text field of an object, not empty.
pub fn text<'a>(map: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    get(map, name)?.as_str().filter(|text| !text.trim().is_empty())
}

/// A value as a count, where it is one; `3.0` is.
pub fn count(value: &Value) -> Option<u32> {
    let whole = value.as_u64().and_then(|n| u32::try_from(n).ok());
    let float = || value.as_f64().filter(|f| f.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(f));
    whole.or_else(|| float().map(|f| f as u32))
}

/// True for `3` and `33%`.
pub fn is_quantity(text: &str) -> bool {
    let text = text.trim();
    let digits = text.strip_suffix('%').unwrap_or(text);
    !digits.is_empty() && digits.parse::<u32>().is_ok()
}
