//! Laws that hold for every object and every set of fields.

use crate::merge::comparison::compare_values;
use crate::merge::element::Element;
use crate::merge::quantity::canonical_resource_quantity;
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const NOW: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-01-02T00:00:00Z";

fn word() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c", "d-e", "x/y"]).prop_map(str::to_owned)
}

/// Containers by name with image, environment, ports, arguments and requests.
fn container() -> impl Strategy<Value = Value> {
    let env = btree_map(word(), word(), 0..4);
    let ports = btree_map(prop::sample::select(vec![80, 8080, 9090]), word(), 0..3);
    let cpu = prop::option::of(prop::sample::select(vec!["1", "500m", "0.5", "1000m", "100u"]));
    (prop::option::of(word()), env, ports, prop::option::of(vec(word(), 1..3)), cpu).prop_map(
        |(image, env, ports, args, cpu)| {
            let mut map = Map::new();
            if let Some(image) = image {
                map.insert("image".into(), json!(image));
            }
            if !env.is_empty() {
                map.insert(
                    "env".into(),
                    env.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect(),
                );
            }
            if !ports.is_empty() {
                let ports = ports.iter().map(|(port, name)| json!({ "containerPort": port, "name": name }));
                map.insert("ports".into(), ports.collect());
            }
            if let Some(args) = args {
                map.insert("args".into(), json!(args));
            }
            if let Some(cpu) = cpu {
                map.insert("resources".into(), json!({ "requests": { "cpu": cpu } }));
            }
            Value::Object(map)
        },
    )
}

/// A Deployment that says something about some of the containers named, and perhaps about labels and replicas.
fn deployment(containers: &'static [&'static str], labels: &'static [&'static str]) -> impl Strategy<Value = Value> {
    let containers = btree_map(prop::sample::select(containers), container(), 0..=containers.len());
    let labels = btree_map(prop::sample::select(labels), word(), 0..=labels.len());
    (containers, labels).prop_map(|(containers, labels)| {
        let mut object = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" } });
        if !labels.is_empty() {
            object["metadata"]["labels"] = json!(labels);
        }
        if !containers.is_empty() {
            let items: Vec<Value> = containers
                .into_iter()
                .map(|(name, mut item)| {
                    item["name"] = json!(name);
                    item
                })
                .collect();
            object["spec"]["template"]["spec"]["containers"] = json!(items);
        }
        object
    })
}

/// Zeros and empties of a Deployment's spec: where, and what.
fn zeros() -> impl Strategy<Value = Vec<(&'static str, Value)>> {
    let places = vec![
        ("/strategy/rollingUpdate/maxUnavailable", json!(0)),
        ("/strategy/rollingUpdate/maxUnavailable", json!("0%")),
        ("/strategy/rollingUpdate/maxUnavailable", json!(1)),
        ("/strategy/rollingUpdate/maxSurge", json!(0)),
        ("/minReadySeconds", json!(0)),
        ("/paused", json!(false)),
        ("/selector/matchLabels", json!({})),
        ("/template/metadata/annotations", json!({})),
        ("/template/metadata/annotations/a", json!("")),
        ("/template/spec/nodeSelector", json!({})),
        ("/template/spec/securityContext", json!({})),
        ("/template/spec/securityContext/runAsUser", json!(0)),
        ("/template/spec/serviceAccountName", json!("")),
        ("/template/spec/serviceAccountName", json!("a")),
        ("/template/spec/tolerations", json!([])),
        ("/template/spec/terminationGracePeriodSeconds", json!(0)),
    ];
    vec(prop::sample::select(places), 0..4)
}

fn any_deployment() -> impl Strategy<Value = Value> {
    let zeros = prop_oneof![Just(Vec::new()), zeros()];
    let parts = (deployment(&["a", "b", "c"], &["l", "m", "n"]), prop::option::of(0..4), zeros);
    parts.prop_map(|(mut object, replicas, zeros)| {
        if let Some(replicas) = replicas {
            object["spec"]["replicas"] = json!(replicas);
        }
        for (place, value) in zeros {
            let (parents, last) = place.rsplit_once('/').unwrap();
            let names = parents.split('/').skip(1);
            let parent = names.fold(&mut object["spec"], |at, name| &mut at[name]);
            if parent.get(last).is_none() {
                parent[last] = value;
            }
        }
        object
    })
}

fn applied(live: Option<&Value>, object: &Value, manager: &str, now: &str) -> Value {
    let options = ApplyOptions { manager, force: true, subresource: None, now };
    apply(&Schemas::builtin(), live, object, &options).unwrap()
}

/// The object without times, its keyed lists sorted: what does not depend on the order of applies.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(name, _)| *name != "time")
                .map(|(name, value)| (name.clone(), unordered(value)))
                .collect(),
        ),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other.clone(),
    }
}

