//! Objects of custom kinds against the schema and the rules of their definition, with the words of the real server.

use serde_json::{Map, Value};

use super::{FieldError, FieldProblem, fellow, pattern};
use crate::cel::Rules;

/// The words of a list.
pub(crate) fn words(value: &Value) -> Vec<String> {
    let list = value.as_array().into_iter().flatten();
    list.filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Whether a schema says so.
pub(crate) fn flag(schema: &Value, name: &str) -> bool {
    schema[name] == Value::Bool(true)
}

/// The path of a member.
pub(crate) fn joined(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// Fills in the defaults of a schema.
pub(crate) fn fill(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
                if let Some(default) = schema.get("default") {
                    let null = fields.get(key).is_some_and(Value::is_null);
                    if !fields.contains_key(key) || (null && !flag(schema, "nullable")) {
                        fields.insert(key.clone(), default.clone());
                    }
                }
                if let Some(value) = fields.get_mut(key) {
                    fill(schema, value);
                }
            }
            if schema["additionalProperties"].is_object() {
                let known = schema["properties"].as_object();
                for (key, value) in fields.iter_mut() {
                    if known.is_none_or(|known| !known.contains_key(key)) {
                        fill(&schema["additionalProperties"], value);
                    }
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                fill(&schema["items"], item);
            }
        }
        _ => {}
    }
}

/// What is wrong with an object by its definition; `live` is the object that it takes the place of.
pub(super) fn check(schema: &Value, rules: Option<&Rules>, live: Option<&Value>, object: &Value) -> Vec<FieldError> {
    let mut errors = by_schema(schema, live, object);
    if let Some(rules) = rules {
        if errors.iter().any(FieldError::hides_rules) {
            let detail = "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";
            errors.push(FieldError::invalid("<nil>", &Value::Null, detail));
        } else {
            errors.extend(rules.judge(object, live).broken.iter().map(FieldError::of_rule));
        }
    }
    errors
}

