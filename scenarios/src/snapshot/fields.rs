//! Takes the fields of a JSON object one by one and keeps every complaint, so that a broken object is described whole.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::complaint::Complaint;

/// What is left of a JSON object, and what was wrong with what was taken.
pub(crate) struct Fields {
    map: Map<String, Value>,
    path: String,
    /// What was wrong.
    pub complaints: Vec<Complaint>,
}

impl Fields {
    /// The fields of an object at a path.
    pub fn new(map: Map<String, Value>, path: impl Into<String>) -> Fields {
        Fields { map, path: path.into(), complaints: Vec::new() }
    }

    /// Takes a field by name, or, failing that, by name in any case (older printouts write `osDiskSizeGb`). Null counts as absent.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let value = self.map.remove(name).or_else(|| {
            let key = self.map.keys().find(|k| k.eq_ignore_ascii_case(name)).cloned()?;
            self.map.remove(&key)
        });
        value.filter(|v| !v.is_null())
    }

    /// Takes a text; an empty one counts as absent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(s) => Some(s).filter(|s| !s.is_empty()),
            other => self.complain(name, &other, "a text"),
        }
    }

    /// Takes a count from 0 to `most`.
    pub fn count(&mut self, name: &str, most: u32) -> Option<u32> {
        let value = self.take(name)?;
        match value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n <= most) {
            Some(n) => Some(n),
            None => self.complain(name, &value, format!("a count from 0 to {most}")),
        }
    }

    /// Takes true or false.
    pub fn flag(&mut self, name: &str) -> Option<bool> {
        match self.take(name)? {
            Value::Bool(b) => Some(b),
            other => self.complain(name, &other, "true or false"),
        }
    }

    /// Takes a text or a number, as text.
    pub fn text_or_number(&mut self, name: &str) -> Option<String> {
        match self.take(name)? {
            Value::String(s) => Some(s).filter(|s| !s.is_empty()),
            Value::Number(n) => Some(n.to_string()),
            other => self.complain(name, &other, "a text or a number"),
        }
    }

    /// Takes a list of texts (numbers are taken for texts: zones are written both ways).
    pub fn texts(&mut self, name: &str) -> Option<Vec<String>> {
        let value = self.take(name)?;
        let read = |v: &Value| match v {
            Value::String(s) => Some(s.clone()),
            Value::Number(n) => Some(n.to_string()),
            _ => None,
        };
        match value.as_array().and_then(|list| list.iter().map(read).collect()) {
            Some(list) => Some(list),
            None => self.complain(name, &value, "a list of texts"),
        }
    }

    /// Takes a map from texts to texts, numbers or truth values, as texts.
    pub fn texts_by_name(&mut self, name: &str) -> Option<BTreeMap<String, String>> {
        let value = self.take(name)?;
        let read = |v: &Value| match v {
            Value::String(s) => Some(s.clone()),
            Value::Number(_) | Value::Bool(_) => Some(v.to_string()),
            Value::Null => Some(String::new()),
            _ => None,
        };
        let map = value.as_object().and_then(|m| m.iter().map(|(k, v)| Some((k.clone(), read(v)?))).collect());
        map.or_else(|| self.complain(name, &value, "an object of texts"))
    }

    /// Takes a map from texts to counts, keys in lower case.
    pub fn counts_by_name(&mut self, name: &str) -> Option<BTreeMap<String, u32>> {
        let value = self.take(name)?;
        let read = |v: &Value| v.as_u64().and_then(|n| u32::try_from(n).ok());
        let map =
            value.as_object().and_then(|m| m.iter().map(|(k, v)| Some((k.to_ascii_lowercase(), read(v)?))).collect());
        map.or_else(|| self.complain(name, &value, "an object of counts"))
    }

    /// Takes an object, as fields of its own; give them back to [`Fields::close`].
    pub fn object(&mut self, name: &str) -> Option<Fields> {
        match self.take(name)? {
            Value::Object(map) => Some(Fields::new(map, format!("{}.{name}", self.path))),
            other => self.complain(name, &other, "an object"),
        }
    }

    /// Keeps the complaints of a part.
    pub fn close(&mut self, part: Fields) {
        self.complaints.extend(part.complaints);
    }

    /// Notes that the value of a field does not fit.
    pub fn complain<T>(&mut self, name: &str, value: &Value, expected: impl Into<String>) -> Option<T> {
        self.complaints.push(Complaint::at(format!("{}.{name}", self.path), value, expected));
        None
    }

    /// What was not taken, without nulls.
    pub fn rest(&mut self) -> BTreeMap<String, Value> {
        std::mem::take(&mut self.map).into_iter().filter(|(_, v)| !v.is_null()).collect()
    }
}