fn field_set() -> impl Strategy<Value = FieldSet> {
    let element = prop_oneof![
        word().prop_map(|name| Element::field(&name)),
        word().prop_map(|name| Element::key([("name", &json!(name))])),
        (0..3).prop_map(|number| Element::key([("port", &json!(number)), ("protocol", &json!("TCP"))])),
        word().prop_map(|value| Element::item(&json!(value))),
        (0..3).prop_map(|position| Element::parse(&format!("i:{position}")).unwrap().unwrap()),
    ];
    vec(vec(element, 1..4).prop_map(Path::from), 0..12).prop_map(|paths| paths.into_iter().collect())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(vec!["", "a", "1Gi", "0.5", "apps/v1", "Apply", "FieldsV1", "kubectl"])
            .prop_map(Value::from),
        ".*".prop_map(Value::from),
    ];
    let names = prop_oneof![
        prop::sample::select(vec![
            "metadata",
            "spec",
            "status",
            "template",
            "containers",
            "name",
            "labels",
            "env",
            "ports",
            "containerPort",
            "protocol",
            "managedFields",
            "fieldsV1",
            "f:spec",
            "k:{\"name\":\"a\"}",
            "k:{",
            "v:1",
            "i:0",
            ".",
            "manager",
            "operation",
            "replicas",
            "resources",
            "requests",
            "cpu",
            "data",
            "stringData",
            "$patch",
            "$setElementOrder/containers",
            "$retainKeys",
        ])
        .prop_map(str::to_owned),
        ".*",
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(names.clone(), inner, 0..6).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn of_kind(version: &str, kind: &str, content: &Value) -> Value {
    let mut object = content.as_object().cloned().unwrap_or_default();
    object.insert("apiVersion".into(), json!(version));
    object.insert("kind".into(), json!(kind));
    Value::Object(object)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn applying_twice_changes_nothing(first in any_deployment(), other in any_deployment(), second in any_deployment()) {
        let live = applied(None, &first, "us", NOW);
        let live = applied(Some(&live), &other, "them", NOW);
        let once = applied(Some(&live), &second, "us", NOW);
        // Where nobody owns anything, the next apply gives everything to those before it.
        prop_assume!(once["metadata"].get("managedFields").is_some());
        let twice = applied(Some(&once), &second, "us", LATER);
        // What is said empty vanishes, is added by each apply anew, and so is taken from others who said it too.
        if owned(&once, "them").is_none_or(|theirs| theirs.paths().iter().all(|path| path.get(&once).is_some())) {
            prop_assert_eq!(&twice, &once);
            prop_assert!(!would_change(&Schemas::builtin(), &once, &second, "us"));
        }
        prop_assert_eq!(&applied(Some(&twice), &second, "us", LATER), &twice);
        prop_assert!(!would_change(&Schemas::builtin(), &twice, &second, "us"));
    }

    #[test]
    fn who_changes_nothing_is_told_so_and_who_changes_something_too(first in any_deployment(), other in any_deployment()) {
        let live = applied(None, &first, "us", NOW);
        let after = applied(Some(&live), &other, "us", LATER);
        prop_assert_eq!(would_change(&Schemas::builtin(), &live, &other, "us"), after != live);
    }

    #[test]
    fn disjoint_managers_commute(
        ours in deployment(&["a", "b"], &["l", "m"]),
        theirs in deployment(&["c", "d"], &["n", "o"]),
        ours_later in deployment(&["a", "b"], &["l", "m"]),
    ) {
        let base = json!({ "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": "web" }, "spec": { "paused": true } });
        let base = applied(None, &base, "base", NOW);
        let one = applied(Some(&applied(Some(&applied(Some(&base), &ours, "us", NOW)), &theirs, "them", NOW)), &ours_later, "us", NOW);
        let other = applied(Some(&applied(Some(&applied(Some(&base), &ours, "us", NOW)), &ours_later, "us", NOW)), &theirs, "them", NOW);
        prop_assert_eq!(unordered(&one), unordered(&other));
    }

    #[test]
    fn what_its_only_owner_drops_is_gone(first in any_deployment(), other in any_deployment(), second in any_deployment()) {
        let schemas = Schemas::builtin();
        let live = applied(Some(&applied(None, &first, "us", NOW)), &other, "them", NOW);
        let before = owned(&live, "us").unwrap_or_default();
        let after = applied(Some(&live), &second, "us", NOW);
        let theirs = owned(&after, "them").unwrap_or_default();
        let kept = own_fields(&schemas, &second).unwrap().union(&theirs);
        let defaulted = [
            ".spec.replicas", ".image", ".protocol", ".maxUnavailable", ".maxSurge", ".securityContext", ".serviceAccountName",
            ".terminationGracePeriodSeconds",
        ];
        for path in before.difference(&kept).paths() {
            let text = path.to_string();
            if defaulted.iter().any(|ending| text.ends_with(ending)) || kept.paths().iter().any(|other| other.to_string().starts_with(&text)) {
                continue;
            }
            prop_assert!(path.get(&after).is_none_or(Value::is_null), "{} is still there: {:#}", text, after);
        }
    }

    #[test]
    fn an_applier_owns_exactly_what_it_says(first in any_deployment(), second in any_deployment()) {
        let live = applied(Some(&applied(None, &first, "them", NOW)), &second, "us", NOW);
        let said = own_fields(&Schemas::builtin(), &second).unwrap();
        prop_assert_eq!(owned(&live, "us").unwrap_or_default(), said);
    }

    #[test]
    fn an_update_takes_what_it_changes_from_everybody(first in any_deployment(), second in any_deployment()) {
        let schemas = Schemas::builtin();
        let live = applied(None, &first, "us", NOW);
        let mut patched = json_merge_patch(live.clone(), &second);
        patched["metadata"]["uid"] = json!("u");
        let options = UpdateOptions { manager: "editor", subresource: None, now: LATER };
        let after = update(&schemas, Some(&live), patched, &options).unwrap();
        let of = schemas.of(&after).unwrap();
        let changed = compare_values(of.table(), of.root(), &live, &after).all();
        let still = owned(&after, "us").unwrap_or_default();
        prop_assert!(still.intersection(&changed).is_empty());
    }

    #[test]
    fn field_sets_round_trip(set in field_set()) {
        prop_assert_eq!(FieldSet::from_fields_v1(&set.to_fields_v1()).unwrap(), set.clone());
        prop_assert_eq!(set.paths().into_iter().collect::<FieldSet>(), set.clone());
        prop_assert_eq!(set.paths().len(), set.len());
    }

    #[test]
    fn numbers_in_field_sets_stay_the_numbers_they_are(number in any::<f64>()) {
        let set: FieldSet = std::iter::once(Path::from(vec![Element::item(&json!(number))])).collect();
        let text = set.to_fields_v1().to_string();
        let read = FieldSet::from_fields_v1(&serde_json::from_str(&text).unwrap()).unwrap();
        prop_assert_eq!(read, set);
    }

    #[test]
    fn field_sets_obey_the_algebra_of_sets(a in field_set(), b in field_set(), c in field_set()) {
        prop_assert_eq!(a.union(&b), b.union(&a));
        prop_assert_eq!(a.intersection(&b), b.intersection(&a));
        prop_assert_eq!(a.union(&b).union(&c), a.union(&b.union(&c)));
        prop_assert_eq!(a.intersection(&b.union(&c)), a.intersection(&b).union(&a.intersection(&c)));
        prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
        prop_assert!(a.difference(&b).intersection(&b).is_empty());
        prop_assert_eq!(a.difference(&a), FieldSet::new());
        prop_assert!(a.intersection(&b).is_subset(&a) && a.is_subset(&a.union(&b)));
        for path in b.paths() {
            prop_assert_eq!(a.union(&b).contains(path.elements()), true);
            prop_assert_eq!(a.difference(&b).contains(path.elements()), false);
        }
    }

    #[test]
    fn merging_never_panics(a in any_json(), b in any_json(), force in any::<bool>()) {
        let schemas = Schemas::builtin();
        for (version, kind) in [("apps/v1", "Deployment"), ("v1", "Secret"), ("v1", "Service"), ("batch/v1", "CronJob"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition")] {
            let (a, b) = (of_kind(version, kind, &a), of_kind(version, kind, &b));
            for manager in ["us", "kubectl"] {
                let options = ApplyOptions { manager, force, subresource: None, now: NOW };
                let _ = apply(&schemas, Some(&a), &b, &options);
                let _ = apply(&schemas, None, &b, &options);
            }
            for subresource in [None, Some("status")] {
                let _ = update(&schemas, Some(&a), b.clone(), &UpdateOptions { manager: "us", subresource, now: NOW });
            }
            let _ = strategic_merge_patch(&schemas, a.clone(), &b);
            let _ = json_merge_patch(a.clone(), &b);
            let _ = would_change(&schemas, &a, &b, "us");
            let of = schemas.of(&b).unwrap();
            let _ = compare_values(of.table(), of.root(), &a, &b);
            let scale = scale_of(&a, &Path::of_fields(["spec", "replicas"]));
            let _ = write_scale(a, &scale, &Path::of_fields(["spec", "replicas"]));
            let mut crds = Schemas::builtin();
            let _ = crds.add_crd(&b);
        }
    }

    #[test]
    fn any_text_is_a_quantity_or_is_refused(text in "[+-]?[0-9.]{0,25}([eEinumkKMGTP]{0,2}[-+]?[0-9]{0,3})|.*") {
        if let Ok(canonical) = canonical_resource_quantity(&text) {
            prop_assert_eq!(canonical_resource_quantity(&canonical), Ok(canonical.clone()), "{}", text);
        }
    }
}