/// What is wrong with an object by its schema. What is as it was is passed over.
fn by_schema(schema: &Value, live: Option<&Value>, object: &Value) -> Vec<FieldError> {
    let mut errors = Vec::new();
    check_at(schema, object, live, "", &mut errors);
    if errors.is_empty() {
        check_lists(schema, object, "", &mut errors);
        let mut before = Vec::new();
        if let Some(live) = live.filter(|_| !errors.is_empty()) {
            check_lists(schema, live, "", &mut before);
        }
        if !before.is_empty() {
            errors.clear();
        }
    }
    errors
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn fits(wanted: &str, value: &Value) -> bool {
    let found = type_of(value);
    let whole = value.as_f64().is_some_and(|number| number.fract() == 0.0);
    wanted == found || (wanted == "number" && found == "integer") || (wanted == "integer" && found == "number" && whole)
}

/// Checks a value; `old` is what was there before, where the server knows which value that is.
fn check_at(schema: &Value, value: &Value, old: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    if old == Some(value) {
        return;
    }
    if value.is_null() && flag(schema, "nullable") {
        return;
    }
    if flag(schema, "x-kubernetes-int-or-string") {
        if !value.is_string() && !value.is_i64() && !value.is_u64() {
            errors.push(wrong_type(path, "integer,string", value));
        } else if let Value::String(text) = value {
            check_text(schema, value, text, path, errors);
        }
        return;
    }
    if let Some(wanted) = schema["type"].as_str().filter(|word| !word.is_empty())
        && !fits(wanted, value)
    {
        errors.push(wrong_type(path, wanted, value));
        return;
    }
    check_enum(schema, value, path, errors);
    match value {
        Value::Number(number) => {
            let number = number.as_f64().unwrap_or_default();
            check_number(schema, value, number, path, errors);
        }
        Value::String(text) => check_text(schema, value, text, path, errors),
        Value::Array(items) => check_items(schema, items, old, path, errors),
        Value::Object(fields) => check_fields(schema, fields, old, path, errors),
        _ => {}
    }
    check_logic(schema, value, path, errors);
}

fn wrong_type(path: &str, wanted: &str, value: &Value) -> FieldError {
    let found = type_of(value);
    let detail = format!("{path} in body must be of type {wanted}: {found:?}");
    FieldError::new(path, FieldProblem::Type(format!("{found:?}")), detail)
}

fn broken(path: &str, value: &Value, rule: impl std::fmt::Display) -> FieldError {
    FieldError::invalid(path, value, format!("{path} in body {rule}"))
}

fn check_enum(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let Some(allowed) = schema["enum"].as_array() else {
        return;
    };
    if !allowed.contains(value) {
        let words: Vec<String> =
            allowed.iter().map(|word| word.as_str().map_or_else(|| word.to_string(), str::to_owned)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        errors.push(FieldError::unsupported(path, value, &words));
    }
}

fn check_number(schema: &Value, value: &Value, number: f64, path: &str, errors: &mut Vec<FieldError>) {
    let limit = |name: &str| schema[name].as_f64();
    if let Some(most) = limit("maximum") {
        let word = schema["maximum"].to_string();
        if flag(schema, "exclusiveMaximum") {
            if number >= most {
                errors.push(broken(path, value, format_args!("should be less than {word}")));
            }
        } else if number > most {
            let rule = format!("should be less than or equal to {word}");
            errors.push(broken(path, value, rule));
        }
    }
    if let Some(least) = limit("minimum") {
        let word = schema["minimum"].to_string();
        if flag(schema, "exclusiveMinimum") {
            if number <= least {
                errors.push(broken(path, value, format_args!("should be greater than {word}")));
            }
        } else if number < least {
            let rule = format!("should be greater than or equal to {word}");
            errors.push(broken(path, value, rule));
        }
    }
    if let Some(step) = limit("multipleOf")
        && step != 0.0
        && (number / step).fract() != 0.0
    {
        let rule = format!("should be a multiple of {}", schema["multipleOf"]);
        errors.push(broken(path, value, rule));
    }
    let range = match schema["format"].as_str() {
        Some("int32") => f64::from(i32::MIN)..=f64::from(i32::MAX),
        _ => f64::MIN..=f64::MAX,
    };
    if !range.contains(&number) {
        let rule = format!("must be of type int32: {value}");
        errors.push(broken(path, value, rule));
    }
}

fn check_text(schema: &Value, value: &Value, text: &str, path: &str, errors: &mut Vec<FieldError>) {
    let length = text.chars().count() as u64;
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| length > *most) {
        let detail = format!("may not be more than {most} bytes");
        errors.push(FieldError::new(path, FieldProblem::TooLong, detail));
    }
    if let Some(least) = schema["minLength"].as_u64().filter(|least| length < *least) {
        let rule = format!("should be at least {least} chars long");
        errors.push(broken(path, value, rule));
    }
    if let Some(pattern) = schema["pattern"].as_str()
        && pattern::compiled(pattern).is_some_and(|regex| !regex.is_match(text))
    {
        errors.push(broken(path, value, format_args!("should match '{pattern}'")));
    }
    if let Some(format) = schema["format"].as_str()
        && !has_format(format, text)
    {
        let rule = format!("must be of type {format}: {text:?}");
        errors.push(broken(path, value, rule));
    }
}

fn has_format(format: &str, text: &str) -> bool {
    match format {
        "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
        "date" => text.parse::<jiff::civil::Date>().is_ok(),
        "byte" => {
            use base64::Engine as _;
            base64::engine::general_purpose::STANDARD.decode(text).is_ok()
        }
        "ipv4" => text.parse::<std::net::Ipv4Addr>().is_ok(),
        "ipv6" => text.parse::<std::net::Ipv6Addr>().is_ok(),
        "uuid" => {
            let digits: String = text.chars().filter(|letter| *letter != '-').collect();
            digits.len() == 32 && digits.chars().all(|letter| letter.is_ascii_hexdigit())
        }
        _ => true,
    }
}

fn check_items(schema: &Value, items: &[Value], old: Option<&Value>, path: &str, errors: &mut Vec<FieldError>) {
    let count = items.len() as u64;
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| count > *most) {
        let detail = format!("must have at most {most} items");
        errors.push(FieldError::new(path, FieldProblem::TooMany(items.len()), detail));
    }
    if let Some(least) = schema["minItems"].as_u64().filter(|least| count < *least) {
        let rule = format!("should have at least {least} items");
        errors.push(broken(path, &Value::from(count), rule));
    }
    for (place, item) in items.iter().enumerate() {
        let old = old.and_then(Value::as_array).and_then(|old| fellow(schema, place, item, old));
        check_at(&schema["items"], item, old, &format!("{path}[{place}]"), errors);
    }
}

