//! The fuzz targets, the merge built by itself, and JSON grown from the fuzzer's bytes.
//!
//! A target in `fuzz_targets/` calls its module here, since most of the merge is visible in its own crate only.

use arbitrary::{Result, Unstructured};
use serde_json::{Map, Value, json};

pub mod apply;
pub mod field_set;
#[path = "../../src/kind/mod.rs"]
mod kind;
#[path = "../../src/merge/mod.rs"]
mod merge;
/// The targets that drive the whole library; their kept inputs are replayed by the tests beside them.
#[path = "../../tests/integration/fuzzed/targets.rs"]
pub mod targets;

use merge::{ListKind, ScalarKind, TypeRef, TypeShape};

/// How deep grown values go.
const DEPTH: usize = 7;

/// One of the words, or any short text.
fn word(u: &mut Unstructured<'_>, words: &[&str]) -> Result<String> {
    Ok(if u.ratio(1, 8)? { u.arbitrary::<&str>()?.chars().take(12).collect() } else { (*u.choose(words)?).to_owned() })
}

/// A single value.
fn scalar(u: &mut Unstructured<'_>) -> Result<Value> {
    const TEXTS: &[&str] =
        &["", "a", "b", "TCP", "UDP", "80", "1Gi", "0.5", "100u", "1e3", "25%", "YQ==", "2026-01-01T00:00:00Z"];
    Ok(match u.int_in_range(0..=7)? {
        0 => Value::Null,
        1 => json!(u.arbitrary::<bool>()?),
        2 => json!(u.arbitrary::<i64>()?),
        3 => json!(u.arbitrary::<f64>()?),
        4 => json!(u.int_in_range(0..=3)?),
        _ => json!(word(u, TEXTS)?),
    })
}

/// Any JSON, its members named by these words for the most part.
fn any(u: &mut Unstructured<'_>, words: &[&str], depth: usize) -> Result<Value> {
    let kind = if depth >= DEPTH || u.is_empty() { 0 } else { u.int_in_range(0..=4)? };
    Ok(match kind {
        0 | 1 => scalar(u)?,
        2 => (0..u.int_in_range(0..=3)?).map(|_| any(u, words, depth + 1)).collect::<Result<Value>>()?,
        _ => {
            let mut map = Map::new();
            for _ in 0..u.int_in_range(0..=4)? {
                map.insert(word(u, words)?, any(u, words, depth + 1)?);
            }
            Value::Object(map)
        }
    })
}

/// A `fieldsV1` object.
fn fields(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    const KEYS: &[&str] = &[
        ".",
        "f:",
        "f:a",
        "f:b",
        "f:spec",
        "k:{\"name\":\"a\"}",
        "k:{\"name\":\"b\"}",
        "k:{ \"name\" : \"a\" }",
        "k:{\"port\":80,\"protocol\":\"TCP\"}",
        "k:{\"protocol\":\"TCP\",\"port\":80}",
        "k:{\"a\":1.0}",
        "k:{}",
        "k:{",
        "v:1",
        "v:1.0",
        "v:\"a\"",
        "v:{\"b\":1,\"a\":2}",
        "v:null",
        "v:",
        "i:0",
        "i:1",
        "i:-1",
        "i:+1",
        "i:",
        "x:a",
        "é",
    ];
    let mut map = Map::new();
    if depth < DEPTH {
        for _ in 0..u.int_in_range(0..=4)? {
            let value = if u.ratio(1, 16)? { scalar(u)? } else { fields(u, depth + 1)? };
            map.insert(word(u, KEYS)?, value);
        }
    }
    Ok(Value::Object(map))
}

/// An OpenAPI schema as definitions hold it.
fn schema(u: &mut Unstructured<'_>, depth: usize) -> Result<Value> {
    let mut out = Map::new();
    let kind = if depth >= 4 { u.int_in_range(0..=4)? } else { u.int_in_range(0..=9)? };
    let name = ["string", "integer", "number", "boolean", "", "array", "array", "object", "object", "object"][kind];
    if !name.is_empty() {
        out.insert("type".into(), json!(name));
    }
    match name {
        "" => {
            out.insert(
                (*u.choose(&["x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields"])?).into(),
                json!(true),
            );
        }
        "array" => list_schema(u, &mut out, depth)?,
        "object" => object_schema(u, &mut out, depth)?,
        _ => {}
    }
    for flag in ["nullable", "x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] {
        if u.ratio(1, 10)? {
            out.insert(flag.into(), json!(true));
        }
    }
    // A server takes only defaults that fit.
    if u.ratio(1, 5)? {
        let default = match name {
            "string" => json!("d"),
            "integer" => json!(7),
            "number" => json!(0.5),
            "boolean" => json!(true),
            "array" => json!([]),
            "object" => json!({}),
            _ => return Ok(Value::Object(out)),
        };
        out.insert("default".into(), default);
    }
    Ok(Value::Object(out))
}

