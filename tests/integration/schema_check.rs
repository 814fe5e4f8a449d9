//! JSON held against a schema: the words of JSON Schema that our own schemas use, and no others.

use regex::Regex;
use serde_json::Value;

/// Where a value is not as its schema has it, and how.
///
/// # Panics
/// The schema holds a word that is not known here: it would count for nothing.
pub fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(schema, schema, value, "", &mut found);
    found
}

fn check(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    for (word, wanted) in schema.as_object().expect("a schema is an object") {
        match word.as_str() {
            "title" | "definitions" | "properties" => {}
            "$ref" => {
                let pointer = wanted.as_str().and_then(|wanted| wanted.strip_prefix('#')).expect("`#/definitions/…`");
                check(root, root.pointer(pointer).expect("a definition of this schema"), value, at, found);
            }
            "type" if !has_type(value, wanted) => found.push(format!("{at} is no {wanted}")),
            "type" => {}
            "enum" if !wanted.as_array().unwrap().contains(value) => found.push(format!("{at} is none of {wanted}")),
            "enum" => {}
            "required" => {
                let missing = wanted.as_array().unwrap().iter().map(|name| name.as_str().unwrap());
                found.extend(missing.filter(|name| value.get(name).is_none()).map(|name| format!("{at}.{name} lacks")));
            }
            "additionalProperties"
            | "items"
            | "minItems"
            | "maxItems"
            | "uniqueItems"
            | "minimum"
            | "minLength"
            | "pattern" => limit(root, schema, (word, wanted), value, at, found),
            other => panic!("`{other}` is not known to this check"),
        }
    }
    for (name, part) in value.as_object().into_iter().flatten() {
        if let Some(of_part) = schema["properties"].get(name) {
            check(root, of_part, part, &format!("{at}.{name}"), found);
        }
    }
}

fn limit(
    root: &Value,
    schema: &Value,
    (word, wanted): (&str, &Value),
    value: &Value,
    at: &str,
    found: &mut Vec<String>,
) {
    let items = value.as_array().map_or(&[][..], Vec::as_slice);
    let number = |value: &Value| value.as_u64().unwrap_or_default();
    let length = value.as_str().map_or(u64::MAX, |text| text.trim().len() as u64);
    let broken = match word {
        "additionalProperties" => {
            let unknown = value.as_object().into_iter().flatten().map(|(name, _)| name);
            unknown.filter(|name| schema["properties"].get(name.as_str()).is_none()).count() > 0
        }
        "items" => {
            items.iter().enumerate().for_each(|(i, item)| check(root, wanted, item, &format!("{at}[{i}]"), found));
            false
        }
        "minItems" => (items.len() as u64) < number(wanted),
        "maxItems" => (items.len() as u64) > number(wanted),
        "uniqueItems" => items.iter().enumerate().any(|(i, item)| items[..i].contains(item)),
        "minimum" => number(value) < number(wanted),
        "minLength" => length < number(wanted),
        _ => value.as_str().is_some_and(|text| !Regex::new(wanted.as_str().unwrap()).unwrap().is_match(text)),
    };
    if broken {
        found.push(format!("{at} breaks {word} {wanted}: {value}"));
    }
}

fn has_type(value: &Value, wanted: &Value) -> bool {
    match wanted.as_str().unwrap() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        other => panic!("no type `{other}` is known to this check"),
    }
}
