//! Values of parameters put into a document: a text that begins with `=` is an expression, `${...}` within a text is one as well,
//! `when` on an object drops it where its value is 0, and `forEach: {i: N}` on an item of a list repeats it with `i` from 0 to
//! N - 1.

use schemars::JsonSchema;
use serde_json::{Map, Number, Value};

use super::expression::{self, Scope};
use crate::complaint::Complaint;
use crate::part::{join, shown};

/// Most items that every `forEach` of a document makes together.
const MOST: u32 = 20_000;

/// A number, or the text of an expression such as `=nodes - 1`.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[allow(dead_code, reason = "describes what may be written; documents are read with their values filled in")]
pub enum Expressed {
    /// The number itself.
    Number(f64),
    /// An expression.
    Text(String),
}

/// The document with the values of `scope` in it; null where it is dropped.
///
/// # Errors
/// Every expression that cannot be worked out, with its path.
pub fn fill(value: &Value, scope: &Scope, path: &str) -> Result<Value, Vec<Complaint>> {
    let mut filler = Filler { complaints: Vec::new(), made: 0 };
    let filled = filler.value(value, scope, path).unwrap_or(Value::Null);
    if filler.complaints.is_empty() { Ok(filled) } else { Err(filler.complaints) }
}

/// The number that a number or an expression stands for.
///
/// # Errors
/// What is wrong with it, at `path`.
pub fn number(value: &Value, scope: &Scope, path: &str) -> Result<f64, Complaint> {
    let text = match value {
        Value::String(text) => text.trim().strip_prefix('=').unwrap_or(text),
        Value::Bool(yes) => return Ok(f64::from(u8::from(*yes))),
        other => {
            return other.as_f64().ok_or_else(|| Complaint::at(path, shown(other), "a number or an expression"));
        }
    };
    expression::evaluate(text, scope).map_err(|expected| Complaint::at(path, text, expected))
}

struct Filler {
    complaints: Vec<Complaint>,
    /// Items that were repeated so far.
    made: u32,
}

impl Filler {
    fn value(&mut self, value: &Value, scope: &Scope, path: &str) -> Option<Value> {
        match value {
            Value::String(text) => Some(self.text(text, scope, path)),
            Value::Array(items) => {
                let mut all = Vec::new();
                for (i, item) in items.iter().enumerate() {
                    self.item(item, scope, &format!("{path}[{i}]"), &mut all);
                }
                Some(Value::Array(all))
            }
            Value::Object(map) => self.object(map, scope, path),
            other => Some(other.clone()),
        }
    }

    /// One item of a list, or as many as it asks for.
    fn item(&mut self, item: &Value, scope: &Scope, path: &str, all: &mut Vec<Value>) {
        let each = item.as_object().and_then(|map| map.get("forEach"));
        let Some(each) = each else {
            return all.extend(self.value(item, scope, path));
        };
        let at = join(path, "forEach");
        let Some((name, count)) = each.as_object().filter(|m| m.len() == 1).and_then(|m| m.iter().next()) else {
            return self.complaints.push(Complaint::at(at, shown(each), "one name and a count, such as {i: 4}"));
        };
        let count = match number(count, scope, &at) {
            Ok(count) if (0.0..=f64::from(MOST - self.made)).contains(&count) => count as u32,
            Ok(count) => return self.complaints.push(Complaint::at(at, count, format!("0 to {MOST} in all"))),
            Err(complaint) => return self.complaints.push(complaint),
        };
        self.made += count;
        let mut inner = scope.clone();
        for i in 0..count {
            inner.insert(name.clone(), f64::from(i));
            all.extend(item.as_object().and_then(|map| self.object(map, &inner, path)));
        }
    }

    fn object(&mut self, map: &Map<String, Value>, scope: &Scope, path: &str) -> Option<Value> {
        if let Some(when) = map.get("when") {
            match number(when, scope, &join(path, "when")) {
                Ok(0.0) => return None,
                Ok(_) => {}
                Err(complaint) => self.complaints.push(complaint),
            }
        }
        let members = map.iter().filter(|(key, _)| *key != "when" && *key != "forEach");
        let mut filled = Map::new();
        for (key, value) in members {
            if let Some(value) = self.value(value, scope, &join(path, key)) {
                filled.insert(key.clone(), value);
            }
        }
        Some(Value::Object(filled))
    }

    fn text(&mut self, text: &str, scope: &Scope, path: &str) -> Value {
        if let Some(expression) = text.strip_prefix('=') {
            return self.worked_out(expression, scope, path).map_or(Value::Null, as_number);
        }
        let (mut out, mut rest) = (String::new(), text);
        while let Some((before, after)) = rest.split_once("${") {
            let Some((expression, further)) = after.split_once('}') else { break };
            out.push_str(before);
            if let Some(value) = self.worked_out(expression, scope, path) {
                out.push_str(&as_number(value).to_string());
            }
            rest = further;
        }
        out.push_str(rest);
        Value::String(out)
    }

    fn worked_out(&mut self, expression: &str, scope: &Scope, path: &str) -> Option<f64> {
        let value = expression::evaluate(expression, scope);
        value.map_err(|expected| self.complaints.push(Complaint::at(path, expression.trim(), expected))).ok()
    }
}

/// Whole numbers without a point, so that they may stand for counts.
pub fn as_number(value: f64) -> Value {
    let whole = value.fract() == 0.0 && value.abs() < 1e15;
    if whole { Value::from(value as i64) } else { Number::from_f64(value).map_or(Value::Null, Value::Number) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use serde_json::json;

    fn filled(value: Value) -> Result<Value, Vec<String>> {
        let scope = [("n".to_owned(), 3.0), ("half".to_owned(), 0.5), ("off".to_owned(), 0.0)].into();
        fill(&value, &scope, "top").map_err(|all| all.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn values_texts_conditions_and_repetitions() {
        for (written, expected) in [
            (json!({"count": "=n + 1", "share": "= half"}), json!({"count": 4, "share": 0.5})),
            (json!({"name": "pool-${n}/${n - 1}", "plain": "a = b"}), json!({"name": "pool-3/2", "plain": "a = b"})),
            (json!({"kept": {"when": "n > 2", "a": 1}, "gone": {"when": "=off", "a": 1}}), json!({"kept": {"a": 1}})),
            (json!([{"when": "off"}, {"when": true, "a": 1}, 7]), json!([{"a": 1}, 7])),
            (
                json!([{"forEach": {"i": "n"}, "when": "i != 1", "node": "p/${i}"}]),
                json!([{"node": "p/0"}, {"node": "p/2"}]),
            ),
            (json!({"price": "${"}), json!({"price": "${"})),
        ] {
            assert_eq!(filled(written.clone()), Ok(expected), "{written}");
        }
    }

    #[test]
    fn every_mistake_has_its_path() {
        let written = json!({"a": "=x", "list": [{"forEach": {"i": 9e9}}, {"forEach": 3}, {"when": "y"}, "${n *}"]});
        let found = filled(written).unwrap_err();
        let paths: Vec<&str> = found.iter().map(|c| c.split(':').next().unwrap()).collect();
        assert_eq!(paths, ["top.a", "top.list[0].forEach", "top.list[1].forEach", "top.list[2].when", "top.list[3]"]);
    }
}