fn list_schema(u: &mut Unstructured<'_>, out: &mut Map<String, Value>, depth: usize) -> Result<()> {
    let mut items = schema(u, depth + 1)?;
    match u.int_in_range(0..=3)? {
        0 => {}
        1 => drop(out.insert("x-kubernetes-list-type".into(), json!("set"))),
        2 => drop(out.insert("x-kubernetes-list-type".into(), json!("atomic"))),
        _ => {
            out.insert("x-kubernetes-list-type".into(), json!("map"));
            let keys: &[&str] = u.choose(&[&["name"][..], &["port", "protocol"][..]])?;
            out.insert("x-kubernetes-list-map-keys".into(), json!(keys));
            for key in keys {
                items["type"] = json!("object");
                let mut of = json!({"type": if *key == "port" { "integer" } else { "string" }});
                if *key == "protocol" && u.arbitrary()? {
                    of["default"] = json!("TCP");
                }
                items["properties"][*key] = of;
            }
        }
    }
    out.insert("items".into(), items);
    Ok(())
}

fn object_schema(u: &mut Unstructured<'_>, out: &mut Map<String, Value>, depth: usize) -> Result<()> {
    let mut properties = Map::new();
    for _ in 0..u.int_in_range(0..=4)? {
        properties.insert((*u.choose(NAMES)?).into(), schema(u, depth + 1)?);
    }
    if properties.is_empty() && u.arbitrary()? {
        out.insert("additionalProperties".into(), schema(u, depth + 1)?);
    } else if !properties.is_empty() {
        out.insert("properties".into(), Value::Object(properties));
    }
    if u.ratio(1, 6)? {
        out.insert("x-kubernetes-map-type".into(), json!("atomic"));
    }
    Ok(())
}

const NAMES: &[&str] = &["a", "b", "name", "port", "protocol", "spec", "status", "metadata"];

/// A value that fits a type, or nearly.
fn fitting(u: &mut Unstructured<'_>, of: &TypeRef, id: merge::TypeId, depth: usize) -> Result<Value> {
    if u.is_empty() || depth > 12 {
        return Ok(Value::Null);
    }
    if u.ratio(1, 60)? {
        return any(u, NAMES, 3);
    }
    let one = of.table().get(id);
    Ok(match &one.shape {
        TypeShape::Scalar(kind) => fitting_scalar(u, *kind)?,
        TypeShape::List(list) => {
            let mut items = Vec::new();
            for _ in 0..u.int_in_range(0..=3)? {
                let mut item = fitting(u, of, list.items, depth + 1)?;
                if let (ListKind::Map(keys), Value::Object(item)) = (&list.kind, &mut item) {
                    for (key, default) in keys {
                        // An empty key is another one once the server has put its default there, as is known of it.
                        if item.get(&**key) == Some(&json!("")) {
                            item.remove(&**key);
                        }
                        if default.is_none() || u.arbitrary()? {
                            let key_type = match &of.table().get(list.items).shape {
                                TypeShape::Map(object) => object.child(key),
                                _ => None,
                            };
                            let value = key_type.map_or(Ok(json!("a")), |id| fitting(u, of, id, 12))?;
                            item.insert(key.to_string(), if value == "" { json!("a") } else { value });
                        }
                    }
                }
                items.push(item);
            }
            Value::Array(items)
        }
        TypeShape::Map(object) => {
            let mut map = Map::new();
            let names: Vec<&str> = object.fields.keys().map(AsRef::as_ref).collect();
            for _ in 0..u.int_in_range(0..=4)? {
                let name = if names.is_empty() || u.ratio(1, 30)? { *u.choose(NAMES)? } else { *u.choose(&names)? };
                if depth == 0 && ["apiVersion", "kind", "metadata"].contains(&name) {
                    continue;
                }
                if let Some(child) = object.child(name) {
                    map.insert(name.to_owned(), fitting(u, of, child, depth + 1)?);
                }
            }
            Value::Object(map)
        }
        TypeShape::Any => any(u, NAMES, 4)?,
    })
}

fn fitting_scalar(u: &mut Unstructured<'_>, kind: ScalarKind) -> Result<Value> {
    Ok(match kind {
        ScalarKind::String => json!(*u.choose(&["a", "b", "", "TCP", "UDP"])?),
        ScalarKind::Integer | ScalarKind::SmallInteger => json!(u.int_in_range(-1..=3)?),
        ScalarKind::Number => json!(*u.choose(&[0.0, 1.0, 1.5, -2.0, 1e21])?),
        ScalarKind::Boolean => json!(u.arbitrary::<bool>()?),
        ScalarKind::IntOrString => u.choose(&[json!(80), json!("http"), json!("25%")])?.clone(),
        ScalarKind::Quantity => {
            u.choose(&[json!("1Gi"), json!("0.5"), json!(2), json!("1000m"), json!("100u")])?.clone()
        }
        ScalarKind::Time => json!("2026-01-01T00:00:00Z"),
        ScalarKind::MicroTime => json!("2026-01-01T00:00:00.000001Z"),
        ScalarKind::Bytes => json!(*u.choose(&["", "YQ==", "not base64"])?),
    })
}
