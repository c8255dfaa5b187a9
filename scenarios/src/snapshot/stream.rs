//! Reads JSON with the objects of an `items` list handed over one by one, so that a large printout is never in memory as a
//! whole tree: the list itself comes back empty.

use std::fmt;

use serde::Deserialize;
use serde::de::value::SeqAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a whole text; `take` gets every object of `items` with its path.
///
/// # Errors
/// Where the text is no JSON.
pub(super) fn read(bytes: &[u8], take: &mut dyn FnMut(Value, &str)) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Part { take, path: "", items: false }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// A value at the top, or the value of `items`.
struct Part<'t> {
    take: &'t mut dyn FnMut(Value, &str),
    path: &'t str,
    items: bool,
}

impl<'de> DeserializeSeed<'de> for Part<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Part<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let value = if key == "items" {
                // `items` may be a list object with `items` of its own.
                let path = if self.items { format!("{}.items", self.path) } else { "items".to_owned() };
                access.next_value_seed(Part { take: &mut *self.take, path: &path, items: true })?
            } else {
                access.next_value()?
            };
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        if !self.items {
            return Value::deserialize(SeqAccessDeserializer::new(access));
        }
        let mut n = 0usize;
        while let Some(value) = access.next_element::<Value>()? {
            (self.take)(value, &format!("{}[{n}]", self.path));
            n += 1;
        }
        Ok(Value::Array(Vec::new()))
    }

    fn visit_bool<E: Error>(self, v: bool) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_i64<E: Error>(self, v: i64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_u64<E: Error>(self, v: u64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_f64<E: Error>(self, v: f64) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_str<E: Error>(self, v: &str) -> Result<Value, E> {
        Ok(v.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
}