fn check_fields(
    schema: &Value,
    fields: &Map<String, Value>,
    old: Option<&Value>,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    let count = fields.len() as u64;
    if let Some(most) = schema["maxProperties"].as_u64().filter(|most| count > *most) {
        let detail = format!("must have at most {most} items");
        errors.push(FieldError::new(path, FieldProblem::TooMany(fields.len()), detail));
    }
    if let Some(least) = schema["minProperties"].as_u64().filter(|least| count < *least) {
        let rule = format!("should have at least {least} properties");
        errors.push(broken(path, &Value::from(count), rule));
    }
    let properties = schema["properties"].as_object();
    // What has a default is there once the object is read.
    let comes =
        |name: &str| properties.is_some_and(|all| all.get(name).is_some_and(|one| one.get("default").is_some()));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if !fields.contains_key(name) && !comes(name) {
            errors.push(FieldError::required(joined(path, name), ""));
        }
    }
    for (key, value) in fields {
        if path.is_empty() && key == "metadata" {
            check_metadata_names(&schema["properties"]["metadata"], value, errors);
            continue;
        }
        let known = properties.and_then(|properties| properties.get(key));
        let schema = known.unwrap_or(&schema["additionalProperties"]);
        if schema.is_object() {
            check_at(schema, value, old.and_then(|old| old.get(key)), &joined(path, key), errors);
        }
    }
}

/// Of metadata a schema may restrict name and generateName only.
fn check_metadata_names(schema: &Value, metadata: &Value, errors: &mut Vec<FieldError>) {
    for name in ["name", "generateName"] {
        if let (Some(value), Some(schema)) = (metadata.get(name), schema["properties"].get(name)) {
            check_at(schema, value, None, &format!("metadata.{name}"), errors);
        }
    }
}

fn check_logic(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let holds = |schema: &Value| {
        let mut found = Vec::new();
        check_at(schema, value, None, path, &mut found);
        found.is_empty()
    };
    let blank = Value::from("");
    if let Some(all) = schema["allOf"].as_array() {
        for schema in all {
            check_at(schema, value, None, path, errors);
        }
    }
    if let Some(any) = schema["anyOf"].as_array()
        && !any.iter().any(holds)
    {
        let rule = format!("{path:?} must validate at least one schema (anyOf)");
        errors.push(FieldError::invalid(path, &blank, rule));
    }
    if let Some(one) = schema["oneOf"].as_array() {
        let count = one.iter().filter(|schema| holds(schema)).count();
        if count != 1 {
            let found = if count == 0 { "none valid" } else { "more than one" };
            let rule = format!("{path:?} must validate one and only one schema (oneOf). Found {found}");
            errors.push(FieldError::invalid(path, &blank, rule));
        }
    }
    if schema["not"].is_object() && holds(&schema["not"]) {
        let rule = format!("{path:?} must not validate the schema (not)");
        errors.push(FieldError::invalid(path, &blank, rule));
    }
}

fn check_lists(schema: &Value, value: &Value, path: &str, errors: &mut Vec<FieldError>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let known = schema["properties"].get(key);
                let schema = known.unwrap_or(&schema["additionalProperties"]);
                if schema.is_object() {
                    check_lists(schema, value, &joined(path, key), errors);
                }
            }
        }
        Value::Array(items) => {
            check_twins(schema, items, path, errors);
            for (place, item) in items.iter().enumerate() {
                check_lists(&schema["items"], item, &format!("{path}[{place}]"), errors);
            }
        }
        _ => {}
    }
}

