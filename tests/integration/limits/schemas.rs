//! Our reduced schemas beside the whole ones of the operators.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::strict;

/// What a schema limits, beside the shape of values.
const LIMITS: [&str; 10] = [
    "enum",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
];

/// Where our schema limits otherwise than the whole one, in what both know below `spec`.
fn differences(ours: &Value, whole: &Value, path: &str, found: &mut Vec<String>) {
    for limit in LIMITS {
        let nothing = |value: &Value| value.is_null() || *value == 0 && limit.starts_with("min") && limit != "minimum";
        if ours[limit] != whole[limit] && !(nothing(&ours[limit]) && nothing(&whole[limit])) {
            found.push(format!("{path} {limit}: {} is {}", ours[limit], whole[limit]));
        }
    }
    for (name, below) in ours["properties"].as_object().into_iter().flatten() {
        let root = !path.contains('.');
        if !root || name == "spec" {
            differences(below, &whole["properties"][name], &format!("{path}.{name}"), found);
        }
    }
    for inside in ["items", "additionalProperties"] {
        if ours[inside].is_object() {
            differences(&ours[inside], &whole[inside], &format!("{path}[]"), found);
        }
    }
}

#[test]
fn the_limits_of_our_schemas_are_those_of_the_operators() {
    let Some(folder) = strict::shared().map(|shared| shared.join("crds")).filter(|folder| folder.is_dir()) else {
        return println!("skipped: no definitions beside the repository");
    };
    let read = |path: &std::path::Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let versions = |definition: &Value| -> BTreeMap<String, Value> {
        let spec = &definition["spec"];
        let of = |version: &Value| {
            let key = format!("{} {} {}", spec["group"], spec["names"]["kind"], version["name"]);
            (key, version["schema"]["openAPIV3Schema"].clone())
        };
        spec["versions"].as_array().unwrap().iter().map(of).collect()
    };
    let files = |folder: &std::path::Path| std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let whole: BTreeMap<String, Value> = files(&folder).flat_map(|path| versions(&read(&path))).collect();
    let own = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/kubernetes");
    let (mut found, mut count) = (Vec::new(), 0);
    for path in files(&own.join("custom")).chain([own.join("limits.json")]) {
        for (kind, ours) in read(&path).as_array().unwrap().iter().flat_map(versions) {
            count += 1;
            differences(&ours, &whole[&kind], kind.split(' ').nth(1).unwrap(), &mut found);
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(count > 15, "{count} kinds");
}
