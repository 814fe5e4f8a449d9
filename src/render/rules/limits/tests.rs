//! Each limit of each schema of a custom kind: the last value within, the first beyond.

use serde_json::{Map, Value, json};

use super::{CUSTOM, Held, errors};
use crate::render::{ObjectId, Origins};
use crate::source::{FileId, Span};

/// A step from the root of an object: into a field, or into the items of a list.
#[derive(Clone, PartialEq)]
enum Step {
    Field(String),
    Item,
}

/// The path of a value as errors write it.
fn written(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match step {
            Step::Field(name) if path.is_empty() => path.push_str(name),
            Step::Field(name) => path = format!("{path}.{name}"),
            Step::Item => path.push_str("[0]"),
        }
    }
    path
}

/// A small value that a schema takes.
fn smallest(schema: &Value) -> Value {
    if let Some(words) = schema["enum"].as_array() {
        return words[0].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let of = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), smallest(&schema["properties"][name]))
            };
            schema["required"].as_array().into_iter().flatten().map(of).collect::<Map<_, _>>().into()
        }
        Some("array") => (0..schema["minItems"].as_u64().unwrap_or(0)).map(|_| smallest(&schema["items"])).collect(),
        Some("integer" | "number") => schema["minimum"].as_i64().unwrap_or(0).into(),
        Some("boolean") => json!(false),
        _ => json!("a"),
    }
}

/// The value at a path, made on the way.
fn reach<'v>(schema: &Value, value: &'v mut Value, steps: &[Step]) -> &'v mut Value {
    let Some((step, rest)) = steps.split_first() else { return value };
    match step {
        Step::Field(name) => {
            let schema = &schema["properties"][name];
            let fields = value.as_object_mut().expect("an object by its schema");
            reach(schema, fields.entry(name.as_str()).or_insert_with(|| smallest(schema)), rest)
        }
        Step::Item => {
            let items = value.as_array_mut().expect("a list by its schema");
            if items.is_empty() {
                items.push(smallest(&schema["items"]));
            }
            reach(&schema["items"], &mut items[0], rest)
        }
    }
}

/// The last value within each limit and the first beyond it.
fn edges(schema: &Value) -> Vec<(&'static str, Value, Value)> {
    let number = |name: &str| schema[name].as_i64();
    let most = |name: &str| schema[name].as_u64().and_then(|most| usize::try_from(most).ok());
    let matches = |text: &str| {
        schema["pattern"].as_str().is_none_or(|pattern| regex::Regex::new(pattern).unwrap().is_match(text))
    };
    let many = |count: usize| Value::from(vec![smallest(&schema["items"]); count]);
    let mut edges = Vec::new();
    if let Some(most) = most("maxItems") {
        edges.push(("maxItems", many(most), many(most + 1)));
    }
    if let Some(least) = most("minItems").filter(|least| *least > 0) {
        edges.push(("minItems", many(least), many(least - 1)));
    }
    if let Some(most) = most("maxLength").filter(|most| matches(&"a".repeat(*most))) {
        edges.push(("maxLength", "a".repeat(most).into(), "a".repeat(most + 1).into()));
    }
    if most("minLength") == Some(1) && matches("a") {
        edges.push(("minLength", json!("a"), json!("")));
    }
    if let Some(least) = number("minimum") {
        edges.push(("minimum", json!(least), json!(least - 1)));
    }
    if let Some(most) = number("maximum") {
        edges.push(("maximum", json!(most), json!(most + 1)));
    }
    if schema["type"] == "integer" && schema["format"] == "int32" && number("maximum").is_none() {
        edges.push(("int32", json!(i32::MAX), json!(i64::from(i32::MAX) + 1)));
    }
    for word in schema["enum"].as_array().into_iter().flatten().filter(|word| word.is_string()) {
        edges.push(("enum", word.clone(), json!("no such word")));
    }
    if schema["enum"].is_null() && schema["type"] == "string" && matches("a") && !matches("\u{e9} \n") {
        edges.push(("pattern", json!("a"), json!("\u{e9} \n")));
    }
    edges
}

