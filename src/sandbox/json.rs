//! Bodies of requests: JSON that remembers keys given twice, and YAML.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use super::status::Status;

/// A body, and the paths of the keys that it gives twice.
#[derive(Debug)]
pub(crate) struct Body {
    /// The value; of a key given twice the last one.
    pub(crate) value: Value,
    /// Paths such as `data.a`.
    pub(crate) twice: Vec<String>,
}

struct Reader<'a> {
    path: String,
    twice: &'a mut Vec<String>,
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a number"))?;
        Ok(Value::Number(number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        loop {
            let reader = Reader { path: format!("{}[{}]", self.path, items.len()), twice: &mut *self.twice };
            match access.next_element_seed(reader)? {
                Some(item) => items.push(item),
                None => return Ok(Value::Array(items)),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut fields = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            let path = if self.path.is_empty() { key.clone() } else { format!("{}.{key}", self.path) };
            if fields.contains_key(&key) {
                self.twice.push(path.clone());
            }
            let reader = Reader { path, twice: &mut *self.twice };
            let value = access.next_value_seed(reader)?;
            fields.insert(key, value);
        }
        if fields.len() > 1_000_000 {
            return Err(A::Error::custom("too many keys"));
        }
        Ok(Value::Object(fields))
    }
}

pub(crate) fn json(bytes: &[u8]) -> Result<Body, serde_json::Error> {
    let mut twice = Vec::new();
    let reader = Reader { path: String::new(), twice: &mut twice };
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = reader.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(Body { value, twice })
}

/// Reads YAML, of which JSON is a part. A key given twice is an error, as it is for the real
/// server when it is asked to be strict.
pub(crate) fn yaml(bytes: &[u8], strict: bool) -> Result<Value, Status> {
    if bytes.trim_ascii_start().starts_with(b"{")
        && let Ok(body) = json(bytes)
        && (body.twice.is_empty() || !strict)
    {
        return Ok(body.value);
    }
    let text =
        std::str::from_utf8(bytes).map_err(|_| Status::bad_request("error decoding YAML: yaml: invalid UTF-8"))?;
    serde_saphyr::from_str::<Value>(text).map_err(|error| yaml_error(&error, text))
}

/// Reads a patch: JSON, or YAML where it is no JSON.
pub(crate) fn yaml_or_json(bytes: &[u8]) -> Result<Body, Status> {
    json(bytes).or_else(|_| Ok(Body { value: yaml(bytes, true)?, twice: Vec::new() }))
}

fn yaml_error(error: &serde_saphyr::Error, text: &str) -> Status {
    if let serde_saphyr::Error::DuplicateMappingKey { key, location, .. } = error.without_snippet() {
        let line = location.line();
        let key = key.clone().unwrap_or_else(|| {
            let line = usize::try_from(line).unwrap_or(1).saturating_sub(1);
            let line = text.lines().nth(line).unwrap_or_default();
            line.split(':').next().unwrap_or_default().trim().to_owned()
        });
        return Status::bad_request(format!(
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line {line}: key {key:?} already set in map"
        ));
    }
    Status::bad_request(format!("error decoding YAML: {}", error.without_snippet()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_given_twice_are_remembered_with_their_paths() {
        let body = json(br#"{"data": {"a": 1, "a": 2}, "x": [{"b": 1, "b": null}]}"#).unwrap();
        assert_eq!(body.twice, ["data.a", "x[0].b"]);
        assert_eq!(body.value["data"]["a"], 2);
        assert!(json(b"{} x").is_err());
    }

    #[test]
    fn a_key_given_twice_in_yaml_is_named_with_its_line() {
        let status = yaml(b"kind: A\ndata:\n  a: '1'\n  a: '2'\n", true).unwrap_err();
        assert_eq!(status.code, 400);
        assert!(status.message.ends_with("line 4: key \"a\" already set in map"), "{}", status.message);
        assert_eq!(yaml(b"a: {b: 1}\n", true).unwrap()["a"]["b"], 1);
    }
}