fn check_twins(schema: &Value, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let keys: Vec<Value> = match schema["x-kubernetes-list-type"].as_str() {
        Some("set") => items.to_vec(),
        Some("map") => {
            let names = words(&schema["x-kubernetes-list-map-keys"]);
            let key = |item: &Value| {
                let present = names.iter().filter_map(|name| Some((name, item.get(name)?)));
                present.map(|(name, value)| (name.clone(), value.clone())).collect()
            };
            items.iter().map(|item| Value::Object(key(item))).collect()
        }
        _ => return,
    };
    for (place, key) in keys.iter().enumerate() {
        if keys[..place].contains(key) {
            errors.push(FieldError::duplicate(format!("{path}[{place}]"), key));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "properties": {"spec": {"type": "object", "required": ["size"],
        "properties": {
            "size": {"type": "integer", "minimum": 1, "maximum": 9},
            "water": {"type": "string", "default": "daily"},
            "beds": {"type": "array", "x-kubernetes-list-type": "map",
                "x-kubernetes-list-map-keys": ["name"],
                "items": {"type": "object", "properties": {"name": {"type": "string"}}}},
        }}}})
    }

    fn messages(object: &Value) -> Vec<String> {
        by_schema(&schema(), None, object).iter().map(|error| format!("{}: {}", error.field, error.body())).collect()
    }

    /// What a definition with that schema says of an object.
    fn judged(schema: &Value, live: Option<&Value>, object: &Value) -> Vec<FieldError> {
        check(schema, Rules::read(schema).as_ref(), live, object)
    }

    #[test]
    fn what_is_as_it_was_is_not_refused_again() {
        let fields = |errors: Vec<FieldError>| errors.iter().map(|error| error.field.clone()).collect::<Vec<_>>();
        let beds = |names: [&str; 2]| json!([{"name": names[0]}, {"name": names[1]}]);
        let live = json!({"spec": {"size": 30, "water": 1, "beds": beds(["a", "a"])}});
        let change = |spec: Value| judged(&schema(), Some(&live), &json!({"spec": spec}));
        let same = json!({"size": 30, "water": 1, "beds": beds(["a", "a"])});
        assert!(fields(change(same.clone())).is_empty());
        assert_eq!(fields(judged(&schema(), None, &json!({"spec": same}))), ["spec.size", "spec.water"]);
        assert_eq!(fields(change(json!({"size": 40, "water": 1}))), ["spec.size"], "what moves is judged");
        assert_eq!(fields(change(json!({"water": 1}))), ["spec.size"], "and what goes");
        assert!(fields(change(json!({"size": 1, "beds": beds(["b", "b"])}))).is_empty(), "twins were there before");
        let live = json!({"spec": {"size": 1}});
        let twins = judged(&schema(), Some(&live), &json!({"spec": {"size": 1, "beds": beds(["b", "b"])}}));
        assert_eq!(fields(twins), ["spec.beds[1]"]);
    }

    #[test]
    fn rules_that_are_not_asked_are_told() {
        let mut schema = schema();
        let object = json!({"spec": {}});
        let told = |schema: &Value| judged(schema, None, &object).last().map(FieldError::hides_rules);
        assert_eq!(told(&schema), Some(true), "without rules the last error is that of the schema");
        schema["properties"]["spec"]["x-kubernetes-validations"] = json!([{"rule": "true"}]);
        assert_eq!(told(&schema), Some(false), "and with rules it tells that they were not asked");
    }

    #[test]
    fn schemas_refuse_in_the_words_of_the_server() {
        let cases = [
            (
                json!({"spec": {"size": 30}}),
                "spec.size: Invalid value: 30: spec.size in body should be less than or equal to 9",
            ),
            (json!({"spec": {}}), "spec.size: Required value"),
            (
                json!({"spec": {"size": "x"}}),
                "spec.size: Invalid value: \"string\": spec.size in body must be of type integer: \"string\"",
            ),
            (
                json!({"spec": {"size": 1, "beds": [{"name": "a"}, {"name": "a"}]}}),
                "spec.beds[1]: Duplicate value: {\"name\":\"a\"}",
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(messages(&object), [expected]);
        }
    }
}