fn walk(schema: &Value, steps: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    found.push(steps.clone());
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        if steps.is_empty() && name != "spec" {
            continue;
        }
        steps.push(Step::Field(name.clone()));
        walk(below, steps, found);
        steps.pop();
    }
    if schema["items"].is_object() {
        steps.push(Step::Item);
        walk(&schema["items"], steps, found);
        steps.pop();
    }
}

fn told(api: &str, kind: &str, body: &Value) -> Vec<String> {
    let id = ObjectId { api_version: api.into(), kind: kind.into(), namespace: "o".into(), name: "a".into() };
    let owner = Span::new(FileId(0), 0..1);
    let nothing = std::collections::BTreeSet::new();
    let held = Held { id: &id, body, origins: &Origins::default(), by_hand: &nothing, owner };
    errors(&held, !CUSTOM.contains_key(&(api.to_owned(), kind.to_owned())))
        .into_iter()
        .map(|error| error.field)
        .collect()
}

#[test]
fn every_limit_of_every_schema_is_held_to_the_value() {
    let (mut wrong, mut count) = (Vec::new(), std::collections::BTreeMap::<&str, usize>::new());
    for ((api, kind), schema) in &*CUSTOM {
        let mut places = Vec::new();
        walk(schema, &mut Vec::new(), &mut places);
        for steps in places {
            let below = steps.iter().fold(schema, |schema, step| match step {
                Step::Field(name) => &schema["properties"][name],
                Step::Item => &schema["items"],
            });
            let path = written(&steps);
            for (limit, within, beyond) in edges(below) {
                *count.entry(limit).or_default() += 1;
                let mut body = json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a", "namespace": "o"}});
                reach(schema, &mut body, &steps);
                for (value, refused) in [(within, false), (beyond, true)] {
                    reach(schema, &mut body, &steps).clone_from(&value);
                    if told(api, kind, &body).contains(&path) != refused {
                        wrong.push(format!("{kind} {path} {limit}: {value} refused is not {refused}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    for limit in ["maxItems", "minItems", "maxLength", "minLength", "minimum", "maximum", "int32", "enum", "pattern"] {
        assert!(count.get(limit).is_some_and(|count| *count > 3), "{count:?}");
    }
}

#[test]
fn numbers_of_any_size_are_judged_without_a_panic() {
    let huge: Value = serde_json::from_str("1e308").unwrap();
    for number in [json!(i64::MIN), json!(i64::MAX), json!(u64::MAX), json!(-0.5), json!(1.5), huge, json!("9e999999")]
    {
        for (api, kind, spec) in [
            (
                "apps/v1",
                "Deployment",
                json!({"replicas": number, "minReadySeconds": number, "strategy": {"rollingUpdate":
                {"maxSurge": number, "maxUnavailable": number}}, "template": {"spec": {"containers": [{"name": "a",
                "image": "a", "ports": [{"containerPort": number}], "livenessProbe": {"periodSeconds": number},
                "resources": {"limits": {"cpu": number}, "requests": {"cpu": number, "memory": number}}}]}}}),
            ),
            ("autoscaling/v2", "HorizontalPodAutoscaler", json!({"minReplicas": number, "maxReplicas": number})),
            ("v1", "PersistentVolumeClaim", json!({"resources": {"requests": {"storage": number}}})),
            ("postgresql.cnpg.io/v1", "Cluster", json!({"instances": number, "storage": {"size": number}})),
        ] {
            let body =
                json!({"apiVersion": api, "kind": kind, "metadata": {"name": "a", "namespace": "o"}, "spec": spec});
            assert!(!told(api, kind, &body).is_empty(), "{kind} takes {number}");
        }
    }
}
